//! Names of state that last: `<declaration>.<operator>`, `#2` for repeats, `@id` and `@was`.

use crate::checker::{Checker, Resolved};
use crate::hash::HashMap;
use crate::stages::{PipeCx, is_stateful};
use flow_plan::operator::StateIdentity;
use flow_syntax::ast::Stage;
use flow_syntax::codes;
use flow_syntax::{Diagnostic, Span};

impl<'a> PipeCx<'_, 'a> {
    /// The identity of a stage's state, if it has any.
    pub(crate) fn identity(&mut self, stage: &'a Stage) -> Option<StateIdentity> {
        let word = stage.name.name.as_str();
        if !is_stateful(word) {
            return None;
        }
        let number = match self.words.iter_mut().find(|(w, _)| w == word) {
            Some((_, number)) => {
                *number += 1;
                *number
            }
            None => {
                self.words.push((word.to_string(), 1));
                1
            }
        };
        let suffix = if number > 1 { format!("{word}#{number}") } else { word.to_string() };
        let id = match &stage.id {
            Some(id) => id.name.clone(),
            None => format!("{}.{suffix}", self.name),
        };
        let was = match (&stage.was, self.was) {
            (Some(was), _) => Some(was.name.clone()),
            (None, Some(was)) => Some(format!("{was}.{suffix}")),
            _ => None,
        };
        Some(StateIdentity { id, was })
    }

    /// `@id` and `@was` need something with state behind them.
    pub(crate) fn check_annotations(&mut self, stage: &Stage, before: usize) {
        if is_stateful(&stage.name.name) || self.operators.len() < before {
            return;
        }
        for annotation in [&stage.id, &stage.was].into_iter().flatten() {
            let message = format!("`{}` keeps no state, so it has no id", stage.name.name);
            let diag = Diagnostic::new(codes::MISPLACED_STATE_ID, annotation.span, message)
                .at("names nothing")
                .label(stage.name.span, "this stage is stateless")
                .help("put it before the stage that keeps the state");
            self.ck.report(diag);
        }
    }
}

impl Checker<'_> {
    /// No former name may be the name of what is there.
    fn check_former_names(&mut self) {
        let mut found = Vec::new();
        for global in self.globals.iter().filter(|global| global.is_pipeline()) {
            let Some(was) = &global.decl.was else { continue };
            // Two that changed their names with each other both say so.
            let other =
                self.global(&was.name).filter(|(_, other)| other.is_pipeline() && other.decl.was.is_none());
            found.extend(other.map(|(_, other)| (was, other.name.span)));
        }
        for (was, other) in found {
            let message = format!("`{}` is still declared, and keeps its own state", was.name);
            let diag = Diagnostic::new(codes::DUPLICATE_STATE_ID, was.span, message)
                .at("said to be a former name")
                .label(other, "declared here")
                .help("remove the `@was`, or rename the other declaration");
            self.report(diag);
        }
    }

    /// No two stateful stages of a script may share an id.
    pub(crate) fn check_state_ids(&mut self) {
        self.check_former_names();
        let mut seen: HashMap<String, Span> = HashMap::default();
        let mut twice: Vec<(String, Span, Span)> = Vec::new();
        for resolved in &self.resolved {
            let Resolved::Pipeline(pipeline) = resolved else { continue };
            for operator in &pipeline.operators {
                let Some(state) = &operator.state else { continue };
                match seen.get(&state.id) {
                    Some(first) if *first != operator.span => {
                        twice.push((state.id.clone(), operator.span, *first))
                    }
                    _ => {
                        seen.insert(state.id.clone(), operator.span);
                    }
                }
            }
        }
        for (id, span, first) in twice {
            let diag = Diagnostic::new(
                codes::DUPLICATE_STATE_ID,
                span,
                format!("the state id `{id}` is used twice"),
            )
            .at("used again")
            .label(first, "used here first")
            .help("a savepoint could not tell them apart: give one of them another `@id(\"…\")`");
            self.report(diag);
        }
    }
}
