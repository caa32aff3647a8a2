use super::log::{Split, TimeLog};

const A: Split = (0, 0);
const B: Split = (1, 0);

fn steps(log: &TimeLog, to: u64) -> Vec<(u64, i64)> {
    let reader = log.reader();
    let mut out = Vec::new();
    log.read(reader, to, &mut out);
    out
}

#[test]
fn a_watermark_is_known_when_all_workers_have_closed_its_number() {
    let log = TimeLog::new(5, &[A], 2);
    log.report(0, 0, A, 100);
    log.report(1, 1, A, 90);
    log.report(0, 2, A, 130);
    log.close(0, 3);
    assert_eq!(log.latest(), i64::MIN);
    log.close(1, 2);
    assert_eq!(steps(&log, 2), [(0, 95)]);
    log.close(1, 3);
    assert_eq!(steps(&log, 3), [(0, 95), (2, 125)]);
    assert_eq!((log.behind(0), log.behind(1), log.behind(2)), (95, 95, 125));
}

#[test]
fn the_slowest_split_decides() {
    let log = TimeLog::new(0, &[A, B], 1);
    log.report(0, 0, A, 100);
    log.report(0, 1, B, 40);
    log.report(0, 2, B, 70);
    log.close(0, 3);
    assert_eq!(steps(&log, 3), [(1, 40), (2, 70)]);
}

#[test]
fn steps_that_every_reader_has_passed_are_forgotten_but_the_last() {
    let log = TimeLog::new(0, &[A], 1);
    let (a, b) = (log.reader(), log.reader());
    for number in 0..10 {
        log.report(0, number, A, number as i64);
    }
    log.close(0, 10);
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
