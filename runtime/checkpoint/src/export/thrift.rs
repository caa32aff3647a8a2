//! Thrift's compact encoding, as far as the metadata of a parquet file needs it.

/// Writes structs field by field.
#[derive(Default)]
pub(super) struct Compact {
    pub(super) bytes: Vec<u8>,
    /// The field that was written last, of each struct that is open.
    last: Vec<i16>,
}

const I32: u8 = 5;
const I64: u8 = 6;
const BINARY: u8 = 8;
const LIST: u8 = 9;
const STRUCT: u8 = 12;

impl Compact {
    /// A struct that stands by itself, or in a list.
    pub(super) fn begin(&mut self) {
        self.last.push(0);
    }

    /// Ends the struct that was begun last.
    pub(super) fn end(&mut self) {
        self.last.pop();
        self.bytes.push(0);
    }

    pub(super) fn i32(&mut self, field: i16, value: i32) {
        self.field(field, I32);
        self.signed(i64::from(value));
    }

    pub(super) fn i64(&mut self, field: i16, value: i64) {
        self.field(field, I64);
        self.signed(value);
    }

    pub(super) fn text(&mut self, field: i16, value: &str) {
        self.field(field, BINARY);
        self.item_text(value);
    }

    /// A struct as a field; ended by [`Compact::end`].
    pub(super) fn structure(&mut self, field: i16) {
        self.field(field, STRUCT);
        self.begin();
    }

    pub(super) fn list_of_structs(&mut self, field: i16, len: usize) {
        self.list(field, len, STRUCT);
    }

    pub(super) fn list_of_texts(&mut self, field: i16, values: &[&str]) {
        self.list(field, values.len(), BINARY);
        values.iter().for_each(|value| self.item_text(value));
    }

    pub(super) fn list_of_i32(&mut self, field: i16, values: &[i32]) {
        self.list(field, values.len(), I32);
        values.iter().for_each(|value| self.signed(i64::from(*value)));
    }

    /// Fields are written in ascending order, at most 15 apart.
    fn field(&mut self, field: i16, kind: u8) {
        if let Some(last) = self.last.last_mut() {
            let step = (field - *last) as u8;
            *last = field;
            self.bytes.push(step << 4 | kind);
        }
    }

    fn list(&mut self, field: i16, len: usize, kind: u8) {
        self.field(field, LIST);
        if len < 15 {
            self.bytes.push((len as u8) << 4 | kind);
        } else {
            self.bytes.push(0xf0 | kind);
            varint(&mut self.bytes, len as u64);
        }
    }

    fn item_text(&mut self, value: &str) {
        varint(&mut self.bytes, value.len() as u64);
        self.bytes.extend_from_slice(value.as_bytes());
    }

    fn signed(&mut self, value: i64) {
        varint(&mut self.bytes, (value << 1 ^ value >> 63) as u64);
    }
}

/// Seven bits a byte, least first.
pub(super) fn varint(bytes: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
}
