//! The syntax tree of one file.
//!
//! Expressions live in one flat postorder arena per file ([`Exprs`]): children stand before their
//! parents, ids are indexes, dropping is flat, and no pass needs to recurse on the user's depth
//! along operator chains (`a + b + c + …` leans left; brackets nest at most 128 deep).

use crate::span::{FileId, Span};

/// A name as written, without backticks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ident {
    /// The name.
    pub name: String,
    /// Where it stands (backticks included).
    pub span: Span,
}

/// One parsed file.
#[derive(Clone, Debug, Default)]
pub struct Program {
    /// The file the spans of this program point into.
    pub file: FileId,
    /// Declarations in the order they stand; broken ones are kept as far as they were understood.
    pub decls: Vec<Decl>,
    /// All expressions of the file.
    pub exprs: Exprs,
    /// Stages, connectors and other pieces in which something was reported that says they may have been misread:
    /// nothing more is to be said of them.
    pub doubtful: Vec<Span>,
}

impl Program {
    /// Is it doubtful what stands at this place?
    pub fn is_doubtful(&self, at: Span) -> bool {
        let holds = |piece: &Span| piece.start <= at.start && at.end <= piece.end;
        at.file == self.file && self.doubtful.iter().any(holds)
    }
}

/// A declaration with what stands around it.
#[derive(Clone, Debug)]
pub struct Decl {
    /// `///` lines before it, joined by newlines, without the slashes and one blank.
    pub doc: Option<String>,
    /// `@was("old")` before the keyword.
    pub was: Option<Ident>,
    /// From the keyword (or annotation) to the last token.
    pub span: Span,
    /// What is declared.
    pub kind: DeclKind,
    /// Does its own text alone say all of this? Not where a mistake was made, or something put in that was missing.
    pub sound: bool,
}

/// The kinds of declarations.
#[derive(Clone, Debug)]
pub enum DeclKind {
    /// `import "path"`.
    Import(Import),
    /// `job name { … }`.
    Job(Job),
    /// `param name: type = default`.
    Param(Param),
    /// `const name = expr`.
    Const(Const),
    /// `type Name = type`.
    Type(TypeDecl),
    /// `fn name(a: T) -> U = expr`.
    Fn(FnDecl),
    /// `source name: T = connector |> stages`.
    Source(SourceDecl),
    /// `table name: T key a = connector`.
    Table(TableDecl),
    /// `stream name = pipeline`.
    Stream(StreamDecl),
    /// `sink name = pipeline -> connector`.
    Sink(SinkDecl),
    /// `test "name" { … }`.
    Test(TestDecl),
    /// Could not be understood; the name, if one was found, so that uses of it are not errors too.
    Error(Option<Ident>),
}

/// `import "path"`.
#[derive(Clone, Debug)]
pub struct Import {
    /// The path as written.
    pub path: String,
    /// Where the string stands.
    pub path_span: Span,
}

/// `job name { key: value … }`.
#[derive(Clone, Debug)]
pub struct Job {
    /// The job's name.
    pub name: Ident,
    /// Options; `off`, `memory`, `sled`, `fail`, `skip`, `exactlyOnce` are plain names,
    /// `state: { path: …, limit: 4GiB }` is a record.
    pub options: Vec<Arg>,
}

/// `param name: type = default`; the default may be missing (then `-p` is required).
#[derive(Clone, Debug)]
pub struct Param {
    /// Its name.
    pub name: Ident,
    /// Its type, if written.
    pub ty: Option<TypeExpr>,
    /// Its default.
    pub default: Option<ExprId>,
}

/// `const name = expr`.
#[derive(Clone, Debug)]
pub struct Const {
    /// Its name.
    pub name: Ident,
    /// Its type, if written.
    pub ty: Option<TypeExpr>,
    /// Its value.
    pub value: ExprId,
}

/// `type Name = type`.
#[derive(Clone, Debug)]
pub struct TypeDecl {
    /// Its name.
    pub name: Ident,
    /// What it stands for.
    pub ty: TypeExpr,
}

/// `fn name(a: T, …) -> U = expr` or with a block.
#[derive(Clone, Debug)]
pub struct FnDecl {
    /// Its name.
    pub name: Ident,
    /// Parameters with their types.
    pub params: Vec<(Ident, TypeExpr)>,
    /// Result type, if written.
    pub ret: Option<TypeExpr>,
    /// `let` bindings of a block body, in order; empty for `= expr`.
    pub lets: Vec<(Ident, ExprId)>,
    /// The result.
    pub body: ExprId,
    /// Was it written as a block (the formatter keeps the choice)?
    pub block: bool,
}

