//! How large a value may become. A script of one line can ask for more memory than any machine has
//! (a text repeated, split into characters, each of them repeated); what a record asks for beyond
//! these limits is a record error, in native code as in the evaluator.

use crate::error::{ErrorCode, Fault};
use crate::value::Value;
use serde_json::Value as Json;

/// Bytes of text (and of `bytes`) that one value may hold, all that is nested in it together.
pub const MAX_TEXT: usize = 64 << 20;
/// Elements, entries and fields that one value may hold, all that is nested in it together.
pub const MAX_ITEMS: usize = 16 << 20;

/// The room that is left for a value.
#[derive(Clone, Copy, Debug)]
pub struct Room {
    text: usize,
    items: usize,
}

impl Default for Room {
    fn default() -> Room {
        Room::of(MAX_TEXT, MAX_ITEMS)
    }
}

impl Room {
    /// Room for so many bytes of text and so many elements.
    pub fn of(text: usize, items: usize) -> Room {
        Room { text, items }
    }

    /// Takes room for so many bytes of text.
    pub fn text(&mut self, bytes: usize) -> Result<(), Fault> {
        self.text = self.text.checked_sub(bytes).ok_or_else(too_much_text)?;
        Ok(())
    }

    /// Takes room for so many elements, without what they hold.
    pub fn items(&mut self, count: usize) -> Result<(), Fault> {
        self.items = self.items.checked_sub(count).ok_or_else(too_many_items)?;
        Ok(())
    }

    /// Takes room for one element with all it holds.
    pub fn item(&mut self, value: &Value) -> Result<(), Fault> {
        self.items(1)?;
        self.value(value)
    }

    fn value(&mut self, value: &Value) -> Result<(), Fault> {
        match value {
            Value::String(s) => self.text(s.len()),
            Value::Bytes(b) => self.text(b.len()),
            Value::List(items) | Value::Record(items) => {
                self.items(items.len())?;
                items.iter().try_for_each(|item| self.value(item))
            }
            Value::Map(entries) => {
                self.items(entries.len())?;
                entries.iter().try_for_each(|(key, value)| {
                    self.text(key.len())?;
                    self.value(value)
                })
            }
            Value::Json(json) => self.json(json),
            _ => Ok(()),
        }
    }

    fn json(&mut self, json: &Json) -> Result<(), Fault> {
        match json {
            Json::String(s) => self.text(s.len()),
            Json::Array(items) => {
                self.items(items.len())?;
                items.iter().try_for_each(|item| self.json(item))
            }
            Json::Object(entries) => {
                self.items(entries.len())?;
                entries.iter().try_for_each(|(key, value)| {
                    self.text(key.len())?;
                    self.json(value)
                })
            }
            _ => Ok(()),
        }
    }
}

/// The value, if it is within the limits.
pub fn checked(value: Value) -> Result<Value, Fault> {
    Room::default().value(&value)?;
    Ok(value)
}

/// A list within the limits, element by element: it ends where the room does.
pub fn list(items: impl IntoIterator<Item = Value>) -> Result<Value, Fault> {
    let mut room = Room::default();
    let mut list = Vec::new();
    for item in items {
        room.item(&item)?;
        list.push(item);
    }
    Ok(Value::List(list.into()))
}

/// Texts one behind the other, within the limits.
pub fn joined<'a>(parts: impl IntoIterator<Item = &'a str>) -> Result<String, Fault> {
    let mut out = String::new();
    for part in parts {
        if out.len() + part.len() > MAX_TEXT {
            return Err(too_much_text());
        }
        out.push_str(part);
    }
    Ok(out)
}

/// What a text larger than [`MAX_TEXT`] gives.
pub fn too_much_text() -> Fault {
    Fault::new(ErrorCode::TooLarge, "the value would hold more than 64 MiB of text")
}

fn too_many_items() -> Fault {
    Fault::new(ErrorCode::TooLarge, "the value would hold more than 16,777,216 elements")
}
