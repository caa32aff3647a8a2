use super::{ASIDE, Latest, News, Origin, Promise, Split, TimeLog};
use flow_plan::operator::StateIdentity;
use flow_plan::physical::hidden::{END_OF_TIME, NO_WATERMARK};
use std::time::Duration;

const A: Split = (0, 0);
const B: Split = (1, 0);

/// Sources that are read as one.
fn whole(sources: usize) -> Origin {
    Origin {
        sources: (0..sources).map(|source| (source, None)).collect(),
        gathered: false,
        limited: Vec::new(),
    }
}

/// One source with splits whose first rows are known.
fn splits(firsts: &[i64]) -> Origin {
    let promise = |time: &i64| Promise { time: *time, seen: false };
    let promises = firsts.iter().map(promise).collect();
    Origin { sources: vec![(0, Some(promises))], gathered: false, limited: Vec::new() }
}

fn close(log: &TimeLog, to: u64) {
    log.close(0, to, to);
}

fn steps(log: &TimeLog, to: u64) -> Vec<(u64, i64)> {
    let (reader, _) = log.reader();
    let mut out = Vec::new();
    log.read(reader, to, &mut out);
    out
}

fn latest(watermark: i64, seen: i64, aside: Option<u64>) -> Latest {
    Latest { watermark, seen, aside }
}

#[test]
fn a_watermark_is_known_when_all_workers_have_closed_its_number() {
    let log = TimeLog::new(5, None, whole(1), 2);
    log.report(0, 0, A, 100);
    log.report(1, 1, A, 90);
    log.report(0, 2, A, 130);
    log.close(0, 3, 3);
    assert_eq!(log.latest(), latest(NO_WATERMARK, NO_WATERMARK, None));
    log.close(1, 2, 3);
    assert_eq!(steps(&log, 2), [(0, 95)]);
    log.close(1, 3, 3);
    assert_eq!(steps(&log, 3), [(0, 95), (2, 125)]);
    assert_eq!((log.behind(0), log.behind(1), log.behind(2)), (95, 95, 125));
}

#[test]
fn the_slowest_split_decides() {
    let log = TimeLog::new(0, None, whole(2), 1);
    log.report(0, 0, A, 100);
    log.report(0, 1, B, 40);
    log.report(0, 2, B, 70);
    close(&log, 3);
    assert_eq!(steps(&log, 3), [(1, 40), (2, 70)]);
}

#[test]
fn steps_that_every_reader_has_passed_are_forgotten_but_the_last() {
    let log = TimeLog::new(0, None, whole(1), 1);
    let ((a, _), (b, _)) = (log.reader(), log.reader());
    for number in 0..10 {
        log.report(0, number, A, number as i64);
    }
    close(&log, 10);
    let mut out = Vec::new();
    log.read(a, 10, &mut out);
    assert_eq!(out.len(), 10);
    out.clear();
    log.read(b, 8, &mut out);
    assert_eq!(out.len(), 8);
    assert_eq!(log.behind(8), 8);
    out.clear();
    log.read(b, 10, &mut out);
    assert_eq!(out, [(8, 8), (9, 9)]);
}

#[test]
fn a_split_that_nobody_has_read_stands_at_its_first_row() {
    let log = TimeLog::new(0, None, splits(&[100, 150]), 1);
    log.report(0, 0, (0, 0), 400);
    log.report(0, 1, (0, 1), 180);
    close(&log, 2);
    assert_eq!(steps(&log, 2), [(0, 150), (1, 180)]);
}

#[test]
fn a_split_that_ended_is_not_waited_for() {
    let log = TimeLog::new(0, None, splits(&[100, 150]), 1);
    log.report(0, 0, (0, 1), 900);
    log.report(0, 1, (0, 0), 120);
    log.tell(2, News::SplitEnded((0, 0)));
    log.report(0, 2, (0, 1), 800);
    close(&log, 3);
    assert_eq!(steps(&log, 3), [(0, 100), (1, 120), (2, 900)]);
}

#[test]
fn a_source_that_ended_does_not_hold_back_others() {
    let log = TimeLog::new(0, None, whole(1), 1);
    log.report(0, 0, A, 70);
    log.tell(1, News::SourceEnded(0));
    log.close(0, 2, 2);
    assert_eq!(steps(&log, 2), [(0, 70), (1, END_OF_TIME)]);
}

#[test]
fn the_end_of_all_input_is_no_news() {
    let log = TimeLog::new(0, None, whole(1), 1);
    log.report(0, 0, A, 70);
    log.tell(1, News::SourceEnded(0));
    log.close(0, u64::MAX, 1);
    assert_eq!(steps(&log, u64::MAX), [(0, 70)]);
}

#[test]
fn a_silent_split_is_not_waited_for_until_it_has_rows_again() {
    let log = TimeLog::new(0, Some(5_000_000), whole(2), 1);
    log.report(0, 0, A, 100);
    log.report(0, 1, B, 40);
    log.tell(2, News::Silent(1, Duration::from_secs(1)));
    log.tell(3, News::Silent(1, Duration::from_secs(5)));
    log.report(0, 4, A, 130);
    log.tell(5, News::Awake(1));
    log.report(0, 5, B, 120);
    log.report(0, 6, A, 150);
    close(&log, 7);
    assert_eq!(steps(&log, 7), [(1, 40), (3, 100), (4, 130)]);
    assert_eq!(log.latest(), latest(130, 150, None));
}

