//! What the tokens in front of the cursor ask for.

use crate::editor::cursor::{Cursor, Open};
use crate::editor::signature::taken;
use flow_plan::catalogue;
use flow_plan::connector::table::{self, ArgDef, ArgType, Role};
use flow_plan::connector::{lookup, lookup_format};
use flow_syntax::TokenKind;
use flow_types::forms::{parameters, stage_form, window_form};

/// An argument with what it takes and a line about it.
pub(super) type Named = (String, String, String);

/// What can stand at a cursor.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Place<'t> {
    /// A declaration.
    Top,
    Stage,
    /// A stage, behind the `|` of a `|>`.
    HalfStage,
    SinkConnector,
    /// A connector or a result's type, behind the `-` of a `->`.
    HalfSink,
    HalfResult,
    /// `id` or `was`, before a stage; `was` alone before a declaration.
    Annotation {
        stage: bool,
    },
    /// A moment, behind its `@`.
    Timestamp,
    SourceConnector,
    TableConnector,
    /// A source or stream.
    Head,
    /// A source or table, which a test gives rows.
    Given,
    /// What a test looks at: any declaration, with its side outputs.
    Target,
    Type,
    /// A field, behind `name.`.
    Member(&'t str),
    /// A side output, behind `name.`.
    Output(&'t str),
    /// A field of the table that is declared.
    Key,
    /// What makes the values of `generate`.
    Generator,
    /// When a trigger emits, or one of these arguments except those given.
    Moment(Vec<Named>, Vec<String>),
    /// A kind of window.
    Window,
    /// One of these words.
    Choices(Vec<String>),
    /// An option of the job, except these.
    JobOption(Vec<&'t str>),
    /// An option of the job's state, except these.
    StateOption(Vec<&'t str>),
    TestStep,
    /// A field of a row for this declaration, or of the record in these fields of it, except those given.
    Row {
        target: &'t str,
        within: Vec<&'t str>,
        given: Vec<&'t str>,
    },
    /// An argument by name, except those given, or a value.
    Arguments {
        named: Vec<Named>,
        given: Vec<String>,
        expression: bool,
        heads: bool,
    },
    Expression,
    /// A field of the row, except these, and nothing else.
    Fields(Vec<&'t str>),
    Nothing,
}

pub(super) fn place<'t>(cursor: &Cursor<'t>) -> Place<'t> {
    let last = cursor.back(0);
    if cursor.in_text() {
        return Place::Nothing;
    }
    let declaration = cursor.declaration();
    let word = declaration.map(|(word, _)| word);
    if last == "." {
        let target = cursor.open.is_empty() && !matches!(word, Some("fn" | "const" | "param"))
            || word == Some("test") && cursor.open.len() == 1;
        let joined = cursor.open.len() == 1 && cursor.joined().is_none() && in_join(cursor);
        return if target || joined { Place::Output(cursor.back(1)) } else { Place::Member(cursor.back(1)) };
    }
    if cursor.in_interpolation() {
        return Place::Expression;
    }
    if last == "@" {
        return annotation(cursor, word);
    }
    match word {
        Some("job") if !cursor.open.is_empty() => return job(cursor),
        Some("test") if !cursor.open.is_empty() => return test(cursor),
        Some("type") if declares_type(cursor) => return Place::Type,
        _ => {}
    }
    if let Some(open) = cursor.open.first() {
        return inside(cursor, open, word);
    }
    if word == Some("table") && declaration.is_some_and(|(_, at)| in_key(cursor, at)) {
        return Place::Key;
    }
    match (last, word) {
        ("", _) => Place::Top,
        ("}", Some("source")) if generates(cursor) => Place::Arguments {
            named: connector_arguments("generate"),
            given: Vec::new(),
            expression: false,
            heads: false,
        },
        ("|>", _) => Place::Stage,
        ("|", Some("source" | "table" | "stream" | "sink")) => Place::HalfStage,
        ("-", Some("sink")) => Place::HalfSink,
        ("-", Some("fn")) if cursor.back(1) == ")" && !passed(cursor, "=") => Place::HalfResult,
        ("->", Some("sink")) => Place::SinkConnector,
        ("->" | ":", Some("fn" | "param" | "const" | "source" | "table")) => Place::Type,
        ("=", Some("source")) => Place::SourceConnector,
        ("=", Some("table")) => Place::TableConnector,
        ("=", Some("stream" | "sink")) => Place::Head,
        (_, None) => Place::Top,
        (")" | "}" | "]", _) => Place::Top,
        ("=", _) => Place::Expression,
        _ if cursor.tokens.last().is_some_and(|token| token.kind == TokenKind::Operator) => Place::Expression,
        ("if" | "then" | "else" | "and" | "or" | "not" | "in" | "match" | "try" | "let", _) => {
            Place::Expression
        }
        _ => Place::Nothing,
    }
}

/// Is there such a word between the beginning of the declaration and the cursor?
fn passed(cursor: &Cursor<'_>, word: &str) -> bool {
    let from = cursor.declaration().map_or(0, |(_, at)| at);
    (from..cursor.tokens.len()).any(|at| cursor.word(at) == word)
}

/// Behind an `@`: of a stage, of a declaration, of a moment.
fn annotation<'t>(cursor: &Cursor<'t>, declaration: Option<&str>) -> Place<'t> {
    let stage = matches!(cursor.back(1), "|>") || cursor.back(1) == ")" && annotated(cursor);
    let value = matches!(declaration, Some("param" | "const" | "fn" | "test"))
        && (!cursor.open.is_empty() || cursor.back(1) == "=" || is_operator(cursor, 1));
    match stage {
        true => Place::Annotation { stage },
        false if value || !cursor.open.is_empty() => Place::Timestamp,
        false => Place::Annotation { stage },
    }
}

