//! `// flow-allow W0301: reason`: what such a comment says, and the part of the script that it speaks of: the line below
//! it, or its own line if that has code, with all of the brackets that begin there; above a declaration or a stage all of
//! that, wherever its lines end. Knows no lints.

use crate::lexer::tokens;
use crate::lines;
use crate::parse::declarations;
use crate::token::{DECLARATION_WORDS, Token, TokenKind};
use std::ops::Range;

/// The word that makes a comment one of these.
const MARK: &str = "flow-allow ";

/// What a comment allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Allows<'t> {
    /// The codes, with commas between them.
    pub codes: &'t str,
    /// Where they begin in the comment.
    pub at: usize,
    /// Why.
    pub reason: &'t str,
}

/// What a comment allows, if it is for that; block comments too.
pub fn allows(comment: &str) -> Option<Allows<'_>> {
    let inner = match comment.strip_prefix("//") {
        Some(line) => line,
        None => comment.strip_prefix("/*").map(|block| block.strip_suffix("*/").unwrap_or(block))?,
    };
    let said = inner.trim_start().strip_prefix(MARK)?;
    let at = said.as_ptr() as usize - comment.as_ptr() as usize;
    let (codes, reason) = said.split_once(':').unwrap_or((said.trim_end(), ""));
    Some(Allows { codes, at, reason: reason.trim() })
}

/// The comments of a script, and what those that allow something speak of.
#[derive(Debug)]
pub struct Allowing<'t> {
    text: &'t str,
    tokens: Vec<Token>,
    /// Where the declarations stand.
    decls: Vec<Range<usize>>,
}

