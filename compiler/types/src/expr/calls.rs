//! Calls: casts, built-in functions, and what is called wrongly.

use super::messages::{did_you_mean, list_names, short};
use super::overload::{Fit, Vars, param_at, takes};
use super::scope::{Fields, IN_GENERATE, NowRule};
use super::{ExprCx, Typed};
use crate::elsewhere;
use crate::suggest;
use flow_plan::cast::{self, CastRule};
use flow_plan::catalogue::{self, FunctionDef, Signature, TypePattern};
use flow_plan::connector::table::GENERATORS;
use flow_plan::expr::{Kind, NodeId, OnFail};
use flow_plan::{DataType, Value};
use flow_syntax::ast::{Arg, DeclKind, ExprId, ExprKind, Ident};
use flow_syntax::codes;
use flow_syntax::{Applicability, Diagnostic, Span};

impl<'a> ExprCx<'_, 'a> {
    pub(super) fn call(
        &mut self,
        callee: &'a Ident,
        args: &'a [Arg],
        span: Span,
        want: Option<&DataType>,
    ) -> Option<Typed> {
        let name = callee.name.as_str();
        if let Fields::Grouped(_) = self.fields
            && self.is_aggregate_call(name, args)
        {
            return self.aggregate_call(callee, args, span);
        }
        if let Some((cast, lossy)) = catalogue::lookup_cast(name) {
            // `duration`, `timestamp`… are casts; a function of the same name would be in the table.
            return self.cast(callee, args, &cast.ty, lossy, span);
        }
        if let Some((index, global)) = self.ck.global(name) {
            self.ck.reference(callee.span, global.name.span);
            if let DeclKind::Fn(_) = global.decl.kind {
                return self.user_call(index, callee, args, span);
            }
            if catalogue::lookup(name).is_none() {
                if !global.is_broken() {
                    let message = format!("`{name}` is {}, not a function", global.what());
                    let diag = Diagnostic::new(codes::WRONG_NAME_KIND, callee.span, message)
                        .at("cannot be called")
                        .label(global.name.span, "declared here");
                    self.ck.report(diag);
                }
                return None;
            }
        }
        match name {
            "env" | "secret" => {
                let message = format!("`{name}` can only stand in the arguments of a connector");
                let diag =
                    Diagnostic::new(codes::MISPLACED_CALL, span, message).at("not in an expression").help(
                        "for a value that changes from run to run, declare a `param` and give it with `-p`",
                    );
                self.ck.report(diag);
                return None;
            }
            "coalesce" if !args.is_empty() => return self.coalesce_call(args, span, want),
            "isNull" if args.len() == 1 => {
                let value = self.expr(args[0].value, None)?;
                return Some(self.null_test(value, false, span));
            }
            "now" if self.now == NowRule::Replayed => self.replayed_now(span),
            _ => {}
        }
        match catalogue::lookup(name) {
            Some(def) if self.lambda_first(def, args, span) => None,
            Some(def) => self.builtin(def, callee, args, span),
            None => {
                // Mistakes in the arguments are worth telling too, but not those of a lambda, and
                // not where an aggregate may have been meant, or all of the call is written otherwise.
                let silent = matches!(self.fields, Fields::Grouped(_))
                    || self.rewritten(name, args).is_some()
                    || elsewhere::function_help(name).is_some();
                for arg in args.iter().filter(|_| !silent).collect::<Vec<_>>() {
                    if !matches!(self.ast.exprs[arg.value].kind, ExprKind::Lambda { .. } | ExprKind::Null) {
                        self.expr(arg.value, None);
                    }
                }
                self.unknown_function(callee, args, span);
                None
            }
        }
    }

    fn replayed_now(&mut self, span: Span) {
        let diag = Diagnostic::new(
            codes::NONDETERMINISTIC_REPLAY,
            span,
            "`now()` gives another time when rows are replayed after a failure",
        )
        .at("differs from run to run")
        .help("use the event time of the row, or call `now()` in a `sink` behind its last stateful stage");
        self.ck.report(diag);
    }

    fn cast(
        &mut self,
        callee: &Ident,
        args: &'a [Arg],
        to: &DataType,
        lossy: bool,
        span: Span,
    ) -> Option<Typed> {
        let [arg] = args else {
            let message = format!("`{}` takes one value", callee.name);
            let diag =
                Diagnostic::new(codes::WRONG_ARGUMENT, span, message).at(format!("{} given", args.len()));
            self.ck.report(diag.note(format!("it converts a value to `{to}`")));
            return None;
        };
        let value = self.expr(arg.value, None)?;
        // `j.a` is `json?`: taking a value out of it is what casts are for; absent stays absent.
        let json = *value.ty.unwrapped() == DataType::Json;
        let value = if json { value } else { self.not_null(value, &format!("`{}`", callee.name))? };
        let from = value.ty.unwrapped().clone();
        match cast::rule(&from, to) {
            CastRule::Never => {
                let diag = Diagnostic::new(
                    codes::WRONG_ARGUMENT,
                    value.span,
                    format!("`{from}` cannot be converted to `{to}`"),
                )
                .at(format!("this is `{}`", value.ty));
                let diag = self.origin_label(diag, &value);
                self.ck.report(match (&from, to) {
                    (DataType::Timestamp, DataType::Float | DataType::Decimal) => {
                        diag.help("`epochMillis(t)` gives milliseconds since 1970")
                    }
                    _ => diag,
                });
                return None;
            }
            CastRule::Total | CastRule::Fallible => {}
        }
        let (on_fail, ty) =
            if lossy { (OnFail::Null, to.clone().optional()) } else { (OnFail::Error, to.clone()) };
        let ty = if value.ty.is_optional() { ty.optional() } else { ty };
        Some(self.push(Kind::Cast(value.node, on_fail), ty, span))
    }

    /// `coalesce(a, b, c)` is `a ?? b ?? c`.
    fn coalesce_call(&mut self, args: &'a [Arg], span: Span, want: Option<&DataType>) -> Option<Typed> {
        let mut result: Option<Typed> = None;
        let (mut ok, mut before_it) = (true, args.first()?.value);
        for arg in args {
            let hint = result.as_ref().map(|r| r.ty.unwrapped().clone()).or(want.cloned());
            let Some(next) = self.expr(arg.value, hint.as_ref()) else {
                ok = false;
                continue;
            };
            result = Some(match result {
                None => next,
                Some(before) if !before.ty.is_optional() => {
                    self.dead = true;
                    self.never_null(&before, "so what follows is never used", None);
                    before
                }
                Some(before) => {
                    let (a, b, _) = self.one_type(before, next, "`coalesce`")?;
                    let ty = b.ty.clone();
                    let written = self.made_of(&[(before_it, &a), (arg.value, &b)], &ty);
                    Typed { written, ..self.push(Kind::Coalesce(a.node, b.node), ty, span) }
                }
            });
            before_it = arg.value;
        }
        if ok { result } else { None }
    }

    /// A function of the catalogue.
    fn builtin(
        &mut self,
        def: &'static FunctionDef,
        callee: &Ident,
        args: &'a [Arg],
        span: Span,
    ) -> Option<Typed> {
        let positional = args.iter().take_while(|a| a.name.is_none()).count();
        if let Some(late) = args[positional..].iter().find(|a| a.name.is_none()) {
            let span = self.span(late.value);
            let diag = Diagnostic::new(
                codes::POSITIONAL_ARGUMENT,
                span,
                "an argument without a name stands behind a named one",
            );
            self.ck
                .report(diag.at("which argument is this?").note(format!("written `{}`", def.signatures[0])));
            return None;
        }
        let named: Vec<&str> = args.iter().filter_map(|a| a.name.as_ref()).map(|n| n.name.as_str()).collect();
        if let Some(arg) = args.iter().enumerate().find_map(|(i, a)| {
            let name = a.name.as_ref()?;
            args[..i].iter().any(|b| b.name.as_ref().is_some_and(|n| n.name == name.name)).then_some(name)
        }) {
            let message = format!("`{}` is given twice", arg.name);
            self.ck.report(Diagnostic::new(codes::DUPLICATE_ARGUMENT, arg.span, message).at("given again"));
            return None;
        }
        let fitting: Vec<&'static Signature> =
            def.overloads().iter().filter(|s| takes(s, positional, &named)).collect();
        match fitting.as_slice() {
            [] => {
                self.wrong_count(def, callee, args, span);
                for arg in args {
                    if !matches!(
                        self.ast.exprs[arg.value].kind,
                        ExprKind::Lambda { .. } | ExprKind::Null | ExprKind::List(_)
                    ) {
                        self.expr(arg.value, None);
                    }
                }
                None
            }
            [one] => self.one_signature(def, one, args, span),
            several => self.several_signatures(def, callee, several, args, span),
        }
    }

    fn wrong_count(&mut self, def: &'static FunctionDef, callee: &Ident, args: &[Arg], span: Span) {
        let known: Vec<&str> = def.overloads().iter().flat_map(|s| s.params.iter().map(|p| p.name)).collect();
        for arg in args {
            if let Some(name) = &arg.name
                && !known.contains(&name.name.as_str())
            {
                let message = format!("`{}` has no argument `{}`", callee.name, name.name);
                let diag = Diagnostic::new(codes::UNKNOWN_ARGUMENT, name.span, message)
                    .at("no such argument")
                    .note(written(def.signatures));
                let near = suggest::nearest(&name.name, known.iter().copied());
                self.ck.report(match near {
                    Some(near) => did_you_mean(diag, name.span, near),
                    None => diag,
                });
                return;
            }
        }
        if catalogue::lookup_aggregate(&callee.name).is_some() && args.len() == 1 {
            // `max(x)` is the aggregate; of an aggregate, or of single rows, it makes no sense.
            if matches!(self.fields, Fields::Grouped(_)) {
                return self.aggregate_of_aggregate(span);
            }
            let text = short(self.ck.text(span));
            let message = format!("`{text}` is an aggregate: it stands in `aggregate {{ … }}`");
            let diag = Diagnostic::new(codes::MISPLACED_AGGREGATE, span, message);
            let help = "as a function it compares two values: `max(a, b)`";
            self.ck.report(diag.at("an aggregate of what rows?").help(help));
            return;
        }
        let counts: Vec<usize> = def.overloads().iter().map(Signature::required).collect();
        let few = counts.iter().all(|count| args.len() < *count);
        let (code, at) = if few {
            (codes::MISSING_ARGUMENT, "an argument is missing")
        } else {
            (codes::WRONG_ARGUMENT, "not these arguments")
        };
        let message = match args.len() {
            1 => format!("`{}` is not called with one argument", callee.name),
            n => format!("`{}` is not called with {n} arguments", callee.name),
        };
        let mut diag = Diagnostic::new(code, span, message).at(at).note(written(def.signatures));
        if let Some((name, value)) = self.unnamed(def, args) {
            let fixed = format!("{name}: {}", self.ck.text(value));
            diag = diag.fix(format!("write `{}`", short(&fixed)), value, fixed);
        }
        self.ck.report(diag);
    }

    /// The last argument, where it only lacks the name of the one argument that must have a name.
    fn unnamed(&self, def: &'static FunctionDef, args: &[Arg]) -> Option<(&'static str, Span)> {
        let last = args.last().filter(|arg| arg.name.is_none())?;
        let [signature] = def.overloads() else { return None };
        let mut named = signature.params.iter().filter(|p| p.named_only);
        let (one, more) = (named.next()?, named.next());
        let fits = more.is_none() && args.len() == signature.params.len();
        fits.then(|| (one.name, self.ast.exprs[last.value].span))
    }

    /// Checks arguments against the only signature that is possible: the mistake is at an argument.
    fn one_signature(
        &mut self,
        def: &'static FunctionDef,
        signature: &'static Signature,
        args: &'a [Arg],
        span: Span,
    ) -> Option<Typed> {
        let mut vars = Vars::default();
        let mut given: Vec<(usize, Option<Typed>)> = Vec::with_capacity(args.len());
        for pass in [false, true] {
            for (position, arg) in args.iter().enumerate() {
                let Some(param) = param_of(signature, position, arg) else { continue };
                let pattern = &signature.params[param].ty;
                let lambda = matches!(pattern, TypePattern::Lambda(..));
                if lambda != pass {
                    continue;
                }
                let typed = if lambda {
                    let of = given.iter().find(|(position, _)| *position == 0);
                    let of = of.and_then(|(_, typed): &(usize, Option<Typed>)| typed.as_ref()?.written);
                    self.lambda(def, pattern, arg.value, &mut vars, of)
                } else {
                    self.argument(def, signature, param, arg.value, &mut vars)
                };
                given.push((position, typed));
            }
        }
        given.sort_by_key(|(position, _)| *position);
        let values: Vec<Typed> = given.into_iter().map(|(_, typed)| typed).collect::<Option<_>>()?;
        self.emit(def, signature, &vars, args, values, span)
    }

    fn argument(
        &mut self,
        def: &FunctionDef,
        signature: &Signature,
        param: usize,
        value: ExprId,
        vars: &mut Vars,
    ) -> Option<Typed> {
        let pattern = &signature.params[param].ty;
        let want = vars.resolve(pattern);
        let typed = self.expr(value, want.as_ref())?;
        if let ExprKind::Lambda { .. } = self.ast.exprs[value].kind {
            return None;
        }
        let what = format!("`{}` of `{}`", signature.params[param].name, def.name);
        match vars.fit(pattern, &typed.ty) {
            Fit::Yes => Some(typed),
            Fit::Optional => {
                self.optional_use(&typed, &format!("`{}`", def.name));
                None
            }
            Fit::No => {
                if let Some(converted) = want.as_ref().and_then(|want| self.convert_literal(&typed, want)) {
                    return Some(converted);
                }
                if want.as_ref().is_some_and(|w| *w == DataType::Duration) && typed.ty.is_numeric() {
                    self.bare_duration(typed.span, &what);
                    return None;
                }
                self.wrong_argument(&what, pattern, &typed, &[signature.text]);
                None
            }
        }
    }

    pub(super) fn wrong_argument(
        &mut self,
        what: &str,
        pattern: &TypePattern,
        typed: &Typed,
        signatures: &[&'static str],
    ) {
        let wanted = match pattern {
            TypePattern::Num => "a number".to_string(),
            TypePattern::Ord => "a value that has an order".to_string(),
            TypePattern::List(_) => "a list".to_string(),
            TypePattern::Map(_) => "a map".to_string(),
            other => format!("a `{other}`"),
        };
        let diag = Diagnostic::new(
            codes::WRONG_ARGUMENT,
            typed.span,
            format!("{what} is {wanted}, and this is `{}`", typed.ty),
        )
        .at(format!("this is `{}`", typed.ty))
        .note(written(signatures));
        let diag = self.origin_label(diag, typed);
        let want = match pattern {
            TypePattern::Exact(ty) => Some(ty.clone()),
            TypePattern::Num => Some(DataType::Float),
            _ => None,
        };
        match want {
            Some(want) => self.report_with_cast(diag, typed, &want),
            None => self.ck.report(diag),
        }
    }
    /// Chooses among several signatures by the types of the arguments.
    fn several_signatures(
        &mut self,
        def: &'static FunctionDef,
        callee: &Ident,
        signatures: &[&'static Signature],
        args: &'a [Arg],
        span: Span,
    ) -> Option<Typed> {
        // The first argument decides; the others are then checked as if there were one signature.
        let first = args.first()?;
        let typed = self.expr(first.value, None)?;
        let fits = |ty: &DataType| -> Vec<&'static Signature> {
            let taking = signatures.iter().filter(|s| {
                param_of(s, 0, first).is_some_and(|p| Vars::default().fit(&s.params[p].ty, ty) == Fit::Yes)
            });
            taking.copied().collect()
        };
        let possible = fits(&typed.ty);
        match possible.as_slice() {
            [one] => return self.rest_of(def, one, typed, args, span),
            [] => {
                if typed.ty.is_optional() && !fits(typed.ty.unwrapped()).is_empty() {
                    self.optional_use(&typed, &format!("`{}`", callee.name));
                } else {
                    let diag = Diagnostic::new(
                        codes::WRONG_ARGUMENT,
                        typed.span,
                        format!("`{}` does not take {}", callee.name, super::messages::a(&typed.ty)),
                    )
                    .at(format!("this is `{}`", typed.ty))
                    .note(written(def.signatures));
                    let diag = self.origin_label(diag, &typed);
                    self.ck.report(diag);
                }
                return None;
            }
            _ => {}
        }
        // Still several (`f(x: int, …)` twice): look at all of them.
        let mut values = vec![typed];
        for arg in &args[1..] {
            values.push(self.expr(arg.value, None)?);
        }
        for signature in possible {
            let mut vars = Vars::default();
            let all = args.iter().enumerate().zip(&values).all(|((position, arg), typed)| {
                param_of(signature, position, arg)
                    .is_some_and(|p| vars.fit(&signature.params[p].ty, &typed.ty) == Fit::Yes)
            });
            if all {
                return self.emit(def, signature, &vars, args, values, span);
            }
        }
        let types: Vec<String> = values.iter().map(|v| format!("`{}`", v.ty)).collect();
        let message = format!("`{}` does not take {}", callee.name, types.join(", "));
        self.ck.report(
            Diagnostic::new(codes::WRONG_ARGUMENT, span, message)
                .at("not these types")
                .note(written(def.signatures)),
        );
        None
    }

    fn rest_of(
        &mut self,
        def: &'static FunctionDef,
        signature: &'static Signature,
        first: Typed,
        args: &'a [Arg],
        span: Span,
    ) -> Option<Typed> {
        let mut vars = Vars::default();
        if let Some(param) = param_of(signature, 0, &args[0]) {
            vars.fit(&signature.params[param].ty, &first.ty);
        }
        let mut values = vec![Some(first)];
        for (position, arg) in args.iter().enumerate().skip(1) {
            let param = param_of(signature, position, arg)?;
            let pattern = &signature.params[param].ty;
            values.push(if matches!(pattern, TypePattern::Lambda(..)) {
                let of = values[0].as_ref().and_then(|first: &Typed| first.written);
                self.lambda(def, pattern, arg.value, &mut vars, of)
            } else {
                self.argument(def, signature, param, arg.value, &mut vars)
            });
        }
        let values: Vec<Typed> = values.into_iter().collect::<Option<_>>()?;
        self.emit(def, signature, &vars, args, values, span)
    }

    /// `x => e` for a parameter of a list function; `of` is where the type of the list is written.
    fn lambda(
        &mut self,
        def: &FunctionDef,
        pattern: &TypePattern,
        id: ExprId,
        vars: &mut Vars,
        of: Option<Span>,
    ) -> Option<Typed> {
        let TypePattern::Lambda(wanted, result) = pattern else { return None };
        let ast = self.ast;
        let span = self.span(id);
        let ExprKind::Lambda { params, body } = &ast.exprs[id].kind else {
            let diag =
                Diagnostic::new(codes::WRONG_ARGUMENT, span, format!("`{}` needs a lambda here", def.name))
                    .at("not a lambda")
                    .help(format!("write what is done with each element: `{}`", def.example.0))
                    .note(written(def.signatures));
            self.ck.report(diag);
            return None;
        };
        if params.len() != wanted.len() {
            let message = format!(
                "the lambda of `{}` has {} parameter(s), not {}",
                def.name,
                wanted.len(),
                params.len()
            );
            let diag = Diagnostic::new(codes::WRONG_ARGUMENT, span, message).at("not so many parameters");
            self.ck.report(diag.note(written(def.signatures)));
            return None;
        }
        let before = self.locals.len();
        let mut locals = Vec::with_capacity(params.len());
        for (param, want) in params.iter().zip(wanted) {
            self.hides(param);
            let ty = vars.resolve(want);
            locals.push(self.bind(param, ty));
        }
        // The element is the last: `reduce` has what was made before in front.
        self.bound_to(of.and_then(|at| self.ck.written_element(at)));
        let want = vars.resolve(result);
        let typed = self.expr(*body, want.as_ref());
        self.locals.truncate(before);
        let mut typed = typed?;
        if let Some(want) = &want {
            typed = self.coerce(typed, want, &format!("the lambda of `{}`", def.name))?;
        } else if vars.fit(result, &typed.ty) == Fit::No {
            self.mismatch(&typed, &typed.ty.clone(), "the lambda");
            return None;
        }
        let (ty, written) = (typed.ty.clone(), typed.written);
        Some(Typed { written, ..self.push(Kind::Lambda { params: locals, body: typed.node }, ty, span) })
    }

    /// A lint when a lambda's parameter hides a field or a constant.
    pub(super) fn hides(&mut self, param: &Ident) {
        let field = self.row().and_then(|s| s.named(&param.name).next().map(|(_, c)| c.origin));
        let constant = self
            .ck
            .global(&param.name)
            .filter(|(_, g)| matches!(g.decl.kind, DeclKind::Const(_) | DeclKind::Param(_)))
            .map(|(_, g)| g.name.span);
        let Some(hidden) = field.or(constant) else { return };
        let what = if field.is_some() { "field" } else { "constant" };
        let diag = Diagnostic::new(
            codes::SHADOWED_FIELD,
            param.span,
            format!("the parameter `{}` hides the {what} of the same name", param.name),
        )
        .at("in the lambda this is the parameter")
        .label(hidden, format!("this {what} is hidden"))
        .help("give the parameter another name");
        self.ck.report(diag);
    }

    /// Converts ints where floats are wanted, fills in defaults, makes the node.
    fn emit(
        &mut self,
        def: &'static FunctionDef,
        signature: &'static Signature,
        vars: &Vars,
        args: &[Arg],
        values: Vec<Typed>,
        span: Span,
    ) -> Option<Typed> {
        let made_of: Vec<(ExprId, &Typed)> = args.iter().map(|arg| arg.value).zip(&values).collect();
        let ty = vars.resolve(&signature.ret);
        let written = ty.as_ref().and_then(|ty| self.made_of(&made_of, ty));
        let mut nodes: Vec<Option<NodeId>> = vec![None; signature.params.len()];
        let mut more = Vec::new();
        for (position, (arg, typed)) in args.iter().zip(values).enumerate() {
            let param = param_of(signature, position, arg)?;
            let pattern = &signature.params[param].ty;
            let typed = match vars.resolve(pattern) {
                Some(want @ (DataType::Float | DataType::Decimal)) if typed.ty == DataType::Int => {
                    self.widen(&typed, &want)
                }
                _ => typed,
            };
            self.check_constant_argument(def, param, &typed);
            match nodes[param] {
                None => nodes[param] = Some(typed.node),
                Some(_) => more.push(typed.node),
            }
        }
        let mut all = Vec::with_capacity(nodes.len() + more.len());
        for (param, node) in signature.params.iter().zip(nodes) {
            match (node, param.default) {
                (Some(node), _) => all.push(node),
                (None, Some(default)) => all.push(self.default_value(default, span).node),
                (None, None) => return None,
            }
        }
        all.extend(more);
        Some(Typed { written, ..self.push(Kind::Call(def.func, all), ty?, span) })
    }

    /// A default as it is written in the table: a text or a number.
    fn default_value(&mut self, text: &str, span: Span) -> Typed {
        if let Some(text) = text.strip_prefix('"').and_then(|t| t.strip_suffix('"')) {
            return self.push_literal(Value::string(text), DataType::String, span);
        }
        match text.parse::<i64>() {
            Ok(number) => self.push_literal(Value::Int(number), DataType::Int, span),
            Err(_) => self.push_literal(Value::Bool(text == "true"), DataType::Bool, span),
        }
    }

    /// Constant patterns and zones are looked at now, not when the first row comes.
    fn check_constant_argument(&mut self, def: &FunctionDef, index: usize, typed: &Typed) {
        let Kind::Literal(Value::String(text)) = &self.out[typed.node].kind else { return };
        if let Some(problem) = flow_plan::functions::bad_constant(def.func, index, text) {
            let zone = problem.starts_with("there is no time zone").then(|| text.to_string());
            let mut diag = Diagnostic::new(codes::CONSTANT_FAILS, typed.span, problem)
                .at(format!("`{}` cannot work with this", def.name));
            if let Some(zone) = zone {
                diag = crate::zones::with_nearest(diag, typed.span, &zone);
                return self.ck.report(diag);
            }
            if let Some(ours) = suggest::date_pattern(text)
                && flow_plan::functions::bad_constant(def.func, index, &ours).is_none()
            {
                diag = diag.fix(format!("write `{ours:?}`"), typed.span, format!("{ours:?}"));
            }
            self.ck.report(diag);
        }
    }

    fn unknown_function(&mut self, callee: &Ident, args: &[Arg], span: Span) {
        let name = callee.name.as_str();
        if catalogue::lookup_aggregate(name).is_some() {
            let diag = Diagnostic::new(
                codes::MISPLACED_AGGREGATE,
                span,
                format!("`{name}` is an aggregate: it stands in `aggregate {{ … }}`"),
            )
            .at("an aggregate of what rows?")
            .help(format!("write a stage: `|> aggregate {{ {name}: {} }}`", short(self.ck.text(span))));
            self.ck.report(diag);
            return;
        }
        if GENERATORS.iter().any(|generator| generator.name == name) {
            self.misplaced_generator(name, span);
            return;
        }
        if let (Some(operator), [a, b]) = (suggest::foreign_operator(name), args) {
            let (a, b) = (self.span(a.value), self.span(b.value));
            let text = format!("{} {operator} {}", self.ck.text(a), self.ck.text(b));
            let diag = Diagnostic::new(
                codes::UNKNOWN_FUNCTION,
                callee.span,
                format!("`{name}` is written `{operator}` in flow"),
            )
            .at(format!("written with `{operator}`"))
            .with_fix(
                format!("write `{}`", short(&text)),
                span,
                text,
                Applicability::MaybeIncorrect,
            );
            self.ck.report(diag);
            return;
        }
        if name.eq_ignore_ascii_case("cast") || name.eq_ignore_ascii_case("convert") {
            let diag = Diagnostic::new(
                codes::UNKNOWN_FUNCTION,
                callee.span,
                "casts are written `int(x)`, `string(x)`, …",
            )
            .at("not a function of flow")
            .note(format!("the casts are {}", list_names(catalogue::CASTS.iter().map(|c| c.name))));
            self.ck.report(diag);
            return;
        }
        let grouped = matches!(self.fields, Fields::Grouped(_));
        if let Some((text, applicability)) = self.rewritten(name, args) {
            let diag = Diagnostic::new(
                codes::UNKNOWN_FUNCTION,
                callee.span,
                format!("there is no function `{name}`"),
            )
            .at("not a function of flow")
            .with_fix(format!("write `{}`", short(&text)), span, text, applicability);
            self.ck.report(diag);
            return;
        }
        if suggest::cuts_time(name) && args.len() == 2 {
            let diag = Diagnostic::new(
                codes::UNKNOWN_FUNCTION,
                callee.span,
                format!("flow's function for `{name}` is `truncate`"),
            )
            .at("called otherwise in flow")
            .help("`truncate(at, 1h)` cuts a time to whole hours; a month or a year has no one length");
            self.ck.report(diag);
            return;
        }
        if let Some(word) = suggest::foreign_function(name).or_else(|| elsewhere::function(name))
            && (grouped || catalogue::lookup_aggregate(word).is_none() || catalogue::lookup(word).is_some())
        {
            self.ck.report(crate::type_exprs::foreign(codes::UNKNOWN_FUNCTION, callee, word, "function"));
            return;
        }
        let diag =
            Diagnostic::new(codes::UNKNOWN_FUNCTION, callee.span, format!("there is no function `{name}`"))
                .at("not a function");
        if let Some(help) = suggest::other_shape(name) {
            self.ck.report(diag.help(help));
            return;
        }
        let near = self.near_function(name, grouped);
        let diag = match near {
            Some(near) => did_you_mean(diag, callee.span, &near),
            None => match elsewhere::function_help(name) {
                Some(help) => diag.help(help),
                None => diag.help("your own functions are declared with `fn name(x: T) -> U = …`"),
            },
        };
        self.ck.report(diag);
    }

    /// The function whose name is nearest, of the script's and of the language's; of rows in groups, the aggregates too. None
    /// where a word of another system has an answer of its own.
    fn near_function(&self, name: &str, grouped: bool) -> Option<String> {
        if elsewhere::function_help(name).is_some() {
            return None;
        }
        let own = self.ck.globals.iter().filter(|g| matches!(g.decl.kind, DeclKind::Fn(_)));
        let own = own.map(|g| g.name.name.as_str());
        let casts = catalogue::CASTS.iter().flat_map(|c| [c.name, c.try_name]);
        let aggregates = catalogue::aggregates().map(|d| d.name).filter(|_| grouped);
        let functions = catalogue::all().map(|d| d.name);
        suggest::nearest(name, aggregates.chain(own).chain(functions).chain(casts)).map(str::to_string)
    }

    /// A generator in a larger expression, or nowhere near `generate`.
    fn misplaced_generator(&mut self, name: &str, span: Span) {
        let call = short(self.ck.text(span));
        let message = format!("`{name}` is a generator: it stands alone as a field of `generate`");
        let in_generate = matches!(self.fields, Fields::None(IN_GENERATE));
        let help = match in_generate {
            true => format!(
                "make it a field of its own, `n: {call}`, and compute with that in a stage: `|> map {{ .., k: n % 3 }}`"
            ),
            false => format!("for example `generate {{ n: {call} }} rate: 1000`"),
        };
        let label = if in_generate { "no part of an expression" } else { "not a function" };
        self.ck.report(Diagnostic::new(codes::UNKNOWN_FUNCTION, span, message).at(label).help(help));
    }
}

fn param_of(signature: &Signature, position: usize, arg: &Arg) -> Option<usize> {
    match &arg.name {
        Some(name) => signature.params.iter().position(|p| p.name == name.name),
        None => param_at(signature, position),
    }
}

/// How a function is written, for a note.
pub(super) fn written(signatures: &[&'static str]) -> String {
    let forms: Vec<String> = signatures.iter().map(|s| format!("`{s}`")).collect();
    format!("written {}", forms.join(" or "))
}
