//! The call the cursor stands in: how it is written, and which argument is being typed.

use super::cursor::{Cursor, Open};
use super::hover::signatures;
use crate::Compilation;
use flow_plan::catalogue;
use flow_plan::connector::table::{ArgDef, ArgType, Need};
use flow_plan::connector::{lookup, lookup_format};
use flow_syntax::FileId;
use flow_types::checked::CheckedKind;
use flow_types::forms::{parameters, stage_form, window_form};
use std::ops::Range;

/// A call that is being typed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// The ways to write it.
    pub signatures: Vec<CallForm>,
    /// Which of them fits what is typed so far.
    pub active: usize,
}

/// One way to write a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallForm {
    /// The whole of it.
    pub label: String,
    /// The parameters: byte ranges of the label.
    pub parameters: Vec<Range<usize>>,
    /// A line about each parameter; may be empty.
    pub docs: Vec<String>,
    /// About the call.
    pub doc: String,
    /// The parameter that is being typed.
    pub active: Option<usize>,
}

/// The call around an offset of the main file.
pub fn call(compiled: &Compilation, offset: usize) -> Option<Call> {
    let text = &compiled.sources.file(FileId(0)).text;
    let offset = offset.min(text.len());
    if !text.is_char_boundary(offset) {
        return None;
    }
    let cursor = Cursor::new(text, offset);
    let (at, callee) =
        cursor.open.iter().enumerate().find_map(|(at, open)| Some((at, cursor.callee(open)?)))?;
    let open = cursor.open[at];
    let mut forms = forms(compiled, &cursor, at, callee);
    let name = cursor.argument(&open);
    for form in &mut forms {
        form.active = active(form, name, open.commas);
    }
    let active =
        forms.iter().position(|form| form.active.is_some() || form.parameters.is_empty()).unwrap_or(0);
    (!forms.is_empty()).then_some(Call { signatures: forms, active })
}

/// The parameter of a name; without one, that of the position, or the last if it takes many.
fn active(form: &CallForm, name: Option<&str>, position: usize) -> Option<usize> {
    let named = |range: &Range<usize>| form.label[range.clone()].split([':', '?']).next().map(str::trim);
    match name {
        Some(name) => form.parameters.iter().position(|range| named(range) == Some(name)),
        None if position < form.parameters.len() => Some(position),
        None => {
            let last = form.parameters.len().checked_sub(1)?;
            form.label[form.parameters[last].clone()].ends_with(['…', '.']).then_some(last)
        }
    }
}

fn form(label: &str, doc: &str) -> CallForm {
    let parameters = parameters(label);
    CallForm {
        label: label.to_string(),
        docs: vec![String::new(); parameters.len()],
        parameters,
        doc: doc.to_string(),
        active: None,
    }
}

fn forms(compiled: &Compilation, cursor: &Cursor<'_>, at: usize, callee: &str) -> Vec<CallForm> {
    let open = &cursor.open[at];
    if cursor.is_stage(open) {
        return match (stage_form(callee), catalogue::lookup_aggregate(callee)) {
            (Some(stage), _) => vec![form(stage.form, stage.doc)],
            (None, Some(aggregate)) => overloads(callee, aggregate.signatures, aggregate.doc),
            (None, None) => Vec::new(),
        };
    }
    if in_window(cursor, at)
        && let Some(window) = window_form(callee)
    {
        return vec![form(window.form, window.doc)];
    }
    if let Some(connector) = lookup(callee).filter(|_| cursor.open.len() == at + 1) {
        return vec![with_arguments(callee, connector.args, connector.doc)];
    }
    if let Some(format) = lookup_format(callee).filter(|_| at + 1 < cursor.open.len()) {
        return vec![with_arguments(callee, format.args, format.doc)];
    }
    if let Some(own) = own(compiled, callee) {
        return vec![own];
    }
    let aggregate = || {
        let found = catalogue::lookup_aggregate(callee);
        found.map(|found| overloads(callee, found.signatures, found.doc)).unwrap_or_default()
    };
    if let Some(function) = catalogue::lookup(callee) {
        // `max(price)` is the aggregate, `max(price, 3)` the function.
        let mut all = if cursor.may_aggregate(at) { aggregate() } else { Vec::new() };
        all.extend(overloads(callee, function.signatures, function.doc));
        return all;
    }
    if let Some((cast, _)) = catalogue::lookup_cast(callee) {
        let optional = if callee == cast.try_name { "?" } else { "" };
        return vec![form(&format!("{callee}(x) -> {}{optional}", cast.ty), cast.doc)];
    }
    aggregate()
}

/// Does the cursor's call stand where a window is wanted?
fn in_window(cursor: &Cursor<'_>, at: usize) -> bool {
    cursor.open.get(at + 1).is_some_and(|outer: &Open| {
        let argument = cursor.argument(outer);
        match cursor.callee(outer) {
            Some("window") => argument.is_none() || argument == Some("kind"),
            Some(word) => word.to_ascii_lowercase().ends_with("join") && argument == Some("window"),
            None => false,
        }
    })
}

fn overloads(name: &str, all: &[&str], doc: &str) -> Vec<CallForm> {
    signatures(name, all).iter().map(|label| form(label, doc)).collect()
}

/// A `fn` of the script.
fn own(compiled: &Compilation, name: &str) -> Option<CallForm> {
    let found = compiled.checked.declarations.iter().find(|d| &*d.name == name)?;
    let CheckedKind::Function(_) = found.kind else { return None };
    let label = super::hover::declaration(name, &found.kind);
    let label = label.strip_prefix("fn ").unwrap_or(&label);
    Some(form(label, found.doc.as_deref().unwrap_or_default()))
}

/// The parameters of a function of the script: name and type of each.
pub(super) fn own_parameters(compiled: &Compilation, name: &str) -> Vec<(String, String)> {
    let Some(form) = own(compiled, name) else { return Vec::new() };
    let parameters = form.parameters.into_iter().map(|range| form.label[range].split_once(':'));
    parameters.flatten().map(|(name, ty)| (name.trim().to_string(), ty.trim().to_string())).collect()
}

fn with_arguments(name: &str, args: &[ArgDef], doc: &str) -> CallForm {
    let mut label = format!("{name}(");
    let mut ranges = Vec::new();
    for (at, arg) in args.iter().enumerate() {
        if at > 0 {
            label.push_str(", ");
        }
        let start = label.len();
        label.push_str(&argument(arg));
        ranges.push(start..label.len());
    }
    label.push(')');
    let docs = args.iter().map(|arg| arg.doc.to_string()).collect();
    CallForm { label, parameters: ranges, docs, doc: doc.to_string(), active: None }
}

/// `mode?: append | overwrite`.
fn argument(arg: &ArgDef) -> String {
    let optional = if matches!(arg.need, Need::Required) { "" } else { "?" };
    format!("{}{optional}: {}", arg.name, taken(&arg.ty))
}

/// What an argument takes, in words of the language.
pub fn taken(ty: &ArgType) -> String {
    match ty {
        ArgType::String => "string".into(),
        ArgType::Int => "int".into(),
        ArgType::Number => "number".into(),
        ArgType::Bool => "bool".into(),
        ArgType::Duration => "duration".into(),
        ArgType::Size => "size".into(),
        ArgType::Word(words) => words.join(" | "),
        ArgType::Names => "[field, …]".into(),
        ArgType::Char => "character".into(),
        ArgType::Format => "format".into(),
    }
}
