//! Of a changelog's rows, those that are withdrawn: which of the rows that are kept, or that came before them
//! in the same batch, goes.

use super::stream::{Core, ints};
use flow_data::hash::hash_columns;
use flow_data::{Batch, Column, NO_ROW};
use std::collections::HashMap;

/// What is known of the first rows of a batch: of all, unless it depends on what the join does with these.
#[derive(Default)]
pub(crate) struct Withdrawn {
    /// 1: added, -1: withdrawn, 0: withdrawn and not there.
    pub(crate) signs: Vec<i64>,
    /// Of a withdrawn row: the kept row that goes, or [`NO_ROW`].
    pub(crate) victims: Vec<u32>,
    /// Of a withdrawn row that came in the same batch: that row, or [`NO_ROW`].
    pub(crate) twins: Vec<u32>,
    /// Was a row that was added withdrawn in the same batch?
    pub(crate) undone: Vec<bool>,
}

/// Finds them, and takes those that are kept out of their lists. `keyless`: rows without a key are not kept,
/// and go as they come. `there`: is a kept row that was used last at a time still there for a row of the
/// batch? `twin_there`: is, for a row, one of the batch surely there?
pub(crate) fn find(
    core: &mut Core,
    side: usize,
    batch: &Batch,
    (slots, keyless): (&[u32], bool),
    there: &dyn Fn(usize, i64) -> bool,
    twin_there: &dyn Fn(usize, usize) -> bool,
) -> Withdrawn {
    let rows = batch.len;
    let mut found = Withdrawn {
        signs: match core.sides[side].hidden.change {
            Some(column) => ints(batch, column).to_vec(),
            None => vec![1; rows],
        },
        victims: vec![NO_ROW; rows],
        twins: vec![NO_ROW; rows],
        undone: vec![false; rows],
    };
    if found.signs.iter().all(|&sign| sign > 0) {
        return found;
    }
    let columns = core.alike(side).to_vec();
    let picked: Vec<&Column> = columns.iter().map(|&column| batch.columns[column].as_ref()).collect();
    let mut hashes = Vec::new();
    hash_columns(&picked, rows, &mut hashes);
    let same = |a: usize, b: usize| slots[a] == slots[b] && picked.iter().all(|column| column.same(a, b));
    let mut added: HashMap<u64, Vec<u32>> = HashMap::new();
    for row in (0..rows).filter(|&row| !keyless || slots[row] != NO_ROW) {
        if found.signs[row] > 0 {
            added.entry(hashes[row]).or_default().push(row as u32);
            continue;
        }
        let kept = &core.kept[side];
        let goes = |number: u32| there(row, kept.time(number)) && kept.equals(number, &columns, batch, row);
        let mut next = kept.first(slots[row]);
        while next != NO_ROW && !goes(next) {
            next = kept.following(next);
        }
        if next != NO_ROW {
            core.unlink(side, next);
            found.victims[row] = next;
            continue;
        }
        let twins = added.entry(hashes[row]).or_default();
        match twins.iter().position(|&twin| same(twin as usize, row)) {
            Some(at) if twin_there(row, twins[at] as usize) => {
                let twin = twins.remove(at);
                found.undone[twin as usize] = true;
                found.twins[row] = twin;
            }
            Some(_) => {
                found.signs.truncate(row);
                return found;
            }
            None => found.signs[row] = 0,
        }
    }
    found
}
