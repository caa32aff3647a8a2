//! Results without a value that they must have. An aggregate that was added to a script starts empty in the groups that a
//! restored job holds; where it is nothing without rows (`max`), a group that gets none any more has no result.

use crate::context::{BadRow, Context};
use crate::error::Halt;
use crate::row_text;
use flow_data::{Batch, Column};
use flow_plan::physical::{ColumnAggregate, Node, NodeKind};
use flow_plan::{DataType, ErrorCode};

/// The aggregates of a node whose results may lack one.
fn calls(node: &Node) -> &[ColumnAggregate] {
    match &node.kind {
        NodeKind::Aggregate(aggregate) => &aggregate.calls,
        NodeKind::WindowAggregate(aggregate) => &aggregate.calls,
        _ => &[],
    }
}

/// May a node give nulls where its columns have none, which are record errors then?
pub(crate) fn may_lack(node: &Node) -> bool {
    !calls(node).is_empty()
}

/// Makes record errors of results, among those that were just given, that lack a value.
pub(crate) fn refuse(cx: &mut Context<'_>) -> Result<(), Halt> {
    let shared = cx.shared;
    let node = &shared.graph.nodes[cx.node];
    for at in 0..cx.out.len() {
        let Some(needed) = incomplete(node, &cx.out[at].1) else { continue };
        let (number, batch) = cx.out[at].clone();
        let lacking =
            |row: usize| needed.iter().copied().find(|&column| !batch.columns[column].is_valid(row));
        let whole: Vec<u32> =
            (0..batch.len).filter(|&row| lacking(row).is_none()).map(|row| row as u32).collect();
        cx.out[at].1 = batch.gather(&whole);
        let current = std::mem::replace(&mut cx.number, number);
        for (row, column) in (0..batch.len).filter_map(|row| Some((row, lacking(row)?))) {
            cx.record_error(bad_row(node, &batch, row, column))?;
        }
        cx.number = current;
    }
    cx.out.retain(|(_, batch)| batch.len > 0);
    Ok(())
}

/// Is a column null somewhere, and must not be?
pub(crate) fn lacks(column: &Column, ty: &DataType) -> bool {
    must_be_there(ty) && column.validity.as_ref().is_some_and(|valid| valid.contains(&0))
}

fn must_be_there(ty: &DataType) -> bool {
    !matches!(ty, DataType::Optional(_) | DataType::Json)
}

/// The columns that must have a value, if one of them lacks it somewhere.
fn incomplete(node: &Node, batch: &Batch) -> Option<Vec<usize>> {
    let fields = &node.output.fields;
    let lacking = batch.columns.iter().zip(fields).any(|(column, field)| lacks(column, &field.ty));
    lacking.then(|| (0..fields.len()).filter(|&column| must_be_there(&fields[column].ty)).collect())
}

fn bad_row(node: &Node, batch: &Batch, row: usize, column: usize) -> BadRow {
    let name = &node.output.fields[column].name;
    let call = calls(node).iter().find(|call| *call.name == **name);
    BadRow {
        declaration: node.declaration,
        label: node.label.clone(),
        place: call.map_or(node.place, |call| call.place),
        code: ErrorCode::MissingField.to_string(),
        message: format!("`{name}` has no value here: no row of this group came since it was added"),
        record: row_text::json(&batch.row(row, &node.output), &node.output),
        position: None,
    }
}
