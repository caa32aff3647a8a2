//! Aggregates of numbers, as columns of plain states over slots and one tight loop per batch.

use super::accumulate::{Accumulators, Reads, same};
use super::held::room;
use super::stored::{Stored, StoredPart};
use super::tally::Tally;
use flow_data::{Batch, Column, ColumnData};
use flow_plan::catalogue::AggFunc;
use flow_plan::error::Fault;
use flow_plan::eval::arith;
use flow_plan::expr::BinaryOp;
use flow_plan::physical::ColumnAggregate;
use flow_plan::{DataType, Value};
use rust_decimal::Decimal;
use std::any::Any;

/// `count()`, `count(x)`; over a changelog, rows that are withdrawn count less.
pub(crate) struct Counts {
    reads: Reads,
    /// The column that says whether a row is added or withdrawn.
    change: Option<usize>,
    counts: Tally,
}

impl Counts {
    pub(crate) fn new(reads: Reads, change: Option<usize>) -> Counts {
        Counts { reads, change, counts: Tally::default() }
    }
}

impl Accumulators for Counts {
    fn grow(&mut self, slots: usize) {
        self.counts.resize(slots);
    }

    fn update(&mut self, slots: &[u32], batch: &Batch) -> bool {
        match self.change.map(|column| ints(&batch.columns[column].data)) {
            None => self.reads.each(batch, |row| self.counts.count(slots[row] as usize)),
            Some(changes) => self.reads.each(batch, |row| self.counts.add(slots[row] as usize, changes[row])),
        }
        false
    }

    fn running(&mut self, slots: &[u32], batch: &Batch, _refused: &mut bool) -> Column {
        let changes = self.change.map(|column| ints(&batch.columns[column].data));
        let mut results = Vec::with_capacity(slots.len());
        for (row, &slot) in slots.iter().enumerate() {
            if self.reads.counts(batch, row) {
                self.counts.add(slot as usize, changes.map_or(1, |changes| changes[row]));
            }
            results.push(self.counts.get(slot as usize));
        }
        Column::new(ColumnData::I64(results))
    }

    fn results(&self, slots: &[u32]) -> Column {
        Column::new(ColumnData::I64(slots.iter().map(|&slot| self.counts.get(slot as usize)).collect()))
    }

    fn reset(&mut self, slot: usize) {
        self.counts.set(slot, 0);
    }

    fn bytes(&self) -> usize {
        self.counts.bytes()
    }

    fn merge(
        &mut self,
        slots: &[u32],
        later: &dyn Accumulators,
        from: &[u32],
        _refused: &mut Vec<(u32, Fault)>,
    ) {
        let later = &same::<Counts>(later).counts;
        for (&slot, &from) in slots.iter().zip(from) {
            self.counts.add(slot as usize, later.get(from as usize));
        }
    }

    fn add_results(&mut self, slots: &[u32], results: &Column) -> bool {
        let counts = ints(&results.data);
        slots.iter().zip(counts).for_each(|(&slot, &count)| self.counts.add(slot as usize, count));
        true
    }

    fn join(&mut self, slot: u32, later: u32) -> Result<(), Fault> {
        self.counts.add(slot as usize, self.counts.get(later as usize));
        Ok(())
    }

    fn as_any(&self) -> &dyn Any {
        self
    }

    fn retain(&mut self, slots: &[u32]) {
        self.counts.retain(slots);
    }

    fn parts(&self) -> Vec<StoredPart> {
        i64::parts(&DataType::Int)
    }

    fn store(&self, slots: &[u32]) -> Vec<Column> {
        let counts: Vec<i64> = slots.iter().map(|&slot| self.counts.get(slot as usize)).collect();
        i64::store(&DataType::Int, counts.iter())
    }

    fn load(&mut self, slots: &[u32], parts: &[Column]) {
        for (row, &slot) in slots.iter().enumerate() {
            self.counts.set(slot as usize, i64::load(parts, row));
        }
    }
}

