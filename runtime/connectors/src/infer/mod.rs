//! What type a data file's rows have: `flow infer`. A sample from the file's beginning is read; what
//! all values of a field have in common becomes its type. Knows the shapes of types, and nothing of
//! scripts beyond how a `type` is written.

mod csv;
mod guess;
mod json;
#[cfg(test)]
mod tests;

use crate::block::{Block, read_error};
use crate::sources::cut::{Cut, Cutter, Ends};
use crate::sources::open::{self, Packing};
use flow_engine::source::SourceError;
use flow_env::Env;
use flow_plan::connector::table::format_of_path;
use flow_plan::{DataType, Field, RecordType};
use std::fmt::Write;
use std::io::{Cursor, Read};
use std::path::Path;
use std::sync::Arc;

/// Bytes of the file that are looked at, about.
const SAMPLE: usize = 8 << 20;

/// What was found out about a file.
#[derive(Debug)]
pub struct Inferred {
    /// The type of its rows.
    pub ty: RecordType,
    /// The format, as it is written in a script: `json`, `csv`, `csv(delimiter: ";")`.
    pub format: String,
    /// How many rows were looked at.
    pub rows: usize,
    /// How many lines were no rows: they are record errors when the file is read.
    pub bad: usize,
    /// What is wrong with the first of them, and where.
    pub first_bad: Option<String>,
    /// Was that all of them?
    pub whole: bool,
}

/// Looks at a file (also a compressed one) and finds out its rows' type.
pub fn infer(path: &Path, env: &Env) -> Result<Inferred, SourceError> {
    let file = open::open(path, None, &*env.disk)?;
    let input = || file.reader().map_err(|error| read_error(&file.name, 0, error));
    look(&file.name, format_of_path(&path.to_string_lossy()), input)
}

/// Looks at a stream (also a compressed one), of which only the beginning is read.
pub fn infer_stream(mut input: Box<dyn Read + Send>) -> Result<Inferred, SourceError> {
    let name: Arc<str> = "<stdin>".into();
    let failed = |error| read_error("<stdin>", 0, error);
    let mut head = Vec::new();
    (&mut input).take(open::HEAD as u64).read_to_end(&mut head).map_err(failed)?;
    let packing = Packing::of(&head);
    let unpacked = packing.unpack(Cursor::new(head).chain(input)).map_err(failed)?;
    let mut held = Vec::new();
    // One byte more tells whether that is all.
    unpacked.take(SAMPLE as u64 + 1).read_to_end(&mut held).map_err(failed)?;
    let whole = held.len() <= SAMPLE;
    if !whole {
        held.truncate(held.iter().rposition(|b| *b == b'\n').map_or(SAMPLE, |at| at + 1));
    }
    let held: Arc<[u8]> = held.into();
    let found = look(&name, None, || Ok(Box::new(Cursor::new(held.clone())) as Box<dyn Read + Send>))?;
    Ok(Inferred { whole: found.whole && whole, ..found })
}

/// `input` opens the unpacked bytes from the first on.
fn look(
    name: &Arc<str>,
    format: Option<&str>,
    input: impl Fn() -> Result<Box<dyn Read + Send>, SourceError>,
) -> Result<Inferred, SourceError> {
    let (sample, _) = sample(Cutter::new(name.clone(), input()?, Ends::Line, false))?;
    let start = sample.iter().flat_map(bytes).copied().find(|b| !b.is_ascii_whitespace());
    let wrong = |text: String| SourceError::Open(format!("{name}: {text}"));
    let json = match format {
        Some("json") => true,
        Some("csv") => false,
        Some("parquet" | "avro") => return Err(wrong("only json and csv can be looked at".into())),
        _ => matches!(start, Some(b'{' | b'[')),
    };
    if start.is_none() {
        return Err(wrong("there is nothing in it".into()));
    }
    if sample.iter().flat_map(bytes).any(|b| *b == 0) {
        return Err(wrong("this is no text: there are zero bytes in it".into()));
    }
    if json {
        let whole = sample.iter().map(|block| block.end).sum::<usize>() < SAMPLE;
        return json::infer(&sample, whole).map_err(wrong);
    }
    let first_line = sample.first().and_then(|block| bytes(block).split(|&b| b == b'\n').next());
    let first_line = first_line.unwrap_or_default();
    let delimiter = csv::delimiter(first_line);
    if format != Some("csv") && !first_line.contains(&delimiter) {
        return Ok(lines(&sample));
    }
    let cutter = Cutter::new(name.clone(), input()?, Ends::Csv(delimiter), false);
    let (sample, whole) = self::sample(cutter)?;
    csv::infer(&sample, delimiter, whole).map_err(wrong)
}

