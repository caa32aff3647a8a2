//! What checking gives: the script's declarations with their operators in plan form, and the facts
//! an editor asks for. Holds no syntax tree.

use crate::again::Kept;
use crate::fallible::{self, Failure};
use crate::stream::StreamType;
use flow_plan::operator::{DeclarationKind, GroupedAt, JobConfig, OperatorKind, StateIdentity, StreamMode};
use flow_plan::{DataType, RecordType, Value};
use flow_syntax::Span;
use std::sync::Arc;

/// A checked script.
#[derive(Clone, Debug, Default)]
pub struct Checked {
    /// The `job` block with its defaults.
    pub job: JobConfig,
    /// Every declaration of the namespace, those of imported files included.
    pub declarations: Vec<CheckedDeclaration>,
    /// The tests of the main script.
    pub tests: Vec<CheckedTest>,
    /// What was found beside pipelines; see [`Checked::types`] and [`Checked::references`] for all.
    pub(crate) facts: Facts,
    /// What each declaration leaves for the next time, in their order.
    pub(crate) kept: Vec<Kept>,
    /// Numbers given to columns so far.
    pub(crate) columns: u32,
    /// Where errors were found that are not told, because a mistake of the syntax beside them is.
    pub silenced: Vec<Span>,
    /// How many errors are about the values that parameters were given from outside, and none of the script's.
    pub wrong_values: usize,
    /// Were there no errors but lints that were raised to such? Only then is there a plan.
    pub ok: bool,
}

/// One declaration.
#[derive(Clone, Debug)]
pub struct CheckedDeclaration {
    /// Its name.
    pub name: Arc<str>,
    /// What it was called before, if it says so.
    pub was: Option<Arc<str>>,
    /// The name in the script.
    pub name_span: Span,
    /// The whole declaration.
    pub span: Span,
    /// Its `///` lines.
    pub doc: Option<String>,
    /// What was declared.
    pub kind: CheckedKind,
}

/// What a declaration is.
#[derive(Clone, Debug)]
pub enum CheckedKind {
    /// A `type`.
    Type(Option<DataType>),
    /// A `param` or `const` with its value.
    Constant {
        /// Is it a `param`?
        param: bool,
        /// Its type, if it is known.
        ty: Option<DataType>,
        /// Its value in this run.
        value: Option<Value>,
    },
    /// A `fn`, as people read it.
    Function(FunctionShape),
    /// A source, table, stream or sink.
    Pipeline(Box<CheckedPipeline>),
}

/// The signature of a `fn`.
#[derive(Clone, Debug)]
pub struct FunctionShape {
    /// Names and types of its parameters.
    pub params: Vec<(Arc<str>, Option<DataType>)>,
    /// The type of its result.
    pub ret: Option<DataType>,
    /// Can it fail, and why?
    pub failures: Vec<crate::fallible::Failure>,
}

/// A source, table, stream or sink.
#[derive(Clone, Debug)]
pub struct CheckedPipeline {
    /// Which of them.
    pub kind: DeclarationKind,
    /// Its operators; inputs before their consumers.
    pub operators: Vec<CheckedOperator>,
    /// The stages as written, with what is known behind each.
    pub stages: Vec<CheckedStage>,
    /// The stream at its head, before the first stage.
    pub head: StreamType,
    /// The stream it gives (of a sink: what it writes).
    pub output: StreamType,
    /// Index of the operator whose rows are its output, or what it passes on unchanged.
    pub result: Option<Input>,
    /// Type of the rows of its `.late`: those that reach its first event-time window.
    pub late: Option<StreamType>,
    /// Does something read its `.late`, its `.errors`?
    pub late_consumed: bool,
    /// Does something read its `.errors`?
    pub errors_consumed: bool,
    /// Key fields of a table.
    pub table_key: Vec<usize>,
    /// Is every part of it right, so that it can be planned?
    pub ok: bool,
}

/// What an operator reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Input {
    /// An operator of the same declaration.
    Operator(usize),
    /// The result of another declaration (index into [`Checked::declarations`]).
    Declaration(usize),
    /// The `.errors` of another declaration.
    Errors(usize),
    /// The `.late` of another declaration.
    Late(usize),
}

/// One operator.
#[derive(Clone, Debug)]
pub struct CheckedOperator {
    /// What it does.
    pub kind: OperatorKind,
    /// What it reads, in order.
    pub inputs: Vec<Input>,
    /// Its output columns.
    pub output: Arc<RecordType>,
    /// Are its rows final?
    pub mode: StreamMode,
    /// The word in the script.
    pub word: String,
    /// The stage in the script.
    pub span: Span,
    /// Its identity in savepoints, if it has state.
    pub state: Option<StateIdentity>,
    /// The stages before it that say how it groups.
    pub grouped_at: GroupedAt,
}