#[test]
fn when_all_splits_are_silent_time_stands_aside() {
    let log = TimeLog::new(0, Some(1), whole(1), 1);
    log.report(0, 0, A, 100);
    log.tell(1, News::Silent(0, Duration::from_secs(1)));
    close(&log, 2);
    assert_eq!(log.latest(), latest(100, 100, Some(1)));
    log.tell(2, News::Awake(0));
    log.report(0, 2, A, 90);
    close(&log, 3);
    assert_eq!(steps(&log, 3), [(0, 100), (1, ASIDE), (2, 100)]);
    assert_eq!(log.latest(), latest(100, 100, None));
}

#[test]
fn behind_a_gather_the_end_of_a_source_changes_nothing() {
    let origin = Origin { sources: vec![(0, None), (1, None)], gathered: true, limited: Vec::new() };
    let log = TimeLog::new(0, None, origin, 1);
    log.report(0, 0, A, 100);
    log.tell(1, News::SourceEnded(0));
    log.report(0, 2, B, 130);
    close(&log, 3);
    assert_eq!(steps(&log, 3), [(0, 100), (2, 130)]);
}

#[test]
fn first_rows_that_are_known_count_from_the_first_number_on() {
    let log = TimeLog::new(10, None, splits(&[100, 150]), 1);
    close(&log, 1);
    assert_eq!(steps(&log, 1), [(0, 90)]);
}

#[test]
fn what_is_promised_of_a_split_that_nobody_read_is_made_anew_when_a_job_goes_on() {
    let names = [StateIdentity { id: "in".into(), was: None }];
    let before = TimeLog::new(0, None, splits(&[10, 150, 120]), 1);
    before.report(0, 0, (0, 0), 100);
    close(&before, 1);
    let saved = before.save(&["in".to_string()]);
    // Today's filter lets an earlier row of the second split through, and of the third a later one.
    let mut origin = splits(&[10, 130, 140]);
    if let Some((_, Some(promises))) = origin.sources.first_mut() {
        promises[0].seen = true;
    }
    let log = TimeLog::new(0, None, origin, 1);
    log.load(&saved, &names).unwrap();
    log.report(0, 0, (0, 0), 200);
    log.report(0, 1, (0, 2), 160);
    close(&log, 2);
    assert_eq!(steps(&log, 2), [(0, 120), (1, 130)]);
}

#[test]
fn what_is_promised_of_a_split_that_was_begun_is_made_anew_if_no_row_of_it_came() {
    let names = [StateIdentity { id: "in".into(), was: None }];
    let before = TimeLog::new(0, None, splits(&[10, 150]), 1);
    before.report(0, 0, (0, 0), 100);
    // Of the second one, a chunk was read; the filter let nothing of it through.
    close(&before, 2);
    let saved = before.save(&["in".to_string()]);
    assert_eq!(TimeLog::promised(&saved, &names), Ok([(0, 1)].into()));
    let log = TimeLog::new(0, None, splits(&[10, 130]), 1);
    log.load(&saved, &names).unwrap();
    log.report(0, 0, (0, 0), 200);
    close(&log, 1);
    assert_eq!(steps(&log, 1), [(0, 130)]);
    let again = log.save(&["in".to_string()]);
    assert_eq!(TimeLog::promised(&again, &names), Ok([(0, 1)].into()), "still none came");
}

/// Two sources, one of which comes by two ways: through one limit, and through two.
fn limited(gathered: bool) -> Origin {
    let sources = vec![(0, None), (1, None)];
    Origin { sources, gathered, limited: vec![(0, vec![vec![7], vec![8, 9]])] }
}

#[test]
fn a_source_is_over_when_on_each_way_a_limit_is_full() {
    let log = TimeLog::new(0, None, limited(false), 1);
    log.report(0, 0, A, 40);
    log.report(0, 1, B, 100);
    let full = |all: &'static [(usize, u64)]| {
        move |limit: usize| all.iter().find(|(known, _)| *known == limit).map(|(_, number)| *number)
    };
    log.fill(full(&[(7, 1)]));
    close(&log, 2);
    log.report(0, 2, A, 50);
    log.report(0, 4, A, 60);
    log.fill(full(&[(7, 1), (8, 5)]));
    // Earlier in the sequence, although it was said later.
    log.fill(full(&[(7, 1), (8, 5), (9, 4)]));
    log.report(0, 6, A, 70);
    log.report(0, 7, B, 120);
    close(&log, 8);
    assert_eq!(steps(&log, 8), [(1, 40), (2, 50), (4, 100), (7, 120)]);
}

#[test]
fn behind_a_gather_limits_end_time_when_they_end_all_sources() {
    for both in [false, true] {
        let mut origin = limited(true);
        if both {
            origin.limited.push((1, vec![vec![7]]));
        }
        let log = TimeLog::new(0, None, origin, 1);
        log.report(0, 0, A, 100);
        log.fill(|limit| (limit != 9).then_some(1));
        log.report(0, 2, B, 130);
        close(&log, 3);
        let behind = if both { (1, END_OF_TIME) } else { (2, 130) };
        assert_eq!(steps(&log, 3), [(0, 100), behind]);
    }
}
