//! `window(kind, lateness: d)`: the kinds of windows and what they need.

use super::PipeCx;
use crate::args::{self, Spec};
use flow_plan::operator::{Window, WindowKind};
use flow_plan::{DataType, Value};
use flow_syntax::ast::{Arg, ExprId, ExprKind, Ident, Stage};
use flow_syntax::codes;
use flow_syntax::{Applicability, Diagnostic, Span};

pub(crate) const KINDS: [&str; 7] =
    ["tumbling", "sliding", "session", "cumulative", "count", "global", "same"];

const DAY: i64 = 86_400_000_000;

/// In so many windows may a row be: each of them gives a result, so one row more would be hours of results.
const MOST_WINDOWS: i64 = 1_000_000;

impl<'c, 'a> PipeCx<'c, 'a> {
    pub(super) fn window(&mut self, stage: &'a Stage, args: &'a [Arg]) {
        if let Some((_, first)) = &self.stream.window {
            let diag = Diagnostic::new(
                codes::SET_TWICE,
                stage.span,
                "a window is set already and nothing has used it",
            )
            .at("set again")
            .label(*first, "set here first");
            self.ck.report(diag);
        }
        if self.kind_beside_its_length(args) {
            self.broken();
            self.stream.window = Some((
                Window {
                    kind: WindowKind::Tumbling { size: DAY, offset: 0, zone: None },
                    processing_time: true,
                    lateness: 0,
                },
                stage.span,
            ));
            self.late.get_or_insert_with(|| self.stream.clone());
            return;
        }
        let spec = Spec { what: "`window`", params: &[("kind", true), ("lateness", false)], first: true };
        let slots = args::bind(self.ck, self.ast, &spec, args, stage.span);
        let unknown = Window {
            kind: WindowKind::Tumbling { size: DAY, offset: 0, zone: None },
            processing_time: false,
            lateness: 0,
        };
        let window = slots.and_then(|slots| {
            let mut window = self.window_kind(slots[0]?)?;
            if let Some(id) = slots[1] {
                window.lateness = self.ck.duration_option(self.ast, id, "`lateness` of `window`", 0)?;
                if !needs_event_time(&window) {
                    let span = self.ast.exprs[id].span;
                    let diag = Diagnostic::new(
                        codes::BAD_WINDOW,
                        span,
                        "only windows of event time wait for late rows",
                    );
                    self.ck.report(diag.at("has no meaning here"));
                }
            }
            Some(window)
        });
        match window {
            Some(window) => {
                let window = self.check_event_time(window, stage.span, stage.span);
                self.stream.processing_time |= window.processing_time;
                if needs_event_time(&window) && self.late.is_none() {
                    let mut late = self.stream.clone();
                    late.keys = None;
                    late.window = None;
                    late.trigger = None;
                    self.late = Some(late);
                }
                self.stream.window = Some((window, stage.span));
            }
            None => {
                self.broken();
                self.stream.window = Some((unknown, stage.span));
                self.late.get_or_insert_with(|| self.stream.clone());
            }
        }
    }

    /// `window(tumbling, 10s)`: reported with what must have been meant.
    fn kind_beside_its_length(&mut self, args: &'a [Arg]) -> bool {
        let [Arg { name: None, value: kind }, Arg { name: None, value: length }] = args else { return false };
        let (ExprKind::Name(word), ExprKind::Duration(_) | ExprKind::Int(_)) =
            (&self.ast.exprs[*kind].kind, &self.ast.exprs[*length].kind)
        else {
            return false;
        };
        let theirs = word.name.as_str();
        let Some(ours) =
            KINDS.into_iter().find(|kind| *kind == theirs).or(crate::suggest::foreign_window(theirs))
        else {
            return false;
        };
        let whole = word.span.to(self.ast.exprs[*length].span);
        let length = self.ck.text(self.ast.exprs[*length].span);
        let fixed = match ours {
            "session" => format!("session(gap: {length})"),
            "sliding" | "cumulative" => format!("{ours}({length}, every: 1s)"),
            _ => format!("{ours}({length})"),
        };
        let sure = if fixed.contains("every") {
            Applicability::HasPlaceholders
        } else {
            Applicability::MaybeIncorrect
        };
        let diag = Diagnostic::new(
            codes::BAD_WINDOW,
            whole,
            format!("the arguments of `{ours}` stand in brackets behind it"),
        );
        self.ck.report(diag.at("a window is a call").with_fix(
            format!("write `{fixed}`"),
            whole,
            fixed,
            sure,
        ));
        true
    }