/// A file without anything that divides its lines: they are what it has.
fn lines(sample: &[Block]) -> Inferred {
    let rows =
        sample.iter().map(|block| bytes(block).split(|b| *b == b'\n').filter(|l| !l.is_empty()).count());
    Inferred {
        ty: RecordType::new(vec![Field::new("line", DataType::String)]),
        format: "text".to_string(),
        rows: rows.sum(),
        bad: 0,
        first_bad: None,
        whole: sample.iter().map(|block| block.end - block.start).sum::<usize>() < SAMPLE,
    }
}

fn bytes(block: &Block) -> &[u8] {
    &block.buffer[block.start..block.end]
}

/// The first blocks, and whether they are all.
fn sample(mut cutter: Cutter) -> Result<(Vec<Block>, bool), SourceError> {
    let (mut blocks, mut size) = (Vec::new(), 0);
    while size < SAMPLE {
        match cutter.next()? {
            Cut::Block(block) => {
                size += block.end - block.start;
                blocks.push(block);
            }
            // Too long for a row: nothing to learn from.
            Cut::TooLong(..) => {}
            Cut::End => return Ok((blocks, true)),
        }
    }
    Ok((blocks, false))
}

impl Inferred {
    /// A `type` declaration. `keyword` says which names are words of the language.
    pub fn declaration(&self, name: &str, keyword: &dyn Fn(&str) -> bool) -> String {
        let mut out = format!("type {} = {{\n", quoted(name, keyword));
        for field in &self.ty.fields {
            // Writing to a string cannot fail.
            let _ = write!(out, "  {}: ", quoted(&field.name, keyword));
            write_type(&mut out, &field.ty, keyword);
            out.push_str(",\n");
        }
        out.push_str("}\n");
        out
    }
}

/// A name, in backticks where it needs them.
fn quoted(name: &str, keyword: &dyn Fn(&str) -> bool) -> String {
    let letter = |c: char| c.is_ascii_alphabetic() || c == '_';
    let plain = name.starts_with(letter) && name.chars().all(|c| letter(c) || c.is_ascii_digit());
    if plain && !keyword(name) { name.to_string() } else { format!("`{name}`") }
}

fn write_type(out: &mut String, ty: &DataType, keyword: &dyn Fn(&str) -> bool) {
    match ty {
        DataType::Optional(of) => {
            write_type(out, of, keyword);
            out.push('?');
        }
        DataType::List(of) => {
            out.push_str("list<");
            write_type(out, of, keyword);
            out.push('>');
        }
        DataType::Map(of) => {
            out.push_str("map<string, ");
            write_type(out, of, keyword);
            out.push('>');
        }
        DataType::Record(record) => {
            out.push_str("{ ");
            for (i, field) in record.fields.iter().enumerate() {
                out.push_str(if i > 0 { ", " } else { "" });
                out.push_str(&quoted(&field.name, keyword));
                out.push_str(": ");
                write_type(out, &field.ty, keyword);
            }
            out.push_str(" }");
        }
        // Writing to a string cannot fail.
        other => drop(write!(out, "{other}")),
    }
}
