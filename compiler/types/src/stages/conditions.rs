//! A `filter` of several conditions, and how one is made of them.

use super::PipeCx;
use flow_syntax::ast::{Arg, BinaryOp, ExprKind};
use flow_syntax::{Applicability, Diagnostic, Edit, Fix, Span, codes};

impl<'a> PipeCx<'_, 'a> {
    /// `filter(a, b)`.
    pub(super) fn several_conditions(&mut self, args: &'a [Arg]) {
        let [first, second, ..] = args else { return };
        let (a, b) = (self.ast.exprs[first.value].span, self.ast.exprs[second.value].span);
        let diag = Diagnostic::new(codes::WRONG_ARGUMENT, b, "`filter` takes one condition");
        let diag = match self.grouped_digits(a, b) {
            Some((digits, plain)) => diag
                .at("a condition of its own")
                .help(format!("digits are grouped with `_`: `{plain}`"))
                .with_fix(format!("write `{plain}`"), digits, plain, Applicability::MaybeIncorrect),
            None => self.of_all(diag.at("a second condition").help("join them with `and`"), args),
        };
        self.ck.report(diag);
    }

    /// `1,000`, and how it is written: three digits right behind a number and a comma.
    fn grouped_digits(&self, before: Span, behind: Span) -> Option<(Span, String)> {
        let group = self.ck.text(behind);
        let text = self.ck.text(before);
        let number = &text[text.trim_end_matches(|c: char| c.is_ascii_digit()).len()..];
        let digits = group.len() == 3 && group.chars().all(|c| c.is_ascii_digit());
        if !digits || !(1..=3).contains(&number.len()) || before.end + 1 != behind.start {
            return None;
        }
        let start = before.end - number.len() as u32;
        Some((Span { start, ..behind }, format!("{number}_{group}")))
    }

    /// Conditions joined to one; what binds less than `and` in brackets.
    fn of_all(&self, diag: Diagnostic, args: &'a [Arg]) -> Diagnostic {
        let mut edits = Vec::new();
        for arg in args {
            let expr = &self.ast.exprs[arg.value];
            if matches!(expr.kind, ExprKind::Binary { op: BinaryOp::Or, .. } | ExprKind::If { .. }) {
                edits.push(Edit { span: expr.span.before(), replacement: "(".into() });
                edits.push(Edit { span: expr.span.after(), replacement: ")".into() });
            }
        }
        for pair in args.windows(2) {
            let (a, b) = (self.ast.exprs[pair[0].value].span, self.ast.exprs[pair[1].value].span);
            edits.push(Edit { span: Span { start: a.end, end: b.start, ..a }, replacement: " and ".into() });
        }
        let mut diag = diag;
        diag.fixes.push(Fix {
            title: "join them with `and`".into(),
            edits,
            applicability: Applicability::MachineApplicable,
        });
        diag
    }
}
