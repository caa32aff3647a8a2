//! Time in the evaluator, by graphs of a few nodes. Rows are `(k, v, at)`, times are seconds.

use super::*;
use crate::arbitrary::Arbitrary;
use crate::catalogue::AggFunc;
use crate::connector::ConnectorCall;
use crate::expr::Place;
use crate::operator::{
    Declaration, DeclarationKind, JobConfig, JoinKind, LateTrigger, OnError, StateIdentity, Window,
    WindowKind,
};
use crate::physical::hidden::{TIME, WATERMARK, field};
use crate::physical::{
    ColumnAggregate, EventTime, Exchange, Graph, Hidden, Input, JoinSide, Node, NodeKind, StreamBound,
    StreamJoin, WindowAggregate, Windowing,
};
use crate::types::{DataType, Field, RecordType};
use std::sync::Arc;

const SECOND: i64 = 1_000_000;

fn columns(more: &[&str]) -> Arc<RecordType> {
    let named = [("k", DataType::Int), ("v", DataType::Int), ("at", DataType::Timestamp)];
    let fields = named.map(|(name, ty)| Field::new(name, ty)).into_iter();
    Arc::new(RecordType::new(fields.chain(more.iter().map(|name| field(name))).collect()))
}

/// Sources with event time; node `2 * n + 1` gives the rows of source `n`.
fn timed(sources: &[&str], delay: i64) -> Graph {
    let mut graph =
        Graph { scripts: Vec::new(), job: JobConfig::default(), declarations: Vec::new(), nodes: Vec::new() };
    for name in sources {
        let (kind, on_error) = (DeclarationKind::Source, OnError::Fail);
        let (name, place) = ((*name).to_string(), Place::default());
        graph.declarations.push(Declaration {
            name: name.clone(),
            was: None,
            kind,
            on_error,
            late_consumed: true,
            place,
        });
        let (args, generators, schema) = (Vec::new(), Vec::new(), columns(&[]));
        let connector = ConnectorCall { name, args, format: None, schema, generators, place };
        let read = vec![0, 1, 2];
        push(&mut graph, NodeKind::Source { connector, read }, &[], columns(&[]));
        let time = EventTime { column: 2, delay: delay * SECOND, idle: None };
        let source = graph.nodes.len() - 1;
        push(&mut graph, NodeKind::EventTime(time), &[source], columns(&[WATERMARK]));
    }
    graph
}

fn push(graph: &mut Graph, kind: NodeKind, inputs: &[usize], output: Arc<RecordType>) -> usize {
    let inputs = inputs.iter().map(|node| Input { node: *node, exchange: Exchange::Local }).collect();
    let declaration = graph.declarations.len() as u32 - 1;
    let (label, place) = ("test".to_string(), Place::default());
    graph.nodes.push(Node { kind, inputs, output, declaration, label, place });
    graph.nodes.len() - 1
}

fn state() -> StateIdentity {
    StateIdentity { id: "test".into(), was: None }
}

/// Sums of `v` by key and window, and the late rows, behind one timed source.
fn windowed(kind: WindowKind, lateness: i64, late: Option<LateTrigger>, delay: i64) -> Graph {
    let mut graph = timed(&["a"], delay);
    let call = |func, arg| ColumnAggregate {
        func,
        arg,
        by: None,
        param: None,
        filter: None,
        ty: DataType::Int,
        name: "x".into(),
        place: Place::default(),
    };
    let window = Window { kind, processing_time: false, lateness: lateness * SECOND };
    let windowing = Windowing {
        window,
        time: Some(2),
        watermark: Some(3),
        bounds: None,
        early: None,
        late,
        late_rows: Some(vec![0, 1]),
    };
    let node = WindowAggregate {
        keys: vec![0],
        state: state(),
        windowing,
        discarding: false,
        calls: vec![call(AggFunc::Count, None), call(AggFunc::Sum, Some(1))],
        change: None,
        changes: false,
    };
    let mut fields = vec![Field::new("k", DataType::Int)];
    fields.extend(["windowStart", "windowEnd"].map(|name| Field::new(name, DataType::Timestamp)));
    fields.extend(["n", "sum"].map(|name| Field::new(name, DataType::Int)));
    fields.extend([TIME, WATERMARK].map(field));
    let record = Arc::new(RecordType::new(fields));
    let window = push(&mut graph, NodeKind::WindowAggregate(node), &[1], record);
    let late = RecordType::new(columns(&[]).fields[..2].to_vec());
    push(&mut graph, NodeKind::Late, &[window], Arc::new(late));
    graph
}

