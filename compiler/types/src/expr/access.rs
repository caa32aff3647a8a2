//! Names, fields, aliases, indexes.

use super::scope::{Fields, Path, Root, Step};
use super::{ExprCx, Typed};
use crate::checker::Resolved;
use crate::stream::{Column, StreamType};
use flow_plan::DataType;
use flow_plan::expr::Kind;
use flow_syntax::ast::{DeclKind, ExprId, ExprKind, Ident};
use flow_syntax::codes;
use flow_syntax::{Diagnostic, Edit, Label, Span};

/// What a name among the fields means.
enum Found<'s> {
    Column(usize),
    /// Several sides have it.
    Ambiguous(Vec<(usize, &'s Column)>),
    /// Not there, but not everything is known.
    Absorbed,
    Nothing,
}

impl<'c, 'a> ExprCx<'c, 'a> {
    /// A name: local, field, constant.
    pub(super) fn name(&mut self, name: &Ident) -> Option<Typed> {
        if let Some(local) = self.locals.iter().rev().find(|l| *l.name == *name.name).cloned() {
            self.ck.reference(name.span, local.span);
            let mut ty = local.ty?;
            let path = Path::local(local.local);
            if self.narrowed.contains(&path) {
                ty = ty.unwrapped().clone();
            }
            let mut typed = self.push(Kind::Local(local.local), ty, name.span);
            typed.path = Some(path);
            typed.written = local.written;
            return Some(typed);
        }
        if let Fields::Grouped(_) = self.fields {
            match self.grouped_name(None, name) {
                Some(result) => return result,
                None => return self.constant(name),
            }
        }
        match self.find(None, &name.name) {
            Found::Column(index) => self.column(index, name.span, name.span),
            Found::Ambiguous(several) => {
                let several: Vec<_> = several.into_iter().map(|(_, c)| c.clone()).collect();
                self.ambiguous(name, &several);
                None
            }
            Found::Absorbed => {
                // A constant of that name is still better than nothing.
                if self.is_constant(&name.name) { self.constant(name) } else { None }
            }
            Found::Nothing => self.constant(name),
        }
    }

    /// Is there no local, field, side or declaration of this name?
    pub(super) fn means_nothing(&self, name: &str) -> bool {
        let known = self.locals.iter().any(|l| *l.name == *name) || self.ck.global(name).is_some();
        let absent = match &self.fields {
            Fields::None(_) => true,
            Fields::Grouped(grouping) => {
                let input = grouping.input;
                !input.open && input.named(name).next().is_none() && !input.has_side(name)
            }
            Fields::Row(stream) | Fields::Join { both: stream, .. } => {
                !stream.open && stream.named(name).next().is_none() && !stream.has_side(name)
            }
        };
        absent && !known
    }

    fn is_constant(&self, name: &str) -> bool {
        self.ck
            .global(name)
            .is_some_and(|(_, g)| matches!(g.decl.kind, DeclKind::Const(_) | DeclKind::Param(_)))
    }

    /// The stage that let a side go.
    fn gone(&self, name: &str) -> Option<(String, Span)> {
        let gone = &self.row()?.gone_sides;
        gone.iter().find(|(side, ..)| **side == *name).map(|(_, word, stage)| (word.clone(), *stage))
    }

    /// The stream the names of fields come from.
    pub(super) fn row(&self) -> Option<&StreamType> {
        match &self.fields {
            Fields::Row(stream) => Some(stream),
            Fields::Join { both, .. } => Some(both),
            Fields::None(_) | Fields::Grouped(_) => None,
        }
    }

    fn find<'x>(&'x self, side: Option<&str>, name: &'x str) -> Found<'x> {
        let Some(stream) = self.row() else { return Found::Nothing };
        let left = match self.fields {
            // `left.x` is the left side of a join whatever it is called.
            Fields::Join { left, .. } if side == Some("left") && !stream.has_side("left") => Some(left),
            _ => None,
        };
        // In a join's condition a bare name is the left side's, if that has it.
        if let (Fields::Join { left, .. }, None) = (&self.fields, side) {
            let mut of_left = stream.named(name).filter(|(index, _)| index < left);
            if let (Some((index, _)), None) = (of_left.next(), of_left.next()) {
                return Found::Column(index);
            }
        }
        let matching: Vec<_> = stream
            .named(name)
            .filter(|(index, column)| match (left, side) {
                (Some(left), _) => *index < left,
                (None, Some(side)) => column.side.as_deref() == Some(side),
                (None, None) => true,
            })
            .collect();
        match matching.as_slice() {
            [(index, _)] => Found::Column(*index),
            [] if stream.open => Found::Absorbed,
            [] => Found::Nothing,
            _ => Found::Ambiguous(matching),
        }
    }

    /// Reads a column of the row: an expression, in which this is its name.
    pub(crate) fn column(&mut self, index: usize, span: Span, named: Span) -> Option<Typed> {
        let stream = self.row()?;
        let column = &stream.columns[index];
        let (id, origin, ty, name) = (column.id, column.origin, column.ty.clone(), column.name.clone());
        let written = column.written.or_else(|| self.ck.written_of(origin));
        self.ck.mark_read(id);
        self.ck.reference(named, origin);
        if let Some((_, global)) = self.ck.global(&name)
            && matches!(global.decl.kind, DeclKind::Const(_) | DeclKind::Param(_))
        {
            self.shadows(&name, global.what(), span, global.name.span);
        }
        let path = Path::column(index);
        let mut ty = ty?;
        if self.narrowed.contains(&path) {
            ty = ty.unwrapped().clone();
        }
        let mut typed = self.push(Kind::Column(index as u32), ty, span);
        typed.path = Some(path);
        typed.written = written;
        Some(typed)
    }

    fn shadows(&mut self, name: &str, what: &str, used: Span, hidden: Span) {
        let message = format!("the field `{name}` hides {what} of the same name");
        let diag = Diagnostic::new(codes::SHADOWED_FIELD, used, message)
            .at("this is the field")
            .label(hidden, format!("{what} is hidden here"))
            .help("fields win inside a stage; rename one of the two to make it plain");
        self.ck.report(diag);
    }

    /// A constant, parameter, or a mistake.
    fn constant(&mut self, name: &Ident) -> Option<Typed> {
        if let Some((word, stage)) = self.gone(&name.name).filter(|_| !self.is_constant(&name.name)) {
            self.gone_side(name, &word, stage);
            return None;
        }
        let Some((index, global)) = self.ck.global(&name.name) else {
            if self.row().is_some_and(|s| s.has_side(&name.name)) {
                let message = format!("`{}` is a whole row, not a value", name.name);
                let diag = Diagnostic::new(codes::WRONG_NAME_KIND, name.span, message)
                    .at("this names one side")
                    .help(format!("name a field of it: `{}.…`", name.name));
                self.ck.report(diag);
            } else {
                self.unknown_name(name);
            }
            return None;
        };
        self.ck.reference(name.span, global.name.span);
        match &self.ck.resolved[index] {
            Resolved::Constant { ty, value } => {
                let (ty, value) = (ty.clone()?, value.clone()?);
                Some(self.push_literal(value, ty, name.span))
            }
            Resolved::Broken => None,
            _ if global.is_broken() => None,
            Resolved::Pending if matches!(global.decl.kind, DeclKind::Const(_) | DeclKind::Param(_)) => None,
            _ => {
                if self.row().is_some_and(|s| s.open) {
                    return None;
                }
                self.wrong_kind(name, &global);
                None
            }
        }
    }

    /// `base.name`: a side's field, a record's field, a JSON member. Long chains lean left.
    pub(super) fn field_access(&mut self, id: ExprId) -> Option<Typed> {
        let ast = self.ast;
        let mut names = Vec::new();
        let mut base = id;
        while let ExprKind::Field { base: inner, name } = &ast.exprs[base].kind {
            names.push((name, ast.exprs[base].span));
            base = *inner;
        }
        names.reverse();
        let mut rest = names.as_slice();
        let mut value = match &ast.exprs[base].kind {
            ExprKind::Name(side) if self.side_or_member(side, names[0].0) => return None,
            ExprKind::Name(side) if self.is_side(&side.name, &names[0].0.name) => {
                let (name, span) = names[0];
                rest = &names[1..];
                self.side_field(side, name, span)?
            }
            ExprKind::Name(word) if self.field_of_no_row(word, names[0].0) => return None,
            _ => self.expr(base, None)?,
        };
        // The whole is noted with all expressions; what it passes through is nowhere else.
        let mut noted = rest.len() == names.len();
        for (at, (name, span)) in rest.iter().enumerate() {
            if !std::mem::take(&mut noted) {
                self.ck.effects.facts.types.push((value.span, value.ty.clone()));
            }
            if name.name == "dt" && *value.ty.unwrapped() == DataType::Timestamp {
                self.part_of_time(&value, name, rest.get(at + 1).map(|(part, _)| *part));
                return None;
            }
            value = self.member(value, name, *span)?;
        }
        Some(value)
    }

    /// `row.price`, `bids.price`: reports a name that means nothing in front of a field.
    fn field_of_no_row(&mut self, word: &Ident, field: &Ident) -> bool {
        let stream = match &self.fields {
            Fields::Grouped(grouping) => grouping.input,
            Fields::Row(stream) | Fields::Join { both: stream, .. } => *stream,
            Fields::None(_) => return false,
        };
        let sides: Vec<&str> = stream.columns.iter().filter_map(|c| c.side.as_deref()).collect();
        let known = stream.named(&field.name).next().is_some();
        let near = crate::suggest::nearest(&word.name, sides).is_some();
        let theirs = crate::suggest::is_row_word(&word.name);
        if !known
            || near && !theirs
            || stream.open
            || self.is_state_of_scan(stream, &word.name)
            || !self.means_nothing(&word.name)
            || self.gone(&word.name).is_some()
        {
            return false;
        }
        let before = Span { end: field.span.start, ..word.span };
        let title = format!("remove `{}.`", word.name);
        // Once a stage.
        let here = |d: &&mut Diagnostic| {
            self.stage
                .is_some_and(|stage| stage.start <= d.primary.span.start && d.primary.span.end <= stage.end)
                && d.primary.span.file == word.span.file
                && d.fixes.iter().any(|fix| fix.title == title)
        };
        if let Some(known) = self.ck.diags.iter_mut().rev().find(here) {
            if known.primary.span != word.span {
                known.labels.push(Label { span: word.span, text: "here too".into() });
                known.fixes[0].edits.push(Edit { span: before, replacement: String::new() });
            }
            return true;
        }
        let message = format!("the fields of the row are named without `{}.`", word.name);
        let diag = Diagnostic::new(codes::UNKNOWN_NAME, word.span, message)
            .at("the row has no name here")
            .help(format!(
                "inside of a stage the fields are in scope by name; behind `source as {0}` at the head of the pipeline, `{0}.{1}` means the same",
                if word.name == "_" { "row" } else { &word.name },
                field.name
            ));
        self.ck.report(diag.fix(title, before, ""));
        true
    }

    /// Is the name an alias here (and not rather a field that has such a member)?
    fn is_side(&self, side: &str, name: &str) -> bool {
        self.side_has(side, name).is_some_and(|has| has || !self.field_has(side, name))
    }

    fn input(&self) -> Option<&StreamType> {
        match &self.fields {
            Fields::Grouped(grouping) => Some(grouping.input),
            _ => self.row(),
        }
    }

    /// Has the side of this name such a field? `None` if there is no such side.
    fn side_has(&self, side: &str, name: &str) -> Option<bool> {
        if self.locals.iter().any(|l| *l.name == *side) {
            return None;
        }
        let stream = self.input()?;
        let left = matches!(self.fields, Fields::Join { .. }) && side == "left";
        let has = |(_, column): (usize, &Column)| column.side.as_deref() == Some(side);
        (stream.has_side(side) || left).then(|| stream.named(name).any(has))
    }

    /// Is there a field of this name that may have such a member?
    fn field_has(&self, field: &str, member: &str) -> bool {
        let Some(stream) = self.input() else { return false };
        stream.named(field).any(|(_, column)| match column.ty.as_ref().map(DataType::unwrapped) {
            Some(DataType::Record(record)) => record.fields.iter().any(|field| *field.name == *member),
            Some(DataType::Json) | None => true,
            Some(_) => false,
        })
    }

    /// `bids as meta |> map { meta.price }`, where `meta` is a field with members too: true if that was reported.
    fn side_or_member(&mut self, side: &Ident, name: &Ident) -> bool {
        if self.side_has(&side.name, &name.name) != Some(true) || !self.field_has(&side.name, &name.name) {
            return false;
        }
        let (word, member) = (&side.name, &name.name);
        let message = format!(
            "`{word}.{member}` is the field `{member}` of `{word}`, or a member of the field `{word}`"
        );
        let span = side.span.to(name.span);
        let mut diag = Diagnostic::new(codes::AMBIGUOUS_FIELD, span, message).at("which of them?");
        if let Some(declared) = self.input().and_then(|stream| stream.side_declared(word)) {
            diag = diag.label(declared, "a second name for its rows");
        }
        self.ck
            .report(diag.help(format!("give the rows a second name that is no field: `as {}`", &word[..1])));
        true
    }

    fn side_field(&mut self, side: &Ident, name: &Ident, span: Span) -> Option<Typed> {
        let stream = match &self.fields {
            Fields::Grouped(grouping) => Some(grouping.input),
            _ => self.row(),
        };
        if let Some(declared) = stream.and_then(|stream| stream.side_declared(&side.name)) {
            self.ck.reference(side.span, declared);
        }
        if let Fields::Grouped(_) = self.fields {
            return match self.grouped_name(Some(&side.name), name) {
                Some(result) => result,
                None => {
                    self.unknown_field_of_side(side, name);
                    None
                }
            };
        }
        match self.find(Some(&side.name), &name.name) {
            Found::Column(index) => self.column(index, span, name.span),
            Found::Ambiguous(several) => {
                let several: Vec<_> = several.into_iter().map(|(_, c)| c.clone()).collect();
                self.ambiguous(name, &several);
                None
            }
            Found::Absorbed => None,
            Found::Nothing => {
                self.unknown_field_of_side(side, name);
                None
            }
        }
    }

    /// `at.dt.hour` of pandas.
    fn part_of_time(&mut self, time: &Typed, dt: &Ident, part: Option<&Ident>) {
        let text = self.ck.text(time.span);
        let whole = time.span.to(part.map_or(dt.span, |part| part.span));
        let ours = part.and_then(|part| crate::elsewhere::part_of_time(&part.name, text));
        let diag = Diagnostic::new(codes::UNKNOWN_FIELD, dt.span, "a `timestamp` has no field `dt`")
            .label(time.span, format!("this is `{}`", time.ty))
            .at("no such field")
            .help(format!("parts of a time are functions: `hour({text})`"));
        self.ck.report(match ours {
            Some(fixed) => diag.fix(format!("write `{fixed}`"), whole, fixed),
            None => diag,
        });
    }

    fn member(&mut self, base: Typed, name: &Ident, span: Span) -> Option<Typed> {
        match base.ty.unwrapped().clone() {
            DataType::Record(record) => {
                let written = base.written;
                let base = self.not_null(base, &format!("`.{}`", name.name))?;
                let Some(index) = record.position(&name.name) else {
                    self.unknown_member(&record, name, base.span);
                    return None;
                };
                let mut ty = record.fields[index].ty.clone();
                let path = base.path.as_ref().map(|p| p.then(Step::Field(index as u32)));
                if path.as_ref().is_some_and(|p| self.narrowed.contains(p)) {
                    ty = ty.unwrapped().clone();
                }
                let mut typed = self.push(Kind::Field(base.node, index as u32), ty, span);
                typed.path = path;
                if let Some(field) = written.and_then(|at| self.ck.field_of(at, &record, &name.name)) {
                    self.ck.reference(name.span, field.span);
                    typed.written = Some(field.ty);
                }
                Some(typed)
            }
            DataType::Json => {
                let step: std::sync::Arc<str> = name.name.as_str().into();
                let path = base.path.as_ref().map(|p| p.then(Step::Json(step.clone())));
                let known = path.as_ref().is_some_and(|p| self.narrowed.contains(p));
                let ty = if known { DataType::Json } else { DataType::Json.optional() };
                let mut typed = self.push(Kind::JsonField(base.node, step), ty, span);
                typed.path = path;
                Some(typed)
            }
            other => {
                let diag = Diagnostic::new(
                    codes::UNKNOWN_FIELD,
                    name.span,
                    format!("{} has no field `{}`", super::messages::a(&other), name.name),
                )
                .label(base.span, format!("this is `{}`", base.ty))
                .at("no such field");
                self.ck.report(match other {
                    DataType::Map(_) => {
                        let text = format!("{}[\"{}\"]", self.ck.text(base.span), name.name);
                        diag.fix("look the key up", base.span.to(name.span), text)
                    }
                    _ => {
                        let function = crate::suggest::foreign_function(&name.name)
                            .or(flow_plan::catalogue::lookup(&name.name).map(|d| d.name));
                        match function {
                            Some(function) => {
                                let text = format!("{function}({})", self.ck.text(base.span));
                                let fix = format!("write `{text}`");
                                diag.help(format!("functions are called: `{text}`")).fix(
                                    fix,
                                    base.span.to(name.span),
                                    text,
                                )
                            }
                            None => diag.note("only records and `json` have fields"),
                        }
                    }
                });
                None
            }
        }
    }

    /// `base[index]`.
    /// `bids["price"]`, where the rows of `bids` are at hand: true if that was reported.
    fn field_by_index(&mut self, base: ExprId, index: ExprId, span: Span) -> bool {
        let ExprKind::Name(rows) = &self.ast.exprs[base].kind else { return false };
        let text = self.ck.text(self.span(index));
        let Some(field) = text.strip_prefix('"').and_then(|text| text.strip_suffix('"')) else {
            return false;
        };
        let readable = self.ck.global(&rows.name).is_some_and(|(_, global)| global.is_readable());
        let known = |stream: &StreamType| {
            stream.named(&rows.name).next().is_none() && stream.named(field).next().is_some()
        };
        if !readable || !self.input().is_some_and(known) {
            return false;
        }
        let field = super::quoted(field);
        let diag = Diagnostic::new(codes::FOREIGN_WORD, span, format!("a field is named alone: `{field}`"))
            .at("inside of a stage the fields of the row are in scope by name");
        self.ck.report(diag.fix(format!("write `{field}`"), span, field));
        true
    }

    pub(super) fn index(&mut self, base: ExprId, index: ExprId, span: Span) -> Option<Typed> {
        if self.field_by_index(base, index, span) {
            return None;
        }
        let base = self.expr(base, None);
        let index = self.bare(index, None, "an index");
        let (base, index) = (base?, index?);
        let (wanted, ty) = match base.ty.unwrapped() {
            DataType::Json => {
                if !matches!(index.ty, DataType::Int | DataType::String) {
                    self.mismatch(&index, &DataType::Int, "the index of a json value");
                    return None;
                }
                let ty = DataType::Json.optional();
                return Some(self.push(Kind::Index(base.node, index.node), ty, span));
            }
            DataType::List(of) => (DataType::Int, (**of).clone()),
            DataType::Map(of) => (DataType::String, (**of).clone().optional()),
            other => {
                let message = format!("{} has no elements", super::messages::a(other));
                let mut diag = Diagnostic::new(codes::NO_OPERATOR, base.span, message)
                    .at(format!("this is `{}`", base.ty))
                    .note("lists, maps and `json` have elements");
                if *other == DataType::String {
                    diag = diag.help("`charAt(s, i)` gives a character, `substring(s, from, to)` a part");
                }
                self.ck.report(diag);
                return None;
            }
        };
        let element = base.written.and_then(|at| self.ck.written_element(at));
        let base = self.not_null(base, "an index")?;
        let index = self.coerce(index, &wanted, "the index")?;
        let mut typed = self.push(Kind::Index(base.node, index.node), ty, span);
        typed.written = element;
        Some(typed)
    }

    /// The name a `map { a }` item gives to its field.
    pub(crate) fn narrowed_columns(paths: &[Path]) -> impl Iterator<Item = usize> + '_ {
        paths.iter().filter_map(|path| match path.root {
            Root::Column(index) if path.steps.is_empty() => Some(index as usize),
            _ => None,
        })
    }
}
