//! The typed expression IR: what the checker makes, the evaluator defines and the code generator compiles.
//!
//! An [`Expr`] is a flat postorder arena; the last node is the root. Conversions are explicit
//! ([`Kind::Cast`]), names are resolved to column indexes and locals, functions of the script are
//! inlined (`Let` for their arguments), `match` is `If` over a `Let`, interpolation is
//! [`Func::Concat`](crate::catalogue::Func). A value of type `T` stands where `T?` is
//! wanted without a conversion node.
//!
//! Laziness: `And`, `Or`, `If`, `Coalesce`, `Try` evaluate the operands they need and no others:
//! an error in an operand that is not needed does not exist.

use crate::catalogue::Func;
use crate::types::DataType;
use crate::value::Value;

/// A place in the script: what a run-time error points at. The compiler's span without the compiler.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Place {
    /// Index of the file among the plan's scripts.
    pub file: u16,
    /// Byte offset of the first byte.
    pub start: u32,
    /// Byte offset behind the last byte.
    pub end: u32,
}

/// Index of a node in its [`Expr`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NodeId(pub u32);

/// A typed expression over the columns of one input row.
#[derive(Clone, Debug, Default)]
pub struct Expr {
    /// Nodes in postorder; the last is the root.
    pub nodes: Vec<Node>,
}

/// One node.
#[derive(Clone, Debug)]
pub struct Node {
    /// What it computes.
    pub kind: Kind,
    /// The type of its value.
    pub ty: DataType,
    /// Where it stands in the script.
    pub place: Place,
}

/// What a node computes.
#[derive(Clone, Debug)]
pub enum Kind {
    /// A constant.
    Literal(Value),
    /// A column of the input row.
    Column(u32),
    /// A `Let` or lambda parameter in scope.
    Local(u32),
    /// Binds `local` (unique within the expression) while `body` is computed; `value` is computed
    /// first and once.
    Let {
        /// The local's number.
        local: u32,
        /// Its value.
        value: NodeId,
        /// Where it is in scope.
        body: NodeId,
    },
    /// `-x` of int (checked), float, decimal, duration.
    Neg(NodeId),
    /// `not x`.
    Not(NodeId),
    /// Strict operators on two operands of the types listed at [`BinaryOp`].
    Binary(BinaryOp, NodeId, NodeId),
    /// Lazy `and`.
    And(NodeId, NodeId),
    /// Lazy `or`.
    Or(NodeId, NodeId),
    /// `a ?? b`: b is computed only if a is null.
    Coalesce(NodeId, NodeId),
    /// `x == null`.
    IsNull(NodeId),
    /// Conversion of a non-null value to `ty` (or to the inside of `ty` if `ty` is optional and
    /// `lossy` is [`OnFail::Null`]). A null operand gives null.
    Cast(NodeId, OnFail),
    /// `if c then a else b`.
    If {
        /// Condition, `bool`.
        cond: NodeId,
        /// Value if true.
        then: NodeId,
        /// Value if false.
        otherwise: NodeId,
    },
    /// Membership in a constant list of one scalar type.
    InSet(NodeId, std::sync::Arc<[Value]>),
    /// `try e else d`: d if e raises a record error.
    Try(NodeId, NodeId),
    /// A function of the catalogue; lambdas are arguments of kind [`Kind::Lambda`].
    Call(Func, Vec<NodeId>),
    /// Only as an argument of a list function. `ty` is the type of the body.
    Lambda {
        /// Locals of the parameters.
        params: Vec<u32>,
        /// The body.
        body: NodeId,
    },
    /// `[a, b]`.
    List(Vec<NodeId>),
    /// `map { "a": 1 }`: keys are strings; a later equal key wins.
    Map(Vec<(NodeId, NodeId)>),
    /// `{ a: 1 }` in the order of the type's fields.
    Record(Vec<NodeId>),
    /// Field of a record by position; of a null record: null.
    Field(NodeId, u32),
    /// `json.name`: null when absent.
    JsonField(NodeId, std::sync::Arc<str>),
    /// `xs[i]` of a list (out of range: record error), `m["k"]` of a map (absent: null),
    /// `json[i]`, `json["k"]` (absent: null).
    Index(NodeId, NodeId),
}

