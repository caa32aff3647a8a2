//! Many entries that go to disk at once: in the order of their hashes, so that they are written as they come.

use super::table::KeyTable;
use flow_data::hash::hash_columns;

/// Entries of so many rows, about, are put on disk at once.
const PIECE: usize = 1 << 12;

/// An entry that goes to disk.
pub(crate) struct Going {
    pub(crate) hash: u64,
    pub(crate) slot: u32,
    pub(crate) rows: u32,
}

/// All entries of a table but those that are kept, which ascend, and those without rows.
pub(crate) fn in_order_of_hashes(table: &KeyTable, kept: &[u32], rows: impl Fn(u32) -> usize) -> Vec<Going> {
    let mut one = Vec::new();
    let hashes = match table.columns() {
        // Without a key, there is one entry.
        0 => {
            hash_columns(&[], table.len(), &mut one);
            &one
        }
        _ => table.hashes(),
    };
    let mut stays = kept.iter().copied().peekable();
    let mut goes = Vec::with_capacity(table.len().saturating_sub(kept.len()));
    for (slot, &hash) in (0..).zip(hashes) {
        if stays.next_if_eq(&slot).is_some() {
            continue;
        }
        let rows = rows(slot) as u32;
        if rows > 0 {
            goes.push(Going { hash, slot, rows });
        }
    }
    goes.sort_unstable_by_key(|going| (going.hash, going.slot));
    goes
}

/// The bytes of some of all entries, about.
pub(crate) fn share(bytes: usize, some: usize, all: usize) -> usize {
    (bytes as u128 * some as u128 / all.max(1) as u128) as usize
}

/// Entries piece by piece; those of one hash are in one.
pub(crate) struct Pieces<'a>(pub(crate) &'a [Going]);

impl<'a> Iterator for Pieces<'a> {
    type Item = &'a [Going];

    fn next(&mut self) -> Option<&'a [Going]> {
        let Pieces(rest) = self;
        let (mut end, mut rows) = (0, 0);
        for same in rest.chunk_by(|a, b| a.hash == b.hash) {
            rows += same.iter().map(|going| going.rows as usize).sum::<usize>();
            if end > 0 && rows > PIECE {
                break;
            }
            end += same.len();
        }
        let (piece, behind) = rest.split_at(end);
        *rest = behind;
        Some(piece).filter(|piece| !piece.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_of_one_hash_go_together_whatever_comes_of_it() {
        let going = |slot: u32| Going { hash: u64::from(slot) / 3_000, slot, rows: 1 + slot % 2 };
        let goes: Vec<Going> = (0..20_000).map(going).collect();
        let pieces: Vec<&[Going]> = Pieces(&goes).collect();
        assert!(pieces.len() > 5, "{}", pieces.len());
        assert!(pieces.windows(2).all(|two| two[0].last().unwrap().hash < two[1][0].hash));
        let slots = pieces.iter().flat_map(|piece| piece.iter().map(|going| going.slot));
        assert!(slots.eq(0..20_000));
    }
}
