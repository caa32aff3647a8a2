//! Constants, parameters and functions of the script, in an order in which each stands behind
//! those it needs. A function is checked once; its body is a template that calls write out.

use crate::checker::{Checker, Resolved};
use crate::expr::{ExprCx, Fields};
use crate::names::{self, Global};
use crate::{order, walk};
use flow_plan::{DataType, Expr};
use flow_syntax::Span;
use flow_syntax::ast::{Const, DeclKind, ExprId, ExprKind, FnDecl, Ident};
use flow_syntax::codes;
use std::sync::Arc;

/// A checked function: locals `0..params` are its parameters.
#[derive(Clone, Debug)]
pub(crate) struct Template {
    pub params: Vec<(Arc<str>, Option<DataType>)>,
    pub ret: Option<DataType>,
    /// Its body; `None` after a mistake.
    pub body: Option<Expr>,
    /// How many locals the body uses.
    pub locals: u32,
    /// Its name where it is declared.
    pub span: Span,
}

impl Template {
    /// How it is written, for people.
    pub(crate) fn form(&self, name: &str) -> String {
        let params: Vec<String> = self
            .params
            .iter()
            .map(|(name, ty)| ty.as_ref().map_or(name.to_string(), |ty| format!("{name}: {ty}")))
            .collect();
        let ret = self.ret.as_ref().map_or(String::new(), |ty| format!(" -> {ty}"));
        format!("{name}({}){ret}", params.join(", "))
    }
}

impl<'a> Checker<'a> {
    /// Resolves all `const`, `param` and `fn` declarations.
    pub(crate) fn resolve_constants_and_functions(&mut self) {
        let edges: Vec<Vec<usize>> = self.globals.iter().map(|global| self.needs(global)).collect();
        let (sorted, cycles) = order::order(&edges);
        for cycle in cycles {
            let recursive = cycle.iter().all(|&i| matches!(self.globals[i].decl.kind, DeclKind::Fn(_)));
            cycle.iter().for_each(|&index| self.resolved[index] = Resolved::Broken);
            if recursive {
                let rule = "functions may not recurse: every program ends for every record";
                self.report_cycle(codes::RECURSION, &cycle, rule, "calls on around");
            } else {
                self.report_cycle(codes::CYCLE, &cycle, "a constant cannot need itself", "is part of");
            }
        }
        for index in sorted {
            if matches!(self.resolved[index], Resolved::Broken) {
                continue;
            }
            let global = self.globals[index];
            let resolved = match &global.decl.kind {
                DeclKind::Const(decl) => self.resolve_const(&global, decl),
                DeclKind::Param(decl) => self.resolve_param(&global, decl),
                DeclKind::Fn(decl) => self.resolve_fn(&global, decl),
                _ => continue,
            };
            self.resolved[index] = resolved;
        }
    }

    /// The constants and functions a declaration names.
    fn needs(&self, global: &Global<'a>) -> Vec<usize> {
        let (roots, bound): (Vec<ExprId>, Vec<&Ident>) = match &global.decl.kind {
            DeclKind::Const(decl) => (vec![decl.value], Vec::new()),
            DeclKind::Param(decl) => (decl.default.into_iter().collect(), Vec::new()),
            DeclKind::Fn(decl) => (
                decl.lets.iter().map(|(_, id)| *id).chain([decl.body]).collect(),
                decl.params
                    .iter()
                    .map(|(name, _)| name)
                    .chain(decl.lets.iter().map(|(name, _)| name))
                    .collect(),
            ),
            _ => return Vec::new(),
        };
        let mut found = Vec::new();
        for root in roots {
            walk::exprs(&global.program.exprs, root, &mut |_, kind| {
                let (name, call) = match kind {
                    ExprKind::Name(name) if !bound.iter().any(|b| b.name == name.name) => (name, false),
                    ExprKind::Call { callee, .. } => (callee, true),
                    _ => return,
                };
                if let Some(&index) = self.by_name.get(name.name.as_str()) {
                    let wanted = match self.globals[index].decl.kind {
                        DeclKind::Const(_) | DeclKind::Param(_) => !call,
                        DeclKind::Fn(_) => call,
                        _ => false,
                    };
                    if wanted && !found.contains(&index) {
                        found.push(index);
                    }
                }
            });
        }
        found
    }

