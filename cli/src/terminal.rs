//! What the terminal can show: width, colours, box-drawing characters.

use crate::args::{Color, Shown};
use crate::render::Look;
use std::io::IsTerminal;

const WIDTH: usize = 100;

/// How standard error wants diagnostics.
pub(crate) fn stderr(shown: &Shown) -> Look {
    look(shown, std::io::stderr().is_terminal())
}

/// How standard output wants text for people (plans, diffs, explanations).
pub(crate) fn stdout(shown: &Shown) -> Look {
    look(shown, std::io::stdout().is_terminal())
}

fn look(shown: &Shown, terminal: bool) -> Look {
    let color = match shown.color {
        // Whoever sets it wants none, whatever a script or an alias says for him.
        _ if set("NO_COLOR") => false,
        Color::Always => true,
        Color::Never => false,
        Color::Auto => terminal && variable("TERM").as_deref() != Some("dumb"),
    };
    Look { width: width(shown, terminal), color, unicode: unicode() }
}

fn width(shown: &Shown, terminal: bool) -> usize {
    let asked = shown.width.or_else(|| variable("COLUMNS").and_then(|c| c.trim().parse().ok()));
    let real = || terminal.then(|| terminal_size::terminal_size().map(|(w, _)| usize::from(w.0))).flatten();
    // Lines over 140 columns are hard to read, also where there is room.
    let width = asked.or_else(|| real().map(|w| w.min(140))).unwrap_or(WIDTH);
    width.clamp(40, 400)
}

/// Only a locale that names another character set than UTF-8 asks for ASCII.
fn unicode() -> bool {
    if variable("TERM").as_deref() == Some("dumb") {
        return false;
    }
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"].iter().find_map(|name| variable(name));
    locale.is_none_or(|locale| {
        let locale = locale.to_ascii_lowercase();
        locale.contains("utf-8") || locale.contains("utf8")
    })
}

fn set(name: &str) -> bool {
    variable(name).is_some()
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}
