//! Sources, tables, streams and sinks: in which order they are checked, and what each gives.

use crate::again::Used;
use crate::checked::{CheckedPipeline, Input};
use crate::checker::{Checker, Resolved};
use crate::connectors::Side;
use crate::expr::{did_you_mean, list_names};
use crate::hash::HashMap;
use crate::names::Global;
use crate::stages::PipeCx;
use crate::stream::{Column, Columns, StreamType};
use crate::{order, suggest};
use flow_plan::connector::ConnectorCall;
use flow_plan::operator::{DeclarationKind, GroupedAt, OperatorKind, errors_type};
use flow_plan::{DataType, RecordType};
use flow_syntax::ast::{
    Connector, DeclKind, ExprKind, Ident, Path, Pipeline, SinkDecl, SourceDecl, Stage, StageKind, StreamDecl,
    TableDecl, TypeExpr, TypeKind,
};
use flow_syntax::codes;
use flow_syntax::{Diagnostic, Span};
use std::sync::Arc;

/// Something rows can be read from.
pub(crate) struct Readable {
    pub name: String,
    pub input: Input,
    pub stream: StreamType,
    pub table: bool,
    pub table_key: Vec<usize>,
    /// Where it is declared.
    pub span: Span,
}

impl<'a> Checker<'a> {
    /// Checks every source, table, stream and sink, those that are read first.
    pub(crate) fn check_pipelines(&mut self) {
        self.check_overrides();
        let edges: Vec<Vec<usize>> = self.globals.iter().map(|g| self.reads(g)).collect();
        let (sorted, cycles) = order::order(&edges);
        for cycle in cycles {
            cycle.iter().for_each(|&index| self.broken(index));
            self.report_cycle(codes::CYCLE, &cycle, "a stream cannot read itself", "reads on around");
        }
        for index in sorted {
            let global = self.globals[index];
            let broken = matches!(self.resolved[index], Resolved::Broken);
            if broken || !global.is_pipeline() || self.take_over(index) {
                continue;
            }
            let (rest, said) = (std::mem::take(&mut self.effects), self.said);
            let pipeline = match &global.decl.kind {
                DeclKind::Source(decl) => self.check_source(&global, decl),
                DeclKind::Table(decl) => self.check_table(&global, decl),
                DeclKind::Stream(decl) => self.check_stream(index, &global, decl),
                DeclKind::Sink(decl) => self.check_sink(index, &global, decl),
                _ => {
                    self.effects = rest;
                    continue;
                }
            };
            self.resolved[index] = Resolved::Pipeline(Box::new(pipeline));
            self.kept[index].effects = std::mem::replace(&mut self.effects, rest);
            self.kept[index].whole = self.said == said;
        }
        self.check_state_ids();
    }

    /// The declarations a pipeline reads.
    fn reads(&self, global: &Global<'a>) -> Vec<usize> {
        let (head, stages): (Option<&Path>, &[Stage]) = match &global.decl.kind {
            DeclKind::Source(d) => (None, &d.stages),
            DeclKind::Table(d) => (None, &d.stages),
            DeclKind::Stream(d) => (Some(&d.pipeline.head), &d.pipeline.stages),
            DeclKind::Sink(d) => (Some(&d.pipeline.head), &d.pipeline.stages),
            _ => return Vec::new(),
        };
        let mut found = Vec::new();
        let mut add = |name: &str| {
            if let Some(&index) = self.by_name.get(name)
                && self.globals[index].is_pipeline()
            {
                found.push(index);
            }
        };
        if let Some(head) = head {
            add(&head.name.name);
        }
        for stage in stages {
            match &stage.kind {
                StageKind::Join { other, .. } => add(&other.name.name),
                StageKind::Call { args, .. } if stage.name.name == "union" => {
                    for arg in args {
                        match &global.program.exprs[arg.value].kind {
                            ExprKind::Name(name) => add(&name.name),
                            ExprKind::Field { base, .. } => {
                                if let ExprKind::Name(name) = &global.program.exprs[*base].kind {
                                    add(&name.name);
                                }
                            }
                            _ => {}
                        }
                    }
                }
                _ => {}
            }
        }
        found
    }