    /// Refuses a window of event time on a stream without event time.
    pub(super) fn check_event_time(&mut self, window: Window, at: Span, stage: Span) -> Window {
        if !needs_event_time(&window) || self.stream.event_time.is_some() || self.stream.vague {
            return window;
        }
        let (made_by, made_at) = self.stream.made_by.clone();
        let mut diag = Diagnostic::new(
            codes::NO_EVENT_TIME,
            at,
            "this window needs event time, and the stream has none",
        )
        .at("a window of event time");
        if made_at.start != made_at.end {
            diag = diag.label(made_at, format!("{made_by} comes without event time"));
        }
        let field = self.stream.columns.iter().find(|c| c.ty == Some(DataType::Timestamp));
        let text = match field {
            Some(field) => format!("eventTime({}, delay: 5s) |> ", crate::expr::quoted(&field.name)),
            None => String::new(),
        };
        diag = match field {
            Some(field) => diag
                .help(format!("say which field is the time: `|> eventTime({}, delay: 5s)` before the window, best at the source", field.name))
                .with_fix(format!("use `{}` as event time", field.name), stage.before(), text, Applicability::MaybeIncorrect),
            None => diag.help("no field is a timestamp: make one and set it with `eventTime`, or use the wall clock: `tumbling(10s, time: processing)`"),
        };
        self.ck.report(diag);
        self.broken();
        window
    }

    /// The window an expression describes: `tumbling(10s)`, `same`.
    pub(super) fn window_kind(&mut self, id: ExprId) -> Option<Window> {
        let expr = &self.ast.exprs[id];
        let none: &'a [Arg] = &[];
        let (name, args): (&'a Ident, &'a [Arg]) = match &expr.kind {
            ExprKind::Call { callee, args } => (callee, args),
            ExprKind::Name(name) => (name, none),
            ExprKind::Error => return None,
            _ => {
                self.no_window(id);
                return None;
            }
        };
        let span = expr.span;
        match name.name.as_str() {
            "tumbling" => self.tumbling(args, span),
            "sliding" => self.sliding(args, span),
            "session" => self.session(args, span),
            "cumulative" => self.cumulative(args, span),
            "count" => self.count_window(args, span),
            "global" => {
                self.window_args("`global`", &[], args, span)?;
                Some(Window { kind: WindowKind::Global, processing_time: false, lateness: 0 })
            }
            "same" => self.same_window(args, span),
            other => {
                self.unknown_window(name, other);
                None
            }
        }
    }

    /// What is no window says which kind it may mean.
    fn no_window(&mut self, id: ExprId) {
        let expr = &self.ast.exprs[id];
        let diag = match &expr.kind {
            ExprKind::Duration(_) => {
                let text = self.ck.text(expr.span);
                Diagnostic::new(codes::BAD_WINDOW, expr.span, "which kind of window?")
                    .at("only a length")
                    .fix(format!("write `tumbling({text})`"), expr.span, format!("tumbling({text})"))
            }
            _ => {
                let diag =
                    Diagnostic::new(codes::BAD_WINDOW, expr.span, "this is not a window").at("not a window");
                match self.window_of_a_class(id) {
                    Some(ours) => diag.with_fix(
                        format!("write `{ours}`"),
                        expr.span,
                        ours,
                        flow_syntax::Applicability::MaybeIncorrect,
                    ),
                    None => diag,
                }
            }
        };
        self.ck.report(diag.note(format!("the kinds are {}", crate::expr::list_names(KINDS.into_iter()))));
    }

    /// `TimeWindows.of(10s)` and its like, as flow writes it.
    fn window_of_a_class(&self, id: ExprId) -> Option<String> {
        let ExprKind::MethodCall { base, name, args } = &self.ast.exprs[id].kind else { return None };
        let ExprKind::Name(class) = &self.ast.exprs[*base].kind else { return None };
        let texts: Vec<&str> = args.iter().map(|arg| self.ck.text(self.ast.exprs[arg.value].span)).collect();
        crate::elsewhere::window(&class.name, &name.name, &texts)
    }

    fn session(&mut self, args: &'a [Arg], span: Span) -> Option<Window> {
        let slots = self.window_args("`session`", &[("gap", true), ("time", false)], args, span)?;
        let gap = self.ck.duration_option(self.ast, slots[0]?, "`gap` of `session`", 1)?;
        self.timed(WindowKind::Session { gap }, slots[1])
    }

    fn cumulative(&mut self, args: &'a [Arg], span: Span) -> Option<Window> {
        let slots =
            self.window_args("`cumulative`", &[("max", true), ("every", true), ("time", false)], args, span)?;
        let max = self.ck.duration_option(self.ast, slots[0]?, "`max` of `cumulative`", 1)?;
        let every = self.ck.duration_option(self.ast, slots[1]?, "`every` of `cumulative`", 1)?;
        self.divides(max, every, slots[1]?, "`every` of a cumulative window must divide its `max`")?;
        self.overlap(max, every, slots[1]?)?;
        self.timed(WindowKind::Cumulative { max, every }, slots[2])
    }

