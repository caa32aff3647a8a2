//! What each word of a script is, for an editor's colours: finer than a grammar can tell.

use crate::Compilation;
use flow_plan::catalogue;
use flow_plan::connector::{lookup, lookup_format};
use flow_syntax::ast::{
    Arg, DeclKind, ExprKind, Ident, Program, RecordItem, Stage, StageKind, TestStep, TypeExpr, TypeKind,
};
use flow_syntax::{FileId, Span, TokenKind};
use flow_types::checked::CheckedKind;
use std::collections::HashMap;

/// What a piece of text is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs, reason = "the names say it")]
pub enum WordKind {
    Comment,
    Keyword,
    Number,
    String,
    Operator,
    Type,
    Function,
    /// A stage.
    Stage,
    /// An argument's name.
    Argument,
    /// A parameter of a function or lambda.
    Parameter,
    Field,
    /// A `const` or `param`.
    Constant,
    /// A source, table, stream, sink.
    Declaration,
    Connector,
    /// A word that an option takes: `json`, `earliest`, `atEnd`.
    Choice,
    /// `@id`, `@was`.
    Annotation,
}

/// A piece of text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Word {
    /// Where; never over the end of a line.
    pub span: Span,
    /// What.
    pub kind: WordKind,
    /// Does it declare what it names?
    pub declares: bool,
    /// Is it built in?
    pub built_in: bool,
}

/// All words of the main file that begin in a byte range, in order.
pub fn words(compiled: &Compilation, range: std::ops::Range<usize>) -> Vec<Word> {
    let Some(program) = compiled.programs.first() else { return Vec::new() };
    let text = &compiled.sources.file(FileId(0)).text;
    let known = Known::of(compiled, program);
    let tokens = flow_syntax::tokens(text);
    let mut words = Vec::new();
    for (index, token) in tokens.iter().enumerate() {
        let start = token.span.start as usize;
        if start >= range.end || token.span.end as usize <= range.start {
            continue;
        }
        let word = |kind| Word { span: token.span, kind, declares: false, built_in: false };
        let found = match token.kind {
            TokenKind::LineComment | TokenKind::DocComment | TokenKind::BlockComment => {
                word(WordKind::Comment)
            }
            TokenKind::Keyword => word(WordKind::Keyword),
            TokenKind::Number | TokenKind::Timestamp => word(WordKind::Number),
            TokenKind::StringOpen
            | TokenKind::StringText
            | TokenKind::StringClose
            | TokenKind::RawString
            | TokenKind::Bytes => word(WordKind::String),
            TokenKind::Operator | TokenKind::Escape | TokenKind::InterpOpen | TokenKind::InterpClose => {
                word(WordKind::Operator)
            }
            TokenKind::Ident | TokenKind::QuotedIdent => match known.at(token.span.start) {
                Some((kind, declares, built_in)) => Word { span: token.span, kind, declares, built_in },
                None if index > 0 && is_at(text, &tokens[index - 1]) => word(WordKind::Annotation),
                // Words of the grammar that can be names too: `key`, `on`, `given`, `asOf`.
                None => word(WordKind::Keyword),
            },
            TokenKind::Open | TokenKind::Close | TokenKind::Punctuation | TokenKind::Unknown => continue,
        };
        lines(text, found, &mut words);
    }
    words
}

fn is_at(text: &str, token: &flow_syntax::Token) -> bool {
    &text[token.span.range()] == "@"
}

/// A word of several lines becomes one a line. To an editor a line also ends with `\r` alone.
fn lines(text: &str, word: Word, out: &mut Vec<Word>) {
    let mut start = word.span.start as usize;
    for line in text[word.span.range()].split_inclusive(['\n', '\r']) {
        let shown = line.trim_end_matches(['\n', '\r']);
        if !shown.is_empty() {
            out.push(Word { span: Span::new(word.span.file, start, start + shown.len()), ..word });
        }
        start += line.len();
    }
}

