use super::*;
use flow_syntax::{Code, Diagnostic, FileId, SourceMap, Span, codes};

fn at(sources: &SourceMap, words: &str) -> Span {
    let (file, start) = sources
        .files()
        .find_map(|(id, f)| f.text.find(words).map(|at| (id, at)))
        .expect("the words are in one of the texts");
    Span::new(file, start, start + words.len())
}

fn script(text: &str) -> SourceMap {
    let mut sources = SourceMap::default();
    sources.add("hot.flow", text);
    sources
}

const HOT: &str = "type Bid = { auction: int, price: int }\n\nsource bids: Bid = stdin(format: json)\n\nstream hot = bids\n  |> filter(pric > 100)\n  |> map { auction }\n";
const CODE: Code = codes::UNKNOWN_FIELD;

fn unknown_field(sources: &SourceMap) -> Diagnostic {
    Diagnostic::new(
        CODE,
        at(sources, "pric >").before().to(at(sources, "pric")),
        "`bids` has no field `pric`",
    )
    .at("not a field of this row")
}

#[test]
fn a_place_is_shown_with_its_line_and_the_lines_around() {
    let sources = script(HOT);
    let mut d = unknown_field(&sources);
    d.primary.span = Span::new(FileId(0), 120, 124);
    insta::assert_snapshot!(one(&d, &sources, Look::plain(100)));
}

#[test]
fn far_places_are_a_picture_of_their_own_behind_the_mistake() {
    let sources = script(HOT);
    let d = Diagnostic::new(CODE, at(&sources, "pric >"), "`bids` has no field `pric`")
        .at("not a field of this row")
        .label(at(&sources, "price: int"), "there is `price`")
        .fix("write `price`", at(&sources, "pric >"), "price >");
    insta::assert_snapshot!(one(&d, &sources, Look::plain(100)));
}

#[test]
fn a_place_within_another_cuts_it() {
    let sources = script("stream a = b |> map { x: left + right }\n");
    let d = Diagnostic::new(CODE, at(&sources, "left + right"), "`+` takes no `int` and `string`")
        .at("these do not add up")
        .label(at(&sources, "left"), "`int`")
        .label(at(&sources, "right"), "`string`");
    insta::assert_snapshot!(one(&d, &sources, Look::plain(100)));
}

#[test]
fn what_is_missing_at_the_end_of_the_file_is_shown_behind_the_last_word() {
    let sources = script("stream a = b |> filter(x > 1\n\n\n");
    let end = sources.file(FileId(0)).text.len();
    let d = Diagnostic::new(CODE, Span::new(FileId(0), end, end), "a bracket is never closed")
        .at("`)` is missing");
    insta::assert_snapshot!(one(&d, &sources, Look::plain(100)));
}

#[test]
fn an_empty_file_and_spans_behind_every_end_are_shown_without_a_panic() {
    for text in ["", "\n", "é", "a\r\nb\r\n"] {
        let sources = script(text);
        for (start, end) in [(0, 0), (0, 9), (1, 1), (5, 90_000)] {
            let d = Diagnostic::new(CODE, Span::new(FileId(0), start, end), "nothing here").at("here");
            assert!(one(&d, &sources, Look::plain(60)).contains("hot.flow"), "{text:?} {start}..{end}");
        }
    }
    let d = Diagnostic::new(CODE, Span::new(FileId(7), 0, 1), "another world");
    assert!(one(&d, &script(""), Look::plain(60)).contains("another world"));
}

#[test]
fn a_long_line_is_cut_around_the_mistake() {
    let list = (0..60).map(|i| format!("field{i}")).collect::<Vec<_>>().join(", ");
    let sources = script(&format!("stream a = b |> map {{ {list} }}\n"));
    let d = Diagnostic::new(CODE, at(&sources, "field30"), "no such field")
        .at("not a field of this row, and this label is long enough to be wrapped at the edge");
    let shown = one(&d, &sources, Look::plain(60));
    assert!(shown.lines().all(|l| text::columns(l) <= 60), "{shown}");
    insta::assert_snapshot!(shown);
}

