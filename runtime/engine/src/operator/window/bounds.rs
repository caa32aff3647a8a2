//! Which window a time lies in. Knows calendars; never rows.

use flow_plan::civil::{SECOND, Zone};

/// A window: `start <= time < end`. At the ends of time both stay within what a timestamp can hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Bounds {
    pub(crate) start: i64,
    pub(crate) end: i64,
}

impl Bounds {
    #[inline]
    pub(crate) fn contain(self, time: i64) -> bool {
        self.start <= time && time < self.end
    }
}

/// Windows of equal length, one behind the other.
pub(crate) struct Tumbling {
    size: i64,
    offset: i64,
    /// Of whole days: whose days.
    zone: Option<Zone>,
}

impl Tumbling {
    pub(crate) fn new(size: i64, offset: i64, zone: Option<Zone>) -> Tumbling {
        Tumbling { size: size.max(1), offset, zone }
    }

    /// The window of a time.
    pub(crate) fn of(&self, time: i64) -> Bounds {
        match &self.zone {
            None => self.near(time).unwrap_or_else(|| self.aligned(i128::from(time))),
            Some(zone) => self.local(zone, time),
        }
    }

    /// Where all of it is a timestamp, as of all times but the first and last: dividing twice as many bits takes ten times as
    /// long, and it is done for each row.
    fn near(&self, time: i64) -> Option<Bounds> {
        let start = time.checked_sub(time.checked_sub(self.offset)?.rem_euclid(self.size))?;
        Some(Bounds { start, end: start.checked_add(self.size)? })
    }

    fn aligned(&self, time: i128) -> Bounds {
        let (size, offset) = (i128::from(self.size), i128::from(self.offset));
        let start = (time - offset).div_euclid(size) * size + offset;
        Bounds { start: clamp(start), end: clamp(start + size) }
    }

    /// The clock on the wall is moved now and then: the day is that in which the time lies.
    fn local(&self, zone: &Zone, time: i64) -> Bounds {
        let east = i128::from(zone.offset_at(time)) * i128::from(SECOND);
        let day = self.aligned(i128::from(time) + east);
        let moments = |day: Bounds| Bounds { start: zone.moment(day.start), end: zone.moment(day.end) };
        let found = moments(day);
        if found.start <= time && time < found.end {
            return found;
        }
        let step = if time < found.start { -i128::from(self.size) } else { i128::from(self.size) };
        let near = moments(self.aligned(i128::from(day.start) + step));
        if near.contain(time) { near } else { found }
    }
}

/// Windows that overlap, made of slices. Where a window ends may lie outside of what a timestamp can hold.
#[derive(Clone, Copy)]
pub(crate) enum Overlapping {
    /// Of this size, one begins every so often.
    Sliding { size: i64, every: i64 },
    /// From the beginning of each `max`, one ends every so often.
    Cumulative { max: i64, every: i64 },
}

impl Overlapping {
    /// How slices divide time.
    pub(crate) fn slices(&self) -> Tumbling {
        match *self {
            Overlapping::Sliding { size, every } => Tumbling::new(common(size, every), 0, None),
            Overlapping::Cumulative { every, .. } => Tumbling::new(every, 0, None),
        }
    }

    /// How far apart windows are.
    pub(crate) fn every(&self) -> i64 {
        let (Overlapping::Sliding { every, .. } | Overlapping::Cumulative { every, .. }) = *self;
        every
    }

    /// The end of the last window that holds a time.
    pub(crate) fn last_end(&self, time: i64) -> i128 {
        let floor = |step: i64| i128::from(time).div_euclid(step.into()) * i128::from(step);
        match *self {
            Overlapping::Sliding { size, every } => floor(every) + i128::from(size),
            Overlapping::Cumulative { max, .. } => floor(max) + i128::from(max),
        }
    }

    /// The end of the first window that holds a time and ends behind `after`.
    pub(crate) fn next_end(&self, time: i64, after: i128) -> Option<i128> {
        // Windows of one beginning that end behind all times are one window.
        let most = match self {
            Overlapping::Sliding { .. } => i128::MAX,
            Overlapping::Cumulative { .. } => i64::MAX.into(),
        };
        let (last, behind) = (self.last_end(time), after.max(time.into()));
        let (Overlapping::Sliding { every, .. } | Overlapping::Cumulative { every, .. }) = *self;
        let every = i128::from(every);
        let next = (last > behind).then(|| last - (last - behind - 1) / every * every);
        next.filter(|_| after < most).map(|next| next.min(most))
    }

