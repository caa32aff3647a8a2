//! Values of `list`, `map`, record and `json` columns, one behind the other: the one place that knows bincode.
//!
//! A value says what it is, so that it can be compared with the type it should have. Texts and bytes are borrowed while
//! they are read, and lists grow item by item: a length that lies finds the end of the bytes, not of the memory.

use super::{Bytes, Malformed, Unencodable};
use bincode::config::{Configuration, standard};
use bincode::de::{BorrowDecode, BorrowDecoder};
use bincode::enc::{Encode, Encoder};
use bincode::error::{DecodeError, EncodeError};
use flow_plan::{DataType, Value};
use rust_decimal::Decimal;
use serde_json::{Map, Number, Value as Json};
use std::sync::Arc;

/// How deep a value may be nested. Reading goes down as deep as the value does, so there must be an end to it; what
/// could not be read again is not written.
pub const MAX_DEPTH: u16 = 512;

const CONFIG: Configuration = standard();

/// What a value is. Numbers in files: they never change.
mod tag {
    pub(super) const NULL: u8 = 0;
    pub(super) const FALSE: u8 = 1;
    pub(super) const TRUE: u8 = 2;
    pub(super) const INT: u8 = 3;
    pub(super) const FLOAT: u8 = 4;
    pub(super) const DECIMAL: u8 = 5;
    pub(super) const STRING: u8 = 6;
    pub(super) const BYTES: u8 = 7;
    pub(super) const TIMESTAMP: u8 = 8;
    pub(super) const DURATION: u8 = 9;
    pub(super) const LIST: u8 = 10;
    pub(super) const MAP: u8 = 11;
    pub(super) const RECORD: u8 = 12;
    pub(super) const JSON: u8 = 13;
    /// In json only: a number that is no `int`.
    pub(super) const UNSIGNED: u8 = 14;
}

/// Appends values.
pub(super) fn encode(values: &[Value], out: &mut Vec<u8>) -> Result<(), Unencodable> {
    for value in values {
        // Writing to memory cannot fail; what fails is the depth.
        let stored = Outgoing { value, depth: 0 };
        bincode::encode_into_std_write(stored, out, CONFIG).map_err(|_| Unencodable::TooDeep)?;
    }
    Ok(())
}

/// Reads values of a type.
pub(super) fn decode(from: &mut Bytes<'_>, count: usize, ty: &DataType) -> Result<Vec<Value>, Malformed> {
    if count > from.rest().len() {
        return Err(from.wrong("it ends too early"));
    }
    let mut values = Vec::with_capacity(count);
    for _ in 0..count {
        let wrong = from.wrong("not a value of the column's type");
        let (Incoming(value), len) =
            bincode::borrow_decode_from_slice_with_context(from.rest(), CONFIG, Depth(0))
                .map_err(|_| wrong)?;
        if !fits(&value, ty) {
            return Err(wrong);
        }
        from.take(len)?;
        values.push(value);
    }
    Ok(values)
}

/// Is it a value of this type, or null?
fn fits(value: &Value, ty: &DataType) -> bool {
    match (value, ty.unwrapped()) {
        (Value::Null, _)
        | (Value::Bool(_), DataType::Bool)
        | (Value::Int(_), DataType::Int)
        | (Value::Float(_), DataType::Float)
        | (Value::Decimal(_), DataType::Decimal)
        | (Value::String(_), DataType::String)
        | (Value::Bytes(_), DataType::Bytes)
        | (Value::Timestamp(_), DataType::Timestamp)
        | (Value::Duration(_), DataType::Duration)
        | (Value::Json(_), DataType::Json) => true,
        (Value::List(items), DataType::List(of)) => items.iter().all(|item| fits(item, of)),
        (Value::Map(entries), DataType::Map(of)) => {
            entries.is_sorted_by(|a, b| a.0 < b.0) && entries.iter().all(|(_, value)| fits(value, of))
        }
        (Value::Record(fields), DataType::Record(record)) => {
            fields.len() == record.fields.len()
                && fields.iter().zip(&record.fields).all(|(value, field)| fits(value, &field.ty))
        }
        _ => false,
    }
}

struct Outgoing<'a> {
    value: &'a Value,
    depth: u16,
}

fn deeper(depth: u16) -> Result<u16, EncodeError> {
    if depth == MAX_DEPTH { Err(EncodeError::Other("nested too deep")) } else { Ok(depth + 1) }
}

impl Encode for Outgoing<'_> {
    fn encode<E: Encoder>(&self, to: &mut E) -> Result<(), EncodeError> {
        let depth = deeper(self.depth)?;
        let list = |to: &mut E, tag: u8, items: &[Value]| {
            (tag, items.len() as u64).encode(to)?;
            items.iter().try_for_each(|value| Outgoing { value, depth }.encode(to))
        };
        match self.value {
            Value::Null => tag::NULL.encode(to),
            Value::Bool(x) => if *x { tag::TRUE } else { tag::FALSE }.encode(to),
            Value::Int(x) => (tag::INT, *x).encode(to),
            Value::Float(x) => (tag::FLOAT, *x).encode(to),
            Value::Decimal(x) => (tag::DECIMAL, x.serialize()).encode(to),
            Value::String(x) => (tag::STRING, &**x).encode(to),
            Value::Bytes(x) => (tag::BYTES, &**x).encode(to),
            Value::Timestamp(x) => (tag::TIMESTAMP, *x).encode(to),
            Value::Duration(x) => (tag::DURATION, *x).encode(to),
            Value::List(items) => list(to, tag::LIST, items),
            Value::Record(fields) => list(to, tag::RECORD, fields),
            Value::Map(entries) => {
                (tag::MAP, entries.len() as u64).encode(to)?;
                entries.iter().try_for_each(|(key, value)| (&**key, Outgoing { value, depth }).encode(to))
            }
            Value::Json(json) => (tag::JSON, OutgoingJson { json, depth }).encode(to),
        }
    }
}

