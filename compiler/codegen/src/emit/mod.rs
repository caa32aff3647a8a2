//! From an expression to the instructions that compute it for the loop's row.
//!
//! The walk keeps its own stack: no recursion on what a user wrote. Operands that may not be
//! needed (`and`, `or`, `if`, `??`, `try`) are either computed anyway, with their errors masked, if
//! they are a few instructions, or branched around.

mod arith;
mod call;
mod cast;
mod classify;
mod generic;
mod phase;
mod text;
mod value;

pub(crate) use generic::{Operand, Site};
pub(crate) use phase::{Kernels, compile_segment, frame_map, nullable_inputs, unfolded};
pub(crate) use value::{ANY_INPUT, CONSTANTS, MADE, Origins, origin};

use crate::frame::Shape;
use crate::lower::Work;
use crate::native::asm::{Asm, I8, ICmp, Label, V, Var};
use classify::Classes;
use flow_data::Buffer;
use flow_plan::expr::{Expr, Kind, NodeId};
use flow_plan::value::Value;
use std::collections::HashMap;
use std::sync::Arc;
use value::{Val, ValVar, Valid, asm_not};

/// What kernels of a segment share: constants and generic calls.
#[derive(Default)]
pub(crate) struct Pool {
    /// Long string constants.
    pub(crate) constants: Vec<Buffer>,
    /// Expressions that the evaluator computes.
    pub(crate) sites: Vec<Site>,
}

/// Writes the expressions of one phase.
pub(crate) struct RowGen<'a, 'f> {
    asm: Asm<'f>,
    pool: &'a mut Pool,
    map: &'a crate::frame::FrameMap,
    /// Values of slots in registers.
    slots: HashMap<usize, Val>,
    locals: HashMap<u32, Val>,
    errors: Var,
    /// Has the expression code that can fail?
    fallible: bool,
    /// Errors count only where this is 1.
    mask: Option<V>,
}

enum Step {
    Eval(NodeId),
    Apply(NodeId),
    LogicRight(NodeId, bool),
    LogicEnd(Join),
    Then(NodeId),
    Otherwise(NodeId, Choice),
    IfEnd(Choice),
    CoalesceRight(NodeId),
    CoalesceEnd(Coalesced),
    Bind(NodeId),
    Rescue { node: NodeId, errors: Var, fallible: bool },
    RescueEnd(Coalesced),
}

/// How two paths meet.
enum Join {
    /// Both were computed: combine with the left side.
    Select { left: V, or: bool, mask: Option<V> },
    /// One was branched around.
    Paths(Var, Label),
}

enum Choice {
    Select { cond: V, mask: Option<V>, then: Option<Val> },
    Paths { result: ValVar, end: Label, otherwise: Label },
}

enum Coalesced {
    /// The value that is used where `cond` is 1.
    Select {
        cond: V,
        first: Val,
        mask: Option<V>,
    },
    Paths {
        result: ValVar,
        end: Label,
    },
}

impl<'a, 'f> RowGen<'a, 'f> {
    fn new(mut asm: Asm<'f>, pool: &'a mut Pool, map: &'a crate::frame::FrameMap) -> RowGen<'a, 'f> {
        let errors = asm.var(I8);
        RowGen {
            asm,
            pool,
            map,
            slots: HashMap::new(),
            locals: HashMap::new(),
            errors,
            fallible: false,
            mask: None,
        }
    }

    /// Computes an expression; its errors go to its bit of the error word.
    fn compute(&mut self, work: &Work) -> Val {
        self.begin();
        let value = self.walk(&work.expr, &work.scope);
        self.end(work.bit);
        value
    }

    fn begin(&mut self) {
        self.errors = self.asm.var(I8);
        let none = self.asm.byte(0);
        self.asm.set(self.errors, none);
        self.fallible = false;
    }

    fn end(&mut self, bit: u32) {
        if self.fallible {
            let failed = self.asm.get(self.errors);
            let wide = self.asm.widen(failed);
            let bits = self.asm.shl(wide, i64::from(bit));
            self.asm.raise(bits);
        }
    }

    /// An error happens where `flag` is 1 (and the value is needed).
    fn fail_if(&mut self, flag: V) {
        let flag = match self.mask {
            Some(mask) => self.asm.and(flag, mask),
            None => flag,
        };
        let old = self.asm.get(self.errors);
        let new = self.asm.or(old, flag);
        self.asm.set(self.errors, new);
        self.fallible = true;
    }

