//! A row as people see it in an error: JSON.

use flow_plan::functions::json;
use flow_plan::{DataType, RecordType, Value};
use std::sync::Arc;

/// Longest text that is shown.
const LONGEST: usize = 4096;

/// The row as one line of JSON, cut when it is very long.
pub(crate) fn json(row: &[Value], schema: &RecordType) -> String {
    let mut text = String::new();
    let fields = schema.fields.len().min(row.len());
    json::write(&mut text, &Value::Record(row[..fields].into()), &DataType::Record(Arc::new(schema.clone())));
    if text.len() > LONGEST {
        let end = (0..=LONGEST).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0);
        text.truncate(end);
        text.push('…');
    }
    text
}