struct OutgoingJson<'a> {
    json: &'a Json,
    depth: u16,
}

impl Encode for OutgoingJson<'_> {
    fn encode<E: Encoder>(&self, to: &mut E) -> Result<(), EncodeError> {
        let depth = deeper(self.depth)?;
        match self.json {
            Json::Null => tag::NULL.encode(to),
            Json::Bool(x) => if *x { tag::TRUE } else { tag::FALSE }.encode(to),
            Json::Number(x) => match (x.as_i64(), x.as_u64()) {
                (Some(x), _) => (tag::INT, x).encode(to),
                (None, Some(x)) => (tag::UNSIGNED, x).encode(to),
                (None, None) => (tag::FLOAT, x.as_f64().unwrap_or(f64::NAN)).encode(to),
            },
            Json::String(x) => (tag::STRING, x.as_str()).encode(to),
            Json::Array(items) => {
                (tag::LIST, items.len() as u64).encode(to)?;
                items.iter().try_for_each(|json| OutgoingJson { json, depth }.encode(to))
            }
            Json::Object(entries) => {
                (tag::MAP, entries.len() as u64).encode(to)?;
                entries
                    .iter()
                    .try_for_each(|(key, json)| (key.as_str(), OutgoingJson { json, depth }).encode(to))
            }
        }
    }
}

/// How deep the value is that is being read.
struct Depth(u16);

struct Incoming(Value);

struct IncomingJson(Json);

const WRONG: DecodeError = DecodeError::Other("no value");

fn down<'de, D: BorrowDecoder<'de, Context = Depth>>(from: &mut D) -> Result<(), DecodeError> {
    if from.context().0 == MAX_DEPTH {
        return Err(WRONG);
    }
    from.context().0 += 1;
    Ok(())
}

/// As many items as the length in front says; each takes a byte at least, so a wrong length ends with the bytes.
fn items<'de, D: BorrowDecoder<'de, Context = Depth>, T: BorrowDecode<'de, Depth>>(
    from: &mut D,
) -> Result<Vec<T>, DecodeError> {
    let count = u64::borrow_decode(from)?;
    let mut items = Vec::new();
    for _ in 0..count {
        items.push(T::borrow_decode(from)?);
    }
    Ok(items)
}

impl<'de> BorrowDecode<'de, Depth> for Incoming {
    fn borrow_decode<D: BorrowDecoder<'de, Context = Depth>>(from: &mut D) -> Result<Self, DecodeError> {
        down(from)?;
        let values = |from: &mut D| -> Result<Arc<[Value]>, DecodeError> {
            Ok(items::<_, Incoming>(from)?.into_iter().map(|item| item.0).collect())
        };
        let value = match u8::borrow_decode(from)? {
            tag::NULL => Value::Null,
            tag::FALSE => Value::Bool(false),
            tag::TRUE => Value::Bool(true),
            tag::INT => Value::Int(i64::borrow_decode(from)?),
            tag::FLOAT => Value::Float(f64::borrow_decode(from)?),
            tag::DECIMAL => Value::Decimal(decimal(BorrowDecode::borrow_decode(from)?)?),
            tag::STRING => Value::String(<&str>::borrow_decode(from)?.into()),
            tag::BYTES => Value::Bytes(<&[u8]>::borrow_decode(from)?.into()),
            tag::TIMESTAMP => Value::Timestamp(i64::borrow_decode(from)?),
            tag::DURATION => Value::Duration(i64::borrow_decode(from)?),
            tag::LIST => Value::List(values(from)?),
            tag::RECORD => Value::Record(values(from)?),
            tag::MAP => {
                let entries = items::<_, (&str, Incoming)>(from)?.into_iter();
                Value::Map(entries.map(|(key, value)| (Arc::from(key), value.0)).collect())
            }
            tag::JSON => Value::Json(Arc::new(IncomingJson::borrow_decode(from)?.0)),
            _ => return Err(WRONG),
        };
        from.context().0 -= 1;
        Ok(Incoming(value))
    }
}

impl<'de> BorrowDecode<'de, Depth> for IncomingJson {
    fn borrow_decode<D: BorrowDecoder<'de, Context = Depth>>(from: &mut D) -> Result<Self, DecodeError> {
        down(from)?;
        let json = match u8::borrow_decode(from)? {
            tag::NULL => Json::Null,
            tag::FALSE => Json::Bool(false),
            tag::TRUE => Json::Bool(true),
            tag::INT => Json::from(i64::borrow_decode(from)?),
            tag::UNSIGNED => Json::from(u64::borrow_decode(from)?),
            tag::FLOAT => Json::Number(Number::from_f64(f64::borrow_decode(from)?).ok_or(WRONG)?),
            tag::STRING => Json::from(<&str>::borrow_decode(from)?),
            tag::LIST => items::<_, IncomingJson>(from)?.into_iter().map(|item| item.0).collect(),
            tag::MAP => {
                let entries = items::<_, (&str, IncomingJson)>(from)?;
                let count = entries.len();
                let object: Map<String, Json> =
                    entries.into_iter().map(|(key, json)| (key.to_string(), json.0)).collect();
                if object.len() != count {
                    return Err(WRONG);
                }
                Json::Object(object)
            }
            _ => return Err(WRONG),
        };
        from.context().0 -= 1;
        Ok(IncomingJson(json))
    }
}

fn decimal(bytes: [u8; 16]) -> Result<Decimal, DecodeError> {
    let value = Decimal::deserialize(bytes);
    if value.serialize() == bytes { Ok(value) } else { Err(WRONG) }
}