    fn walk(&mut self, expr: &Expr, scope: &[usize]) -> Val {
        let classes = Classes::of(expr);
        let mut steps = vec![Step::Eval(expr.root())];
        let mut values: Vec<Val> = Vec::new();
        while let Some(step) = steps.pop() {
            self.step(step, expr, scope, &classes, &mut steps, &mut values);
        }
        values.pop().expect("the root leaves its value")
    }

    fn step(
        &mut self,
        step: Step,
        expr: &Expr,
        scope: &[usize],
        classes: &Classes,
        steps: &mut Vec<Step>,
        values: &mut Vec<Val>,
    ) {
        let mut pop = || values.pop().expect("operands are computed before");
        match step {
            Step::Eval(id) if !classes.native[id.0 as usize] => {
                let value = self.generic(expr, id, scope);
                values.push(value);
            }
            Step::Eval(id) => self.eval(id, expr, scope, steps, values),
            Step::Apply(id) => {
                let count = classify::operands(&expr[id].kind).len();
                let args = values.split_off(values.len() - count);
                let value = self.apply(expr, id, &args);
                values.push(value);
            }
            Step::LogicRight(id, or) => {
                let left = pop().lo;
                let (Kind::And(_, right) | Kind::Or(_, right)) = expr[id].kind else { return };
                let join = self.logic(left, or, classes.branches(right));
                steps.extend([Step::LogicEnd(join), Step::Eval(right)]);
            }
            Step::LogicEnd(join) => {
                let right = pop().lo;
                let value = self.logic_end(join, right);
                values.push(Val::bool(value));
            }
            Step::Then(id) => {
                let cond = pop().lo;
                let Kind::If { then, otherwise, .. } = expr[id].kind else { return };
                let branch = classes.branches(then) || classes.branches(otherwise);
                let choice = self.choose(cond, branch, Shape::of(&expr[id].ty));
                steps.extend([Step::Otherwise(id, choice), Step::Eval(then)]);
            }
            Step::Otherwise(id, choice) => {
                let then = pop();
                let Kind::If { otherwise, .. } = expr[id].kind else { return };
                let choice = self.otherwise(choice, then);
                steps.extend([Step::IfEnd(choice), Step::Eval(otherwise)]);
            }
            Step::IfEnd(choice) => {
                let otherwise = pop();
                let value = self.if_end(choice, otherwise);
                values.push(value);
            }
            Step::CoalesceRight(id) => {
                let first = pop();
                let Kind::Coalesce(_, second) = expr[id].kind else { return };
                match first.valid {
                    Valid::Always => values.push(first),
                    Valid::Never => steps.push(Step::Eval(second)),
                    Valid::When(valid) => {
                        let absent = asm_not(&mut self.asm, valid);
                        let kept = first.with_valid(Valid::Always);
                        let join = self.instead(absent, kept, classes.branches(second));
                        steps.extend([Step::CoalesceEnd(join), Step::Eval(second)]);
                    }
                }
            }
            Step::CoalesceEnd(join) | Step::RescueEnd(join) => {
                let second = pop();
                let value = self.instead_end(join, second);
                values.push(value);
            }
            Step::Bind(id) => {
                let value = pop();
                let Kind::Let { local, body, .. } = expr[id].kind else { return };
                self.locals.insert(local, value);
                steps.push(Step::Eval(body));
            }
            Step::Rescue { node, errors, fallible } => {
                let value = pop();
                let Kind::Try(_, second) = expr[node].kind else { return };
                let inner = std::mem::replace(&mut self.errors, errors);
                if !std::mem::replace(&mut self.fallible, fallible) {
                    values.push(value);
                    return;
                }
                let failed = self.asm.get(inner);
                let join = self.instead(failed, value, classes.branches(second));
                steps.extend([Step::RescueEnd(join), Step::Eval(second)]);
            }
        }
    }

