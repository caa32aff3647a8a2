//! Which windows a time lies in.

use crate::civil::{SECOND, Zone};
use crate::operator::WindowKind;

/// A window of time: `start <= time < end`, of sessions `start <= time <= end`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) start: i64,
    pub(crate) end: i64,
}

/// A moment that may lie outside of time.
fn clamp(time: i128) -> i64 {
    time.clamp(i64::MIN.into(), i64::MAX.into()) as i64
}

/// The windows of a time, least end first; sessions: the one of a row alone.
pub(crate) fn spans_of(kind: &WindowKind, time: i64) -> Vec<Span> {
    let t = i128::from(time);
    let span = |start: i128, size: i64| Span { start: clamp(start), end: clamp(start + i128::from(size)) };
    match kind {
        WindowKind::Tumbling { size, offset, zone: None } => {
            let offset = i128::from(*offset);
            vec![span((t - offset).div_euclid((*size).into()) * i128::from(*size) + offset, *size)]
        }
        WindowKind::Tumbling { size, offset, zone: Some(zone) } => {
            vec![days(&Zone::find(zone).unwrap_or(Zone::UTC), *size, *offset, time)]
        }
        WindowKind::Sliding { size, every } => {
            let every = i128::from(*every);
            let last = t.div_euclid(every) * every;
            let starts = (0..).map(|i| last - i * every).take_while(|start| start + i128::from(*size) > t);
            let mut spans: Vec<Span> = starts.map(|start| span(start, *size)).collect();
            spans.reverse();
            spans
        }
        WindowKind::Cumulative { max, every } => {
            let start = t.div_euclid((*max).into()) * i128::from(*max);
            let ends = (1..=max / every).map(|i| i * every).filter(|size| start + i128::from(*size) > t);
            let mut spans: Vec<Span> = ends.map(|size| span(start, size)).collect();
            // Those that end behind all times are one.
            spans.dedup();
            spans
        }
        WindowKind::Session { gap } => vec![span(t, *gap)],
        WindowKind::Count { .. } | WindowKind::Global | WindowKind::Same => Vec::new(),
    }
}

/// Whole days on the wall of a zone. Where its clocks are moved at midnight, a time may lie in a neighbour
/// of the day that its clock shows.
fn days(zone: &Zone, size: i64, offset: i64, time: i64) -> Span {
    let size = i128::from(size);
    let local = i128::from(time) + i128::from(zone.offset_at(time)) * i128::from(SECOND);
    let start = (local - i128::from(offset)).div_euclid(size) * size + i128::from(offset);
    let day = |start: i128| Span { start: zone.moment(clamp(start)), end: zone.moment(clamp(start + size)) };
    let around = [start, start - size, start + size].map(day);
    around.into_iter().find(|span| span.start <= time && time < span.end).unwrap_or(day(start))
}

/// The slice of a time: windows that overlap are made of whole slices.
pub(super) fn slice_of(kind: &WindowKind, time: i64) -> i64 {
    match kind {
        WindowKind::Sliding { size, every } => time.div_euclid(common(*size, *every)),
        WindowKind::Cumulative { every, .. } => time.div_euclid(*every),
        _ => 0,
    }
}

/// The greatest common divisor.
fn common(a: i64, b: i64) -> i64 {
    if b == 0 { a } else { common(b, a % b) }
}