    /// What a path names, if rows can be read from it.
    pub(crate) fn readable(&mut self, path: &Path, tables: bool) -> Option<Readable> {
        let name = &path.name;
        let Some((index, global)) = self.global(&name.name) else {
            self.unknown_stream(name, tables);
            return None;
        };
        self.reference(name.span, global.name.span);
        if global.is_broken() || matches!(self.resolved[index], Resolved::Broken) {
            self.note_use(index, Used::Rows);
            return None;
        }
        if self.without_rows(path, tables) {
            return None;
        }
        let table = matches!(global.decl.kind, DeclKind::Table(_));
        match path.side.as_ref().map(|s| (s.name.as_str(), s)) {
            None => {
                self.note_use(index, Used::Rows);
                let pipeline = self.pipeline(index)?;
                Some(Readable {
                    name: name.name.clone(),
                    input: Input::Declaration(index),
                    stream: pipeline.output.clone(),
                    table,
                    table_key: pipeline.table_key.clone(),
                    span: global.name.span,
                })
            }
            Some(("errors", _)) => {
                self.note_use(index, Used::Errors);
                let columns = self.columns_of(&errors_type(), name.span);
                let mut stream = StreamType::new(
                    columns,
                    (format!("`{}.errors`", name.name), Span { end: name.span.start, ..name.span }),
                );
                stream.bounded = self.pipeline(index).is_some_and(|p| p.output.bounded);
                Some(Readable {
                    name: name.name.clone(),
                    input: Input::Errors(index),
                    stream,
                    table: false,
                    table_key: Vec::new(),
                    span: global.name.span,
                })
            }
            Some(("late", side)) => {
                self.note_use(index, Used::Late);
                let late = self.pipeline(index).and_then(|p| p.late.clone());
                let Some(stream) = late else {
                    if self.pipeline(index).is_some_and(|p| p.ok) {
                        let diag = Diagnostic::new(
                            codes::SIDE_OUTPUT,
                            side.span,
                            format!("`{}` has no late rows: it has no window of event time", name.name),
                        )
                        .at("nothing comes late")
                        .label(global.name.span, "declared here")
                        .help("`.late` belongs to the declaration the `window` stands in");
                        self.report(diag);
                    }
                    return None;
                };
                Some(Readable {
                    name: name.name.clone(),
                    input: Input::Late(index),
                    stream,
                    table: false,
                    table_key: Vec::new(),
                    span: global.name.span,
                })
            }
            Some((_, side)) => {
                self.unknown_side(name, side);
                None
            }
        }
    }

    /// Reports a name whose declaration gives no rows here.
    fn without_rows(&mut self, path: &Path, tables: bool) -> bool {
        let name = &path.name;
        let Some((_, global)) = self.global(&name.name) else { return true };
        if !global.is_pipeline() || (path.side.is_none() && !global.is_readable()) {
            let what = global.what();
            let mut diag = Diagnostic::new(
                codes::WRONG_NAME_KIND,
                name.span,
                format!("`{}` is {what}: no rows can be read from it", name.name),
            )
            .at("a source or stream is needed here")
            .label(global.name.span, "declared here");
            if let DeclKind::Sink(_) = global.decl.kind {
                diag = diag
                    .help("give the pipeline of the sink a name with `stream`, and read that in both places");
            }
            self.report(diag);
            return true;
        }
        if matches!(global.decl.kind, DeclKind::Table(_)) && !tables && path.side.is_none() {
            let diag = Diagnostic::new(
                codes::WRONG_NAME_KIND,
                name.span,
                format!("`{}` is a table: its rows are looked up, they do not flow", name.name),
            )
            .at("a source or stream is needed here")
            .label(global.name.span, "declared here")
            .help(format!("join a stream with it: `|> join({} on id == {}.id)`", name.name, name.name));
            self.report(diag);
            return true;
        }
        false
    }

    fn unknown_side(&mut self, name: &Ident, side: &Ident) {
        let diag = Diagnostic::new(
            codes::SIDE_OUTPUT,
            side.span,
            format!("`{}` has no side output `{}`", name.name, side.name),
        )
        .at("not a side output")
        .note("every declaration has `.errors`, and `.late` if it has a window of event time");
        self.report(match suggest::nearest(&side.name, ["errors", "late"]) {
            Some(near) => did_you_mean(diag, side.span, near),
            None => diag,
        });
    }

