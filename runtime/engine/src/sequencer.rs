//! Hands out chunks with the numbers of the job's one sequence.
//!
//! Which chunk comes next depends on what the sources hold and not on who asks: of sources that know the
//! event time of their rows, the one whose chunk begins earliest, less the time by which it is to be ahead; between these as a group and every
//! other source, by turns. Only live sources are passed over while they have nothing.

use crate::number::Number;
#[cfg(debug_assertions)]
use crate::number::birth;
use crate::snapshot::{Barrier, Begin, Held};
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
    /// A barrier comes first.
    Barrier,
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
    /// The limits that end it when they are full; none if rows come to sinks by other ways.
    pub(crate) ends_with: Vec<usize>,
    /// By how much it is read ahead of the others that go by time (micros of event time).
    pub(crate) ahead: i64,
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
    /// The barrier that was fixed last.
    barrier: Barrier,
    /// How long nobody may sleep while chunks may come.
    nap: Duration,
    /// All that was read may be read again.
    repeats: bool,
    /// Numbers that the clock on the wall took.
    #[cfg(debug_assertions)]
    beats: Mutex<std::collections::BTreeSet<Number>>,
}

struct Turns {
    /// `None`: ended.
    sources: Vec<Option<Supply>>,
    /// Sources among which event time decides; each of the others is a group of its own.
    groups: Vec<Vec<usize>>,
    /// By how much each source is read ahead.
    ahead: Vec<i64>,
    turn: usize,
    /// Where sources were that have ended.
    ends: Vec<Option<String>>,
}

impl Turns {
    fn end(&mut self, source: usize) {
        if let Some(supply) = self.sources[source].take() {
            self.ends[source] = supply.position();
        }
    }
}

/// The name of whose turn it is, among what a snapshot says of time.
pub(crate) const TURN: &str = "·turn";

/// What a group has.
enum Group {
    /// The next chunk is this source's.
    Chunk(usize),
    /// Nothing, and others must wait.
    Waited,
    /// Nothing.
    Nothing,
}

/// Sources that go by time are one group, each of the others is one. What limits end ends when that is noticed, so
/// it must not stand in a group with others: how these follow each other would depend on it.
fn groups(timing: &[Timing]) -> Vec<Vec<usize>> {
    let mut groups: Vec<Vec<usize>> = Vec::new();
    for (source, of) in timing.iter().enumerate() {
        let alike = |group: &&mut Vec<usize>| {
            let other = &timing[group[0]];
            of.timed && other.timed && of.ends_with == other.ends_with
        };
        match groups.iter_mut().find(alike) {
            Some(group) => group.push(source),
            None => groups.push(vec![source]),
        }
    }
    groups
}

impl Sequencer {
    /// Sources that block get a thread of their own; `wake` are the workers.
    pub(crate) fn new(
        sources: Vec<Box<dyn Source>>,
        timing: Vec<Timing>,
        wake: &[Unparker],
        clock: Arc<dyn Clock>,
        begin: &Begin,
        barrier: Barrier,
    ) -> std::io::Result<Sequencer> {
        let satisfied = sources.iter().map(|_| AtomicBool::new(false)).collect();
        // The rows of such a source are there when their time comes: nothing else says so.
        let polled = sources.iter().any(|source| source.live() && !source.blocks());
        let nap = if polled { SHORT_NAP } else { NAP };
        let groups = groups(&timing);
        let ahead = timing.iter().map(|timing| timing.ahead).collect();
        let supply = |(source, timing): (_, Timing)| {
            Supply::new(source, wake, timing.limits, begin.number() > 0).map(Some)
        };
        let sources: Vec<_> = sources.into_iter().zip(timing).map(supply).collect::<std::io::Result<_>>()?;
        let repeats = sources.iter().flatten().all(Supply::repeats);
        let turn = begin.time(TURN).and_then(|turn| turn.parse().ok()).unwrap_or(0) % groups.len().max(1);
        let ends = sources.iter().map(|_| None).collect();
        Ok(Sequencer {
            turns: Mutex::new(Turns { sources, groups, ahead, turn, ends }),
            next: AtomicU64::new(begin.number()),
            ended: AtomicBool::new(false),
            stop: AtomicBool::new(false),
            cut: AtomicBool::new(false),
            satisfied,
            clock,
            barrier,
            nap,
            repeats,
            #[cfg(debug_assertions)]
            beats: Mutex::default(),
        })
    }

    /// Fixes a barrier: no chunk from its number on is handed out before all workers have passed it. With `last`,
    /// none is handed out behind it either. `None`: the inputs have ended already, so that there is nothing to put
    /// it in front of.
    pub(crate) fn hold(&self, last: bool, whole: bool) -> Option<Held> {
        let turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
        if self.ended() {
            return None;
        }
        if last {
            self.stop();
        }
        let number = self.next();
        self.barrier.fix(number, whole);
        let position = |(supply, end): (&Option<Supply>, &Option<String>)| match supply {
            Some(supply) => supply.position(),
            None => end.clone(),
        };
        let sources = turns.sources.iter().zip(&turns.ends).map(position).collect();
        Some(Held { number, turn: turns.turn, sources })
    }

