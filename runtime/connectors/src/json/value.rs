//! Values of JSON, completely: nested lists, maps, records and `json`, and stepping over values that
//! nobody reads. Slower than the column decoders, which come here for everything unusual.

use super::string;
use crate::base64;
use crate::fault::{Fault, code, shown};
use crate::rows::Kind;
use crate::scan::Text;
use crate::{number, time};
use flow_plan::connector::TimeUnit;
use flow_plan::{DataType, RecordType, Value};
use std::sync::Arc;

/// How deep lists and objects may be nested in a value that is read.
pub(crate) const MAX_DEPTH: usize = 128;

/// A JSON error at a position.
pub(crate) fn unexpected(text: Text<'_>, at: usize, expected: &str) -> Fault {
    let found = match text.byte(at) {
        b'\n' => "the end of the line".to_string(),
        b if b.is_ascii_graphic() => format!("`{}`", b as char),
        b => format!("byte 0x{b:02x}"),
    };
    Fault::new(code::BAD_JSON, format!("expected {expected}, found {found}"))
}

/// The first byte at or behind `at` that is no blank (a line end is none).
#[inline(always)]
pub(crate) fn skip_blanks(text: Text<'_>, mut at: usize) -> usize {
    while matches!(text.byte(at), b' ' | b'\t' | b'\r') {
        at += 1;
    }
    at
}

/// Steps over a value without looking into it: strings and brackets are matched, the rest runs to
/// the next comma, bracket or blank.
#[inline(always)]
pub(crate) fn skip(text: Text<'_>, at: usize) -> Result<usize, Fault> {
    match text.byte(at) {
        b'"' => Ok(string::end(text, at + 1)? + 1),
        b'{' | b'[' => skip_nested(text, at),
        _ => {
            let end = text.scalar_end(at);
            if end == at { skip_behind_blanks(text, at) } else { Ok(end) }
        }
    }
}

/// Behind a guessed key there may be more blanks than last time.
#[cold]
fn skip_behind_blanks(text: Text<'_>, at: usize) -> Result<usize, Fault> {
    let value = skip_blanks(text, at);
    if value == at { Err(unexpected(text, at, "a value")) } else { skip(text, value) }
}

fn skip_nested(text: Text<'_>, mut at: usize) -> Result<usize, Fault> {
    let mut depth = 0usize;
    loop {
        match text.byte(at) {
            b'"' => at = string::end(text, at + 1)?,
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth -= 1,
            b'\n' => return Err(unexpected(text, at, "a closing bracket")),
            _ => {}
        }
        at += 1;
        if depth == 0 {
            return Ok(at);
        }
    }
}

/// The bytes of a number, `true`, `false` or `null`.
pub(crate) fn scalar<'t>(text: Text<'t>, at: usize) -> &'t [u8] {
    text.slice(at, text.scalar_end(at))
}

fn mismatch(text: Text<'_>, at: usize, expected: &DataType) -> Fault {
    let found = match text.byte(at) {
        b'"' => match string::end(text, at + 1) {
            Ok(end) => format!("the string {}", shown(text.slice(at, end + 1))),
            Err(fault) => return fault,
        },
        b'{' => "an object".into(),
        b'[' => "a list".into(),
        _ => {
            let bytes = scalar(text, at);
            let known = matches!(bytes, b"true" | b"false" | b"null") || number::is_json_number(bytes);
            if !known {
                return unexpected(text, at, "a value");
            }
            shown(bytes)
        }
    };
    Fault::new(code::WRONG_TYPE, format!("expected {}, found {found}", article(expected)))
}

/// A type with its article.
fn article(ty: &DataType) -> String {
    let name = ty.unwrapped().to_string();
    let an = name.starts_with(['a', 'e', 'i', 'o', 'u']);
    format!("{} {name}", if an { "an" } else { "a" })
}

/// A parser of one value at a time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Values {
    /// What a number means where a timestamp is read.
    pub(crate) time_unit: TimeUnit,
}

