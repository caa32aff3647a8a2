//! The physical plan: what the engine runs. Operators between two exchanges that keep no state are
//! fused to [`Chain`]s, which the code generator compiles; stateful operators read columns by index.

mod ahead;
mod behind;
mod columns;
mod condition;
mod divide;
pub mod hidden;
pub mod number;
mod places;
mod spills;
mod stateful;

pub use places::{NO_PLACE, Places};
pub use stateful::{
    Distinct, EventTime, Hidden, JoinSide, Lookup, Pick, SortColumn, StreamBound, StreamJoin,
    WindowAggregate, Windowing,
};

use crate::catalogue::AggFunc;
use crate::connector::ConnectorCall;
use crate::expr::{Expr, Place};
use crate::operator::{Declaration, JobConfig, RunningTrigger, Script, StateIdentity};
use crate::types::{DataType, RecordType};
use crate::value::Value;
use std::sync::Arc;

/// The whole job as the engine runs it.
#[derive(Clone, Debug)]
pub struct Graph {
    /// Texts that places point into.
    pub scripts: Vec<Script>,
    /// The `job` block.
    pub job: JobConfig,
    /// Declarations, indexed by [`Node::declaration`].
    pub declarations: Vec<Declaration>,
    /// Nodes, inputs before their consumers.
    pub nodes: Vec<Node>,
}

/// One node; every worker owns a shard of it (or worker 0 the whole of it, behind [`Exchange::Gather`]).
#[derive(Clone, Debug)]
pub struct Node {
    /// What it does.
    pub kind: NodeKind,
    /// What it reads.
    pub inputs: Vec<Input>,
    /// Its output columns.
    pub output: Arc<RecordType>,
    /// Index of its declaration.
    pub declaration: u32,
    /// `declaration.word`, for people: errors, progress, plans.
    pub label: String,
    /// Where it stands in the script.
    pub place: Place,
}

/// An edge into a node.
#[derive(Clone, Debug)]
pub struct Input {
    /// Index of the producing node.
    pub node: usize,
    /// How rows get from worker to worker.
    pub exchange: Exchange,
}

/// How rows get from worker to worker. Rows always arrive in the order of the input's chunks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Exchange {
    /// They stay where they are.
    Local,
    /// Equal keys meet on one worker (column indexes of the producer's output; none: worker 0).
    Hash(Vec<usize>),
    /// All to worker 0.
    Gather,
}

/// The nodes.
#[derive(Clone, Debug)]
pub enum NodeKind {
    /// Reads rows; `connector.schema` is what stands outside, `read` the columns that are wanted, in
    /// order; the node's output is exactly these.
    Source {
        /// Where from.
        connector: ConnectorCall,
        /// Indexes into `connector.schema`.
        read: Vec<usize>,
    },
    /// Record errors of a declaration whose policy is [`crate::operator::OnError::Route`]. Fed by the
    /// engine on the worker where the error happens; has no inputs.
    Errors {
        /// Index of the declaration.
        of: u32,
    },
    /// Stateless work, compiled to one kernel.
    Chain(Chain),
    /// All rows of all inputs: within a chunk input by input, or in the order of the source where that counts ([`Graph::places`]).
    Union,
    /// Rows that came too late for the windows of the node it reads (its one input, by
    /// [`Exchange::Local`]): the columns [`Windowing::late_rows`], not that node's output.
    Late,
    /// Makes watermarks.
    EventTime(EventTime),
    /// Running aggregation: output columns are keys ++ one per call ++ what `hidden` has of time and
    /// watermark ++ [`hidden::CHANGE`] (if `changes`).
    Aggregate(RunningAggregate),
    /// Aggregation per window.
    WindowAggregate(WindowAggregate),
    /// The best rows of each key.
    Pick(Pick),
    /// Rows that were not seen before.
    Distinct(Distinct),
    /// A join of two streams.
    Join(StreamJoin),
    /// A join with a table, the second input: a [`NodeKind::Table`] or a chain over one.
    Lookup(Lookup),
    /// A table that is read whole before the job starts, and again on every worker; as a source.
    Table {
        /// Where from.
        connector: ConnectorCall,
        /// Indexes into `connector.schema`.
        read: Vec<usize>,
    },
    /// Per-key fold, see [`crate::operator::OperatorKind::Scan`].
    Scan {
        /// Key columns.
        keys: Vec<usize>,
        /// Its state's identity.
        state: StateIdentity,
        /// State before a key's first row.
        init: Expr,
        /// The new state, over input columns ++ state.
        next: Expr,
        /// The output columns, over input columns ++ new state.
        emit: Vec<Expr>,
    },
    /// Keeps each row with this probability.
    Sample {
        /// 0 to 1.
        probability: f64,
    },
    /// The first rows of the whole stream (behind a gather).
    Limit {
        /// How many.
        n: u64,
    },
    /// Shows rows to people.
    Tap {
        /// What they are shown as.
        label: String,
    },
    /// Writes rows.
    Sink {
        /// Where to.
        connector: ConnectorCall,
    },
}