/// What a name is, whether it is declared here, and whether it is built in.
type Meaning = (WordKind, bool, bool);

/// What the tree and the checker know of the names.
struct Known<'c> {
    /// By the offset at which they begin.
    at: Vec<Option<Meaning>>,
    /// Uses of names in the main file.
    references: References,
    /// What was declared, by the place of its name.
    declared: HashMap<Span, WordKind>,
    program: &'c Program,
}

/// Uses of names in the main file with what they mean, by the offset at which they begin: thousands of names are asked for.
struct References {
    /// By offset, one behind the index of the last use that begins there; 0 for none.
    last: Vec<u32>,
    /// Each use, and one behind the index of another one that begins at the same offset.
    uses: Vec<((Span, Span), u32)>,
}

impl References {
    fn new(length: usize, all: impl Iterator<Item = (Span, Span)>) -> References {
        let mut references = References { last: vec![0; length + 1], uses: Vec::new() };
        for used in all.filter(|(at, _)| at.file == FileId(0)) {
            let Some(last) = references.last.get_mut(used.0.start as usize) else { continue };
            references.uses.push((used, *last));
            *last = references.uses.len() as u32;
        }
        references
    }

    /// Where the name at a place is declared.
    fn get(&self, at: Span) -> Option<Span> {
        let mut next = *self.last.get(at.start as usize)?;
        while let Some(((used, declared), before)) =
            next.checked_sub(1).and_then(|i| self.uses.get(i as usize))
        {
            if *used == at {
                return Some(*declared);
            }
            next = *before;
        }
        None
    }

    fn contains(&self, at: Span) -> bool {
        self.get(at).is_some()
    }
}

