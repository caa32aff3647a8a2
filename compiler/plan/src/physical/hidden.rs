//! Columns that the script does not show. They stand behind the declared ones, pass through chains like
//! any other, and are pruned where nobody reads them. Their names cannot be written in a script.

use crate::types::{DataType, Field, RecordType};

/// Event time of the row (`timestamp`).
pub const TIME: &str = "·time";

/// How far event time was when the row came (`timestamp`): what the row's own chunk adds to the
/// watermark in front of it, see [`super::EventTime`]. [`NO_WATERMARK`] where it adds nothing.
pub const WATERMARK: &str = "·watermark";

/// `1` of a row that is added, `-1` of one that is withdrawn (`int`); a row that replaces another
/// follows right behind its withdrawal. Only on streams whose withdrawn rows somebody needs.
pub const CHANGE: &str = "·change";

/// A watermark before all times.
pub const NO_WATERMARK: i64 = i64::MIN;

/// A watermark behind all times: the input has ended.
pub const END_OF_TIME: i64 = i64::MAX;

/// The latest time that moves a watermark: rows of later ones count with it, so that no row ends the input.
pub const LAST_TIME: i64 = END_OF_TIME - 2;

/// The last watermark that has not passed a time: the end of time passes all, also the last ones there are.
#[inline]
pub fn last_watermark(time: i64) -> i64 {
    time.min(LAST_TIME)
}

/// Is it a hidden column's name?
pub fn is_hidden(name: &str) -> bool {
    name.starts_with('·')
}

/// The hidden column of this name, with its type.
pub fn field(name: &str) -> Field {
    Field::new(name, if name == CHANGE { DataType::Int } else { DataType::Timestamp })
}

/// How many columns the script sees: those in front of the hidden ones.
pub fn visible(record: &RecordType) -> usize {
    record.fields.iter().take_while(|field| !is_hidden(&field.name)).count()
}

/// Where a hidden column stands.
pub fn position(record: &RecordType, name: &str) -> Option<usize> {
    record.fields.iter().position(|field| &*field.name == name)
}
