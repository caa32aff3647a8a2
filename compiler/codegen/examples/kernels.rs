//! Nanoseconds a row of kernels against the same loops written by hand in Rust:
//! `cargo run --release -p flow-codegen --example kernels`.
#![allow(clippy::disallowed_methods, clippy::print_stdout, unsafe_code)]

use flow_codegen::{Instance, Outcome, compile};
use flow_data::{Batch, Column, ColumnData, StrBuilder, View};
use flow_plan::catalogue::Func;
use flow_plan::expr::{BinaryOp, Expr, Kind, NodeId, OnFail, Place};
use flow_plan::physical::{Chain, Step, StepKind};
use flow_plan::types::{DataType, Field, RecordType};
use flow_plan::value::Value;
use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

const ROWS: usize = 4096;

fn record(types: &[DataType]) -> Arc<RecordType> {
    let field = |(i, ty): (usize, &DataType)| Field::new(format!("c{i}"), ty.clone());
    Arc::new(RecordType::new(types.iter().enumerate().map(field).collect()))
}

fn step(kind: StepKind, types: &[DataType]) -> Step {
    Step { kind, output: record(types), declaration: 0, label: "bench".into(), place: Place::default() }
}

/// The best of many runs, per unit.
fn measure(units: usize, mut run: impl FnMut()) -> f64 {
    let mut best = f64::MAX;
    for _ in 0..300 {
        let start = Instant::now();
        run();
        best = best.min(start.elapsed().as_nanos() as f64);
    }
    best / units as f64
}

fn kernel(chain: &Chain, batch: &Batch, units: usize) -> f64 {
    let mut instance = Instance::new(compile(chain).expect("the chain compiles"));
    let mut out = Vec::new();
    measure(units, || {
        out.clear();
        assert_eq!(instance.run(black_box(batch), &mut out), Outcome::Done);
        black_box(&out);
    })
}

fn report(name: &str, kernel: f64, hand: f64) {
    println!("{name:<42} kernel {kernel:6.2} ns   by hand {hand:6.2} ns   ratio {:.2}", kernel / hand);
}

struct Build(Expr);

impl Build {
    fn push(&mut self, kind: Kind, ty: DataType) -> NodeId {
        self.0.push(kind, ty, Place::default())
    }
    fn col(&mut self, index: u32, ty: DataType) -> NodeId {
        self.push(Kind::Column(index), ty)
    }
    fn int(&mut self, value: i64) -> NodeId {
        self.push(Kind::Literal(Value::Int(value)), DataType::Int)
    }
    fn float(&mut self, value: f64) -> NodeId {
        self.push(Kind::Literal(Value::Float(value)), DataType::Float)
    }
    fn op(&mut self, op: BinaryOp, a: NodeId, b: NodeId, ty: DataType) -> NodeId {
        self.push(Kind::Binary(op, a, b), ty)
    }
}

fn expr(build: impl FnOnce(&mut Build)) -> Expr {
    let mut b = Build(Expr::default());
    build(&mut b);
    b.0
}

fn numbers(seed: u64) -> Vec<i64> {
    let mut x = seed;
    let mut next = || {
        x = x.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (x >> 44) as i64
    };
    (0..ROWS).map(|_| next()).collect()
}

