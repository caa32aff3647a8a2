//! The folder of a file sink: what earlier runs left in it, and making sealed parts visible. Knows names and
//! renames, never rows.
//!
//! A part is written in a hidden folder (see [`super::staging`]), made to last (`sync`), and renamed into place
//! when its epoch is committed: whoever lists the folder sees whole parts only. How a **sealed** part is known
//! stands in [`super::sealed`].

use super::sealed::{Sealed, is_inside};
use super::staging::{ROUNDS, Shown, Staging, disk_error, failed};
use flow_engine::sink::{Epoch, Generation, Hash128, Mark, Run, SinkError};
use flow_env::{Disk, planted, reach};
use std::collections::{BTreeSet, HashSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A hidden folder that is made and removed, to see whether one can be.
const TRIED: &str = ".flow-tried";

/// What to do with results that are there already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Nothing may be there when a job begins.
    Refuse,
    /// They stay.
    Append,
    /// They go when the first new ones come; other files stay.
    Overwrite,
}

/// Where a part is written, and where it will stand.
#[derive(Debug)]
pub(crate) struct Names {
    pub(crate) staged: PathBuf,
    pub(crate) visible: PathBuf,
    /// The path in the folder.
    below: String,
}

impl Names {
    /// Of a part in a subfolder. Numbers are used once, so names are different also without it.
    pub(crate) fn new(folder: &Path, staging: &Path, below: &str, name: &str) -> Names {
        let below = if below.is_empty() { name.to_string() } else { format!("{below}/{name}") };
        Names { staged: staging.join(name), visible: folder.join(&below), below }
    }

    /// How the part is known when it is sealed.
    pub(crate) fn sealed(&self, bytes: u64, hash: Hash128) -> String {
        Sealed::text(bytes, hash, &self.below)
    }
}

/// The number in a part's name: `part-<worker>-<number>.<extension>`. Nothing else in the folder is a sink's own.
fn number(name: &str) -> Option<u64> {
    let (worker, rest) = name.strip_prefix("part-")?.split_once('-')?;
    let (number, _) = rest.split_once('.')?;
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    (digits(worker) && digits(number)).then(|| number.parse().ok())?
}

/// May a subfolder have been made by a sink with `partitionBy`: `<field>=<value>`?
fn is_partition(name: &str) -> bool {
    !name.starts_with('.') && name.contains('=')
}

/// The first number behind those of all these files.
fn next_number(files: &[PathBuf]) -> u64 {
    let names = files.iter().filter_map(|path| path.file_name()?.to_str());
    names.filter_map(number).max().map_or(0, |n| n + 1)
}

/// A folder, by a name that can be opened.
fn here(dir: &Path) -> &Path {
    if dir.as_os_str().is_empty() { Path::new(".") } else { dir }
}

/// Where a sealed part is.
enum Stands {
    Staged(PathBuf),
    Visible(PathBuf),
}

impl Stands {
    fn path(&self) -> &Path {
        let (Stands::Staged(path) | Stands::Visible(path)) = self;
        path
    }
}

/// The folder.
pub(crate) struct Folder {
    pub(crate) path: PathBuf,
    disk: Arc<dyn Disk>,
    mode: Mode,
    begun: Option<Begun>,
}

/// What is known of the folder since the run began.
struct Begun {
    staging: Arc<Staging>,
    generation: Generation,
    fresh: bool,
    /// Was the folder made by this run?
    made: bool,
    /// Files of earlier runs.
    old: Vec<PathBuf>,
    shown: Shown,
    /// The first number of the run's own parts.
    first: u64,
    /// Does the start of the run count, so that it may write?
    counts: bool,
    /// Parts of a run without checkpoints of which some are shown already, though it is not sure that all will be.
    half_shown: Vec<String>,
}

impl Folder {
    /// Looks whether there can be a folder.
    pub(crate) fn open(path: PathBuf, mode: Mode, disk: Arc<dyn Disk>) -> Result<Folder, SinkError> {
        if disk.info(&path).is_ok_and(|info| !info.is_dir) {
            let text = format!("{} is a file; a file sink writes a folder of part files", path.display());
            return Err(SinkError::Open(text));
        }
        Ok(Folder { path, disk, mode, begun: None })
    }

