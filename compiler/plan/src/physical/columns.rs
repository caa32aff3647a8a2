//! Which columns of its inputs a stateful node reads. Passes that move columns, and checks, go through
//! one visitor, so that none forgets one.

use super::{Hidden, JoinSide, NodeKind, Windowing};

impl NodeKind {
    /// Visits every column index the node holds, with the input it belongs to. Expressions (of chains,
    /// `scan` and the further conditions of joins) are not visited.
    pub fn visit_columns(&mut self, visit: &mut dyn FnMut(usize, &mut usize)) {
        match self {
            NodeKind::EventTime(node) => visit(0, &mut node.column),
            NodeKind::Aggregate(node) => {
                node.keys.iter_mut().for_each(|column| visit(0, column));
                for call in &mut node.calls {
                    call.columns().for_each(|column| visit(0, column));
                }
                node.hidden.visit(0, visit);
            }
            NodeKind::WindowAggregate(node) => {
                node.keys.iter_mut().for_each(|column| visit(0, column));
                node.windowing.visit(visit);
                for call in &mut node.calls {
                    call.columns().for_each(|column| visit(0, column));
                }
                node.change.iter_mut().for_each(|column| visit(0, column));
            }
            NodeKind::Pick(node) => {
                node.keys.iter_mut().chain(&mut node.row).for_each(|column| visit(0, column));
                node.by.iter_mut().for_each(|by| visit(0, &mut by.column));
                node.windowing.iter_mut().for_each(|windowing| windowing.visit(visit));
                node.hidden.visit(0, visit);
            }
            NodeKind::Distinct(node) => {
                node.columns.iter_mut().for_each(|column| visit(0, column));
                node.hidden.visit(0, visit);
            }
            NodeKind::Join(node) => {
                node.left.visit(0, visit);
                node.right.visit(1, visit);
            }
            NodeKind::Lookup(node) => {
                let left = node.left_keys.iter_mut().chain(&mut node.left_row).chain(&mut node.behind);
                left.for_each(|column| visit(0, column));
                let right = node.right_keys.iter_mut().chain(&mut node.right_row);
                right.for_each(|column| visit(1, column));
            }
            NodeKind::Scan { keys, .. } => keys.iter_mut().for_each(|column| visit(0, column)),
            NodeKind::Source { .. }
            | NodeKind::Table { .. }
            | NodeKind::Errors { .. }
            | NodeKind::Late
            | NodeKind::Chain(_)
            | NodeKind::Union
            | NodeKind::Sample { .. }
            | NodeKind::Limit { .. }
            | NodeKind::Tap { .. }
            | NodeKind::Sink { .. } => {}
        }
    }

    /// The column indexes, with their inputs.
    pub fn columns(&self) -> Vec<(usize, usize)> {
        let mut columns = Vec::new();
        self.clone().visit_columns(&mut |input, column| columns.push((input, *column)));
        columns
    }
}

impl super::ColumnAggregate {
    fn columns(&mut self) -> impl Iterator<Item = &mut usize> {
        [&mut self.arg, &mut self.by, &mut self.filter].into_iter().flatten()
    }
}

impl Windowing {
    fn visit(&mut self, visit: &mut dyn FnMut(usize, &mut usize)) {
        self.time.iter_mut().chain(&mut self.watermark).for_each(|column| visit(0, column));
        if let Some((start, end)) = &mut self.bounds {
            visit(0, start);
            visit(0, end);
        }
        self.late_rows.iter_mut().flatten().for_each(|column| visit(0, column));
    }
}

impl Hidden {
    fn visit(&mut self, input: usize, visit: &mut dyn FnMut(usize, &mut usize)) {
        let columns = self.time.iter_mut().chain(&mut self.watermark).chain(&mut self.change);
        columns.for_each(|column| visit(input, column));
    }
}

impl JoinSide {
    fn visit(&mut self, input: usize, visit: &mut dyn FnMut(usize, &mut usize)) {
        self.keys.iter_mut().chain(&mut self.row).for_each(|column| visit(input, column));
        self.hidden.visit(input, visit);
    }
}
