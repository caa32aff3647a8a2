//! The reference part of the guide: the pages of the language as readers see them, and what is built in, from the tables
//! that the compiler itself reads. Pure: pages in, pages out.

use crate::editor::taken;
use flow_plan::ErrorCode;
use flow_plan::catalogue::{self, CASTS, Group};
use flow_plan::connector::table::{Accepts, ArgDef, Delivery, GENERATORS, Need, Replay, Role};
use flow_plan::connector::{CONNECTORS, FORMATS};
use flow_syntax::codes::CODES;
use flow_types::forms::{Form, STAGE_FORMS, WINDOW_FORMS};
use std::fmt::Write as _;

const MADE: &str =
    "<!-- Made by `cargo xtask docs`: change the compiler's tables or docs/language instead. -->\n\n";

/// A page of the language as the guide shows it: without the marks that only tests read.
pub fn page(text: &str) -> String {
    let mut out = MADE.to_string();
    for line in text.lines() {
        let line = match line {
            "```flow prelude" => "```flow",
            line => line,
        };
        out.push_str(line);
        out.push('\n');
    }
    out
}

/// Stages, windows, functions, aggregates and conversions.
pub fn built_in() -> String {
    let mut out = format!(
        "{MADE}# What is built in\n\nThe examples of functions, aggregates and conversions are run by the tests.\n"
    );
    forms(&mut out, "Stages", STAGE_FORMS);
    forms(&mut out, "Windows", WINDOW_FORMS);
    out.push_str("\n## Aggregates\n\nEvery aggregate takes `where:` too. In the examples `x` has the values that are shown.\n\n");
    out.push_str("| aggregate | what it gives | of | is |\n|---|---|---|---|\n");
    for aggregate in catalogue::aggregates() {
        let (values, result) = aggregate.example;
        row(
            &mut out,
            &[&signatures(aggregate.name, aggregate.signatures), aggregate.doc, &code(values), &code(result)],
        );
    }
    let groups = [
        (Group::String, "Texts"),
        (Group::Math, "Numbers"),
        (Group::Time, "Time"),
        (Group::Logic, "Null and choice"),
        (Group::List, "Lists and maps"),
        (Group::Json, "JSON"),
    ];
    for (group, title) in groups {
        let _ =
            write!(out, "\n## {title}\n\n| function | what it gives | example | is |\n|---|---|---|---|\n");
        for function in catalogue::all().filter(|function| function.group == group) {
            let doc = if function.fallible {
                format!("{} Can fail.", function.doc)
            } else {
                function.doc.to_string()
            };
            let (call, result) = function.example;
            row(
                &mut out,
                &[&signatures(function.name, function.signatures), &doc, &code(call), &code(result)],
            );
        }
    }
    out.push_str("\n## Conversions\n\n| call | or | what it gives | example | is |\n|---|---|---|---|---|\n");
    for cast in CASTS {
        let (call, result) = cast.example;
        row(
            &mut out,
            &[
                &code(&format!("{}(x)", cast.name)),
                &code(&format!("{}(x)", cast.try_name)),
                cast.doc,
                &code(call),
                &code(result),
            ],
        );
    }
    out
}

fn forms(out: &mut String, title: &str, forms: &[Form]) {
    let _ = write!(out, "\n## {title}\n\n| form | what it does |\n|---|---|\n");
    forms.iter().for_each(|form| row(out, &[&code(form.form), form.doc]));
}

/// Connectors and formats with their arguments.
pub fn connectors() -> String {
    let mut out = format!("{MADE}# Connectors and formats, argument by argument\n");
    for connector in CONNECTORS {
        let _ = write!(out, "\n## {}\n\n{}\n\n`{}`\n\n", connector.name, connector.doc, connector.example);
        if let Some(source) = connector.source {
            let replay = match source.replay {
                Replay::Replayable => "can be read again after a failure",
                Replay::Gone => "cannot be read again after a failure",
            };
            let _ = writeln!(out, "- as a source: {replay}{}", later(source.runs));
        }
        if let Some(sink) = connector.sink {
            let delivery = match sink.delivery {
                Delivery::ExactlyOnce => "exactly once",
                Delivery::AtLeastOnce => "at least once",
                Delivery::BestEffort => "best effort",
            };
            let accepts = match sink.accepts {
                Accepts::EachUpdate => "each update of an updating stream is a row".to_string(),
                Accepts::UpsertWith(name, word) => format!("updating streams with `{name}: {word}`"),
                Accepts::AppendOnly => "append streams only".to_string(),
            };
            let _ = writeln!(out, "- as a sink: {delivery}; {accepts}{}", later(sink.runs));
        }
        if let Some(table) = connector.table {
            let _ = writeln!(out, "- as a `table`{}", later(table.runs));
        }
        arguments(&mut out, connector.args);
    }
    out.push_str(
        "\n## Generators\n\nThe functions of `generate { … }`.\n\n| function | what it makes |\n|---|---|\n",
    );
    GENERATORS.iter().for_each(|generator| row(&mut out, &[&code(generator.signature), generator.doc]));
    for format in FORMATS {
        let _ = write!(out, "\n## Format {}\n\n{}{}\n", format.name, format.doc, later(format.runs));
        arguments(&mut out, format.args);
    }
    out
}

