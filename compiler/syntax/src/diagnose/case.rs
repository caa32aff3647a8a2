//! SQL's `case … when … then … else … end`, written as `if` or `match`.

use super::Refusal;
use crate::build::Shared;
use crate::codes::FOREIGN_WORD;
use crate::diagnostic::{Applicability, Diagnostic, Edit, Fix};
use crate::span::Span;

/// What is said of the `case` at this token: a choice between conditions is an `if`, one between
/// values a `match`.
pub(super) fn explain(shared: &Shared<'_>, r: &Refusal<'_>, case: usize) -> Diagnostic {
    let span = r.toks[case].span(shared.file);
    let conditions = is_word(shared, r, case + 1, "when");
    let diagnostic = match conditions {
        true => Diagnostic::new(FOREIGN_WORD, span, "a choice is written `if c then a else b`")
            .help("several cases of one value are `match x { \"a\" => 1, _ => 0 }`"),
        false => Diagnostic::new(FOREIGN_WORD, span, "a choice is written `match x { \"a\" => 1, _ => 0 }`")
            .help("a choice by conditions is `if c then a else b`"),
    };
    let mut diagnostic = diagnostic.at("SQL's word");
    if let Some(edits) = rewritten(shared, r, case, conditions) {
        let title = if conditions { "write `if`" } else { "write `match`" };
        let applicability = Applicability::MaybeIncorrect;
        diagnostic.fixes.push(Fix { title: title.into(), edits, applicability });
    }
    diagnostic
}

fn is_word(shared: &Shared<'_>, r: &Refusal<'_>, at: usize, word: &str) -> bool {
    r.toks.get(at).is_some_and(|t| t.text(shared.text).eq_ignore_ascii_case(word))
}

/// Its words replaced; `None` if it is not whole, or holds another one.
fn rewritten(shared: &Shared<'_>, r: &Refusal<'_>, case: usize, conditions: bool) -> Option<Vec<Edit>> {
    let mut edits = Vec::new();
    let mut replace = |span: Span, text: &str| edits.push(Edit { span, replacement: text.into() });
    let word = |at: usize| r.toks[at].span(shared.file);
    let (mut depth, mut whens, mut otherwise) = (0, 0, false);
    for at in case + 1..r.toks.len() {
        depth += i32::from(r.toks[at].is_open()) - i32::from(r.toks[at].is_close());
        if depth < 0 {
            return None;
        }
        if depth > 0 {
            continue;
        }
        match r.toks[at].text(shared.text).to_ascii_lowercase().as_str() {
            "case" => return None,
            "when" => {
                whens += 1;
                match (conditions, whens) {
                    // `case when` is one word here.
                    (true, 1) => replace(word(case).to(word(at)), "if"),
                    (true, _) => replace(word(at), "else if"),
                    (false, 1) => replace(word(at), "{"),
                    // The comma stands where the value before it ends.
                    (false, _) => replace(Span { start: word(at - 1).end, ..word(at) }, ","),
                }
            }
            "then" if !conditions => replace(word(at), "=>"),
            "else" => {
                otherwise = true;
                if !conditions {
                    replace(Span { start: word(at - 1).end, ..word(at) }, ", _ =>");
                }
            }
            "end" if whens > 0 && otherwise => {
                match conditions {
                    true => replace(Span { start: word(at - 1).end, ..word(at) }, ""),
                    false => {
                        replace(word(at), "}");
                        replace(word(case), "match");
                    }
                }
                return Some(edits);
            }
            _ => {}
        }
    }
    None
}
