//! The checker's tables, with a hash that is quicker than the standard library's on names and places.

/// Values by names or places.
pub(crate) type HashMap<K, V> = std::collections::HashMap<K, V, foldhash::fast::RandomState>;
/// Names or places.
pub(crate) type HashSet<K> = std::collections::HashSet<K, foldhash::fast::RandomState>;

/// An empty table with room for so many.
pub(crate) fn with_room<K, V>(many: usize) -> HashMap<K, V> {
    HashMap::with_capacity_and_hasher(many, foldhash::fast::RandomState::default())
}
