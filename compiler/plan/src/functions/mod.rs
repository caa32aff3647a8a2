//! What the built-in functions compute. One file per group, each of plain functions over Rust types
//! (which native code calls too) and one dispatcher over [`Value`]s.
//!
//! Functions that take lambdas are the evaluator's own ([`crate::eval`]): only it can run a body.

pub mod digest;
pub mod json;
pub mod list;
pub mod math;
pub mod pattern;
pub mod regex;
pub mod string;
#[cfg(test)]
mod tests;
pub mod time;
pub mod url;

use crate::catalogue::{Func, Group};
use crate::civil::Zone;
use crate::error::Fault;
use crate::types::DataType;
use crate::value::Value;
use std::collections::HashMap;
use std::sync::Arc;

/// What functions need besides their arguments: the time, and patterns that are made only once.
#[derive(Debug, Default)]
pub struct Context {
    /// The wall clock in microseconds: what `now()` gives.
    pub now: i64,
    regexes: Cache<::regex::Regex>,
    zones: Cache<Zone>,
    patterns: Cache<pattern::Pattern>,
}

impl Context {
    /// A context at this time.
    pub fn new(now: i64) -> Context {
        Context { now, ..Context::default() }
    }

    fn regex(&mut self, text: &str) -> Result<&::regex::Regex, Fault> {
        self.regexes.get(text, regex::compile)
    }

    fn zone(&mut self, name: &str) -> Result<Zone, Fault> {
        self.zones.get(name, Zone::find).cloned()
    }

    fn pattern(&mut self, text: &str) -> Result<&pattern::Pattern, Fault> {
        self.patterns.get(text, pattern::Pattern::parse)
    }
}

/// Things made from texts. Scripts have few patterns; when they come from the data it starts anew
/// rather than grow.
#[derive(Debug)]
struct Cache<T>(HashMap<Box<str>, Result<T, Fault>>);

impl<T> Default for Cache<T> {
    fn default() -> Cache<T> {
        Cache(HashMap::new())
    }
}

impl<T> Cache<T> {
    const LIMIT: usize = 256;

    fn get(&mut self, text: &str, make: impl FnOnce(&str) -> Result<T, Fault>) -> Result<&T, Fault> {
        if !self.0.contains_key(text) {
            if self.0.len() >= Self::LIMIT {
                self.0.clear();
            }
            self.0.insert(text.into(), make(text));
        }
        self.0[text].as_ref().map_err(Clone::clone)
    }
}

/// Calls a function that takes no lambda. `types` are those of the arguments.
pub fn call(func: Func, args: &[Value], types: &[&DataType], context: &mut Context) -> Result<Value, Fault> {
    match func.def().group {
        Group::String | Group::Internal => string::call(func, args, context),
        Group::Math => math::call(func, args),
        Group::Time => time::call(func, args, context),
        Group::Logic => logic(func, args),
        Group::List => list::call(func, args),
        Group::Json => json::call(func, args, types),
    }
}

fn logic(func: Func, args: &[Value]) -> Result<Value, Fault> {
    match (func, args) {
        (Func::Coalesce, args) => Ok(args.iter().find(|x| !x.is_null()).cloned().unwrap_or(Value::Null)),
        (Func::IsNull, [x]) => Ok(Value::Bool(x.is_null())),
        _ => Err(Fault::untyped()),
    }
}

/// What is wrong with a constant argument: a pattern or time zone that every record would trip over.
pub fn bad_constant(func: Func, index: usize, text: &str) -> Option<String> {
    let checked = match (func, index) {
        (Func::Matches | Func::RegexExtract | Func::RegexReplace, 1) => regex::compile(text).map(drop),
        (Func::Format | Func::ParseTimestamp, 1) => pattern::Pattern::parse(text).map(drop),
        (Func::Format | Func::ParseTimestamp | Func::Truncate, 2) => Zone::find(text).map(drop),
        _ if is_calendar(func) && index == 1 => Zone::find(text).map(drop),
        _ => return None,
    };
    checked.err().map(|fault| fault.message)
}

/// Does it read the calendar: a moment and a `zone:`?
pub fn is_calendar(func: Func) -> bool {
    use Func::*;
    matches!(func, Year | Month | Day | Hour | Minute | Second | DayOfWeek | DayOfYear)
}

/// A list value.
fn list_of(items: impl IntoIterator<Item = Value>) -> Value {
    Value::List(items.into_iter().collect::<Vec<_>>().into())
}

fn optional_string(text: Option<impl Into<Arc<str>>>) -> Value {
    text.map_or(Value::Null, |text| Value::String(text.into()))
}
