//! The table of connectors and formats: what each takes, promises and accepts, and what of it this
//! version can run.

use super::Format;
use crate::types::{DataType, Field, RecordType};

/// What is known about a connector.
#[derive(Clone, Copy, Debug)]
pub struct ConnectorDef {
    /// Its name in scripts.
    pub name: &'static str,
    /// One line.
    pub doc: &'static str,
    /// How it looks in a script.
    pub example: &'static str,
    /// Can it be read, and what then?
    pub source: Option<SourceDef>,
    /// Can it be written, and what then?
    pub sink: Option<SinkDef>,
    /// Can it be a `table`?
    pub table: Option<TableDef>,
    /// Formats by name; empty: its rows have no bytes.
    pub formats: &'static [&'static str],
    /// The format where `format:` is missing; `None`: it must be written ([`format_of_path`] helps `file`).
    pub default_format: Option<&'static str>,
    /// Does it take `{ field: generator }`?
    pub braces: bool,
    /// Its arguments; positional ones first.
    pub args: &'static [ArgDef],
}

/// A connector as a source.
#[derive(Clone, Copy, Debug)]
pub struct SourceDef {
    /// Can a restarted job read the same rows again?
    pub replay: Replay,
    /// Can this version run it?
    pub runs: bool,
}

/// A connector as a sink.
#[derive(Clone, Copy, Debug)]
pub struct SinkDef {
    /// What it promises when the source can be replayed.
    pub delivery: Delivery,
    /// Which streams it takes.
    pub accepts: Accepts,
    /// Can this version run it?
    pub runs: bool,
}

/// A connector as a table.
#[derive(Clone, Copy, Debug)]
pub struct TableDef {
    /// Can this version run it?
    pub runs: bool,
}

/// Can a restarted job read the same rows again?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Replay {
    /// From any position: exactly once is possible.
    Replayable,
    /// No: rows read before a failure are lost.
    Gone,
}

/// What a sink promises.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Delivery {
    /// Rows may be lost or repeated after a failure.
    BestEffort,
    /// No row is lost; some may be repeated after a failure.
    AtLeastOnce,
    /// Rows become visible with the checkpoint that holds them.
    ExactlyOnce,
}

/// Which streams a sink takes. All take append streams.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Accepts {
    /// Updating streams too: each update is one more row.
    EachUpdate,
    /// Updating streams only with this argument set to this word (`mode: upsert`, `upsert: true`): rows are replaced by key.
    UpsertWith(&'static str, &'static str),
    /// Append streams only.
    AppendOnly,
}

/// An argument of a connector or format.
#[derive(Clone, Copy, Debug)]
pub struct ArgDef {
    /// Its name.
    pub name: &'static str,
    /// What it takes.
    pub ty: ArgType,
    /// Must it be given?
    pub need: Need,
    /// May it be given without its name (the first only)?
    pub positional: bool,
    /// Where it has a meaning.
    pub role: Role,
    /// One line.
    pub doc: &'static str,
}

/// What an argument takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ArgType {
    /// A constant string; also `env("NAME", "default")` and `secret("NAME")`.
    String,
    /// A constant int.
    Int,
    /// A constant int or float.
    Number,
    /// A constant bool.
    Bool,
    /// A constant duration.
    Duration,
    /// A size such as `128MiB`, or an int of bytes.
    Size,
    /// One of these words.
    Word(&'static [&'static str]),
    /// A field name or a list of field names.
    Names,
    /// A string of one ASCII character.
    Char,
    /// A format.
    Format,
}

/// Must an argument be given?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// It must.
    Required,
    /// It may; the default as it is written in a script.
    Default(&'static str),
    /// It may; without it, what its doc line says.
    Optional,
}

/// Where an argument has a meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names say it")]
pub enum Role {
    Both,
    Source,
    Sink,
}

/// What is known about a format.
#[derive(Clone, Copy, Debug)]
pub struct FormatDef {
    /// Its name in scripts.
    pub name: &'static str,
    /// One line.
    pub doc: &'static str,
    /// Its arguments.
    pub args: &'static [ArgDef],
    /// Can this version run it?
    pub runs: bool,
}

