//! Test support: random expressions and chains, native code against the evaluator, bit for bit,
//! errors included. The tests run some ten thousand, `cargo xtask fuzz jit` as many as are asked for.

#[cfg(test)]
mod catalogue;
mod minimise;

use crate::{CompiledChain, Instance, Nulls, Outcome};
use flow_data::Batch;
use flow_plan::ErrorCode;
use flow_plan::arbitrary::Arbitrary;
use flow_plan::eval::Evaluator;
use flow_plan::expr::{Expr, Place};
use flow_plan::limits::Room;
use flow_plan::order::identical;
use flow_plan::physical::{Chain, Step, StepKind};
use flow_plan::types::{DataType, Field, RecordType};
use flow_plan::value::Value;
use std::fmt::Write;
use std::sync::Arc;

/// Expressions that share one kernel, so that compiling does not eat all the time; one chain
/// follows each such group.
const GROUP: usize = 40;
/// Values with more text or elements than this are left out.
const GIANT: usize = 1 << 20;
/// A chain that makes more rows of one is left out.
const MANY: usize = 50_000;
/// Rows of a group.
const ROWS: usize = 12;

type Row = Vec<Value>;

/// Compares `count` random expressions and chains; what differs first, ready to be printed.
pub fn run(seed: u64, count: u64) -> Result<Tally, String> {
    let mut tally = Tally::default();
    let mut round = 0;
    while tally.expressions + tally.chains < count {
        // One seed names one round: a failure is repeated by its own seed alone.
        let seed = seed.wrapping_add(round);
        let found = group(seed, &mut tally).and_then(|()| chain(seed, &mut tally));
        found.map_err(|report| format!("seed {seed}: {report}"))?;
        round += 1;
    }
    Ok(tally)
}

/// What was compared.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tally {
    /// Expressions.
    pub expressions: u64,
    /// Whole chains.
    pub chains: u64,
    /// Values of expressions.
    pub values: u64,
    /// Record errors.
    pub errors: u64,
}

/// A record of one column per expression.
fn record_of(exprs: &[Expr]) -> Arc<RecordType> {
    let field = |(i, e): (usize, &Expr)| Field::new(format!("c{i}"), e.ty().clone());
    Arc::new(RecordType::new(exprs.iter().enumerate().map(field).collect()))
}

fn map_chain(input: &Arc<RecordType>, exprs: Vec<Expr>) -> Chain {
    let output = record_of(&exprs);
    let step = Step {
        kind: StepKind::Map(exprs),
        output,
        declaration: 0,
        label: "map".into(),
        place: Place::default(),
    };
    Chain { input: input.clone(), steps: vec![step] }
}

/// Columns for expressions: mostly scalars, which have instructions.
fn schema(random: &mut Arbitrary) -> Arc<RecordType> {
    let field = |i: usize, random: &mut Arbitrary| {
        let ty = if random.one_in(5) { random.ty() } else { random.scalar() };
        Field::new(format!("c{i}"), if random.one_in(4) { ty.optional() } else { ty })
    };
    Arc::new(RecordType::new((0..7).map(|i| field(i, random)).collect()))
}

/// Rows; of some groups without any null in the columns, so that both variants of kernels run.
fn rows(random: &mut Arbitrary, schema: &RecordType, nulls: bool) -> Vec<Row> {
    let value = |ty: &DataType, random: &mut Arbitrary| random.value(if nulls { ty } else { ty.unwrapped() });
    (0..ROWS).map(|_| schema.fields.iter().map(|f| value(&f.ty, random)).collect()).collect()
}

/// The values of expressions, `[expression][row]`. Those that make giants are left out: a dozen rows
/// of them would fill the memory of a machine. What happens at the limit has tests of its own.
fn evaluated(exprs: Vec<Expr>, rows: &[Row]) -> (Vec<Expr>, Vec<Vec<Option<Value>>>) {
    let mut evaluator = Evaluator::new(0);
    let all = exprs.into_iter().filter_map(|expr| {
        let values = rows.iter().map(|row| evaluate(&mut evaluator, &expr, row));
        let values = values.collect::<Result<Vec<_>, Giant>>().ok()?;
        Some((expr, values))
    });
    all.unzip()
}

