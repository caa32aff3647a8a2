//! Expressions as they would be written in a script.

use super::literal::{literal, write_inside};
use crate::catalogue::{CASTS, Func};
use crate::expr::{BinaryOp, Expr, Kind, NodeId, OnFail};
use crate::physical::hidden::is_hidden;
use crate::types::{DataType, RecordType};
use crate::value::Value;
use std::hash::{Hash as _, Hasher as _};

/// Longer parts are cut: what is shown is for people, and a sum may have thousands of terms.
const LONGEST: usize = 160;

/// What is compared is cut, too, as parts that are said twice may double at every step.
const LONGEST_COMPARED: usize = 4000;

/// How tightly an operator binds, as in language.md.
#[derive(Clone, Copy, PartialEq, PartialOrd)]
enum Level {
    Lowest,
    Or,
    And,
    Not,
    Compare,
    Coalesce,
    Add,
    Multiply,
    Negate,
    Postfix,
}

struct Part {
    text: String,
    level: Level,
}

/// An expression over these columns.
pub fn expression(expr: &Expr, columns: &RecordType) -> String {
    written(expr, columns, LONGEST, |_| String::new())
}

/// The same, to be compared: not cut before it is very long, and then with a mark that tells what is not shown.
pub fn whole_expression(expr: &Expr, columns: &RecordType) -> String {
    written(expr, columns, LONGEST_COMPARED, |text| {
        let mut hasher = std::hash::DefaultHasher::new();
        text.hash(&mut hasher);
        format!("{:016x}", hasher.finish())
    })
}

fn written(expr: &Expr, columns: &RecordType, longest: usize, mark: impl Fn(&str) -> String) -> String {
    let mut parts: Vec<Part> = Vec::with_capacity(expr.nodes.len());
    for node in &expr.nodes {
        let mut part = Printer { expr, columns, parts: &parts }.part(&node.kind, &node.ty);
        if let Some((cut, _)) = part.text.char_indices().nth(longest) {
            let mark = mark(&part.text);
            part.text.truncate(cut);
            part.text.push('…');
            part.text.push_str(&mark);
        }
        parts.push(part);
    }
    parts.pop().map(|part| part.text).unwrap_or_default()
}

struct Printer<'a> {
    expr: &'a Expr,
    columns: &'a RecordType,
    parts: &'a [Part],
}

