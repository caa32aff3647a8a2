//! Aggregates of changelogs: columns of states from which rows can be taken out again. What has no column
//! of its own uses the reference, [`Reversible`].

use super::accumulate::{Accumulators, Reads, same};
use super::held::room;
use super::numbers::Counts;
use super::stored::{Stored, StoredPart, columns_of, parts_of, state_of};
use flow_data::{Batch, Column, ColumnBuilder, ColumnData};
use flow_plan::aggregate::{FloatTotal, Reversible};
use flow_plan::catalogue::AggFunc;
use flow_plan::error::{ErrorCode, Fault};
use flow_plan::physical::ColumnAggregate;
use flow_plan::weight::heap;
use flow_plan::{DataType, RecordType, Value};
use std::any::Any;
use std::collections::BTreeMap;

/// The accumulators of a call over an input whose column `change` says what is added and what withdrawn.
pub(crate) fn reversing(call: &ColumnAggregate, input: &RecordType, change: usize) -> Box<dyn Accumulators> {
    let reads = Reads { arg: call.arg, filter: call.filter };
    let ty = call.arg.map(|column| input.fields[column].ty.unwrapped().clone());
    let ints = matches!(ty, Some(DataType::Int | DataType::Timestamp | DataType::Duration));
    match (call.func, ty) {
        (AggFunc::Count, _) => Box::new(Counts::new(reads, Some(change))),
        (AggFunc::Sum, Some(DataType::Int | DataType::Duration)) => {
            Box::new(Folded::<IntSum>::new(reads, change, call))
        }
        (AggFunc::Avg, Some(DataType::Int)) => Box::new(Folded::<IntAverage>::new(reads, change, call)),
        (AggFunc::Sum, Some(DataType::Float)) => Box::new(Folded::<FloatSum>::new(reads, change, call)),
        (AggFunc::Avg, Some(DataType::Float)) => Box::new(Folded::<FloatAverage>::new(reads, change, call)),
        (AggFunc::Min, _) if ints => Box::new(Folded::<Extreme<false>>::new(reads, change, call)),
        (AggFunc::Max, _) if ints => Box::new(Folded::<Extreme<true>>::new(reads, change, call)),
        _ => Box::new(Values::new(call, input, change)),
    }
}

fn changes(batch: &Batch, column: usize) -> &[i64] {
    match &batch.columns[column].data {
        ColumnData::I64(changes) => changes,
        other => unreachable!("changes are ints, not {other:?}"),
    }
}

/// An aggregate as a fold that can go back.
trait Fold: Send + 'static {
    type Item: Copy;
    type State: Clone + Default + Send + Stored;
    type Out: Copy + Default;
    fn items(column: &ColumnData) -> &[Self::Item];
    /// Adds what another state holds.
    fn merge(state: &mut Self::State, later: &Self::State);
    /// Adds an item or takes it out; gives by how many bytes the state grew on the heap.
    fn apply(state: &mut Self::State, item: Self::Item, change: i64) -> isize;
    /// What a state keeps on the heap, about.
    fn heap(_state: &Self::State) -> isize {
        0
    }
    /// The result; `None`: null.
    fn result(state: &Self::State) -> Result<Option<Self::Out>, Fault>;
    fn column(results: Vec<Self::Out>) -> ColumnData;
}

struct Folded<F: Fold> {
    reads: Reads,
    change: usize,
    /// Of the result.
    ty: DataType,
    states: Vec<F::State>,
    /// What the states keep on the heap, about.
    heap: isize,
    faults: Vec<(usize, Fault)>,
}

impl<F: Fold> Folded<F> {
    fn new(reads: Reads, change: usize, call: &ColumnAggregate) -> Folded<F> {
        Folded { reads, change, ty: call.ty.clone(), states: Vec::new(), heap: 0, faults: Vec::new() }
    }

    fn merge_one(&mut self, slot: u32, later: &F::State) {
        let state = &mut self.states[slot as usize];
        self.heap -= F::heap(state);
        F::merge(state, later);
        self.heap += F::heap(state);
    }
}

