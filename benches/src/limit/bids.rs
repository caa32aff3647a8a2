//! q0, q1 and q2 over bids: the keys are expected in the generator's order, each field is parsed by
//! its type, rows are written straight into the output buffer.
#![allow(unsafe_code)]

use super::Output;
use super::write::{Stamp, Writer};
use crate::scan::{Cursor, Day, Unexpected};
use std::io;

/// One job: reads one row at the cursor (up to and with its line end) and writes its result.
pub(super) trait Row {
    /// # Safety
    /// A whole row and [`PADDING`](crate::input::PADDING) bytes after it must be readable.
    unsafe fn row(&mut self, at: &mut Cursor, out: &mut Output) -> Result<(), Unexpected>;
}

/// Runs a job over a block of whole rows.
pub(super) fn each_row(job: &mut impl Row, block: &[u8], out: &mut Output) {
    let mut at = Cursor(block.as_ptr());
    let end = block.as_ptr_range().end;
    while at.0 < end && out.failed.is_none() {
        let start = at.0;
        // SAFETY: the input ends each block with a line end and PADDING readable bytes, and a row
        // that does not parse stops the loop.
        if unsafe { job.row(&mut at, out) }.is_err() {
            let place = start as usize - block.as_ptr() as usize;
            out.failed =
                Some(io::Error::other(format!("byte {place} of a block: not a row of the generator")));
        }
    }
}

/// The seven fields.
pub(super) struct Bid {
    pub(super) auction: i64,
    pub(super) bidder: i64,
    pub(super) price: i64,
    pub(super) channel: Text,
    pub(super) url: Text,
    /// Milliseconds.
    pub(super) date_time: i64,
    pub(super) extra: Text,
}

/// A string inside the input.
pub(super) type Text = (*const u8, usize);

impl Bid {
    /// # Safety
    /// As [`Row::row`].
    #[inline(always)]
    pub(super) unsafe fn parse(at: &mut Cursor, day: &mut Day) -> Result<Bid, Unexpected> {
        // SAFETY: handed on; no step goes further than a row and its padding.
        unsafe {
            at.expect(b"{\"auction\":")?;
            let auction = at.int()?;
            at.expect(b",\"bidder\":")?;
            let bidder = at.int()?;
            at.expect(b",\"price\":")?;
            let price = at.int()?;
            at.expect(b",\"channel\":\"")?;
            let channel = at.string()?;
            at.expect(b",\"url\":\"")?;
            let url = at.string()?;
            at.expect(b",\"dateTime\":\"")?;
            let date_time = at.date_time(day)?;
            at.expect(b",\"extra\":\"")?;
            let extra = at.string()?;
            at.expect(b"}\n")?;
            Ok(Bid { auction, bidder, price, channel, url, date_time, extra })
        }
    }

    /// Writes the row up to its closing brace.
    ///
    /// # Safety
    /// The writer must have room for the strings; strings are followed by padding.
    #[inline(always)]
    pub(super) unsafe fn fields(&self, to: &mut Writer<'_>, stamp: &[u8; 24]) {
        // SAFETY: handed on.
        unsafe {
            self.keys(to, b"\",\"dateTime\":\"", stamp, b"\",\"extra\":\"");
        }
    }

    /// The same with the names that the row has beside an auction's.
    ///
    /// # Safety
    /// As [`Bid::fields`].
    #[inline(always)]
    pub(super) unsafe fn renamed(&self, to: &mut Writer<'_>, stamp: &[u8; 24]) {
        // SAFETY: handed on.
        unsafe {
            self.keys(to, b"\",\"bidTime\":\"", stamp, b"\",\"bidExtra\":\"");
        }
    }

    #[inline(always)]
    unsafe fn keys<const N: usize, const M: usize>(
        &self,
        to: &mut Writer<'_>,
        time: &[u8; N],
        stamp: &[u8; 24],
        extra: &[u8; M],
    ) {
        // SAFETY: as the callers say; names and numbers are part of the room each row has.
        unsafe {
            to.text(b"{\"auction\":");
            to.int(self.auction);
            to.text(b",\"bidder\":");
            to.int(self.bidder);
            to.text(b",\"price\":");
            to.int(self.price);
            to.text(b",\"channel\":\"");
            to.bytes(self.channel);
            to.text(b"\",\"url\":\"");
            to.bytes(self.url);
            to.text(time);
            to.stamp(stamp);
            to.text(extra);
            to.bytes(self.extra);
            to.text(b"\"");
        }
    }
}

/// q0: all seven fields, decoded and encoded again.
#[derive(Default)]
pub(super) struct PassThrough(Day, Stamp);

impl Row for PassThrough {
    #[inline(always)]
    unsafe fn row(&mut self, at: &mut Cursor, out: &mut Output) -> Result<(), Unexpected> {
        // SAFETY: handed on.
        let bid = unsafe { Bid::parse(at, &mut self.0)? };
        let mut to = Writer::start(out, bid.channel.1 + bid.url.1 + bid.extra.1);
        // SAFETY: the writer has room for the strings and FIXED bytes; strings are followed by padding.
        unsafe {
            bid.fields(&mut to, self.1.at(bid.date_time));
            to.text(b"}\n");
            to.finish();
        }
        Ok(())
    }
}

/// q1: five fields, the price times 0.908.
#[derive(Default)]
pub(super) struct Currency(Day, Stamp);

impl Row for Currency {
    #[inline(always)]
    unsafe fn row(&mut self, at: &mut Cursor, out: &mut Output) -> Result<(), Unexpected> {
        // SAFETY: handed on.
        let bid = unsafe { Bid::parse(at, &mut self.0)? };
        let mut to = Writer::start(out, bid.extra.1);
        // SAFETY: the writer has room for the string and FIXED bytes; the string is followed by padding.
        unsafe {
            to.text(b"{\"auction\":");
            to.int(bid.auction);
            to.text(b",\"bidder\":");
            to.int(bid.bidder);
            to.text(b",\"price\":");
            to.float(bid.price as f64 * 0.908);
            to.text(b",\"dateTime\":\"");
            to.stamp(self.1.at(bid.date_time));
            to.text(b"\",\"extra\":\"");
            to.bytes(bid.extra);
            to.text(b"\"}\n");
            to.finish();
        }
        Ok(())
    }
}

/// q2: two fields of the bids whose auction is a multiple of 123; the rest of a row is skipped.
pub(super) struct Filter;

impl Row for Filter {
    #[inline(always)]
    unsafe fn row(&mut self, at: &mut Cursor, out: &mut Output) -> Result<(), Unexpected> {
        // SAFETY: handed on; the line end of the row stops the search inside the block.
        unsafe {
            at.expect(b"{\"auction\":")?;
            let auction = at.int()?;
            at.expect(b",\"bidder\":")?;
            at.int()?;
            at.expect(b",\"price\":")?;
            let price = at.int()?;
            at.skip_line();
            if auction % 123 == 0 {
                let mut to = Writer::start(out, 0);
                to.text(b"{\"auction\":");
                to.int(auction);
                to.text(b",\"price\":");
                to.int(price);
                to.text(b"}\n");
                to.finish();
            }
        }
        Ok(())
    }
}
