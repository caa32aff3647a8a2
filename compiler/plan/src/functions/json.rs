//! JSON: reading it, writing values of any type as JSON, and reaching into it.

use crate::catalogue::Func;
use crate::error::{ErrorCode, Fault, quoted};
use crate::text;
use crate::types::DataType;
use crate::value::Value;
use serde_json::Value as Json;
use std::sync::Arc;

pub(super) fn call(func: Func, args: &[Value], types: &[&DataType]) -> Result<Value, Fault> {
    match (func, args, types) {
        (Func::ParseJson, [Value::String(s)], _) => parse(s).map(|json| Value::Json(Arc::new(json))),
        (Func::ToJson, [x], [ty]) => {
            let mut out = String::new();
            write(&mut out, x, ty);
            Ok(Value::string(out))
        }
        _ => Err(Fault::untyped()),
    }
}

/// Reads one JSON value; nesting beyond 128 is refused.
pub fn parse(text: &str) -> Result<Json, Fault> {
    serde_json::from_str(text)
        .map_err(|error| Fault::new(ErrorCode::BadCast, format!("{} is not JSON: {error}", quoted(text))))
}

/// Writes a value as JSON: fields in the order of the record, moments as ISO-8601, durations as in a
/// script, bytes as base64; what JSON has no number for (NaN, infinities) as null.
pub fn write(out: &mut String, value: &Value, ty: &DataType) {
    match (value, ty.unwrapped()) {
        (Value::Null, _) => out.push_str("null"),
        (Value::Bool(x), _) => out.push_str(if *x { "true" } else { "false" }),
        (Value::Int(x), _) => out.push_str(&x.to_string()),
        (Value::Float(x), _) if !x.is_finite() => out.push_str("null"),
        (Value::Float(x), _) => text::write_float(out, *x),
        (Value::Decimal(x), _) => out.push_str(&x.to_string()),
        (Value::String(x), _) => write_string(out, x),
        (Value::Bytes(x), _) => write_string(out, &super::digest::base64(x)),
        (Value::Timestamp(x), _) => quote(out, |out| text::write_timestamp(out, *x)),
        (Value::Duration(x), _) => quote(out, |out| text::write_duration(out, *x)),
        (Value::List(items), DataType::List(of)) => {
            separated(out, ['[', ']'], items.iter(), |out, item| write(out, item, of));
        }
        (Value::Map(entries), DataType::Map(of)) => {
            separated(out, ['{', '}'], entries.iter(), |out, (key, value)| {
                write_string(out, key);
                out.push(':');
                write(out, value, of);
            })
        }
        (Value::Record(values), DataType::Record(record)) => {
            let fields = record.fields.iter().zip(values.iter());
            separated(out, ['{', '}'], fields, |out, (field, value)| {
                write_string(out, &field.name);
                out.push(':');
                write(out, value, &field.ty);
            });
        }
        (Value::Json(json), _) => out.push_str(&json.to_string()),
        // Not reached by typed plans.
        _ => out.push_str("null"),
    }
}

fn separated<T>(
    out: &mut String,
    ends: [char; 2],
    items: impl Iterator<Item = T>,
    mut each: impl FnMut(&mut String, T),
) {
    out.push(ends[0]);
    for (i, item) in items.enumerate() {
        if i > 0 {
            out.push(',');
        }
        each(out, item);
    }
    out.push(ends[1]);
}

fn quote(out: &mut String, write: impl FnOnce(&mut String)) {
    out.push('"');
    write(out);
    out.push('"');
}

/// A JSON string with its escapes.
pub fn write_string(out: &mut String, text: &str) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            c if c < ' ' => out.push_str(&format!("\\u{:04x}", c as u32)),
            c => out.push(c),
        }
    }
    out.push('"');
}

/// A value as JSON data.
pub fn to_json(value: &Value, ty: &DataType) -> Json {
    match (value, ty.unwrapped()) {
        (Value::Bool(x), _) => Json::Bool(*x),
        (Value::Int(x), _) => Json::from(*x),
        (Value::Float(x), _) => Json::from(*x),
        (Value::Decimal(x), _) => decimal_number(x),
        (Value::String(x), _) => Json::from(&**x),
        (Value::List(items), DataType::List(of)) => items.iter().map(|item| to_json(item, of)).collect(),
        (Value::Map(entries), DataType::Map(of)) => {
            Json::Object(entries.iter().map(|(k, v)| (k.to_string(), to_json(v, of))).collect())
        }
        (Value::Record(values), DataType::Record(record)) => {
            let fields = record.fields.iter().zip(values.iter());
            Json::Object(fields.map(|(f, v)| (f.name.to_string(), to_json(v, &f.ty))).collect())
        }
        (Value::Json(json), _) => (**json).clone(),
        (Value::Null, _) => Json::Null,
        (other, ty) => {
            let mut out = String::new();
            write(&mut out, other, ty);
            serde_json::from_str(&out).unwrap_or(Json::Null)
        }
    }
}

fn decimal_number(x: &rust_decimal::Decimal) -> Json {
    serde_json::from_str(&x.to_string()).unwrap_or(Json::Null)
}

/// `json.name`, `json["name"]`: null when absent, and for JSON's own null.
pub(crate) fn field(json: &Json, name: &str) -> Value {
    value_of(json.get(name))
}

/// `json[0]`: likewise.
pub(crate) fn item(json: &Json, index: i64) -> Value {
    value_of(usize::try_from(index).ok().and_then(|index| json.get(index)))
}

fn value_of(json: Option<&Json>) -> Value {
    match json {
        None | Some(Json::Null) => Value::Null,
        Some(found) => Value::Json(Arc::new(found.clone())),
    }
}
