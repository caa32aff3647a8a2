//! Sources and sinks against the table of connectors: arguments, formats, which rows they hold.

mod formats;
mod generators;

use crate::checker::{Checker, place};
use crate::elsewhere;
use crate::expr::{ExprCx, Fields, did_you_mean, list_names};
use crate::stream::StreamType;
use crate::suggest;
use flow_plan::connector::table::{
    Accepts, ArgDef, ArgType, CONNECTORS, ConnectorDef, Need, Role, format_of_path, text_schema,
};
use flow_plan::connector::{ArgValue, ConnectorArg, ConnectorCall, nexmark};
use flow_plan::operator::StreamMode;
use flow_plan::{DataType, RecordType, Value};
use flow_syntax::ast::{Arg, Connector, ExprId, ExprKind, Program};
use flow_syntax::codes;
use flow_syntax::{Diagnostic, Span};
use std::sync::Arc;

/// Which side of a pipeline a connector stands on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Source,
    Table,
    Sink,
}

impl Side {
    fn what(self) -> &'static str {
        match self {
            Side::Source => "a source",
            Side::Table => "a table",
            Side::Sink => "a sink",
        }
    }

    fn takes(self, role: Role) -> bool {
        match role {
            Role::Both => true,
            Role::Source => self != Side::Sink,
            Role::Sink => self == Side::Sink,
        }
    }
}

impl<'a> Checker<'a> {
    /// Checks a connector call. `record` is the declared type of a source, or what a sink gets;
    /// `unknown` says that it is not known because of an earlier mistake.
    pub(crate) fn check_connector(
        &mut self,
        ast: &'a Program,
        connector: &'a Connector,
        side: Side,
        record: Option<Arc<RecordType>>,
        unknown: bool,
    ) -> Option<ConnectorCall> {
        let def = self.connector_def(connector, side)?;
        let errors = self.diags.len();
        let mut format = None;
        let mut args = Vec::new();
        for (position, arg) in connector.args.iter().enumerate() {
            let Some(param) = self.connector_param(ast, def, side, position, arg) else { continue };
            if args.iter().any(|a: &ConnectorArg| a.name == param.name) {
                let span = ast.exprs[arg.value].span;
                self.report(
                    Diagnostic::new(
                        codes::DUPLICATE_ARGUMENT,
                        span,
                        format!("`{}` is given twice", param.name),
                    )
                    .at("given again"),
                );
                continue;
            }
            if param.ty == ArgType::Format {
                format = self.check_format(ast, def, arg.value);
                continue;
            }
            let fields = if side == Side::Sink { record.as_deref() } else { None };
            if let Some(value) =
                self.connector_value(ast, def.name, param, arg.value, fields.or(record.as_deref()))
            {
                args.push(ConnectorArg {
                    name: param.name.into(),
                    value,
                    place: place(ast.exprs[arg.value].span),
                });
            }
        }
        self.missing_options(def, connector, side, &args);
        let generators = if def.braces { self.generators(ast, connector) } else { None };
        let format = match format {
            Some(format) => Some(format),
            None if def.formats.is_empty() => None,
            None => self.default_format(def, connector, side, &args, self.diags.len() > errors),
        };
        let schema =
            self.schema(def, connector, side, record, unknown, format.as_ref(), generators.as_ref(), &args)?;
        if let Some(format) = &format {
            self.format_holds(format, &schema, connector, side);
        }
        if self.diags[errors..].iter().any(Diagnostic::is_error) {
            return None;
        }
        Some(ConnectorCall {
            name: def.name.into(),
            args,
            format,
            schema,
            generators: generators.map(|(_, generators)| generators).unwrap_or_default(),
            place: place(connector.span),
        })
    }