/// Stateless steps in order.
#[derive(Clone, Debug)]
pub struct Chain {
    /// Columns it reads.
    pub input: Arc<RecordType>,
    /// The steps.
    pub steps: Vec<Step>,
}

/// A step of a chain with the place and label of the stage it came from.
#[derive(Clone, Debug)]
pub struct Step {
    /// What it does.
    pub kind: StepKind,
    /// The columns behind it.
    pub output: Arc<RecordType>,
    /// Index of its declaration.
    pub declaration: u32,
    /// `declaration.word`.
    pub label: String,
    /// The stage in the script.
    pub place: Place,
}

/// The steps of a chain.
#[derive(Clone, Debug)]
pub enum StepKind {
    /// One expression per output column.
    Map(Vec<Expr>),
    /// Keeps rows for which it is true.
    Filter(Expr),
    /// One row per element: the input columns plus the element.
    FlatMap(Expr),
}

/// A running keyed aggregation over columns.
#[derive(Clone, Debug)]
pub struct RunningAggregate {
    /// Key columns of the input.
    pub keys: Vec<usize>,
    /// Its state's identity.
    pub state: StateIdentity,
    /// When it emits.
    pub trigger: RunningTrigger,
    /// Start anew after each emission?
    pub discarding: bool,
    /// The aggregates.
    pub calls: Vec<ColumnAggregate>,
    /// What it reads beside these: time and watermark are those of the row that caused a result; if the
    /// input is a changelog, withdrawn rows are taken out of their groups, and empty groups go away.
    pub hidden: Hidden,
    /// Withdraw a result before its replacement is given?
    pub changes: bool,
}

/// One aggregate over columns.
#[derive(Clone, Debug)]
pub struct ColumnAggregate {
    /// Which.
    pub func: AggFunc,
    /// The argument's column (`None`: `count()`).
    pub arg: Option<usize>,
    /// The column of `by:`.
    pub by: Option<usize>,
    /// Constant second argument.
    pub param: Option<Value>,
    /// A `bool` column: rows where it is false do not count.
    pub filter: Option<usize>,
    /// Type of the result.
    pub ty: DataType,
    /// Its name in savepoints.
    pub name: String,
    /// Where it stands.
    pub place: Place,
}

impl ColumnAggregate {
    /// Does it count, so that there is a result of 0 where all values are null? With `where:`, null says that no row passed.
    pub fn counts_values(&self) -> bool {
        matches!(self.func, AggFunc::CountDistinct | AggFunc::ApproxCountDistinct) && self.filter.is_none()
    }

    /// What is given where an accumulator has this result.
    pub fn given(&self, result: Value) -> Value {
        if result.is_null() && self.counts_values() { Value::Int(0) } else { result }
    }
}
