//! Rows that a state above takes out again when others replace them: it knows what it gave before the savepoint, and a
//! state below it that is new, or reads it anew, has never got that.

use super::shape::StateShape;

/// The states of both scripts, and which one of the old each of the new goes on from.
pub(super) struct Pairs<'a> {
    pub(super) old: &'a [StateShape],
    pub(super) new: &'a [StateShape],
    pub(super) partner: &'a [Option<usize>],
}

impl<'a> Pairs<'a> {
    /// The old state that the new one of this id goes on from.
    fn partner_of(&self, id: &str) -> Option<&'a StateShape> {
        let at = self.new.iter().position(|state| state.id == id)?;
        self.partner[at].map(|index| &self.old[index])
    }

    fn before(&self, at: usize) -> Option<&'a StateShape> {
        self.partner[at].map(|index| &self.old[index])
    }

    /// The states above this new one (by its place) that go on, and take out rows which they gave before.
    pub(super) fn take_out(&self, at: usize) -> impl Iterator<Item = &'a str> {
        let state = &self.new[at];
        let goes_on = |id: &&String| self.partner_of(id).is_some_and(|above| above.withdraws);
        state.reads_of.iter().filter(|_| state.replaced).filter(goes_on).map(String::as_str)
    }

    /// One of them of which this state has never got a row: it is new, or it read others.
    pub(super) fn never_read(&self, at: usize) -> Option<&'a str> {
        let unread = |id: &str| {
            let known = self.before(at).zip(self.partner_of(id));
            known.is_none_or(|(before, above)| !before.reads_of.contains(&above.id))
        };
        self.take_out(at).find(|id| unread(id))
    }

    /// A state that stood above this one, and does not go on there: nothing takes out what it gave.
    pub(super) fn left_behind(&self, at: usize) -> Option<&'a str> {
        let before = self.before(at).filter(|before| before.replaced && self.new[at].replaced)?;
        let above = |id: &&String| self.old.iter().any(|state| state.id == **id && state.withdraws);
        let goes_on = |id: &str| {
            let mut now = self.new[at].reads_of.iter().filter_map(|now| self.partner_of(now));
            now.any(|above| above.id == id)
        };
        before.reads_of.iter().filter(above).find(|id| !goes_on(id)).map(String::as_str)
    }

    /// Another state that reads this one, and goes on.
    pub(super) fn other_reader(&self, at: usize, above: &str) -> Option<&'a str> {
        let reads = |other: &usize| {
            *other != at
                && self.partner[*other].is_some()
                && self.new[*other].reads_of.iter().any(|id| id == above)
        };
        (0..self.new.len()).find(reads).map(|other| self.new[other].id.as_str())
    }
}