impl<'t> Allowing<'t> {
    /// None if nothing is allowed in the text.
    pub fn of(text: &'t str) -> Option<Allowing<'t>> {
        // What stands before the first declaration is none.
        let begins = |decl: &Range<usize>| {
            let word = text[decl.clone()].split(|c: char| !c.is_alphabetic()).next().unwrap_or_default();
            text[decl.clone()].starts_with('@') || DECLARATION_WORDS.contains(&word)
        };
        let decls = || declarations(text).into_iter().map(|span| span.range()).filter(begins).collect();
        text.contains(MARK).then(|| Allowing { text, tokens: tokens(text), decls: decls() })
    }

    /// Its comments, by their number among all tokens.
    pub fn comments(&self) -> impl Iterator<Item = (usize, &Token)> {
        self.tokens.iter().enumerate().filter(|(_, token)| token.is_comment())
    }

    /// What the comment that is this token speaks of.
    pub fn allowed(&self, comment: usize) -> Range<usize> {
        let (text, tokens) = (self.text, &self.tokens[..]);
        let line_start = |at: usize| lines::start(text, at);
        let own_line = line_start(tokens[comment].span.start as usize);
        let before = tokens[..comment].iter().rev().find(|token| is_code(token));
        let behind = before.filter(|token| token.span.end as usize > own_line);
        let below = || tokens[comment + 1..].iter().find(|token| is_code(token));
        let Some(first) = behind.or_else(below) else { return 0..0 };
        let line = line_start(first.span.start as usize)..lines::behind(text, first.span.end as usize);
        let end = closed_behind(text, tokens, line.clone());
        match behind {
            Some(_) => opened_before(text, tokens, &line)..end,
            None => line.start..end.max(self.whole(first.span.start as usize).end),
        }
    }

    /// The declaration or stage that begins at an offset; nothing if none does.
    pub(crate) fn whole(&self, at: usize) -> Range<usize> {
        match self.decls.iter().find(|decl| decl.contains(&at)) {
            Some(decl) if decl.start == at => decl.clone(),
            Some(decl) => self.stages(decl).find(|stage| stage.start == at).unwrap_or(at..at),
            None => at..at,
        }
    }

    /// The declaration that holds an offset.
    pub(crate) fn decl(&self, at: usize) -> Option<&Range<usize>> {
        self.decls.iter().find(|decl| decl.contains(&at))
    }

    /// The stages of a declaration, and its connector behind an arrow.
    pub(crate) fn stages(&self, decl: &Range<usize>) -> impl Iterator<Item = Range<usize>> {
        let mut depth = 0usize;
        let mut starts = Vec::new();
        for token in self.code().filter(|token| decl.contains(&(token.span.start as usize))) {
            match token.kind {
                TokenKind::Open => depth += 1,
                TokenKind::Close => depth = depth.saturating_sub(1),
                TokenKind::Operator
                    if depth == 0 && matches!(&self.text[token.span.range()], "|>" | "->") =>
                {
                    starts.push(token.span.start as usize);
                }
                _ => {}
            }
        }
        let ends = starts.clone().into_iter().skip(1).chain([decl.end]);
        starts.into_iter().zip(ends).map(|(start, end)| start..end)
    }

    /// Its tokens that are no comments.
    pub(crate) fn code(&self) -> impl Iterator<Item = &Token> {
        self.tokens.iter().filter(|token| is_code(token))
    }
}

fn is_code(token: &Token) -> bool {
    !token.is_comment() && token.span.start < token.span.end
}

/// The end of the line in which the last bracket is closed that was opened in the range.
fn closed_behind(text: &str, tokens: &[Token], line: Range<usize>) -> usize {
    let (mut end, mut depth) = (line.end, 0usize);
    for token in tokens.iter().filter(|token| token.span.start as usize >= line.start) {
        if depth == 0 && token.span.start as usize >= end {
            break;
        }
        match token.kind {
            TokenKind::Open => depth += 1,
            TokenKind::Close if depth == 1 => {
                depth = 0;
                end = end.max(lines::behind(text, token.span.end as usize));
            }
            TokenKind::Close => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    end
}

/// The beginning of the line in which the first bracket was opened that is closed in this one.
fn opened_before(text: &str, tokens: &[Token], line: &Range<usize>) -> usize {
    let (mut start, mut depth) = (line.start, 0usize);
    for token in tokens.iter().rev().filter(|token| (token.span.end as usize) <= line.end) {
        if depth == 0 && (token.span.end as usize) <= start {
            break;
        }
        match token.kind {
            TokenKind::Close => depth += 1,
            TokenKind::Open if depth == 1 => {
                depth = 0;
                let at = token.span.start as usize;
                start = start.min(lines::start(text, at));
            }
            TokenKind::Open => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    start
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> &str {
        let all = Allowing::of(text).unwrap();
        let comment = all.comments().find(|(_, t)| allows(&text[t.span.range()]).is_some()).unwrap().0;
        text[all.allowed(comment)].trim()
    }

    #[test]
    fn line_and_block_comments_say_codes_and_a_reason() {
        let said = |codes, at, reason| Some(Allows { codes, at, reason });
        assert_eq!(allows("// flow-allow W0301: it grows"), said("W0301", 14, "it grows"));
        assert_eq!(allows("/* flow-allow W0301, W0302: both */"), said("W0301, W0302", 14, "both"));
        assert_eq!(allows("//flow-allow W0301"), said("W0301", 13, ""));
        assert_eq!(allows("// see flow-allow W0301: x"), None);
        assert_eq!(allows("/// flow-allow W0301: x"), None);
    }

    #[test]
    fn a_comment_speaks_of_the_line_below_or_of_its_own_with_its_brackets() {
        assert_eq!(of("// flow-allow W0301: r\n\n// more\n  |> a(1)\n  |> b(2)"), "|> a(1)");
        assert_eq!(of("|> a(1)\n|> b(2) // flow-allow W0301: r\n|> c(3)"), "|> b(2) // flow-allow W0301: r");
        assert_eq!(of("/* flow-allow W0301: r */ |> b(2)\n|> c(3)"), "/* flow-allow W0301: r */ |> b(2)");
        assert_eq!(of("// flow-allow W0301: r\n|> a {\n  x: (1),\n}\n|> b"), "|> a {\n  x: (1),\n}");
        assert_eq!(
            of("|> z\n|> a {\n  x: (1),\n} // flow-allow W0301: r"),
            "|> a {\n  x: (1),\n} // flow-allow W0301: r"
        );
        assert_eq!(of("|> a {\n  // flow-allow W0301: r\n  x: 1,\n  y: 2,\n}"), "x: 1,");
        assert_eq!(of("|> a {\n  // flow-allow W0301: r\n  y: 2 }\n|> b"), "y: 2 }");
        assert_eq!(of("// flow-allow W0301: r\n|> a(\"http://x\", {"), "|> a(\"http://x\", {");
        assert_eq!(of("// flow-allow W0301: r\n"), "");
    }

    #[test]
    fn above_a_declaration_or_a_stage_it_speaks_of_all_of_that() {
        let script = "stream s = a\n  |> filter(\n    x > 1)\n    |> keyBy\n    (x)\n  -> out\n    (1)";
        let next = "\n\nsink o = s -> p()";
        let with =
            |mark: &str| format!("{script}{next}").replace(mark, &format!("// flow-allow W0301: r\n{mark}"));
        assert_eq!(of(&with("stream")), script);
        assert_eq!(of(&with("|> keyBy")), "|> keyBy\n    (x)");
        assert_eq!(of(&with("-> out")), "-> out\n    (1)");
    }
}