    fn unknown_stream(&mut self, name: &Ident, tables: bool) {
        let readable: Vec<&str> = self
            .globals
            .iter()
            .filter(|g| g.is_readable() && (tables || !matches!(g.decl.kind, DeclKind::Table(_))))
            .map(|g| g.name.name.as_str())
            .collect();
        let what = if tables { "source, stream or table" } else { "source or stream" };
        let diag =
            Diagnostic::new(codes::UNKNOWN_NAME, name.span, format!("there is no {what} `{}`", name.name))
                .at("not declared");
        let near = suggest::nearest(&name.name, readable.iter().copied());
        let diag = match near {
            Some(near) => did_you_mean(diag, name.span, near),
            None if readable.is_empty() => {
                diag.help("declare one: `source name: Type = file(\"path\", format: json)`")
            }
            None => diag.note(format!("declared are {}", list_names(readable.iter().copied()))),
        };
        self.report(diag);
    }

    /// Columns of a record type.
    pub(crate) fn columns_of(&mut self, record: &RecordType, origin: Span) -> Vec<Column> {
        record
            .fields
            .iter()
            .map(|f| Column {
                name: f.name.clone(),
                ty: Some(f.ty.clone()),
                optional_by: None,
                side: None,
                side_at: None,
                origin,
                written: None,
                id: self.new_column(),
            })
            .collect()
    }

    /// Where the fields of a written type stand.
    fn field_origins(&self, ty: Option<&'a TypeExpr>) -> HashMap<&'a str, Span> {
        let Some(mut ty) = ty else { return HashMap::default() };
        for _ in 0..64 {
            match &ty.kind {
                TypeKind::Name(name) => match self.global(&name.name).map(|(_, g)| &g.decl.kind) {
                    Some(DeclKind::Type(decl)) => ty = &decl.ty,
                    _ => return HashMap::default(),
                },
                TypeKind::Record(fields) => {
                    // Of two with one name, which is a mistake, the first.
                    return fields.iter().rev().map(|f| (f.name.name.as_str(), f.name.span)).collect();
                }
                _ => return HashMap::default(),
            }
        }
        HashMap::default()
    }

    fn made_by_type(&self, ty: Option<&'a TypeExpr>, connector: &Connector) -> (String, Span) {
        match ty.map(|t| (&t.kind, t.span)) {
            Some((TypeKind::Name(name), span)) => {
                let declared = self.global(&name.name).map_or(span, |(_, g)| g.name.span);
                (format!("`{}`", name.name), declared)
            }
            Some((_, span)) => ("the declared type".into(), span),
            None => (format!("the rows of `{}`", connector.name.name), connector.name.span),
        }
    }

    /// The declared record type of a source or table. `Err` after a reported mistake.
    fn declared_record(&mut self, ty: Option<&'a TypeExpr>) -> Result<Option<Arc<RecordType>>, ()> {
        let Some(written) = ty else { return Ok(None) };
        match self.resolve_type(written).ok_or(())? {
            DataType::Record(record) => Ok(Some(record)),
            other => {
                let diag = Diagnostic::new(
                    codes::SOURCE_TYPE,
                    written.span,
                    format!("rows are records, and this is `{other}`"),
                )
                .at("not a record type")
                .help(format!("name the field: `{{ value: {other} }}`"));
                self.report(diag);
                Err(())
            }
        }
    }

    fn start<'c>(
        &'c mut self,
        global: &Global<'a>,
        kind: DeclarationKind,
        stream: StreamType,
        input: Option<Input>,
    ) -> PipeCx<'c, 'a> {
        PipeCx {
            ck: self,
            ast: global.program,
            name: &global.name.name,
            was: global.decl.was.as_ref().map(|w| w.name.as_str()),
            kind,
            ok: input.is_some(),
            stream,
            input,
            operators: Vec::new(),
            stages: Vec::new(),
            late: None,
            lost_field: false,
            words: Vec::new(),
            stateful_ahead: false,
            grouped_at: GroupedAt::default(),
        }
    }

