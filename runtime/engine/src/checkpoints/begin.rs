//! The beginning of a run: its number, what sinks say, where it goes on, and what must be shown again first.

use super::recover::{self, Said};
use super::{Beginning, Checkpoints, Told};
use crate::assemble::OpenSink;
use crate::error::Again;
use crate::sink::{Run, Sink, SinkError};
use crate::snapshot::{JobPosition, Snapshot};
use flow_checkpoint::protocol::{Generation, Mark, Recovery};
use flow_checkpoint::state::Part;
use flow_checkpoint::{
    Failure, Head, Job as Store, Launch, Manifest, Pieces, Position, Problem, RecoverError, Saved, SinkSeal,
};
use flow_env::{planted, reach};
use flow_plan::operator::StateIdentity;

/// A run that may begin to read.
pub(crate) struct Begun {
    /// What operators and sources begin with.
    pub(crate) snapshot: Option<Snapshot>,
    /// Of that, so much is in the snapshot: all pieces behind the first are still to be loaded.
    pub(crate) pieces: Option<Pieces>,
    pub(crate) from: Resumption,
}

/// Where a run goes on.
pub(crate) struct Resumption {
    /// What the protocol decided; its epoch is shown by all sinks.
    pub(crate) recovery: Recovery,
    /// There is nothing left to do: the run before had finished, and died behind its last checkpoint.
    pub(crate) finished: bool,
    /// The checkpoint that it goes on from, if its workers have just what is in their parts of it: then their next ones may
    /// hold what changed since.
    pub(crate) follows: Option<Manifest>,
}

/// Why it may not: of the sink of a node, or of the job as a whole.
pub(crate) struct NotBegun {
    pub(crate) node: Option<usize>,
    pub(crate) message: String,
    /// May it begin another time?
    pub(crate) again: Again,
}

impl NotBegun {
    fn job(message: impl ToString) -> NotBegun {
        NotBegun { node: None, message: message.to_string(), again: Again::Never }
    }

    fn failed(failure: Failure) -> NotBegun {
        NotBegun { again: after(&failure), ..NotBegun::job(failure) }
    }

    fn recovery(error: RecoverError) -> NotBegun {
        match error {
            RecoverError::Failure(failure) => NotBegun::failed(failure),
            refused => NotBegun::job(refused),
        }
    }

    fn sink(node: usize) -> impl Fn(SinkError) -> NotBegun {
        move |error| NotBegun { node: Some(node), message: error.to_string(), again: error.again() }
    }
}

/// What a failure of the state folder means for a job that would begin again.
pub(super) fn after(failure: &Failure) -> Again {
    match &failure.problem {
        Problem::Io(error) => Again::after(error),
        _ => Again::Never,
    }
}

