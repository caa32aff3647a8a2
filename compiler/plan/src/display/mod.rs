//! Plans and graphs for people and tools: text, Graphviz, Mermaid, JSON (`flow plan`).

mod drawing;
mod expr;
mod graph;
mod json;
mod literal;
mod plan;
mod stateful;
#[cfg(test)]
mod tests;
mod text;

pub use drawing::{dot, mermaid};
pub use expr::{expression, whole_expression};
pub use graph::graph_views;
pub use json::json;
pub use literal::{literal, typed_literal};
pub use plan::plan_views;
pub use stateful::window;
pub use text::text;

use crate::connector::{ArgValue, ConnectorCall, Format, GeneratorKind, TimeUnit};
use crate::operator::{JobConfig, OnError};

/// What is shown of one operator of a plan or one node of a graph; all forms are drawn from it.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct View {
    /// `source`, `chain`, `aggregate`, ….
    pub kind: String,
    /// `declaration.word`.
    pub label: String,
    /// What it does, in a line; may be empty.
    pub detail: String,
    /// Steps of a chain, aggregates of an aggregation: a name and what it does.
    pub parts: Vec<(String, String)>,
    /// What it reads.
    pub inputs: Vec<Edge>,
    /// Its output columns; empty for sinks.
    pub output: String,
    /// `append`, or `updating` and by what.
    pub mode: String,
    /// Its state, if it keeps any.
    pub state: Option<StateView>,
    /// What a sink promises from end to end, and what weakens it.
    pub guarantee: Option<String>,
}

/// What is shown of an edge.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Edge {
    /// Index of the producing view.
    pub from: usize,
    /// How rows get from worker to worker; empty: they stay.
    pub exchange: String,
}

/// What is shown of a state.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct StateView {
    /// Its id in savepoints.
    pub id: String,
    /// What it was called.
    pub was: Option<String>,
    /// How large it grows.
    pub bound: String,
}

/// The job's options in a line.
pub fn job_line(job: &JobConfig) -> String {
    let mut parts = vec![match job.name.as_str() {
        "" => "job".to_string(),
        name => format!("job {name}"),
    }];
    parts.push(match job.parallelism {
        Some(n) => format!("{n} workers"),
        None => "a worker per core".to_string(),
    });
    parts.push(match job.checkpoint {
        Some(every) => format!("checkpoint every {}", duration(every)),
        None => "no checkpoints".to_string(),
    });
    parts.push(if job.exactly_once { "exactly once" } else { "at least once" }.to_string());
    let on_error = match job.on_error {
        OnError::Fail => "stop at record errors",
        OnError::Skip | OnError::Route => "skip record errors",
    };
    parts.push(on_error.to_string());
    parts.join(" · ")
}

fn duration(micros: i64) -> String {
    let mut out = String::new();
    crate::text::write_duration(&mut out, micros);
    out
}

/// A connector as it is written in a script; secrets are not shown.
fn connector(call: &ConnectorCall) -> String {
    let mut args: Vec<String> = Vec::new();
    let def = crate::connector::lookup(&call.name);
    for arg in call.args.iter().filter(|arg| arg.name != "format") {
        let value = argument(&arg.value);
        let positional = def.and_then(|def| def.arg(&arg.name)).is_some_and(|arg| arg.positional);
        args.push(if positional { value } else { format!("{}: {value}", arg.name) });
    }
    if let Some(format) = &call.format {
        args.push(format!("format: {}", self::format(format)));
    }
    let args = args.join(", ");
    if call.generators.is_empty() {
        return format!("{}({args})", call.name);
    }
    let fields: Vec<String> =
        call.generators.iter().map(|g| format!("{}: {}", g.name, generator(&g.kind))).collect();
    format!("{} {{ {} }} {args}", call.name, fields.join(", ")).trim_end().to_string()
}

/// The value of a connector's argument as it is written in a script; secrets are not shown.
pub fn argument(value: &ArgValue) -> String {
    match value {
        ArgValue::Value(value) => literal(value),
        ArgValue::Word(word) => word.clone(),
        ArgValue::Names(names) => format!("[{}]", names.join(", ")),
        ArgValue::Secret(name) => format!("secret({name:?})"),
        ArgValue::Env { name, default: None } => format!("env({name:?})"),
        ArgValue::Env { name, default: Some(default) } => format!("env({name:?}, {default:?})"),
    }
}

/// A format as it is written in a script, without options that are as they are by default.
pub fn format(format: &Format) -> String {
    let mut options: Vec<String> = Vec::new();
    match format {
        Format::Json { time_unit: TimeUnit::Seconds } => options.push("timeUnit: s".into()),
        Format::Json { time_unit: TimeUnit::Micros } => options.push("timeUnit: us".into()),
        Format::Csv { header, delimiter } => {
            if !header {
                options.push("header: false".into());
            }
            if *delimiter != b',' {
                options.push(format!("delimiter: {:?}", char::from(*delimiter).to_string()));
            }
        }
        Format::Json { time_unit: TimeUnit::Millis } | Format::Text | Format::Parquet | Format::Avro => {}
    }
    match options.is_empty() {
        true => format.name().to_string(),
        false => format!("{}({})", format.name(), options.join(", ")),
    }
}

/// How a field of `generate` is made, as it is written in a script.
pub fn generator(kind: &GeneratorKind) -> String {
    let timestamp = |t: &i64| literal(&crate::Value::Timestamp(*t));
    match kind {
        GeneratorKind::Seq(start) => format!("seq({start})"),
        GeneratorKind::RandomInt(low, high) => format!("random({low}, {high})"),
        GeneratorKind::RandomFloat(low, high) => format!("random({low:?}, {high:?})"),
        GeneratorKind::OneOf(values) => {
            format!("oneOf([{}])", values.iter().map(literal).collect::<Vec<_>>().join(", "))
        }
        GeneratorKind::Constant(value) => literal(value),
        GeneratorKind::Timestamps(start, every) => {
            format!("timestamps({}, every: {})", timestamp(start), duration(*every))
        }
    }
}
