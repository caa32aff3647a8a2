//! Members of values as other languages take them: `meta:a.b::string`, `meta -> 'a' ->> 'b'`, `a?.b`.

use super::{Found, member};
use crate::diagnose::habits::our_type;
use crate::diagnose::piece::Piece;
use crate::diagnostic::Applicability;

impl Piece<'_, '_> {
    /// `meta:source::string`, `x::int`; in a `filter`, `meta:source` too.
    pub(super) fn variant_path(&self, at: usize) -> Option<Found> {
        if self.class(at + 1) != b':' || !self.glued(at) {
            return self.path_in_a_filter(at);
        }
        let ty = our_type(self.text_or_nothing(at + 2))?;
        if let Some(first) = self.colon_path(at) {
            let fixed = format!("{ty}({})", self.with_points(first, at));
            let message = "a member of a `json` value is taken with `.`, and a cast is a call";
            return Some(
                Found::new(first, at + 3, message).help("what may be missing there is `null`").write(fixed),
            );
        }
        let first = self.operand(at).filter(|_| self.ends_operand(at.wrapping_sub(1)))?;
        let fixed = format!("{ty}({})", self.mended(first, at));
        Some(Found::new(first, at + 3, format!("a cast is a call: `{ty}(x)`")).write(fixed))
    }

    fn text_or_nothing(&self, at: usize) -> &str {
        self.toks.get(at).map_or("", |t| t.text(self.shared.text))
    }

    /// Where the path with a `:` in it begins that ends before `end`: `meta:source`, `raw.meta:a.b[0]`.
    fn colon_path(&self, end: usize) -> Option<usize> {
        let (mut at, mut colon) = (end.checked_sub(1)?, false);
        loop {
            if self.class(at) == b']' {
                at = self.open_bracket(at)?.checked_sub(1)?;
                continue;
            }
            if !self.toks[at].class.is_ascii_alphabetic() {
                return None;
            }
            let joint = at.checked_sub(1).filter(|_| at > 1).map_or(0, |joint| self.class(joint));
            let glued = at > 1 && self.glued(at - 1) && self.glued(at - 2);
            // `{ s:meta::int }` gives a field its name.
            let named = at > 2 && matches!(self.class(at - 3), b'{' | b',');
            match joint {
                b'.' => at -= 2,
                b':' if glued && !named => (at, colon) = (at - 2, true),
                _ => return (colon && self.is_name(at)).then_some(at),
            }
        }
    }

    /// A path with `:` in it, and with words of the language.
    fn with_points(&self, first: usize, end: usize) -> String {
        let mut path = String::new();
        for i in first..end {
            let text = self.text(i, i + 1);
            match self.class(i) {
                b':' | b'.' => {}
                _ if i == first || !matches!(self.class(i - 1), b':' | b'.') => path.push_str(text),
                _ => path.push_str(&member(text)),
            }
        }
        path
    }

    /// `filter(meta:source == "a")`: no argument of a `filter` has a name.
    fn path_in_a_filter(&self, at: usize) -> Option<Found> {
        let stage = self.is_one_of(0, &["filter", "where"]) && self.class(1) == b'(';
        let named = |i: usize| self.toks.get(i).is_some_and(|t| t.class.is_ascii_alphabetic());
        if !stage || at != 3 || !self.is_name(2) || !named(4) || !self.glued(2) || !self.glued(3) {
            return None;
        }
        let mut end = 5;
        while self.class(end) == b'.' && self.is_name(end + 1) {
            end += 2;
        }
        let fixed = self.with_points(2, end);
        let cast = format!("string({fixed})");
        Some(
            Found::new(2, end, "a member of a `json` value is taken with `.`")
                .help("a cast takes a value out of it: `string(j.a)`")
                .perhaps(cast, Applicability::MaybeIncorrect),
        )
    }

