//! Values that are known before anything runs: computed by the plan's own evaluator, so that they
//! are what they would be at run time.

use crate::checker::{Checker, Resolved, span_of};
use crate::expr::{ExprCx, Fields};
use crate::names::Global;
use flow_plan::catalogue::Func;
use flow_plan::expr::Kind;
use flow_plan::{DataType, Expr, Value, eval};
use flow_syntax::ast::{DeclKind, ExprId, Param, Program};
use flow_syntax::codes;
use flow_syntax::{Diagnostic, Span};

/// The digits of a decimal literal.
pub(crate) fn parse_decimal(digits: &str) -> Option<rust_decimal::Decimal> {
    digits.parse().ok()
}

/// Does an expression read neither rows nor the clock?
pub(crate) fn is_constant(expr: &Expr) -> bool {
    !expr.nodes.iter().any(|n| matches!(n.kind, Kind::Column(_) | Kind::Call(Func::Now, _)))
}

/// The value of a constant expression; says why when it has none.
pub(crate) fn evaluate_constant(ck: &mut Checker<'_>, expr: &Expr, span: Span) -> Option<Value> {
    if let [node] = expr.nodes.as_slice()
        && let Kind::Literal(value) = &node.kind
    {
        return Some(value.clone());
    }
    if !is_constant(expr) {
        let diag = Diagnostic::new(codes::NOT_CONSTANT, span, "the value must be known before anything runs")
            .at("not known before it runs");
        ck.report(diag.help("constants, parameters and literals are known; fields and `now()` are not"));
        return None;
    }
    match eval::eval(expr, &[]) {
        Ok(value) => Some(value),
        Err(error) => {
            let at = span_of(error.place);
            let mut diag = Diagnostic::new(
                codes::CONSTANT_FAILS,
                at,
                format!("this constant cannot be computed: {}", error.message),
            )
            .at("fails here");
            if at != span {
                diag = diag.label(span, "computed for this");
            }
            ck.report(diag);
            None
        }
    }
}

impl<'a> Checker<'a> {
    /// Checks an option that must be a constant of a type.
    pub(crate) fn constant_option(
        &mut self,
        ast: &'a Program,
        id: ExprId,
        want: &DataType,
        what: &str,
    ) -> Option<Value> {
        let mut cx = ExprCx::new(self, ast, Fields::None("in an option"));
        let typed = cx.expr(id, Some(want))?;
        let typed = cx.coerce(typed, want, what)?;
        let expr = cx.finish(&typed);
        evaluate_constant(self, &expr, typed.span)
    }

    /// A constant duration that is not negative (or not zero either).
    pub(crate) fn duration_option(
        &mut self,
        ast: &'a Program,
        id: ExprId,
        what: &str,
        least: i64,
    ) -> Option<i64> {
        let value = self.constant_option(ast, id, &DataType::Duration, what)?;
        let Value::Duration(micros) = value else { return None };
        if micros < least {
            let rule = if least > 0 { "must be longer than zero" } else { "must not be negative" };
            let span = ast.exprs[id].span;
            self.report(
                Diagnostic::new(codes::STAGE_OPTION, span, format!("{what} {rule}")).at("not possible"),
            );
            return None;
        }
        Some(micros)
    }

    /// A constant whole number of at least `least`.
    pub(crate) fn count_option(
        &mut self,
        ast: &'a Program,
        id: ExprId,
        what: &str,
        least: i64,
    ) -> Option<u64> {
        let value = self.constant_option(ast, id, &DataType::Int, what)?;
        let Value::Int(n) = value else { return None };
        if n < least {
            let span = ast.exprs[id].span;
            self.report(
                Diagnostic::new(codes::STAGE_OPTION, span, format!("{what} must be at least {least}"))
                    .at("too small"),
            );
            return None;
        }
        u64::try_from(n).ok()
    }

