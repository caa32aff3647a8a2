//! Random graphs and rows from a seed.

use super::*;
use flow_env::Random;
use flow_plan::catalogue::{AggFunc, Func};
use flow_plan::expr::{BinaryOp, Kind};
use flow_plan::operator::{RunningTrigger, errors_type};
use flow_plan::physical::{ColumnAggregate, Hidden, RunningAggregate};

/// The columns every random node gives: so that any node can read any other.
pub fn schema() -> Arc<RecordType> {
    record(&[
        ("k", DataType::Int),
        ("s", DataType::String),
        ("v", DataType::Int),
        ("f", DataType::Float),
        ("o", DataType::Int.optional()),
        ("b", DataType::Bool),
    ])
}

pub fn rows(random: &mut Random, n: usize) -> Vec<Row> {
    let keys = 1 + random.below(20);
    (0..n)
        .map(|_| {
            let k = random.below(keys);
            let text = if random.below(5) == 0 { format!("a rather long text {k}") } else { format!("t{k}") };
            let v = match random.below(40) {
                0 => i64::MAX - 3,
                1 => i64::MIN + 3,
                _ => random.below(100) as i64 - 50,
            };
            let o = if random.below(4) == 0 { Value::Null } else { int(random.below(9) as i64) };
            let f = match random.below(12) {
                0 => -0.0,
                1 => f64::NAN,
                _ => (random.unit() - 0.5) * 1e3,
            };
            let b = Value::Bool(random.below(2) == 0);
            vec![int(k as i64), Value::string(text), int(v), Value::Float(f), o, b]
        })
        .collect()
}

fn pick<T: Clone>(random: &mut Random, of: &[T]) -> T {
    of[random.below(of.len() as u64) as usize].clone()
}

fn place(random: &mut Random) -> Place {
    let start = random.below(1000) as u32;
    Place { file: 0, start, end: start + 1 }
}

/// `column op constant`, some of which fail for some rows.
fn int_expr(random: &mut Random) -> Expr {
    let mut expr = Expr::default();
    let place = place(random);
    let a = expr.push(Kind::Column(pick(random, &[0, 2])), DataType::Int, place);
    let b = match random.below(3) {
        0 => expr.push(Kind::Column(0), DataType::Int, place),
        _ => expr.push(Kind::Literal(int(random.below(7) as i64)), DataType::Int, place),
    };
    let op = pick(random, &[BinaryOp::Add, BinaryOp::Sub, BinaryOp::Mul, BinaryOp::Div, BinaryOp::Rem]);
    expr.push(Kind::Binary(op, a, b), DataType::Int, place);
    expr
}

fn bool_expr(random: &mut Random) -> Expr {
    let mut expr = int_expr(random);
    let place = place(random);
    let a = expr.root();
    let b = expr.push(Kind::Literal(int(random.below(60) as i64 - 30)), DataType::Int, place);
    let op = pick(random, &[BinaryOp::Lt, BinaryOp::Ne, BinaryOp::Ge]);
    expr.push(Kind::Binary(op, a, b), DataType::Bool, place);
    expr
}

/// A list of one to three texts.
fn list_expr(random: &mut Random) -> Expr {
    let mut expr = Expr::default();
    let place = place(random);
    let text = expr.push(Kind::Column(1), DataType::String, place);
    let separator = pick(random, &[" ", "t", "1"]);
    let separator = expr.push(Kind::Literal(Value::string(separator)), DataType::String, place);
    expr.push(Kind::Call(Func::Split, vec![text, separator]), DataType::list(DataType::String), place);
    expr
}

