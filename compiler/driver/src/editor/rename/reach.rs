//! What a rename can reach: the declarations that are changed, those that read them in turn, and what all of these need to
//! be checked. The rest of a long script is what it was, and need not be checked once more to see that.

use super::doubt::is_open;
use super::{Changes, plain};
use crate::Compilation;
use crate::load::identity;
use flow_syntax::ast::{Decl, DeclKind};
use flow_syntax::{FileId, Span, lines};
use std::collections::HashMap;
use std::ops::Range;
use std::path::{Path, PathBuf};

/// Of a script and its imports, the declarations that count.
#[derive(Clone, Debug)]
pub struct Reach {
    files: HashMap<PathBuf, Vec<Range<usize>>>,
    /// Is it at most half of the script, so that something is gained by it?
    pub is_small: bool,
}

impl Reach {
    /// A file with blanks in the place of what does not count: all that is left stands where it stood. A file that is no
    /// part of the script stays as it is.
    pub fn only(&self, path: &Path, text: String) -> String {
        let Some(kept) = self.files.get(path) else { return text };
        let mut bytes = text.into_bytes();
        let starts = kept.iter().map(|next| next.start).chain([bytes.len()]);
        let ends = [0].into_iter().chain(kept.iter().map(|last| last.end));
        for (end, start) in ends.zip(starts) {
            let gap = bytes.get_mut(end..start).into_iter().flatten();
            gap.filter(|byte| !lines::is_end(**byte)).for_each(|byte| *byte = b' ');
        }
        // Declarations begin and end with whole characters.
        String::from_utf8(bytes).unwrap_or_default()
    }
}

/// What these changes reach, which give something another name.
pub fn reached(before: &Compilation, changes: &Changes, words: [&str; 2]) -> Reach {
    let script = Script::of(before);
    let mut counts = vec![false; script.decls.len()];
    let uses = script.uses();
    let mut open = script.first(changes, words);
    spread(&mut counts, &mut open, uses.iter().map(|(user, used)| (*used, *user)));
    // The job speaks of all, and imports say where the rest is.
    let always = |(_, decl): &(usize, &&Decl)| matches!(decl.kind, DeclKind::Job(_) | DeclKind::Import(_));
    open = script.decls.iter().enumerate().filter(always).map(|(at, _)| at).collect();
    open.extend((0..counts.len()).filter(|at| counts[*at]));
    counts.fill(false);
    spread(&mut counts, &mut open, uses.into_iter());
    script.reach(&counts)
}

/// All that can be got to from the open ones.
fn spread(counts: &mut [bool], open: &mut Vec<usize>, edges: impl Iterator<Item = (usize, usize)>) {
    let mut next = vec![Vec::new(); counts.len()];
    edges.for_each(|(from, to)| next[from].push(to));
    while let Some(at) = open.pop() {
        if !std::mem::replace(&mut counts[at], true) {
            open.extend(next[at].iter().copied());
        }
    }
}

/// All declarations of a script and its imports, by file and place.
struct Script<'c> {
    compiled: &'c Compilation,
    decls: Vec<&'c Decl>,
    /// Those in which there are errors, in order.
    wrong: Vec<usize>,
    /// The pipelines of which all is known, in order.
    whole: Vec<usize>,
}

