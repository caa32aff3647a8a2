//! The sequencer's end of a source: the chunk that is handed out next, and how long there was none.

use crate::feeder::Feeder;
use crate::source::{Chunk, Next, Source, SourceError, Tracker};
use flow_env::{Clock, Unparker};
use std::time::Duration;

/// A source that has not ended.
pub(crate) struct Supply {
    from: From,
    live: bool,
    /// The next chunk.
    hand: Option<Box<dyn Chunk>>,
    /// Follows what is handed out.
    tracker: Option<Box<dyn Tracker>>,
    silence: Silence,
}

enum From {
    Direct(Box<dyn Source>),
    Fed(Feeder),
}

/// What a look at a source shows.
pub(crate) enum Look {
    /// A chunk, whose first row has this event time.
    Chunk(Option<i64>),
    /// Nothing for the moment, and others must wait.
    Waited,
    /// Nothing for the moment; if it has been silent for one of the limits by now, which.
    Silent(Option<Duration>),
    /// Nothing any more.
    Ended,
}

impl Supply {
    /// A source that blocks gets a thread of its own; `wake` are the workers, `goes_on`: the job begins with a snapshot,
    /// `limits` the times after
    /// which somebody wants to know that it is silent.
    pub(crate) fn new(
        source: Box<dyn Source>,
        wake: &[Unparker],
        limits: Vec<Duration>,
        goes_on: bool,
    ) -> std::io::Result<Supply> {
        let live = source.live();
        let tracker = source.tracker();
        let from = match source.blocks() {
            true => From::Fed(Feeder::start(source, wake.to_vec())?),
            false => From::Direct(source),
        };
        Ok(Supply {
            from,
            live,
            hand: None,
            tracker,
            silence: Silence { limits, since: None, told: 0, before: goes_on },
        })
    }

    /// Looks for the next chunk.
    pub(crate) fn look(&mut self, clock: &dyn Clock) -> Result<Look, SourceError> {
        if self.hand.is_none() {
            let next = match &mut self.from {
                From::Direct(source) => source.next()?,
                From::Fed(feeder) => feeder.next()?,
            };
            match next {
                Next::Chunk(chunk) => self.hand = Some(chunk),
                Next::Pending if self.live => return Ok(Look::Silent(self.silence.lasts(clock))),
                Next::Pending => return Ok(Look::Waited),
                Next::End => {
                    if let Some(tracker) = &mut self.tracker {
                        tracker.ended();
                    }
                    return Ok(Look::Ended);
                }
            }
        }
        Ok(Look::Chunk(self.hand.as_ref().and_then(|chunk| chunk.time())))
    }

    /// Takes the chunk that a look showed; was a silence told of that ends now?
    pub(crate) fn take(&mut self) -> Option<(Box<dyn Chunk>, bool)> {
        let chunk = self.hand.take()?;
        if let Some(tracker) = &mut self.tracker {
            tracker.passed(chunk.step());
        }
        Some((chunk, self.silence.ends()))
    }

    /// May what it has read be read again?
    pub(crate) fn repeats(&self) -> bool {
        self.tracker.is_some()
    }

    /// Where the source stands behind what was handed out; `None`: it cannot say.
    pub(crate) fn position(&self) -> Option<String> {
        self.tracker.as_ref().map(|tracker| tracker.position())
    }
}

/// How long a source has had nothing. It only counts when it is asked in vain: while nobody asks, because
/// queues are full, rows wait in the source.
struct Silence {
    /// In order.
    limits: Vec<Duration>,
    since: Option<Duration>,
    /// So many limits have been told of.
    told: usize,
    /// Was it perhaps silent when the job that this one goes on from was stopped?
    before: bool,
}

impl Silence {
    fn lasts(&mut self, clock: &dyn Clock) -> Option<Duration> {
        let limit = *self.limits.get(self.told)?;
        let now = clock.elapsed();
        let since = *self.since.get_or_insert(now);
        (now.saturating_sub(since) >= limit).then(|| {
            self.told += 1;
            limit
        })
    }

    fn ends(&mut self) -> bool {
        self.since = None;
        let before = std::mem::take(&mut self.before);
        std::mem::take(&mut self.told) > 0 || before
    }
}
