//! Interval joins, against a model that compares every row with every other.

use crate::streams::*;
use flow_env::Random;
use flow_plan::operator::JoinKind;
use flow_plan::physical::StreamBound;

/// What a join gives: each row with all that came before it, and behind each number what is due. Of two rows of one number,
/// the one with the greater `n` came later.
fn model(case: &Case, kind: JoinKind, (lo, hi): (i64, i64), condition: bool) -> Vec<Given> {
    let (placed, behind) = (case.placed(), case.watermarks());
    let mut partners = vec![0; placed.len()];
    let mut gone = vec![false; placed.len()];
    let mut out = Vec::new();
    let mut at = 0;
    for (number, watermark) in behind.iter().enumerate().map(|(n, w)| (n, *w)).chain([(usize::MAX, i64::MAX)])
    {
        while at < placed.len() && placed[at].number == number {
            let row = placed[at];
            for other in 0..at {
                let (left, right) = if row.event.side == 0 { (at, other) } else { (other, at) };
                let (l, r) = (placed[left].event, placed[right].event);
                let is_left = row.event.side == 0 || placed[left].number == number && l.n > r.n;
                let (met, stays) = match is_left {
                    true => (placed[left].met, r.time - lo),
                    false => (placed[right].met, l.time + hi),
                };
                let distance = r.time - l.time;
                let meets = l.side == 0
                    && r.side == 1
                    && l.key.is_some()
                    && l.key == r.key
                    && (lo..=hi).contains(&distance)
                    && met <= stays
                    && (!condition || odd(l, r));
                if !meets {
                    continue;
                }
                partners[left] += 1;
                match kind {
                    JoinKind::Inner | JoinKind::Left => out.push(Given::new(l, Some(r), 1)),
                    JoinKind::Semi if partners[left] == 1 => out.push(Given::new(l, None, 1)),
                    _ => {}
                }
            }
            at += 1;
        }
        let over = |i: &usize| placed[*i].event.side == 0 && placed[*i].event.time + hi < watermark;
        let mut due: Vec<usize> = (0..at).filter(|i| over(i) && !gone[*i]).collect();
        due.sort_by_key(|i| placed[*i].event.time);
        for i in due {
            gone[i] = true;
            if partners[i] == 0 && matches!(kind, JoinKind::Left | JoinKind::Anti) {
                out.push(Given::new(placed[i].event, None, 1));
            }
        }
    }
    out
}

#[test]
fn intervals_give_what_a_comparison_of_all_rows_gives() {
    for seed in 0..60 {
        let mut random = Random::new(seed);
        let case = Case::random(&mut random);
        let lo = random.below(60) as i64 - 40;
        let hi = lo + random.below(50) as i64;
        let condition = random.below(2) == 0;
        for kind in KINDS {
            let bound = StreamBound::Interval { lo, hi };
            let join = Join { kind, bound, condition, withdrawn: false, changes: false };
            let about = format!("seed {seed}, {kind:?} {lo}..{hi}");
            let got = given(&case, &join, &mut random, &about);
            let expected = model(&case, kind, (lo, hi), condition);
            assert_eq!(got, expected, "{about}");
        }
    }
}

#[test]
fn times_at_both_ends_of_time_meet_without_overflow() {
    let times = [i64::MIN, i64::MIN + 1, -1, 0, i64::MAX - 1, i64::MAX];
    let event = |n: usize, side: i64| Event { side, key: Some(1), n: n as i64, time: times[n], change: 1 };
    let events = (0..times.len()).flat_map(|n| [event(n, 0), event(n, 1)]).collect();
    let case = Case { events, chunk: 50, delay: 10 };
    for (lo, hi) in [(-1, 1), (i64::MIN, i64::MAX), (i64::MAX - 1, i64::MAX)] {
        for kind in KINDS {
            let bound = StreamBound::Interval { lo, hi };
            let join = Join { kind, bound, condition: false, withdrawn: false, changes: false };
            let got = given(&case, &join, &mut Random::new(1), "ends of time");
            if kind == JoinKind::Inner && hi == 1 {
                assert!(got.len() >= times.len(), "{got:?}");
            }
        }
    }
}

#[test]
fn a_million_pairs_of_one_key_come_in_pieces() {
    let event = |n: i64| Event { side: n % 2, key: Some(7), n, time: n, change: 1 };
    let case = Case { events: (0..2000).map(event).collect(), chunk: 500, delay: 0 };
    let bound = StreamBound::Interval { lo: -5000, hi: 5000 };
    let join = Join { kind: JoinKind::Inner, bound, condition: false, withdrawn: false, changes: false };
    assert_eq!(given(&case, &join, &mut Random::new(1), "a million").len(), 1_000_000);
}
