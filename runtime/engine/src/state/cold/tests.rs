use super::*;
use crate::state::Cold;
use flow_data::ColumnData;
use flow_env::{Random, SimDisk};
use std::collections::BTreeMap;

/// What is there of each hash: the values of its rows, and which of them have changed.
type Model = BTreeMap<u64, Vec<(i64, bool)>>;

fn columns(values: &[i64]) -> Columns {
    let mut columns = Columns::default();
    columns.ints("value", values.iter().copied());
    columns
}

fn values(rows: Batch) -> Vec<i64> {
    match &rows.columns[0].data {
        ColumnData::I64(values) => values.clone(),
        _ => unreachable!("a column of ints"),
    }
}

/// Puts rows of these hashes, in their order: some of a key that is there already, as if another key had the same hash.
fn put(cold: &mut Cold, model: &mut Model, random: &mut Random, crowd: bool) {
    let mut hashes: Vec<u64> = (0..random.below(300)).map(|_| random.below(2_000) << 40).collect();
    hashes.sort_unstable();
    let values: Vec<i64> = hashes.iter().map(|_| random.below(1_000_000) as i64).collect();
    let changed: Vec<bool> = hashes.iter().map(|_| random.below(2) == 0).collect();
    if crowd {
        cold.begin_crowd(hashes.len(), usize::MAX).unwrap();
    }
    // Those of a hash come at once.
    let (mut end, mut from) = (0, 0);
    for same in hashes.chunk_by(|a, b| a == b) {
        end += same.len();
        if random.below(20) == 0 || end == hashes.len() {
            cold.put(&hashes[from..end], columns(&values[from..end]), &changed[from..end]).unwrap();
            from = end;
        }
    }
    cold.end_crowd().unwrap();
    for (hash, row) in hashes.iter().zip(values.into_iter().zip(changed)) {
        model.entry(*hash).or_default().push(row);
    }
}

#[test]
fn entries_that_come_in_a_crowd_are_found_as_those_that_come_one_by_one() {
    for seed in 0..60 {
        let mut random = Random::new(seed);
        let mut cold = Cold::new(&Arc::new(Spill::of(SimDisk::new(seed), 1 << 20))).unwrap();
        let mut model = Model::new();
        for step in 0..40 {
            match random.below(3) {
                0 => put(&mut cold, &mut model, &mut random, true),
                1 => put(&mut cold, &mut model, &mut random, false),
                _ => {
                    let hashes: Vec<u64> = (0..2_000).filter(|_| random.below(3) == 0).collect();
                    let hashes: Vec<u64> = hashes.into_iter().map(|hash| hash << 40).collect();
                    let expected: Vec<(i64, bool)> =
                        hashes.iter().filter_map(|hash| model.remove(hash)).flatten().collect();
                    let taken = cold.take(&hashes).unwrap();
                    let found = taken.entries.map_or(Vec::new(), |entries| values(entries.into_rows()));
                    let found: Vec<(i64, bool)> = found.into_iter().zip(taken.changed).collect();
                    assert_eq!(found, expected, "seed {seed}, step {step}");
                }
            }
        }
        let (rows, _) = cold.read(0, usize::MAX).unwrap();
        let all: Vec<i64> = model.into_values().flatten().map(|(value, _)| value).collect();
        assert_eq!(rows.map_or(Vec::new(), |rows| values(rows.into_rows())), all, "seed {seed}");
    }
}

#[test]
fn a_crowd_in_another_order_is_refused_and_not_lost() {
    let mut cold = Cold::new(&Arc::new(Spill::of(SimDisk::new(1), 1 << 20))).unwrap();
    cold.begin_crowd(3, usize::MAX).unwrap();
    cold.put(&[5, 7], columns(&[1, 2]), &[false; 2]).unwrap();
    assert!(cold.put(&[6], columns(&[3]), &[false]).is_err());
}
