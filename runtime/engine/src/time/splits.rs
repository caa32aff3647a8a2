//! The parts of the input that an event-time node waits for, and how far each is in time.

use super::{News, Split};
use flow_plan::operator::StateIdentity;
use flow_plan::physical::hidden::{END_OF_TIME, LAST_TIME, NO_WATERMARK};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Where an event-time node's rows come from.
#[derive(Clone, Debug, Default)]
pub(crate) struct Origin {
    /// Its sources, with what is known of their splits, if they have times of their own; else the whole source has one time.
    pub(crate) sources: Vec<(usize, Option<Vec<Promise>>)>,
    /// All rows pass one place before: nobody knows splits any more, and what stands between may give
    /// rows until the input ends.
    pub(crate) gathered: bool,
    /// Sources whose rows pass limits on every way here: the limits on each way.
    pub(crate) limited: Vec<(usize, Vec<Vec<usize>>)>,
}

/// How far a split is before a row of it has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Promise {
    /// The time of the first of its rows that comes to the node, or an earlier one.
    pub(crate) time: i64,
    /// Has a row of it come before? Then what was seen counts.
    pub(crate) seen: bool,
}

/// The splits of one event-time node.
pub(crate) struct Splits {
    sources: BTreeMap<usize, Source>,
    gathered: bool,
    splits: BTreeMap<Split, Progress>,
    /// Those that are waited for, by their time.
    waited: BTreeSet<(i64, Split)>,
    /// What is promised of those of which no row had come at the start.
    promised: BTreeMap<Split, i64>,
}

struct Source {
    by_split: bool,
    silent: bool,
    /// Limits let no more rows of it through.
    over: bool,
}

struct Progress {
    /// The greatest event time seen; before the first row, what is promised.
    greatest: i64,
    /// Has a row come?
    seen: bool,
    /// How many sources that are awake may bring rows.
    awake: usize,
}

const GATHERED: Split = (0, 0);

/// The source of this name, or that had it before.
pub(super) fn find(names: &[StateIdentity], name: &str) -> Option<usize> {
    let now = names.iter().position(|known| known.id == name);
    now.or_else(|| names.iter().position(|known| known.was.as_deref() == Some(name)))
}

/// What a snapshot holds of them, with the names of sources: of each split the greatest event time seen and the
/// sources that are awake; and the sources that are silent.
#[derive(Serialize, Deserialize)]
pub(crate) struct SavedSplits {
    splits: Vec<(String, u32, i64, usize)>,
    silent: Vec<String>,
    /// Splits of which no row has come: their time is what the script of that run promised. (Not in savepoints of old.)
    #[serde(default)]
    promised: Vec<(String, u32)>,
}

impl SavedSplits {
    /// The splits of which no row had come.
    pub(super) fn promised(&self, names: &[StateIdentity]) -> BTreeSet<Split> {
        self.promised.iter().filter_map(|(source, split)| Some((find(names, source)?, *split))).collect()
    }
}

impl Splits {
    pub(crate) fn new(origin: Origin) -> Splits {
        let mut splits = Splits {
            sources: BTreeMap::new(),
            gathered: origin.gathered,
            splits: BTreeMap::new(),
            waited: BTreeSet::new(),
            promised: BTreeMap::new(),
        };
        let count = origin.sources.len();
        for (source, promises) in origin.sources {
            let by_split = promises.is_some() && !origin.gathered;
            splits.sources.insert(source, Source { by_split, silent: false, over: false });
            if !origin.gathered {
                let promises = promises.unwrap_or_else(|| vec![Promise { time: NO_WATERMARK, seen: true }]);
                promises.into_iter().enumerate().for_each(|(split, promise)| {
                    splits.set((source, split as u32), promise.time, 1);
                    if !promise.seen {
                        splits.promised.insert((source, split as u32), promise.time);
                    }
                });
            }
        }
        if origin.gathered {
            splits.set(GATHERED, NO_WATERMARK, count.max(1));
        }
        splits
    }

    /// For a snapshot; `names` are those of the job's sources.
    pub(crate) fn save(&self, names: &[String]) -> SavedSplits {
        let split = |(split, known): (&Split, &Progress)| {
            (names[split.0].clone(), split.1, known.greatest, known.awake)
        };
        let silent = self.sources.iter().filter(|(_, source)| source.silent);
        let promised = self.splits.iter().filter(|(_, known)| !known.seen);
        SavedSplits {
            splits: self.splits.iter().map(split).collect(),
            silent: silent.map(|(index, _)| names[*index].clone()).collect(),
            promised: promised.map(|((source, split), _)| (names[*source].clone(), *split)).collect(),
        }
    }