/// An aggregate as a fold over plain items.
pub(crate) trait Fold: Send + 'static {
    type Item: Copy;
    type State: Clone + Default + Send + Stored;
    type Out: Copy + Default;
    /// Can an item be refused?
    const FALLIBLE: bool = false;
    fn items(column: &ColumnData) -> &[Self::Item];
    /// Adds an item; gives whether it is refused.
    fn add(&self, state: &mut Self::State, item: Self::Item) -> bool;
    /// Why an item is refused.
    fn check(&self, _state: &Self::State, _item: Self::Item) -> Result<(), Fault> {
        Ok(())
    }
    /// Adds what later rows made. What is refused changes nothing.
    fn merge(&self, state: &mut Self::State, later: &Self::State) -> Result<(), Fault>;
    /// The result; `None`: null.
    fn result(state: &Self::State) -> Option<Self::Out>;
    fn column(results: Vec<Self::Out>) -> ColumnData;
}

/// A fold of every slot.
pub(crate) struct Folded<F: Fold> {
    fold: F,
    reads: Reads,
    /// Of the result.
    ty: DataType,
    states: Vec<F::State>,
    saved: Vec<(u32, F::State)>,
}

impl<F: Fold> Folded<F> {
    fn over(fold: F, reads: Reads, call: &ColumnAggregate) -> Folded<F> {
        Folded { fold, reads, ty: call.ty.clone(), states: Vec::new(), saved: Vec::new() }
    }

    fn column(results: impl Iterator<Item = Option<F::Out>>) -> Column {
        let (mut values, mut valid, mut nulls) = (Vec::new(), Vec::new(), false);
        for result in results {
            nulls |= result.is_none();
            valid.push(u8::from(result.is_some()));
            values.push(result.unwrap_or_default());
        }
        Column { data: F::column(values), validity: nulls.then_some(valid) }
    }
}

/// The argument of a fold.
fn items<F: Fold>(reads: Reads, batch: &Batch) -> &[F::Item] {
    match reads.arg {
        Some(column) => F::items(&batch.columns[column].data),
        None => unreachable!("only count() has no argument"),
    }
}

impl<F: Fold> Accumulators for Folded<F> {
    fn grow(&mut self, slots: usize) {
        self.states.resize(slots, F::State::default());
    }

    fn fallible(&self) -> bool {
        F::FALLIBLE
    }

    fn update(&mut self, slots: &[u32], batch: &Batch) -> bool {
        let items = items::<F>(self.reads, batch);
        let mut refused = false;
        self.reads.each(batch, |row| {
            refused |= self.fold.add(&mut self.states[slots[row] as usize], items[row]);
        });
        refused
    }

    fn running(&mut self, slots: &[u32], batch: &Batch, refused: &mut bool) -> Column {
        let items = items::<F>(self.reads, batch);
        let results = slots.iter().enumerate().map(|(row, &slot)| {
            let state = &mut self.states[slot as usize];
            if self.reads.counts(batch, row) {
                *refused |= self.fold.add(state, items[row]);
            }
            F::result(state)
        });
        Self::column(results)
    }

    fn save(&mut self, slots: &[u32]) {
        let states = &self.states;
        self.saved.clear();
        self.saved.extend(slots.iter().map(|&slot| (slot, states[slot as usize].clone())));
    }

    fn restore(&mut self) {
        // A slot may stand here several times, always with the state it had before the batch.
        for (slot, state) in self.saved.drain(..) {
            self.states[slot as usize] = state;
        }
    }

    fn check(&self, slot: usize, batch: &Batch, row: usize) -> Result<(), Fault> {
        match self.reads.counts(batch, row) {
            true => self.fold.check(&self.states[slot], items::<F>(self.reads, batch)[row]),
            false => Ok(()),
        }
    }

    fn results(&self, slots: &[u32]) -> Column {
        Self::column(slots.iter().map(|&slot| F::result(&self.states[slot as usize])))
    }

    fn reset(&mut self, slot: usize) {
        self.states[slot] = F::State::default();
    }

    fn bytes(&self) -> usize {
        room(&self.states)
    }

    fn merge(
        &mut self,
        slots: &[u32],
        later: &dyn Accumulators,
        from: &[u32],
        refused: &mut Vec<(u32, Fault)>,
    ) {
        let later = &same::<Folded<F>>(later).states;
        for (&slot, &from) in slots.iter().zip(from) {
            if let Err(fault) = self.fold.merge(&mut self.states[slot as usize], &later[from as usize]) {
                refused.push((slot, fault));
            }
        }
    }

