//! A queue from one worker to another over one edge, and the frontier of that edge.

use crate::number::Number;
use flow_data::Batch;
use flow_env::Unparker;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// How much may wait in a queue before its producer is held back.
#[derive(Clone, Copy, Debug)]
pub(crate) struct QueueLimit {
    /// Rows.
    pub(crate) rows: usize,
    /// Batches.
    pub(crate) batches: usize,
}

impl Default for QueueLimit {
    fn default() -> Self {
        QueueLimit { rows: 64 << 10, batches: 256 }
    }
}

impl QueueLimit {
    /// Where memory has room for so many bytes of state, and the rest is on disk: a row may cost a read at every stage then, and
    /// a barrier, and so the end of a job that is told to stop, waits for what is in the queues.
    pub(crate) fn beside(memory: usize) -> QueueLimit {
        let all = QueueLimit::default();
        QueueLimit { rows: (memory / STATE_OF_A_ROW).clamp(FEWEST, all.rows), ..all }
    }
}

/// So much state there should be room for, for each row that may wait.
const STATE_OF_A_ROW: usize = 1 << 10;
/// A queue may hold so many rows in any case.
const FEWEST: usize = 2 << 10;

/// How far a producer is with a number, as its consumer sees it.
pub(crate) enum Progress {
    /// No more rows of it will come.
    Through,
    /// It may send more, behind this batch.
    In(Batch),
    /// It has sent nothing of it, and may.
    At,
    /// Lower ones wait, or may come.
    Behind,
}

/// One producer, one consumer. Producer: `send…`, then `close`. Consumer: read `closed` **first**,
/// then everything below it is in the queue.
pub(crate) struct Channel {
    queue: Mutex<VecDeque<(Number, Batch)>>,
    /// All numbers below this one are complete.
    closed: AtomicU64,
    rows: AtomicUsize,
    batches: AtomicUsize,
    limit: QueueLimit,
    consumer: Unparker,
    producer: Unparker,
}

impl Channel {
    pub(crate) fn new(limit: QueueLimit, producer: Unparker, consumer: Unparker) -> Channel {
        Channel {
            queue: Mutex::default(),
            closed: AtomicU64::new(0),
            rows: AtomicUsize::new(0),
            batches: AtomicUsize::new(0),
            limit,
            consumer,
            producer,
        }
    }

    fn queue(&self) -> MutexGuard<'_, VecDeque<(Number, Batch)>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Is the producer of this number to be held back, since lower ones have filled the queue? Only asked between numbers;
    /// within one, [`crate::room`] waits.
    pub(crate) fn full_below(&self, number: Number) -> bool {
        self.full() && self.first().is_some_and(|first| first < number)
    }

    pub(crate) fn full(&self) -> bool {
        self.rows.load(Ordering::Relaxed) >= self.limit.rows
            || self.batches.load(Ordering::Relaxed) >= self.limit.batches
    }

    pub(crate) fn send(&self, number: Number, batch: Batch) {
        self.rows.fetch_add(batch.len, Ordering::Relaxed);
        self.batches.fetch_add(1, Ordering::Relaxed);
        self.queue().push_back((number, batch));
    }

    /// Says that all numbers below `to` are complete.
    pub(crate) fn close(&self, to: Number) {
        if self.closed.load(Ordering::Relaxed) < to {
            self.closed.store(to, Ordering::Release);
            self.consumer.unpark();
        }
    }

    pub(crate) fn closed(&self) -> Number {
        self.closed.load(Ordering::Acquire)
    }

    /// The number of the first waiting batch.
    pub(crate) fn first(&self) -> Option<Number> {
        if self.batches.load(Ordering::Relaxed) == 0 {
            // `closed` was read before with Acquire: what it promises is counted already.
            return None;
        }
        self.queue().front().map(|(number, _)| *number)
    }

    /// How far the producer is with a number.
    pub(crate) fn progress(&self, number: Number) -> Progress {
        // What was closed was sent before.
        let closed = self.closed();
        let queue = self.queue();
        match (queue.front(), queue.back()) {
            // It came since the others were looked at.
            (Some((first, _)), _) if *first < number => Progress::Behind,
            (_, Some((last, _))) if *last > number => Progress::Through,
            _ if closed > number => Progress::Through,
            (_, Some((_, last))) => Progress::In(last.clone()),
            _ if closed == number => Progress::At,
            _ => Progress::Behind,
        }
    }

    /// Takes waiting batches of this number, the lowest, though there may be more of it to come: of each batch so many rows from its
    /// front as `part` says, up to the first one that is not taken whole.
    pub(crate) fn take_part(&self, number: Number, part: impl Fn(&Batch) -> usize, out: &mut Vec<Batch>) {
        let was_full = self.full();
        let (mut rows, mut batches) = (0, 0);
        {
            let mut queue = self.queue();
            while let Some((_, batch)) = queue.front_mut().filter(|(n, _)| *n == number) {
                let taken = part(batch);
                rows += taken;
                if taken < batch.len {
                    if taken > 0 {
                        out.push(batch.range(0..taken));
                        *batch = batch.range(taken..batch.len);
                    }
                    break;
                }
                batches += 1;
                out.extend(queue.pop_front().map(|(_, batch)| batch));
            }
        }
        self.rows.fetch_sub(rows, Ordering::Relaxed);
        self.batches.fetch_sub(batches, Ordering::Relaxed);
        if was_full && rows > 0 {
            self.producer.unpark();
        }
    }

    /// Batches that wait.
    pub(crate) fn waiting(&self) -> usize {
        self.batches.load(Ordering::Relaxed)
    }

    /// Takes the waiting batches of this number, the lowest.
    pub(crate) fn take(&self, number: Number, out: &mut Vec<Batch>) {
        self.take_part(number, |batch| batch.len, out);
    }
}

#[cfg(test)]
mod tests {
    use super::{Channel, QueueLimit};
    use flow_data::Batch;
    use flow_env::parker;

    /// A producer that waits until later numbers are taken, which nobody may take before its own is through, waits for
    /// ever: four workers and diamonds of as-of joins did, behind tiny queues (seed 60000116 of the random pipelines).
    #[test]
    fn a_full_queue_holds_back_only_what_is_later_than_something_in_it() {
        let unparker = || parker().1;
        let channel = Channel::new(QueueLimit { rows: 2, batches: 2 }, unparker(), unparker());
        let send = |number| channel.send(number, Batch::new(1, Vec::new()));
        send(7);
        assert!(!channel.full_below(9), "there is room");
        send(8);
        assert!(channel.full_below(9) && channel.full_below(8));
        assert!(!channel.full_below(7) && !channel.full_below(3));
        let mut taken = Vec::new();
        channel.take(7, &mut taken);
        assert!(!channel.full_below(9), "there is room again");
    }

    #[test]
    fn fewer_rows_wait_where_memory_has_room_for_little_state() {
        let rows = |memory| QueueLimit::beside(memory).rows;
        assert_eq!((rows(64 << 10), rows(8 << 20), rows(512 << 20)), (2 << 10, 8 << 10, 64 << 10));
        // A chunk of a source fills such a queue, and the next one is not begun.
        let channel = Channel::new(QueueLimit::beside(64 << 10), parker().1, parker().1);
        channel.send(1, Batch::new(4_096, Vec::new()));
        assert!(channel.full_below(2));
    }
}
