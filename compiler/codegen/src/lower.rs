//! From a chain's steps to segments and phases: what is computed in which loop, and which columns
//! must lie in memory. Knows neither Cranelift nor batches.
//!
//! A **segment** is the steps between two `flatMap`s. A **phase** is what happens between two
//! filters: one loop over the rows that are left. Every expression of a `map` gets a **slot**;
//! within its phase it is a value in registers, for later phases and the output it is stored.

use crate::frame::Shape;
use flow_plan::catalogue::Func;
use flow_plan::expr::{Expr, Kind};
use flow_plan::physical::{Chain, StepKind};
use flow_plan::types::{DataType, RecordType};
use flow_plan::value::Value;
use std::collections::BTreeSet;
use std::sync::Arc;

/// Steps between two `flatMap`s.
#[derive(Debug)]
pub(crate) struct Segment {
    /// Columns of its input; the first slots.
    pub(crate) inputs: usize,
    /// All slots: inputs, then what is computed.
    pub(crate) slots: Vec<Slot>,
    /// Its loops, in order.
    pub(crate) phases: Vec<Phase>,
    /// The slot of each output column; `None`: nobody reads it.
    pub(crate) outputs: Vec<Option<usize>>,

    /// What happens to the output.
    pub(crate) end: End,
}

/// A virtual column.
#[derive(Clone, Debug)]
pub(crate) struct Slot {
    /// Type of its values.
    pub(crate) ty: DataType,
    /// How they lie in memory.
    pub(crate) shape: Shape,
    /// The phase that computes it (inputs: 0).
    pub(crate) phase: usize,
    /// Where its values are kept.
    pub(crate) stored: Stored,
}

/// Where a slot's values are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stored {
    /// Nowhere: it lives in registers.
    No,
    /// At the row's number in the input; rows that were dropped hold garbage.
    Sparse,
    /// At the row's place in the output.
    Dense,
    /// It is a column of the input.
    Input,
}

/// One loop.
#[derive(Debug)]
pub(crate) struct Phase {
    /// What it computes, in order.
    pub(crate) items: Vec<Item>,
    /// Which rows it keeps.
    pub(crate) filter: Option<Work>,
}

/// One slot's computation.
#[derive(Debug)]
pub(crate) struct Item {
    /// Where the result goes.
    pub(crate) slot: usize,
    /// What to compute.
    pub(crate) work: Work,
}

/// An expression and the slots its columns stand for.
#[derive(Clone, Debug)]
pub(crate) struct Work {
    /// The expression.
    pub(crate) expr: Arc<Expr>,
    /// Slot of each column.
    pub(crate) scope: Arc<[usize]>,
    /// Its bit in the error word.
    pub(crate) bit: u32,
}

/// What happens to a segment's output rows.
#[derive(Clone, Debug)]
pub(crate) enum End {
    /// They leave the chain.
    Done,
    /// One row per piece of the text in a slot; then the next segment.
    Split {
        /// The slot of the text.
        text: usize,
        /// The separator; `None`: blanks.
        separator: Option<Arc<str>>,
    },
    /// One row per element of the list in a slot; then the next segment.
    Elements {
        /// The slot of the list.
        list: usize,
        /// Type of the elements.
        of: DataType,
    },
}

/// Lowers a chain.
pub(crate) fn lower(chain: &Chain) -> Result<Vec<Segment>, String> {
    let mut builder = Builder::new(&chain.input);
    let mut segments = Vec::new();
    for step in &chain.steps {
        match &step.kind {
            StepKind::Map(exprs) => builder.map(exprs),
            StepKind::Filter(expr) => builder.filter(expr),
            StepKind::FlatMap(expr) => {
                let end = builder.flat_map(expr)?;
                segments.push(builder.finish(end));
                builder = Builder::new(&step.output);
            }
        }
    }
    segments.push(builder.finish(End::Done));
    prune(&mut segments);
    segments.iter_mut().for_each(place);
    Ok(segments)
}

struct Builder {
    slots: Vec<Slot>,
    inputs: usize,
    phases: Vec<Phase>,
    scope: Vec<usize>,
    works: u32,
}

impl Builder {
    fn new(input: &RecordType) -> Builder {
        let slots: Vec<Slot> = input
            .fields
            .iter()
            .map(|f| Slot { ty: f.ty.clone(), shape: Shape::of(&f.ty), phase: 0, stored: Stored::Input })
            .collect();
        let inputs = slots.len();
        let phases = vec![Phase { items: Vec::new(), filter: None }];
        Builder { slots, inputs, phases, scope: (0..inputs).collect(), works: 0 }
    }

    fn work(&mut self, expr: &Expr) -> Work {
        let bit = self.works % 64;
        self.works += 1;
        Work { expr: Arc::new(expr.clone()), scope: self.scope.clone().into(), bit }
    }

