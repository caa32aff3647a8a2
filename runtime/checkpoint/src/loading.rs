//! From a checkpoint's files to its tables.

use crate::failure::{Failure, Problem};
use crate::fold::fold;
use crate::folder::{Folder, part_path};
use crate::job::Job;
use crate::manifest::{Manifest, PartFile, StateSchema};
use crate::part::{self, PartKey, Slice};
use crate::state::{Change, Part, State, Table};
use flow_env::Disk;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Beyond so many files, a worker's changes are made one with their base also if they are small.
const LONGEST_CHAIN: usize = 64;

/// Below so many bytes it does not matter how many of them are changes.
const LITTLE: u64 = 1 << 18;

impl Folder {
    /// All tables of a checkpoint, whole, as each worker held them: every state and table that the manifest names, entries in
    /// the order in which they were saved.
    pub fn load(&self, manifest: &Manifest) -> Result<Vec<Part>, Failure> {
        load(&self.disk, &self.checkpoint(manifest.generation, manifest.epoch), manifest)
    }
}

/// A checkpoint's tables in pieces, for a job that has no memory for all of them.
pub struct Pieces {
    disk: Arc<dyn Disk>,
    dir: PathBuf,
    manifest: Manifest,
    of: usize,
}

impl Pieces {
    /// Pieces of the checkpoint whose manifest stands in this folder, of which one takes about so much memory; without,
    /// there is one.
    pub(crate) fn new(
        disk: Arc<dyn Disk>,
        dir: PathBuf,
        manifest: Manifest,
        memory: Option<usize>,
    ) -> Pieces {
        let of = slices(&manifest.parts, memory);
        Pieces { disk, dir, manifest, of }
    }

    /// How many.
    pub fn count(&self) -> usize {
        self.of
    }

    /// One of them: of each worker all its tables, with the entries whose keys are of this piece. Entries without keys are
    /// in the first.
    pub fn load(&self, number: usize) -> Result<Vec<Part>, Failure> {
        load_slice(&self.disk, &self.dir, &self.manifest, Slice { number, of: self.of })
    }
}

impl Folder {
    /// All tables of a checkpoint, in pieces of about so many bytes.
    pub fn pieces(&self, manifest: &Manifest, memory: Option<usize>) -> Pieces {
        let dir = self.checkpoint(manifest.generation, manifest.epoch);
        Pieces::new(self.disk.clone(), dir, manifest.clone(), memory)
    }
}

/// In memory, entries take so many times the bytes of their files.
const UNPACKED: u64 = 3;

/// Into how many slices these files are divided, so that one takes about so much memory.
fn slices(parts: &[PartFile], memory: Option<usize>) -> usize {
    let Some(memory) = memory else { return 1 };
    let bytes: u64 = parts.iter().map(|part| part.length).sum();
    usize::try_from((bytes * UNPACKED).div_ceil(memory.max(1) as u64))
        .unwrap_or(usize::MAX)
        .clamp(1, MOST_SLICES)
}

/// Each slice reads all files once more.
const MOST_SLICES: usize = 256;

/// All tables of the checkpoint whose manifest stands in this folder, by worker.
pub(crate) fn load(disk: &Arc<dyn Disk>, dir: &Path, manifest: &Manifest) -> Result<Vec<Part>, Failure> {
    load_slice(disk, dir, manifest, Slice::ALL)
}

fn load_slice(
    disk: &Arc<dyn Disk>,
    dir: &Path,
    manifest: &Manifest,
    slice: Slice,
) -> Result<Vec<Part>, Failure> {
    let schemas = manifest.states.clone();
    let loaded = side_by_side(disk, dir, manifest, move |disk, dir, chain| {
        load_chain(disk, dir, &schemas, chain, slice)
    });
    loaded.into_iter().collect()
}

/// Does something with each worker's files, the base first: in threads of their own, and one worker's here.
pub(crate) fn side_by_side<T: Send + 'static>(
    disk: &Arc<dyn Disk>,
    dir: &Path,
    manifest: &Manifest,
    act: impl Fn(&dyn Disk, &Path, &[PartFile]) -> Result<T, Failure> + Send + Sync + 'static,
) -> Vec<Result<T, Failure>> {
    let act = Arc::new(act);
    let mut chains: Vec<Vec<PartFile>> =
        manifest.parts.chunk_by(|a, b| a.worker == b.worker).map(<[PartFile]>::to_vec).collect();
    let last = chains.pop();
    let threads: Vec<_> = chains
        .into_iter()
        .map(|chain| {
            let (disk, dir, act) = (disk.clone(), dir.to_path_buf(), act.clone());
            flow_env::spawn("load", move || act(&*disk, &dir, &chain))
        })
        .collect();
    let last = last.map(|chain| act(&**disk, dir, &chain));
    let joined = threads.into_iter().map(|thread| match thread.map(flow_env::Worker::join) {
        Ok(Ok(done)) => done,
        Ok(Err(panic)) => std::panic::resume_unwind(panic),
        Err(error) => Err(Failure::new(dir, Problem::Io(error))),
    });
    joined.collect::<Vec<_>>().into_iter().chain(last).collect()
}

