//! Calls as other languages write them: methods, and functions whose arguments stand otherwise.

use super::{ExprCx, Typed, short};
use crate::suggest;
use flow_plan::{DataType, catalogue};
use flow_syntax::ast::{Arg, DeclKind, ExprId, ExprKind, Ident};
use flow_syntax::{Applicability, Diagnostic, Span, codes};

/// `hour` and `"hour"` name the same unit.
fn quoted(unit: &str) -> String {
    format!("\"{}\"", unit.trim_matches('"'))
}

fn plain(word: &str) -> String {
    word.chars().filter(|c| *c != '_').collect::<String>().to_ascii_lowercase()
}

impl<'a> ExprCx<'_, 'a> {
    /// A call of another system whose arguments stand otherwise in flow.
    pub(super) fn rewritten(&self, name: &str, args: &[Arg]) -> Option<(String, Applicability)> {
        let texts: Vec<&str> = args.iter().map(|arg| self.ck.text(self.span(arg.value))).collect();
        match (name, texts.as_slice()) {
            ("iif" | "iff" | "IIF" | "IF", [c, a, b]) => {
                Some((format!("if {c} then {a} else {b}"), Applicability::MaybeIncorrect))
            }
            ("between" | "BETWEEN", [x, a, b]) => {
                Some((format!("{x} >= {a} and {x} <= {b}"), Applicability::MaybeIncorrect))
            }
            ("Some", [only]) => Some(((*only).to_string(), Applicability::MachineApplicable)),
            (_, [unit, n, time]) if matches!(&*plain(name), "dateadd" | "timestampadd") => {
                let step = suggest::step_of_time(&quoted(unit))?;
                let unit = step.trim_start_matches(|c: char| c.is_ascii_digit());
                let digits = n.bytes().all(|b| b.is_ascii_digit()) && step.len() == unit.len() + 1;
                let length = if digits { format!("{n}{unit}") } else { format!("({n}) * {step}") };
                Some((format!("{time} + {length}"), Applicability::MaybeIncorrect))
            }
            (_, [unit, from, to]) if matches!(&*plain(name), "datediff" | "timestampdiff") => {
                let step = suggest::step_of_time(&quoted(unit))?;
                let from = if from.contains(' ') { format!("({from})") } else { (*from).to_string() };
                Some((format!("({to} - {from}) / {step}"), Applicability::MaybeIncorrect))
            }
            (_, [a, b]) if suggest::cuts_time(name) => {
                let (size, time) = match (suggest::step_of_time(a), suggest::step_of_time(b)) {
                    (Some(size), None) => (size, b),
                    (None, Some(size)) => (size, a),
                    _ => return None,
                };
                Some((format!("truncate({time}, {size})"), Applicability::MaybeIncorrect))
            }
            _ => None,
        }
    }

    /// `any(t => t == "x", tags)`: true if that was reported.
    pub(super) fn lambda_first(&mut self, def: &catalogue::FunctionDef, args: &[Arg], span: Span) -> bool {
        let is_lambda = |arg: &Arg| matches!(self.ast.exprs[arg.value].kind, ExprKind::Lambda { .. });
        let takes_one = def.signatures.iter().any(|s| s.contains("=>"));
        let [first, others @ ..] = args else { return false };
        if !takes_one || !is_lambda(first) || others.is_empty() || others.iter().any(is_lambda) {
            return false;
        }
        let text = |arg: &Arg| self.ck.text(self.span(arg.value)).to_string();
        let mut texts: Vec<String> = others.iter().map(text).collect();
        // `reduce(f, 0, xs)`: the list stands first wherever it stood.
        let is_list =
            |arg: &Arg| matches!(self.ast.exprs[arg.value].kind, ExprKind::Name(_) | ExprKind::List(_));
        if let Some(list) = others.iter().position(is_list) {
            texts[..=list].rotate_right(1);
        }
        texts.push(text(first));
        let fixed = format!("{}({})", def.name, texts.join(", "));
        let at = self.span(first.value);
        let message = format!("the list stands first in `{}`, and the lambda last", def.name);
        let diag = Diagnostic::new(codes::WRONG_ARGUMENT, at, message).at("the lambda");
        let title = format!("write `{}`", short(&fixed));
        self.ck.report(diag.with_fix(title, span, fixed, Applicability::MaybeIncorrect));
        true
    }

    /// `x.f(a)`: flow writes `f(x, a)`.
    pub(super) fn method_call(
        &mut self,
        base: ExprId,
        name: &'a Ident,
        args: &'a [Arg],
        span: Span,
    ) -> Option<Typed> {
        if let ExprKind::Name(rows) = &self.ast.exprs[base].kind
            && self.row().is_none()
            && let Some((_, global)) = self.ck.global(&rows.name)
            && global.is_readable()
        {
            let message = format!("`{}` is {}: its stages stand in a `stream`", rows.name, global.what());
            let diag =
                Diagnostic::new(codes::FOREIGN_WORD, name.span, message).at("not a function of a value");
            self.ck.report(diag.help(format!("write `stream name = {} |> {}(…)`", rows.name, name.name)));
            return None;
        }
        let own = |g: &&crate::names::Global<'_>| {
            g.name.name == name.name && matches!(g.decl.kind, DeclKind::Fn(_))
        };
        let word = match catalogue::lookup(&name.name) {
            Some(def) => Some(def.name),
            None if self.ck.globals.iter().any(|g| own(&g)) => Some(&*name.name),
            None => suggest::foreign_function(&name.name),
        };
        // `math.floor(x)`: of a module, not of a value.
        let module = matches!(&self.ast.exprs[base].kind, ExprKind::Name(name)
            if suggest::is_module(&name.name) && self.means_nothing(&name.name));
        if let Some(fixed) = self.when_otherwise(base, &name.name, args) {
            let diag = Diagnostic::new(codes::FOREIGN_WORD, span, "a choice is written `if c then a else b`");
            let title = format!("write `{}`", short(&fixed));
            self.ck.report(diag.with_fix(title, span, fixed, Applicability::MaybeIncorrect));
            return None;
        }
        let word = match (word, self.is_text(base)) {
            (Some("slice"), true) => Some("substring"),
            (word, _) => word,
        };
        let base = crate::elsewhere::without_col(self.ck.text(self.span(base)));
        // pandas: `channel.str.upper()`.
        let base = [".str", ".dt"].iter().find_map(|of| base.strip_suffix(of)).unwrap_or(&base).to_string();
        let mut texts = if module { Vec::new() } else { vec![base] };
        texts.extend(args.iter().map(|arg| {
            let value = crate::elsewhere::without_col(self.ck.text(self.span(arg.value)));
            arg.name.as_ref().map_or(value.clone(), |n| format!("{}: {value}", n.name))
        }));
        let diag = |message: String| {
            Diagnostic::new(codes::FOREIGN_WORD, name.span, message).at("flow has no methods")
        };
        let diag = match (suggest::foreign_method(&name.name, &texts), word) {
            (Some(text), _) => {
                let sure = Applicability::MaybeIncorrect;
                diag(format!("`x.{}()` is written with an operator", name.name)).with_fix(
                    format!("write `{}`", short(&text)),
                    span,
                    text,
                    sure,
                )
            }
            (None, Some(word)) => {
                let text = format!("{word}({})", texts.join(", "));
                let theirs =
                    if module { format!("module.{}(x)", name.name) } else { format!("x.{}()", name.name) };
                diag(format!("functions are called `{word}(x)`, not `{theirs}`")).fix(
                    format!("write `{}`", short(&text)),
                    span,
                    text,
                )
            }
            (None, None) => diag(format!("there is no method `{}`", name.name))
                .help(format!("functions are called `f(x)`; there is none that is called `{}`", name.name)),
        };
        self.ck.report(diag);
        None
    }

    /// Is it the name of a field that holds a text?
    fn is_text(&self, id: ExprId) -> bool {
        let (ExprKind::Name(name), Some(row)) = (&self.ast.exprs[id].kind, self.row()) else { return false };
        row.named(&name.name)
            .any(|(_, c)| c.ty.as_ref().is_some_and(|ty| *ty.unwrapped() == DataType::String))
    }

    /// `when(a, x).when(b, y).otherwise(z)`.
    fn when_otherwise(&self, base: ExprId, name: &str, args: &[Arg]) -> Option<String> {
        let [otherwise] = args else { return None };
        if name != "otherwise" {
            return None;
        }
        let text = |arg: &Arg| crate::elsewhere::without_col(self.ck.text(self.span(arg.value)));
        let (mut at, mut choices) = (base, Vec::new());
        loop {
            let (inner, name, args) = match &self.ast.exprs[at].kind {
                ExprKind::MethodCall { base, name, args } => (Some(*base), name, args),
                ExprKind::Call { callee, args } => (None, callee, args),
                _ => return None,
            };
            let [cond, value] = &args[..] else { return None };
            choices.push(format!("if {} then {} else ", text(cond), text(value)));
            match inner {
                _ if name.name != "when" => return None,
                Some(inner) if matches!(&self.ast.exprs[inner].kind, ExprKind::Name(_)) => break,
                Some(inner) => at = inner,
                None => break,
            }
        }
        choices.reverse();
        Some(format!("{}{}", choices.concat(), text(otherwise)))
    }
}