    /// Starts a node: leaves are values at once, lazy nodes start with the operand they always need.
    fn eval(
        &mut self,
        id: NodeId,
        expr: &Expr,
        scope: &[usize],
        steps: &mut Vec<Step>,
        values: &mut Vec<Val>,
    ) {
        let node = &expr[id];
        match &node.kind {
            Kind::Literal(value) => {
                let value = self.literal(value, Shape::of(&node.ty));
                values.push(value);
            }
            Kind::Column(index) => {
                let value = self.slots[&scope[*index as usize]];
                values.push(if node.ty.is_optional() { value } else { value.with_valid(Valid::Always) });
            }
            Kind::Local(local) => values.push(self.locals[local]),
            Kind::And(left, _) => steps.extend([Step::LogicRight(id, false), Step::Eval(*left)]),
            Kind::Or(left, _) => steps.extend([Step::LogicRight(id, true), Step::Eval(*left)]),
            Kind::If { cond, .. } => steps.extend([Step::Then(id), Step::Eval(*cond)]),
            Kind::Coalesce(first, _) => steps.extend([Step::CoalesceRight(id), Step::Eval(*first)]),
            Kind::Let { value, .. } => steps.extend([Step::Bind(id), Step::Eval(*value)]),
            Kind::Try(first, _) => {
                let inner = self.asm.var(I8);
                let none = self.asm.byte(0);
                self.asm.set(inner, none);
                let errors = std::mem::replace(&mut self.errors, inner);
                let fallible = std::mem::replace(&mut self.fallible, false);
                steps.extend([Step::Rescue { node: id, errors, fallible }, Step::Eval(*first)]);
            }
            kind => {
                steps.push(Step::Apply(id));
                steps.extend(classify::operands(kind).into_iter().rev().map(Step::Eval));
            }
        }
    }

    fn literal(&mut self, value: &Value, shape: Shape) -> Val {
        match value {
            Value::Null => Val::null(&mut self.asm, shape),
            Value::Bool(x) => Val::bool(self.asm.byte(i64::from(*x))),
            Value::Int(x) | Value::Timestamp(x) | Value::Duration(x) => Val::one(shape, self.asm.word(*x)),
            Value::Float(x) => Val::one(shape, self.asm.float(*x)),
            Value::Decimal(x) => {
                let [lo, hi] = crate::calls::decimal_words(*x);
                let (lo, hi) = (self.asm.word(lo as i64), self.asm.word(hi as i64));
                Val::two(shape, lo, hi, 0)
            }
            Value::String(x) => self.constant(x.as_bytes()),
            Value::Bytes(x) => self.constant(x),
            // Composite literals are never native.
            _ => Val::null(&mut self.asm, shape),
        }
    }

    /// A string constant: inline, or bytes that live as long as the kernel.
    fn constant(&mut self, bytes: &[u8]) -> Val {
        let view = match flow_data::View::inline(bytes) {
            Some(view) => view,
            None => {
                let known = self.pool.constants.iter().find(|b| b.as_slice() == bytes);
                let buffer = known.cloned().unwrap_or_else(|| {
                    let buffer = Arc::new(bytes.to_vec());
                    self.pool.constants.push(buffer.clone());
                    buffer
                });
                flow_data::View::of(&buffer)
            }
        };
        let (lo, hi) = (self.asm.word(view.lo as i64), self.asm.word(view.hi as i64));
        let origins = if view.is_inline() { 0 } else { CONSTANTS };
        Val::two(Shape::View, lo, hi, origins)
    }

    /// Strict nodes.
    fn apply(&mut self, expr: &Expr, id: NodeId, args: &[Val]) -> Val {
        let node = &expr[id];
        match &node.kind {
            Kind::Neg(_) => self.negate(args[0]),
            Kind::Not(_) => Val::bool(asm_not(&mut self.asm, args[0].lo)),
            Kind::Binary(op, a, b) => self.binary(*op, &expr[*a].ty, &expr[*b].ty, args[0], args[1]),
            Kind::IsNull(_) => {
                let valid = args[0].valid_byte(&mut self.asm);
                Val::bool(asm_not(&mut self.asm, valid))
            }
            Kind::Cast(a, on_fail) => {
                self.cast(expr[*a].ty.unwrapped(), node.ty.unwrapped(), *on_fail, args[0])
            }
            Kind::InSet(_, set) => self.in_set(args[0], set),
            Kind::Call(func, types) => {
                let types: Vec<_> = types.iter().map(|a| &expr[*a]).collect();
                self.call(*func, &types, args)
            }
            _ => unreachable!("not a strict native node"),
        }
    }

