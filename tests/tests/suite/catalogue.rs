//! The catalogue's examples are what they say, through the real checker and evaluator, and
//! `docs/language/functions.md` is made of them. `UPDATE=1` writes that page.

use flow_driver::{LoadError, Options};
use flow_plan::Value;
use flow_plan::catalogue::{self, CASTS, Group};
use flow_plan::operator::OperatorKind;
use flow_types::checked::CheckedKind;
use std::fmt::Write as _;
use std::path::Path;

/// The value of an expression that reads no field, as a script computes it.
fn value(expr: &str) -> Result<Value, String> {
    let script = format!(
        "source one = generate {{ id: seq() }} rate: 1\nsink out = one |> map {{ x: {expr} }} -> blackhole()\n"
    );
    let mut loader = |path: &Path| match path.to_str() {
        Some("example.flow") => Ok(script.clone().into_bytes()),
        _ => Err(LoadError::Missing),
    };
    let done = flow_driver::compile(&mut loader, Path::new("example.flow"), &Options::default()).unwrap();
    if done.has_errors() {
        let look = flow_cli::render::Look::plain(100);
        return Err(flow_cli::render::report(&done.diagnostics, &done.sources, look));
    }
    for declaration in &done.checked.declarations {
        let CheckedKind::Pipeline(pipeline) = &declaration.kind else { continue };
        for operator in &pipeline.operators {
            if let OperatorKind::Map { exprs } = &operator.kind {
                // Long after the dates of the examples.
                let mut evaluator = flow_plan::Evaluator::new(2_000_000_000_000_000);
                return evaluator.eval(&exprs[0], &[Value::Int(0)]).map_err(|e| format!("{e:?}"));
            }
        }
    }
    Err("no map in the plan".to_string())
}

#[test]
fn every_example_of_the_catalogue_gives_its_result() {
    let mut wrong = Vec::new();
    for (expr, result) in catalogue::examples() {
        let expected = if result == "null" { Ok(Value::Null) } else { value(result) };
        match (value(expr), expected) {
            (Ok(found), Ok(expected)) if found == expected => {}
            (found, expected) => wrong.push(format!("{expr} gives {found:?}, not {expected:?}")),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn group_name(group: Group) -> &'static str {
    match group {
        Group::String => "Strings",
        Group::Math => "Numbers",
        Group::Time => "Time",
        Group::Logic => "Null and logic",
        Group::List => "Lists and maps",
        Group::Json => "JSON",
        Group::Internal => "Internal",
    }
}

fn page() -> String {
    let mut out = String::from(
        "# Functions and aggregates\n\nMade from the compiler's own table by `UPDATE=1 cargo test -p flow-tests catalogue`; the tests evaluate each\nexample. `T` stands for any type, `num` for `int`, `float` or `decimal`, `ord` for a type with an order; what stands behind `*` is given by name.\n",
    );
    for group in [Group::String, Group::Math, Group::Time, Group::Logic, Group::List, Group::Json] {
        let _ = write!(out, "\n## {}\n", group_name(group));
        for def in catalogue::all().filter(|d| d.group == group) {
            entry(&mut out, def.name, def.signatures, def.doc);
            let _ = writeln!(out, "\n```\n{}  → {}\n```", def.example.0, def.example.1);
        }
    }
    out.push_str(
        "\n## Conversions\n\nEach is a record error where it fails; its `try…` form gives `null` instead.\n",
    );
    for def in CASTS {
        let _ = writeln!(out, "\n### {}, {}\n\n{}", def.name, def.try_name, def.doc);
        let _ = writeln!(out, "\n```\n{}  → {}\n```", def.example.0, def.example.1);
    }
    out.push_str("\n## Aggregates\n\nEvery aggregate also takes `where: condition`.\n");
    for def in catalogue::aggregates() {
        entry(&mut out, def.name, def.signatures, def.doc);
        let _ = writeln!(out, "\n```\n{}  → {}\n```", def.example.0, def.example.1);
    }
    out
}

fn entry(out: &mut String, name: &str, signatures: &[&str], doc: &str) {
    let _ = writeln!(out, "\n### {name}\n\n{doc}\n");
    for signature in signatures {
        let _ = writeln!(out, "- `{signature}`");
    }
}

#[test]
fn the_page_of_functions_is_the_table() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/language/functions.md");
    let page = page();
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, &page).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        written == page,
        "docs/language/functions.md is stale: UPDATE=1 cargo test -p flow-tests catalogue"
    );
}
