//! The header of a CSV file: which column each field is read from, by name.

use super::record::{After, field};
use crate::block::{Block, Columns};
use crate::format::Reading;
use crate::names::nearest;
use flow_engine::source::SourceError;
use std::sync::Arc;

/// Reads the header at the start of a file's first block, and moves the block's start behind it. An
/// optional field that the file does not have is null in every row.
pub(crate) fn read(block: &mut Block, reading: &Reading) -> Result<Arc<Columns>, SourceError> {
    let names = names(block, reading.delimiter().unwrap_or(b','))?;
    let mut columns = Columns { slots: vec![None; names.len()], absent: Vec::new() };
    for (slot, &i) in reading.read.iter().enumerate() {
        let wanted = &reading.schema.fields[i];
        let mut found = names.iter().enumerate().filter(|(_, name)| **name == *wanted.name);
        match (found.next(), found.next()) {
            (Some((column, _)), None) => columns.slots[column] = Some(slot),
            (None, _) if wanted.ty.is_optional() => columns.absent.push(slot),
            (None, _) => return Err(missing(&block.name, &wanted.name, &names, reading)),
            (Some(_), Some(_)) => {
                let error = format!("{}: the header has the column `{}` twice", block.name, wanted.name);
                return Err(SourceError::Read(error));
            }
        }
    }
    Ok(Arc::new(columns))
}

/// The names, without the blanks around them.
fn names(block: &mut Block, delimiter: u8) -> Result<Vec<String>, SourceError> {
    let mut names = Vec::new();
    let mut at = block.start;
    loop {
        let (raw, after) = field(block.text(), at, delimiter)
            .map_err(|_| SourceError::Read(format!("{}: the header is no CSV record", block.name)))?;
        let bytes = raw.bytes(block.text());
        names.push(String::from_utf8_lossy(&bytes).trim().to_string());
        match after {
            After::Field(next) => at = next,
            After::Record(next) => {
                drop(bytes);
                block.start = next;
                return Ok(names);
            }
        }
    }
}

/// A header that is one column with the delimiter of another file in it.
fn other_delimiter(names: &[String]) -> Option<String> {
    let [only] = names else { return None };
    let delimiter = [";", "\t", "|", ","].into_iter().find(|delimiter| only.contains(delimiter))?;
    let shown = if delimiter == "\t" { "\\t" } else { delimiter };
    Some(format!("; is its delimiter another one? write `csv(delimiter: \"{shown}\")`"))
}

fn missing(file: &str, wanted: &str, names: &[String], reading: &Reading) -> SourceError {
    let found: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    // What another field is read from is not meant.
    let is_free = |name: &&String| reading.schema.fields.iter().all(|field| *field.name != ***name);
    let near = nearest(wanted, names.iter().filter(is_free).map(String::as_str));
    let hint = match near {
        Some(name) => format!("; did you mean `{name}`?"),
        None => other_delimiter(names).unwrap_or_default(),
    };
    SourceError::Read(format!(
        "{file}: the header has no column `{wanted}`; it has {}{hint}",
        found.join(", ")
    ))
}