    /// The window that ends there; clamped to what a timestamp can hold.
    pub(crate) fn window(&self, end: i128) -> Bounds {
        let start = match *self {
            Overlapping::Sliding { size, .. } => end - i128::from(size),
            Overlapping::Cumulative { max, .. } => (end - 1).div_euclid(max.into()) * i128::from(max),
        };
        Bounds { start: clamp(start), end: clamp(end) }
    }
}

/// The greatest common divisor.
fn common(a: i64, b: i64) -> i64 {
    if b == 0 { a } else { common(b, a % b) }
}

fn clamp(time: i128) -> i64 {
    time.clamp(i128::from(i64::MIN), i128::from(i64::MAX)) as i64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_align_to_the_epoch_and_the_offset_also_before_it() {
        let tumbling = Tumbling::new(10, 3, None);
        assert_eq!(tumbling.of(3), Bounds { start: 3, end: 13 });
        assert_eq!(tumbling.of(2), Bounds { start: -7, end: 3 });
        assert_eq!(tumbling.of(-8), Bounds { start: -17, end: -7 });
    }

    fn ends(windows: &Overlapping, time: i64) -> Vec<i128> {
        let mut ends = Vec::new();
        while let Some(end) = windows.next_end(time, ends.last().copied().unwrap_or(i128::MIN)) {
            ends.push(end);
        }
        ends
    }

    #[test]
    fn a_time_lies_in_all_windows_that_overlap_there() {
        let sliding = Overlapping::Sliding { size: 10, every: 4 };
        assert_eq!(ends(&sliding, 9), [10, 14, 18]);
        assert_eq!(ends(&sliding, 10), [14, 18]);
        assert_eq!(ends(&sliding, -1), [2, 6]);
        assert_eq!(sliding.window(2), Bounds { start: -8, end: 2 });
        assert_eq!(sliding.slices().of(-1), Bounds { start: -2, end: 0 });
        let cumulative = Overlapping::Cumulative { max: 12, every: 4 };
        assert_eq!(ends(&cumulative, 5), [8, 12]);
        assert_eq!(ends(&cumulative, -12), [-8, -4, 0]);
        assert_eq!(cumulative.window(8), Bounds { start: 0, end: 8 });
        assert_eq!(cumulative.window(12), Bounds { start: 0, end: 12 });
        for time in [i64::MIN, i64::MAX] {
            assert_eq!(ends(&cumulative, time).len(), ends(&cumulative, time).len().clamp(1, 3));
            let windows: Vec<_> =
                ends(&cumulative, time).into_iter().map(|end| cumulative.window(end)).collect();
            assert!(windows.windows(2).all(|pair| pair[0] != pair[1]), "{windows:?}");
            assert!(!ends(&sliding, time).is_empty());
        }
    }

    #[test]
    fn the_ends_of_time_have_windows() {
        let tumbling = Tumbling::new(i64::MAX, -5, None);
        for time in [i64::MIN, i64::MIN + 1, -1, 0, i64::MAX - 1, i64::MAX] {
            let of = tumbling.of(time);
            assert!(of.start <= time && (time < of.end || of.end == i64::MAX), "{time}: {of:?}");
        }
    }

    #[test]
    fn days_of_a_zone_have_23_or_25_hours_when_its_clocks_are_moved() {
        const HOUR: i64 = 3_600 * SECOND;
        let days = Tumbling::new(24 * HOUR, 0, Some(Zone::find("Europe/Berlin").unwrap()));
        // 2026-03-29 and 2026-10-25, noon UTC.
        for (noon, hours) in [(1_774_785_600, 23), (1_792_929_600, 25), (1_767_268_800, 24)] {
            let day = days.of(noon * SECOND);
            assert_eq!(day.end - day.start, hours * HOUR, "{noon}");
            assert_eq!(days.of(day.start), day);
            assert_eq!(days.of(day.end - 1), day);
            assert_eq!(days.of(day.end).start, day.end);
        }
    }
}
