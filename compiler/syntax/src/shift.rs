//! A piece of a tree, moved: to another place in the text, and behind other expressions.

use crate::ast::*;
use crate::span::{FileId, Span};

/// How far, and where to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shift {
    pub(crate) file: FileId,
    /// Added to offsets, wrapping.
    pub(crate) bytes: u32,
    /// Added to expression ids, wrapping.
    pub(crate) exprs: u32,
}

/// What has places in it.
pub(crate) trait Move {
    fn shift(&mut self, by: Shift);
}

impl Move for Span {
    fn shift(&mut self, by: Shift) {
        self.file = by.file;
        self.start = self.start.wrapping_add(by.bytes);
        self.end = self.end.wrapping_add(by.bytes);
    }
}

impl Move for ExprId {
    fn shift(&mut self, by: Shift) {
        self.0 = self.0.wrapping_add(by.exprs);
    }
}

impl<T: Move> Move for Option<T> {
    fn shift(&mut self, by: Shift) {
        self.iter_mut().for_each(|part| part.shift(by));
    }
}

impl<T: Move> Move for Vec<T> {
    fn shift(&mut self, by: Shift) {
        self.iter_mut().for_each(|part| part.shift(by));
    }
}

impl<T: Move> Move for Box<T> {
    fn shift(&mut self, by: Shift) {
        (**self).shift(by);
    }
}

impl<A: Move, B: Move> Move for (A, B) {
    fn shift(&mut self, by: Shift) {
        self.0.shift(by);
        self.1.shift(by);
    }
}

/// Moves every field that is named; the compiler says when one is forgotten.
macro_rules! fields {
    ($($ty:ident { $($field:ident),* $(; $($still:ident),*)? })*) => {
        $(impl Move for $ty {
            fn shift(&mut self, by: Shift) {
                let $ty { $($field,)* $($($still: _,)*)? } = self;
                $($field.shift(by);)*
            }
        })*
    };
}

fields! {
    Ident { span; name }
    Decl { was, span, kind; doc, sound }
    Import { path_span; path }
    Job { name, options }
    Param { name, ty, default }
    Const { name, ty, value }
    TypeDecl { name, ty }
    FnDecl { name, params, ret, lets, body; block }
    SourceDecl { name, ty, connector, stages }
    TableDecl { name, ty, key, connector, stages }
    StreamDecl { name, pipeline }
    SinkDecl { name, pipeline, connector }
    Pipeline { head, alias, stages, span }
    Path { name, side }
    Connector { name, record, args, span }
    Stage { id, was, name, kind, span }
    Arg { name, value }
    TypeExpr { kind, span }
    FieldType { name, ty; doc }
    TestDecl { name_span, steps; name }
    Restore { path_span, args, span; path }
    Expr { kind, span }
    MatchArm { patterns, value, span }
    Pattern { kind, span }
}

impl Move for DeclKind {
    fn shift(&mut self, by: Shift) {
        match self {
            DeclKind::Import(decl) => decl.shift(by),
            DeclKind::Job(decl) => decl.shift(by),
            DeclKind::Param(decl) => decl.shift(by),
            DeclKind::Const(decl) => decl.shift(by),
            DeclKind::Type(decl) => decl.shift(by),
            DeclKind::Fn(decl) => decl.shift(by),
            DeclKind::Source(decl) => decl.shift(by),
            DeclKind::Table(decl) => decl.shift(by),
            DeclKind::Stream(decl) => decl.shift(by),
            DeclKind::Sink(decl) => decl.shift(by),
            DeclKind::Test(decl) => decl.shift(by),
            DeclKind::Error(name) => name.shift(by),
        }
    }
}

impl Move for StageKind {
    fn shift(&mut self, by: Shift) {
        match self {
            StageKind::Call { args, alias } => {
                args.shift(by);
                alias.shift(by);
            }
            StageKind::Braces { items } => items.shift(by),
            StageKind::FlatMap { var, list } => {
                var.shift(by);
                list.shift(by);
            }
            StageKind::Join { other, alias, as_of, on, args } => {
                other.shift(by);
                alias.shift(by);
                as_of.shift(by);
                on.shift(by);
                args.shift(by);
            }
            StageKind::Error => {}
        }
    }
}