/// A value that comes near the limits.
struct Giant;

/// The value, or nothing if there is a record error.
fn evaluate(evaluator: &mut Evaluator, expr: &Expr, row: &Row) -> Result<Option<Value>, Giant> {
    match evaluator.eval(expr, row) {
        Ok(value) if Room::of(GIANT, GIANT).item(&value).is_err() => Err(Giant),
        Err(error) if error.code == ErrorCode::TooLarge => Err(Giant),
        result => Ok(result.ok()),
    }
}

fn group(seed: u64, tally: &mut Tally) -> Result<(), String> {
    let mut random = Arbitrary::new(seed);
    let schema = schema(&mut random);
    let exprs: Vec<Expr> = (0..GROUP)
        .map(|_| {
            let ty = if random.one_in(4) { random.ty() } else { random.scalar() };
            let depth = 1 + random.below(4);
            random.expr(&schema, &ty, depth)
        })
        .collect();
    let nulls = !random.one_in(4);
    let rows = rows(&mut random, &schema, nulls);
    agree(&schema, exprs, &rows, nulls, tally)
}

/// Compares expressions over rows, each row alone and all together.
fn agree(
    schema: &Arc<RecordType>,
    exprs: Vec<Expr>,
    rows: &[Row],
    nulls: bool,
    tally: &mut Tally,
) -> Result<(), String> {
    let (exprs, expected) = evaluated(exprs, rows);
    let chain = map_chain(schema, exprs);
    let StepKind::Map(exprs) = &chain.steps[0].kind else { return Ok(()) };
    let mut instance = Instance::new(compiled(&chain, nulls)?);
    let whole = 0..rows.len();
    let single = whole.clone().map(|row| row..row + 1);
    for range in single.chain([whole]) {
        let batch = Batch::from_rows(&rows[range.clone()], schema);
        let (errors, out) = instance.run_raw(&batch);
        let mut bit = 0;
        for (index, expr) in exprs.iter().enumerate() {
            let wanted = &expected[index][range.clone()];
            // Expressions that only name a column have no bit: they cannot fail.
            let failed = expr.as_column().is_none() && {
                bit += 1;
                errors >> ((bit - 1) % 64) & 1 == 1
            };
            let same = match wanted.iter().any(|v| v.is_none()) {
                true => failed,
                false => {
                    !failed
                        && wanted.iter().enumerate().all(|(row, wanted)| {
                            let found = out.columns[index].value(row, expr.ty());
                            wanted.as_ref().is_some_and(|wanted| identical(wanted, &found))
                        })
                }
            };
            if !same {
                return Err(minimise::report(expr, schema, &rows[range]));
            }
        }
    }
    tally.expressions += exprs.len() as u64;
    let all = expected.iter().flatten();
    tally.errors += all.clone().filter(|v| v.is_none()).count() as u64;
    tally.values += all.filter(|v| v.is_some()).count() as u64;
    Ok(())
}

/// What the evaluator makes of a chain's rows; nothing if there is a record error.
fn interpret(chain: &Chain, rows: &[Row]) -> Result<Option<Vec<Row>>, Giant> {
    let mut evaluator = Evaluator::new(0);
    let mut rows = rows.to_vec();
    for step in &chain.steps {
        let mut next = Vec::new();
        for row in rows {
            let mut value = |expr: &Expr| evaluate(&mut evaluator, expr, &row);
            match &step.kind {
                StepKind::Map(exprs) => {
                    let values = exprs.iter().map(value).collect::<Result<Option<Row>, Giant>>()?;
                    let Some(values) = values else { return Ok(None) };
                    next.push(values);
                }
                StepKind::Filter(expr) => match value(expr)? {
                    Some(Value::Bool(true)) => next.push(row),
                    Some(_) => {}
                    None => return Ok(None),
                },
                StepKind::FlatMap(expr) => {
                    let Some(Value::List(items)) = value(expr)? else { return Ok(None) };
                    if next.len() + items.len() > MANY {
                        return Err(Giant);
                    }
                    next.extend(items.iter().map(|item| row.iter().chain([item]).cloned().collect::<Row>()));
                }
            }
        }
        rows = next;
    }
    Ok(Some(rows))
}

