//! The checker's state and the order in which a script is checked: names, types, constants and
//! functions, the job, pipelines, tests, lints.

use crate::again::{self, Before, Effects, Kept, Old, Used};
use crate::checked::{Checked, CheckedDeclaration, CheckedKind, CheckedPipeline, CheckedStep, FunctionShape};
use crate::functions::Template;
use crate::hash::{HashMap, HashSet};
use crate::lints::{self, Levels};
use crate::names::{self, Global};
use crate::shared;
use crate::stream::Columns;
use flow_plan::expr::Place;
use flow_plan::{DataType, Value};
use flow_syntax::ast::{DeclKind, Program, TestStep};
use flow_syntax::{Diagnostic, SourceMap, Span};
use std::rc::Rc;

/// What is checked.
#[derive(Clone, Copy, Debug)]
pub struct Input<'a> {
    /// The texts; spans of the programs point into them.
    pub sources: &'a SourceMap,
    /// The main script, then every file it imports (directly or not), each once.
    pub programs: &'a [Program],
    /// Did the parser report errors? Then what seems unused may only have been misread.
    pub syntax_errors: bool,
    /// `-p NAME=VALUE`.
    pub params: &'a [(String, String)],
    /// Levels of lints given on the command line.
    pub levels: &'a Levels,
}

/// Checks a script. The diagnostics are sorted by file and place.
pub fn check(input: &Input<'_>) -> (Checked, Vec<Diagnostic>) {
    check_again(input, None)
}

/// The same as [`check`]; what an edit left as it was is not looked at again.
pub fn check_again(input: &Input<'_>, before: Option<Before>) -> (Checked, Vec<Diagnostic>) {
    let mut checker = Checker::new(input, before);
    let job = checker.check_declarations();
    let tests = checker.check_tests();
    checker.finish(job, tests)
}

/// Checks a script together with steps of a test that stands in another one, `guest`: they speak of this script's
/// declarations. The guest's text is among the sources, and it is none of the programs.
pub fn check_steps(
    input: &Input<'_>,
    guest: &Program,
    steps: &[TestStep],
) -> (Checked, Vec<CheckedStep>, Vec<Diagnostic>) {
    let mut checker = Checker::new(input, None);
    let job = checker.check_declarations();
    let steps = checker.test_steps(guest, steps);
    let (checked, diagnostics) = checker.finish(job, Vec::new());
    (checked, steps, diagnostics)
}

/// What became of a declaration.
pub(crate) enum Resolved {
    /// Not looked at yet.
    Pending,
    /// A mistake in it was reported; uses of it are fine.
    Broken,
    Type(Option<DataType>),
    Constant {
        ty: Option<DataType>,
        value: Option<Value>,
    },
    Function(Rc<Template>),
    Pipeline(Box<CheckedPipeline>),
}

/// What reads a declaration.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Uses {
    pub rows: bool,
    pub late: bool,
    pub errors: bool,
}

/// Everything that is known while checking.
pub(crate) struct Checker<'a> {
    pub input: Input<'a>,
    pub globals: Vec<Global<'a>>,
    pub by_name: HashMap<&'a str, usize>,
    pub resolved: Vec<Resolved>,
    /// What the script was before the last edit.
    pub old: Option<Old>,
    /// What each declaration did beside its result.
    pub kept: Vec<Kept>,
    /// What the declaration that is checked does, or what is no pipeline.
    pub effects: Effects,
    /// Numbers given to columns so far.
    pub columns: u32,
    /// Known at the end: what reads each declaration.
    pub uses: Vec<Uses>,
    /// Known at the end: is a column read by anything?
    pub read: Vec<bool>,
    pub diags: Vec<Diagnostic>,
    /// Where errors were found that are not told.
    pub silenced: Vec<Span>,
    /// Errors that are about values of parameters from outside.
    pub wrong_values: usize,
    /// How often something was to be said.
    pub said: usize,
    /// Code and place of what was said: expressions that are checked twice speak once.
    pub reported: HashSet<(flow_syntax::Code, Span)>,
    /// Where the job block says `delivery:`.
    pub delivery_span: Option<Span>,
    /// Where types are written.
    pub written: crate::written::Written<'a>,
    /// Fields of the row at the stage that is being checked: they are no constants.
    pub row_fields: Columns,
    /// In front of which stage a filter of the rows of the one that is being checked can stand.
    pub filter_point: Option<Span>,
}

