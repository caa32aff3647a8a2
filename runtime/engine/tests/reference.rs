//! The engine against the reference execution, and against itself at other parallelisms.
#![allow(clippy::disallowed_methods)]

mod graphs;

use flow_env::Random;
use flow_plan::interpret::{Inputs, evaluate};
use flow_plan::order::identical;
use graphs::*;

fn same(a: &[Row], b: &[Row]) -> bool {
    let row = |(a, b): (&Row, &Row)| a.len() == b.len() && a.iter().zip(b).all(|(a, b)| identical(a, b));
    a.len() == b.len() && a.iter().zip(b).all(row)
}

/// Without the time of the error, which differs.
fn errors(mut rows: Vec<Row>) -> Vec<Row> {
    rows.iter_mut().for_each(|row| row.truncate(5));
    rows.sort();
    rows
}

fn first_difference(a: &[Row], b: &[Row]) -> String {
    let at =
        (0..a.len().max(b.len())).find(|&i| !same(&a[i..(i + 1).min(a.len())], &b[i..(i + 1).min(b.len())]));
    let at = at.unwrap_or(0);
    format!("{} and {} rows; at {at}: {:?} and {:?}", a.len(), b.len(), a.get(at), b.get(at))
}

#[test]
fn pipelines_give_what_the_reference_gives_row_by_row_at_any_parallelism() {
    for seed in 0..150 {
        let mut random = Random::new(seed);
        let build = random_graph::pipeline(&mut random);
        let n = random.below(200) as usize;
        let rows = random_graph::rows(&mut random, n);
        let inputs: Inputs = [("main".to_string(), rows.clone())].into();
        let expected = evaluate(&build.graph, &inputs, 0).expect("nothing fails the job");
        let sinks: Vec<usize> = (0..build.graph.nodes.len())
            .filter(|&n| matches!(build.graph.nodes[n].kind, flow_plan::physical::NodeKind::Sink { .. }))
            .collect();
        let mut memory = Memory::default();
        memory.source("in", Script::of(rows, 1 + random.below(40) as usize));
        let (out, failed) = (memory.sink("out"), memory.sink("errors"));
        for workers in [1, 2, 4, 8] {
            let tiny = random.below(2) == 0;
            memory.start(&build.graph, workers, tiny).wait().expect("nothing fails the job");
            let got = out.take();
            let wanted = &expected.rows[sinks[0]];
            assert!(same(&got, wanted), "seed {seed}, {workers} workers: {}", first_difference(&got, wanted));
            if let Some(&sink) = sinks.get(1) {
                let (got, wanted) = (errors(failed.take()), errors(expected.rows[sink].clone()));
                assert!(
                    same(&got, &wanted),
                    "seed {seed}, {workers} workers, errors: {}",
                    first_difference(&got, &wanted)
                );
            }
        }
    }
}

#[test]
fn branches_that_part_and_meet_give_the_same_rows_in_the_same_order_at_any_parallelism() {
    for seed in 0..100 {
        let mut random = Random::new(1_000_000 + seed);
        let build = random_graph::web(&mut random);
        let n = random.below(150) as usize;
        let mut memory = Memory::default();
        memory.source("in", Script::of(random_graph::rows(&mut random, n), 1 + random.below(40) as usize));
        let (out, other) = (memory.sink("out"), memory.sink("other"));
        memory.run(&build.graph, 1).expect("it runs");
        let (first, second) = (out.take(), other.take());
        for workers in [2, 4, 8] {
            let tiny = random.below(2) == 0;
            memory.start(&build.graph, workers, tiny).wait().expect("it runs");
            let (a, b) = (out.take(), other.take());
            assert!(same(&a, &first), "seed {seed}, {workers} workers: {}", first_difference(&a, &first));
            assert!(same(&b, &second), "seed {seed}, {workers} workers: {}", first_difference(&b, &second));
        }
    }
}