impl Values {
    /// The value at `at` (no blank) and the position behind it. `null` only if the type is optional.
    pub(crate) fn read(
        self,
        text: Text<'_>,
        at: usize,
        ty: &DataType,
        depth: usize,
    ) -> Result<(Value, usize), Fault> {
        if ty.is_optional() && text.byte(at) == b'n' && scalar(text, at) == b"null" {
            return Ok((Value::Null, at + 4));
        }
        match ty.unwrapped() {
            DataType::Json => self.json(text, at, depth),
            DataType::List(of) => self.list(text, at, of, depth),
            DataType::Map(of) => self.map(text, at, of, depth),
            DataType::Record(record) => self.record(text, at, record, depth),
            _ => self.scalar(text, at, ty),
        }
    }

    /// A value of a scalar type.
    pub(crate) fn scalar(self, text: Text<'_>, at: usize, ty: &DataType) -> Result<(Value, usize), Fault> {
        if text.byte(at) == b'"' {
            let end = string::end(text, at + 1)?;
            let value = self.from_string(text.slice(at + 1, end), ty)?;
            return value.map(|v| (v, end + 1)).ok_or_else(|| mismatch(text, at, ty));
        }
        let bytes = scalar(text, at);
        let value = match (Kind::of(ty), bytes) {
            (Kind::Bool, b"true") => Value::Bool(true),
            (Kind::Bool, b"false") => Value::Bool(false),
            (kind, _) if number::is_json_number(bytes) => match kind {
                Kind::Int if bytes.iter().any(|b| matches!(b, b'.' | b'e' | b'E')) => {
                    return Err(mismatch(text, at, ty));
                }
                Kind::Int => Value::Int(number::int(bytes)?),
                Kind::Float => Value::Float(number::float(bytes)?),
                Kind::Decimal => Value::Decimal(number::decimal(bytes)?),
                Kind::Timestamp => Value::Timestamp(time::from_number(bytes, self.time_unit)?),
                Kind::Duration => Value::Duration(time::from_number(bytes, self.time_unit)?),
                _ => return Err(mismatch(text, at, ty)),
            },
            _ => return Err(mismatch(text, at, ty)),
        };
        Ok((value, at + bytes.len()))
    }

    /// A string as a value of this type; `None` if strings are none.
    #[allow(clippy::wrong_self_convention, reason = "it reads from a string, by these rules")]
    fn from_string(self, bytes: &[u8], ty: &DataType) -> Result<Option<Value>, Fault> {
        let text = string::unescape(bytes)?;
        Ok(Some(match Kind::of(ty) {
            Kind::String => Value::string(text),
            Kind::Timestamp => Value::Timestamp(time::timestamp(text.as_bytes())?),
            Kind::Duration => Value::Duration(time::duration(text.as_bytes())?),
            Kind::Decimal => Value::Decimal(number::decimal(text.as_bytes())?),
            Kind::Bytes => Value::Bytes(base64::decode(text.as_bytes())?.into()),
            _ => return Ok(None),
        }))
    }

    fn json(self, text: Text<'_>, at: usize, depth: usize) -> Result<(Value, usize), Fault> {
        let end = skip(text, at)?;
        let bytes = text.slice(at, end);
        too_deep(bytes, depth)?;
        match serde_json::from_slice(bytes) {
            Ok(value) => Ok((Value::Json(Arc::new(value)), end)),
            Err(error) => Err(Fault::new(code::BAD_JSON, format!("no JSON value: {error}"))),
        }
    }

    fn list(self, text: Text<'_>, at: usize, of: &DataType, depth: usize) -> Result<(Value, usize), Fault> {
        if text.byte(at) != b'[' {
            return Err(mismatch(text, at, &DataType::list(of.clone())));
        }
        deeper(depth)?;
        let mut items = Vec::new();
        let mut at = skip_blanks(text, at + 1);
        if text.byte(at) == b']' {
            return Ok((Value::List(items.into()), at + 1));
        }
        loop {
            let (item, behind) = self.read(text, at, of, depth + 1)?;
            items.push(item);
            at = skip_blanks(text, behind);
            match text.byte(at) {
                b',' => at = skip_blanks(text, at + 1),
                b']' => return Ok((Value::List(items.into()), at + 1)),
                _ => return Err(unexpected(text, at, "`,` or `]`")),
            }
        }
    }

