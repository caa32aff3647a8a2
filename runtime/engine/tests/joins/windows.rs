//! Window joins, against a model that puts every row into all its windows.

use crate::streams::*;
use flow_env::Random;
use flow_plan::operator::{JoinKind, Window, WindowKind};
use flow_plan::physical::StreamBound;
use std::collections::BTreeMap;

/// The windows of a time.
fn windows(kind: &WindowKind, time: i64) -> Vec<(i64, i64)> {
    match *kind {
        WindowKind::Tumbling { size, offset, .. } => {
            let start = (time - offset).div_euclid(size) * size + offset;
            vec![(start, start + size)]
        }
        WindowKind::Sliding { size, every } => {
            let last = time.div_euclid(every) * every;
            let starts = (0..).map(|n| last - n * every).take_while(|start| start + size > time);
            starts.map(|start| (start, start + size)).collect()
        }
        WindowKind::Cumulative { max, every } => {
            let start = time.div_euclid(max) * max;
            let ends = (1..).map(|n| start + n * every).take_while(|end| *end <= start + max);
            ends.filter(|end| *end > time).map(|end| (start, end)).collect()
        }
        _ => unreachable!(),
    }
}

/// What the left and right rows of one window give.
fn pairs(out: &mut Vec<Given>, join: &Join, left: &[Event], right: &[Event]) {
    for l in left {
        let meets = |r: &&Event| l.key.is_some() && l.key == r.key && (!join.condition || odd(*l, **r));
        let partners: Vec<&Event> = right.iter().filter(meets).collect();
        match join.kind {
            JoinKind::Inner => out.extend(partners.iter().map(|r| Given::new(*l, Some(**r), 1))),
            JoinKind::Left if !partners.is_empty() => {
                out.extend(partners.iter().map(|r| Given::new(*l, Some(**r), 1)));
            }
            JoinKind::Semi if partners.is_empty() => {}
            JoinKind::Anti if !partners.is_empty() => {}
            _ => out.push(Given::new(*l, None, 1)),
        }
    }
}

fn joined(kind: JoinKind, window: WindowKind, condition: bool) -> Join {
    let window = Window { kind: window, processing_time: false, lateness: 0 };
    Join { kind, bound: StreamBound::Window(window), condition, withdrawn: false, changes: false }
}

#[test]
fn windows_give_the_pairs_of_their_rows_when_they_end() {
    for seed in 0..60 {
        let mut random = Random::new(seed);
        let case = Case::random(&mut random);
        let size = 1 + random.below(60) as i64;
        let every = 1 + random.below(size as u64) as i64;
        let window = match random.below(3) {
            0 => WindowKind::Tumbling { size, offset: random.below(size as u64) as i64, zone: None },
            1 => WindowKind::Sliding { size, every },
            _ => WindowKind::Cumulative { max: every * 3, every },
        };
        let condition = random.below(2) == 0;
        for kind in KINDS {
            let join = joined(kind, window.clone(), condition);
            let about = format!("seed {seed}, {kind:?}, {window:?}, condition {condition}");
            let got = given(&case, &join, &mut random, &about);
            let mut all: BTreeMap<i64, [Vec<Event>; 2]> = BTreeMap::new();
            for row in case.placed() {
                let in_time = windows(&window, row.event.time).into_iter().filter(|(_, end)| row.met < *end);
                in_time.for_each(|(_, end)| {
                    all.entry(end).or_default()[row.event.side as usize].push(row.event)
                });
            }
            let mut expected = Vec::new();
            all.values().for_each(|[left, right]| pairs(&mut expected, &join, left, right));
            assert_eq!(got, expected, "{about}");
        }
    }
}

struct Session {
    key: Option<i64>,
    first: i64,
    last: i64,
    rows: [Vec<(usize, Event)>; 2],
}

#[test]
fn sessions_of_both_sides_give_their_pairs_when_they_end() {
    for seed in 0..60 {
        let mut random = Random::new(seed);
        let case = Case::random(&mut random);
        let gap = random.below(25) as i64;
        let condition = random.below(2) == 0;
        for kind in KINDS {
            let join = joined(kind, WindowKind::Session { gap }, condition);
            let about = format!("seed {seed}, {kind:?}, gap {gap}");
            let got = given(&case, &join, &mut random, &about);
            assert_eq!(got, of_sessions(&case, &join, gap), "{about}");
        }
    }
}

fn of_sessions(case: &Case, join: &Join, gap: i64) -> Vec<Given> {
    let (placed, behind) = (case.placed(), case.watermarks());
    let mut open: Vec<Session> = Vec::new();
    let mut out = Vec::new();
    let mut at = 0;
    for (number, watermark) in behind.iter().enumerate().map(|(n, w)| (n, *w)).chain([(usize::MAX, i64::MAX)])
    {
        while at < placed.len() && placed[at].number == number {
            let (event, met) = (placed[at].event, placed[at].met);
            at += 1;
            if event.key.is_none() && event.side == 1 {
                continue;
            }
            let near = |session: &Session| {
                // A row without a key is a session of its own.
                session.key == event.key
                    && event.key.is_some()
                    && (session.first - gap..=session.last + gap).contains(&event.time)
                    && met <= session.last + gap
            };
            let (mut joined, others): (Vec<Session>, Vec<Session>) = open.into_iter().partition(near);
            open = others;
            if joined.is_empty() && met > event.time + gap {
                continue;
            }
            let mut session = Session {
                key: event.key,
                first: event.time,
                last: event.time,
                rows: [Vec::new(), Vec::new()],
            };
            for other in joined.drain(..) {
                session.first = session.first.min(other.first);
                session.last = session.last.max(other.last);
                session.rows.iter_mut().zip(other.rows).for_each(|(rows, more)| rows.extend(more));
            }
            session.rows[event.side as usize].push((at, event));
            session.rows.iter_mut().for_each(|rows| rows.sort_by_key(|(at, _)| *at));
            open.push(session);
        }
        let (mut over, others): (Vec<Session>, Vec<Session>) =
            open.into_iter().partition(|session| session.last + gap < watermark);
        open = others;
        over.sort_by_key(|session| session.last);
        for same in over.chunk_by(|a, b| a.last == b.last) {
            let mut left: Vec<(usize, Event, &Session)> = Vec::new();
            same.iter().for_each(|s| left.extend(s.rows[0].iter().map(|(at, event)| (*at, *event, s))));
            left.sort_by_key(|(at, ..)| *at);
            for (_, event, session) in left {
                let right: Vec<Event> = session.rows[1].iter().map(|(_, event)| *event).collect();
                pairs(&mut out, join, &[event], &right);
            }
        }
    }
    out
}
