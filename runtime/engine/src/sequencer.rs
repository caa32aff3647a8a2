//! Hands out chunks with the numbers of the job's one sequence.

use crate::feeder::Feeder;
use crate::number::Number;
use crate::source::{Chunk, Next, Source, SourceError};
use flow_env::Unparker;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError, TryLockError};

/// What a worker gets when it asks for work.
pub(crate) enum Taken {
    /// A chunk of the source (index among the job's sources).
    Chunk { source: usize, number: Number, chunk: Box<dyn Chunk> },
    /// Another worker is asking; or nothing is there yet.
    Nothing,
    /// All sources have ended.
    Ended,
    /// A source broke.
    Failed { source: usize, error: SourceError },
}

pub(crate) struct Sequencer {
    turns: Mutex<Turns>,
    /// The next number: numbers below are taken.
    next: AtomicU64,
    ended: AtomicBool,
    stop: AtomicBool,
    /// The inputs were cut off: the wish to stop came before their end.
    cut: AtomicBool,
    /// Sources whose rows nobody needs any more.
    satisfied: Vec<AtomicBool>,
}

struct Turns {
    /// `None`: ended.
    sources: Vec<Option<Supply>>,
    turn: usize,
}

enum Supply {
    Direct(Box<dyn Source>),
    Fed(Feeder),
}

impl Supply {
    fn next(&mut self) -> Result<Next, SourceError> {
        match self {
            Supply::Direct(source) => source.next(),
            Supply::Fed(feeder) => feeder.next(),
        }
    }
}

impl Sequencer {
    /// Sources that block get a thread of their own; `wake` are the workers.
    pub(crate) fn new(sources: Vec<Box<dyn Source>>, wake: &[Unparker]) -> std::io::Result<Sequencer> {
        let satisfied = sources.iter().map(|_| AtomicBool::new(false)).collect();
        let sources = sources
            .into_iter()
            .map(|source| match source.blocks() {
                true => Feeder::start(source, wake.to_vec()).map(|feeder| Some(Supply::Fed(feeder))),
                false => Ok(Some(Supply::Direct(source))),
            })
            .collect::<std::io::Result<_>>()?;
        Ok(Sequencer {
            turns: Mutex::new(Turns { sources, turn: 0 }),
            next: AtomicU64::new(0),
            ended: AtomicBool::new(false),
            stop: AtomicBool::new(false),
            cut: AtomicBool::new(false),
            satisfied,
        })
    }

    /// Numbers below this one are taken. A worker that holds no chunk knows that none below is its own.
    pub(crate) fn next(&self) -> Number {
        self.next.load(Ordering::Acquire)
    }

    /// Takes a number for no chunk: what was given under the numbers up to it can be closed.
    pub(crate) fn skip(&self) {
        self.next.fetch_add(1, Ordering::AcqRel);
    }

    /// No chunk will be handed out any more.
    pub(crate) fn ended(&self) -> bool {
        self.ended.load(Ordering::Acquire)
    }

    /// Was the end the user's wish, not the inputs'? Known once [`Sequencer::ended`].
    pub(crate) fn cut(&self) -> bool {
        self.cut.load(Ordering::Acquire)
    }

    /// Hands out nothing any more.
    pub(crate) fn stop(&self) {
        self.stop.store(true, Ordering::Release);
    }

    /// Nobody needs this source any more.
    pub(crate) fn satisfy(&self, source: usize) {
        self.satisfied[source].store(true, Ordering::Release);
    }

    /// Does anybody need this source?
    pub(crate) fn needed(&self, source: usize) -> bool {
        !self.satisfied[source].load(Ordering::Acquire)
    }

    /// The next chunk; sources take turns.
    pub(crate) fn take(&self) -> Taken {
        if self.ended() {
            return Taken::Ended;
        }
        let mut turns = match self.turns.try_lock() {
            Ok(turns) => turns,
            Err(TryLockError::Poisoned(poisoned)) => PoisonError::into_inner(poisoned),
            Err(TryLockError::WouldBlock) => return Taken::Nothing,
        };
        if self.stop.load(Ordering::Acquire) && !self.ended() {
            turns.sources.iter_mut().for_each(|source| *source = None);
            self.cut.store(true, Ordering::Release);
        }
        let count = turns.sources.len();
        for step in 0..count {
            let index = (turns.turn + step) % count;
            if !self.needed(index) {
                turns.sources[index] = None;
            }
            let Some(source) = &mut turns.sources[index] else { continue };
            match source.next() {
                Ok(Next::Chunk(chunk)) => {
                    turns.turn = (index + 1) % count;
                    // Under the lock: only one worker counts at a time.
                    let number = self.next.fetch_add(1, Ordering::AcqRel);
                    return Taken::Chunk { source: index, number, chunk };
                }
                Ok(Next::Pending) => {}
                Ok(Next::End) => turns.sources[index] = None,
                Err(error) => return Taken::Failed { source: index, error },
            }
        }
        if turns.sources.iter().all(Option::is_none) {
            self.ended.store(true, Ordering::Release);
            return Taken::Ended;
        }
        Taken::Nothing
    }
}