/// A function of `generate { … }`.
#[derive(Clone, Copy, Debug)]
pub struct GeneratorDef {
    /// Its name.
    pub name: &'static str,
    /// How it is written.
    pub signature: &'static str,
    /// One line.
    pub doc: &'static str,
}

const fn arg(name: &'static str, ty: ArgType, need: Need, role: Role, doc: &'static str) -> ArgDef {
    ArgDef { name, ty, need, positional: false, role, doc }
}

const fn first(name: &'static str, ty: ArgType, doc: &'static str) -> ArgDef {
    ArgDef { name, ty, need: Need::Required, positional: true, role: Role::Both, doc }
}

const fn reads(replay: Replay, runs: bool) -> Option<SourceDef> {
    Some(SourceDef { replay, runs })
}

const fn writes(delivery: Delivery, accepts: Accepts, runs: bool) -> Option<SinkDef> {
    Some(SinkDef { delivery, accepts, runs })
}

use ArgType as A;
use Need::{Default, Optional, Required};
use Role::{Both, Sink, Source};

const FORMAT: ArgDef = arg("format", A::Format, Optional, Both, "How bytes become rows and back.");
const ALL_FORMATS: &[&str] = &["text", "json", "csv", "parquet", "avro"];
const LINE_FORMATS: &[&str] = &["text", "json", "csv"];

