//! Finds where declarations begin and makes their brackets balance.
//!
//! A declaration begins at its keyword at bracket depth 0; inside of brackets only where the whole
//! shape of a declaration's beginning stands at the start of a line, because then a bracket was
//! forgotten. Missing brackets are put in as empty tokens, so that the grammar only ever sees
//! balanced text: one forgotten bracket is one diagnostic.

use crate::class::Tok;
use crate::codes::{FOREIGN_WORD, TOO_DEEP, UNCLOSED_BRACKET};
use crate::diagnostic::{Applicability, Diagnostic, Edit, Fix};
use crate::lexer::MAX_NESTING;
use crate::lines;
use crate::span::{FileId, Span};
use crate::token::DECLARATION_WORDS;

/// So many closing brackets are written out for people.
const NAMED: usize = 16;

/// Said of a `;` that is skipped: nothing else is wrong because of it.
pub(crate) const NO_SEMICOLON: &str = "no `;` is needed";

/// The tokens of one declaration, brackets balanced.
pub(crate) struct Segment {
    pub(crate) toks: Vec<Tok>,
    /// Nested too deep (reported): not given to the grammar.
    pub(crate) too_deep: bool,
}

/// Cuts the tokens of a file into declarations; text before the first one is a segment too.
/// `base_depth` is how deep the text already stands (inside of an interpolation).
pub(crate) fn segments(
    file: FileId,
    text: &str,
    toks: &[Tok],
    base_depth: usize,
    diagnostics: &mut Vec<Diagnostic>,
) -> Vec<Segment> {
    let unwrapped = crate::wrapped::unwrap(file, text, toks, diagnostics);
    let toks = unwrapped.as_deref().unwrap_or(toks);
    let borders = Borders { text, toks };
    let closed = borders.naively_closed();
    let mut scan = Scan {
        file,
        text,
        diagnostics,
        segments: Vec::new(),
        toks: Vec::new(),
        opens: Vec::new(),
        chain: 0,
        unary: 0,
        base_depth,
        forgiven: Vec::new(),
        too_deep: false,
    };
    for (i, tok) in toks.iter().enumerate() {
        if borders.begins_declaration(i, scan.opens.is_empty()) {
            scan.finish_segment();
        }
        scan.push(*tok, toks.get(i + 1), &closed, i);
    }
    scan.finish_segment();
    scan.segments
}

/// Is the word one that begins a pipeline?
pub(crate) fn is_pipeline_word(word: &str) -> bool {
    matches!(word, "source" | "table" | "stream" | "sink")
}

struct Borders<'a> {
    text: &'a str,
    toks: &'a [Tok],
}

