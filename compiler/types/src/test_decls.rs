//! `test` blocks: targets, rows and times, all known before anything runs.

use crate::again::Used;
use crate::checked::{CheckedStep, CheckedTest, ExpectedRow, Input, Wanted};
use crate::checker::Checker;
use crate::expr::{ExprCx, Fields, did_you_mean, list_names};
use crate::names;
use crate::stream::StreamType;
use crate::suggest;
use flow_plan::{DataType, Field, RecordType, Value};
use flow_syntax::ast::{DeclKind, ExprId, ExprKind, Ident, Path, Program, RecordItem, Restore, TestStep};
use flow_syntax::codes;
use flow_syntax::{Diagnostic, Span};
use std::sync::Arc;

/// Is there a savepoint that a `restore into` could go on from?
#[derive(Clone, Copy)]
enum Savepoint {
    None,
    Taken,
    /// There was, but this step stands behind it.
    Left(Span),
}

impl Savepoint {
    fn behind(self, step: &TestStep) -> Savepoint {
        match (self, step) {
            (_, TestStep::Savepoint { .. }) => Savepoint::Taken,
            (Savepoint::Taken, TestStep::Given { span, .. } | TestStep::Advance { span, .. }) => {
                Savepoint::Left(*span)
            }
            (same, _) => same,
        }
    }
}

impl<'a> Checker<'a> {
    /// Checks the tests of the main script.
    pub(crate) fn check_tests(&mut self) -> Vec<CheckedTest> {
        let Some(main) = self.input.programs.first() else { return Vec::new() };
        let mut tests: Vec<CheckedTest> = Vec::new();
        let mut names: Vec<(&str, Span)> = Vec::new();
        for decl in &main.decls {
            let DeclKind::Test(test) = &decl.kind else { continue };
            if let Some((_, first)) = names.iter().find(|(n, _)| *n == test.name) {
                let first = *first;
                self.report(names::duplicate(&test.name, test.name_span, first, "a test"));
            }
            names.push((&test.name, test.name_span));
            let steps = self.test_steps(main, &test.steps);
            tests.push(CheckedTest { name: test.name.clone(), span: decl.span, steps });
        }
        tests
    }

    /// Steps up to the first `restore into`: those behind it are about another script.
    pub(crate) fn test_steps(&mut self, ast: &'a Program, steps: &'a [TestStep]) -> Vec<CheckedStep> {
        let mut checked = Vec::with_capacity(steps.len());
        let mut savepoint = Savepoint::None;
        for step in steps {
            savepoint = savepoint.behind(step);
            match step {
                TestStep::Given { target, rows, span } => {
                    if let Some(declaration) = self.given_target(target) {
                        let stream = self.pipeline(declaration).map(|p| p.head.clone());
                        let record = stream.as_ref().and_then(StreamType::record);
                        self.field_references(ast, *rows, stream.as_ref());
                        if let Some((rows, places)) =
                            self.given_rows(ast, *rows, record.as_deref(), &target.name)
                        {
                            checked.push(CheckedStep::Given { declaration, rows, places, span: *span });
                        }
                    }
                }
                TestStep::Advance { by, span } => {
                    if let Some(by) = self.duration_option(ast, *by, "`advance`", 0) {
                        checked.push(CheckedStep::Advance { by, span: *span });
                    }
                }
                TestStep::Expect { ordered, target, rows, span } => {
                    checked.extend(self.expect_step(ast, *ordered, target, *rows, *span));
                }
                TestStep::Savepoint { span } => checked.push(CheckedStep::Savepoint { span: *span }),
                TestStep::Restore(restore) => {
                    checked.extend(self.restore_step(ast, restore, savepoint));
                    break;
                }
            }
        }
        checked
    }

    fn expect_step(
        &mut self,
        ast: &'a Program,
        ordered: bool,
        target: &Path,
        rows: ExprId,
        span: Span,
    ) -> Option<CheckedStep> {
        let (target_input, stream) = self.expect_target(target)?;
        for column in stream.columns.iter() {
            self.mark_read(column.id);
        }
        self.field_references(ast, rows, Some(&stream));
        let record = stream.record()?;
        let rows = self.expect_rows(ast, rows, &record, &target.name)?;
        Some(CheckedStep::Expect { ordered, target: target_input, record, rows, span })
    }

