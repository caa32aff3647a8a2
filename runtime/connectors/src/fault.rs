//! What is wrong with one record: found by a decoder deep inside a line, reported by whoever knows
//! where the line stands. Never stops a job by itself.

use flow_engine::source::{BadRecord, Position};

/// The most of a bad record that is kept to be shown.
const RAW_BYTES: usize = 4096;

/// One record's fault. Boxed, so that the result of each decoding step stays small.
#[derive(Debug)]
pub(crate) struct Fault(Box<Inner>);

#[derive(Debug)]
struct Inner {
    code: &'static str,
    error: String,
}

/// The kinds of record errors of decoders; `flow explain` knows them by these names.
pub(crate) mod code {
    use flow_plan::ErrorCode;

    pub(crate) const BAD_JSON: &str = ErrorCode::BadJson.as_str();
    pub(crate) const BAD_CSV: &str = ErrorCode::BadCsv.as_str();
    pub(crate) const BAD_UTF8: &str = ErrorCode::BadUtf8.as_str();
    pub(crate) const WRONG_TYPE: &str = ErrorCode::WrongType.as_str();
    pub(crate) const OUT_OF_RANGE: &str = ErrorCode::OutOfRange.as_str();
    pub(crate) const MISSING_FIELD: &str = ErrorCode::MissingField.as_str();
    pub(crate) const TOO_LONG: &str = ErrorCode::LineTooLong.as_str();
    pub(crate) const TOO_DEEP: &str = ErrorCode::TooDeep.as_str();
}

impl Fault {
    /// A fault with its code.
    #[cold]
    pub(crate) fn new(code: &'static str, error: impl Into<String>) -> Fault {
        Fault(Box::new(Inner { code, error: error.into() }))
    }

    /// The same, said of a field.
    #[cold]
    pub(crate) fn in_field(mut self, name: &str) -> Fault {
        self.0.error = format!("field `{name}`: {}", self.0.error);
        self
    }

    /// The record error.
    pub(crate) fn record(self, name: &str, offset: u64, raw: &[u8]) -> BadRecord {
        let raw = &raw[..raw.len().min(RAW_BYTES)];
        BadRecord {
            error: self.0.error,
            code: self.0.code,
            position: Position { name: name.into(), offset, line: None },
            raw: String::from_utf8_lossy(raw.trim_ascii_end()).into_owned(),
        }
    }

    /// Its code.
    #[cfg(test)]
    pub(crate) fn code(&self) -> &'static str {
        self.0.code
    }
}

/// A value as a message shows it: cut, on one line.
pub(crate) fn shown(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(&bytes[..bytes.len().min(80)]);
    let cut = if bytes.len() > 80 { "…" } else { "" };
    format!("{}{cut}", text.trim_ascii_end())
}
