//! The input as the job's one sequence: chunks in the order in which they were handed out. Rows know the
//! number of theirs, so that order and watermarks are exact.

use crate::physical::NO_PLACE;
use crate::physical::number::Number;
use crate::value::Value;
use std::collections::{BTreeMap, HashMap};

/// One row.
pub type Row = Vec<Value>;

/// Rows of the sources and tables, by the name of their declaration; values in the order of the
/// connector's schema.
pub type Inputs = HashMap<String, Vec<Row>>;

/// What the sources gave, in order.
#[derive(Clone, Debug, Default)]
pub struct Sequence {
    /// Chunks, ends and moments. The `n`th of the chunks and moments has number `n`.
    pub events: Vec<Event>,
    /// The rows of tables, by the name of their declaration.
    pub tables: Inputs,
    /// Of parts of sources, by the name of their declaration: the time of their first row, where that is known before the start.
    /// The part is as far as that from the beginning on.
    pub firsts: BTreeMap<(String, u32), i64>,
}

/// Something in the sequence.
#[derive(Clone, Debug)]
pub enum Event {
    /// Rows of a part of a source that is read in order.
    Chunk {
        /// The source's declaration.
        source: String,
        /// Which part of it.
        split: u32,
        /// The rows.
        rows: Vec<Row>,
    },
    /// A part of a source has no more rows: behind the next chunk's number it is not waited for.
    End {
        /// The source's declaration.
        source: String,
        /// Which part of it.
        split: u32,
    },
    /// The clock on the wall moves, when everything before is through. What it makes due has a number, as chunks have.
    Moment {
        /// What it shows now: microseconds since 1970-01-01 UTC.
        wall: i64,
    },
}

impl Sequence {
    /// Each source one chunk, in this order.
    pub fn of(inputs: &Inputs, sources: impl IntoIterator<Item = String>) -> Sequence {
        let chunk = |source: String| {
            let rows = inputs.get(&source).cloned().unwrap_or_default();
            Event::Chunk { source, split: 0, rows }
        };
        let events = sources.into_iter().map(chunk).collect();
        Sequence { events, tables: inputs.clone(), ..Sequence::default() }
    }

    /// What has a number: chunks and moments, whose numbers are their places.
    pub(super) fn numbered(&self) -> impl Iterator<Item = (Number, &Event)> {
        let events = self.events.iter().filter(|event| !matches!(event, Event::End { .. }));
        events.enumerate().map(|(number, event)| (number as Number, event))
    }
}

/// A row, the number it belongs to, and its place in the chunk.
#[derive(Clone, Debug)]
pub(super) struct Item {
    pub(super) number: Number,
    /// That of the row of the source for which it was made; [`NO_PLACE`] of what was made for several.
    pub(super) place: i64,
    pub(super) row: Row,
}

impl Item {
    /// A row that was not made for one row of a chunk.
    pub(super) fn made(number: Number, row: Row) -> Item {
        Item { number, place: NO_PLACE, row }
    }

    /// The same place with another row.
    pub(super) fn with(&self, row: Row) -> Item {
        Item { row, ..*self }
    }
}

/// A node's rows: numbers never go back.
pub(super) type Stream = Vec<Item>;

/// The rows of a chunk, as a stream.
pub(super) fn items(number: Number, rows: impl IntoIterator<Item = Row>) -> impl Iterator<Item = Item> {
    rows.into_iter().zip(0..).map(move |(row, place)| Item { number, place, row })
}

/// The different numbers of some streams, in order.
pub(super) fn numbers<'a>(streams: impl IntoIterator<Item = &'a Stream>) -> Vec<Number> {
    let mut numbers: Vec<Number> = streams.into_iter().flatten().map(|item| item.number).collect();
    numbers.sort_unstable();
    numbers.dedup();
    numbers
}
