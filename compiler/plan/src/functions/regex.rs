//! Regular expressions: compiled once per pattern, matched in time linear in the text.

use crate::error::{Fault, quoted};
use crate::limits::{self, MAX_TEXT};
use regex::Regex;

/// A single replacement that might need more than this is not tried.
const EXPANDED: usize = 16 * MAX_TEXT;

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

/// Every match replaced; `$1` in the replacement is the first group.
pub fn replace(regex: &Regex, text: &str, replacement: &str) -> Result<String, Fault> {
    let references = replacement.bytes().filter(|b| *b == b'$').count();
    let mut out = String::new();
    let mut done = 0;
    for captures in regex.captures_iter(text) {
        let Some(whole) = captures.get(0) else { continue };
        // What one replacement may need at most is known before it is made.
        let most = whole.len().saturating_mul(references).saturating_add(replacement.len());
        if most > EXPANDED {
            return Err(limits::too_much_text());
        }
        out.push_str(&text[done..whole.start()]);
        captures.expand(replacement, &mut out);
        done = whole.end();
        if out.len() > MAX_TEXT {
            return Err(limits::too_much_text());
        }
    }
    limits::joined([&*out, &text[done..]])
}
