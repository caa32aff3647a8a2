//! The `job` block: options with their types, defaults for what is left out.

use crate::checker::Checker;
use crate::elsewhere;
use crate::expr::did_you_mean;
use crate::suggest;
use flow_plan::operator::{JobConfig, OnError};
use flow_plan::{DataType, Value};
use flow_syntax::ast::{Arg, DeclKind, ExprId, ExprKind, Job, Program, RecordItem};
use flow_syntax::codes;
use flow_syntax::{Diagnostic, Span};

const OPTIONS: [&str; 5] = ["parallelism", "checkpoint", "delivery", "state", "onError"];

impl<'a> Checker<'a> {
    /// The job's configuration.
    pub(crate) fn check_job(&mut self) -> JobConfig {
        let mut config = JobConfig { name: self.default_name(), ..JobConfig::default() };
        let Some(main) = self.input.programs.first() else { return config };
        let mut first: Option<Span> = None;
        for decl in &main.decls {
            let DeclKind::Job(job) = &decl.kind else { continue };
            if let Some(first) = first {
                let diag = Diagnostic::new(
                    codes::DUPLICATE_JOB,
                    job.name.span,
                    "a script has one job block at most",
                )
                .at("a second one")
                .label(first, "the first one is here");
                self.report(diag);
                continue;
            }
            first = Some(job.name.span);
            config.name = job.name.name.clone();
            self.job_options(main, job, &mut config);
        }
        config
    }

    fn default_name(&self) -> String {
        let Some(main) = self.input.programs.first() else { return String::new() };
        let path = &self.input.sources.file(main.file).name;
        let file = path.rsplit(['/', '\\']).next().unwrap_or(path);
        file.strip_suffix(".flow").unwrap_or(file).trim_matches(['<', '>']).to_string()
    }

    fn job_options(&mut self, ast: &'a Program, job: &'a Job, config: &mut JobConfig) {
        let mut seen: Vec<(&str, Span)> = Vec::new();
        for option in &job.options {
            let Some(name) = &option.name else {
                let span = ast.exprs[option.value].span;
                self.report(
                    Diagnostic::new(codes::JOB_OPTION, span, "options of a job have names")
                        .at("which option?"),
                );
                continue;
            };
            if let Some((_, first)) = seen.iter().find(|(n, _)| *n == name.name) {
                let first = *first;
                self.report(crate::names::duplicate(&name.name, name.span, first, "an option"));
                continue;
            }
            seen.push((&name.name, name.span));
            self.job_option(ast, option, config);
        }
    }

    fn job_option(&mut self, ast: &'a Program, option: &'a Arg, config: &mut JobConfig) {
        let before = self.diags.len();
        self.job_value(ast, option, config);
        // The same mistakes as in a stage, under the job's own code.
        for diag in &mut self.diags[before..] {
            if matches!(diag.code, codes::STAGE_OPTION | codes::TYPE_MISMATCH) {
                diag.code = codes::JOB_OPTION;
            }
        }
    }

    fn job_value(&mut self, ast: &'a Program, option: &'a Arg, config: &mut JobConfig) {
        let Some(name) = &option.name else { return };
        let id = option.value;
        match name.name.as_str() {
            "parallelism" => {
                if let Some(n) = self.count_option(ast, id, "`parallelism`", 1) {
                    config.parallelism = Some(u32::try_from(n).unwrap_or(u32::MAX));
                }
            }
            "checkpoint" => match &ast.exprs[id].kind {
                ExprKind::Name(word) if word.name == "off" => config.checkpoint = None,
                _ => {
                    if let Some(every) = self.duration_option(ast, id, "`checkpoint`", 1) {
                        config.checkpoint = Some(every);
                    }
                }
            },
            "delivery" => {
                if let Some(word) = self.job_word(ast, id, "`delivery`", &["exactlyOnce", "atLeastOnce"]) {
                    config.exactly_once = word == "exactlyOnce";
                    self.delivery_span = Some(ast.exprs[id].span);
                }
            }
            "onError" => {
                if let Some(word) = self.job_word(ast, id, "`onError`", &["fail", "skip"]) {
                    config.on_error = if word == "skip" { OnError::Skip } else { OnError::Fail };
                }
            }
            "state" => {
                config.state_place = crate::checker::place(ast.exprs[id].span);
                self.job_state(ast, id, config);
            }
            other => {
                let diag =
                    Diagnostic::new(codes::JOB_OPTION, name.span, format!("a job has no option `{other}`"))
                        .at("no such option")
                        .note(format!("its options are {}", crate::expr::list_names(OPTIONS.into_iter())));
                let near = elsewhere::option(other, OPTIONS).or_else(|| suggest::nearest(other, OPTIONS));
                self.report(match near {
                    Some(near) => did_you_mean(diag, name.span, near),
                    None => diag,
                });
            }
        }
    }

