//! The type of JSON objects, one a line.

use super::guess::{Guess, Object};
use super::{Inferred, bytes};
use crate::block::Block;
use flow_plan::RecordType;
use flow_plan::text::parse_timestamp;
use serde_json::Value;

pub(super) fn infer(sample: &[Block], whole: bool) -> Result<Inferred, String> {
    let mut rows = Object::default();
    let (mut count, mut line_number) = (0, 0);
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
            Ok(_) | Err(_) if line.trim_ascii_start().starts_with(b"[") => {
                return Err("it holds a list; the format json is one object a line".into());
            }
            Ok(_) => {
                return Err(format!("line {line_number} is no object; the format json is one object a line"));
            }
            Err(_) if line.trim_ascii() == b"{" => {
                return Err("its objects go over several lines; the format json is one object a line".into());
            }
            Err(error) => return Err(format!("line {line_number} is no JSON: {error}")),
        }
    }
    Ok(Inferred { ty: RecordType::new(rows.fields()), format: "json".into(), rows: count, whole })
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
