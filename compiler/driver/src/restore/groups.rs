//! Aggregates of groups that are there: which go on, which are new, and which are gone.

use super::Effect;
use super::compare::{Findings, Widening, short, widening};
use super::shape::AggregateShape;
use flow_plan::DataType;

/// The accumulators of a group.
pub(super) fn groups(all: &mut Findings, old: &[AggregateShape], new: &[AggregateShape], of: &Added<'_>) {
    let mut taken = vec![false; old.len()];
    let stage = all.new;
    for call in new {
        let of_name = |a: &AggregateShape| a.name == call.name;
        let found = (0..old.len())
            .find(|&i| !taken[i] && of_name(&old[i]) && old[i].func == call.func)
            .or_else(|| (0..old.len()).find(|&i| !taken[i] && of_name(&old[i])));
        all.new = Some(call.place);
        let Some(index) = found else {
            all.old = None;
            added(all, call, of);
            continue;
        };
        taken[index] = true;
        all.old = Some(old[index].place);
        aggregate(all, &old[index], call);
    }
    for (call, _) in old.iter().zip(taken).filter(|(_, taken)| !taken) {
        (all.old, all.new) = (Some(call.place), stage);
        let message = format!("`{}` is gone: what it holds would be lost", call.name);
        all.push(Effect::Drops, false, message);
    }
}

/// What becomes of an aggregate that groups which are there have not had.
pub(super) struct Added<'a> {
    /// A state above that takes out rows which it gave before.
    pub(super) taken_out_by: Option<&'a str>,
    /// Is each result of rows that have just come, or of rows that are held?
    pub(super) with_rows: bool,
}

fn added(all: &mut Findings, call: &AggregateShape, of: &Added<'_>) {
    let name = &call.name;
    all.push(Effect::Restores, false, format!("`{name}` is new and starts empty"));
    if let Some(above) = of.taken_out_by {
        let message = format!(
            "`{name}` is new: it would have to take out rows that `{above}` gave before, and never got them"
        );
        all.push(Effect::Incompatible, false, message).help =
            Some(format!("give the stage and `{above}` a new `@id(\"…\")`: both start empty then"));
    } else if !call.of_none && !of.with_rows {
        let (text, ty) = (short(&call.text), &call.ty);
        let message = format!(
            "`{name}` is new, and groups whose rows all came before would have none: `{text}` of no rows is no `{ty}`"
        );
        all.push(Effect::Incompatible, false, message).help = Some(match text.strip_suffix(')') {
            Some(open) if !open.contains("where: ") => {
                format!("let it be null there: `{open}, where: true)` is `{ty}?`")
            }
            _ => "give the stage a new `@id(\"…\")` to start empty".into(),
        });
    }
}

fn aggregate(all: &mut Findings, old: &AggregateShape, new: &AggregateShape) {
    let name = &new.name;
    let (before, now) = (short(&old.text), short(&new.text));
    if old.func != new.func {
        let message = format!("`{name}` was `{before}` and is `{now}`");
        all.push(Effect::Incompatible, false, message).help =
            Some("give the result another name: it then starts empty, and the old one is dropped".into());
        return;
    }
    let unit = DataType::Bool;
    let (a, b) = (old.arg.as_ref().unwrap_or(&unit), new.arg.as_ref().unwrap_or(&unit));
    match (widening(a, b), old.arg.is_some() == new.arg.is_some()) {
        (Widening::Same, true) => {}
        (Widening::Wider, true) => {
            let message = format!("`{name}` aggregates `{b}` now; it was `{a}`");
            all.push(Effect::Migrates, false, message);
        }
        _ => {
            let message = match old.text == new.text {
                true => format!("`{name}` is `{now}` of `{b}` now; it was of `{a}`"),
                false => {
                    format!("`{name}` was `{before}` and is `{now}`: its argument has another type")
                }
            };
            all.push(Effect::Incompatible, false, message);
            return;
        }
    }
    if all.differs((&old.text, &old.made), (&new.text, &new.made)) {
        let message = format!("`{name}` was `{before}` and is `{now}`: old and new rows would mix");
        all.push(Effect::Restores, true, message);
    }
}
