//! Expressions: syntax → typed plan IR. One [`ExprCx`] builds one [`Expr`].
//!
//! Every method gives `None` after a mistake it has reported; operands are all looked at before an
//! operator gives up, so that several mistakes of one expression are told in one go.

mod access;
mod aggregates;
mod calls;
mod control;
mod foreign;
mod literals;
mod messages;
mod operators;
mod overload;
mod patterns;
mod scope;
mod truth;
mod user_fns;

pub(crate) use aggregates::Grouping;
pub(crate) use messages::{a, ambiguous, did_you_mean, list_names, short, unknown_field};
pub(crate) use scope::{Fields, IN_GENERATE, Local, NowRule, Path};

/// A name as it is written in a script: in backticks where it is no plain word.
pub(crate) fn quoted(name: &str) -> String {
    let plain = name.chars().next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    if plain { name.to_string() } else { format!("`{name}`") }
}

use crate::checker::{Checker, place};
use flow_plan::expr::{Kind, NodeId};
use flow_plan::{DataType, Expr, RecordType, Value};
use flow_syntax::ast::{ExprId, ExprKind, Ident, Program, UnaryOp};
use flow_syntax::codes;
use flow_syntax::{Diagnostic, Span};

/// Deepest nesting of expressions that is checked; the parser stops brackets at 128 before.
const MAX_DEPTH: u32 = 160;

/// An expression that was checked.
#[derive(Clone, Debug)]
pub(crate) struct Typed {
    pub node: NodeId,
    pub ty: DataType,
    pub span: Span,
    /// Where its type is written, if that is known.
    pub written: Option<Span>,
    /// What it reads, if it is a plain field or local: that can be narrowed.
    pub path: Option<Path>,
    /// What is certainly not null when it is true.
    pub when_true: Vec<Path>,
    /// What is certainly not null when it is false.
    pub when_false: Vec<Path>,
}

/// The place where an expression stands, and the expression that is being built.
pub(crate) struct ExprCx<'c, 'a> {
    pub ck: &'c mut Checker<'a>,
    pub ast: &'a Program,
    pub fields: Fields<'c>,
    pub out: Expr,
    pub locals: Vec<Local>,
    pub next_local: u32,
    /// What is known not to be null here.
    pub narrowed: Vec<Path>,
    /// The stage it stands in: a filter can be put before it.
    pub stage: Option<Span>,
    pub now: NowRule,
    /// Are there nodes that nothing uses (the right side of a `??` that is never needed)?
    dead: bool,
    depth: u32,
}

impl<'c, 'a> ExprCx<'c, 'a> {
    pub(crate) fn new(ck: &'c mut Checker<'a>, ast: &'a Program, fields: Fields<'c>) -> ExprCx<'c, 'a> {
        ExprCx {
            ck,
            ast,
            fields,
            out: Expr::default(),
            locals: Vec::new(),
            next_local: 0,
            narrowed: Vec::new(),
            stage: None,
            now: NowRule::Allowed,
            dead: false,
            depth: 0,
        }
    }

    pub(crate) fn at_stage(mut self, stage: Span, now: NowRule) -> Self {
        self.stage = Some(stage);
        self.now = now;
        self
    }

    /// Checks an expression of any type. `want` only helps literals that have no type of their own.
    pub(crate) fn expr(&mut self, id: ExprId, want: Option<&DataType>) -> Option<Typed> {
        if self.depth >= MAX_DEPTH {
            let diag = Diagnostic::new(
                codes::EXPRESSION_TOO_DEEP,
                self.span(id),
                format!("this expression is nested more than {MAX_DEPTH} deep"),
            );
            self.ck.report(diag.at("too deep from here on").help("name a part of it with a `fn`"));
            return None;
        }
        self.depth += 1;
        let typed = self.dispatch(id, want);
        self.depth -= 1;
        if let Some(typed) = &typed {
            self.ck.effects.facts.types.push((typed.span, typed.ty.clone()));
        }
        typed
    }