impl Move for RecordItem {
    fn shift(&mut self, by: Shift) {
        match self {
            RecordItem::Keep(id) => id.shift(by),
            RecordItem::Field { name, value } => {
                name.shift(by);
                value.shift(by);
            }
            RecordItem::Rest { of, span } => {
                of.shift(by);
                span.shift(by);
            }
        }
    }
}

impl Move for TypeKind {
    fn shift(&mut self, by: Shift) {
        match self {
            TypeKind::Name(name) => name.shift(by),
            TypeKind::Generic(name, of) => {
                name.shift(by);
                of.shift(by);
            }
            TypeKind::Record(fields) => fields.shift(by),
            TypeKind::Optional(of) => of.shift(by),
            TypeKind::Error => {}
        }
    }
}

impl Move for TestStep {
    fn shift(&mut self, by: Shift) {
        match self {
            TestStep::Given { target, rows, span } | TestStep::Expect { target, rows, span, ordered: _ } => {
                target.shift(by);
                rows.shift(by);
                span.shift(by);
            }
            TestStep::Advance { by: time, span } => {
                time.shift(by);
                span.shift(by);
            }
            TestStep::Savepoint { span } => span.shift(by),
            TestStep::Restore(restore) => restore.shift(by),
        }
    }
}

impl Move for PatternKind {
    fn shift(&mut self, by: Shift) {
        match self {
            PatternKind::Literal(id) => id.shift(by),
            PatternKind::Range(lo, hi) => {
                lo.shift(by);
                hi.shift(by);
            }
            PatternKind::Wildcard => {}
        }
    }
}

impl Move for StrPart {
    fn shift(&mut self, by: Shift) {
        match self {
            StrPart::Text(_) => {}
            StrPart::Expr(id) => id.shift(by),
        }
    }
}

impl Move for ExprKind {
    fn shift(&mut self, by: Shift) {
        match self {
            ExprKind::Error
            | ExprKind::Null
            | ExprKind::Bool(_)
            | ExprKind::Int(_)
            | ExprKind::Float(_)
            | ExprKind::Decimal(_)
            | ExprKind::Bytes(_)
            | ExprKind::Timestamp(_)
            | ExprKind::Duration(_)
            | ExprKind::Size(_) => {}
            ExprKind::Str(parts) => parts.shift(by),
            ExprKind::Name(name) => name.shift(by),
            ExprKind::List(items) => items.shift(by),
            ExprKind::Map(pairs) => pairs.shift(by),
            ExprKind::Record(items) => items.shift(by),
            ExprKind::Unary { op: _, operand } => operand.shift(by),
            ExprKind::Binary { op: _, op_span, lhs, rhs } => {
                op_span.shift(by);
                lhs.shift(by);
                rhs.shift(by);
            }
            ExprKind::In { negated: _, item, list } => {
                item.shift(by);
                list.shift(by);
            }
            ExprKind::Range { lo, hi } => {
                lo.shift(by);
                hi.shift(by);
            }
            ExprKind::Field { base, name } => {
                base.shift(by);
                name.shift(by);
            }
            ExprKind::Index { base, index } => {
                base.shift(by);
                index.shift(by);
            }
            ExprKind::Call { callee, args } => {
                callee.shift(by);
                args.shift(by);
            }
            ExprKind::MethodCall { base, name, args } => {
                base.shift(by);
                name.shift(by);
                args.shift(by);
            }
            ExprKind::If { cond, then, otherwise } => {
                cond.shift(by);
                then.shift(by);
                otherwise.shift(by);
            }
            ExprKind::Match { subject, arms } => {
                subject.shift(by);
                arms.shift(by);
            }
            ExprKind::Lambda { params, body } => {
                params.shift(by);
                body.shift(by);
            }
            ExprKind::Try { value, fallback } => {
                value.shift(by);
                fallback.shift(by);
            }
            ExprKind::Sorted { key, descending: _ } => key.shift(by),
        }
    }
}