    /// The stream a connector gives and the operator that reads it.
    fn read_connector(
        &mut self,
        global: &Global<'a>,
        ty: Option<&'a TypeExpr>,
        connector: &'a Connector,
        side: Side,
    ) -> (StreamType, Option<ConnectorCall>) {
        let declared = self.declared_record(ty);
        let broken_type = declared.is_err();
        let call =
            self.check_connector(global.program, connector, side, declared.ok().flatten(), broken_type);
        let made_by = self.made_by_type(ty, connector);
        match &call {
            Some(call) => {
                let origins = self.field_origins(ty);
                let mut columns = self.columns_of(&call.schema, connector.name.span);
                for column in &mut columns {
                    if let Some(span) = origins.get(&*column.name) {
                        column.origin = *span;
                    } else if let Some(items) = &connector.record {
                        for item in items {
                            if let flow_syntax::ast::RecordItem::Field { name, .. } = item
                                && *name.name == *column.name
                            {
                                column.origin = name.span;
                            }
                        }
                    }
                }
                let mut stream = StreamType::new(columns, made_by);
                stream.bounded = crate::connectors::is_bounded(call);
                (stream, Some(call.clone()))
            }
            None => match declared_columns(self, ty) {
                // The connector is wrong, the type is not: go on with it.
                Some(columns) => (StreamType::new(columns, made_by), None),
                None => (StreamType::unknown(connector.span), None),
            },
        }
    }

    /// Notes what the fields mean that a connector is told of: `partitionBy: [day]`.
    fn connector_references(
        &mut self,
        ast: &'a flow_syntax::ast::Program,
        connector: &'a Connector,
        rows: &StreamType,
    ) {
        use flow_plan::connector::table::ArgType;
        let Some(def) = flow_plan::connector::lookup(&connector.name.name) else { return };
        for arg in &connector.args {
            let taken = arg.name.as_ref().and_then(|name| def.arg(&name.name));
            if taken.is_none_or(|taken| taken.ty != ArgType::Names) {
                continue;
            }
            let values = match &ast.exprs[arg.value].kind {
                ExprKind::List(items) => items.as_slice(),
                _ => std::slice::from_ref(&arg.value),
            };
            for value in values {
                if let ExprKind::Name(name) = &ast.exprs[*value].kind
                    && let Some((_, column)) = rows.named(&name.name).next()
                {
                    self.reference(name.span, column.origin);
                }
            }
        }
    }

    fn check_source(&mut self, global: &Global<'a>, decl: &'a SourceDecl) -> CheckedPipeline {
        let (stream, call) = self.read_connector(global, decl.ty.as_ref(), &decl.connector, Side::Source);
        self.connector_references(global.program, &decl.connector, &stream);
        self.read_pipeline(
            global,
            DeclarationKind::Source,
            stream,
            call.map(OperatorKind::Source),
            &decl.connector,
            &decl.stages,
        )
    }

    fn check_table(&mut self, global: &Global<'a>, decl: &'a TableDecl) -> CheckedPipeline {
        let (stream, call) = self.read_connector(global, decl.ty.as_ref(), &decl.connector, Side::Table);
        self.connector_references(global.program, &decl.connector, &stream);
        if decl.key.is_empty() {
            let diag = Diagnostic::new(
                codes::TABLE_KEY,
                decl.name.span,
                format!("the table `{}` has no key", decl.name.name),
            )
            .at("by which field is it looked up?")
            .help(format!("name it: `table {}: … key code = …`", decl.name.name));
            self.report(diag);
        }
        self.check_table_stages(decl);
        let operator = call.map(|connector| OperatorKind::Table { connector });
        let (kind, stages) = (DeclarationKind::Table, &decl.stages);
        let mut pipeline = self.read_pipeline(global, kind, stream, operator, &decl.connector, stages);
        // The key is of the rows that are looked up: those behind the stages.
        for name in &decl.key {
            let found =
                pipeline.output.named(&name.name).next().map(|(index, column)| (index, column.origin));
            match found {
                Some((index, origin)) => {
                    self.reference(name.span, origin);
                    pipeline.table_key.push(index);
                }
                None if pipeline.output.open => {}
                None => {
                    let diag = Diagnostic {
                        code: codes::TABLE_KEY,
                        ..crate::expr::unknown_field(&pipeline.output, name, &[])
                    };
                    self.report(diag);
                    pipeline.ok = false;
                }
            }
        }
        pipeline
    }

