//! The checker's state and the order in which a script is checked: names, types, constants and
//! functions, the job, pipelines, tests, lints.

use crate::checked::{Checked, CheckedDeclaration, CheckedKind, CheckedPipeline, Facts, FunctionShape};
use crate::functions::Template;
use crate::lints::{self, Levels};
use crate::names::{self, Global};
use flow_plan::expr::Place;
use flow_plan::{DataType, Value};
use flow_syntax::ast::{DeclKind, Program};
use flow_syntax::{Diagnostic, SourceMap, Span};
use std::collections::{HashMap, HashSet};
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
    let mut diags = Vec::new();
    let (globals, by_name) = names::collect(input.programs, &mut diags);
    let count = globals.len();
    let mut checker = Checker {
        input: *input,
        globals,
        by_name,
        resolved: (0..count).map(|_| Resolved::Pending).collect(),
        uses: vec![Uses::default(); count],
        diags,
        reported: HashSet::new(),
        facts: Facts::default(),
        read: Vec::new(),
        computed: Vec::new(),
        delivery_span: None,
        row_fields: Vec::new(),
    };
    checker.resolve_types();
    checker.resolve_constants_and_functions();
    let job = checker.check_job();
    checker.check_pipelines();
    let tests = checker.check_tests();
    checker.finish(job, tests)
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

/// A column that an expression makes: somebody should read it.
pub(crate) struct Computed {
    pub id: u32,
    pub name: std::sync::Arc<str>,
    pub span: Span,
    pub word: String,
}

/// Everything that is known while checking.
pub(crate) struct Checker<'a> {
    pub input: Input<'a>,
    pub globals: Vec<Global<'a>>,
    pub by_name: HashMap<&'a str, usize>,
    pub resolved: Vec<Resolved>,
    pub uses: Vec<Uses>,
    pub diags: Vec<Diagnostic>,
    /// Code and place of what was said: expressions that are checked twice speak once.
    pub reported: HashSet<(flow_syntax::Code, Span)>,
    pub facts: Facts,
    /// Per column id: is it read by anything?
    pub read: Vec<bool>,
    pub computed: Vec<Computed>,
    /// Where the job block says `delivery:`.
    pub delivery_span: Option<Span>,
    /// Fields of the row at the stage that is being checked: they are no constants.
    pub row_fields: Vec<std::sync::Arc<str>>,
}

impl<'a> Checker<'a> {
    /// Says something, once per place and code.
    pub(crate) fn report(&mut self, diag: Diagnostic) {
        if self.reported.insert((diag.code, diag.primary.span)) {
            self.diags.push(diag);
        }
    }

    /// The text of a span.
    pub(crate) fn text(&self, span: Span) -> &'a str {
        self.input.sources.text(span)
    }

    /// Notes that a name is used.
    pub(crate) fn reference(&mut self, used: Span, declared: Span) {
        self.facts.references.push((used, declared));
    }

    /// A new column id.
    pub(crate) fn new_column(&mut self) -> u32 {
        self.read.push(false);
        (self.read.len() - 1) as u32
    }

    /// Notes that a column is read.
    pub(crate) fn mark_read(&mut self, id: u32) {
        self.read[id as usize] = true;
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

    fn finish(
        mut self,
        job: flow_plan::operator::JobConfig,
        tests: Vec<crate::checked::CheckedTest>,
    ) -> (Checked, Vec<Diagnostic>) {
        self.close_pipelines();
        lints::run(&mut self, &job);
        let mut diags = lints::apply_levels(&self.input, std::mem::take(&mut self.diags));
        diags.sort_by_key(|d| (d.primary.span.file, d.primary.span.start, d.primary.span.end));
        let ok = !diags.iter().any(Diagnostic::is_error);
        let declarations = self
            .globals
            .iter()
            .zip(self.resolved)
            .map(|(global, resolved)| CheckedDeclaration {
                name: global.name.name.as_str().into(),
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
        (Checked { job, declarations, tests, facts: self.facts, ok }, diags)
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
