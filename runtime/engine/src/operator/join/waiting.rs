//! Left rows that wait until their time is over: those that then have no partner, and those that meet the version of their
//! time. They are given in the order of their event time.

use super::due::Due;
use super::spilled::or_halt;
use super::stream::{Bound, Core};
use crate::context::Context;
use crate::error::Halt;
use crate::number::at_end_of_time;
use crate::operator::Flush;
use flow_data::NO_ROW;

/// Takes the next left rows that are due, so many at most, in the order of their event time and in that in which they came.
pub(crate) fn next_due(
    core: &Core,
    due: &mut Due,
    mut until: impl FnMut(i64) -> bool,
    most: usize,
) -> Vec<u32> {
    // Those that were on disk are behind others of their time: all of a time are put in order.
    let whole = core.spilled.is_some();
    let (mut rows, mut last) = (Vec::new(), None);
    let mut wanted = |rows: &[u32], last: Option<i64>, time: i64| {
        (rows.len() < most || whole && last == Some(time)) && until(time)
    };
    while due.first().is_some_and(|time| wanted(&rows, last, time)) {
        let Some((time, row)) = due.pop() else { break };
        rows.push(row);
        last = Some(time);
    }
    if whole {
        core.sort_left(&mut rows);
        rows.sort_by_key(|&row| core.kept[0].time(row));
    }
    rows
}

/// A piece of the left rows that have no partner and are due: they are given and go.
pub(crate) fn give_lonely(
    core: &mut Core,
    cx: &mut Context<'_>,
    due: &mut Due,
    until: impl FnMut(i64) -> bool,
    most: usize,
) -> bool {
    let gone = next_due(core, due, until, most);
    let kept = &core.kept[0];
    // What was withdrawn is in no list any more.
    let lonely = |row: &u32| kept.partners(*row) == 0 && kept.is_there(*row);
    let rows: Vec<u32> = gone.iter().copied().filter(lonely).collect();
    let times: Vec<i64> = rows.iter().map(|&row| kept.time(row)).collect();
    core.give_kept(cx, &rows, &vec![NO_ROW; rows.len()], &times);
    let more = gone.len() >= most;
    gone.into_iter().for_each(|row| core.remove(0, row));
    more
}

/// A piece of the left rows that still wait at the end of the input.
pub(crate) fn flush_waiting(
    core: &mut Core,
    cx: &mut Context<'_>,
    bound: &mut dyn Bound,
) -> Result<Flush, Halt> {
    let level = cx.shared.layout.nodes[cx.node].level;
    if bound.waiting().is_none() {
        // What is on disk has no turn: nobody comes who meets it.
        return Ok(Flush::Done);
    }
    let up_to = or_halt(cx, core.bring_last(bound))?;
    let Some((due, near)) = bound.waiting() else { return Ok(Flush::Done) };
    let number_of = |time: i64| at_end_of_time(level, near.over(time));
    let Some(first) = due.first() else { return Ok(Flush::Done) };
    let number = number_of(first);
    cx.number = number;
    let mut until =
        |time: i64| number_of(time) == number && (up_to == i64::MAX || near.last(0, time) < up_to);
    bound.give_waiting(core, cx, &mut until)?;
    or_halt(cx, core.relieve(bound))?;
    or_halt(cx, core.bring_last(bound))?;
    let next = bound.waiting().and_then(|(due, _)| due.first());
    Ok(next.map_or(Flush::Done, |next| Flush::More(number_of(next))))
}
