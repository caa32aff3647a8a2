//! Connectors as the plan carries them: a name and checked, constant arguments. The table of what
//! each connector takes stands in [`table`], so that checker, completion, docs and runtime read one list.

pub mod nexmark;
pub mod table;
#[cfg(test)]
mod tests;

pub use table::{CONNECTORS, ConnectorDef, FORMATS, FormatDef, lookup, lookup_format};

use crate::expr::Place;
use crate::types::RecordType;
use crate::value::Value;
use std::sync::Arc;

/// The connector that stands in for all others in a `test`; no script can name it.
pub const TEST: &str = "test block";

/// A connector with its arguments resolved to constants.
#[derive(Clone, Debug)]
pub struct ConnectorCall {
    /// `file`, `stdin`, `kafka`, ….
    pub name: String,
    /// Arguments by name (positional ones under their table name), defaults not filled in.
    pub args: Vec<ConnectorArg>,
    /// How bytes become rows and back; connectors without bytes (`nexmark`, `generate`, `blackhole`) have none.
    pub format: Option<Format>,
    /// What rows look like outside: the declared type of a source, the pipeline's output of a sink.
    pub schema: Arc<RecordType>,
    /// Fields of `generate { … }`.
    pub generators: Vec<Generator>,
    /// The call in the script.
    pub place: Place,
}

/// One argument.
#[derive(Clone, Debug)]
pub struct ConnectorArg {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: ArgValue,
    /// Where it stands.
    pub place: Place,
}

/// The value of a connector's argument.
#[derive(Clone, Debug)]
pub enum ArgValue {
    /// A constant: string, int (sizes are bytes), float, bool, duration.
    Value(Value),
    /// A bare word: `earliest`, `append`, `auto`.
    Word(String),
    /// A list of field names or strings.
    Names(Vec<String>),
    /// `secret("NAME")`: read from the environment at start, never shown.
    Secret(String),
    /// `env("NAME", "default")`: read from the environment at start.
    Env {
        /// The variable.
        name: String,
        /// Used where it is not set; without it, an unset variable is an error.
        default: Option<String>,
    },
}

/// How bytes become rows and back.
#[derive(Clone, Debug, PartialEq)]
pub enum Format {
    /// `{ line: string }`, one row a line.
    Text,
    /// One JSON object a line.
    Json {
        /// What a number means where a timestamp is read.
        time_unit: TimeUnit,
    },
    /// Comma-separated values, RFC 4180.
    Csv {
        /// Is the first line a header?
        header: bool,
        /// The delimiter, one ASCII byte.
        delimiter: u8,
    },
    /// Apache Parquet.
    Parquet,
    /// Apache Avro.
    Avro,
}

/// Unit of a number that is read as a timestamp.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names say it")]
pub enum TimeUnit {
    Seconds,
    Millis,
    Micros,
}

/// A field of `generate { … }`.
#[derive(Clone, Debug)]
pub struct Generator {
    /// The field.
    pub name: String,
    /// How its values are made.
    pub kind: GeneratorKind,
}

/// How `generate` makes values.
#[derive(Clone, Debug)]
pub enum GeneratorKind {
    /// `seq()`, `seq(100)`: counts up from a start.
    Seq(i64),
    /// `random(lo, hi)`: uniform ints, half-open.
    RandomInt(i64, i64),
    /// `random(0.0, 1.0)`: uniform floats, half-open.
    RandomFloat(f64, f64),
    /// `oneOf(["a", "b"])`.
    OneOf(Vec<Value>),
    /// A constant.
    Constant(Value),
    /// `timestamps(start, every: d)`: event times that advance.
    Timestamps(i64, i64),
}

impl ConnectorCall {
    /// The argument of this name.
    pub fn arg(&self, name: &str) -> Option<&ConnectorArg> {
        self.args.iter().find(|arg| arg.name == name)
    }
}
