//! The watermark of one event-time node, as a function of the number. Workers report what they saw in
//! which number; as soon as all of them have closed a number, the watermark behind it is known for good.

use super::splits::find;
use super::{ASIDE, News, Origin, SavedSplits, Split, Splits};
use crate::number::Number;
use flow_plan::operator::StateIdentity;
use flow_plan::physical::hidden::{END_OF_TIME, NO_WATERMARK};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeSet, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// All workers' reports of one event-time node.
pub(crate) struct TimeLog {
    delay: i64,
    /// Microseconds after which a silent split is not waited for.
    idle: Option<i64>,
    state: Mutex<State>,
}

struct State {
    workers: Vec<Reports>,
    /// What happens to splits, and from which number on, in order.
    news: VecDeque<(Number, News)>,
    splits: Splits,
    /// Sources that limits end, until they have.
    limited: Vec<Limited>,
    /// Is it known what stands behind the first number? First rows of splits tell it without a report.
    begun: bool,
    /// The number behind which the watermark rose (or stood aside), and to what.
    steps: VecDeque<(Number, i64)>,
    /// The watermark in front of the first step.
    first: i64,
    watermark: i64,
    /// The latest event time seen.
    latest: i64,
    /// Per reader: steps below are read.
    readers: Vec<Number>,
}

/// How far time is at an event-time node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Latest {
    /// The newest watermark.
    pub(crate) watermark: i64,
    /// The latest event time seen.
    pub(crate) seen: i64,
    /// The number from which on it stands aside, if it does.
    pub(crate) aside: Option<Number>,
}

/// A source whose rows pass limits on every way.
struct Limited {
    source: usize,
    /// The limits on each way.
    ways: Vec<Vec<usize>>,
    /// The number behind which none of its rows comes through.
    over: Option<Number>,
}

/// What a snapshot holds of it.
#[derive(Serialize, Deserialize)]
struct Saved {
    watermark: i64,
    latest: i64,
    /// The watermark behind the last number: another one if it stands aside.
    step: i64,
    begun: bool,
    splits: SavedSplits,
    news: Vec<(Number, SavedNews)>,
}

/// News with the names of sources.
#[derive(Serialize, Deserialize)]
enum SavedNews {
    SplitEnded(String, u32),
    SourceEnded(String),
    Silent(String, Duration),
    Awake(String),
}

impl SavedNews {
    fn of(news: &News, names: &[String]) -> SavedNews {
        match *news {
            News::SplitEnded((source, split)) => SavedNews::SplitEnded(names[source].clone(), split),
            News::SourceEnded(source) => SavedNews::SourceEnded(names[source].clone()),
            News::Silent(source, limit) => SavedNews::Silent(names[source].clone(), limit),
            News::Awake(source) => SavedNews::Awake(names[source].clone()),
        }
    }

    /// `None`: the source is no more.
    fn news(self, names: &[StateIdentity]) -> Option<News> {
        let index = |name: &str| find(names, name);
        Some(match self {
            SavedNews::SplitEnded(source, split) => News::SplitEnded((index(&source)?, split)),
            SavedNews::SourceEnded(source) => News::SourceEnded(index(&source)?),
            SavedNews::Silent(source, limit) => News::Silent(index(&source)?, limit),
            SavedNews::Awake(source) => News::Awake(index(&source)?),
        })
    }
}

/// What one worker said, in the order of numbers.
struct Reports {
    waiting: VecDeque<(Number, Split, i64)>,
    closed: Number,
}

