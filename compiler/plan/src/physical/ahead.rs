//! Which sources are read ahead of others: where rows of one side of a join are there before the other side's look for them, nothing
//! is kept of that one.

use super::{Graph, NodeKind, StreamBound, StreamJoin};
use crate::operator::JoinKind;

/// How much longer rows may be kept because they are read ahead: one part in so many of the time for which they are kept anyway.
const LONGER: i64 = 4;

const SECOND: i64 = 1_000_000;

impl Graph {
    /// By how many microseconds of event time each source is read ahead of the others, by the index of its node; 0 for all other
    /// nodes.
    ///
    /// A join whose rows may be apart by little in one direction, and by much in the other (bids that come while an auction is
    /// open), has to keep rows of one side, the auctions, for long anyway. If these are ahead by that little, and by as much as rows
    /// come out of order, the other side's rows never wait for them: they look for partners, and go. Only sources that nobody else
    /// reads are read ahead, since others would have to wait for them.
    pub fn reads_ahead(&self) -> Vec<i64> {
        let mut ahead = vec![0; self.nodes.len()];
        for (index, node) in self.nodes.iter().enumerate() {
            let NodeKind::Join(join) = &node.kind else { continue };
            for side in [1, 0] {
                let Some(feeders) = self.feeders(index, side) else { continue };
                let by = join.side_ahead(side, self.disorder(&feeders)).unwrap_or(0);
                if by > 0 {
                    for source in feeders.into_iter().filter(|&feeder| self.is_source(feeder)) {
                        ahead[source] = by.saturating_add(ahead[source]);
                    }
                    break;
                }
            }
        }
        ahead
    }

    fn is_source(&self, node: usize) -> bool {
        matches!(self.nodes[node].kind, NodeKind::Source { .. })
    }

    /// What stands above a side of a join, if it only feeds that, and row by row.
    fn feeders(&self, join: usize, side: usize) -> Option<Vec<usize>> {
        let mut feeders = vec![self.nodes[join].inputs[side].node];
        let mut next = 0;
        while let Some(&feeder) = feeders.get(next) {
            let node = &self.nodes[feeder];
            let row_by_row = match &node.kind {
                NodeKind::Source { .. } | NodeKind::Chain(_) | NodeKind::Union => true,
                // Only a source that has event time among its columns is read by it.
                NodeKind::EventTime(_) => self.is_source(node.inputs[0].node),
                NodeKind::Join(join) => matches!(join.bound, StreamBound::Interval { .. }),
                _ => false,
            };
            if !row_by_row || self.readers(feeder) != 1 {
                return None;
            }
            feeders.extend(node.inputs.iter().map(|input| input.node));
            next += 1;
        }
        Some(feeders)
    }

    /// How many edges lead away from a node. Who reads the errors of its declaration reads it, too.
    fn readers(&self, of: usize) -> usize {
        let inputs = self.nodes.iter().flat_map(|node| &node.inputs).filter(|input| input.node == of);
        let declaration = self.nodes[of].declaration;
        let errors = |kind: &NodeKind| match kind {
            NodeKind::Errors { of } => *of == declaration,
            _ => false,
        };
        inputs.count() + self.nodes.iter().filter(|node| errors(&node.kind)).count()
    }

    /// By how much rows of these nodes may be out of order, as their watermarks say.
    fn disorder(&self, nodes: &[usize]) -> i64 {
        let delay = |&node: &usize| match &self.nodes[node].kind {
            NodeKind::EventTime(time) => time.delay,
            _ => 0,
        };
        nodes.iter().map(delay).max().unwrap_or(0)
    }
}

impl StreamJoin {
    /// By how much a side has to be ahead so that nothing of the other one need be kept, if rows of it are not kept for much longer
    /// by that. Rows of both may be so much out of order.
    fn side_ahead(&self, side: usize, disorder: i64) -> Option<i64> {
        let StreamBound::Interval { lo, hi } = self.bound else { return None };
        let changes = self.left.hidden.change.or(self.right.hidden.change).is_some();
        let timed = self.left.hidden.watermark.is_some() && self.right.hidden.watermark.is_some();
        // Left rows that are given when their time is over wait for it.
        let waits = side == 1 && matches!(self.kind, JoinKind::Left | JoinKind::Anti);
        if changes || !timed || waits {
            return None;
        }
        let range = hi.saturating_sub(lo);
        let apart = if side == 1 { hi } else { lo.saturating_neg() };
        // The chunk that is ahead begins with a row that may be early, one behind it may be late, and its watermark is behind both;
        // and rows are read in chunks, not one by one.
        let slack = disorder.saturating_mul(4).saturating_add(range / (4 * LONGER));
        // In whole seconds, for who reads it.
        let by = apart.saturating_add(slack).saturating_add(SECOND - 1) / SECOND * SECOND;
        (by <= range / LONGER).then_some(by)
    }
}