    /// A `param`: its override, or its default.
    pub(crate) fn resolve_param(&mut self, global: &Global<'a>, decl: &'a Param) -> Resolved {
        let declared = match &decl.ty {
            Some(ty) => match self.resolve_type(ty) {
                Some(ty) => Some(ty),
                None => return Resolved::Broken,
            },
            None => None,
        };
        let default = match decl.default {
            Some(id) => {
                let before = self.diags.len();
                let found = self.constant(global, id, declared.as_ref(), "in a parameter", &decl.name);
                for diag in self.diags[before..].iter_mut().filter(|d| d.code == codes::TYPE_MISMATCH) {
                    diag.code = codes::PARAM_VALUE;
                }
                match found {
                    Some(found) => Some(found),
                    None => return Resolved::Broken,
                }
            }
            None => None,
        };
        let Some(ty) = declared.or_else(|| default.as_ref().map(|(ty, _)| ty.clone())) else {
            let diag = Diagnostic::new(
                codes::PARAM_VALUE,
                decl.name.span,
                format!("`{}` needs a type or a default", decl.name.name),
            )
            .at("of which type?");
            self.report(diag.help(format!("write `param {}: int = 1`", decl.name.name)));
            return Resolved::Broken;
        };
        let given = self.input.params.iter().rev().find(|(name, _)| *name == decl.name.name);
        let value = match (given, default) {
            (Some((_, text)), _) => match parse_override(text, &ty) {
                Ok(value) => value,
                Err(problem) => {
                    let message =
                        format!("`-p {}={text}` is not {}: {problem}", decl.name.name, crate::expr::a(&ty));
                    let diag = Diagnostic::new(codes::PARAM_VALUE, decl.name.span, message);
                    self.report(diag.at(format!("this parameter is `{ty}`")));
                    self.wrong_values += 1;
                    return Resolved::Constant { ty: Some(ty), value: None };
                }
            },
            (None, Some((_, value))) => value,
            (None, None) => {
                let diag = Diagnostic::new(
                    codes::PARAM_VALUE,
                    decl.name.span,
                    format!("the parameter `{}` has no value", decl.name.name),
                )
                .at("no default")
                .help(format!("give it on the command line: `-p {}=…`", decl.name.name));
                self.report(diag);
                return Resolved::Constant { ty: Some(ty), value: None };
            }
        };
        Resolved::Constant { ty: Some(ty), value: Some(value) }
    }

    /// `-p` of a name that is no parameter.
    pub(crate) fn check_overrides(&mut self) {
        let params: Vec<&str> = self
            .globals
            .iter()
            .filter(|g| matches!(g.decl.kind, DeclKind::Param(_)))
            .map(|g| g.name.name.as_str())
            .collect();
        for (name, value) in self.input.params {
            if params.contains(&name.as_str()) {
                continue;
            }
            let span = Span::new(self.input.programs[0].file, 0, 0);
            let mut diag = Diagnostic::new(
                codes::PARAM_VALUE,
                span,
                format!("`-p {name}={value}`: the script has no parameter `{name}`"),
            );
            if let Some(near) = crate::suggest::nearest(name, params.iter().copied()) {
                diag = diag.help(format!("did you mean `{near}`?"));
            } else if params.is_empty() {
                diag = diag.note("it declares no parameters");
            } else {
                diag = diag
                    .note(format!("its parameters are {}", crate::expr::list_names(params.iter().copied())));
            }
            self.diags.push(diag);
            self.wrong_values += 1;
        }
    }
}

/// The value of `-p NAME=VALUE` by the parameter's type.
fn parse_override(text: &str, ty: &DataType) -> Result<Value, String> {
    match ty {
        DataType::Optional(_) if text == "null" => Ok(Value::Null),
        DataType::Optional(inner) => parse_override(text, inner),
        DataType::String => Ok(Value::string(text)),
        DataType::Int => {
            text.replace('_', "").parse().map(Value::Int).map_err(|_| "a whole number is needed".to_string())
        }
        DataType::Float | DataType::Decimal | DataType::Bool => {
            eval::convert::convert(&Value::string(text), &DataType::String, ty).map_err(|fault| fault.message)
        }
        DataType::Timestamp => {
            eval::convert::convert(&Value::string(text.trim_start_matches('@')), &DataType::String, ty)
                .map_err(|fault| fault.message)
        }
        DataType::Duration => flow_plan::text::parse_duration(text)
            .map(Value::Duration)
            .ok_or_else(|| "a number with a unit is needed, such as `10s` or `1h30min`".to_string()),
        other => {
            let json = Value::Json(std::sync::Arc::new(
                serde_json::from_str(text).map_err(|_| format!("write a `{other}` as JSON"))?,
            ));
            eval::convert::convert(&json, &DataType::Json, other).map_err(|fault| fault.message)
        }
    }
}
