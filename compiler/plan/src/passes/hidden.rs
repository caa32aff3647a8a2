//! Event time that nobody asks for costs nothing: operators carry the hidden columns of time only where
//! somebody below reads them.

use crate::operator::WindowKind;
use crate::physical::{Graph, Hidden, NodeKind, StreamBound, StreamJoin, Windowing};

/// The event-time nodes whose watermark a tap shows.
pub(super) fn under_taps(graph: &Graph) -> Vec<usize> {
    let mut seen = vec![false; graph.nodes.len()];
    let mut clocks = Vec::new();
    for (index, node) in graph.nodes.iter().enumerate().rev() {
        seen[index] |= matches!(node.kind, NodeKind::Tap { .. });
        match node.kind {
            _ if !seen[index] => {}
            NodeKind::EventTime(_) => clocks.push(index),
            // A table has no time.
            NodeKind::Lookup(_) => seen[node.inputs[0].node] = true,
            _ => node.inputs.iter().for_each(|input| seen[input.node] = true),
        }
    }
    clocks
}

/// The columns of a node's output that carry time or watermark of a row to nobody. `needed` are the columns
/// that are read.
pub(super) fn unread(kind: &NodeKind, needed: &[bool]) -> Vec<usize> {
    let (count, changes) = match kind {
        NodeKind::Aggregate(node) => (carried(&node.hidden), node.changes),
        NodeKind::Pick(node) => match &node.windowing {
            None => (carried(&node.hidden), node.changes),
            Some(windowing) => (of_rows(windowing), node.changes),
        },
        NodeKind::WindowAggregate(node) => (of_rows(&node.windowing), node.changes),
        NodeKind::Join(node) if only_passes_time(node) => {
            let both = node.left.hidden.watermark.is_some() && node.right.hidden.watermark.is_some();
            (if both { 2 } else { 0 }, node.changes)
        }
        _ => (0, false),
    };
    let end = needed.len() - usize::from(changes);
    let all = end - count..end;
    match kind {
        // It gives both or none.
        NodeKind::Join(_) if needed[all.clone()].contains(&true) => Vec::new(),
        _ => all.filter(|column| !needed[*column]).collect(),
    }
}

fn carried(hidden: &Hidden) -> usize {
    usize::from(hidden.time.is_some()) + usize::from(hidden.watermark.is_some())
}

/// Results of windows of rows carry the time of a row; those of other windows have their own.
fn of_rows(windowing: &Windowing) -> usize {
    match windowing.window.kind {
        WindowKind::Count { .. } => {
            usize::from(windowing.time.is_some()) + usize::from(windowing.watermark.is_some())
        }
        _ => 0,
    }
}

fn only_passes_time(join: &StreamJoin) -> bool {
    join.bound == StreamBound::Regular { ttl: None }
}

/// Lets a node read no time that it would only pass on to nobody.
pub(super) fn drop_unread(kind: &mut NodeKind, needed: &[bool]) {
    let unread = unread(kind, needed);
    let changes = match kind {
        NodeKind::Aggregate(node) => node.changes,
        NodeKind::Pick(node) => node.changes,
        NodeKind::WindowAggregate(node) => node.changes,
        _ => false,
    };
    let end = needed.len() - usize::from(changes);
    let drop = |time: &mut Option<usize>, watermark: &mut Option<usize>| {
        let first = end - usize::from(time.is_some()) - usize::from(watermark.is_some());
        let second = first + usize::from(time.is_some());
        *time = time.filter(|_| !unread.contains(&first));
        *watermark = watermark.filter(|_| !unread.contains(&second));
    };
    match kind {
        NodeKind::Aggregate(node) => drop(&mut node.hidden.time, &mut node.hidden.watermark),
        NodeKind::Pick(node) => match &mut node.windowing {
            None => drop(&mut node.hidden.time, &mut node.hidden.watermark),
            Some(windowing) if of_rows(windowing) > 0 => drop(&mut windowing.time, &mut windowing.watermark),
            Some(_) => {}
        },
        NodeKind::WindowAggregate(node) if of_rows(&node.windowing) > 0 => {
            drop(&mut node.windowing.time, &mut node.windowing.watermark);
        }
        NodeKind::Distinct(node) if node.within.is_none() => {
            // Over a changelog they are given again with the rows, and are no part of what is compared.
            let passed_on = |column: &usize| node.hidden.change.is_some() && needed[*column];
            node.hidden.time = node.hidden.time.filter(passed_on);
            node.hidden.watermark = node.hidden.watermark.filter(passed_on);
        }
        NodeKind::Join(node) if only_passes_time(node) && gives_no_time(node, unread.len()) => {
            for side in [&mut node.left, &mut node.right] {
                (side.hidden.time, side.hidden.watermark) = (None, None);
            }
        }
        _ => {}
    }
}

/// Does it give no time, or to nobody?
fn gives_no_time(join: &StreamJoin, unread: usize) -> bool {
    let both = join.left.hidden.watermark.is_some() && join.right.hidden.watermark.is_some();
    !both || unread > 0
}
