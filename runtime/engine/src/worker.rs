//! A worker: one thread that owns a shard of every node and steps them in a loop.

use crate::counters::add;
use crate::error::{ErrorKind, Halt};
use crate::flow::Flow;
use crate::number::{DONE, Number};
use crate::pace::Pace;
use crate::sequencer::Taken;
use crate::snapshot::Saved;
use crate::source::{BadRecord, ChunkReader, Emit, SourceError, Stop};
use flow_data::Batch;
use flow_env::{planted, point};
use std::time::Duration;

/// Between two looks at the state.
const WEIGH: Duration = Duration::from_millis(20);

/// Entries of the state that are written down at once: between two chunks, less than a millisecond mostly.
pub(crate) const ENTRIES: usize = 1 << 12;

/// The same, where everything is to happen between two chunks (for tests).
pub(crate) const FEW_ENTRIES: usize = 3;

/// Between two looks whether there is room for them.
const ROOM: Duration = Duration::from_millis(5);

/// How long a worker sleeps while what is due waits for what other workers give.
const GLANCE: Duration = Duration::from_micros(100);

pub(crate) struct Worker {
    pub(crate) flow: Flow,
    /// This worker's decoder of each source.
    pub(crate) readers: Vec<Box<dyn ChunkReader>>,
    /// The number that was taken for what the clock on the wall gives.
    pub(crate) beat: Option<Number>,
    /// When the state is looked at again.
    pub(crate) weighed: Duration,
    /// Has it said that nothing is left below the barrier in front of it?
    pub(crate) drained: bool,
    /// When it first saw the barrier in front of it.
    pub(crate) halted: Option<Duration>,
    /// How much it does at once for the checkpoint on its way.
    pub(crate) pace: Pace,
    /// So many entries of the state are written down at once.
    pub(crate) entries: usize,
}

impl Worker {
    /// Runs until everything is through, or the job is aborted.
    pub(crate) fn run(&mut self) -> Result<(), Halt> {
        let shared = self.flow.shared.clone();
        loop {
            point();
            if shared.aborted() {
                return Err(Halt);
            }
            let mut moved = self.flow.settle()?;
            self.flow.say_deadlines();
            if self.flow.done() {
                self.hand_over_all()?;
                return self.flow.finish();
            }
            moved |= self.hand_over()?;
            match shared.sequencer.barrier().ahead(self.flow.passed) {
                Some(number) => moved |= self.pass_barrier(number)?,
                None if self.waits_to_tick(&mut moved)? => {}
                None => moved |= self.take_chunk()?,
            }
            self.weigh()?;
            if !moved {
                self.flow.idle()?;
                shared.idle[self.flow.worker].say(self.flow.reached(), self.flow.waits());
                let nap = shared.sequencer.nap();
                let clock = shared.env.clock.as_ref();
                let nap = match self.flow.waits_for_others() {
                    _ if shared.sequencer.ended() => nap,
                    true => nap.min(GLANCE),
                    false => self.flow.deadline().map_or(nap, |deadline| nap.min(deadline.remaining(clock))),
                };
                self.flow.park(nap);
            }
        }
    }

    /// Lets everything below the barrier through; when all workers have, writes down the state.
    fn pass_barrier(&mut self, number: Number) -> Result<bool, Halt> {
        let shared = self.flow.shared.clone();
        let barrier = shared.sequencer.barrier();
        self.halted.get_or_insert_with(|| shared.env.clock.elapsed());
        let mut moved = self.up_to(number);
        let through = self.flow.reached() >= number || planted("save-before-drained");
        if !self.drained && through {
            self.drained = true;
            moved = true;
            if barrier.drain() {
                // Only now every time log knows all below the barrier, and nobody tells it more.
                barrier.open(shared.times_at(number));
                shared.wake_all();
            }
        }
        if !self.drained || !barrier.is_open() {
            return Ok(moved);
        }
        let marks = self.flow.save(barrier.wants_all());
        let sealings = if shared.seals { self.flow.seal(number)? } else { Vec::new() };
        self.flow.passed += 1;
        self.drained = false;
        let now = shared.env.clock.elapsed();
        self.pace.rest(now);
        if let Some(began) = self.halted.take() {
            barrier.stopped(now.saturating_sub(began));
        }
        barrier.save(self.flow.worker, Saved { marks, sealings });
        Ok(true)
    }

    /// Writes down more of what was marked at the last barrier, if who takes it has room. Gives whether it did.
    fn hand_over(&mut self) -> Result<bool, Halt> {
        if !self.flow.is_marked() {
            return Ok(false);
        }
        let (shared, worker) = (&self.flow.shared.clone(), self.flow.worker);
        let (barrier, clock) = (shared.sequencer.barrier(), &shared.env.clock);
        let began = clock.elapsed();
        let (mut now, most) = (began, self.pace.begin(began));
        let mut moved = false;
        while self.flow.is_marked() && barrier.has_room(worker) {
            let pieces = self.flow.save_more(self.entries)?;
            barrier.hand_over(worker, pieces);
            moved = true;
            now = clock.elapsed();
            barrier.stopped(now.saturating_sub(began));
            if now.saturating_sub(began) >= most {
                break;
            }
        }
        self.pace.rest(now);
        Ok(moved)
    }

