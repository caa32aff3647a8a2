//! Where the types of values are written. A type says what fields a record has, and not where: the place of each is found in
//! the written type, so that an editor knows the fields of records within others. Nothing here decides what is right.

use crate::checker::Checker;
use crate::hash::HashMap;
use flow_plan::RecordType;
use flow_syntax::Span;
use flow_syntax::ast::{
    DeclKind, ExprId, ExprKind, FieldType, Program, RecordItem, Stage, StageKind, TypeExpr, TypeKind,
};

/// All types that are written in a script and its imports.
#[derive(Default)]
pub(crate) struct Written<'a> {
    /// By their own places.
    at: HashMap<Span, &'a TypeExpr>,
    /// Those of fields and parameters, by the places of their names.
    of: HashMap<Span, &'a TypeExpr>,
    /// Records that stand for a type: the first states of `scan`, whose fields have no other place.
    literals: HashMap<Span, (&'a Program, &'a [RecordItem])>,
}

/// A field of a record that is written: its name, the place of that, and where its type is.
pub(crate) struct WrittenField<'a> {
    pub(crate) name: &'a str,
    pub(crate) span: Span,
    pub(crate) ty: Span,
}

/// Names of types that stand for others, at most: circles are told elsewhere.
const MOST: usize = 64;

impl<'a> Written<'a> {
    pub(crate) fn collect(programs: &'a [Program]) -> Written<'a> {
        let mut written = Written::default();
        let decls = programs.iter().flat_map(|program| program.decls.iter().map(move |decl| (program, decl)));
        for (program, decl) in decls {
            match &decl.kind {
                DeclKind::Stream(decl) => written.add_states(program, &decl.pipeline.stages),
                DeclKind::Sink(decl) => written.add_states(program, &decl.pipeline.stages),
                DeclKind::Type(decl) => written.add(&decl.ty),
                DeclKind::Source(decl) => decl.ty.iter().for_each(|ty| written.add(ty)),
                DeclKind::Table(decl) => decl.ty.iter().for_each(|ty| written.add(ty)),
                DeclKind::Fn(decl) => {
                    decl.ret.iter().for_each(|ty| written.add(ty));
                    for (name, ty) in &decl.params {
                        written.of.insert(name.span, ty);
                        written.add(ty);
                    }
                }
                _ => {}
            }
        }
        written
    }

    fn add_states(&mut self, program: &'a Program, stages: &'a [Stage]) {
        for stage in stages.iter().filter(|stage| stage.name.name == "scan") {
            let StageKind::Call { args, .. } = &stage.kind else { continue };
            let states = args.iter().filter(|arg| arg.name.as_ref().is_some_and(|name| name.name == "state"));
            states.for_each(|state| self.add_literal(program, state.value));
        }
    }

    fn add_literal(&mut self, program: &'a Program, value: ExprId) {
        let ExprKind::Record(items) = &program.exprs[value].kind else { return };
        self.literals.insert(program.exprs[value].span, (program, items));
        for item in items {
            if let RecordItem::Field { value, .. } = item {
                self.add_literal(program, *value);
            }
        }
    }

    fn add(&mut self, ty: &'a TypeExpr) {
        self.at.insert(ty.span, ty);
        match &ty.kind {
            TypeKind::Optional(of) => self.add(of),
            TypeKind::Generic(_, of) => of.iter().for_each(|of| self.add(of)),
            TypeKind::Record(fields) => {
                for field in fields {
                    self.of.insert(field.name.span, &field.ty);
                    self.add(&field.ty);
                }
            }
            TypeKind::Name(_) | TypeKind::Error => {}
        }
    }
}

impl<'a> Checker<'a> {
    /// Where the type of a field or parameter is written, by the place of its name.
    pub(crate) fn written_of(&self, declared: Span) -> Option<Span> {
        self.written.of.get(&declared).map(|ty| ty.span)
    }

    /// Where the elements' type is written of a list or map whose type is written there. One that was made of such values
    /// (`collect(x)`) has none of its own: what is written there is its elements'.
    pub(crate) fn written_element(&self, at: Span) -> Option<Span> {
        match self.meant(at).map(|ty| &ty.kind) {
            Some(TypeKind::Generic(_, of)) => of.last().map(|of| of.span),
            _ => Some(at),
        }
    }

