//! What a job remembers beside its states: up to where each source was read, and how many rows a `limit` has let through. It is
//! found by the name of the declaration; under another one, rows are read again, or let through again.

use super::compare::Findings;
use super::feeds::{Columns, connector};
use super::{Effect, Verdict};
use flow_plan::Place;
use flow_plan::operator::{Operator, OperatorKind, Plan};

/// Something that is remembered under a declaration's name.
struct Kept {
    declaration: String,
    was: Option<String>,
    /// The word of the stage, and which of those with this word it is in its declaration.
    word: (String, usize),
    /// What it does: what it reads, or how many rows it lets through.
    text: String,
    /// Of a source that makes up its rows: without how the values of each field are made.
    reads: String,
    is_source: bool,
    /// The whole head of its declaration, so that `@was` can stand in front of it.
    place: Place,
}

/// Adds verdicts on what would be read or let through again because its declaration has another name now, on sources that are
/// new, and on those that would go on where another one was.
pub(super) fn places(old: &Plan, new: &Plan, verdicts: &mut Vec<Verdict>) {
    let (old, new) = (kept(old), kept(new));
    let partners: Vec<Option<usize>> = new.iter().map(|kept| found(&old, kept)).collect();
    let mut free: Vec<usize> = (0..old.len()).filter(|at| !partners.contains(&Some(*at))).collect();
    let mixed = verdicts.iter().any(|verdict| verdict.changes_meaning);
    for (kept, partner) in new.iter().zip(&partners) {
        match partner {
            Some(at) => {
                // What nobody goes on from who reads the same was renamed, or is gone.
                let goes_on = |at: usize| {
                    let mut pairs = new.iter().zip(&partners);
                    pairs.any(|(kept, partner)| *partner == Some(at) && kept.text == old[at].text)
                };
                let called = (0..old.len()).find(|&at| old[at].text == kept.text && !goes_on(at));
                verdicts.extend(went_on(&old[*at], kept, called.map(|at| &old[at]), mixed));
            }
            None => {
                let alike = |at: &usize| old[*at].is_source == kept.is_source && old[*at].text == kept.text;
                let renamed = free.iter().position(alike).map(|at| &old[free.remove(at)]);
                verdicts.extend(begun(kept, renamed));
                verdicts.extend(renamed.map(|old| left(old, kept)));
            }
        }
    }
}

/// What goes on from this, by its name or by what it was called.
fn found(old: &[Kept], kept: &Kept) -> Option<usize> {
    let called = |name: &str| old.iter().position(|old| old.declaration == name && old.word == kept.word);
    called(&kept.declaration).or_else(|| called(kept.was.as_deref()?))
}

/// It goes on where something was that did something else; `called`: what did the same, under another name.
fn went_on(before: &Kept, now: &Kept, called: Option<&Kept>, mixed: bool) -> Option<Verdict> {
    if !now.is_source || before.text == now.text {
        return None;
    }
    let mut all = Findings::about(Some(before.place), Some(now.place));
    match called {
        Some(other) => {
            let message = format!(
                "it reads what `{}` read, and would go on where `{}` was: rows would be left out or read twice",
                other.declaration, before.declaration
            );
            all.push(Effect::Incompatible, false, message).help = Some(
                "a source is found by its name: keep the names, or give it one that no source had, with `@was`, or begin anew (`flow run --fresh`)".into(),
            );
        }
        _ if mixed || before.reads == now.reads => return None,
        _ => {
            let message = "what it reads changed, and it goes on behind as much as it has read";
            all.push(Effect::Restores, true, message.into());
        }
    }
    Some(all.verdict(&now.declaration, Some(&before.declaration), Some(now.place)))
}

/// It was not there, or was called otherwise.
fn begun(kept: &Kept, renamed: Option<&Kept>) -> Option<Verdict> {
    let message = match (kept.is_source, renamed) {
        (true, _) => format!("`{}` is new and is read from its beginning", kept.declaration),
        (false, Some(_)) => {
            format!("the `limit` of `{}` is new and lets all its rows through", kept.declaration)
        }
        (false, None) => return None,
    };
    let mut all = Findings::about(None, Some(kept.place));
    all.push(Effect::Restores, false, message);
    let verdict = all.verdict(&kept.declaration, None, Some(kept.place));
    Some(Verdict { renamed_from: renamed.map(|old| old.declaration.clone()), ..verdict })
}

/// Nobody goes on from it, and something new does the same.
fn left(old: &Kept, now: &Kept) -> Verdict {
    let message = match old.is_source {
        true => format!(
            "nothing is called `{}` any more, and `{}`, which reads the same, would read again what was read",
            old.declaration, now.declaration
        ),
        false => format!(
            "nothing is called `{}` any more, and what its `limit` let through would not count",
            old.declaration
        ),
    };
    let mut all = Findings::about(Some(old.place), None);
    all.push(Effect::Drops, false, message);
    all.verdict(&old.declaration, None, Some(now.place))
}

fn kept(plan: &Plan) -> Vec<Kept> {
    let mut all: Vec<Kept> = Vec::new();
    for operator in &plan.operators {
        let (text, reads, is_source) = match &operator.kind {
            // What comes from standard input does not come again.
            OperatorKind::Source(call) if call.name == "stdin" => continue,
            OperatorKind::Source(call) => {
                let columns = (0..operator.output.fields.len()).collect();
                let text = |columns: &Columns| connector(call, &operator.output, columns);
                (text(&columns), text(&Columns::new()), true)
            }
            OperatorKind::Limit { n } => (n.to_string(), String::new(), false),
            _ => continue,
        };
        let declaration = &plan.declarations[operator.declaration as usize];
        let same = |kept: &&Kept| kept.declaration == declaration.name && kept.word.0 == operator.word;
        let word = (operator.word.clone(), all.iter().filter(same).count());
        let (name, was) = (declaration.name.clone(), declaration.was.clone());
        let place = head(plan, operator);
        all.push(Kept { declaration: name, was, word, text, reads, is_source, place });
    }
    all
}

/// The word and the name of an operator's declaration.
fn head(plan: &Plan, operator: &Operator) -> Place {
    let name = plan.declarations[operator.declaration as usize].place;
    let text = plan.scripts.get(name.file as usize).map_or("", |script| &script.text);
    let before = text.get(..name.start as usize).unwrap_or("").trim_end();
    let word = before.bytes().rev().take_while(u8::is_ascii_alphabetic).count();
    Place { start: (before.len() - word) as u32, ..name }
}
