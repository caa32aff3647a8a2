//! Stages of other systems whose arguments stand otherwise: `withColumn("x", e)`, `dropna(note)`, `filter(rows, c)`.

use super::PipeCx;
use crate::elsewhere as others;
use crate::expr::short;
use flow_syntax::ast::{Arg, ExprKind, Stage, StageKind};
use flow_syntax::{Diagnostic, codes};

impl<'a> PipeCx<'_, 'a> {
    /// The whole stage as flow writes it, where more than its word differs.
    pub(super) fn rewritten_stage(&self, stage: &Stage) -> Option<String> {
        let StageKind::Call { args, alias: None } = &stage.kind else { return None };
        let word: String =
            stage.name.name.chars().filter(|c| *c != '_').collect::<String>().to_ascii_lowercase();
        match (word.as_str(), &args[..]) {
            ("withcolumn" | "addcolumn" | "withfield", [name, value]) => {
                let name = self.field_in_quotes(name)?;
                Some(format!("map {{ .., {name}: {} }}", self.without_col(value)))
            }
            ("withcolumnrenamed" | "renamecolumn", [old, new]) => {
                let (old, new) = (self.field_in_quotes(old)?, self.field_in_quotes(new)?);
                Some(format!("rename({old}: {new})"))
            }
            ("select" | "project", [_, ..]) => {
                let fields: Vec<String> = args.iter().map(|arg| self.selected(arg)).collect::<Option<_>>()?;
                Some(format!("map {{ {} }}", fields.join(", ")))
            }
            ("selectexpr", [_, ..]) => {
                let fields: Option<Vec<String>> = args.iter().map(|arg| self.selected_text(arg)).collect();
                Some(format!("map {{ {} }}", fields?.join(", ")))
            }
            ("query", [only]) => Some(format!("filter({})", self.in_quotes(only)?)),
            ("sortvalues" | "nlargest" | "nsmallest", [_, ..]) => self.sorted(&word, args),
            ("dropduplicates" | "distinctby" | "groupby", [only])
                if matches!(self.ast.exprs[only.value].kind, ExprKind::List(_)) =>
            {
                let inner =
                    self.ck.text(self.ast.exprs[only.value].span).trim_matches(['[', ']']).replace('"', "");
                Some(format!("{}({inner})", if word == "groupby" { "keyBy" } else { "distinct" }))
            }
            ("groupby" | "groupbykey" | "partitionby" | "dropduplicates" | "distinctby", [_, ..]) => {
                let fields: Vec<String> = args.iter().map(|arg| self.selected(arg)).collect::<Option<_>>()?;
                let ours = if word.starts_with('d') { "distinct" } else { "keyBy" };
                Some(format!("{ours}({})", fields.join(", ")))
            }
            ("where", [only]) if self.ck.text(self.ast.exprs[only.value].span).contains("col(\"") => {
                Some(format!("filter({})", self.without_col(only)))
            }
            ("withwatermark", [field, delay]) => {
                let delay = crate::durations::in_words(self.in_quotes(delay)?)?;
                Some(format!("eventTime({}, delay: {delay})", self.field_in_quotes(field)?))
            }
            ("orderby" | "sort" | "sortby", [only]) => {
                let ExprKind::Call { callee, args } = &self.ast.exprs[only.value].kind else { return None };
                let pick = match callee.name.as_str() {
                    "desc" => "top",
                    "asc" => "bottom",
                    _ => return None,
                };
                Some(format!("{pick}(10, by: {})", self.field_name(args.first()?)?))
            }
            ("dropna" | "nadrop", _) => {
                let named: Option<Vec<String>> = args.iter().map(|arg| self.field_name(arg)).collect();
                let mut fields = named?;
                if args.is_empty() {
                    let optional = |ty: &flow_plan::DataType| ty.is_optional();
                    let columns = self.stream.columns.iter();
                    fields = columns
                        .filter(|c| c.ty.as_ref().is_some_and(optional))
                        .map(|c| crate::expr::quoted(&c.name))
                        .collect();
                }
                let tests: Vec<String> = fields.iter().map(|field| format!("{field} != null")).collect();
                (!tests.is_empty()).then(|| format!("filter({})", tests.join(" and ")))
            }
            _ => None,
        }
    }

    /// `sort_values("price", ascending: False)`, `nlargest(5, "price")`.
    fn sorted(&self, word: &str, args: &[Arg]) -> Option<String> {
        let plain: Vec<&Arg> =
            args.iter().filter(|arg| arg.name.as_ref().is_none_or(|name| name.name == "by")).collect();
        let field = plain.iter().find_map(|arg| self.field_in_quotes(arg))?;
        let number = plain
            .iter()
            .map(|arg| self.ck.text(self.ast.exprs[arg.value].span))
            .find(|text| text.bytes().all(|b| b.is_ascii_digit()));
        let falls = args.iter().any(|arg| {
            let named = arg.name.as_ref().is_some_and(|name| name.name == "ascending");
            named && self.ck.text(self.ast.exprs[arg.value].span).eq_ignore_ascii_case("false")
        });
        let pick = if word == "nlargest" || falls { "top" } else { "bottom" };
        Some(format!("{pick}({}, by: {field})", number.unwrap_or("10")))
    }

    /// `"user"`, `col("user")`: the field it names; nothing else is taken for one.
    fn selected(&self, arg: &Arg) -> Option<String> {
        if let Some(name) = self.field_in_quotes(arg) {
            return Some(name);
        }
        let ExprKind::Call { callee, args } = &self.ast.exprs[arg.value].kind else { return None };
        let named = callee.name == "col" && arg.name.is_none();
        self.field_in_quotes(args.first().filter(|_| named)?)
    }

    /// `"price * 2 as double"`: the field of a record.
    fn selected_text(&self, arg: &Arg) -> Option<String> {
        let text = self.in_quotes(arg)?;
        match text.rsplit_once(" as ").or_else(|| text.rsplit_once(" AS ")) {
            Some((value, name)) => Some(format!("{}: {}", name.trim(), value.trim())),
            None => self.field_in_quotes(arg),
        }
    }

    fn in_quotes(&self, arg: &Arg) -> Option<&'a str> {
        self.ck.text(self.ast.exprs[arg.value].span).strip_prefix('"')?.strip_suffix('"')
    }

    /// The name in `"name"`, if it is a plain one.
    fn field_in_quotes(&self, arg: &Arg) -> Option<String> {
        let name = self.in_quotes(arg)?;
        let plain = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        plain.then(|| name.to_string())
    }

    fn field_name(&self, arg: &Arg) -> Option<String> {
        match &self.ast.exprs[arg.value].kind {
            ExprKind::Name(name) => Some(crate::expr::quoted(&name.name)),
            _ => self.field_in_quotes(arg),
        }
    }

    /// The text of a value in which `col("price")` is `price`.
    fn without_col(&self, arg: &Arg) -> String {
        others::without_col(self.ck.text(self.ast.exprs[arg.value].span))
    }

    /// `filter(bids, price > 3)`, where the pipeline is what comes in: true if that was reported.
    pub(super) fn input_as_argument(&mut self, args: &'a [Arg]) -> bool {
        let [input, cond] = args else { return false };
        let (input, cond) = (&self.ast.exprs[input.value], self.ast.exprs[cond.value].span);
        let ExprKind::Name(name) = &input.kind else { return false };
        let readable = self.ck.global(&name.name).is_some_and(|(_, global)| global.is_readable());
        if !readable || self.stream.named(&name.name).next().is_some() {
            return false;
        }
        let gap = flow_syntax::Span { end: cond.start, ..input.span };
        let diag = Diagnostic::new(codes::WRONG_ARGUMENT, input.span, "`filter` takes one condition")
            .at("the rows come in through `|>`")
            .fix(format!("write `filter({})`", short(self.ck.text(cond))), gap, "");
        self.ck.report(diag);
        true
    }
}
