//! What is computed in front of a stateful node, so that the node itself reads columns only.

use super::super::rewrite;
use super::Builder;
use crate::expr::Expr;
use crate::operator::Operator;
use crate::physical::{StepKind, hidden};
use crate::types::{Field, RecordType};
use std::sync::Arc;

/// A map under construction.
pub(super) struct Prepared {
    /// What it reads.
    pub(super) input: Arc<RecordType>,
    exprs: Vec<Expr>,
    fields: Vec<Field>,
}

impl Prepared {
    pub(super) fn new(input: Arc<RecordType>) -> Prepared {
        Prepared { input, exprs: Vec::new(), fields: Vec::new() }
    }

    /// All columns of the input, where they are.
    pub(super) fn all(input: Arc<RecordType>) -> Prepared {
        let mut prepared = Prepared::new(input);
        (0..prepared.input.fields.len()).for_each(|column| {
            let field = prepared.input.fields[column].clone();
            prepared.exprs.push(Expr::column(column, field.ty.clone(), Default::default()));
            prepared.fields.push(field);
        });
        prepared
    }

    /// A column of the input.
    pub(super) fn pass(&mut self, column: usize) -> usize {
        let field = self.input.fields[column].clone();
        let expr = Expr::column(column, field.ty.clone(), Default::default());
        self.column(expr, field.name)
    }

    /// The input's hidden column of this name.
    pub(super) fn hidden(&mut self, name: &str) -> Option<usize> {
        hidden::position(&self.input, name).map(|column| self.pass(column))
    }

    /// The column of an expression; what several readers need is computed once. (Also what can fail: the
    /// first of two equal expressions raises the error in any case.)
    pub(super) fn column(&mut self, expr: Expr, name: Arc<str>) -> usize {
        let known = self.exprs.iter().position(|known| rewrite::computes_same(known, &expr));
        known.unwrap_or_else(|| {
            // What is only passed on keeps its name, so that the step may go away.
            let name = expr.as_column().map_or(name, |column| self.input.fields[column].name.clone());
            self.fields.push(Field::new(name, expr.ty().clone()));
            self.exprs.push(expr);
            self.exprs.len() - 1
        })
    }
}

impl Builder {
    /// The chain that computes it, behind the node it was made for.
    pub(super) fn prepare(&mut self, operator: &Operator, input: usize, prepared: Prepared) -> usize {
        let output = Arc::new(RecordType::new(prepared.fields));
        self.chain(operator, StepKind::Map(prepared.exprs), input, output)
    }
}
