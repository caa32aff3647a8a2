//! Expressions over aggregates, keys and window bounds: `mean: sum(x) / count()`.

use super::messages::{list_names, short};
use super::overload::{Fit, Vars, param_at, takes};
use super::scope::{Fields, Path};
use super::{ExprCx, Typed, calls};
use crate::checker::place;
use crate::stream::StreamType;
use crate::{suggest, walk};
use flow_plan::catalogue::{self, AggFunc, AggregateDef, Signature};
use flow_plan::expr::Kind;
use flow_plan::operator::AggregateCall;
use flow_plan::{DataType, Expr, Value};
use flow_syntax::ast::{Arg, ExprId, ExprKind, Ident};
use flow_syntax::codes;
use flow_syntax::{Applicability, Diagnostic, Span};

/// What the results of an aggregation are made of.
pub(crate) struct Grouping<'s> {
    /// The rows that are aggregated.
    pub input: &'s StreamType,
    /// Key columns of the input.
    pub keys: Vec<usize>,
    /// The `keyBy`, if there is one.
    pub key_span: Option<Span>,
    /// Are `windowStart` and `windowEnd` there?
    pub bounds: bool,
    /// The aggregates found so far.
    pub calls: Vec<AggregateCall>,
    /// The result field that is being made.
    pub result: String,
}

