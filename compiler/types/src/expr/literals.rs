//! Literals, lists, maps, records, interpolation.

use super::{ExprCx, Typed};
use crate::names;
use flow_plan::catalogue::Func;
use flow_plan::expr::{Kind, NodeId, OnFail};
use flow_plan::{DataType, Field, RecordType, Value};
use flow_syntax::ast::{ExprId, ExprKind, Ident, RecordItem, StrPart};
use flow_syntax::codes;
use flow_syntax::{Diagnostic, Span};
use std::sync::Arc;

impl<'a> ExprCx<'_, 'a> {
    pub(super) fn literal(
        &mut self,
        kind: &'a ExprKind,
        span: Span,
        want: Option<&DataType>,
    ) -> Option<Typed> {
        let (value, ty) = match kind {
            ExprKind::Null => return self.null(span, want),
            ExprKind::Bool(b) => (Value::Bool(*b), DataType::Bool),
            ExprKind::Int(i) => match want.map(DataType::unwrapped) {
                // A literal takes the type that is wanted; nothing is converted when it runs.
                Some(DataType::Float) => (Value::Float(*i as f64), DataType::Float),
                Some(DataType::Decimal) => (Value::Decimal((*i).into()), DataType::Decimal),
                _ => (Value::Int(*i), DataType::Int),
            },
            ExprKind::Float(x) => (Value::Float(*x), DataType::Float),
            ExprKind::Decimal(digits) => return self.decimal(digits, span),
            ExprKind::Bytes(bytes) => (Value::Bytes(bytes.as_slice().into()), DataType::Bytes),
            ExprKind::Timestamp(t) => (Value::Timestamp(*t), DataType::Timestamp),
            ExprKind::Duration(d) => (Value::Duration(*d), DataType::Duration),
            ExprKind::Str(parts) => return self.string(parts, span),
            ExprKind::List(items) => return self.list(items, span, want),
            ExprKind::Map(entries) => return self.map(entries, span, want),
            ExprKind::Record(items) => return self.record(items, span, want),
            _ => return None,
        };
        Some(self.push_literal(value, ty, span))
    }

    fn null(&mut self, span: Span, want: Option<&DataType>) -> Option<Typed> {
        match want {
            Some(ty) => Some(self.push_literal(Value::Null, ty.clone().optional(), span)),
            None => {
                let diag = Diagnostic::new(
                    codes::UNKNOWN_LITERAL_TYPE,
                    span,
                    "nothing says what type this `null` has",
                )
                .at("a `null` of which type?")
                .help(
                    "use it where a type is known: `if c then x else null`, or a cast such as `tryInt(\"\")`",
                );
                self.ck.report(diag);
                None
            }
        }
    }

    fn decimal(&mut self, digits: &str, span: Span) -> Option<Typed> {
        match crate::constants::parse_decimal(digits) {
            Some(value) => Some(self.push_literal(Value::Decimal(value), DataType::Decimal, span)),
            None => {
                let diag = Diagnostic::new(
                    codes::BAD_LITERAL,
                    span,
                    "a decimal holds 28 significant digits at most",
                );
                self.ck.report(diag.at("too many digits"));
                None
            }
        }
    }

    /// `"a {x} b"`: text and casts, joined.
    fn string(&mut self, parts: &'a [StrPart], span: Span) -> Option<Typed> {
        if parts.iter().all(|part| matches!(part, StrPart::Text(_))) {
            let text: String = parts
                .iter()
                .map(|part| if let StrPart::Text(text) = part { text.as_str() } else { "" })
                .collect();
            return Some(self.push_literal(Value::string(text), DataType::String, span));
        }
        let mut ok = true;
        let mut nodes = Vec::with_capacity(parts.len());
        for part in parts {
            match part {
                StrPart::Text(text) if text.is_empty() => {}
                StrPart::Text(text) => {
                    nodes.push(self.push_literal(Value::string(text.as_str()), DataType::String, span).node);
                }
                StrPart::Expr(id) => match self.bare(*id, None, "a text with braces") {
                    Some(typed) if typed.ty == DataType::String => nodes.push(typed.node),
                    Some(typed) => {
                        let cast = Kind::Cast(typed.node, OnFail::Error);
                        nodes.push(self.push(cast, DataType::String, typed.span).node);
                    }
                    None => ok = false,
                },
            }
        }
        ok.then(|| self.push(Kind::Call(Func::Concat, nodes), DataType::String, span))
    }

    fn list(&mut self, items: &'a [ExprId], span: Span, want: Option<&DataType>) -> Option<Typed> {
        let mut element = match want.map(DataType::unwrapped) {
            Some(DataType::List(of)) => Some((**of).clone()),
            _ => None,
        };
        let wanted = element.clone();
        if items.is_empty() {
            return match element {
                Some(of) => Some(self.push(Kind::List(Vec::new()), DataType::list(of), span)),
                None => {
                    let diag = Diagnostic::new(
                        codes::UNKNOWN_LITERAL_TYPE,
                        span,
                        "nothing says what this empty list holds",
                    );
                    self.ck.report(
                        diag.at("a list of what?")
                            .help("give it a first element, or a type: `const xs: list<string> = []`"),
                    );
                    None
                }
            };
        }
        let mut made_of = Vec::new();
        let rule = "the elements of a list have one type";
        let values = self.same_type(items, wanted.as_ref(), &mut element, rule, &mut made_of)?;
        let ty = DataType::list(element?);
        let made_of: Vec<(ExprId, &Typed)> = made_of.iter().map(|(id, typed)| (*id, typed)).collect();
        let written = self.made_of(&made_of, &ty);
        Some(Typed { written, ..self.push(Kind::List(values), ty, span) })
    }

    /// Checks values that must have one type; nulls make it optional, ints join floats.
    fn same_type(
        &mut self,
        items: &[ExprId],
        wanted: Option<&DataType>,
        element: &mut Option<DataType>,
        rule: &str,
        made_of: &mut Vec<(ExprId, Typed)>,
    ) -> Option<Vec<NodeId>> {
        let ast = self.ast;
        let nulls = items.iter().any(|id| matches!(ast.exprs[*id].kind, ExprKind::Null));
        let mut ok = true;
        let mut first: Option<Typed> = None;
        let mut values = vec![None; items.len()];
        for (slot, id) in items.iter().enumerate() {
            if self.is_null(*id) {
                continue;
            }
            let want = wanted.or(first.as_ref().map(|t| &t.ty)).cloned();
            let Some(mut typed) = self.expr(*id, want.as_ref()) else {
                ok = false;
                continue;
            };
            if let Some(want) = &want {
                let fits = typed.ty == *want || typed.ty == *want.unwrapped() && want.is_optional();
                if !fits {
                    match self.convert_literal(&typed, want) {
                        Some(converted) => typed = converted,
                        None => {
                            let mut diag = Diagnostic::new(
                                codes::TYPE_MISMATCH,
                                typed.span,
                                format!("this is `{}`, and `{want}` is needed", typed.ty),
                            )
                            .at(format!("this is `{}`", typed.ty))
                            .note(rule);
                            if let Some(first) = &first {
                                diag = diag.label(first.span, format!("this is `{}`", first.ty));
                            }
                            self.ck.report(diag);
                            ok = false;
                            continue;
                        }
                    }
                }
            }
            values[slot] = Some(typed.node);
            if typed.written.is_some() || matches!(typed.ty, DataType::Record(_)) {
                made_of.push((*id, typed.clone()));
            }
            first.get_or_insert(typed);
        }
        let mut ty = match (wanted, first) {
            (Some(ty), _) => ty.clone(),
            (None, Some(first)) => first.ty,
            (None, None) if ok => {
                self.null(self.span(items[0]), None);
                return None;
            }
            (None, None) => return None,
        };
        if nulls {
            ty = ty.optional();
        }
        for (slot, id) in items.iter().enumerate() {
            if self.is_null(*id) {
                let span = self.span(*id);
                values[slot] = Some(self.push_literal(Value::Null, ty.clone(), span).node);
            }
        }
        *element = Some(ty);
        if ok { values.into_iter().collect() } else { None }
    }

    fn map(&mut self, entries: &'a [(ExprId, ExprId)], span: Span, want: Option<&DataType>) -> Option<Typed> {
        let wanted = match want.map(DataType::unwrapped) {
            Some(DataType::Map(of)) => Some((**of).clone()),
            _ => None,
        };
        if entries.is_empty() {
            return match wanted {
                Some(of) => Some(self.push(Kind::Map(Vec::new()), DataType::map(of), span)),
                None => {
                    let diag = Diagnostic::new(
                        codes::UNKNOWN_LITERAL_TYPE,
                        span,
                        "nothing says what this empty map holds",
                    );
                    self.ck.report(
                        diag.at("a map to what?")
                            .help("give it a first entry, or a type: `const m: map<string, int> = map {}`"),
                    );
                    None
                }
            };
        }
        let keys: Vec<Option<Typed>> = entries.iter().map(|(key, _)| self.map_key(*key)).collect();
        let ids: Vec<ExprId> = entries.iter().map(|(_, value)| *value).collect();
        let mut element = wanted.clone();
        // The ids live as long as the tree; the slice of them must only live through the call.
        let values =
            self.same_type_of(ids, wanted.as_ref(), &mut element, "the values of a map have one type")?;
        let keys: Vec<Typed> = keys.into_iter().collect::<Option<_>>()?;
        let entries = keys.iter().zip(values).map(|(key, value)| (key.node, value)).collect();
        Some(self.push(Kind::Map(entries), DataType::map(element?), span))
    }

    /// A key is any expression: a name that means nothing is meant as text.
    fn map_key(&mut self, key: ExprId) -> Option<Typed> {
        if let ExprKind::Name(name) = &self.ast.exprs[key].kind
            && self.means_nothing(&name.name)
        {
            let message =
                format!("`{}` is not a name that is known here, and a key of a map is text", name.name);
            let text = format!("\"{}\"", name.name);
            let diag = Diagnostic::new(codes::UNKNOWN_NAME, name.span, message)
                .at("a key without quotes")
                .fix(format!("write `{text}`"), name.span, text);
            self.ck.report(diag);
            return None;
        }
        self.expect(key, &DataType::String, "a key of a map")
    }

    fn same_type_of(
        &mut self,
        ids: Vec<ExprId>,
        wanted: Option<&DataType>,
        element: &mut Option<DataType>,
        rule: &str,
    ) -> Option<Vec<NodeId>> {
        self.same_type(&ids, wanted, element, rule, &mut Vec::new())
    }

    fn record(&mut self, items: &'a [RecordItem], span: Span, want: Option<&DataType>) -> Option<Typed> {
        let wanted = match want.map(DataType::unwrapped) {
            Some(DataType::Record(record)) => Some(record.clone()),
            _ => None,
        };
        let mut ok = true;
        let mut seen: Vec<&Ident> = Vec::new();
        let mut fields: Vec<(Field, NodeId)> = Vec::with_capacity(items.len());
        for item in items {
            let (name, value) = match item {
                RecordItem::Field { name, value } => (name, *value),
                RecordItem::Keep(id) => match &self.ast.exprs[*id].kind {
                    ExprKind::Name(name) | ExprKind::Field { name, .. } => (name, *id),
                    ExprKind::Error => {
                        ok = false;
                        continue;
                    }
                    _ => {
                        self.unnamed_field(*id);
                        ok = false;
                        continue;
                    }
                },
                RecordItem::Rest { span, .. } => {
                    self.misplaced(*span, "`..`", "`..` keeps the fields of a row: it stands in `map { … }` and in expected rows of tests");
                    ok = false;
                    continue;
                }
            };
            if let Some(first) = seen.iter().find(|n| n.name == name.name) {
                self.ck.report(names::duplicate(&name.name, name.span, first.span, "a field"));
                ok = false;
            }
            seen.push(name);
            let want = wanted.as_ref().and_then(|w| w.get(&name.name)).map(|f| f.ty.clone());
            match self.expr(value, want.as_ref()) {
                Some(typed) => {
                    let typed = match &want {
                        Some(want) => match self.coerce(typed, want, &format!("the field `{}`", name.name)) {
                            Some(typed) => typed,
                            None => {
                                ok = false;
                                continue;
                            }
                        },
                        None => typed,
                    };
                    let ty = want.unwrap_or(typed.ty);
                    fields.push((Field::new(name.name.as_str(), ty), typed.node));
                }
                None => ok = false,
            }
        }
        if !ok {
            return None;
        }
        // Where a record type is wanted, its order counts.
        if let Some(wanted) = &wanted
            && wanted.fields.len() == fields.len()
            && wanted.fields.iter().all(|w| fields.iter().any(|(f, _)| f.name == w.name))
        {
            fields.sort_by_key(|(f, _)| wanted.position(&f.name));
        }
        let (fields, nodes): (Vec<Field>, Vec<NodeId>) = fields.into_iter().unzip();
        let ty = DataType::Record(Arc::new(RecordType::new(fields)));
        self.ck.is_not_too_large(&ty, span).then(|| self.push(Kind::Record(nodes), ty, span))
    }

    /// A computed value where a name is needed too.
    pub(crate) fn unnamed_field(&mut self, id: ExprId) {
        let span = self.span(id);
        let text = self.ck.text(span);
        let kind = &self.ast.exprs[id].kind;
        let diag = Diagnostic::new(codes::UNNAMED_FIELD, span, "a computed field needs a name")
            .at("what is this called?");
        if let ExprKind::Str(parts) = kind
            && let [StrPart::Text(field)] = parts.as_slice()
            && self.row().is_some_and(|row| row.named(field).next().is_some())
        {
            let field = crate::expr::quoted(field);
            let diag = diag.help(format!("fields are written without quotes: `{field}`"));
            self.ck.report(diag.fix(format!("write `{field}`"), span, field));
            return;
        }
        let name = match kind {
            ExprKind::Call { callee, .. }
                if self.row().is_none_or(|r| r.named(&callee.name).next().is_none()) =>
            {
                callee.name.as_str()
            }
            _ => "name",
        };
        let sure = flow_syntax::Applicability::HasPlaceholders;
        let diag = diag.with_fix("give it a name", span, format!("{name}: {text}"), sure);
        self.ck.report(diag.help(format!("write `{name}: {}`", super::messages::short(text))));
    }

    /// An int literal as a float or decimal, if that is what the value is.
    pub(super) fn convert_literal(&mut self, typed: &Typed, want: &DataType) -> Option<Typed> {
        let node = &mut self.out.nodes[typed.node.0 as usize];
        let Kind::Literal(Value::Int(i)) = node.kind else { return None };
        node.kind = match want {
            DataType::Float => Kind::Literal(Value::Float(i as f64)),
            DataType::Decimal => Kind::Literal(Value::Decimal(i.into())),
            _ => return None,
        };
        node.ty = want.clone();
        Some(Typed { ty: want.clone(), ..typed.clone() })
    }
}
