//! Does a script mean the same behind a rename as before it? Every name must mean what it meant, every stream have the
//! columns it had, every state be found again. What would not is said before anything is changed.

use super::super::plain;
use super::changes::Moves;
use super::{Changes, Target, line_of};
use crate::Compilation;
use crate::load::identity;
use flow_syntax::ast::{DeclKind, FieldType, TypeKind};
use flow_syntax::{Code, Diagnostic, Span, codes};
use std::collections::HashSet;

/// Says what a script would mean otherwise behind these changes, which give something another name.
pub fn means_the_same(
    before: &Compilation,
    after: &Compilation,
    changes: &Changes,
    target: &Target,
    new: &str,
) -> Result<(), String> {
    let moves = &changes.moves(&after.sources);
    let look = Look { before, after, changes, moves, old: &target.name, new: plain(new) };
    look.mistakes()?;
    look.names()?;
    look.columns()?;
    look.states()?;
    let mut upgrades = before.upgrades.iter().zip(&after.upgrades);
    upgrades.try_for_each(|(before, after)| {
        let moves = changes.moves(&after.script.sources);
        Look { before: &before.script, after: &after.script, moves: &moves, ..look }.names()
    })
}

/// Is nothing wrong with a part of a script that is not wrong with the whole? Where a bracket or quote is missing, it depends on
/// all that stands behind it where it would be, and a part says nothing of the whole.
pub fn is_as_right(part: &Compilation, whole: &Compilation) -> bool {
    let mut missing = whole.diagnostics.iter().map(|diagnostic| diagnostic.code);
    if missing.any(|code| matches!(code, codes::UNCLOSED_BRACKET | codes::UNCLOSED_STRING)) {
        return false;
    }
    let of = |compiled: &Compilation| -> HashSet<(Code, Span)> {
        let errors = compiled.diagnostics.iter().filter(|diagnostic| diagnostic.is_error());
        errors.map(|error| (error.code, error.primary.span)).collect()
    };
    of(part).is_subset(&of(whole))
}

#[derive(Clone, Copy)]
struct Look<'a> {
    before: &'a Compilation,
    after: &'a Compilation,
    changes: &'a Changes,
    moves: &'a Moves,
    old: &'a str,
    new: &'a str,
}

