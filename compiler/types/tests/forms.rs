//! The forms that editors show are those the checker takes.
#![allow(missing_docs)]

use flow_syntax::{FileId, SourceMap, parse};
use flow_types::forms::{Form, STAGE_FORMS, WINDOW_FORMS};
use flow_types::{Input, Levels, check};

/// The names of the note `its arguments are …` of a call with an argument that nobody has.
fn arguments(call: &str) -> Option<Vec<String>> {
    let text = format!(
        "source bids: {{ id: int, at: timestamp }} = file(\"b\", format: json) |> eventTime(at, delay: 5s)\n\
         source untimed: {{ id: int, at: timestamp }} = file(\"b\", format: json)\n\
         stream s = {} |> {call}\nsink o = s -> stdout(format: json)\n",
        if call.starts_with("eventTime") { "untimed" } else { "bids" }
    );
    let mut sources = SourceMap::default();
    sources.add("x.flow", text.as_str());
    let (program, diagnostics) = parse(FileId(0), &text);
    assert!(diagnostics.is_empty(), "{call}: {diagnostics:?}");
    let programs = [program];
    let (params, levels) = ([], Levels::default());
    let input = Input {
        sources: &sources,
        programs: &programs,
        syntax_errors: false,
        params: &params,
        levels: &levels,
    };
    let (_, found) = check(&input);
    let notes = found.iter().flat_map(|d| &d.notes);
    let list = notes.into_iter().find_map(|note| note.strip_prefix("its arguments are "))?;
    Some(list.split('`').skip(1).step_by(2).map(str::to_string).collect())
}

fn compare(form: &Form, call: &str) {
    let mut named: Vec<String> = form.named().iter().map(ToString::to_string).collect();
    let mut taken = arguments(call).unwrap_or_else(|| panic!("nothing is said of `{call}`"));
    named.sort();
    taken.sort();
    assert_eq!(named, taken, "{}", form.form);
}

#[test]
fn arguments_of_stages_and_windows_are_those_that_the_checker_takes() {
    // These take fields, names or other streams: any name is one of theirs.
    let open = ["map", "aggregate", "drop", "rename", "flatMap", "keyBy", "distinct", "union"];
    for form in STAGE_FORMS.iter().filter(|form| !open.contains(&form.name)) {
        let inside =
            if form.name.ends_with("oin") { "untimed as u on bids.id == u.id, zzz: 1" } else { "zzz: 1" };
        compare(form, &format!("{}({inside})", form.name));
    }
    for form in WINDOW_FORMS.iter().filter(|form| !form.parameters().is_empty()) {
        compare(form, &format!("window({}(zzz: 1))", form.name));
    }
}
