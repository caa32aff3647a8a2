//! Forms of other languages that hold several signs flow does not know: `{{ ref('x') }}`, `meta ->> 'a'`,
//! `switch (x) { case 1: … }`, `extract(hour from at)`.
//!
//! Their signs were told one by one by who read them before; here a form is told as a whole, once for all places of a
//! piece where it stands, with the whole of it as the fix.

mod choices;
mod members;
mod named;
mod templates;
mod values;
mod windows;

pub(super) use values::unit_of;

use super::piece::Piece;
use crate::build::Shared;
use crate::class::Tok;
use crate::codes::{BAD_CHARACTER, FOREIGN_WORD, UNCLOSED_BRACKET, UNCLOSED_STRING, UNEXPECTED_TOKEN};
use crate::diagnostic::{Applicability, Diagnostic, Edit, Fix, Label};
use crate::lines;
use crate::span::Span;
use std::collections::BTreeMap;

/// A form that was found: its tokens, what is said of it, and how flow writes it.
pub(super) struct Found {
    from: usize,
    end: usize,
    message: String,
    at: &'static str,
    help: String,
    /// Each a way to write it, the likeliest first.
    fixed: Vec<(String, Applicability)>,
    /// A `param` that must be declared for it, and its default.
    param: Option<(String, String)>,
}

impl Found {
    fn new(from: usize, end: usize, message: impl Into<String>) -> Found {
        Found {
            from,
            end,
            message: message.into(),
            at: "",
            help: String::new(),
            fixed: Vec::new(),
            param: None,
        }
    }

    fn at(self, at: &'static str) -> Found {
        Found { at, ..self }
    }

    fn help(self, help: impl Into<String>) -> Found {
        Found { help: help.into(), ..self }
    }

    fn write(self, fixed: impl Into<String>) -> Found {
        self.perhaps(fixed, Applicability::MachineApplicable)
    }

    fn perhaps(mut self, fixed: impl Into<String>, sure: Applicability) -> Found {
        self.fixed.push((fixed.into(), sure));
        self
    }
}

/// Tells every such form in a piece; true if there is one, and the piece need not be read.
pub(crate) fn whole(shared: &mut Shared<'_>, toks: &[Tok]) -> bool {
    let forms = forms(&Piece { shared, toks });
    if forms.is_empty() || is_unpaired(shared, toks) {
        return false;
    }
    let spans: Vec<Span> =
        forms.iter().map(|form| Piece { shared, toks }.span(form.from, form.end)).collect();
    shared.diagnostics.retain_mut(|diagnostic| spans.iter().all(|form| remains(diagnostic, *form)));
    let before = shared.diagnostics.len();
    let params = params(shared, &forms, toks);
    shared.diagnostics.extend(told(&forms, &spans, &params));
    super::doubt(shared, toks, before);
    true
}

/// Where a bracket or a quote is missing, nobody knows what is whole.
fn is_unpaired(shared: &Shared<'_>, toks: &[Tok]) -> bool {
    let (Some(first), Some(last)) = (toks.first(), toks.last()) else { return false };
    shared.diagnostics.iter().any(|d| {
        let at = d.primary.span;
        matches!(d.code, UNCLOSED_BRACKET | UNCLOSED_STRING) && first.start <= at.end && at.start <= last.end
    })
}

/// Takes back what was said of signs within a form that is told otherwise.
pub(crate) fn take_back(shared: &mut Shared<'_>, form: Span) {
    shared.diagnostics.retain_mut(|diagnostic| remains(diagnostic, form));
}

fn forms(piece: &Piece<'_, '_>) -> Vec<Found> {
    let mut forms: Vec<Found> = Vec::new();
    let mut at = 0;
    while at < piece.toks.len() {
        let found = match piece.class(at) {
            b'{' => piece.template(at),
            b':' => piece.variant_path(at),
            b'^' => piece.json_arrow(at),
            b'?' => piece.optional_chain(at),
            b'+' | b'~' => piece.all_but(at),
            b'a'..=b'z' => piece.foreign_form(at),
            _ => None,
        };
        at = found.as_ref().map_or(at + 1, |found| found.end.max(at + 1));
        if let Some(found) = found {
            // What begins before the last one ended holds it.
            while forms.last().is_some_and(|last| last.end > found.from) {
                forms.pop();
            }
            forms.push(found);
        }
    }
    forms
}