    fn resolve_const(&mut self, global: &Global<'a>, decl: &'a Const) -> Resolved {
        let declared = decl.ty.as_ref().map(|ty| self.resolve_type(ty));
        if let Some(None) = declared {
            return Resolved::Broken;
        }
        match self.constant(global, decl.value, declared.flatten().as_ref(), "in a constant", &decl.name) {
            Some((ty, value)) => Resolved::Constant { ty: Some(ty), value: Some(value) },
            None => Resolved::Broken,
        }
    }

    /// Checks and computes a constant expression.
    pub(crate) fn constant(
        &mut self,
        global: &Global<'a>,
        id: ExprId,
        ty: Option<&DataType>,
        place: &'static str,
        name: &Ident,
    ) -> Option<(DataType, flow_plan::Value)> {
        let mut cx = ExprCx::new(self, global.program, Fields::None(place));
        let typed = match ty {
            Some(ty) => cx.expect(id, ty, &format!("`{}`", name.name))?,
            None => cx.expr(id, None)?,
        };
        let expr = cx.finish(&typed);
        let value = crate::constants::evaluate_constant(self, &expr, typed.span)?;
        Some((ty.cloned().unwrap_or(typed.ty), value))
    }

    fn resolve_fn(&mut self, global: &Global<'a>, decl: &'a FnDecl) -> Resolved {
        let mut params: Vec<(Arc<str>, Option<DataType>)> = Vec::with_capacity(decl.params.len());
        for (position, (name, ty)) in decl.params.iter().enumerate() {
            if let Some((first, _)) = decl.params[..position].iter().find(|(n, _)| n.name == name.name) {
                self.report(names::duplicate(&name.name, name.span, first.span, "a parameter"));
            }
            params.push((name.name.as_str().into(), self.resolve_type(ty)));
        }
        let declared = decl.ret.as_ref().map(|ty| self.resolve_type(ty));
        let span = global.name.span;
        let (body, locals) = self.fn_body(global, decl, &params, declared.clone());
        let ret = match declared {
            Some(ret) => ret,
            None => body.as_ref().map(|b| b.ty().clone()),
        };
        Resolved::Function(std::rc::Rc::new(Template { params, ret, body, locals, span }))
    }

    fn fn_body(
        &mut self,
        global: &Global<'a>,
        decl: &'a FnDecl,
        params: &[(Arc<str>, Option<DataType>)],
        ret: Option<Option<DataType>>,
    ) -> (Option<Expr>, u32) {
        let mut cx = ExprCx::new(self, global.program, Fields::None("in this function"));
        for ((name, _), (_, ty)) in decl.params.iter().zip(params) {
            cx.bind(name, ty.clone());
        }
        let mut bindings = Vec::with_capacity(decl.lets.len());
        let mut ok = true;
        for (name, value) in &decl.lets {
            if let Some(first) = cx.locals.iter().find(|l| *l.name == *name.name) {
                let first = first.span;
                cx.ck.report(names::duplicate(&name.name, name.span, first, "bound"));
            }
            let typed = cx.expr(*value, None);
            let local = cx.bind(name, typed.as_ref().map(|t| t.ty.clone()));
            cx.bound_to(typed.as_ref().and_then(|t| t.written));
            match typed {
                Some(typed) => bindings.push((local, typed)),
                None => ok = false,
            }
        }
        let what = format!("the result of `{}`", decl.name.name);
        let body = match ret {
            Some(Some(ty)) => cx.expect(decl.body, &ty, &what),
            _ => cx.expr(decl.body, None),
        };
        if let Some(ret) = &decl.ret {
            cx.ck.literal_references(global.program, decl.body, ret.span);
            if let Some(given) = body.as_ref().and_then(|body| body.written) {
                cx.ck.same_records(given, ret.span);
            }
        }
        let (Some(body), true) = (body, ok) else { return (None, cx.next_local) };
        let mut typed = body;
        for (local, value) in bindings.into_iter().rev() {
            let kind = flow_plan::expr::Kind::Let { local, value: value.node, body: typed.node };
            typed = cx.push(kind, typed.ty.clone(), typed.span);
        }
        let locals = cx.next_local;
        (Some(cx.finish(&typed)), locals)
    }
}
