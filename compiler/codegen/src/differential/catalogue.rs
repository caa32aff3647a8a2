//! Every function and conversion of the catalogue, native code against the evaluator, over the edges
//! of its parameters' types. The table itself is walked: a new function is covered by being in it.

use super::{Row, Tally, agree};
use flow_plan::arbitrary::Arbitrary;
use flow_plan::cast::{self, CastRule};
use flow_plan::catalogue::{FUNCTIONS, Func, Signature, TypePattern};
use flow_plan::expr::{Expr, Kind, NodeId, OnFail, Place};
use flow_plan::types::{DataType, Field, RecordType};
use flow_plan::value::Value;
use rust_decimal::Decimal;
use std::sync::Arc;

/// Rows of one comparison: all combinations of edges, or so many of them.
const ROWS: usize = 240;
const SEED: u64 = 2;

/// What stands for the variables of a signature, one set after the other.
fn instances() -> Vec<DataType> {
    use DataType::*;
    let pair = DataType::record(vec![Field::new("a", Int), Field::new("b", String.optional())]);
    vec![
        Int,
        Float,
        Decimal,
        String,
        Timestamp,
        Duration,
        Bool,
        Bytes,
        Int.optional(),
        String.optional(),
        DataType::list(Float),
        pair,
        Json,
    ]
}

fn scalars() -> [DataType; 8] {
    use DataType::*;
    [Bool, Int, Float, Decimal, String, Bytes, Timestamp, Duration]
}

/// The type of a parameter when this type stands for its variables; `None` if it cannot.
fn instance(pattern: &TypePattern, ty: &DataType) -> Option<DataType> {
    Some(match pattern {
        TypePattern::Exact(exact) => exact.clone(),
        TypePattern::Num => Some(ty.clone()).filter(DataType::is_numeric)?,
        TypePattern::Ord => Some(ty.clone()).filter(DataType::is_ordered)?,
        TypePattern::Var(_) | TypePattern::Any => ty.clone(),
        TypePattern::List(of) => DataType::list(instance(of, ty)?),
        TypePattern::Map(of) => DataType::map(instance(of, ty)?),
        TypePattern::Optional(of) => instance(of, ty)?.optional(),
        TypePattern::Record(fields) => {
            let fields = fields.iter().map(|(name, of)| Some(Field::new(*name, instance(of, ty)?)));
            DataType::record(fields.collect::<Option<_>>()?)
        }
        TypePattern::Lambda(_, body) => instance(body, ty)?,
    })
}

/// The edges of a type.
fn edges(ty: &DataType) -> Vec<Value> {
    const WORD: [i64; 10] = [i64::MIN, i64::MIN + 1, -1, 0, 1, 7, 1 << 31, 1 << 53, i64::MAX - 1, i64::MAX];
    // The years 9999, 0001 and -0001.
    const FAR: [i64; 3] = [253_402_300_799_999_999, -62_135_596_800_000_000, -62_167_219_200_000_001];
    match ty {
        DataType::Bool => vec![Value::Bool(false), Value::Bool(true)],
        DataType::Int => WORD.map(Value::Int).to_vec(),
        DataType::Float => floats().map(Value::Float).to_vec(),
        DataType::Decimal => decimals().map(Value::Decimal).to_vec(),
        DataType::String => texts().map(Value::string).to_vec(),
        DataType::Bytes => [&b""[..], b"\0", b"\xff\xfe", b"hello", b"longer than twelve"]
            .map(|b| Value::Bytes(b.into()))
            .into(),
        DataType::Timestamp => WORD.iter().chain(&FAR).map(|t| Value::Timestamp(*t)).collect(),
        DataType::Duration => WORD.iter().chain(&[86_400_000_000]).map(|d| Value::Duration(*d)).collect(),
        DataType::List(of) => {
            let all = edges(of);
            let list = |items: &[Value]| Value::List(items.into());
            vec![list(&[]), list(&all[..1]), list(&[all[0].clone(), all[0].clone()]), list(&all)]
        }
        DataType::Map(of) => {
            let all = edges(of);
            let entry = |(key, at): (&str, usize)| (key.into(), all[at % all.len()].clone());
            let map = |keys: &[(&str, usize)]| Value::Map(keys.iter().copied().map(entry).collect());
            vec![map(&[]), map(&[("", 0)]), map(&[("a", 1), ("b", 0), ("ż", 2)])]
        }
        DataType::Record(record) => {
            let all: Vec<Vec<Value>> = record.fields.iter().map(|f| edges(&f.ty)).collect();
            let most = all.iter().map(Vec::len).max().unwrap_or(0);
            (0..most).map(|i| Value::Record(all.iter().map(|e| e[i % e.len()].clone()).collect())).collect()
        }
        DataType::Json => ["null", "1", "-0.0", "\"é\"", "[1,null]", "{\"a\":{\"b\":[]}}"]
            .map(|text| {
                flow_plan::functions::json::parse(text).map_or(Value::Null, |j| Value::Json(Arc::new(j)))
            })
            .to_vec(),
        DataType::Optional(of) => [Value::Null].into_iter().chain(edges(of)).collect(),
    }
}

