//! `flow infer`: prints a `type` for a data file, and how a script reads the file.

use crate::args::Infer;
use crate::output;
use crate::report::json::FORMAT_VERSION;
use crate::script;
use crate::status::{Outcome, Status, Stop};
use flow_connectors::infer::{Inferred, infer, infer_stream};
use flow_env::Env;
use flow_syntax::is_keyword;
use serde_json::json;
use std::path::Path;

pub(super) fn run(args: &Infer) -> Outcome {
    let path = &args.file;
    let found = match script::is_stdin(path) {
        true => infer_stream(Box::new(std::io::stdin())),
        false => infer(path, &Env::real()),
    };
    let found = found.map_err(|error| Stop::outside(error.to_string()))?;
    let name = type_name(&stem(path));
    let declaration = found.declaration(&name, &is_keyword);
    if args.json {
        output::result(&format!("{:#}\n", json(&found, &name, &declaration)))?;
        return Ok(Status::Done);
    }
    output::result(&declaration)?;
    output::say(&basis(&found));
    output::say(&left_out(&found));
    Ok(Status::Done)
}

/// What was found, for machines.
fn json(found: &Inferred, name: &str, declaration: &str) -> serde_json::Value {
    let field = |f: &flow_plan::Field| json!({"name": &*f.name, "type": f.ty.to_string()});
    json!({
        "format_version": FORMAT_VERSION,
        "name": name,
        "fields": found.ty.fields.iter().map(field).collect::<Vec<_>>(),
        "declaration": declaration,
        "format": found.format,
        "rows": found.rows,
        "bad": found.bad,
        "first_bad": found.first_bad,
        "whole": found.whole,
    })
}

/// How sure the type is, and which format reads the file.
fn basis(found: &Inferred) -> String {
    let rows = found.rows;
    let of = match (found.whole, rows) {
        (true, 1) => "the only row".to_string(),
        (true, _) => format!("all {rows} rows"),
        (false, _) => format!("the first {rows} rows"),
    };
    format!("from {of}; `format: {}` reads them\n", found.format)
}

/// What taught nothing, and what comes of it when the file is read.
fn left_out(found: &Inferred) -> String {
    let Some(first) = &found.first_bad else { return String::new() };
    let bad = match found.bad {
        1 => "1 line is no such row".to_string(),
        n => format!("{n} lines are no such rows"),
    };
    let first = if found.bad == 1 { first.clone() } else { format!("the first: {first}") };
    format!(
        "warning: {bad} ({first})\n  help: each is a record error when it is read: `onError: skip` leaves them out, `NAME.errors` has them\n"
    )
}

/// `rows` of `dir/rows.csv.gz`.
fn stem(path: &Path) -> String {
    let name = path.file_name().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    name.split('.').find(|part| !part.is_empty()).unwrap_or_default().to_string()
}

/// A file's name as the name of a type: `web-visits` becomes `WebVisits`.
fn type_name(stem: &str) -> String {
    let mut out = String::new();
    let mut upper = true;
    for c in stem.chars() {
        if !c.is_ascii_alphanumeric() {
            upper = true;
        } else if std::mem::take(&mut upper) {
            out.push(c.to_ascii_uppercase());
        } else {
            out.push(c);
        }
    }
    if !out.starts_with(|c: char| c.is_ascii_alphabetic()) {
        out.insert_str(0, "Row");
    }
    out
}

#[cfg(test)]
mod tests {
    use super::{stem, type_name};
    use std::path::Path;

    #[test]
    fn names_of_files_become_names_of_types() {
        let name = |path: &str| type_name(&stem(Path::new(path)));
        assert_eq!(
            ["a/rows.csv.gz", "web-visits.json", "2024.csv", ".hidden.csv", "é.csv"].map(name),
            ["Rows", "WebVisits", "Row2024", "Hidden", "Row"]
        );
    }
}