/// Does another annotation of a stage end in front of the `@`? (`|> @id("a") @`)
fn annotated(cursor: &Cursor<'_>) -> bool {
    let joint = cursor.joint().unwrap_or(0);
    let behind = cursor.tokens.iter().filter(|token| token.span.start as usize > joint);
    behind.clone().next().is_some_and(|token| cursor.text[token.span.range()] == *"@")
}

fn is_operator(cursor: &Cursor<'_>, back: usize) -> bool {
    let at = cursor.tokens.len().checked_sub(back + 1);
    at.is_some_and(|at| cursor.tokens[at].kind == TokenKind::Operator)
}

/// In the arguments of a join, before its condition?
fn in_join(cursor: &Cursor<'_>) -> bool {
    cursor.open.first().and_then(|open| cursor.callee(open)).is_some_and(|word| word.ends_with("oin"))
}

/// In the key of a table: behind `key`, before `=`.
fn in_key(cursor: &Cursor<'_>, declaration: usize) -> bool {
    let words = (declaration + 2..cursor.tokens.len()).map(|at| cursor.word(at));
    words.clone().any(|word| word == "key")
        && !words.clone().any(|word| word == "=")
        && matches!(cursor.back(0), "key" | ",")
}

/// Do the braces that end at the cursor belong to `generate`?
fn generates(cursor: &Cursor<'_>) -> bool {
    (0..cursor.tokens.len())
        .rev()
        .take_while(|at| cursor.word(*at) != "=")
        .any(|at| cursor.word(at) == "generate")
}

fn connector_arguments(name: &str) -> Vec<Named> {
    let args = lookup(name).map(|connector| connector.args).unwrap_or_default();
    args.iter().map(|arg| (arg.name.to_string(), taken(&arg.ty), arg.doc.to_string())).collect()
}

/// In a `type` declaration: behind `=`, or behind the `:` of a field.
fn declares_type(cursor: &Cursor<'_>) -> bool {
    matches!(cursor.back(0), "=" | ":" | "<")
        || cursor.back(0) == "," && cursor.back(1) != "}" && in_angles(cursor)
}

fn in_angles(cursor: &Cursor<'_>) -> bool {
    let words = (0..cursor.tokens.len()).rev().take(8).map(|at| cursor.word(at));
    words.take_while(|word| !matches!(*word, "{" | ">")).any(|word| word == "<")
}

