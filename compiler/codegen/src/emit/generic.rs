//! What has no instructions of its own: the evaluator computes the subtree, one row a call.

use super::RowGen;
use super::value::{MADE, Val};
use crate::calls;
use crate::frame::Shape;
use flow_plan::expr::{Expr, Kind, Node, NodeId};
use flow_plan::types::DataType;
use std::collections::HashMap;

/// A subtree that the evaluator computes.
#[derive(Debug)]
pub(crate) struct Site {
    /// The subtree, with its operands as columns.
    pub(crate) expr: Expr,
    /// The operands.
    pub(crate) operands: Vec<Operand>,
    /// Shape of the result.
    pub(crate) shape: Shape,
    /// The slot that takes a composite result.
    pub(crate) slot: Option<usize>,
}

/// An operand of a generic call.
#[derive(Clone, Debug)]
pub(crate) enum Operand {
    /// Words in the frame.
    Words(DataType),
    /// A composite value of a slot.
    Slot(usize, DataType),
}

impl RowGen<'_, '_> {
    /// Lets the evaluator compute a subtree.
    pub(super) fn generic(&mut self, expr: &Expr, id: NodeId, scope: &[usize]) -> Val {
        self.generic_into(expr, id, scope, None)
    }

    /// The same, for an expression whose result is composite: it goes to a slot.
    pub(super) fn generic_into(
        &mut self,
        expr: &Expr,
        id: NodeId,
        scope: &[usize],
        slot: Option<usize>,
    ) -> Val {
        let mut cut = Cut::new(expr, id);
        cut.run();
        let mut operands = Vec::with_capacity(cut.operands.len());
        for (index, (outer, ty)) in cut.operands.iter().enumerate() {
            let value = match outer {
                Outer::Column(column) => {
                    let slot = scope[*column as usize];
                    if Shape::of(ty) == Shape::Any {
                        operands.push(Operand::Slot(slot, ty.clone()));
                        continue;
                    }
                    self.slots[&slot]
                }
                Outer::Local(local) => self.locals[local],
            };
            let words = value.words(&mut self.asm);
            for (word, value) in words.into_iter().enumerate() {
                self.asm.frame_store(self.map.arg(index) + word as u32, value);
            }
            operands.push(Operand::Words(ty.clone()));
        }
        let ty = &expr[id].ty;
        let shape = Shape::of(ty);
        let number = self.pool.sites.len() as i64;
        self.pool.sites.push(Site { expr: cut.out, operands, shape, slot });
        let number = self.asm.word(number);
        let (row, position) = (self.asm.row(), self.asm.position());
        self.call_fallible(calls::GENERIC, &[number, row, position]);
        if shape == Shape::Any {
            return Val::null(&mut self.asm, shape);
        }
        let origins = if shape == Shape::View { MADE } else { 0 };
        self.result(shape, ty.is_optional(), origins)
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Outer {
    Column(u32),
    Local(u32),
}

/// Cuts a subtree out of its expression; what it takes from outside becomes a column.
struct Cut<'e> {
    expr: &'e Expr,
    root: NodeId,
    out: Expr,
    operands: Vec<(Outer, DataType)>,
    known: HashMap<Outer, u32>,
}

impl<'e> Cut<'e> {
    fn new(expr: &'e Expr, root: NodeId) -> Cut<'e> {
        Cut { expr, root, out: Expr::default(), operands: Vec::new(), known: HashMap::new() }
    }

    fn run(&mut self) {
        let wanted = self.reachable();
        let mut bound: Vec<u32> = Vec::new();
        for id in &wanted {
            match &self.expr[*id].kind {
                Kind::Let { local, .. } => bound.push(*local),
                Kind::Lambda { params, .. } => bound.extend(params),
                _ => {}
            }
        }
        let mut renamed: HashMap<NodeId, NodeId> = HashMap::new();
        for id in wanted {
            let Node { kind, ty, place } = self.expr[id].clone();
            let kind = match kind {
                Kind::Column(index) => Kind::Column(self.operand(Outer::Column(index), &ty)),
                Kind::Local(local) if !bound.contains(&local) => {
                    Kind::Column(self.operand(Outer::Local(local), &ty))
                }
                other => rename(other, &renamed),
            };
            renamed.insert(id, self.out.push(kind, ty, place));
        }
    }

    /// The subtree's nodes, operands first.
    fn reachable(&self) -> Vec<NodeId> {
        let mut seen = vec![false; self.root.0 as usize + 1];
        let mut open = vec![self.root];
        while let Some(id) = open.pop() {
            if !std::mem::replace(&mut seen[id.0 as usize], true) {
                open.extend(super::classify::operands(&self.expr[id].kind));
            }
        }
        (0..=self.root.0).filter(|&n| seen[n as usize]).map(NodeId).collect()
    }

    fn operand(&mut self, outer: Outer, ty: &DataType) -> u32 {
        if let Some(&index) = self.known.get(&outer) {
            return index;
        }
        let index = self.operands.len() as u32;
        self.operands.push((outer, ty.clone()));
        self.known.insert(outer, index);
        index
    }
}

fn rename(kind: Kind, names: &HashMap<NodeId, NodeId>) -> Kind {
    let r = |id: NodeId| names[&id];
    match kind {
        Kind::Literal(_) | Kind::Column(_) | Kind::Local(_) => kind,
        Kind::Let { local, value, body } => Kind::Let { local, value: r(value), body: r(body) },
        Kind::Neg(a) => Kind::Neg(r(a)),
        Kind::Not(a) => Kind::Not(r(a)),
        Kind::Binary(op, a, b) => Kind::Binary(op, r(a), r(b)),
        Kind::And(a, b) => Kind::And(r(a), r(b)),
        Kind::Or(a, b) => Kind::Or(r(a), r(b)),
        Kind::Coalesce(a, b) => Kind::Coalesce(r(a), r(b)),
        Kind::IsNull(a) => Kind::IsNull(r(a)),
        Kind::Cast(a, on_fail) => Kind::Cast(r(a), on_fail),
        Kind::If { cond, then, otherwise } => {
            Kind::If { cond: r(cond), then: r(then), otherwise: r(otherwise) }
        }
        Kind::InSet(a, set) => Kind::InSet(r(a), set),
        Kind::Try(a, b) => Kind::Try(r(a), r(b)),
        Kind::Call(func, args) => Kind::Call(func, args.into_iter().map(r).collect()),
        Kind::Lambda { params, body } => Kind::Lambda { params, body: r(body) },
        Kind::List(items) => Kind::List(items.into_iter().map(r).collect()),
        Kind::Map(pairs) => Kind::Map(pairs.into_iter().map(|(k, v)| (r(k), r(v))).collect()),
        Kind::Record(items) => Kind::Record(items.into_iter().map(r).collect()),
        Kind::Field(a, index) => Kind::Field(r(a), index),
        Kind::JsonField(a, name) => Kind::JsonField(r(a), name),
        Kind::Index(a, b) => Kind::Index(r(a), r(b)),
    }
}