    fn map(self, text: Text<'_>, at: usize, of: &DataType, depth: usize) -> Result<(Value, usize), Fault> {
        if text.byte(at) != b'{' {
            return Err(mismatch(text, at, &DataType::map(of.clone())));
        }
        let mut entries: Vec<(Arc<str>, Value)> = Vec::new();
        let at = members(text, at, depth, |key, at| {
            let (value, at) = self.read(text, at, of, depth + 1)?;
            entries.push((key.into(), value));
            Ok(at)
        })?;
        // A stable sort, so that the first of equal keys stays the first.
        entries.sort_by(|a, b| a.0.cmp(&b.0));
        entries.dedup_by(|later, first| later.0 == first.0);
        Ok((Value::Map(entries.into()), at))
    }

    fn record(
        self,
        text: Text<'_>,
        at: usize,
        record: &Arc<RecordType>,
        depth: usize,
    ) -> Result<(Value, usize), Fault> {
        if text.byte(at) != b'{' {
            return Err(mismatch(text, at, &DataType::Record(record.clone())));
        }
        let mut found: Vec<Option<Value>> = vec![None; record.fields.len()];
        let at = members(text, at, depth, |key, at| match record.position(&key) {
            Some(i) if found[i].is_none() => {
                let field = &record.fields[i];
                let (value, at) =
                    self.read(text, at, &field.ty, depth + 1).map_err(|f| f.in_field(&field.name))?;
                found[i] = Some(value);
                Ok(at)
            }
            _ => skip(text, at),
        })?;
        let filled = found.into_iter().zip(&record.fields).map(|(value, field)| match value {
            Some(value) => Ok(value),
            None if field.ty.is_optional() => Ok(Value::Null),
            None => Err(missing(&field.name, &field.ty)),
        });
        Ok((Value::Record(filled.collect::<Result<_, _>>()?), at))
    }
}

/// A field that is not there.
pub(crate) fn missing(name: &str, ty: &DataType) -> Fault {
    Fault::new(
        code::MISSING_FIELD,
        format!("field `{name}` is missing (if it may be, its type is `{}?`)", ty.unwrapped()),
    )
}

fn deeper(depth: usize) -> Result<(), Fault> {
    if depth < MAX_DEPTH {
        return Ok(());
    }
    Err(Fault::new(code::TOO_DEEP, format!("nested deeper than {MAX_DEPTH} levels")))
}

/// Refuses a `json` value that is nested too deep, before a recursive parser sees it.
fn too_deep(bytes: &[u8], mut depth: usize) -> Result<(), Fault> {
    let (mut inside, mut escaped) = (false, false);
    for &b in bytes {
        match b {
            _ if escaped => escaped = false,
            b'\\' if inside => escaped = true,
            b'"' => inside = !inside,
            b'{' | b'[' if !inside => {
                deeper(depth)?;
                depth += 1;
            }
            b'}' | b']' if !inside => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    Ok(())
}

/// Goes through an object; `each` gets a key and where its value starts, and gives where it ends.
fn members(
    text: Text<'_>,
    at: usize,
    depth: usize,
    mut each: impl FnMut(String, usize) -> Result<usize, Fault>,
) -> Result<usize, Fault> {
    deeper(depth)?;
    let mut at = skip_blanks(text, at + 1);
    if text.byte(at) == b'}' {
        return Ok(at + 1);
    }
    loop {
        let (key, value) = key(text, at)?;
        at = skip_blanks(text, each(string::unescape(key)?, value)?);
        match text.byte(at) {
            b',' => at = skip_blanks(text, at + 1),
            b'}' => return Ok(at + 1),
            _ => return Err(unexpected(text, at, "`,` or `}`")),
        }
    }
}

/// The key at `at` between its quotes, still escaped, and where its value starts.
pub(crate) fn key<'t>(text: Text<'t>, at: usize) -> Result<(&'t [u8], usize), Fault> {
    if text.byte(at) != b'"' {
        return Err(unexpected(text, at, "a key in quotes"));
    }
    let end = string::end(text, at + 1)?;
    let colon = skip_blanks(text, end + 1);
    if text.byte(colon) != b':' {
        return Err(unexpected(text, colon, "`:`"));
    }
    Ok((text.slice(at + 1, end), skip_blanks(text, colon + 1)))
}
