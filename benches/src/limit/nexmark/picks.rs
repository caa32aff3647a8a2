//! q18 and q19: rows that are kept. What is kept of a row is where it stands in the mapped file; it is
//! parsed again when it is written.

use super::Table;
use crate::input::Mapped;
use crate::limit::Output;
use crate::limit::bids::{Bid, Row, each_row};
use crate::limit::write::{Stamp, Writer};
use crate::scan::{Cursor, Day, Unexpected};
use std::io;

/// How many bids of an auction q19 keeps.
const TOP: usize = 10;

/// q18: the last bid of each bidder on each auction.
pub(in crate::limit) fn last_bids(bids: &Mapped, out: &mut Output) -> io::Result<()> {
    let mut last = Last::default();
    for block in bids.blocks() {
        each_row(&mut last, block, out);
    }
    let mut rows = Rows::default();
    for (_, row) in last.kept.values() {
        rows.write(*row, None, out)?;
    }
    Ok(())
}

/// Where a row starts in the map.
type Place = *const u8;

#[derive(Default)]
struct Last {
    kept: Table<(i64, i64), (i64, Place)>,
    day: Day,
}

impl Row for Last {
    #[inline(always)]
    unsafe fn row(&mut self, at: &mut Cursor, _: &mut Output) -> Result<(), Unexpected> {
        let start = at.0;
        // SAFETY: handed on.
        let bid = unsafe { Bid::parse(at, &mut self.day)? };
        let kept = self.kept.entry((bid.bidder, bid.auction)).or_insert((bid.date_time, start));
        if bid.date_time >= kept.0 {
            *kept = (bid.date_time, start);
        }
        Ok(())
    }
}

/// q19: the ten highest bids on each auction.
pub(in crate::limit) fn top_bids(bids: &Mapped, out: &mut Output) -> io::Result<()> {
    let mut top = Top::default();
    for block in bids.blocks() {
        each_row(&mut top, block, out);
    }
    let mut rows = Rows::default();
    for best in &top.kept {
        for (i, (_, row)) in best.rows[..best.count].iter().enumerate() {
            rows.write(*row, Some(i as i64 + 1), out)?;
        }
    }
    Ok(())
}

/// The bids of an auction, the highest first; of equal ones the first first.
struct Best {
    count: usize,
    rows: [(i64, Place); TOP],
}

#[derive(Default)]
struct Top {
    places: Table<i64, u32>,
    kept: Vec<Best>,
    day: Day,
}

impl Row for Top {
    #[inline(always)]
    unsafe fn row(&mut self, at: &mut Cursor, _: &mut Output) -> Result<(), Unexpected> {
        let start = at.0;
        // SAFETY: handed on.
        let bid = unsafe { Bid::parse(at, &mut self.day)? };
        let place = *self.places.entry(bid.auction).or_insert_with(|| {
            self.kept.push(Best { count: 0, rows: [(0, std::ptr::null()); TOP] });
            self.kept.len() as u32 - 1
        });
        let best = &mut self.kept[place as usize];
        if best.count == TOP && bid.price <= best.rows[TOP - 1].0 {
            return Ok(());
        }
        best.count = (best.count + 1).min(TOP);
        let mut at = best.count - 1;
        while at > 0 && best.rows[at - 1].0 < bid.price {
            best.rows[at] = best.rows[at - 1];
            at -= 1;
        }
        best.rows[at] = (bid.price, start);
        Ok(())
    }
}

/// Writes kept rows.
#[derive(Default)]
struct Rows {
    day: Day,
    stamp: Stamp,
}

impl Rows {
    fn write(&mut self, row: Place, rank: Option<i64>, out: &mut Output) -> io::Result<()> {
        // SAFETY: a row that was parsed before, in a map that is still there.
        let bid = unsafe { Bid::parse(&mut Cursor(row), &mut self.day) };
        let bid = bid.map_err(|_| io::Error::other("a row has changed since it was read"))?;
        let mut to = Writer::start(out, bid.channel.1 + bid.url.1 + bid.extra.1);
        // SAFETY: the writer has room for the strings and the rest; strings are followed by padding.
        unsafe {
            bid.fields(&mut to, self.stamp.at(bid.date_time));
            if let Some(rank) = rank {
                to.text(b",\"rank\":");
                to.int(rank);
            }
            to.text(b"}\n");
            to.finish();
        }
        Ok(())
    }
}
