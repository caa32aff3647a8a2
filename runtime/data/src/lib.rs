//! Column batches, string views, keys and key hashing: the memory that rows live in while they
//! move, and their form as bytes. Knows the plan's types; never knows operators, connectors or files.

pub mod batch;
pub mod codec;
pub mod column;
mod concat;
pub mod hash;
pub mod slab;
pub mod view;

pub use batch::{BATCH_ROWS, Batch, Origin, Text};
pub use column::{Column, ColumnBuilder, ColumnData, NO_ROW};
pub use slab::{ColumnSlab, Picked, SLAB_BLOCK};
pub use view::{
    Buffer, SliceBuilder, StrBuilder, StrColumn, StrSlots, TextBuffer, View, ViewBuilder, ViewColumn,
};
