//! Back-pressure within a number. A chunk of 4,000 rows may become millions on its way (a join of rows of one key, windows
//! that all end at once), and a queue that is only taken from when a number is complete would have to hold them all.
//!
//! So an operator that gives its rows in pieces waits before the next piece while a queue below it is full; and who reads a
//! full queue takes what it can of the lowest number before it is complete: the rows in front of which no other can come
//! ([`crate::exchange::Receiver::take_begun`]). While a worker waits, it does so for the nodes below that are its own.
//!
//! **Nobody waits for ever.** Two branches may wait for each other: what one worker has for a full queue stands behind what
//! another one will send, which waits at another full queue for the first. No order of waiting avoids that within a number, so
//! it is seen instead: when all other workers sleep and nothing has moved, the next piece is given although the queue is full.

use crate::channel::Channel;
use crate::error::Halt;
use crate::exchange::Receiver;
use crate::flow::{Flow, Work};
use crate::layout::Feed;
use std::time::Duration;

/// Between two looks whether there is room.
const GLANCE: Duration = Duration::from_micros(100);

/// So many looks in a row at which everybody sleeps say that nobody will make room.
const STUCK: usize = 5;

impl Flow {
    /// Waits until queues that this node's rows reach have room for more of a number that was begun, or until nobody will make any.
    pub(crate) fn make_room(&mut self, node: usize) -> Result<(), Halt> {
        if !self.is_full_below(node) {
            return Ok(());
        }
        let waiting = std::mem::take(&mut self.work);
        let (mut moved, mut stuck) = (true, 0);
        while stuck < STUCK && self.is_full_below(node) {
            if self.shared.aborted() {
                return Err(Halt);
            }
            if moved {
                self.full_below(node).for_each(Channel::call_consumer);
            }
            let before = self.waiting_below(node);
            moved = self.serve_below(node)?;
            if moved {
                stuck = 0;
                continue;
            }
            // Not awake again before it finds something to do: of those that wait in vain, each would wake the others.
            self.shared.idle[self.worker].set_asleep(true);
            self.parker.park(GLANCE);
            let all_sleep = self.others_sleep() && self.waiting_below(node) == before;
            stuck = if all_sleep { stuck + 1 } else { 0 };
        }
        self.shared.idle[self.worker].set_asleep(false);
        self.work = waiting;
        Ok(())
    }

    /// Waits to be woken, and says so meanwhile.
    pub(crate) fn park(&self, at_most: Duration) {
        let idle = &self.shared.idle[self.worker];
        idle.set_asleep(true);
        self.parker.park(at_most);
        idle.set_asleep(false);
    }

    fn others_sleep(&self) -> bool {
        let others = self.shared.idle.iter().enumerate().filter(|(worker, _)| *worker != self.worker);
        others.into_iter().all(|(_, idle)| idle.is_asleep())
    }

    /// This worker's queues that a node's rows reach.
    fn queues_below(&self, node: usize) -> impl Iterator<Item = &Channel> {
        let edges = self.shared.layout.nodes[node].outgoing.iter();
        let workers = 0..self.shared.workers();
        edges.flat_map(move |&edge| workers.clone().map(move |to| self.shared.channel(edge, self.worker, to)))
    }

    fn full_below(&self, node: usize) -> impl Iterator<Item = &Channel> {
        self.queues_below(node).filter(|channel| channel.full())
    }

    fn is_full_below(&self, node: usize) -> bool {
        self.full_below(node).next().is_some()
    }

    /// Batches that wait in the queues that a node's rows reach.
    fn waiting_below(&self, node: usize) -> usize {
        self.queues_below(node).map(Channel::waiting).sum()
    }

    /// Lets this worker's nodes below a node take what there is for them; gives whether there was anything.
    fn serve_below(&mut self, node: usize) -> Result<bool, Halt> {
        let shared = self.shared.clone();
        let below = shared.layout.order.iter().skip_while(|&&other| other != node).skip(1);
        let mut moved = false;
        for &node in below {
            for (input, feed) in shared.layout.nodes[node].inputs.iter().enumerate() {
                if let Feed::Exchange { edge } = *feed {
                    self.receive(node, input, edge, &mut moved)?;
                }
            }
        }
        Ok(moved)
    }

    /// Takes rows of a number that is not complete, if a queue is full and what they cause finds room. Gives whether there were any.
    pub(crate) fn receive_begun(&mut self, node: usize, input: usize, edge: usize) -> Result<bool, Halt> {
        let shared = self.shared.clone();
        let mut moved = false;
        while !self.is_full_below(node) {
            // A worker that has passed a barrier may have sent rows from behind it to one that has not.
            let may = |number| {
                let barrier = shared.sequencer.barrier().ahead(self.passed);
                barrier.is_none_or(|barrier| number < barrier) && number <= shared.time_known(node)
            };
            let begun = Receiver::take_begun(&shared, edge, self.worker, may);
            let Some((number, batches)) = begun else { break };
            moved = true;
            shared.idle[self.worker].set_asleep(false);
            for batch in batches {
                self.work.push(Work::Deliver { node, input, number, batch });
                self.deliver()?;
            }
        }
        Ok(moved)
    }
}