    /// A table is read before there is time, and each of its rows stands for itself.
    fn check_table_stages(&mut self, decl: &TableDecl) {
        let needs_more = |stage: &&Stage| {
            let word = stage.name.name.as_str();
            let alone = matches!(word, "map" | "filter" | "flatMap" | "drop" | "rename");
            let known = crate::stages::STAGES.contains(&word)
                || flow_plan::catalogue::lookup_aggregate(word).is_some();
            known && !alone
        };
        let Some(stage) = decl.stages.iter().find(needs_more) else { return };
        let word = &stage.name.name;
        let diag = Diagnostic::new(
            codes::TABLE_STAGE,
            stage.span,
            format!("the rows of a table cannot go through `{word}`"),
        )
        .at("looks at more than one row, or at time")
        .label(decl.name.span, "this is a table")
        .help("`map`, `filter`, `flatMap`, `drop` and `rename` work on each row alone");
        self.report(diag);
    }

    #[allow(clippy::too_many_arguments, reason = "the parts of one declaration")]
    fn read_pipeline(
        &mut self,
        global: &Global<'a>,
        kind: DeclarationKind,
        stream: StreamType,
        operator: Option<OperatorKind>,
        connector: &'a Connector,
        stages: &'a [Stage],
    ) -> CheckedPipeline {
        let head = stream.clone();
        let mut cx = self.start(global, kind, stream, None);
        if let (Some(operator), Some(output)) = (operator, cx.stream.record()) {
            cx.ok = true;
            cx.operators.push(crate::checked::CheckedOperator {
                kind: operator,
                inputs: Vec::new(),
                output,
                mode: cx.stream.mode.clone(),
                word: connector.name.name.clone(),
                span: connector.span,
                state: None,
                grouped_at: GroupedAt::default(),
            });
            cx.input = Some(Input::Operator(0));
        }
        cx.stream = cx.stream.with_side(&global.name.name, global.name.span);
        cx.stages(stages);
        let pipeline = cx.finish(head);
        self.no_ambiguity(&pipeline, global);
        pipeline
    }

    /// The stream at the head of a pipeline, seen through its alias.
    fn head(&mut self, pipeline: &'a Pipeline) -> (StreamType, Option<Input>) {
        let side = pipeline.alias.as_ref().unwrap_or(&pipeline.head.name);
        match self.readable(&pipeline.head, false) {
            Some(found) => {
                let ok = match found.input {
                    Input::Declaration(index) | Input::Late(index) => {
                        self.pipeline(index).is_some_and(|p| p.ok)
                    }
                    _ => true,
                };
                let mut stream = found
                    .stream
                    .with_side(&side.name, pipeline.alias.as_ref().map_or(found.span, |a| a.span));
                stream.dropped = match found.input {
                    Input::Declaration(_) => stream.dropped,
                    _ => Vec::new(),
                };
                (stream, ok.then_some(found.input))
            }
            None => (StreamType::unknown(pipeline.head.span()), None),
        }
    }

    fn check_stream(&mut self, index: usize, global: &Global<'a>, decl: &'a StreamDecl) -> CheckedPipeline {
        let _ = index;
        let (stream, input) = self.head(&decl.pipeline);
        let head = stream.clone();
        let mut cx = self.start(global, DeclarationKind::Stream, stream, input);
        cx.stages(&decl.pipeline.stages);
        let pipeline = cx.finish(head);
        self.no_ambiguity(&pipeline, global);
        pipeline
    }