    fn dispatch(&mut self, id: ExprId, want: Option<&DataType>) -> Option<Typed> {
        let ast = self.ast;
        let span = self.span(id);
        match &ast.exprs[id].kind {
            ExprKind::Error => None,
            ExprKind::Name(name) => self.name(name),
            ExprKind::Field { .. } => self.field_access(id),
            ExprKind::Index { base, index } => self.index(*base, *index, span),
            ExprKind::Unary { op: UnaryOp::Neg, operand } => self.negate(*operand, span, want),
            ExprKind::Unary { op: UnaryOp::Not, operand } => self.not(*operand, span),
            ExprKind::Binary { .. } => self.binary(id, want),
            ExprKind::In { negated, item, list } => self.membership(*negated, *item, *list, span),
            ExprKind::Call { callee, args } => self.call(callee, args, span, want),
            ExprKind::MethodCall { base, name, args } => self.method_call(*base, name, args, span),
            ExprKind::If { cond, then, otherwise } => self.if_else(*cond, *then, *otherwise, span, want),
            ExprKind::Match { subject, arms } => self.match_expr(*subject, arms, span, want),
            ExprKind::Try { value, fallback } => self.try_else(*value, *fallback, span, want),
            ExprKind::Lambda { .. } => self.misplaced(
                span,
                "a lambda",
                "lambdas are arguments of list functions such as `mapEach(xs, x => …)`",
            ),
            ExprKind::Range { .. } => self.misplaced(
                span,
                "a range",
                "ranges stand behind `in` and in `match` patterns; `range(lo, hi)` makes a list",
            ),
            ExprKind::Sorted { .. } => {
                self.misplaced(span, "a sort order", "`asc` and `desc` are only understood in `by:`")
            }
            ExprKind::Size(_) => self.misplaced(span, "a size", "sizes are only understood in options"),
            kind => self.literal(kind, span, want),
        }
    }

    pub(crate) fn misplaced(&mut self, span: Span, what: &str, rule: &str) -> Option<Typed> {
        let diag = Diagnostic::new(codes::MISPLACED_EXPRESSION, span, format!("{what} has no meaning here"));
        self.ck.report(diag.at(format!("this is {what}")).help(rule));
        None
    }

    /// Checks an expression that must not be null.
    pub(crate) fn bare(&mut self, id: ExprId, want: Option<&DataType>, needed_by: &str) -> Option<Typed> {
        let typed = self.expr(id, want)?;
        self.not_null(typed, needed_by)
    }

    /// Refuses `T?`.
    pub(crate) fn not_null(&mut self, typed: Typed, needed_by: &str) -> Option<Typed> {
        if typed.ty.is_optional() {
            self.optional_use(&typed, needed_by);
            return None;
        }
        Some(typed)
    }

    /// Checks an expression that must be of a type; `what` needs it (`the condition of `filter``).
    pub(crate) fn expect(&mut self, id: ExprId, want: &DataType, what: &str) -> Option<Typed> {
        let typed = self.expr(id, Some(want))?;
        self.coerce(typed, want, what)
    }

    /// Makes a checked value fit a type, or says that it does not.
    pub(crate) fn coerce(&mut self, typed: Typed, want: &DataType, what: &str) -> Option<Typed> {
        if typed.ty == *want || want.is_optional() && typed.ty == *want.unwrapped() {
            return Some(typed);
        }
        if let Some(converted) = self.convert_literal(&typed, want.unwrapped()) {
            return Some(converted);
        }
        if typed.ty.unwrapped() == want && typed.ty.is_optional() {
            self.optional_use(&typed, what);
        } else {
            self.mismatch(&typed, want, what);
        }
        None
    }

    pub(crate) fn span(&self, id: ExprId) -> Span {
        self.ast.exprs[id].span
    }

    pub(crate) fn push(&mut self, kind: Kind, ty: DataType, span: Span) -> Typed {
        let node = self.out.push(kind, ty.clone(), place(span));
        Typed { node, ty, span, written: None, path: None, when_true: Vec::new(), when_false: Vec::new() }
    }

    pub(crate) fn push_literal(&mut self, value: Value, ty: DataType, span: Span) -> Typed {
        self.push(Kind::Literal(value), ty, span)
    }

