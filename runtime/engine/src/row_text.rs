//! A row as people see it in an error: JSON.

use flow_plan::functions::json;
use flow_plan::{DataType, Field, RecordType, Value};
use std::sync::Arc;

/// Longest text that is shown.
const LONGEST: usize = 4096;

/// The row as one line of JSON, cut when it is very long.
pub(crate) fn json(row: &[Value], schema: &RecordType) -> String {
    let mut text = String::new();
    // The engine's own columns are nobody's business.
    let own = |field: &Field| field.name.starts_with('·');
    let (fields, values): (Vec<Field>, Vec<Value>) = schema
        .fields
        .iter()
        .zip(row)
        .filter(|(field, _)| !own(field))
        .map(|(f, v)| (f.clone(), v.clone()))
        .unzip();
    let record = DataType::Record(Arc::new(RecordType::new(fields)));
    json::write(&mut text, &Value::Record(values.into()), &record);
    if text.len() > LONGEST {
        let end = (0..=LONGEST).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0);
        text.truncate(end);
        text.push('…');
    }
    text
}
