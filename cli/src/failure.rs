//! Why a job did not start or did not end well, with the place in the script, the record, and where
//! the record stood in its source.

use crate::render::{self, Look};
use flow_engine::source::Position;
use flow_engine::{ErrorKind, JobError, StartError};
use flow_env::Env;
use flow_plan::Place;
use flow_syntax::{FileId, SourceMap, Span};
use std::path::Path;

/// Widest record that is shown, in characters.
const RECORD: usize = 400;

/// A job that did not start.
pub(crate) fn not_started(
    error: &StartError,
    sources: &SourceMap,
    base: &Path,
    env: &Env,
    look: Look,
) -> String {
    let mut facts = Vec::new();
    for record in &error.records {
        facts.push(("record", shortened(&record.text)));
        facts.extend(record.position.as_ref().map(|at| ("read from", place_in_source(at, base, env))));
    }
    render::failure(
        &render::Failure {
            word: "error",
            message: &error.message,
            place: span(error.place),
            label: if error.records.is_empty() { "needed here" } else { "read whole before the start" },
            facts: &facts,
            help: None,
        },
        sources,
        look,
    )
}

/// Is it a piece of JSON that goes over several lines, or a list of objects?
fn of_several_lines(record: &str) -> bool {
    matches!(record.trim(), "{" | "[" | "}" | "]") || record.trim_start().starts_with('[')
}

/// Does a position lie in a file that is called as one of CSV?
fn is_csv(position: &Position) -> bool {
    let file = position.name.to_ascii_lowercase();
    [".csv", ".tsv", ".csv.gz", ".csv.zst"].iter().any(|end| file.ends_with(end))
}

/// A job that failed while it ran.
pub(crate) fn failed(error: &JobError, sources: &SourceMap, base: &Path, env: &Env, look: Look) -> String {
    let mut facts = Vec::new();
    if let Some(record) = &error.record {
        facts.push(("record", shortened(record)));
    }
    if let Some(position) = &error.position {
        facts.push(("read from", place_in_source(position, base, env)));
    }
    let declaration = error.label.split('.').next().unwrap_or_default();
    let help = match error.kind {
        ErrorKind::Record if error.code == "badJson" && error.record.as_deref().is_some_and(of_several_lines) => {
            Some("the format json is one object a line: `jq -c . FILE` writes objects so, `jq -c '.[]' FILE` those of a list".into())
        }
        ErrorKind::Record if error.code == "badJson" && error.position.as_ref().is_some_and(is_csv) => {
            Some("a file of this name holds CSV: read it with `format: csv`".into())
        }
        ErrorKind::Record => Some(format!(
            "to go on without such records, read `{declaration}.errors` with a sink, or say `onError: skip` in the \
             `job` block"
        )),
        ErrorKind::State => Some(
            "let it keep less (a window, `within:`, `ttl:`, fewer keys), or raise `limit` in `job { state: … }`".into(),
        ),
        ErrorKind::Disk => Some(
            "make room on that disk, or mend what it says: what is committed stays, and the next `flow run` goes on from the last checkpoint"
                .into(),
        ),
        _ => None,
    };
    let word = match error.code.as_str() {
        "" => "error".to_string(),
        code => format!("error[{code}]"),
    };
    render::failure(
        &render::Failure {
            word: &word,
            message: &error.message,
            place: span(error.place),
            label: match error.kind {
                ErrorKind::Record => "failed for this record",
                ErrorKind::Source => "this source broke",
                ErrorKind::Sink => "this sink broke",
                ErrorKind::State => "most of the state is kept for this",
                ErrorKind::Disk => "its state is on disk",
                ErrorKind::Checkpoint => "the job that begins here",
                ErrorKind::Internal => "while working on this",
            },
            facts: &facts,
            help: help.as_deref(),
        },
        sources,
        look,
    )
}

fn span(place: Place) -> Span {
    Span { file: FileId(place.file), start: place.start, end: place.end }
}

fn shortened(record: &str) -> String {
    let mut text: String = record.chars().take(RECORD).collect();
    if text.len() < record.len() {
        text.push('…');
    }
    text
}

/// `rows.ndjson, line 3 (byte 16)`; without the line where the file cannot be read again.
fn place_in_source(position: &Position, base: &Path, env: &Env) -> String {
    let (name, offset) = (&position.name, position.offset);
    if let Some(line) = position.line {
        return format!("{name}:{line}");
    }
    match line_of(position, base, env) {
        Some(line) => format!("{name}:{line} (byte {offset})"),
        None => format!("{name}, byte {offset} of the text"),
    }
}

/// The line an offset stands in: the line ends before it are counted.
fn line_of(position: &Position, base: &Path, env: &Env) -> Option<u64> {
    let path = [base.join(&position.name), position.name.as_str().into()]
        .into_iter()
        .find(|path| env.disk.info(path).is_ok_and(|info| !info.is_dir))?;
    let file = env.disk.open(&path).ok()?;
    let mut buffer = vec![0; 1 << 20];
    let (mut at, mut line) = (0, 1);
    while at < position.offset {
        let wanted = (position.offset - at).min(buffer.len() as u64) as usize;
        let n = file.read_at(&mut buffer[..wanted], at).ok()?;
        // Offsets of packed files count unpacked bytes: their lines cannot be counted like this.
        if n == 0 || (at == 0 && packed(&buffer[..n])) {
            return None;
        }
        line += buffer[..n].iter().filter(|&&b| b == b'\n').count() as u64;
        at += n as u64;
    }
    (position.offset > 0 || !packed_file(file.as_ref())).then_some(line)
}

fn packed_file(file: &dyn flow_env::ReadFile) -> bool {
    let mut head = [0; 4];
    file.read_at(&mut head, 0).is_ok_and(|n| packed(&head[..n]))
}

fn packed(head: &[u8]) -> bool {
    head.starts_with(&[0x1f, 0x8b]) || head.starts_with(&[0x28, 0xb5, 0x2f, 0xfd])
}
