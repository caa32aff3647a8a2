//! Aggregates of groups that are there: which go on, which are new, and which are gone.

use super::Effect;
use super::compare::{Findings, short};
use super::held::{Widening, widening};
use super::shape::{AggregateShape, Held, Taken};
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
        if aggregate(all, &old[index], call, of) && old[index].of_none {
            lacking(all, call, of, &format!("`{}` was null in groups without such rows", call.name));
        }
    }
    for (call, _) in old.iter().zip(taken).filter(|(_, taken)| !taken) {
        (all.old, all.new) = (Some(call.place), stage);
        let message = format!("`{}` is gone: what it holds would be lost", call.name);
        all.push(Effect::Drops, false, message);
    }
}

/// What becomes of an aggregate that groups which are there have not had.
pub(super) struct Added<'a> {
    /// Is each result of rows that have just come, or of rows that are held?
    pub(super) with_rows: bool,
    /// Are results taken out again that were given before?
    pub(super) taken_out: bool,
    /// Where rows are held and aggregated later: what they were held for.
    pub(super) rows_of: Option<&'a Held>,
}

impl Added<'_> {
    /// What an aggregate takes of rows, and those that are held have not.
    fn missing<'b>(&self, call: &'b AggregateShape) -> Option<&'b Taken> {
        let Some(Held::Groups(known)) = self.rows_of else { return None };
        let held = |taken: &&Taken| {
            let mut known = known.iter().flat_map(|call| &call.takes);
            taken.optional || taken.is_field && known.any(|other| other.is_field && other.text == taken.text)
        };
        call.takes.iter().find(|taken| !held(taken))
    }
}

fn added(all: &mut Findings, call: &AggregateShape, of: &Added<'_>) {
    let name = &call.name;
    if call.of_none || of.with_rows {
        all.push(Effect::Restores, false, format!("`{name}` is new and starts empty"));
    }
    if let Some(above) = all.taken_out_by.clone() {
        let message = format!(
            "`{name}` is new: it would have to take out rows that `{above}` gave before, and never got them"
        );
        all.push(Effect::Incompatible, false, message).help =
            Some(format!("give the stage and `{above}` a new `@id(\"…\")`: both start empty then"));
    } else if let Some(missing) = of.missing(call) {
        let message =
            format!("`{name}` is new, and the rows that windows hold have no `{}`", short(&missing.text));
        all.push(Effect::Incompatible, false, message).help = Some(START_EMPTY.into());
    } else {
        lacking(all, call, of, &format!("`{name}` is new and starts empty"));
    }
}

/// An aggregate that is nothing without rows may have none in groups that are there: because of this.
fn lacking(all: &mut Findings, call: &AggregateShape, of: &Added<'_>, because: &str) {
    let text = short(&call.text);
    if call.of_none {
        return;
    }
    if of.taken_out {
        let message = format!(
            "{because}, and results that were given before are taken out: `{text}` of no rows is no `{}`",
            call.ty
        );
        all.push(Effect::Incompatible, false, message).help = Some(may_be_null(call));
    } else if !of.with_rows {
        let message = format!(
            "{because}: a group that gets no row any more lacks it, which is a record error when it is given"
        );
        all.push(Effect::Restores, false, message).help = Some(may_be_null(call));
    }
}

const START_EMPTY: &str = "give the stage a new `@id(\"…\")` to start empty";

fn may_be_null(call: &AggregateShape) -> String {
    match nullable(call) {
        Some(other) => format!("let it be null there: `{other}` is `{}?`", call.ty),
        None => START_EMPTY.into(),
    }
}

/// The same aggregate with a result that may be null.
fn nullable(call: &AggregateShape) -> Option<String> {
    let text = short(&call.text);
    let has_condition = call.text.contains(", where: ");
    text.strip_suffix(')').filter(|_| !has_condition).map(|open| format!("{open}, where: true)"))
}

/// Does its accumulator go on?
fn aggregate(all: &mut Findings, old: &AggregateShape, new: &AggregateShape, of: &Added<'_>) -> bool {
    let name = &new.name;
    let (before, now) = (short(&old.text), short(&new.text));
    if old.func != new.func {
        let message = format!("`{name}` was `{before}` and is `{now}`");
        let empty = "it then starts empty, and the old one is dropped";
        all.push(Effect::Incompatible, false, message).help =
            Some(match nullable(new).filter(|_| !new.of_none && (of.taken_out || !of.with_rows)) {
                Some(other) => {
                    format!("give the result another name, and let it be null (`{other}`): {empty}")
                }
                None => format!("give the result another name: {empty}"),
            });
        return false;
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
            return false;
        }
    }
    if all.differs((&old.text, &old.made), (&new.text, &new.made)) {
        let message = format!("`{name}` was `{before}` and is `{now}`: {}", all.mix());
        all.push(Effect::Restores, true, message);
    }
    true
}
