//! Stages as Python's libraries write them: `"large" >> beam.Filter(lambda b: b.price > 3)`, `groupby("k")["x"].sum()`.
//!
//! Each is one stage to its author, whatever joints stand in it: it is told before the pipeline is cut at them.

use super::lambda;
use super::piece::Piece;
use crate::build::Shared;
use crate::class::Tok;
use crate::codes::FOREIGN_WORD;
use crate::diagnostic::{Applicability, Diagnostic, Edit, Fix, Label};
use crate::span::Span;

/// Tells each such stage, and leaves its word and brackets alone in the pipeline. What is left needs no reading where its
/// fix writes all of it: the offsets of these stages.
pub(super) fn stages(shared: &mut Shared<'_>, toks: &mut Vec<Tok>) -> Vec<u32> {
    let (mut told, before) = (Vec::new(), shared.diagnostics.len());
    let (mut at, mut depth, mut value, mut from) = (0, 0usize, None, None);
    // Stages whose value nobody has asked for yet: in most scripts nobody does.
    let mut passed: Vec<std::ops::Range<usize>> = Vec::new();
    while at < toks.len() {
        depth = depth.saturating_sub(usize::from(toks[at].is_close()));
        if depth == 0 && matches!(toks[at].class, b'|' | b'#' | b'.') {
            let piece = Piece { shared, toks };
            if let Some(group) = piece.group_of_pandas(at) {
                told.push(toks[at + 1].start);
                shared.diagnostics.push(group.diagnostic);
                toks[at].class = b'|';
                toks.drain(group.rest);
            } else if toks[at].class != b'.' {
                passed.extend(from.map(|from| from..at));
                if let Some(prefix) = piece.prefix(at + 1) {
                    let behind = |value, stage| lambda::value_behind(shared, &toks[stage], value);
                    value = passed.drain(..).fold(value, behind);
                    let end = piece.until(prefix, |tok| matches!(tok.class, b'|' | b'#' | b'$' | b'.'));
                    let (diagnostic, whole) =
                        without_prefix(shared, &toks[at + 1..end], prefix - at - 1, value);
                    tell(shared, diagnostic, before);
                    told.extend(whole.then_some(toks[prefix].start));
                    toks.drain(at + 1..prefix);
                }
                from = Some(at + 1);
            }
        }
        depth += usize::from(toks[at].is_open());
        at += 1;
    }
    told
}

/// Says it, of several stages of a pipeline once; what was said of them stands behind `before`.
fn tell(shared: &mut Shared<'_>, diagnostic: Diagnostic, before: usize) {
    let same =
        |d: &&mut Diagnostic| d.message == diagnostic.message && d.fixes.len() == diagnostic.fixes.len();
    let Some(known) = shared.diagnostics[before..].iter_mut().find(same) else {
        return shared.diagnostics.push(diagnostic);
    };
    known.labels.push(Label { span: diagnostic.primary.span, text: "here too".into() });
    for (known, fix) in known.fixes.iter_mut().zip(diagnostic.fixes) {
        known.title = "write the stages alone".into();
        known.edits.extend(fix.edits);
        if known.applicability == Applicability::MachineApplicable {
            known.applicability = fix.applicability;
        }
    }
}

/// A stage without what stands before its word, and without its lambda; the second says whether that is all of it.
fn without_prefix(
    shared: &Shared<'_>,
    stage: &[Tok],
    word: usize,
    value: lambda::Value,
) -> (Diagnostic, bool) {
    let prefix = Span { end: stage[word].start, ..stage[0].span(shared.file) };
    let (message, help) = match stage[word - 1].class {
        b'.' => (
            "a stage is a word alone, without `beam.`",
            "inside of a stage the fields of the row are in scope by name",
        ),
        _ => (
            "a stage has no label before it",
            "`|> @id(\"totals\") count()` gives the state of a stage a lasting name",
        ),
    };
    let mut diagnostic = Diagnostic::new(FOREIGN_WORD, prefix, message).at("remove this").help(help);
    let mut fix = Fix {
        title: "write the stage alone".into(),
        edits: vec![Edit { span: prefix, replacement: String::new() }],
        applicability: Applicability::MachineApplicable,
    };
    let found = lambda::unlambda(shared, &stage[word..], value);
    if let Some(found) = &found {
        if found.whole_row {
            diagnostic.notes.push(lambda::no_whole_row(stage[word].text(shared.text)));
            return (diagnostic, true);
        }
        fix.edits.extend(found.edits.iter().cloned());
        if !found.sure {
            fix.applicability = Applicability::HasPlaceholders;
        }
    }
    diagnostic.fixes.push(fix);
    (diagnostic, found.is_some())
}

