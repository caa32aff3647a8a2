//! As-of joins: for each left row the latest version at its time, as soon as all of these are there.

use super::{Joining, Output, change_of, key_of, of_number, own_of, time_of};
use crate::interpret::sequence::{Row, Stream};
use crate::operator::JoinKind;
use crate::physical::hidden::last_watermark;
use crate::physical::number::{Number, at_end_of_time};

/// A right row.
struct Version {
    key: Option<Row>,
    time: i64,
    row: Row,
}

/// A left row that waits until time has passed it.
struct Waiting {
    row: Row,
    time: i64,
    /// Its version, of those at or before its time.
    version: Option<Version>,
    /// Had time passed it when it came?
    behind: bool,
}

pub(super) fn run(mut join: Joining<'_>, left: &Stream, right: &Stream) -> Output {
    let mut waiting: Vec<Waiting> = Vec::new();
    let mut versions: Vec<Version> = Vec::new();
    for number in join.clock.numbers(&[left, right]) {
        for item in of_number(left, number) {
            let time = time_of(&join.node.left, &item.row);
            let met = join.clock.met(number, own_of(&join.node.left, &item.row));
            let key = key_of(&join.node.left.keys, &item.row);
            let version = version_of(&versions, &key, time, met);
            waiting.push(Waiting {
                row: item.row.clone(),
                time,
                version,
                behind: met > last_watermark(time),
            });
        }
        for item in of_number(right, number) {
            let time = time_of(&join.node.right, &item.row);
            let met = join.clock.met(number, own_of(&join.node.right, &item.row));
            let key = key_of(&join.node.right.keys, &item.row);
            for left in &mut waiting {
                let of_key = key.is_some() && key_of(&join.node.left.keys, &left.row) == key;
                let is_newer = left.version.as_ref().is_none_or(|known| known.time <= time);
                // A version that is behind is none for rows that came before it.
                if of_key && !left.behind && time <= left.time && is_newer && met <= last_watermark(time) {
                    left.version = Some(Version { key: key.clone(), time, row: item.row.clone() });
                }
            }
            versions.push(Version { key, time, row: item.row.clone() });
        }
        let watermark = join.clock.behind(number);
        let (mut due, still): (Vec<_>, Vec<_>) =
            waiting.into_iter().partition(|left| last_watermark(left.time) < watermark);
        waiting = still;
        // Those that were behind come last, as they came.
        due.sort_by_key(|left| (left.behind, if left.behind { 0 } else { left.time }));
        due.into_iter().for_each(|left| give(&mut join, number, left));
    }
    waiting.sort_by_key(|left| left.time);
    for left in waiting {
        let number = at_end_of_time(join.level, left.time);
        give(&mut join, number, left);
    }
    join.done()
}

/// The version of a left row when it comes. Of those at or before the watermark, only the latest is kept.
fn version_of(versions: &[Version], key: &Option<Row>, time: i64, met: i64) -> Option<Version> {
    let of_key = versions.iter().filter(|version| key.is_some() && version.key == *key);
    // Of equal times, the one that came last.
    let latest = |until: i64| {
        of_key.clone().enumerate().filter(|(_, v)| v.time <= until).max_by_key(|(at, v)| (v.time, *at))
    };
    let kept = |(at, version): &(usize, &Version)| {
        version.time > met || latest(met).is_some_and(|(last, _)| last == *at)
    };
    let found = latest(time).filter(kept);
    found.map(|(_, v)| Version { key: v.key.clone(), time: v.time, row: v.row.clone() })
}

fn give(join: &mut Joining<'_>, number: Number, left: Waiting) {
    let version = left.version.map(|version| version.row);
    let version = version.filter(|version| join.meet.holds(number, &left.row, version));
    let given = match join.node.kind {
        JoinKind::Inner | JoinKind::Semi => version.is_some(),
        JoinKind::Left => true,
        JoinKind::Anti => version.is_none(),
    };
    if given {
        let watermark = own_of(&join.node.left, &left.row);
        let row = join.row(&left.row, version.as_ref(), watermark);
        let change = change_of(&join.node.left, &left.row);
        join.give(number, row, change);
    }
}
