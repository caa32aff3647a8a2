//! From a checkpoint's files to its tables.

use crate::failure::{Failure, Problem};
use crate::fold::fold;
use crate::folder::{Folder, part_path};
use crate::job::Job;
use crate::manifest::{Manifest, PartFile, StateSchema, TableSchema};
use crate::part::{self, PartKey, Slice, Tables};
use crate::state::{Change, Part, State, Table};
use flow_env::Disk;
use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Beyond so many files, a worker's changes are made one with their base also if they are small.
const LONGEST_CHAIN: usize = 64;

/// Below so many bytes it does not matter how many of them are changes.
const LITTLE: u64 = 1 << 18;

impl Folder {
    /// All tables of a checkpoint, whole, as each worker held them, entries in the order in which they were saved. The first
    /// worker has every state and table that the manifest names, the others those of which they wrote something.
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

/// The tables of one state.
pub(crate) fn load_state(
    disk: &Arc<dyn Disk>,
    dir: &Path,
    manifest: &Manifest,
    id: &str,
) -> Result<Vec<State>, Failure> {
    let parts = load_wanted(disk, dir, manifest, Schemas::of_one(manifest, id), Slice::ALL)?;
    Ok(parts.into_iter().flat_map(|part| part.states).collect())
}

fn load_slice(
    disk: &Arc<dyn Disk>,
    dir: &Path,
    manifest: &Manifest,
    slice: Slice,
) -> Result<Vec<Part>, Failure> {
    load_wanted(disk, dir, manifest, Schemas::of_all(manifest), slice)
}

fn load_wanted(
    disk: &Arc<dyn Disk>,
    dir: &Path,
    manifest: &Manifest,
    schemas: Schemas,
    slice: Slice,
) -> Result<Vec<Part>, Failure> {
    let first = manifest.parts.first().map(|part| part.worker);
    let loaded = side_by_side(disk, dir, manifest, move |disk, dir, chain| {
        let tables = load_chain(disk, dir, &schemas, chain, slice)?;
        // A manifest may name many workers and many tables: what is nowhere in a file is made once, not for each worker.
        let all = chain.first().map(|part| part.worker) == first;
        Ok(if all { schemas.whole(tables) } else { schemas.written(tables) })
    });
    loaded.into_iter().collect()
}

/// The tables that a manifest names, to be looked up, and those of them that are wanted.
pub(crate) struct Schemas {
    states: Vec<StateSchema>,
    places: HashMap<String, (usize, HashMap<String, usize>)>,
    only: Option<usize>,
}

impl Schemas {
    /// All are wanted.
    pub(crate) fn of_all(manifest: &Manifest) -> Schemas {
        Schemas::of(&manifest.states)
    }

    pub(crate) fn of(states: &[StateSchema]) -> Schemas {
        let tables = |state: &StateSchema| {
            state.tables.iter().enumerate().map(|(at, table)| (table.name.clone(), at)).collect()
        };
        let places = states.iter().enumerate().map(|(at, state)| (state.id.clone(), (at, tables(state))));
        Schemas { places: places.collect(), states: states.to_vec(), only: None }
    }

    /// Those of one state are wanted.
    fn of_one(manifest: &Manifest, id: &str) -> Schemas {
        let all = Schemas::of_all(manifest);
        Schemas { only: all.places.get(id).map(|(at, _)| *at), ..all }
    }

    /// A table's place, and what it is.
    pub(crate) fn find(&self, id: &str, name: &str) -> Option<((usize, usize), &TableSchema)> {
        let (state, tables) = self.places.get(id)?;
        let at = (*state, *tables.get(name)?);
        Some((at, &self.states[at.0].tables[at.1]))
    }

    /// Is this one wanted?
    pub(crate) fn wants(&self, at: (usize, usize)) -> bool {
        self.only.is_none_or(|only| only == at.0)
    }

    /// All that are wanted; of those that are not here there are no entries.
    fn whole(&self, mut tables: Tables) -> Part {
        let wanted = self.states.iter().enumerate().filter(|(at, _)| self.wants((*at, 0)));
        let states = wanted.map(|(state, schema)| {
            let here = schema.tables.iter().enumerate();
            let tables = here.map(|(at, table)| tables.remove(&(state, at)).unwrap_or_else(|| empty(table)));
            State { id: schema.id.clone(), tables: tables.collect() }
        });
        Part { states: states.collect() }
    }

    /// Those that are here.
    fn written(&self, tables: Tables) -> Part {
        let mut part = Part::default();
        for ((state, _), table) in tables {
            let id = &self.states[state].id;
            match part.states.last_mut().filter(|last| last.id == *id) {
                Some(last) => last.tables.push(table),
                None => part.states.push(State { id: id.clone(), tables: vec![table] }),
            }
        }
        part
    }
}

/// Does something with each worker's files, the base first: some workers' at once, in threads.
pub(crate) fn side_by_side<T: Send + 'static>(
    disk: &Arc<dyn Disk>,
    dir: &Path,
    manifest: &Manifest,
    act: impl Fn(&dyn Disk, &Path, &[PartFile]) -> Result<T, Failure> + Send + Sync + 'static,
) -> Vec<Result<T, Failure>> {
    let chains: Vec<Vec<PartFile>> =
        manifest.parts.chunk_by(|a, b| a.worker == b.worker).map(<[PartFile]>::to_vec).collect();
    let (disk, here) = (disk.clone(), dir.to_path_buf());
    let done = flow_env::side_by_side("load", chains, move |chain| act(&*disk, &here, &chain));
    done.unwrap_or_else(|error| vec![Err(Failure::new(dir, Problem::Io(error)))])
}

/// What one worker's files come to.
fn load_chain(
    disk: &dyn Disk,
    dir: &Path,
    schemas: &Schemas,
    chain: &[PartFile],
    slice: Slice,
) -> Result<Tables, Failure> {
    let mut versions: BTreeMap<(usize, usize), Vec<Table>> = BTreeMap::new();
    for file in chain {
        let path = part_path(dir, &file.file);
        for (at, table) in part::read(disk, &path, file.key(), file.sealed(), schemas, slice)? {
            versions.entry(at).or_default().push(table);
        }
    }
    Ok(versions.into_iter().filter_map(|(at, versions)| Some((at, fold(versions)?))).collect())
}

fn empty(table: &TableSchema) -> Table {
    Table {
        name: table.name.clone(),
        schema: table.columns.clone(),
        keys: table.keys,
        home: table.home,
        rows: Vec::new(),
        change: Change::Whole,
    }
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
        let schemas = Schemas::of_all(manifest);
        let slice = |number: usize| {
            let tables = load_chain(disk, &dir, &schemas, &chain, Slice { number, of });
            tables.map(|tables| schemas.whole(tables))
        };
        let mut now = (0, slice(0)?);
        let part = schemas.whole(Tables::new());
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
