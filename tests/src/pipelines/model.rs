//! A script as its parts, so that parts can be left out; and the rows it reads.

use super::input::AT;
use flow_plan::Value;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::ops::Range;

/// One row.
pub(super) type Row = Vec<Value>;

/// A declaration: `keyword name head |> stage |> stage tail`.
#[derive(Clone, Debug)]
pub(super) struct Declaration {
    pub(super) head: String,
    pub(super) stages: Vec<Stage>,
    pub(super) tail: String,
}

/// Stages that only make sense together (`keyBy`, `window`, `aggregate`, and a `map` to the common columns).
#[derive(Clone, Debug)]
pub(super) struct Stage(pub(super) Vec<String>);

impl Stage {
    fn has(&self, text: &str) -> bool {
        self.0.iter().any(|part| part.contains(text))
    }
}

/// A whole script.
#[derive(Clone, Debug, Default)]
pub(super) struct Script {
    pub(super) declarations: Vec<Declaration>,
    /// Names of sources, and of tables.
    pub(super) sources: Vec<String>,
    pub(super) tables: Vec<String>,
    /// Does the clock on the wall move while it runs?
    pub(super) moves_clock: bool,
    /// May it keep some rows and drop others, as whoever runs it likes? Then the engine, which must always keep the same ones, is
    /// only compared with itself.
    pub(super) samples: bool,
}

impl Script {
    /// Does a stream that is no source set event time?
    pub(super) fn times_streams(&self) -> bool {
        let streams = self.declarations.iter().filter(|declaration| declaration.head.starts_with("stream"));
        streams.flat_map(|stream| &stream.stages).any(|stage| stage.has("eventTime("))
    }

    /// Does a stage somewhere say this?
    pub(super) fn has(&self, text: &str) -> bool {
        self.declarations.iter().flat_map(|declaration| &declaration.stages).any(|stage| stage.has(text))
    }

    pub(super) fn text(&self) -> String {
        let mut text = String::new();
        for declaration in &self.declarations {
            text.push_str(&declaration.head);
            for part in declaration.stages.iter().flat_map(|stage| &stage.0) {
                let _ = write!(text, "\n  |> {part}");
            }
            if !declaration.tail.is_empty() {
                let _ = write!(text, "\n  {}", declaration.tail);
            }
            text.push('\n');
        }
        text
    }
}

/// A script with the rows of its sources, chunk by chunk, and of its tables.
#[derive(Clone, Debug)]
pub struct Case {
    pub(super) script: Script,
    pub(super) inputs: Inputs,
    pub(super) seed: u64,
}

/// Rows by source.
#[derive(Clone, Debug, Default)]
pub(super) struct Inputs {
    pub(super) chunks: BTreeMap<String, Vec<Vec<Row>>>,
    /// Which split of its source each chunk belongs to; of those behind the end of the list, the first.
    pub(super) splits: BTreeMap<String, Vec<u32>>,
    pub(super) tables: BTreeMap<String, Vec<Row>>,
    /// Do sources know the event time of their chunks, where it is a column of theirs? Then the least comes first.
    pub(super) by_time: bool,
    /// Do those tell before the start at which time each split begins?
    pub(super) promises: bool,
    /// When the clock on the wall moves, in order.
    pub(super) moments: Vec<Moment>,
}

/// The clock on the wall moves.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moment {
    /// Behind so many chunks of all sources.
    pub(super) behind: usize,
    /// By so many microseconds.
    pub(super) micros: i64,
}

impl Inputs {
    /// The chunks of a source. Where the clock moves, all sources end together: that one has ended is noticed with the next
    /// number, and which that is would depend on how many workers something is due on.
    pub(super) fn chunks_of(&self, source: &str) -> Vec<Vec<Row>> {
        let mut chunks = self.chunks.get(source).cloned().unwrap_or_default();
        if !self.moments.is_empty() {
            let most = self.chunks.values().map(Vec::len).max().unwrap_or(0);
            chunks.resize(most, Vec::new());
        }
        chunks
    }