    /// Begins a run. Gives where it stages its parts, and the number of the first one.
    pub(crate) fn begin(
        &mut self,
        run: &Run,
        token: u64,
    ) -> Result<(Arc<Staging>, u64, Option<Mark>), SinkError> {
        let mut rounds = 0..ROUNDS;
        let (made, staging) = loop {
            match self.enter(run, token) {
                // An older run that ended just now had made it, and left nothing in it.
                Err(_) if self.is_gone() && rounds.next().is_some() => {}
                entered => break entered?,
            }
        };
        // An older run that does not know that it is over may have shown something since. From here on it cannot.
        let old = self.may_begin(run.fresh)?;
        let (shown, first) = match run.fresh {
            true if self.mode == Mode::Append => (None, next_number(&old)),
            true => (None, 0),
            false => {
                let staged = staging.parts();
                let staged = staged.map_err(|error| staging.error("read", &staging.path, &error))?;
                let shown = staging.shown()?;
                let next = shown.as_ref().map_or(0, |shown| shown.next);
                let next = next.max(next_number(&old)).max(next_number(&staged));
                (shown, if planted("use-part-names-again") { 0 } else { next })
            }
        };
        let nothing = Mark { generation: run.generation, epoch: 0 };
        let shown = shown.unwrap_or(Shown { mark: nothing, filled: 0, next: first, replaces: Vec::new() });
        let mark = (shown.mark.epoch > 0).then_some(shown.mark);
        self.begun = Some(Begun {
            staging: staging.clone(),
            generation: run.generation,
            fresh: run.fresh,
            made,
            old,
            shown,
            first,
            counts: false,
            half_shown: Vec::new(),
        });
        Ok((staging, first, mark))
    }

    /// Makes the folder if it is missing, and takes what an older run has in it; gives whether it was missing.
    fn enter(&self, run: &Run, token: u64) -> Result<(bool, Arc<Staging>), SinkError> {
        let made = self.make()?;
        let is_empty = self.may_begin(run.fresh)?.is_empty();
        let staging = Staging::take(&self.path, run, token, &self.disk)?;
        if is_empty {
            // Perhaps it was made just now, by this run or by one that died; or an older one that ends removed it, empty as it
            // was, and it was made again with what is ours in it. From here on nobody removes it.
            self.sync(here(self.path.parent().unwrap_or(&self.path)))?;
        }
        Ok((made, Arc::new(staging)))
    }

    fn is_gone(&self) -> bool {
        self.disk.info(&self.path).is_err_and(|error| error.kind() == io::ErrorKind::NotFound)
    }