/// What was found behind a joint, and the tokens of it that are no part of the first stage.
struct Group {
    diagnostic: Diagnostic,
    rest: std::ops::Range<usize>,
}

impl Piece<'_, '_> {
    /// Where the word of a stage stands that begins with `"label" >>`, `beam.`, or both.
    fn prefix(&self, first: usize) -> Option<usize> {
        let labelled =
            self.class(first) == b'"' && self.class(first + 1) == b'>' && self.class(first + 2) == b'>';
        let at = if labelled { first + 3 } else { first };
        let beam = self.class(at + 1) == b'.' && self.is_one_of(at, &["beam"]);
        let word = if beam { at + 2 } else { at };
        let called = self.is_called(word);
        (called && word > first).then_some(word)
    }

    fn is_called(&self, word: usize) -> bool {
        let named = self.toks.get(word).is_some_and(|t| t.class.is_ascii_alphabetic());
        named && matches!(self.class(word + 1), b'(' | b'{')
    }

    /// `groupby("channel")["price"].sum()`, `groupby(["a", "b"]).price.mean()`.
    fn group_of_pandas(&self, joint: usize) -> Option<Group> {
        let word = joint + 1;
        if self.class(word + 1) != b'(' || !self.is_one_of(word, &["groupby", "group_by"]) {
            return None;
        }
        let close = self.partner(word + 1)?;
        let keys = self.names(word + 2, close)?;
        let (fields, behind) = match (self.class(close + 1), self.partner(close + 1)) {
            (b'[', Some(end)) => (self.names(close + 2, end)?, end + 1),
            (b'.', _) if self.is_name(close + 2) && self.class(close + 3) == b'.' => {
                (vec![self.text(close + 2, close + 3)], close + 3)
            }
            _ => return None,
        };
        let ours = aggregate(&self.word(behind + 1))?;
        let end = self
            .partner(behind + 2)
            .filter(|_| self.class(behind) == b'.' && self.class(behind + 2) == b'(')?;
        let call =
            |field: &&str| if ours == "count" { "count()".to_string() } else { format!("{ours}({field})") };
        let result = match &fields[..] {
            [only] => call(only),
            _ => {
                let items: Vec<String> =
                    fields.iter().map(|field| format!("{field}: {}", call(field))).collect();
                format!("aggregate {{ {} }}", items.join(", "))
            }
        };
        let fixed = format!("keyBy({}) |> {result}", keys.join(", "));
        let whole = self.span(joint, end + 1);
        let form = self.span(word, end + 1);
        let stages = if self.class(joint) == b'.' {
            format!(" |> {fixed}")
        } else {
            format!("{} {fixed}", self.text(joint, word))
        };
        let diagnostic = Diagnostic::new(
            FOREIGN_WORD,
            form,
            format!("`{}` is two stages in flow", self.text(word, word + 1)),
        )
        .at("rows are grouped, and the next stage computes")
        .with_fix(
            format!("write `{}`", super::shorten(&fixed)),
            whole,
            stages,
            Applicability::MaybeIncorrect,
        );
        Some(Group { diagnostic, rest: close + 1..end + 1 })
    }

    /// The fields that stand, in quotes or without, in `from..end`, also in a list.
    fn names(&self, from: usize, end: usize) -> Option<Vec<&str>> {
        let inner = if self.class(from) == b'[' && self.partner(from) == Some(end - 1) {
            from + 1..end - 1
        } else {
            from..end
        };
        let name = |(first, end): (usize, usize)| {
            let name =
                self.in_quotes(first).or_else(|| self.is_name(first).then(|| self.text(first, end)))?;
            (end == first + 1 && super::whole::is_plain(name)).then_some(name)
        };
        let names: Vec<&str> =
            self.parts(inner.start, inner.end).into_iter().map(name).collect::<Option<_>>()?;
        (!names.is_empty()).then_some(names)
    }
}

/// flow's aggregate for a method of a group.
fn aggregate(method: &str) -> Option<&'static str> {
    Some(match method {
        "sum" => "sum",
        "mean" | "avg" => "avg",
        "min" => "min",
        "max" => "max",
        "count" | "size" => "count",
        "first" => "first",
        "last" => "last",
        "median" => "median",
        "std" => "stddev",
        "var" => "variance",
        "nunique" => "countDistinct",
        _ => return None,
    })
}