impl TimeLog {
    pub(crate) fn new(delay: i64, idle: Option<i64>, mut origin: Origin, workers: usize) -> TimeLog {
        let limited = std::mem::take(&mut origin.limited);
        let limited = limited.into_iter().map(|(source, ways)| Limited { source, ways, over: None });
        let reports = || Reports { waiting: VecDeque::new(), closed: 0 };
        TimeLog {
            delay,
            idle,
            state: Mutex::new(State {
                workers: (0..workers).map(|_| reports()).collect(),
                news: VecDeque::new(),
                limited: limited.collect(),
                splits: Splits::new(origin),
                begun: false,
                steps: VecDeque::new(),
                first: NO_WATERMARK,
                watermark: NO_WATERMARK,
                latest: NO_WATERMARK,
                readers: Vec::new(),
            }),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A worker saw rows of a split in this number, the latest at `greatest`.
    pub(crate) fn report(&self, worker: usize, number: Number, split: Split, greatest: i64) {
        let waiting = &mut self.state().workers[worker].waiting;
        match waiting.back_mut() {
            Some((last, of, known)) if *last == number && *of == split => *known = greatest.max(*known),
            _ => waiting.push_back((number, split, greatest)),
        }
    }

    /// What holds from a number on, which the worker that tells it has not closed yet.
    pub(crate) fn tell(&self, number: Number, news: News) {
        let all = &mut self.state().news;
        let at = all.partition_point(|(other, _)| *other <= number);
        all.insert(at, (number, news));
    }

    /// A limit is full, in a number which its worker has not closed yet. `full` knows of all limits since when.
    pub(crate) fn fill(&self, full: impl Fn(usize) -> Option<Number>) {
        for limited in &mut self.state().limited {
            let way = |limits: &Vec<usize>| limits.iter().filter_map(|limit| full(*limit)).min();
            let ways = limited.ways.iter().map(way).collect::<Option<Vec<Number>>>();
            limited.over = ways.and_then(|ways| ways.into_iter().max());
        }
    }

    /// A worker has reported all numbers below `to`. Chunks have been handed out with the numbers below
    /// `handed_out`: news that would hold from there on only come to pass if there are more.
    pub(crate) fn close(&self, worker: usize, to: Number, handed_out: Number) {
        let mut state = self.state();
        state.workers[worker].closed = to;
        state.settle(self.delay, self.idle, handed_out);
    }

    /// A reader from the first number on; its handle, and the watermark in front of it.
    pub(crate) fn reader(&self) -> (usize, i64) {
        let mut state = self.state();
        state.readers.push(0);
        (state.readers.len() - 1, state.first)
    }

    /// What it knows at a barrier up to which all workers have closed, as JSON.
    /// `names` are those of the job's sources.
    pub(crate) fn save(&self, names: &[String]) -> String {
        let state = self.state();
        let saved = Saved {
            watermark: state.watermark,
            latest: state.latest,
            step: state.steps.back().map_or(state.first, |(_, watermark)| *watermark),
            begun: state.begun,
            splits: state.splits.save(names),
            news: state.news.iter().map(|(number, news)| (*number, SavedNews::of(news, names))).collect(),
        };
        // Numbers and lists of them: nothing in it can fail.
        serde_json::to_string(&saved).unwrap_or_default()
    }

    /// Of what was saved: the splits of which no row had come.
    pub(crate) fn promised(saved: &str, names: &[StateIdentity]) -> Result<BTreeSet<Split>, String> {
        let saved: Saved = serde_json::from_str(saved).map_err(|error| error.to_string())?;
        Ok(saved.splits.promised(names))
    }

    /// Goes on from what was saved.
    pub(crate) fn load(&self, saved: &str, names: &[StateIdentity]) -> Result<(), String> {
        let saved: Saved = serde_json::from_str(saved).map_err(|error| error.to_string())?;
        let mut state = self.state();
        state.watermark = saved.watermark;
        state.latest = saved.latest;
        state.first = saved.step;
        state.begun = saved.begun;
        state.splits.load(saved.splits, names);
        let news = saved.news.into_iter().filter_map(|(number, news)| Some((number, news.news(names)?)));
        state.news = news.collect();
        Ok(())
    }

    /// The steps in numbers from where the reader is to below `to`, in order. All workers have closed these.
    pub(crate) fn read(&self, reader: usize, to: Number, out: &mut Vec<(Number, i64)>) {
        let mut state = self.state();
        let from = std::mem::replace(&mut state.readers[reader], to);
        let start = state.steps.partition_point(|(number, _)| *number < from);
        out.extend(state.steps.iter().skip(start).take_while(|(number, _)| *number < to));
        let read = state.readers.iter().copied().min().unwrap_or(0);
        while state.steps.len() > 1 && state.steps[1].0 < read {
            state.steps.pop_front();
        }
    }

    /// The watermark behind a number that all workers have closed; a reader may still be in front of it.
    pub(crate) fn behind(&self, number: Number) -> i64 {
        let state = self.state();
        match state.steps.partition_point(|(step, _)| *step <= number) {
            0 => state.first,
            next => state.steps[next - 1].1,
        }
    }

    /// All workers have closed the numbers below: the watermarks behind them are known.
    pub(crate) fn known(&self) -> Number {
        self.state().closed()
    }

    /// For people: how far time is.
    pub(crate) fn latest(&self) -> Latest {
        let state = self.state();
        let last = state.steps.back().copied().unwrap_or((0, state.first));
        Latest {
            watermark: state.watermark,
            seen: state.latest,
            aside: Some(last.0).filter(|_| last.1 == ASIDE),
        }
    }
}

impl State {
    fn settle(&mut self, delay: i64, idle: Option<i64>, handed_out: Number) {
        let closed = self.closed();
        while let Some(number) = self.next_below(closed, handed_out) {
            self.begun = true;
            while let Some((_, news)) = self.news.pop_front_if(|(from, _)| *from <= number) {
                self.splits.learn(&news, idle);
            }
            for reports in &mut self.workers {
                while let Some((_, split, greatest)) = reports.waiting.pop_front_if(|(n, ..)| *n == number) {
                    self.splits.saw(split, greatest);
                    self.latest = self.latest.max(greatest);
                }
            }
            self.limited.retain(|limited| {
                let over = limited.over.is_some_and(|over| over <= number);
                if over {
                    self.splits.end(limited.source);
                }
                !over
            });
            let watermark = match self.splits.least() {
                None => ASIDE,
                Some(fixed @ (NO_WATERMARK | END_OF_TIME)) => fixed.max(self.watermark),
                Some(least) => least.saturating_sub(delay).max(self.watermark),
            };
            if watermark != ASIDE {
                self.watermark = watermark;
            }
            if self.steps.back().map_or(self.first, |(_, last)| *last) != watermark {
                self.steps.push_back((number, watermark));
            }
        }
    }

    fn closed(&self) -> Number {
        self.workers.iter().map(|reports| reports.closed).min().unwrap_or(0)
    }

    /// The next number below `closed` in which something happened.
    fn next_below(&self, closed: Number, handed_out: Number) -> Option<Number> {
        if !self.begun && closed.min(handed_out) > 0 {
            return Some(0);
        }
        let reports = self.workers.iter().filter_map(|reports| reports.waiting.front());
        let report = reports.map(|(number, ..)| *number).min().filter(|number| *number < closed);
        let news = self.news.front().map(|(number, _)| *number);
        let news = news.filter(|number| *number < closed.min(handed_out));
        let over = self.limited.iter().filter_map(|limited| limited.over).filter(|over| *over < closed);
        report.into_iter().chain(news).chain(over).min()
    }
}
