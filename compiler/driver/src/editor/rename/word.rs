//! A rename that is the exchange of one word for another: all that is called by the old one is renamed, and nothing is called
//! by the new one. Then a script means behind it what it meant, whatever stands in it, because the language tells names
//! that are not built in apart by nothing but whether they are the same. It need not be compiled once more to see
//! that, nor to see what becomes of what jobs have saved.

use super::doubt::is_open;
use super::reads::writes_words;
use super::saved::{SavedChange, changed, keeps_state};
use super::{Changes, Target};
use crate::Compilation;
use crate::load::identity;
use crate::restore::{Reworded, compare_shapes, shapes};
use flow_plan::catalogue;
use flow_plan::connector::table::CONNECTORS;
use flow_syntax::{SourceFile, TokenKind};
use std::collections::HashSet;
use std::ops::Range;
use std::sync::LazyLock;

/// Do these changes write one word for another wherever it is a name, and nothing else? Where anything is wrong with a
/// script, nobody knows.
pub fn is_one_word(before: &Compilation, changes: &Changes, target: &Target, new: &str) -> bool {
    let old = target.name.as_str();
    let checked = &before.checked;
    let mut pipelines = (0..checked.declarations.len()).filter_map(|index| checked.pipeline(index));
    is_free(old)
        && is_free(new)
        && !before.has_errors()
        && checked.silenced.is_empty()
        && before.upgrades.is_empty()
        && !pipelines.any(is_open)
        && before.sources.files().all(|(_, file)| {
            let edits = changes.of(&identity(file));
            !file.text.contains(new) && write_only(file, edits, old, new) && write_all(file, edits, old)
        })
        && all_columns(before, changes, old, new)
}

/// What becomes of saved state behind such a rename, and what sinks write; see [`super::saved_changes`] and
/// [`super::writes_otherwise`].
pub fn changed_by_word(before: &Compilation, target: &Target, new: &str) -> Vec<SavedChange> {
    let words = Reworded { old: &target.name, new };
    let mut all = Vec::new();
    if !target.is_declaration(before)
        && keeps_state(before)
        && let Some(plan) = before.to_plan()
    {
        let states = shapes(&plan).into_iter();
        let both = states.filter_map(|state| words.state(&state).map(|reworded| (state, reworded)));
        let (old, new): (Vec<_>, Vec<_>) = both.unzip();
        all.extend(changed(&compare_shapes(&old, &new, &plan.declarations)));
    }
    all.extend(writes_words(before, words));
    all
}

/// Is it a plain name that means nothing by itself?
fn is_free(name: &str) -> bool {
    let letter = |c: char| c.is_ascii_alphanumeric() || c == '_';
    name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.chars().all(letter)
        && flow_syntax::is_only_a_name(name)
        && !BUILT_IN.contains(name)
}

/// The words that mean something by themselves somewhere: of stages, windows, functions, types and connectors, of their
/// arguments, and the fields that windows add.
static BUILT_IN: LazyLock<HashSet<&'static str>> = LazyLock::new(|| {
    let forms = flow_types::forms::STAGE_FORMS.iter().chain(flow_types::forms::WINDOW_FORMS);
    let functions = catalogue::all().flat_map(|function| function.overloads());
    let aggregates = catalogue::aggregates().flat_map(|aggregate| aggregate.overloads());
    let signatures = functions.chain(aggregates).map(|signature| signature.text);
    let casts = catalogue::CASTS.iter().flat_map(|cast| [cast.name, cast.try_name]);
    let connectors = CONNECTORS.iter().flat_map(|of| of.args.iter().map(|arg| arg.name).chain([of.name]));
    let names = catalogue::all().map(|function| function.name);
    let names = names.chain(catalogue::aggregates().map(|aggregate| aggregate.name));
    let all = forms.map(|form| form.form).chain(signatures).chain(casts).chain(connectors).chain(names);
    all.chain(["windowStart windowEnd errors late"]).flat_map(words).collect()
});

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').filter(|word| !word.is_empty())
}

/// Is each edit of a file the new word in the place of the old one, or what a declaration was called?
fn write_only(file: &SourceFile, edits: &[(Range<usize>, String)], old: &str, new: &str) -> bool {
    // An id may be written somewhere that is made of a name elsewhere.
    let has_ids = file.text.contains("@id") || file.text.contains("@was");
    edits.iter().all(|(range, written)| match range.is_empty() {
        true => !has_ids && written.starts_with("@was("),
        false => file.text.get(range.clone()) == Some(old) && written == new,
    })
}

/// Is each place of a file changed where the old word is a name? What comments and texts say is no name.
fn write_all(file: &SourceFile, edits: &[(Range<usize>, String)], old: &str) -> bool {
    let text = &*file.text;
    let letter = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
    let alone = |at: &usize| {
        !letter(text[..*at].chars().next_back()) && !letter(text[at + old.len()..].chars().next())
    };
    let mut edits = edits.iter().map(|(range, _)| range).filter(|range| !range.is_empty()).peekable();
    let places = text.match_indices(old).map(|(at, _)| at).filter(alone);
    let left: Vec<usize> = places.filter(|at| edits.next_if(|range| range.start == *at).is_none()).collect();
    edits.next().is_none() && (left.is_empty() || are_said(text, &left))
}

/// Do these places of a text, in order, stand in comments and texts?
fn are_said(text: &str, places: &[usize]) -> bool {
    let tokens = flow_syntax::tokens(text);
    places.iter().all(|at| {
        let next = tokens.partition_point(|token| token.span.end as usize <= *at);
        tokens.get(next).is_some_and(|token| {
            use TokenKind::{BlockComment, DocComment, LineComment, RawString, StringText};
            token.span.start as usize <= *at
                && matches!(token.kind, BlockComment | DocComment | LineComment | RawString | StringText)
        })
    })
}

/// Are all columns of the old name renamed, and none called by the new one? Some are called so without a word of the script.
fn all_columns(before: &Compilation, changes: &Changes, old: &str, new: &str) -> bool {
    let edits: Vec<_> = before.sources.files().map(|(_, file)| changes.of(&identity(file))).collect();
    let checked = &before.checked;
    let pipelines = (0..checked.declarations.len()).filter_map(|index| checked.pipeline(index));
    let streams = pipelines.flat_map(|pipeline| {
        let stages = pipeline.stages.iter().map(|stage| &stage.after);
        stages.chain([&pipeline.head, &pipeline.output]).chain(&pipeline.late)
    });
    streams.flat_map(|stream| &stream.columns).all(|column| match &*column.name {
        name if name == new => false,
        name if name == old => {
            let start = column.origin.start as usize;
            let of_file = edits[usize::from(column.origin.file.0)];
            let at = of_file.partition_point(|(range, _)| {
                range.start < start || range.is_empty() && range.start == start
            });
            of_file.get(at).is_some_and(|(range, _)| *range == column.origin.range())
        }
        _ => true,
    })
}
