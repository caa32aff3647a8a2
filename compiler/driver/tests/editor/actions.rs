//! Code actions: what is offered can be applied, and does what it says.

use super::{compiled, edited, findings, read, script};
use flow_driver::Compilation;
use flow_driver::editor::{ActionKind, actions, fix_all, format_edits, format_range};
use flow_edits::examples;

fn state_ids(compiled: &Compilation) -> Vec<String> {
    let operators = compiled.plan.iter().flat_map(|plan| &plan.operators);
    let mut ids: Vec<String> = operators.filter_map(|o| o.state.as_ref()).map(|s| s.id.clone()).collect();
    ids.sort();
    ids
}

/// The offers at every stage of every example: applied, the script is as right as before, and its states have their ids.
fn applied_everywhere(kind: ActionKind) -> usize {
    let mut count = 0;
    for path in examples() {
        let text = read(&path);
        let before = compiled(&path, &text);
        for (at, _) in text.match_indices("|> ") {
            for action in actions(&before, at + 3..at + 4).into_iter().filter(|a| a.kind == kind) {
                count += 1;
                let new = edited(&text, &action.edits);
                let after = compiled(&path, &new);
                let place = format!("{} at {at}: {}\n{new}", path.display(), action.title);
                let errors = |c: &Compilation| c.diagnostics.iter().filter(|d| d.is_error()).count();
                assert_eq!(errors(&before), errors(&after), "{place}\n{:?}", findings(&after));
                assert_eq!(state_ids(&before), state_ids(&after), "{place}");
            }
        }
    }
    count
}

#[test]
fn a_state_can_be_pinned_wherever_there_is_one() {
    assert!(applied_everywhere(ActionKind::Rewrite) > 30);
}

#[test]
fn the_first_stages_of_a_pipeline_can_become_a_stream() {
    assert!(applied_everywhere(ActionKind::Extract) > 30);
}

#[test]
fn an_extracted_stream_stands_above_its_reader_and_keeps_states() {
    let text = "source a: { k: int, v: int } = file(\"a\", format: json)\n\n/// Sums.\nsink o = a\n  |> filter(v > 0)\n  |> keyBy(k)\n  |> aggregate { n: count() }\n  |> filter(n > 1)\n  -> stdout(format: json)\n";
    let compiled = script(text);
    let at = text.find("aggregate").unwrap();
    let action = actions(&compiled, at..at).into_iter().find(|a| a.kind == ActionKind::Extract).unwrap();
    assert_eq!(
        edited(text, &action.edits),
        "source a: { k: int, v: int } = file(\"a\", format: json)\n\nstream oInput = a\n  |> filter(v > 0)\n  |> keyBy(k)\n  |> @id(\"o.aggregate\") aggregate { n: count() }\n\n/// Sums.\nsink o = oInput\n  |> filter(n > 1)\n  -> stdout(format: json)\n"
    );
    let key = text.find("keyBy").unwrap();
    let between = actions(&compiled, key..key).into_iter().any(|a| a.kind == ActionKind::Extract);
    assert!(!between, "nothing can stand between a key and what uses it");
}

#[test]
fn fields_that_a_type_lacks_are_added_with_the_type_of_their_use() {
    let text = "type Bid = { auction: int }\nsource bids: Bid = file(\"b\", format: json) |> eventTime(at, delay: 5s)\nsink o = bids |> filter(price > 10 and channel == \"web\") |> filter(not ok) -> stdout(format: json)\n";
    let compiled = script(text);
    let at = text.find("price").unwrap();
    let found = actions(&compiled, at..at).into_iter().find(|a| a.title.starts_with("add `")).unwrap();
    let new = edited(text, &found.edits);
    assert!(
        new.starts_with("type Bid = { auction: int, at: timestamp, price: int, channel: string, ok: bool }"),
        "{new}"
    );
    let after = script(&new);
    assert!(!after.has_errors(), "{:?}", findings(&after));
    let lines = text.replace("{ auction: int }", "{\n  auction: int,\n}");
    let compiled = script(&lines);
    let at = lines.find("price").unwrap();
    let found = actions(&compiled, at..at).into_iter().find(|a| a.title.starts_with("add `")).unwrap();
    let new = edited(&lines, &found.edits);
    assert!(new.starts_with("type Bid = {\n  auction: int,\n  at: timestamp,\n  price: int,"), "{new}");
    assert!(!script(&new).has_errors(), "{new}");
}

#[test]
fn all_certain_fixes_are_applied_at_once() {
    let text = "source a: { k: int, v: int } = file(\"a\", format: json)\nsink o = a |> where(v > 0 && k > 1) |> group_by(k) |> count() -> stdout(format: json)\n";
    let compiled = script(text);
    assert!(compiled.has_errors());
    let mut new = edited(text, &fix_all(&compiled));
    for _ in 0..3 {
        new = edited(&new, &fix_all(&script(&new)));
    }
    assert!(!script(&new).has_errors(), "{new}");
}

#[test]
fn a_range_is_formatted_without_touching_the_rest() {
    let text = "type   A = { a:int }\n\n\ntype   B = { b:int }\n";
    let at = text.find("B").unwrap();
    let edits = format_range(text, at..at).unwrap();
    assert_eq!(edited(text, &edits), "type   A = { a:int }\n\n\ntype B = { b: int }\n");
    assert_eq!(edited(text, &format_edits(text, None).unwrap()), flow_syntax::format(text).unwrap());
    assert_eq!(format_edits("type A = {", None), None);
    // What is wrong elsewhere is no reason to leave it.
    let wrong = format!("stream a = = b\n{text}");
    assert_eq!(format_range(&wrong, wrong.len() - 1..wrong.len()).unwrap().len(), 1);
    assert_eq!(format_range(&wrong, 0..1), None);
    for path in examples() {
        let text = read(&path).replace("  |>", "   |>").replace(", ", ",");
        if let Some(edits) = format_edits(&text, None) {
            assert_eq!(edited(&text, &edits), flow_syntax::format(&text).unwrap(), "{}", path.display());
        }
    }
}