/// A stage as written.
#[derive(Clone, Debug)]
pub struct CheckedStage {
    /// The word.
    pub word: String,
    /// The stage.
    pub span: Span,
    /// The stream behind it.
    pub after: StreamType,
    /// The operators it became (none for `keyBy` of plain fields, `window`, `trigger`).
    pub operators: std::ops::Range<usize>,
}

/// A checked `test`.
#[derive(Clone, Debug)]
pub struct CheckedTest {
    /// Its name.
    pub name: String,
    /// The whole test.
    pub span: Span,
    /// What it does, in order.
    pub steps: Vec<CheckedStep>,
}

/// A step of a test. Declarations are indexes into [`Checked::declarations`].
#[derive(Clone, Debug)]
pub enum CheckedStep {
    /// Rows a source or table gives.
    Given {
        /// The source or table.
        declaration: usize,
        /// Its rows: one value per column.
        rows: Vec<Vec<Value>>,
        /// Where each of them stands.
        places: Vec<Span>,
        /// The step.
        span: Span,
    },
    /// Processing time goes on by so many microseconds.
    Advance {
        /// Microseconds.
        by: i64,
        /// The step.
        span: Span,
    },
    /// What a stream or sink must have received.
    Expect {
        /// Is order compared?
        ordered: bool,
        /// What is looked at.
        target: Input,
        /// The columns of the rows that are looked at.
        record: Arc<RecordType>,
        /// Expected rows.
        rows: Vec<ExpectedRow>,
        /// The step.
        span: Span,
    },
    /// What the job holds is kept for a restore.
    Savepoint {
        /// The step.
        span: Span,
    },
    /// Another script goes on; the steps behind it are that script's, see [`crate::check_steps`].
    Restore {
        /// Where its path stands.
        path_span: Span,
        /// May state be lost that has no place there?
        allow_dropped: bool,
    },
}

/// A row of an `expect`.
#[derive(Clone, Debug)]
pub struct ExpectedRow {
    /// Column and value; columns that are not here are not compared.
    pub fields: Vec<(usize, Wanted)>,
    /// The row in the script.
    pub span: Span,
}

/// What a value of an expected row must be.
#[derive(Clone, Debug, PartialEq)]
pub enum Wanted {
    /// This one.
    Is(Value),
    /// A record with these fields, by their numbers; the others are ignored.
    Some(Vec<(usize, Wanted)>),
    /// A list of as many values, each as wanted.
    Each(Vec<Wanted>),
}

impl Wanted {
    /// Is it?
    pub fn fits(&self, value: &Value) -> bool {
        match (self, value) {
            (Wanted::Is(wanted), value) => wanted == value,
            (Wanted::Some(fields), Value::Record(values)) => fields
                .iter()
                .all(|(index, wanted)| values.get(*index).is_some_and(|value| wanted.fits(value))),
            (Wanted::Each(all), Value::List(values)) => {
                all.len() == values.len()
                    && all.iter().zip(values.iter()).all(|(wanted, value)| wanted.fits(value))
            }
            _ => false,
        }
    }
}

/// What an editor asks for, as found while checking.
#[derive(Clone, Debug, Default)]
pub(crate) struct Facts {
    /// The type of every expression, in the order they were checked (inner before outer).
    pub(crate) types: Vec<(Span, DataType)>,
    /// Uses of names: where used, where declared.
    pub(crate) references: Vec<(Span, Span)>,
    /// Fields of two origins that a `union` makes one.
    pub(crate) same: Vec<(Span, Span)>,
}

impl Checked {
    /// The checked pipeline of a declaration.
    pub fn pipeline(&self, index: usize) -> Option<&CheckedPipeline> {
        match &self.declarations.get(index)?.kind {
            CheckedKind::Pipeline(pipeline) => Some(pipeline),
            _ => None,
        }
    }

    /// The type of every expression, inner ones before outer ones.
    pub fn types(&self) -> impl Iterator<Item = &(Span, DataType)> {
        self.facts.types.iter().chain(self.kept.iter().flat_map(|kept| &kept.effects.facts.types))
    }

    /// Uses of names: where used, where declared.
    pub fn references(&self) -> impl Iterator<Item = &(Span, Span)> {
        self.facts.references.iter().chain(self.kept.iter().flat_map(|kept| &kept.effects.facts.references))
    }

    /// Fields that are declared in two places and are one: those of the streams of a `union`.
    pub fn same_fields(&self) -> impl Iterator<Item = &(Span, Span)> {
        self.facts.same.iter().chain(self.kept.iter().flat_map(|kept| &kept.effects.facts.same))
    }

    /// Every part of the script that can raise a record error, and why: hover shows those below it.
    pub fn failures(&self) -> Vec<Failure> {
        let pipelines = (0..self.declarations.len()).filter_map(|i| self.pipeline(i));
        let operators = pipelines.flat_map(|p| &p.operators);
        operators.flat_map(|o| fallible::expressions(&o.kind)).flat_map(fallible::failures).collect()
    }
}
