//! Back-pressure within a number. A chunk of 4,000 rows may become millions on its way (a join of rows of one key, windows
//! that all end at once), and a queue that is only taken from when a number is complete would have to hold them all.
//!
//! So an operator that gives its rows in pieces waits before the next piece while a queue below it is full; and while somebody
//! waits, all take what they can of the number they are in before it is complete: the rows in front of which no other can come
//! ([`Receiver::take_begun`]). A worker that waits does so for those of its nodes that stand below.
//!
//! **Nobody waits for ever.** Two branches may wait for each other: what one worker has for a full queue stands behind what
//! another one will send, which waits at another full queue for the first. No order of waiting avoids that within a number, so
//! it is seen instead: when nothing has moved and every other worker sleeps (or is at a later number, and reads none of the full
//! queues), the next piece is given although the queue is full.

use crate::channel::Channel;
use crate::error::Halt;
use crate::exchange::Receiver;
use crate::flow::{Flow, Work};
use crate::idle::Idle;
use crate::layout::Feed;
use crate::number::Number;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// Between two looks whether there is room.
const GLANCE: Duration = Duration::from_micros(100);

/// So many looks in a row at which nobody helps say that nobody will make room.
const STUCK: usize = 5;

impl Flow {
    /// Waits until queues that this node's rows reach have room for more of a number that was begun, or until nobody will make any.
    pub(crate) fn make_room(&mut self, node: usize, number: Number) -> Result<(), Halt> {
        if !self.is_full_below(node) {
            return Ok(());
        }
        let waiting = std::mem::take(&mut self.work);
        self.shared.short_of_room.fetch_add(1, Ordering::Relaxed);
        let (mut moved, mut stuck) = (true, 0);
        while stuck < STUCK && self.is_full_below(node) {
            if self.shared.aborted() {
                return Err(Halt);
            }
            if moved {
                self.shared.wake_all();
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
            let in_vain = self.nobody_helps(node, number) && self.waiting_below(node) == before;
            stuck = if in_vain { stuck + 1 } else { 0 };
        }
        self.shared.idle[self.worker].set_asleep(false);
        self.shared.short_of_room.fetch_sub(1, Ordering::Relaxed);
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

    /// Does every other worker wait, but for those that are at a later number and read none of the full queues?
    fn nobody_helps(&self, node: usize, number: Number) -> bool {
        let reads = |worker: usize| {
            let mut edges = self.shared.layout.nodes[node].outgoing.iter();
            edges.any(|&edge| self.shared.channel(edge, self.worker, worker).full())
        };
        let helps = |(worker, idle): (usize, &Idle)| {
            worker != self.worker && !idle.is_asleep() && (idle.at() <= number || reads(worker))
        };
        !self.shared.idle.iter().enumerate().any(helps)
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
    pub(crate) fn waiting_below(&self, node: usize) -> usize {
        self.queues_below(node).map(Channel::waiting).sum()
    }

    /// Lets this worker's nodes behind a node go on, which are not at work: those that are stand in front of it, or it is one of
    /// them. Gives whether anything moved.
    fn serve_below(&mut self, node: usize) -> Result<bool, Halt> {
        let shared = self.shared.clone();
        let below = shared.layout.order.iter().skip_while(|&&other| other != node).skip(1);
        let mut moved = false;
        for &node in below {
            moved |= self.settle_node(node)?;
        }
        Ok(moved)
    }

    /// Takes rows of the number that a node is in, which is not complete, if somebody waits for room and what they cause finds it.
    /// Not only from a full queue: what is merged with rows of others may be what holds these up. All lower numbers are through,
    /// and the operator was told: it sees what it would if this worker had made the rows. Gives whether there were any.
    pub(crate) fn receive_begun(&mut self, node: usize) -> Result<bool, Halt> {
        let shared = self.shared.clone();
        let number = self.arrived(node);
        let mut moved = false;
        for (input, feed) in shared.layout.nodes[node].inputs.iter().enumerate() {
            let Feed::Exchange { edge } = *feed else { continue };
            while shared.short_of_room.load(Ordering::Relaxed) > 0 && !self.is_full_below(node) {
                // A worker that has passed a barrier may have sent rows from behind it to one that has not.
                let barrier = shared.sequencer.barrier().ahead(self.passed);
                if barrier.is_some_and(|barrier| number >= barrier) {
                    break;
                }
                let batches = Receiver::take_begun(&shared, edge, self.worker, number);
                if batches.is_empty() {
                    break;
                }
                moved = true;
                shared.idle[self.worker].set_asleep(false);
                for batch in batches {
                    self.work.push(Work::Deliver { node, input, number, batch });
                    self.deliver()?;
                }
            }
        }
        Ok(moved)
    }
}