impl Kind {
    /// Visits the operands, left to right.
    pub fn children(&self, mut visit: impl FnMut(NodeId)) {
        match self {
            Kind::Literal(_) | Kind::Column(_) | Kind::Local(_) => {}
            Kind::Let { value: a, body: b, .. }
            | Kind::Binary(_, a, b)
            | Kind::And(a, b)
            | Kind::Or(a, b)
            | Kind::Coalesce(a, b)
            | Kind::Try(a, b)
            | Kind::Index(a, b) => [*a, *b].into_iter().for_each(visit),
            Kind::Neg(x)
            | Kind::Not(x)
            | Kind::IsNull(x)
            | Kind::Cast(x, _)
            | Kind::InSet(x, _)
            | Kind::Field(x, _)
            | Kind::JsonField(x, _)
            | Kind::Lambda { body: x, .. } => visit(*x),
            Kind::If { cond, then, otherwise } => [*cond, *then, *otherwise].into_iter().for_each(visit),
            Kind::Call(_, args) | Kind::List(args) | Kind::Record(args) => {
                args.iter().copied().for_each(visit)
            }
            Kind::Map(entries) => entries.iter().flat_map(|(k, v)| [*k, *v]).for_each(visit),
        }
    }

    /// The same node with other operands: `map` is called with each, left to right.
    pub fn with_children(&self, mut map: impl FnMut(NodeId) -> NodeId) -> Kind {
        let mut kind = self.clone();
        match &mut kind {
            Kind::Literal(_) | Kind::Column(_) | Kind::Local(_) => {}
            Kind::Let { value: a, body: b, .. }
            | Kind::Binary(_, a, b)
            | Kind::And(a, b)
            | Kind::Or(a, b)
            | Kind::Coalesce(a, b)
            | Kind::Try(a, b)
            | Kind::Index(a, b) => [a, b].into_iter().for_each(|x| *x = map(*x)),
            Kind::Neg(x)
            | Kind::Not(x)
            | Kind::IsNull(x)
            | Kind::Cast(x, _)
            | Kind::InSet(x, _)
            | Kind::Field(x, _)
            | Kind::JsonField(x, _)
            | Kind::Lambda { body: x, .. } => *x = map(*x),
            Kind::If { cond, then, otherwise } => {
                [cond, then, otherwise].into_iter().for_each(|x| *x = map(*x))
            }
            Kind::Call(_, args) | Kind::List(args) | Kind::Record(args) => {
                args.iter_mut().for_each(|x| *x = map(*x))
            }
            Kind::Map(entries) => entries.iter_mut().for_each(|(k, v)| {
                *k = map(*k);
                *v = map(*v);
            }),
        }
        kind
    }
}

/// What a conversion that does not fit gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum OnFail {
    /// A record error (`int(s)`).
    Error,
    /// Null (`tryInt(s)`); the node's type is optional.
    Null,
}

/// Strict binary operators. Both operands have the same type unless said otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BinaryOp {
    /// int, float, decimal, duration (checked); string and list concatenation; timestamp + duration.
    Add,
    /// int, float, decimal, duration; timestamp − timestamp is a duration; timestamp − duration.
    Sub,
    /// int, float, decimal; duration × int.
    Mul,
    /// int (toward zero), float, decimal; duration ÷ int; duration ÷ duration is float. By zero: a record error for every type.
    Div,
    /// int (sign of the dividend), float, decimal. By zero: a record error for every type.
    Rem,
    /// Any type, also optional: null equals null only.
    Eq,
    /// Not [`BinaryOp::Eq`].
    Ne,
    /// Ordered types.
    Lt,
    /// Ordered types.
    Le,
    /// Ordered types.
    Gt,
    /// Ordered types.
    Ge,
}

impl Expr {
    /// Appends a node whose operands are already there.
    pub fn push(&mut self, kind: Kind, ty: DataType, place: Place) -> NodeId {
        self.nodes.push(Node { kind, ty, place });
        NodeId((self.nodes.len() - 1) as u32)
    }

    /// The root's id. An expression is never empty once it is built.
    pub fn root(&self) -> NodeId {
        NodeId(self.nodes.len() as u32 - 1)
    }

    /// The type of the whole.
    pub fn ty(&self) -> &DataType {
        &self[self.root()].ty
    }

    /// An expression that is one column.
    pub fn column(index: usize, ty: DataType, place: Place) -> Expr {
        let mut expr = Expr::default();
        expr.push(Kind::Column(index as u32), ty, place);
        expr
    }

    /// An expression that is one constant.
    pub fn literal(value: Value, ty: DataType, place: Place) -> Expr {
        let mut expr = Expr::default();
        expr.push(Kind::Literal(value), ty, place);
        expr
    }

    /// The column, if that is all the expression is.
    pub fn as_column(&self) -> Option<usize> {
        match self.nodes.as_slice() {
            [Node { kind: Kind::Column(index), .. }] => Some(*index as usize),
            _ => None,
        }
    }
}

impl std::ops::Index<NodeId> for Expr {
    type Output = Node;
    fn index(&self, id: NodeId) -> &Node {
        &self.nodes[id.0 as usize]
    }
}
