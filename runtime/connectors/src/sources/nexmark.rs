//! The source `nexmark`: the events of the Nexmark auction site (Tucker et al., "NEXMark – A benchmark
//! for queries over data streams", in the shapes of the Beam and Flink suites): of 50 events 1 is a
//! person, 3 are auctions, 46 are bids; half of the bids go to a hot auction, three of four come from a
//! hot bidder, prices are log-uniform. Event `n` happens `n / rate` after the start of 2026 (by
//! default 10,000 events a second). Every event is a function of its number and the seed.

use super::numbered::{Maker, NumberedSource};
use crate::args;
use flow_data::{Batch, Column, ColumnData, StrBuilder};
use flow_engine::source::SourceError;
use flow_env::{Env, Random};
use flow_plan::connector::{ConnectorCall, nexmark};
use std::fmt::Write;
use std::ops::Range;
use std::sync::Arc;

const FIRST_ID: u64 = 1000;
const FIRST_CATEGORY: u64 = 10;
/// 2026-01-01T00:00:00Z.
const START: i64 = 1_767_225_600_000_000;
const HOT_CHANNELS: [&str; 4] = ["Google", "Facebook", "Baidu", "Apple"];
const STATES: [&str; 6] = ["AZ", "CA", "ID", "OR", "WA", "WY"];
const CITIES: [&str; 10] = [
    "Phoenix",
    "Los Angeles",
    "San Francisco",
    "Boise",
    "Portland",
    "Bend",
    "Redmond",
    "Seattle",
    "Kent",
    "Cheyenne",
];
const FIRST_NAMES: [&str; 11] =
    ["Peter", "Paul", "Luke", "John", "Saul", "Vicky", "Kate", "Julie", "Sarah", "Deiter", "Walter"];
const LAST_NAMES: [&str; 9] =
    ["Shultz", "Abrams", "Spencer", "White", "Bartels", "Walton", "Smith", "Jones", "Noris"];

/// One kind of events and the fields that are read.
struct Events {
    kind: Kind,
    fields: Vec<Arc<str>>,
    seed: u64,
    /// Microseconds between two events.
    gap: f64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Person,
    Auction,
    Bid,
}

impl Kind {
    /// Which of 50 events are of this kind.
    fn share(self) -> Range<u64> {
        match self {
            Kind::Person => 0..1,
            Kind::Auction => 1..4,
            Kind::Bid => 4..50,
        }
    }
}

/// Opens the source.
pub(crate) fn open(call: &ConnectorCall, read: &[usize], env: &Env) -> Result<NumberedSource, SourceError> {
    let stream = args::word(call, "stream").unwrap_or_else(|| nexmark::stream_for(Some(&call.schema)));
    let kind = match stream {
        "person" => Kind::Person,
        "auction" => Kind::Auction,
        _ => Kind::Bid,
    };
    let known = nexmark::schema(stream).unwrap_or_default();
    let fields: Vec<Arc<str>> = read.iter().map(|&i| call.schema.fields[i].name.clone()).collect();
    if let Some(name) = fields.iter().find(|name| known.get(name).is_none()) {
        return Err(SourceError::Open(format!(
            "a {stream} of nexmark has no field `{name}`; it has {known}"
        )));
    }
    let rate = args::number(call, "rate");
    let seed = args::int(call, "seed").unwrap_or(0) as u64;
    let events = Events { kind, fields, seed, gap: 1e6 / rate.unwrap_or(10_000.0) };
    NumberedSource::new(Arc::new(events), args::int(call, "events"), rate, env)
}

impl Maker for Events {
    fn make(&self, first: u64, count: u64) -> Batch {
        let share = self.kind.share();
        let events: Vec<u64> = (first..first + count).filter(|n| share.contains(&(n % 50))).collect();
        let columns = self.fields.iter().map(|field| Arc::new(self.column(field, &events))).collect();
        Batch::new(events.len(), columns)
    }

    fn up_to_a_row(&self, first: u64) -> u64 {
        let share = self.kind.share();
        (first..first + 50).find(|n| share.contains(&(n % 50))).map_or(first, |n| n + 1)
    }
}