#[test]
fn tabs_wide_and_control_characters_keep_the_mark_under_its_word() {
    let sources = script("\tstream 日本 = b\t|> filter(\u{1b}[31m x)\n");
    let d = Diagnostic::new(CODE, at(&sources, "filter"), "no").at("here");
    insta::assert_snapshot!(one(&d, &sources, Look::plain(60)));
}

#[test]
fn places_in_other_files_are_shown_with_their_file() {
    let mut sources = script("import \"types.flow\"\nsource bids: Bit = stdin(format: json)\n");
    sources.add("types.flow", "type Bid = { a: int }\n");
    let d = Diagnostic::new(codes::UNKNOWN_TYPE, at(&sources, "Bit"), "there is no type `Bit`")
        .label(at(&sources, "Bid"), "did you mean this one?")
        .fix("write `Bid`", at(&sources, "Bit"), "Bid");
    insta::assert_snapshot!(one(&d, &sources, Look::plain(100)));
}

#[test]
fn a_fix_that_words_do_not_say_is_shown_as_the_mended_line() {
    let sources = script("stream a = b\n  |> filter(s > 3)\n");
    let place = at(&sources, "s > 3");
    let mut d = Diagnostic::new(CODE, place, "`string` and `int` do not compare").at("not the same");
    d.fixes.push(flow_syntax::Fix {
        title: "convert it".into(),
        edits: vec![
            flow_syntax::Edit { span: place.before(), replacement: "int(".into() },
            flow_syntax::Edit {
                span: Span { end: place.start + 1, ..place }.after(),
                replacement: ")".into(),
            },
        ],
        applicability: flow_syntax::Applicability::MachineApplicable,
    });
    insta::assert_snapshot!(one(&d, &sources, Look::plain(100)));
}

#[test]
fn without_unicode_all_of_the_drawing_is_ascii() {
    let sources = script(HOT);
    let d = Diagnostic::new(CODE, at(&sources, "pric >"), "`bids` has no field `pric`")
        .at("not a field")
        .label(at(&sources, "price: int"), "there is `price`")
        .note("a fact")
        .help("do it");
    let shown = one(&d, &sources, Look { width: 80, color: false, unicode: false });
    assert!(shown.is_ascii());
    insta::assert_snapshot!(shown);
}

#[test]
fn colours_say_which_place_is_the_mistake() {
    let sources = script(HOT);
    let d = Diagnostic::new(CODE, at(&sources, "pric >"), "no")
        .at("mistake")
        .label(at(&sources, "filter"), "stage");
    let shown = one(&d, &sources, Look { width: 80, color: true, unicode: true });
    let mistake = shown.lines().find(|l| l.contains("mistake")).unwrap();
    let stage = shown.lines().find(|l| l.contains("stage")).unwrap();
    assert!(mistake.contains("31;1m") || mistake.contains("31m"), "{mistake:?}");
    assert!(stage.contains("36m"), "{stage:?}");
}

#[test]
fn the_closing_line_counts_errors_and_warnings() {
    let sources = script(HOT);
    let error = Diagnostic::new(CODE, at(&sources, "bids"), "a");
    let mut warning = error.clone();
    warning.severity = flow_syntax::Severity::Warning;
    let all = report(&[error.clone(), error, warning], &sources, Look::plain(80));
    assert_eq!(all.lines().last(), Some("2 errors, 1 warning"));
    assert_eq!(report(&[], &sources, Look::plain(80)), "");
}

#[test]
fn of_a_mistake_that_is_made_everywhere_some_places_are_shown_and_the_others_counted() {
    let sources = script(&"x".repeat(60));
    let mut d = Diagnostic::new(CODE, Span::new(FileId(0), 0, 1), "no `x`");
    for at in 1..25 {
        d = d.label(Span::new(FileId(0), 2 * at, 2 * at + 1), "here too");
    }
    for width in [60, 100] {
        let shown = one(&d, &sources, Look::plain(width));
        assert_eq!(shown.matches("here too").count(), MOST_PLACES, "{shown}");
        assert!(shown.contains("note: the same in 4 more places"), "{shown}");
        assert!(shown.lines().all(|line| text::columns(line) <= width), "{shown}");
    }
}