    fn check_sink(&mut self, index: usize, global: &Global<'a>, decl: &'a SinkDecl) -> CheckedPipeline {
        let _ = index;
        let (stream, input) = self.head(&decl.pipeline);
        let head = stream.clone();
        let mut cx = self.start(global, DeclarationKind::Sink, stream, input);
        cx.stages(&decl.pipeline.stages);
        let mut pipeline = cx.finish(head);
        self.no_ambiguity(&pipeline, global);
        for column in pipeline.output.columns.iter() {
            self.mark_read(column.id);
        }
        let Some(connector) = &decl.connector else {
            pipeline.ok = false;
            return pipeline;
        };
        let record = pipeline.output.record();
        let known = record.is_some();
        self.row_fields = pipeline.output.columns.clone();
        let call = self.check_connector(global.program, connector, Side::Sink, record, !known);
        self.connector_references(global.program, connector, &pipeline.output);
        self.row_fields = Columns::default();
        if let Some(call) = &call {
            pipeline.ok &= self.sink_accepts(call, &pipeline.output, connector);
        }
        match (call, pipeline.result) {
            (Some(call), Some(input)) if known => pipeline.operators.push(crate::checked::CheckedOperator {
                kind: OperatorKind::Sink(call),
                inputs: vec![input],
                output: Arc::new(RecordType::default()),
                mode: pipeline.output.mode.clone(),
                word: connector.name.name.clone(),
                span: connector.span,
                state: None,
                grouped_at: GroupedAt::default(),
            }),
            _ => pipeline.ok = false,
        }
        pipeline
    }

    /// Behind the last stage every field has a name of its own.
    fn no_ambiguity(&mut self, pipeline: &CheckedPipeline, global: &Global<'a>) {
        let columns = if pipeline.ok { pipeline.output.columns.as_slice() } else { &[] };
        let mut times: HashMap<&str, usize> = crate::hash::with_room(columns.len());
        columns.iter().for_each(|column| *times.entry(&column.name).or_default() += 1);
        if let Some(column) = columns.iter().find(|column| times[&*column.name] > 1) {
            let same: Vec<Column> = columns.iter().filter(|c| c.name == column.name).cloned().collect();
            let span = pipeline.stages.last().map_or(global.name.span, |s| s.span);
            let mut diag = crate::expr::ambiguous(&column.name, span, &same);
            diag.message = format!("two fields named `{}` leave `{}`", column.name, global.name.name);
            diag.primary.text = "both are still here".into();
            let drop = same.last().and_then(|c| c.side.as_ref()).map(|s| format!("{s}.{}", column.name));
            diag.fixes.clear();
            if let Some(drop) = drop {
                diag.help = Some(format!(
                    "drop one of them, `|> drop({drop})`, or make the record you want with `map`"
                ));
                diag = diag.with_fix(
                    format!("drop `{drop}`"),
                    span.after(),
                    format!(" |> drop({drop})"),
                    flow_syntax::Applicability::MaybeIncorrect,
                );
            }
            self.report(diag);
        }
    }

    /// Notes what reads each declaration, when all pipelines are known.
    pub(crate) fn close_pipelines(&mut self) {
        for (resolved, uses) in self.resolved.iter_mut().zip(&self.uses) {
            if let Resolved::Pipeline(pipeline) = resolved {
                pipeline.late_consumed = uses.late;
                pipeline.errors_consumed = uses.errors;
            }
        }
    }
}

fn declared_columns<'a>(ck: &mut Checker<'a>, ty: Option<&'a TypeExpr>) -> Option<Vec<Column>> {
    // Already resolved once: a mistake in it is not said again.
    match ck.resolve_type(ty?) {
        Some(DataType::Record(record)) => {
            let origins = ck.field_origins(ty);
            let mut columns = ck.columns_of(&record, ty?.span);
            for column in &mut columns {
                if let Some(span) = origins.get(&*column.name) {
                    column.origin = *span;
                }
            }
            Some(columns)
        }
        _ => None,
    }
}

impl PipeCx<'_, '_> {
    /// The checked pipeline; what was set for its stages ends with it.
    pub(crate) fn finish(self, head: StreamType) -> CheckedPipeline {
        let mut output = self.stream;
        output.keys = None;
        output.window = None;
        output.trigger = None;
        CheckedPipeline {
            kind: self.kind,
            ok: self.ok && self.input.is_some(),
            operators: self.operators,
            stages: self.stages,
            head,
            output,
            result: self.input,
            late: self.late,
            late_consumed: false,
            errors_consumed: false,
            table_key: Vec::new(),
        }
    }
}
