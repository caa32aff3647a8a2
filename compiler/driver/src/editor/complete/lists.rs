//! The lists that completion offers.

use super::place::Named;
use super::{Completion, CompletionKind};
use crate::Compilation;
use crate::editor::cursor::Cursor;
use crate::editor::hover::{record, signatures};
use crate::editor::quoted;
use crate::editor::signature::own_parameters;
use flow_plan::connector::{CONNECTORS, ConnectorDef};
use flow_plan::operator::DeclarationKind;
use flow_plan::{DataType, catalogue};
use flow_syntax::FileId;
use flow_syntax::ast::DeclKind;
use flow_types::checked::{CheckedKind, CheckedPipeline};
use flow_types::forms::{STAGE_FORMS, WINDOW_FORMS};
use flow_types::stream::StreamType;

const DECLARATIONS: &[(&str, &str, &str)] = &[
    (
        "source",
        "where rows come from: `source bids: Bid = file(\"bids.ndjson\", format: json)`",
        "source ${1:name}: ${2:Type} = ${3:file(\"${4:data.ndjson}\", format: json)}$0",
    ),
    (
        "stream",
        "a named pipeline: `stream hot = bids |> filter(price > 100)`",
        "stream ${1:name} = ${2:source}\n  |> $0",
    ),
    (
        "sink",
        "where rows go: `sink out = hot -> stdout(format: json)`",
        "sink ${1:name} = ${2:stream} -> ${3:stdout(format: json)}$0",
    ),
    (
        "table",
        "rows to look up by key: `table items: Item key id = file(\"items.csv\", format: csv)`",
        "table ${1:name}: ${2:Type} key ${3:id} = file(\"${4:data.csv}\", format: csv)$0",
    ),
    (
        "type",
        "a named record: `type Bid = { auction: int, price: int }`",
        "type ${1:Name} = { ${2:field}: ${3:int} }$0",
    ),
    (
        "fn",
        "a function: `fn usd(cents: int) -> float = float(cents) / 100.0`",
        "fn ${1:name}(${2:x}: ${3:int}) -> ${4:int} = $0",
    ),
    ("param", "a value set by `flow run -p`: `param day: duration = 24h`", "param ${1:name}: ${2:int} = $0"),
    ("const", "a constant: `const vip = [\"alice\"]`", "const ${1:name} = $0"),
    ("job", "settings of the whole job", "job ${1:name} {\n  $0\n}"),
    (
        "test",
        "rows in, expected rows out",
        "test \"${1:what it shows}\" {\n  given ${2:source} [\n    { $3 },\n  ]\n  expect ${4:sink} [\n    { $5 },\n  ]\n}$0",
    ),
    ("import", "declarations of another file", "import \"${1:types.flow}\"$0"),
];

pub(super) fn declarations() -> Vec<Completion> {
    let each = |(word, doc, snippet): &(&str, &str, &str)| {
        Completion::new(word, CompletionKind::Keyword, "", doc).snippet(snippet)
    };
    DECLARATIONS.iter().map(each).collect()
}

pub(super) fn connectors(fits: impl Fn(&ConnectorDef) -> bool) -> Vec<Completion> {
    let each = |c: &ConnectorDef| {
        Completion::new(c.name, CompletionKind::Connector, c.example, c.doc).snippet(&escaped(c.example))
    };
    CONNECTORS.iter().filter(|c| fits(c)).map(each).collect()
}

/// A text as a snippet that inserts it as it is.
fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('$', "\\$").replace('}', "\\}")
}

pub(super) fn windows() -> Vec<Completion> {
    let each = |form: &flow_types::forms::Form| {
        Completion::new(form.name, CompletionKind::Function, form.form, form.doc).snippet(form.snippet)
    };
    WINDOW_FORMS.iter().map(each).collect()
}

pub(super) fn choices(words: &[String]) -> Vec<Completion> {
    words.iter().map(|word| Completion::new(word, CompletionKind::Choice, "", "")).collect()
}