/// For each name that forms speak of and nobody declares, the declaration that is lacking.
fn params(shared: &Shared<'_>, forms: &[Found], toks: &[Tok]) -> BTreeMap<String, Edit> {
    let mut params = BTreeMap::new();
    let line = lines::start(shared.text, toks[0].start as usize);
    let span = Span::new(shared.file, line, line);
    for (name, default) in forms.iter().filter_map(|form| form.param.as_ref()) {
        let declared = |word: &str| shared.text.contains(&format!("{word} {name}"));
        if !params.contains_key(name)
            && !["param", "const", "stream", "source", "table"].into_iter().any(declared)
        {
            params.insert(name.clone(), Edit { span, replacement: format!("param {name} = {default}\n") });
        }
    }
    params
}

/// One diagnostic for all forms of which the same is said.
fn told(forms: &[Found], spans: &[Span], params: &BTreeMap<String, Edit>) -> Vec<Diagnostic> {
    let mut told: Vec<Diagnostic> = Vec::new();
    for (form, span) in forms.iter().zip(spans) {
        let edit = |fixed: &String| Edit { span: *span, replacement: fixed.clone() };
        let Some(known) = told.iter_mut().find(|d| d.message == form.message) else {
            let mut diagnostic = Diagnostic::new(FOREIGN_WORD, *span, form.message.clone()).at(form.at);
            diagnostic.help = Some(form.help.clone()).filter(|help| !help.is_empty());
            diagnostic.fixes.extend(form.fixed.iter().map(|(fixed, sure)| Fix {
                title: title(fixed),
                edits: vec![edit(fixed)],
                applicability: *sure,
            }));
            told.push(diagnostic);
            continue;
        };
        known.labels.push(Label { span: *span, text: "here too".into() });
        known.fixes.truncate(form.fixed.len());
        for (fix, (fixed, sure)) in known.fixes.iter_mut().zip(&form.fixed) {
            fix.title = and_also(&fix.title, fixed);
            fix.edits.push(edit(fixed));
            if fix.applicability == Applicability::MachineApplicable {
                fix.applicability = *sure;
            }
        }
    }
    if let Some(fix) =
        told.iter_mut().find(|d| d.message == templates::MESSAGE).and_then(|d| d.fixes.first_mut())
    {
        fix.edits.extend(params.values().cloned());
        if params.is_empty() && fix.applicability == Applicability::HasPlaceholders {
            fix.applicability = Applicability::MachineApplicable;
        }
    }
    told
}

fn title(fixed: &str) -> String {
    if fixed.is_empty() { "remove it".into() } else { format!("write `{}`", super::shorten(fixed)) }
}

/// The title of a fix at several places: the third and all others are not named.
fn and_also(title: &str, fixed: &str) -> String {
    match title.matches("`, `").count() {
        _ if title.ends_with('…') || fixed.is_empty() => title.to_string(),
        0 => format!("{title}, `{}`", super::shorten(fixed)),
        _ => format!("{title}, …"),
    }
}

/// Signs inside of a form are no mistakes of their own: what was said of them is taken back. True if the diagnostic
/// remains, for what was said of others with them.
fn remains(diagnostic: &mut Diagnostic, form: Span) -> bool {
    let within = |span: Span| span.file == form.file && form.start <= span.start && span.end <= form.end;
    if !is_of_a_sign(diagnostic) {
        return true;
    }
    diagnostic.labels.retain(|label| !within(label.span));
    diagnostic.fixes.iter_mut().for_each(|fix| fix.edits.retain(|edit| !within(edit.span)));
    if !within(diagnostic.primary.span) {
        return true;
    }
    let next = match diagnostic.labels.is_empty() {
        false => Some(diagnostic.labels.remove(0).span),
        true => diagnostic.fixes.first().and_then(|fix| fix.edits.first()).map(|edit| edit.span),
    };
    diagnostic.primary.span = next.unwrap_or_default();
    next.is_some()
}