impl<'a> Checker<'a> {
    fn new(input: &Input<'a>, before: Option<Before>) -> Checker<'a> {
        let mut diags = Vec::new();
        let (globals, by_name) = names::collect(input.programs, &mut diags);
        let count = globals.len();
        let old = before.and_then(|before| Old::new(before, &globals));
        Checker {
            input: *input,
            globals,
            by_name,
            resolved: (0..count).map(|_| Resolved::Pending).collect(),
            columns: old.as_ref().map_or(0, |old| old.columns),
            old,
            kept: vec![Kept::default(); count],
            effects: Effects::default(),
            uses: Vec::new(),
            read: Vec::new(),
            diags,
            silenced: Vec::new(),
            wrong_values: 0,
            said: 0,
            reported: HashSet::default(),
            delivery_span: None,
            written: crate::written::Written::collect(input.programs),
            row_fields: Columns::default(),
            filter_point: None,
        }
    }

    fn check_declarations(&mut self) -> flow_plan::operator::JobConfig {
        self.resolve_types();
        self.resolve_constants_and_functions();
        let job = self.check_job();
        self.what_changed();
        self.check_pipelines();
        job
    }

    /// Says something, once per place and code.
    pub(crate) fn report(&mut self, diag: Diagnostic) {
        self.said += 1;
        if self.is_doubtful(diag.primary.span) {
            if diag.is_error() {
                self.silenced.push(diag.primary.span);
            }
            return;
        }
        if self.reported.insert((diag.code, diag.primary.span)) {
            self.diags.push(diag);
        }
    }

    /// Was something said of the syntax of what stands there? It may have been misread: one mistake is told once.
    pub(crate) fn is_doubtful(&self, at: Span) -> bool {
        self.input.syntax_errors && self.input.programs.iter().any(|program| program.is_doubtful(at))
    }

    /// The text of a span.
    pub(crate) fn text(&self, span: Span) -> &'a str {
        self.input.sources.text(span)
    }

    /// Notes that a name is used.
    pub(crate) fn reference(&mut self, used: Span, declared: Span) {
        self.effects.facts.references.push((used, declared));
    }

    /// Notes that two fields are one.
    pub(crate) fn same_field(&mut self, one: Span, other: Span) {
        if one != other {
            self.effects.facts.same.push((one, other));
        }
    }

    /// A new column id.
    pub(crate) fn new_column(&mut self) -> u32 {
        self.columns += 1;
        self.columns - 1
    }

    /// Notes that a column is read.
    pub(crate) fn mark_read(&mut self, id: u32) {
        self.effects.read.push(id);
    }

    /// Notes that a declaration is read.
    pub(crate) fn note_use(&mut self, index: usize, what: Used) {
        self.effects.uses.push((index, what));
    }

    /// The global of a name.
    pub(crate) fn global(&self, name: &str) -> Option<(usize, Global<'a>)> {
        let index = *self.by_name.get(name)?;
        Some((index, self.globals[index]))
    }

    /// The checked pipeline of a declaration, if it got that far.
    pub(crate) fn pipeline(&self, index: usize) -> Option<&CheckedPipeline> {
        match &self.resolved[index] {
            Resolved::Pipeline(pipeline) => Some(pipeline),
            _ => None,
        }
    }

    /// A declaration that cannot be checked: those that name it are looked at again.
    pub(crate) fn broken(&mut self, index: usize) {
        self.resolved[index] = Resolved::Broken;
        if let Some(old) = &mut self.old {
            old.changed(&self.globals[index].name.name);
        }
    }

    /// Finds the types, constants and functions that are not what they were before the edit.
    fn what_changed(&mut self) {
        let Some(old) = &mut self.old else { return };
        let others = self.globals.iter().enumerate().filter(|(_, global)| !global.is_pipeline());
        let mut left: Vec<usize> = others.map(|(index, _)| index).collect();
        loop {
            let (changed, same): (Vec<usize>, Vec<usize>) =
                left.iter().copied().partition(|&index| old.names_changed(index));
            changed.iter().for_each(|&index| old.changed(&self.globals[index].name.name));
            if changed.is_empty() {
                return;
            }
            left = same;
        }
    }

