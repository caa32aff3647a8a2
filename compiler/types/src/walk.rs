//! Walks over the syntax tree's expressions without recursion.

use flow_syntax::ast::{
    ExprId, ExprKind, Exprs, Ident, PatternKind, RecordItem, StrPart, TypeExpr, TypeKind,
};

/// Calls `visit` for an expression and all below it, outer ones first.
pub(crate) fn exprs(arena: &Exprs, root: ExprId, visit: &mut dyn FnMut(ExprId, &ExprKind)) {
    let mut open = vec![root];
    while let Some(id) = open.pop() {
        let kind = &arena[id].kind;
        visit(id, kind);
        children(kind, &mut |child| open.push(child));
    }
}

/// Calls `visit` for the expressions directly below one.
pub(crate) fn children(kind: &ExprKind, visit: &mut dyn FnMut(ExprId)) {
    match kind {
        ExprKind::Str(parts) => {
            for part in parts {
                if let StrPart::Expr(id) = part {
                    visit(*id);
                }
            }
        }
        ExprKind::List(items) => items.iter().for_each(|id| visit(*id)),
        ExprKind::Map(entries) => entries.iter().for_each(|(k, v)| {
            visit(*k);
            visit(*v);
        }),
        ExprKind::Record(items) => items.iter().for_each(|item| match item {
            RecordItem::Keep(id) | RecordItem::Field { value: id, .. } => visit(*id),
            RecordItem::Rest { .. } => {}
        }),
        ExprKind::Unary { operand, .. } => visit(*operand),
        ExprKind::Binary { lhs, rhs, .. } => {
            visit(*lhs);
            visit(*rhs);
        }
        ExprKind::In { item, list, .. } => {
            visit(*item);
            visit(*list);
        }
        ExprKind::Range { lo, hi } => {
            visit(*lo);
            visit(*hi);
        }
        ExprKind::Field { base, .. } => visit(*base),
        ExprKind::Index { base, index } => {
            visit(*base);
            visit(*index);
        }
        ExprKind::Call { args, .. } => args.iter().for_each(|arg| visit(arg.value)),
        ExprKind::MethodCall { base, args, .. } => {
            visit(*base);
            args.iter().for_each(|arg| visit(arg.value));
        }
        ExprKind::If { cond, then, otherwise } => {
            visit(*cond);
            visit(*then);
            visit(*otherwise);
        }
        ExprKind::Match { subject, arms } => {
            visit(*subject);
            for arm in arms {
                for pattern in &arm.patterns {
                    match &pattern.kind {
                        PatternKind::Literal(id) => visit(*id),
                        PatternKind::Range(lo, hi) => {
                            visit(*lo);
                            visit(*hi);
                        }
                        PatternKind::Wildcard => {}
                    }
                }
                visit(arm.value);
            }
        }
        ExprKind::Lambda { body, .. } => visit(*body),
        ExprKind::Try { value, fallback } => {
            visit(*value);
            visit(*fallback);
        }
        ExprKind::Sorted { key, .. } => visit(*key),
        _ => {}
    }
}

/// Calls `visit` for every name in a written type. Types nest at most 128 deep.
pub(crate) fn type_names<'t>(ty: &'t TypeExpr, visit: &mut dyn FnMut(&'t Ident)) {
    match &ty.kind {
        TypeKind::Name(name) => visit(name),
        TypeKind::Generic(_, args) => args.iter().for_each(|arg| type_names(arg, visit)),
        TypeKind::Record(fields) => fields.iter().for_each(|field| type_names(&field.ty, visit)),
        TypeKind::Optional(of) => type_names(of, visit),
        TypeKind::Error => {}
    }
}
