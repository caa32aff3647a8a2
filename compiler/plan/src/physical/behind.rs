//! How far the watermark stays behind below operators whose results are older than what gave them.

use super::{NodeKind, StreamBound, StreamJoin, Windowing};
use crate::operator::{JoinKind, Window, WindowKind};

impl NodeKind {
    /// By how many microseconds the event time of a result may lie behind the watermark that gave it: the
    /// watermark below this node stays so far behind the one above, so that its results are not late there.
    ///
    /// A window join in sessions has no such bound: its results are as old as a session is long.
    pub fn stays_behind(&self) -> i64 {
        match self {
            NodeKind::Join(join) => join.stays_behind(),
            NodeKind::WindowAggregate(node) => ends_late(&node.windowing),
            NodeKind::Pick(node) => node.windowing.as_ref().map_or(0, ends_late),
            _ => 0,
        }
    }
}

impl StreamJoin {
    /// As [`NodeKind::stays_behind`].
    pub fn stays_behind(&self) -> i64 {
        let timed = self.left.hidden.watermark.is_some() && self.right.hidden.watermark.is_some();
        match &self.bound {
            _ if !timed => 0,
            // A left row that is given without the other side has its own time, and waits until no partner can come
            // (or until one comes).
            StreamBound::Interval { hi, .. } if self.kind != JoinKind::Inner => (*hi).max(0),
            StreamBound::Window(window) if !window.processing_time => longest(window),
            _ => 0,
        }
    }
}

/// A session takes rows at its very end, and its result has a time in front of that.
fn ends_late(windowing: &Windowing) -> i64 {
    let may_be_session = matches!(windowing.window.kind, WindowKind::Session { .. } | WindowKind::Same);
    i64::from(may_be_session && windowing.watermark.is_some())
}

/// How long a window may be.
fn longest(window: &Window) -> i64 {
    const DAY: i64 = 86_400_000_000;
    match &window.kind {
        WindowKind::Tumbling { size, zone: None, .. } | WindowKind::Sliding { size, .. } => *size,
        // Days are longer when clocks are moved.
        WindowKind::Tumbling { size, zone: Some(_), .. } => size.saturating_add(DAY),
        WindowKind::Cumulative { max, .. } => *max,
        _ => 0,
    }
}