fn row(&(k, v, at): &(i64, i64, i64)) -> Row {
    vec![Value::Int(k), Value::Int(v), Value::Timestamp(at * SECOND)]
}

fn chunk(source: &str, rows: &[(i64, i64, i64)]) -> Event {
    Event::Chunk { source: source.into(), split: 0, rows: rows.iter().map(row).collect() }
}

fn run(graph: &Graph, events: Vec<Event>) -> Vec<Vec<Row>> {
    let sequence = Sequence { events, ..Sequence::default() };
    evaluate_sequence(graph, &sequence, 0).unwrap_or_else(|failure| panic!("{failure:?}")).rows
}

/// Ints and whole seconds of the first columns.
fn plain(rows: &[Row], columns: usize) -> Vec<Vec<i64>> {
    let value = |value: &Value| match value {
        Value::Int(x) => *x,
        Value::Timestamp(x) => x / SECOND,
        Value::Null => -1,
        other => panic!("{other:?}"),
    };
    rows.iter().map(|row| row[..columns].iter().map(value).collect()).collect()
}

fn tumbling(size: i64) -> WindowKind {
    WindowKind::Tumbling { size: size * SECOND, offset: 0, zone: None }
}

/// Results (key, start, end, count, sum) and late rows (key, value).
fn results(graph: &Graph, events: Vec<Event>) -> (Vec<Vec<i64>>, Vec<Vec<i64>>) {
    let rows = run(graph, events);
    (plain(&rows[2], 5), plain(&rows[3], 2))
}

#[test]
fn a_window_is_given_when_its_end_has_passed_and_later_rows_of_it_are_late() {
    let graph = windowed(tumbling(10), 0, None, 0);
    let (given, late) = results(&graph, vec![chunk("a", &[(1, 1, 3), (1, 2, 12), (1, 4, 5), (1, 8, 19)])]);
    assert_eq!(given, [[1, 0, 10, 1, 1], [1, 10, 20, 2, 10]]);
    assert_eq!(late, [[1, 4]], "it came behind the row at 12 in the same chunk");
}

#[test]
fn a_delay_keeps_windows_open() {
    let graph = windowed(tumbling(10), 0, None, 3);
    let (given, late) = results(&graph, vec![chunk("a", &[(1, 1, 3), (1, 2, 12), (1, 4, 5), (1, 8, 19)])]);
    assert_eq!((given, late.len()), (vec![vec![1, 0, 10, 2, 5], vec![1, 10, 20, 2, 10]], 0));
}

#[test]
fn rows_within_the_lateness_give_the_result_again_if_the_trigger_says_so() {
    let events = || vec![chunk("a", &[(1, 1, 3), (1, 2, 12), (1, 4, 5), (1, 8, 16), (1, 16, 6)])];
    let (given, late) = results(&windowed(tumbling(10), 5, Some(LateTrigger::EachRow), 0), events());
    assert_eq!(given, [[1, 0, 10, 1, 1], [1, 0, 10, 2, 5], [1, 10, 20, 2, 10]]);
    assert_eq!(late, [[1, 16]]);
    let (given, _) = results(&windowed(tumbling(10), 5, None, 0), events());
    assert_eq!(given, [[1, 0, 10, 1, 1], [1, 10, 20, 2, 10]]);
    // What waits for the clock is given when the window goes.
    let (given, _) = results(&windowed(tumbling(10), 5, Some(LateTrigger::Every(1)), 0), events());
    assert_eq!(given, [[1, 0, 10, 1, 1], [1, 0, 10, 2, 5], [1, 10, 20, 2, 10]]);
}