/// `source name: T = connector |> stages`.
#[derive(Clone, Debug)]
pub struct SourceDecl {
    /// Its name.
    pub name: Ident,
    /// The record type, if written.
    pub ty: Option<TypeExpr>,
    /// Where rows come from.
    pub connector: Connector,
    /// Stages behind the connector.
    pub stages: Vec<Stage>,
}

/// `table name: T key a, b = connector |> stages`.
#[derive(Clone, Debug)]
pub struct TableDecl {
    /// Its name.
    pub name: Ident,
    /// The record type, if written.
    pub ty: Option<TypeExpr>,
    /// Key fields.
    pub key: Vec<Ident>,
    /// Where rows come from.
    pub connector: Connector,
    /// Stages behind the connector.
    pub stages: Vec<Stage>,
}

/// `stream name = pipeline`.
#[derive(Clone, Debug)]
pub struct StreamDecl {
    /// Its name.
    pub name: Ident,
    /// The pipeline.
    pub pipeline: Pipeline,
}

/// `sink name = pipeline -> connector`.
#[derive(Clone, Debug)]
pub struct SinkDecl {
    /// Its name.
    pub name: Ident,
    /// The pipeline.
    pub pipeline: Pipeline,
    /// Where rows go; `None` after a syntax error.
    pub connector: Option<Connector>,
}

/// `name.late as alias |> stage |> …`.
#[derive(Clone, Debug)]
pub struct Pipeline {
    /// What it reads.
    pub head: Path,
    /// `as b` before the first stage.
    pub alias: Option<Ident>,
    /// The stages in order.
    pub stages: Vec<Stage>,
    /// The whole pipeline.
    pub span: Span,
}

/// A declaration name, or one of its side outputs (`bids.late`, `bids.errors`).
#[derive(Clone, Debug)]
pub struct Path {
    /// The declaration.
    pub name: Ident,
    /// `late` or `errors`; anything else is the checker's to report.
    pub side: Option<Ident>,
}

impl Path {
    /// The whole path.
    pub fn span(&self) -> Span {
        self.side.as_ref().map_or(self.name.span, |side| self.name.span.to(side.span))
    }
}

/// A connector call: `file("x", format: csv(header: true))`, `generate { id: seq() } rate: 1000`.
#[derive(Clone, Debug)]
pub struct Connector {
    /// `file`, `kafka`, `generate`, ….
    pub name: Ident,
    /// The braces of `generate { … }`.
    pub record: Option<Vec<RecordItem>>,
    /// Arguments; the first may be without a name. For `generate`, those behind the braces.
    pub args: Vec<Arg>,
    /// The whole call.
    pub span: Span,
}

/// One `|>` stage.
#[derive(Clone, Debug)]
pub struct Stage {
    /// `@id("name")` before it.
    pub id: Option<Ident>,
    /// `@was("old")` before it.
    pub was: Option<Ident>,
    /// The operator's word.
    pub name: Ident,
    /// The rest of it.
    pub kind: StageKind,
    /// From annotation or name to the last token.
    pub span: Span,
}

/// The shapes a stage can have.
#[derive(Clone, Debug)]
pub enum StageKind {
    /// `name(args) as alias`: filter, eventTime, keyBy, window, trigger, count, top, union, scan, ….
    Call {
        /// Arguments in order.
        args: Vec<Arg>,
        /// `as name`.
        alias: Option<Ident>,
    },
    /// `map { … }`, `aggregate { … }`.
    Braces {
        /// The items in order.
        items: Vec<RecordItem>,
    },
    /// `flatMap(x in listExpr)`.
    FlatMap {
        /// The new field.
        var: Ident,
        /// The list.
        list: ExprId,
    },
    /// `join(other asOf as o on cond, within: 10min)`; which join is the stage's name.
    Join {
        /// The other input.
        other: Path,
        /// `as o`.
        alias: Option<Ident>,
        /// Was `asOf` written, and where?
        as_of: Option<Span>,
        /// The condition; `None` if it is missing.
        on: Option<ExprId>,
        /// Named arguments behind it.
        args: Vec<Arg>,
    },
    /// Broken; already reported. Completion and later stages go on behind it.
    Error,
}

/// An argument, `name: value` or `value`.
#[derive(Clone, Debug)]
pub struct Arg {
    /// The name, if there is one.
    pub name: Option<Ident>,
    /// The value.
    pub value: ExprId,
}

/// An item between braces of `map`, `aggregate` or a record literal.
#[derive(Clone, Debug)]
pub enum RecordItem {
    /// `a` (or `b.a`): keeps the field. The expression is a name or a field access.
    Keep(ExprId),
    /// `a: expr`.
    Field {
        /// The field.
        name: Ident,
        /// Its value.
        value: ExprId,
    },
    /// `..` or `..b`.
    Rest {
        /// The side whose fields are kept.
        of: Option<Ident>,
        /// The whole item.
        span: Span,
    },
}