impl Look<'_> {
    fn was(&self, span: Span) -> Span {
        self.moves.before(span)
    }

    /// Would something be wrong that was right?
    fn mistakes(&self) -> Result<(), String> {
        let errors =
            |of: &Compilation| of.diagnostics.iter().filter(|d| d.is_error()).cloned().collect::<Vec<_>>();
        let mut known: Vec<_> = errors(self.before).iter().map(|d| (d.code, d.primary.span)).collect();
        for found in errors(self.after) {
            let place = (found.code, self.was(found.primary.span));
            match known.iter().position(|known| *known == place) {
                Some(at) => drop(known.swap_remove(at)),
                None => return Err(self.wrong(&found)),
            }
        }
        Ok(())
    }

    fn wrong(&self, found: &Diagnostic) -> String {
        let sources = &self.after.sources;
        let labels = found.labels.iter().take(1);
        let labels = labels.map(|label| format!(" ({}: {})", line_of(sources, label.span), label.text));
        format!(
            "as `{}` {} would be wrong: {}{}{}",
            self.new,
            line_of(sources, found.primary.span),
            found.message,
            labels.collect::<String>(),
            self.of_another_type().unwrap_or_default()
        )
    }

    /// A type whose field of the old name is not renamed: values of types with the same fields stand for each other.
    fn of_another_type(&self) -> Option<String> {
        let sources = &self.before.sources;
        let is_renamed = |field: &FieldType| {
            let edits = self.changes.of(&identity(sources.file(field.name.span.file)));
            edits.iter().any(|(range, _)| *range == field.name.span.range())
        };
        let decls = self.before.programs.iter().flat_map(|program| &program.decls);
        let types = decls.filter_map(|decl| match &decl.kind {
            DeclKind::Type(of) => match &of.ty.kind {
                TypeKind::Record(fields) => Some((&of.name, fields)),
                _ => None,
            },
            _ => None,
        });
        let with_it = |fields: &[FieldType]| fields.iter().find(|field| field.name.name == self.old).cloned();
        let own: Vec<_> = types.filter_map(|(name, fields)| Some((name, with_it(fields)?))).collect();
        own.iter().find(|(_, field)| is_renamed(field))?;
        let (name, _) = own.iter().find(|(_, field)| !is_renamed(field))?;
        Some(format!(
            "; `{}` ({}) has a field `{}` of its own: where values of one type stand for the other, use one type for both",
            name.name,
            line_of(sources, name.span),
            self.old
        ))
    }

    /// Would a name mean something else?
    fn names(&self) -> Result<(), String> {
        let moved = |(used, declared): &(Span, Span)| (self.was(*used), self.was(*declared));
        // They are found in the same order.
        let (then, now) = (self.before.checked.references(), self.after.checked.references());
        if then.copied().eq(now.map(moved)) {
            return Ok(());
        }
        let before: HashSet<(Span, Span)> = self.before.checked.references().copied().collect();
        let after: HashSet<(Span, Span)> = self.after.checked.references().map(moved).collect();
        let mut differ: Vec<&(Span, Span)> = before.symmetric_difference(&after).collect();
        differ.sort();
        let Some((used, _)) = differ.first() else { return Ok(()) };
        let of = |all: &HashSet<(Span, Span)>| {
            let not_shared = |pair: &&&(Span, Span)| pair.0 == *used;
            differ.iter().filter(not_shared).find(|pair| all.contains(**pair)).map(|pair| pair.1)
        };
        let line = |span: Span| line_of(&self.before.sources, span);
        let (then, now) = (of(&before), of(&after));
        let renamed = plain(self.before.sources.text(*used)) == self.old;
        Err(match (then, now) {
            (_, Some(now)) if renamed => {
                format!(
                    "`{}` is taken: in {} it would mean what {} declares",
                    self.new,
                    line(*used),
                    line(now)
                )
            }
            (Some(then), Some(_)) => format!(
                "`{}` is taken: in {} it means what {} declares, and would mean what is renamed",
                self.new,
                line(*used),
                line(then)
            ),
            _ => format!("`{}` would change what {} means", self.new, line(*used)),
        })
    }

    /// Would a stream have other columns?
    fn columns(&self) -> Result<(), String> {
        let (before, after) = (&self.before.checked, &self.after.checked);
        for index in 0..before.declarations.len().max(after.declarations.len()) {
            let (Some(one), Some(other)) = (before.pipeline(index), after.pipeline(index)) else { continue };
            let ends = [(&one.head, &other.head), (&one.output, &other.output)];
            let stages = one.stages.iter().zip(&other.stages).map(|(one, other)| (&one.after, &other.after));
            for (one, other) in ends.into_iter().chain(stages) {
                let same_column = |(a, b): (&flow_types::stream::Column, &flow_types::stream::Column)| {
                    let name = a.name == b.name || *a.name == *self.old && *b.name == *self.new;
                    name && a.origin == self.was(b.origin)
                };
                let columns = || one.columns.iter().zip(&other.columns);
                if one.columns.len() != other.columns.len() || !columns().all(same_column) {
                    let at = before.declarations[index].name_span;
                    let line = line_of(&self.before.sources, at);
                    let name = &before.declarations[index].name;
                    return Err(format!("as `{}` the fields of `{name}` ({line}) would be others", self.new));
                }
            }
        }
        Ok(())
    }

    /// Would a state be lost?
    fn states(&self) -> Result<(), String> {
        for index in 0..self.before.checked.declarations.len() {
            let pipelines = (self.before.checked.pipeline(index), self.after.checked.pipeline(index));
            let (Some(one), Some(other)) = pipelines else { continue };
            for (one, other) in one.operators.iter().zip(&other.operators) {
                let (Some(then), now) = (&one.state, &other.state) else { continue };
                let kept = now.as_ref().is_some_and(|now| match &then.was {
                    _ if now.was.as_ref() == Some(&then.id) => true,
                    Some(_) => now == then,
                    None => now.id == then.id,
                });
                if !kept {
                    return Err(format!("as `{}` the state `{}` would be lost", self.new, then.id));
                }
            }
        }
        Ok(())
    }
}
