//! As-of joins, against a model that looks through all versions.

use crate::streams::*;
use flow_env::Random;
use flow_plan::operator::JoinKind;
use flow_plan::physical::StreamBound;

/// What a left row gives with the version it meets.
fn give(out: &mut Vec<Given>, join: &Join, left: Event, version: Option<Event>) {
    let version = version.filter(|version| !join.condition || odd(left, *version));
    match (join.kind, version) {
        (JoinKind::Inner | JoinKind::Left, Some(version)) => out.push(Given::new(left, Some(version), 1)),
        (JoinKind::Semi, Some(_)) | (JoinKind::Left | JoinKind::Anti, None) => {
            out.push(Given::new(left, None, 1));
        }
        _ => {}
    }
}

fn model(case: &Case, join: &Join) -> Vec<Given> {
    let (placed, behind) = (case.placed(), case.watermarks());
    let of = |left: usize, until: usize, among: &dyn Fn(usize) -> bool| {
        let key = placed[left].event.key;
        let versions = (0..until).filter(|i| {
            placed[*i].event.side == 1 && key.is_some() && placed[*i].event.key == key && among(*i)
        });
        versions.max_by_key(|i| (placed[*i].event.time, *i)).map(|i| placed[i].event)
    };
    let (mut out, mut waiting) = (Vec::new(), Vec::new());
    let mut at = 0;
    for (number, watermark) in behind.iter().enumerate().map(|(n, w)| (n, *w)).chain([(usize::MAX, i64::MAX)])
    {
        let mut late = Vec::new();
        while at < placed.len() && placed[at].number == number {
            let row = placed[at];
            if row.event.side == 0 && row.met <= row.event.time {
                waiting.push(at);
            } else if row.event.side == 0 {
                let in_force = of(at, at, &|i| placed[i].event.time <= row.met);
                late.push((row.event, in_force.filter(|version| version.time <= row.event.time)));
            }
            at += 1;
        }
        let (mut due, others): (Vec<usize>, Vec<usize>) =
            waiting.into_iter().partition(|i| placed[*i].event.time < watermark);
        waiting = others;
        due.sort_by_key(|i| placed[*i].event.time);
        for left in due {
            let known = |i: usize| {
                placed[i].event.time <= placed[left].event.time
                    && (i < left || placed[i].met <= placed[i].event.time)
            };
            give(&mut out, join, placed[left].event, of(left, at, &known));
        }
        late.into_iter().for_each(|(left, version)| give(&mut out, join, left, version));
    }
    out
}

#[test]
fn each_left_row_meets_the_version_of_its_time() {
    for seed in 0..80 {
        let mut random = Random::new(seed);
        let case = Case::random(&mut random);
        let condition = random.below(3) == 0;
        for kind in KINDS {
            let join = Join { kind, bound: StreamBound::AsOf, condition, withdrawn: false, changes: false };
            let about = format!("seed {seed}, {kind:?}, condition {condition}");
            let got = given(&case, &join, &mut random, &about);
            assert_eq!(got, model(&case, &join), "{about}");
        }
    }
}