    /// Takes a pipeline over as it was before the edit, if it is that still.
    pub(crate) fn take_over(&mut self, index: usize) -> bool {
        let Some(old) = &mut self.old else { return false };
        match old.take(index) {
            Some((pipeline, kept)) => {
                self.resolved[index] = Resolved::Pipeline(pipeline);
                self.kept[index] = kept;
                true
            }
            None => {
                old.changed(&self.globals[index].name.name);
                false
            }
        }
    }

    /// What was done beside results, by pipelines and by the rest.
    pub(crate) fn all_effects(&self) -> impl Iterator<Item = &Effects> {
        self.kept.iter().map(|kept| &kept.effects).chain([&self.effects])
    }

    /// Puts together what all declarations read.
    fn collect_effects(&mut self) {
        let mut uses = vec![Uses::default(); self.globals.len()];
        let mut read = vec![false; self.columns as usize];
        for effects in self.all_effects() {
            effects.read.iter().for_each(|id| read[*id as usize] = true);
            for (index, used) in &effects.uses {
                match used {
                    Used::Rows => uses[*index].rows = true,
                    Used::Late => uses[*index].late = true,
                    Used::Errors => uses[*index].errors = true,
                }
            }
        }
        (self.uses, self.read) = (uses, read);
    }

    /// Notes the words of declarations that are new.
    fn keep_words(&mut self) {
        for (index, kept) in self.kept.iter_mut().enumerate().filter(|(_, kept)| kept.words.is_none()) {
            let known = self.old.as_mut().and_then(|old| old.words(index));
            kept.words = known.or_else(|| again::words(&self.globals[index], self.input.sources));
        }
    }

    fn finish(
        mut self,
        job: flow_plan::operator::JobConfig,
        tests: Vec<crate::checked::CheckedTest>,
    ) -> (Checked, Vec<Diagnostic>) {
        self.collect_effects();
        self.keep_words();
        self.close_pipelines();
        shared::run(&mut self);
        lints::run(&mut self, &job);
        let mut diags = lints::apply_levels(&self.input, std::mem::take(&mut self.diags));
        diags.sort_by_key(|d| (d.primary.span.file, d.primary.span.start, d.primary.span.end));
        let ok = !diags.iter().any(Diagnostic::is_mistake);
        let declarations = self
            .globals
            .iter()
            .zip(self.resolved)
            .map(|(global, resolved)| CheckedDeclaration {
                name: global.name.name.as_str().into(),
                was: global.decl.was.as_ref().map(|was| was.name.as_str().into()),
                name_span: global.name.span,
                span: global.decl.span,
                doc: global.decl.doc.clone(),
                kind: match resolved {
                    Resolved::Type(ty) => CheckedKind::Type(ty),
                    Resolved::Constant { ty, value } => {
                        let param = matches!(global.decl.kind, DeclKind::Param(_));
                        CheckedKind::Constant { param, ty, value }
                    }
                    Resolved::Function(template) => CheckedKind::Function(FunctionShape {
                        params: template.params.clone(),
                        ret: template.ret.clone(),
                        failures: template.body.as_ref().map(crate::failures).unwrap_or_default(),
                    }),
                    Resolved::Pipeline(pipeline) => CheckedKind::Pipeline(pipeline),
                    Resolved::Pending | Resolved::Broken => CheckedKind::Type(None),
                },
            })
            .collect();
        let (facts, kept, columns, silenced) = (self.effects.facts, self.kept, self.columns, self.silenced);
        let wrong_values = self.wrong_values;
        (Checked { job, declarations, tests, facts, kept, columns, silenced, wrong_values, ok }, diags)
    }
}

/// A span as the plan carries it.
pub(crate) fn place(span: Span) -> Place {
    Place { file: span.file.0, start: span.start, end: span.end }
}

/// A place as the compiler's span.
pub(crate) fn span_of(place: Place) -> Span {
    Span { file: flow_syntax::FileId(place.file), start: place.start, end: place.end }
}
