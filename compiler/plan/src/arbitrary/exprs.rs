//! Expressions: every kind of node, every function of the catalogue.

use super::Arbitrary;
use crate::cast::{self, CastRule};
use crate::catalogue::{FUNCTIONS, Func, ParamSig, Signature, TypePattern};
use crate::expr::{BinaryOp, Expr, Kind, NodeId, OnFail, Place};
use crate::types::{DataType, Field, RecordType};
use crate::value::Value;
use std::collections::HashMap;

impl Arbitrary {
    /// An expression of this type over these columns, about so deep.
    pub fn expr(&mut self, columns: &RecordType, ty: &DataType, depth: usize) -> Expr {
        let mut maker = Maker { random: self, columns, expr: Expr::default(), scope: Vec::new(), locals: 0 };
        maker.make(ty, depth);
        maker.expr
    }
}

struct Maker<'a> {
    random: &'a mut Arbitrary,
    columns: &'a RecordType,
    expr: Expr,
    /// Locals in scope.
    scope: Vec<(u32, DataType)>,
    locals: u32,
}

type Bound = HashMap<char, DataType>;

/// Are there values of this type that take more room than others?
fn can_grow(ty: &DataType) -> bool {
    use DataType::{Bool, Decimal, Duration, Float, Int, Timestamp};
    !matches!(ty.unwrapped(), Bool | Int | Float | Decimal | Timestamp | Duration)
}

