//! The logical plan: the operators a checked script means, as a graph.
//!
//! `keyBy`, `window` and `trigger` are no operators: they are folded into the stateful operator they
//! belong to. Every expression reads the columns of its operator's (first) input by index.

use crate::catalogue::AggFunc;
use crate::connector::ConnectorCall;
use crate::expr::{Expr, Place};
use crate::types::{DataType, RecordType};
use crate::value::Value;
use std::sync::Arc;

/// A whole job.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    /// Texts that places point into; 0 is the main script.
    pub scripts: Vec<Script>,
    /// The `job` block with its defaults.
    pub job: JobConfig,
    /// Declarations that have operators, for names, error policy and counters.
    pub declarations: Vec<Declaration>,
    /// Operators, inputs before their consumers.
    pub operators: Vec<Operator>,
}

/// A script's name and text.
#[derive(Clone, Debug)]
pub struct Script {
    /// Path as the user wrote it.
    pub name: String,
    /// The text.
    pub text: Arc<str>,
}

/// The `job` block.
#[derive(Clone, Debug)]
pub struct JobConfig {
    /// The job's name; the script's file name without a block.
    pub name: String,
    /// Workers; `None`: number of cores.
    pub parallelism: Option<u32>,
    /// Checkpoint interval in microseconds; `None`: off.
    pub checkpoint: Option<i64>,
    /// `exactlyOnce` (or `atLeastOnce`).
    pub exactly_once: bool,
    /// State folder.
    pub state_path: String,
    /// `backend: sled`.
    pub state_on_disk: bool,
    /// Memory budget of the disk backend in bytes.
    pub state_memory: Option<i64>,
    /// Limit of all state in bytes.
    pub state_limit: Option<i64>,
    /// How many checkpoints are kept; `None`: as many as `flow` keeps by itself.
    pub state_keep: Option<u32>,
    /// Where `state:` stands.
    pub state_place: Place,
    /// What a record error does where no `.errors` is consumed.
    pub on_error: OnError,
}

impl Default for JobConfig {
    fn default() -> Self {
        JobConfig {
            name: String::new(),
            parallelism: None,
            checkpoint: Some(10_000_000),
            exactly_once: true,
            state_path: ".flow".into(),
            state_on_disk: false,
            state_memory: None,
            state_limit: None,
            state_keep: None,
            state_place: Place::default(),
            on_error: OnError::Fail,
        }
    }
}

/// What a record error does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnError {
    /// Stops the job with a diagnostic.
    Fail,
    /// Drops the record and counts it.
    Skip,
    /// Sends it to the declaration's `.errors`, which something consumes.
    Route,
}

/// What kind of declaration an operator stands in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names say it")]
pub enum DeclarationKind {
    Source,
    Table,
    Stream,
    Sink,
}

/// A declaration that has operators.
#[derive(Clone, Debug)]
pub struct Declaration {
    /// Its name.
    pub name: String,
    /// What it was called before, if it says so.
    pub was: Option<String>,
    /// Its kind.
    pub kind: DeclarationKind,
    /// What a record error in it does.
    pub on_error: OnError,
    /// Is its `.late` consumed?
    pub late_consumed: bool,
    /// Its name in the script.
    pub place: Place,
}

/// Index of an operator in [`Plan::operators`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct OperatorId(pub u32);

/// One operator.
#[derive(Clone, Debug)]
pub struct Operator {
    /// What it does.
    pub kind: OperatorKind,
    /// What it reads, in order.
    pub inputs: Vec<OperatorId>,
    /// Its output columns.
    pub output: Arc<RecordType>,
    /// Are its rows final?
    pub mode: StreamMode,
    /// Index of its declaration.
    pub declaration: u32,
    /// The word in the script (`filter`, `aggregate`, `count`, …).
    pub word: String,
    /// Its identity in savepoints, if it has state (`perAuction.aggregate#2`).
    pub state: Option<StateIdentity>,
    /// The stage in the script.
    pub place: Place,
    /// The stages before it that say how it groups.
    pub grouped_at: GroupedAt,
}

