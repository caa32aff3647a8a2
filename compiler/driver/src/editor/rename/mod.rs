//! Renaming: what a name means, all places that mean it, and what must be written there so that a script means the same
//! as before. Knows one compilation at a time; who asks brings the others that read the same file.

mod changes;
mod doubt;
mod former;
mod reach;
mod reads;
mod same;
mod saved;
mod shorthand;
mod word;

pub use changes::Changes;
pub use doubt::knows_all;
pub use reach::{Reach, reached};
pub use reads::{reads_otherwise, writes_otherwise};
pub use same::{is_as_right, means_the_same};
pub use saved::{Harm, SavedChange, saved_changes};
pub use word::{changed_by_word, is_one_word};

use super::{declared_at, plain, text, uses};
use crate::Compilation;
use crate::load::{identity, normal};
use flow_syntax::{Edit, FileId, SourceMap, Span};
use std::path::{Path, PathBuf};

/// What a name means, whatever script it is used in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// What tells the file that declares it from all others.
    pub path: PathBuf,
    /// Where in that file.
    pub at: std::ops::Range<usize>,
    /// The name, without backticks.
    pub name: String,
}

impl Target {
    fn of(sources: &SourceMap, declared: Span) -> Target {
        Target {
            path: identity(sources.file(declared.file)),
            at: declared.range(),
            name: plain(sources.text(declared)).to_string(),
        }
    }

    /// Where it is declared among the files of a script; the last ones are left out that are guests there.
    fn span(&self, sources: &SourceMap, guests: usize) -> Option<Span> {
        let own = sources.files().count().saturating_sub(guests);
        let mut files = sources.files().take(own);
        let (id, _) = files.find(|(_, file)| identity(file) == self.path)?;
        Some(Span::new(id, self.at.start, self.at.end))
    }

    /// Is it a declaration of a script, or of what that imports?
    fn is_declaration(&self, compiled: &Compilation) -> bool {
        let declared = self.span(&compiled.sources, 0);
        compiled.checked.declarations.iter().any(|declaration| Some(declaration.name_span) == declared)
    }
}

/// What the name under the cursor means, and where it stands; none if it is declared in no script.
pub fn target(compiled: &Compilation, offset: usize) -> Option<(Target, Span)> {
    if let Some((script, at, declared)) = crate::upgrade::declared_there(compiled, offset) {
        let target = Target::of(&script.sources, declared);
        return (plain(script.sources.text(at)) == target.name)
            .then_some((target, Span { file: FileId(0), ..at }));
    }
    let here = |span: &Span| span.file == FileId(0) && span.touches(offset);
    let used = compiled.checked.references().filter(|(at, _)| here(at));
    let used = used.min_by_key(|(at, _)| at.end - at.start).copied();
    let (at, declared) = used.or_else(|| declared_at(compiled, offset).map(|at| (at, at)))?;
    // What a connector or a window adds has no place of its own: it is declared where that stands.
    (plain(text(compiled, at)) == plain(text(compiled, declared)))
        .then(|| (Target::of(&compiled.sources, declared), at))
}

/// All places of a script and its imports that mean it, and where it is declared. Behind `restore into` another script is
/// spoken of; what that one has in its own files is found there.
pub fn places(compiled: &Compilation, target: &Target) -> Vec<Span> {
    let mut all = Vec::new();
    if let Some(declared) = target.span(&compiled.sources, 0) {
        all.push(declared);
        all.extend(uses(compiled, declared, &target.name));
    }
    for upgrade in &compiled.upgrades {
        let script = &upgrade.script;
        let Some(declared) = target.span(&script.sources, 1) else { continue };
        let guest = script.sources.files().last().map(|(id, _)| id);
        let steps = uses(script, declared, &target.name).into_iter().filter(|at| Some(at.file) == guest);
        all.extend(steps.map(|at| Span { file: FileId(0), ..at }));
    }
    all.sort();
    all.dedup();
    all
}

/// Is this place of a script the declaration itself?
pub fn declares(compiled: &Compilation, target: &Target, place: Span) -> bool {
    target.span(&compiled.sources, 0) == Some(place)
}

/// Does a script, or one in which its tests go on, read the file that declares it?
pub fn reads(compiled: &Compilation, target: &Target) -> bool {
    let mut upgrades = compiled.upgrades.iter();
    target.span(&compiled.sources, 0).is_some()
        || upgrades.any(|upgrade| target.span(&upgrade.script.sources, 1).is_some())
}

/// The scripts in which the tests of this one go on.
pub fn goes_on_in(compiled: &Compilation) -> Vec<PathBuf> {
    let scripts = compiled.upgrades.iter().map(|upgrade| upgrade.script.sources.file(FileId(0)));
    scripts.map(|file| normal(Path::new(&file.name))).collect()
}

/// What else is the same field to a script: the fields of the streams of a `union` are one.
pub fn same_fields(compiled: &Compilation, target: &Target) -> Vec<Target> {
    let Some(declared) = target.span(&compiled.sources, 0) else { return Vec::new() };
    let others = compiled.checked.same_fields().filter_map(|(one, other)| match declared {
        _ if *one == declared => Some(*other),
        _ if *other == declared => Some(*one),
        _ => None,
    });
    let named = others.filter(|other| plain(text(compiled, *other)) == target.name);
    named.map(|other| Target::of(&compiled.sources, other)).collect()
}

/// What is written in a script and its imports for another name, so that all else stays: fields keep their names, and states
/// are told what they were called.
pub fn edits(compiled: &Compilation, target: &Target, new: &str) -> Vec<Edit> {
    let declared = target.span(&compiled.sources, 0);
    let mut shorthand = shorthand::Shorthand::of(compiled, declared);
    let each = |at: Span| shorthand.written(at, new);
    let mut all: Vec<Edit> = places(compiled, target).into_iter().flat_map(each).collect();
    all.extend(declared.into_iter().flat_map(|declared| former::names(compiled, declared, &target.name)));
    all
}

/// A name as it is written, or why it cannot be one. A name in backticks may be any.
pub fn new_name(name: &str) -> Result<String, String> {
    let inner = name.strip_prefix('`').and_then(|rest| rest.strip_suffix('`'));
    match inner {
        Some(inner) => super::quoted(inner),
        None if flow_syntax::is_keyword(name) => {
            Err(format!("`{name}` is a word of the language; as a name it stands in backticks"))
        }
        None => match super::quoted(name)? {
            written if written == name => Ok(written),
            _ => Err(format!("`{name}` is no name: it has other characters than letters, digits and `_`")),
        },
    }
}

/// Is the new name a declaration's already, where one is renamed? Where it stands, for people.
pub fn declared_already(compiled: &Compilation, target: &Target, new: &str) -> Option<String> {
    let declared = target.span(&compiled.sources, 0)?;
    let all = &compiled.checked.declarations;
    all.iter().find(|declaration| declaration.name_span == declared)?;
    let taken = all.iter().find(|d| *d.name == *plain(new) && d.name_span != declared)?;
    Some(format!("`{}` is declared already: {}", taken.name, line_of(&compiled.sources, taken.name_span)))
}

/// `types.flow:3`.
fn line_of(sources: &SourceMap, span: Span) -> String {
    let file = sources.file(span.file);
    let name =
        Path::new(&file.name).file_name().map_or(file.name.clone().into(), |name| name.to_string_lossy());
    format!("{name}:{}", file.line_at(span.start as usize))
}