#[test]
fn a_window_whose_first_row_is_behind_is_given_at_once() {
    let graph = windowed(tumbling(10), 5, None, 0);
    let (given, _) = results(&graph, vec![chunk("a", &[(1, 1, 12), (1, 2, 3), (1, 4, 4)])]);
    assert_eq!(given, [[1, 0, 10, 1, 2], [1, 10, 20, 1, 1]]);
}

#[test]
fn groups_of_a_window_are_given_in_the_order_of_their_first_rows_however_many_windows_those_make() {
    let graph = windowed(
        WindowKind::Sliding { size: 6 * SECOND, every: 2 * SECOND },
        100,
        Some(LateTrigger::Every(1)),
        0,
    );
    // Of [4, 10), the first row makes its third window, the second one its first.
    let behind = [(1, 1, 5), (2, 2, 8), (1, 4, 5), (2, 8, 8)];
    let rows: Vec<(i64, i64, i64)> = std::iter::once((9, 0, 40)).chain(behind).collect();
    let (given, _) = results(&graph, vec![chunk("a", &rows)]);
    let of_both: Vec<_> = given.iter().filter(|row| row[1] == 4).collect();
    assert_eq!(of_both, [&[1, 4, 10, 1, 1], &[2, 4, 10, 1, 2], &[1, 4, 10, 2, 5], &[2, 4, 10, 2, 10]]);
}

#[test]
fn a_row_may_be_late_for_one_window_and_in_time_for_the_next() {
    let graph = windowed(WindowKind::Sliding { size: 4 * SECOND, every: 2 * SECOND }, 0, None, 0);
    let (given, late) = results(&graph, vec![chunk("a", &[(1, 1, 5), (1, 2, 3), (1, 4, 0)])]);
    // The row at 3 misses [0, 4), which had no other.
    assert_eq!(given, [[1, 2, 6, 2, 3], [1, 4, 8, 1, 1]]);
    assert_eq!(late, [[1, 4]]);
}

#[test]
fn a_row_between_two_sessions_joins_them() {
    let session = WindowKind::Session { gap: 3 * SECOND };
    let graph = windowed(session.clone(), 0, None, 100);
    let (given, _) = results(&graph, vec![chunk("a", &[(1, 1, 0), (1, 2, 6), (2, 9, 3), (1, 4, 3)])]);
    assert_eq!(given, [[2, 3, 6, 1, 9], [1, 0, 9, 3, 7]]);
    // It takes rows up to its last one plus the gap.
    let graph = windowed(session, 0, None, 0);
    let (given, late) =
        results(&graph, vec![chunk("a", &[(1, 1, 0), (2, 0, 3), (1, 2, 3), (2, 0, 7), (1, 4, 0)])]);
    assert_eq!(given, [[1, 0, 6, 2, 3], [2, 3, 6, 1, 0], [2, 7, 10, 1, 0]]);
    assert_eq!(late.len(), 1);
}

#[test]
fn a_slice_of_one_window_is_part_of_the_next() {
    let graph = windowed(WindowKind::Cumulative { max: 6 * SECOND, every: 2 * SECOND }, 0, None, 0);
    let (given, _) = results(&graph, vec![chunk("a", &[(1, 1, 0), (1, 2, 3), (1, 4, 5)])]);
    assert_eq!(given, [[1, 0, 2, 1, 1], [1, 0, 4, 2, 3], [1, 0, 6, 3, 7]]);
}

