//! State by key: keys get dense slots, accumulators are columns over slots.

mod accumulate;
mod calls;
mod changed;
mod changes;
mod cold;
mod copies;
mod crowd;
mod distinct;
mod groups;
mod held;
mod index;
mod keys;
mod ledger;
mod lsm;
mod numbers;
mod reversing;
mod rows;
mod same;
mod seen;
mod shelves;
mod spilled;
mod stored;
mod table;
mod tally;
mod touched;
mod values;

pub(crate) use accumulate::{Accumulators, accumulators, all_accumulators, same as same_aggregate};
pub(crate) use calls::{Calls, Made, Shape};
pub(crate) use changes::Changes;
pub(crate) use cold::{Cold, ColdError, Sorted, Spill, Taken, Turns, unknown};
pub(crate) use copies::Copies;
pub(crate) use crowd::{Pieces, in_order_of_hashes, share};
pub(crate) use groups::{Groups, Refused, Scratch};
pub(crate) use held::{Held, room};
pub(crate) use index::NO_SLOT;
pub(crate) use ledger::{COLDER, Entries, Ledger, Ledgered};
pub use lsm::clear_spilled;
pub(crate) use reversing::reversing;
pub(crate) use rows::RowStore;
pub(crate) use same::same_rows;
pub(crate) use shelves::{Row, Shelf, Shelves};
pub(crate) use spilled::{Rows, Spilled, Spills};
pub(crate) use stored::{StoredPart, load_calls, store_calls, stored_names};
pub(crate) use table::KeyTable;
pub(crate) use touched::Touched;

/// From so many entries on, operators look for those that hold nothing, and free them. Where assertions are on it is few, so that
/// the small inputs of tests come to it: state of another form that was taken over and looked empty was lost from 4,096 keys on.
pub(crate) const CROWDED: usize = if cfg!(debug_assertions) { 2 } else { flow_data::BATCH_ROWS };