impl<'c> Script<'c> {
    fn of(compiled: &'c Compilation) -> Script<'c> {
        let mut decls: Vec<&Decl> = compiled.programs.iter().flat_map(|program| &program.decls).collect();
        decls.sort_by_key(|decl| (decl.span.file, decl.span.start));
        let mut script = Script { compiled, decls, wrong: Vec::new(), whole: Vec::new() };
        let errors = compiled.diagnostics.iter().filter(|diagnostic| diagnostic.is_error());
        let places = errors.map(|error| error.primary.span).chain(compiled.checked.silenced.iter().copied());
        script.wrong = places.filter_map(|at| script.holding(at)).collect();
        let declared = compiled.checked.declarations.iter().enumerate();
        let whole = declared.filter(|(index, _)| {
            compiled.checked.pipeline(*index).is_some_and(|pipeline| !is_open(pipeline))
        });
        script.whole = whole.filter_map(|(_, declaration)| script.holding(declaration.name_span)).collect();
        script.wrong.sort_unstable();
        script.whole.sort_unstable();
        script
    }

    /// The declaration in which something stands.
    fn holding(&self, at: Span) -> Option<usize> {
        let behind =
            self.decls.partition_point(|decl| (decl.span.file, decl.span.start) <= (at.file, at.start));
        let index = behind.checked_sub(1)?;
        let span = self.decls[index].span;
        (span.file == at.file && at.end <= span.end).then_some(index)
    }

    /// Which declaration uses which. Of one that is wrong not all is known: it may mean whatever it names.
    fn uses(&self) -> Vec<(usize, usize)> {
        let references = self.compiled.checked.references();
        let known = references.filter_map(|(used, of)| Some((self.holding(*used)?, self.holding(*of)?)));
        let mut all: Vec<(usize, usize)> = known.filter(|(user, of)| user != of).collect();
        let dark: Vec<usize> = (0..self.decls.len()).filter(|at| self.is_dark(*at)).collect();
        if !dark.is_empty() {
            let declared = self.compiled.checked.declarations.iter();
            let declared = declared.filter_map(|d| Some((&*d.name, self.holding(d.name_span)?)));
            let by_name: HashMap<&str, usize> = declared.collect();
            for user in dark {
                let text = self.compiled.sources.text(self.decls[user].span);
                let words = text.split(|c: char| !c.is_alphanumeric() && c != '_');
                all.extend(words.filter_map(|word| Some((user, *by_name.get(word)?))));
            }
        }
        all.sort_unstable();
        all.dedup();
        all
    }

    /// Is something wrong with it, or with what it reads, so that some of its names mean nothing?
    fn is_dark(&self, at: usize) -> bool {
        let decl = self.decls[at];
        let pipelines = matches!(
            decl.kind,
            DeclKind::Source(_) | DeclKind::Table(_) | DeclKind::Stream(_) | DeclKind::Sink(_)
        );
        self.wrong.binary_search(&at).is_ok()
            || matches!(decl.kind, DeclKind::Error(_))
            || pipelines && self.whole.binary_search(&at).is_err()
    }

    /// The declarations that are changed, and those in which one of the words stands, whatever it means there: a state may
    /// be called so, or a field that is taken for what is renamed.
    fn first(&self, changes: &Changes, words: [&str; 2]) -> Vec<usize> {
        let mut found = Vec::new();
        for (file, source) in self.compiled.sources.files() {
            let at = |start: usize, end: usize| self.holding(Span::new(file, start, end));
            let changed = changes.of(&identity(source)).iter();
            found.extend(changed.filter_map(|(range, _)| at(range.start, range.end)));
            for word in words.map(plain) {
                let places = source.text.match_indices(word).map(|(place, _)| place);
                let whole = places.filter(|place| is_word(&source.text, *place..place + word.len()));
                found.extend(whole.filter_map(|place| at(place, place + word.len())));
            }
        }
        found
    }

    fn reach(&self, counts: &[bool]) -> Reach {
        let path = |file: FileId| identity(self.compiled.sources.file(file));
        let all = self.compiled.sources.files();
        let mut files: HashMap<PathBuf, Vec<Range<usize>>> =
            all.map(|(file, _)| (path(file), Vec::new())).collect();
        for (decl, _) in self.decls.iter().zip(counts).filter(|(_, counts)| **counts) {
            files.entry(path(decl.span.file)).or_default().push(decl.span.range());
        }
        let is_small = counts.iter().filter(|counts| **counts).count() * 2 <= counts.len();
        Reach { files, is_small }
    }
}

/// Do no further letters belong to it?
fn is_word(text: &str, range: Range<usize>) -> bool {
    let letter = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
    !letter(text[..range.start].chars().next_back()) && !letter(text[range.end..].chars().next())
}