    fn open(&mut self) -> &mut Phase {
        if self.phases.last().is_none_or(|p| p.filter.is_some()) {
            self.phases.push(Phase { items: Vec::new(), filter: None });
        }
        self.phases.last_mut().expect("one was just pushed")
    }

    /// The slot of an expression's value: an old one if it only names a column.
    fn compute(&mut self, expr: &Expr) -> usize {
        if let Some(column) = expr.as_column() {
            return self.scope[column];
        }
        let work = self.work(expr);
        let slot = self.slots.len();
        self.open().items.push(Item { slot, work });
        let phase = self.phases.len() - 1;
        let ty = expr.ty().clone();
        self.slots.push(Slot { shape: Shape::of(&ty), ty, phase, stored: Stored::No });
        slot
    }

    fn map(&mut self, exprs: &[Expr]) {
        let scope = exprs.iter().map(|expr| self.compute(expr)).collect();
        self.scope = scope;
    }

    fn filter(&mut self, expr: &Expr) {
        let work = self.work(expr);
        self.open().filter = Some(work);
    }

    fn flat_map(&mut self, expr: &Expr) -> Result<End, String> {
        if let Some((text, separator)) = as_split(expr) {
            return Ok(End::Split { text: self.compute(&text), separator });
        }
        match expr.ty() {
            DataType::List(of) => Ok(End::Elements { list: self.compute(expr), of: (**of).clone() }),
            other => Err(format!("flatMap over {other}")),
        }
    }

    fn finish(self, end: End) -> Segment {
        let outputs = self.scope.iter().map(|&slot| Some(slot)).collect();
        Segment { inputs: self.inputs, slots: self.slots, phases: self.phases, outputs, end }
    }
}

/// `split(text, constant)`: the text and the separator. (An empty separator splits characters: no.)
fn as_split(expr: &Expr) -> Option<(Expr, Option<Arc<str>>)> {
    let Kind::Call(Func::Split, args) = &expr[expr.root()].kind else { return None };
    let text = *args.first()?;
    let separator = match args.get(1).map(|&arg| &expr[arg].kind) {
        None => None,
        Some(Kind::Literal(Value::String(separator))) if !separator.is_empty() => Some(separator.clone()),
        Some(_) => return None,
    };
    if expr[text].ty != DataType::String {
        return None;
    }
    // Postorder: what stands up to the text's node is all the text needs.
    let nodes = expr.nodes[..=text.0 as usize].to_vec();
    Some((Expr { nodes }, separator))
}

/// Columns that an expression reads.
pub(crate) fn columns_of(expr: &Expr) -> impl Iterator<Item = usize> + '_ {
    expr.nodes.iter().filter_map(|node| match node.kind {
        Kind::Column(index) => Some(index as usize),
        _ => None,
    })
}

/// Columns behind a `flatMap` that nobody reads are not made.
fn prune(segments: &mut [Segment]) {
    let mut wanted: Option<BTreeSet<usize>> = None;
    for segment in segments.iter_mut().rev() {
        if let Some(wanted) = wanted {
            for (index, output) in segment.outputs.iter_mut().enumerate() {
                if !wanted.contains(&index) {
                    *output = None;
                }
            }
        }
        let works = segment.phases.iter().flat_map(|p| p.items.iter().map(|i| &i.work).chain(&p.filter));
        let mut read: BTreeSet<usize> =
            works.flat_map(|w| columns_of(&w.expr).map(|c| w.scope[c]).collect::<Vec<_>>()).collect();
        read.extend(segment.outputs.iter().flatten());
        match segment.end {
            End::Done => {}
            End::Split { text: slot, .. } | End::Elements { list: slot, .. } => {
                read.insert(slot);
            }
        }
        wanted = Some(read);
    }
}

/// Decides where each slot's values are kept.
fn place(segment: &mut Segment) {
    let last = segment.phases.len() - segment.phases.last().map_or(0, |p| usize::from(p.filter.is_none()));
    let mut kept: BTreeSet<usize> = segment.outputs.iter().flatten().copied().collect();
    match segment.end {
        End::Done => {}
        End::Split { text: slot, .. } | End::Elements { list: slot, .. } => {
            kept.insert(slot);
        }
    }
    for (number, phase) in segment.phases.iter().enumerate() {
        for work in phase.items.iter().map(|i| &i.work).chain(&phase.filter) {
            for column in columns_of(&work.expr) {
                let slot = work.scope[column];
                if segment.slots[slot].phase < number || segment.slots[slot].shape == Shape::Any {
                    kept.insert(slot);
                }
            }
        }
    }
    for slot in kept {
        let slot = &mut segment.slots[slot];
        if slot.stored == Stored::No {
            slot.stored = if slot.phase >= last { Stored::Dense } else { Stored::Sparse };
        }
    }
}
