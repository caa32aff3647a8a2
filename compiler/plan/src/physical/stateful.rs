//! The operators of time: they hold rows or groups until a watermark, a trigger or the other side of a
//! join lets them go. Everything is a column index by now; expressions are computed in chains before and
//! behind.

use super::{Chain, ColumnAggregate};
use crate::operator::{JoinKind, LateTrigger, RunningTrigger, StateIdentity, Window};

/// Makes watermarks. The output is the input and, behind it, [`super::hidden::WATERMARK`]: for each row,
/// the greatest event time of the rows before it in the same number (and split) less the delay.
///
/// The watermark of the node behind a number is the least, over the splits of its sources, of the
/// greatest event time seen less the delay. It is a function of the number alone, the same on every
/// worker. The watermark a row meets at an operator is the greater of the watermark in front of its
/// number and of its own column, but never more than the watermark behind its number.
#[derive(Clone, Debug)]
pub struct EventTime {
    /// A timestamp column.
    pub column: usize,
    /// Microseconds the watermark stays behind.
    pub delay: i64,
    /// Microseconds of silence (of the wall clock) after which a split is not waited for.
    pub idle: Option<i64>,
}

/// How rows find their windows.
#[derive(Clone, Debug)]
pub struct Windowing {
    /// The window; never `Global`, which is running state that is given at the end.
    pub window: Window,
    /// Event time; `None` of windows of processing time and of rows.
    pub time: Option<usize>,
    /// [`super::hidden::WATERMARK`]; `None` without event time.
    pub watermark: Option<usize>,
    /// Of `same`: where the rows carry the window they came from, if it was one of time.
    pub bounds: Option<(usize, usize)>,
    /// Partial results of open windows, each so many microseconds of processing time.
    pub early: Option<i64>,
    /// What rows do that come behind the end of their window but within its lateness.
    pub late: Option<LateTrigger>,
    /// The columns of rows that are handed to the [`super::NodeKind::Late`] node, if there is one.
    pub late_rows: Option<Vec<usize>>,
}

/// What the output of an operator carries of the row that caused it, and what it reads of it.
#[derive(Clone, Debug, Default)]
pub struct Hidden {
    /// Event time.
    pub time: Option<usize>,
    /// Watermark.
    pub watermark: Option<usize>,
    /// The input is a changelog: this column says whether a row is added or withdrawn.
    pub change: Option<usize>,
}

/// Aggregation per key and window. The output is keys ++ `windowStart`, `windowEnd` (of windows of
/// time) ++ one column per call ++ [`super::hidden::TIME`], which is `windowEnd` less a microsecond, and
/// [`super::hidden::WATERMARK`] (of windows of time; of sliding windows of rows, those of the row that
/// caused the result, where the windowing has them) ++ [`super::hidden::CHANGE`] (if `changes`).
#[derive(Clone, Debug)]
pub struct WindowAggregate {
    /// Key columns of the input.
    pub keys: Vec<usize>,
    /// Its state's identity.
    pub state: StateIdentity,
    /// How rows find their windows, and when these are given.
    pub windowing: Windowing,
    /// Forget what was given?
    pub discarding: bool,
    /// The aggregates.
    pub calls: Vec<ColumnAggregate>,
    /// The input is a changelog.
    pub change: Option<usize>,
    /// Withdraw a result before its replacement is given?
    pub changes: bool,
}

/// The best rows of each key (and window): `top`, `bottom`, `latest`, `earliest`. The output is the
/// columns `row` ++ `windowStart`, `windowEnd` (of windows of time other than `same`) ++ the rank, from
/// 1 (if `rank`) ++ [`super::hidden::TIME`] and [`super::hidden::WATERMARK`]: of running picks, those of
/// the row that caused it (where `hidden` has them), of windowed ones, `windowEnd` less a microsecond and
/// a watermark ++ [`super::hidden::CHANGE`] (if `changes`).
#[derive(Clone, Debug)]
pub struct Pick {
    /// Key columns of the input.
    pub keys: Vec<usize>,
    /// Its state's identity.
    pub state: StateIdentity,
    /// How many rows.
    pub n: u64,
    /// What rows are compared by, best first.
    pub by: Vec<SortColumn>,
    /// Of equal rows: all that tie with the `n`th?
    pub ties: bool,
    /// Of equal rows, is the last the better one (`latest`)?
    pub last_wins: bool,
    /// Is the rank given?
    pub rank: bool,
    /// The columns that are given.
    pub row: Vec<usize>,
    /// The window, if any.
    pub windowing: Option<Windowing>,
    /// When it is given, without a window.
    pub trigger: RunningTrigger,
    /// Forget the rows of a list that was given?
    pub discarding: bool,
    /// What it reads of its input beside the row.
    pub hidden: Hidden,
    /// Give withdrawals? Without, a row that leaves is not seen.
    pub changes: bool,
}

