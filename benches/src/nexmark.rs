//! The events of the Nexmark auction site as three ndjson files (persons, auctions, bids) and the side
//! input of q13: the shapes of the source `nexmark`, for programs that only read files.
//!
//! Three files and not one with all events, because a reader of one kind then pays for that kind alone,
//! whichever program it is; views over one file would measure how fast a program skips the other rows.
//! Of 50 events 1 is a person, 3 are auctions, 46 are bids. Event `n` happens about `n` gaps after the
//! start, at an earlier time by up to the disorder, so rows are out of order by at most that much.

use crate::bids::{FIRST_ID, HOT_CHANNELS, START_MS, date_time, letters};
use crate::random::Random;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

const STATES: [&str; 6] = ["AZ", "CA", "ID", "OR", "WA", "WY"];
const CITIES: [&str; 5] = ["Phoenix", "Los Angeles", "Boise", "Portland", "Seattle"];
const FIRST_NAMES: [&str; 6] = ["Peter", "Paul", "Vicky", "Kate", "Julie", "Walter"];
const LAST_NAMES: [&str; 5] = ["Shultz", "Abrams", "Spencer", "White", "Bartels"];
/// Auctions that are open at a time, in events.
const OPEN_FOR: u64 = 100 * 50 / 3;

/// How many events, and how they lie in time.
#[derive(Debug, Clone, Copy)]
pub struct Shape {
    /// Persons, auctions and bids together.
    pub events: u64,
    /// Microseconds between two events.
    pub gap: u64,
    /// Milliseconds by which an event may be earlier than its place says.
    pub disorder: u64,
    /// Rows of the side input.
    pub side: u64,
    /// Another seed, other events.
    pub seed: u64,
}

impl Shape {
    /// 10,000 events a second, out of order by up to 3 s.
    pub fn of(events: u64) -> Shape {
        Shape { events, gap: 100, disorder: 3000, side: 10_000, seed: 1 }
    }
}

/// The files a folder of events has.
pub const FILES: [&str; 4] = ["persons.ndjson", "auctions.ndjson", "bids.ndjson", "side-input.csv"];

/// Writes the files into `folder`, which is made if it is not there.
pub fn write(folder: &Path, shape: Shape) -> io::Result<()> {
    std::fs::create_dir_all(folder)?;
    let create =
        |name: &str| Ok::<_, io::Error>(BufWriter::with_capacity(1 << 20, File::create(folder.join(name))?));
    let (mut persons, mut auctions, mut bids) = (create(FILES[0])?, create(FILES[1])?, create(FILES[2])?);
    let mut row = Row { random: Random::new(shape.seed), bytes: Vec::with_capacity(1024), first: true };
    for n in 0..shape.events {
        let out = match n % 50 {
            0 => {
                row.person(n, shape);
                &mut persons
            }
            1..4 => {
                row.auction(n, shape);
                &mut auctions
            }
            _ => {
                row.bid(n, shape);
                &mut bids
            }
        };
        out.write_all(&row.bytes)?;
    }
    let mut side = create(FILES[3])?;
    side.write_all(b"key,value\n")?;
    for key in 0..shape.side {
        writeln!(side, "{key},value of {key}")?;
    }
    [persons, auctions, bids, side].iter_mut().try_for_each(Write::flush)
}

/// One row as it is written, and the randomness behind all of them.
struct Row {
    random: Random,
    bytes: Vec<u8>,
    first: bool,
}

impl Row {
    fn person(&mut self, n: u64, shape: Shape) {
        self.start();
        self.int("id", FIRST_ID + n / 50);
        self.string("name");
        self.pick(&FIRST_NAMES);
        self.bytes.push(b' ');
        self.pick(&LAST_NAMES);
        self.close();
        self.string("emailAddress");
        self.letters(7, 0);
        self.bytes.push(b'@');
        self.letters(5, 0);
        self.text(".com");
        self.close();
        self.string("creditCard");
        for group in 0..4 {
            let digits = 1000 + self.random.below(9000);
            self.text(if group > 0 { " " } else { "" });
            self.number(digits);
        }
        self.close();
        self.string("city");
        self.pick(&CITIES);
        self.close();
        self.string("state");
        self.pick(&STATES);
        self.close();
        let time = self.time(n, shape);
        self.stamp("dateTime", time);
        self.extra();
    }

    fn auction(&mut self, n: u64, shape: Shape) {
        self.start();
        self.int("id", FIRST_ID + n / 50 * 3 + n % 50 - 1);
        self.string("itemName");
        self.letters(8, 12);
        self.close();
        self.string("description");
        self.letters(40, 60);
        self.close();
        let initial = self.price();
        let reserve = initial + self.price();
        self.int("initialBid", initial);
        self.int("reserve", reserve);
        let time = self.time(n, shape);
        let open = 1 + self.random.below(2 * OPEN_FOR * shape.gap / 1000 + 1);
        self.stamp("dateTime", time);
        self.stamp("expires", time + open);
        let seller = self.someone(n, 0);
        self.int("seller", seller);
        let category = 10 + self.random.below(5);
        self.int("category", category);
        self.extra();
    }