/// Where key, window and trigger of a stateful stage are set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GroupedAt {
    /// The `keyBy`, if there is one.
    pub key: Option<Place>,
    /// The `window`, if there is one.
    pub window: Option<Place>,
    /// The `trigger`, if there is one.
    pub trigger: Option<Place>,
}

/// Identity of an operator's state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StateIdentity {
    /// `<declaration>.<operator>` or the pinned name.
    pub id: String,
    /// What `@was` says it was called.
    pub was: Option<String>,
}

/// Is a row final, or can a later row of the same key replace or withdraw it?
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StreamMode {
    /// Rows are final.
    Append,
    /// Rows are replaced by key (column indexes; empty: one global row).
    Updating {
        /// The columns that identify a row.
        key: Vec<usize>,
    },
}

/// The operators.
#[derive(Clone, Debug)]
pub enum OperatorKind {
    /// Reads rows from outside.
    Source(ConnectorCall),
    /// Reads a lookup table; only joins read it.
    Table {
        /// Where from.
        connector: ConnectorCall,
    },
    /// The `.errors` of a declaration (columns of [`errors_type`]).
    Errors {
        /// Index of the declaration.
        declaration: u32,
    },
    /// The `.late` of a declaration.
    Late {
        /// Index of the declaration.
        declaration: u32,
    },
    /// One expression per output column. Also `drop`, `rename`, and `keyBy` with computed keys.
    Map {
        /// The output columns.
        exprs: Vec<Expr>,
    },
    /// Keeps rows for which the condition is true.
    Filter {
        /// A `bool`.
        cond: Expr,
    },
    /// One row per element of a list: the input columns plus the element.
    FlatMap {
        /// A list.
        list: Expr,
    },
    /// Sets event time and watermarks; columns stay.
    EventTime {
        /// A timestamp column.
        column: usize,
        /// Microseconds the watermark stays behind.
        delay: i64,
        /// Microseconds of silence after which a split is not waited for.
        idle: Option<i64>,
    },
    /// All rows of all inputs.
    Union,
    /// Keyed aggregation: output columns are keys ++ window bounds ++ results.
    Aggregate(Aggregate),
    /// `top`, `bottom`: whole rows.
    Top {
        /// Key columns.
        keys: Vec<usize>,
        /// How many rows.
        n: u64,
        /// Sort keys, best first.
        by: Vec<SortKey>,
        /// Keep ties of the last place?
        ties: bool,
        /// Is a rank column appended?
        rank: bool,
        /// The window, if any.
        window: Option<Window>,
        /// When it emits.
        trigger: Trigger,
    },
    /// `latest`, `earliest`: one row per key.
    Latest {
        /// Key columns.
        keys: Vec<usize>,
        /// Rows are compared by this.
        by: Expr,
        /// `earliest`?
        earliest: bool,
        /// The window, if any.
        window: Option<Window>,
        /// When it emits.
        trigger: Trigger,
    },
    /// Drops rows whose columns were seen before.
    Distinct {
        /// Key columns of the stream.
        keys: Vec<usize>,
        /// The columns that are compared.
        columns: Vec<usize>,
        /// Microseconds after which a value is forgotten.
        within: Option<i64>,
    },
    /// All joins; inputs are left and right.
    Join(Join),
    /// Per-key fold. Expressions of `next` and `emit` read the input columns and, behind them, one
    /// column with the state (before `next`; in `emit`, after it).
    Scan {
        /// Key columns.
        keys: Vec<usize>,
        /// State before a key's first row: a constant expression.
        init: Expr,
        /// The new state.
        next: Expr,
        /// The output columns.
        emit: Vec<Expr>,
    },
    /// Keeps each row with this probability, decided by a hash of the row's position in the input.
    Sample {
        /// 0 to 1.
        probability: f64,
    },
    /// The first rows of the whole stream.
    Limit {
        /// How many.
        n: u64,
    },
    /// Shows rows to people; columns stay.
    Tap {
        /// What they are shown as.
        label: String,
    },
    /// Writes rows to outside; has no output columns.
    Sink(ConnectorCall),
}

