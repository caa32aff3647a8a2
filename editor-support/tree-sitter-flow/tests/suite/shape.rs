//! What is compared of the two trees: the kind of a part, its name, and the bytes it covers.

use crate::nodes;
use flow_syntax::Span;
use flow_syntax::ast::{BinaryOp, DeclKind, ExprKind, Ident, Program, Stage, UnaryOp};
use tree_sitter::{Node, Tree};

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Shape {
    start: usize,
    end: usize,
    kind: String,
    name: String,
}

impl Shape {
    fn of(kind: &str, name: &str, span: Span) -> Shape {
        let (start, end) = (span.start as usize, span.end as usize);
        Shape { start, end, kind: kind.into(), name: name.into() }
    }

    fn at(kind: &str, name: &str, node: Node<'_>) -> Shape {
        Shape { start: node.start_byte(), end: node.end_byte(), kind: kind.into(), name: name.into() }
    }

    pub(crate) fn shown(&self, side: &str, text: &str) -> String {
        format!("{side}: {} `{}`: {}", self.kind, self.name, &text[self.start..self.end])
    }
}

fn field<'t>(node: Node<'_>, name: &str, text: &'t str) -> &'t str {
    node.child_by_field_name(name).map_or("", |n| text[n.byte_range()].trim_matches(['`', '"']))
}

pub(crate) fn declarations(tree: &Tree, text: &str) -> Vec<Shape> {
    let root = tree.root_node();
    let all = (0..root.named_child_count()).filter_map(|i| root.named_child(i as u32));
    all.filter(|node| !node.is_extra())
        .map(|node| {
            let kind = node.kind().strip_suffix("_declaration").unwrap_or(node.kind());
            let name = if kind == "import" { "path" } else { "name" };
            Shape::at(kind, field(node, name, text), node)
        })
        .collect()
}

pub(crate) fn compilers_declarations(program: &Program) -> Vec<Shape> {
    let named = |decl: &DeclKind| -> (&'static str, String) {
        match decl {
            DeclKind::Import(d) => ("import", d.path.clone()),
            DeclKind::Job(d) => ("job", d.name.name.clone()),
            DeclKind::Param(d) => ("param", d.name.name.clone()),
            DeclKind::Const(d) => ("const", d.name.name.clone()),
            DeclKind::Type(d) => ("type", d.name.name.clone()),
            DeclKind::Fn(d) => ("function", d.name.name.clone()),
            DeclKind::Source(d) => ("source", d.name.name.clone()),
            DeclKind::Table(d) => ("table", d.name.name.clone()),
            DeclKind::Stream(d) => ("stream", d.name.name.clone()),
            DeclKind::Sink(d) => ("sink", d.name.name.clone()),
            DeclKind::Test(d) => ("test", d.name.clone()),
            DeclKind::Error(_) => ("error", String::new()),
        }
    };
    let shape = |decl: &flow_syntax::ast::Decl| {
        let (kind, name) = named(&decl.kind);
        Shape::of(kind, &name, decl.span)
    };
    program.decls.iter().map(shape).collect()
}

pub(crate) fn stages(tree: &Tree, text: &str) -> Vec<Shape> {
    let all = nodes(tree).into_iter().filter(|node| node.kind().ends_with("_stage"));
    all.map(|node| Shape::at("stage", field(node, "operator", text), node)).collect()
}

pub(crate) fn compilers_stages(program: &Program) -> Vec<Shape> {
    let of = |stages: &[Stage]| stages.iter().map(stage).collect::<Vec<_>>();
    let each = |decl: &flow_syntax::ast::Decl| match &decl.kind {
        DeclKind::Source(d) => of(&d.stages),
        DeclKind::Table(d) => of(&d.stages),
        DeclKind::Stream(d) => of(&d.pipeline.stages),
        DeclKind::Sink(d) => of(&d.pipeline.stages),
        _ => Vec::new(),
    };
    program.decls.iter().flat_map(each).collect()
}

fn stage(stage: &Stage) -> Shape {
    let Ident { name, .. } = &stage.name;
    Shape::of("stage", name, stage.span)
}

/// Parts of expressions that have parts themselves: those show how operators bind.
pub(crate) fn expressions(tree: &Tree, text: &str) -> Vec<Shape> {
    nodes(tree).into_iter().filter(Node::is_named).filter_map(|node| expression(node, text)).collect()
}

fn expression(node: Node<'_>, text: &str) -> Option<Shape> {
    let name = match node.kind() {
        "call" => field(node, "function", text),
        "field_access" => field(node, "name", text),
        "method_call" => field(node, "name", text),
        // The smallest integer is one literal to the compiler, minus included.
        "unary" if &text[node.byte_range()] == "-9223372036854775808" => return None,
        "unary" | "binary" => field(node, "operator", text),
        "record" if node.parent().is_some_and(|p| matches!(p.kind(), "record_stage" | "connector")) => {
            return None;
        }
        "in" | "range" | "index" | "if" | "match" | "try" | "lambda" | "list" | "map" | "record"
        | "sort_key" => "",
        _ => return None,
    };
    Some(Shape::at(node.kind(), name, node))
}

pub(crate) fn compilers_expressions(program: &Program) -> Vec<Shape> {
    let each = |kind: &ExprKind| -> Option<(&'static str, String)> {
        Some(match kind {
            ExprKind::Unary { op: UnaryOp::Neg, .. } => ("unary", "-".into()),
            ExprKind::Unary { op: UnaryOp::Not, .. } => ("unary", "not".into()),
            ExprKind::Binary { op, .. } => ("binary", sign(*op).into()),
            ExprKind::Call { callee, .. } => ("call", callee.name.clone()),
            ExprKind::Field { name, .. } => ("field_access", name.name.clone()),
            ExprKind::MethodCall { name, .. } => ("method_call", name.name.clone()),
            ExprKind::In { .. } => ("in", String::new()),
            ExprKind::Range { .. } => ("range", String::new()),
            ExprKind::Index { .. } => ("index", String::new()),
            ExprKind::If { .. } => ("if", String::new()),
            ExprKind::Match { .. } => ("match", String::new()),
            ExprKind::Try { .. } => ("try", String::new()),
            ExprKind::Lambda { .. } => ("lambda", String::new()),
            ExprKind::List(_) => ("list", String::new()),
            ExprKind::Map(_) => ("map", String::new()),
            ExprKind::Record(_) => ("record", String::new()),
            ExprKind::Sorted { .. } => ("sort_key", String::new()),
            _ => return None,
        })
    };
    let shape = |expr: &flow_syntax::ast::Expr| {
        let (kind, name) = each(&expr.kind)?;
        Some(Shape::of(kind, &name, expr.span))
    };
    program.exprs.iter().filter_map(|(_, expr)| shape(expr)).collect()
}

fn sign(op: BinaryOp) -> &'static str {
    match op {
        BinaryOp::Or => "or",
        BinaryOp::And => "and",
        BinaryOp::Eq => "==",
        BinaryOp::Ne => "!=",
        BinaryOp::Lt => "<",
        BinaryOp::Le => "<=",
        BinaryOp::Gt => ">",
        BinaryOp::Ge => ">=",
        BinaryOp::Coalesce => "??",
        BinaryOp::Add => "+",
        BinaryOp::Sub => "-",
        BinaryOp::Mul => "*",
        BinaryOp::Div => "/",
        BinaryOp::Rem => "%",
    }
}
