//! The one style of a script: `flow fmt`.
//!
//! Works on tokens, so that every comment is kept by construction; the syntax tree only says where
//! the statements of a block begin. Two blanks a level, 100 columns, one stage a line, no alignment.

mod allowing;
mod doc;
mod layout;
mod spacing;
mod words;

use crate::ast::{DeclKind, Program};
use crate::class::{begins_step, classify, is_step};
use crate::diagnostic::Diagnostic;
use crate::lexer::lex;
use crate::memory::Memory;
use crate::parse::{MAX_SCRIPT, bodies_if_right, parse};
use crate::scan::{Segment, segments};
use crate::span::FileId;
use doc::{Doc, Printer};
use layout::Layout;
use std::ops::Range;
use words::Word;

/// The script in the one style, or what is wrong with its syntax.
pub fn format(text: &str) -> Result<String, Vec<Diagnostic>> {
    once(text).map(|formatted| allowing::still(text, formatted))
}

fn once(text: &str) -> Result<String, Vec<Diagnostic>> {
    let file = FileId::default();
    let (program, diagnostics) = parse(file, text);
    if diagnostics.iter().any(Diagnostic::is_error) {
        return Err(diagnostics);
    }
    let lexed = lex(file, text);
    let toks = classify(text, &lexed.tokens, 0..lexed.tokens.len());
    let segments = segments(file, text, &toks, 0, &mut Vec::new());
    let bodies = block_bodies(&program);
    Ok(laid_out(text, words::words(text, &lexed.tokens, &toks), &segments, &bodies))
}

/// The same as [`format`]; declarations that the memory holds are not read again.
pub fn format_again(text: &str, memory: &Memory) -> Result<String, Vec<Diagnostic>> {
    if text.len() > MAX_SCRIPT {
        return format(text);
    }
    let file = FileId::default();
    let mut lexed = lex(file, text);
    let toks = classify(text, &lexed.tokens, 0..lexed.tokens.len());
    let segments = segments(file, text, &toks, 0, &mut lexed.diagnostics);
    match bodies_if_right(file, text, &mut lexed, &segments, memory) {
        Some(bodies) => {
            let formatted = laid_out(text, words::words(text, &lexed.tokens, &toks), &segments, &bodies);
            Ok(allowing::still(text, formatted))
        }
        // All that is wrong is told, as if nothing were known.
        None => format(text),
    }
}

fn laid_out(text: &str, mut words: Vec<Word<'_>>, segments: &[Segment], bodies: &[usize]) -> String {
    // Dropped commas shift the words: find the declarations again by where they stand in the text.
    let offset = |word: &Word<'_>| word.text.as_ptr() as usize - text.as_ptr() as usize;
    let mut behind = 0;
    let place = |start: usize| {
        let found = words[behind..].iter().position(|w| w.class != 0 && offset(w) == start)?;
        behind += found + 1;
        Some(behind - 1)
    };
    let begins = segments.iter().filter_map(|segment| segment.toks.first()).map(|tok| tok.start as usize);
    let starts: Vec<usize> = begins.filter_map(place).collect();
    let ends = starts.iter().skip(1).copied().chain([words.len() - 1]);
    let decls: Vec<Range<usize>> = starts.iter().copied().zip(ends).map(|(a, b)| a..b).collect();
    for decl in &decls {
        mark(&mut words, decl.clone());
    }
    let layout = Layout { words: &words };
    let mut printer = Printer::new();
    for (n, decl) in decls.iter().enumerate() {
        if n > 0 {
            printer.newline(0, layout.blank_before(decl.start));
        }
        printer.print(
            &Decl { layout: &layout, range: decl.clone() }
                .doc(&|word| bodies.binary_search(&offset(word)).is_ok()),
        );
    }
    let end = words.len() - 1;
    if !words[end].lead.is_empty() {
        if !decls.is_empty() {
            printer.newline(0, layout.blank_before(end));
        }
        let comments: Vec<Doc<'_>> = words[end].lead.iter().map(|c| Doc::Comment(*c)).collect();
        printer.print(&comments);
    }
    let mut out = printer.finish();
    out.truncate(out.trim_end().len());
    if !out.is_empty() {
        out.push('\n');
    }
    out
}

/// Where the results of the blocks begin (brackets around them not counted), in order.
fn block_bodies(program: &Program) -> Vec<usize> {
    let functions = program.decls.iter().filter_map(|d| match &d.kind {
        DeclKind::Fn(f) if f.block => Some(f.body),
        _ => None,
    });
    functions.map(|body| program.exprs[body].span.start as usize).collect()
}