/// A type as written. Boxed: types nest at most 128 deep.
#[derive(Clone, Debug)]
pub struct TypeExpr {
    /// What it is.
    pub kind: TypeKind,
    /// Where it stands.
    pub span: Span,
}

/// The shapes of a written type.
#[derive(Clone, Debug)]
pub enum TypeKind {
    /// `int`, `Bid`.
    Name(Ident),
    /// `list<T>`, `map<string, T>`: the word and its arguments.
    Generic(Ident, Vec<TypeExpr>),
    /// `{ a: T, b: U }`.
    Record(Vec<FieldType>),
    /// `T?`.
    Optional(Box<TypeExpr>),
    /// Broken; already reported.
    Error,
}

/// A field of a record type.
#[derive(Clone, Debug)]
pub struct FieldType {
    /// `///` lines before it.
    pub doc: Option<String>,
    /// Its name.
    pub name: Ident,
    /// Its type.
    pub ty: TypeExpr,
}

/// `test "name" { … }`.
#[derive(Clone, Debug)]
pub struct TestDecl {
    /// The name between the quotes.
    pub name: String,
    /// Where the name stands.
    pub name_span: Span,
    /// What it does, in order.
    pub steps: Vec<TestStep>,
}

/// A step of a test.
#[derive(Clone, Debug)]
pub enum TestStep {
    /// `given name [ … ]`.
    Given {
        /// A source or table.
        target: Path,
        /// A list expression of records.
        rows: ExprId,
        /// The whole step.
        span: Span,
    },
    /// `advance 1min`.
    Advance {
        /// A duration.
        by: ExprId,
        /// The whole step.
        span: Span,
    },
    /// `expect name [ … ]`, `expect ordered name [ … ]`.
    Expect {
        /// Is order compared too?
        ordered: bool,
        /// What is looked at.
        target: Path,
        /// A list expression of (partial) records.
        rows: ExprId,
        /// The whole step.
        span: Span,
    },
    /// `savepoint`.
    Savepoint {
        /// The whole step.
        span: Span,
    },
    /// `restore into "script.flow"`: what follows is about the declarations of that script.
    Restore(Restore),
}

impl TestStep {
    /// The whole step.
    pub fn span(&self) -> Span {
        match self {
            TestStep::Given { span, .. }
            | TestStep::Advance { span, .. }
            | TestStep::Expect { span, .. }
            | TestStep::Savepoint { span } => *span,
            TestStep::Restore(restore) => restore.span,
        }
    }
}

/// `restore into "script.flow"`, `restore into "script.flow", allowDropped: true`.
#[derive(Clone, Debug)]
pub struct Restore {
    /// The path as it is written.
    pub path: String,
    /// Where it stands.
    pub path_span: Span,
    /// What is said beside it.
    pub args: Vec<Arg>,
    /// The whole step.
    pub span: Span,
}

/// Index of an expression in its file's arena.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ExprId(pub u32);

/// The arena of one file: postorder, children before parents.
#[derive(Clone, Debug, Default)]
pub struct Exprs {
    nodes: Vec<Expr>,
}

impl Exprs {
    /// Appends an expression whose children are already in the arena.
    pub fn add(&mut self, kind: ExprKind, span: Span) -> ExprId {
        self.nodes.push(Expr { kind, span });
        ExprId((self.nodes.len() - 1) as u32)
    }

    /// How many expressions there are.
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Is the arena empty?
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// All expressions in postorder.
    pub fn iter(&self) -> impl Iterator<Item = (ExprId, &Expr)> {
        self.nodes.iter().enumerate().map(|(i, e)| (ExprId(i as u32), e))
    }
}

impl std::ops::Index<ExprId> for Exprs {
    type Output = Expr;
    fn index(&self, id: ExprId) -> &Expr {
        &self.nodes[id.0 as usize]
    }
}

/// An expression.
#[derive(Clone, Debug)]
pub struct Expr {
    /// What it is.
    pub kind: ExprKind,
    /// Where it stands.
    pub span: Span,
}