    /// Goes on from what was saved. A split of a source that was there is only waited for if it was then.
    pub(crate) fn load(&mut self, saved: SavedSplits, names: &[StateIdentity]) {
        let index = |name: &str| find(names, name);
        let unseen = saved.promised(names);
        let splits = saved
            .splits
            .into_iter()
            .filter_map(|(source, split, greatest, awake)| Some(((index(&source)?, split), greatest, awake)));
        let splits: Vec<(Split, i64, usize)> = splits.collect();
        let known: BTreeSet<usize> = splits.iter().map(|(split, ..)| split.0).collect();
        let ended: Vec<Split> =
            self.splits.keys().filter(|split| known.contains(&split.0)).copied().collect();
        ended.into_iter().for_each(|split| self.remove(split));
        for index in saved.silent.iter().filter_map(|name| index(name)) {
            if let Some(source) = self.sources.get_mut(&index) {
                source.silent = true;
            }
        }
        for (split, greatest, awake) in splits {
            // What was promised of a split of which no row has come need not hold for this script, whose filters may be others.
            let promised = self.promised.get(&split).copied().unwrap_or(greatest);
            self.set(split, greatest.min(promised), awake);
            if !unseen.contains(&split) {
                self.see(split);
            }
        }
    }

    /// Rows of a split were seen, the latest at `greatest`.
    pub(crate) fn saw(&mut self, split: Split, greatest: i64) {
        let key = match self.sources.get(&split.0) {
            _ if self.gathered && self.is_over() => return,
            Some(Source { over: true, .. }) if !self.gathered => return,
            _ if self.gathered => GATHERED,
            Some(Source { by_split: false, .. }) => (split.0, 0),
            _ => split,
        };
        match self.splits.get(&key) {
            // What is known of a split before its first row is only a promise.
            Some(known) => self.set(key, known.greatest.max(greatest), known.awake),
            None => self.set(key, greatest, 1),
        }
        self.see(key);
    }

    /// A row of a split has come.
    fn see(&mut self, split: Split) {
        if let Some(known) = self.splits.get_mut(&split) {
            known.seen = true;
        }
    }

    /// Takes note of news that concern this node, if it does not wait for splits that are silent for `idle`
    /// microseconds.
    pub(crate) fn learn(&mut self, news: &News, idle: Option<i64>) {
        match *news {
            News::SplitEnded(split) => {
                if self.sources.get(&split.0).is_some_and(|source| source.by_split) && !self.gathered {
                    self.remove(split);
                }
            }
            News::SourceEnded(index) if !self.gathered => {
                for split in self.of_source(index) {
                    self.remove(split);
                }
            }
            News::SourceEnded(_) => {}
            News::Silent(index, limit) => {
                let known = self.sources.get_mut(&index).filter(|source| !source.silent);
                let long = idle.is_some_and(|idle| limit.as_micros() >= idle.unsigned_abs().into());
                if let Some(source) = known.filter(|_| long) {
                    source.silent = true;
                    self.wake(index, false);
                }
            }
            News::Awake(index) => {
                if let Some(source) = self.sources.get_mut(&index).filter(|source| source.silent) {
                    source.silent = false;
                    self.wake(index, true);
                }
            }
        }
    }

    /// Limits let no more rows of a source through.
    pub(crate) fn end(&mut self, index: usize) {
        if let Some(source) = self.sources.get_mut(&index) {
            source.over = true;
        }
        if !self.gathered || self.is_over() {
            self.of_source(index).into_iter().for_each(|split| self.remove(split));
        }
    }

    /// Can no rows come any more, since limits let none through?
    fn is_over(&self) -> bool {
        !self.sources.is_empty() && self.sources.values().all(|source| source.over)
    }

    /// The least time of all splits that are waited for; `None` if all are silent.
    pub(crate) fn least(&self) -> Option<i64> {
        match self.waited.first() {
            Some((least, _)) => Some(*least),
            None if self.splits.is_empty() => Some(END_OF_TIME),
            None => None,
        }
    }

    fn of_source(&self, source: usize) -> Vec<Split> {
        match self.gathered {
            true => vec![GATHERED],
            false => self.splits.range((source, 0)..=(source, u32::MAX)).map(|(split, _)| *split).collect(),
        }
    }

    fn wake(&mut self, source: usize, awake: bool) {
        for split in self.of_source(source) {
            if let Some(known) = self.splits.get(&split) {
                let count = if awake { known.awake + 1 } else { known.awake.saturating_sub(1) };
                self.set(split, known.greatest, count);
            }
        }
    }

    fn set(&mut self, split: Split, greatest: i64, awake: usize) {
        // No row is as late as the end of time.
        let greatest = greatest.min(LAST_TIME);
        let seen = self.splits.get(&split).is_some_and(|known| known.seen);
        self.remove(split);
        if awake > 0 {
            self.waited.insert((greatest, split));
        }
        self.splits.insert(split, Progress { greatest, seen, awake });
    }

    fn remove(&mut self, split: Split) {
        if let Some(known) = self.splits.remove(&split) {
            self.waited.remove(&(known.greatest, split));
        }
    }
}
