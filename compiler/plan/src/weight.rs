//! What values and accumulators keep on the heap: estimates, for limits on state. Parts that are shared
//! count for each who holds them.

use crate::aggregate::Accumulator;
use crate::value::Value;

/// A block on the heap has a header and is rounded up.
pub const BLOCK: usize = 16;

/// What a value keeps on the heap.
pub fn heap(value: &Value) -> usize {
    let items = |values: &[Value]| size_of_val(values) + values.iter().map(heap).sum::<usize>();
    match value {
        Value::String(text) => BLOCK + text.len(),
        Value::Bytes(bytes) => BLOCK + bytes.len(),
        Value::List(values) | Value::Record(values) => BLOCK + items(values),
        Value::Map(entries) => {
            let entry = |(key, value): &(std::sync::Arc<str>, Value)| {
                BLOCK + key.len() + size_of::<Value>() + heap(value)
            };
            BLOCK + entries.iter().map(entry).sum::<usize>()
        }
        Value::Json(json) => BLOCK + in_json(json),
        _ => 0,
    }
}

fn in_json(json: &serde_json::Value) -> usize {
    let own = size_of::<serde_json::Value>();
    match json {
        serde_json::Value::String(text) => own + text.len(),
        serde_json::Value::Array(values) => own + values.iter().map(in_json).sum::<usize>(),
        serde_json::Value::Object(entries) => {
            own + entries.iter().map(|(key, value)| own + key.len() + in_json(value)).sum::<usize>()
        }
        _ => own,
    }
}

/// What an accumulator keeps on the heap. One that keeps many values counts them all like one of them:
/// this is asked for at every row.
pub fn of_accumulator(accumulator: &Accumulator) -> usize {
    let many = |room: usize, count: usize, one: Option<&Value>| {
        room * size_of::<Value>() + count * one.map_or(0, heap)
    };
    match accumulator {
        Accumulator::Distinct(seen) => many(seen.capacity(), seen.len(), seen.iter().next()),
        Accumulator::Collect(values) => many(values.capacity(), values.len(), values.last()),
        Accumulator::StringJoin(joined, _) => joined.as_ref().map_or(0, String::capacity),
        Accumulator::Percentile(values, _) => values.capacity() * size_of::<f64>(),
        Accumulator::Approx(_) => crate::aggregate::HyperLogLog::BYTES,
        Accumulator::Extreme(value, _) | Accumulator::Sum(value) => heap(value),
        Accumulator::First(value) | Accumulator::Last(value) => value.as_ref().map_or(0, heap),
        Accumulator::Arg(best, _) => best.as_ref().map_or(0, |(by, value)| heap(by) + heap(value)),
        Accumulator::Count(_)
        | Accumulator::AvgInt(..)
        | Accumulator::AvgFloat(..)
        | Accumulator::Spread(..)
        | Accumulator::Bool(..) => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::AggFunc;
    use crate::types::DataType;

    #[test]
    fn what_is_collected_counts_with_its_texts() {
        let mut all = Accumulator::new(AggFunc::Collect, Some(&DataType::String), None);
        for _ in 0..1000 {
            all.add(Some(&Value::string("x".repeat(100))), None).unwrap();
        }
        assert!((1000 * 100..1000 * 250).contains(&of_accumulator(&all)), "{}", of_accumulator(&all));
        let mut count = Accumulator::new(AggFunc::Count, None, None);
        count.add(None, None).unwrap();
        assert_eq!(of_accumulator(&count), 0);
    }
}