    fn restore_step(
        &mut self,
        ast: &'a Program,
        restore: &'a Restore,
        savepoint: Savepoint,
    ) -> Option<CheckedStep> {
        let diag = Diagnostic::new(codes::TEST_RESTORE, restore.span, "there is no savepoint to restore");
        let right = match savepoint {
            Savepoint::Taken => true,
            Savepoint::None => {
                let place = restore.span.before();
                self.report(diag.at("nothing was kept").fix("take one first", place, "savepoint\n  "));
                false
            }
            Savepoint::Left(step) => {
                self.report(
                    diag.at("of a moment that has passed")
                        .label(step, "the job has gone on since the savepoint")
                        .help("restore right behind `savepoint`; only `expect` may stand between them"),
                );
                false
            }
        };
        let mut allow_dropped = false;
        for arg in &restore.args {
            match &arg.name {
                Some(name) if name.name == "allowDropped" => {
                    let what = "`allowDropped`";
                    let value = self.constant_option(ast, arg.value, &DataType::Bool, what);
                    allow_dropped = matches!(value, Some(Value::Bool(true)));
                }
                _ => {
                    let span = arg.name.as_ref().map_or(ast.exprs[arg.value].span, |name| name.span);
                    let message = "`restore into` takes `allowDropped: true` and nothing else";
                    self.report(Diagnostic::new(codes::TEST_RESTORE, span, message).at("not known"));
                }
            }
        }
        right.then_some(CheckedStep::Restore { path_span: restore.path_span, allow_dropped })
    }

    /// Notes what the fields of rows mean.
    fn field_references(&mut self, ast: &'a Program, rows: ExprId, stream: Option<&StreamType>) {
        let (Some(stream), ExprKind::List(rows)) = (stream, &ast.exprs[rows].kind) else { return };
        for row in rows {
            let ExprKind::Record(items) = &ast.exprs[*row].kind else { continue };
            for item in items {
                if let RecordItem::Field { name, value } = item
                    && let Some((_, column)) = stream.named(&name.name).next()
                {
                    self.reference(name.span, column.origin);
                    if let Some(written) = column.written.or_else(|| self.written_of(column.origin)) {
                        self.literal_references(ast, *value, written);
                    }
                }
            }
        }
    }

    fn given_target(&mut self, target: &Path) -> Option<usize> {
        let name = &target.name;
        let Some((index, global)) = self.global(&name.name) else {
            self.unknown_target(
                name,
                |g| matches!(g.decl.kind, DeclKind::Source(_) | DeclKind::Table(_)),
                "source or table",
            );
            return None;
        };
        self.reference(name.span, global.name.span);
        self.note_use(index, Used::Rows);
        if global.is_broken() {
            return None;
        }
        let fits =
            matches!(global.decl.kind, DeclKind::Source(_) | DeclKind::Table(_)) && target.side.is_none();
        if !fits {
            let diag = Diagnostic::new(
                codes::TEST_TARGET,
                target.span(),
                format!(
                    "`given` replaces a source or a table, and `{}` is {}",
                    name.name,
                    if target.side.is_some() { "a side output" } else { global.what() }
                ),
            )
            .at("rows cannot be given here")
            .label(global.name.span, "declared here")
            .help("give rows to the sources it reads");
            self.report(diag);
            return None;
        }
        Some(index)
    }