    /// May all that was read be read again?
    pub(crate) fn repeats(&self) -> bool {
        self.repeats
    }

    /// Barriers, for workers.
    pub(crate) fn barrier(&self) -> &Barrier {
        &self.barrier
    }

    /// Numbers below this one are taken. A worker that holds no chunk knows that none below is its own.
    pub(crate) fn next(&self) -> Number {
        self.next.load(Ordering::Acquire)
    }

    /// Takes a number for no chunk, for what operators are about to give as the clock on the wall passes. Not
    /// while a barrier is in front of a worker that has passed so many of them: then it must wait. Not when the job is told
    /// to stop: what would be given behind its last barrier, the job that goes on from there gives too. And not when the input has
    /// ended: then all is given anyway.
    pub(crate) fn skip(&self, passed: u64) -> Option<Number> {
        // Under the lock, so that no barrier is fixed in between.
        let _turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
        if self.barrier.ahead(passed).is_some() || self.stop.load(Ordering::Acquire) || self.ended() {
            return None;
        }
        let number = self.next.fetch_add(1, Ordering::AcqRel);
        #[cfg(debug_assertions)]
        self.beats.lock().unwrap_or_else(PoisonError::into_inner).insert(number);
        Some(number)
    }

    /// Are rows of this number in the order of their ranks? Not what the clock on the wall gives, nor what that made and the end
    /// of the input gives: which of several keys that are due at one moment comes first is free.
    #[cfg(debug_assertions)]
    pub(crate) fn is_ranked(&self, number: Number) -> bool {
        let beats = self.beats.lock().unwrap_or_else(PoisonError::into_inner);
        birth(number).is_some_and(|born| !beats.contains(&born))
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

    /// The next chunk for a worker that has passed so many barriers, and news for those who watch time, with the
    /// numbers from which on they hold. Who asks must tell them before it says that it is through with these numbers.
    pub(crate) fn take(&self, passed: u64, news: &mut Vec<(Number, News)>) -> Taken {
        let mut turns = match self.turns.try_lock() {
            Ok(turns) => turns,
            Err(TryLockError::Poisoned(poisoned)) => PoisonError::into_inner(poisoned),
            Err(TryLockError::WouldBlock) => return Taken::Nothing,
        };
        if self.barrier.ahead(passed).is_some() {
            return Taken::Barrier;
        }
        if self.ended() {
            return Taken::Ended;
        }
        if self.stop.load(Ordering::Acquire) && !self.ended() {
            (0..turns.sources.len()).for_each(|source| turns.end(source));
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
            let ahead = turns.ahead[source];
            let look = match self.needed(source) {
                true => supply.look(self.clock.as_ref()).map_err(|error| (source, error))?,
                false => Look::Ended,
            };
            match look {
                Look::Chunk(time) => {
                    let time = time.map(|time| time.saturating_sub(ahead));
                    if best.is_none_or(|(least, _)| time < least) {
                        best = Some((time, source));
                    }
                }
                Look::Silent(None) => {}
                Look::Waited => waited = true,
                Look::Silent(Some(limit)) => news.push((next, News::Silent(source, limit))),
                Look::Ended => {
                    turns.end(source);
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

#[cfg(test)]
mod tests {
    use super::{Barrier, Begin, Sequencer, Timing, groups};
    use crate::snapshot::WAITING;
    use flow_env::Env;

    #[test]
    fn behind_the_barrier_with_which_a_job_stops_nothing_is_given_as_time_passes() {
        let barrier = Barrier::new(1, WAITING, flow_env::parker().1);
        let begin = Begin::default();
        let clock = Env::real().clock;
        let sequencer = Sequencer::new(Vec::new(), Vec::new(), &[], clock, &begin, barrier).unwrap();
        assert_eq!(sequencer.skip(0), Some(0));
        let held = sequencer.hold(false, true).unwrap();
        assert!(held.number == 1 && sequencer.skip(0).is_none());
        assert_eq!(sequencer.skip(1), Some(1), "behind any other barrier it is");
        assert!(sequencer.hold(true, true).is_some_and(|held| held.number == 2));
        assert!(sequencer.skip(1).is_none() && sequencer.skip(2).is_none());
        assert_eq!(sequencer.next(), 2);
    }

    #[test]
    fn sources_that_a_limit_ends_take_no_turn_of_those_that_go_by_time() {
        let source = |timed: bool, ends_with: &[usize]| Timing {
            timed,
            ends_with: ends_with.to_vec(),
            ..Timing::default()
        };
        let sources = [
            source(true, &[]),
            source(false, &[]),
            source(true, &[9]),
            source(true, &[]),
            source(false, &[]),
            source(true, &[9]),
            source(true, &[7, 9]),
        ];
        assert_eq!(groups(&sources), [vec![0, 3], vec![1], vec![2, 5], vec![4], vec![6]]);
    }
}