impl Events {
    fn column(&self, field: &str, events: &[u64]) -> Column {
        let values = events.iter().map(|&n| Event { n, seed: self.seed });
        let ints = |value: &dyn Fn(Event) -> u64| {
            Column::new(ColumnData::I64(values.clone().map(|event| value(event) as i64).collect()))
        };
        let time = |n: u64| START + (n as f64 * self.gap) as i64;
        match (self.kind, field) {
            (_, "dateTime") => ints(&|event| time(event.n) as u64),
            (Kind::Bid, "auction") => ints(&|event| event.bid_auction()),
            (Kind::Bid, "bidder") => ints(&|event| event.someone(4, 2)),
            (Kind::Bid, "price") => ints(&|event| event.price(3)),
            (Kind::Auction, "id") => ints(&|event| FIRST_ID + event.n / 50 * 3 + event.n % 50 - 1),
            (Kind::Auction, "initialBid") => ints(&|event| event.price(3)),
            (Kind::Auction, "reserve") => ints(&|event| event.price(3) + event.price(4)),
            (Kind::Auction, "expires") => {
                ints(&|event| time(event.n + 1 + event.random(5).below(2000)) as u64)
            }
            (Kind::Auction, "seller") => ints(&|event| event.someone(4, 2)),
            (Kind::Auction, "category") => ints(&|event| FIRST_CATEGORY + event.random(6).below(5)),
            (Kind::Person, "id") => ints(&|event| FIRST_ID + event.n / 50),
            _ => {
                let mut builder = StrBuilder::default();
                let mut text = String::new();
                for event in values {
                    text.clear();
                    event.text(self.kind, field, &mut text);
                    builder.push(&text);
                }
                Column::new(ColumnData::Str(builder.finish()))
            }
        }
    }
}

/// One event; each of its fields has random numbers of its own, so that only what is read is made.
#[derive(Clone, Copy)]
struct Event {
    n: u64,
    seed: u64,
}

impl Event {
    fn random(self, field: u64) -> Random {
        let mut mixed = Random::new(self.seed ^ self.n.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        Random::new(mixed.bits() ^ field)
    }

    /// Half of the bids go to the hot auction, the others to one of the last hundred.
    fn bid_auction(self) -> u64 {
        let mut random = self.random(1);
        let last = self.n / 50 * 3 + 2;
        if random.below(2) == 0 {
            FIRST_ID + last / 100 * 100
        } else {
            FIRST_ID + last - random.below(100.min(last + 1))
        }
    }

    /// One of `ratio` is one of the last thousand people, the others are the hot one.
    fn someone(self, ratio: u64, field: u64) -> u64 {
        let mut random = self.random(field);
        let last = self.n / 50;
        if random.below(ratio) > 0 {
            FIRST_ID + last / 100 * 100 + 1
        } else {
            FIRST_ID + last - random.below(1000.min(last + 1))
        }
    }

    /// Cents, log-uniform from 1 to a million.
    fn price(self, field: u64) -> u64 {
        (10f64.powf(self.random(field).unit() * 6.0) * 100.0).round() as u64
    }

    fn text(self, kind: Kind, field: &str, out: &mut String) {
        let random = &mut self.random(field.bytes().fold(16, |hash, b| hash * 31 + u64::from(b)));
        match (kind, field) {
            (Kind::Bid, "channel") => match random.below(8) {
                hot @ 0..4 => out.push_str(HOT_CHANNELS[hot as usize]),
                _ => number(out, "channel-", random.below(10_000)),
            },
            (Kind::Bid, "url") => {
                out.push_str("https://www.nexmark.com/");
                letters(random, out, 5);
                out.push_str("/item.htm?query=1");
            }
            (Kind::Auction, "itemName") => {
                let count = 8 + random.below(12);
                letters(random, out, count);
            }
            (Kind::Auction, "description") => {
                let count = 40 + random.below(60);
                letters(random, out, count);
            }
            (Kind::Person, "name") => {
                out.push_str(pick(random, &FIRST_NAMES));
                out.push(' ');
                out.push_str(pick(random, &LAST_NAMES));
            }
            (Kind::Person, "emailAddress") => {
                letters(random, out, 7);
                out.push('@');
                letters(random, out, 5);
                out.push_str(".com");
            }
            (Kind::Person, "creditCard") => {
                for group in 0..4 {
                    let space = if group > 0 { " " } else { "" };
                    // Writing to a string cannot fail.
                    let _ = write!(out, "{space}{:04}", random.below(10_000));
                }
            }
            (Kind::Person, "city") => out.push_str(pick(random, &CITIES)),
            (Kind::Person, "state") => out.push_str(pick(random, &STATES)),
            // `extra`.
            _ => {
                let count = 8 + random.below(11);
                letters(random, out, count);
            }
        }
    }
}

fn number(out: &mut String, before: &str, n: u64) {
    // Writing to a string cannot fail.
    let _ = write!(out, "{before}{n}");
}

fn pick<'t>(random: &mut Random, from: &[&'t str]) -> &'t str {
    from[random.below(from.len() as u64) as usize]
}

fn letters(random: &mut Random, out: &mut String, count: u64) {
    for _ in 0..count {
        out.push((b'a' + random.below(26) as u8) as char);
    }
}
