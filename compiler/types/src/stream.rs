//! What is known of a stream at one point of a pipeline: its columns, its kind, its key, its
//! window, its event time. Pure data; the stages change it.

pub use crate::columns::Columns;

use crate::hash::HashMap;
use flow_plan::operator::{StreamMode, Trigger, Window};
use flow_plan::{DataType, Field, RecordType};
use flow_syntax::Span;
use std::sync::Arc;

/// A column of a stream.
#[derive(Clone, Debug)]
pub struct Column {
    /// Its name.
    pub name: Arc<str>,
    /// Its type; `None` after a mistake that was already reported.
    pub ty: Option<DataType>,
    /// The alias or declaration it can be told apart by (`b.price`).
    pub side: Option<Arc<str>>,
    /// Where that name is declared.
    pub side_at: Option<Span>,
    /// Where the script says that it exists: a field of a `type`, an item of a `map`.
    pub origin: Span,
    /// Where its type is written, if it is not with its origin.
    pub written: Option<Span>,
    /// The `leftJoin` that made it optional.
    pub optional_by: Option<Span>,
    /// The same as long as the column passes through unchanged; tells whether it is ever read.
    pub id: u32,
}

/// A key set by `keyBy` that waits for its stateful stage.
#[derive(Clone, Debug)]
pub struct Keys {
    /// The key columns.
    pub columns: Vec<usize>,
    /// The `keyBy`.
    pub span: Span,
}

/// Event time of a stream.
#[derive(Clone, Debug)]
pub struct EventTime {
    /// The column it was read from, while that is kept.
    pub column: Option<usize>,
    /// Has the `eventTime` stage a `delay:`?
    pub delayed: bool,
    /// The `eventTime` stage.
    pub span: Span,
}

/// A field that an earlier stage left out.
#[derive(Clone, Debug)]
pub struct Dropped {
    /// Its name.
    pub name: Arc<str>,
    /// The stage's word.
    pub word: String,
    /// The stage.
    pub span: Span,
    /// The new name, when the stage only renamed it.
    pub renamed: Option<Arc<str>>,
}

/// A stream at one point of a pipeline.
#[derive(Clone, Debug)]
pub struct StreamType {
    /// Its columns in order.
    pub columns: Columns,
    /// Are there columns that are not known because of an earlier mistake?
    pub open: bool,
    /// Is it not known either, because of an earlier mistake, what kind of stream it is: its event time, its windows?
    pub vague: bool,
    /// Are its rows final?
    pub mode: StreamMode,
    /// The operator that made it updating.
    pub updating_by: Option<(String, Span)>,
    /// Set by `keyBy`, not used yet.
    pub keys: Option<Keys>,
    /// Set by `window`, not used yet.
    pub window: Option<(Window, Span)>,
    /// Set by `trigger`, not used yet.
    pub trigger: Option<(Trigger, Span)>,
    /// The window its rows came from, for `window(same)`.
    pub from_window: Option<Window>,
    /// Its event time, if it has one.
    pub event_time: Option<EventTime>,
    /// Do its sources end?
    pub bounded: bool,
    /// What gave its record type (a type, a connector, a stage), and where.
    pub made_by: (String, Span),
    /// What was left out on the way.
    pub dropped: Vec<Dropped>,
    /// Sides of joins that only kept or dropped rows by them: name, stage's word, stage.
    pub gone_sides: Vec<(Arc<str>, String, Span)>,
    /// Is there a stateful operator before this point (of the whole way from the source)?
    pub stateful: bool,
    /// Were the columns lost by which its rows are replaced?
    pub update_key_lost: bool,
    /// Is it grouped by processing time somewhere before this point?
    pub processing_time: bool,
}

impl StreamType {
    /// An append stream of these columns.
    pub fn new(columns: Vec<Column>, made_by: (String, Span)) -> StreamType {
        StreamType {
            columns: columns.into(),
            open: false,
            vague: false,
            mode: StreamMode::Append,
            updating_by: None,
            keys: None,
            window: None,
            trigger: None,
            from_window: None,
            event_time: None,
            bounded: false,
            made_by,
            dropped: Vec::new(),
            gone_sides: Vec::new(),
            stateful: false,
            update_key_lost: false,
            processing_time: false,
        }
    }

    /// A stream nothing is known of, because what makes it was wrong: every use of it is fine.
    pub fn unknown(span: Span) -> StreamType {
        let mut stream = StreamType::new(Vec::new(), (String::new(), span));
        (stream.open, stream.vague) = (true, true);
        stream.event_time = Some(EventTime { column: None, delayed: true, span });
        stream
    }

    /// The record type, if all of it is known. Sides are kept only where a name stands twice.
    pub fn record(&self) -> Option<Arc<RecordType>> {
        if self.open {
            return None;
        }
        let mut times: HashMap<&str, usize> = crate::hash::with_room(self.columns.len());
        self.columns.iter().for_each(|c| *times.entry(&c.name).or_default() += 1);
        let fields = self.columns.iter().map(|c| {
            let side = if times[&*c.name] > 1 { c.side.clone() } else { None };
            Some(Field { name: c.name.clone(), ty: c.ty.clone()?, side })
        });
        Some(Arc::new(RecordType { fields: fields.collect::<Option<_>>()? }))
    }

    /// The record type with the unknown left out: for people.
    pub fn known_record(&self) -> RecordType {
        let known = self.columns.iter().filter_map(|c| Some(Field::new(c.name.clone(), c.ty.clone()?)));
        RecordType { fields: known.collect() }
    }

    /// All columns of this name.
    pub fn named<'s>(&'s self, name: &'s str) -> impl Iterator<Item = (usize, &'s Column)> + 's {
        self.columns.named(name)
    }

    /// Where a side is declared.
    pub fn side_declared(&self, side: &str) -> Option<Span> {
        self.columns.iter().find(|c| c.side.as_deref() == Some(side)).and_then(|c| c.side_at)
    }

    /// Is there a column that can be told apart by this alias?
    pub fn has_side(&self, side: &str) -> bool {
        self.columns.iter().any(|c| c.side.as_deref() == Some(side))
    }

    /// The same stream with all columns on one side, which is declared there: what a pipeline's head sees.
    pub fn with_side(mut self, side: &str, declared: Span) -> StreamType {
        let side: Arc<str> = side.into();
        for column in self.columns.iter_mut() {
            column.side = Some(side.clone());
            column.side_at = Some(declared);
        }
        self
    }

    /// Remembers fields that a stage left out, with their new names; of several of one name, the last counts.
    pub fn note_all_dropped(&mut self, all: Vec<(Arc<str>, Option<Arc<str>>)>, word: &str, span: Span) {
        let last: HashMap<Arc<str>, usize> =
            all.iter().enumerate().map(|(at, (name, _))| (name.clone(), at)).collect();
        self.dropped.retain(|d| !last.contains_key(&d.name));
        for (at, (name, renamed)) in all.into_iter().enumerate() {
            if last[&name] == at {
                self.dropped.push(Dropped { name, word: word.into(), span, renamed });
            }
        }
    }
}
