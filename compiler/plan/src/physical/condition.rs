//! Further conditions of joins: what they read, and by which columns the rows of a side are told apart.

use super::{Chain, StepKind, StreamJoin};
use crate::expr::Kind;
use crate::fallible::can_fail;

impl Chain {
    /// Can one of its steps raise a record error?
    pub fn can_fail(&self) -> bool {
        self.steps.iter().any(|step| match &step.kind {
            StepKind::Map(exprs) => exprs.iter().any(can_fail),
            StepKind::Filter(expr) | StepKind::FlatMap(expr) => can_fail(expr),
        })
    }

    /// The columns of its input that are read, ascending: of a first step that is no map, all.
    pub fn reads(&self) -> Vec<usize> {
        let Some(StepKind::Map(exprs)) = self.steps.first().map(|step| &step.kind) else {
            return (0..self.input.fields.len()).collect();
        };
        let nodes = exprs.iter().flat_map(|expr| &expr.nodes);
        let mut read: Vec<usize> = nodes
            .filter_map(
                |node| if let Kind::Column(column) = &node.kind { Some(*column as usize) } else { None },
            )
            .collect();
        read.sort_unstable();
        read.dedup();
        read
    }
}

impl StreamJoin {
    /// The columns of a side (0: left) that the further condition reads; if it can fail, all, for the record
    /// that failed. `left`: how many columns the left side has.
    pub fn condition_reads(&self, left: usize, side: usize) -> Vec<usize> {
        let Some(rest) = &self.rest else { return Vec::new() };
        let columns = if rest.can_fail() { (0..rest.input.fields.len()).collect() } else { rest.reads() };
        let of_side = columns.into_iter().filter(|column| (*column < left) == (side == 0));
        of_side.map(|column| if side == 0 { column } else { column - left }).collect()
    }

    /// The columns by which rows of a side are alike: a row that is withdrawn is, in these, as it was added.
    pub fn alike(&self, left: usize, side: usize) -> Vec<usize> {
        let of = if side == 0 { &self.left } else { &self.right };
        let mut columns = self.condition_reads(left, side);
        columns.extend(of.row.iter().chain(&of.keys));
        columns.sort_unstable();
        columns.dedup();
        let hidden = [of.hidden.time, of.hidden.watermark, of.hidden.change];
        columns.retain(|column| !hidden.contains(&Some(*column)));
        columns
    }
}
