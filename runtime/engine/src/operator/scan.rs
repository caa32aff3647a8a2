//! Per-key fold with a state the script defines.

use super::Operator;
use crate::context::{BadRow, Context, describe};
use crate::error::Halt;
use crate::snapshot::{Columns, Loading, Saving};
use crate::state::{Held, KeyTable, room};
use flow_checkpoint::state::Home;
use flow_data::hash::hash_columns;
use flow_data::{Batch, Column, ColumnBuilder};
use flow_plan::weight::heap;
use flow_plan::{Evaluator, Expr, Field, RecordError, RecordType, Value};
use std::sync::Arc;

/// In a checkpoint: what the script calls `state`.
const STATE: &str = "state";

pub(crate) struct ScanOperator {
    keys: Vec<usize>,
    init: Expr,
    next: Expr,
    emit: Vec<Expr>,
    input: Arc<RecordType>,
    output: Arc<RecordType>,
    table: KeyTable,
    /// By slot; `None`: not begun.
    states: Vec<Option<Value>>,
    /// What they keep on the heap, about.
    heap: usize,
    evaluator: Evaluator,
    hashes: Vec<u64>,
    slots: Vec<u32>,
}

impl ScanOperator {
    pub(crate) fn new(
        keys: &[usize],
        init: &Expr,
        next: &Expr,
        emit: &[Expr],
        input: &Arc<RecordType>,
        output: &Arc<RecordType>,
    ) -> ScanOperator {
        ScanOperator {
            keys: keys.to_vec(),
            init: init.clone(),
            next: next.clone(),
            emit: emit.to_vec(),
            input: input.clone(),
            output: output.clone(),
            table: KeyTable::new(keys.iter().map(|&key| &input.fields[key].ty)),
            states: Vec::new(),
            heap: 0,
            evaluator: Evaluator::default(),
            hashes: Vec::new(),
            slots: Vec::new(),
        }
    }

    fn key_fields(&self) -> Vec<Field> {
        self.keys.iter().map(|&key| self.input.fields[key].clone()).collect()
    }

    /// The output of a row; the state moves on only if nothing fails.
    fn step(&mut self, slot: usize, mut row: Vec<Value>) -> Result<Vec<Value>, RecordError> {
        let before = match self.states.get(slot) {
            Some(Some(state)) => state.clone(),
            _ => self.evaluator.eval(&self.init, &[])?,
        };
        row.push(before);
        let after = self.evaluator.eval(&self.next, &row)?;
        if let Some(state) = row.last_mut() {
            *state = after.clone();
        }
        let made = self.emit.iter().map(|expr| self.evaluator.eval(expr, &row)).collect::<Result<_, _>>()?;
        self.heap += heap(&after);
        self.heap -= self.states[slot].replace(after).as_ref().map_or(0, heap);
        Ok(made)
    }
}

impl Operator for ScanOperator {
    fn held(&self) -> Held {
        Held { keys: self.table.len(), bytes: self.table.bytes() + room(&self.states) + self.heap }
    }

    fn push(&mut self, cx: &mut Context<'_>, _input: usize, batch: Batch) -> Result<(), Halt> {
        let columns: Vec<&Column> = self.keys.iter().map(|&key| batch.columns[key].as_ref()).collect();
        hash_columns(&columns, batch.len, &mut self.hashes);
        self.table.slots(&columns, &self.hashes, &mut self.slots);
        self.states.resize(self.table.len(), None);
        let (mut rows, mut good) = (Vec::with_capacity(batch.len), Vec::with_capacity(batch.len));
        for index in 0..batch.len {
            match self.step(self.slots[index] as usize, batch.row(index, &self.input)) {
                Ok(row) => {
                    rows.push(row);
                    good.push(index as u32);
                }
                Err(error) => {
                    let (record, position) = describe(&batch, index, &self.input);
                    let node = &cx.shared.graph.nodes[cx.node];
                    cx.record_error(BadRow {
                        declaration: node.declaration,
                        label: node.label.clone(),
                        place: error.place,
                        code: error.code.as_str().into(),
                        message: error.message,
                        record,
                        position,
                    })?;
                }
            }
        }
        let mut made = Batch::from_rows(&rows, &self.output);
        let ranks = &batch.columns[self.input.fields.len()..];
        made.columns.extend(ranks.iter().map(|rank| Arc::new(rank.gather(&good))));
        cx.emit(made);
        Ok(())
    }

    fn save(&mut self, out: &mut Saving) {
        // A key whose first row failed has no state.
        let begun = |slot: &u32| matches!(self.states.get(*slot as usize), Some(Some(_)));
        let slots: Vec<u32> = (0..self.table.len() as u32).filter(begun).collect();
        let mut states = ColumnBuilder::new(self.init.ty());
        slots.iter().filter_map(|&slot| self.states[slot as usize].as_ref()).for_each(|s| states.push(s));
        let mut columns = Columns::default();
        columns.rows(&self.key_fields(), self.table.gather(&slots));
        columns.push(STATE, self.init.ty().clone(), states.finish());
        out.table("states", Home::Key(self.keys.len()), self.keys.len(), columns);
    }

    fn load(&mut self, _cx: &mut Context<'_>, from: &mut Loading) -> Result<(), String> {
        let saved = from.table("states");
        let ty = self.init.ty();
        let mut fields = self.key_fields();
        fields.push(Field::new(STATE, ty.clone()));
        let columns = saved.rows(&fields)?;
        let (keys, states) = columns.split_at(self.keys.len());
        self.states = (0..saved.len()).map(|row| Some(states[0].value(row, ty))).collect();
        self.heap = self.states.iter().flatten().map(heap).sum();
        let columns: Vec<&Column> = keys.iter().map(AsRef::as_ref).collect();
        hash_columns(&columns, saved.len(), &mut self.hashes);
        self.table.slots(&columns, &self.hashes, &mut self.slots);
        Ok(())
    }
}