pub(super) fn named(all: &[Named], given: &[String]) -> Vec<Completion> {
    let free = all.iter().filter(|(name, ..)| !given.contains(name));
    free.map(|(name, ty, doc)| {
        Completion::new(&format!("{name}: "), CompletionKind::Option, ty.as_str(), doc)
    })
    .collect()
}

pub(super) fn job_options(given: &[&str]) -> Vec<Completion> {
    const OPTIONS: &[(&str, &str)] = &[
        ("parallelism", "number of workers; by default that of the cores"),
        ("checkpoint", "time between checkpoints, or `off`"),
        ("delivery", "`exactlyOnce` or `atLeastOnce`"),
        ("state", "where checkpoints and savepoints live"),
        ("onError", "what a record error does: `fail` or `skip`"),
    ];
    options(OPTIONS, given)
}

fn options(all: &[(&str, &str)], given: &[&str]) -> Vec<Completion> {
    let free = all.iter().filter(|(name, _)| !given.contains(name));
    free.map(|(name, doc)| Completion::new(&format!("{name}: "), CompletionKind::Option, "", doc)).collect()
}

pub(super) fn state_options(given: &[&str]) -> Vec<Completion> {
    const OPTIONS: &[(&str, &str)] = &[
        ("path", "where checkpoints and savepoints live"),
        ("backend", "`memory`, or `sled` for state that is larger"),
        ("memory", "how much of it is kept in memory, such as `512MiB`"),
        ("limit", "how large it may become, such as `4GiB`"),
        ("keep", "how many checkpoints are kept; 3 if nothing is said"),
    ];
    options(OPTIONS, given)
}

/// What stands behind the `@` of a stage or declaration.
pub(super) fn annotations(stage: bool) -> Vec<Completion> {
    let each = |word: &str, doc: &str| {
        Completion::new(word, CompletionKind::Keyword, format!("@{word}(\"name\")"), doc)
            .snippet(&format!("{word}(\"${{1:name}}\") $0"))
    };
    let id = each("id", "The state keeps this name, whatever its declaration is called.");
    let was = each("was", "What it was called before: the state of a savepoint is found by it.");
    if stage { vec![id, was] } else { vec![was] }
}

/// A moment, behind its `@`.
pub(super) fn moments() -> Vec<Completion> {
    let day = Completion::new("2026-01-31", CompletionKind::Choice, "timestamp", "A day, in UTC.")
        .snippet("${1:2026}-${2:01}-${3:31}$0");
    let time =
        Completion::new("2026-01-31T12:00:00Z", CompletionKind::Choice, "timestamp", "A moment, in UTC.")
            .snippet("${1:2026}-${2:01}-${3:31}T${4:12}:${5:00}:${6:00}Z$0");
    vec![day, time]
}

pub(super) fn steps() -> Vec<Completion> {
    const STEPS: &[(&str, &str, &str)] = &[
        ("given", "rows that a source or table gives", "given ${1:source} [\n  { $2 },\n]$0"),
        ("expect", "rows that a stream or sink must have received", "expect ${1:sink} [\n  { $2 },\n]$0"),
        ("advance", "processing time goes on", "advance ${1:1min}$0"),
        ("savepoint", "what the job holds, for `restore into`", "savepoint$0"),
        (
            "restore into",
            "another script goes on from the savepoint; what follows is about its declarations",
            "restore into \"${1:new.flow}\"$0",
        ),
    ];
    let each = |(word, doc, snippet): &(&str, &str, &str)| {
        Completion::new(word, CompletionKind::Keyword, "", doc).snippet(snippet)
    };
    STEPS.iter().map(each).collect()
}

/// What makes the values of `generate`.
pub(super) fn generators() -> Vec<Completion> {
    let each = |def: &flow_plan::connector::table::GeneratorDef| {
        Completion::new(def.name, CompletionKind::Function, def.signature, def.doc)
            .snippet(&format!("{}($0)", def.name))
    };
    flow_plan::connector::table::GENERATORS.iter().map(each).collect()
}