#[test]
fn a_source_that_ends_is_not_waited_for() {
    let mut graph = timed(&["a", "b"], 0);
    let union = push(&mut graph, NodeKind::Union, &[1, 3], columns(&[WATERMARK]));
    let window = windowed(tumbling(10), 0, None, 0).nodes.swap_remove(2);
    graph.nodes.push(Node { inputs: vec![Input { node: union, exchange: Exchange::Local }], ..window });
    let end = || Event::End { source: "b".into(), split: 0 };
    let rows = [
        chunk("a", &[(1, 1, 3)]),
        chunk("b", &[(1, 2, 4)]),
        chunk("a", &[(1, 4, 15)]),
        chunk("a", &[(1, 8, 5)]),
    ];
    let [first, second, third, fourth] = rows;
    let waiting = run(&graph, vec![first.clone(), second.clone(), third.clone(), fourth.clone()]);
    assert_eq!(plain(&waiting[5], 5), [[1, 0, 10, 3, 11], [1, 10, 20, 1, 4]]);
    let ended = run(&graph, vec![first, second, end(), third, fourth]);
    assert_eq!(plain(&ended[5], 5), [[1, 0, 10, 2, 3], [1, 10, 20, 1, 4]]);
}

/// The clock on the wall moves to so many seconds behind the beginning.
fn moment(second: i64) -> Event {
    Event::Moment { wall: second * SECOND }
}

#[test]
fn what_goes_by_the_clock_on_the_wall_is_given_in_its_moments() {
    let rows = |v| chunk("a", &[(1, v, 3)]);
    let events = || vec![rows(1), moment(1), rows(2), moment(2), moment(3), rows(4), moment(4), rows(8)];
    let mut graph = windowed(tumbling(10), 0, None, 0);
    let NodeKind::WindowAggregate(node) = &mut graph.nodes[2].kind else { panic!() };
    node.windowing.early = Some(2 * SECOND);
    // What has come at the even seconds, and at the end.
    let (given, _) = results(&graph, events());
    assert_eq!(given, [[1, 0, 10, 2, 3], [1, 0, 10, 3, 7], [1, 0, 10, 4, 15]]);
    let NodeKind::WindowAggregate(node) = &mut graph.nodes[2].kind else { panic!() };
    node.windowing.early = None;
    node.windowing.window = Window { kind: tumbling(2), processing_time: true, lateness: 0 };
    (node.windowing.time, node.windowing.watermark) = (None, None);
    // Rows have the time at which they come.
    let (given, _) = results(&graph, events());
    assert_eq!(given, [[1, 0, 2, 2, 3], [1, 2, 4, 1, 4], [1, 4, 6, 1, 8]]);
}

/// A join of two timed sources.
fn joined(kind: JoinKind, bound: StreamBound) -> Graph {
    let mut graph = timed(&["a", "b"], 0);
    let hidden = || Hidden { time: Some(2), watermark: Some(3), change: None };
    let side = || JoinSide { keys: vec![0], row: vec![1, 2], hidden: hidden() };
    let inner = matches!(kind, JoinKind::Inner | JoinKind::Left);
    let (left, mut right) = (side(), side());
    if !inner {
        right.row.clear();
    }
    let node = StreamJoin { kind, state: state(), bound, left, right, rest: None, changes: false };
    let column = |ty: DataType| Field::new("x", ty.optional());
    let sides = if inner { 2 } else { 1 };
    let mut fields: Vec<Field> =
        (0..sides).flat_map(|_| [column(DataType::Int), column(DataType::Timestamp)]).collect();
    fields.extend([TIME, WATERMARK].map(field));
    push(&mut graph, NodeKind::Join(node), &[1, 3], Arc::new(RecordType::new(fields)));
    graph
}

fn pairs(kind: JoinKind, bound: StreamBound, events: Vec<Event>) -> Vec<Vec<i64>> {
    let inner = matches!(kind, JoinKind::Inner | JoinKind::Left);
    let graph = joined(kind, bound);
    plain(&run(&graph, events)[4], if inner { 4 } else { 2 })
}

