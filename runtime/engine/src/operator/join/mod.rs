//! Joins: which rows of two sides meet, and what is given for them.

mod condition;
mod lookup;
mod table;

pub(crate) use condition::narrowed;
pub(crate) use lookup::{LookupOperator, TableOperator};
pub(crate) use table::Table;