/// What one worker's files come to: all states and tables of the manifest, in its order.
fn load_chain(
    disk: &dyn Disk,
    dir: &Path,
    schemas: &[StateSchema],
    chain: &[PartFile],
    slice: Slice,
) -> Result<Part, Failure> {
    let mut parts = Vec::with_capacity(chain.len());
    for file in chain {
        parts.push(part::read(disk, &part_path(dir, &file.file), file.key(), file.sealed(), schemas, slice)?);
    }
    let whole = |schema: &StateSchema| {
        let mut state = empty(schema);
        for table in &mut state.tables {
            let versions = parts.iter_mut().filter_map(|part| take(part, &schema.id, &table.name)).collect();
            if let Some(folded) = fold(versions) {
                *table = folded;
            }
        }
        state
    };
    Ok(Part { states: schemas.iter().map(whole).collect() })
}

fn take(part: &mut Part, id: &str, name: &str) -> Option<Table> {
    let state = part.states.iter_mut().find(|state| state.id == id)?;
    let at = state.tables.iter().position(|table| table.name == name)?;
    Some(state.tables.swap_remove(at))
}

fn empty(schema: &StateSchema) -> State {
    let table = |table: &crate::manifest::TableSchema| Table {
        name: table.name.clone(),
        schema: table.columns.clone(),
        keys: table.keys,
        home: table.home,
        rows: Vec::new(),
        change: Change::Whole,
    };
    State { id: schema.id.clone(), tables: schema.tables.iter().map(table).collect() }
}

impl Manifest {
    /// Workers whose changes have outgrown their base: time for [`Job::fold`].
    pub fn outgrown(&self) -> Vec<usize> {
        self.chains_outgrown().map(|chain| chain[0].worker).collect()
    }

    /// Have the last changes of some such worker at least half the length of their base? Then all there is costs the next
    /// checkpoint little more than what will have changed by then, and much less than to read all files and make a base of them.
    pub fn changes_everywhere(&self) -> bool {
        let mut chains = self.chains_outgrown();
        chains.any(|chain| chain.last().is_some_and(|last| last.length >= chain[0].length / 2))
    }

    fn chains_outgrown(&self) -> impl Iterator<Item = &[PartFile]> {
        let chains = self.parts.chunk_by(|a, b| a.worker == b.worker);
        chains.filter(|chain| {
            let changes: u64 = chain[1..].iter().map(|part| part.length).sum();
            chain.len() > LONGEST_CHAIN || changes > chain[0].length.max(LITTLE)
        })
    }
}

impl Job {
    /// Makes a worker's base and changes one new base, which the next checkpoint builds on; no operator is asked. `manifest` is
    /// the last one published, after it was retired; it becomes the parent that the next checkpoint is sealed with.
    pub fn fold(&self, manifest: &mut Manifest, worker: usize) -> Result<(), Failure> {
        self.fold_within(manifest, worker, None)
    }

    /// The same, with about so much memory.
    pub fn fold_within(
        &self,
        manifest: &mut Manifest,
        worker: usize,
        memory: Option<usize>,
    ) -> Result<(), Failure> {
        let dir = self.folder.checkpoint(manifest.generation, manifest.epoch);
        let chain: Vec<PartFile> =
            manifest.parts.iter().filter(|part| part.worker == worker).cloned().collect();
        let disk = &*self.env.disk;
        let of = slices(&chain, memory);
        let slice = |number: usize| load_chain(disk, &dir, &manifest.states, &chain, Slice { number, of });
        let mut now = (0, slice(0)?);
        let part = Part { states: manifest.states.iter().map(empty).collect() };
        let mut more = |state: usize, table: usize| {
            loop {
                let tables = &mut now.1.states[state].tables[table];
                if !tables.rows.is_empty() {
                    return Ok(Some(tables.rows.remove(0)));
                }
                if now.0 + 1 >= of {
                    break;
                }
                now = (now.0 + 1, slice(now.0 + 1)?);
            }
            // The next table begins with the first slice again.
            if of > 1 {
                now = (0, slice(0)?);
            }
            Ok(None)
        };
        let file = format!("part-{worker}-base");
        let path: PathBuf = dir.join(&file);
        let key = PartKey { generation: manifest.generation, epoch: manifest.epoch, worker };
        let sealed = part::write_with(disk, &path, key, &part, &mut more)?;
        part::verify(disk, &path, key, sealed)?;
        disk.sync_dir(&dir).map_err(Failure::io(&dir))?;
        let PartKey { generation, epoch, .. } = key;
        let base = PartFile {
            worker,
            generation,
            epoch,
            base: true,
            file,
            length: sealed.length,
            hash: sealed.hash,
        };
        let at = manifest.parts.iter().position(|part| part.worker == worker).unwrap_or(0);
        manifest.parts.retain(|part| part.worker != worker);
        manifest.parts.insert(at, base);
        Ok(())
    }
}