/// The shapes of an expression.
#[derive(Clone, Debug)]
pub enum ExprKind {
    /// Broken; already reported. Absorbs what follows from it.
    Error,
    /// `null`.
    Null,
    /// `true`, `false`.
    Bool(bool),
    /// `42`, `1_000`, `0xff`.
    Int(i64),
    /// `1.5`, `2e-3`.
    Float(f64),
    /// `12.50d`: the digits without the `d` and underscores.
    Decimal(String),
    /// `"a {expr} b"` and `r"raw"`.
    Str(Vec<StrPart>),
    /// `b"\x00ff"`.
    Bytes(Vec<u8>),
    /// `@2026-01-31T12:00:00Z`: microseconds since 1970 UTC.
    Timestamp(i64),
    /// `1h30min`: microseconds. Sizes such as `512MiB` are [`ExprKind::Size`].
    Duration(i64),
    /// `128MiB`, `4GiB`, `16KiB`: bytes.
    Size(i64),
    /// A name: field, alias, local, parameter, constant, or a bare word of an option (`json`, `off`).
    Name(Ident),
    /// `[a, b]`.
    List(Vec<ExprId>),
    /// `map { "a": 1 }`.
    Map(Vec<(ExprId, ExprId)>),
    /// `{ a: 1, b, .. }`.
    Record(Vec<RecordItem>),
    /// `-x`, `not x`.
    Unary {
        /// The operator.
        op: UnaryOp,
        /// Its operand.
        operand: ExprId,
    },
    /// `a + b`; chains lean left.
    Binary {
        /// The operator.
        op: BinaryOp,
        /// Where the operator stands.
        op_span: Span,
        /// Left operand.
        lhs: ExprId,
        /// Right operand.
        rhs: ExprId,
    },
    /// `x in xs`, `x not in xs`.
    In {
        /// `not in`?
        negated: bool,
        /// The value.
        item: ExprId,
        /// A list or range.
        list: ExprId,
    },
    /// `lo..hi`, half-open.
    Range {
        /// First value.
        lo: ExprId,
        /// Behind the last value.
        hi: ExprId,
    },
    /// `base.name`.
    Field {
        /// The record, alias or json value.
        base: ExprId,
        /// The field.
        name: Ident,
    },
    /// `base[index]`.
    Index {
        /// List, map or json.
        base: ExprId,
        /// Position or key.
        index: ExprId,
    },
    /// `f(a, b, name: c)`.
    Call {
        /// The function.
        callee: Ident,
        /// Arguments in order.
        args: Vec<Arg>,
    },
    /// `base.f(args)`: not flow's way; kept so that the checker can show the right one.
    MethodCall {
        /// The receiver.
        base: ExprId,
        /// The method.
        name: Ident,
        /// Arguments in order.
        args: Vec<Arg>,
    },
    /// `if c then a else b`.
    If {
        /// Condition.
        cond: ExprId,
        /// Value if true.
        then: ExprId,
        /// Value if false.
        otherwise: ExprId,
    },
    /// `match x { pattern => value, … }`.
    Match {
        /// What is looked at.
        subject: ExprId,
        /// Arms in order.
        arms: Vec<MatchArm>,
    },
    /// `x => e`, `(a, x) => e`.
    Lambda {
        /// Parameters.
        params: Vec<Ident>,
        /// Body.
        body: ExprId,
    },
    /// `try e else d`.
    Try {
        /// May fail.
        value: ExprId,
        /// Used if it does.
        fallback: ExprId,
    },
    /// `price desc`, `at asc`: only inside `by:`.
    Sorted {
        /// The sort key.
        key: ExprId,
        /// `desc`?
        descending: bool,
    },
}

/// A piece of a string literal.
#[derive(Clone, Debug)]
pub enum StrPart {
    /// Text with escapes resolved.
    Text(String),
    /// `{expr}`.
    Expr(ExprId),
}

/// An arm of a `match`.
#[derive(Clone, Debug)]
pub struct MatchArm {
    /// `p or q`: any of these.
    pub patterns: Vec<Pattern>,
    /// The value.
    pub value: ExprId,
    /// The whole arm.
    pub span: Span,
}

/// A pattern of a `match`.
#[derive(Clone, Debug)]
pub struct Pattern {
    /// What it matches.
    pub kind: PatternKind,
    /// Where it stands.
    pub span: Span,
}

/// The shapes of a pattern.
#[derive(Clone, Debug)]
pub enum PatternKind {
    /// A literal (also negative numbers and `null`): an expression of literal kind.
    Literal(ExprId),
    /// `8..18`, half-open, of literals.
    Range(ExprId, ExprId),
    /// `_`.
    Wildcard,
}

/// Operators with one operand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum UnaryOp {
    /// `-`.
    Neg,
    /// `not`.
    Not,
}

/// Operators with two operands, lowest binding first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "the names say it")]
pub enum BinaryOp {
    Or,
    And,
    Eq,
    Ne,
    Lt,
    Le,
    Gt,
    Ge,
    /// `??`.
    Coalesce,
    Add,
    Sub,
    Mul,
    Div,
    Rem,
}
