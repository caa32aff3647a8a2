//! State by key: keys get dense slots, accumulators are columns over slots.

mod accumulate;
mod calls;
mod changed;
mod changes;
mod cold;
mod copies;
mod distinct;
mod groups;
mod held;
mod index;
mod keys;
mod ledger;
mod numbers;
mod reversing;
mod rows;
mod same;
mod shelves;
mod stored;
mod table;
mod tally;
mod values;

pub(crate) use accumulate::{Accumulators, accumulators, all_accumulators, same as same_aggregate};
pub(crate) use calls::{Calls, Made, Shape};
pub(crate) use changes::Changes;
pub(crate) use cold::{Cold, ColdError, Sorted, Spill, Taken, Turns, unknown};
pub(crate) use copies::Copies;
pub(crate) use groups::{Groups, Refused, Scratch};
pub(crate) use held::{Held, room};
pub(crate) use index::NO_SLOT;
pub(crate) use ledger::{COLDER, Entries, Ledger, Ledgered};
pub(crate) use reversing::reversing;
pub(crate) use rows::RowStore;
pub(crate) use same::same_rows;
pub(crate) use shelves::{Row, Shelf, Shelves};
pub(crate) use stored::{StoredPart, load_calls, store_calls, stored_names};
pub(crate) use table::KeyTable;