/// Begins a run at `now` (microseconds since 1970-01-01 UTC), before any writer or source does. What it refuses costs
/// nothing.
pub(crate) fn begin(
    checkpoints: &Checkpoints,
    now: i64,
    job: &str,
    ids: &[StateIdentity],
    sinks: &mut [OpenSink],
    memory: Option<usize>,
    workers: usize,
) -> Result<Begun, NotBegun> {
    let store = &checkpoints.store;
    may_begin(checkpoints, sinks)?;
    // From here on no older run can publish any more, except one that is about to.
    let generation = store.begin(&checkpoints.launch).map_err(NotBegun::failed)?;
    reach("begun");
    let published = store.folder().counting().map_err(NotBegun::failed)?;
    let fresh = is_fresh(checkpoints, &published);
    let run = Run { job: job.to_string(), generation, fresh };
    let goes_on = matches!(checkpoints.beginning, Beginning::GoOn);
    let still_fresh = || if fresh && goes_on { nothing_came(store, &published) } else { Ok(()) };
    let mut said = Vec::new();
    for (node, sink) in sinks.iter_mut() {
        let mark = sink.begin(&run).or_else(|error| {
            still_fresh()?;
            Err(NotBegun::sink(*node)(error))
        })?;
        said.push(Said { remembers: sink.remembers(), mark, id: &ids[*node] });
    }
    still_fresh()?;
    if let Beginning::Savepoint(saved) = &checkpoints.beginning {
        let published = store.folder().published_behind(saved.manifest.epoch).map_err(NotBegun::failed)?;
        let counting = store.folder().counting().map_err(NotBegun::failed)?;
        for ((node, sink), said) in sinks.iter().zip(&said) {
            nothing_behind(saved, &**sink, said, &published).map_err(NotBegun::sink(*node))?;
            all_shown(saved, said, &counting).map_err(NotBegun::sink(*node))?;
        }
    }
    let marks = |newest: Option<&Manifest>| -> Vec<Option<Mark>> {
        said.iter().map(|said| said.of(newest)).collect()
    };
    match &checkpoints.beginning {
        // Nothing was ever there.
        Beginning::Anew if published.is_empty() => {
            go_on(checkpoints, generation, marks, ids, sinks, (memory, workers))
        }
        Beginning::Anew => adopt(checkpoints, now, generation, &marks(None), None, sinks, ids),
        Beginning::GoOn => go_on(checkpoints, generation, marks, ids, sinks, (memory, workers)),
        Beginning::Savepoint(saved) => {
            let pieces = saved.pieces(memory);
            adopt(checkpoints, now, generation, &marks(None), Some((saved, pieces)), sinks, ids)
        }
    }
}

/// Does the run begin with nothing?
fn is_fresh(checkpoints: &Checkpoints, published: &[Manifest]) -> bool {
    let newest = published.last().filter(|_| matches!(checkpoints.beginning, Beginning::GoOn));
    // A checkpoint from which a run began anew has nothing in it.
    newest.is_none_or(|manifest| manifest.barrier == 0 && !manifest.finished)
        && !matches!(checkpoints.beginning, Beginning::Savepoint(_))
}

/// Asks the sinks while a refusal costs nothing, not even a number. What changes from here on, they find again when they
/// are told of the run.
fn may_begin(checkpoints: &Checkpoints, sinks: &[OpenSink]) -> Result<(), NotBegun> {
    let published = checkpoints.store.folder().counting().map_err(NotBegun::failed)?;
    let fresh = is_fresh(checkpoints, &published);
    for (node, sink) in sinks {
        if let Err(error) = sink.may_begin(fresh) {
            nothing_came(&checkpoints.store, &published)?;
            return Err(NotBegun::sink(*node)(error));
        }
    }
    Ok(())
}

/// Sinks were told that this run begins with nothing. They show nothing of older runs any more, so that this one only has
/// to go if there is something that they were not told of: that was not there when this run looked. (What was there may
/// well be older than the checkpoint from which a run began anew.)
fn nothing_came(store: &Store, before: &[Manifest]) -> Result<(), NotBegun> {
    let published = store.folder().counting().map_err(NotBegun::failed)?;
    let knew =
        |new: &Manifest| before.iter().any(|old| (old.generation, old.epoch) == (new.generation, new.epoch));
    match published.iter().any(|manifest| (manifest.barrier > 0 || manifest.finished) && !knew(manifest)) {
        true => Err(NotBegun::job(
            "another run of this job completed a checkpoint while this one began: start again to go on from it",
        )),
        false => Ok(()),
    }
}

/// A job that goes back to a savepoint gives all behind it once more: refuses where some of that can be seen already. (What a
/// run that began with the savepoint shows is behind it, too.) Epochs that brought no rows are no reason.
fn nothing_behind(
    saved: &Saved,
    sink: &dyn Sink,
    said: &Said<'_>,
    published: &[Manifest],
) -> Result<(), SinkError> {
    let savepoint = saved.manifest.epoch;
    let mut last = said.mark.map_or(0, |mark| sink.filled(mark));
    // What a run that died began to show is in no mark.
    for manifest in published {
        if let Some(share) = recover::seal(manifest, said.id)
            && sink.shows(&share.sealed)?
        {
            last = last.max(manifest.epoch);
        }
    }
    if last <= savepoint {
        return Ok(());
    }
    Err(SinkError::Open(format!(
        "it shows what came up to checkpoint {last}, and the savepoint is of checkpoint {savepoint}: rows between them would be there twice; \
         go on without `--from`, or move what it shows away (or let it write elsewhere) to have what comes behind the savepoint by itself",
    )))
}