impl<'c> Known<'c> {
    fn of(compiled: &'c Compilation, program: &'c Program) -> Known<'c> {
        let mut declared = HashMap::new();
        for declaration in &compiled.checked.declarations {
            let kind = match &declaration.kind {
                CheckedKind::Type(_) => WordKind::Type,
                CheckedKind::Constant { .. } => WordKind::Constant,
                CheckedKind::Function(_) => WordKind::Function,
                CheckedKind::Pipeline(_) => WordKind::Declaration,
            };
            declared.insert(declaration.name_span, kind);
        }
        let length = compiled.sources.file(FileId(0)).text.len();
        let references = References::new(length, compiled.checked.references().copied());
        let mut known = Known { at: vec![None; length + 1], references, declared, program };
        program.decls.iter().for_each(|decl| known.declaration(&decl.kind));
        known.expressions();
        known
    }

    fn at(&self, offset: u32) -> Option<Meaning> {
        self.at.get(offset as usize).copied().flatten()
    }

    /// Says what a name is; with `first`, only if nothing was said of it before.
    fn say(&mut self, name: &Ident, meaning: Meaning, first: bool) {
        if let Some(place) = self.at.get_mut(name.span.start as usize)
            && !(first && place.is_some())
        {
            *place = Some(meaning);
        }
    }

    fn put(&mut self, name: &Ident, kind: WordKind) {
        self.say(name, (kind, false, false), true);
    }

    fn declare(&mut self, name: &Ident, kind: WordKind) {
        self.say(name, (kind, true, false), false);
    }

    fn built_in(&mut self, name: &Ident, kind: WordKind) {
        self.say(name, (kind, false, true), false);
    }

    fn declaration(&mut self, kind: &DeclKind) {
        match kind {
            DeclKind::Import(_) | DeclKind::Error(None) => {}
            DeclKind::Error(Some(name)) => self.declare(name, WordKind::Declaration),
            DeclKind::Job(job) => {
                self.declare(&job.name, WordKind::Declaration);
                self.arguments(&job.options);
            }
            DeclKind::Param(param) => {
                self.declare(&param.name, WordKind::Constant);
                self.types(param.ty.iter());
            }
            DeclKind::Const(constant) => {
                self.declare(&constant.name, WordKind::Constant);
                self.types(constant.ty.iter());
            }
            DeclKind::Type(ty) => {
                self.declare(&ty.name, WordKind::Type);
                self.types([&ty.ty]);
            }
            DeclKind::Fn(function) => {
                self.declare(&function.name, WordKind::Function);
                self.types(function.params.iter().map(|(_, ty)| ty).chain(function.ret.as_ref()));
                let locals = function.params.iter().map(|(name, _)| name);
                for name in locals.chain(function.lets.iter().map(|(name, _)| name)) {
                    self.declare(name, WordKind::Parameter);
                }
            }
            DeclKind::Source(source) => {
                self.declare(&source.name, WordKind::Declaration);
                self.types(source.ty.iter());
                self.connector(&source.connector);
                self.stages(&source.stages);
            }
            DeclKind::Table(table) => {
                self.declare(&table.name, WordKind::Declaration);
                self.types(table.ty.iter());
                table.key.iter().for_each(|field| self.put(field, WordKind::Field));
                self.connector(&table.connector);
                self.stages(&table.stages);
            }
            DeclKind::Stream(stream) => {
                self.declare(&stream.name, WordKind::Declaration);
                self.pipeline(&stream.pipeline);
            }
            DeclKind::Sink(sink) => {
                self.declare(&sink.name, WordKind::Declaration);
                self.pipeline(&sink.pipeline);
                sink.connector.iter().for_each(|connector| self.connector(connector));
            }
            DeclKind::Test(test) => test.steps.iter().for_each(|step| match step {
                TestStep::Given { target, .. } | TestStep::Expect { target, .. } => self.path(target),
                TestStep::Advance { .. } | TestStep::Savepoint { .. } | TestStep::Restore(_) => {}
            }),
        }
    }

    fn path(&mut self, path: &flow_syntax::ast::Path) {
        self.put(&path.name, WordKind::Declaration);
        path.side.iter().for_each(|side| self.put(side, WordKind::Field));
    }

    fn pipeline(&mut self, pipeline: &flow_syntax::ast::Pipeline) {
        self.path(&pipeline.head);
        pipeline.alias.iter().for_each(|alias| self.declare(alias, WordKind::Declaration));
        self.stages(&pipeline.stages);
    }

    fn connector(&mut self, connector: &flow_syntax::ast::Connector) {
        self.built_in(&connector.name, WordKind::Connector);
        self.items(connector.record.iter().flatten());
        self.arguments(&connector.args);
    }

    fn stages(&mut self, stages: &[Stage]) {
        for stage in stages {
            let own = catalogue::lookup_aggregate(&stage.name.name).is_some()
                || flow_types::forms::stage_form(&stage.name.name).is_some();
            if own {
                self.built_in(&stage.name, WordKind::Stage);
            } else {
                self.put(&stage.name, WordKind::Stage);
            }
            match &stage.kind {
                StageKind::Call { args, alias } => {
                    self.fields_of_stage(&stage.name.name, args);
                    self.arguments(args);
                    alias.iter().for_each(|alias| self.declare(alias, WordKind::Field));
                }
                StageKind::Braces { items } => self.items(items),
                StageKind::FlatMap { var, .. } => self.declare(var, WordKind::Field),
                StageKind::Join { other, alias, args, .. } => {
                    self.path(other);
                    alias.iter().for_each(|alias| self.declare(alias, WordKind::Declaration));
                    self.arguments(args);
                }
                StageKind::Error => {}
            }
        }
    }

    fn arguments(&mut self, args: &[Arg]) {
        let program = self.program;
        for arg in args {
            let Some(name) = &arg.name else { continue };
            self.put(name, WordKind::Argument);
            // A bare word that no name explains is what the option is set to.
            if let ExprKind::Name(value) = &program.exprs[arg.value].kind
                && !self.references.contains(value.span)
                && (lookup_format(&value.name).is_some() || is_choice(&name.name))
            {
                self.built_in(value, WordKind::Choice);
            }
        }
    }

    /// Names in a stage's arguments that are no arguments: new fields, and when a trigger emits.
    fn fields_of_stage(&mut self, stage: &str, args: &[Arg]) {
        let program = self.program;
        for arg in args {
            let value = match &program.exprs[arg.value].kind {
                ExprKind::Name(value) => Some(value),
                _ => None,
            };
            match (stage, &arg.name, value) {
                ("rename", Some(old), value) => {
                    self.put(old, WordKind::Field);
                    value.iter().for_each(|new| self.declare(new, WordKind::Field));
                }
                ("keyBy", Some(name), _) => self.declare(name, WordKind::Field),
                ("trigger", None, Some(moment)) => self.built_in(moment, WordKind::Choice),
                _ => {}
            }
        }
    }

    fn items<'i>(&mut self, items: impl IntoIterator<Item = &'i RecordItem>) {
        for item in items {
            match item {
                RecordItem::Field { name, .. } => self.declare(name, WordKind::Field),
                RecordItem::Rest { of: Some(side), .. } => self.put(side, WordKind::Declaration),
                RecordItem::Keep(_) | RecordItem::Rest { of: None, .. } => {}
            }
        }
    }

    /// Types nest, 128 deep at most.
    fn types<'t>(&mut self, types: impl IntoIterator<Item = &'t TypeExpr>) {
        for ty in types {
            match &ty.kind {
                TypeKind::Name(name) if self.references.contains(name.span) => self.put(name, WordKind::Type),
                TypeKind::Name(name) => self.built_in(name, WordKind::Type),
                TypeKind::Generic(name, of) => {
                    self.built_in(name, WordKind::Type);
                    self.types(of);
                }
                TypeKind::Record(fields) => {
                    for field in fields {
                        self.declare(&field.name, WordKind::Field);
                        self.types([&field.ty]);
                    }
                }
                TypeKind::Optional(of) => self.types([&**of]),
                TypeKind::Error => {}
            }
        }
    }

    fn expressions(&mut self) {
        let program = self.program;
        for (_, expr) in program.exprs.iter() {
            match &expr.kind {
                ExprKind::Name(name) => {
                    let kind = match self.references.get(name.span) {
                        Some(declared) => {
                            let known = self.declared.get(&declared).copied();
                            known.unwrap_or_else(|| self.local(declared))
                        }
                        None => WordKind::Field,
                    };
                    self.put(name, kind);
                }
                ExprKind::Record(items) => self.items(items),
                ExprKind::Field { name, .. } => self.put(name, WordKind::Field),
                ExprKind::Call { callee, args } => {
                    let own = self.references.contains(callee.span);
                    if own {
                        self.put(callee, WordKind::Function)
                    } else {
                        self.built_in(callee, WordKind::Function)
                    }
                    self.arguments(args);
                }
                ExprKind::MethodCall { name, args, .. } => {
                    self.put(name, WordKind::Function);
                    self.arguments(args);
                }
                ExprKind::Lambda { params, .. } => {
                    params.iter().for_each(|param| self.declare(param, WordKind::Parameter));
                }
                _ => {}
            }
        }
    }

    /// What a name means that no declaration has: a parameter of a function or lambda, an alias, a field.
    fn local(&self, declared: Span) -> WordKind {
        match declared.file {
            FileId(0) => self.at(declared.start).map_or(WordKind::Field, |(kind, ..)| kind),
            _ => WordKind::Field,
        }
    }
}

/// Does a connector, a window or a trigger have an argument of this name that takes a word?
fn is_choice(argument: &str) -> bool {
    use flow_plan::connector::table::ArgType;
    let of_connector =
        flow_plan::connector::CONNECTORS.iter().filter_map(|connector| lookup(connector.name)?.arg(argument));
    let mut words = of_connector.filter(|arg| matches!(arg.ty, ArgType::Word(_)));
    words.next().is_some()
        || matches!(argument, "time" | "late" | "mode" | "checkpoint" | "delivery" | "onError" | "backend")
}
