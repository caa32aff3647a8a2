//! Joins with a table: each row meets the table's row of its key, or none. Keeps no state.

use super::condition::{BatchSide, Condition};
use super::table::{Probing, Table};
use crate::context::{BadRow, Context};
use crate::error::Halt;
use crate::number::Number;
use crate::operator::{CompiledChain, Operator};
use crate::snapshot::{Loading, Saving};
use flow_data::{Batch, Column, NO_ROW};
use flow_plan::operator::JoinKind;
use flow_plan::physical::Lookup;
use std::sync::Arc;

pub(crate) struct LookupOperator {
    kind: JoinKind,
    keys: Vec<usize>,
    left_row: Vec<usize>,
    right_row: Vec<usize>,
    behind: Vec<usize>,
    /// Declared columns of the left input; ranks stand behind them.
    declared: usize,
    table: Arc<Table>,
    condition: Option<Condition>,
    probing: Probing,
}

impl LookupOperator {
    pub(crate) fn new(
        lookup: &Lookup,
        declared: usize,
        table: Arc<Table>,
        condition: Option<&CompiledChain>,
    ) -> LookupOperator {
        let condition = lookup.rest.as_ref().zip(condition);
        LookupOperator {
            kind: lookup.kind,
            keys: lookup.left_keys.clone(),
            left_row: lookup.left_row.clone(),
            right_row: lookup.right_row.clone(),
            behind: lookup.behind.clone(),
            declared,
            table,
            condition: condition.map(|(rest, compiled)| Condition::new(rest, declared, compiled)),
            probing: Probing::default(),
        }
    }

    /// For each row the table's row it meets, or [`NO_ROW`].
    fn partners(&mut self, cx: &mut Context<'_>, batch: &Batch) -> Result<&mut [u32], Halt> {
        let columns: Vec<&Column> = self.keys.iter().map(|&key| batch.columns[key].as_ref()).collect();
        let found = self.table.find(&columns, batch.len, &mut self.probing);
        let Some(condition) = &mut self.condition else { return Ok(found) };
        let left: Vec<u32> = (0..batch.len as u32).filter(|&row| found[row as usize] != NO_ROW).collect();
        let right: Vec<u32> = left.iter().map(|&row| found[row as usize]).collect();
        let sides = (BatchSide { batch, rows: &left }, BatchSide { batch: &self.table.rows, rows: &right });
        let holds = condition.holds(cx, left.len(), &sides.0, &sides.1)?;
        found.fill(NO_ROW);
        for pair in holds {
            found[left[pair as usize] as usize] = right[pair as usize];
        }
        Ok(found)
    }
}

impl Operator for LookupOperator {
    fn push(&mut self, cx: &mut Context<'_>, _input: usize, batch: Batch) -> Result<(), Halt> {
        let (kind, table) = (self.kind, self.table.clone());
        let found: &[u32] = self.partners(cx, &batch)?;
        let met = |met: bool| -> Vec<u32> {
            (0..batch.len as u32).filter(|&row| (found[row as usize] != NO_ROW) == met).collect()
        };
        let rows = match kind {
            JoinKind::Inner | JoinKind::Semi => met(true),
            JoinKind::Anti => met(false),
            JoinKind::Left => (0..batch.len as u32).collect(),
        };
        let right: Vec<u32> = match kind {
            JoinKind::Semi | JoinKind::Anti => Vec::new(),
            _ => rows.iter().map(|&row| found[row as usize]).collect(),
        };
        let all = rows.len() == batch.len;
        let left = |&column: &usize| match all {
            true => batch.columns[column].clone(),
            false => Arc::new(batch.columns[column].gather(&rows)),
        };
        let looked_up = |&column: &usize| {
            let column = &table.rows.columns[column];
            Arc::new(if kind == JoinKind::Left {
                column.gather_or_null(&right)
            } else {
                column.gather(&right)
            })
        };
        let mut columns: Vec<Arc<Column>> = self.left_row.iter().map(left).collect();
        columns.extend(self.right_row.iter().map(looked_up));
        columns.extend(self.behind.iter().map(left));
        columns.extend((self.declared..batch.columns.len()).map(|rank| left(&rank)));
        cx.emit(Batch::new(rows.len(), columns));
        Ok(())
    }

    fn save(&mut self, _out: &mut Saving) {
        // Tables are read anew at every start.
    }

    fn load(&mut self, _cx: &mut Context<'_>, _from: &mut Loading) -> Result<(), String> {
        Ok(())
    }
}

/// Stands where a table was read: hands its bad records to their declarations, in front of all rows.
#[derive(Default)]
pub(crate) struct TableOperator {
    refused: Vec<BadRow>,
}

impl TableOperator {
    pub(crate) fn new(refused: Vec<BadRow>) -> TableOperator {
        TableOperator { refused }
    }
}

impl Operator for TableOperator {
    fn push(&mut self, _cx: &mut Context<'_>, _input: usize, _batch: Batch) -> Result<(), Halt> {
        Ok(())
    }

    fn advance(&mut self, cx: &mut Context<'_>, _to: Number) -> Result<(), Halt> {
        cx.number = 0;
        std::mem::take(&mut self.refused).into_iter().try_for_each(|bad| cx.record_error(bad))
    }

    fn save(&mut self, _out: &mut Saving) {
        // Tables are read anew at every start.
    }

    fn load(&mut self, cx: &mut Context<'_>, _from: &mut Loading) -> Result<(), String> {
        if cx.number > 0 {
            // They stood in front of all rows, and were handed over then.
            self.refused.clear();
        }
        Ok(())
    }
}
