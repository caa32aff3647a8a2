//! How much state an operator holds, for people and for the job's limit: estimates that are cheap to read.
//! Tables count with the room they have taken, values with what they keep on the heap.

use std::ops::{Add, AddAssign};

/// The state of one worker's shard of an operator.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Held {
    /// What there is one entry for each: keys, groups of windows, rows of a join.
    pub(crate) keys: usize,
    pub(crate) bytes: usize,
}

impl Add for Held {
    type Output = Held;

    fn add(self, other: Held) -> Held {
        Held { keys: self.keys + other.keys, bytes: self.bytes + other.bytes }
    }
}

impl AddAssign for Held {
    fn add_assign(&mut self, other: Held) {
        *self = *self + other;
    }
}

/// The room a vector has taken.
pub(crate) fn room<T>(values: &Vec<T>) -> usize {
    values.capacity() * size_of::<T>()
}
