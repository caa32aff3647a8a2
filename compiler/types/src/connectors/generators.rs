//! `generate { id: seq(), v: random(0, 100) }`.

use crate::args::{self, Spec};
use crate::checker::Checker;
use crate::expr::{ExprCx, Fields, IN_GENERATE, did_you_mean, list_names};
use crate::names;
use crate::suggest;
use flow_plan::connector::table::GENERATORS;
use flow_plan::connector::{Generator, GeneratorKind};
use flow_plan::{DataType, Field, RecordType, Value};
use flow_syntax::Diagnostic;
use flow_syntax::ast::{Connector, ExprId, ExprKind, Program, RecordItem};
use flow_syntax::codes;

/// Is an argument a field, by its generator?
pub(super) fn makes(ast: &Program, arg: &flow_syntax::ast::Arg) -> bool {
    match &ast.exprs[arg.value].kind {
        ExprKind::Call { callee, .. } => {
            arg.name.is_some() && GENERATORS.iter().any(|g| g.name == callee.name)
        }
        _ => false,
    }
}

impl<'a> Checker<'a> {
    /// `generate(id: seq())`: fields in the place of options.
    fn fields_in_brackets(&mut self, ast: &Program, connector: &Connector) -> bool {
        if !connector.args.iter().any(|arg| makes(ast, arg)) {
            return false;
        }
        let text = |arg: &flow_syntax::ast::Arg| {
            let name = arg.name.as_ref().map_or(String::new(), |name| format!("{}: ", self.text(name.span)));
            format!("{name}{}", self.text(ast.exprs[arg.value].span))
        };
        let (fields, options): (Vec<_>, Vec<_>) = connector.args.iter().partition(|arg| makes(ast, arg));
        let fields: Vec<String> = fields.into_iter().map(text).collect();
        let options: Vec<String> = options.into_iter().map(text).collect();
        let fixed = format!("generate {{ {} }} {}", fields.join(", "), options.join(", "));
        let fixed = fixed.trim_end();
        let diag = Diagnostic::new(
            codes::MISSING_OPTION,
            connector.span,
            "the fields of `generate` stand between braces",
        )
        .at("expected `generate { name: … }`")
        .with_fix(
            format!("write `{}`", crate::expr::short(fixed)),
            connector.span,
            fixed,
            flow_syntax::Applicability::MaybeIncorrect,
        );
        self.report(diag);
        true
    }

    /// The fields of `generate` and how each is made.
    pub(super) fn generators(
        &mut self,
        ast: &'a Program,
        connector: &'a Connector,
    ) -> Option<(RecordType, Vec<Generator>)> {
        let items = connector.record.as_deref().unwrap_or(&[]);
        if items.is_empty() && self.fields_in_brackets(ast, connector) {
            return None;
        }
        if items.is_empty() {
            let diag =
                Diagnostic::new(codes::MISSING_OPTION, connector.span, "`generate` needs at least one field");
            self.report(
                diag.at("no fields")
                    .help("for example `generate { id: seq(), v: random(0, 100) } rate: 1000`"),
            );
            return None;
        }
        let mut fields: Vec<Field> = Vec::with_capacity(items.len());
        let mut generators = Vec::with_capacity(items.len());
        let mut ok = true;
        for (position, item) in items.iter().enumerate() {
            let RecordItem::Field { name, value } = item else {
                let span = match item {
                    RecordItem::Keep(id) => ast.exprs[*id].span,
                    RecordItem::Rest { span, .. }
                    | RecordItem::Field { name: flow_syntax::ast::Ident { span, .. }, .. } => *span,
                };
                let diag = Diagnostic::new(
                    codes::OPTION_VALUE,
                    span,
                    "each field of `generate` says how it is made",
                );
                self.report(
                    diag.at("made how?").help(
                        "write `name: seq()`, `name: random(0, 100)`, `name: oneOf([…])` or a constant",
                    ),
                );
                ok = false;
                continue;
            };
            let first = items[..position].iter().find_map(|other| match other {
                RecordItem::Field { name: n, .. } if n.name == name.name => Some(n.span),
                _ => None,
            });
            if let Some(first) = first {
                self.report(names::duplicate(&name.name, name.span, first, "a field"));
                ok = false;
            }
            match self.generator(ast, *value) {
                Some((ty, kind)) => {
                    fields.push(Field::new(name.name.as_str(), ty));
                    generators.push(Generator { name: name.name.clone(), kind });
                }
                None => ok = false,
            }
        }
        ok.then(|| (RecordType::new(fields), generators))
    }