    fn bid(&mut self, n: u64, shape: Shape) {
        self.start();
        // Half of the bids go to the hot auction, the others to one of the last hundred.
        let last = n / 50 * 3 + 2;
        let auction = match self.random.below(2) {
            0 => last / 100 * 100,
            _ => last - self.random.below(100.min(last + 1)),
        };
        self.int("auction", FIRST_ID + auction);
        let bidder = self.someone(n, 1);
        self.int("bidder", bidder);
        let price = self.price();
        self.int("price", price);
        self.string("channel");
        let hot = self.random.below(8);
        let channel = self.random.below(10_000);
        match HOT_CHANNELS.get(hot as usize) {
            Some(name) => self.text(name),
            None => {
                self.text("channel-");
                self.number(channel);
            }
        }
        self.close();
        self.string("url");
        self.text("https://www.nexmark.com");
        for _ in 0..3 {
            self.bytes.push(b'/');
            self.letters(5, 0);
        }
        self.text("/item.htm?query=1");
        // The four hot channels are known by name; of the others, one in ten has no number.
        if hot >= 4 && !channel.is_multiple_of(10) {
            self.text("&channel_id=");
            self.number(u64::from((channel as u32).reverse_bits() >> 1));
        }
        self.close();
        let time = self.time(n, shape);
        self.stamp("dateTime", time);
        self.extra();
    }

    /// Three of four times the hot person of the last hundred, else one of the last thousand.
    fn someone(&mut self, n: u64, hot: u64) -> u64 {
        let last = n / 50;
        match self.random.below(4) {
            0 => FIRST_ID + last - self.random.below(1000.min(last + 1)),
            _ => FIRST_ID + last / 100 * 100 + hot,
        }
    }

    /// Cents, log-uniform from 1 to a million.
    fn price(&mut self) -> u64 {
        (10f64.powf(self.random.unit() * 6.0) * 100.0).round() as u64
    }

    /// In milliseconds.
    fn time(&mut self, n: u64, shape: Shape) -> u64 {
        START_MS + n * shape.gap / 1000 - self.random.below(shape.disorder + 1)
    }

    fn start(&mut self) {
        self.bytes.clear();
        self.bytes.push(b'{');
        self.first = true;
    }

    fn key(&mut self, name: &str) {
        if !std::mem::take(&mut self.first) {
            self.bytes.push(b',');
        }
        self.bytes.push(b'"');
        self.text(name);
        self.text("\":");
    }

    fn int(&mut self, name: &str, value: u64) {
        self.key(name);
        self.number(value);
    }

    fn stamp(&mut self, name: &str, millis: u64) {
        self.string(name);
        date_time(&mut self.bytes, millis);
        self.close();
    }

    fn string(&mut self, name: &str) {
        self.key(name);
        self.bytes.push(b'"');
    }

    fn close(&mut self) {
        self.bytes.push(b'"');
    }

    /// The last field.
    fn extra(&mut self) {
        self.string("extra");
        self.letters(8, 10);
        self.text("\"}\n");
    }

    fn letters(&mut self, at_least: u64, more: u64) {
        let count = at_least + self.random.below(more + 1);
        letters(&mut self.random, &mut self.bytes, count as usize);
    }

    fn pick(&mut self, from: &[&str]) {
        let at = self.random.below(from.len() as u64) as usize;
        self.text(from[at]);
    }

    fn text(&mut self, text: &str) {
        self.bytes.extend_from_slice(text.as_bytes());
    }

    fn number(&mut self, n: u64) {
        self.bytes.extend_from_slice(itoa::Buffer::new().format(n).as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::{FILES, Shape, write};

    fn lines(shape: Shape, name: &str) -> Vec<String> {
        let folder = std::env::temp_dir().join(format!("{name}-{}-{}", std::process::id(), shape.seed));
        write(&folder, shape).unwrap();
        let text = std::fs::read_to_string(folder.join(name)).unwrap();
        std::fs::remove_dir_all(folder).unwrap();
        text.lines().map(str::to_string).collect()
    }

    #[test]
    fn the_same_seed_makes_the_same_events_46_of_50_of_them_bids() {
        let shape = Shape { seed: 3, ..Shape::of(1000) };
        let bids = lines(shape, FILES[2]);
        assert_eq!(bids, lines(shape, FILES[2]));
        assert_eq!(bids.len(), 920);
        assert_eq!(lines(shape, FILES[1]).len(), 60);
        assert_eq!(lines(shape, FILES[0]).len(), 20);
        assert_ne!(bids, lines(Shape { seed: 4, ..shape }, FILES[2]));
    }

    #[test]
    fn rows_are_out_of_order_by_no_more_than_the_disorder() {
        let shape = Shape { seed: 5, gap: 1000, disorder: 2000, ..Shape::of(20_000) };
        let stamp = |row: &String| {
            let at = row.find("\"dateTime\":\"").unwrap() + 12;
            let (minutes, seconds) = (&row[at + 14..at + 16], &row[at + 17..at + 23]);
            // The first 2 s may lie in the year before.
            let before = row[at..].starts_with("2025");
            let of_hour = minutes.parse::<f64>().unwrap() * 60.0 + seconds.parse::<f64>().unwrap();
            if before { of_hour - 3600.0 } else { of_hour }
        };
        let (mut latest, mut most) = (f64::MIN, 0.0f64);
        for row in lines(shape, FILES[2]) {
            let time = stamp(&row);
            latest = latest.max(time);
            most = most.max(latest - time);
        }
        assert!((1.5..=2.0).contains(&most), "out of order by {most} s");
    }
}