    fn job_word(&mut self, ast: &Program, id: ExprId, what: &str, words: &[&str]) -> Option<String> {
        let before = self.diags.len();
        let word = self.option_word(ast, id, words, what);
        // The same mistake as in a connector, under the job's own code.
        for diag in &mut self.diags[before..] {
            diag.code = codes::JOB_OPTION;
        }
        word
    }

    /// `state: "path"` or `state: { path: …, backend: sled, memory: 512MiB, limit: 4GiB, keep: 3 }`.
    fn job_state(&mut self, ast: &'a Program, id: ExprId, config: &mut JobConfig) {
        let ExprKind::Record(items) = &ast.exprs[id].kind else {
            if let Some(Value::String(path)) = self.constant_option(ast, id, &DataType::String, "`state`") {
                config.state_path = path.to_string();
            }
            return;
        };
        for item in items {
            let RecordItem::Field { name, value } = item else {
                let span = ast.exprs[id].span;
                self.report(
                    Diagnostic::new(codes::JOB_OPTION, span, "options of `state` have names and values")
                        .at("not an option"),
                );
                continue;
            };
            match name.name.as_str() {
                "path" => {
                    if let Some(Value::String(path)) =
                        self.constant_option(ast, *value, &DataType::String, "`path` of `state`")
                    {
                        config.state_path = path.to_string();
                    }
                }
                "backend" => {
                    if let Some(word) =
                        self.job_word(ast, *value, "`backend` of `state`", &["memory", "sled"])
                    {
                        config.state_on_disk = word == "sled";
                    }
                }
                "memory" => {
                    config.state_memory =
                        self.job_size(ast, *value, "`memory` of `state`").or(config.state_memory)
                }
                "limit" => {
                    config.state_limit =
                        self.job_size(ast, *value, "`limit` of `state`").or(config.state_limit)
                }
                "keep" => {
                    let keep = self.count_option(ast, *value, "`keep` of `state`", 1);
                    let keep = keep.map(|n| u32::try_from(n).unwrap_or(u32::MAX));
                    config.state_keep = keep.or(config.state_keep);
                }
                other => {
                    let options = ["path", "backend", "memory", "limit", "keep"];
                    let diag = Diagnostic::new(
                        codes::JOB_OPTION,
                        name.span,
                        format!("`state` has no option `{other}`"),
                    )
                    .at("no such option")
                    .note(format!("its options are {}", crate::expr::list_names(options.into_iter())));
                    self.report(match suggest::nearest(other, options) {
                        Some(near) => did_you_mean(diag, name.span, near),
                        None => diag,
                    });
                }
            }
        }
    }

    fn job_size(&mut self, ast: &Program, id: ExprId, what: &str) -> Option<i64> {
        let expr = &ast.exprs[id];
        match &expr.kind {
            ExprKind::Size(bytes) | ExprKind::Int(bytes) if *bytes > 0 => Some(*bytes),
            ExprKind::Error => None,
            _ => {
                self.report(
                    Diagnostic::new(
                        codes::JOB_OPTION,
                        expr.span,
                        format!("{what} is a size such as `512MiB`"),
                    )
                    .at("not a size"),
                );
                None
            }
        }
    }
}
