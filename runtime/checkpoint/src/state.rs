//! What a job remembers, as the engine hands it over at a barrier and gets it back: tables of columns, by state id.
//! Names and types say what a row is; nothing here knows which operator made it, or how it lies on disk.
//!
//! Column names are for people: key columns have the script's names, aggregates the name of their result (`total`, or
//! `total.sum` and `total.rows` if one needs several columns), rows that are held have their fields' names. What the
//! engine keeps beside has a name with a leading dot (`·number`). Migration goes by these names.

use crate::fold::fold;
use flow_data::Batch;
use flow_plan::RecordType;
use std::sync::Arc;

/// A table of an operator's state, as columns.
#[derive(Clone, Debug)]
pub struct Table {
    /// Its name within its state: `groups`, `left`, `right`, `windows`, ….
    pub name: String,
    /// The columns; the first `keys` of them identify an entry.
    pub schema: Arc<RecordType>,
    /// How many columns identify an entry. Entries with equal keys need not be next to each other; in a table with
    /// [`Home::Any`] they may come several times.
    pub keys: usize,
    /// Which worker an entry belongs to.
    pub home: Home,
    /// The entries.
    pub rows: Vec<Batch>,
    /// All entries there are, or what changed.
    pub change: Change,
}

/// Which worker an entry belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Home {
    /// The one that rows with these first columns are sent to; 0 columns: the first worker.
    Key(usize),
    /// Any worker may hold it. Entries with equal keys may come several times (from several workers); the operator
    /// merges them.
    Any,
}

/// What the rows of a table are.
#[derive(Clone, Debug)]
pub enum Change {
    /// All entries there are.
    Whole,
    /// Entries that are new or changed since the checkpoint before.
    Delta {
        /// The key columns of entries that are no more.
        gone: Vec<Batch>,
    },
}

/// The state of one operator on one worker.
#[derive(Clone, Debug)]
pub struct State {
    /// The state id of the script (`perAuction.aggregate`), or a name of the node for what has none.
    pub id: String,
    /// Its tables.
    pub tables: Vec<Table>,
}

/// What one worker seals at a barrier.
#[derive(Clone, Debug, Default)]
pub struct Part {
    /// State by state.
    pub states: Vec<State>,
}

impl Part {
    /// Does it hold changes, so that it means something only on top of an earlier checkpoint?
    pub fn is_delta(&self) -> bool {
        self.states
            .iter()
            .flat_map(|state| &state.tables)
            .any(|table| matches!(table.change, Change::Delta { .. }))
    }

    /// Rows in it: entries and removals.
    pub fn rows(&self) -> usize {
        self.states.iter().flat_map(|state| &state.tables).map(Table::rows).sum()
    }
}

impl Part {
    /// What a worker wrote down one time after the other, as one: each table as it was at the last time.
    pub fn folded(versions: Vec<Part>) -> Part {
        let mut states: Vec<State> = Vec::new();
        for state in versions.into_iter().flat_map(|part| part.states) {
            match states.iter_mut().find(|known| known.id == state.id) {
                Some(known) => known.tables.extend(state.tables),
                None => states.push(state),
            }
        }
        for state in &mut states {
            let mut versions = std::mem::take(&mut state.tables);
            while let Some(name) = versions.first().map(|table| table.name.clone()) {
                let (of_name, others) = versions.into_iter().partition(|table| table.name == name);
                versions = others;
                state.tables.extend(fold(of_name));
            }
        }
        Part { states }
    }
}

impl Table {
    /// Rows in it: entries and removals.
    pub fn rows(&self) -> usize {
        let gone: &[Batch] = match &self.change {
            Change::Whole => &[],
            Change::Delta { gone } => gone,
        };
        self.rows.iter().chain(gone).map(|batch| batch.len).sum()
    }
}
