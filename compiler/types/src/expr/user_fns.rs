//! Calls of the script's own functions: the checked body is written into the caller.

use super::{ExprCx, Typed, rename_operands};
use crate::checker::Resolved;
use crate::functions::Template;
use flow_plan::DataType;
use flow_plan::expr::{Kind, NodeId};
use flow_syntax::ast::{Arg, Ident};
use flow_syntax::codes;
use flow_syntax::{Diagnostic, Span};
use std::rc::Rc;

/// More nodes than this in one expression are refused.
pub(crate) const MAX_NODES: usize = 20_000;

impl<'a> ExprCx<'_, 'a> {
    pub(super) fn user_call(
        &mut self,
        index: usize,
        callee: &Ident,
        args: &'a [Arg],
        span: Span,
    ) -> Option<Typed> {
        let template = match &self.ck.resolved[index] {
            Resolved::Function(template) => Rc::clone(template),
            _ => {
                // In a circle of functions, or broken: said where it is declared.
                args.iter().for_each(|arg| {
                    self.expr(arg.value, None);
                });
                return None;
            }
        };
        let slots = self.match_arguments(&template, callee, args, span)?;
        let mut values: Vec<Option<Typed>> = Vec::with_capacity(args.len());
        for (slot, (name, ty)) in slots.iter().zip(&template.params) {
            let what = format!("`{name}` of `{}`", callee.name);
            values.push(match ty {
                Some(ty) => self.expect(*slot, ty, &what),
                None => self.expr(*slot, None),
            });
        }
        let declared = self.ck.globals[index].decl;
        if let flow_syntax::ast::DeclKind::Fn(function) = &declared.kind {
            for ((slot, (_, ty)), value) in slots.iter().zip(&function.params).zip(&values) {
                self.ck.literal_references(self.ast, *slot, ty.span);
                if let Some(given) = value.as_ref().and_then(|value| value.written) {
                    self.ck.same_records(given, ty.span);
                }
            }
        }
        let values: Vec<Typed> = values.into_iter().collect::<Option<_>>()?;
        let (Some(body), Some(ret)) = (&template.body, &template.ret) else { return None };
        if self.out.nodes.len() + body.nodes.len() > MAX_NODES {
            let message = format!(
                "the expression grows beyond {MAX_NODES} operations when `{}` is written out here",
                callee.name
            );
            let diag = Diagnostic::new(codes::FUNCTION_TOO_LARGE, span, message)
                .at("too large from here on")
                .help("compute parts of it once, in a `map` before this stage");
            self.ck.report(diag);
            return None;
        }
        let mut typed = self.splice(&template, body, &values, ret.clone(), span);
        if let flow_syntax::ast::DeclKind::Fn(function) = &declared.kind {
            typed.written = function.ret.as_ref().map(|ty| ty.span);
        }
        Some(typed)
    }

    /// Which expression goes to which parameter.
    fn match_arguments(
        &mut self,
        template: &Template,
        callee: &Ident,
        args: &[Arg],
        span: Span,
    ) -> Option<Vec<flow_syntax::ast::ExprId>> {
        let mut slots = vec![None; template.params.len()];
        let form = template.form(&callee.name);
        for (position, arg) in args.iter().enumerate() {
            let slot = match &arg.name {
                None => position,
                Some(name) => match template.params.iter().position(|(p, _)| **p == *name.name) {
                    Some(slot) => {
                        self.parameter(callee, slot, name.span);
                        slot
                    }
                    None => {
                        let message = format!("`{}` has no argument `{}`", callee.name, name.name);
                        let diag = Diagnostic::new(codes::UNKNOWN_ARGUMENT, name.span, message)
                            .at("no such argument")
                            .label(template.span, "declared here")
                            .note(format!("written `{form}`"));
                        let near =
                            crate::suggest::nearest(&name.name, template.params.iter().map(|(p, _)| &**p));
                        self.ck.report(match near {
                            Some(near) => super::messages::did_you_mean(diag, name.span, near),
                            None => diag,
                        });
                        return None;
                    }
                },
            };
            match slots.get_mut(slot) {
                Some(free @ None) => *free = Some(arg.value),
                Some(_) => {
                    let diag = Diagnostic::new(
                        codes::DUPLICATE_ARGUMENT,
                        self.span(arg.value),
                        format!("`{}` is given twice", template.params[slot].0),
                    );
                    self.ck.report(diag.at("given again").note(format!("written `{form}`")));
                    return None;
                }
                None => {
                    let message = format!(
                        "`{}` takes {} argument(s), not {}",
                        callee.name,
                        template.params.len(),
                        args.len()
                    );
                    let diag = Diagnostic::new(codes::WRONG_ARGUMENT, self.span(arg.value), message)
                        .at("one too many")
                        .label(template.span, "declared here")
                        .note(format!("written `{form}`"));
                    self.ck.report(diag);
                    return None;
                }
            }
        }
        if let Some(missing) = slots.iter().position(Option::is_none) {
            let message = format!("`{}` needs its argument `{}`", callee.name, template.params[missing].0);
            let diag = Diagnostic::new(codes::MISSING_ARGUMENT, span, message)
                .at("an argument is missing")
                .label(template.span, "declared here")
                .note(format!("written `{form}`"));
            self.ck.report(diag);
            return None;
        }
        slots.into_iter().collect()
    }

    /// An argument's name means the parameter of the function.
    fn parameter(&mut self, callee: &Ident, slot: usize, name: flow_syntax::Span) {
        let Some((_, global)) = self.ck.global(&callee.name) else { return };
        if let flow_syntax::ast::DeclKind::Fn(function) = &global.decl.kind
            && let Some((parameter, _)) = function.params.get(slot)
        {
            self.ck.reference(name, parameter.span);
        }
    }

    /// Writes a function's body here: arguments are bound first, once each.
    fn splice(
        &mut self,
        template: &Template,
        body: &flow_plan::Expr,
        values: &[Typed],
        ret: DataType,
        span: Span,
    ) -> Typed {
        let first_local = self.next_local;
        self.next_local += template.locals;
        let offset = self.out.nodes.len() as u32;
        for node in &body.nodes {
            let mut node = node.clone();
            rename_operands(&mut node.kind, &mut |id| *id = NodeId(id.0 + offset));
            match &mut node.kind {
                Kind::Local(local) | Kind::Let { local, .. } => *local += first_local,
                Kind::Lambda { params, .. } => params.iter_mut().for_each(|p| *p += first_local),
                _ => {}
            }
            self.out.nodes.push(node);
        }
        let mut root = self.out.root();
        for (position, value) in values.iter().enumerate().rev() {
            let kind = Kind::Let { local: first_local + position as u32, value: value.node, body: root };
            root = self.push(kind, ret.clone(), span).node;
        }
        Typed {
            node: root,
            ty: ret,
            span,
            written: None,
            path: None,
            when_true: Vec::new(),
            when_false: Vec::new(),
        }
    }
}
