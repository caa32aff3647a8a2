//! Checking again after an edit: what a declaration gave before is taken over, moved to its new place, if neither its
//! text nor anything that it names has changed. What comes out is what checking afresh gives; only the numbers of columns
//! differ, which mean nothing by themselves. Knows nothing of how declarations are checked.

use crate::checked::{Checked, CheckedKind, CheckedPipeline, Facts};
use crate::hash::HashMap;
use crate::moved::Moves;
use crate::names::Global;
use crate::words::Words;
use flow_syntax::{SourceMap, Span};
use std::sync::Arc;

/// How one text became another: outside of `from..old_end` it is the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Edit {
    pub(crate) from: u32,
    pub(crate) old_end: u32,
    pub(crate) new_end: u32,
}

impl Edit {
    /// What two texts have in common, before and behind.
    pub fn between(old: &str, new: &str) -> Edit {
        let (old, new) = (old.as_bytes(), new.as_bytes());
        let from = common(old.chunks(64), new.chunks(64), 64);
        let from = from + old[from..].iter().zip(&new[from..]).take_while(|(a, b)| a == b).count();
        let (old_rest, new_rest) = (&old[from..], &new[from..]);
        let behind = common(old_rest.rchunks(64), new_rest.rchunks(64), 64);
        let rest = |text: &[u8]| text.len() - behind;
        let ends = old_rest[..rest(old_rest)].iter().rev().zip(new_rest[..rest(new_rest)].iter().rev());
        let behind = behind + ends.take_while(|(a, b)| a == b).count();
        let end = |text: &[u8]| (text.len() - behind) as u32;
        Edit { from: from as u32, old_end: end(old), new_end: end(new) }
    }

    /// Where a span of the old text is now, if the edit is nowhere near it.
    fn whole(self, span: Span) -> Option<Span> {
        let apart = span.file.0 != 0 || span.end < self.from || span.start > self.old_end;
        apart.then(|| self.moved(span))
    }

    /// Where a span is now that the edit did not touch.
    pub(crate) fn moved(self, span: Span) -> Span {
        if span.file.0 != 0 || span.start < self.old_end || span.end <= self.from {
            return span;
        }
        let at = |offset: u32| offset.wrapping_sub(self.old_end).wrapping_add(self.new_end);
        Span { start: at(span.start), end: at(span.end), ..span }
    }

    /// Does nothing move?
    pub(crate) fn still(self) -> bool {
        self.old_end == self.new_end
    }
}

/// Bytes in equal pieces, as far as all are equal.
fn common<'t>(
    old: impl Iterator<Item = &'t [u8]>,
    new: impl Iterator<Item = &'t [u8]>,
    piece: usize,
) -> usize {
    old.zip(new).take_while(|(a, b)| a.len() == piece && a == b).count() * piece
}

/// What was known of the script before an edit. Its files, parameters and levels must be those of the script as it is now.
#[derive(Debug)]
pub struct Before {
    /// What checking gave.
    pub checked: Checked,
    /// How the main script became what it is now; all other files are as they were.
    pub edit: Edit,
}

/// What reads a declaration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Used {
    Rows,
    Late,
    Errors,
}

/// A column that an expression makes: somebody should read it.
#[derive(Clone, Debug)]
pub(crate) struct Computed {
    pub id: u32,
    pub name: Arc<str>,
    pub span: Span,
    pub word: String,
}

/// What checking a declaration does beside its own result.
#[derive(Clone, Debug, Default)]
pub(crate) struct Effects {
    pub facts: Facts,
    /// Declarations that are read.
    pub uses: Vec<(usize, Used)>,
    /// Columns that are read, by id.
    pub read: Vec<u32>,
    pub computed: Vec<Computed>,
}

/// What is kept of a declaration for the next time.
#[derive(Clone, Debug, Default)]
pub(crate) struct Kept {
    pub effects: Effects,
    /// The words of its text; none if its text alone does not say how it was read.
    pub words: Option<Words>,
    /// Can it be taken over? Not where something was said: what is said may depend on what was said before.
    pub whole: bool,
}

/// Columns numbered at most before all are numbered anew.
const COLUMNS: u32 = 1 << 20;

/// What is left of the checked script before, while the one after is checked.
#[derive(Debug)]
pub(crate) struct Old {
    moves: Moves,
    /// For each declaration now: which it was before, if it is the same.
    same: Vec<Option<usize>>,
    kinds: Vec<CheckedKind>,
    kept: Vec<Kept>,
    /// Words that mean something else than before.
    dirty: Words,
    pub columns: u32,
}

