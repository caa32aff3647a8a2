//! What all windows have in common: the columns they read, and what becomes of rows that are refused or
//! come too late.

use super::births::{Birth, Places};
use super::bounds::Bounds;
use super::divide::{Moment, Rows};
use super::pane::{Output, Pane, RefusedResult};
use crate::context::{BadRow, Context, describe};
use crate::counters::add;
use crate::error::Halt;
use crate::number::Number;
use crate::operator::Flush;
use crate::preaggregate::ROWS;
use crate::row_text;
use crate::snapshot::{Loading, Saving};
use crate::source::Position;
use crate::state::{ColdError, Held, Refused, Scratch, Shape};
use flow_data::{Batch, Column, ColumnData};
use flow_plan::error::Fault;
use flow_plan::physical::hidden::NO_WATERMARK;
use flow_plan::{Place, RecordType};
use std::borrow::Cow;
use std::collections::VecDeque;
use std::sync::Arc;

/// The windows of a kind: how they take rows, and what they give when time has passed.
pub(crate) trait Windows: Send {
    /// Takes rows of a number as far as it can be known that they are not behind. Gives the rest: if it is
    /// known what watermark stands behind the number, rows that are behind some of their windows only.
    fn take(
        &mut self,
        common: &mut Common,
        cx: &mut Context<'_>,
        batch: Batch,
        moment: Moment,
    ) -> Result<Option<Batch>, Halt>;

    /// Gives what is due at the moment behind a number, and takes the rest of the number's rows; or begins to, see
    /// [`Windows::give_more`].
    fn give(
        &mut self,
        common: &mut Common,
        cx: &mut Context<'_>,
        moment: Moment,
        rest: Vec<Batch>,
    ) -> Result<(), Halt>;

    /// Gives a piece of what [`Windows::give`] left; whether there is more. Of groups that are on disk there may be more than
    /// memory has room for at once.
    fn give_more(&mut self, _common: &mut Common, _cx: &mut Context<'_>) -> Result<bool, Halt> {
        Ok(false)
    }

    /// The clock on the wall says that partial results (`early`), or those that late rows have changed, are
    /// to be given.
    fn tick(&mut self, _common: &mut Common, _cx: &mut Context<'_>, _early: bool) -> Result<(), Halt> {
        Ok(())
    }

    /// Writes down all windows, or what changed, or marks it. No row waits.
    fn save(&mut self, common: &Common, out: &mut Saving);

    /// Writes down about so many entries of what was only marked; gives whether there are more.
    fn save_more(&mut self, _common: &Common, _out: &mut Saving, _entries: usize) -> Result<bool, String> {
        Ok(false)
    }

    /// Takes over what was saved; `now` is how far time had come.
    fn load(&mut self, common: &mut Common, from: &mut Loading, now: i64) -> Result<(), String>;

    /// How much state they are.
    fn held(&self) -> Held;

    /// When the next window ends.
    fn next_end(&mut self) -> Result<Option<i64>, ColdError>;

    /// The input has ended: gives a piece of what is still open.
    fn flush(&mut self, common: &mut Common, cx: &mut Context<'_>, level: u32) -> Result<Flush, Halt>;
}

pub(crate) struct Common {
    pub(crate) shape: Shape,
    pub(crate) output: Output,
    /// The output's columns.
    pub(crate) given: Arc<RecordType>,
    /// The columns of event time and watermark; without, time is `wall`.
    time: Option<(usize, usize)>,
    /// The wall clock, of windows of processing time.
    pub(crate) wall: i64,
    /// Columns of late rows.
    late_rows: Option<Vec<usize>>,
    /// Of parts that other workers added up: how many rows each is made of.
    parts: Option<usize>,
    /// Is it noted what changes between checkpoints?
    pub(crate) tracks: bool,
    pub(crate) scratch: Scratch,
    /// The place of the current batch's first row among all rows of this worker.
    pub(crate) rows: u64,
    /// Rows of numbers that are not complete, behind the end of their windows.
    behind: VecDeque<(Number, Batch)>,
}

impl Common {
    pub(crate) fn new(
        shape: Shape,
        output: Output,
        given: &Arc<RecordType>,
        time: Option<(usize, usize)>,
        late_rows: Option<Vec<usize>>,
        tracks: bool,
    ) -> Common {
        Common {
            parts: shape.input.fields.iter().position(|field| &*field.name == ROWS),
            shape,
            output,
            given: given.clone(),
            time,
            wall: NO_WATERMARK,
            late_rows,
            tracks,
            scratch: Scratch::default(),
            rows: 0,
            behind: VecDeque::new(),
        }
    }

