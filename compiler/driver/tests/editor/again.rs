//! Random edits on every example: what is known behind an edit, with what was known before it, is what is known of a text
//! that is read for the first time. Not only what is wrong with it, but all that checking found, and how it is laid out.
//!
//! `FLOW_EDITS` sets the number of edits on each example, `FLOW_SEED` the seed.

use crate::read;
use flow_driver::editor::{format_edits, format_range};
use flow_driver::{Compilation, LoadError, Memories, Options, analyse, analyse_again};
use flow_edits::{Random, SEED, edited, examples, setting};
use flow_syntax::{Edit, declarations};
use std::collections::HashMap;
use std::path::Path;

/// Edits on each example in a run of all tests.
const EDITS: usize = 40;

/// All that is known, with columns numbered in the order they are met.
fn known(compiled: &Compilation) -> Vec<String> {
    let checked = &compiled.checked;
    let mut numbers: HashMap<String, usize> = HashMap::new();
    let declarations = checked.declarations.iter().map(|declaration| {
        let shown = format!("{declaration:?}");
        let mut parts = shown.split(", id: ");
        let mut out = parts.next().unwrap_or_default().to_string();
        for part in parts {
            let digits = part.bytes().take_while(u8::is_ascii_digit).count();
            let next = numbers.len();
            let number = *numbers.entry(part[..digits].to_string()).or_insert(next);
            out.push_str(&format!(", id: {number}{}", &part[digits..]));
        }
        out
    });
    let mut all: Vec<String> = declarations.collect();
    let sorted = |mut facts: Vec<String>| {
        facts.sort();
        facts
    };
    all.extend(sorted(checked.types().map(|fact| format!("{fact:?}")).collect()));
    all.extend(sorted(checked.references().map(|fact| format!("{fact:?}")).collect()));
    all.extend(checked.tests.iter().map(|test| format!("{test:?}")));
    all.extend(compiled.diagnostics.iter().map(|diagnostic| format!("{diagnostic:?}")));
    all.push(format!("{:?} {}", checked.job, checked.ok));
    all
}

#[test]
fn what_is_known_behind_an_edit_is_what_a_fresh_look_finds() {
    let edits = setting("FLOW_EDITS").map_or(EDITS, |n| n as usize);
    let seed = setting("FLOW_SEED").unwrap_or(SEED);
    for (number, path) in examples().into_iter().enumerate() {
        let seed = seed + number as u64;
        storm(&path, edits, seed);
    }
}

#[test]
fn what_an_edit_does_not_reach_is_not_checked_again() {
    let script = |limit: &str| {
        format!(
            "type Bid = {{ auction: int, price: int }}\n\
             source bids: Bid = file(\"b\", format: json)\n\
             stream cheap = bids |> filter(price < {limit})\n\
             stream high = bids |> filter(price > 9)\n\
             sink a = cheap -> blackhole()\n\
             sink b = high -> blackhole()\n"
        )
    };
    let path = Path::new("s.flow");
    let look = |text: &str, memories: &mut Memories, before: Option<&mut Compilation>| {
        let mut loader = |_: &Path| Ok(text.as_bytes().to_vec());
        analyse_again(&mut loader, path, &Options::default(), Some(memories), before).unwrap()
    };
    // A column keeps its number as long as nobody looks again.
    let numbers = |compiled: &Compilation, name: &str| -> Vec<u32> {
        let index = compiled.checked.declarations.iter().position(|d| &*d.name == name).unwrap();
        compiled.checked.pipeline(index).unwrap().output.columns.iter().map(|column| column.id).collect()
    };
    let mut memories = Memories::default();
    let mut before = look(&script("5"), &mut memories, None);
    let kept: Vec<_> = ["bids", "high", "b"].map(|name| numbers(&before, name)).into();
    let after = look(&script("50"), &mut memories, Some(&mut before));
    assert_eq!(["bids", "high", "b"].map(|name| numbers(&after, name)).to_vec(), kept);
    // Another type of rows reaches all.
    let mut before = after;
    let wider = script("50").replace("price: int", "price: int, note: string");
    let after = look(&wider, &mut memories, Some(&mut before));
    for (name, kept) in ["bids", "high", "b"].into_iter().zip(&kept) {
        let now = numbers(&after, name);
        assert!(now.len() == 3 && kept.iter().all(|number| !now.contains(number)), "{name}");
    }
}

/// The declarations of a range in the one style, by way of the whole text.
fn slowly(text: &str, range: std::ops::Range<usize>) -> Option<Vec<Edit>> {
    let formatted = flow_syntax::format(text).ok()?;
    let pairs = declarations(text).into_iter().zip(declarations(&formatted));
    let touched = pairs.filter(|(old, _)| {
        let old = old.range();
        old.start <= range.end && range.start <= old.end
    });
    let changed = touched.filter(|(old, new)| text[old.range()] != formatted[new.range()]);
    Some(changed.map(|(span, new)| Edit { span, replacement: formatted[new.range()].to_string() }).collect())
}

fn storm(path: &Path, edits: usize, seed: u64) {
    let mut random = Random::new(seed);
    let original = read(path);
    let mut text = original.clone();
    let mut memories = Memories::default();
    let mut before: Option<Compilation> = None;
    for step in 0..edits {
        // A script that was edited to pieces is of no use: begin again.
        if step % 8 == 7 {
            text.clone_from(&original);
        } else if step > 0 {
            edited(&mut random, &text).apply(&mut text);
        }
        let mut loader = |asked: &Path| match asked == path {
            true => Ok(text.as_bytes().to_vec()),
            false => std::fs::read(asked).map_err(|_| LoadError::Missing),
        };
        let options = Options::default();
        let fresh = analyse(&mut loader, path, &options, None).unwrap();
        let again = analyse_again(&mut loader, path, &options, Some(&mut memories), before.as_mut()).unwrap();
        let place = || format!("{}, FLOW_SEED={seed}, edit {step}:\n{text}", path.display());
        for (a, b) in known(&again).iter().zip(&known(&fresh)) {
            assert_eq!(a, b, "{}", place());
        }
        assert_eq!(known(&again).len(), known(&fresh).len(), "{}", place());
        let formatted = format_edits(&text, None);
        assert_eq!(format_edits(&text, Some((&memories, path))), formatted, "{}", place());
        if formatted.is_some() {
            let (a, b) = (random.below(text.len()), random.below(text.len()));
            let range = a.min(b)..a.max(b);
            assert_eq!(format_range(&text, range.clone()), slowly(&text, range), "{}", place());
        }
        before = Some(again);
    }
}