fn main() {
    let (a, b) = (numbers(1), numbers(2));
    let columns = [&a, &b].map(|v| Arc::new(Column::new(ColumnData::I64(v.clone()))));
    let ints = Batch::new(ROWS, columns.to_vec());
    let two = [DataType::Int, DataType::Int];

    // q2: filter(a % 123 == 0), pass both columns.
    let cond = expr(|e| {
        let (x, n) = (e.col(0, DataType::Int), e.int(123));
        let rest = e.op(BinaryOp::Rem, x, n, DataType::Int);
        let zero = e.int(0);
        e.op(BinaryOp::Eq, rest, zero, DataType::Bool);
    });
    let chain = Chain { input: record(&two), steps: vec![step(StepKind::Filter(cond), &two)] };
    let hand = measure(ROWS, || {
        let (a, b) = (black_box(&a), black_box(&b));
        let kept = || (0..ROWS).filter(|&i| a[i] % 123 == 0);
        let x: Vec<i64> = kept().map(|i| a[i]).collect();
        let y: Vec<i64> = kept().map(|i| b[i]).collect();
        black_box((x, y));
    });
    report("filter(a % 123 == 0), 2 columns", kernel(&chain, &ints, ROWS), hand);

    // filter(a > b): half of the rows, unpredictable.
    let cond = expr(|e| {
        let (x, y) = (e.col(0, DataType::Int), e.col(1, DataType::Int));
        e.op(BinaryOp::Gt, x, y, DataType::Bool);
    });
    let chain = Chain { input: record(&two), steps: vec![step(StepKind::Filter(cond), &two)] };
    let hand = measure(ROWS, || {
        let (a, b) = (black_box(&a), black_box(&b));
        let (mut x, mut y) = (Vec::with_capacity(ROWS), Vec::with_capacity(ROWS));
        for i in 0..ROWS {
            if a[i] > b[i] {
                x.push(a[i]);
                y.push(b[i]);
            }
        }
        black_box((x, y));
    });
    report("filter(a > b), 2 columns", kernel(&chain, &ints, ROWS), hand);

    // q1: price * 0.908.
    let product = expr(|e| {
        let x = e.col(0, DataType::Int);
        let x = e.push(Kind::Cast(x, OnFail::Error), DataType::Float);
        let y = e.float(0.908);
        e.op(BinaryOp::Mul, x, y, DataType::Float);
    });
    let chain =
        Chain { input: record(&two), steps: vec![step(StepKind::Map(vec![product]), &[DataType::Float])] };
    let hand = measure(ROWS, || {
        let x: Vec<f64> = black_box(&a).iter().map(|&x| x as f64 * 0.908).collect();
        black_box(x);
    });
    report("price * 0.908", kernel(&chain, &ints, ROWS), hand);

    // a * b + a, checked.
    let sum = expr(|e| {
        let (x, y) = (e.col(0, DataType::Int), e.col(1, DataType::Int));
        let product = e.op(BinaryOp::Mul, x, y, DataType::Int);
        let x = e.col(0, DataType::Int);
        e.op(BinaryOp::Add, product, x, DataType::Int);
    });
    let chain = Chain { input: record(&two), steps: vec![step(StepKind::Map(vec![sum]), &[DataType::Int])] };
    let hand = measure(ROWS, || {
        let (a, b) = (black_box(&a), black_box(&b));
        let mut failed = false;
        let x: Vec<i64> = (0..ROWS)
            .map(|i| {
                let (product, f) = a[i].overflowing_mul(b[i]);
                let (sum, g) = product.overflowing_add(a[i]);
                failed |= f | g;
                sum
            })
            .collect();
        black_box((x, failed));
    });
    report("a * b + a, checked", kernel(&chain, &ints, ROWS), hand);

    texts();
    compile_time();
}

fn lines() -> Vec<String> {
    let words = [
        "the",
        "of",
        "stream",
        "a",
        "in",
        "watermark",
        "checkpointing",
        "is",
        "to",
        "state",
        "internationalization",
    ];
    let pick = numbers(3);
    pick.chunks(8)
        .map(|c| c.iter().map(|&n| words[n as usize % words.len()]).collect::<Vec<_>>().join(" "))
        .collect()
}

