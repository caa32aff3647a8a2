//! String functions. Positions and widths count characters (Unicode scalar values).

use super::{Context, digest, list_of, optional_string, regex, url};
use crate::catalogue::Func;
use crate::error::Fault;
use crate::limits::{self, MAX_TEXT};
use crate::order::compare;
use crate::value::Value;

pub(super) fn call(func: Func, args: &[Value], context: &mut Context) -> Result<Value, Fault> {
    use Value::{Bool, Bytes, Int, List, Map, String as S};
    let result = match (func, args) {
        (Func::Len, [x]) => Int(len(x).ok_or_else(Fault::untyped)?),
        (Func::Lower, [S(s)]) => Value::string(s.to_lowercase()),
        (Func::Upper, [S(s)]) => Value::string(s.to_uppercase()),
        (Func::Trim, [S(s)]) => Value::string(s.trim()),
        (Func::Split, [S(s)]) => limits::list(s.split_whitespace().map(Value::string))?,
        (Func::Split, [S(s), S(separator)]) if separator.is_empty() => {
            limits::list(s.chars().map(|c| Value::string(c.encode_utf8(&mut [0; 4]) as &str)))?
        }
        (Func::Split, [S(s), S(separator)]) => limits::list(s.split(&**separator).map(Value::string))?,
        (Func::Join, [List(items), S(separator)]) => Value::string(join(items, separator)?),
        (Func::Replace, [S(s), S(from), S(_)]) if from.is_empty() => S(s.clone()),
        (Func::Replace, [S(s), S(from), S(to)]) => Value::string(replace(s, from, to)?),
        (Func::Contains, [S(s), S(part)]) => Bool(s.contains(&**part)),
        (Func::Contains, [List(items), x]) => Bool(items.iter().any(|item| compare(item, x).is_eq())),
        (Func::Contains, [Map(entries), S(key)]) => {
            Bool(entries.binary_search_by(|(k, _)| k.cmp(key)).is_ok())
        }
        (Func::StartsWith, [S(s), S(prefix)]) => Bool(s.starts_with(&**prefix)),
        (Func::EndsWith, [S(s), S(suffix)]) => Bool(s.ends_with(&**suffix)),
        (Func::Substring, [S(s), Int(start)]) => Value::string(substring(s, *start, i64::MAX)),
        (Func::Substring, [S(s), Int(start), Int(end)]) => Value::string(substring(s, *start, *end)),
        (Func::IndexOf, [S(s), S(part)]) => index_of(s, part).map_or(Value::Null, Int),
        (Func::PadLeft, [S(s), Int(width)]) => Value::string(pad(s, *width, " ", true)?),
        (Func::PadLeft, [S(s), Int(width), S(fill)]) => Value::string(pad(s, *width, fill, true)?),
        (Func::PadRight, [S(s), Int(width)]) => Value::string(pad(s, *width, " ", false)?),
        (Func::PadRight, [S(s), Int(width), S(fill)]) => Value::string(pad(s, *width, fill, false)?),
        (Func::Repeat, [S(s), Int(times)]) => Value::string(repeat(s, *times)?),
        (Func::Reverse, [S(s)]) => Value::string(s.chars().rev().collect::<String>()),
        (Func::Reverse, [List(items)]) => list_of(items.iter().rev().cloned()),
        (Func::Matches, [S(s), S(pattern)]) => Bool(context.regex(pattern)?.is_match(s)),
        (Func::RegexExtract, [S(s), S(pattern)]) => {
            optional_string(regex::extract(context.regex(pattern)?, s, None))
        }
        (Func::RegexExtract, [S(s), S(pattern), Int(group)]) => {
            optional_string(regex::extract(context.regex(pattern)?, s, Some(*group)))
        }
        (Func::RegexReplace, [S(s), S(pattern), S(replacement)]) => {
            Value::string(regex::replace(context.regex(pattern)?, s, replacement)?)
        }
        (Func::CharAt, [S(s), Int(index)]) => optional_string(char_at(s, *index)),
        (Func::ToBytes, [S(s)]) => Bytes(s.as_bytes().into()),
        (Func::Hex, [Int(number)]) => Value::string(format!("{number:x}")),
        (Func::Hex | Func::Base64 | Func::Md5 | Func::Sha256, [x]) => {
            Value::string(digest::call(func, bytes(x).ok_or_else(Fault::untyped)?))
        }
        (Func::UrlHost, [S(s)]) => optional_string(url::host(s)),
        (Func::UrlPath, [S(s)]) => optional_string(url::path(s)),
        (Func::UrlParam, [S(s), S(name)]) => optional_string(url::param(s, name)),
        (Func::SplitPart, [S(s), S(separator), Int(index)]) => {
            optional_string(split_part(s, separator, *index))
        }
        (Func::Concat, args) => Value::string(concat(args)?),
        _ => return Err(Fault::untyped()),
    };
    Ok(result)
}

