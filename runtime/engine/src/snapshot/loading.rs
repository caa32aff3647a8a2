//! Taking over the state of an operator from a snapshot.

use super::cast::cast;
use super::in_order::InOrder;
use flow_checkpoint::state::{Home, Table};
use flow_data::{Batch, Column, ColumnBuilder, ColumnData};
use flow_plan::{DataType, Field, RecordType, Value};
use std::cmp::Ordering;
use std::sync::Arc;

/// The tables of one operator, with the entries that are this worker's.
#[derive(Default)]
pub(crate) struct Loading {
    pub(super) tables: Vec<Table>,
}

impl Loading {
    /// A table that nobody took, and which holds more than what was given before.
    pub(crate) fn left(&self) -> Option<&str> {
        let holds = |table: &&Table| table.name != "given" && table.rows.iter().any(|batch| batch.len > 0);
        self.tables.iter().find(holds).map(|table| table.name.as_str())
    }

    /// Calls the key columns of all tables what they are called now. (A key is the same if its columns, one by one, are.)
    pub(crate) fn name_keys(mut self, names: &[&str]) -> Loading {
        for table in &mut self.tables {
            let known = match table.home {
                Home::Key(columns) => columns,
                Home::Any => table.keys,
            };
            if known != names.len() {
                continue;
            }
            let was: Vec<String> = table.schema.fields[..known].iter().map(|f| f.name.to_string()).collect();
            let mut fields = table.schema.fields.clone();
            for (was, name) in was.iter().zip(names).filter(|(was, name)| was != *name) {
                // Rows that are held beside the key have its columns once more.
                let again = format!("{was}·2");
                for (at, field) in fields.iter_mut().enumerate() {
                    if *field.name == **was && at < known {
                        field.name = (*name).into();
                    } else if *field.name == *again {
                        field.name = format!("{name}·2").into();
                    }
                }
            }
            table.schema = Arc::new(RecordType::new(fields));
        }
        self
    }

    /// Is there no entry?
    pub(crate) fn is_empty(&self) -> bool {
        self.tables.iter().all(|table| table.rows.iter().all(|batch| batch.len == 0))
    }

    /// How many rank columns a table has, also if none of its entries is this worker's.
    pub(crate) fn rank_columns(&self, name: &str) -> usize {
        let table = self.tables.iter().find(|table| table.name == name);
        table.map_or(0, |table| rank_columns(&table.schema))
    }

    /// Is there a table with entries?
    pub(crate) fn has(&self, name: &str) -> bool {
        self.tables.iter().any(|table| table.name == name && table.rows.iter().any(|batch| batch.len > 0))
    }

    /// Takes a table, to be given in the order of the sequence, as [`Loaded::by_rank`] has it.
    pub(crate) fn in_order(&mut self, name: &str, first: &str) -> InOrder {
        let (schema, rows, _) = self.take(name);
        InOrder::new(schema, rows, first)
    }

    /// The same, but in the order in which entries were saved where no key has several.
    pub(crate) fn as_saved(&mut self, name: &str, first: &str) -> InOrder {
        match self.take(name) {
            (schema, rows, Home::Key(1..)) => InOrder::as_saved(schema, rows),
            (schema, rows, _) => InOrder::new(schema, rows, first),
        }
    }

    fn take(&mut self, name: &str) -> (Arc<RecordType>, Vec<Batch>, Home) {
        let at = self.tables.iter().position(|table| table.name == name);
        let table = at.map(|at| self.tables.remove(at));
        table.map_or((Arc::default(), Vec::new(), Home::Any), |table| (table.schema, table.rows, table.home))
    }

    /// Takes a table; without entries if nothing was saved under this name.
    pub(crate) fn table(&mut self, name: &str) -> Loaded {
        let at = self.tables.iter().position(|table| table.name == name);
        match at.map(|at| self.tables.remove(at)) {
            Some(Table { schema, rows, .. }) if rows.iter().any(|batch| batch.len > 0) => {
                Loaded { schema, rows: Batch::concat(rows) }
            }
            _ => Loaded { schema: Arc::default(), rows: Batch::new(0, Vec::new()) },
        }
    }
}

