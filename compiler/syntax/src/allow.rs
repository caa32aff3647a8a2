//! `// flow-allow W0301: reason`: what such a comment says, and the part of the script that it speaks of: the line below
//! it, or its own line if that has code, with all of the brackets that begin there. Knows no lints.

use crate::token::{Token, TokenKind};
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

/// What the comment that is this token speaks of.
pub fn allowed(text: &str, tokens: &[Token], comment: usize) -> Range<usize> {
    let is_code = |token: &&Token| !token.is_comment() && token.span.start < token.span.end;
    let line_start = |at: usize| text[..at].rfind('\n').map_or(0, |end| end + 1);
    let own_line = line_start(tokens[comment].span.start as usize);
    let behind = tokens[..comment].iter().rev().find(is_code).filter(|t| t.span.end as usize > own_line);
    let below = || tokens[comment + 1..].iter().find(is_code);
    let Some(first) = behind.or_else(below) else { return 0..0 };
    let line = line_start(first.span.start as usize)..line_end(text, first.span.end as usize);
    let start = if behind.is_some() { opened_before(text, tokens, &line) } else { line.start };
    start..closed_behind(text, tokens, line)
}

fn line_end(text: &str, at: usize) -> usize {
    text[at..].find('\n').map_or(text.len(), |end| at + end + 1)
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
                end = end.max(line_end(text, token.span.end as usize));
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
                start = start.min(text[..at].rfind('\n').map_or(0, |end| end + 1));
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
        let tokens = crate::tokens(text);
        let comment = tokens.iter().position(|t| allows(&text[t.span.range()]).is_some()).unwrap();
        text[allowed(text, &tokens, comment)].trim()
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
}
