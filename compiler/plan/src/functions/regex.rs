//! Regular expressions: compiled once per pattern, matched in time linear in the text.

use crate::error::{Fault, quoted};
use regex::Regex;

/// Compiles a pattern; the message of a broken one is a single line.
pub fn compile(pattern: &str) -> Result<Regex, Fault> {
    Regex::new(pattern).map_err(|error| {
        let text = error.to_string();
        let reason = text.lines().last().unwrap_or("malformed").trim_start_matches("error: ");
        Fault::argument(format!("{} is not a regular expression: {reason}", quoted(pattern)))
    })
}

/// What a group of the first match holds; without a number group 1, or the whole match if there are no groups.
pub fn extract<'t>(regex: &Regex, text: &'t str, group: Option<i64>) -> Option<&'t str> {
    let default = i64::from(regex.captures_len() > 1);
    let group = usize::try_from(group.unwrap_or(default)).ok()?;
    if group == 0 {
        return regex.find(text).map(|found| found.as_str());
    }
    regex.captures(text)?.get(group).map(|found| found.as_str())
}