    fn connector_def(&mut self, connector: &Connector, side: Side) -> Option<&'static ConnectorDef> {
        let name = &connector.name;
        let Some(def) = flow_plan::connector::lookup(&name.name) else {
            if let Some(word) = suggest::foreign_connector(&name.name) {
                self.report(crate::type_exprs::foreign(codes::UNKNOWN_CONNECTOR, name, word, "connector"));
                return None;
            }
            let fitting: Vec<&str> = CONNECTORS.iter().filter(|d| stands(d, side)).map(|d| d.name).collect();
            let diag = Diagnostic::new(
                codes::UNKNOWN_CONNECTOR,
                name.span,
                format!("there is no connector `{}`", name.name),
            )
            .at("not a connector")
            .note(format!("{} can be {}", side.what(), list_names(fitting.iter().copied())));
            let near = suggest::nearest(&name.name, CONNECTORS.iter().map(|d| d.name));
            self.report(match near {
                Some(near) => did_you_mean(diag, name.span, near),
                None => diag,
            });
            return None;
        };
        if !stands(def, side) {
            let fitting = CONNECTORS.iter().filter(|d| stands(d, side)).map(|d| d.name);
            let diag = Diagnostic::new(
                codes::CONNECTOR_DIRECTION,
                name.span,
                format!("`{}` cannot be {}", def.name, side.what()),
            )
            .at(def.doc)
            .note(format!("{} can be {}", side.what(), list_names(fitting)));
            let swap = match (def.name, side) {
                ("stdin", Side::Sink) => Some("stdout"),
                ("stdout", Side::Source) => Some("stdin"),
                _ => None,
            };
            self.report(match swap {
                Some(other) => did_you_mean(diag, name.span, other),
                None => diag,
            });
            return None;
        }
        if connector.record.is_some() && !def.braces {
            let diag = Diagnostic::new(
                codes::UNKNOWN_OPTION,
                connector.span,
                format!("`{}` takes no braces", def.name),
            );
            self.report(
                diag.at("only `generate` has fields here").help(format!("written `{}`", def.example)),
            );
        }
        Some(def)
    }

    /// The parameter an argument is for.
    fn connector_param(
        &mut self,
        ast: &Program,
        def: &'static ConnectorDef,
        side: Side,
        position: usize,
        arg: &Arg,
    ) -> Option<&'static ArgDef> {
        let span = ast.exprs[arg.value].span;
        let known: Vec<&str> = def.args.iter().filter(|a| side.takes(a.role)).map(|a| a.name).collect();
        let Some(name) = &arg.name else {
            let first = def.args.first().filter(|a| a.positional);
            if position == 0 && first.is_some() {
                return first;
            }
            let text = self.text(span);
            // `file("x", json)`: the format's own name says what it is.
            let format = matches!(&ast.exprs[arg.value].kind, ExprKind::Name(n) if flow_plan::connector::lookup_format(&n.name).is_some());
            let diag = Diagnostic::new(
                codes::POSITIONAL_ARGUMENT,
                span,
                format!("arguments of `{}` are named: which one is this?", def.name),
            )
            .at("needs its name")
            .note(format!("its arguments are {}", list_names(known.iter().copied())));
            self.report(if format {
                diag.fix(format!("write `format: {text}`"), span, format!("format: {text}"))
            } else {
                diag
            });
            return None;
        };
        match def.arg(&name.name) {
            Some(param) if side.takes(param.role) => Some(param),
            Some(param) => {
                let other = if param.role == Role::Sink { "sinks" } else { "sources" };
                let diag = Diagnostic::new(
                    codes::UNKNOWN_OPTION,
                    name.span,
                    format!("`{}` of `{}` is only for {other}", name.name, def.name),
                )
                .at(format!("this is {}", side.what()))
                .note(format!("here its arguments are {}", list_names(known.iter().copied())));
                self.report(diag);
                None
            }
            // The fields of `generate` in brackets are told as a whole.
            None if def.name == "generate" && generators::makes(ast, arg) => None,
            None => {
                let of_format =
                    flow_plan::connector::FORMATS.iter().find(|f| f.args.iter().any(|a| a.name == name.name));
                let diag = Diagnostic::new(
                    codes::UNKNOWN_OPTION,
                    name.span,
                    format!("`{}` has no option `{}`", def.name, name.name),
                )
                .at("no such option");
                let near = elsewhere::option(&name.name, known.iter().copied());
                let near = near.or_else(|| suggest::nearest(&name.name, known.iter().copied()));
                self.report(match (near, of_format) {
                    (_, Some(format)) => diag.help(format!(
                        "it is an option of the format: `format: {}({}: {})`",
                        format.name,
                        name.name,
                        self.text(span)
                    )),
                    (Some(near), _) => did_you_mean(diag, name.span, near),
                    _ if known.is_empty() => diag.note("it takes no options"),
                    _ => diag.note(format!("its options are {}", list_names(known.iter().copied()))),
                });
                None
            }
        }
    }

    fn missing_options(
        &mut self,
        def: &ConnectorDef,
        connector: &Connector,
        side: Side,
        args: &[ConnectorArg],
    ) {
        for param in def.args {
            let given = args.iter().any(|a| a.name == param.name)
                || connector.args.iter().enumerate().any(|(i, a)| match &a.name {
                    // One that is called otherwise is told where it stands.
                    Some(name) => {
                        name.name == param.name || elsewhere::option(&name.name, [param.name]).is_some()
                    }
                    None => i == 0 && param.positional,
                });
            if param.need == Need::Required && side.takes(param.role) && !given {
                let diag = Diagnostic::new(
                    codes::MISSING_OPTION,
                    connector.span,
                    format!("`{}` needs `{}`", def.name, param.name),
                )
                .at(format!("`{}` is missing", param.name))
                .note(format!("`{}`: {}", param.name, param.doc))
                .help(format!("for example `{}`", def.example));
                self.report(diag);
            }
        }
    }

    /// The constant an option has.
    pub(crate) fn connector_value(
        &mut self,
        ast: &'a Program,
        of: &str,
        param: &ArgDef,
        id: ExprId,
        record: Option<&RecordType>,
    ) -> Option<ArgValue> {
        let what = format!("`{}` of `{of}`", param.name);
        let expr = &ast.exprs[id];
        match param.ty {
            ArgType::Word(words) => self.option_word(ast, id, words, &what).map(ArgValue::Word),
            ArgType::Names => self.option_names(ast, id, &what, record),
            ArgType::Size => match &expr.kind {
                ExprKind::Size(bytes) => Some(ArgValue::Value(Value::Int(*bytes))),
                _ => self.typed_option(ast, id, &DataType::Int, &what).map(ArgValue::Value),
            },
            ArgType::Int => match self.typed_option(ast, id, &DataType::Int, &what)? {
                Value::Int(n) if n < 0 && param.name != "seed" => {
                    self.option_value(expr.span, format!("{what} cannot be negative"), "less than zero");
                    None
                }
                value => Some(ArgValue::Value(value)),
            },
            ArgType::Number => {
                let want =
                    if matches!(expr.kind, ExprKind::Float(_)) { DataType::Float } else { DataType::Int };
                match self.typed_option(ast, id, &want, &what)? {
                    Value::Int(n) if n <= 0 => {
                        self.option_value(
                            expr.span,
                            format!("{what} must be more than zero"),
                            "not more than zero",
                        );
                        None
                    }
                    value => Some(ArgValue::Value(value)),
                }
            }
            ArgType::Bool => self.typed_option(ast, id, &DataType::Bool, &what).map(ArgValue::Value),
            ArgType::Duration => {
                self.duration_option(ast, id, &what, 1).map(|d| ArgValue::Value(Value::Duration(d)))
            }
            ArgType::Char => match self.typed_option(ast, id, &DataType::String, &what)? {
                Value::String(text) if text.len() == 1 && text.is_ascii() => {
                    Some(ArgValue::Value(Value::String(text)))
                }
                _ => {
                    self.option_value(
                        expr.span,
                        format!("{what} is one ASCII character"),
                        "not one ASCII character",
                    );
                    None
                }
            },
            ArgType::String => self.option_string(ast, id, &what),
            ArgType::Format => None,
        }
    }

    fn typed_option(&mut self, ast: &'a Program, id: ExprId, want: &DataType, what: &str) -> Option<Value> {
        let mut cx = ExprCx::new(self, ast, Fields::None("in an option"));
        let typed = cx.expr(id, Some(want))?;
        if typed.ty != *want {
            if *want == DataType::Duration
                || !matches!(typed.ty, DataType::String | DataType::Int | DataType::Bool | DataType::Float)
            {
                cx.coerce(typed, want, what)?;
                return None;
            }
            let number = matches!(want, DataType::Int) && typed.ty == DataType::String;
            let wanted = if number { "a number".to_string() } else { crate::expr::a(want) };
            let message = format!("{what} is {wanted}, and this is `{}`", typed.ty);
            self.option_value(typed.span, message, &format!("this is `{}`", typed.ty));
            return None;
        }
        let expr = cx.finish(&typed);
        crate::constants::evaluate_constant(self, &expr, typed.span)
    }

    fn option_value(&mut self, span: Span, message: String, at: &str) {
        self.report(Diagnostic::new(codes::OPTION_VALUE, span, message).at(at));
    }

    /// A string, `env("NAME", "default")` or `secret("NAME")`.
    fn option_string(&mut self, ast: &'a Program, id: ExprId, what: &str) -> Option<ArgValue> {
        let expr = &ast.exprs[id];
        if let ExprKind::Call { callee, args } = &expr.kind {
            let text = |ck: &mut Self, arg: &Arg| match ck.typed_option(
                ast,
                arg.value,
                &DataType::String,
                &format!("the argument of `{}`", callee.name),
            ) {
                Some(Value::String(text)) => Some(text),
                _ => None,
            };
            match (callee.name.as_str(), args.as_slice()) {
                ("secret", [name]) => return text(self, name).map(|name| ArgValue::Secret(name.to_string())),
                ("env", [name]) => {
                    return text(self, name)
                        .map(|name| ArgValue::Env { name: name.to_string(), default: None });
                }
                ("env", [name, default]) => {
                    let (name, default) = (text(self, name), text(self, default));
                    return Some(ArgValue::Env {
                        name: name?.to_string(),
                        default: Some(default?.to_string()),
                    });
                }
                ("env" | "secret", _) => {
                    let form =
                        if callee.name == "env" { "env(\"NAME\", \"default\")" } else { "secret(\"NAME\")" };
                    let diag = Diagnostic::new(
                        codes::WRONG_ARGUMENT,
                        expr.span,
                        format!("`{}` is written `{form}`", callee.name),
                    );
                    self.report(diag.at("not these arguments"));
                    return None;
                }
                _ => {}
            }
        }
        self.typed_option(ast, id, &DataType::String, what).map(ArgValue::Value)
    }

    pub(crate) fn option_word(
        &mut self,
        ast: &Program,
        id: ExprId,
        words: &[&str],
        what: &str,
    ) -> Option<String> {
        let expr = &ast.exprs[id];
        let word = match &expr.kind {
            ExprKind::Error => return None,
            ExprKind::Name(name) => name.name.clone(),
            ExprKind::Str(parts) => match parts.as_slice() {
                [flow_syntax::ast::StrPart::Text(text)] if words.contains(&text.as_str()) => {
                    let text = text.clone();
                    let diag = Diagnostic::new(
                        codes::OPTION_VALUE,
                        expr.span,
                        format!("{what} is a word, not a text"),
                    )
                    .at("without quotes")
                    .fix(format!("write `{text}`"), expr.span, text);
                    self.report(diag);
                    return None;
                }
                [flow_syntax::ast::StrPart::Text(text)] => text.clone(),
                _ => String::new(),
            },
            _ => String::new(),
        };
        let quoted = matches!(expr.kind, ExprKind::Str(_));
        if !quoted && words.contains(&word.as_str()) {
            return Some(word);
        }
        let diag = Diagnostic::new(
            codes::OPTION_VALUE,
            expr.span,
            format!("{what} is one of {}", list_names(words.iter().copied())),
        )
        .at("not one of them");
        let near = elsewhere::value(&word, words);
        let near =
            near.or_else(|| suggest::nearest(&word, words.iter().copied()).filter(|_| !word.is_empty()));
        self.report(match near {
            Some(near) => did_you_mean(diag, expr.span, near),
            None => diag,
        });
        None
    }

    /// `[a, b]` or `a`: names of fields.
    fn option_names(
        &mut self,
        ast: &'a Program,
        id: ExprId,
        what: &str,
        record: Option<&RecordType>,
    ) -> Option<ArgValue> {
        let expr = &ast.exprs[id];
        let ids: Vec<ExprId> = match &expr.kind {
            ExprKind::List(items) => items.clone(),
            _ => vec![id],
        };
        let mut names = Vec::with_capacity(ids.len());
        let mut ok = true;
        for id in ids {
            let item = &ast.exprs[id];
            let name = match &item.kind {
                ExprKind::Name(name) => name.name.clone(),
                ExprKind::Str(parts) => match parts.as_slice() {
                    [flow_syntax::ast::StrPart::Text(text)] => text.clone(),
                    _ => String::new(),
                },
                ExprKind::Error => return None,
                _ => String::new(),
            };
            if name.is_empty() {
                self.option_value(
                    item.span,
                    format!("{what} is a list of fields: `[a, b]`"),
                    "not a field name",
                );
                ok = false;
                continue;
            }
            if let Some(record) = record
                && record.get(&name).is_none()
            {
                let diag = Diagnostic::new(
                    codes::UNKNOWN_FIELD,
                    item.span,
                    format!("the rows have no field `{name}`"),
                )
                .at("not a field")
                .note(format!("the fields are {}", list_names(record.fields.iter().map(|f| &*f.name))));
                let near = suggest::nearest(&name, record.fields.iter().map(|f| &*f.name));
                self.report(match near {
                    Some(near) => did_you_mean(diag, item.span, near),
                    None => diag,
                });
                ok = false;
            }
            names.push(name);
        }
        ok.then_some(ArgValue::Names(names))
    }

    #[allow(clippy::too_many_arguments, reason = "what is known of one connector call")]
    fn schema(
        &mut self,
        def: &ConnectorDef,
        connector: &Connector,
        side: Side,
        record: Option<Arc<RecordType>>,
        unknown: bool,
        format: Option<&flow_plan::connector::Format>,
        generated: Option<&(RecordType, Vec<flow_plan::connector::Generator>)>,
        args: &[ConnectorArg],
    ) -> Option<Arc<RecordType>> {
        if side == Side::Sink || unknown {
            return record;
        }
        let made = match def.name {
            "generate" => Some(generated?.0.clone()),
            "nexmark" => {
                let kind = args.iter().find(|a| a.name == "stream").and_then(|a| match &a.value {
                    ArgValue::Word(word) => Some(word.clone()),
                    _ => None,
                });
                let kind = kind.unwrap_or_else(|| nexmark::stream_for(record.as_deref()).to_string());
                nexmark::schema(&kind)
            }
            _ if format == Some(&flow_plan::connector::Format::Text) => Some(text_schema()),
            _ => None,
        };
        let (made, declared) = match (made, record) {
            (Some(made), Some(declared)) => (made, declared),
            (Some(made), None) => return Some(Arc::new(made)),
            (None, Some(declared)) => return Some(declared),
            (None, None) => {
                // Where the format is missing too, that is the mistake.
                format?;
                let diag = Diagnostic::new(codes::SOURCE_TYPE, connector.name.span, format!("the rows of this {} have no type", if side == Side::Table { "table" } else { "source" }))
                    .at("what fields do its rows have?")
                    .help("declare them: `source name: { id: int, text: string } = …`; `flow infer FILE` prints the type of a data file");
                self.report(diag);
                return None;
            }
        };
        for field in &declared.fields {
            let (message, at) = match made.get(&field.name) {
                None => (format!("`{}` has no field `{}`", def.name, field.name), "declares other fields"),
                Some(has) if has.ty != *field.ty.unwrapped() => (
                    format!("`{}` of `{}` is `{}`, not `{}`", field.name, def.name, has.ty, field.ty),
                    "declares another type",
                ),
                Some(_) => continue,
            };
            let diag = Diagnostic::new(codes::SOURCE_TYPE, connector.name.span, message)
                .at(at)
                .note(format!("its rows are `{made}`"))
                .help("leave the type out: this connector knows its own");
            self.report(diag);
            return None;
        }
        Some(declared)
    }

    /// Can the sink take this stream?
    pub(crate) fn sink_accepts(
        &mut self,
        call: &ConnectorCall,
        output: &StreamType,
        connector: &Connector,
    ) -> bool {
        let Some(sink) = flow_plan::connector::lookup(&call.name).and_then(|d| d.sink) else { return true };
        let upserts = |arg: &str, word: &str| {
            call.arg(arg).is_some_and(|a| match &a.value {
                ArgValue::Word(w) => w == word,
                ArgValue::Value(Value::Bool(b)) => b.to_string() == word,
                _ => false,
            })
        };
        if output.mode == StreamMode::Append {
            let replaces = matches!(sink.accepts, Accepts::UpsertWith(arg, word) if upserts(arg, word));
            if replaces && call.arg("key").is_none() {
                let diag = Diagnostic::new(
                    codes::MISSING_OPTION,
                    connector.span,
                    format!("`{}` replaces rows by key, and there is no key", call.name),
                )
                .at("`key` is missing")
                .help("name the fields that tell rows apart: `key: [id]`");
                self.report(diag);
                return false;
            }
            return true;
        }
        let help = match sink.accepts {
            Accepts::EachUpdate => return true,
            Accepts::UpsertWith(arg, word) if upserts(arg, word) => {
                if !output.update_key_lost {
                    return true;
                }
                "keep the key fields in the last `map`, so that rows can be replaced by them".to_string()
            }
            Accepts::UpsertWith(arg, word) => format!(
                "let it replace rows by key: `{arg}: {word}`; or emit final rows only: a window, or `trigger(atEnd)`"
            ),
            Accepts::AppendOnly => {
                "emit final rows only: give the stage a window, or `trigger(atEnd)`".to_string()
            }
        };
        let (word, at) = output.updating_by.clone().unwrap_or((String::new(), connector.span));
        let diag = Diagnostic::new(
            codes::UPDATING_STREAM,
            connector.name.span,
            format!("`{}` takes final rows only, and these can still be replaced", call.name),
        )
        .at("cannot take an updating stream")
        .label(at, format!("this `{word}` makes the stream updating"))
        .help(help);
        self.report(diag);
        false
    }

    fn default_format(
        &mut self,
        def: &ConnectorDef,
        connector: &Connector,
        side: Side,
        args: &[ConnectorArg],
        failed: bool,
    ) -> Option<flow_plan::connector::Format> {
        if let Some(name) = def.default_format {
            return formats::plain(name);
        }
        let path = args.iter().find(|a| a.name == "path").and_then(|a| match &a.value {
            ArgValue::Value(Value::String(path)) => Some(path.to_string()),
            _ => None,
        });
        if let Some(name) = path.as_deref().and_then(format_of_path) {
            return formats::plain(name);
        }
        let written = connector.args.iter().any(|a| a.name.as_ref().is_some_and(|n| n.name == "format"));
        let required = def.arg("format").is_some_and(|a| a.need == Need::Required);
        if !written && !failed && !required {
            let end = Span { start: connector.span.end.saturating_sub(1), ..connector.span }.before();
            let _ = side;
            let diag = Diagnostic::new(
                codes::MISSING_OPTION,
                connector.span,
                format!("`{}` needs to know the format", def.name),
            )
            .at("`format` is missing")
            .note(format!("formats are {}", list_names(def.formats.iter().copied())))
            .with_fix(
                "write `format: json`",
                end,
                ", format: json",
                flow_syntax::Applicability::MaybeIncorrect,
            );
            self.report(diag);
        }
        None
    }
}

fn stands(def: &ConnectorDef, side: Side) -> bool {
    match side {
        Side::Source => def.source.is_some(),
        Side::Table => def.table.is_some(),
        Side::Sink => def.sink.is_some(),
    }
}

/// Do the rows of a source end?
pub(crate) fn is_bounded(call: &ConnectorCall) -> bool {
    match call.name.as_str() {
        "file" => !call.arg("follow").is_some_and(|a| matches!(a.value, ArgValue::Value(Value::Bool(true)))),
        "stdin" => true,
        "nexmark" => call.arg("events").is_some(),
        "generate" => call.arg("rows").is_some(),
        _ => false,
    }
}