/// Lists that depend on the script.
pub(super) struct Lists<'c> {
    /// The script whose declarations are meant: in a test, behind `restore into`, another one.
    pub(super) compiled: &'c Compilation,
    pub(super) offset: usize,
    pub(super) cursor: &'c Cursor<'c>,
}

impl Lists<'_> {
    /// The parameters by name, where a call of the script's own function is typed. The first is given without its name.
    pub(super) fn own_arguments(&self) -> Vec<Named> {
        let innermost = self.cursor.open.first().and_then(|open| Some((open, self.cursor.callee(open)?)));
        let Some((open, callee)) = innermost else { return Vec::new() };
        let parameters = own_parameters(self.compiled, callee).into_iter();
        parameters.skip(open.commas.min(1)).map(|(name, ty)| (name, ty, String::new())).collect()
    }

    /// The stages that may follow here: a window waits for a stage that groups, a key makes that likely.
    pub(super) fn stages(&self) -> Vec<Completion> {
        let stream = self.stream();
        let waits = stream.is_some_and(|s| s.window.is_some() || s.trigger.is_some());
        let keyed = stream.is_some_and(|s| s.keys.is_some());
        let timed = stream.is_some_and(|s| s.event_time.is_some() && !s.open);
        let groups =
            |word: &str| matches!(word, "aggregate" | "top" | "bottom" | "latest" | "earliest" | "trigger");
        let legal = |word: &str| match word {
            "eventTime" => !timed,
            "window" => stream.is_none_or(|s| s.window.is_none()),
            "trigger" => stream.is_none_or(|s| s.trigger.is_none()),
            word => !waits || groups(word),
        };
        let forms = STAGE_FORMS.iter().filter(|form| legal(form.name));
        let mut all: Vec<Completion> = forms
            .map(|form| {
                Completion::new(form.name, CompletionKind::Stage, form.form, form.doc).snippet(form.snippet)
            })
            .collect();
        all.extend(aggregates());
        if keyed || waits {
            all.sort_by_key(|c| {
                !(groups(&c.text) || c.text == "window" || c.kind == CompletionKind::Aggregate)
            });
        }
        all
    }

    fn pipelines(
        &self,
    ) -> impl Iterator<Item = (&flow_types::checked::CheckedDeclaration, &CheckedPipeline)> {
        self.compiled.checked.declarations.iter().filter_map(|d| match &d.kind {
            CheckedKind::Pipeline(pipeline) => Some((d, &**pipeline)),
            _ => None,
        })
    }

    /// What a pipeline can read; with `all`, what a test can look at.
    pub(super) fn heads(&self, all: bool) -> Vec<Completion> {
        // What is being declared cannot read itself.
        let own = self.cursor.declaration().filter(|(_, at)| at + 1 < self.cursor.tokens.len());
        let own = own.map(|(_, at)| self.cursor.word(at + 1)).filter(|_| !all);
        let others = self.pipelines().filter(|(d, _)| Some(&*d.name) != own);
        let fits = others.filter(|(_, p)| all || p.kind != DeclarationKind::Sink);
        fits.map(head).collect()
    }

    /// What a test can give rows.
    pub(super) fn given(&self) -> Vec<Completion> {
        let inputs = self
            .pipelines()
            .filter(|(_, p)| matches!(p.kind, DeclarationKind::Source | DeclarationKind::Table));
        inputs.map(head).collect()
    }

    /// The script's own types first, then those of the language.
    pub(super) fn types(&self) -> Vec<Completion> {
        const BUILT_IN: &[&str] =
            &["bool", "int", "float", "decimal", "string", "bytes", "timestamp", "duration", "json"];
        let mut all: Vec<Completion> = Vec::new();
        for d in &self.compiled.checked.declarations {
            // What is broken may be anything; it is called like what was meant.
            let written = self.compiled.programs.iter().flat_map(|program| &program.decls);
            let mut types = written.filter_map(|decl| match &decl.kind {
                DeclKind::Type(ty) => Some(ty.name.span),
                _ => None,
            });
            if let CheckedKind::Type(ty) = &d.kind
                && types.any(|span| span == d.name_span)
            {
                let detail = ty.as_ref().map(ToString::to_string).unwrap_or_default();
                all.push(Completion::new(
                    &name(&d.name),
                    CompletionKind::Type,
                    detail,
                    d.doc.as_deref().unwrap_or_default(),
                ));
            }
        }
        let plain = BUILT_IN.iter().map(|name| Completion::new(name, CompletionKind::Type, "", ""));
        all.extend(plain);
        all.push(Completion::new("list", CompletionKind::Type, "list<T>", "").snippet("list<${1:string}>$0"));
        all.push(
            Completion::new("map", CompletionKind::Type, "map<string, T>", "")
                .snippet("map<string, ${1:string}>$0"),
        );
        all
    }

    fn pipeline(&self, name: &str) -> Option<&CheckedPipeline> {
        self.pipelines().find(|(d, _)| *d.name == *name).map(|(_, pipeline)| pipeline)
    }

    /// The fields behind `name.`: of that side, or of the record that stands in front of the point.
    pub(super) fn members(&self, of: &str) -> Vec<Completion> {
        if let Some((other, alias)) = self.cursor.joined()
            && alias == of
            && let Some(pipeline) = self.pipeline(other)
        {
            return fields(&pipeline.output, |_| true).collect();
        }
        let mut all = Vec::new();
        if let Some(stream) = self.stream() {
            all.extend(fields(stream, |column| column.side.as_deref() == Some(of)));
        }
        let column = || self.stream()?.columns.iter().find(|column| &*column.name == of)?.ty.clone();
        // `a.b.`: it is the field of `a`, whatever else is called so.
        let written = self.type_in_front().or_else(|| column().filter(|_| self.cursor.back(2) != "."));
        if let Some(DataType::Record(record)) = written.as_ref().map(DataType::unwrapped) {
            let each = |f: &flow_plan::Field| {
                Completion::new(&name(&f.name), CompletionKind::Field, f.ty.to_string(), "")
            };
            all.extend(record.fields.iter().map(each));
        }
        all
    }

    /// The fields of the row, but for those given: where nothing else can stand.
    pub(super) fn row_fields(&self, given: &[&str]) -> Vec<Completion> {
        let stream = self.stream().into_iter();
        stream.flat_map(|stream| fields(stream, |column| !given.contains(&&*column.name))).collect()
    }

    /// The type of what stands in front of the point, if the checker came so far.
    fn type_in_front(&self) -> Option<DataType> {
        let before = self.cursor.tokens.len().checked_sub(2)?;
        let end = self.cursor.tokens[before].span.end;
        let types = || self.compiled.checked.types().filter(|(span, _)| span.file == FileId(0));
        let ends = types().filter(|(span, _)| span.end == end);
        // Of `a.b.` the whole, which is written last.
        if let Some((_, ty)) = ends.max_by_key(|(span, _)| span.end - span.start) {
            return Some(ty.clone());
        }
        // Brackets around a value have no type of their own.
        let open = self.cursor.opening(before)?;
        let (from, to) = (self.cursor.tokens[open].span.end, self.cursor.tokens[before].span.start);
        let inside = types().filter(|(span, _)| from <= span.start && span.end <= to);
        inside.max_by_key(|(span, _)| span.end - span.start).map(|(_, ty)| ty.clone())
    }

    /// The side outputs of a declaration.
    pub(super) fn outputs(&self, of: &str) -> Vec<Completion> {
        let Some(pipeline) = self.pipeline(of) else { return Vec::new() };
        let output =
            |word: &str, doc: &str| Completion::new(word, CompletionKind::Declaration, "side output", doc);
        let mut all = vec![output("errors", "Records that could not be processed.")];
        if pipeline.late.is_some() {
            all.push(output("late", "Rows that came behind the watermark."));
        }
        all
    }

    /// The fields of the table that is declared here, as its type says in the text: a table without a key is none yet.
    pub(super) fn key(&self) -> Vec<Completion> {
        let Some((_, from)) = self.cursor.declaration() else { return Vec::new() };
        let words = || (from..self.cursor.tokens.len()).map(|at| self.cursor.word(at));
        let next = words().skip(1).chain([""]);
        let key = words().zip(next).enumerate().filter(|(_, (word, next))| *word == "key" && *next != ":");
        let given: Vec<&str> = key.last().map(|(at, _)| words().skip(at + 1).collect()).unwrap_or_default();
        let record = match (words().nth(2), words().nth(3)) {
            (Some(":"), Some("{")) => return self.written_fields(from + 3, &given),
            (Some(":"), Some(of)) => self.compiled.checked.declarations.iter().find(|d| *d.name == *of),
            _ => None,
        };
        let Some(CheckedKind::Type(Some(DataType::Record(record)))) = record.map(|d| &d.kind) else {
            return Vec::new();
        };
        let free = record.fields.iter().filter(|field| !given.contains(&&*field.name));
        free.map(|f| Completion::new(&name(&f.name), CompletionKind::Field, f.ty.to_string(), "")).collect()
    }

    /// The fields of a record type as it is written.
    fn written_fields(&self, open: usize, given: &[&str]) -> Vec<Completion> {
        let (mut depth, mut found) = (0usize, Vec::new());
        for at in open..self.cursor.tokens.len() {
            match self.cursor.word(at) {
                "{" => depth += 1,
                "}" if depth == 1 => break,
                "}" => depth -= 1,
                ":" if depth == 1 => found.push(self.cursor.word(at - 1)),
                _ => {}
            }
        }
        found.retain(|field| !given.contains(field));
        found.into_iter().map(|field| Completion::new(field, CompletionKind::Field, "", "")).collect()
    }

    /// The fields of a row in a test, or of the record in these fields of it.
    pub(super) fn row(&self, target: &str, within: &[&str], given: &[&str]) -> Vec<Completion> {
        let Some((_, pipeline)) = self.pipelines().find(|(d, _)| &*d.name == target) else {
            return Vec::new();
        };
        let colon = |field: Completion| Completion { text: format!("{}: ", field.text), ..field };
        let Some((outer, inner)) = within.split_first() else {
            let free = fields(&pipeline.output, |column| !given.contains(&&*column.name));
            return free.map(colon).collect();
        };
        let column = pipeline.output.columns.iter().find(|column| &*column.name == *outer);
        let mut ty = column.and_then(|column| column.ty.as_ref());
        for name in inner {
            let field = ty.and_then(|ty| match ty.unwrapped() {
                DataType::Record(record) => record.fields.iter().find(|field| &*field.name == *name),
                _ => None,
            });
            ty = field.map(|field| &field.ty);
        }
        let Some(DataType::Record(record)) = ty.map(DataType::unwrapped) else { return self.expressions() };
        let free = record.fields.iter().filter(|field| !given.contains(&&*field.name));
        free.map(|f| colon(Completion::new(&name(&f.name), CompletionKind::Field, f.ty.to_string(), "")))
            .collect()
    }

    /// Fields in scope, constants, functions.
    pub(super) fn expressions(&self) -> Vec<Completion> {
        let locals = self.cursor.locals().into_iter();
        let mut all: Vec<Completion> = locals
            .map(|local| Completion::new(local, CompletionKind::Field, "known here only", ""))
            .collect();
        if let Some((other, alias)) = self.cursor.joined()
            && let Some(pipeline) = self.pipeline(other)
        {
            all.push(Completion::new(
                alias,
                CompletionKind::Declaration,
                record(&pipeline.output),
                "The other side of the join.",
            ));
            all.extend(fields(&pipeline.output, |_| true));
        }
        if let Some(stream) = self.stream() {
            all.extend(fields(stream, |_| true));
            let mut sides: Vec<&str> = stream.columns.iter().filter_map(|c| c.side.as_deref()).collect();
            sides.dedup();
            all.extend(
                sides
                    .iter()
                    .map(|side| Completion::new(side, CompletionKind::Declaration, "one side's fields", "")),
            );
        }
        for d in &self.compiled.checked.declarations {
            let detail = match &d.kind {
                CheckedKind::Constant { ty, .. } => ty.as_ref().map(ToString::to_string).unwrap_or_default(),
                CheckedKind::Function(_) => crate::editor::hover::declaration(&d.name, &d.kind),
                _ => continue,
            };
            let proposal = Completion::new(
                &name(&d.name),
                CompletionKind::Declaration,
                detail,
                d.doc.as_deref().unwrap_or_default(),
            );
            all.push(match d.kind {
                CheckedKind::Function(_) => Completion { kind: CompletionKind::Function, ..proposal }
                    .snippet(&format!("{}($0)", d.name)),
                _ => proposal,
            });
        }
        all.extend(catalogue::all().map(|f| call(f.name, CompletionKind::Function, f.signatures, f.doc)));
        all.extend(catalogue::CASTS.iter().flat_map(|cast| {
            [cast.name, cast.try_name].map(|name| {
                let optional = if name == cast.try_name { "?" } else { "" };
                let detail = format!("{name}(x) -> {}{optional}", cast.ty);
                Completion::new(name, CompletionKind::Function, detail, cast.doc)
                    .snippet(&format!("{name}($0)"))
            })
        }));
        all.extend(aggregates());
        // What `aggregate { n: ` asks for; its arguments are another place.
        if self.in_aggregate() {
            all.sort_by_key(|found| found.kind != CompletionKind::Aggregate);
        }
        all
    }

    /// Is the cursor right inside the braces of an `aggregate`?
    fn in_aggregate(&self) -> bool {
        let brace = self.cursor.open.first().map(|open| open.at).filter(|at| self.cursor.word(*at) == "{");
        brace.and_then(|at| at.checked_sub(1)).is_some_and(|at| self.cursor.word(at) == "aggregate")
    }

    /// The stream in front of the stage at the cursor.
    fn stream(&self) -> Option<&StreamType> {
        if self.cursor.declaration().is_some_and(|(word, _)| word == "test") {
            return None;
        }
        let declarations = self.compiled.checked.declarations.iter().enumerate();
        let around = declarations.filter(|(_, declaration)| {
            declaration.span.file == FileId(0) && (declaration.span.start as usize) <= self.offset
        });
        let (index, _) = around.max_by_key(|(_, declaration)| declaration.span.start)?;
        let pipeline = self.compiled.checked.pipeline(index)?;
        let joint = self.cursor.joint().unwrap_or(self.offset);
        let own = pipeline.stages.iter().rev().filter(|stage| stage.span.file == FileId(0));
        let mut passed = own.filter(|stage| (stage.span.end as usize) <= joint);
        Some(passed.next().map_or(&pipeline.head, |stage| &stage.after))
    }
}

