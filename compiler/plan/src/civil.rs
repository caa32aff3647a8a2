//! The calendar: days, months and time zones for every timestamp that an `i64` of microseconds holds.
//!
//! UTC is computed here (proleptic Gregorian, total over the whole range); zones only contribute their
//! offset, which outside the years −9999 to 9999 is that of the nearest moment they know.

use crate::error::Fault;
use jiff::tz::TimeZone;

/// Microseconds of a second.
pub const SECOND: i64 = 1_000_000;
/// Microseconds of a day.
pub const DAY: i64 = 86_400 * SECOND;

/// A moment taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names say it")]
pub struct Civil {
    pub year: i64,
    pub month: u8,
    pub day: u8,
    pub hour: u8,
    pub minute: u8,
    pub second: u8,
    pub micros: u32,
    /// 1 is Monday, 7 Sunday.
    pub weekday: u8,
    /// 1 to 366.
    pub year_day: u16,
}

/// Takes a moment (already moved by its zone's offset) apart.
pub fn civil(micros: i64) -> Civil {
    civil_shifted(micros, 0)
}

/// Takes a moment apart, seen `offset` seconds east of UTC.
pub fn civil_shifted(micros: i64, offset: i32) -> Civil {
    // An i64 near its limits plus an offset does not fit an i64.
    let local = i128::from(micros) + i128::from(offset) * i128::from(SECOND);
    let days = local.div_euclid(i128::from(DAY)) as i64;
    let in_day = local.rem_euclid(i128::from(DAY)) as i64;
    let (year, month, day) = date_of_days(days);
    let seconds = in_day / SECOND;
    Civil {
        year,
        month,
        day,
        hour: (seconds / 3600) as u8,
        minute: (seconds / 60 % 60) as u8,
        second: (seconds % 60) as u8,
        micros: (in_day % SECOND) as u32,
        weekday: ((days + 3).rem_euclid(7) + 1) as u8,
        year_day: (days - days_of_date(year, 1, 1) + 1) as u16,
    }
}

/// Year, month and day of a day counted from 1970-01-01.
fn date_of_days(days: i64) -> (i64, u8, u8) {
    // Howard Hinnant's algorithm: years begin in March, eras have 400 years.
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_index = (5 * day_of_year + 2) / 153;
    let day = (day_of_year - (153 * month_index + 2) / 5 + 1) as u8;
    let month = (if month_index < 10 { month_index + 3 } else { month_index - 9 }) as u8;
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

/// The day, counted from 1970-01-01, of a date.
pub fn days_of_date(year: i64, month: u8, day: u8) -> i64 {
    let year = year - i64::from(month <= 2);
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let month_index = (i64::from(month) + 9) % 12;
    let day_of_year = (153 * month_index + 2) / 5 + i64::from(day) - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

/// The length of a month.
pub fn days_in_month(year: i64, month: u8) -> u8 {
    match month {
        4 | 6 | 9 | 11 => 30,
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        _ => 31,
    }
}

/// The moment of a date and time of day, if they exist and an i64 holds it.
pub fn micros_of(year: i64, month: u8, day: u8, time_of_day: i64) -> Option<i64> {
    let valid = (1..=12).contains(&month)
        && (1..=days_in_month(year, month)).contains(&day)
        && year.abs() < 1_000_000
        && (0..DAY).contains(&time_of_day);
    if !valid {
        return None;
    }
    let micros = i128::from(days_of_date(year, month, day)) * i128::from(DAY) + i128::from(time_of_day);
    i64::try_from(micros).ok()
}

/// A time zone of the IANA database, or `UTC`.
#[derive(Clone, Debug)]
pub struct Zone(Option<TimeZone>);

impl Zone {
    /// UTC.
    pub const UTC: Zone = Zone(None);

    /// Finds a zone by name.
    pub fn find(name: &str) -> Result<Zone, Fault> {
        if name == "UTC" {
            return Ok(Zone::UTC);
        }
        match jiff::tz::db().get(name) {
            Ok(zone) => Ok(Zone(Some(zone))),
            Err(_) => Err(Fault::argument(format!("there is no time zone {}", crate::error::quoted(name)))),
        }
    }

    /// All names that are known, in order.
    pub fn names() -> Vec<String> {
        jiff::tz::db().available().map(|name| name.to_string()).collect()
    }

    /// Seconds east of UTC at a moment.
    pub fn offset_at(&self, micros: i64) -> i32 {
        let Some(zone) = &self.0 else { return 0 };
        zone.to_offset(jiff_time(micros)).seconds()
    }

    /// The moment of a local time. A time that a zone skips is moved forward by the gap, one that it
    /// has twice is the first.
    pub fn moment(&self, local: i64) -> i64 {
        let Some(zone) = &self.0 else { return local };
        let civil = jiff::tz::Offset::UTC.to_datetime(jiff_time(local));
        let offset = match zone.to_ambiguous_timestamp(civil).offset() {
            jiff::tz::AmbiguousOffset::Unambiguous { offset } => offset,
            jiff::tz::AmbiguousOffset::Gap { before, .. }
            | jiff::tz::AmbiguousOffset::Fold { before, .. } => before,
        };
        local.saturating_sub(i64::from(offset.seconds()) * SECOND)
    }
}

/// The nearest moment that jiff can hold.
fn jiff_time(micros: i64) -> jiff::Timestamp {
    jiff::Timestamp::from_microsecond(micros).unwrap_or(if micros < 0 {
        jiff::Timestamp::MIN
    } else {
        jiff::Timestamp::MAX
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_day_of_five_centuries_is_the_one_jiff_says() {
        let mut date = jiff::civil::date(1800, 1, 1);
        for days in days_of_date(1800, 1, 1)..days_of_date(2300, 1, 1) {
            let c = civil(days * DAY + 1);
            assert_eq!((c.year, c.month, c.day), (date.year().into(), date.month() as u8, date.day() as u8));
            assert_eq!(c.weekday, date.weekday().to_monday_one_offset() as u8);
            assert_eq!(c.year_day, date.day_of_year() as u16);
            assert_eq!(days_of_date(c.year, c.month, c.day), days);
            date = date.tomorrow().unwrap();
        }
    }

    #[test]
    fn the_ends_of_the_range_have_a_calendar() {
        assert_eq!(civil(i64::MAX).year, 294_247);
        assert_eq!(civil(i64::MIN).year, -290_308);
        assert_eq!(civil_shifted(i64::MAX, 3600).year, 294_247);
    }

    #[test]
    fn a_zone_knows_summer_time() {
        let berlin = Zone::find("Europe/Berlin").unwrap();
        assert_eq!(berlin.offset_at(micros_of(2026, 7, 1, 0).unwrap()), 7200);
        assert_eq!(berlin.offset_at(micros_of(2026, 1, 1, 0).unwrap()), 3600);
        assert_eq!(
            berlin.moment(micros_of(2026, 7, 1, 0).unwrap()),
            micros_of(2026, 6, 30, 22 * 3600 * SECOND).unwrap()
        );
        assert!(Zone::find("Mars/Olympus").is_err());
    }
}