/// Every connector.
pub const CONNECTORS: &[ConnectorDef] = &[
    ConnectorDef {
        name: "file",
        doc: "A file, a glob or a directory; as a sink a directory of part files.",
        example: "file(\"logs/*.json.gz\", format: json)",
        source: reads(Replay::Replayable, true),
        sink: writes(Delivery::ExactlyOnce, Accepts::EachUpdate, true),
        table: Some(TableDef { runs: true }),
        formats: ALL_FORMATS,
        default_format: None,
        braces: false,
        args: &[
            first("path", A::String, "The file, glob or directory; relative to the script."),
            arg(
                "format",
                A::Format,
                Optional,
                Both,
                "How bytes become rows and back; by default what the file's name says.",
            ),
            arg("follow", A::Bool, Default("false"), Source, "Wait for lines and files that are added."),
            arg(
                "compression",
                A::Word(&["auto", "none", "gzip", "zstd"]),
                Default("auto"),
                Both,
                "How the bytes are packed; `auto` goes by the name and first bytes.",
            ),
            arg("rollSize", A::Size, Default("128MiB"), Sink, "A part file is closed at this size."),
            arg(
                "rollEvery",
                A::Duration,
                Optional,
                Sink,
                "A part file is closed after this time; by default only by size and checkpoint.",
            ),
            arg(
                "partitionBy",
                A::Names,
                Optional,
                Sink,
                "Fields whose values name subdirectories (`day=2026-01-31`).",
            ),
            arg(
                "mode",
                A::Word(&["append", "overwrite"]),
                Optional,
                Sink,
                "Keep or replace the part files of earlier runs; without it, a run that begins anew over some is refused.",
            ),
        ],
    },
    ConnectorDef {
        name: "stdin",
        doc: "Lines from standard input.",
        example: "stdin(format: json)",
        source: reads(Replay::Gone, true),
        sink: None,
        table: None,
        formats: LINE_FORMATS,
        default_format: Some("text"),
        braces: false,
        args: &[FORMAT],
    },
    ConnectorDef {
        name: "stdout",
        doc: "Lines to standard output.",
        example: "stdout(format: csv)",
        source: None,
        sink: writes(Delivery::AtLeastOnce, Accepts::EachUpdate, true),
        table: None,
        formats: LINE_FORMATS,
        default_format: Some("json"),
        braces: false,
        args: &[FORMAT],
    },
    ConnectorDef {
        name: "kafka",
        doc: "A Kafka topic.",
        example: "kafka(brokers: \"localhost:9092\", topic: \"bids\", format: json)",
        source: reads(Replay::Replayable, false),
        sink: writes(Delivery::ExactlyOnce, Accepts::UpsertWith("upsert", "true"), false),
        table: Some(TableDef { runs: false }),
        formats: &["text", "json", "csv", "avro"],
        default_format: None,
        braces: false,
        args: &[
            arg("brokers", A::String, Required, Both, "Addresses, separated by commas."),
            arg("topic", A::String, Required, Both, "The topic."),
            arg("format", A::Format, Required, Both, "How a message becomes a row and back."),
            arg("group", A::String, Optional, Source, "The consumer group; by default the job's name."),
            arg(
                "start",
                A::Word(&["earliest", "latest", "committed"]),
                Default("earliest"),
                Source,
                "Where to begin without a checkpoint.",
            ),
            arg("key", A::Names, Optional, Both, "Fields that make the message key."),
            arg(
                "upsert",
                A::Bool,
                Default("false"),
                Both,
                "Rows replace those of the same key; a message without value withdraws one.",
            ),
        ],
    },
    ConnectorDef {
        name: "postgres",
        doc: "A PostgreSQL table.",
        example: "postgres(url: secret(\"DATABASE_URL\"), table: \"totals\", mode: upsert, key: [id])",
        source: None,
        sink: writes(Delivery::ExactlyOnce, Accepts::UpsertWith("mode", "upsert"), false),
        table: Some(TableDef { runs: false }),
        formats: &[],
        default_format: None,
        braces: false,
        args: &[
            arg("url", A::String, Required, Both, "Where the database is."),
            arg("table", A::String, Required, Both, "The table, with its schema if it is not `public`."),
            arg(
                "mode",
                A::Word(&["append", "upsert"]),
                Default("append"),
                Sink,
                "Add rows, or replace them by key.",
            ),
            arg("key", A::Names, Optional, Both, "Columns of the key; needed by `mode: upsert`."),
        ],
    },
    ConnectorDef {
        name: "socket",
        doc: "Lines from a TCP connection.",
        example: "socket(\"localhost:9999\", format: text)",
        source: reads(Replay::Gone, false),
        sink: writes(Delivery::AtLeastOnce, Accepts::EachUpdate, false),
        table: None,
        formats: LINE_FORMATS,
        default_format: Some("text"),
        braces: false,
        args: &[first("addr", A::String, "Host and port."), FORMAT],
    },
    ConnectorDef {
        name: "http",
        doc: "Requests that arrive (`listen:`) or are sent (`url:`).",
        example: "http(listen: \"0.0.0.0:8080\", format: json)",
        source: reads(Replay::Gone, false),
        sink: writes(Delivery::AtLeastOnce, Accepts::AppendOnly, false),
        table: None,
        formats: LINE_FORMATS,
        default_format: Some("json"),
        braces: false,
        args: &[
            arg("listen", A::String, Required, Source, "Address to listen at."),
            arg("url", A::String, Required, Sink, "Where rows are posted."),
            FORMAT,
        ],
    },
    ConnectorDef {
        name: "generate",
        doc: "Rows that are made up; see the generator functions.",
        example: "generate { id: seq(), v: random(0, 100) } rate: 1000",
        source: reads(Replay::Replayable, true),
        sink: None,
        table: None,
        formats: &[],
        default_format: None,
        braces: true,
        args: &[
            arg("rate", A::Number, Optional, Source, "Rows a second; by default as fast as they are taken."),
            arg("rows", A::Int, Optional, Source, "How many rows; by default without end."),
            arg("seed", A::Int, Default("0"), Source, "Other numbers make other rows."),
        ],
    },
    ConnectorDef {
        name: "nexmark",
        doc: "The Nexmark auction site: of 50 events 1 is a person, 3 are auctions, 46 are bids. \
              A source reads one kind: `stream:`, or the kind that has the declared fields, or bids.",
        example: "nexmark(events: 10_000_000)",
        source: reads(Replay::Replayable, true),
        sink: None,
        table: None,
        formats: &[],
        default_format: None,
        braces: false,
        args: &[
            arg("events", A::Int, Optional, Source, "Events of all three kinds; by default without end."),
            arg(
                "rate",
                A::Number,
                Optional,
                Source,
                "Events a second; by default as fast as they are taken.",
            ),
            arg("stream", A::Word(super::nexmark::STREAMS), Optional, Source, "Which kind is read."),
            arg("seed", A::Int, Default("0"), Source, "Other numbers make other events."),
        ],
    },
    ConnectorDef {
        name: "blackhole",
        doc: "Takes rows and drops them: for measuring.",
        example: "blackhole()",
        source: None,
        sink: writes(Delivery::ExactlyOnce, Accepts::EachUpdate, true),
        table: None,
        formats: &[],
        default_format: None,
        braces: false,
        args: &[],
    },
];

