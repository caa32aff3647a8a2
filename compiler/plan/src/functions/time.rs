//! Time functions.

use super::{Context, is_calendar};
use crate::catalogue::Func;
use crate::civil::{self, SECOND, Zone};
use crate::error::Fault;
use crate::value::Value;

pub(super) fn call(func: Func, args: &[Value], context: &mut Context) -> Result<Value, Fault> {
    use Value::{Duration, Int, String as S, Timestamp};
    let result = match (func, args) {
        (func, [Timestamp(t)]) if is_calendar(func) => Int(calendar(func, *t, &Zone::UTC)),
        (func, [Timestamp(t), S(zone)]) if is_calendar(func) => Int(calendar(func, *t, &context.zone(zone)?)),
        (Func::EpochMillis, [Timestamp(t)]) => Int(t.div_euclid(1000)),
        (Func::FromEpochMillis, [Int(ms)]) => {
            let micros = ms.checked_mul(1000);
            Timestamp(micros.ok_or_else(|| Fault::overflow(format_args!("fromEpochMillis({ms})")))?)
        }
        (Func::Truncate, [Timestamp(t), Duration(unit)]) => Timestamp(truncate(*t, *unit, &Zone::UTC)?),
        (Func::Truncate, [Timestamp(t), Duration(unit), S(zone)]) => {
            Timestamp(truncate(*t, *unit, &context.zone(zone)?)?)
        }
        (Func::Format, [Timestamp(t), S(pattern)]) => {
            Value::string(context.pattern(pattern)?.format(*t, &Zone::UTC))
        }
        (Func::Format, [Timestamp(t), S(pattern), S(zone)]) => {
            let zone = context.zone(zone)?;
            Value::string(context.pattern(pattern)?.format(*t, &zone))
        }
        (Func::ParseTimestamp, [S(s), S(pattern)]) => {
            Timestamp(context.pattern(pattern)?.parse_text(s, &Zone::UTC)?)
        }
        (Func::ParseTimestamp, [S(s), S(pattern), S(zone)]) => {
            let zone = context.zone(zone)?;
            Timestamp(context.pattern(pattern)?.parse_text(s, &zone)?)
        }
        (Func::Now, []) => Timestamp(context.now),
        _ => return Err(Fault::untyped()),
    };
    Ok(result)
}

/// A number of the calendar, seen from a zone.
pub fn calendar(func: Func, t: i64, zone: &Zone) -> i64 {
    let c = civil::civil_shifted(t, zone.offset_at(t));
    match func {
        Func::Year => c.year,
        Func::Month => i64::from(c.month),
        Func::Day => i64::from(c.day),
        Func::Hour => i64::from(c.hour),
        Func::Minute => i64::from(c.minute),
        Func::Second => i64::from(c.second),
        Func::DayOfWeek => i64::from(c.weekday),
        _ => i64::from(c.year_day),
    }
}

/// The start of the unit that holds the moment.
pub fn truncate(t: i64, unit: i64, zone: &Zone) -> Result<i64, Fault> {
    if unit <= 0 {
        return Err(Fault::argument("truncate needs a unit that is longer than nothing"));
    }
    let offset = i64::from(zone.offset_at(t)) * SECOND;
    let overflow = || Fault::overflow("truncate");
    let local = i128::from(t) + i128::from(offset);
    let floor = local - local.rem_euclid(i128::from(unit));
    let start = i64::try_from(floor - i128::from(offset)).map_err(|_| overflow())?;
    if i64::from(zone.offset_at(start)) * SECOND == offset {
        return Ok(start);
    }
    // Summer time began or ended within the unit.
    Ok(zone.moment(i64::try_from(floor).map_err(|_| overflow())?))
}
