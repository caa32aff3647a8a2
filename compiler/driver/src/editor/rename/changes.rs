//! Edits of several files, and where what stands in the new texts stood in the old ones.

use crate::load::{identity, normal};
use flow_syntax::{Edit, SourceMap, Span};
use std::collections::BTreeMap;
use std::ops::Range;
use std::path::{Path, PathBuf};

/// Edits of files, each once, in the order of their places.
#[derive(Clone, Debug, Default)]
pub struct Changes {
    files: BTreeMap<PathBuf, Vec<(Range<usize>, String)>>,
}

impl Changes {
    /// Adds edits of a script and its imports.
    pub fn add(&mut self, sources: &SourceMap, edits: Vec<Edit>) {
        let paths: Vec<PathBuf> = sources.files().map(|(_, file)| identity(file)).collect();
        for edit in edits {
            let path = &paths[usize::from(edit.span.file.0)];
            if !self.files.contains_key(path) {
                self.files.insert(path.clone(), Vec::new());
            }
            let Some(of_file) = self.files.get_mut(path) else { continue };
            let new = (edit.span.range(), edit.replacement);
            let key = |change: &(Range<usize>, String)| (change.0.start, change.0.end);
            let at = of_file.partition_point(|change| key(change) < key(&new));
            if of_file.get(at).is_none_or(|there| there.0 != new.0) {
                of_file.insert(at, new);
            }
        }
    }

    /// The files with their edits.
    pub fn files(&self) -> impl Iterator<Item = (&Path, &[(Range<usize>, String)])> {
        self.files.iter().map(|(path, changes)| (path.as_path(), changes.as_slice()))
    }

    /// The edits of a file.
    pub(super) fn of(&self, path: &Path) -> &[(Range<usize>, String)] {
        self.files.get(&normal(path)).map_or(&[], Vec::as_slice)
    }

    /// The text of a file with its edits done.
    pub fn applied(&self, path: &Path, text: String) -> String {
        let edits = self.of(path);
        let mut out =
            String::with_capacity(text.len() + edits.iter().map(|(_, new)| new.len()).sum::<usize>());
        let mut done = 0;
        for (range, new) in edits {
            // Those that are no places of this text are none of its.
            if range.start >= done && text.get(range.clone()).is_some() {
                out.push_str(&text[done..range.start]);
                out.push_str(new);
                done = range.end;
            }
        }
        out.push_str(&text[done..]);
        out
    }

    /// How the files of a script moved; it is as it is behind the changes.
    pub(super) fn moves(&self, sources: &SourceMap) -> Moves {
        Moves(sources.files().map(|(_, file)| moved(self.of(&identity(file)))).collect())
    }
}

/// Where what stands in the files of a changed script stood before.
#[derive(Clone, Debug)]
pub(super) struct Moves(Vec<Vec<Moved>>);

/// What was written new.
#[derive(Clone, Debug)]
struct Moved {
    new: Range<usize>,
    old: Range<usize>,
    /// What it stands for: what it replaces, or for a name that is put in front (`x: p.zz`), the word changed behind it.
    meant: Range<usize>,
}

fn moved(changes: &[(Range<usize>, String)]) -> Vec<Moved> {
    let mut by = 0isize;
    let each = |(at, (old, new)): (usize, &(Range<usize>, String))| {
        let from = old.start.wrapping_add_signed(by);
        by += new.len() as isize - old.len() as isize;
        let behind = changes.get(at + 1).filter(|_| old.is_empty() && new.ends_with(": "));
        let meant = behind.map_or(old, |(changed, _)| changed).clone();
        Moved { new: from..from + new.len(), old: old.clone(), meant }
    };
    changes.iter().enumerate().map(each).collect()
}

impl Moves {
    /// Where a place was. What stands within what was written new stands for what was there.
    pub(super) fn before(&self, span: Span) -> Span {
        let Some(moves) = self.0.get(usize::from(span.file.0)).filter(|moves| !moves.is_empty()) else {
            return span;
        };
        let behind = |at: usize, moved: &Moved| moved.old.end + (at - moved.new.end);
        let (start, end) = (span.start as usize, span.end as usize);
        // The last change that begins before it, or with it.
        let count = moves.partition_point(|moved| moved.new.start <= start);
        let from = match count.checked_sub(1).map(|at| &moves[at]) {
            None => start,
            Some(moved) if start >= moved.new.end => behind(start, moved),
            Some(moved) => moved.meant.start,
        };
        let count = moves.partition_point(|moved| moved.new.start < end);
        let to = match count.checked_sub(1).map(|at| &moves[at]) {
            None => end,
            Some(moved) if end >= moved.new.end => behind(end, moved),
            Some(moved) => moved.meant.end,
        };
        Span::new(span.file, from, to.max(from))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flow_syntax::FileId;

    #[test]
    fn what_is_written_new_stands_for_what_was_there() {
        let mut sources = SourceMap::default();
        let file = sources.add("a.flow", "map { lim } |> filter(lim)");
        let edit =
            |start, end, new: &str| Edit { span: Span::new(file, start, end), replacement: new.into() };
        let mut changes = Changes::default();
        let edits = [edit(6, 9, "lim: zz"), edit(0, 0, "@was "), edit(22, 25, "zz"), edit(22, 25, "zz")];
        changes.add(&sources, edits.to_vec());
        let new = changes.applied(Path::new("a.flow"), sources.file(file).text.to_string());
        assert_eq!(new, "@was map { lim: zz } |> filter(zz)");
        let moves = changes.moves(&sources);
        let was = |mark: &str| {
            let at = new.rfind(mark).unwrap();
            let span = moves.before(Span::new(FileId(0), at, at + mark.len()));
            (span.start, span.end)
        };
        assert_eq!(was("lim"), (6, 9));
        assert_eq!(was("lim: zz"), (6, 9));
        assert_eq!(was("zz"), (22, 25));
        assert_eq!(was("filter"), (15, 21));
        assert_eq!(was("map"), (0, 3));
        assert_eq!(was("map { lim: zz } |> filter(zz)"), (0, 26));
    }
}
