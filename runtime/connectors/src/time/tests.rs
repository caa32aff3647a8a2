//! Timestamps and durations there and back.

use super::*;
use crate::scan::PADDING;
use flow_env::Random;

fn fast(text: &str) -> Option<(i64, usize)> {
    let mut bytes = format!("{text}\"\n").into_bytes();
    let len = bytes.len();
    bytes.resize(len + PADDING, 0);
    fast_iso(Text::new(&bytes, len), 0, &mut LastDay::default())
}

fn shown(micros: i64) -> String {
    let mut out = Out::default();
    IsoWriter::default().write(micros, &mut out);
    String::from_utf8(out.bytes().to_vec()).unwrap()
}

#[test]
fn what_is_written_is_read_by_both_readers() {
    let mut random = Random::new(5);
    for i in 0..20_000 {
        let micros = random.below(253_402_300_798_000_000) as i64;
        let micros = if i % 2 == 0 { micros / 1000 * 1000 } else { micros };
        let text = shown(micros);
        let mut right = String::new();
        write_timestamp(&mut right, micros);
        assert_eq!(text, right);
        if let Some(got) = fast(&text) {
            assert_eq!(got, (micros, text.len()), "{text}");
        }
        let millis = micros / 1000 * 1000 + 7000;
        assert!(fast(&shown(millis)).is_some() || shown(millis).len() != 24, "{}", shown(millis));
    }
    for far in [i64::MIN, i64::MAX, -62_167_219_200_000_001, 253_402_300_800_000_000] {
        let text = shown(far);
        assert_eq!(parse_timestamp(&text), Some(far), "{text}");
    }
}

#[test]
fn a_writer_writes_days_in_any_order_and_both_ends_of_each() {
    let mut writer = IsoWriter::default();
    let mut random = Random::new(8);
    let ends = [0, 1, -1, DAY - 1, DAY, -DAY, -DAY - 1];
    let far = [-62_167_219_200_000_000, 253_402_300_799_999_999, i64::MIN, i64::MAX];
    let around = |near: i64| ends.map(|end| near.saturating_add(end));
    for i in 0..2_000 {
        let near = match i % 20 {
            0 => far[random.below(4) as usize],
            _ => random.below(100) as i64 * DAY + random.below(2) as i64 * 11_000_007,
        };
        for micros in around(near) {
            let (mut out, mut right) = (Out::default(), String::new());
            writer.write(micros, &mut out);
            write_timestamp(&mut right, micros);
            assert_eq!(std::str::from_utf8(out.bytes()).unwrap(), right);
        }
    }
}

#[test]
fn the_fast_reader_accepts_nothing_that_the_complete_one_refuses() {
    let mut random = Random::new(6);
    let right = b"2026-01-31T12:34:56.123456Z".to_vec();
    for _ in 0..50_000 {
        let mut text = right.clone();
        let at = random.below(27) as usize;
        text[at] = random.below(128) as u8;
        let Ok(text) = String::from_utf8(text) else { continue };
        if text.contains(['\n', '"']) {
            continue;
        }
        if let Some((micros, _)) = fast(&text) {
            assert_eq!(parse_timestamp(&text), Some(micros), "{text:?}");
        }
    }
}

#[test]
fn numbers_are_timestamps_by_their_unit() {
    assert_eq!(from_number(b"1700000000", TimeUnit::Seconds).unwrap(), 1_700_000_000_000_000);
    assert_eq!(from_number(b"1700000000.25", TimeUnit::Seconds).unwrap(), 1_700_000_000_250_000);
    assert_eq!(from_number(b"-1.5", TimeUnit::Millis).unwrap(), -1500);
    assert_eq!(from_number(b"1.7e12", TimeUnit::Millis).unwrap(), 1_700_000_000_000_000);
    assert!(from_number(b"9223372036854775807", TimeUnit::Millis).is_err());
}
