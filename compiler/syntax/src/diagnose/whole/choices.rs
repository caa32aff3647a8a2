//! `switch (x) { case 1: … default: … }` and `when (x) { 1 -> … else -> … }`.

use super::Found;
use crate::diagnose::piece::Piece;
use crate::diagnostic::Applicability;

impl Piece<'_, '_> {
    pub(super) fn switch(&self, at: usize) -> Option<Found> {
        let open = match self.class(at + 1) {
            b'{' => at + 1,
            b'(' => self.partner(at + 1)? + 1,
            _ => self.operand_end(at + 1)?,
        };
        if self.class(open) != b'{' {
            return None;
        }
        let close = self.partner(open)?;
        let theirs = self.text(at, at + 1);
        let found =
            Found::new(at, close + 1, format!("`{theirs}` is written `match x {{ \"a\" => 1, _ => 0 }}`"))
                .at("not a word of flow")
                .help("each arm is `pattern => value`, and `_` stands for all other values");
        if open == at + 1 {
            return Some(found.help("a choice by conditions is `if a then x else if b then y else z`"));
        }
        let subject = if self.class(at + 1) == b'(' {
            self.mended(at + 2, open - 1)
        } else {
            self.mended(at + 1, open)
        };
        Some(match self.arms(open + 1, close) {
            Some(arms) => found
                .perhaps(format!("match {subject} {{ {} }}", arms.join(", ")), Applicability::MaybeIncorrect),
            None => found,
        })
    }

    /// The arms between the braces, as `match` writes them.
    fn arms(&self, from: usize, end: usize) -> Option<Vec<String>> {
        let starts = self.arm_starts(from, end);
        let mut arms = Vec::new();
        let mut patterns: Vec<String> = Vec::new();
        for (n, start) in starts.iter().enumerate() {
            let last = starts.get(n + 1).copied().unwrap_or(end);
            let word = usize::from(self.is_one_of(*start, &["case"]));
            let joint = (*start..last).find(|i| matches!(self.class(*i), b':' | b'^'))?;
            let others = self.is_one_of(*start, &["default", "else", "_"]);
            patterns.push(match others {
                true => "_".into(),
                false if start + word < joint => self.pattern(start + word, joint),
                false => return None,
            });
            let Some(value) = self.arm_value(joint + 1, last) else { continue };
            arms.push(format!("{} => {value}", patterns.join(" or ")));
            patterns.clear();
        }
        (!arms.is_empty() && patterns.is_empty()).then_some(arms)
    }

    fn pattern(&self, from: usize, end: usize) -> String {
        let parts = self.parts(from, end);
        parts.iter().map(|(from, end)| self.mended(*from, *end)).collect::<Vec<_>>().join(" or ")
    }

    /// Where arms begin: at their words, or at each line or comma where they have none.
    fn arm_starts(&self, from: usize, end: usize) -> Vec<usize> {
        let worded = |i: usize| self.is_one_of(i, &["case", "default"]);
        let has_words = (from..end).any(worded);
        let begins = |i: usize| match has_words {
            true => worded(i),
            false => {
                i == from || self.toks[i].starts_line || self.class(i - 1) == b',' || self.class(i) == b'E'
            }
        };
        let (mut starts, mut depth) = (Vec::new(), 0usize);
        for i in from..end {
            depth = depth.saturating_sub(usize::from(self.toks[i].is_close()));
            if depth == 0 && begins(i) {
                starts.push(i);
            }
            depth += usize::from(self.toks[i].is_open());
        }
        starts
    }

    /// What an arm gives; nothing where it falls through to the next.
    fn arm_value(&self, mut from: usize, mut end: usize) -> Option<String> {
        from += usize::from(self.is_one_of(from, &["return", "yield"]));
        while end > from && (self.class(end - 1) == b',' || self.is_one_of(end - 1, &["break"])) {
            end -= 1;
        }
        (from < end).then(|| self.mended(from, end))
    }
}