    /// Where the type is written of what is one of these values, or made of them: values of one type, whose records are one.
    /// Literals among them name its fields.
    pub(crate) fn made_of(&mut self, parts: &[(ExprId, &Typed)], ty: &DataType) -> Option<Span> {
        let wanted = record_in(ty);
        let mut found: Option<(Span, &std::sync::Arc<RecordType>)> = None;
        for (_, part) in parts {
            let (Some(at), Some(record)) = (part.written, record_in(&part.ty)) else { continue };
            match found {
                None => found = Some((at, record)),
                Some((one, known)) if known == record => self.ck.same_records(one, at),
                Some(_) => {}
            }
        }
        let (at, record) = found?;
        for (id, _) in parts.iter().filter(|(_, part)| record_in(&part.ty) == Some(record)) {
            self.ck.literal_references(self.ast, *id, at);
        }
        (wanted == Some(record)).then_some(at)
    }

    /// Makes a new local.
    pub(crate) fn bind(&mut self, name: &Ident, ty: Option<DataType>) -> u32 {
        let local = self.next_local;
        self.next_local += 1;
        let (written, span) = (self.ck.written_of(name.span), name.span);
        self.locals.push(Local { name: name.name.as_str().into(), local, ty, span, written });
        local
    }

    /// Says where the type of the last local is written.
    pub(crate) fn bound_to(&mut self, written: Option<Span>) {
        if let Some(local) = self.locals.last_mut() {
            local.written = written.or(local.written);
        }
    }

    /// The finished expression, its root last.
    pub(crate) fn finish(&mut self, typed: &Typed) -> Expr {
        let mut out = std::mem::take(&mut self.out);
        // A literal that was converted in place, or a call that was replaced, may leave the root inside.
        if std::mem::take(&mut self.dead) || typed.node != out.root() {
            out = compact(&out, typed.node);
        }
        out
    }

    /// Is the expression the word `null`?
    pub(crate) fn is_null(&self, id: ExprId) -> bool {
        matches!(self.ast.exprs[id].kind, ExprKind::Null)
    }
}

/// The record that a value is, or that is in its lists.
fn record_in(ty: &DataType) -> Option<&std::sync::Arc<RecordType>> {
    match ty.unwrapped() {
        DataType::Record(record) => Some(record),
        DataType::List(of) | DataType::Map(of) => record_in(of),
        _ => None,
    }
}

/// The nodes below `root` alone, in postorder.
pub(crate) fn compact(expr: &Expr, root: NodeId) -> Expr {
    let mut needed = vec![false; expr.nodes.len()];
    needed[root.0 as usize] = true;
    for index in (0..=root.0 as usize).rev() {
        if needed[index] {
            expr.nodes[index].kind.children(|id| needed[id.0 as usize] = true);
        }
    }
    let mut moved = vec![NodeId(0); expr.nodes.len()];
    let mut out = Expr::default();
    for (index, node) in expr.nodes.iter().enumerate().take(root.0 as usize + 1) {
        if needed[index] {
            let mut node = node.clone();
            rename_operands(&mut node.kind, &mut |id| *id = moved[id.0 as usize]);
            moved[index] = out.push(node.kind, node.ty, node.place);
        }
    }
    out
}

/// Lets `change` rename each operand of a node.
pub(crate) fn rename_operands(kind: &mut Kind, change: &mut dyn FnMut(&mut NodeId)) {
    match kind {
        Kind::Literal(_) | Kind::Column(_) | Kind::Local(_) => {}
        Kind::Let { value, body, .. } => {
            change(value);
            change(body);
        }
        Kind::Neg(a)
        | Kind::Not(a)
        | Kind::IsNull(a)
        | Kind::Cast(a, _)
        | Kind::InSet(a, _)
        | Kind::Field(a, _)
        | Kind::JsonField(a, _)
        | Kind::Lambda { body: a, .. } => change(a),
        Kind::Binary(_, a, b)
        | Kind::And(a, b)
        | Kind::Or(a, b)
        | Kind::Coalesce(a, b)
        | Kind::Try(a, b)
        | Kind::Index(a, b) => {
            change(a);
            change(b);
        }
        Kind::If { cond, then, otherwise } => {
            change(cond);
            change(then);
            change(otherwise);
        }
        Kind::Call(_, args) | Kind::List(args) | Kind::Record(args) => args.iter_mut().for_each(change),
        Kind::Map(entries) => entries.iter_mut().for_each(|(k, v)| {
            change(k);
            change(v);
        }),
    }
}
