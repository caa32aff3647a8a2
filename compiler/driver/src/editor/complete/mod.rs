//! Completion: what can stand at the cursor, decided by the tokens in front of it and by what the checker knows of
//! the stream there. Works on half-typed text.

mod lists;
mod place;
mod probe;

use super::cursor::Cursor;
use crate::Compilation;
use flow_syntax::{FileId, Span};
use place::Place;

/// What a proposal is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names say it")]
pub enum CompletionKind {
    Stage,
    Field,
    Function,
    Aggregate,
    Connector,
    Option,
    Choice,
    Declaration,
    Type,
    Keyword,
}

/// One proposal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Completion {
    /// What is inserted.
    pub text: String,
    /// What is inserted by an editor that knows snippets: `$1`, `${2:text}` are places to fill.
    pub snippet: Option<String>,
    /// What it is.
    pub kind: CompletionKind,
    /// Its type or signature.
    pub detail: String,
    /// One line about it.
    pub doc: String,
}

impl Completion {
    fn new(text: &str, kind: CompletionKind, detail: impl Into<String>, doc: &str) -> Completion {
        Completion { text: text.into(), snippet: None, kind, detail: detail.into(), doc: doc.into() }
    }

    fn snippet(self, snippet: &str) -> Completion {
        Completion { snippet: Some(snippet.to_string()), ..self }
    }
}

/// What can stand at an offset of the main file.
pub fn complete(compiled: &Compilation, offset: usize) -> Vec<Completion> {
    let text = &compiled.sources.file(FileId(0)).text;
    let offset = offset.min(text.len());
    if !text.is_char_boundary(offset) {
        return Vec::new();
    }
    let cursor = Cursor::new(text, offset);
    let place = place::place(&cursor);
    let spoken_of = match crate::upgrade::spoken_of(compiled, offset) {
        Some(script) => script,
        // Nothing is known of the declarations of a script that cannot be read.
        None if matches!(place, Place::TestStep) => return lists::steps(),
        None => return Vec::new(),
    };
    let cx = lists::Lists { compiled: spoken_of, offset, cursor: &cursor };
    match place {
        Place::Nothing => Vec::new(),
        Place::Top => lists::declarations(),
        Place::Stage => cx.stages(),
        Place::HalfStage => behind_half(cx.stages()),
        Place::HalfSink => behind_half(lists::connectors(|c| c.sink.is_some())),
        Place::HalfResult => behind_half(cx.types()),
        Place::Annotation { stage } => lists::annotations(stage),
        Place::Timestamp => lists::moments(),
        Place::SinkConnector => lists::connectors(|c| c.sink.is_some()),
        Place::SourceConnector => lists::connectors(|c| c.source.is_some()),
        Place::TableConnector => lists::connectors(|c| c.table.is_some()),
        Place::Head => cx.heads(false),
        Place::Given => cx.given(),
        Place::Target => cx.heads(true),
        Place::Type => cx.types(),
        Place::Member(name) => {
            let known = cx.members(name);
            // What is half typed was not understood: it is asked of the script as if something stood there.
            let probed = known.is_empty().then(|| probe::probed(compiled, spoken_of, &cursor)).flatten();
            let again = probed
                .map(|probed| lists::Lists { compiled: &probed, offset, cursor: &cursor }.members(name));
            again.unwrap_or(known)
        }
        Place::Fields(given) => cx.row_fields(&given),
        Place::Output(name) => cx.outputs(name),
        Place::Key => cx.key(),
        Place::Generator => lists::generators(),
        Place::Moment(named, given) => {
            let words = ["eachRow".to_string(), "atEnd".to_string()];
            lists::choices(&words).into_iter().chain(lists::named(&named, &given)).collect()
        }
        Place::Window => lists::windows(),
        Place::Choices(words) => lists::choices(&words),
        Place::JobOption(given) => lists::job_options(&given),
        Place::StateOption(given) => lists::state_options(&given),
        Place::TestStep => lists::steps(),
        Place::Row { target, within, given } => cx.row(target, &within, &given),
        Place::Arguments { named, given, expression, heads } => {
            let own = cx.own_arguments();
            let mut all = lists::named(if named.is_empty() { &own } else { &named }, &given);
            if heads {
                all.extend(cx.heads(false));
            }
            if expression {
                all.extend(cx.expressions());
            }
            all
        }
        Place::Expression => cx.expressions(),
    }
}

/// The path of a script that is being written: in `import "…` and `restore into "…`. The place of what is written of it.
pub fn script_path(compiled: &Compilation, offset: usize) -> Option<Span> {
    let text = &compiled.sources.file(FileId(0)).text;
    (offset <= text.len() && text.is_char_boundary(offset))
        .then(|| Cursor::new(text, offset).script_path())?
}

/// What follows `|>` or `->`, of which only the first letter stands there.
fn behind_half(all: Vec<Completion>) -> Vec<Completion> {
    let whole = |text: String| format!("> {text}");
    all.into_iter().map(|c| Completion { text: whole(c.text), snippet: c.snippet.map(whole), ..c }).collect()
}
