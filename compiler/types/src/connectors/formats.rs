//! `format: csv(header: true)`: formats, their options, and which rows they can hold.

use super::Side;
use crate::checker::Checker;
use crate::elsewhere;
use crate::expr::{did_you_mean, list_names};
use crate::suggest;
use flow_plan::connector::table::{ConnectorDef, FORMATS};
use flow_plan::connector::{ArgValue, Format, TimeUnit, lookup_format};
use flow_plan::{DataType, RecordType, Value};
use flow_syntax::Diagnostic;
use flow_syntax::ast::{Arg, Connector, ExprId, ExprKind, Ident, Program};
use flow_syntax::codes;

/// A format with its defaults.
pub(super) fn plain(name: &str) -> Option<Format> {
    Some(match name {
        "text" => Format::Text,
        "json" => Format::Json { time_unit: TimeUnit::Millis },
        "csv" => Format::Csv { header: true, delimiter: b',' },
        "parquet" => Format::Parquet,
        "avro" => Format::Avro,
        _ => return None,
    })
}

impl<'a> Checker<'a> {
    pub(super) fn check_format(&mut self, ast: &'a Program, of: &ConnectorDef, id: ExprId) -> Option<Format> {
        let expr = &ast.exprs[id];
        let none: &'a [Arg] = &[];
        let (name, args): (&'a Ident, &'a [Arg]) = match &expr.kind {
            ExprKind::Name(name) => (name, none),
            ExprKind::Call { callee, args } => (callee, args),
            ExprKind::Error => return None,
            kind => {
                let diag = Diagnostic::new(codes::UNKNOWN_FORMAT, expr.span, "a format is needed here")
                    .at("not a format")
                    .note(format!("formats are {}", list_names(FORMATS.iter().map(|f| f.name))));
                let quoted = matches!(kind, ExprKind::Str(_))
                    .then(|| self.text(expr.span).trim_matches('"').to_string());
                self.report(match quoted.filter(|q| lookup_format(q).is_some()) {
                    Some(word) => diag.fix(format!("write `{word}`, without quotes"), expr.span, word),
                    None => diag,
                });
                return None;
            }
        };
        let Some(def) = lookup_format(&name.name) else {
            self.unknown_format(name);
            return None;
        };
        if !of.formats.contains(&def.name) {
            let diag = Diagnostic::new(
                codes::UNKNOWN_FORMAT,
                name.span,
                format!("`{}` does not know the format `{}`", of.name, def.name),
            )
            .at("not here");
            self.report(if of.formats.is_empty() {
                diag.note("its rows have no bytes, so there is no format")
            } else {
                diag.note(format!("its formats are {}", list_names(of.formats.iter().copied())))
            });
            return None;
        }
        let mut format = plain(def.name)?;
        for arg in args {
            let Some(option) = &arg.name else {
                let span = ast.exprs[arg.value].span;
                let diag = Diagnostic::new(
                    codes::POSITIONAL_ARGUMENT,
                    span,
                    format!("options of `{}` are named", def.name),
                )
                .at("needs its name");
                self.report(
                    diag.note(format!("its options are {}", list_names(def.args.iter().map(|a| a.name)))),
                );
                continue;
            };
            let Some(param) = def.args.iter().find(|a| a.name == option.name) else {
                let diag = Diagnostic::new(
                    codes::UNKNOWN_OPTION,
                    option.span,
                    format!("the format `{}` has no option `{}`", def.name, option.name),
                )
                .at("no such option");
                let names = || def.args.iter().map(|a| a.name);
                let near = elsewhere::option(&option.name, names());
                let near = near.or_else(|| suggest::nearest(&option.name, names()));
                self.report(match near {
                    Some(near) => did_you_mean(diag, option.span, near),
                    None if def.args.is_empty() => diag.note("it takes no options"),
                    None => {
                        diag.note(format!("its options are {}", list_names(def.args.iter().map(|a| a.name))))
                    }
                });
                continue;
            };
            if let Some(value) = self.connector_value(ast, def.name, param, arg.value, None) {
                set(&mut format, param.name, &value);
            }
        }
        Some(format)
    }

    fn unknown_format(&mut self, name: &Ident) {
        if let Some(word) = suggest::foreign_format(&name.name) {
            let mut diag = crate::type_exprs::foreign(codes::UNKNOWN_FORMAT, name, word, "format");
            if name.name.eq_ignore_ascii_case("tsv") {
                diag.fixes.clear();
                diag = diag.fix("write `csv` with a tab", name.span, "csv(delimiter: \"\\t\")");
            }
            self.report(diag);
            return;
        }
        let diag =
            Diagnostic::new(codes::UNKNOWN_FORMAT, name.span, format!("there is no format `{}`", name.name))
                .at("not a format");
        let near = suggest::nearest(&name.name, FORMATS.iter().map(|f| f.name));
        self.report(match near {
            Some(near) => did_you_mean(diag, name.span, near),
            None => diag.note(format!("formats are {}", list_names(FORMATS.iter().map(|f| f.name)))),
        });
    }

    /// Can the format hold these rows?
    pub(super) fn format_holds(
        &mut self,
        format: &Format,
        record: &RecordType,
        connector: &Connector,
        side: Side,
    ) {
        let span = connector.name.span;
        match format {
            Format::Text => {
                if !matches!(record.fields.as_slice(), [f] if f.ty == DataType::String && &*f.name == "line")
                {
                    let diag = Diagnostic::new(
                        codes::FORMAT_TYPE,
                        span,
                        "`text` holds one field, `line: string`, and these rows have others",
                    )
                    .at(format!("the rows are `{record}`"));
                    self.report(if side == Side::Sink {
                        let first = record.fields.first().map_or("…", |f| &f.name);
                        diag.help(format!(
                            "make the line: `|> map {{ line: \"{{{first}}}\" }}`, or write another format"
                        ))
                    } else {
                        diag.help("leave the type out, or read another format")
                    });
                }
            }
            Format::Csv { .. } => {
                let nested = record.fields.iter().find(|f| {
                    matches!(f.ty.unwrapped(), DataType::List(_) | DataType::Map(_) | DataType::Record(_))
                });
                if let Some(field) = nested {
                    let diag = Diagnostic::new(
                        codes::FORMAT_TYPE,
                        span,
                        format!("`csv` has no cells for `{}`", field.ty),
                    )
                    .at(format!("`{}` is `{}`", field.name, field.ty));
                    self.report(if side == Side::Sink {
                        diag.help(format!(
                            "write it as text: `|> map {{ .., {0}: toJson({0}) }}`, or use `format: json`",
                            field.name
                        ))
                    } else {
                        diag.help("read it as `string` or `json`")
                    });
                }
            }
            Format::Json { .. } | Format::Parquet | Format::Avro => {}
        }
    }
}

fn set(format: &mut Format, name: &str, value: &ArgValue) {
    match (format, name, value) {
        (Format::Csv { header, .. }, "header", ArgValue::Value(Value::Bool(b))) => *header = *b,
        (Format::Csv { delimiter, .. }, "delimiter", ArgValue::Value(Value::String(text))) => {
            *delimiter = text.as_bytes().first().copied().unwrap_or(b',');
        }
        (Format::Json { time_unit }, "timeUnit", ArgValue::Word(word)) => {
            *time_unit = match word.as_str() {
                "s" => TimeUnit::Seconds,
                "us" => TimeUnit::Micros,
                _ => TimeUnit::Millis,
            };
        }
        _ => {}
    }
}