impl Printer<'_> {
    fn text(&self, id: NodeId) -> &str {
        &self.parts[id.0 as usize].text
    }

    /// In brackets if it binds less than `level`.
    fn at(&self, id: NodeId, level: Level) -> String {
        let part = &self.parts[id.0 as usize];
        if part.level < level { format!("({})", part.text) } else { part.text.clone() }
    }

    /// The right operand of an operator that leans left.
    fn right(&self, id: NodeId, level: Level) -> String {
        let part = &self.parts[id.0 as usize];
        if part.level <= level { format!("({})", part.text) } else { part.text.clone() }
    }

    fn infix(&self, a: NodeId, op: &str, b: NodeId, level: Level) -> Part {
        Part { text: format!("{} {op} {}", self.at(a, level), self.right(b, level)), level }
    }

    fn list(&self, ids: &[NodeId]) -> String {
        ids.iter().map(|id| self.text(*id)).collect::<Vec<_>>().join(", ")
    }

    fn part(&self, kind: &Kind, ty: &DataType) -> Part {
        let (text, level) = match kind {
            Kind::Literal(value) => (literal(value), Level::Postfix),
            Kind::Column(index) => (self.column(*index as usize), Level::Postfix),
            Kind::Local(local) => (format!("v{local}"), Level::Postfix),
            Kind::Let { local, value, body } => {
                (format!("let v{local} = {} {}", self.text(*value), self.text(*body)), Level::Lowest)
            }
            Kind::Neg(x) => (format!("-{}", self.at(*x, Level::Negate)), Level::Negate),
            Kind::Not(x) if matches!(self.expr[*x].kind, Kind::IsNull(_)) => {
                let tested = self.text(*x).trim_end_matches(" == null");
                (format!("{tested} != null"), Level::Compare)
            }
            Kind::Not(x) => (format!("not {}", self.at(*x, Level::Not)), Level::Not),
            Kind::Binary(op, a, b) => return self.binary(*op, *a, *b),
            Kind::And(a, b) => return self.infix(*a, "and", *b, Level::And),
            Kind::Or(a, b) => return self.infix(*a, "or", *b, Level::Or),
            Kind::Coalesce(a, b) => return self.infix(*a, "??", *b, Level::Coalesce),
            Kind::IsNull(x) => (format!("{} == null", self.at(*x, Level::Coalesce)), Level::Compare),
            Kind::Cast(x, on_fail) => {
                (format!("{}({})", cast_name(ty, *on_fail), self.text(*x)), Level::Postfix)
            }
            Kind::If { cond, then, otherwise } => {
                let (cond, then, otherwise) = (self.text(*cond), self.text(*then), self.text(*otherwise));
                (format!("if {cond} then {then} else {otherwise}"), Level::Lowest)
            }
            Kind::InSet(x, set) => {
                let set: Vec<String> = set.iter().map(literal).collect();
                (format!("{} in [{}]", self.at(*x, Level::Coalesce), set.join(", ")), Level::Compare)
            }
            Kind::Try(a, b) => (format!("try {} else {}", self.text(*a), self.text(*b)), Level::Lowest),
            Kind::Call(Func::Concat, parts) => (self.interpolation(parts), Level::Postfix),
            Kind::Call(func, args) => (format!("{}({})", func.name(), self.list(args)), Level::Postfix),
            Kind::Lambda { params, body } => (self.lambda(params, *body), Level::Lowest),
            Kind::List(items) => (format!("[{}]", self.list(items)), Level::Postfix),
            Kind::Map(entries) => {
                let entry = |(k, v): &(NodeId, NodeId)| format!("{}: {}", self.text(*k), self.text(*v));
                let entries: Vec<String> = entries.iter().map(entry).collect();
                (format!("map {{ {} }}", entries.join(", ")), Level::Postfix)
            }
            Kind::Record(values) => (self.record(values, ty), Level::Postfix),
            Kind::Field(record, index) => {
                let name = match self.expr[*record].ty.unwrapped() {
                    DataType::Record(fields) => {
                        fields.fields.get(*index as usize).map(|f| f.name.to_string())
                    }
                    _ => None,
                };
                let name = name.unwrap_or_else(|| index.to_string());
                (format!("{}.{name}", self.at(*record, Level::Postfix)), Level::Postfix)
            }
            Kind::JsonField(json, name) => {
                (format!("{}.{name}", self.at(*json, Level::Postfix)), Level::Postfix)
            }
            Kind::Index(from, at) => {
                (format!("{}[{}]", self.at(*from, Level::Postfix), self.text(*at)), Level::Postfix)
            }
        };
        Part { text, level }
    }

    fn column(&self, index: usize) -> String {
        self.columns.fields.get(index).map_or_else(|| format!("#{index}"), |field| name(&field.name))
    }

    fn binary(&self, op: BinaryOp, a: NodeId, b: NodeId) -> Part {
        let (word, level) = match op {
            BinaryOp::Add => ("+", Level::Add),
            BinaryOp::Sub => ("-", Level::Add),
            BinaryOp::Mul => ("*", Level::Multiply),
            BinaryOp::Div => ("/", Level::Multiply),
            BinaryOp::Rem => ("%", Level::Multiply),
            BinaryOp::Eq => ("==", Level::Compare),
            BinaryOp::Ne => ("!=", Level::Compare),
            BinaryOp::Lt => ("<", Level::Compare),
            BinaryOp::Le => ("<=", Level::Compare),
            BinaryOp::Gt => (">", Level::Compare),
            BinaryOp::Ge => (">=", Level::Compare),
        };
        self.infix(a, word, b, level)
    }

    fn interpolation(&self, parts: &[NodeId]) -> String {
        let mut out = String::from("\"");
        for part in parts {
            match &self.expr[*part].kind {
                Kind::Literal(Value::String(text)) => write_inside(&mut out, text),
                Kind::Cast(inner, _) => out.push_str(&format!("{{{}}}", self.text(*inner))),
                _ => out.push_str(&format!("{{{}}}", self.text(*part))),
            }
        }
        out.push('"');
        out
    }

    fn lambda(&self, params: &[u32], body: NodeId) -> String {
        let names: Vec<String> = params.iter().map(|param| format!("v{param}")).collect();
        match names.as_slice() {
            [one] => format!("{one} => {}", self.text(body)),
            _ => format!("({}) => {}", names.join(", "), self.text(body)),
        }
    }

    fn record(&self, values: &[NodeId], ty: &DataType) -> String {
        let DataType::Record(record) = ty.unwrapped() else { return format!("{{ {} }}", self.list(values)) };
        let fields = record.fields.iter().zip(values);
        let fields: Vec<String> =
            fields.map(|(f, v)| format!("{}: {}", name(&f.name), self.text(*v))).collect();
        format!("{{ {} }}", fields.join(", "))
    }
}

/// The columns of a stream, as far as the script knows them.
pub(super) fn columns(record: &RecordType) -> String {
    let shown = record.fields.iter().filter(|field| !is_hidden(&field.name));
    let fields: Vec<String> = shown.map(|f| format!("{}: {}", name(&f.name), f.ty)).collect();
    if fields.is_empty() { String::new() } else { format!("{{ {} }}", fields.join(", ")) }
}

/// A field's name, in backticks where a script needs them.
pub(super) fn name(name: &str) -> String {
    let plain = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        && !name.starts_with(|c: char| c.is_ascii_digit())
        && !name.is_empty();
    if plain { name.to_string() } else { format!("`{name}`") }
}

fn cast_name(ty: &DataType, on_fail: OnFail) -> String {
    let def = CASTS.iter().find(|def| def.ty == *ty.unwrapped());
    match (def, on_fail) {
        (Some(def), OnFail::Null) => def.try_name.to_string(),
        (Some(def), OnFail::Error) => def.name.to_string(),
        (None, _) => format!("as {ty}"),
    }
}