    /// `meta ->> 'a'`, `meta -> 'a' -> 0 ->> 'b'`.
    pub(super) fn json_arrow(&self, at: usize) -> Option<Found> {
        let first = self.operand(at).filter(|_| at > 0 && self.ends_operand(at - 1))?;
        let (mut end, mut path, mut text) = (at, self.mended(first, at), false);
        while self.class(end) == b'^' && self.text(end, end + 1) == "->" && !text {
            text = self.class(end + 1) == b'>' && self.glued(end);
            let key = end + 1 + usize::from(text);
            match (self.in_quotes(key), self.class(key)) {
                (Some(name), _) => path.push_str(&member(name)),
                (None, b'0') => path.push_str(&format!("[{}]", self.text(key, key + 1))),
                _ => return None,
            }
            end = key + 1;
        }
        let before = first.checked_sub(1).map_or(0, |before| self.class(before));
        let in_filter = first == 2 && self.is_one_of(0, &["filter", "where"]);
        // `mapEach(tags, t -> "x")` is a lambda, `"a" -> "b"` an arm.
        let lambda = matches!(before, b'(' | b',') && first + 1 == at && !in_filter;
        if end == at
            || !self.is_name(first) && self.class(first) != b'('
            || !text && lambda
            || self.class(first) == b'u'
        {
            return None;
        }
        let fixed = if text { format!("string({path})") } else { path };
        Some(
            Found::new(first, end, "a member of a `json` value is taken with `.`")
                .help(
                    "a cast takes a value out of it: `string(j.a)`, and what may be missing there is `null`",
                )
                .write(fixed),
        )
    }

    /// `who?.name`, `note?.upper()`, `tags?.[0]`.
    pub(super) fn optional_chain(&self, at: usize) -> Option<Found> {
        if self.class(at + 1) != b'.' || !self.glued(at) || at == 0 || !self.ends_operand(at - 1) {
            return None;
        }
        let first = self.operand(at)?;
        let mut path = self.mended(first, at);
        let (mut tests, mut end, mut narrows) = (Vec::new(), at, true);
        while let Some((behind, next, named)) = self.link(end, &path) {
            if self.class(end) == b'?' {
                if !narrows {
                    return Some(Self::no_chain(first, next));
                }
                tests.push(format!("{path} != null"));
            }
            (end, path) = (next, behind);
            narrows &= named;
        }
        if end == at {
            return None;
        }
        let members = !path.contains('(') && !path.contains('[');
        let (end, default) = match self.default_behind(end) {
            Some((last, default)) => (last, default),
            None => (end, "null".to_string()),
        };
        let mut fixed = format!("if {} then {path} else {default}", tests.join(" and "));
        let operator =
            |i: usize| matches!(self.class(i), b'+' | b'-' | b'<' | b'>' | b'=' | b'?' | b'N' | b'!');
        if first.checked_sub(1).is_some_and(operator) || operator(end) {
            fixed = format!("({fixed})");
        }
        let found = Self::no_chain(first, end).perhaps(fixed, Applicability::MaybeIncorrect);
        let plain = if default == "null" { path } else { format!("{path} ?? {default}") };
        Some(if members { found.perhaps(plain, Applicability::MaybeIncorrect) } else { found })
    }

    fn no_chain(from: usize, end: usize) -> Found {
        Found::new(from, end, "there is no `?.`")
            .help("a value that may be null is tested first: `if x != null then x.a else null`; a member of a `json` value is optional anyway: `j.a`")
    }

    /// What stands at `end` behind a value that is written as `path`: the two together as flow writes it, where it
    /// ends, and whether it is a member by its name.
    fn link(&self, end: usize, path: &str) -> Option<(String, usize, bool)> {
        let point = end + usize::from(self.class(end) == b'?' && self.class(end + 1) == b'.');
        let optional = point > end;
        match self.class(point) {
            b'.' if self.toks.get(point + 1).is_some_and(|t| t.class.is_ascii_alphabetic()) => {
                let name = self.text(point + 1, point + 2);
                if optional && matches!(name, "length" | "size") && self.class(point + 2) != b'(' {
                    return Some((format!("len({path})"), point + 2, false));
                }
                if self.class(point + 2) != b'(' {
                    return Some((format!("{path}.{name}"), point + 2, true));
                }
                let close = self.partner(point + 2)?;
                let rest = match close == point + 3 {
                    true => String::new(),
                    false => format!(", {}", self.mended(point + 3, close)),
                };
                Some((format!("{name}({path}{rest})"), close + 1, false))
            }
            b'.' if optional && self.class(point + 1) == b'[' => {
                let close = self.partner(point + 1)?;
                let index = self.mended(point + 2, close);
                Some((format!("get({path}, {index})"), close + 1, false))
            }
            b'[' if !optional => {
                let close = self.partner(point)?;
                Some((format!("{path}[{}]", self.mended(point + 1, close)), close + 1, false))
            }
            _ => None,
        }
    }

    /// `?? default` behind a chain, if it ends what stands there.
    fn default_behind(&self, at: usize) -> Option<(usize, String)> {
        if self.class(at) != b'+' || self.text(at, at + 1) != "??" {
            return None;
        }
        let end = self.until(at + 1, |tok| tok.class == b'+' || tok.class == b'|');
        (end > at + 1 && self.class(end) != b'+').then(|| (end, self.mended(at + 1, end)))
    }
}