fn inside<'t>(cursor: &Cursor<'t>, open: &Open, declaration: Option<&str>) -> Place<'t> {
    let bracket = cursor.word(open.at);
    if let Some(place) = generator(cursor, open) {
        return place;
    }
    if let Some(callee) = cursor.callee(open) {
        let parameters_of_fn = declaration == Some("fn") && open.at >= 2 && cursor.word(open.at - 2) == "fn";
        if parameters_of_fn {
            return if cursor.back(0) == ":" { Place::Type } else { Place::Nothing };
        }
        return call(cursor, open, callee);
    }
    if let Some(given) = names(cursor, open) {
        return Place::Fields(given);
    }
    let typed = matches!(declaration, Some("source" | "table")) && cursor.open.len() == 1;
    if bracket == "{" && typed && open.at > 0 && matches!(cursor.word(open.at - 1), ":") {
        return if cursor.back(0) == ":" { Place::Type } else { Place::Nothing };
    }
    Place::Expression
}

/// In the list of an option that takes names of fields (`partitionBy: [`): those that are named already.
fn names<'t>(cursor: &Cursor<'t>, list: &Open) -> Option<Vec<&'t str>> {
    let call = cursor.open.get(1).filter(|_| cursor.word(list.at) == "[")?;
    let option = cursor.argument(call)?;
    let arg = lookup(cursor.callee(call)?)?.args.iter().find(|arg| arg.name == option)?;
    matches!(arg.ty, ArgType::Names).then(|| cursor.listed(list))
}

/// In the braces of `generate`.
fn generator<'t>(cursor: &Cursor<'t>, open: &Open) -> Option<Place<'t>> {
    let braces = cursor.open.last()?;
    if braces.at == 0 || cursor.word(braces.at) != "{" || cursor.word(braces.at - 1) != "generate" {
        return None;
    }
    let callee = match cursor.callee(open) {
        None => return Some(Place::Generator),
        Some(callee) => callee,
    };
    let def = table::GENERATORS.iter().find(|def| def.name == callee)?;
    let named = def.signature.split_once('*').map(|(_, behind)| by_name(behind)).unwrap_or_default();
    Some(Place::Arguments { named, given: Vec::new(), expression: true, heads: false })
}

fn call<'t>(cursor: &Cursor<'t>, open: &Open, callee: &str) -> Place<'t> {
    let argument = cursor.argument(open);
    let starts = cursor.tokens.len() == open.item;
    let given: Vec<String> = cursor.given(open).into_iter().map(str::to_string).collect();
    let values = |named: Vec<Named>, expression, heads| Place::Arguments { named, given, expression, heads };
    if cursor.is_stage(open) {
        return stage(cursor, open, callee, values);
    }
    if let Some(window) = window_form(callee).filter(|_| in_window(cursor)) {
        return match argument {
            Some("time") => Place::Choices(vec!["processing".into(), "event".into()]),
            Some(_) => Place::Expression,
            None => values(of_form(cursor, open, window.form), true, false),
        };
    }
    let outermost = cursor.open.last().is_some_and(|last| last.at == open.at);
    let args: Option<&[ArgDef]> = match lookup(callee).filter(|_| outermost) {
        Some(connector) => Some(connector.args),
        None => lookup_format(callee).filter(|_| !outermost).map(|format| format.args),
    };
    if let Some(args) = args {
        let sink = cursor.word(open.at.saturating_sub(2)) == "->";
        let nameless = open.commas > 0 && cursor.begins_nameless(open);
        let fits = |arg: &&ArgDef| {
            let there = match arg.role {
                Role::Both => true,
                Role::Sink => sink,
                Role::Source => !sink,
            };
            there && !(arg.positional && nameless)
        };
        let named = args
            .iter()
            .filter(fits)
            .map(|arg| (arg.name.to_string(), taken(&arg.ty), arg.doc.to_string()))
            .collect();
        return match argument.and_then(|name| args.iter().find(|arg| arg.name == name)) {
            Some(arg) => value_of(arg, lookup(callee).map(|connector| connector.formats)),
            None if argument.is_some() => Place::Nothing,
            None if starts => values(named, false, false),
            None => Place::Nothing,
        };
    }
    // What they are called out there is known out there.
    if matches!(callee, "env" | "secret") {
        return Place::Nothing;
    }
    let overloads = catalogue::lookup(callee)
        .map(|function| function.overloads())
        .or_else(|| catalogue::lookup_aggregate(callee).map(|aggregate| aggregate.overloads()))
        .unwrap_or_default();
    let by_name = overloads.iter().flat_map(|overload| &overload.params).filter(|param| param.named_only);
    let mut named: Vec<Named> =
        by_name.map(|param| (param.name.to_string(), param.ty.to_string(), String::new())).collect();
    named.sort();
    named.dedup();
    if catalogue::lookup_aggregate(callee).is_some() {
        named.push(("where".into(), "bool".into(), "Only rows for which this is true.".into()));
    }
    if argument.is_some() || !starts { Place::Expression } else { values(named, true, false) }
}