/// A table as it was saved, whatever the script says now.
pub(crate) struct Loaded {
    schema: Arc<RecordType>,
    rows: Batch,
}

impl Loaded {
    /// These rows of these columns.
    pub(crate) fn of(schema: Arc<RecordType>, rows: Batch) -> Loaded {
        Loaded { schema, rows }
    }

    /// How many entries.
    pub(crate) fn len(&self) -> usize {
        self.rows.len
    }

    /// The entries.
    pub(crate) fn into_rows(self) -> Batch {
        self.rows
    }

    /// The columns' names, and the entries.
    pub(crate) fn into_parts(self) -> (Arc<RecordType>, Batch) {
        (self.schema, self.rows)
    }

    /// So many of the columns, the first ones.
    pub(crate) fn first_columns(&self, columns: usize) -> Loaded {
        let schema = RecordType::new(self.schema.fields[..columns].to_vec());
        Loaded {
            schema: Arc::new(schema),
            rows: Batch::new(self.rows.len, self.rows.columns[..columns].to_vec()),
        }
    }

    /// These entries, in this order.
    pub(crate) fn in_order(&self, rows: &[u32]) -> Loaded {
        let is_all = rows.len() == self.len() && rows.iter().copied().eq(0..self.len() as u32);
        let rows = if is_all { self.rows.clone() } else { self.rows.gather(rows) };
        Loaded { schema: self.schema.clone(), rows }
    }

    /// Was a column saved?
    pub(crate) fn has(&self, name: &str) -> bool {
        self.schema.position(name).is_some()
    }

    /// Was anything saved under a name, or as a part of it?
    pub(crate) fn has_part_of(&self, name: &str) -> bool {
        let part = |field: &Field| {
            field.name.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        };
        self.schema.fields.iter().any(part)
    }

    /// A column in the type it has now; `None` if it was not saved.
    pub(crate) fn column(&self, name: &str, ty: &DataType) -> Result<Option<Arc<Column>>, String> {
        if self.len() == 0 {
            return Ok(Some(nulls(ty, 0)));
        }
        let Some(at) = self.schema.position(name) else { return Ok(None) };
        let was = &self.schema.fields[at].ty;
        let refused = || format!("its state holds `{name}` as `{was}`, and the script has `{ty}`");
        cast(&self.rows.columns[at], was, ty).map(Some).ok_or_else(refused)
    }

    /// Columns that must have been saved.
    pub(crate) fn columns(&self, fields: &[Field]) -> Result<Vec<Arc<Column>>, String> {
        let column = |field: &Field| {
            let missing = || format!("its state has no `{}`", field.name);
            self.column(&field.name, &field.ty)?.ok_or_else(missing)
        };
        fields.iter().map(column).collect()
    }

    /// The columns of rows that are held: a field that the script did not have then is null.
    pub(crate) fn rows(&self, fields: &[Field]) -> Result<Vec<Arc<Column>>, String> {
        let mut seen: Vec<&str> = Vec::new();
        let mut columns = Vec::new();
        for field in fields {
            let same = seen.iter().filter(|name| **name == &*field.name).count();
            let name =
                if same > 0 { format!("{}·{}", field.name, same + 1) } else { field.name.to_string() };
            seen.push(&field.name);
            columns.push(match self.column(&name, &field.ty)? {
                Some(column) => column,
                None if field.ty.is_optional() => nulls(&field.ty, self.len()),
                None => return Err(format!("the rows of its state have no `{}`", field.name)),
            });
        }
        Ok(columns)
    }