    fn logic(&mut self, left: V, or: bool, branch: bool) -> Join {
        if !branch {
            let needed = if or { asm_not(&mut self.asm, left) } else { left };
            let mask = self.mask;
            self.narrow(needed);
            return Join::Select { left, or, mask };
        }
        let result = self.asm.var(I8);
        self.asm.set(result, left);
        let (right, end) = (self.asm.label(), self.asm.label());
        if or {
            self.asm.branch(left, end, right);
        } else {
            self.asm.branch(left, right, end);
        }
        self.asm.place(right);
        Join::Paths(result, end)
    }

    fn logic_end(&mut self, join: Join, right: V) -> V {
        match join {
            Join::Select { left, or, mask } => {
                self.mask = mask;
                if or { self.asm.or(left, right) } else { self.asm.and(left, right) }
            }
            Join::Paths(result, end) => {
                self.asm.set(result, right);
                self.asm.jump(end);
                self.asm.place(end);
                self.asm.get(result)
            }
        }
    }

    /// From here on errors count only where `needed` is 1, too.
    fn narrow(&mut self, needed: V) {
        self.mask = Some(match self.mask {
            Some(mask) => self.asm.and(mask, needed),
            None => needed,
        });
    }

    fn choose(&mut self, cond: V, branch: bool, shape: Shape) -> Choice {
        if !branch {
            let mask = self.mask;
            self.narrow(cond);
            return Choice::Select { cond, mask, then: None };
        }
        let result = ValVar::new(&mut self.asm, shape);
        let (then, otherwise, end) = (self.asm.label(), self.asm.label(), self.asm.label());
        self.asm.branch(cond, then, otherwise);
        self.asm.place(then);
        Choice::Paths { result, end, otherwise }
    }

    fn otherwise(&mut self, choice: Choice, then: Val) -> Choice {
        match choice {
            Choice::Select { cond, mask, .. } => {
                self.mask = mask;
                let opposite = asm_not(&mut self.asm, cond);
                self.narrow(opposite);
                Choice::Select { cond, mask, then: Some(then) }
            }
            Choice::Paths { mut result, end, otherwise } => {
                result.set(&mut self.asm, then);
                self.asm.jump(end);
                self.asm.place(otherwise);
                Choice::Paths { result, end, otherwise }
            }
        }
    }

    fn if_end(&mut self, choice: Choice, otherwise: Val) -> Val {
        match choice {
            Choice::Select { cond, mask, then } => {
                self.mask = mask;
                Val::select(&mut self.asm, cond, then.unwrap_or(otherwise), otherwise)
            }
            Choice::Paths { mut result, end, .. } => {
                result.set(&mut self.asm, otherwise);
                self.asm.jump(end);
                self.asm.place(end);
                result.get(&mut self.asm)
            }
        }
    }

    /// `first`, or what is computed next where `cond` is 1.
    fn instead(&mut self, cond: V, first: Val, branch: bool) -> Coalesced {
        if !branch {
            let mask = self.mask;
            self.narrow(cond);
            return Coalesced::Select { cond, first, mask };
        }
        let mut result = ValVar::new(&mut self.asm, first.shape);
        result.set(&mut self.asm, first);
        let (second, end) = (self.asm.label(), self.asm.label());
        self.asm.branch(cond, second, end);
        self.asm.place(second);
        Coalesced::Paths { result, end }
    }

    fn instead_end(&mut self, join: Coalesced, second: Val) -> Val {
        match join {
            Coalesced::Select { cond, first, mask } => {
                self.mask = mask;
                Val::select(&mut self.asm, cond, second, first)
            }
            Coalesced::Paths { mut result, end } => {
                result.set(&mut self.asm, second);
                self.asm.jump(end);
                self.asm.place(end);
                result.get(&mut self.asm)
            }
        }
    }

    /// Calls a helper that gives a status: 1 is a record error.
    fn call_fallible(&mut self, helper: usize, args: &[V]) {
        let status = self.asm.call(helper, args);
        let failed = self.asm.icmp_const(ICmp::NotEqual, status, 0);
        self.fail_if(failed);
    }

    /// What a helper left in the frame.
    fn result(&mut self, shape: Shape, optional: bool, origins: Origins) -> Val {
        use crate::frame::RESULT;
        let lo = self.asm.frame_load(RESULT);
        let hi = self.asm.frame_load(RESULT + 1);
        let value = Val::from_words(&mut self.asm, shape, lo, hi, origins);
        if !optional {
            return value;
        }
        let valid = self.asm.frame_load(RESULT + 2);
        let valid = self.asm.low_byte(valid);
        value.only_if(&mut self.asm, valid)
    }
}
