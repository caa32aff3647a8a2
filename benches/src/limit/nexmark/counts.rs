//! q12 and q15: counts per bidder and window of the wall clock; distinct counts per day.

use super::{Line, Query, Table};
use crate::limit::Output;
use crate::limit::bids::Bid;
use std::collections::BTreeMap;
use std::time::{SystemTime, UNIX_EPOCH};

/// The clock is read once in so many rows.
const TICK: u32 = 4096;
const WINDOW: i64 = 10_000;

/// q12: how many bids each bidder makes within 10 s of the wall clock.
#[derive(Default)]
pub(in crate::limit) struct Arrivals {
    counts: Table<i64, i64>,
    window: i64,
    since: u32,
}

impl Query for Arrivals {
    #[inline(always)]
    fn take(&mut self, bid: &Bid, out: &mut Output) {
        if self.since == 0 {
            self.tick(out);
        }
        self.since -= 1;
        *self.counts.entry(bid.bidder).or_insert(0) += 1;
    }

    fn finish(&mut self, out: &mut Output) {
        let start = self.window * WINDOW;
        for (bidder, n) in self.counts.drain() {
            let mut line = Line::start(out);
            line.int("bidder", bidder).stamp("windowStart", start);
            line.stamp("windowEnd", start + WINDOW).int("bids", n).end();
        }
    }
}

impl Arrivals {
    #[cold]
    fn tick(&mut self, out: &mut Output) {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_millis() as i64);
        if now / WINDOW != self.window {
            self.finish(out);
            self.window = now / WINDOW;
        }
        self.since = TICK;
    }
}

/// q15: how many bids, bidders and auctions a day has, by rank of price.
#[derive(Default)]
pub(in crate::limit) struct Day {
    days: BTreeMap<i64, Counts>,
    /// The day of the last bid, out of the map.
    day: i64,
    counts: Counts,
}

/// All, and of each of three ranks.
#[derive(Default)]
struct Counts {
    bids: [i64; 4],
    bidders: Distinct,
    auctions: Distinct,
}

/// Which keys came, with a bit for each rank they came with.
#[derive(Default)]
struct Distinct {
    seen: Table<i64, u8>,
    counts: [i64; 4],
}

impl Distinct {
    #[inline(always)]
    fn add(&mut self, key: i64, bits: u8) {
        let seen = self.seen.entry(key).or_insert(0);
        let new = bits & !*seen;
        if new != 0 {
            *seen |= new;
            for (rank, count) in self.counts.iter_mut().enumerate() {
                *count += i64::from(new >> rank & 1);
            }
        }
    }
}

impl Query for Day {
    #[inline(always)]
    fn take(&mut self, bid: &Bid, _: &mut Output) {
        let day = bid.date_time.div_euclid(86_400_000);
        if day != self.day {
            self.turn(day);
        }
        let rank = if bid.price < 10_000 {
            1
        } else if bid.price < 1_000_000 {
            2
        } else {
            3
        };
        self.counts.bids[0] += 1;
        self.counts.bids[rank] += 1;
        let bits = 1 | 1 << rank;
        self.counts.bidders.add(bid.bidder, bits);
        self.counts.auctions.add(bid.auction, bits);
    }

    fn finish(&mut self, out: &mut Output) {
        self.turn(-1);
        for (day, counts) in self.days.iter().filter(|(_, c)| c.bids[0] > 0) {
            let mut text = Vec::new();
            crate::bids::date_time(&mut text, (day * 86_400_000) as u64);
            let mut line = Line::start(out);
            line.text("day", &text[..10]);
            let kinds = [("Bids", &counts.bids), ("Bidders", &counts.bidders.counts)];
            for (kind, counts) in kinds.into_iter().chain([("Auctions", &counts.auctions.counts)]) {
                for (rank, n) in ["total", "rank1", "rank2", "rank3"].iter().zip(counts) {
                    line.int(&format!("{rank}{kind}"), *n);
                }
            }
            line.end();
        }
    }
}

impl Day {
    #[cold]
    fn turn(&mut self, day: i64) {
        let next = self.days.remove(&day).unwrap_or_default();
        let last = std::mem::replace(&mut self.counts, next);
        self.days.insert(self.day, last);
        self.day = day;
    }
}