    /// The same entries, where the records of a list have these fields, too: those that they lack and that are columns of the
    /// entries, as they are there. `None`: there is nothing to add.
    pub(crate) fn with_fields(&self, list: &str, fields: &[Field]) -> Option<Loaded> {
        let at = self.schema.position(list)?;
        let was = &self.schema.fields[at].ty;
        let DataType::List(item) = was.unwrapped() else { return None };
        let DataType::Record(record) = &**item else { return None };
        let lacks = |field: &&Field| record.position(&field.name).is_none();
        let beside = fields.iter().filter(lacks).filter_map(|field| self.schema.position(&field.name));
        let beside: Vec<usize> = beside.collect();
        if beside.is_empty() {
            return None;
        }
        let more = beside.iter().map(|&column| self.schema.fields[column].clone());
        let record = RecordType::new(record.fields.iter().cloned().chain(more).collect());
        let ty = DataType::list(DataType::Record(Arc::new(record)));
        let mut builder = ColumnBuilder::new(&ty);
        for row in 0..self.len() {
            let more: Vec<Value> = beside.iter().map(|&column| self.value(column, row)).collect();
            let wider = |item: &Value| match item {
                Value::Record(values) => Value::Record(values.iter().chain(&more).cloned().collect()),
                other => other.clone(),
            };
            builder.push(&match self.value(at, row) {
                Value::List(items) => Value::List(items.iter().map(wider).collect()),
                other => other,
            });
        }
        let mut schema = RecordType::clone(&self.schema);
        schema.fields[at].ty = ty;
        let mut rows = self.rows.clone();
        rows.columns[at] = Arc::new(builder.finish());
        Some(Loaded { schema: Arc::new(schema), rows })
    }

    fn value(&self, column: usize, row: usize) -> Value {
        self.rows.columns[column].value(row, &self.schema.fields[column].ty)
    }

    /// Ints of the engine's own; zeros if they were not saved.
    pub(crate) fn ints(&self, name: &str) -> Vec<i64> {
        let at = self.schema.position(name);
        match at.map(|at| &self.rows.columns[at].data) {
            Some(ColumnData::I64(values)) => values.clone(),
            _ => vec![0; self.len()],
        }
    }

    /// The entries in the order of the sequence, on whatever worker they were: by these ints (the number in which
    /// they came, mostly), then by rank.
    pub(crate) fn by_rank(&self, first: &str) -> Vec<u32> {
        self.sorted(&self.ints(first), &self.ranks(self.rank_columns()))
    }

    /// The same; of entries that are alike in these, those come first of which these ints are less.
    pub(crate) fn by_rank_and(&self, first: &str, last: &str) -> Vec<u32> {
        let mut ranks = self.ranks(self.rank_columns());
        ranks.push(self.ints(last));
        self.sorted(&self.ints(first), &ranks)
    }

    fn sorted(&self, firsts: &[i64], ranks: &[Vec<i64>]) -> Vec<u32> {
        let mut order: Vec<u32> = (0..self.len() as u32).collect();
        order.sort_by(|&a, &b| {
            let (a, b) = (a as usize, b as usize);
            let by_rank = || ranks.iter().map(|rank| rank[a].cmp(&rank[b])).find(|order| order.is_ne());
            firsts[a].cmp(&firsts[b]).then_with(|| by_rank().unwrap_or(Ordering::Equal))
        });
        order
    }

    fn rank_columns(&self) -> usize {
        rank_columns(&self.schema)
    }

    /// So many rank columns; with other workers than before there were more or fewer, and zeros stand for what
    /// nobody knows.
    pub(crate) fn ranks(&self, width: usize) -> Vec<Vec<i64>> {
        (0..width).map(|at| self.ints(&format!("·rank{at}"))).collect()
    }
}

pub(super) fn rank_columns(schema: &RecordType) -> usize {
    (0..).take_while(|at| schema.position(&format!("·rank{at}")).is_some()).count()
}

pub(crate) fn nulls(ty: &DataType, rows: usize) -> Arc<Column> {
    let mut builder = flow_data::ColumnBuilder::new(ty);
    (0..rows).for_each(|_| builder.push(&flow_plan::Value::Null));
    Arc::new(builder.finish())
}