/// A column to sort by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SortColumn {
    /// The column.
    pub column: usize,
    /// Largest first?
    pub descending: bool,
}

/// Drops rows whose columns were seen before. The output is the input.
#[derive(Clone, Debug)]
pub struct Distinct {
    /// The columns that are compared (with the key of the stream).
    pub columns: Vec<usize>,
    /// Its state's identity.
    pub state: StateIdentity,
    /// Microseconds after which a value is forgotten: of event time, if there is one, else of processing time.
    pub within: Option<i64>,
    /// What it reads of its input beside these.
    pub hidden: Hidden,
}

/// A join of two streams. The output is the columns `left.row` ++ `right.row` (inner and left joins
/// only; optional in left joins) ++ [`super::hidden::TIME`], the later of the two, and
/// [`super::hidden::WATERMARK`] of the row that came later (if both sides have event time; of as-of joins
/// those of the left row) ++ [`super::hidden::CHANGE`] (if `changes`; else withdrawals are not given).
#[derive(Clone, Debug)]
pub struct StreamJoin {
    /// inner, left, semi, anti.
    pub kind: JoinKind,
    /// Its state's identity.
    pub state: StateIdentity,
    /// Which rows meet, and how long they are kept.
    pub bound: StreamBound,
    /// The left side.
    pub left: JoinSide,
    /// The right side; its keys have the types of the left ones.
    pub right: JoinSide,
    /// More conditions: a chain from left input columns ++ right input columns to one `bool`.
    pub rest: Option<Chain>,
    /// Does it give a changelog?
    pub changes: bool,
}

/// One side of a join.
#[derive(Clone, Debug)]
pub struct JoinSide {
    /// Key columns.
    pub keys: Vec<usize>,
    /// The columns that are given.
    pub row: Vec<usize>,
    /// What is read beside these.
    pub hidden: Hidden,
}

/// What bounds a join of streams.
#[derive(Clone, Debug, PartialEq)]
pub enum StreamBound {
    /// The right row's event time less the left one's lies in `lo..=hi` microseconds.
    Interval {
        /// Least difference.
        lo: i64,
        /// Greatest difference.
        hi: i64,
    },
    /// Both in the same window; given when it ends.
    Window(Window),
    /// All rows, or those that came or were met in the last `ttl` microseconds: of event time if both
    /// sides have one, else of processing time.
    Regular {
        /// When rows are forgotten.
        ttl: Option<i64>,
    },
    /// The latest of the right rows (which are versions by key) whose time is not behind the left row's.
    AsOf,
}

/// A lookup: for each left row, the row of the table with its key. Neither side changes workers: each
/// worker reads the whole table. The output is the left input's visible columns ++ the right `row` ++
/// the left input's hidden columns.
#[derive(Clone, Debug)]
pub struct Lookup {
    /// inner, left, semi, anti.
    pub kind: JoinKind,
    /// Key columns of the left side.
    pub left_keys: Vec<usize>,
    /// Key columns of the table side.
    pub right_keys: Vec<usize>,
    /// Columns of the left side that are given in front.
    pub left_row: Vec<usize>,
    /// Columns of the table side that are given.
    pub right_row: Vec<usize>,
    /// Columns of the left side that are given behind.
    pub behind: Vec<usize>,
    /// More conditions, as in [`StreamJoin::rest`].
    pub rest: Option<Chain>,
}
