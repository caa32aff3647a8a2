//! Random edits of scripts, for tests of what must hold behind any edit. Knows nothing of the language but some of its words.
#![allow(clippy::disallowed_methods, reason = "tests read the examples and their settings")]

use std::ops::Range;
use std::path::{Path, PathBuf};

/// The seed of a run that names none.
pub const SEED: u64 = 20_261_126;

/// Splitmix64: the same seed gives the same edits for ever.
pub struct Random(u64);

impl Random {
    /// A sequence that belongs to this seed.
    pub fn new(seed: u64) -> Random {
        Random(seed)
    }

    /// A number in `0..below`; 0 if `below` is 0.
    pub fn below(&mut self, below: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % below.max(1) as u64) as usize
    }

    /// One of them.
    pub fn of<'t, T>(&mut self, all: &'t [T]) -> &'t T {
        &all[self.below(all.len())]
    }
}

/// A number from the environment: `FLOW_EDITS`, `FLOW_SEED`.
pub fn setting(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

/// Every script under `lang-examples`, by path.
pub fn examples() -> Vec<PathBuf> {
    let top = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../lang-examples");
    let mut found = Vec::new();
    let mut open = vec![std::fs::canonicalize(top).expect("the examples are there")];
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(folder).expect("a folder can be read") {
            let path = entry.expect("a folder can be read").path();
            match path.is_dir() {
                true => open.push(path),
                false if path.extension().is_some_and(|e| e == "flow") => found.push(path),
                false => {}
            }
        }
    }
    found.sort();
    assert!(found.len() > 30, "only {} examples", found.len());
    found
}

/// The character's border at or before an offset.
pub fn border(text: &str, mut at: usize) -> usize {
    at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

/// A change of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// What goes.
    pub range: Range<usize>,
    /// What comes.
    pub new: String,
}

impl Change {
    /// Does it to the text.
    pub fn apply(&self, text: &mut String) {
        text.replace_range(self.range.clone(), &self.new);
    }
}

const PIECES: &[&str] = &[
    "|> ",
    "-> ",
    "(",
    ")",
    "{",
    "}",
    "[",
    "]",
    "\"",
    "stream ",
    "= ",
    ",",
    "keyBy(",
    "window(",
    "@",
    "@id(\"x\") ",
    "//",
    "/*",
    "/* another */ ",
    " // behind\n",
    "// a comment\n",
    "é",
    "😀",
    "\n",
    "\r\n",
    "\r",
    " ",
    "   ",
    "\t",
    "x",
    "1",
    "1.5e",
    "?",
    "..",
    "`",
    "join(",
    "as ",
    "filter(true)",
    "test \"t\" {",
    "given ",
    ": ",
    "const price = 3\n",
    "stream again = bids\n",
    "type Bid = { auction: int }\n",
    "fn twice(x: int) -> int = x * 2\n",
    "|> limit(3) ",
    "|> keyBy(word) ",
];

/// Something is typed anywhere, or a few letters go.
pub fn typed(random: &mut Random, text: &str) -> Change {
    let start = border(text, random.below(text.len() + 1));
    let length = if random.below(3) == 0 { random.below(20) } else { 0 };
    let end = border(text, start + length).max(start);
    let new = if random.below(4) == 0 { "" } else { *random.of(PIECES) };
    Change { range: start..end, new: new.to_string() }
}

/// What people do: a word becomes another, a line goes, comes or moves, something is typed.
pub fn edited(random: &mut Random, text: &str) -> Change {
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let line_at = |line: usize| lines[..line].iter().map(|l| l.len()).sum::<usize>();
    let words = words(text);
    match random.below(6) {
        0 | 1 if !words.is_empty() => {
            let (range, other) = (random.of(&words).clone(), random.of(&words).clone());
            Change { range, new: text[other].to_string() }
        }
        2 if !lines.is_empty() => {
            let at = line_at(random.below(lines.len()));
            let gone = text[at..].find('\n').map_or(text.len(), |i| at + i + 1);
            Change { range: at..gone, new: String::new() }
        }
        3 if !lines.is_empty() => {
            let line = random.of(&lines).to_string();
            let at = line_at(random.below(lines.len() + 1));
            Change { range: at..at, new: line }
        }
        _ => typed(random, text),
    }
}

/// Where the words stand.
fn words(text: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut start = None;
    for (at, c) in text.char_indices().chain([(text.len(), ' ')]) {
        match (c.is_ascii_alphanumeric() || c == '_', start) {
            (true, None) => start = Some(at),
            (false, Some(from)) => {
                found.push(from..at);
                start = None;
            }
            _ => {}
        }
    }
    found
}