/// A keyed aggregation.
#[derive(Clone, Debug)]
pub struct Aggregate {
    /// Key columns of the input.
    pub keys: Vec<usize>,
    /// The window; `None`: running.
    pub window: Option<Window>,
    /// When it emits.
    pub trigger: Trigger,
    /// The aggregates it keeps per key and window.
    pub calls: Vec<AggregateCall>,
    /// The named results, over the columns keys ++ window bounds ++ one per call.
    pub results: Vec<Expr>,
}

/// One aggregate.
#[derive(Clone, Debug)]
pub struct AggregateCall {
    /// Which.
    pub func: AggFunc,
    /// Its argument over the input columns (`None`: `count()`).
    pub arg: Option<Expr>,
    /// `by:` of argMax and argMin.
    pub by: Option<Expr>,
    /// Constant second argument: percentile's fraction, stringJoin's separator.
    pub param: Option<Value>,
    /// `where:`.
    pub filter: Option<Expr>,
    /// Type of its result.
    pub ty: DataType,
    /// The result field it was written for (its name in savepoints).
    pub name: String,
    /// Where it stands.
    pub place: Place,
}

/// A sort key.
#[derive(Clone, Debug)]
pub struct SortKey {
    /// What is compared.
    pub expr: Expr,
    /// Largest first?
    pub descending: bool,
}

/// A window; lengths in microseconds.
#[derive(Clone, Debug, PartialEq)]
pub struct Window {
    /// Its kind.
    pub kind: WindowKind,
    /// Wall clock instead of event time?
    pub processing_time: bool,
    /// How long after its end a window still takes rows.
    pub lateness: i64,
}

/// The kinds of windows.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs, reason = "fields are language.md's arguments, in microseconds or rows")]
pub enum WindowKind {
    Tumbling { size: i64, offset: i64, zone: Option<String> },
    Sliding { size: i64, every: i64 },
    Session { gap: i64 },
    Cumulative { max: i64, every: i64 },
    Count { n: u64, every: Option<u64> },
    Global,
    Same,
}

/// When a window or running aggregate emits; intervals in microseconds.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Trigger {
    /// Partial results of a window each so often.
    pub early: Option<i64>,
    /// What late rows do.
    pub late: Option<LateTrigger>,
    /// When a running aggregate emits.
    pub running: RunningTrigger,
    /// Forget what was emitted?
    pub discarding: bool,
}

/// What late rows (within lateness) do.
#[derive(Clone, Debug, PartialEq)]
pub enum LateTrigger {
    /// Emit again for each.
    EachRow,
    /// Emit again each so often.
    Every(i64),
}

/// When a running aggregate emits.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum RunningTrigger {
    /// After each row.
    #[default]
    EachRow,
    /// Once, at the end of a bounded input.
    AtEnd,
    /// Changed keys, each so many microseconds of processing time.
    Every(i64),
    /// A key, after each so many of its rows (and at the end, if rows came since).
    Count(u64),
}

/// A join.
#[derive(Clone, Debug)]
pub struct Join {
    /// inner, left, semi, anti.
    pub kind: JoinKind,
    /// What bounds it.
    pub bound: JoinBound,
    /// Equalities: expressions over the left and over the right columns.
    pub equal: Vec<(Expr, Expr)>,
    /// More conditions, over left columns ++ right columns.
    pub rest: Option<Expr>,
}

/// Which rows a join gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names say it")]
pub enum JoinKind {
    Inner,
    Left,
    Semi,
    Anti,
}

/// What bounds a join's state.
#[derive(Clone, Debug, PartialEq)]
pub enum JoinBound {
    /// `b.time - left.time` within these microseconds.
    Interval {
        /// Lowest difference.
        lo: i64,
        /// Highest difference.
        hi: i64,
    },
    /// Both rows in the same window.
    Window(Window),
    /// All rows, or those of the last `ttl` microseconds.
    Regular {
        /// When rows are forgotten.
        ttl: Option<i64>,
    },
    /// The right side is a table.
    Lookup,
    /// The right side's version at the left row's event time.
    AsOf,
}

/// The columns of every `NAME.errors`.
pub fn errors_type() -> RecordType {
    use crate::types::Field;
    let text = |name: &str| Field::new(name, DataType::String);
    RecordType::new(vec![
        text("error"),
        text("code"),
        text("operator"),
        text("position"),
        text("raw"),
        Field::new("at", DataType::Timestamp),
    ])
}