/// A run that died behind its last checkpoint may not have shown it. Who begins with a savepoint of that would forget the rows in it
/// that are not shown: refuses.
fn all_shown(saved: &Saved, said: &Said<'_>, counting: &[Manifest]) -> Result<(), SinkError> {
    let named = |manifest: &Manifest| (manifest.generation, manifest.epoch, manifest.at);
    let of = named(&saved.manifest);
    let Some(manifest) = counting.iter().find(|manifest| named(manifest) == of) else { return Ok(()) };
    let sealed = recover::seal(manifest, said.id).is_some_and(|share| !share.sealed.is_empty());
    let shown = said.mark.map_or(0, |mark| mark.epoch);
    if !(said.remembers && sealed && shown < manifest.epoch) {
        return Ok(());
    }
    Err(SinkError::Open(format!(
        "it does not show yet what came up to checkpoint {}, of which the savepoint is: the run that made it died before; \
         without `--from` the job goes on from the same checkpoint, and shows it",
        manifest.epoch
    )))
}

fn clean(sinks: &mut [OpenSink]) -> Result<(), NotBegun> {
    sinks.iter_mut().try_for_each(|(node, sink)| sink.clean(&[]).map_err(NotBegun::sink(*node)))
}

fn go_on(
    checkpoints: &Checkpoints,
    generation: Generation,
    marks: impl Fn(Option<&Manifest>) -> Vec<Option<Mark>>,
    ids: &[StateIdentity],
    sinks: &mut [OpenSink],
    (memory, workers): (Option<usize>, usize),
) -> Result<Begun, NotBegun> {
    let store = &checkpoints.store;
    let recovered = store.recover(generation, marks).map_err(NotBegun::recovery)?;
    for failure in &recovered.damaged {
        tell(checkpoints, Told::Damaged { why: failure.to_string() });
    }
    let mut recovery = recovered.recovery;
    let Some(manifest) = recovered.manifest else {
        store.start(&recovery).map_err(NotBegun::failed)?;
        clean(sinks)?;
        let from = Resumption { recovery, finished: false, follows: None };
        return Ok(Begun { snapshot: None, pieces: None, from });
    };
    no_sink_missing(store, &manifest, sinks.iter().map(|(node, _)| &ids[*node]))?;
    let pieces = store.folder().pieces(&manifest, memory);
    let parts = pieces.load(0).map_err(NotBegun::failed)?;
    reach("recovered");
    store.start(&recovery).map_err(NotBegun::failed)?;
    reach("started");
    if planted("clean-too-early") {
        clean(sinks)?;
    }
    if planted("skip-recommit") {
        recovery.recommit.clear();
    }
    for index in std::mem::take(&mut recovery.recommit) {
        let (node, sink) = &mut sinks[index];
        let sealed = recover::seal(&manifest, &ids[*node]);
        let sealed = sealed.map(|sealed| sealed.sealed.as_slice()).unwrap_or_default();
        sink.commit(manifest.epoch, sealed).map_err(NotBegun::sink(*node))?;
        reach("shown again");
    }
    store.shown(&recovery).map_err(NotBegun::failed)?;
    clean(sinks)?;
    let (generation, epoch, at) = (manifest.generation, manifest.epoch, manifest.at);
    let finished = manifest.finished;
    tell(
        checkpoints,
        if finished { Told::FinishedBefore } else { Told::Recovered { generation, epoch, at } },
    );
    let snapshot = Some(snapshot(&manifest, parts));
    let follows =
        Some(manifest).filter(|manifest| !finished && is_same_job(&checkpoints.launch, workers, manifest));
    Ok(Begun { snapshot, pieces: Some(pieces), from: Resumption { recovery, finished, follows } })
}

