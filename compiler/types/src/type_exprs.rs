//! Written types → data types; `type` declarations, also those that need each other in a circle.

use crate::checker::{Checker, Resolved};
use crate::hash::HashMap;
use crate::names;
use crate::{order, suggest, walk};
use flow_plan::{DataType, Field, RecordType};
use flow_syntax::ast::{DeclKind, FieldType, Ident, TypeExpr, TypeKind};
use flow_syntax::codes;
use flow_syntax::{Code, Diagnostic, Span};
use std::sync::Arc;

/// Parts of the largest type, and fields of the widest rows.
pub(crate) const MOST_PARTS: usize = 10_000;

const TYPE_WORDS: [&str; 9] =
    ["bool", "int", "float", "decimal", "string", "bytes", "timestamp", "duration", "json"];

/// The type of a plain word of the language.
pub(crate) fn builtin(word: &str) -> Option<DataType> {
    Some(match word {
        "bool" => DataType::Bool,
        "int" => DataType::Int,
        "float" => DataType::Float,
        "decimal" => DataType::Decimal,
        "string" => DataType::String,
        "bytes" => DataType::Bytes,
        "timestamp" => DataType::Timestamp,
        "duration" => DataType::Duration,
        "json" => DataType::Json,
        _ => return None,
    })
}