    /// The split of a chunk of a source.
    pub(super) fn split_of(&self, source: &str, chunk: usize) -> u32 {
        self.splits.get(source).and_then(|splits| splits.get(chunk)).copied().unwrap_or(0)
    }

    /// The time of the first row of a split of a source, in this column, if it has rows.
    pub(super) fn first_of(&self, source: &str, split: u32, column: usize) -> Option<i64> {
        let chunks = self.chunks.get(source)?.iter().enumerate();
        let mut rows =
            chunks.filter(|(at, _)| self.split_of(source, *at) == split).flat_map(|(_, rows)| rows);
        match rows.next()?[column] {
            Value::Timestamp(time) => Some(time),
            _ => None,
        }
    }

    /// What is known before the start: the time of the first row of each split.
    pub(super) fn firsts(&self) -> BTreeMap<(String, u32), i64> {
        let sources = self.chunks.iter().filter(|_| self.promises);
        let splits = sources.flat_map(|(source, chunks)| {
            (0..chunks.len()).map(move |chunk| (source.clone(), self.split_of(source, chunk)))
        });
        splits
            .filter_map(|(source, split)| Some((self.first_of(&source, split, AT)?, (source, split))))
            .map(|(first, split)| (split, first))
            .collect()
    }

    /// Takes chunks of a source away.
    pub(super) fn remove(&mut self, source: &str, chunks: Range<usize>) {
        if let Some(splits) = self.splits.get_mut(source) {
            splits.drain(chunks.start.min(splits.len())..chunks.end.min(splits.len()));
        }
        if let Some(known) = self.chunks.get_mut(source) {
            known.drain(chunks);
        }
    }

    /// How many chunks all sources have.
    pub(super) fn count(&self) -> usize {
        self.chunks.keys().map(|source| self.chunks_of(source).len()).sum()
    }
}

impl Case {
    /// For people: the script and its rows.
    pub fn show(&self) -> String {
        let mut text = self.script.text();
        for (name, chunks) in &self.inputs.chunks {
            let _ = writeln!(text, "rows of {name}:");
            for (at, chunk) in chunks.iter().enumerate() {
                let _ = match self.inputs.split_of(name, at) {
                    0 => writeln!(text, "  chunk"),
                    split => writeln!(text, "  chunk of split {split}"),
                };
                chunk.iter().for_each(|row| {
                    let _ = writeln!(text, "    {}", show_row(row));
                });
            }
        }
        if self.inputs.by_time {
            let known = if self.inputs.promises { ", and it is known when each split begins" } else { "" };
            let _ = writeln!(text, "sources are read by time{known}");
        }
        for Moment { behind, micros } in &self.inputs.moments {
            let _ = writeln!(text, "behind {behind} chunks the clock moves by {micros} us");
        }
        for (name, rows) in &self.inputs.tables {
            let _ = writeln!(text, "rows of the table {name}:");
            rows.iter().for_each(|row| {
                let _ = writeln!(text, "    {}", show_row(row));
            });
        }
        text
    }
}

/// A row, for people.
pub(super) fn show_row(row: &[Value]) -> String {
    row.iter().map(show_value).collect::<Vec<_>>().join(", ")
}

/// A moment within an hour of [`super::input::START`] as seconds behind it.
fn show_value(value: &Value) -> String {
    match value {
        Value::Null => "null".into(),
        Value::Bool(x) => x.to_string(),
        Value::Int(x) => x.to_string(),
        Value::Float(x) => format!("{x:?}"),
        Value::String(x) => format!("{x:?}"),
        Value::Timestamp(x) => match x.checked_sub(super::input::START) {
            Some(behind) if behind.abs() < 3_600_000_000 => format!("@{:+}us", behind),
            _ => format!("@{x}"),
        },
        other => format!("{other:?}"),
    }
}
