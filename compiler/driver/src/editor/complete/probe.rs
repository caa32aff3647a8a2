//! A script as if something stood at the cursor: a field is typed behind its point, where the text is no expression yet.
//! What cannot be read as it stands is left out: the rest of the declaration.

use crate::Compilation;
use crate::editor::cursor::Cursor;
use flow_syntax::{DECLARATION_WORDS, FileId, SourceMap, lines};

/// What stands in the place of the name that is asked for.
const STANDS: &str = "x";

/// The script with a name at the cursor, and its brackets closed. `None`: the cursor speaks of another script.
pub(super) fn probed(
    compiled: &Compilation,
    spoken_of: &Compilation,
    cursor: &Cursor<'_>,
) -> Option<Compilation> {
    if !std::ptr::eq(compiled, spoken_of) {
        return None;
    }
    let before = &cursor.text[..cursor.tokens.last()?.span.end as usize];
    let behind = &cursor.text[before.len()..];
    let text = format!("{before}{STANDS}{}\n{}", cursor.closing(), next_declarations(behind));
    let mut sources = SourceMap::default();
    for (id, file) in compiled.sources.files() {
        let new = sources.add(file.name.clone(), if id == FileId(0) { &text } else { &file.text });
        if let Some(identity) = &file.identity {
            sources.identify(new, identity.clone());
        }
    }
    let mut programs = compiled.programs.clone();
    let (main, _) = flow_syntax::parse(FileId(0), &text);
    *programs.first_mut()? = main;
    let input = flow_types::Input {
        sources: &sources,
        programs: &programs,
        syntax_errors: true,
        params: &[],
        levels: &flow_types::Levels::default(),
    };
    let edit = flow_types::Edit::between(cursor.text, &text);
    let before = flow_types::Before { checked: compiled.checked.clone(), edit };
    let (checked, _) = flow_types::check_again(&input, Some(before));
    Some(Compilation { sources, programs, checked, ..compiled.to_go_on() })
}

/// The text from the next line on at which a declaration begins.
fn next_declarations(text: &str) -> &str {
    let begins = |at: &usize| {
        let word = text[*at..].split(|c: char| !c.is_ascii_alphabetic()).next().unwrap_or_default();
        DECLARATION_WORDS.contains(&word)
    };
    lines::starts(text).skip(1).find(begins).map_or("", |at| &text[at..])
}
