//! The type of JSON objects, one a line.

use super::guess::{Guess, Object};
use super::{Inferred, bytes};
use crate::block::Block;
use flow_plan::RecordType;
use flow_plan::text::parse_timestamp;
use serde_json::Value;

pub(super) fn infer(sample: &[Block], whole: bool) -> Result<Inferred, String> {
    let mut rows = Object::default();
    let (mut count, mut line_number, mut bad) = (0, 0, Vec::new());
    for line in sample.iter().flat_map(|block| bytes(block).split_inclusive(|&b| b == b'\n')) {
        line_number += 1;
        if line.trim_ascii().is_empty() {
            continue;
        }
        match serde_json::from_slice(line) {
            Ok(Value::Object(object)) => {
                count += 1;
                rows.begin();
                object.iter().for_each(|(name, value)| learn(rows.field(name), value));
            }
            Ok(_) | Err(_) if count + bad.len() == 0 && line.trim_ascii_start().starts_with(b"[") => {
                return Err("it holds a list; the format json is one object a line".into());
            }
            Err(_) if count + bad.len() == 0 && line.trim_ascii() == b"{" => {
                return Err("its objects go over several lines; the format json is one object a line".into());
            }
            Ok(_) => {
                bad.push((line_number, "is no object; the format json is one object a line".to_string()))
            }
            Err(error) => {
                // It knows the line as the only one.
                let why = error.to_string();
                let why = why.split(" at line ").next().unwrap_or_default();
                bad.push((line_number, format!("is no JSON: {why} at column {}", error.column())));
            }
        }
    }
    let first_bad = bad.first().map(|(line, why)| format!("line {line} {why}"));
    if let (0, Some(why)) = (count, &first_bad) {
        return Err(why.clone());
    }
    let ty = RecordType::new(rows.fields());
    Ok(Inferred { ty, format: "json".into(), rows: count, bad: bad.len(), first_bad, whole })
}

fn learn(guess: &mut Guess, value: &Value) {
    match value {
        Value::Null => guess.null(),
        Value::Bool(_) => guess.bool(),
        Value::Number(n) if n.is_i64() => guess.int(),
        Value::Number(_) => guess.float(),
        Value::String(text) => guess.text(parse_timestamp(text).is_some()),
        Value::Array(items) => {
            if let Some(of) = guess.list() {
                items.iter().for_each(|item| learn(of, item));
            }
        }
        Value::Object(members) => {
            if let Some(object) = guess.object() {
                object.begin();
                members.iter().for_each(|(name, value)| learn(object.field(name), value));
            }
        }
    }
}
