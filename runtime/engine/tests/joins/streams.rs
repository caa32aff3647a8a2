//! What the tests of joins of streams share: one source with both sides, in an order of its own, and where
//! its rows stand in time.

use crate::graphs::*;
use flow_env::Random;
use flow_plan::expr::{BinaryOp, Kind};
use flow_plan::operator::JoinKind;
use flow_plan::physical::{
    Chain, EventTime, Exchange, Hidden, JoinSide, NodeKind, Step, StepKind, StreamBound, StreamJoin,
};
use flow_plan::{DataType, Expr, Field, Place, RecordType, Value};
use std::sync::Arc;

pub(crate) const KINDS: [JoinKind; 4] = [JoinKind::Inner, JoinKind::Left, JoinKind::Semi, JoinKind::Anti];

/// A row of either side.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Event {
    pub side: i64,
    pub key: Option<i64>,
    pub n: i64,
    pub time: i64,
    /// Is it added, or (-1) withdrawn?
    pub change: i64,
}

/// All rows, how they are cut into chunks, and how far the watermark stays behind.
pub(crate) struct Case {
    pub events: Vec<Event>,
    pub chunk: usize,
    pub delay: i64,
}

/// Where a row stands.
#[derive(Clone, Copy)]
pub(crate) struct Placed {
    pub event: Event,
    pub number: usize,
    /// The watermark it meets.
    pub met: i64,
}

impl Case {
    pub(crate) fn random(random: &mut Random) -> Case {
        let keys = 1 + random.below(6);
        let spread = 1 + random.below(60) as i64;
        let events = (0..random.below(160) as i64).map(|n| Event {
            side: random.below(2) as i64,
            key: (random.below(12) > 0).then(|| random.below(keys) as i64),
            n,
            time: n * 2 + random.below(spread as u64) as i64,
            change: 1,
        });
        let events = events.collect();
        Case { events, chunk: 1 + random.below(30) as usize, delay: random.below(30) as i64 }
    }

    /// The watermark behind each number.
    pub(crate) fn watermarks(&self) -> Vec<i64> {
        let mut greatest = i64::MIN;
        let behind = |chunk: &[Event]| {
            greatest = chunk.iter().map(|event| event.time).fold(greatest, i64::max);
            greatest.saturating_sub(self.delay)
        };
        self.events.chunks(self.chunk).map(behind).collect()
    }

    /// The rows in the order in which a join takes them: number by number, the left side first.
    pub(crate) fn placed(&self) -> Vec<Placed> {
        let behind = self.watermarks();
        let mut placed = Vec::new();
        for (number, chunk) in self.events.chunks(self.chunk).enumerate() {
            let before = if number == 0 { i64::MIN } else { behind[number - 1] };
            let mut greatest = i64::MIN;
            let mut rows: Vec<Placed> = Vec::new();
            for &event in chunk {
                let own = if greatest == i64::MIN { greatest } else { greatest - self.delay };
                rows.push(Placed { event, number, met: before.max(own.min(behind[number])) });
                greatest = greatest.max(event.time);
            }
            rows.sort_by_key(|row| row.event.side);
            placed.extend(rows);
        }
        placed
    }

    pub(crate) fn script(&self) -> Script {
        let row = |event: &Event| {
            vec![
                int(event.side),
                event.key.map_or(Value::Null, int),
                int(event.n),
                Value::Timestamp(event.time),
                int(event.change),
            ]
        };
        Script::of(self.events.iter().map(row).collect(), self.chunk)
    }
}

fn side_columns() -> Vec<Field> {
    let field = |name: &str, ty: DataType| Field::new(name, ty);
    vec![
        field("side", DataType::Int),
        field("key", DataType::Int.optional()),
        field("n", DataType::Int),
        field("at", DataType::Timestamp),
        field("change", DataType::Int),
    ]
}

/// Do the `n`s of a pair differ by an odd number?
pub(crate) fn odd(left: Event, right: Event) -> bool {
    (left.n - right.n).rem_euclid(2) == 1
}

fn odd_chain(width: usize, columns: Vec<Field>) -> Chain {
    let mut cond = Expr::default();
    let place = Place::default();
    let left = cond.push(Kind::Column(2), DataType::Int, place);
    let right = cond.push(Kind::Column(2 + width as u32), DataType::Int, place);
    let difference = cond.push(Kind::Binary(BinaryOp::Sub, left, right), DataType::Int, place);
    let two = cond.push(Kind::Literal(int(2)), DataType::Int, place);
    let rest = cond.push(Kind::Binary(BinaryOp::Rem, difference, two), DataType::Int, place);
    let zero = cond.push(Kind::Literal(int(0)), DataType::Int, place);
    cond.push(Kind::Binary(BinaryOp::Ne, rest, zero), DataType::Bool, place);
    let step = Step {
        kind: StepKind::Map(vec![cond]),
        output: record(&[("condition", DataType::Bool)]),
        declaration: 0,
        label: "main.join".into(),
        place,
    };
    Chain { input: Arc::new(RecordType::new(columns)), steps: vec![step] }
}

