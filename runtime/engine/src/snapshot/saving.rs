//! Writing down the state of an operator.

use flow_checkpoint::state::{Change, Home, Table};
use flow_data::{Batch, Column, ColumnData};
use flow_plan::{DataType, Field, RecordType};
use std::sync::Arc;

/// The tables of one operator of one worker, as it writes them.
pub(crate) struct Saving {
    pub(super) tables: Vec<Table>,
    /// Is all of it wanted? Else what changed since the operator was last asked is enough.
    whole: bool,
    /// The tables that are still to be filled, and what came for the first of them.
    open: Vec<usize>,
    pieces: Vec<Batch>,
}

impl Saving {
    pub(crate) fn new(whole: bool) -> Saving {
        Saving { tables: Vec::new(), whole, open: Vec::new(), pieces: Vec::new() }
    }

    /// Is all of the state wanted, also what has not changed?
    pub(crate) fn whole(&self) -> bool {
        self.whole
    }

    /// Begins a table, with these columns and entries, of which more are to come (by `Operator::save_more`).
    /// Without `gone`, it is all there is; with it, what is new or changed, and these are the keys of entries that are no more.
    pub(crate) fn begin_changes(
        &mut self,
        name: &str,
        home: Home,
        keys: usize,
        columns: Columns,
        gone: Option<Vec<Batch>>,
    ) {
        self.open.push(self.tables.len());
        match gone {
            None => self.table(name, home, keys, columns),
            Some(gone) => self.changes(name, home, keys, columns, gone),
        }
    }

    /// Adds entries to the first table that is not complete.
    pub(crate) fn more(&mut self, columns: Columns) {
        let (_, rows) = columns.into_rows();
        if rows.len > 0 {
            self.pieces.push(rows);
        }
    }

    /// The tables that are still to be filled.
    pub(crate) fn open(&self) -> &[usize] {
        &self.open
    }

    /// What came for it since it was last asked.
    pub(crate) fn pieces(&mut self) -> Vec<Batch> {
        std::mem::take(&mut self.pieces)
    }

    /// The tables that were written.
    pub(crate) fn tables(self) -> Vec<Table> {
        self.tables
    }

    /// Writes a table whole. The first `keys` columns identify an entry (all together with the others if none
    /// do); names that stand twice get a number, as the two `id`s of a join's rows would.
    pub(crate) fn table(&mut self, name: &str, home: Home, keys: usize, columns: Columns) {
        let (schema, rows) = columns.into_rows();
        let rows = if rows.len > 0 { vec![rows] } else { Vec::new() };
        self.tables.push(Table { name: name.into(), schema, keys, home, rows, change: Change::Whole });
    }
}

impl Saving {
    /// Writes what changed of a table since it was last written: entries that are new or changed, and the keys of those that
    /// are gone.
    pub(crate) fn changes(
        &mut self,
        name: &str,
        home: Home,
        keys: usize,
        columns: Columns,
        gone: Vec<Batch>,
    ) {
        self.table(name, home, keys, columns);
        if let Some(table) = self.tables.last_mut() {
            table.change = Change::Delta { gone };
        }
    }
}

/// Is `before` the name, or the name with a number?
fn same_name(before: &str, name: &str) -> bool {
    before == name || before.strip_prefix(name).is_some_and(|rest| rest.starts_with('·'))
}

/// Columns of a table under construction.
#[derive(Default)]
pub(crate) struct Columns {
    fields: Vec<Field>,
    columns: Vec<Arc<Column>>,
}

impl Columns {
    /// The columns' names, each of which stands once, and the entries.
    pub(crate) fn into_rows(self) -> (Arc<RecordType>, Batch) {
        let Columns { mut fields, columns } = self;
        for at in 1..fields.len() {
            let same = fields[..at].iter().filter(|field| same_name(&field.name, &fields[at].name)).count();
            if same > 0 {
                fields[at].name = format!("{}·{}", fields[at].name, same + 1).into();
            }
        }
        let rows = columns.first().map_or(0, |column| column.len());
        (Arc::new(RecordType::new(fields)), Batch::new(rows, columns))
    }

    /// Rows that had these columns.
    pub(crate) fn of(schema: &RecordType, rows: Batch) -> Columns {
        Columns { fields: schema.fields.clone(), columns: rows.columns }
    }

    /// Adds a column.
    pub(crate) fn push(&mut self, name: &str, ty: DataType, column: impl Into<Arc<Column>>) {
        self.fields.push(Field::new(name, ty));
        self.columns.push(column.into());
    }

    /// Adds ints of the engine's own, which people rarely look at: their names begin with a dot.
    pub(crate) fn ints(&mut self, name: &str, values: impl Iterator<Item = i64>) {
        self.push(name, DataType::Int, Column::new(ColumnData::I64(values.collect())));
    }

    /// Puts the same int into all rows of a column, if it is there.
    pub(crate) fn fill(&mut self, name: &str, value: i64) {
        if let Some(at) = self.fields.iter().position(|field| &*field.name == name) {
            let column = &mut self.columns[at];
            *column = Arc::new(Column::new(ColumnData::I64(vec![value; column.len()])));
        }
    }

    /// Adds the columns of rows, under their fields' names.
    pub(crate) fn rows(
        &mut self,
        fields: &[Field],
        columns: impl IntoIterator<Item = impl Into<Arc<Column>>>,
    ) {
        for (field, column) in fields.iter().zip(columns) {
            self.push(&field.name, field.ty.clone(), column);
        }
    }

    /// Adds the entries of another table of the same columns.
    pub(crate) fn append(&mut self, other: Columns) {
        for (column, more) in self.columns.iter_mut().zip(other.columns) {
            if column.is_empty() {
                *column = more;
            } else if !more.is_empty() {
                Arc::make_mut(column).append(&more);
            }
        }
    }

    /// Adds its entries to those of a table of the same columns, if there are any yet.
    pub(crate) fn append_to(self, all: &mut Option<Columns>) {
        match all {
            Some(all) => all.append(self),
            None => *all = Some(self),
        }
    }

    /// The entries in another order.
    pub(crate) fn in_order(self, rows: &[u32]) -> Columns {
        let columns = self.columns.iter().map(|column| Arc::new(column.gather(rows))).collect();
        Columns { fields: self.fields, columns }
    }

    /// Adds rank columns, whose number depends on how many workers there are. Without any, the rows are in their
    /// order, which becomes their rank: a job that goes on with more workers needs it.
    pub(crate) fn ranks<'a>(&mut self, ranks: impl ExactSizeIterator<Item = &'a [i64]>) {
        if ranks.len() == 0 {
            let rows = self.columns.first().map_or(0, |column| column.len());
            self.ints("·rank0", 0..rows as i64);
        }
        for (at, values) in ranks.enumerate() {
            self.ints(&format!("·rank{at}"), values.iter().copied());
        }
    }
}
