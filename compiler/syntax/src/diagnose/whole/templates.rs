//! Templates: `{{ ref('bids') }}`, `{{ var('min', 10) }}`, `{% if … %}`.

use super::{Found, is_plain};
use crate::diagnose::piece::Piece;
use crate::diagnostic::Applicability;

pub(super) const MESSAGE: &str = "flow has no templates: what is meant is written as it is";

impl Piece<'_, '_> {
    pub(super) fn template(&self, open: usize) -> Option<Found> {
        let close = self.partner(open)?;
        if open > 0 && self.is_one_of(open - 1, &["map", "aggregate"]) || !self.glued(open) {
            return None;
        }
        if self.text(open + 1, open + 2) == "%" {
            let statement = self.text(close - 1, close) == "%" && self.glued(close - 1);
            return statement.then(|| self.statement(open, close));
        }
        if self.class(open + 1) != b'{' || self.partner(open + 1)? + 1 != close || !self.glued(close - 1) {
            return None;
        }
        self.value(open, close)
    }

    /// `{% if is_incremental() %}`.
    fn statement(&self, open: usize, close: usize) -> Found {
        Found::new(open, close + 1, "flow has no templates: a script is not made of another text")
            .at("not a word of flow")
            .help("what differs from run to run is a `param`, given with `flow run -p NAME=VALUE`; rows that were read before are not read again by themselves")
            .perhaps("", Applicability::MaybeIncorrect)
    }

    /// `{{ … }}` from `open` to `close`.
    fn value(&self, open: usize, close: usize) -> Option<Found> {
        let (from, end) = (open + 2, close - 1);
        let found = Found::new(open, close + 1, MESSAGE).at("not a word of flow");
        if end == from + 1 && self.is_name(from) {
            return Some(self.param(found, self.text(from, end), None));
        }
        if !self.class(from).is_ascii_alphabetic()
            || self.class(from + 1) != b'('
            || self.partner(from + 1)? + 1 != end
        {
            return None;
        }
        let args = self.parts(from + 2, end - 1);
        let texts: Vec<&str> = args.iter().filter_map(|(from, _)| self.in_quotes(*from)).collect();
        let last = texts.last().copied().filter(|name| is_plain(name));
        Some(match (self.text(from, from + 1), last) {
            ("ref" | "source", Some(name)) => found
                .help("a source, a stream or a table is read by its name")
                .write(name),
            ("env_var", _) if !texts.is_empty() => {
                let default = texts.get(1).map_or(String::new(), |text| format!(", \"{text}\""));
                let fixed = format!("env(\"{}\"{default})", texts[0]);
                found.help("`env(\"NAME\", \"default\")` stands in the arguments of connectors").write(fixed)
            }
            ("var", _) if !texts.is_empty() && is_plain(texts[0]) => {
                let default = args.get(1).map(|(from, end)| self.mended(*from, *end));
                self.param(found, texts[0], default)
            }
            ("config", _) => found.help(
                "how a job runs stands in `job name { parallelism: 2, checkpoint: 10s }`, where rows go to in a `sink`",
            ),
            _ => found.help("a name stands alone, a function is called `f(x)`"),
        })
    }

    /// A value that is given from outside; it is declared with its default if it is not.
    fn param(&self, found: Found, name: &str, default: Option<String>) -> Found {
        let help = format!(
            "a value from outside is declared, `param {name} = 10`, and given with `flow run -p {name}=20`"
        );
        let sure = match &default {
            Some(_) => Applicability::MachineApplicable,
            None => Applicability::HasPlaceholders,
        };
        let param = Some((name.to_string(), default.unwrap_or("10".into())));
        Found { param, ..found.help(help).perhaps(name, sure) }
    }
}