fn items<F: Fold>(reads: Reads, batch: &Batch) -> &[F::Item] {
    match reads.arg {
        Some(column) => F::items(&batch.columns[column].data),
        None => unreachable!("only count() has no argument"),
    }
}

fn column<F: Fold>(results: impl Iterator<Item = Option<F::Out>>) -> Column {
    let (mut values, mut valid, mut nulls) = (Vec::new(), Vec::new(), false);
    for result in results {
        nulls |= result.is_none();
        valid.push(u8::from(result.is_some()));
        values.push(result.unwrap_or_default());
    }
    Column { data: F::column(values), validity: nulls.then_some(valid) }
}

impl<F: Fold> Accumulators for Folded<F> {
    fn grow(&mut self, slots: usize) {
        self.heap -= self.states.iter().skip(slots).map(F::heap).sum::<isize>();
        self.states.resize(slots, F::State::default());
    }

    fn update(&mut self, slots: &[u32], batch: &Batch) -> bool {
        let (items, changes) = (items::<F>(self.reads, batch), changes(batch, self.change));
        self.reads.each(batch, |row| {
            self.heap += F::apply(&mut self.states[slots[row] as usize], items[row], changes[row]);
        });
        false
    }

    fn running(&mut self, slots: &[u32], batch: &Batch, _refused: &mut bool) -> Column {
        let (items, changes) = (items::<F>(self.reads, batch), changes(batch, self.change));
        let (states, faults, heap) = (&mut self.states, &mut self.faults, &mut self.heap);
        column::<F>(slots.iter().enumerate().map(|(row, &slot)| {
            let state = &mut states[slot as usize];
            if self.reads.counts(batch, row) {
                *heap += F::apply(state, items[row], changes[row]);
            }
            F::result(state).unwrap_or_else(|fault| {
                faults.push((row, fault));
                None
            })
        }))
    }

    fn take_faults(&mut self) -> Vec<(usize, Fault)> {
        std::mem::take(&mut self.faults)
    }

    fn fault(&self, slot: usize) -> Option<Fault> {
        F::result(&self.states[slot]).err()
    }

    fn results(&self, slots: &[u32]) -> Column {
        column::<F>(slots.iter().map(|&slot| F::result(&self.states[slot as usize]).unwrap_or_default()))
    }

    fn reset(&mut self, slot: usize) {
        self.heap -= F::heap(&self.states[slot]);
        self.states[slot] = F::State::default();
    }

    fn retain(&mut self, slots: &[u32]) {
        self.states = slots.iter().map(|&slot| std::mem::take(&mut self.states[slot as usize])).collect();
        self.heap = self.states.iter().map(F::heap).sum();
    }

    fn parts(&self) -> Vec<StoredPart> {
        F::State::parts(&self.ty)
    }

    fn store(&self, slots: &[u32]) -> Vec<Column> {
        F::State::store(&self.ty, slots.iter().map(|&slot| &self.states[slot as usize]))
    }

    fn load(&mut self, slots: &[u32], parts: &[Column]) {
        for (row, &slot) in slots.iter().enumerate() {
            let state = F::State::load(parts, row);
            self.heap += F::heap(&state);
            self.states[slot as usize] = state;
        }
    }

    fn bytes(&self) -> usize {
        room(&self.states) + self.heap.max(0) as usize
    }

    fn merge(
        &mut self,
        slots: &[u32],
        later: &dyn Accumulators,
        from: &[u32],
        _refused: &mut Vec<(u32, Fault)>,
    ) {
        let later = &same::<Folded<F>>(later).states;
        for (&slot, &from) in slots.iter().zip(from) {
            self.merge_one(slot, &later[from as usize]);
        }
    }