impl Maker<'_> {
    /// A node of this type. Each has a place of its own, so that errors can be told apart.
    fn push(&mut self, kind: Kind, ty: &DataType) -> NodeId {
        let start = self.expr.nodes.len() as u32;
        self.expr.push(kind, ty.clone(), Place { file: 0, start, end: start + 1 })
    }

    fn make(&mut self, ty: &DataType, depth: usize) -> NodeId {
        if depth == 0 {
            return self.leaf(ty);
        }
        let depth = depth - 1;
        for _ in 0..8 {
            let made = match self.random.below(16) {
                0 => Some(self.leaf(ty)),
                1 => Some(self.choice(ty, depth)),
                2 => Some(self.binding(ty, depth)),
                3 => Some(self.guarded(ty, depth)),
                4 => self.cast(ty, depth),
                5 => self.access(ty, depth),
                6 => self.literal_of(ty, depth),
                7..=10 => self.call(ty, depth),
                _ => self.operator(ty, depth),
            };
            if let Some(id) = made {
                return id;
            }
        }
        self.leaf(ty)
    }

    fn leaf(&mut self, ty: &DataType) -> NodeId {
        let mut leaves: Vec<(Kind, DataType)> = Vec::new();
        for (index, field) in self.columns.fields.iter().enumerate() {
            leaves.push((Kind::Column(index as u32), field.ty.clone()));
        }
        leaves.extend(self.scope.iter().map(|(local, ty)| (Kind::Local(*local), ty.clone())));
        leaves.retain(|(_, leaf)| leaf == ty || (ty.is_optional() && leaf == ty.unwrapped()));
        if leaves.is_empty() || self.random.one_in(4) {
            let value = self.random.value(ty);
            return self.push(Kind::Literal(value), ty);
        }
        let (kind, ty) = self.random.pick(&leaves).clone();
        self.push(kind, &ty)
    }

    fn choice(&mut self, ty: &DataType, depth: usize) -> NodeId {
        let cond = self.make(&DataType::Bool, depth);
        let then = self.make(ty, depth);
        let otherwise = self.make(ty, depth);
        self.push(Kind::If { cond, then, otherwise }, ty)
    }

    fn binding(&mut self, ty: &DataType, depth: usize) -> NodeId {
        let of = self.random.ty();
        let value = self.make(&of, depth);
        // The value may be a `T` where a `T?` was asked for.
        let of = self.expr[value].ty.clone();
        let local = self.local();
        self.scope.push((local, of));
        let body = self.make(ty, depth);
        self.scope.pop();
        self.push(Kind::Let { local, value, body }, ty)
    }

    fn local(&mut self) -> u32 {
        self.locals += 1;
        self.locals - 1
    }

    fn guarded(&mut self, ty: &DataType, depth: usize) -> NodeId {
        if self.random.one_in(2) {
            let body = self.make(ty, depth);
            let otherwise = self.make(ty, depth);
            return self.push(Kind::Try(body, otherwise), ty);
        }
        let first = self.make(&ty.clone().optional(), depth);
        let otherwise = self.make(ty, depth);
        self.push(Kind::Coalesce(first, otherwise), ty)
    }

    fn cast(&mut self, ty: &DataType, depth: usize) -> Option<NodeId> {
        let from = self.random.ty().unwrapped().clone();
        let rule = cast::rule(&from, ty.unwrapped());
        if rule == CastRule::Never {
            return None;
        }
        if ty.is_optional() {
            let from = if self.random.one_in(2) { from.optional() } else { from };
            let x = self.make(&from, depth);
            return Some(self.push(Kind::Cast(x, OnFail::Null), ty));
        }
        let x = self.make(&from, depth);
        Some(self.push(Kind::Cast(x, OnFail::Error), ty))
    }

    /// Fields, elements, entries.
    fn access(&mut self, ty: &DataType, depth: usize) -> Option<NodeId> {
        match self.random.below(4) {
            0 => {
                let (before, behind) = (self.random.scalar(), self.random.scalar());
                let fields =
                    vec![Field::new("a", before), Field::new("b", ty.clone()), Field::new("c", behind)];
                let record = self.make(&DataType::record(fields), depth);
                Some(self.push(Kind::Field(record, 1), ty))
            }
            1 => {
                let list = self.make(&DataType::list(ty.clone()), depth);
                let index = self.make(&DataType::Int, 0);
                Some(self.push(Kind::Index(list, index), ty))
            }
            2 if ty.is_optional() && *ty != DataType::Json.optional() => {
                let map = self.make(&DataType::map(ty.unwrapped().clone()), depth);
                let key = self.make(&DataType::String, 0);
                Some(self.push(Kind::Index(map, key), ty))
            }
            3 if *ty == DataType::Json.optional() => {
                let json = self.make(ty, depth);
                if self.random.one_in(2) {
                    return Some(self.push(Kind::JsonField(json, "a".into()), ty));
                }
                let index = self.make(&DataType::Int, 0);
                Some(self.push(Kind::Index(json, index), ty))
            }
            _ => None,
        }
    }

    /// Lists, maps and records written out.
    fn literal_of(&mut self, ty: &DataType, depth: usize) -> Option<NodeId> {
        match ty {
            DataType::List(of) => {
                let items = (0..self.random.below(4)).map(|_| self.make(of, depth.min(2))).collect();
                Some(self.push(Kind::List(items), ty))
            }
            DataType::Map(of) => {
                let entries = (0..self.random.below(4))
                    .map(|_| (self.make(&DataType::String, 0), self.make(of, depth.min(2))))
                    .collect();
                Some(self.push(Kind::Map(entries), ty))
            }
            DataType::Record(record) => {
                let fields = record.fields.iter().map(|field| self.make(&field.ty, depth.min(2))).collect();
                Some(self.push(Kind::Record(fields), ty))
            }
            _ => None,
        }
    }

    fn operator(&mut self, ty: &DataType, depth: usize) -> Option<NodeId> {
        use BinaryOp::{Add, Div, Mul, Rem, Sub};
        use DataType::{Bool, Decimal, Duration, Float, Int, String, Timestamp};
        let (op, a, b) = match ty {
            Bool => return Some(self.condition(depth)),
            Int | Float | Decimal if self.random.one_in(6) => {
                let x = self.make(ty, depth);
                return Some(self.push(Kind::Neg(x), ty));
            }
            Float if self.random.one_in(8) => (Div, Duration, Duration),
            Int | Float | Decimal => (*self.random.pick(&[Add, Sub, Mul, Div, Rem]), ty.clone(), ty.clone()),
            String | DataType::List(_) => (Add, ty.clone(), ty.clone()),
            Timestamp => (*self.random.pick(&[Add, Sub]), Timestamp, Duration),
            Duration => match self.random.below(5) {
                0 => (Sub, Timestamp, Timestamp),
                1 => (Mul, Duration, Int),
                2 => (Div, Duration, Int),
                _ => (*self.random.pick(&[Add, Sub]), Duration, Duration),
            },
            _ => return None,
        };
        let (a, b) = (self.make(&a, depth), self.make(&b, depth));
        Some(self.push(Kind::Binary(op, a, b), ty))
    }

    fn condition(&mut self, depth: usize) -> NodeId {
        use BinaryOp::{Eq, Ge, Gt, Le, Lt, Ne};
        let bool = DataType::Bool;
        let kind = match self.random.below(8) {
            0 => Kind::Not(self.make(&bool, depth)),
            1 => Kind::And(self.make(&bool, depth), self.make(&bool, depth)),
            2 => Kind::Or(self.make(&bool, depth), self.make(&bool, depth)),
            3 => {
                let ty = self.random.ty().optional();
                Kind::IsNull(self.make(&ty, depth))
            }
            4 => {
                let ty = self.random.scalar();
                let set: Vec<Value> = (0..self.random.below(4)).map(|_| self.random.value(&ty)).collect();
                Kind::InSet(self.make(&ty, depth), set.into())
            }
            5 => {
                let ty = self.random.ty();
                let op = *self.random.pick(&[Eq, Ne]);
                Kind::Binary(op, self.make(&ty, depth), self.make(&ty, depth))
            }
            _ => {
                let ty = match self.random.scalar() {
                    DataType::Bool => DataType::list(DataType::Int),
                    ty => ty,
                };
                let op = *self.random.pick(&[Eq, Ne, Lt, Le, Gt, Ge]);
                Kind::Binary(op, self.make(&ty, depth), self.make(&ty, depth))
            }
        };
        self.push(kind, &bool)
    }

    /// A call of some function that gives the type.
    fn call(&mut self, ty: &DataType, depth: usize) -> Option<NodeId> {
        let fits = |signature: &Signature| bind(&signature.ret, ty, &mut Bound::new());
        let candidates: Vec<(Func, &'static Signature)> = FUNCTIONS
            .iter()
            // The clock is nobody's to compare.
            .filter(|def| def.func != Func::Now)
            .flat_map(|def| def.overloads().iter().map(move |signature| (def.func, signature)))
            .filter(|(_, signature)| fits(signature))
            .collect();
        if candidates.is_empty() {
            return None;
        }
        let (func, signature) = *self.random.pick(&candidates);
        let mut bound = Bound::new();
        bind(&signature.ret, ty, &mut bound);
        let mut args = Vec::new();
        for param in &signature.params {
            if param.default.is_some() && self.random.one_in(2) {
                break;
            }
            let copies = if param.variadic { 1 + self.random.below(3) } else { 1 };
            for _ in 0..copies {
                let arg = self.argument(func, param, &mut bound, depth);
                args.push(arg);
            }
        }
        Some(self.push(Kind::Call(func, args), ty))
    }

    fn argument(&mut self, func: Func, param: &ParamSig, bound: &mut Bound, depth: usize) -> NodeId {
        if let TypePattern::Lambda(params, body) = &param.ty {
            let types: Vec<DataType> = params.iter().map(|p| self.instance(p, bound)).collect();
            let body_ty = self.instance(body, bound);
            let locals: Vec<u32> = types.iter().map(|_| self.local()).collect();
            let in_scope = self.scope.len();
            // `reduce(xs, "a", (a, x) => a + a)` doubles with each element: what grows is not given to its step.
            let skipped = usize::from(func == Func::Reduce && types.first().is_some_and(can_grow));
            self.scope.extend(locals.iter().copied().zip(types).skip(skipped));
            let body = self.make(&body_ty, depth.min(2));
            self.scope.truncate(in_scope);
            return self.push(Kind::Lambda { params: locals, body }, &self.expr[body].ty.clone());
        }
        let ty = self.instance(&param.ty, bound);
        if let Some(value) = self.special(func, param.name) {
            return self.push(Kind::Literal(value), &ty);
        }
        self.make(&ty, depth)
    }

    /// Arguments that random values would make useless or giant.
    fn special(&mut self, func: Func, name: &str) -> Option<Value> {
        let patterns = ["a", "(\\w+)", "[0-9]+", "^a|b$", "(a)(b)?", "é+", "("];
        let formats = ["yyyy-MM-dd HH:mm:ss", "EEE d MMM yy h a", "DDD''SSS XXX", "yyyyQ"];
        let zones = ["UTC", "Europe/Berlin", "Asia/Tokyo", "America/New_York", "Nowhere"];
        match (func, name) {
            (Func::Format | Func::ParseTimestamp, "pattern") => {
                Some(Value::string(*self.random.pick(&formats)))
            }
            (_, "pattern") => Some(Value::string(*self.random.pick(&patterns))),
            (_, "zone") => Some(Value::string(*self.random.pick(&zones))),
            (Func::Range, _) | (_, "times" | "width") => {
                Some(Value::Int(*self.random.pick(&[-1, 0, 1, 3, 15, i64::MAX])))
            }
            _ => None,
        }
    }

    /// The type of a pattern; free variables are bound to something.
    fn instance(&mut self, pattern: &TypePattern, bound: &mut Bound) -> DataType {
        let random = &mut *self.random;
        match pattern {
            TypePattern::Exact(ty) => ty.clone(),
            TypePattern::Var(letter) => bound.entry(*letter).or_insert_with(|| random.ty()).clone(),
            TypePattern::Num => {
                let numbers = [DataType::Int, DataType::Float, DataType::Decimal];
                bound.entry('#').or_insert_with(|| random.pick(&numbers).clone()).clone()
            }
            TypePattern::Ord => {
                let ordered = |ty: DataType| if ty.is_ordered() { ty } else { DataType::String };
                bound.entry('<').or_insert_with(|| ordered(random.scalar())).clone()
            }
            TypePattern::Any => random.ty(),
            TypePattern::List(of) => DataType::list(self.instance(of, bound)),
            TypePattern::Map(of) => DataType::map(self.instance(of, bound)),
            TypePattern::Optional(of) => self.instance(of, bound).optional(),
            TypePattern::Record(fields) => {
                let fields = fields.iter().map(|(name, ty)| Field::new(*name, self.instance(ty, bound)));
                DataType::record(fields.collect())
            }
            // Lambdas are made by their caller.
            TypePattern::Lambda(_, body) => self.instance(body, bound),
        }
    }
}

/// Can the pattern be this type? Binds its variables.
fn bind(pattern: &TypePattern, ty: &DataType, bound: &mut Bound) -> bool {
    let mut variable = |letter: char| bound.entry(letter).or_insert_with(|| ty.clone()) == ty;
    match (pattern, ty) {
        (TypePattern::Exact(exact), ty) => exact == ty,
        (TypePattern::Var(letter), _) => variable(*letter),
        (TypePattern::Num, ty) => ty.is_numeric() && variable('#'),
        (TypePattern::Ord, ty) => ty.is_ordered() && variable('<'),
        (TypePattern::Any, _) => true,
        (TypePattern::List(p), DataType::List(of)) | (TypePattern::Map(p), DataType::Map(of)) => {
            bind(p, of, bound)
        }
        (TypePattern::Optional(p), DataType::Optional(of)) => bind(p, of, bound),
        (TypePattern::Record(fields), DataType::Record(record)) => {
            fields.len() == record.fields.len()
                && fields
                    .iter()
                    .zip(&record.fields)
                    .all(|((name, p), f)| *name == &*f.name && bind(p, &f.ty, bound))
        }
        _ => false,
    }
}
