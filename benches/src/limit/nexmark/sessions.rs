//! q11: sessions of each bidder, at most 10 s between two bids.

use super::{DELAY, Line, Query, Table};
use crate::limit::Output;
use crate::limit::bids::Bid;

const GAP: i64 = 10_000;

/// First and last bid, and how many.
#[derive(Clone, Copy)]
struct Session {
    first: i64,
    last: i64,
    bids: i64,
}

impl Session {
    fn write(self, bidder: i64, out: &mut Output) {
        let mut line = Line::start(out);
        line.int("bidder", bidder).stamp("windowStart", self.first);
        line.stamp("windowEnd", self.last + GAP).int("bids", self.bids).end();
    }
}

/// The open sessions: nearly always one a bidder, more only while rows out of order may join two.
#[derive(Default)]
pub(in crate::limit) struct Sessions {
    newest: Table<i64, Session>,
    older: Vec<(i64, Session)>,
    latest: i64,
}

impl Query for Sessions {
    #[inline(always)]
    fn take(&mut self, bid: &Bid, out: &mut Output) {
        let time = bid.date_time;
        self.latest = self.latest.max(time);
        let new = Session { first: time, last: time, bids: 1 };
        let open = self.newest.entry(bid.bidder).or_insert(Session { bids: 0, ..new });
        if time >= open.first - GAP && time <= open.last + GAP {
            open.first = open.first.min(time);
            open.last = open.last.max(time);
            open.bids += 1;
            if !self.older.is_empty() {
                self.join(bid.bidder, out);
            }
        } else {
            self.further(bid.bidder, new, out);
        }
    }

    fn finish(&mut self, out: &mut Output) {
        for (bidder, session) in self.older.drain(..).chain(self.newest.drain()) {
            session.write(bidder, out);
        }
    }
}

impl Sessions {
    /// A bid away from the newest session: it begins another one, or belongs to an older one.
    #[cold]
    fn further(&mut self, bidder: i64, new: Session, out: &mut Output) {
        let Some(newest) = self.newest.get_mut(&bidder) else { return };
        let older = if new.first > newest.last { std::mem::replace(newest, new) } else { new };
        self.older.push((bidder, older));
        self.join(bidder, out);
    }

    /// Joins the sessions of a bidder that touch; writes those that no row can reach any more.
    #[cold]
    fn join(&mut self, bidder: i64, out: &mut Output) {
        let Some(newest) = self.newest.get_mut(&bidder) else { return };
        let mut i = 0;
        while i < self.older.len() {
            let (of, session) = self.older[i];
            let touches =
                |other: &Session| session.last + GAP >= other.first && session.first <= other.last + GAP;
            if of == bidder && touches(newest) {
                newest.first = newest.first.min(session.first);
                newest.last = newest.last.max(session.last);
                newest.bids += session.bids;
                self.older.swap_remove(i);
                i = 0;
            } else if let Some(j) = (0..self.older.len())
                .find(|j| *j != i && self.older[*j].0 == of && touches(&self.older[*j].1))
            {
                let other = &mut self.older[j].1;
                other.first = other.first.min(session.first);
                other.last = other.last.max(session.last);
                other.bids += session.bids;
                self.older.swap_remove(i);
                i = 0;
            } else if session.last + GAP <= self.latest - DELAY {
                session.write(of, out);
                self.older.swap_remove(i);
            } else {
                i += 1;
            }
        }
    }
}