    pub(crate) fn is_processing_time(&self) -> bool {
        self.time.is_none()
    }

    /// The times of rows.
    pub(crate) fn times<'a>(&self, batch: &'a Batch) -> Cow<'a, [i64]> {
        match self.time {
            Some((time, _)) => Cow::Borrowed(ints(batch, time)),
            None => Cow::Owned(vec![self.wall; batch.len]),
        }
    }

    /// The watermarks of rows.
    pub(crate) fn watermarks<'a>(&self, batch: &'a Batch) -> Cow<'a, [i64]> {
        match self.time {
            Some((_, watermark)) => Cow::Borrowed(ints(batch, watermark)),
            None => Cow::Owned(vec![NO_WATERMARK; batch.len]),
        }
    }

    /// Of a changelog: is a row added (1) or withdrawn (-1)?
    pub(crate) fn change(&self, batch: &Batch, row: usize) -> Option<i64> {
        self.shape.change.map(|column| ints(batch, column)[row])
    }

    /// That a row of the current batch made a group.
    pub(crate) fn birth(&self, number: Number, batch: &Batch, row: usize) -> Birth {
        let declared = self.shape.input.fields.len();
        Birth::of(number, self.rows + row as u64, batch, declared, row, self.output.origin)
    }

    /// Adds rows of a batch to a pane.
    pub(crate) fn add(
        &mut self,
        cx: &mut Context<'_>,
        pane: &mut Pane,
        batch: &Batch,
        rows: Rows,
    ) -> Result<(), Halt> {
        let (part, rows) = match rows {
            Rows::All => (batch.clone(), None),
            Rows::These(rows) => (batch.gather(&rows), Some(rows)),
        };
        let places = Places::new(self.rows, rows);
        match pane.add(&self.shape, &mut self.scratch, cx.number, places, part) {
            Some(refused) => self.refuse(cx, refused),
            None => Ok(()),
        }
    }

    /// Hands rows that an aggregate refused to the error policy.
    pub(crate) fn refuse(&self, cx: &mut Context<'_>, refused: Refused) -> Result<(), Halt> {
        for (row, fault, place) in refused.rows {
            let record = describe(&refused.batch, row, &self.shape.input);
            error(cx, fault, place, record)?;
        }
        Ok(())
    }

    /// Hands results that were refused to the error policy: the record is the key and the window.
    pub(crate) fn refuse_results(
        &self,
        cx: &mut Context<'_>,
        pane: &Pane,
        bounds: Bounds,
        mut refused: Vec<RefusedResult>,
        order: &mut Vec<u32>,
    ) -> Result<(), Halt> {
        if refused.is_empty() {
            return Ok(());
        }
        let of = |slot: u32, refused: &[RefusedResult]| refused.iter().position(|r| r.slot == slot);
        let mut found = Ok(());
        order.retain(|&slot| {
            let Some(at) = of(slot, &refused) else { return true };
            let RefusedResult { fault, place, .. } = refused.swap_remove(at);
            if found.is_ok() {
                found = error(cx, fault, place, (self.group_text(pane, slot, bounds), None));
            }
            false
        });
        found
    }

    /// The record of a result that was refused: the key and the window.
    pub(crate) fn group_text(&self, pane: &Pane, slot: u32, bounds: Bounds) -> String {
        row_text::json(&pane.group(slot, bounds).row(0, &self.given), &self.given)
    }

    /// Hands results that were refused to the error policy; gives the rows of these keys which they are.
    pub(crate) fn refuse_groups(
        &self,
        cx: &mut Context<'_>,
        keys: &[Column],
        bounds: &[Bounds],
        faults: Vec<(u32, Fault, Place)>,
    ) -> Result<Vec<u32>, Halt> {
        let mut refused = Vec::new();
        for (row, fault, place) in faults {
            if refused.contains(&row) {
                continue;
            }
            refused.push(row);
            let same = |value: i64| Column::new(ColumnData::I64(vec![value]));
            let key = keys.iter().map(|column| column.gather(&[row]));
            let Bounds { start, end } = bounds[row as usize];
            let columns = key.chain([same(start), same(end)]).map(Arc::new);
            let group = Batch::new(1, columns.collect()).row(0, &self.given);
            error(cx, fault, place, (row_text::json(&group, &self.given), None))?;
        }
        Ok(refused)
    }

    /// Keeps these rows of a batch, which are behind, until their number is complete.
    pub(crate) fn set_behind(&mut self, number: Number, batch: &Batch, rows: &[u32]) {
        if !rows.is_empty() {
            self.behind.push_back((number, batch.gather(rows)));
        }
    }

    /// The first number with rows that are behind.
    pub(crate) fn first_behind(&self) -> Option<Number> {
        self.behind.front().map(|(number, _)| *number)
    }

    /// The next rows of this number that are behind.
    pub(crate) fn next_behind(&mut self, number: Number) -> Option<Batch> {
        let is_first = self.first_behind() == Some(number);
        self.behind.pop_front_if(|_| is_first).map(|(_, batch)| batch)
    }

    /// Hands on these rows, which are late.
    pub(crate) fn emit_late(&self, cx: &mut Context<'_>, batch: &Batch, rows: &[u32]) {
        if !rows.is_empty() {
            self.give_one_late(cx, batch.gather(rows));
        }
    }

    /// Hands on the rows of this number that are late.
    pub(crate) fn give_late(&mut self, cx: &mut Context<'_>) {
        while let Some(batch) = self.next_behind(cx.number) {
            self.give_one_late(cx, batch);
        }
    }

    fn give_one_late(&self, cx: &mut Context<'_>, batch: Batch) {
        if let Some(column) = self.parts {
            // Each is counted once below.
            let more: i64 = ints(&batch, column).iter().map(|rows| rows - 1).sum();
            add(&cx.shared.counters.node(cx.worker, cx.node).late, more.max(0) as u64);
        }
        cx.emit_late(self.late(batch));
    }

    /// A late row as it came.
    fn late(&self, batch: Batch) -> Batch {
        let Some(columns) = &self.late_rows else { return batch };
        let ranks = self.shape.input.fields.len()..batch.columns.len();
        let columns = columns.iter().copied().chain(ranks).map(|column| batch.columns[column].clone());
        Batch::new(batch.len, columns.collect())
    }
}

/// Hands an error to the policy of the node's declaration.
pub(crate) fn error(
    cx: &mut Context<'_>,
    fault: Fault,
    place: Place,
    (record, position): (String, Option<Position>),
) -> Result<(), Halt> {
    let node = &cx.shared.graph.nodes[cx.node];
    cx.record_error(BadRow {
        declaration: node.declaration,
        label: node.label.clone(),
        place,
        code: fault.code.as_str().into(),
        message: fault.message,
        record,
        position,
    })
}

/// The rows of a batch from one on.
pub(crate) fn rest(batch: &Batch, from: usize) -> Batch {
    if from == 0 {
        return batch.clone();
    }
    batch.gather(&(from as u32..batch.len as u32).collect::<Vec<_>>())
}

pub(crate) fn ints(batch: &Batch, column: usize) -> &[i64] {
    match &batch.columns[column].data {
        ColumnData::I64(values) => values,
        other => unreachable!("times are ints, not {other:?}"),
    }
}