fn head((declaration, pipeline): (&flow_types::checked::CheckedDeclaration, &CheckedPipeline)) -> Completion {
    let doc = declaration.doc.clone().unwrap_or_default();
    Completion::new(&name(&declaration.name), CompletionKind::Declaration, record(&pipeline.output), &doc)
}

fn name(name: &str) -> String {
    quoted(name).unwrap_or_else(|_| name.to_string())
}

fn fields<'s>(
    stream: &'s StreamType,
    fits: impl Fn(&flow_types::stream::Column) -> bool + 's,
) -> impl Iterator<Item = Completion> + 's {
    stream.columns.iter().filter(move |column| fits(column)).map(|column| {
        let detail = column.ty.as_ref().map(ToString::to_string).unwrap_or_default();
        Completion::new(&name(&column.name), CompletionKind::Field, detail, "")
    })
}

fn aggregates() -> impl Iterator<Item = Completion> {
    catalogue::aggregates().map(|a| call(a.name, CompletionKind::Aggregate, a.signatures, a.doc))
}

fn call(name: &str, kind: CompletionKind, all: &[&str], doc: &str) -> Completion {
    let empty = all.iter().all(|signature| signature.contains("()"));
    let snippet = if empty { format!("{name}()$0") } else { format!("{name}($0)") };
    Completion::new(name, kind, signatures(name, all).join("\n"), doc).snippet(&snippet)
}