    fn count_window(&mut self, args: &'a [Arg], span: Span) -> Option<Window> {
        let slots = self.window_args("`count`", &[("n", true), ("every", false)], args, span)?;
        let size = slots[0]?;
        if let ExprKind::Duration(_) = self.ast.exprs[size].kind {
            let at = self.ast.exprs[size].span;
            let text = self.ck.text(at);
            let diag = Diagnostic::new(
                codes::BAD_WINDOW,
                at,
                "`count` makes windows of so many rows, not of a time",
            )
            .at("a time")
            .fix(format!("write `tumbling({text})`"), span, format!("tumbling({text})"));
            self.ck.report(diag);
            return None;
        }
        let n = self.ck.count_option(self.ast, size, "the size of a count window", 1)?;
        let every = match slots[1] {
            Some(id) => Some(self.ck.count_option(self.ast, id, "`every` of a count window", 1)?),
            None => None,
        };
        Some(Window { kind: WindowKind::Count { n, every }, processing_time: false, lateness: 0 })
    }

    fn same_window(&mut self, args: &'a [Arg], span: Span) -> Option<Window> {
        self.window_args("`same`", &[], args, span)?;
        if self.stream.from_window.is_none() && !self.stream.vague {
            let diag = Diagnostic::new(codes::BAD_WINDOW, span, "these rows come from no window")
                .at("the same as which?")
                .help("`same` is the window of an aggregate before: `|> window(tumbling(10s)) |> count() as n |> window(same) |> top(1, by: n)`");
            self.ck.report(diag);
            return None;
        }
        if let Some(from) = &self.stream.from_window
            && !is_time_window(from)
            && from.kind != WindowKind::Same
        {
            let diag = Diagnostic::new(codes::BAD_WINDOW, span, "these rows come from windows of rows")
                .at("of each such window there is one row a key")
                .help("`same` puts rows of windows of time together; leave it out, or use a window of time");
            self.ck.report(diag);
            return None;
        }
        let processing_time = self.stream.from_window.as_ref().is_some_and(|w| w.processing_time);
        Some(Window { kind: WindowKind::Same, processing_time, lateness: 0 })
    }

    fn unknown_window(&mut self, name: &Ident, word: &str) {
        let foreign = crate::suggest::foreign_window(word);
        if let Some(word) = foreign.filter(|word| *word != name.name) {
            self.ck.report(crate::type_exprs::foreign(codes::BAD_WINDOW, name, word, "window"));
            return;
        }
        let diag = Diagnostic::new(codes::BAD_WINDOW, name.span, format!("there is no window `{word}`"))
            .at("not a kind of window")
            .note(format!("the kinds are {}", crate::expr::list_names(KINDS.into_iter())));
        self.ck.report(match crate::suggest::nearest(word, KINDS) {
            Some(near) => crate::expr::did_you_mean(diag, name.span, near),
            None => diag,
        });
    }

    fn window_args(
        &mut self,
        what: &str,
        params: &[(&str, bool)],
        args: &'a [Arg],
        span: Span,
    ) -> Option<Vec<Option<ExprId>>> {
        if self.time_before_lengths(what, args, span) {
            return None;
        }
        args::bind(self.ck, self.ast, &Spec { what, params, first: true }, args, span)
    }

    /// `tumbling(at, 10s)`, `sliding(at, 10s, 5s)`: true if that was reported.
    fn time_before_lengths(&mut self, what: &str, args: &'a [Arg], span: Span) -> bool {
        let [Arg { name: None, value: time }, lengths @ ..] = args else { return false };
        let ExprKind::Name(field) = &self.ast.exprs[*time].kind else { return false };
        let column = self.stream.named(&field.name).next();
        if lengths.is_empty() || column.is_none_or(|(_, column)| column.ty != Some(DataType::Timestamp)) {
            return false;
        }
        let word = what.trim_matches('`');
        let text = |arg: &Arg| {
            let value = self.ck.text(self.ast.exprs[arg.value].span);
            arg.name.as_ref().map_or(value.to_string(), |name| format!("{}: {value}", name.name))
        };
        let written: Vec<String> = lengths.iter().map(text).collect();
        let fixed = match &written[..] {
            [gap] if word == "session" && !gap.contains(':') => format!("session(gap: {gap})"),
            [size, every] if matches!(word, "sliding" | "cumulative") && !every.contains(':') => {
                format!("{word}({size}, every: {every})")
            }
            _ => format!("{word}({})", written.join(", ")),
        };
        let at = self.ast.exprs[*time].span;
        let diag =
            Diagnostic::new(codes::BAD_WINDOW, at, "a window does not name its time: the stream has it")
                .at("not needed")
                .help(format!(
                    "the source says which field is the time: `|> eventTime({}, delay: 5s)`",
                    field.name
                ));
        self.ck.report(diag.with_fix(format!("write `{fixed}`"), span, fixed, Applicability::MaybeIncorrect));
        true
    }

