//! Every aggregate of the catalogue, the engine against the reference, over the edges of its argument's
//! type. The table itself is walked: a new aggregate is covered by being in it.
#![allow(clippy::disallowed_methods)]

mod graphs;

use flow_plan::arbitrary::Arbitrary;
use flow_plan::catalogue::{AGGREGATES, AggFunc, Signature, TypePattern};
use flow_plan::interpret::{Inputs, evaluate};
use flow_plan::operator::RunningTrigger;
use flow_plan::order::identical;
use flow_plan::physical::{ColumnAggregate, Exchange, Hidden, NodeKind, RunningAggregate};
use flow_plan::{DataType, Place, Value};
use graphs::*;

const SEED: u64 = 5;

/// What stands for the variables of a signature.
fn instances() -> Vec<DataType> {
    use DataType::*;
    vec![
        Int,
        Float,
        Decimal,
        String,
        Bool,
        Bytes,
        Timestamp,
        Duration,
        Int.optional(),
        Float.optional(),
        String.optional(),
        DataType::list(Int.optional()),
        Json,
    ]
}

/// The type of a pattern when this type stands for its variables.
fn instance(pattern: &TypePattern, ty: &DataType) -> Option<DataType> {
    Some(match pattern {
        TypePattern::Exact(exact) if exact == ty.unwrapped() => ty.clone(),
        TypePattern::Num if ty.unwrapped().is_numeric() => ty.clone(),
        TypePattern::Ord if ty.unwrapped().is_ordered() => ty.clone(),
        TypePattern::Var(_) | TypePattern::Any => ty.clone(),
        _ => return None,
    })
}

/// The type of the result; that of no rows, or of nulls alone, is null.
fn result(func: AggFunc, signature: &Signature, ty: &DataType) -> DataType {
    match &signature.ret {
        TypePattern::Exact(exact) if matches!(func, AggFunc::Count) => exact.clone(),
        TypePattern::Exact(exact) => exact.clone().optional(),
        TypePattern::Optional(of) => match &**of {
            TypePattern::Exact(exact) => exact.clone().optional(),
            _ => ty.unwrapped().clone().optional(),
        },
        TypePattern::List(_) => DataType::list(ty.clone()).optional(),
        _ => ty.unwrapped().clone().optional(),
    }
}

/// Rows of key, argument and `by`: random values, many of them edges; the first three arguments are alike.
fn rows(ty: &DataType, by: &DataType) -> Vec<Row> {
    let mut random = Arbitrary::new(SEED);
    let mut rows: Vec<Row> = Vec::new();
    for number in 0..400 {
        let argument = match rows.first() {
            // What repeats and ties counts too.
            Some(first) if number < 3 => first[1].clone(),
            _ => random.value(ty),
        };
        rows.push(vec![int(random.below(40) as i64), argument, random.value(by)]);
    }
    rows
}

fn compare(call: ColumnAggregate, ty: &DataType, by: &DataType, trigger: RunningTrigger, what: &str) {
    let input = record(&[("key", DataType::Int), ("x", ty.clone()), ("by", by.clone())]);
    let output = record(&[("key", DataType::Int), ("result", call.ty.clone())]);
    let mut build = Build::new();
    build.graph.declarations[0].on_error = flow_plan::operator::OnError::Skip;
    let source = build.source("in", &input);
    let aggregate = RunningAggregate {
        keys: vec![0],
        state: state("main.aggregate"),
        trigger,
        discarding: false,
        calls: vec![call],
        hidden: Hidden::default(),
        changes: false,
    };
    let from = vec![(source, Exchange::Hash(vec![0]))];
    let aggregated = build.node(NodeKind::Aggregate(aggregate), from, output);
    let sink = build.sink("out", aggregated);
    let rows = rows(ty, by);
    let inputs: Inputs = [("main".to_string(), rows.clone())].into();
    let expected = evaluate(&build.graph, &inputs, 0).expect("bad records are skipped");
    let wanted = &expected.rows[sink];
    let mut memory = Memory::default();
    memory.source("in", Script::of(rows, 7));
    let out = memory.sink("out");
    for workers in [1, 3] {
        memory.run(&build.graph, workers).expect("bad records are skipped");
        let got = out.take();
        let at = (0..got.len().max(wanted.len())).find(|&i| match (got.get(i), wanted.get(i)) {
            (Some(a), Some(b)) => !a.iter().zip(b).all(|(a, b)| identical(a, b)),
            _ => true,
        });
        if let Some(at) = at {
            panic!("{what} of {ty}, {workers} workers, row {at}: {:?} and {:?}", got.get(at), wanted.get(at));
        }
    }
}

#[test]
fn every_aggregate_of_the_catalogue_gives_what_the_reference_gives() {
    for def in AGGREGATES {
        let mut compared = 0;
        for signature in def.overloads() {
            for ty in instances() {
                let argument = signature.params.first().filter(|p| !p.named_only);
                if argument.is_some_and(|p| instance(&p.ty, &ty).is_none()) {
                    continue;
                }
                let second = signature.params.get(1);
                let param = match second.filter(|p| !p.named_only).map(|p| &p.ty) {
                    Some(TypePattern::Exact(DataType::Float)) => Some(Value::Float(0.3)),
                    Some(_) => Some(Value::string("; ")),
                    None => None,
                };
                let by = second.filter(|p| p.named_only).map(|_| 2);
                let call = ColumnAggregate {
                    func: def.func,
                    arg: argument.map(|_| 1),
                    by,
                    param,
                    filter: None,
                    ty: result(def.func, signature, &ty),
                    name: "result".into(),
                    place: Place::default(),
                };
                let orders =
                    if by.is_some() { vec![DataType::Float, DataType::String] } else { vec![DataType::Int] };
                for order in orders {
                    for trigger in [RunningTrigger::AtEnd, RunningTrigger::EachRow] {
                        compare(call.clone(), &ty, &order, trigger, signature.text);
                    }
                }
                compared += 1;
            }
        }
        assert!(compared > 0, "nothing was compared of {}", def.name);
    }
}