    fn join(&mut self, slot: u32, later: u32) -> Result<(), Fault> {
        let later = self.states[later as usize].clone();
        self.fold.merge(&mut self.states[slot as usize], &later)
    }

    fn as_any(&self) -> &dyn Any {
        self
    }

    fn retain(&mut self, slots: &[u32]) {
        self.states = slots.iter().map(|&slot| self.states[slot as usize].clone()).collect();
    }

    fn parts(&self) -> Vec<StoredPart> {
        F::State::parts(&self.ty)
    }

    fn store(&self, slots: &[u32]) -> Vec<Column> {
        F::State::store(&self.ty, slots.iter().map(|&slot| &self.states[slot as usize]))
    }

    fn load(&mut self, slots: &[u32], parts: &[Column]) {
        for (row, &slot) in slots.iter().enumerate() {
            self.states[slot as usize] = F::State::load(parts, row);
        }
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

/// Checked sum of ints or durations.
pub(crate) struct IntSum {
    durations: bool,
}
pub(crate) type SumInts = Folded<IntSum>;

impl SumInts {
    pub(crate) fn new(reads: Reads, call: &ColumnAggregate) -> SumInts {
        Folded::over(IntSum { durations: *call.ty.unwrapped() == DataType::Duration }, reads, call)
    }
}

impl Fold for IntSum {
    type Item = i64;
    type State = i64;
    type Out = i64;
    const FALLIBLE: bool = true;

    fn items(column: &ColumnData) -> &[i64] {
        ints(column)
    }

    #[inline]
    fn add(&self, state: &mut i64, item: i64) -> bool {
        let (sum, overflow) = state.overflowing_add(item);
        *state = sum;
        overflow
    }

    fn check(&self, state: &i64, item: i64) -> Result<(), Fault> {
        if state.checked_add(item).is_some() {
            return Ok(());
        }
        let value = if self.durations { Value::Duration } else { Value::Int };
        arith::binary(BinaryOp::Add, &value(*state), &value(item)).map(|_| ())
    }

    fn merge(&self, state: &mut i64, later: &i64) -> Result<(), Fault> {
        self.check(state, *later)?;
        *state += later;
        Ok(())
    }

    fn result(state: &i64) -> Option<i64> {
        Some(*state)
    }

    fn column(results: Vec<i64>) -> ColumnData {
        ColumnData::I64(results)
    }
}

/// Checked sum of decimals.
pub(crate) struct DecimalSum;
pub(crate) type SumDecimals = Folded<DecimalSum>;

impl SumDecimals {
    pub(crate) fn new(reads: Reads, call: &ColumnAggregate) -> SumDecimals {
        Folded::over(DecimalSum, reads, call)
    }
}

impl Fold for DecimalSum {
    type Item = Decimal;
    type State = Decimal;
    type Out = Decimal;
    const FALLIBLE: bool = true;

    fn items(column: &ColumnData) -> &[Decimal] {
        match column {
            ColumnData::Decimal(v) => v,
            other => unreachable!("an aggregate of decimals over {other:?}"),
        }
    }

    fn add(&self, state: &mut Decimal, item: Decimal) -> bool {
        match arith::binary(BinaryOp::Add, &Value::Decimal(*state), &Value::Decimal(item)) {
            Ok(Value::Decimal(sum)) => *state = sum,
            _ => return true,
        }
        false
    }

    fn check(&self, state: &Decimal, item: Decimal) -> Result<(), Fault> {
        arith::binary(BinaryOp::Add, &Value::Decimal(*state), &Value::Decimal(item)).map(|_| ())
    }

    fn merge(&self, state: &mut Decimal, later: &Decimal) -> Result<(), Fault> {
        self.check(state, *later)?;
        self.add(state, *later);
        Ok(())
    }

    fn result(state: &Decimal) -> Option<Decimal> {
        Some(*state)
    }

    fn column(results: Vec<Decimal>) -> ColumnData {
        ColumnData::Decimal(results)
    }
}

/// Sum of floats, in the order of the rows.
pub(crate) struct FloatSum;
pub(crate) type SumFloats = Folded<FloatSum>;

impl SumFloats {
    pub(crate) fn new(reads: Reads, call: &ColumnAggregate) -> SumFloats {
        Folded::over(FloatSum, reads, call)
    }
}

impl Fold for FloatSum {
    type Item = f64;
    type State = f64;
    type Out = f64;

    fn items(column: &ColumnData) -> &[f64] {
        floats(column)
    }

    #[inline]
    fn add(&self, state: &mut f64, item: f64) -> bool {
        *state += item;
        false
    }

    fn merge(&self, state: &mut f64, later: &f64) -> Result<(), Fault> {
        *state += later;
        Ok(())
    }

    fn result(state: &f64) -> Option<f64> {
        Some(*state)
    }

    fn column(results: Vec<f64>) -> ColumnData {
        ColumnData::F64(results)
    }
}

/// Mean of ints: the exact sum, divided once.
pub(crate) struct IntAverage;
pub(crate) type AverageInts = Folded<IntAverage>;

impl AverageInts {
    pub(crate) fn new(reads: Reads, call: &ColumnAggregate) -> AverageInts {
        Folded::over(IntAverage, reads, call)
    }
}

impl Fold for IntAverage {
    type Item = i64;
    type State = (i128, i64);
    type Out = f64;

    fn items(column: &ColumnData) -> &[i64] {
        ints(column)
    }

    #[inline]
    fn add(&self, (sum, rows): &mut (i128, i64), item: i64) -> bool {
        *sum += i128::from(item);
        *rows += 1;
        false
    }

    fn merge(&self, (sum, rows): &mut (i128, i64), later: &(i128, i64)) -> Result<(), Fault> {
        *sum += later.0;
        *rows += later.1;
        Ok(())
    }

    fn result((sum, rows): &(i128, i64)) -> Option<f64> {
        (*rows > 0).then(|| *sum as f64 / *rows as f64)
    }

    fn column(results: Vec<f64>) -> ColumnData {
        ColumnData::F64(results)
    }
}

/// Mean of floats.
pub(crate) struct FloatAverage;
pub(crate) type AverageFloats = Folded<FloatAverage>;

impl AverageFloats {
    pub(crate) fn new(reads: Reads, call: &ColumnAggregate) -> AverageFloats {
        Folded::over(FloatAverage, reads, call)
    }
}

impl Fold for FloatAverage {
    type Item = f64;
    type State = (f64, i64);
    type Out = f64;

    fn items(column: &ColumnData) -> &[f64] {
        floats(column)
    }

    #[inline]
    fn add(&self, (sum, rows): &mut (f64, i64), item: f64) -> bool {
        *sum += item;
        *rows += 1;
        false
    }

    fn merge(&self, (sum, rows): &mut (f64, i64), later: &(f64, i64)) -> Result<(), Fault> {
        *sum += later.0;
        *rows += later.1;
        Ok(())
    }

    fn result((sum, rows): &(f64, i64)) -> Option<f64> {
        (*rows > 0).then(|| sum / *rows as f64)
    }

    fn column(results: Vec<f64>) -> ColumnData {
        ColumnData::F64(results)
    }
}

/// Least or greatest int, timestamp or duration.
pub(crate) struct Extreme {
    greatest: bool,
}
pub(crate) type Extremes = Folded<Extreme>;

impl Extremes {
    pub(crate) fn new(reads: Reads, call: &ColumnAggregate) -> Extremes {
        Folded::over(Extreme { greatest: call.func == AggFunc::Max }, reads, call)
    }
}

impl Fold for Extreme {
    type Item = i64;
    type State = Option<i64>;
    type Out = i64;

    fn items(column: &ColumnData) -> &[i64] {
        ints(column)
    }

    #[inline]
    fn add(&self, state: &mut Option<i64>, item: i64) -> bool {
        *state = Some(match *state {
            Some(best) if self.greatest => best.max(item),
            Some(best) => best.min(item),
            None => item,
        });
        false
    }

    fn merge(&self, state: &mut Option<i64>, later: &Option<i64>) -> Result<(), Fault> {
        if let Some(later) = *later {
            self.add(state, later);
        }
        Ok(())
    }

    fn result(state: &Option<i64>) -> Option<i64> {
        *state
    }

    fn column(results: Vec<i64>) -> ColumnData {
        ColumnData::I64(results)
    }
}
