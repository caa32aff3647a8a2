//! Where the types of values are written. A type says what fields a record has, and not where: the place of each is found in
//! the written type, so that an editor knows the fields of records within others. Nothing here decides what is right.

use crate::checker::Checker;
use flow_syntax::Span;
use flow_syntax::ast::{DeclKind, ExprId, ExprKind, FieldType, Program, RecordItem, TypeExpr, TypeKind};
use std::collections::HashMap;

/// All types that are written in a script and its imports.
#[derive(Default)]
pub(crate) struct Written<'a> {
    /// By their own places.
    at: HashMap<Span, &'a TypeExpr>,
    /// Those of fields and parameters, by the places of their names.
    of: HashMap<Span, &'a TypeExpr>,
}

/// Names of types that stand for others, at most: circles are told elsewhere.
const MOST: usize = 64;

impl<'a> Written<'a> {
    pub(crate) fn collect(programs: &'a [Program]) -> Written<'a> {
        let mut written = Written::default();
        for decl in programs.iter().flat_map(|program| &program.decls) {
            match &decl.kind {
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

    /// Where the elements' type is written of a list or map whose type is written there.
    pub(crate) fn written_element(&self, at: Span) -> Option<Span> {
        match &self.meant(at)?.kind {
            TypeKind::Generic(_, of) => of.last().map(|of| of.span),
            _ => None,
        }
    }

    /// The field of a record whose type is written there.
    pub(crate) fn written_field(&self, at: Span, name: &str) -> Option<&'a FieldType> {
        match &self.meant(at)?.kind {
            TypeKind::Record(fields) => fields.iter().find(|field| field.name.name == name),
            _ => None,
        }
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
            let (Some(one), Some(other)) = (self.meant(one), self.meant(other)) else { continue };
            match (&one.kind, &other.kind) {
                _ if one.span == other.span => {}
                (TypeKind::Record(fields), TypeKind::Record(others)) => {
                    for field in fields {
                        let same = others.iter().find(|other| other.name.name == field.name.name);
                        let Some(same) = same else { continue };
                        self.same_field(field.name.span, same.name.span);
                        open.push((field.ty.span, same.ty.span));
                    }
                }
                (TypeKind::Generic(_, of), TypeKind::Generic(_, others)) => {
                    open.extend(of.iter().zip(others).map(|(one, other)| (one.span, other.span)));
                }
                _ => {}
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
                    self.reference(name.span, field.name.span);
                    self.literal_references(ast, value, field.ty.span);
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
            _ => {}
        }
    }
}