    /// Looks whether a run would be refused: over what can be seen, or because the folder cannot be made, or nothing in it.
    /// The folder itself is not made here: whoever makes it and is refused must remove it, perhaps under another run's hands.
    pub(crate) fn would_begin(&self, fresh: bool) -> Result<(), SinkError> {
        let above = self.path.ancestors().map(here).find(|dir| self.disk.info(dir).is_ok());
        let above = above.unwrap_or(Path::new("."));
        if above == self.path {
            self.may_begin(fresh)?;
        }
        let hidden = above.join(TRIED);
        let made = self.disk.create_dir_all(&hidden);
        made.map_err(|error| disk_error("create", &self.path, &error))?;
        match self.disk.remove_dir_all(&hidden) {
            // Another run tried at the same time.
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                Err(disk_error("remove", &hidden, &error))
            }
            _ => Ok(()),
        }
    }

    /// The parts that can be seen; refuses to begin among them unless the call says what is to become of them.
    fn may_begin(&self, fresh: bool) -> Result<Vec<PathBuf>, SinkError> {
        let old = self.visible().map_err(SinkError::Open)?;
        if let (true, Mode::Refuse, Some(first)) = (fresh, self.mode, old.first()) {
            return Err(SinkError::Open(format!(
                "{} holds the results of another run ({}); add `mode: overwrite` to replace them or `mode: append` to keep them",
                self.path.display(),
                first.strip_prefix(&self.path).unwrap_or(first).display(),
            )));
        }
        Ok(old)
    }

    /// Makes the folder, if it is missing; gives whether it was.
    fn make(&self) -> Result<bool, SinkError> {
        if self.disk.info(&self.path).is_ok() {
            return Ok(false);
        }
        let above: Vec<&Path> = self.path.ancestors().skip(1).map(here).collect();
        let missing = above.iter().take_while(|dir| self.disk.info(dir).is_err()).count();
        let made = self.disk.create_dir_all(&self.path);
        made.map_err(|error| disk_error("create", &self.path, &error))?;
        // A folder lasts when the one above it is synced.
        above.into_iter().take(missing + 1).try_for_each(|dir| self.sync(dir))?;
        Ok(true)
    }

    fn sync(&self, dir: &Path) -> Result<(), SinkError> {
        self.disk.sync_dir(dir).map_err(|error| disk_error("sync", dir, &error))
    }

    /// The parts below the folder that can be seen. What has another name was put there by somebody else, and stays.
    fn visible(&self) -> Result<Vec<PathBuf>, String> {
        let mut visible = Vec::new();
        let mut open = vec![self.path.clone()];
        while let Some(dir) = open.pop() {
            for entry in self.disk.list(&dir).map_err(|error| failed("read the folder", &dir, &error))? {
                let name = entry.path.file_name().unwrap_or_default().to_string_lossy().into_owned();
                match entry.info.is_dir {
                    true if is_partition(&name) => open.push(entry.path),
                    false if number(&name).is_some() => visible.push(entry.path),
                    _ => {}
                }
            }
        }
        visible.sort();
        Ok(visible)
    }

    /// The path of a file in the folder, with `/` between its steps.
    fn below(&self, path: &Path) -> Result<String, SinkError> {
        let below = path.strip_prefix(&self.path).unwrap_or(path);
        let steps: Option<Vec<&str>> = below.iter().map(|step| step.to_str()).collect();
        steps.map(|steps| steps.join("/")).ok_or_else(|| {
            SinkError::Open(format!(
                "the name of {} is no text: remove it, or use another folder",
                path.display()
            ))
        })
    }

    /// The start of the run counts: forgets what no checkpoint names.
    pub(crate) fn clean(&mut self, keep: &[String]) -> Result<(), SinkError> {
        let keep: Vec<Sealed<'_>> = keep.iter().map(|text| Sealed::read(text)).collect::<Result<_, _>>()?;
        let keep: HashSet<&str> = keep.iter().map(|sealed| sealed.name).collect();
        let Some(mut begun) = self.begun.take() else { return Err(not_begun()) };
        let done = self.begin_with(&mut begun, &keep);
        self.begun = Some(begun);
        done
    }

    fn begin_with(&self, begun: &mut Begun, keep: &HashSet<&str>) -> Result<(), SinkError> {
        let staging = &begun.staging;
        if begun.fresh {
            staging.forget()?;
        }
        let staged = staging.parts().map_err(|error| staging.error("read", &staging.path, &error))?;
        for path in staged {
            if !path.file_name().is_some_and(|name| keep.contains(&*name.to_string_lossy())) {
                staging.remove(&path)?;
            }
        }
        if begun.fresh && self.mode == Mode::Overwrite {
            begun.shown.replaces =
                begun.old.iter().map(|path| self.below(path)).collect::<Result<_, SinkError>>()?;
            staging.show(&begun.shown)?;
        }
        begun.counts = true;
        Ok(())
    }

    /// Makes the parts of an epoch visible, and remembers that they are. What goes when the first epoch comes,
    /// goes now.
    pub(crate) fn commit(&mut self, epoch: Epoch, sealed: &[String]) -> Result<(), SinkError> {
        let sealed: Vec<Sealed<'_>> =
            sealed.iter().map(|text| Sealed::read(text)).collect::<Result<_, _>>()?;
        let Some(mut begun) = self.begun.take() else { return Err(not_begun()) };
        let done = self.show(&mut begun, epoch, &sealed);
        self.begun = Some(begun);
        done
    }

    /// Makes all parts of a run without checkpoints visible, and leaves nothing else. There is no mark that could say so, since
    /// nobody goes on from here: what is shown when this fails goes with [`Folder::clear`].
    pub(crate) fn finish(&mut self, sealed: &[String]) -> Result<(), SinkError> {
        let sealed: Vec<Sealed<'_>> =
            sealed.iter().map(|text| Sealed::read(text)).collect::<Result<_, _>>()?;
        let Some(mut begun) = self.begun.take() else { return Err(not_begun()) };
        begun.half_shown = sealed.iter().map(|part| part.below.to_string()).collect();
        let placed = self.place_all(&mut begun, &sealed);
        let done = placed.and_then(|dirs| {
            begun.half_shown.clear();
            self.make_last(&mut begun, &sealed, dirs)
        });
        self.begun = Some(begun);
        done.and_then(|()| self.end())
    }

    fn show(&self, begun: &mut Begun, epoch: Epoch, sealed: &[Sealed<'_>]) -> Result<(), SinkError> {
        if !begun.counts {
            // What an older run sealed: nobody knows what became of it since. All of it, before any of it is shown.
            for part in sealed {
                let at = self.find(&begun.staging, part)?;
                part.read_back(&*self.disk, at.path(), &begun.staging)?;
            }
        }
        let dirs = self.place_all(begun, sealed)?;
        self.make_last(begun, sealed, dirs)?;
        reach("parts shown");
        let shown = &mut begun.shown;
        shown.replaces.clear();
        // What stood in the folder before the first epoch, nobody knows.
        if !sealed.is_empty() || shown.mark.epoch == 0 {
            shown.filled = epoch;
        }
        shown.mark = Mark { generation: begun.generation, epoch };
        begun.staging.show(shown)
    }

    /// Makes parts visible; gives the folders in which they are.
    fn place_all(&self, begun: &mut Begun, sealed: &[Sealed<'_>]) -> Result<BTreeSet<PathBuf>, SinkError> {
        let mut dirs = BTreeSet::new();
        for part in sealed {
            self.place(&begun.staging, part, &mut dirs)?;
            let next = number(part.name).map_or(0, |n| n + 1);
            begun.shown.next = begun.shown.next.max(next);
        }
        Ok(dirs)
    }

    /// Takes away what goes when these parts come, and makes both last.
    fn make_last(
        &self,
        begun: &mut Begun,
        sealed: &[Sealed<'_>],
        mut dirs: BTreeSet<PathBuf>,
    ) -> Result<(), SinkError> {
        let (staging, shown) = (&begun.staging, &begun.shown);
        if !shown.replaces.is_empty() {
            staging.still_mine()?;
        }
        for below in &shown.replaces {
            if is_inside(below) && !sealed.iter().any(|part| part.below == below) {
                staging.remove(&self.path.join(below))?;
                self.steps(below, &mut dirs);
            }
        }
        // A folder must last before what stands in it, and the new names before the old ones are given up.
        for dir in dirs.iter().filter(|_| !planted("skip-sink-folder-sync")) {
            self.disk.sync_dir(dir).map_err(|error| disk_error("sync", dir, &error))?;
        }
        Ok(())
    }

    /// The last epoch of which parts are shown, as far as was known when the run began.
    pub(crate) fn filled(&self) -> Option<Epoch> {
        self.begun.as_ref().map(|begun| begun.shown.filled)
    }

    /// Does one of these parts stand in its place?
    pub(crate) fn shows(&self, sealed: &[String]) -> Result<bool, SinkError> {
        for text in sealed {
            let path = self.path.join(Sealed::read(text)?.below);
            match self.disk.info(&path) {
                Ok(_) => return Ok(true),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(disk_error("look at", &path, &error)),
            }
        }
        Ok(false)
    }

    /// The folders from the sink's own to that of a file.
    fn steps(&self, below: &str, dirs: &mut BTreeSet<PathBuf>) {
        let path = self.path.join(below);
        let above = path.ancestors().skip(1).take_while(|dir| dir.starts_with(&self.path));
        dirs.extend(above.map(Path::to_path_buf));
    }

    /// Where a sealed part is now.
    fn find(&self, staging: &Staging, part: &Sealed<'_>) -> Result<Stands, SinkError> {
        let (staged, visible) = (staging.path.join(part.name), self.path.join(part.below));
        for at in [Stands::Staged(staged), Stands::Visible(visible.clone())] {
            match self.disk.info(at.path()) {
                Ok(info) => {
                    part.has_length(at.path(), info.len)?;
                    return Ok(at);
                }
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(disk_error("look at", at.path(), &error)),
            }
        }
        staging.still_mine()?;
        if !staging.follows {
            return Err(self.wrote_elsewhere(staging, &visible));
        }
        Err(SinkError::Write(format!(
            "{} is lost: it was sealed, and is neither there nor in {}; put it back, or begin anew with `flow run --fresh`",
            visible.display(),
            staging.path.display()
        )))
    }

    /// Renames a part into place, unless it stands there already.
    fn place(
        &self,
        staging: &Staging,
        part: &Sealed<'_>,
        dirs: &mut BTreeSet<PathBuf>,
    ) -> Result<(), SinkError> {
        let visible = self.path.join(part.below);
        let dir = visible.parent().unwrap_or(&self.path);
        if !dirs.contains(dir) {
            let made = self.disk.create_dir_all(dir);
            made.map_err(|error| disk_error("create", dir, &error))?;
            self.steps(part.below, dirs);
        }
        if let Stands::Staged(staged) = self.find(staging, part)? {
            let renamed = self.disk.rename(&staged, &visible);
            renamed.map_err(|error| staging.error("rename", &staged, &error))?;
            reach("part shown");
        }
        Ok(())
    }

    /// An older run has sealed a part, and no older run staged anything here.
    fn wrote_elsewhere(&self, staging: &Staging, visible: &Path) -> SinkError {
        let hidden = staging.path.file_name().unwrap_or_default().to_string_lossy();
        let hidden = hidden.rsplit_once("-g").map_or(&*hidden, |(of_job, _)| of_job);
        SinkError::Write(format!(
            "{} should be shown now, and nothing of the job's earlier runs is in {}: this sink wrote to another folder when the last one \
             died. What it had sealed is still there, in a hidden folder `{hidden}-g…`, and is shown if the script has the path that it had \
             then; or begin anew with `flow run --fresh`, and these rows are never shown",
            visible.display(),
            self.path.display()
        ))
    }

    /// The job is over: leaves what is visible.
    pub(crate) fn end(&mut self) -> Result<(), SinkError> {
        let Some(begun) = &self.begun else { return Ok(()) };
        let staging = &begun.staging;
        let removed = self.disk.remove_dir_all(&staging.path).and_then(|()| self.disk.sync_dir(&self.path));
        removed.map_err(|error| staging.error("remove", &staging.path, &error))
    }

    /// Removes what the run staged, and folders that were made for nothing.
    pub(crate) fn clear(&mut self) {
        // Nothing can be done about errors here: the job has failed already, and what stays is hidden.
        let Some(begun) = self.begun.take() else { return };
        let staging = &begun.staging;
        if staging.still_mine().is_err() {
            // A newer run has taken over: nothing in the folder is this one's.
            return;
        }
        for below in &begun.half_shown {
            let _ = staging.remove(&self.path.join(below));
            let above = Path::new(below).ancestors().skip(1).filter(|dir| !dir.as_os_str().is_empty());
            above.for_each(|dir| drop(self.disk.remove_empty_dir(&self.path.join(dir))));
        }
        let own = |path: &PathBuf| next_number(std::slice::from_ref(path)) > begun.first;
        let staged = staging.parts().unwrap_or_default();
        for path in staged.iter().filter(|path| begun.counts && own(path)) {
            let _ = staging.remove(path);
        }
        if begun.counts && begun.fresh {
            let _ = staging.forget();
        }
        // What another run puts there in this moment stays.
        let _ = self.disk.remove_empty_dir(&staging.path);
        if begun.made {
            let _ = self.disk.remove_empty_dir(&self.path);
        }
    }
}

fn not_begun() -> SinkError {
    SinkError::Write("internal error: the run of this sink has not begun".into())
}
