//! Values as they are written in a script.

use crate::text::{write_duration, write_float, write_timestamp};
use crate::types::DataType;
use crate::value::Value;
use std::fmt::Write;

/// The literal of a value.
pub fn literal(value: &Value) -> String {
    let mut out = String::new();
    write_literal(&mut out, value);
    out
}

fn write_literal(out: &mut String, value: &Value) {
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(x) => out.push_str(if *x { "true" } else { "false" }),
        Value::Int(x) => out.push_str(&x.to_string()),
        Value::Float(x) => write_float(out, *x),
        Value::Decimal(x) => out.push_str(&format!("{x}d")),
        Value::String(x) => write_text(out, x),
        Value::Bytes(x) => write_bytes(out, x),
        Value::Timestamp(x) => {
            out.push('@');
            write_timestamp(out, *x);
        }
        Value::Duration(x) => write_duration(out, *x),
        Value::List(items) => separated(out, "[", items.iter(), "]", write_literal),
        Value::Map(entries) => separated(out, "map { ", entries.iter(), " }", |out, (key, value)| {
            write_text(out, key);
            out.push_str(": ");
            write_literal(out, value);
        }),
        // Names stand in the type only.
        Value::Record(values) => separated(out, "{ ", values.iter(), " }", write_literal),
        Value::Json(json) => out.push_str(&json.to_string()),
    }
}

/// The literal of a value of this type: records in it with the names of their fields.
pub fn typed_literal(value: &Value, ty: &DataType) -> String {
    let mut out = String::new();
    write_typed(&mut out, value, ty);
    out
}

fn write_typed(out: &mut String, value: &Value, ty: &DataType) {
    match (value, ty.unwrapped()) {
        (Value::Record(values), DataType::Record(record)) => {
            let fields = record.fields.iter().zip(values.iter());
            separated(out, "{ ", fields, " }", |out, (field, value)| {
                out.push_str(&field.name);
                out.push_str(": ");
                write_typed(out, value, &field.ty);
            });
        }
        (Value::List(items), DataType::List(of)) => {
            separated(out, "[", items.iter(), "]", |out, item| write_typed(out, item, of));
        }
        (Value::Map(entries), DataType::Map(of)) => {
            separated(out, "map { ", entries.iter(), " }", |out, (key, value)| {
                write_text(out, key);
                out.push_str(": ");
                write_typed(out, value, of);
            });
        }
        _ => write_literal(out, value),
    }
}

fn separated<T>(
    out: &mut String,
    open: &str,
    items: impl Iterator<Item = T>,
    close: &str,
    mut each: impl FnMut(&mut String, T),
) {
    out.push_str(open);
    for (i, item) in items.enumerate() {
        if i > 0 {
            out.push_str(", ");
        }
        each(out, item);
    }
    out.push_str(close);
}

fn write_text(out: &mut String, text: &str) {
    out.push('"');
    write_inside(out, text);
    out.push('"');
}

/// A text between quotes: with escapes, and braces doubled.
pub(super) fn write_inside(out: &mut String, text: &str) {
    for c in text.chars() {
        match c {
            '{' => out.push_str("{{"),
            '}' => out.push_str("}}"),
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c => out.push(c),
        }
    }
}

fn write_bytes(out: &mut String, bytes: &[u8]) {
    out.push_str("b\"");
    for byte in bytes {
        match byte {
            b'"' | b'\\' => out.extend(['\\', char::from(*byte)]),
            b' '..=b'~' => out.push(char::from(*byte)),
            _ => write!(out, "\\x{byte:02x}").expect("writing to a string cannot fail"),
        }
    }
    out.push('"');
}