    fn tumbling(&mut self, args: &'a [Arg], span: Span) -> Option<Window> {
        let params = [("size", true), ("offset", false), ("zone", false), ("time", false)];
        let slots = self.window_args("`tumbling`", &params, args, span)?;
        let size = self.ck.duration_option(self.ast, slots[0]?, "`size` of `tumbling`", 1);
        let offset = match slots[1] {
            Some(id) => {
                match self.ck.constant_option(self.ast, id, &DataType::Duration, "`offset` of `tumbling`")? {
                    Value::Duration(offset) => offset,
                    _ => 0,
                }
            }
            None => 0,
        };
        let size = size?;
        let zone = match slots[2] {
            Some(id) => Some(self.zone(id, size)?),
            None => None,
        };
        self.timed(WindowKind::Tumbling { size, offset, zone }, slots[3])
    }

    fn zone(&mut self, id: ExprId, size: i64) -> Option<String> {
        let value = self.ck.constant_option(self.ast, id, &DataType::String, "`zone` of `tumbling`")?;
        let Value::String(zone) = value else { return None };
        let span = self.ast.exprs[id].span;
        if let Err(fault) = flow_plan::civil::Zone::find(&zone) {
            let diag = Diagnostic::new(codes::BAD_WINDOW, span, fault.message).at("not a time zone");
            self.ck.report(crate::zones::with_nearest(diag, span, &zone));
            return None;
        }
        if size % DAY != 0 {
            let diag =
                Diagnostic::new(codes::BAD_WINDOW, span, "only windows of whole days have a time zone")
                    .at("the window is shorter");
            self.ck.report(
                diag.help(
                    "windows of hours and minutes are the same in most zones; shift them with `offset:`",
                ),
            );
            return None;
        }
        Some(zone.to_string())
    }

    fn sliding(&mut self, args: &'a [Arg], span: Span) -> Option<Window> {
        let slots =
            self.window_args("`sliding`", &[("size", true), ("every", true), ("time", false)], args, span)?;
        let size = self.ck.duration_option(self.ast, slots[0]?, "`size` of `sliding`", 1);
        let every = self.ck.duration_option(self.ast, slots[1]?, "`every` of `sliding`", 1);
        let (size, every) = (size?, every?);
        if every > size {
            let span = self.ast.exprs[slots[1]?].span;
            let diag = Diagnostic::new(
                codes::BAD_WINDOW,
                span,
                "the windows would have gaps: `every` is longer than they are",
            )
            .at("longer than the size");
            self.ck.report(diag.help("the first argument is the size, `every` how often one begins"));
            return None;
        }
        self.overlap(size, every, slots[1]?)?;
        self.timed(WindowKind::Sliding { size, every }, slots[2])
    }

    /// Not too many windows begin (or end) while one is open.
    fn overlap(&mut self, size: i64, every: i64, id: ExprId) -> Option<()> {
        let windows = size / every;
        if windows <= MOST_WINDOWS {
            return Some(());
        }
        let span = self.ast.exprs[id].span;
        let message = format!("each row would be in {windows} windows, and {MOST_WINDOWS} are the most");
        let diag = Diagnostic::new(codes::BAD_WINDOW, span, message).at("too short for this size");
        self.ck
            .report(diag.help("each of these windows gives a result of its own: let one begin less often"));
        None
    }

    fn divides(&mut self, whole: i64, part: i64, id: ExprId, message: &str) -> Option<()> {
        if part <= whole && whole % part == 0 {
            return Some(());
        }
        let span = self.ast.exprs[id].span;
        self.ck.report(Diagnostic::new(codes::BAD_WINDOW, span, message).at("does not divide it"));
        None
    }

    fn timed(&mut self, kind: WindowKind, time: Option<ExprId>) -> Option<Window> {
        let processing_time = match time.map(|id| (id, self.word(id))) {
            None | Some((_, Some("event"))) => false,
            Some((_, Some("processing"))) => true,
            Some((id, _)) => {
                self.bad_word(id, "`time` of a window", &["event", "processing"]);
                return None;
            }
        };
        Some(Window { kind, processing_time, lateness: 0 })
    }
}

/// Do its rows go to windows by their event time?
pub(super) fn needs_event_time(window: &Window) -> bool {
    is_time_window(window) && !window.processing_time
}

/// Has it a start and an end in time?
pub(super) fn is_time_window(window: &Window) -> bool {
    matches!(
        window.kind,
        WindowKind::Tumbling { .. }
            | WindowKind::Sliding { .. }
            | WindowKind::Session { .. }
            | WindowKind::Cumulative { .. }
    )
}