fn len(x: &Value) -> Option<i64> {
    let len = match x {
        Value::String(s) => s.chars().count(),
        Value::Bytes(b) => b.len(),
        Value::List(items) => items.len(),
        Value::Map(entries) => entries.len(),
        _ => return None,
    };
    Some(len as i64)
}

fn bytes(x: &Value) -> Option<&[u8]> {
    match x {
        Value::String(s) => Some(s.as_bytes()),
        Value::Bytes(b) => Some(b),
        _ => None,
    }
}

fn text(x: &Value) -> Result<&str, Fault> {
    match x {
        Value::String(s) => Ok(s),
        _ => Err(Fault::untyped()),
    }
}

fn concat(parts: &[Value]) -> Result<String, Fault> {
    let texts: Vec<&str> = parts.iter().map(text).collect::<Result<_, _>>()?;
    limits::joined(texts)
}

fn join(parts: &[Value], separator: &str) -> Result<String, Fault> {
    let texts: Vec<&str> = parts.iter().map(text).collect::<Result<_, _>>()?;
    let separated = |(i, text)| [if i > 0 { separator } else { "" }, text];
    limits::joined(texts.into_iter().enumerate().flat_map(separated))
}

/// One of the parts between separators; an empty separator stands between all characters.
pub fn split_part<'s>(s: &'s str, separator: &str, index: i64) -> Option<&'s str> {
    match usize::try_from(index) {
        Ok(_) if separator.is_empty() => char_at(s, index),
        Ok(index) => s.split(separator).nth(index),
        Err(_) => None,
    }
}

/// Characters from `start` up to, without, `end`, as far as there are any.
pub fn substring(s: &str, start: i64, end: i64) -> &str {
    let start = start.max(0);
    if end <= start {
        return "";
    }
    let from = byte_of(s, start);
    let length = byte_of(&s[from..], end - start);
    &s[from..from + length]
}

/// Where a character begins; behind the last one, the end.
fn byte_of(s: &str, index: i64) -> usize {
    let index = usize::try_from(index).unwrap_or(usize::MAX);
    s.char_indices().nth(index).map_or(s.len(), |(at, _)| at)
}

/// Position of the first occurrence in characters.
pub fn index_of(s: &str, part: &str) -> Option<i64> {
    s.find(part).map(|at| s[..at].chars().count() as i64)
}

/// The character at a position.
pub fn char_at(s: &str, index: i64) -> Option<&str> {
    let index = usize::try_from(index).ok()?;
    let (at, c) = s.char_indices().nth(index)?;
    Some(&s[at..at + c.len_utf8()])
}

/// The text so many times; a negative number is none.
pub fn repeat(s: &str, times: i64) -> Result<String, Fault> {
    let times = usize::try_from(times).unwrap_or(0);
    match s.len().checked_mul(times) {
        Some(size) if size <= MAX_TEXT => Ok(s.repeat(times)),
        _ => Err(limits::too_much_text()),
    }
}

/// The text made this wide by filling at the left or at the right.
fn pad(s: &str, width: i64, fill: &str, left: bool) -> Result<String, Fault> {
    let width = usize::try_from(width).unwrap_or(0);
    let missing = width.saturating_sub(s.chars().count());
    if missing == 0 || fill.is_empty() {
        return Ok(s.to_string());
    }
    if missing > MAX_TEXT {
        return Err(limits::too_much_text());
    }
    let padding: String = fill.chars().cycle().take(missing).collect();
    limits::joined(if left { [&padding, s] } else { [s, &padding] })
}

/// Every occurrence replaced; an empty text occurs nowhere.
pub fn replace(s: &str, from: &str, to: &str) -> Result<String, Fault> {
    if from.is_empty() {
        return Ok(s.to_string());
    }
    let separated = |(i, piece)| [if i > 0 { to } else { "" }, piece];
    limits::joined(s.split(from).enumerate().flat_map(separated))
}