fn floats() -> [f64; 13] {
    let two63 = 9_223_372_036_854_775_808.0;
    let (tiny, infinity) = (f64::from_bits(1), f64::INFINITY);
    [
        f64::NAN,
        -0.0,
        0.0,
        0.5,
        -2.5,
        0.1,
        tiny,
        f64::MIN_POSITIVE,
        f64::MAX,
        two63,
        -two63,
        infinity,
        -infinity,
    ]
}

fn decimals() -> [Decimal; 8] {
    let small = |digits, scale| Decimal::new(digits, scale);
    [
        Decimal::MAX,
        Decimal::MIN,
        Decimal::ZERO,
        small(0, 28),
        small(1, 28),
        small(-15, 1),
        small(25, 1),
        Decimal::ONE,
    ]
}

/// Also what functions of texts look for: patterns, zones, dates, numbers, URLs, JSON.
fn texts() -> [&'static str; 22] {
    [
        "",
        " \t",
        "a",
        "żółw🐢",
        "👩‍👩‍👧",
        "İß",
        "twelve bytes",
        "thirteen byte",
        "UTC",
        "Europe/Berlin",
        "yyyy-MM-dd HH:mm",
        "'",
        "(\\w)(b)?",
        "(",
        "2026-01-31 12:00",
        "2026-01-31T12:00:00Z",
        "-9223372036854775808",
        "1e400",
        "1h30m",
        "true",
        "https://u@h.org:1/p%20?a=%C3%A9&b#x",
        "{\"a\":[1,null]}",
    ]
}

/// Combinations of the edges of these types.
fn rows(types: &[DataType]) -> Vec<Row> {
    let edges: Vec<Vec<Value>> = types.iter().map(edges).collect();
    let all: usize = edges.iter().map(Vec::len).product();
    let mut random = Arbitrary::new(SEED);
    let combination = |number: usize| {
        let mut rest = number;
        let each = edges.iter().map(|of| {
            let value = of[rest % of.len()].clone();
            rest /= of.len();
            value
        });
        each.collect::<Row>()
    };
    match all <= ROWS {
        true => (0..all).map(combination).collect(),
        false => (0..ROWS).map(|_| combination(random.below(all))).collect(),
    }
}

fn record(types: &[DataType]) -> Arc<RecordType> {
    let field = |(i, ty): (usize, &DataType)| Field::new(format!("c{i}"), ty.clone());
    Arc::new(RecordType::new(types.iter().enumerate().map(field).collect()))
}

fn push(expr: &mut Expr, kind: Kind, ty: &DataType) -> NodeId {
    expr.push(kind, ty.clone(), Place::default())
}

/// A lambda that gives one of its parameters, or else a constant.
fn lambda(expr: &mut Expr, params: &[DataType], body: &DataType, constant: Value) -> NodeId {
    let locals: Vec<u32> = (0..params.len() as u32).collect();
    let same = params.iter().rposition(|param| param == body);
    let body = match (same, params.last()) {
        (Some(local), _) => push(expr, Kind::Local(local as u32), body),
        (None, Some(last)) if *body == DataType::Bool => {
            let x = push(expr, Kind::Local(params.len() as u32 - 1), last);
            push(expr, Kind::IsNull(x), body)
        }
        _ => push(expr, Kind::Literal(constant), body),
    };
    let ty = expr[body].ty.clone();
    push(expr, Kind::Lambda { params: locals, body }, &ty)
}