    /// Writes down all that was marked: there is nothing else to do.
    fn hand_over_all(&mut self) -> Result<(), Halt> {
        while self.flow.is_marked() {
            if self.flow.shared.aborted() {
                return Err(Halt);
            }
            if !self.hand_over()? {
                self.flow.park(ROOM);
            }
        }
        Ok(())
    }

    /// Looks at the state from time to time.
    fn weigh(&mut self) -> Result<(), Halt> {
        let now = self.flow.shared.env.clock.elapsed();
        if now < self.weighed {
            return Ok(());
        }
        self.weighed = now + WEIGH;
        self.flow.weigh()
    }

    /// Calls operators whose deadlines have passed, when everything has arrived that comes before. Gives whether that is still
    /// waited for.
    fn waits_to_tick(&mut self, moved: &mut bool) -> Result<bool, Halt> {
        let number = match self.beat.take().filter(|&number| number >= self.flow.sources) {
            None if self.flow.due() => self.flow.shared.sequencer.skip(self.flow.passed),
            known => known,
        };
        let Some(number) = number else { return Ok(false) };
        *moved |= self.up_to(number);
        if !self.flow.can_tick(number) {
            self.beat = Some(number);
            return Ok(true);
        }
        self.flow.tick(number)?;
        *moved |= self.up_to(number + 1);
        Ok(false)
    }

    /// Takes a chunk and pushes it through, if there is room for what comes of it.
    fn take_chunk(&mut self) -> Result<bool, Halt> {
        let shared = self.flow.shared.clone();
        if self.flow.sources == DONE {
            return Ok(false);
        }
        let next = shared.sequencer.next();
        if shared.sources.iter().any(|&node| self.flow.held_back(node, next)) {
            return Ok(self.up_to(shared.sequencer.next()));
        }
        let mut news = Vec::new();
        let taken = shared.sequencer.take(self.flow.passed, &mut news);
        shared.tell(news);
        point();
        match taken {
            Taken::Chunk { source, number, chunk } => {
                // Others may wait for this worker's word that it has none of the numbers before.
                self.up_to(number);
                if shared.workers() > 1 {
                    shared.wake_all();
                    self.flow.settle()?;
                }
                let node = shared.sources[source];
                self.flow.split = (source, chunk.split());
                let mut feed = Feed { flow: &mut self.flow, source, node, number };
                let result = self.readers[source].read(chunk, &mut feed);
                match result {
                    Ok(()) => {}
                    // Nobody needs the rest of the chunk; or the job ends, and everyone finds out.
                    Err(SourceError::Stopped) if !shared.sequencer.needed(source) => {}
                    Err(SourceError::Stopped) => return Err(Halt),
                    Err(error) => return self.source_failed(source, number, &error),
                }
                self.up_to(number + 1);
                Ok(true)
            }
            Taken::Barrier => Ok(false),
            Taken::Nothing => Ok(self.up_to(shared.sequencer.next())),
            Taken::Ended => Ok(self.up_to(DONE)),
            Taken::Failed { source, error } => self.source_failed(source, shared.sequencer.next(), &error),
        }
    }

    fn source_failed(&self, source: usize, number: Number, error: &SourceError) -> Result<bool, Halt> {
        let shared = &self.flow.shared;
        shared.fail(shared.node_error(shared.sources[source], number, ErrorKind::Source, error.to_string()));
        Err(Halt)
    }

    /// This worker's share of the chunks below `number` is through.
    fn up_to(&mut self, number: Number) -> bool {
        let moved = number > self.flow.sources;
        self.flow.sources = self.flow.sources.max(number);
        self.flow.shared.idle[self.flow.worker].set_at(self.flow.sources);
        moved
    }
}

/// Where a source's reader puts its rows: straight into the graph.
struct Feed<'a> {
    flow: &'a mut Flow,
    source: usize,
    node: usize,
    number: Number,
}

impl Feed<'_> {
    fn needed(&self) -> Result<(), Stop> {
        match self.flow.shared.sequencer.needed(self.source) {
            true => Ok(()),
            false => Err(Stop),
        }
    }
}

impl Emit for Feed<'_> {
    fn batch(&mut self, batch: Batch) -> Result<(), Stop> {
        self.needed()?;
        self.flow.feed(self.node, self.number, batch).map_err(|Halt| Stop)
    }

    fn bad_record(&mut self, record: BadRecord) -> Result<(), Stop> {
        self.needed()?;
        self.flow.bad_record(self.node, self.number, record).map_err(|Halt| Stop)
    }

    fn consumed(&mut self, bytes: u64) {
        add(&self.flow.shared.counters.node(self.flow.worker, self.node).bytes, bytes);
    }
}