fn chain(build: &mut Build, random: &mut Random, declaration: u32, from: usize) -> usize {
    let schema = schema();
    let mut steps = Vec::new();
    for _ in 0..1 + random.below(3) {
        let kept = |columns: [u32; 6]| {
            columns
                .iter()
                .zip(&schema.fields)
                .map(|(&c, f)| column(c as usize, f.ty.clone()))
                .collect::<Vec<_>>()
        };
        match random.below(4) {
            0 => steps.push((StepKind::Filter(bool_expr(random)), schema.clone())),
            1 => {
                let mut fields = schema.fields.clone();
                fields.push(Field::new("word", DataType::String));
                steps.push((StepKind::FlatMap(list_expr(random)), Arc::new(RecordType::new(fields.clone()))));
                if random.below(2) == 0 {
                    steps.push((StepKind::Filter(bool_expr(random)), Arc::new(RecordType::new(fields))));
                }
                steps.push((StepKind::Map(kept([0, 6, 2, 3, 4, 5])), schema.clone()));
            }
            2 => {
                let mut exprs = kept([0, 1, 2, 3, 4, 5]);
                exprs[2] = int_expr(random);
                exprs[5] = bool_expr(random);
                steps.push((StepKind::Map(exprs), schema.clone()));
            }
            _ => {
                let mut exprs = kept([0, 1, 2, 3, 4, 5]);
                exprs[0] = int_expr(random);
                steps.push((StepKind::Map(exprs), schema.clone()));
            }
        }
    }
    build.chain_of(declaration, from, steps)
}

fn call(random: &mut Random, func: AggFunc, arg: Option<usize>, ty: DataType) -> ColumnAggregate {
    ColumnAggregate {
        func,
        arg,
        by: matches!(func, AggFunc::ArgMax | AggFunc::ArgMin).then_some(3),
        param: None,
        filter: (random.below(4) == 0 && !ty.is_optional()).then_some(5),
        ty,
        name: "x".into(),
        place: place(random),
    }
}

/// An aggregation and a chain behind it that makes all the columns again.
fn aggregate(build: &mut Build, random: &mut Random, declaration: u32, from: usize) -> usize {
    let schema = schema();
    let keys = pick(random, &[vec![0], vec![1], vec![0, 1], vec![4], vec![3], vec![]]);
    let trigger = match random.below(4) {
        0 => RunningTrigger::AtEnd,
        1 => RunningTrigger::Count(1 + random.below(4)),
        _ => RunningTrigger::EachRow,
    };
    let ints = [AggFunc::Sum, AggFunc::Count, AggFunc::CountDistinct, AggFunc::ApproxCountDistinct];
    let whole = pick(random, &ints);
    let floats = [AggFunc::Avg, AggFunc::Sum, AggFunc::Min, AggFunc::Last, AggFunc::Median, AggFunc::Max];
    let float = pick(random, &floats);
    let optional =
        pick(random, &[AggFunc::First, AggFunc::Min, AggFunc::Max, AggFunc::Last, AggFunc::ArgMax]);
    let text = pick(random, &[AggFunc::StringJoin, AggFunc::Min, AggFunc::First]);
    let condition = pick(random, &[AggFunc::BoolAnd, AggFunc::BoolOr]);
    let divisible = random.below(3) == 0;
    let mut calls = if divisible {
        vec![
            call(random, AggFunc::Count, None, DataType::Int),
            call(random, pick(&mut random.clone(), &[AggFunc::Min, AggFunc::Max]), Some(2), DataType::Int),
            call(random, condition, Some(5), DataType::Bool),
        ]
    } else {
        vec![
            call(random, whole, Some(2), DataType::Int),
            call(random, float, Some(3), DataType::Float),
            call(random, optional, Some(4), DataType::Int.optional()),
            call(random, text, Some(1), DataType::String),
            call(random, condition, Some(5), DataType::Bool),
            call(random, AggFunc::Avg, Some(2), DataType::Float),
        ]
    };
    // With `where:`, all but count and sum may be null.
    for call in &mut calls {
        if call.filter.is_some() && !matches!(call.func, AggFunc::Count | AggFunc::Sum) {
            call.ty = call.ty.clone().optional();
        }
    }
    let key_fields = keys.iter().map(|&key| schema.fields[key].clone());
    let call_fields = calls.iter().map(|call| Field::new(&*call.name, call.ty.clone()));
    let output = Arc::new(RecordType::new(key_fields.chain(call_fields).collect()));
    let exchange = if keys.is_empty() { Exchange::Gather } else { Exchange::Hash(keys.clone()) };
    let discarding = random.below(4) == 0;
    let aggregate = RunningAggregate {
        keys: keys.clone(),
        state: state("a"),
        trigger,
        discarding,
        calls,
        hidden: Hidden::default(),
        changes: false,
    };
    let node =
        build.node_of(declaration, NodeKind::Aggregate(aggregate), vec![(from, exchange)], output.clone());
    build.chain_of(declaration, node, vec![(StepKind::Map(all_columns(&output)), schema)])
}

