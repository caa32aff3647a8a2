//! What to do after a death: from what is durable to where the job goes on, or why it must not.

use super::{Epoch, Generation};

/// A manifest as recovery sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Manifest {
    /// The run that published it.
    pub generation: Generation,
    /// Its epoch.
    pub epoch: Epoch,
    /// Are it and all its parts whole?
    pub whole: bool,
}

/// Where a run began, durable before it reads anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Start {
    /// The run.
    pub generation: Generation,
    /// The manifest it began from: its run and epoch; 0 and 0: none.
    pub from: (Generation, Epoch),
}

/// What a sink's own system says was shown last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Mark {
    /// The newest run that committed.
    pub generation: Generation,
    /// The last epoch that is shown.
    pub epoch: Epoch,
}

/// Where a job goes on.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Recovery {
    /// The new run. Its [`Start`] must be durable before anything is read or committed.
    pub generation: Generation,
    /// The run that published the epoch.
    pub from: Generation,
    /// The epoch it goes on from; 0: the beginning.
    pub epoch: Epoch,
    /// The highest epoch number ever seen: later ones must be higher.
    pub highest: Epoch,
    /// Sinks that do not show the epoch yet.
    pub recommit: Vec<usize>,
}

/// Why the job must not go on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// A sink shows more than any manifest knows: the state folder is an old copy, or another run's.
    SinkAhead {
        /// The sink.
        sink: usize,
        /// What it shows.
        mark: Mark,
        /// The newest epoch that could be restored.
        epoch: Epoch,
    },
    /// A sink shows less than the epoch before: rows between are nowhere any more.
    SinkBehind {
        /// The sink.
        sink: usize,
        /// What it shows.
        mark: Option<Mark>,
        /// The epoch it should show at least.
        epoch: Epoch,
    },
    /// The newest manifest is damaged, and a sink already shows its epoch.
    Damaged {
        /// Its epoch.
        epoch: Epoch,
    },
}

/// Decides where run `generation` begins. `starts` and `manifests` in any order; `marks`, one per sink, as they
/// were when the sink was told of the run: from then on it refuses older ones.
pub fn recover(
    generation: Generation,
    starts: &[Start],
    manifests: &[Manifest],
    marks: &[Option<Mark>],
) -> Result<Recovery, Refusal> {
    let newest = starts.iter().max_by_key(|start| start.generation);
    let highest = manifests.iter().map(|manifest| manifest.epoch).max().unwrap_or(0);
    let mut candidates: Vec<&Manifest> =
        manifests.iter().filter(|manifest| counts(starts, manifest)).collect();
    candidates.sort_by_key(|manifest| std::cmp::Reverse((manifest.epoch, manifest.generation)));
    let shown = marks.iter().flatten().map(|mark| mark.epoch).max().unwrap_or(0);
    let mut chosen = (0, 0);
    for manifest in candidates {
        if manifest.whole {
            chosen = (manifest.generation, manifest.epoch);
            break;
        }
        if shown >= manifest.epoch {
            return Err(Refusal::Damaged { epoch: manifest.epoch });
        }
    }
    let (from, epoch) = chosen;
    let recommit = sinks_behind(marks, epoch, previous(manifests, newest, chosen))?;
    Ok(Recovery { generation, from, epoch, highest, recommit })
}

/// May a run go on from this manifest? Of runs before the newest one that started, only that counts from which it began: what
/// an old run published afterwards nobody has built on.
pub fn counts(starts: &[Start], manifest: &Manifest) -> bool {
    let Some(newest) = starts.iter().max_by_key(|start| start.generation) else { return true };
    manifest.generation == newest.generation || (manifest.generation, manifest.epoch) == newest.from
}

/// The epoch that was shown everywhere before this one was published: that from which its run came to it.
fn previous(
    manifests: &[Manifest],
    newest: Option<&Start>,
    (generation, epoch): (Generation, Epoch),
) -> Epoch {
    let of_run = manifests.iter().filter(|m| m.generation == generation && m.epoch < epoch);
    let base = newest.filter(|start| start.generation == generation).map_or(0, |start| start.from.1);
    // Manifests are retired, so the one before may be gone: then nothing is known but that it was below.
    of_run.map(|manifest| manifest.epoch).max().unwrap_or(0).max(base)
}

/// Sinks that must show the epoch again; refuses what cannot be.
fn sinks_behind(marks: &[Option<Mark>], epoch: Epoch, previous: Epoch) -> Result<Vec<usize>, Refusal> {
    let mut behind = Vec::new();
    for (sink, mark) in marks.iter().enumerate() {
        let shown = mark.map_or(0, |mark| mark.epoch);
        if let Some(mark) = mark.filter(|mark| mark.epoch > epoch) {
            return Err(Refusal::SinkAhead { sink, mark, epoch });
        }
        if shown == epoch {
            continue;
        }
        if shown < previous {
            return Err(Refusal::SinkBehind { sink, mark: *mark, epoch: previous });
        }
        behind.push(sink);
    }
    Ok(behind)
}