/// Every format.
pub const FORMATS: &[FormatDef] = &[
    FormatDef { name: "text", doc: "One row a line: `{ line: string }`.", args: &[], runs: true },
    FormatDef {
        name: "json",
        doc: "One JSON object a line.",
        args: &[arg(
            "timeUnit",
            A::Word(&["s", "ms", "us"]),
            Default("ms"),
            Both,
            "What a number means where a timestamp is read.",
        )],
        runs: true,
    },
    FormatDef {
        name: "csv",
        doc: "Comma-separated values, RFC 4180.",
        args: &[
            arg("header", A::Bool, Default("true"), Both, "Is the first line a header?"),
            arg(
                "delimiter",
                A::Char,
                Default("\",\""),
                Both,
                "What stands between values: one ASCII character.",
            ),
        ],
        runs: true,
    },
    FormatDef { name: "parquet", doc: "Apache Parquet.", args: &[], runs: false },
    FormatDef { name: "avro", doc: "Apache Avro.", args: &[], runs: false },
];

/// The functions of `generate { … }`; a constant makes the same value for every row.
pub const GENERATORS: &[GeneratorDef] = &[
    GeneratorDef { name: "seq", signature: "seq(start: int = 0) -> int", doc: "Counts up from a start." },
    GeneratorDef {
        name: "random",
        signature: "random(low: num, high: num) -> num",
        doc: "Uniform numbers from low up to, without, high; ints or floats.",
    },
    GeneratorDef {
        name: "oneOf",
        signature: "oneOf(values: list<T>) -> T",
        doc: "One of these, each as often.",
    },
    GeneratorDef {
        name: "timestamps",
        signature: "timestamps(start: timestamp, *, every: duration) -> timestamp",
        doc: "Moments that advance by a fixed step.",
    },
];

/// The connector of this name.
pub fn lookup(name: &str) -> Option<&'static ConnectorDef> {
    CONNECTORS.iter().find(|def| def.name == name)
}

/// The format of this name.
pub fn lookup_format(name: &str) -> Option<&'static FormatDef> {
    FORMATS.iter().find(|def| def.name == name)
}

/// The format that a file's name says, also in front of `.gz` and `.zst`.
pub fn format_of_path(path: &str) -> Option<&'static str> {
    let path = path.strip_suffix(".gz").or_else(|| path.strip_suffix(".zst")).unwrap_or(path);
    let (_, extension) = path.rsplit_once('.')?;
    match extension {
        "txt" | "text" | "log" => Some("text"),
        "json" | "ndjson" | "jsonl" => Some("json"),
        "csv" => Some("csv"),
        "parquet" => Some("parquet"),
        "avro" => Some("avro"),
        _ => None,
    }
}

/// What rows of `text` are.
pub fn text_schema() -> RecordType {
    RecordType::new(vec![Field::new("line", DataType::String)])
}

impl ConnectorDef {
    /// The argument of this name.
    pub fn arg(&self, name: &str) -> Option<&'static ArgDef> {
        self.args.iter().find(|arg| arg.name == name)
    }
}

impl Format {
    /// Its name in scripts.
    pub fn name(&self) -> &'static str {
        match self {
            Format::Text => "text",
            Format::Json { .. } => "json",
            Format::Csv { .. } => "csv",
            Format::Parquet => "parquet",
            Format::Avro => "avro",
        }
    }

    /// Can this version run it?
    pub fn runs(&self) -> bool {
        lookup_format(self.name()).is_some_and(|def| def.runs)
    }
}
