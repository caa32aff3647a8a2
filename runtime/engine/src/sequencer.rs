//! Hands out chunks with the numbers of the job's one sequence.
//!
//! Which chunk comes next depends on what the sources hold and not on who asks: of sources that know the
//! event time of their rows, the one whose chunk begins earliest; between these as a group and every
//! other source, by turns. Only live sources are passed over while they have nothing.

use crate::number::Number;
use crate::source::{Chunk, Source, SourceError};
use crate::supply::{Look, Supply};
use crate::time::News;
use flow_env::{Clock, Unparker};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, TryLockError};
use std::time::Duration;

/// How long a worker sleeps when it has nothing to do: everything that concerns it wakes it, except a
/// source that has nothing yet.
const NAP: Duration = Duration::from_millis(1);
/// Where a source gives its rows as time passes, this is what it adds to their latency.
const SHORT_NAP: Duration = Duration::from_micros(200);
/// When all chunks are taken, only other workers can bring something, and they wake it.
const LONG_NAP: Duration = Duration::from_millis(20);

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

/// What the sequencer must know of a source before the start.
#[derive(Default)]
pub(crate) struct Timing {
    /// Does it know the event time of its rows?
    pub(crate) timed: bool,
    /// After how much silence is it not waited for? In order.
    pub(crate) limits: Vec<Duration>,
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
    clock: Arc<dyn Clock>,
    /// How long nobody may sleep while chunks may come.
    nap: Duration,
}

struct Turns {
    /// `None`: ended.
    sources: Vec<Option<Supply>>,
    /// Sources among which event time decides; each of the others is a group of its own.
    groups: Vec<Vec<usize>>,
    turn: usize,
}

/// What a group has.
enum Group {
    /// The next chunk is this source's.
    Chunk(usize),
    /// Nothing, and others must wait.
    Waited,
    /// Nothing.
    Nothing,
}

impl Sequencer {
    /// Sources that block get a thread of their own; `wake` are the workers.
    pub(crate) fn new(
        sources: Vec<Box<dyn Source>>,
        timing: Vec<Timing>,
        wake: &[Unparker],
        clock: Arc<dyn Clock>,
    ) -> std::io::Result<Sequencer> {
        let satisfied = sources.iter().map(|_| AtomicBool::new(false)).collect();
        // The rows of such a source are there when their time comes: nothing else says so.
        let polled = sources.iter().any(|source| source.live() && !source.blocks());
        let nap = if polled { SHORT_NAP } else { NAP };
        let (timed, others): (Vec<usize>, Vec<usize>) =
            (0..sources.len()).partition(|&source| timing[source].timed);
        let mut groups: Vec<Vec<usize>> = others.into_iter().map(|source| vec![source]).collect();
        groups.extend((!timed.is_empty()).then_some(timed));
        groups.sort();
        let supply = |(source, timing): (_, Timing)| Supply::new(source, wake, timing.limits).map(Some);
        let sources = sources.into_iter().zip(timing).map(supply).collect::<std::io::Result<_>>()?;
        Ok(Sequencer {
            turns: Mutex::new(Turns { sources, groups, turn: 0 }),
            next: AtomicU64::new(0),
            ended: AtomicBool::new(false),
            stop: AtomicBool::new(false),
            cut: AtomicBool::new(false),
            satisfied,
            clock,
            nap,
        })
    }

    /// Numbers below this one are taken. A worker that holds no chunk knows that none below is its own.
    pub(crate) fn next(&self) -> Number {
        self.next.load(Ordering::Acquire)
    }

    /// Takes a number for no chunk: what was given under the numbers up to it can be closed.
    pub(crate) fn skip(&self) {
        if self.ended() {
            return;
        }
        self.next.fetch_add(1, Ordering::AcqRel);
    }

    /// How long a worker that found nothing may sleep.
    pub(crate) fn nap(&self) -> Duration {
        if self.ended() { LONG_NAP } else { self.nap }
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

    /// The next chunk, and news for those who watch time, with the numbers from which on they hold. Who
    /// asks must tell them before it says that it is through with these numbers.
    pub(crate) fn take(&self, news: &mut Vec<(Number, News)>) -> Taken {
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
        let count = turns.groups.len();
        let mut waited = false;
        for step in 0..count {
            let turn = (turns.turn + step) % count;
            match self.look(&mut turns, turn, news) {
                Ok(Group::Chunk(source)) => {
                    turns.turn = (turn + 1) % count;
                    if let Some(chunk) = self.hand_out(&mut turns, source, news) {
                        return chunk;
                    }
                }
                Ok(Group::Waited) => {
                    waited = true;
                    break;
                }
                Ok(Group::Nothing) => {}
                Err((source, error)) => return Taken::Failed { source, error },
            }
        }
        if turns.sources.iter().all(Option::is_none) {
            self.ended.store(true, Ordering::Release);
            return Taken::Ended;
        }
        if !waited && !news.is_empty() {
            // Only live sources are left, and silent: a number without a chunk lets the news take effect.
            self.next.fetch_add(1, Ordering::AcqRel);
        }
        Taken::Nothing
    }

    /// Looks at the sources of a group: which has the chunk that begins earliest?
    fn look(
        &self,
        turns: &mut Turns,
        group: usize,
        news: &mut Vec<(Number, News)>,
    ) -> Result<Group, (usize, SourceError)> {
        let next = self.next();
        let mut best: Option<(Option<i64>, usize)> = None;
        let mut waited = false;
        for at in 0..turns.groups[group].len() {
            let source = turns.groups[group][at];
            let Some(supply) = &mut turns.sources[source] else { continue };
            let look = match self.needed(source) {
                true => supply.look(self.clock.as_ref()).map_err(|error| (source, error))?,
                false => Look::Ended,
            };
            match look {
                Look::Chunk(time) if best.is_none_or(|(least, _)| time < least) => {
                    best = Some((time, source))
                }
                Look::Chunk(_) | Look::Silent(None) => {}
                Look::Waited => waited = true,
                Look::Silent(Some(limit)) => news.push((next, News::Silent(source, limit))),
                Look::Ended => {
                    turns.sources[source] = None;
                    news.push((next, News::SourceEnded(source)));
                }
            }
        }
        Ok(match best {
            _ if waited => Group::Waited,
            Some((_, source)) => Group::Chunk(source),
            None => Group::Nothing,
        })
    }

    fn hand_out(&self, turns: &mut Turns, source: usize, news: &mut Vec<(Number, News)>) -> Option<Taken> {
        let (chunk, was_silent) = turns.sources[source].as_mut()?.take()?;
        // Under the lock: only one worker counts at a time.
        let number = self.next.fetch_add(1, Ordering::AcqRel);
        if was_silent {
            news.push((number, News::Awake(source)));
        }
        if chunk.last() {
            news.push((number + 1, News::SplitEnded((source, chunk.split()))));
        }
        Some(Taken::Chunk { source, number, chunk })
    }
}
