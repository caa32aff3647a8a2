//! Record errors: what goes wrong with one record while a job runs.

use crate::expr::Place;
use std::fmt;

/// A record error (language.md, section 9): what `.errors` rows and run-time diagnostics are made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecordError {
    /// What kind.
    pub code: ErrorCode,
    /// One sentence without a full stop, with the values at fault.
    pub message: String,
    /// The failing expression in the script.
    pub place: Place,
}

/// The kinds of record errors; the text is the `code` of an `.errors` row and never changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ErrorCode {
    /// A result outside the range of its type.
    Overflow,
    /// `/` or `%` by zero.
    DivisionByZero,
    /// A conversion that does not fit.
    BadCast,
    /// `xs[i]` outside the list.
    IndexOutOfRange,
    /// An argument that the function does not take: a broken pattern, an unknown time zone.
    BadArgument,
    /// A text or list that would be too large.
    TooLarge,
    /// A line that is no JSON object.
    BadJson,
    /// A line that is no CSV record.
    BadCsv,
    /// Text that is no UTF-8.
    BadUtf8,
    /// A value of another type than the field.
    WrongType,
    /// A value outside the range of its field.
    OutOfRange,
    /// A record without a field that it must have.
    MissingField,
    /// A line that is too long to be a record.
    LineTooLong,
    /// A value nested too deep.
    TooDeep,
    /// An expression that is not well-typed: a mistake of the compiler, not of the record.
    Internal,
}

impl ErrorCode {
    /// All kinds: first those of expressions, then those of records that are read.
    pub const ALL: [ErrorCode; 15] = [
        ErrorCode::Overflow,
        ErrorCode::DivisionByZero,
        ErrorCode::BadCast,
        ErrorCode::IndexOutOfRange,
        ErrorCode::BadArgument,
        ErrorCode::TooLarge,
        ErrorCode::BadJson,
        ErrorCode::BadCsv,
        ErrorCode::BadUtf8,
        ErrorCode::WrongType,
        ErrorCode::OutOfRange,
        ErrorCode::MissingField,
        ErrorCode::LineTooLong,
        ErrorCode::TooDeep,
        ErrorCode::Internal,
    ];

    /// Its stable text.
    pub const fn as_str(self) -> &'static str {
        match self {
            ErrorCode::Overflow => "overflow",
            ErrorCode::DivisionByZero => "divisionByZero",
            ErrorCode::BadCast => "badCast",
            ErrorCode::IndexOutOfRange => "indexOutOfRange",
            ErrorCode::BadArgument => "badArgument",
            ErrorCode::TooLarge => "tooLarge",
            ErrorCode::BadJson => "badJson",
            ErrorCode::BadCsv => "badCsv",
            ErrorCode::BadUtf8 => "badUtf8",
            ErrorCode::WrongType => "wrongType",
            ErrorCode::OutOfRange => "outOfRange",
            ErrorCode::MissingField => "missingField",
            ErrorCode::LineTooLong => "lineTooLong",
            ErrorCode::TooDeep => "tooDeep",
            ErrorCode::Internal => "internal",
        }
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for RecordError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.message)
    }
}

impl std::error::Error for RecordError {}

/// An error that does not know its place yet: what functions return.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// What kind.
    pub code: ErrorCode,
    /// See [`RecordError::message`].
    pub message: String,
}

impl Fault {
    /// A fault of this kind.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Fault {
        Fault { code, message: message.into() }
    }

    /// The record error at a place.
    pub fn at(self, place: Place) -> RecordError {
        RecordError { code: self.code, message: self.message, place }
    }

    pub(crate) fn overflow(what: impl fmt::Display) -> Fault {
        Fault::new(ErrorCode::Overflow, format!("{what} overflows"))
    }

    pub(crate) fn argument(message: impl Into<String>) -> Fault {
        Fault::new(ErrorCode::BadArgument, message)
    }

    pub(crate) fn untyped() -> Fault {
        Fault::new(ErrorCode::Internal, "the expression is not well-typed; this is a mistake in flow")
    }
}

/// A text as messages show it: quoted, escaped, and cut when it is long.
pub(crate) fn quoted(text: &str) -> String {
    const SHOWN: usize = 40;
    match text.char_indices().nth(SHOWN) {
        Some((end, _)) => format!("{:?}…", &text[..end]),
        None => format!("{text:?}"),
    }
}