fn by_name(behind: &str) -> Vec<Named> {
    let whole = format!("f({}", behind.trim_start_matches([',', ' ']));
    let split = |range: std::ops::Range<usize>| {
        let (name, ty) = whole[range].split_once(':')?;
        Some((name.trim().to_string(), ty.trim().to_string(), String::new()))
    };
    parameters(&whole).into_iter().filter_map(split).collect()
}

/// The arguments of a form that have names; not the first, where it was given without its own.
fn of_form(cursor: &Cursor<'_>, open: &Open, form: &'static str) -> Vec<Named> {
    let split = |range: std::ops::Range<usize>| {
        let (name, ty) = form[range].split_once(": ")?;
        let name = name.trim_end_matches('?');
        name.chars()
            .all(|c| c.is_ascii_alphanumeric())
            .then(|| (name.to_string(), ty.to_string(), String::new()))
    };
    let first = usize::from(open.commas > 0 && cursor.begins_nameless(open));
    parameters(form).into_iter().skip(first).filter_map(split).collect()
}

fn stage<'t>(
    cursor: &Cursor<'t>,
    open: &Open,
    word: &str,
    values: impl FnOnce(Vec<Named>, bool, bool) -> Place<'t>,
) -> Place<'t> {
    let argument = cursor.argument(open);
    let starts = cursor.tokens.len() == open.item;
    let joins = word.ends_with("oin");
    match (word, argument) {
        ("window", None) if starts && open.commas == 0 => Place::Window,
        (_, Some("window")) if joins => Place::Window,
        ("trigger", None) if starts => {
            let mut named = of_form(cursor, open, stage_form("trigger").map_or("", |form| form.form));
            named.retain(|(name, ..)| name != "when");
            Place::Moment(named, cursor.given(open).into_iter().map(str::to_string).collect())
        }
        ("trigger", Some("mode")) => Place::Choices(vec!["accumulating".into(), "discarding".into()]),
        ("trigger", Some("late")) => Place::Choices(vec!["eachRow".into()]),
        ("union", _) => Place::Head,
        _ if joins && starts && open.commas == 0 => Place::Head,
        _ if joins && starts => {
            values(of_form(cursor, open, stage_form(word).map_or("", |form| form.form)), false, false)
        }
        ("top" | "bottom", Some("ties")) => Place::Choices(vec!["true".into(), "false".into()]),
        // The new name is nobody's yet.
        ("rename", Some(_)) => Place::Nothing,
        (_, Some(_)) => Place::Expression,
        _ if !starts => Place::Expression,
        ("drop", _) => Place::Fields(cursor.listed(open)),
        ("rename", _) => Place::Fields(cursor.given(open)),
        ("filter" | "keyBy" | "flatMap", _) => Place::Expression,
        ("distinct", _) => {
            let within = ("within".into(), "duration".into(), "Forget values after this time.".into());
            values(vec![within], true, false)
        }
        _ => {
            let mut named = of_form(cursor, open, stage_form(word).map_or("", |form| form.form));
            if catalogue::lookup_aggregate(word).is_some() {
                named.push(("where".into(), "bool".into(), "Only rows for which this is true.".into()));
            }
            values(named, true, false)
        }
    }
}

