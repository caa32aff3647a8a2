//! q0, q1 and q2 over bids: the keys are expected in the generator's order, each field is parsed by
//! its type, rows are written straight into the output buffer.
#![allow(unsafe_code)]

use super::Output;
use crate::input::PADDING;
use crate::scan::{Cursor, Day, Unexpected};
use std::io;

/// The most a row's numbers, keys and timestamp take.
const FIXED: usize = 256;

/// One job: reads one row at the cursor (up to and with its line end) and writes its result.
pub(super) trait Row {
    /// # Safety
    /// A whole row and [`PADDING`] bytes after it must be readable.
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
struct Bid {
    auction: i64,
    bidder: i64,
    price: i64,
    channel: (*const u8, usize),
    url: (*const u8, usize),
    date_time: i64,
    extra: (*const u8, usize),
}

impl Bid {
    /// # Safety
    /// As [`Row::row`].
    #[inline(always)]
    unsafe fn parse(at: &mut Cursor, day: &mut Day) -> Result<Bid, Unexpected> {
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
            to.text(b"{\"auction\":");
            to.int(bid.auction);
            to.text(b",\"bidder\":");
            to.int(bid.bidder);
            to.text(b",\"price\":");
            to.int(bid.price);
            to.text(b",\"channel\":\"");
            to.bytes(bid.channel);
            to.text(b"\",\"url\":\"");
            to.bytes(bid.url);
            to.text(b"\",\"dateTime\":\"");
            to.stamp(self.1.at(bid.date_time));
            to.text(b"\",\"extra\":\"");
            to.bytes(bid.extra);
            to.text(b"\"}\n");
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

/// Writes one row into the output buffer, with copies rounded up to whole vectors.
struct Writer<'a> {
    out: &'a mut Output,
    at: *mut u8,
}

impl<'a> Writer<'a> {
    #[inline(always)]
    fn start(out: &'a mut Output, strings: usize) -> Writer<'a> {
        out.reserve(strings + FIXED);
        let at = out.buffer.spare_capacity_mut().as_mut_ptr().cast();
        Writer { out, at }
    }

    #[inline(always)]
    unsafe fn text<const N: usize>(&mut self, text: &[u8; N]) {
        // SAFETY: keys are part of FIXED.
        unsafe {
            self.at.cast::<[u8; N]>().write_unaligned(*text);
            self.at = self.at.add(N);
        }
    }

    #[inline(always)]
    unsafe fn bytes(&mut self, (from, length): (*const u8, usize)) {
        let mut done = 0;
        while done < length {
            // SAFETY: both sides have at least 32 bytes after the string (PADDING, FIXED).
            unsafe { self.at.add(done).cast::<[u8; 32]>().write_unaligned(*from.add(done).cast()) };
            done += 32;
        }
        // SAFETY: just written.
        self.at = unsafe { self.at.add(length) };
    }

    #[inline(always)]
    unsafe fn int(&mut self, n: i64) {
        let mut buffer = itoa::Buffer::new();
        let text = buffer.format(n);
        // SAFETY: at most 20 bytes, part of FIXED.
        unsafe {
            std::ptr::copy_nonoverlapping(text.as_ptr(), self.at, text.len());
            self.at = self.at.add(text.len());
        }
    }

    #[inline(always)]
    unsafe fn float(&mut self, x: f64) {
        let mut buffer = zmij::Buffer::new();
        let text = buffer.format_finite(x);
        // SAFETY: at most 24 bytes, part of FIXED.
        unsafe {
            std::ptr::copy_nonoverlapping(text.as_ptr(), self.at, text.len());
            self.at = self.at.add(text.len());
        }
    }

    #[inline(always)]
    unsafe fn stamp(&mut self, text: &[u8; 24]) {
        // SAFETY: part of FIXED.
        unsafe { self.text(text) }
    }

    #[inline(always)]
    unsafe fn finish(self) {
        let start = self.out.buffer.as_ptr() as usize + self.out.buffer.len();
        let length = self.out.buffer.len() + (self.at as usize - start);
        // SAFETY: all bytes up to `at` were written, inside the reserved room.
        unsafe { self.out.buffer.set_len(length) };
    }
}

/// Milliseconds as ISO-8601; remembers the second it wrote last.
struct Stamp {
    second: i64,
    text: [u8; 24],
}

impl Default for Stamp {
    fn default() -> Stamp {
        Stamp { second: 0, text: *b"1970-01-01T00:00:00.000Z" }
    }
}

impl Stamp {
    #[inline(always)]
    fn at(&mut self, millis: i64) -> &[u8; 24] {
        let (second, rest) = (millis.div_euclid(1000), millis.rem_euclid(1000));
        if second != self.second {
            self.turn(second);
        }
        for (place, divisor) in [(20, 100), (21, 10), (22, 1)] {
            self.text[place] = b'0' + (rest / divisor % 10) as u8;
        }
        &self.text
    }

    fn turn(&mut self, second: i64) {
        self.second = second;
        let of_day = second.rem_euclid(86_400) as u64;
        let (year, month, day) = crate::bids::civil(second.div_euclid(86_400) as u64);
        let mut two = |at: usize, n: u64| {
            self.text[at] = b'0' + (n / 10 % 10) as u8;
            self.text[at + 1] = b'0' + (n % 10) as u8;
        };
        two(0, year / 100);
        two(2, year % 100);
        two(5, month);
        two(8, day);
        two(11, of_day / 3600);
        two(14, of_day / 60 % 60);
        two(17, of_day % 60);
    }
}

const _: () = assert!(PADDING >= 64, "copies and scans go up to 64 bytes past a row");