/// How the sides are joined.
pub(crate) struct Join {
    pub kind: JoinKind,
    pub bound: StreamBound,
    pub condition: bool,
    /// Are the inputs changelogs?
    pub withdrawn: bool,
    pub changes: bool,
}

/// `in`, cut in two and joined to `out`: rows `left n, right n, change`, as far as the join has these.
pub(crate) fn graph(join: &Join) -> Build {
    let mut build = Build::new();
    let source = build.source("in", &Arc::new(RecordType::new(side_columns())));
    let mut timed = side_columns();
    timed.push(Field::new("·watermark", DataType::Timestamp));
    let timed = Arc::new(RecordType::new(timed));
    let time = EventTime { column: 3, delay: 0, idle: None };
    let time = build.node(NodeKind::EventTime(time), vec![(source, Exchange::Local)], timed.clone());
    let side = |build: &mut Build, side: i64| {
        let mut cond = Expr::default();
        let column = cond.push(Kind::Column(0), DataType::Int, Place::default());
        let wanted = cond.push(Kind::Literal(int(side)), DataType::Int, Place::default());
        cond.push(Kind::Binary(BinaryOp::Eq, column, wanted), DataType::Bool, Place::default());
        build.chain(time, vec![(StepKind::Filter(cond), timed.clone())])
    };
    let (left, right) = (side(&mut build, 0), side(&mut build, 1));
    let hidden = Hidden { time: Some(3), watermark: Some(5), change: join.withdrawn.then_some(4) };
    let sides = JoinSide { keys: vec![1], row: vec![2], hidden };
    let both = timed.fields.iter().chain(&timed.fields).cloned().collect();
    let node = StreamJoin {
        kind: join.kind,
        state: state("join"),
        bound: join.bound.clone(),
        left: sides.clone(),
        right: JoinSide {
            row: if matches!(join.kind, JoinKind::Inner | JoinKind::Left) { vec![2] } else { Vec::new() },
            ..sides
        },
        rest: join.condition.then(|| odd_chain(timed.fields.len(), both)),
        changes: join.changes,
    };
    let mut output = vec![("left", DataType::Int)];
    match join.kind {
        JoinKind::Inner => output.push(("right", DataType::Int)),
        JoinKind::Left => output.push(("right", DataType::Int.optional())),
        _ => {}
    }
    output.extend([("·time", DataType::Timestamp), ("·watermark", DataType::Timestamp)]);
    if join.changes {
        output.push(("·change", DataType::Int));
    }
    let by_key = Exchange::Hash(vec![1]);
    let joined =
        build.node(NodeKind::Join(node), vec![(left, by_key.clone()), (right, by_key)], record(&output));
    build.sink("out", joined);
    build
}

/// A row that is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Given {
    pub left: i64,
    pub right: Option<i64>,
    pub time: i64,
    pub change: i64,
}

impl Given {
    /// A pair, or a left row without the other side.
    pub(crate) fn new(left: Event, right: Option<Event>, change: i64) -> Given {
        let time = right.map_or(left.time, |right| right.time.max(left.time));
        Given { left: left.n, right: right.map(|right| right.n), time, change }
    }
}

/// What the engine gives, row by row the same at any parallelism.
pub(crate) fn given(case: &Case, join: &Join, random: &mut Random, about: &str) -> Vec<Given> {
    let mut build = graph(join);
    for node in &mut build.graph.nodes {
        if let NodeKind::EventTime(time) = &mut node.kind {
            time.delay = case.delay;
        }
    }
    let mut memory = Memory::default();
    memory.source("in", case.script());
    let out = memory.sink("out");
    memory.run(&build.graph, 1).expect("it runs");
    let first = out.take();
    for workers in [2, 4] {
        memory.start(&build.graph, workers, random.below(2) == 0).wait().expect("it runs");
        assert_eq!(out.take(), first, "{about}: {workers} workers");
    }
    let number = |value: &Value| match value {
        Value::Int(n) | Value::Timestamp(n) => Some(*n),
        Value::Null => None,
        other => panic!("{other:?}"),
    };
    let both = matches!(join.kind, JoinKind::Inner | JoinKind::Left);
    let row = |row: &Row| Given {
        left: number(&row[0]).expect("a left row"),
        right: if both { number(&row[1]) } else { None },
        time: number(&row[1 + usize::from(both)]).expect("a time"),
        change: if join.changes { number(&row[row.len() - 1]).expect("a change") } else { 1 },
    };
    first.iter().map(row).collect()
}
