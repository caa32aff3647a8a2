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
            None => self.aligned(i128::from(time)),
            Some(zone) => self.local(zone, time),
        }
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