    /// The fields of the record that is written there, or whose values are what is written there is made of.
    fn written_record(&self, at: Span) -> Option<Vec<WrittenField<'a>>> {
        if let Some((program, items)) = self.written.literals.get(&at) {
            let field = |item: &'a RecordItem| match item {
                RecordItem::Field { name, value } => Some((name, program.exprs[*value].span)),
                RecordItem::Keep(_) | RecordItem::Rest { .. } => None,
            };
            let each = items.iter().filter_map(field);
            return Some(
                each.map(|(name, ty)| WrittenField { name: &name.name, span: name.span, ty }).collect(),
            );
        }
        let mut at = at;
        for _ in 0..MOST {
            match &self.meant(at)?.kind {
                TypeKind::Generic(_, of) => at = of.last()?.span,
                TypeKind::Record(fields) => {
                    let each = fields.iter();
                    let field = |f: &'a FieldType| WrittenField {
                        name: &f.name.name,
                        span: f.name.span,
                        ty: f.ty.span,
                    };
                    return Some(each.map(field).collect());
                }
                _ => return None,
            }
        }
        None
    }

    /// The field of a record whose type is written there.
    pub(crate) fn written_field(&self, at: Span, name: &str) -> Option<WrittenField<'a>> {
        self.written_record(at)?.into_iter().find(|field| field.name == name)
    }

    /// The same, of a record of which more is known: another one may be meant than what is written there.
    pub(crate) fn field_of(&self, at: Span, record: &RecordType, name: &str) -> Option<WrittenField<'a>> {
        let fields = self.written_record(at)?;
        let same = fields.len() == record.fields.len()
            && fields.iter().zip(&record.fields).all(|(written, known)| *written.name == *known.name);
        if same { fields.into_iter().find(|field| field.name == name) } else { None }
    }

    /// The type that is meant by the one that is written at a place.
    fn meant(&self, at: Span) -> Option<&'a TypeExpr> {
        let mut ty = *self.written.at.get(&at)?;
        for _ in 0..MOST {
            ty = match &ty.kind {
                TypeKind::Optional(of) => of,
                TypeKind::Name(name) => match &self.global(&name.name)?.1.decl.kind {
                    DeclKind::Type(decl) => &decl.ty,
                    _ => return None,
                },
                _ => return Some(ty),
            };
        }
        None
    }

    /// Notes that the fields of two written types are one: a value of the one stands where the other is wanted, which is right
    /// because they have the same fields, and would not be if only one of them had another name.
    pub(crate) fn same_records(&mut self, one: Span, other: Span) {
        let mut open = vec![(one, other)];
        let mut seen = 0;
        while let Some((one, other)) = open.pop().filter(|_| seen < MOST) {
            seen += 1;
            let (Some(fields), Some(others)) = (self.written_record(one), self.written_record(other)) else {
                continue;
            };
            for field in fields.iter().filter(|_| one != other) {
                let Some(same) = others.iter().find(|other| other.name == field.name) else { continue };
                if field.span != same.span {
                    self.same_field(field.span, same.span);
                    open.push((field.ty, same.ty));
                }
            }
        }
    }

    /// Notes what the fields of records mean that are written where a value of this written type is wanted.
    pub(crate) fn literal_references(&mut self, ast: &'a Program, value: ExprId, at: Span) {
        match &ast.exprs[value].kind {
            ExprKind::Record(items) => {
                for item in items {
                    let (name, value) = match item {
                        RecordItem::Field { name, value } => (name, *value),
                        // The one word means the value, which was noted before, and the field.
                        RecordItem::Keep(id) => match &ast.exprs[*id].kind {
                            ExprKind::Name(name) | ExprKind::Field { name, .. } => (name, *id),
                            _ => continue,
                        },
                        RecordItem::Rest { .. } => continue,
                    };
                    let Some(field) = self.written_field(at, &name.name) else { continue };
                    self.reference(name.span, field.span);
                    self.literal_references(ast, value, field.ty);
                }
            }
            ExprKind::List(items) => {
                let Some(element) = self.written_element(at) else { return };
                items.iter().for_each(|item| self.literal_references(ast, *item, element));
            }
            ExprKind::Map(entries) => {
                let Some(element) = self.written_element(at) else { return };
                entries.iter().for_each(|(_, value)| self.literal_references(ast, *value, element));
            }
            ExprKind::If { then, otherwise, .. } => {
                self.literal_references(ast, *then, at);
                self.literal_references(ast, *otherwise, at);
            }
            ExprKind::Match { arms, .. } => {
                arms.iter().for_each(|arm| self.literal_references(ast, arm.value, at));
            }
            ExprKind::Try { value, fallback } => {
                self.literal_references(ast, *value, at);
                self.literal_references(ast, *fallback, at);
            }
            _ => {}
        }
    }
}