impl Checker<'_> {
    /// Resolves all `type` declarations, needed ones first.
    pub(crate) fn resolve_types(&mut self) {
        let mut edges = vec![Vec::new(); self.globals.len()];
        for (index, global) in self.globals.iter().enumerate() {
            if let DeclKind::Type(decl) = &global.decl.kind {
                walk::type_names(&decl.ty, &mut |name| {
                    if let Some(&need) = self.by_name.get(name.name.as_str())
                        && matches!(self.globals[need].decl.kind, DeclKind::Type(_))
                    {
                        edges[index].push(need);
                    }
                });
            }
        }
        let (sorted, cycles) = order::order(&edges);
        let mut broken = vec![false; self.globals.len()];
        for cycle in cycles {
            cycle.iter().for_each(|&index| broken[index] = true);
            self.report_cycle(codes::CYCLE, &cycle, "a type cannot hold itself", "is part of");
        }
        for index in sorted {
            let DeclKind::Type(decl) = &self.globals[index].decl.kind else { continue };
            let ty = if broken[index] { None } else { self.resolve_type(&decl.ty) };
            let named = decl.name.span;
            let ty = ty.filter(|ty| self.is_not_too_large(ty, named));
            self.resolved[index] = Resolved::Type(ty);
        }
    }

    /// Says so of a type that nothing could work with.
    pub(crate) fn is_not_too_large(&mut self, ty: &DataType, span: Span) -> bool {
        let large = ty.has_more_parts_than(MOST_PARTS);
        if large {
            let diag = Diagnostic::new(codes::TYPE_TOO_LARGE, span, "this type has more than 10,000 parts")
                .at("fields, and what is in them")
                .help("what is several times in it is written out each time: leave some of it out");
            self.report(diag);
        }
        !large
    }

    /// One diagnostic for a circle of declarations.
    pub(crate) fn report_cycle(&mut self, code: flow_syntax::Code, cycle: &[usize], rule: &str, verb: &str) {
        let first = self.globals[cycle[0]].name;
        let path: Vec<_> =
            cycle.iter().chain(cycle.first()).map(|&i| format!("`{}`", self.globals[i].name.name)).collect();
        let message = if cycle.len() == 1 {
            format!("`{}` needs itself; {rule}", first.name)
        } else {
            format!("`{}` needs itself: {}", first.name, path.join(" → "))
        };
        let mut diag = Diagnostic::new(code, first.span, message).at("the circle begins here");
        for &index in &cycle[1..] {
            diag = diag.label(self.globals[index].name.span, format!("{verb} the circle"));
        }
        if cycle.len() > 1 {
            diag = diag.note(rule);
        }
        self.report(diag);
    }

    /// The data type of a written type; `None` after a reported mistake.
    pub(crate) fn resolve_type(&mut self, ty: &TypeExpr) -> Option<DataType> {
        match &ty.kind {
            TypeKind::Name(name) => self.named_type(name),
            TypeKind::Optional(of) => Some(self.resolve_type(of)?.optional()),
            TypeKind::Record(fields) => {
                Some(DataType::Record(Arc::new(RecordType::new(self.record_fields(fields)?))))
            }
            TypeKind::Generic(word, args) => self.generic_type(ty, word, args),
            TypeKind::Error => None,
        }
    }

    fn record_fields(&mut self, fields: &[FieldType]) -> Option<Vec<Field>> {
        let mut out: Vec<Field> = Vec::with_capacity(fields.len());
        let mut ok = true;
        let mut known: HashMap<&str, Span> = crate::hash::with_room(fields.len());
        for field in fields {
            let name = field.name.name.as_str();
            let first = *known.entry(name).or_insert(field.name.span);
            if first != field.name.span {
                self.report(names::duplicate(name, field.name.span, first, "a field"));
                ok = false;
            }
            match self.resolve_type(&field.ty) {
                Some(ty) => out.push(Field::new(field.name.name.as_str(), ty)),
                None => ok = false,
            }
        }
        ok.then_some(out)
    }

    fn named_type(&mut self, name: &Ident) -> Option<DataType> {
        if let Some(ty) = builtin(&name.name) {
            return Some(ty);
        }
        if let Some(&index) = self.by_name.get(name.name.as_str()) {
            let global = self.globals[index];
            self.reference(name.span, global.name.span);
            return match &self.resolved[index] {
                Resolved::Type(ty) => ty.clone(),
                _ if global.is_broken() => None,
                _ => {
                    let message = format!("`{}` is {}, not a type", name.name, global.what());
                    self.report(
                        Diagnostic::new(codes::WRONG_NAME_KIND, name.span, message)
                            .at("a type is needed here")
                            .label(global.name.span, "declared here"),
                    );
                    None
                }
            };
        }
        let mut diag =
            Diagnostic::new(codes::UNKNOWN_TYPE, name.span, format!("there is no type `{}`", name.name));
        if let Some(word) = suggest::foreign_type(&name.name) {
            diag = foreign(codes::UNKNOWN_TYPE, name, word, "type");
        } else if name.name == "list" || name.name == "map" {
            let full = if name.name == "list" { "list<string>" } else { "map<string, int>" };
            diag = diag.at(format!("`{}` of what?", name.name)).help(format!("say what it holds: `{full}`"));
        } else {
            let declared: Vec<&str> = self.type_names();
            diag = diag.at("not a type");
            if let Some(near) = suggest::nearest(&name.name, declared.into_iter().chain(TYPE_WORDS)) {
                diag = crate::expr::did_you_mean(diag, name.span, near);
            } else {
                diag = diag.help(format!(
                    "the types are {}, and your own `type` declarations",
                    TYPE_WORDS.join(", ")
                ));
            }
        }
        self.report(diag);
        None
    }

    fn type_names(&self) -> Vec<&str> {
        let declared = self.globals.iter().filter(|g| matches!(g.decl.kind, DeclKind::Type(_)));
        declared.map(|g| g.name.name.as_str()).collect()
    }

    fn generic_type(&mut self, whole: &TypeExpr, word: &Ident, args: &[TypeExpr]) -> Option<DataType> {
        let resolved: Vec<Option<DataType>> = args.iter().map(|arg| self.resolve_type(arg)).collect();
        match (word.name.as_str(), resolved.as_slice()) {
            ("list", [of]) => Some(DataType::list(of.clone()?)),
            ("map", [key, of]) => {
                let (key, of) = (key.clone()?, of.clone()?);
                if key != DataType::String {
                    self.report(
                        Diagnostic::new(codes::UNKNOWN_TYPE, args[0].span, "the keys of a map are strings")
                            .at(format!("this is `{key}`"))
                            .fix("write `string`", args[0].span, "string"),
                    );
                    return None;
                }
                Some(DataType::map(of))
            }
            ("list" | "map", _) => {
                let form = if word.name == "list" { "list<T>" } else { "map<string, T>" };
                self.report(
                    Diagnostic::new(
                        codes::UNKNOWN_TYPE,
                        whole.span,
                        format!("`{}` is written `{form}`", word.name),
                    )
                    .at(format!("{} type argument(s) here", args.len())),
                );
                None
            }
            _ => {
                self.unknown_generic(whole, word, args);
                None
            }
        }
    }

    fn unknown_generic(&mut self, whole: &TypeExpr, word: &Ident, args: &[TypeExpr]) {
        let name = &word.name;
        let diag = match (suggest::foreign_generic(name), args) {
            (Some("?"), [of]) => {
                let text = format!("{}?", self.text(of.span));
                Diagnostic::new(
                    codes::UNKNOWN_TYPE,
                    whole.span,
                    format!("`{name}<T>` is written `T?` in flow"),
                )
                .at("optional types end in `?`")
                .fix(format!("write `{text}`"), whole.span, text)
            }
            (Some(flow), _) if flow != "?" => foreign(codes::UNKNOWN_TYPE, word, flow, "type"),
            _ => {
                let diag =
                    Diagnostic::new(codes::UNKNOWN_TYPE, word.span, format!("there is no type `{name}<…>`"))
                        .at("not a type with arguments")
                        .note("the types with arguments are `list<T>` and `map<string, T>`");
                match suggest::nearest(name, ["list", "map"]) {
                    Some(near) => crate::expr::did_you_mean(diag, word.span, near),
                    None => diag,
                }
            }
        };
        self.report(diag);
    }
}

/// A word of another system, with flow's word as the fix.
pub(crate) fn foreign(code: Code, name: &Ident, word: &str, what: &str) -> Diagnostic {
    Diagnostic::new(code, name.span, format!("flow's {what} for `{}` is `{word}`", name.name))
        .at(format!("written `{word}` in flow"))
        .fix(format!("write `{word}`"), name.span, word)
}
