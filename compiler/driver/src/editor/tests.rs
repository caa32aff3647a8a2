//! An editor asks in the middle of every word: no edit may make the compiler or its answers panic.

use super::{complete, definition, folds, hints, hover, references, symbols};
use crate::{LoadError, Options, compile};
use flow_edits::{Random, SEED, setting, typed};
use std::path::Path;

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
    let seed = setting("FLOW_SEED").unwrap_or(SEED);
    let mut random = Random::new(seed);
    let mut text = script();
    for step in 0..1500 {
        if step % 100 == 0 {
            text = script();
        }
        let change = typed(&mut random, &text);
        change.apply(&mut text);
        let at = change.range.start;
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
        assert!(asked.is_ok(), "FLOW_SEED={seed}, step {step}:\n{text}");
    }
}
