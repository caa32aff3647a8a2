//! Tokens → document: where lines may break inside of brackets and expressions.

use super::doc::Doc;
use super::spacing::{blank_between, is_join_on};
use super::words::Word;
use std::ops::Range;

/// Builds documents from the words of a script.
pub(super) struct Layout<'w, 't> {
    pub(super) words: &'w [Word<'t>],
}

/// What a bracket holds.
#[derive(Clone, Copy, PartialEq)]
enum Bracket {
    /// Elements, with a comma behind the last one when broken.
    Elements,
    /// A single expression or something that takes no such comma.
    Plain,
}

impl<'t> Layout<'_, 't> {
    /// One word with its comments.
    fn word(&self, i: usize, out: &mut Vec<Doc<'t>>) {
        let word = &self.words[i];
        self.lead(i, out);
        out.push(Doc::Text(word.text));
        out.extend(word.trail.iter().map(|c| Doc::Comment(*c)));
    }

    /// The comments before a word, and the empty line behind them.
    pub(super) fn lead(&self, i: usize, out: &mut Vec<Doc<'t>>) {
        let word = &self.words[i];
        out.extend(word.lead.iter().map(|c| Doc::Comment(*c)));
        if word.blank && !word.lead.is_empty() {
            out.push(Doc::Hard { blank: true });
        }
    }

    /// The words of a range in one line, brackets in it breaking as they need.
    pub(super) fn run(&self, range: Range<usize>, out: &mut Vec<Doc<'t>>) {
        self.run_breaking(range, &|_| false, out);
    }

    /// The same, with a possible break before the words that `breaks` says.
    pub(super) fn run_breaking(
        &self,
        range: Range<usize>,
        breaks: &dyn Fn(usize) -> bool,
        out: &mut Vec<Doc<'t>>,
    ) {
        let mut i = range.start;
        while i < range.end {
            if i > range.start {
                if breaks(i) {
                    out.push(Doc::Line { blank: false });
                } else if blank_between(self.words, i) {
                    out.push(Doc::Text(" "));
                }
            }
            if self.words[i].is_open() {
                let close = self.words[i].partner;
                self.bracket(i, close, out);
                i = close + 1;
            } else {
                self.word(i, out);
                i += 1;
            }
        }
    }

    /// An expression, argument or field: breaks before its loosest operators if it must.
    pub(super) fn expression(&self, range: Range<usize>, out: &mut Vec<Doc<'t>>) {
        let points = self.break_points(range.clone());
        let mut parts = Vec::new();
        let Some(&first) = points.first() else {
            self.run(range, &mut parts);
            return push_group(parts, false, out);
        };
        self.run(range.start..first, &mut parts);
        let mut rest = vec![Doc::Line { blank: false }];
        self.run_breaking(first..range.end, &|i| points.binary_search(&i).is_ok(), &mut rest);
        parts.push(Doc::Indent(rest));
        push_group(parts, self.forced(range), out);
    }

    /// Does a comment inside of the range, or a bracket the author broke, force a break?
    pub(super) fn forced(&self, range: Range<usize>) -> bool {
        let (first, last) = (range.start, range.end - 1);
        range.into_iter().any(|i| {
            let word = &self.words[i];
            let lead = i > first && word.lead.iter().any(|c| c.breaks());
            let trail = i < last && word.trail.iter().any(|c| c.breaks());
            lead || trail || self.broken_by_author(i)
        })
    }

    /// A `{` or `[` whose line ended right behind it.
    fn broken_by_author(&self, open: usize) -> bool {
        let word = &self.words[open];
        matches!(word.class, b'{' | b'[') && open + 1 < word.partner && self.words[open + 1].newline
    }

    /// The words before which an expression breaks: its `else`s, else its `and`s and `or`s, else its sums.
    pub(super) fn break_points(&self, range: Range<usize>) -> Vec<usize> {
        let mut level = Vec::new();
        let mut i = range.start;
        while i < range.end {
            if i > range.start {
                level.push(i);
            }
            i = if self.words[i].is_open() { self.words[i].partner + 1 } else { i + 1 };
        }
        let of = |test: &dyn Fn(usize) -> bool| -> Vec<usize> {
            level.iter().copied().filter(|i| test(*i)).collect()
        };
        let elses = of(&|i| self.words[i].class == b'E');
        if !elses.is_empty() {
            return elses;
        }
        let logic = of(&|i| matches!(self.words[i].text, "and" | "or") && self.words[i].class == b'+');
        if !logic.is_empty() {
            return logic;
        }
        of(&|i| {
            let word = &self.words[i];
            (word.class == b'+' && word.text == "+")
                || (word.class == b'-' && self.words[i - 1].ends_operand())
        })
    }

    /// A bracket with all it holds.
    fn bracket(&self, open: usize, close: usize, out: &mut Vec<Doc<'t>>) {
        let kind = self.kind(open, close);
        let word = &self.words[open];
        self.lead(open, out);
        let mut parts = vec![Doc::Text(word.text)];
        let empty = open + 1 == close;
        let mut inner: Vec<Doc<'t>> = word.trail.iter().map(|c| Doc::Comment(*c)).collect();
        let broken = self.forced(open..close + 1);
        if !empty {
            let brace = word.class == b'{';
            inner.push(if brace { Doc::Line { blank: false } } else { Doc::Soft });
            self.elements(open + 1..close, kind, &mut inner);
        }
        let closing = &self.words[close];
        inner.extend(closing.lead.iter().map(|c| Doc::Comment(*c)));
        let has_inner = !inner.is_empty();
        parts.push(Doc::Indent(inner));
        if !empty || has_inner {
            parts.push(if word.class == b'{' && !empty { Doc::Line { blank: false } } else { Doc::Soft });
        }
        parts.push(Doc::Text(closing.text));
        out.push(Doc::Group { parts, broken });
        out.extend(closing.trail.iter().map(|c| Doc::Comment(*c)));
    }

    /// What stands between brackets, one element a line when broken.
    fn elements(&self, range: Range<usize>, kind: Bracket, out: &mut Vec<Doc<'t>>) {
        let mut from = range.start;
        let mut i = range.start;
        // Commas between `<` and `>` of a type separate nothing here.
        let mut angles = 0usize;
        while i <= range.end {
            if i < range.end && self.words[i].in_type {
                match self.words[i].class {
                    b'<' => angles += 1,
                    b'>' => angles = angles.saturating_sub(1),
                    _ => {}
                }
            }
            let ends = i == range.end || (self.words[i].class == b',' && angles == 0);
            if !ends {
                i = if self.words[i].is_open() { self.words[i].partner + 1 } else { i + 1 };
                continue;
            }
            if i == range.end {
                self.last_element(from..i, kind, out);
                return;
            }
            self.expression(from..i, out);
            self.word(i, out);
            let blank = self.blank_before(i + 1);
            out.push(Doc::Line { blank });
            from = i + 1;
            i += 1;
        }
    }

    /// The last element: its comments stand behind the comma that a broken group puts there.
    fn last_element(&self, range: Range<usize>, kind: Bracket, out: &mut Vec<Doc<'t>>) {
        if range.is_empty() {
            return;
        }
        let last = range.end - 1;
        let comma = kind == Bracket::Elements;
        if !comma || self.words[last].trail.is_empty() {
            self.expression(range, out);
            if comma {
                out.push(Doc::IfBroken(","));
            }
            return;
        }
        // Take the comments off the last word, put the comma, and put them back.
        self.expression(range, out);
        strip_tail(out, self.words[last].trail.len());
        out.push(Doc::IfBroken(","));
        out.extend(self.words[last].trail.iter().map(|c| Doc::Comment(*c)));
    }

    /// Is there a comma between the words outside of inner brackets?
    fn several(&self, range: Range<usize>) -> bool {
        let mut i = range.start;
        while i < range.end {
            if self.words[i].class == b',' {
                return true;
            }
            i = if self.words[i].is_open() { self.words[i].partner + 1 } else { i + 1 };
        }
        false
    }

    /// Did the author leave an empty line before this word or its comments?
    pub(super) fn blank_before(&self, i: usize) -> bool {
        let word = &self.words[i];
        word.lead.first().map_or(word.blank, |c| c.blank)
    }

    fn kind(&self, open: usize, close: usize) -> Bracket {
        let before = open.checked_sub(1).map(|i| &self.words[i]);
        let called = before.is_some_and(|w| w.is_name()) && !is_join_on(self.words, open - 1);
        let annotation = open >= 2 && self.words[open - 2].class == b'@';
        let lambda = self.words.get(close + 1).is_some_and(|w| w.class == b'^');
        let index = before.is_some_and(Word::ends_operand) && before.is_none_or(|w| w.class != b',');
        match self.words[open].class {
            b'(' if called && !annotation && !lambda && self.several(open + 1..close) => Bracket::Elements,
            b'(' => Bracket::Plain,
            b'[' if index && !self.words[open].rows => Bracket::Plain,
            _ => Bracket::Elements,
        }
    }
}

/// A group whose leading comments stand before it: they say nothing about its width.
fn push_group<'t>(mut parts: Vec<Doc<'t>>, broken: bool, out: &mut Vec<Doc<'t>>) {
    let lead = parts.iter().take_while(|d| matches!(d, Doc::Comment(_) | Doc::Hard { .. })).count();
    out.extend(parts.drain(..lead));
    out.push(Doc::Group { parts, broken });
}

/// Takes the last documents off, wherever they are nested.
fn strip_tail(parts: &mut Vec<Doc<'_>>, count: usize) {
    if let Some(Doc::Indent(inner) | Doc::Group { parts: inner, .. }) = parts.last_mut() {
        return strip_tail(inner, count);
    }
    parts.truncate(parts.len().saturating_sub(count));
}