impl Old {
    /// Finds the declarations that are what they were. `None` if there is nothing to take over.
    pub(crate) fn new(before: Before, globals: &[Global<'_>]) -> Option<Old> {
        let Before { checked, edit } = before;
        if checked.columns > COLUMNS || checked.kept.len() != checked.declarations.len() {
            return None;
        }
        let mut at: HashMap<Span, usize> = crate::hash::with_room(globals.len());
        let mut dirty = Words::default();
        for (index, declaration) in checked.declarations.iter().enumerate() {
            let here = edit.whole(declaration.span).filter(|_| checked.kept[index].words.is_some());
            if here.is_none_or(|span| at.insert(span, index).is_some()) {
                dirty.add(&declaration.name);
            }
        }
        let mut now = vec![None; checked.declarations.len()];
        let mut same = vec![None; globals.len()];
        for (index, global) in globals.iter().enumerate() {
            match at.remove(&global.decl.span).filter(|_| global.decl.sound) {
                Some(old) => (same[index], now[old]) = (Some(old), Some(index)),
                None => dirty.add(&global.name.name),
            }
        }
        at.values().for_each(|old| dirty.add(&checked.declarations[*old].name));
        let kinds = checked.declarations.into_iter().map(|declaration| declaration.kind).collect();
        let moves = Moves { edit, now };
        Some(Old { moves, same, kinds, kept: checked.kept, dirty, columns: checked.columns })
    }

    /// The words of a declaration, if they are known from before.
    pub(crate) fn words(&mut self, index: usize) -> Option<Words> {
        self.kept[self.same[index]?].words.take()
    }

    /// A declaration is not what it was: nor are those that name it.
    pub(crate) fn changed(&mut self, name: &str) {
        self.dirty.add(name);
    }

    /// Does a declaration name something that is not what it was?
    pub(crate) fn names_changed(&self, index: usize) -> bool {
        let words = self.same[index].and_then(|old| self.kept[old].words.as_ref());
        words.is_none_or(|words| words.meet(&self.dirty))
    }

    /// What a pipeline was before, if it is that still.
    pub(crate) fn take(&mut self, index: usize) -> Option<(Box<CheckedPipeline>, Kept)> {
        let old = self.same[index].filter(|old| self.kept[*old].whole)?;
        if self.names_changed(index) {
            return None;
        }
        let kind = std::mem::replace(&mut self.kinds[old], CheckedKind::Type(None));
        let CheckedKind::Pipeline(mut pipeline) = kind else { return None };
        let mut kept = std::mem::take(&mut self.kept[old]);
        self.moves.pipeline(&mut pipeline)?;
        self.moves.effects(&mut kept.effects)?;
        Some((pipeline, kept))
    }
}

/// The words of a declaration that its text alone says how to read.
pub(crate) fn words(global: &Global<'_>, sources: &SourceMap) -> Option<Words> {
    global.decl.sound.then(|| Words::of(sources.text(global.decl.span)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use flow_syntax::FileId;

    #[test]
    fn an_edit_is_what_two_texts_do_not_have_in_common() {
        let long = "x".repeat(200);
        for (old, new, want) in [
            ("", "", (0, 0, 0)),
            ("abc", "abc", (3, 3, 3)),
            ("abc", "abxc", (2, 2, 3)),
            ("aaa", "aaaa", (3, 3, 4)),
            ("abc", "", (0, 3, 0)),
            ("abcd", "aXd", (1, 3, 2)),
        ] {
            for (before, behind) in [("", ""), (&*long, "")] {
                let edit =
                    Edit::between(&format!("{before}{old}{behind}"), &format!("{before}{new}{behind}"));
                let shift = before.len() as u32;
                let want = (want.0 + shift, want.1 + shift, want.2 + shift);
                assert_eq!((edit.from, edit.old_end, edit.new_end), want, "{old:?} {new:?}");
            }
        }
        let edit = Edit::between(&format!("a{long}b{long}"), &format!("a{long}cd{long}"));
        assert_eq!((edit.from, edit.old_end, edit.new_end), (201, 202, 203));
    }

    #[test]
    fn what_an_edit_touches_is_not_whole() {
        let edit = Edit { from: 10, old_end: 12, new_end: 13 };
        let span = |start, end| Span::new(FileId(0), start, end);
        assert_eq!(edit.whole(span(3, 9)), Some(span(3, 9)));
        assert_eq!(edit.whole(span(3, 10)), None);
        assert_eq!(edit.whole(span(12, 20)), None);
        assert_eq!(edit.whole(span(13, 20)), Some(span(14, 21)));
        assert_eq!(edit.whole(Span::new(FileId(1), 3, 11)), Some(Span::new(FileId(1), 3, 11)));
    }
}