fn later(runs: bool) -> &'static str {
    if runs { "" } else { " (checked, but this version does not run it)" }
}

fn arguments(out: &mut String, args: &[ArgDef]) {
    if args.is_empty() {
        return;
    }
    out.push_str("\n| argument | takes | default | what it does |\n|---|---|---|---|\n");
    for arg in args {
        let default = match arg.need {
            Need::Required => "must be given".to_string(),
            Need::Default(text) => code(text),
            Need::Optional => String::new(),
        };
        let role = match arg.role {
            Role::Both => "",
            Role::Source => " (source)",
            Role::Sink => " (sink)",
        };
        row(out, &[&code(arg.name), &code(&taken(&arg.ty)), &default, &format!("{}{role}", arg.doc)]);
    }
}

/// All codes with their explanations.
pub fn codes() -> String {
    let mut out =
        format!("{MADE}# Errors and lints\n\n`flow explain CODE` shows the same in the terminal.\n\n");
    out.push_str("| code | name | what |\n|---|---|---|\n");
    for info in CODES {
        let (code, name) = (info.code.0, info.name);
        row(&mut out, &[&format!("[{code}](#{})", anchor(code, name)), &format!("`{name}`"), info.title]);
    }
    for info in CODES {
        let _ = write!(out, "\n## {} {}\n\n", info.code.0, info.name);
        let text = crate::explain(info.code).unwrap_or_default();
        // The page has one first heading; those of the explanations stand below their code.
        let body = text.lines().filter(|line| !line.starts_with("# "));
        let lower =
            body.map(|line| if line.starts_with("## ") { format!("#{line}") } else { line.to_string() });
        out.push_str(lower.collect::<Vec<_>>().join("\n").trim());
        out.push('\n');
    }
    out.push_str("\n## Record errors\n\nWhat goes wrong with one record while a job runs has a kind, the `code` of a row of `.errors`.\n\n");
    out.push_str("| kind | what |\n|---|---|\n");
    for kind in ErrorCode::ALL {
        let name = kind.as_str();
        let link = format!("[`{name}`](#{})", name.to_ascii_lowercase());
        row(&mut out, &[&link, crate::explain::record_error_title(kind)]);
    }
    out.push_str(&format!("\n{}", lower(crate::explain::RECORD_ERRORS, 1)));
    for kind in ErrorCode::ALL {
        out.push('\n');
        out.push_str(&lower(crate::explain::explain_record_error(kind), 2));
    }
    out
}

/// Headings so many levels deeper.
fn lower(text: &str, levels: usize) -> String {
    let line = |line: &str| match line.starts_with("# ") || line.starts_with("## ") {
        true => format!("{}{line}\n", "#".repeat(levels)),
        false => format!("{line}\n"),
    };
    text.lines().map(line).collect()
}

fn anchor(code: &str, name: &str) -> String {
    format!("{}-{name}", code.to_ascii_lowercase())
}

fn row(out: &mut String, cells: &[&str]) {
    let cells: Vec<String> = cells.iter().map(|cell| cell.replace('|', "\\|").replace('\n', " ")).collect();
    let _ = writeln!(out, "| {} |", cells.join(" | "));
}

fn code(text: &str) -> String {
    let fence = if text.contains('`') { "``" } else { "`" };
    let blank = if text.starts_with('`') || text.ends_with('`') { " " } else { "" };
    format!("{fence}{blank}{text}{blank}{fence}")
}

fn signatures(name: &str, all: &[&str]) -> String {
    let full =
        |text: &&str| if text.starts_with(name) { (*text).to_string() } else { format!("{name}{text}") };
    all.iter().map(|text| code(&full(text))).collect::<Vec<_>>().join("<br>")
}