fn texts() {
    let lines = lines();
    let text = lines.join("\n");
    // As a decoder would: views into one buffer.
    let buffer = flow_data::TextBuffer::new(Arc::new(text.clone().into_bytes())).expect("it is text");
    let mut builder = flow_data::SliceBuilder::new(buffer, lines.len());
    let mut at = 0;
    for line in &lines {
        builder.push(at, at + line.len());
        at += line.len() + 1;
    }
    let column = Arc::new(Column::new(ColumnData::Str(builder.finish())));
    let batch = Batch::new(lines.len(), vec![column]);
    let one = [DataType::String];
    let words: usize = lines.iter().map(|l| l.split(' ').count()).sum();
    for separator in [Some(" "), None] {
        let split = expr(|e| {
            let mut args = vec![e.col(0, DataType::String)];
            if let Some(separator) = separator {
                args.push(e.push(Kind::Literal(Value::string(separator)), DataType::String));
            }
            e.push(Kind::Call(Func::Split, args), DataType::list(DataType::String));
        });
        let word = Expr::column(1, DataType::String, Place::default());
        let steps = vec![
            step(StepKind::FlatMap(split), &[DataType::String, DataType::String]),
            step(StepKind::Map(vec![word]), &one),
        ];
        let chain = Chain { input: record(&one), steps };
        let hand = measure(words, || {
            let mut views: Vec<View> = Vec::with_capacity(words);
            for line in black_box(&text).as_bytes().split(|&b| b == b'\n') {
                let mut from = 0;
                for at in memchr::memchr_iter(b' ', line) {
                    views.push(View::of(&line[from..at]));
                    from = at + 1;
                }
                views.push(View::of(&line[from..]));
            }
            black_box(views);
        });
        let name = if separator.is_some() { "split(line, \" \"), per word" } else { "split(line), per word" };
        report(name, kernel(&chain, &batch, words), hand);
    }

    let column = |texts: &mut dyn Iterator<Item = &str>| {
        let mut builder = StrBuilder::default();
        texts.for_each(|t| builder.push(t));
        Column::new(ColumnData::Str(builder.finish()))
    };
    let all: Vec<&str> = lines.iter().flat_map(|l| l.split(' ')).collect();
    let words = Batch::new(all.len(), vec![Arc::new(column(&mut all.iter().copied()))]);
    let compare = |literal: &str| {
        expr(|e| {
            let (x, y) =
                (e.col(0, DataType::String), e.push(Kind::Literal(Value::string(literal)), DataType::String));
            e.op(BinaryOp::Ne, x, y, DataType::Bool);
        })
    };
    for literal in ["", "watermark"] {
        let chain =
            Chain { input: record(&one), steps: vec![step(StepKind::Filter(compare(literal)), &one)] };
        let hand = measure(all.len(), || {
            let kept: Vec<&str> = black_box(&all).iter().copied().filter(|w| *w != literal).collect();
            black_box(kept);
        });
        report(&format!("filter(word != {literal:?})"), kernel(&chain, &words, all.len()), hand);
    }
    let call = |func: Func| {
        expr(|e| {
            let x = e.col(0, DataType::String);
            let ty = if func == Func::Len { DataType::Int } else { DataType::String };
            e.push(Kind::Call(func, vec![x]), ty);
        })
    };
    for func in [Func::Lower, Func::Trim, Func::Len] {
        let out = if func == Func::Len { DataType::Int } else { DataType::String };
        let chain = Chain { input: record(&one), steps: vec![step(StepKind::Map(vec![call(func)]), &[out])] };
        let hand = measure(all.len(), || {
            let words = black_box(&all).iter();
            match func {
                Func::Lower => drop(black_box(words.map(|w| w.to_ascii_lowercase()).collect::<Vec<_>>())),
                Func::Trim => drop(black_box(words.map(|w| w.trim()).collect::<Vec<_>>())),
                _ => drop(black_box(words.map(|w| w.chars().count()).collect::<Vec<_>>())),
            }
        });
        report(&format!("{}(word)", func.name()), kernel(&chain, &words, all.len()), hand);
    }
}

fn compile_time() {
    let not_empty = expr(|e| {
        let (x, y) = (e.col(1, DataType::String), e.push(Kind::Literal(Value::string("")), DataType::String));
        e.op(BinaryOp::Ne, x, y, DataType::Bool);
    });
    let split = expr(|e| {
        let args =
            vec![e.col(0, DataType::String), e.push(Kind::Literal(Value::string(" ")), DataType::String)];
        e.push(Kind::Call(Func::Split, args), DataType::list(DataType::String));
    });
    let two = [DataType::String, DataType::String];
    let steps = vec![
        step(StepKind::FlatMap(split), &two),
        step(StepKind::Filter(not_empty), &two),
        step(StepKind::Map(vec![Expr::column(1, DataType::String, Place::default())]), &two[..1]),
    ];
    let chain = Chain { input: record(&two[..1]), steps };
    let start = Instant::now();
    black_box(compile(&chain).expect("the chain compiles"));
    let first = start.elapsed();
    let again = measure(1, || drop(black_box(compile(&chain).expect("the chain compiles"))));
    println!("compiling word count's chain: {first:?} the first time, {:.0} us then", again / 1000.0);
}