/// What a checkpoint has sealed of a sink that the script does not have (any more) is shown by nobody if the run that sealed it died
/// before it did: refuses where that may be so.
fn no_sink_missing<'a>(
    store: &Store,
    manifest: &Manifest,
    ids: impl Iterator<Item = &'a StateIdentity> + Clone,
) -> Result<(), NotBegun> {
    let of = |seal: &SinkSeal| ids.clone().any(|id| seal.id == id.id || Some(&seal.id) == id.was.as_ref());
    let missing = manifest.sinks.iter().find(|seal| !seal.sealed.is_empty() && !of(seal));
    let Some(SinkSeal { id, .. }) = missing else { return Ok(()) };
    if store.folder().is_known_to_be_shown(manifest).map_err(NotBegun::failed)? {
        return Ok(());
    }
    Err(NotBegun::job(format!(
        "the last run died before it was sure that checkpoint {} is shown, and `{id}`, which got rows in it, is not in the script any more: \
         they might never be seen; run the script as it was once more and stop it, or, if that sink has another name now, say so with `@was`",
        manifest.epoch
    )))
}

/// Do as many workers do what those did that wrote this checkpoint? Then each one's state is what its part says, in the same
/// tables.
fn is_same_job(launch: &Launch, workers: usize, manifest: &Manifest) -> bool {
    planted("follow-another-job")
        || manifest.parallelism == workers
            && manifest.flow == launch.flow
            && manifest.scripts == launch.scripts
            && manifest.parameters == launch.parameters
}

/// What the run begins with becomes its own first checkpoint, above all that was there: a death before the next one
/// goes on from it, and sinks that show older results take a mark of this run.
fn adopt(
    checkpoints: &Checkpoints,
    at: i64,
    generation: Generation,
    marks: &[Option<Mark>],
    saved: Option<(&Saved, Pieces)>,
    sinks: &mut [OpenSink],
    ids: &[StateIdentity],
) -> Result<Begun, NotBegun> {
    let store = &checkpoints.store;
    let (saved, pieces) = saved.unzip();
    let seals = sinks.iter().map(|(node, _)| SinkSeal { id: ids[*node].id.clone(), sealed: Vec::new() });
    let head = Head {
        at,
        flow: checkpoints.launch.flow.clone(),
        scripts: checkpoints.launch.scripts.clone(),
        parameters: checkpoints.launch.parameters.clone(),
        sinks: seals.collect(),
        ..Head::default()
    };
    let adopted = store.adopt(generation, marks, saved, head).map_err(NotBegun::job)?;
    let mut recovery = adopted.recovery;
    let parts = match &pieces {
        Some(pieces) => pieces.load(0).map_err(NotBegun::failed)?,
        None => Vec::new(),
    };
    store.start_from(&recovery, saved).map_err(NotBegun::failed)?;
    for index in std::mem::take(&mut recovery.recommit) {
        let (node, sink) = &mut sinks[index];
        sink.commit(recovery.epoch, &[]).map_err(NotBegun::sink(*node))?;
    }
    store.shown(&recovery).map_err(NotBegun::failed)?;
    clean(sinks)?;
    if let Some(Saved { manifest, .. }) = saved {
        let (generation, epoch, at) = (manifest.generation, manifest.epoch, manifest.at);
        tell(checkpoints, Told::Recovered { generation, epoch, at });
    }
    let snapshot = saved.map(|saved| snapshot(&saved.manifest, parts));
    Ok(Begun { snapshot, pieces, from: Resumption { recovery, finished: false, follows: None } })
}

fn tell(checkpoints: &Checkpoints, told: Told) {
    if let Some(tell) = &checkpoints.tell {
        tell(&told);
    }
}

fn snapshot(manifest: &Manifest, parts: Vec<Part>) -> Snapshot {
    let pairs = |positions: &[Position]| {
        positions.iter().map(|position| (position.id.clone(), position.position.clone())).collect()
    };
    let (sources, times) = (pairs(&manifest.sources), pairs(&manifest.times));
    Snapshot { position: JobPosition { number: manifest.barrier, sources, times }, parts }
}
