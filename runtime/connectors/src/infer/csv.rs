//! The type of CSV records, columns by the header.

use super::Inferred;
use super::guess::Guess;
use crate::block::Block;
use crate::csv::record::{After, field};
use flow_plan::text::parse_timestamp;
use flow_plan::{Field, RecordType};

/// The delimiter that the first line has most of.
pub(super) fn delimiter(line: &[u8]) -> u8 {
    let count = |delimiter: u8| line.iter().filter(|&&b| b == delimiter).count();
    let candidates = [b',', b';', b'\t', b'|'];
    candidates.into_iter().rev().max_by_key(|&delimiter| count(delimiter)).unwrap_or(b',')
}

/// The fields of a record, and where the next one starts.
fn record(block: &Block, mut at: usize, delimiter: u8) -> Result<(Vec<String>, usize), String> {
    let mut fields = Vec::new();
    loop {
        let Ok((raw, after)) = field(block.text(), at, delimiter) else {
            return Err(format!("no CSV record at byte {}", block.base + at as u64));
        };
        fields.push(String::from_utf8_lossy(&raw.bytes(block.text())).into_owned());
        match after {
            After::Field(next) => at = next,
            After::Record(next) => return Ok((fields, next)),
        }
    }
}

pub(super) fn infer(sample: &[Block], delimiter: u8, whole: bool) -> Result<Inferred, String> {
    let mut names: Option<Vec<String>> = None;
    let mut guesses: Vec<Guess> = Vec::new();
    let (mut rows, mut bad, mut first_bad, mut header) = (0, 0, None, true);
    for block in sample {
        let mut at = block.start;
        while at < block.end {
            let (fields, next) = match record(block, at, delimiter) {
                Ok(found) => found,
                Err(why) if names.is_none() => return Err(why),
                Err(why) => {
                    bad += 1;
                    first_bad.get_or_insert(why);
                    let rest = &block.buffer[at..block.end];
                    at = rest.iter().position(|&b| b == b'\n').map_or(block.end, |end| at + end + 1);
                    continue;
                }
            };
            let start = std::mem::replace(&mut at, next);
            if fields.len() == 1 && fields[0].trim().is_empty() {
                continue;
            }
            let Some(names) = &names else {
                header = fields.iter().all(|name| is_name(name));
                let numbered = (1..=fields.len()).map(|i| format!("column{i}")).collect();
                guesses = vec![Guess::default(); fields.len()];
                if header {
                    if let Some(name) = twice(&fields) {
                        return Err(format!(
                            "the header names two columns `{name}`: a field needs a name of its own"
                        ));
                    }
                    names = Some(fields.iter().map(|name| name.trim().to_string()).collect());
                } else {
                    names = Some(numbered);
                    at = start;
                }
                continue;
            };
            // Rows of another length are record errors when they are read: nothing to learn from.
            if fields.len() != names.len() {
                bad += 1;
                let place = block.base + start as u64;
                first_bad.get_or_insert_with(|| {
                    format!(
                        "the record at byte {place} has {}, and there are {}",
                        counted(fields.len(), "field"),
                        counted(names.len(), "column")
                    )
                });
            } else {
                rows += 1;
                guesses.iter_mut().zip(&fields).for_each(|(guess, value)| learn(guess, value));
            }
        }
    }
    let field = |(name, mut guess): (String, Guess)| {
        if guess.is_text() {
            guess.forget_nulls();
        }
        Field::new(name, guess.ty())
    };
    let fields = names.unwrap_or_default().into_iter().zip(guesses).map(field).collect();
    Ok(Inferred {
        ty: RecordType::new(fields),
        format: format(header, delimiter),
        rows,
        bad,
        first_bad,
        whole,
    })
}

fn counted(n: usize, one: &str) -> String {
    format!("{n} {one}{}", if n == 1 { "" } else { "s" })
}

/// A name that stands twice in a header.
fn twice(names: &[String]) -> Option<&str> {
    let same = |(at, name): &(usize, &String)| names[..*at].iter().any(|other| other.trim() == name.trim());
    names.iter().enumerate().find(same).map(|(_, name)| name.trim())
}

/// Can it be a column's name: not empty, no number, no date?
fn is_name(text: &str) -> bool {
    let text = text.trim();
    !text.is_empty() && text.parse::<f64>().is_err() && parse_timestamp(text).is_none()
}

fn learn(guess: &mut Guess, value: &str) {
    let value = value.trim();
    if value.is_empty() {
        guess.null();
    } else if value.parse::<i64>().is_ok() {
        guess.int();
    } else if value.parse::<f64>().is_ok_and(f64::is_finite) || matches!(value, "NaN" | "inf" | "-inf") {
        guess.float();
    } else if value.eq_ignore_ascii_case("true") || value.eq_ignore_ascii_case("false") {
        guess.bool();
    } else {
        guess.text(parse_timestamp(value).is_some());
    }
}

fn format(header: bool, delimiter: u8) -> String {
    let mut options = Vec::new();
    if !header {
        options.push("header: false".to_string());
    }
    match delimiter {
        b',' => {}
        b'\t' => options.push("delimiter: \"\\t\"".to_string()),
        other => options.push(format!("delimiter: \"{}\"", other as char)),
    }
    if options.is_empty() { "csv".into() } else { format!("csv({})", options.join(", ")) }
}
