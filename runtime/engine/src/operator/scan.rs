//! Per-key fold with a state the script defines.

use super::{Operator, on_disk};
use crate::context::{BadRow, Context, describe};
use crate::error::Halt;
use crate::snapshot::{Columns, Loaded, Loading, Saving};
use crate::state::{Entries, Held, KeyTable, Ledger, Ledgered, room};
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
    ledger: Ledger,
}

impl ScanOperator {
    pub(crate) fn new(
        keys: &[usize],
        init: &Expr,
        next: &Expr,
        emit: &[Expr],
        input: &Arc<RecordType>,
        output: &Arc<RecordType>,
        ledger: Ledger,
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
            ledger,
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

impl Ledgered for ScanOperator {
    fn ledger(&mut self) -> &mut Ledger {
        &mut self.ledger
    }
}

impl Entries for ScanOperator {
    fn table(&self) -> &KeyTable {
        &self.table
    }

    /// A key whose first row failed has no state.
    fn rows(&self, slot: u32) -> usize {
        usize::from(matches!(self.states.get(slot as usize), Some(Some(_))))
    }

    fn entries(&mut self, slots: &[u32]) -> Columns {
        let mut states = ColumnBuilder::new(self.init.ty());
        slots.iter().filter_map(|&slot| self.states[slot as usize].as_ref()).for_each(|s| states.push(s));
        let mut columns = Columns::default();
        columns.rows(&self.key_fields(), self.table.gather(slots));
        columns.push(STATE, self.init.ty().clone(), states.finish());
        columns
    }

    fn take_in(&mut self, saved: &Loaded) -> Result<Vec<u32>, String> {
        let ty = self.init.ty();
        let mut fields = self.key_fields();
        fields.push(Field::new(STATE, ty.clone()));
        let columns = saved.rows(&fields)?;
        let (keys, states) = columns.split_at(self.keys.len());
        let columns: Vec<&Column> = keys.iter().map(AsRef::as_ref).collect();
        hash_columns(&columns, saved.len(), &mut self.hashes);
        let mut slots = Vec::new();
        self.table.reserve(saved.len());
        self.table.slots(&columns, &self.hashes, &mut slots);
        self.states.resize(self.table.len(), None);
        for (row, &slot) in slots.iter().enumerate() {
            let state = states[0].value(row, ty);
            self.heap += heap(&state);
            self.states[slot as usize] = Some(state);
        }
        Ok(slots)
    }

    fn keep(&mut self, slots: &[u32]) {
        self.table.retain(slots);
        self.states = slots.iter().map(|&slot| self.states[slot as usize].take()).collect();
        self.heap = self.states.iter().flatten().map(heap).sum();
    }

    fn bytes(&self) -> usize {
        self.table.bytes() + room(&self.states) + self.heap
    }
}

impl Operator for ScanOperator {
    fn held(&self) -> Held {
        let keys = self.table.len() + self.ledger.on_disk();
        Held { keys, bytes: self.bytes() + self.ledger.bytes() }
    }

    fn push(&mut self, cx: &mut Context<'_>, _input: usize, batch: Batch) -> Result<(), Halt> {
        let columns: Vec<&Column> = self.keys.iter().map(|&key| batch.columns[key].as_ref()).collect();
        hash_columns(&columns, batch.len, &mut self.hashes);
        if self.ledger.spills() {
            let hashes = std::mem::take(&mut self.hashes);
            let brought = self.with_ledger(|ledger, own| ledger.bring(own, &columns, &hashes));
            brought.map_err(|error| on_disk(cx, &error))?;
            self.hashes = hashes;
        }
        self.table.slots(&columns, &self.hashes, &mut self.slots);
        self.states.resize(self.table.len(), None);
        let slots = std::mem::take(&mut self.slots);
        self.with_ledger(|ledger, own| ledger.ahead(own, &slots));
        self.ledger.changed(&slots, self.table.len());
        self.slots = slots;
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
        let slots = std::mem::take(&mut self.slots);
        let relieved = self.with_ledger(|ledger, own| ledger.relieve(own, &slots));
        self.slots = slots;
        relieved.map_err(|error| on_disk(cx, &error))
    }

    fn follow(&mut self) {
        self.ledger.follow(Home::Key(self.keys.len()));
    }

    fn save(&mut self, out: &mut Saving) {
        let (home, keys) = (Home::Key(self.keys.len()), self.keys.len());
        self.with_ledger(|ledger, own| ledger.save(own, out, "states", home, keys));
    }

    fn save_more(&mut self, out: &mut Saving, entries: usize) -> Result<bool, String> {
        self.with_ledger(|ledger, own| ledger.save_more(own, out, entries))
    }

    fn load(&mut self, _cx: &mut Context<'_>, from: &mut Loading) -> Result<(), String> {
        let saved = from.table("states");
        self.take_in(&saved)?;
        self.with_ledger(|ledger, own| ledger.relieve(own, &[])).map_err(|error| error.to_string())
    }
}
