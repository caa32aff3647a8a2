//! A state as a file that other programs read: its rows with the names that the script gave them. Columns that the engine keeps
//! beside (their names begin with a dot, `·`) are left out.

mod columns;
mod json;
mod parquet;
mod thrift;

#[cfg(test)]
mod tests;

use crate::failure::Failure;
use crate::savepoint::Saved;
use crate::state::Table;
use flow_data::Batch;
use flow_plan::RecordType;
use std::collections::HashMap;
use std::fmt;
use std::io::{self, Write};
use std::sync::Arc;

/// What a state is written as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExportFormat {
    /// One json object a line.
    Json,
    /// Apache Parquet, not compressed.
    Parquet,
}

/// Why a state was not exported.
#[derive(Debug)]
pub enum ExportError {
    /// Something is wrong with the savepoint.
    Failure(Failure),
    /// It has no such state; these are there.
    NoState(Vec<String>),
    /// The state has no such table, or several of which one must be named; these are there.
    WhichTable(Vec<String>),
    /// The output could not be written.
    Output(io::Error),
}

impl From<Failure> for ExportError {
    fn from(failure: Failure) -> ExportError {
        ExportError::Failure(failure)
    }
}

impl From<io::Error> for ExportError {
    fn from(error: io::Error) -> ExportError {
        ExportError::Output(error)
    }
}

impl fmt::Display for ExportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ExportError::Failure(failure) => failure.fmt(f),
            ExportError::NoState(ids) => write!(f, "there is no such state; there are: {}", ids.join(", ")),
            ExportError::WhichTable(names) => write!(f, "name one of its tables: {}", names.join(", ")),
            ExportError::Output(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for ExportError {}

impl Saved {
    /// Writes a state's rows; gives their number. Json holds all tables of a state (each line says of which it is if there are
    /// several), parquet one: `table` says which, and can be left out if there is but one.
    pub fn export(
        &self,
        id: &str,
        table: Option<&str>,
        format: ExportFormat,
        out: &mut dyn Write,
    ) -> Result<u64, ExportError> {
        let mut tables = self.tables(id)?;
        let names: Vec<String> = tables.iter().map(|table| table.name.clone()).collect();
        if let Some(name) = table {
            tables.retain(|table| table.name == name);
        }
        let single = format == ExportFormat::Parquet;
        if tables.is_empty() || (single && tables.len() > 1) {
            return Err(ExportError::WhichTable(names));
        }
        let named = names.len() > 1;
        let mut rows = 0;
        for table in tables.iter().map(visible) {
            rows += table.rows.iter().map(|batch| batch.len as u64).sum::<u64>();
            match format {
                ExportFormat::Json => json::write(&table, named, out)?,
                ExportFormat::Parquet => parquet::write(&table, out)?,
            }
        }
        out.flush()?;
        Ok(rows)
    }

    /// The tables of a state, those of all workers together.
    fn tables(&self, id: &str) -> Result<Vec<Table>, ExportError> {
        if self.manifest.state(id).is_none() {
            let ids = self.manifest.states.iter().map(|state| state.id.clone());
            return Err(ExportError::NoState(ids.collect()));
        }
        let (mut tables, mut places): (Vec<Table>, HashMap<String, usize>) = Default::default();
        for table in self.load_state(id)?.into_iter().flat_map(|state| state.tables) {
            match places.get(&table.name) {
                Some(known) => tables[*known].rows.extend(table.rows),
                None => {
                    places.insert(table.name.clone(), tables.len());
                    tables.push(table);
                }
            }
        }
        Ok(tables)
    }
}

/// The columns that people know.
fn visible(table: &Table) -> Table {
    let fields = &table.schema.fields;
    let shown: Vec<usize> =
        (0..fields.len()).filter(|column| !fields[*column].name.starts_with('·')).collect();
    let fields = shown.iter().map(|column| fields[*column].clone()).collect();
    let rows = table.rows.iter().map(|batch| {
        Batch::new(batch.len, shown.iter().map(|column| batch.columns[*column].clone()).collect())
    });
    Table {
        name: table.name.clone(),
        schema: Arc::new(RecordType::new(fields)),
        keys: table.keys,
        home: table.home,
        rows: rows.collect(),
        change: table.change.clone(),
    }
}
