//! What goes by the clock on the wall, one operator behind another: at a moment at which both are due, the one above
//! gives first, on every worker, and what it gives has arrived before the one below gives. So what comes of a moment
//! does not depend on the number of workers.

use crate::number::Number;
use flow_env::Deadline;
use flow_plan::physical::Graph;
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};

/// Of each node and worker.
pub(crate) struct Heard {
    /// The nodes above each node.
    above: Vec<Vec<usize>>,
    workers: usize,
    said: Vec<Said>,
}

/// What a worker says of an operator.
#[derive(Default)]
struct Said {
    /// Its next deadline on the stopwatch, in nanoseconds. Nothing happens before each worker has said something.
    next: AtomicU64,
    /// What it gave stands in the numbers below this one.
    below: AtomicU64,
}

impl Heard {
    pub(crate) fn new(graph: &Graph, workers: usize) -> Heard {
        let mut above: Vec<Vec<usize>> = Vec::new();
        for node in 0..graph.nodes.len() {
            let mut all = BTreeSet::new();
            let mut next: Vec<usize> = graph.nodes[node].inputs.iter().map(|input| input.node).collect();
            while let Some(from) = next.pop() {
                if all.insert(from) {
                    next.extend(graph.nodes[from].inputs.iter().map(|input| input.node));
                }
            }
            above.push(all.into_iter().collect());
        }
        let said = (0..graph.nodes.len() * workers).map(|_| Said::default()).collect();
        Heard { above, workers, said }
    }

    fn of(&self, node: usize, worker: usize) -> &Said {
        &self.said[node * self.workers + worker]
    }

    /// An operator will be due then; `None`: never again.
    pub(crate) fn say(&self, node: usize, worker: usize, next: Option<Deadline>) {
        let next = next.map_or(u64::MAX, |next| next.at().as_nanos() as u64);
        self.of(node, worker).next.store(next, Ordering::Release);
    }

    /// It was called, and has given what it had under this number.
    pub(crate) fn gave(&self, node: usize, worker: usize, number: Number) {
        self.of(node, worker).below.store(number.saturating_add(1), Ordering::Relaxed);
    }

    /// Has all that is due above a node by then arrived at it, where all numbers below this one have?
    pub(crate) fn through(&self, node: usize, deadline: Deadline, arrived: Number) -> bool {
        let by = deadline.at().as_nanos() as u64;
        let others = self.above[node].iter().flat_map(|&node| (0..self.workers).map(move |w| (node, w)));
        others.into_iter().all(|(node, worker)| {
            let said = self.of(node, worker);
            // Who waits for a later moment has given what it had at this one.
            said.next.load(Ordering::Acquire) > by && said.below.load(Ordering::Relaxed) <= arrived
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    /// A node behind another one, on one worker.
    fn two() -> Heard {
        let said = (0..2).map(|_| Said::default()).collect();
        Heard { above: vec![Vec::new(), vec![0]], workers: 1, said }
    }

    fn second(n: u64) -> Deadline {
        struct Stopped;
        impl flow_env::Clock for Stopped {
            fn wall_micros(&self) -> i64 {
                0
            }
            fn elapsed(&self) -> Duration {
                Duration::ZERO
            }
            fn sleep(&self, _time: Duration) {}
        }
        Deadline::after(&Stopped, Duration::from_secs(n))
    }

    /// A beat that passed before the first row came was heard behind that row, as if it had been there.
    #[test]
    fn a_beat_before_the_first_number_waits_for_nobody_who_has_given_nothing() {
        let heard = two();
        assert!(!heard.through(1, second(1), 0), "the one above has said nothing yet");
        heard.say(0, 0, None);
        assert!(heard.through(1, second(1), 0));
        heard.gave(0, 0, 0);
        assert!(!heard.through(1, second(1), 0) && heard.through(1, second(1), 1));
    }
}
