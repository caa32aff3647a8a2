//! Which state can be put on disk when memory has no room for it, entry by entry.

use super::{NodeKind, Pick, Windowing};
use crate::operator::{RunningTrigger, WindowKind};

impl Pick {
    /// Is the place of each key's best row all that has to be kept?
    pub fn keeps_places(&self) -> bool {
        let given = self.windowing.is_none() && self.trigger == RunningTrigger::EachRow;
        let updates = self.changes || self.hidden.change.is_some();
        given && !self.discarding && !updates && self.n <= 1 && !self.ties && !self.rank
    }

    /// Is there one list only, with no more rows than its script says? Of changing rows all are kept, as any may be the next
    /// best, and of those that tie there may be any number.
    fn is_one_list(&self) -> bool {
        let as_many_as_said = self.hidden.change.is_none() && !self.ties;
        match &self.windowing {
            None => self.keys.is_empty() && as_many_as_said,
            Some(windowing) => windowing.is_alone(&self.keys) && (windowing.is_of_rows() || as_many_as_said),
        }
    }
}

impl Windowing {
    /// Is what they hold known by their bounds, or by key?
    fn spills(&self, keys: &[usize]) -> bool {
        self.window.kind != WindowKind::Global && !self.is_alone(keys)
    }

    /// Is there only one at a time, as no key tells them apart?
    fn is_alone(&self, keys: &[usize]) -> bool {
        (self.is_of_rows() || matches!(self.window.kind, WindowKind::Session { .. })) && keys.is_empty()
    }

    /// Do they have so many rows?
    fn is_of_rows(&self) -> bool {
        matches!(self.window.kind, WindowKind::Count { .. })
    }
}

impl NodeKind {
    /// The columns of the input that its state goes by, if it has one and these say it. (Joins go by expressions.)
    pub fn keys(&self) -> &[usize] {
        match self {
            NodeKind::Aggregate(aggregate) => &aggregate.keys,
            NodeKind::WindowAggregate(aggregate) => &aggregate.keys,
            NodeKind::Pick(pick) => &pick.keys,
            NodeKind::Distinct(distinct) => &distinct.columns,
            NodeKind::Scan { keys, .. } => keys,
            _ => &[],
        }
    }

    /// Can its entries be put on disk? Without a key there is only one.
    pub fn spills(&self) -> bool {
        match self {
            NodeKind::Aggregate(aggregate) => !aggregate.keys.is_empty(),
            NodeKind::Pick(pick) => match &pick.windowing {
                Some(windowing) => windowing.spills(&pick.keys),
                None => !pick.keys.is_empty(),
            },
            NodeKind::Distinct(distinct) => !distinct.columns.is_empty(),
            NodeKind::Scan { keys, .. } => !keys.is_empty(),
            NodeKind::Join(join) => !join.left.keys.is_empty(),
            NodeKind::WindowAggregate(aggregate) => aggregate.windowing.spills(&aggregate.keys),
            _ => false,
        }
    }

    /// Does its state go by windows of time?
    pub fn is_windowed(&self) -> bool {
        match self {
            NodeKind::WindowAggregate(_) => true,
            NodeKind::Pick(pick) => pick.windowing.is_some(),
            _ => false,
        }
    }

    /// Does it keep any number of entries, all of them in memory?
    pub fn needs_memory(&self) -> bool {
        let keyed = match self {
            NodeKind::Aggregate(aggregate) => !aggregate.keys.is_empty(),
            NodeKind::Scan { keys, .. } => !keys.is_empty(),
            NodeKind::WindowAggregate(aggregate) => !aggregate.windowing.is_alone(&aggregate.keys),
            NodeKind::Pick(pick) => !pick.is_one_list(),
            NodeKind::Distinct(_) | NodeKind::Join(_) => true,
            NodeKind::Source { .. }
            | NodeKind::Errors { .. }
            | NodeKind::Late
            | NodeKind::EventTime(_)
            | NodeKind::Chain(_)
            | NodeKind::Union
            | NodeKind::Lookup(_)
            | NodeKind::Table { .. }
            | NodeKind::Sample { .. }
            | NodeKind::Limit { .. }
            | NodeKind::Tap { .. }
            | NodeKind::Sink { .. } => false,
        };
        keyed && !self.spills()
    }
}