/// A call whose arguments are columns; those of `literals` are written down instead.
fn call(
    func: Func,
    signature: &Signature,
    ty: &DataType,
    types: &[DataType],
    literals: &[Option<Value>],
) -> Option<Expr> {
    let mut expr = Expr::default();
    let mut args = Vec::new();
    for (column, param) in types.iter().enumerate() {
        // Behind the last parameter stand more of a variadic one.
        let pattern = &signature.params[column.min(signature.params.len() - 1)].ty;
        args.push(match (pattern, &literals[column]) {
            (TypePattern::Lambda(params, body), _) => {
                let params: Vec<DataType> = params.iter().map(|p| instance(p, ty)).collect::<Option<_>>()?;
                let body = instance(body, ty)?;
                lambda(&mut expr, &params, &body, edges(&body)[0].clone())
            }
            (_, Some(value)) => push(&mut expr, Kind::Literal(value.clone()), param),
            (_, None) => push(&mut expr, Kind::Column(column as u32), param),
        });
    }
    push(&mut expr, Kind::Call(func, args), &instance(&signature.ret, ty)?);
    Some(expr)
}

/// The types of the arguments: as few as must be, all, and of a variadic one several.
fn argument_lists(signature: &Signature, ty: &DataType) -> Vec<Vec<DataType>> {
    let all: Option<Vec<DataType>> = signature.params.iter().map(|p| instance(&p.ty, ty)).collect();
    let Some(all) = all else { return Vec::new() };
    let mut lists = vec![all[..signature.required()].to_vec(), all.clone()];
    if signature.params.last().is_some_and(|p| p.variadic) {
        lists.push(all.iter().chain([&all[all.len() - 1]]).cloned().collect());
    }
    lists.dedup();
    lists
}

fn compare(types: &[DataType], exprs: Vec<Expr>, rows: &[Row], what: &str) -> Tally {
    let mut tally = Tally::default();
    let nulls = types.iter().any(DataType::is_optional);
    if let Err(report) = agree(&record(types), exprs, rows, nulls, &mut tally) {
        panic!("{what}: {report}");
    }
    tally
}

#[test]
fn every_function_of_the_catalogue_gives_the_same_over_the_edges_of_its_types() {
    // The clock is nobody's to compare.
    for def in FUNCTIONS.iter().filter(|def| def.func != Func::Now) {
        let mut compared = 0;
        for signature in def.overloads() {
            let mut seen: Vec<Vec<DataType>> = Vec::new();
            for ty in instances() {
                for types in argument_lists(signature, &ty) {
                    if seen.contains(&types) {
                        continue;
                    }
                    seen.push(types.clone());
                    let rows = rows(&types);
                    let columns = vec![None; types.len()];
                    let Some(expr) = call(def.func, signature, &ty, &types, &columns) else { continue };
                    let mut exprs = vec![expr];
                    // Patterns, zones and the like are mostly written down.
                    for row in rows.iter().step_by(rows.len().div_ceil(24)).filter(|_| types.len() > 1) {
                        let literals = row.iter().enumerate().map(|(i, v)| (i > 0).then(|| v.clone()));
                        exprs.extend(call(def.func, signature, &ty, &types, &literals.collect::<Vec<_>>()));
                    }
                    let tally = compare(&types, exprs, &rows, signature.text);
                    compared += tally.values + tally.errors;
                }
            }
        }
        assert!(compared > 0, "nothing was compared of {}", def.name);
    }
}

#[test]
fn every_conversion_gives_the_same_over_the_edges_of_its_type() {
    for from in scalars().into_iter().chain([DataType::Json]) {
        for to in scalars().into_iter().chain([DataType::Json]) {
            if cast::rule(&from, &to) == CastRule::Never {
                continue;
            }
            let convert = |on_fail, to: &DataType| {
                let mut expr = Expr::column(0, from.clone(), Place::default());
                let x = expr.root();
                push(&mut expr, Kind::Cast(x, on_fail), to);
                expr
            };
            let exprs = vec![convert(OnFail::Error, &to), convert(OnFail::Null, &to.clone().optional())];
            let types = [from.clone()];
            compare(&types, exprs, &rows(&types), &format!("{to}({from})"));
        }
    }
}