/// Native code for groups whose columns have nulls, or for both kinds of batches.
fn compiled(chain: &Chain, nulls: bool) -> Result<Arc<CompiledChain>, String> {
    let wanted = if nulls { Nulls::Some } else { Nulls::Both };
    crate::build(chain, false, wanted).map(|(chain, _)| chain).map_err(|e| e.to_string())
}

/// What native code makes of them.
fn execute(instance: &mut Instance, chain: &Chain, rows: &[Row]) -> Option<Vec<Row>> {
    let mut out = Vec::new();
    match instance.run(&Batch::from_rows(rows, &chain.input), &mut out) {
        Outcome::RecordError => None,
        Outcome::Done => {
            let schema = chain.steps.last().map_or(&chain.input, |s| &s.output);
            Some(out.iter().flat_map(|b| (0..b.len).map(|row| b.row(row, schema))).collect())
        }
    }
}

fn same_rows(a: &Option<Vec<Row>>, b: &Option<Vec<Row>>) -> bool {
    let same = |a: &Row, b: &Row| a.len() == b.len() && a.iter().zip(b).all(|(a, b)| identical(a, b));
    match (a, b) {
        (None, None) => true,
        (Some(a), Some(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)),
        _ => false,
    }
}

fn chain(seed: u64, tally: &mut Tally) -> Result<(), String> {
    let mut random = Arbitrary::new(seed ^ 0xC4A1);
    let schema = schema(&mut random);
    let depth = 1 + random.below(3);
    let chain = random.chain(&schema, 4, depth);
    let nulls = !random.one_in(4);
    let rows = rows(&mut random, &schema, nulls);
    let mut instance = Instance::new(compiled(&chain, nulls)?);
    // Rows alone, so that one error does not hide the rest; then those without errors together.
    let mut good = Vec::new();
    for row in &rows {
        let one = std::slice::from_ref(row);
        let Ok(expected) = interpret(&chain, one) else { continue };
        if expected.is_some() {
            good.push(row.clone());
        }
        compare(&mut instance, &chain, one, &expected)?;
    }
    if let Ok(expected) = interpret(&chain, &good) {
        compare(&mut instance, &chain, &good, &expected)?;
    }
    tally.chains += 1;
    Ok(())
}

fn compare(
    instance: &mut Instance,
    chain: &Chain,
    rows: &[Row],
    expected: &Option<Vec<Row>>,
) -> Result<(), String> {
    let found = execute(instance, chain, rows);
    if same_rows(expected, &found) {
        return Ok(());
    }
    let mut text = format!("a chain over {}\n", chain.input);
    for step in &chain.steps {
        let exprs: Vec<&Expr> = match &step.kind {
            StepKind::Map(exprs) => exprs.iter().collect(),
            StepKind::Filter(expr) | StepKind::FlatMap(expr) => vec![expr],
        };
        let kind = match &step.kind {
            StepKind::Map(_) => "map",
            StepKind::Filter(_) => "filter",
            StepKind::FlatMap(_) => "flatMap",
        };
        for expr in exprs {
            let _ = writeln!(text, "  {kind} {}", minimise::show(expr));
        }
    }
    Err(format!("{text}rows {rows:?}\nevaluator {expected:?}\nnative    {found:?}"))
}
