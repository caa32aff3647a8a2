//! The stateful queries of Nexmark: windows closed by a watermark 4 s behind the latest row, tables of
//! open addressing with a fast hash, only the fields that a query needs.
#![allow(unsafe_code)]

mod counts;
mod joins;
mod picks;
mod sessions;
mod windows;

pub(super) use counts::{Arrivals, Day};
pub(super) use joins::{expand, newcomers};
pub(super) use picks::{last_bids, top_bids};
pub(super) use sessions::Sessions;
pub(super) use windows::{Highest, Hot};

use super::Output;
use super::bids::{Bid, Row, Text};
use crate::scan::{Cursor, Unexpected};
use foldhash::fast::FixedState;

/// A table with a hash that suits small keys.
type Table<K, V> = hashbrown::HashMap<K, V, FixedState>;

/// Milliseconds by which the watermark stays behind the latest row.
const DELAY: i64 = 4000;

/// A query that looks at one bid after the other.
pub(super) trait Query {
    /// Takes a bid.
    fn take(&mut self, bid: &Bid, out: &mut Output);
    /// Writes what is left when the input has ended.
    fn finish(&mut self, out: &mut Output);
}

/// Parses the bids of a block for a query; what the query does not look at is not computed.
#[derive(Default)]
pub(super) struct Each<Q> {
    pub(super) query: Q,
    day: crate::scan::Day,
}

impl<Q: Query> Row for Each<Q> {
    #[inline(always)]
    unsafe fn row(&mut self, at: &mut Cursor, out: &mut Output) -> Result<(), Unexpected> {
        // SAFETY: handed on.
        let bid = unsafe { Bid::parse(at, &mut self.day)? };
        self.query.take(&bid, out);
        Ok(())
    }
}

/// One row of few fields, written where speed is not the point.
struct Line<'a>(&'a mut Vec<u8>, bool);

impl Line<'_> {
    fn start(out: &mut Output) -> Line<'_> {
        out.reserve(1024);
        out.buffer.push(b'{');
        Line(&mut out.buffer, true)
    }

    fn key(&mut self, name: &str) {
        if !std::mem::take(&mut self.1) {
            self.0.push(b',');
        }
        self.0.push(b'"');
        self.0.extend_from_slice(name.as_bytes());
        self.0.extend_from_slice(b"\":");
    }

    fn int(&mut self, name: &str, n: i64) -> &mut Self {
        self.key(name);
        self.0.extend_from_slice(itoa::Buffer::new().format(n).as_bytes());
        self
    }

    fn text(&mut self, name: &str, text: &[u8]) -> &mut Self {
        self.key(name);
        self.0.push(b'"');
        self.0.extend_from_slice(text);
        self.0.push(b'"');
        self
    }

    fn stamp(&mut self, name: &str, millis: i64) -> &mut Self {
        self.key(name);
        self.0.push(b'"');
        crate::bids::date_time(self.0, millis as u64);
        self.0.push(b'"');
        self
    }

    fn end(&mut self) {
        self.0.extend_from_slice(b"}\n");
    }
}

/// The bytes of a string of the input.
fn bytes<'a>((start, length): Text) -> &'a [u8] {
    // SAFETY: made by the parser from a block that is still there: rows are looked at while they are parsed,
    // or kept by programs that hold the map.
    unsafe { std::slice::from_raw_parts(start, length) }
}