    fn generator(&mut self, ast: &'a Program, id: ExprId) -> Option<(DataType, GeneratorKind)> {
        let expr = &ast.exprs[id];
        let ExprKind::Call { callee, args } = &expr.kind else {
            let (ty, value) = self.any_constant(ast, id)?;
            return Some((ty, GeneratorKind::Constant(value)));
        };
        let spec = |params, first| Spec { what: "this generator", params, first };
        match callee.name.as_str() {
            "seq" => {
                let slots = args::bind(self, ast, &spec(&[("start", false)], true), args, expr.span)?;
                let start = match slots[0] {
                    Some(id) => match self.constant_option(ast, id, &DataType::Int, "`start` of `seq`")? {
                        Value::Int(n) => n,
                        _ => return None,
                    },
                    None => 0,
                };
                Some((DataType::Int, GeneratorKind::Seq(start)))
            }
            "random" => {
                let [low, high] = args.as_slice() else {
                    let diag = Diagnostic::new(
                        codes::WRONG_ARGUMENT,
                        expr.span,
                        "`random` takes two bounds: `random(0, 100)`",
                    );
                    self.report(diag.at("not two bounds"));
                    return None;
                };
                self.random(ast, low.value, high.value)
            }
            "oneOf" => {
                let slots = args::bind(self, ast, &spec(&[("values", true)], true), args, expr.span)?;
                let span = ast.exprs[slots[0]?].span;
                match self.any_constant(ast, slots[0]?)? {
                    (DataType::List(of), Value::List(values)) if !values.is_empty() => {
                        Some(((*of).clone(), GeneratorKind::OneOf(values.to_vec())))
                    }
                    _ => {
                        let diag = Diagnostic::new(
                            codes::OPTION_VALUE,
                            span,
                            "`oneOf` takes a list with at least one value",
                        );
                        self.report(diag.at("not such a list"));
                        None
                    }
                }
            }
            "timestamps" => {
                let slots =
                    args::bind(self, ast, &spec(&[("start", true), ("every", true)], true), args, expr.span)?;
                let start =
                    self.constant_option(ast, slots[0]?, &DataType::Timestamp, "`start` of `timestamps`");
                let every = self.duration_option(ast, slots[1]?, "`every` of `timestamps`", 0);
                match (start?, every?) {
                    (Value::Timestamp(start), every) => {
                        Some((DataType::Timestamp, GeneratorKind::Timestamps(start, every)))
                    }
                    _ => None,
                }
            }
            _ if self.global(&callee.name).is_some()
                || flow_plan::catalogue::lookup(&callee.name).is_some()
                || flow_plan::catalogue::lookup_cast(&callee.name).is_some() =>
            {
                let (ty, value) = self.any_constant(ast, id)?;
                Some((ty, GeneratorKind::Constant(value)))
            }
            word => {
                let diag = Diagnostic::new(
                    codes::UNKNOWN_FUNCTION,
                    callee.span,
                    format!("there is no generator `{word}`"),
                )
                .at("not a generator")
                .note(format!("generators are {}", list_names(GENERATORS.iter().map(|g| g.name))));
                let near = suggest::nearest(word, GENERATORS.iter().map(|g| g.name));
                self.report(match near {
                    Some(near) => did_you_mean(diag, callee.span, near),
                    None => diag,
                });
                None
            }
        }
    }

    fn random(&mut self, ast: &'a Program, low: ExprId, high: ExprId) -> Option<(DataType, GeneratorKind)> {
        let (a, b) = (self.any_constant(ast, low), self.any_constant(ast, high));
        let span = ast.exprs[low].span.to(ast.exprs[high].span);
        let made = match (a?.1, b?.1) {
            (Value::Int(low), Value::Int(high)) if low < high => {
                (DataType::Int, GeneratorKind::RandomInt(low, high))
            }
            (Value::Float(low), Value::Float(high)) if low < high => {
                (DataType::Float, GeneratorKind::RandomFloat(low, high))
            }
            (Value::Int(low), Value::Float(high)) if (low as f64) < high => {
                (DataType::Float, GeneratorKind::RandomFloat(low as f64, high))
            }
            (Value::Float(low), Value::Int(high)) if low < high as f64 => {
                (DataType::Float, GeneratorKind::RandomFloat(low, high as f64))
            }
            _ => {
                let diag = Diagnostic::new(
                    codes::OPTION_VALUE,
                    span,
                    "`random` needs two numbers, the smaller one first",
                );
                self.report(diag.at("no numbers lie between these"));
                return None;
            }
        };
        Some(made)
    }

    fn any_constant(&mut self, ast: &'a Program, id: ExprId) -> Option<(DataType, Value)> {
        let mut cx = ExprCx::new(self, ast, Fields::None(IN_GENERATE));
        let typed = cx.expr(id, None)?;
        let expr = cx.finish(&typed);
        let value = crate::constants::evaluate_constant(self, &expr, typed.span)?;
        Some((typed.ty, value))
    }
}
