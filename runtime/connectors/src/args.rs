//! Arguments of a connector call as Rust values. The checker saw to their types.

use flow_plan::Value;
use flow_plan::connector::{ArgValue, ConnectorCall};

/// A string, or a secret from the environment.
pub(crate) fn string(call: &ConnectorCall, name: &str) -> Option<String> {
    match &call.arg(name)?.value {
        ArgValue::Value(Value::String(text)) => Some(text.to_string()),
        ArgValue::Word(text) => Some(text.clone()),
        ArgValue::Secret(name) => std::env::var(name).ok(),
        ArgValue::Env { name, default } => std::env::var(name).ok().or_else(|| default.clone()),
        _ => None,
    }
}

/// A bare word.
pub(crate) fn word<'c>(call: &'c ConnectorCall, name: &str) -> Option<&'c str> {
    match &call.arg(name)?.value {
        ArgValue::Word(text) => Some(text),
        ArgValue::Value(Value::String(text)) => Some(text),
        _ => None,
    }
}

/// `true` or `false`.
pub(crate) fn boolean(call: &ConnectorCall, name: &str) -> Option<bool> {
    match call.arg(name)?.value {
        ArgValue::Value(Value::Bool(value)) => Some(value),
        _ => None,
    }
}

/// An int, a size in bytes or a duration in microseconds.
pub(crate) fn int(call: &ConnectorCall, name: &str) -> Option<i64> {
    match call.arg(name)?.value {
        ArgValue::Value(Value::Int(value) | Value::Duration(value)) => Some(value),
        _ => None,
    }
}

/// An int or float.
pub(crate) fn number(call: &ConnectorCall, name: &str) -> Option<f64> {
    match call.arg(name)?.value {
        ArgValue::Value(Value::Int(value)) => Some(value as f64),
        ArgValue::Value(Value::Float(value)) => Some(value),
        _ => None,
    }
}

/// Field names.
pub(crate) fn names(call: &ConnectorCall, name: &str) -> Vec<String> {
    match call.arg(name).map(|arg| &arg.value) {
        Some(ArgValue::Names(names)) => names.clone(),
        Some(ArgValue::Word(name)) => vec![name.clone()],
        Some(ArgValue::Value(Value::String(name))) => vec![name.to_string()],
        _ => Vec::new(),
    }
}