    fn join(&mut self, slot: u32, later: u32) -> Result<(), Fault> {
        let later = self.states[later as usize].clone();
        self.merge_one(slot, &later);
        Ok(())
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

fn ints(column: &ColumnData) -> &[i64] {
    match column {
        ColumnData::I64(v) => v,
        other => unreachable!("an aggregate of ints over {other:?}"),
    }
}

fn floats(column: &ColumnData) -> &[f64] {
    match column {
        ColumnData::F64(v) => v,
        other => unreachable!("an aggregate of floats over {other:?}"),
    }
}

/// Ints and durations.
struct IntSum;

impl Fold for IntSum {
    type Item = i64;
    type State = i128;
    type Out = i64;

    fn merge(state: &mut i128, later: &i128) {
        *state += later;
    }

    fn items(column: &ColumnData) -> &[i64] {
        ints(column)
    }

    #[inline]
    fn apply(state: &mut i128, item: i64, change: i64) -> isize {
        *state += if change < 0 { -i128::from(item) } else { i128::from(item) };
        0
    }

    fn result(state: &i128) -> Result<Option<i64>, Fault> {
        match i64::try_from(*state) {
            Ok(sum) => Ok(Some(sum)),
            Err(_) => Err(Fault::new(ErrorCode::Overflow, format!("the sum {state} overflows"))),
        }
    }

    fn column(results: Vec<i64>) -> ColumnData {
        ColumnData::I64(results)
    }
}

struct IntAverage;

impl Fold for IntAverage {
    type Item = i64;
    type State = (i128, i64);
    type Out = f64;

    fn merge((sum, rows): &mut (i128, i64), later: &(i128, i64)) {
        *sum += later.0;
        *rows += later.1;
    }

    fn items(column: &ColumnData) -> &[i64] {
        ints(column)
    }

    #[inline]
    fn apply((sum, rows): &mut (i128, i64), item: i64, change: i64) -> isize {
        *sum += if change < 0 { -i128::from(item) } else { i128::from(item) };
        *rows += change;
        0
    }

    fn result((sum, rows): &(i128, i64)) -> Result<Option<f64>, Fault> {
        Ok((*rows != 0).then(|| *sum as f64 / *rows as f64))
    }

    fn column(results: Vec<f64>) -> ColumnData {
        ColumnData::F64(results)
    }
}

/// Adds a float to a sum of `rows`, or takes it out; what nothing is left of is nothing.
#[inline]
fn apply_float((sum, rows): &mut (FloatTotal, i64), item: f64, change: i64) -> isize {
    let before = sum.heap();
    sum.add(item, change);
    *rows += change;
    if *rows == 0 {
        *sum = FloatTotal::default();
    }
    sum.heap() as isize - before as isize
}

struct FloatSum;

impl Fold for FloatSum {
    type Item = f64;
    type State = (FloatTotal, i64);
    type Out = f64;

    fn merge((sum, rows): &mut (FloatTotal, i64), later: &(FloatTotal, i64)) {
        sum.merge(&later.0);
        *rows += later.1;
    }

    fn items(column: &ColumnData) -> &[f64] {
        floats(column)
    }

    #[inline]
    fn apply(state: &mut (FloatTotal, i64), item: f64, change: i64) -> isize {
        apply_float(state, item, change)
    }

    fn heap((sum, _): &(FloatTotal, i64)) -> isize {
        sum.heap() as isize
    }

    fn result((sum, _): &(FloatTotal, i64)) -> Result<Option<f64>, Fault> {
        Ok(Some(sum.value()))
    }

    fn column(results: Vec<f64>) -> ColumnData {
        ColumnData::F64(results)
    }
}

struct FloatAverage;

impl Fold for FloatAverage {
    type Item = f64;
    type State = (FloatTotal, i64);
    type Out = f64;

    fn merge((sum, rows): &mut (FloatTotal, i64), later: &(FloatTotal, i64)) {
        sum.merge(&later.0);
        *rows += later.1;
    }

    fn items(column: &ColumnData) -> &[f64] {
        floats(column)
    }

    #[inline]
    fn apply(state: &mut (FloatTotal, i64), item: f64, change: i64) -> isize {
        apply_float(state, item, change)
    }

    fn heap((sum, _): &(FloatTotal, i64)) -> isize {
        sum.heap() as isize
    }

    fn result((sum, rows): &(FloatTotal, i64)) -> Result<Option<f64>, Fault> {
        Ok((*rows != 0).then(|| sum.value() / *rows as f64))
    }

    fn column(results: Vec<f64>) -> ColumnData {
        ColumnData::F64(results)
    }
}

/// Bytes of an entry of a map of ints, about.
const ENTRY: isize = 24;

/// Least or greatest int, timestamp or duration: all of them, and how often each is there.
struct Extreme<const GREATEST: bool>;

impl<const GREATEST: bool> Fold for Extreme<GREATEST> {
    type Item = i64;
    type State = BTreeMap<i64, i64>;
    type Out = i64;

    fn merge(state: &mut BTreeMap<i64, i64>, later: &BTreeMap<i64, i64>) {
        later.iter().for_each(|(item, copies)| *state.entry(*item).or_insert(0) += copies);
    }

    fn items(column: &ColumnData) -> &[i64] {
        ints(column)
    }

    fn heap(state: &BTreeMap<i64, i64>) -> isize {
        state.len() as isize * ENTRY
    }

    fn apply(state: &mut BTreeMap<i64, i64>, item: i64, change: i64) -> isize {
        let before = state.len() as isize;
        let copies = state.entry(item).or_insert(0);
        *copies += change;
        if *copies <= 0 {
            state.remove(&item);
        }
        (state.len() as isize - before) * ENTRY
    }

    fn result(state: &BTreeMap<i64, i64>) -> Result<Option<i64>, Fault> {
        let best = if GREATEST { state.last_key_value() } else { state.first_key_value() };
        Ok(best.map(|(item, _)| *item))
    }

    fn column(results: Vec<i64>) -> ColumnData {
        ColumnData::I64(results)
    }
}

/// The reference, one per slot.
struct Values {
    empty: Reversible,
    slots: Vec<Reversible>,
    arg: Option<(usize, DataType)>,
    by: Option<(usize, DataType)>,
    filter: Option<usize>,
    change: usize,
    ty: DataType,
    /// See [`ColumnAggregate::counts_values`].
    counts: bool,
    faults: Vec<(usize, Fault)>,
    /// What the values of each slot take on the heap, about, and of all; and what a row takes beside its value.
    held: Vec<i64>,
    all_held: i64,
    row_bytes: usize,
}

impl Values {
    fn new(call: &ColumnAggregate, input: &RecordType, change: usize) -> Values {
        let column = |index: Option<usize>| index.map(|index| (index, input.fields[index].ty.clone()));
        let arg = column(call.arg);
        Values {
            empty: Reversible::new(call.func, arg.as_ref().map(|(_, ty)| ty), call.param.as_ref()),
            slots: Vec::new(),
            arg,
            by: column(call.by),
            filter: call.filter,
            change,
            ty: call.ty.clone(),
            counts: call.counts_values(),
            faults: Vec::new(),
            held: Vec::new(),
            all_held: 0,
            row_bytes: match call.func {
                AggFunc::Sum | AggFunc::Avg | AggFunc::Stddev | AggFunc::Variance => 0,
                AggFunc::BoolAnd | AggFunc::BoolOr => 0,
                _ => 64,
            },
        }
    }

    fn result(&self, slot: u32) -> Result<Value, Fault> {
        let result = self.slots[slot as usize].result()?;
        Ok(if result.is_null() && self.counts { Value::Int(0) } else { result })
    }

    fn apply(&mut self, slot: u32, batch: &Batch, row: usize) {
        if let Some(filter) = self.filter
            && !matches!(batch.columns[filter].value(row, &DataType::Bool), Value::Bool(true))
        {
            return;
        }
        let value = |column: &Option<(usize, DataType)>| {
            column.as_ref().map(|(index, ty)| batch.columns[*index].value(row, ty))
        };
        let (arg, by) = (value(&self.arg), value(&self.by));
        let change = changes(batch, self.change)[row];
        self.slots[slot as usize].apply(arg.as_ref(), by.as_ref(), change);
        if self.row_bytes > 0 {
            let values = arg.iter().chain(&by).map(heap).sum::<usize>();
            self.hold(slot, change * (self.row_bytes + values) as i64);
        }
    }

    fn hold(&mut self, slot: u32, bytes: i64) {
        self.held[slot as usize] += bytes;
        self.all_held += bytes;
    }
}

impl Accumulators for Values {
    fn grow(&mut self, slots: usize) {
        self.all_held -= self.held.iter().skip(slots).sum::<i64>();
        self.held.resize(slots, 0);
        self.slots.resize(slots, self.empty.clone());
    }

    fn update(&mut self, slots: &[u32], batch: &Batch) -> bool {
        slots.iter().enumerate().for_each(|(row, &slot)| self.apply(slot, batch, row));
        false
    }

    fn running(&mut self, slots: &[u32], batch: &Batch, _refused: &mut bool) -> Column {
        let mut results = ColumnBuilder::new(&self.ty);
        for (row, &slot) in slots.iter().enumerate() {
            self.apply(slot, batch, row);
            match self.result(slot) {
                Ok(result) => results.push(&result),
                Err(fault) => {
                    self.faults.push((row, fault));
                    results.push(&Value::Null);
                }
            }
        }
        results.finish()
    }

    fn take_faults(&mut self) -> Vec<(usize, Fault)> {
        std::mem::take(&mut self.faults)
    }

    fn fault(&self, slot: usize) -> Option<Fault> {
        self.slots[slot].result().err()
    }

    fn results(&self, slots: &[u32]) -> Column {
        let mut results = ColumnBuilder::new(&self.ty);
        slots.iter().for_each(|&slot| {
            results.push(&self.result(slot).unwrap_or(Value::Null));
        });
        results.finish()
    }

    fn reset(&mut self, slot: usize) {
        self.slots[slot] = self.empty.clone();
        self.all_held -= std::mem::take(&mut self.held[slot]);
    }

    fn retain(&mut self, slots: &[u32]) {
        self.slots = slots.iter().map(|&slot| self.slots[slot as usize].clone()).collect();
        self.held = slots.iter().map(|&slot| self.held[slot as usize]).collect();
        self.all_held = self.held.iter().sum();
    }

    fn parts(&self) -> Vec<StoredPart> {
        let ty = |column: &Option<(usize, DataType)>| column.as_ref().map(|(_, ty)| ty.clone());
        parts_of(self.empty.stored_type(ty(&self.arg).as_ref(), ty(&self.by).as_ref()))
    }

    fn store(&self, slots: &[u32]) -> Vec<Column> {
        columns_of(&self.parts(), slots.iter().map(|&slot| self.slots[slot as usize].stored()))
    }

    fn load(&mut self, slots: &[u32], parts: &[Column]) {
        let named = self.parts();
        for (row, &slot) in slots.iter().enumerate() {
            let state = state_of(&named, parts, row);
            self.slots[slot as usize].load(&state);
            if self.row_bytes > 0 {
                self.hold(slot, heap(&state) as i64);
            }
        }
    }

    fn bytes(&self) -> usize {
        room(&self.slots) + room(&self.held) + self.all_held.max(0) as usize
    }

    fn merge(
        &mut self,
        slots: &[u32],
        later: &dyn Accumulators,
        from: &[u32],
        _refused: &mut Vec<(u32, Fault)>,
    ) {
        let later = same::<Values>(later);
        for (&slot, &from) in slots.iter().zip(from) {
            self.slots[slot as usize].merge(&later.slots[from as usize]);
            self.hold(slot, later.held[from as usize]);
        }
    }

    fn join(&mut self, slot: u32, from: u32) -> Result<(), Fault> {
        let later = self.slots[from as usize].clone();
        self.slots[slot as usize].merge(&later);
        self.hold(slot, self.held[from as usize]);
        Ok(())
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}
