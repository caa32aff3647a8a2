//! An editor asks in the middle of every word: no edit may make the compiler or its answers panic.

use super::{complete, definition, folds, hints, hover, references, symbols};
use crate::{LoadError, Options, compile};
use std::path::Path;

/// Splitmix64: the seed is printed when something fails.
struct Random(u64);

impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % n.max(1) as u64) as usize
    }
}

const PIECES: &[&str] = &[
    "|> ", "-> ", "(", ")", "{", "}", "\"", "stream ", "= ", ",", "keyBy(", "window(", "@", "//", "/*", "é",
    "😀", "\n", "1.5e", "..", "`", "join(", "as ",
];

fn script() -> String {
    let words = include_str!("../../../../lang-examples/word-count/word-count.flow");
    words.to_string()
        + "\ntype Bid = { auction: int, price: int, at: timestamp }\n\
           source bids: Bid = file(\"b\", format: json) |> eventTime(at, delay: 5s)\n\
           stream hot = bids as b |> keyBy(auction) |> window(tumbling(10s)) |> aggregate { n: count() } |> filter(n > 1)\n\
           sink hotOut = hot -> stdout(format: json)\n\
           test \"t\" { given bids [] expect hot [] }\n"
}

#[test]
fn an_edit_storm_never_panics() {
    let seed = 20_261_126;
    let mut random = Random(seed);
    let mut text = script();
    for step in 0..1500 {
        if step % 100 == 0 {
            text = script();
        }
        let mut at = random.below(text.len() + 1);
        while !text.is_char_boundary(at) {
            at -= 1;
        }
        if random.below(3) == 0 {
            let mut end = (at + random.below(12)).min(text.len());
            while !text.is_char_boundary(end) {
                end += 1;
            }
            text.replace_range(at..end, "");
        } else {
            text.insert_str(at, PIECES[random.below(PIECES.len())]);
        }
        let bytes = text.clone().into_bytes();
        let mut loader = |path: &Path| match path.to_str() {
            Some("s.flow") => Ok(bytes.clone()),
            _ => Err(LoadError::Missing),
        };
        let asked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            let compiled = compile(&mut loader, Path::new("s.flow"), &Options::default()).unwrap();
            let offset = at.min(text.len());
            let _ = (hover(&compiled, offset), definition(&compiled, offset), references(&compiled, offset));
            let _ = (complete(&compiled, offset), hints(&compiled), symbols(&compiled), folds(&compiled));
        }));
        assert!(asked.is_ok(), "seed {seed}, step {step}:\n{text}");
    }
}
