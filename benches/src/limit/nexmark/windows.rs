//! q5 and q7: windows of event time over all bids.

use super::{DELAY, Line, Query, Table, bytes};
use crate::limit::Output;
use crate::limit::bids::Bid;
use std::collections::VecDeque;

/// The windows of q5 are five panes long.
const PANE: i64 = 2000;
const PANES: usize = 5;

/// q5: the auctions with the most bids of each 10 s, each 2 s. Bids are counted per pane of 2 s; a window
/// adds up its five panes when it closes.
#[derive(Default)]
pub(in crate::limit) struct Hot {
    /// Number of the first pane.
    first: i64,
    panes: VecDeque<Table<i64, i64>>,
    latest: i64,
    /// The pane whose end the watermark passes next.
    closes_at: i64,
    free: Vec<Table<i64, i64>>,
}

impl Query for Hot {
    #[inline(always)]
    fn take(&mut self, bid: &Bid, out: &mut Output) {
        let pane = bid.date_time.div_euclid(PANE);
        if self.panes.is_empty() {
            self.first = pane;
            self.closes_at = (pane + 1) * PANE;
        }
        if pane < self.first || (pane - self.first) as usize >= self.panes.len() {
            self.room(pane);
        }
        *self.panes[(pane - self.first) as usize].entry(bid.auction).or_insert(0) += 1;
        if bid.date_time > self.latest {
            self.latest = bid.date_time;
            while self.latest - DELAY >= self.closes_at {
                self.close(out);
            }
        }
    }

    fn finish(&mut self, out: &mut Output) {
        let end = (self.first + (self.panes.len() + PANES) as i64) * PANE;
        while self.closes_at < end {
            self.close(out);
        }
    }
}

impl Hot {
    #[cold]
    fn room(&mut self, pane: i64) {
        while pane < self.first {
            self.panes.push_front(self.free.pop().unwrap_or_default());
            self.first -= 1;
            self.closes_at = self.closes_at.min((self.first + 1) * PANE);
        }
        while (pane - self.first) as usize >= self.panes.len() {
            self.panes.push_back(self.free.pop().unwrap_or_default());
        }
    }

    /// Writes the window that ends at `closes_at`, and forgets the pane that no later window needs.
    #[cold]
    fn close(&mut self, out: &mut Output) {
        let end = self.closes_at;
        self.closes_at += PANE;
        let last = end / PANE - 1;
        let mut sums = self.free.pop().unwrap_or_default();
        for pane in last - PANES as i64 + 1..=last {
            let place = usize::try_from(pane - self.first).ok();
            for (auction, n) in place.and_then(|i| self.panes.get(i)).into_iter().flatten() {
                *sums.entry(*auction).or_insert(0) += n;
            }
        }
        let most = sums.values().copied().max().unwrap_or(0);
        for (auction, n) in sums.iter().filter(|(_, n)| **n == most) {
            let mut line = Line::start(out);
            line.int("auction", *auction).stamp("windowStart", end - PANE * PANES as i64);
            line.stamp("windowEnd", end).int("num", *n).end();
        }
        sums.clear();
        self.free.push(sums);
        if self.first <= last - PANES as i64 + 1
            && let Some(mut old) = self.panes.pop_front()
        {
            self.first += 1;
            old.clear();
            self.free.push(old);
        }
    }
}

/// A bid that is held.
struct Held {
    auction: i64,
    bidder: i64,
    date_time: i64,
    extra: Vec<u8>,
}

/// q7: the highest bids of each 10 s.
#[derive(Default)]
pub(in crate::limit) struct Highest {
    /// Open windows: number, highest price, its bids.
    open: VecDeque<(i64, i64, Vec<Held>)>,
    latest: i64,
}

const WINDOW: i64 = 10_000;

impl Query for Highest {
    #[inline(always)]
    fn take(&mut self, bid: &Bid, out: &mut Output) {
        let number = bid.date_time.div_euclid(WINDOW);
        let place = match self.open.iter().rposition(|w| w.0 == number) {
            Some(place) => place,
            None => self.open(number),
        };
        let (_, highest, held) = &mut self.open[place];
        if bid.price >= *highest {
            if bid.price > *highest {
                held.clear();
                *highest = bid.price;
            }
            let extra = bytes(bid.extra).to_vec();
            held.push(Held { auction: bid.auction, bidder: bid.bidder, date_time: bid.date_time, extra });
        }
        if bid.date_time > self.latest {
            self.latest = bid.date_time;
            while self.open.front().is_some_and(|w| (w.0 + 1) * WINDOW <= bid.date_time - DELAY) {
                self.close(out);
            }
        }
    }

    fn finish(&mut self, out: &mut Output) {
        while !self.open.is_empty() {
            self.close(out);
        }
    }
}

impl Highest {
    #[cold]
    fn open(&mut self, number: i64) -> usize {
        let place = self.open.partition_point(|w| w.0 < number);
        self.open.insert(place, (number, i64::MIN, Vec::new()));
        place
    }

    #[cold]
    fn close(&mut self, out: &mut Output) {
        let Some((_, price, held)) = self.open.pop_front() else { return };
        for bid in held {
            let mut line = Line::start(out);
            line.int("auction", bid.auction).int("bidder", bid.bidder).int("price", price);
            line.stamp("dateTime", bid.date_time).text("extra", &bid.extra).end();
        }
    }
}