#[test]
fn an_interval_join_gives_left_rows_without_partner_when_their_time_is_over() {
    let bound = || StreamBound::Interval { lo: -SECOND, hi: 2 * SECOND };
    let events = || {
        vec![
            chunk("a", &[(1, 1, 10), (1, 2, 20)]),
            chunk("b", &[(1, 7, 12), (1, 8, 9), (1, 9, 30)]),
            chunk("a", &[(2, 3, 30)]),
        ]
    };
    assert_eq!(pairs(JoinKind::Inner, bound(), events()), [[1, 10, 7, 12], [1, 10, 8, 9]]);
    let left = pairs(JoinKind::Left, bound(), events());
    assert_eq!(left, [[1, 10, 7, 12], [1, 10, 8, 9], [2, 20, -1, -1], [3, 30, -1, -1]]);
    assert_eq!(pairs(JoinKind::Semi, bound(), events()), [[1, 10]]);
    assert_eq!(pairs(JoinKind::Anti, bound(), events()), [[2, 20], [3, 30]]);
}

#[test]
fn a_window_join_gives_all_pairs_of_a_window_when_it_ends() {
    let window = Window { kind: tumbling(10), processing_time: false, lateness: 0 };
    let events = vec![
        chunk("a", &[(1, 1, 3), (2, 2, 4), (1, 3, 5)]),
        chunk("b", &[(1, 7, 9), (2, 8, 0), (1, 9, 10), (1, 5, 1)]),
        chunk("a", &[(1, 4, 25)]),
    ];
    let got = pairs(JoinKind::Left, StreamBound::Window(window), events);
    let wanted = [[1, 3, 7, 9], [1, 3, 5, 1], [2, 4, 8, 0], [3, 5, 7, 9], [3, 5, 5, 1], [4, 25, -1, -1]];
    assert_eq!(got, wanted);
}

#[test]
fn an_as_of_join_waits_until_all_versions_up_to_a_rows_time_are_there() {
    let events = vec![
        chunk("b", &[(1, 100, 1)]),
        chunk("a", &[(1, 1, 5), (1, 2, 8), (2, 3, 8)]),
        chunk("b", &[(1, 104, 4), (1, 107, 7), (1, 120, 20)]),
        chunk("a", &[(1, 4, 30)]),
    ];
    let got = pairs(JoinKind::Left, StreamBound::AsOf, events);
    assert_eq!(got, [[1, 5, 104, 4], [2, 8, 107, 7], [3, 8, -1, -1], [4, 30, 120, 20]]);
}

/// Random rows out of order, and chunk after chunk of them.
fn cut(random: &mut Arbitrary, rows: &[(i64, i64, i64)], longest: usize) -> Vec<Event> {
    let mut events = Vec::new();
    let mut rest = rows;
    while !rest.is_empty() {
        let (first, behind) = rest.split_at((1 + random.below(longest)).min(rest.len()));
        events.push(chunk("a", first));
        rest = behind;
    }
    events
}

#[test]
fn results_do_not_depend_on_how_rows_are_cut_into_chunks() {
    for seed in 0..400 {
        let mut random = Arbitrary::new(seed);
        let kind = match random.below(4) {
            0 => tumbling(1 + random.below(6) as i64),
            1 => WindowKind::Sliding { size: 5 * SECOND, every: (1 + random.below(4) as i64) * SECOND },
            2 => WindowKind::Cumulative { max: 6 * SECOND, every: 2 * SECOND },
            _ => WindowKind::Session { gap: (1 + random.below(3) as i64) * SECOND },
        };
        let late = random.pick(&[None, Some(LateTrigger::EachRow), Some(LateTrigger::Every(1))]).clone();
        let graph = windowed(kind, random.below(6) as i64, late, random.below(4) as i64);
        let mut now = 0;
        let rows: Vec<(i64, i64, i64)> = (0..random.below(30))
            .map(|v| {
                now += random.below(3) as i64;
                (random.below(2) as i64, 1 << v, now - random.below(8) as i64)
            })
            .collect();
        let mut given = [30, 1, 4].map(|longest| results(&graph, cut(&mut random, &rows, longest)));
        given.iter_mut().for_each(|(given, _)| given.sort_unstable());
        assert_eq!(given[0], given[1], "seed {seed}: {rows:?}");
        assert_eq!(given[0], given[2], "seed {seed}: {rows:?}");
    }
}