impl Borders<'_> {
    fn class(&self, i: usize) -> u8 {
        self.toks.get(i).map_or(0, |t| t.class)
    }

    fn word(&self, i: usize) -> &str {
        self.toks.get(i).map_or("", |t| t.text(self.text))
    }

    /// Does a declaration begin at token `i`?
    fn begins_declaration(&self, i: usize, at_depth_0: bool) -> bool {
        let tok = self.toks[i];
        if i == 0 || !(tok.starts_line || tok.class == b'D') {
            return false;
        }
        if tok.class == b'@' && tok.starts_line && self.class(i + 1) == b'i' && self.class(i + 2) == b'(' {
            // `@was("old")` before a keyword; before a stage it stands behind `|>`.
            let behind = if self.class(i + 3) == b')' { i + 4 } else { i + 5 };
            return self.class(i - 1) != b'|' && self.keyword_at(behind, at_depth_0);
        }
        if self.class(i - 1) == b')' && i >= 5 && (self.class(i - 5) == b'@' || self.class(i - 4) == b'@') {
            return false;
        }
        self.keyword_at(i, at_depth_0) || (at_depth_0 && self.stray_at(i))
    }

    /// Text that begins a line at its very start and goes on with nothing before it: a declaration
    /// without its keyword, a statement of another language. A stage without `|>` is something else.
    fn stray_at(&self, i: usize) -> bool {
        let tok = self.toks[i];
        let start = tok.start as usize;
        if !tok.starts_line || !lines::begins(self.text, start) {
            return false;
        }
        let next = self.class(i + 1);
        let dashes = tok.class == b'-' && next == b'-' && self.toks[i + 1].start == tok.end;
        let ended = !self.continues(i - 1) && self.class(i - 1) != b'k' && ends_operand(self.toks[i - 1]);
        dashes || (tok.class == b'i' && ended && !matches!(next, b'(' | b'{' | b':' | b'$' | b'^'))
    }

    fn keyword_at(&self, i: usize, at_depth_0: bool) -> bool {
        let Some(tok) = self.toks.get(i) else { return false };
        match tok.class {
            b'D' if at_depth_0 => tok.starts_line || (self.has_shape(i) && !self.continues(i - 1)),
            b'D' => tok.starts_line && self.has_shape(i),
            b'L' => at_depth_0 && tok.starts_line && self.foreign_shape(i),
            b'i' | b's' | b'g' | b'v' | b'x' | b'r' | b'p' | b'e' | b'o' => {
                at_depth_0 && tok.starts_line && !self.continues(i - 1) && self.foreign_shape(i)
            }
            _ => false,
        }
    }

    /// Does the token want something behind it, so that a declaration cannot begin there?
    fn continues(&self, i: usize) -> bool {
        matches!(self.class(i), b'|' | b'$' | b'.' | b',' | b'+' | b'-' | b'=' | b':' | b'A')
    }

    /// What must stand behind a declaration's keyword.
    fn has_shape(&self, i: usize) -> bool {
        let (one, two) = (self.class(i + 1), self.class(i + 2));
        let named = one.is_ascii_lowercase();
        match self.word(i) {
            "import" => one == b'"',
            "test" => one == b'"' && two == b'{',
            "job" => named && two == b'{',
            "fn" => named && two == b'(',
            "type" => named && two == b'=',
            _ => named && matches!(two, b'=' | b':' | b'k'),
        }
    }

    /// A misspelt or foreign keyword: a word, a name and what follows a declared name.
    fn foreign_shape(&self, i: usize) -> bool {
        let (one, two) = (self.class(i + 1), self.class(i + 2));
        let named = one.is_ascii_lowercase() && matches!(two, b'=' | b'{' | b'(' | b':');
        named && self.class(i + 3) != b'=' || one == b'"' && two == b'{'
    }

    /// For each opening bracket: is it closed before the next declaration, by counting alone?
    fn naively_closed(&self) -> Vec<bool> {
        let mut closed = vec![false; self.toks.len()];
        let mut opens: Vec<usize> = Vec::new();
        for (i, tok) in self.toks.iter().enumerate() {
            if self.begins_declaration(i, opens.is_empty()) {
                opens.clear();
            }
            if tok.is_open() {
                opens.push(i);
            } else if tok.is_close() && opens.last().is_some_and(|o| closer(self.toks[*o].class) == tok.class)
            {
                closed[opens.pop().unwrap_or(i)] = true;
            }
        }
        closed
    }
}

/// The bracket that closes this one.
pub(crate) fn closer(open: u8) -> u8 {
    match open {
        b'(' => b')',
        b'[' => b']',
        _ => b'}',
    }
}

/// Can the token end an operand, so that a `-` behind it has two?
fn ends_operand(tok: Tok) -> bool {
    tok.is_name() || tok.is_close() || matches!(tok.class, b'0'..=b'3' | b'"')
}

/// An open bracket.
struct OpenBracket {
    tok: Tok,
    index: usize,
    /// How deep its inside is.
    depth: usize,
    /// The chain count outside, to go on with behind it.
    chain: usize,
}

struct Scan<'a> {
    file: FileId,
    text: &'a str,
    diagnostics: &'a mut Vec<Diagnostic>,
    segments: Vec<Segment>,
    toks: Vec<Tok>,
    opens: Vec<OpenBracket>,
    /// `if`, `try`, `=>` since the last comma: each nests the next to the right.
    chain: usize,
    /// Unary operators in a row.
    unary: usize,
    base_depth: usize,
    /// Closing brackets put in before a stage: the real ones may still follow, in vain.
    forgiven: Vec<u8>,
    too_deep: bool,
}

