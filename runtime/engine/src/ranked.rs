//! A chain that carries rank columns along: the same steps, with the ranks passed through.

use flow_plan::expr::Kind;
use flow_plan::physical::{Chain, Step, StepKind};
use flow_plan::{DataType, Expr, Field, RecordType};
use std::sync::Arc;

/// A chain with `ranks` more `int` columns behind its input, and where its output columns stand:
/// the declared ones in order, then the ranks.
pub(crate) fn with_ranks(chain: &Chain, ranks: usize) -> (Chain, Vec<usize>) {
    let mut columns = Columns {
        at: (0..chain.input.fields.len()).collect(),
        ranks: (chain.input.fields.len()..chain.input.fields.len() + ranks).collect(),
    };
    let input = Arc::new(extended(&chain.input, &columns));
    let mut before = input.clone();
    let steps = chain.steps.iter().map(|step| {
        let kind = match &step.kind {
            StepKind::Filter(cond) => StepKind::Filter(columns.moved(cond)),
            StepKind::FlatMap(list) => {
                let list = columns.moved(list);
                columns.at.push(before.fields.len());
                StepKind::FlatMap(list)
            }
            StepKind::Map(exprs) => {
                let mut exprs: Vec<Expr> = exprs.iter().map(|expr| columns.moved(expr)).collect();
                columns.at = (0..exprs.len()).collect();
                exprs.extend(columns.ranks.iter().map(|&rank| Expr::column(rank, DataType::Int, step.place)));
                columns.ranks = (columns.at.len()..exprs.len()).collect();
                StepKind::Map(exprs)
            }
        };
        let output = Arc::new(extended(&step.output, &columns));
        before = output.clone();
        Step { kind, output, label: step.label.clone(), ..*step }
    });
    let steps = steps.collect();
    let order = columns.at.iter().chain(&columns.ranks).copied().collect();
    (Chain { input, steps }, order)
}

/// Where declared columns and ranks stand.
struct Columns {
    at: Vec<usize>,
    ranks: Vec<usize>,
}

impl Columns {
    fn moved(&self, expr: &Expr) -> Expr {
        let mut expr = expr.clone();
        for node in &mut expr.nodes {
            if let Kind::Column(column) = &mut node.kind {
                *column = self.at[*column as usize] as u32;
            }
        }
        expr
    }
}

/// A record with the rank columns in their places.
fn extended(record: &RecordType, columns: &Columns) -> RecordType {
    let mut fields = vec![None; columns.at.len() + columns.ranks.len()];
    for (field, &at) in record.fields.iter().zip(&columns.at) {
        fields[at] = Some(field.clone());
    }
    for (i, &at) in columns.ranks.iter().enumerate() {
        // No name of the language starts with a blank.
        fields[at] = Some(Field::new(format!(" rank {i}"), DataType::Int));
    }
    RecordType::new(fields.into_iter().flatten().collect())
}
