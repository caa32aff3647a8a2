//! What names mean where an expression stands.

use super::aggregates::Grouping;
use crate::stream::StreamType;
use flow_plan::DataType;
use flow_syntax::Span;
use std::sync::Arc;

/// A `let`, a function's or a lambda's parameter.
#[derive(Clone, Debug)]
pub(crate) struct Local {
    pub name: Arc<str>,
    pub local: u32,
    pub ty: Option<DataType>,
    pub span: Span,
    /// Where its type is written, if that is known.
    pub written: Option<Span>,
}

/// Where the fields of `generate` are made.
pub(crate) const IN_GENERATE: &str = "in `generate`";

/// The fields in scope.
pub(crate) enum Fields<'s> {
    /// None: constants, functions, options. Says where we are.
    None(&'static str),
    /// Those of the incoming row.
    Row(&'s StreamType),
    /// Those of both sides of a join; the left columns come first.
    Join { both: &'s StreamType, left: usize },
    /// Keys, window bounds and aggregates.
    Grouped(Box<Grouping<'s>>),
}

/// May `now()` be called?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NowRule {
    /// Yes.
    Allowed,
    /// A replay would see another time: a lint.
    Replayed,
}

/// Where a value that can be narrowed is read from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Path {
    pub root: Root,
    pub steps: Vec<Step>,
}

/// Where a path begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Root {
    Column(u32),
    Local(u32),
}

/// One step of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Field(u32),
    Json(Arc<str>),
}

impl Path {
    pub(crate) fn column(index: usize) -> Path {
        Path { root: Root::Column(index as u32), steps: Vec::new() }
    }

    pub(crate) fn local(local: u32) -> Path {
        Path { root: Root::Local(local), steps: Vec::new() }
    }

    pub(crate) fn then(&self, step: Step) -> Path {
        let mut steps = self.steps.clone();
        steps.push(step);
        Path { root: self.root, steps }
    }

    /// The column, if that is all it is.
    pub(crate) fn as_column(&self) -> Option<usize> {
        match self.root {
            Root::Column(index) if self.steps.is_empty() => Some(index as usize),
            _ => None,
        }
    }
}
