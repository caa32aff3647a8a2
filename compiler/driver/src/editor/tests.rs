//! An editor asks in the middle of every word: no edit may make the compiler or its answers panic.

use super::{complete, definition, folds, hints, hover, problems, references, symbols};
use crate::{LoadError, Loader, Options, compile};
use flow_edits::{Random, SEED, setting, typed};
use std::path::{Path, PathBuf};

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

/// A disk on which `link` leads to `real`.
struct Linked<'t>(&'t [(&'t str, &'t str)]);

impl Loader for Linked<'_> {
    fn load(&mut self, path: &Path) -> Result<Vec<u8>, LoadError> {
        let path = self.identity(path);
        let found = self.0.iter().find(|(name, _)| path == Path::new(name));
        found.map(|(_, text)| text.as_bytes().to_vec()).ok_or(LoadError::Missing)
    }

    fn identity(&self, path: &Path) -> PathBuf {
        let path = crate::normal(path);
        path.strip_prefix("link").map(|rest| Path::new("real").join(rest)).unwrap_or(path)
    }
}

#[test]
fn a_mistake_in_a_file_that_a_link_leads_to_too_is_told_where_that_file_is_imported() {
    let main = "import \"fine.flow\"\nimport \"link/deep.flow\"\nimport \"real/broken.flow\"\n";
    let files = [
        ("s.flow", main),
        ("fine.flow", "type Fine = { a: int }\n"),
        ("real/deep.flow", "type Deep = { a: int }\n"),
        ("real/broken.flow", "type Broken = { a: Missing }\n"),
    ];
    let told = |main: &str| {
        let mut files = files;
        files[0].1 = main;
        let compiled = compile(&mut Linked(&files), Path::new("s.flow"), &Options::default()).unwrap();
        let found = problems(&compiled);
        assert_eq!(found.iter().filter(|found| found.is_error()).count(), 1, "{found:?}");
        main[found[0].primary.span.range()].to_string()
    };
    assert_eq!(told(main), "\"real/broken.flow\"");
    assert_eq!(told(&main.replace("real/broken", "link/broken")), "\"link/broken.flow\"");
    // Known by one path, named by the other.
    let both = "import \"fine.flow\"\nimport \"link/broken.flow\"\nimport \"real/broken.flow\"\n";
    assert_eq!(told(both), "\"link/broken.flow\"");
}
