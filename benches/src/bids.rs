//! Nexmark bids as ndjson, about 190 bytes a row. Shapes follow the Nexmark generator: half of the
//! bids go to a hot auction, three of four come from a hot bidder, prices are log-uniform, events
//! are 100 µs apart and 46 of 50 events are bids.

use crate::random::Random;
use std::io::{self, Write};

pub(crate) const FIRST_ID: u64 = 1000;
pub(crate) const HOT_CHANNELS: [&str; 4] = ["Google", "Facebook", "Baidu", "Apple"];
/// 2026-01-01T00:00:00Z in milliseconds.
pub(crate) const START_MS: u64 = 1_767_225_600_000;

/// Writes `count` bids.
pub fn write(out: &mut impl Write, count: u64, seed: u64) -> io::Result<()> {
    let mut random = Random::new(seed);
    let mut row = Vec::with_capacity(512);
    let mut int = itoa::Buffer::new();
    let mut number = move |row: &mut Vec<u8>, n: u64| row.extend_from_slice(int.format(n).as_bytes());
    for i in 0..count {
        // Event number of the i-th bid: 4 of 50 events are persons and auctions.
        let event = i / 46 * 50 + i % 46 + 4;
        row.clear();
        row.extend_from_slice(b"{\"auction\":");
        number(&mut row, auction(&mut random, event));
        row.extend_from_slice(b",\"bidder\":");
        number(&mut row, bidder(&mut random, event));
        row.extend_from_slice(b",\"price\":");
        number(&mut row, (10f64.powf(random.unit() * 6.0) * 100.0).round() as u64);
        row.extend_from_slice(b",\"channel\":\"");
        match random.below(8) {
            hot @ 0..4 => row.extend_from_slice(HOT_CHANNELS[hot as usize].as_bytes()),
            _ => {
                row.extend_from_slice(b"channel-");
                number(&mut row, random.below(10_000));
            }
        }
        row.extend_from_slice(b"\",\"url\":\"https://www.nexmark.com/");
        letters(&mut random, &mut row, 5);
        row.extend_from_slice(b"/item.htm?query=1\",\"dateTime\":\"");
        date_time(&mut row, START_MS + event / 10);
        row.extend_from_slice(b"\",\"extra\":\"");
        let length = 8 + random.below(11);
        letters(&mut random, &mut row, length as usize);
        row.extend_from_slice(b"\"}\n");
        out.write_all(&row)?;
    }
    Ok(())
}

fn auction(random: &mut Random, event: u64) -> u64 {
    let last = event / 50 * 3 + 2;
    if random.below(2) == 0 {
        FIRST_ID + last / 100 * 100
    } else {
        FIRST_ID + last.saturating_sub(random.below(100.min(last + 1)))
    }
}

fn bidder(random: &mut Random, event: u64) -> u64 {
    let last = event / 50;
    if random.below(4) > 0 {
        FIRST_ID + last / 100 * 100 + 1
    } else {
        FIRST_ID + last.saturating_sub(random.below(1000.min(last + 1)))
    }
}

pub(crate) fn letters(random: &mut Random, row: &mut Vec<u8>, count: usize) {
    let mut bits = 0;
    for i in 0..count {
        if i % 8 == 0 {
            bits = random.bits();
        }
        row.push(b'a' + (((bits & 0xff) * 26) >> 8) as u8);
        bits >>= 8;
    }
}

/// `2026-01-01T00:00:00.000Z`.
pub(crate) fn date_time(row: &mut Vec<u8>, ms: u64) {
    let (year, month, day) = civil(ms / 86_400_000);
    let rest = ms % 86_400_000;
    let mut digits = |n: u64, width: u32, after: u8| {
        for place in (0..width).rev() {
            row.push(b'0' + (n / 10u64.pow(place) % 10) as u8);
        }
        row.push(after);
    };
    digits(year, 4, b'-');
    digits(month, 2, b'-');
    digits(day, 2, b'T');
    digits(rest / 3_600_000, 2, b':');
    digits(rest / 60_000 % 60, 2, b':');
    digits(rest / 1000 % 60, 2, b'.');
    digits(rest % 1000, 3, b'Z');
}

/// Year, month and day of a day number since 1970-01-01 (Hinnant's algorithm, days after 1970 only).
pub(crate) fn civil(days: u64) -> (u64, u64, u64) {
    let z = days + 719_468;
    let (era, doe) = (z / 146_097, z % 146_097);
    let yoe = (doe - doe / 1460 + doe / 36_524 - doe / 146_096) / 365;
    let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    let mp = (5 * doy + 2) / 153;
    let month = if mp < 10 { mp + 3 } else { mp - 9 };
    (yoe + era * 400 + u64::from(month <= 2), month, doy - (153 * mp + 2) / 5 + 1)
}

#[cfg(test)]
mod tests {
    #[test]
    fn rows_are_the_same_for_the_same_seed_and_about_190_bytes() {
        let (mut a, mut b) = (Vec::new(), Vec::new());
        super::write(&mut a, 10_000, 7).unwrap();
        super::write(&mut b, 10_000, 7).unwrap();
        assert_eq!(a, b);
        assert!((180..200).contains(&(a.len() / 10_000)), "{}", a.len() / 10_000);
        let first = String::from_utf8(a[..a.iter().position(|c| *c == b'\n').unwrap()].to_vec()).unwrap();
        assert!(first.contains("\"dateTime\":\"2026-01-01T00:00:00.000Z\""), "{first}");
    }

    #[test]
    fn days_become_dates() {
        assert_eq!(super::civil(0), (1970, 1, 1));
        assert_eq!(super::civil(20_454), (2026, 1, 1));
        assert_eq!(super::civil(19_782), (2024, 2, 29));
    }
}
