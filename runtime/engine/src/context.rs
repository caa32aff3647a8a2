//! What an operator sees of its worker while it runs: the current number, where rows go, and what
//! becomes of record errors.

use crate::counters::add;
use crate::error::{Again, ErrorKind, Halt, JobError};
use crate::number::Number;
use crate::shared::Shared;
use crate::source::Position;
use crate::time::Split;
use flow_data::Batch;
use flow_plan::operator::OnError;
use flow_plan::{Place, RecordType, Value};

pub(crate) struct Context<'a> {
    pub(crate) shared: &'a Shared,
    pub(crate) worker: usize,
    pub(crate) node: usize,
    pub(crate) number: Number,
    /// The split whose chunk this worker is reading.
    pub(crate) split: Split,
    /// Rows on their way to the node's consumers.
    pub(crate) out: &'a mut Vec<(Number, Batch)>,
    /// Rows on their way to Errors nodes, with the declaration.
    pub(crate) errors: &'a mut Vec<(u32, Number, Vec<Value>)>,
    /// Rows on their way to the node's Late node.
    pub(crate) late: &'a mut Vec<(Number, Batch)>,
}

/// A record error with all that is known about it.
pub(crate) struct BadRow {
    pub(crate) declaration: u32,
    pub(crate) label: String,
    pub(crate) place: Place,
    pub(crate) code: String,
    pub(crate) message: String,
    pub(crate) record: String,
    pub(crate) position: Option<Position>,
}

impl Context<'_> {
    /// Gives rows to the consumers, under the current number.
    pub(crate) fn emit(&mut self, batch: Batch) {
        if batch.len > 0 {
            self.out.push((self.number, batch));
        }
    }

    /// Gives rows that came too late, in the columns of the Late node and with ranks, to it; without
    /// one they are only counted.
    pub(crate) fn emit_late(&mut self, batch: Batch) {
        if batch.len > 0 {
            add(&self.shared.counters.node(self.worker, self.node).late, batch.len as u64);
            self.late.push((self.number, batch));
        }
    }

    /// The batch without rank columns.
    pub(crate) fn declared(&self, batch: &Batch) -> Batch {
        let mut batch = batch.clone();
        let columns = match self.shared.graph.nodes[self.node].inputs.first() {
            Some(input) => self.shared.graph.nodes[input.node].output.fields.len(),
            None => self.shared.graph.nodes[self.node].output.fields.len(),
        };
        batch.columns.truncate(columns);
        batch
    }

    /// Counts rows that leave the job here.
    pub(crate) fn count_out(&self, rows: usize) {
        add(&self.shared.counters.node(self.worker, self.node).rows_out, rows as u64);
    }

    /// Follows the declaration's policy: fails the job, counts, or hands the error to `.errors`.
    pub(crate) fn record_error(&mut self, bad: BadRow) -> Result<(), Halt> {
        let declaration = &self.shared.graph.declarations[bad.declaration as usize];
        match declaration.on_error {
            OnError::Skip => self.shared.counters.skip(self.worker, bad.declaration),
            OnError::Route if self.shared.errors[bad.declaration as usize].is_some() => {
                let position = bad.position.map(|p| p.to_string()).unwrap_or_default();
                let row = vec![
                    Value::string(bad.message),
                    Value::string(bad.code),
                    Value::string(bad.label),
                    Value::string(position),
                    Value::string(bad.record),
                    Value::Timestamp(self.shared.env.clock.wall_micros()),
                ];
                self.errors.push((bad.declaration, self.number, row));
            }
            OnError::Fail | OnError::Route => {
                self.shared.fail(JobError {
                    kind: ErrorKind::Record,
                    code: bad.code,
                    message: bad.message,
                    place: bad.place,
                    label: bad.label,
                    declaration: bad.declaration,
                    record: Some(bad.record),
                    position: bad.position,
                    again: Again::Never,
                    number: self.number,
                });
                return Err(Halt);
            }
        }
        Ok(())
    }
}

/// A row's text and place for an error: as it stood in the source, else as JSON.
pub(crate) fn describe(batch: &Batch, row: usize, schema: &RecordType) -> (String, Option<Position>) {
    match &batch.origin {
        Some(origin) => (
            String::from_utf8_lossy(origin.raw(row)).into_owned(),
            Some(Position {
                name: origin.name(row).to_string(),
                offset: origin.offset(row),
                line: origin.line(row),
            }),
        ),
        None => (crate::row_text::json(&batch.row(row, schema), schema), None),
    }
}