/// Marks the words of a written type, and the rows of a test's steps.
fn mark(words: &mut [Word<'_>], range: Range<usize>) {
    let start = keyword(words, range.clone());
    let outside = |words: &[Word<'_>], classes: &[u8], from: usize| {
        let mut i = from;
        while i < range.end && !classes.contains(&words[i].class) {
            i = if words[i].is_open() { words[i].partner + 1 } else { i + 1 };
        }
        i.min(range.end)
    };
    let typed = match words[start].text {
        "type" => start + 2..range.end,
        "source" | "table" | "param" | "const" => start + 2..outside(words, b"=k", start + 2),
        "fn" => {
            let behind = words[start + 2].partner + 1;
            let arrow = words.get(behind).is_some_and(|w| w.class == b'$');
            let body =
                if arrow && words[behind + 1].class == b'{' { words[behind + 1].partner } else { behind };
            start + 2..outside(words, b"={", body)
        }
        "test" => {
            let open = start + 2;
            let mut i = open + 1;
            while i < words[open].partner {
                words[i].rows = words[i].class == b'[';
                i = if words[i].is_open() { words[i].partner + 1 } else { i + 1 };
            }
            return;
        }
        _ => return,
    };
    for word in &mut words[typed] {
        word.in_type = true;
    }
}

/// Index of the word that begins the declaration, behind its annotation.
fn keyword(words: &[Word<'_>], range: Range<usize>) -> usize {
    if words[range.start].class == b'@' { range.start + 5 } else { range.start }
}

/// One declaration.
struct Decl<'l, 'w, 't> {
    layout: &'l Layout<'w, 't>,
    range: Range<usize>,
}

impl<'t> Decl<'_, '_, 't> {
    fn word(&self, i: usize) -> &Word<'t> {
        &self.layout.words[i]
    }

    /// The whole declaration; `begins_body` knows the first word of a block's result.
    fn doc(&self, begins_body: &dyn Fn(&Word<'t>) -> bool) -> Vec<Doc<'t>> {
        let start = keyword(self.layout.words, self.range.clone());
        let mut out = Vec::new();
        if start > self.range.start {
            self.layout.run(self.range.start..start, &mut out);
            let own_line = self.word(start).newline;
            out.push(if own_line { Doc::Hard { blank: false } } else { Doc::Text(" ") });
        }
        match self.word(start).text {
            "source" | "table" | "stream" | "sink" => self.pipeline(start, &mut out),
            "job" => self.job(start, &mut out),
            "test" => self.test(start, &mut out),
            "fn" if self.block(start).is_some() => self.function_block(start, begins_body, &mut out),
            "fn" | "const" | "param" => self.value(start, &mut out),
            _ => self.layout.run(start..self.range.end, &mut out),
        }
        out
    }

    /// The words outside of brackets from `from` on.
    fn outside(&self, from: usize) -> Vec<usize> {
        let mut out = Vec::new();
        let mut i = from;
        while i < self.range.end {
            out.push(i);
            i = if self.word(i).is_open() { self.word(i).partner + 1 } else { i + 1 };
        }
        out
    }

    /// Head, stages, connector: on one line if short and written so, else one a line.
    fn pipeline(&self, start: usize, out: &mut Vec<Doc<'t>>) {
        let mut joints = self.outside(start);
        joints.retain(|i| matches!(self.word(*i).class, b'|' | b'$'));
        let Some(&head_end) = joints.first() else { return self.connected(start, out) };
        let stages = joints.iter().filter(|i| self.word(**i).class == b'|').count();
        let written_short = stages == 0 || joints.iter().all(|i| !self.word(*i).newline);
        if stages <= 1 && written_short && !self.layout.forced(start..self.range.end) {
            let mut flat = Vec::new();
            self.layout.run(start..self.range.end, &mut flat);
            let comments =
                flat.iter().take_while(|d| matches!(d, Doc::Comment(_) | Doc::Hard { .. })).count();
            if Printer::fits_flat(self.annotation_width(start), &flat[comments..]) {
                return out.extend(flat);
            }
        }
        self.layout.run(start..head_end, out);
        let mut rest = Vec::new();
        for (n, joint) in joints.iter().enumerate() {
            let end = joints.get(n + 1).copied().unwrap_or(self.range.end);
            rest.push(Doc::Hard { blank: self.layout.blank_before(*joint) });
            self.layout.run(*joint..end, &mut rest);
        }
        out.push(Doc::Indent(rest));
    }

    /// A name and its connector, `name = connector { … } arguments`: an argument behind a comment has a line of its own, and
    /// does not begin it at the margin, where a declaration would.
    fn connected(&self, start: usize, out: &mut Vec<Doc<'t>>) {
        let words = self.outside(start);
        let value = words.iter().skip_while(|i| self.word(**i).class != b'=');
        let braces = value.copied().find(|i| self.word(*i).class == b'{');
        let arguments = braces.map(|open| self.word(open).partner + 1).filter(|i| *i < self.range.end);
        let end = arguments.unwrap_or(self.range.end);
        self.layout.run(start..end, out);
        if end < self.range.end {
            let mut rest = vec![Doc::Text(" ")];
            self.layout.run(end..self.range.end, &mut rest);
            out.push(Doc::Indent(rest));
        }
    }

    /// The columns an annotation on the declaration's own line takes.
    fn annotation_width(&self, start: usize) -> usize {
        if start == self.range.start || self.word(start).newline {
            return 0;
        }
        (self.range.start..start).map(|i| self.word(i).text.chars().count()).sum::<usize>() + 1
    }

    /// Options one a line, without commas.
    fn job(&self, start: usize, out: &mut Vec<Doc<'t>>) {
        let open = start + 2;
        let close = self.word(open).partner;
        let inside = Decl { layout: self.layout, range: open + 1..close }.outside(open + 1);
        let starts: Vec<usize> = inside
            .iter()
            .copied()
            .filter(|i| self.word(i + 1).class == b':' && (*i == open + 1 || self.word(*i - 1).class != b'?'))
            .collect();
        self.lines(start, open, &starts, out);
    }

    /// Steps one a line.
    fn test(&self, start: usize, out: &mut Vec<Doc<'t>>) {
        let open = start + 2;
        let close = self.word(open).partner;
        let inside = Decl { layout: self.layout, range: open + 1..close }.outside(open + 1);
        let mut starts: Vec<usize> = Vec::new();
        for i in inside {
            if begins_step(self.word(i).class, self.word(i).newline, self.word(i - 1).class) {
                starts.push(i);
            }
        }
        self.lines(start, open, &starts, out);
    }

    /// `let`s and the result one a line.
    fn function_block(&self, start: usize, begins_body: &dyn Fn(&Word<'t>) -> bool, out: &mut Vec<Doc<'t>>) {
        let Some(open) = self.block(start) else { return };
        let close = self.word(open).partner;
        let mut body = (open + 1..close).rev().find(|i| begins_body(self.word(*i))).unwrap_or(open + 1);
        while self.word(body - 1).class == b'(' {
            body -= 1;
        }
        let mut starts: Vec<usize> = Decl { layout: self.layout, range: open + 1..body }.outside(open + 1);
        starts.retain(|i| self.word(*i).class == b'L');
        starts.push(body);
        self.lines(start, open, &starts, out);
    }

    /// Index of the brace that opens a function's block.
    fn block(&self, start: usize) -> Option<usize> {
        let words = self.outside(start);
        let last = *words.last()?;
        let value = words.iter().any(|i| self.word(*i).class == b'=');
        (self.word(last).class == b'{' && !value).then_some(last)
    }

    /// What stands before a brace, and between the braces one line for each start.
    fn lines(&self, start: usize, open: usize, starts: &[usize], out: &mut Vec<Doc<'t>>) {
        let close = self.word(open).partner;
        self.layout.run(start..open, out);
        out.push(Doc::Text(" "));
        self.layout.lead(open, out);
        out.push(Doc::Text("{"));
        let mut inner: Vec<Doc<'t>> = self.word(open).trail.iter().map(|c| Doc::Comment(*c)).collect();
        for (n, from) in starts.iter().enumerate() {
            let mut end = starts.get(n + 1).copied().unwrap_or(close);
            let comma = end > *from && self.word(end - 1).class == b',';
            end -= usize::from(comma);
            let blank = n > 0 && self.layout.blank_before(*from);
            inner.push(Doc::Hard { blank });
            self.statement(*from..end, &mut inner);
            if comma {
                let word = self.word(end);
                inner.extend(word.lead.iter().chain(&word.trail).map(|c| Doc::Comment(*c)));
            }
        }
        inner.extend(self.word(close).lead.iter().map(|c| Doc::Comment(*c)));
        let empty = inner.is_empty();
        out.push(Doc::Indent(inner));
        if !empty {
            out.push(Doc::Hard { blank: false });
        }
        out.push(Doc::Text("}"));
        out.extend(self.word(close).trail.iter().map(|c| Doc::Comment(*c)));
    }

    /// One line of a block: breaks like an expression.
    fn statement(&self, range: Range<usize>, out: &mut Vec<Doc<'t>>) {
        if is_step(self.word(range.start).class) {
            self.layout.run(range, out);
        } else {
            self.layout.expression(range, out);
        }
    }

    /// `= value`: on the next lines if it does not fit and has places to break.
    fn value(&self, start: usize, out: &mut Vec<Doc<'t>>) {
        let equals = self.outside(start).into_iter().find(|i| self.word(*i).class == b'=');
        let Some(from) = equals.map(|i| i + 1) else {
            return self.layout.run(start..self.range.end, out);
        };
        let points = self.layout.break_points(from..self.range.end);
        if points.is_empty() {
            return self.layout.run(start..self.range.end, out);
        }
        self.layout.run(start..from, out);
        let mut inner = vec![Doc::Line { blank: false }];
        self.layout.run_breaking(from..self.range.end, &|i| points.binary_search(&i).is_ok(), &mut inner);
        let broken = self.layout.forced(from..self.range.end) || self.lead_breaks(from);
        out.push(Doc::Group { parts: vec![Doc::Indent(inner)], broken });
    }

    fn lead_breaks(&self, i: usize) -> bool {
        let before = &self.word(i - 1).trail;
        self.word(i).lead.iter().chain(before).any(|c| c.breaks())
    }
}