/// The common columns, of whatever there is.
fn all_columns(from: &RecordType) -> Vec<Expr> {
    let wanted = schema();
    wanted
        .fields
        .iter()
        .map(|field| {
            let place = Place::default();
            let found = from.fields.iter().rposition(|f| f.ty.unwrapped() == field.ty.unwrapped());
            let default = match field.ty.unwrapped() {
                DataType::Int => int(1),
                DataType::String => Value::string("?"),
                DataType::Float => Value::Float(0.5),
                _ => Value::Bool(true),
            };
            let Some(index) = found else { return Expr::literal(default, field.ty.clone(), place) };
            let ty = from.fields[index].ty.clone();
            if !ty.is_optional() || field.ty.is_optional() {
                return column(index, field.ty.clone());
            }
            let mut expr = Expr::default();
            let value = expr.push(Kind::Column(index as u32), ty, place);
            let default = expr.push(Kind::Literal(default), field.ty.clone(), place);
            expr.push(Kind::Coalesce(value, default), field.ty.clone(), place);
            expr
        })
        .collect()
}

/// A fold of `v` per key that fails now and then.
fn scan(build: &mut Build, random: &mut Random, declaration: u32, from: usize) -> usize {
    let schema = schema();
    let place = place(random);
    let init = Expr::literal(int(1), DataType::Int, place);
    let mut next = Expr::default();
    let value = next.push(Kind::Column(2), DataType::Int, place);
    let before = next.push(Kind::Column(6), DataType::Int, place);
    next.push(Kind::Binary(BinaryOp::Add, value, before), DataType::Int, place);
    let mut emit: Vec<Expr> =
        schema.fields.iter().enumerate().map(|(i, f)| column(i, f.ty.clone())).collect();
    emit[2] = column(6, DataType::Int);
    let keys = pick(random, &[vec![0], vec![1]]);
    let kind = NodeKind::Scan { keys: keys.clone(), state: state("s"), init, next, emit };
    build.node_of(declaration, kind, vec![(from, Exchange::Hash(keys))], schema)
}

/// One operator on `from`.
pub fn operator(build: &mut Build, random: &mut Random, declaration: u32, from: usize) -> usize {
    match random.below(7) {
        0..=2 => chain(build, random, declaration, from),
        3..=4 => aggregate(build, random, declaration, from),
        5 => scan(build, random, declaration, from),
        _ => {
            let kind = NodeKind::Tap { label: "look".into() };
            build.node_of(declaration, kind, vec![(from, Exchange::Local)], schema())
        }
    }
}

/// A pipeline without branches, its errors in a sink of their own.
pub fn pipeline(random: &mut Random) -> Build {
    let mut build = Build::new();
    let policy = if random.below(2) == 0 { OnError::Skip } else { OnError::Route };
    let declaration = build.declare("pipeline", policy);
    let mut last = build.source("in", &schema());
    for _ in 0..1 + random.below(5) {
        last = operator(&mut build, random, declaration, last);
    }
    build.sink("out", last);
    if policy == OnError::Route {
        let kind = NodeKind::Errors { of: declaration };
        let errors = build.node(kind, Vec::new(), Arc::new(errors_type()));
        build.sink("errors", errors);
    }
    build
}

/// Branches that part and meet.
pub fn web(random: &mut Random) -> Build {
    let mut build = Build::new();
    let declaration = build.declare("web", OnError::Skip);
    let mut ends: Vec<usize> = (0..1 + random.below(2)).map(|_| build.source("in", &schema())).collect();
    for _ in 0..3 + random.below(6) {
        let from = pick(random, &ends);
        let node = if ends.len() > 1 && random.below(3) == 0 {
            let inputs = (0..2 + random.below(2)).map(|_| (pick(random, &ends), Exchange::Local)).collect();
            build.node_of(declaration, NodeKind::Union, inputs, schema())
        } else {
            operator(&mut build, random, declaration, from)
        };
        ends.push(node);
    }
    let last = ends.len() - 1;
    build.sink("out", ends[last]);
    build.sink("other", pick(random, &ends));
    build
}
