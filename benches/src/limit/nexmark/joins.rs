//! q8 and q20: auctions with their sellers and with their bids. A program that knows its files reads the
//! smaller side first.

use super::{Line, Table, bytes};
use crate::input::Mapped;
use crate::limit::Output;
use crate::limit::bids::{Bid, Row, Text, each_row};
use crate::limit::write::{Stamp, Writer};
use crate::scan::{Cursor, Day, Unexpected};

const WINDOW: i64 = 10_000;

/// q8: who registered and began to sell within the same 10 s.
pub(in crate::limit) fn newcomers(persons: &Mapped, auctions: &Mapped, out: &mut Output) {
    let mut sellers = Sellers::default();
    for block in auctions.blocks() {
        each_row(&mut sellers, block, out);
    }
    let mut persons_of = Persons { sellers: sellers.seen, day: Day::default() };
    for block in persons.blocks() {
        each_row(&mut persons_of, block, out);
    }
}

struct Auction {
    id: i64,
    item_name: Text,
    description: Text,
    initial_bid: i64,
    reserve: i64,
    date_time: i64,
    expires: i64,
    seller: i64,
    category: i64,
    extra: Text,
}

impl Auction {
    /// # Safety
    /// As [`Row::row`].
    #[inline(always)]
    unsafe fn parse(at: &mut Cursor, day: &mut Day) -> Result<Auction, Unexpected> {
        // SAFETY: handed on; no step goes further than a row and its padding.
        unsafe {
            at.expect(b"{\"id\":")?;
            let id = at.int()?;
            at.expect(b",\"itemName\":\"")?;
            let item_name = at.string()?;
            at.expect(b",\"description\":\"")?;
            let description = at.string()?;
            at.expect(b",\"initialBid\":")?;
            let initial_bid = at.int()?;
            at.expect(b",\"reserve\":")?;
            let reserve = at.int()?;
            at.expect(b",\"dateTime\":\"")?;
            let date_time = at.date_time(day)?;
            at.expect(b",\"expires\":\"")?;
            let expires = at.date_time(day)?;
            at.expect(b",\"seller\":")?;
            let seller = at.int()?;
            at.expect(b",\"category\":")?;
            let category = at.int()?;
            at.expect(b",\"extra\":\"")?;
            let extra = at.string()?;
            at.expect(b"}\n")?;
            Ok(Auction {
                id,
                item_name,
                description,
                initial_bid,
                reserve,
                date_time,
                expires,
                seller,
                category,
                extra,
            })
        }
    }
}

#[derive(Default)]
struct Sellers {
    seen: Table<(i64, i64), ()>,
    day: Day,
}

impl Row for Sellers {
    #[inline(always)]
    unsafe fn row(&mut self, at: &mut Cursor, _: &mut Output) -> Result<(), Unexpected> {
        // SAFETY: handed on.
        let auction = unsafe { Auction::parse(at, &mut self.day)? };
        self.seen.insert((auction.seller, auction.date_time.div_euclid(WINDOW)), ());
        Ok(())
    }
}

struct Persons {
    sellers: Table<(i64, i64), ()>,
    day: Day,
}

impl Row for Persons {
    #[inline(always)]
    unsafe fn row(&mut self, at: &mut Cursor, out: &mut Output) -> Result<(), Unexpected> {
        // SAFETY: handed on; no step goes further than a row and its padding.
        let (id, name, date_time) = unsafe {
            at.expect(b"{\"id\":")?;
            let id = at.int()?;
            at.expect(b",\"name\":\"")?;
            let name = at.string()?;
            at.expect(b",\"emailAddress\":\"")?;
            at.string()?;
            at.expect(b",\"creditCard\":\"")?;
            at.string()?;
            at.expect(b",\"city\":\"")?;
            at.string()?;
            at.expect(b",\"state\":\"")?;
            at.string()?;
            at.expect(b",\"dateTime\":\"")?;
            let date_time = at.date_time(&mut self.day)?;
            at.skip_line();
            (id, name, date_time)
        };
        let window = date_time.div_euclid(WINDOW);
        if self.sellers.contains_key(&(id, window)) {
            let mut line = Line::start(out);
            line.int("id", id).text("name", bytes(name)).stamp("startTime", window * WINDOW).end();
        }
        Ok(())
    }
}

/// q20: the bids on auctions of category 10, with all about the auction.
pub(in crate::limit) fn expand(auctions: &Mapped, bids: &Mapped, out: &mut Output) {
    let mut wanted = Wanted::default();
    for block in auctions.blocks() {
        each_row(&mut wanted, block, out);
    }
    let mut bids_of = Bids { auctions: wanted, day: Day::default(), stamp: Stamp::default() };
    for block in bids.blocks() {
        each_row(&mut bids_of, block, out);
    }
}

/// The auctions of the category: what is written of each stands ready.
#[derive(Default)]
struct Wanted {
    places: Table<i64, (usize, usize)>,
    texts: Vec<u8>,
    day: Day,
}

impl Row for Wanted {
    #[inline(always)]
    unsafe fn row(&mut self, at: &mut Cursor, _: &mut Output) -> Result<(), Unexpected> {
        // SAFETY: handed on.
        let auction = unsafe { Auction::parse(at, &mut self.day)? };
        if auction.category == 10 {
            let start = self.texts.len();
            // The buffer of a line, with what a row has behind the bid's fields.
            let mut line = Line(&mut self.texts, false);
            line.text("itemName", bytes(auction.item_name)).text("description", bytes(auction.description));
            line.int("initialBid", auction.initial_bid).int("reserve", auction.reserve);
            line.stamp("auctionTime", auction.date_time).stamp("expires", auction.expires);
            line.int("seller", auction.seller).int("category", 10);
            line.text("auctionExtra", bytes(auction.extra)).end();
            self.places.insert(auction.id, (start, self.texts.len() - start));
        }
        Ok(())
    }
}

struct Bids {
    auctions: Wanted,
    day: Day,
    stamp: Stamp,
}

impl Row for Bids {
    #[inline(always)]
    unsafe fn row(&mut self, at: &mut Cursor, out: &mut Output) -> Result<(), Unexpected> {
        let start = at.0;
        // SAFETY: handed on. Only the auction is read of rows that are not wanted.
        let auction = unsafe {
            at.expect(b"{\"auction\":")?;
            at.int()?
        };
        let Some((place, length)) = self.auctions.places.get(&auction) else {
            // SAFETY: the line end of the row stops the search inside the block.
            unsafe { at.skip_line() };
            return Ok(());
        };
        at.0 = start;
        // SAFETY: handed on.
        let bid = unsafe { Bid::parse(at, &mut self.day)? };
        let mut to = Writer::start(out, bid.channel.1 + bid.url.1 + bid.extra.1 + length);
        // SAFETY: the writer has room for the strings and the rest; strings are followed by padding.
        unsafe {
            bid.renamed(&mut to, self.stamp.at(bid.date_time));
            to.plain(&self.auctions.texts[*place..place + length]);
            to.finish();
        }
        Ok(())
    }
}
