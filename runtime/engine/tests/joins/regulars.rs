//! Regular joins, against a model that takes row after row.

use crate::streams::*;
use flow_env::Random;
use flow_plan::operator::JoinKind;
use flow_plan::physical::StreamBound;

struct Kept {
    event: Event,
    partners: u32,
    used: i64,
}

/// What a join gives for each row that is added or withdrawn.
fn model(case: &Case, join: &Join, ttl: Option<i64>) -> Vec<Given> {
    let behind = case.watermarks();
    let mut kept: [Vec<Kept>; 2] = [Vec::new(), Vec::new()];
    let mut out = Vec::new();
    let mut last = 0;
    for row in case.placed() {
        for side in &mut kept {
            let watermark = if row.number > last { behind[row.number - 1] } else { i64::MIN };
            side.retain(|kept| ttl.is_none_or(|ttl| kept.used + ttl >= watermark));
        }
        last = row.number;
        let (event, sign) = (row.event, row.event.change);
        let side = event.side as usize;
        let Some(_) = event.key else {
            if side == 0 && matches!(join.kind, JoinKind::Left | JoinKind::Anti) {
                out.push(Given::new(event, None, sign));
            }
            continue;
        };
        // Of right rows that are only looked for, those of a key are alike.
        let only_key = side == 1 && matches!(join.kind, JoinKind::Semi | JoinKind::Anti) && !join.condition;
        let is = |kept: &Kept| {
            let alike = if only_key { kept.event.key == event.key } else { kept.event.n == event.n };
            alike && ttl.is_none_or(|ttl| row.met <= kept.used + ttl)
        };
        let known = match sign {
            1 => None,
            _ => match kept[side].iter().position(is) {
                Some(at) => Some(kept[side].remove(at)),
                None => continue,
            },
        };
        let (mut met, mut used) = (0, event.time);
        for other in kept[1 - side].iter_mut() {
            let (left, right) = if side == 0 { (event, other.event) } else { (other.event, event) };
            let there = ttl.is_none_or(|ttl| row.met <= other.used + ttl);
            if left.key != right.key || !there || (join.condition && !odd(left, right)) {
                continue;
            }
            met += 1;
            used = used.max(other.event.time);
            other.used = event.time.max(other.used);
            if side == 0 {
                let alone = known.as_ref().is_some_and(|known| known.partners == 0);
                if join.kind == JoinKind::Inner || (join.kind == JoinKind::Left && !alone) {
                    out.push(Given::new(left, Some(right), sign));
                }
                continue;
            }
            let before = other.partners;
            other.partners = if sign > 0 { before + 1 } else { before - 1 };
            let (first, last) = (before == 0, other.partners == 0);
            match join.kind {
                JoinKind::Inner => out.push(Given::new(left, Some(right), sign)),
                JoinKind::Left => {
                    if first {
                        out.push(Given::new(left, None, -1));
                    }
                    out.push(Given::new(left, Some(right), sign));
                    if last {
                        out.push(Given::new(left, None, 1));
                    }
                }
                JoinKind::Semi if first || last => out.push(Given::new(left, None, sign)),
                JoinKind::Anti if first || last => out.push(Given::new(left, None, -sign)),
                _ => {}
            }
        }
        if side == 0 {
            let partners = known.as_ref().map_or(met, |known| known.partners);
            match join.kind {
                JoinKind::Left | JoinKind::Anti if partners == 0 => out.push(Given::new(event, None, sign)),
                JoinKind::Semi if partners > 0 => out.push(Given::new(event, None, sign)),
                _ => {}
            }
        }
        if sign > 0 {
            kept[side].push(Kept { event, partners: met, used });
        }
    }
    out.retain(|given| join.changes || given.change > 0);
    out
}

/// Withdraws some of the rows later.
fn withdraw(case: &mut Case, random: &mut Random) {
    let mut events: Vec<Event> = Vec::new();
    let mut there: Vec<Event> = Vec::new();
    for event in std::mem::take(&mut case.events) {
        events.push(event);
        there.push(event);
        while !there.is_empty() && random.below(3) == 0 {
            let gone = there.swap_remove(random.below(there.len() as u64) as usize);
            events.push(Event { change: -1, ..gone });
        }
    }
    case.events = events;
}

#[test]
fn each_row_gives_and_withdraws_what_it_changes() {
    for seed in 0..60 {
        let mut random = Random::new(seed);
        let mut case = Case::random(&mut random);
        let withdrawn = random.below(3) > 0;
        if withdrawn {
            withdraw(&mut case, &mut random);
        }
        let ttl = (random.below(3) == 0).then(|| random.below(60) as i64);
        let (condition, changes) = (random.below(2) == 0, random.below(4) > 0);
        for kind in KINDS {
            let join = Join { kind, bound: StreamBound::Regular { ttl }, condition, withdrawn, changes };
            let about =
                format!("seed {seed}, {kind:?}, ttl {ttl:?}, withdrawn {withdrawn}, changes {changes}");
            let got = given(&case, &join, &mut random, &about);
            let expected = model(&case, &join, ttl);
            let at = got.iter().zip(&expected).position(|(a, b)| a != b);
            let rows = at.map(|at| (&got[at.saturating_sub(1)..=at], &expected[at..=at]));
            assert!(got == expected, "{about}: at {at:?}: {rows:?}; {} and {}", got.len(), expected.len());
        }
    }
}

#[test]
fn what_a_changelog_adds_up_to_is_the_join_of_what_is_left() {
    for seed in 100..130 {
        let mut random = Random::new(seed);
        let mut case = Case::random(&mut random);
        withdraw(&mut case, &mut random);
        for kind in KINDS {
            let bound = StreamBound::Regular { ttl: None };
            let join = Join { kind, bound, condition: seed % 2 == 0, withdrawn: true, changes: true };
            let mut sum: std::collections::BTreeMap<(i64, Option<i64>), i64> = Default::default();
            for given in given(&case, &join, &mut random, "sum") {
                *sum.entry((given.left, given.right)).or_default() += given.change;
            }
            sum.retain(|_, count| *count != 0);
            let gone: Vec<i64> = case.events.iter().filter(|e| e.change < 0).map(|e| e.n).collect();
            let left_over = Case {
                events: case.events.iter().copied().filter(|event| !gone.contains(&event.n)).collect(),
                ..case
            };
            let final_rows = Join { withdrawn: false, bound: StreamBound::Regular { ttl: None }, ..join };
            let mut expected: std::collections::BTreeMap<(i64, Option<i64>), i64> = Default::default();
            for given in model(&left_over, &final_rows, None) {
                *expected.entry((given.left, given.right)).or_default() += given.change;
            }
            expected.retain(|_, count| *count != 0);
            assert_eq!(sum, expected, "seed {seed}, {kind:?}");
        }
    }
}