    fn unknown_target(&mut self, name: &Ident, fits: impl Fn(&names::Global<'_>) -> bool, what: &str) {
        let known: Vec<&str> =
            self.globals.iter().filter(|g| fits(g)).map(|g| g.name.name.as_str()).collect();
        let diag =
            Diagnostic::new(codes::UNKNOWN_NAME, name.span, format!("there is no {what} `{}`", name.name))
                .at("not declared");
        let near = suggest::nearest(&name.name, known.iter().copied());
        let diag = match near {
            Some(near) => did_you_mean(diag, name.span, near),
            None => diag.note(format!("declared are {}", list_names(known.iter().copied()))),
        };
        self.report(diag);
    }

    fn expect_target(&mut self, target: &Path) -> Option<(Input, StreamType)> {
        let name = &target.name;
        let Some((index, global)) = self.global(&name.name) else {
            self.unknown_target(name, |g| g.is_pipeline(), "stream or sink");
            return None;
        };
        if target.side.is_none() && matches!(global.decl.kind, DeclKind::Sink(_)) {
            self.reference(name.span, global.name.span);
            let output = self.pipeline(index)?.output.clone();
            return Some((Input::Declaration(index), output));
        }
        if !global.is_pipeline() && !global.is_broken() {
            let diag = Diagnostic::new(
                codes::TEST_TARGET,
                name.span,
                format!("`expect` looks at a stream or sink, and `{}` is {}", name.name, global.what()),
            )
            .at("receives no rows")
            .label(global.name.span, "declared here");
            self.report(diag);
            return None;
        }
        let readable = self.readable(target, true)?;
        Some((readable.input, readable.stream))
    }

    /// The records of a list.
    fn row_items(&mut self, ast: &'a Program, rows: ExprId) -> Option<Vec<(&'a [RecordItem], Span)>> {
        let expr = &ast.exprs[rows];
        let ExprKind::List(items) = &expr.kind else {
            if !matches!(expr.kind, ExprKind::Error) {
                self.report(
                    Diagnostic::new(codes::TEST_ROW, expr.span, "rows are a list of records: `[ { a: 1 } ]`")
                        .at("not a list"),
                );
            }
            return None;
        };
        let mut found = Vec::with_capacity(items.len());
        let mut ok = true;
        for item in items {
            let row = &ast.exprs[*item];
            match &row.kind {
                ExprKind::Record(fields) => found.push((fields.as_slice(), row.span)),
                ExprKind::Error => ok = false,
                _ => {
                    self.report(
                        Diagnostic::new(codes::TEST_ROW, row.span, "a row is a record: `{ a: 1 }`")
                            .at("not a record"),
                    );
                    ok = false;
                }
            }
        }
        ok.then_some(found)
    }

    fn given_rows(
        &mut self,
        ast: &'a Program,
        rows: ExprId,
        record: Option<&RecordType>,
        target: &Ident,
    ) -> Option<(Vec<Vec<Value>>, Vec<Span>)> {
        let items = self.row_items(ast, rows)?;
        let record = record?;
        let whose = rows_of(target);
        let (mut out, mut places) = (Vec::with_capacity(items.len()), Vec::with_capacity(items.len()));
        let mut ok = true;
        for (items, span) in items {
            let Some((fields, rest)) = self.row_fields(ast, items, record, &whose) else {
                ok = false;
                continue;
            };
            if let Some(rest) = rest {
                let diag = Diagnostic::new(
                    codes::TEST_ROW,
                    rest,
                    "`..` ignores fields of expected rows; given rows are whole",
                )
                .at("nothing to ignore");
                self.report(diag);
                ok = false;
                continue;
            }
            let mut row = vec![Value::Null; record.fields.len()];
            let given: Vec<usize> = fields.iter().map(|(i, _)| *i).collect();
            ok &= self.all_given(record, &given, span, &whose, "given");
            for (index, value) in fields {
                match self.given_value(ast, value, &record.fields[index]) {
                    Some(value) => row[index] = value,
                    None => ok = false,
                }
            }
            out.push(row);
            places.push(span);
        }
        ok.then_some((out, places))
    }

    /// A value of a given row. As in the row itself, what is optional may be left out of the records in it.
    fn given_value(&mut self, ast: &'a Program, id: ExprId, field: &Field) -> Option<Value> {
        let expr = &ast.exprs[id];
        match (&expr.kind, field.ty.unwrapped()) {
            _ if !omits(ast, id, &field.ty) => self.row_value(ast, id, field),
            (ExprKind::Record(items), DataType::Record(record)) => {
                let whose = format!("the records in `{}`", field.name);
                let (fields, _) = self.row_fields(ast, items, record, &whose)?;
                let mut values = vec![Value::Null; record.fields.len()];
                for (index, value) in fields {
                    values[index] = self.given_value(ast, value, &record.fields[index])?;
                }
                Some(Value::Record(values.into()))
            }
            (ExprKind::List(items), DataType::List(element)) => {
                let element = Field::new(&*field.name, (**element).clone());
                let values: Vec<Option<Value>> =
                    items.iter().map(|item| self.given_value(ast, *item, &element)).collect();
                Some(Value::List(values.into_iter().collect::<Option<Vec<Value>>>()?.into()))
            }
            _ => self.row_value(ast, id, field),
        }
    }

    fn all_given(
        &mut self,
        record: &RecordType,
        given: &[usize],
        span: Span,
        whose: &str,
        verb: &str,
    ) -> bool {
        let missing: Vec<&str> = record
            .fields
            .iter()
            .enumerate()
            .filter(|(i, f)| !given.contains(i) && (verb == "expected" || !f.ty.is_optional()))
            .map(|(_, f)| &*f.name)
            .collect();
        if missing.is_empty() {
            return true;
        }
        let mut diag = Diagnostic::new(
            codes::TEST_ROW,
            span,
            format!("{} has no {}", one_of(whose, verb), list_names(missing.iter().copied())),
        )
        .at("fields are missing")
        .note(format!("{} are `{record}`", whose.trim_start_matches("the ")));
        if verb == "expected" {
            let end = Span { start: span.end.saturating_sub(1), ..span }.before();
            diag = diag.help("add them, or `..` to ignore all that is not named").with_fix(
                "ignore the others with `..`",
                end,
                if self.text(span).trim_end_matches('}').trim_end().ends_with([',', '{']) {
                    ".. "
                } else {
                    ", .. "
                },
                flow_syntax::Applicability::MaybeIncorrect,
            );
        }
        self.report(diag);
        false
    }

    fn expect_rows(
        &mut self,
        ast: &'a Program,
        rows: ExprId,
        record: &Arc<RecordType>,
        target: &Ident,
    ) -> Option<Vec<ExpectedRow>> {
        let items = self.row_items(ast, rows)?;
        let mut out = Vec::with_capacity(items.len());
        let mut ok = true;
        for (items, span) in items {
            match self.expected_fields(ast, (items, span), record, &rows_of(target)) {
                Some(fields) => out.push(ExpectedRow { fields, span }),
                None => ok = false,
            }
        }
        ok.then_some(out)
    }

    /// The fields of an expected row, or of a record in one.
    fn expected_fields(
        &mut self,
        ast: &'a Program,
        (items, span): (&'a [RecordItem], Span),
        record: &RecordType,
        whose: &str,
    ) -> Option<Vec<(usize, Wanted)>> {
        let (fields, rest) = self.row_fields(ast, items, record, whose)?;
        let given: Vec<usize> = fields.iter().map(|(i, _)| *i).collect();
        let mut ok = rest.is_some() || self.all_given(record, &given, span, whose, "expected");
        let mut wanted = Vec::with_capacity(fields.len());
        for (index, value) in fields {
            match self.wanted(ast, value, &record.fields[index]) {
                Some(value) => wanted.push((index, value)),
                None => ok = false,
            }
        }
        ok.then_some(wanted)
    }

    /// What a field of an expected row must be: records in it may leave out fields, too.
    fn wanted(&mut self, ast: &'a Program, id: ExprId, field: &Field) -> Option<Wanted> {
        let expr = &ast.exprs[id];
        match (&expr.kind, field.ty.unwrapped()) {
            _ if !leaves_out(ast, id) => self.row_value(ast, id, field).map(Wanted::Is),
            (ExprKind::Record(items), DataType::Record(record)) => {
                let whose = format!("the records in `{}`", field.name);
                self.expected_fields(ast, (items, expr.span), record, &whose).map(Wanted::Some)
            }
            (ExprKind::List(items), DataType::List(element)) => {
                let element = Field::new(&*field.name, (**element).clone());
                let all: Vec<Option<Wanted>> =
                    items.iter().map(|item| self.wanted(ast, *item, &element)).collect();
                all.into_iter().collect::<Option<Vec<Wanted>>>().map(Wanted::Each)
            }
            _ => self.row_value(ast, id, field).map(Wanted::Is),
        }
    }

    /// The fields of one row with their values, and where `..` stands.
    #[allow(clippy::type_complexity, reason = "fields and the place of `..`, used twice right here")]
    fn row_fields(
        &mut self,
        ast: &'a Program,
        items: &'a [RecordItem],
        record: &RecordType,
        whose: &str,
    ) -> Option<(Vec<(usize, ExprId)>, Option<Span>)> {
        let mut rest = None;
        let mut fields: Vec<(usize, ExprId)> = Vec::with_capacity(items.len());
        let mut ok = true;
        for item in items {
            let (name, value) = match item {
                RecordItem::Rest { span, .. } => {
                    rest = Some(*span);
                    continue;
                }
                RecordItem::Field { name, value } => (name, *value),
                RecordItem::Keep(id) => {
                    let span = ast.exprs[*id].span;
                    self.report(
                        Diagnostic::new(codes::TEST_ROW, span, "a field of a row has a value: `a: 1`")
                            .at("which value?"),
                    );
                    ok = false;
                    continue;
                }
            };
            let Some(index) = record.position(&name.name) else {
                let diag = Diagnostic::new(
                    codes::TEST_ROW,
                    name.span,
                    format!("{whose} have no field `{}`", name.name),
                )
                .at("not a field")
                .note(format!("its fields are {}", list_names(record.fields.iter().map(|f| &*f.name))));
                let near = suggest::nearest(&name.name, record.fields.iter().map(|f| &*f.name));
                self.report(match near {
                    Some(near) => did_you_mean(diag, name.span, near),
                    None => diag,
                });
                ok = false;
                continue;
            };
            if fields.iter().any(|(i, _)| *i == index) {
                let diag = Diagnostic::new(
                    codes::DUPLICATE_NAME,
                    name.span,
                    format!("`{}` is given twice", name.name),
                );
                self.report(diag.at("given again"));
                ok = false;
                continue;
            }
            fields.push((index, value));
        }
        ok.then_some((fields, rest))
    }

    fn row_value(&mut self, ast: &'a Program, id: ExprId, field: &Field) -> Option<Value> {
        let (ty, name) = (&field.ty, &field.name);
        let mut cx = ExprCx::new(self, ast, Fields::None("in a test"));
        let typed = cx.expr(id, Some(ty))?;
        // Any value can stand for a json value.
        let value_ty = typed.ty.clone();
        let json = *ty.unwrapped() == DataType::Json && *value_ty.unwrapped() != DataType::Json;
        let typed = if json { typed } else { cx.coerce(typed, ty, &format!("the field `{name}`"))? };
        let expr = cx.finish(&typed);
        let value = crate::constants::evaluate_constant(self, &expr, typed.span)?;
        if json && !value.is_null() {
            return flow_plan::eval::convert::convert(&value, value_ty.unwrapped(), &DataType::Json).ok();
        }
        Some(value)
    }
}

fn rows_of(target: &Ident) -> String {
    format!("the rows of `{}`", target.name)
}

/// `the expected row`, `the expected record in `pos``.
fn one_of(whose: &str, verb: &str) -> String {
    match whose.strip_prefix("the records in ") {
        Some(field) => format!("the {verb} record in {field}"),
        None => format!("the {verb} row"),
    }
}

/// Has it a record with `..` in it, as far as literals reach?
fn leaves_out(ast: &Program, id: ExprId) -> bool {
    match &ast.exprs[id].kind {
        ExprKind::Record(items) => items.iter().any(|item| match item {
            RecordItem::Rest { .. } => true,
            RecordItem::Field { value, .. } => leaves_out(ast, *value),
            RecordItem::Keep(_) => false,
        }),
        ExprKind::List(items) => items.iter().any(|item| leaves_out(ast, *item)),
        _ => false,
    }
}

/// Does it leave out what is optional, and only that, as far as literals reach?
fn omits(ast: &Program, id: ExprId, ty: &DataType) -> bool {
    let mut omitted = false;
    whole_but_optional(ast, id, ty, &mut omitted) && omitted
}

/// Is every field there that must be?
fn whole_but_optional(ast: &Program, id: ExprId, ty: &DataType, omitted: &mut bool) -> bool {
    match (&ast.exprs[id].kind, ty.unwrapped()) {
        (ExprKind::Record(items), DataType::Record(record)) => {
            let named = |field: &Field| {
                items.iter().find_map(|item| match item {
                    RecordItem::Field { name, value } if *name.name == *field.name => Some(*value),
                    _ => None,
                })
            };
            let plain = items.iter().all(|item| matches!(item, RecordItem::Field { .. }));
            plain
                && record.fields.iter().all(|field| match named(field) {
                    Some(value) => whole_but_optional(ast, value, &field.ty, omitted),
                    None => {
                        *omitted = true;
                        field.ty.is_optional()
                    }
                })
        }
        (ExprKind::List(items), DataType::List(element)) => {
            items.iter().all(|item| whole_but_optional(ast, *item, element, omitted))
        }
        _ => true,
    }
}