/// Does the innermost call stand where a window is wanted?
fn in_window(cursor: &Cursor<'_>) -> bool {
    cursor.open.get(1).is_some_and(|outer| match cursor.callee(outer) {
        Some("window") => true,
        Some(word) => word.ends_with("oin") && cursor.argument(outer) == Some("window"),
        None => false,
    })
}

fn value_of<'t>(arg: &ArgDef, formats: Option<&'static [&'static str]>) -> Place<'t> {
    let words = |words: &[&str]| Place::Choices(words.iter().map(ToString::to_string).collect());
    match arg.ty {
        ArgType::Word(choices) => words(choices),
        ArgType::Bool => words(&["true", "false"]),
        ArgType::Format => words(formats.unwrap_or_default()),
        ArgType::Names | ArgType::String => Place::Expression,
        ArgType::Int | ArgType::Number | ArgType::Duration | ArgType::Size | ArgType::Char => {
            Place::Expression
        }
    }
}

fn job<'t>(cursor: &Cursor<'t>) -> Place<'t> {
    let words = |words: &[&str]| Place::Choices(words.iter().map(ToString::to_string).collect());
    let open = match &cursor.open[..] {
        [open] => open,
        [state, job] if cursor.argument_of(job, "state") => {
            return match (cursor.back(0), cursor.back(1)) {
                (":", "backend") => words(&["memory", "sled"]),
                (":", "memory" | "limit") => words(&["512MiB", "4GiB"]),
                (":", _) => Place::Expression,
                _ => Place::StateOption(cursor.given(state)),
            };
        }
        _ => return Place::Expression,
    };
    match (cursor.back(0), cursor.back(1)) {
        (":", "checkpoint") => words(&["off", "10s", "1min"]),
        (":", "delivery") => words(&["exactlyOnce", "atLeastOnce"]),
        (":", "onError") => words(&["fail", "skip"]),
        (":", "state") => words(&["{ path: \".flow\", backend: memory }"]),
        (":", _) => Place::Expression,
        _ => Place::JobOption(cursor.given(open)),
    }
}

/// The fields whose records these brackets are, from the row inwards; `None` if one of them is something else.
fn within<'t>(cursor: &Cursor<'t>, brackets: &[Open]) -> Option<Vec<&'t str>> {
    let field = |open: &Open| {
        let named = open.at >= 2 && cursor.word(open.at) == "{" && cursor.word(open.at - 1) == ":";
        named.then(|| cursor.word(open.at - 2))
    };
    brackets.iter().rev().map(field).collect()
}

fn test<'t>(cursor: &Cursor<'t>) -> Place<'t> {
    match (cursor.open.len(), cursor.back(0)) {
        (1, "given") => Place::Given,
        (1, "expect" | "ordered") => Place::Target,
        (1, "restore" | "into") => Place::Nothing,
        (1, "advance") => Place::Expression,
        (1, "{" | "]") => Place::TestStep,
        (1, _) => Place::TestStep,
        (depth @ 3.., "{" | ",") if cursor.word(cursor.open[0].at) == "{" => {
            let list = cursor.open[depth - 2].at;
            // `given bids [ {`, `expect hot.late [ {`
            let side = list >= 2 && cursor.word(list - 2) == ".";
            let name = list.checked_sub(if side { 3 } else { 1 });
            match (name, within(cursor, &cursor.open[..depth - 3])) {
                (Some(name), Some(within)) => {
                    Place::Row { target: cursor.word(name), within, given: cursor.given(&cursor.open[0]) }
                }
                (None, _) => Place::Nothing,
                (_, None) => Place::Expression,
            }
        }
        (2, _) => Place::Nothing,
        _ => Place::Expression,
    }
}
