//! Goes through the entries of a tree in the order of their keys.

use super::ColdError;
use super::merge::Merged;
use super::run::Run;
use std::collections::{BTreeMap, btree_map};
use std::ops::Bound;

/// An entry: its key and its value.
pub(crate) type Pair = (Vec<u8>, Vec<u8>);

/// Entries of a [`super::Tree`], in the order of their keys.
pub(crate) struct Range<'a> {
    latest: btree_map::Range<'a, Vec<u8>, Vec<u8>>,
    /// The next one of these.
    next: Option<(&'a Vec<u8>, &'a Vec<u8>)>,
    merged: Merged<'a>,
    to: Option<Vec<u8>>,
}

impl<'a> Range<'a> {
    pub(super) fn new(
        latest: &'a BTreeMap<Vec<u8>, Vec<u8>>,
        runs: Vec<&'a Run>,
        from: &[u8],
        to: Option<&[u8]>,
    ) -> Result<Range<'a>, ColdError> {
        let end = to.map_or(Bound::Unbounded, Bound::Excluded);
        let mut latest = match to.is_some_and(|to| to <= from) {
            true => btree_map::Range::default(),
            false => latest.range::<[u8], _>((Bound::Included(from), end)),
        };
        let merged = Merged::new(runs, from)?;
        Ok(Range { next: latest.next(), latest, merged, to: to.map(<[u8]>::to_vec) })
    }

    fn step(&mut self) -> Result<Option<Pair>, ColdError> {
        let on_disk = self.merged.first();
        if let Some((key, value)) = self.next
            && on_disk.is_none_or(|(other, ..)| **key < *other)
        {
            let pair = (key.clone(), value.clone());
            self.next = self.latest.next();
            return Ok(Some(pair));
        }
        match on_disk {
            Some((key, value, at)) if self.to.as_ref().is_none_or(|to| *key < **to) => {
                let pair = (key.to_vec(), value.to_vec());
                self.merged.step(at)?;
                Ok(Some(pair))
            }
            _ => Ok(None),
        }
    }
}

impl Iterator for Range<'_> {
    type Item = Result<Pair, ColdError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.step().transpose()
    }
}
