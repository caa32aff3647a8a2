//! Written types.

use super::{Build, Pair};
use crate::ast::{FieldType, TypeExpr, TypeKind};
use crate::codes::UNEXPECTED_TOKEN;
use crate::diagnostic::Diagnostic;
use crate::grammar::Rule;

impl Build<'_, '_, '_> {
    /// A type; several `?` behind it are one, with a complaint.
    pub(super) fn type_expr(&mut self, pair: Pair<'_>) -> TypeExpr {
        let whole = self.span(&pair);
        let mut ty = TypeExpr { kind: TypeKind::Error, span: whole };
        let mut optional = false;
        for part in pair.into_inner() {
            let span = self.span(&part);
            match part.as_rule() {
                Rule::question if optional => {
                    self.report(Diagnostic::new(UNEXPECTED_TOKEN, span, "the type is optional already").fix(
                        "remove it",
                        span,
                        "",
                    ))
                }
                Rule::question => {
                    optional = true;
                    let span = ty.span.to(span);
                    ty = TypeExpr { kind: TypeKind::Optional(Box::new(ty)), span };
                }
                _ => ty = TypeExpr { kind: self.type_base(part), span },
            }
        }
        ty
    }

    fn type_base(&mut self, pair: Pair<'_>) -> TypeKind {
        match pair.as_rule() {
            Rule::type_generic => {
                let mut word = None;
                let mut args = Vec::new();
                for part in pair.into_inner() {
                    match part.as_rule() {
                        Rule::name => word = Some(self.ident(&part)),
                        Rule::type_expr => args.push(self.type_expr(part)),
                        _ => {}
                    }
                }
                word.map_or(TypeKind::Error, |word| TypeKind::Generic(word, args))
            }
            Rule::type_record => {
                let mut fields = Vec::new();
                let mut commas = self.commas("the next field");
                for part in pair.into_inner() {
                    commas.see(self, &part);
                    if part.as_rule() == Rule::type_field {
                        fields.extend(self.type_field(part));
                    }
                }
                TypeKind::Record(fields)
            }
            _ => TypeKind::Name(self.ident(&pair)),
        }
    }

    fn type_field(&mut self, pair: Pair<'_>) -> Option<FieldType> {
        let doc = self.doc_before(self.tok(&pair));
        let mut name = None;
        let mut ty = None;
        for part in pair.into_inner() {
            match part.as_rule() {
                Rule::field_name => name = Some(self.ident(&part)),
                Rule::type_expr => ty = Some(self.type_expr(part)),
                _ => {}
            }
        }
        Some(FieldType { doc, name: name?, ty: ty? })
    }
}