impl Scan<'_> {
    fn push(&mut self, tok: Tok, next: Option<&Tok>, closed: &[bool], index: usize) {
        match tok.class {
            _ if tok.is_open() => {
                let outer = self.opens.last().map_or(self.base_depth, |o| o.depth);
                let depth = outer + self.chain + self.unary + 1;
                self.opens.push(OpenBracket { tok, index, depth, chain: self.chain });
                (self.chain, self.unary) = (0, 0);
                self.check_depth(tok);
                self.toks.push(tok);
            }
            b')' | b']' | b'}' => self.close(tok, next),
            b';' => self.semicolon(tok, next),
            b'|' | b'$' if !self.opens.is_empty() && self.in_pipeline() => {
                self.stage_inside_brackets(tok, closed)
            }
            // Between stages a `|` is a wrong `|>`, elsewhere a wrong `or`.
            b'#' if !self.opens.is_empty() || !self.in_pipeline() => {
                self.plain(Tok { class: b'+', ..tok }, next)
            }
            _ => self.plain(tok, next),
        }
    }

    /// The word that begins the declaration being read.
    fn in_pipeline(&self) -> bool {
        let first = match self.toks.first() {
            Some(t) if t.class == b'@' => {
                let close = self.toks.iter().take(5).position(|t| t.class == b')');
                close.and_then(|close| self.toks.get(close + 1))
            }
            other => other,
        };
        first.is_some_and(|t| is_pipeline_word(t.text(self.text)) || t.class == b'i')
    }

    fn plain(&mut self, tok: Tok, next: Option<&Tok>) {
        let operand_before = self.toks.last().is_some_and(|t| ends_operand(*t));
        self.toks.push(tok);
        match tok.class {
            b'I' | b'Y' | b'^' | b'?' => self.chain += 1,
            b',' | b'|' | b'=' | b'$' => self.chain = 0,
            _ => {}
        }
        let unary = match tok.class {
            b'!' => next.is_some_and(|n| n.class != b'N'),
            b'-' => !operand_before,
            _ => false,
        };
        self.unary = if unary { self.unary + 1 } else { 0 };
        self.check_depth(tok);
    }

    /// Brackets, unary operators in a row, and constructs that nest to the right count alike.
    fn check_depth(&mut self, tok: Tok) {
        let outer = self.opens.last().map_or(self.base_depth, |o| o.depth);
        if outer + self.chain + self.unary > MAX_NESTING {
            self.report_depth(tok);
        }
    }

    fn report_depth(&mut self, tok: Tok) {
        if self.too_deep {
            return;
        }
        self.too_deep = true;
        self.diagnostics.push(
            Diagnostic::new(TOO_DEEP, tok.span(self.file), format!("this nests deeper than {MAX_NESTING}"))
                .at("one level too deep")
                .help("give inner parts a name: a `fn`, a `const` or another stream"),
        );
    }

    /// `;`: nothing at the end of a line, a comma inside of brackets.
    fn semicolon(&mut self, tok: Tok, next: Option<&Tok>) {
        let span = tok.span(self.file);
        let separates = !self.opens.is_empty() && next.is_some_and(|n| !n.is_close()) && !self.in_fn_block();
        let (title, replacement) = if separates { ("write `,`", ",") } else { ("remove the semicolons", "") };
        let known = self.diagnostics.iter_mut().find_map(|d| d.fixes.iter_mut().find(|f| f.title == title));
        match known {
            Some(fix) => fix.edits.push(Edit { span, replacement: replacement.into() }),
            None => {
                let message = if separates { "parts are separated by `,`, not by `;`" } else { NO_SEMICOLON };
                let diagnostic = Diagnostic::new(FOREIGN_WORD, span, message);
                let diagnostic = if separates {
                    diagnostic
                } else {
                    diagnostic
                        .note("each declaration begins with its keyword; that is enough to tell them apart")
                };
                self.diagnostics.push(diagnostic.fix(title, span, replacement));
            }
        }
        if separates {
            self.toks.push(Tok { class: b',', ..tok });
        }
    }

    fn in_fn_block(&self) -> bool {
        self.opens.len() == 1 && self.toks.first().is_some_and(|t| t.text(self.text) == "fn")
    }

    /// `|>` or `->` inside of brackets: a bracket was forgotten, or a pipeline or lambda was meant.
    fn stage_inside_brackets(&mut self, tok: Tok, closed: &[bool]) {
        let open = self.opens.last().map_or(0, |o| o.index);
        if !closed[open] {
            self.forgiven.extend(self.opens.iter().map(|o| closer(o.tok.class)));
            self.close_all();
            return self.toks.push(tok);
        }
        let span = tok.span(self.file);
        let before = self.opens.last().map_or("", |o| &self.text[..o.tok.start as usize]);
        if tok.class == b'$' && before.ends_with("rename") {
            return self.renaming_arrow(tok);
        }
        if tok.class == b'$' {
            self.thin_arrow(span);
            return self.plain(Tok { class: b'^', ..tok }, None);
        }
        self.toks.push(tok);
    }

    /// `rename(old -> new)`.
    fn renaming_arrow(&mut self, tok: Tok) {
        let message = "`rename` is written `rename(old: new)`";
        let behind = self.toks.last().map_or(tok.start, |last| last.end);
        let edit =
            Edit { span: Span { file: self.file, start: behind, end: tok.end }, replacement: ":".into() };
        match self.diagnostics.last_mut().filter(|d| d.message == message) {
            Some(known) => {
                known
                    .labels
                    .push(crate::diagnostic::Label { span: tok.span(self.file), text: "here too".into() });
                known.fixes[0].edits.push(edit);
            }
            None => {
                let diagnostic = Diagnostic::new(FOREIGN_WORD, tok.span(self.file), message);
                self.diagnostics.push(diagnostic.fix("write `:`", edit.span, ":"));
            }
        }
        self.toks.push(Tok { class: b':', ..tok });
    }

    /// `x -> value` and `"a" -> 1` inside of brackets.
    fn thin_arrow(&mut self, span: Span) {
        let message = "inside of brackets the arrow is `=>`";
        let known = self.diagnostics.last_mut().filter(|d| d.message == message);
        if let Some(known) = known {
            known.labels.push(crate::diagnostic::Label { span, text: "here too".into() });
            return known.fixes[0].edits.push(Edit { span, replacement: "=>".into() });
        }
        self.diagnostics.push(
            Diagnostic::new(FOREIGN_WORD, span, message)
                .help("lambdas are `x => value`, arms of a `match` are `pattern => value`")
                .fix("write `=>`", span, "=>"),
        );
    }

    /// A closing bracket: of the last open one, of an earlier one, or of none.
    fn close(&mut self, tok: Tok, next: Option<&Tok>) {
        let Some(top) = self.opens.last() else {
            if let Some(forgiven) = self.forgiven.iter().position(|c| *c == tok.class) {
                self.forgiven.swap_remove(forgiven);
                return;
            }
            if self.reopen(tok) {
                return;
            }
            let span = tok.span(self.file);
            let shown = tok.text(self.text);
            if !self.reported_in_piece() {
                self.diagnostics.push(
                    Diagnostic::new(UNCLOSED_BRACKET, span, format!("`{shown}` closes nothing"))
                        .at("no bracket is open here")
                        .with_fix(format!("remove `{shown}`"), span, "", Applicability::MaybeIncorrect),
                );
            }
            return;
        };
        if closer(top.tok.class) == tok.class {
            self.pop_open();
            return self.toks.push(tok);
        }
        let matching = self.opens.iter().rposition(|o| closer(o.tok.class) == tok.class);
        if let Some(matching) = matching.filter(|matching| !self.is_one_too_many(*matching, next)) {
            self.close_down_to(matching + 1);
            self.pop_open();
            return self.toks.push(tok);
        }
        let (opening, wanted) = (top.tok, closer(top.tok.class));
        let extra = next.is_some_and(|n| n.class == wanted);
        let span = tok.span(self.file);
        let (shown, open, wanted_shown) = (tok.text(self.text), opening.text(self.text), wanted as char);
        let diagnostic = Diagnostic::new(UNCLOSED_BRACKET, span, format!("`{open}` is closed by `{shown}`"))
            .at(format!("expected `{wanted_shown}`"))
            .label(opening.span(self.file), "opened here");
        self.diagnostics.push(if extra {
            diagnostic.fix(format!("remove `{shown}`"), span, "")
        } else {
            diagnostic.fix(format!("write `{wanted_shown}`"), span, wanted_shown.to_string())
        });
        if !extra {
            self.pop_open();
            self.toks.push(Tok { class: wanted, ..tok });
        }
    }

    /// `[1, 2))` in one `(`: does the next bracket close what this one would, so that this one was meant for the
    /// innermost?
    fn is_one_too_many(&self, matching: usize, next: Option<&Tok>) -> bool {
        let closed_by = |index: usize| closer(self.opens[index].tok.class);
        let again = next.is_some_and(|n| n.class == closed_by(matching));
        let wanted_further_out = matching > 0 && closed_by(matching) == closed_by(matching - 1);
        again && matching + 2 == self.opens.len() && !wanted_further_out
    }

    /// `filter x > 1)`: puts in the bracket that was forgotten behind a stage's word.
    fn reopen(&mut self, close: Tok) -> bool {
        let from = self.toks.iter().rposition(|t| matches!(t.class, b'|' | b'$')).map(|i| i + 1);
        let Some(from) = from.filter(|f| f + 1 < self.toks.len()) else { return false };
        let (word, inner) = (self.toks[from], self.toks[from + 1]);
        if !word.is_name() || inner.is_open() || close.class == b']' || self.reported_in_piece() {
            return false;
        }
        let place = word.span(self.file).after();
        let gap = Span { end: inner.start, ..place };
        let open = if close.class == b')' { "(" } else { " { " };
        let open_class = open.trim().as_bytes()[0];
        let message = format!("a `{}` is missing behind `{}`", open.trim(), word.text(self.text));
        self.diagnostics.push(
            Diagnostic::new(UNCLOSED_BRACKET, place, message)
                .at(format!("expected `{}`", open.trim()))
                .label(close.span(self.file), "closed here, but never opened")
                .fix(format!("insert `{}`", open.trim()), gap, open),
        );
        let at = word.end;
        let opened = Tok {
            class: open_class,
            start: at,
            end: at,
            first: word.last,
            last: word.last,
            starts_line: false,
        };
        self.toks.insert(from + 1, opened);
        self.toks.push(close);
        true
    }

    fn pop_open(&mut self) -> Option<OpenBracket> {
        let open = self.opens.pop()?;
        (self.chain, self.unary) = (open.chain, 0);
        Some(open)
    }

    /// Is something in the declaration being read already known to be wrong with its borders?
    fn reported_in_piece(&self) -> bool {
        let Some(first) = self.toks.first() else { return false };
        let piece = self.toks.iter().rfind(|t| matches!(t.class, b'|' | b'$')).unwrap_or(first);
        self.diagnostics.iter().rev().take(20).any(|d| {
            (d.code.0 == "E0103" && d.primary.span.start >= first.start)
                || (d.code.0 == "E0102" && d.primary.span.start > piece.end)
        })
    }

    fn close_all(&mut self) {
        self.close_down_to(0);
    }

    /// Closes all open brackets above `keep` where we stand, and says so once.
    fn close_down_to(&mut self, keep: usize) {
        let at = self.toks.last().map_or(0, |t| t.end);
        let place = Span { file: self.file, start: at, end: at };
        let missing: String = self.opens[keep..].iter().rev().map(|o| closer(o.tok.class) as char).collect();
        let Some(innermost) = self.opens[keep..].last() else { return };
        let first = innermost.tok.text(self.text);
        let half_typed = self.toks.last().is_some_and(|t| !ends_operand(*t));
        let message = if missing.len() == 1 {
            format!("`{first}` is never closed")
        } else {
            format!("{} brackets are never closed", missing.len())
        };
        if !self.reported_in_piece() && !self.closed_in_comment(at, &missing, message.clone()) {
            let mut diagnostic = Diagnostic::new(UNCLOSED_BRACKET, place, message).at(match missing.len() {
                ..=NAMED => format!("`{missing}` is missing here"),
                _ => format!("`{}…` is missing here", &missing[..NAMED]),
            });
            for open in self.opens[keep..].iter().take(4) {
                diagnostic = diagnostic.label(open.tok.span(self.file), "opened here");
            }
            diagnostic.fixes.push(Fix {
                title: match missing.len() {
                    ..=NAMED => format!("write `{missing}`"),
                    _ => "close them all".to_string(),
                },
                edits: vec![Edit { span: place, replacement: missing.clone() }],
                applicability: if half_typed {
                    Applicability::HasPlaceholders
                } else {
                    Applicability::MachineApplicable
                },
            });
            self.diagnostics.push(diagnostic);
        }
        while self.opens.len() > keep {
            let Some(open) = self.pop_open() else { break };
            let last = self.toks.last().map_or(0, |t| t.last);
            self.toks.push(Tok {
                class: closer(open.tok.class),
                start: at,
                end: at,
                first: last,
                last,
                starts_line: false,
            });
        }
    }

    /// `price // 2 }`: what would close the brackets stands behind `//`, where the rest of the line is
    /// a comment. Said if so.
    fn closed_in_comment(&mut self, at: u32, missing: &str, message: String) -> bool {
        let line = &self.text[at as usize..lines::end(self.text, at as usize)];
        let comment = line.trim_start();
        if !comment.starts_with("//") || !missing.chars().all(|bracket| comment.contains(bracket)) {
            return false;
        }
        let start = at + (line.len() - comment.len()) as u32;
        let rest = Span { file: self.file, start, end: at + line.trim_end().len() as u32 };
        // The second slash.
        let one = Span { start: start + 1, end: start + 2, ..rest };
        let place = Span { start: at, end: at, ..rest };
        let mut diagnostic = Diagnostic::new(UNCLOSED_BRACKET, place, message)
            .at(format!("`{missing}` is missing here"))
            .label(rest, format!("`//` begins a comment, and this `{missing}` is part of it"))
            .help("`/` divides, ints toward zero; `floor(a / b)` of floats rounds down");
        for open in self.opens.iter().rev().take(4) {
            diagnostic = diagnostic.label(open.tok.span(self.file), "opened here");
        }
        self.diagnostics.push(diagnostic.with_fix("divide by `/`", one, "", Applicability::MaybeIncorrect));
        true
    }

    fn finish_segment(&mut self) {
        self.close_all();
        (self.chain, self.unary) = (0, 0);
        self.forgiven.clear();
        let toks = std::mem::take(&mut self.toks);
        if !toks.is_empty() {
            self.segments.push(Segment { toks, too_deep: self.too_deep });
        }
        self.too_deep = false;
    }
}

/// The declaration keyword nearest to a misspelt word.
pub(crate) fn nearest_keyword(word: &str) -> Option<&'static str> {
    let lower = word.to_ascii_lowercase();
    let limit = if word.len() <= 3 { 1 } else { 2 };
    // Half typed, and only one goes on like this.
    let mut begun = DECLARATION_WORDS.iter().filter(|k| lower.len() > 1 && k.starts_with(&lower));
    if let (Some(only), None) = (begun.next(), begun.next()) {
        return Some(only);
    }
    DECLARATION_WORDS
        .iter()
        .map(|k| (strsim::damerau_levenshtein(k, &lower), *k))
        .filter(|(distance, _)| *distance <= limit)
        .min()
        .map(|(_, k)| k)
}
