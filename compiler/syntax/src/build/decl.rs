//! Declarations that are parsed in one piece, and the heads of those that have stages.

use super::{Build, Pair};
use crate::ast::{
    Connector, Const, DeclKind, ExprId, ExprKind, FnDecl, Ident, Import, Job, Param, Path, Restore, TestStep,
    TypeDecl, TypeExpr,
};
use crate::codes::UNNAMED_FIELD;
use crate::diagnostic::{Applicability, Diagnostic};
use crate::grammar::Rule;
use crate::span::Span;

/// What stands before the stages of a pipeline declaration.
pub(crate) struct Head {
    pub(crate) name: Ident,
    pub(crate) ty: Option<TypeExpr>,
    pub(crate) key: Vec<Ident>,
    pub(crate) connector: Option<Connector>,
    pub(crate) path: Option<Path>,
    pub(crate) alias: Option<Ident>,
}

impl Build<'_, '_, '_> {
    /// A declaration without stages.
    pub(crate) fn simple_decl(&mut self, pair: Pair<'_>) -> Option<DeclKind> {
        match pair.as_rule() {
            Rule::import_decl => {
                let string = pair.into_inner().find(|p| p.as_rule() == Rule::string)?;
                let path = self.plain_string(&string, "the path of an import");
                Some(DeclKind::Import(Import { path, path_span: self.span(&string) }))
            }
            Rule::job_decl => self.job(pair),
            Rule::fn_decl => self.function(pair),
            _ => self.named_value(pair),
        }
    }

    fn job(&mut self, pair: Pair<'_>) -> Option<DeclKind> {
        let mut name = None;
        let mut options = Vec::new();
        let mut commas = self.commas("the next option");
        for part in pair.into_inner() {
            // Options may stand one a line without commas.
            if part.as_rule() != Rule::arg || !self.tok(&part).starts_line {
                commas.see(self, &part);
            } else {
                commas = self.commas("the next option");
                commas.see(self, &part);
            }
            match part.as_rule() {
                Rule::name => name = Some(self.ident(&part)),
                Rule::arg => options.push(self.arg(part, "job")),
                _ => {}
            }
        }
        Some(DeclKind::Job(Job { name: name?, options }))
    }

    /// `param`, `const`, `type`: a name, a type and a value.
    fn named_value(&mut self, pair: Pair<'_>) -> Option<DeclKind> {
        let rule = pair.as_rule();
        let (mut name, mut ty, mut value) = (None, None, None);
        for part in pair.into_inner() {
            match part.as_rule() {
                Rule::name => name = Some(self.ident(&part)),
                Rule::type_note => ty = self.inner_type(part),
                Rule::type_expr => ty = Some(self.type_expr(part)),
                Rule::value => value = self.value(part),
                _ => {}
            }
        }
        let name = name?;
        Some(match rule {
            Rule::param_decl => DeclKind::Param(Param { name, ty, default: value }),
            Rule::const_decl => DeclKind::Const(Const { name, ty, value: value? }),
            _ => DeclKind::Type(TypeDecl { name, ty: ty? }),
        })
    }

    fn inner_type(&mut self, pair: Pair<'_>) -> Option<TypeExpr> {
        pair.into_inner().find(|p| p.as_rule() == Rule::type_expr).map(|p| self.type_expr(p))
    }

    fn value(&mut self, pair: Pair<'_>) -> Option<ExprId> {
        pair.into_inner().find(|p| p.as_rule() == Rule::expr).map(|p| self.expr(p))
    }

    fn function(&mut self, pair: Pair<'_>) -> Option<DeclKind> {
        let (mut name, mut params, mut ret, mut lets) = (None, Vec::new(), None, Vec::new());
        let (mut body, mut block) = (None, false);
        let mut commas = self.commas("the next parameter");
        for part in pair.into_inner() {
            commas.see(self, &part);
            match part.as_rule() {
                Rule::name => name = Some(self.ident(&part)),
                Rule::fn_param => params.extend(self.fn_param(part)),
                Rule::fn_result => ret = self.inner_type(part),
                Rule::value => {
                    let before = self.shared.diagnostics.len();
                    body = self.value(part);
                    self.block_was_meant(body, before);
                }
                Rule::fn_block => {
                    block = true;
                    body = self.fn_block(part, &mut lets);
                }
                _ => {}
            }
        }
        let (name, body) = (name?, body?);
        Some(DeclKind::Fn(FnDecl { name, params, ret, lets, body, block }))
    }

    /// `fn f(x: int) -> int = { x * 2 }`: a record whose field has no name, or a block?
    fn block_was_meant(&mut self, body: Option<ExprId>, before: usize) {
        let Some(body) = body.map(|id| &self.shared.exprs[id]) else { return };
        let one = matches!(&body.kind, ExprKind::Record(items) if items.len() == 1);
        let span = body.span;
        let head = self.shared.text[..span.start as usize].trim_end();
        let found = self.shared.diagnostics[before..].iter_mut().find(|d| d.code == UNNAMED_FIELD);
        let (true, Some(found), true) = (one, found, head.ends_with('=')) else { return };
        let equals = Span { start: head.len() as u32 - 1, end: span.start, ..span };
        *found = Diagnostic::new(UNNAMED_FIELD, found.primary.span, "the field of this record has no name")
            .at("is this the function's result?")
            .help("behind `=` stands a value, and `{ … }` is a record; a block stands without `=`")
            .with_fix("make it a block", equals, "", Applicability::MaybeIncorrect);
    }

    fn fn_param(&mut self, pair: Pair<'_>) -> Option<(Ident, TypeExpr)> {
        let (mut name, mut ty) = (None, None);
        for part in pair.into_inner() {
            match part.as_rule() {
                Rule::name => name = Some(self.ident(&part)),
                Rule::type_expr => ty = Some(self.type_expr(part)),
                _ => {}
            }
        }
        Some((name?, ty?))
    }

    fn fn_block(&mut self, pair: Pair<'_>, lets: &mut Vec<(Ident, ExprId)>) -> Option<ExprId> {
        let mut body = None;
        for part in pair.into_inner() {
            match part.as_rule() {
                Rule::fn_let => {
                    let mut name = None;
                    for inner in part.into_inner() {
                        match inner.as_rule() {
                            Rule::name => name = Some(self.ident(&inner)),
                            Rule::expr => {
                                let value = self.expr(inner);
                                lets.extend(name.take().map(|name| (name, value)));
                            }
                            _ => {}
                        }
                    }
                }
                Rule::expr => {
                    body = match self.check_let(&part) {
                        true => Some(self.shared.exprs.add(ExprKind::Error, self.span(&part))),
                        false => Some(self.expr(part)),
                    };
                }
                _ => {}
            }
        }
        body
    }

    /// `x = 1` in a block wants a `let`.
    fn check_let(&mut self, pair: &Pair<'_>) -> bool {
        let found = matches!(pair.as_span().as_str().as_bytes(), [b'a'..=b'z', b'=', ..]);
        if found {
            let place = self.span(pair).before();
            self.broken = true;
            self.habit(
                crate::codes::UNEXPECTED_TOKEN,
                place,
                "a name inside of a block is given with `let`",
                "",
                ("insert `let`", vec![crate::diagnostic::Edit { span: place, replacement: "let ".into() }]),
            );
        }
        found
    }

    /// The part of a source, table, stream or sink before its stages.
    pub(crate) fn head(&mut self, pair: Pair<'_>) -> Option<Head> {
        let (mut name, mut ty, mut key, mut connector) = (None, None, Vec::new(), None);
        let (mut path, mut alias) = (None, None);
        for part in pair.into_inner() {
            match part.as_rule() {
                Rule::name => name = Some(self.ident(&part)),
                Rule::type_note => ty = self.inner_type(part),
                Rule::key_note => {
                    let names = part.into_inner().filter(|p| p.as_rule() == Rule::name);
                    key = names.map(|p| self.ident(&p)).collect();
                }
                Rule::connector => connector = self.connector(part),
                Rule::path => path = self.path(part),
                Rule::alias => alias = self.alias(part),
                _ => {}
            }
        }
        Some(Head { name: name?, ty, key, connector, path, alias })
    }

    /// The name of a test and where it stands.
    pub(crate) fn test_name(&mut self, pair: Pair<'_>) -> Option<(String, Span)> {
        let string = pair.into_inner().find(|p| p.as_rule() == Rule::string)?;
        Some((self.plain_string(&string, "the name of a test"), self.span(&string)))
    }

    /// `given`, `advance`, `expect`, `savepoint`, `restore`.
    pub(crate) fn test_step(&mut self, pair: Pair<'_>) -> Option<TestStep> {
        let span = self.span_of(0, self.toks.len());
        let rule = pair.as_rule();
        match rule {
            Rule::savepoint_step => return Some(TestStep::Savepoint { span }),
            Rule::restore_step => return self.restore_step(pair, span).map(TestStep::Restore),
            _ => {}
        }
        let (mut target, mut rows, mut ordered) = (None, None, false);
        for part in pair.into_inner() {
            match part.as_rule() {
                Rule::word_ordered => ordered = true,
                Rule::path => target = self.path(part),
                Rule::list => rows = Some(self.list(part)),
                Rule::expr => rows = Some(self.expr(part)),
                _ => {}
            }
        }
        let rows = rows.unwrap_or_else(|| self.shared.exprs.add(ExprKind::Error, span));
        Some(match rule {
            Rule::advance_step => TestStep::Advance { by: rows, span },
            Rule::given_step => TestStep::Given { target: target?, rows, span },
            _ => TestStep::Expect { ordered, target: target?, rows, span },
        })
    }

    fn restore_step(&mut self, pair: Pair<'_>, span: Span) -> Option<Restore> {
        let (mut path, mut args) = (None, Vec::new());
        for part in pair.into_inner() {
            match part.as_rule() {
                Rule::string => path = Some((self.plain_string(&part, "a path"), self.span(&part))),
                Rule::arg => args.push(self.arg(part, "restore")),
                _ => {}
            }
        }
        let (path, path_span) = path?;
        Some(Restore { path, path_span, args, span })
    }
}
