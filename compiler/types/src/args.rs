//! Arguments of stages, windows, triggers: the first may stand without a name, all others are named.

use crate::checker::Checker;
use crate::expr::{did_you_mean, list_names};
use crate::suggest;
use flow_syntax::ast::{Arg, ExprId, Ident, Program};
use flow_syntax::codes;
use flow_syntax::{Applicability, Diagnostic, Edit, Fix, Span};

/// What a call takes.
pub(crate) struct Spec<'s> {
    /// For sentences: `` `window` ``.
    pub what: &'s str,
    /// Names, and whether they must be given.
    pub params: &'s [(&'s str, bool)],
    /// May the first stand without its name?
    pub first: bool,
}

/// The value of each parameter. `None` only if a required one is missing; other mistakes are
/// reported and left out.
pub(crate) fn bind(
    ck: &mut Checker<'_>,
    ast: &Program,
    spec: &Spec<'_>,
    args: &[Arg],
    span: Span,
) -> Option<Vec<Option<ExprId>>> {
    let mut slots: Vec<Option<ExprId>> = vec![None; spec.params.len()];
    let (mut mistaken, mut misnamed) = (false, false);
    let mut unnamed = Vec::new();
    for (position, arg) in args.iter().enumerate() {
        let value = ast.exprs[arg.value].span;
        let slot = match &arg.name {
            Some(name) => match spec.params.iter().position(|(p, _)| *p == name.name) {
                Some(slot) => slot,
                None => {
                    unknown(ck, spec, args, name);
                    (mistaken, misnamed) = (true, true);
                    continue;
                }
            },
            None if position == 0 && spec.first && !slots.is_empty() => 0,
            None => {
                unnamed.push(value);
                mistaken = true;
                continue;
            }
        };
        if slots[slot].is_some() {
            let message = format!("`{}` is given twice", spec.params[slot].0);
            ck.report(Diagnostic::new(codes::DUPLICATE_ARGUMENT, value, message).at("given again"));
            continue;
        }
        slots[slot] = Some(arg.value);
    }
    // Which they are is open while one has a name that is not known.
    if !misnamed {
        positional(ck, spec, &slots, &unnamed);
    }
    for (slot, (name, required)) in spec.params.iter().enumerate() {
        if *required && slots[slot].is_none() {
            if !mistaken {
                let message = format!("{} needs `{name}`", spec.what);
                let diag = Diagnostic::new(codes::MISSING_ARGUMENT, span, message)
                    .at(format!("`{name}` is missing"))
                    .note(form(spec));
                ck.report(diag);
            }
            return None;
        }
    }
    Some(slots)
}

fn form(spec: &Spec<'_>) -> String {
    format!("its arguments are {}", list_names(spec.params.iter().map(|(name, _)| *name)))
}

fn unknown(ck: &mut Checker<'_>, spec: &Spec<'_>, args: &[Arg], name: &Ident) {
    let (name, span) = (name.name.as_str(), name.span);
    let diag =
        Diagnostic::new(codes::UNKNOWN_ARGUMENT, span, format!("{} has no argument `{name}`", spec.what))
            .at("no such argument");
    let diag =
        if spec.params.is_empty() { diag.note("it takes no arguments") } else { diag.note(form(spec)) };
    // What is given already is not meant again; the first may stand without its name.
    let given = |p: &str| {
        let first = spec.first && spec.params[0].0 == p && args.first().is_some_and(|arg| arg.name.is_none());
        first || args.iter().any(|arg| arg.name.as_ref().is_some_and(|name| name.name == p))
    };
    let names = || spec.params.iter().map(|(p, _)| *p).filter(|p| !given(p));
    let near = suggest::foreign_argument(name, names()).or_else(|| suggest::nearest(name, names()));
    ck.report(match near {
        Some(near) => did_you_mean(diag, span, near),
        None => diag,
    });
}

/// Arguments without their names: one diagnostic, whose fix names them in the order of what is free.
fn positional(ck: &mut Checker<'_>, spec: &Spec<'_>, slots: &[Option<ExprId>], spans: &[Span]) {
    let free: Vec<&str> = spec
        .params
        .iter()
        .zip(slots)
        .skip(usize::from(spec.first))
        .filter(|(_, slot)| slot.is_none())
        .map(|((name, _), _)| *name)
        .collect();
    let [first, others @ ..] = spans else { return };
    if let Some(extra) = spans.get(free.len()) {
        let more = if spec.params.is_empty() { "" } else { "more " };
        let message = format!("{} takes no {more}arguments", spec.what);
        ck.report(Diagnostic::new(codes::WRONG_ARGUMENT, *extra, message).at("one too many"));
        return;
    }
    let rule = if spec.first { "arguments after the first are named" } else { "arguments are named here" };
    let message = format!("{rule}: which argument of {} is this?", spec.what);
    let mut diag =
        Diagnostic::new(codes::POSITIONAL_ARGUMENT, *first, message).at("needs its name").note(form(spec));
    for other in others {
        diag = diag.label(*other, "and this one");
    }
    let written = |(span, name): (&Span, &&str)| format!("{name}: {}", ck.text(*span));
    let named: Vec<String> = spans.iter().zip(&free).map(written).collect();
    let edits = spans.iter().zip(&named);
    let edits = edits.map(|(span, text)| Edit { span: *span, replacement: text.clone() }).collect();
    let sure = free.len() == 1;
    diag.fixes.push(Fix {
        title: format!("write `{}`", named.join(", ")),
        edits,
        applicability: if sure { Applicability::MachineApplicable } else { Applicability::MaybeIncorrect },
    });
    ck.report(diag);
}