impl<'a> ExprCx<'_, 'a> {
    /// A name among keys and bounds: `None` if it is no field of the rows at all, `Some(None)` after a mistake.
    pub(super) fn grouped_name(&mut self, side: Option<&str>, name: &Ident) -> Option<Option<Typed>> {
        let Fields::Grouped(grouping) = &self.fields else { return None };
        let (input, bounds, key_span) = (grouping.input, grouping.bounds, grouping.key_span);
        let fits = |index: usize| {
            let column = &input.columns[index];
            *column.name == *name.name && side.is_none_or(|s| column.side.as_deref() == Some(s))
        };
        let keys: Vec<(usize, usize)> =
            grouping.keys.iter().copied().enumerate().filter(|(_, column)| fits(*column)).collect();
        let key_count = grouping.keys.len();
        match keys.as_slice() {
            [(position, column)] => {
                let column = &input.columns[*column];
                let (ty, origin, id) = (column.ty.clone(), column.origin, column.id);
                let written = column.written.or_else(|| self.ck.written_of(origin));
                self.ck.reference(name.span, origin);
                self.ck.mark_read(id);
                let path = Path::column(*position);
                let typed = ty.map(|ty| {
                    let ty = if self.narrowed.contains(&path) { ty.unwrapped().clone() } else { ty };
                    let mut typed = self.push(Kind::Column(*position as u32), ty, name.span);
                    typed.path = Some(path);
                    typed.written = written;
                    typed
                });
                return Some(typed);
            }
            [] => {}
            _ => {
                let columns: Vec<_> = keys.iter().map(|(_, c)| input.columns[*c].clone()).collect();
                self.ambiguous(name, &columns);
                return Some(None);
            }
        }
        if bounds && side.is_none() && (name.name == "windowStart" || name.name == "windowEnd") {
            let position = key_count + usize::from(name.name == "windowEnd");
            return Some(Some(self.push(Kind::Column(position as u32), DataType::Timestamp, name.span)));
        }
        let column = (0..input.columns.len()).find(|i| fits(*i));
        if let Some(column) = column {
            let column = &input.columns[column];
            self.ck.mark_read(column.id);
            if column.ty.is_some() {
                self.not_aggregated(name, key_span);
            }
            return Some(None);
        }
        if input.open { Some(None) } else { None }
    }

    fn not_aggregated(&mut self, name: &Ident, key_span: Option<Span>) {
        let field = &name.name;
        let mut diag = Diagnostic::new(
            codes::NOT_AGGREGATED,
            name.span,
            format!("`{field}` differs from row to row; an aggregate gives one value for all of them"),
        )
        .at("a field of the single rows")
        .help(format!(
            "aggregate it (`first({field})`, `max({field})`, …), or make it part of the key with `keyBy`"
        ))
        .with_fix(
            format!("take the first: `first({field})`"),
            name.span,
            format!("first({})", self.ck.text(name.span)),
            Applicability::MaybeIncorrect,
        );
        if let Some(key) = key_span {
            let end = Span { start: key.end.saturating_sub(1), ..key }.before();
            diag = diag.label(key, "rows are grouped by this key").with_fix(
                format!("add `{field}` to the key"),
                end,
                format!(", {field}"),
                Applicability::MaybeIncorrect,
            );
        } else if let Some(stage) = self.stage {
            diag = diag.with_fix(
                format!("group by `{field}`"),
                stage.before(),
                format!("keyBy({field}) |> "),
                Applicability::MaybeIncorrect,
            );
        }
        self.ck.report(diag);
    }

    /// Is a call in an aggregation the aggregate of this name, or the function?
    pub(super) fn is_aggregate_call(&self, name: &str, args: &[Arg]) -> bool {
        if catalogue::lookup_aggregate(name).is_none() {
            return false;
        }
        if catalogue::lookup(name).is_none() {
            return true;
        }
        let positional = args.iter().filter(|a| a.name.is_none()).count();
        positional == 1 && !self.holds_aggregate(args[0].value)
    }

    /// Does an expression hold a call of an aggregate?
    fn holds_aggregate(&self, id: ExprId) -> bool {
        let mut found = false;
        walk::exprs(&self.ast.exprs, id, &mut |_, kind| {
            if let ExprKind::Call { callee, .. } = kind {
                found |= catalogue::lookup_aggregate(&callee.name).is_some();
            }
        });
        found
    }

    /// `sum(x, where: c)`: becomes a column behind keys and bounds.
    pub(super) fn aggregate_call(&mut self, callee: &'a Ident, args: &'a [Arg], span: Span) -> Option<Typed> {
        if self.count_of_distinct(callee, args, span) {
            return None;
        }
        let def = catalogue::lookup_aggregate(&callee.name)?;
        let (input, result) = {
            let Fields::Grouped(grouping) = &self.fields else { return None };
            (grouping.input, grouping.result.clone())
        };
        // `max(sum(x))` could also be the function `max`: that is answered where its arguments are counted.
        if args.iter().any(|arg| self.only_aggregate(arg.value)) {
            self.aggregate_of_aggregate(span);
            return None;
        }
        let (stage, now, ast) = (self.stage, self.now, self.ast);
        let (built, written) = {
            let mut rows = ExprCx::new(self.ck, ast, Fields::Row(input));
            rows.stage = stage;
            rows.now = now;
            let mut written = None;
            (rows.build_aggregate(def, callee, args, span, result, &mut written)?, written)
        };
        let Fields::Grouped(grouping) = &mut self.fields else { return None };
        let column = grouping.keys.len() + 2 * usize::from(grouping.bounds) + grouping.calls.len();
        let ty = built.ty.clone();
        grouping.calls.push(built);
        Some(Typed { written, ..self.push(Kind::Column(column as u32), ty, span) })
    }

    /// Is it a call of what is an aggregate and no function?
    fn only_aggregate(&self, id: ExprId) -> bool {
        let ExprKind::Call { callee, .. } = &self.ast.exprs[id].kind else { return false };
        catalogue::lookup_aggregate(&callee.name).is_some() && catalogue::lookup(&callee.name).is_none()
    }

    /// `count(distinct(bidder))`, where `bidder` is no list: true if that was reported.
    fn count_of_distinct(&mut self, callee: &Ident, args: &[Arg], span: Span) -> bool {
        let [Arg { name: None, value }] = args else { return false };
        let ExprKind::Call { callee: inner, args } = &self.ast.exprs[*value].kind else { return false };
        let ([Arg { name: None, value }], "count", "distinct") = (&args[..], &*callee.name, &*inner.name)
        else {
            return false;
        };
        let (ExprKind::Name(field), Fields::Grouped(grouping)) = (&self.ast.exprs[*value].kind, &self.fields)
        else {
            return false;
        };
        let column = grouping.input.named(&field.name).next().and_then(|(_, column)| column.ty.clone());
        if column.is_none_or(|ty| matches!(ty.unwrapped(), DataType::List(_))) {
            return false;
        }
        let fixed = format!("countDistinct({})", self.ck.text(self.span(*value)));
        let message = "different values are counted with `countDistinct(x)`";
        let diag =
            Diagnostic::new(codes::WRONG_ARGUMENT, span, message).at("`distinct` is of lists, and a stage");
        self.ck.report(diag.fix(format!("write `{fixed}`"), span, fixed));
        true
    }

    /// `sum(count())`.
    pub(super) fn aggregate_of_aggregate(&mut self, span: Span) {
        let message = format!("`{}` is an aggregate of an aggregate", short(self.ck.text(span)));
        let diag = Diagnostic::new(codes::MISPLACED_AGGREGATE, span, message).at("holds an aggregate");
        self.ck.report(diag.help("aggregate twice: `|> aggregate { … } |> aggregate { … }`"));
    }

    /// `|> sum(x)` as a stage.
    pub(crate) fn aggregate_stage(
        &mut self,
        callee: &'a Ident,
        args: &'a [Arg],
        span: Span,
    ) -> Option<Typed> {
        self.aggregate_call(callee, args, span)
    }

    /// Checks an aggregate's arguments over the input rows.
    fn build_aggregate(
        &mut self,
        def: &'static AggregateDef,
        callee: &Ident,
        args: &'a [Arg],
        span: Span,
        result: String,
        written: &mut Option<Span>,
    ) -> Option<AggregateCall> {
        let condition = args.iter().find(|a| a.name.as_ref().is_some_and(|n| n.name == "where"));
        let (filter, facts) = match condition {
            Some(arg) => {
                let typed = self.expect(arg.value, &DataType::Bool, "`where:`")?;
                (Some(self.finish(&typed)), typed.when_true)
            }
            None => (None, Vec::new()),
        };
        self.narrowed.extend(facts);
        let rest: Vec<&'a Arg> =
            args.iter().filter(|a| a.name.as_ref().is_none_or(|n| n.name != "where")).collect();
        let positional = rest.iter().take_while(|a| a.name.is_none()).count();
        let named: Vec<&str> = rest.iter().filter_map(|a| a.name.as_ref()).map(|n| n.name.as_str()).collect();
        let Some(signature) = def.overloads().iter().find(|s| takes(s, positional, &named)) else {
            self.wrong_aggregate(def, callee, &rest, span);
            return None;
        };
        let mut call = AggregateCall {
            func: def.func,
            arg: None,
            by: None,
            param: None,
            filter,
            ty: DataType::Int,
            name: result,
            place: place(span),
        };
        let mut vars = Vars::default();
        let mut ok = true;
        for (position, arg) in rest.iter().enumerate() {
            let of = self.aggregate_argument(def, signature, position, arg, &mut vars, &mut call);
            ok &= of.is_some();
            // What is taken of the rows is the first argument.
            *written = written.or(of.flatten().filter(|_| position == 0));
        }
        if !ok {
            return None;
        }
        self.counts_all(def, &rest, &call)?;
        call.ty = self.aggregate_type(def, signature, &vars, &call)?;
        Some(call)
    }

    /// `count(price > 3)`: a condition is never null, so all rows would be counted.
    fn counts_all(&mut self, def: &AggregateDef, args: &[&'a Arg], call: &AggregateCall) -> Option<()> {
        let condition = call.arg.as_ref().is_some_and(|arg| *arg.ty() == DataType::Bool);
        if def.func != AggFunc::Count || !condition {
            return Some(());
        }
        let span = self.span(args[0].value);
        let message = "`count(x)` counts the rows where `x` is not null, and a condition never is";
        let diag =
            Diagnostic::new(codes::WRONG_ARGUMENT, span, message).at("true or false, both are counted");
        let text = self.ck.text(span);
        let diag = match call.filter {
            None => diag.fix(
                format!("count where it is true: `count(where: {})`", short(text)),
                span,
                format!("where: {text}"),
            ),
            Some(_) => diag.help("`where:` takes the whole condition: `count(where: a and b)`"),
        };
        self.ck.report(diag);
        None
    }

    fn aggregate_type(
        &self,
        def: &AggregateDef,
        signature: &Signature,
        vars: &Vars,
        call: &AggregateCall,
    ) -> Option<DataType> {
        let mut ty = vars.resolve(&signature.ret).or_else(|| {
            // `sum(x: num)` picks its overload by the argument's type.
            let arg = call.arg.as_ref()?.ty().clone();
            (arg == DataType::Duration).then_some(arg)
        })?;
        if call.filter.is_some() && !matches!(def.func, AggFunc::Count | AggFunc::Sum) {
            ty = ty.optional();
        }
        Some(ty)
    }

    fn aggregate_argument(
        &mut self,
        def: &AggregateDef,
        signature: &Signature,
        position: usize,
        arg: &'a Arg,
        vars: &mut Vars,
        call: &mut AggregateCall,
    ) -> Option<Option<Span>> {
        let param = match &arg.name {
            Some(name) => signature.params.iter().position(|p| p.name == name.name)?,
            None => param_at(signature, position)?,
        };
        let by = signature.params[param].name == "by";
        let constant = param > 0 && !by;
        let want = vars.resolve(&signature.params[param].ty);
        let typed = self.expr(arg.value, want.as_ref())?;
        // Another overload may take this type (`sum` of a duration).
        let taken = def
            .overloads()
            .iter()
            .any(|s| s.params.get(param).is_some_and(|p| vars.clone().fit(&p.ty, &typed.ty) == Fit::Yes));
        match vars.fit(&signature.params[param].ty, &typed.ty) {
            Fit::Yes => {}
            _ if taken => {}
            Fit::Optional => {
                self.optional_use(&typed, &format!("`{}`", def.name));
                return None;
            }
            Fit::No => {
                let what = format!("what `{}` takes", def.name);
                self.wrong_argument(&what, &signature.params[param].ty, &typed, def.signatures);
                return None;
            }
        }
        let typed = match (&want, &typed.ty) {
            (Some(DataType::Float), DataType::Int) => self.widen(&typed, &DataType::Float),
            _ => typed,
        };
        let expr = self.finish(&typed);
        if constant {
            call.param = Some(self.constant_argument(def, &signature.params[param], &expr, typed.span)?);
        } else if by {
            call.by = Some(expr);
        } else {
            call.arg = Some(expr);
        }
        Some(typed.written)
    }

    fn constant_argument(
        &mut self,
        def: &AggregateDef,
        param: &catalogue::ParamSig,
        expr: &Expr,
        span: Span,
    ) -> Option<Value> {
        let Some(value) = crate::constants::evaluate_constant(self.ck, expr, span) else {
            if !crate::constants::is_constant(expr) {
                let message = format!("`{}` of `{}` must be a constant", param.name, def.name);
                self.ck.report(
                    Diagnostic::new(codes::NOT_CONSTANT, span, message).at("differs from row to row"),
                );
            }
            return None;
        };
        if def.func == AggFunc::Percentile {
            let fraction = match &value {
                Value::Float(x) => *x,
                Value::Int(i) => *i as f64,
                _ => return Some(value),
            };
            if !(0.0..=1.0).contains(&fraction) {
                let diag = Diagnostic::new(
                    codes::STAGE_OPTION,
                    span,
                    "the fraction of a percentile is between 0 and 1",
                )
                .at("out of range");
                self.ck.report(if fraction > 1.0 && fraction <= 100.0 {
                    diag.help(format!("the {fraction}th percentile is `{}`", fraction / 100.0))
                } else {
                    diag
                });
                return None;
            }
            return Some(Value::Float(fraction));
        }
        Some(value)
    }

    fn wrong_aggregate(&mut self, def: &AggregateDef, callee: &Ident, args: &[&Arg], span: Span) {
        let known: Vec<&str> =
            def.overloads().iter().flat_map(|s| s.params.iter().map(|p| p.name)).chain(["where"]).collect();
        for arg in args {
            if let Some(name) = &arg.name
                && !known.contains(&name.name.as_str())
            {
                let near = suggest::nearest(&name.name, known.iter().copied());
                let message = format!("`{}` has no argument `{}`", callee.name, name.name);
                let diag = Diagnostic::new(codes::UNKNOWN_ARGUMENT, name.span, message)
                    .at("no such argument")
                    .note(format!("its arguments are {}", list_names(known.iter().copied())));
                self.ck.report(match (near, name.name.to_ascii_lowercase().as_str()) {
                    (_, "filter" | "if" | "when") => super::messages::did_you_mean(diag, name.span, "where"),
                    (Some(near), _) => super::messages::did_you_mean(diag, name.span, near),
                    _ => diag,
                });
                return;
            }
        }
        let least = def.overloads().iter().map(Signature::required).min().unwrap_or(0);
        let (code, at) = if args.len() < least {
            (codes::MISSING_ARGUMENT, "an argument is missing")
        } else {
            (codes::WRONG_ARGUMENT, "not these arguments")
        };
        let message = match args.len() {
            0 => format!("`{}` needs to know of what", callee.name),
            _ => format!("`{}` is not called like this", short(self.ck.text(span))),
        };
        self.ck.report(Diagnostic::new(code, span, message).at(at).note(calls::written(def.signatures)));
    }
}