/// Is it about one sign or word, told before anybody knew what it belongs to?
fn is_of_a_sign(diagnostic: &Diagnostic) -> bool {
    matches!(diagnostic.code, FOREIGN_WORD | UNEXPECTED_TOKEN | BAD_CHARACTER)
}

impl<'a> Piece<'_, 'a> {
    /// The text of tokens, in which what was told before is mended: `'a'` is `"a"` already.
    pub(super) fn mended(&self, from: usize, end: usize) -> String {
        if self.text(from, end).is_empty() {
            return String::new();
        }
        let span = self.span(from, end);
        let within = |edit: &&Edit| {
            edit.span.file == span.file && span.start <= edit.span.start && edit.span.end <= span.end
        };
        let told = self.shared.diagnostics.iter().filter(|d| is_of_a_sign(d));
        let mut edits: Vec<&Edit> =
            told.filter_map(|d| d.fixes.first()).flat_map(|fix| &fix.edits).filter(within).collect();
        edits.sort_by_key(|edit| std::cmp::Reverse(edit.span.start));
        let mut text = self.text(from, end).to_string();
        for edit in edits {
            let (start, end) = (edit.span.start - span.start, edit.span.end - span.start);
            if text.is_char_boundary(start as usize) && text.is_char_boundary(end as usize) {
                text.replace_range(start as usize..end as usize, &edit.replacement);
            }
        }
        text
    }

    /// The text between the quotes of a string.
    pub(super) fn in_quotes(&self, at: usize) -> Option<&'a str> {
        let text = self.text(at, at + 1);
        text.get(1..text.len().checked_sub(1)?).filter(|_| self.class(at) == b'"')
    }

    /// Do two tokens stand side by side without a blank?
    pub(super) fn glued(&self, first: usize) -> bool {
        self.toks.get(first).zip(self.toks.get(first + 1)).is_some_and(|(a, b)| a.end == b.start)
    }

    /// Is a token one of these words, in letters of any size?
    pub(super) fn is_one_of(&self, at: usize, words: &[&str]) -> bool {
        let Some(text) = self.toks.get(at).map(|t| t.text(self.shared.text)) else { return false };
        words.iter().any(|word| text.eq_ignore_ascii_case(word))
    }

    /// The parts between the commas of `from..end`.
    pub(super) fn parts(&self, from: usize, end: usize) -> Vec<(usize, usize)> {
        let (mut parts, mut start, mut depth) = (Vec::new(), from, 0usize);
        for i in from..end {
            depth = depth.saturating_sub(usize::from(self.toks[i].is_close()));
            if depth == 0 && self.class(i) == b',' {
                parts.push((start, i));
                start = i + 1;
            }
            depth += usize::from(self.toks[i].is_open());
        }
        parts.push((start, end));
        parts.retain(|(from, end)| from < end);
        parts
    }

    /// The forms that begin with a word.
    fn foreign_form(&self, at: usize) -> Option<Found> {
        let stage = match at {
            0 => self
                .window_of_sql()
                .or_else(|| self.key_of_sql())
                .or_else(|| self.select_as())
                .or_else(|| self.assigned()),
            _ => None,
        };
        if stage.is_some() {
            return stage;
        }
        match self.text(at, at + 1).len() {
            4..=6 if self.is_one_of(at, &["switch", "when"]) => self.switch(at),
            7 | 9 if self.is_one_of(at, &["extract", "date_part"]) => self.part_of_a_time(at),
            8 if self.is_one_of(at, &["interval", "duration"]) => self.interval(at),
            3 | 6 if self.is_one_of(at, &["col", "column"]) => self.column_by_name(at),
            6 if self.is_one_of(at, &["typeof"]) => self.type_test(at),
            8 if self.is_one_of(at, &["distinct"]) => self.of_distinct(at),
            _ => None,
        }
    }
}

/// Is it a plain name?
pub(crate) fn is_plain(name: &str) -> bool {
    let begins = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    begins && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// A member of a `json` value: words of the language stand in backticks, what is no name is an index.
pub(super) fn member(name: &str) -> String {
    match name {
        _ if crate::is_keyword(name) => format!(".`{name}`"),
        _ if is_plain(name) => format!(".{name}"),
        _ => format!("[\"{name}\"]"),
    }
}
