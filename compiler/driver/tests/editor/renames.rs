//! Renaming keeps the meaning: every name of every example, with its uses, becomes another one; and what would change the
//! meaning is refused.

use super::{compiled, findings, read, script};
use flow_driver::editor::{self, Changes, Harm, Target};
use flow_driver::restore::{Effect, compare};
use flow_driver::{Compilation, LoadError, Options, compile};
use flow_edits::examples;
use flow_syntax::TokenKind;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A script in which what stands at an offset is called otherwise, as an editor does it with a script alone.
fn renamed(path: &Path, text: &str, offset: usize, new: &str) -> Result<String, String> {
    let before = compiled(path, text);
    let (first, _) = editor::target(&before, offset).ok_or("no name")?;
    let new = editor::new_name(new)?;
    let mut changes = Changes::default();
    for target in all_of(&before, first.clone()) {
        if target.path != editor::target(&before, offset).ok_or("no name")?.0.path {
            return Err("elsewhere".into());
        }
        editor::knows_all(&before, &target.name, &editor::places(&before, &target))?;
        changes.add(&before.sources, editor::rename_edits(&before, &target, &new));
    }
    let after = changes.applied(path, text.to_string());
    let behind = compiled(path, &after);
    let whole = editor::means_the_same(&before, &behind, &changes, &first, &new);
    if editor::is_one_word(&before, &changes, &first, &new) {
        WORDS.fetch_add(1, Ordering::Relaxed);
        let place = format!("{}: `{}` becomes `{new}`:\n{text}", path.display(), first.name);
        assert_eq!(whole, Ok(()), "{place}");
        let mut changed = editor::saved_changes(&before, &behind, &first);
        changed.extend(editor::writes_otherwise(&before, &behind));
        assert_eq!(editor::changed_by_word(&before, &first, &new), changed, "{place}");
    }
    if let Some(part) = in_part(path, text, &before, &changes, &first, &new) {
        assert_eq!(part, whole, "{}: `{}` becomes `{new}`:\n{text}", path.display(), first.name);
    }
    whole.map(|()| after)
}

/// What is said where only what the changes reach is looked at; none where that is wrong by itself.
fn in_part(
    path: &Path,
    text: &str,
    before: &Compilation,
    changes: &Changes,
    first: &Target,
    new: &str,
) -> Option<Result<(), String>> {
    let reach = editor::reached(before, changes, [&first.name, new]);
    let looked_at = |behind: bool| {
        let mut loader = |asked: &Path| {
            let text = match asked == path {
                true => text.to_string(),
                false => std::fs::read_to_string(asked).map_err(|_| LoadError::Missing)?,
            };
            let part = reach.only(asked, text);
            Ok(if behind { changes.applied(asked, part) } else { part }.into_bytes())
        };
        compile(&mut loader, path, &Options::default()).unwrap()
    };
    let part = looked_at(false);
    if !editor::is_as_right(&part, before) {
        assert!(before.has_errors(), "{:?}\n{text}", findings(&part));
        return None;
    }
    PARTS.fetch_add(1, Ordering::Relaxed);
    Some(editor::means_the_same(&part, &looked_at(true), changes, first, new))
}

/// How often a part was enough, and how often it was seen without looking that nothing else changes.
static PARTS: AtomicUsize = AtomicUsize::new(0);
static WORDS: AtomicUsize = AtomicUsize::new(0);

/// What is one with this to the checker.
fn all_of(compiled: &Compilation, first: Target) -> Vec<Target> {
    let mut all = vec![first];
    let mut next = 0;
    while let Some(target) = all.get(next) {
        let same = editor::same_fields(compiled, target);
        let new: Vec<Target> = same.into_iter().filter(|other| !all.contains(other)).collect();
        all.extend(new);
        next += 1;
    }
    all
}

fn rename(text: &str, mark: &str, new: &str) -> Result<String, String> {
    renamed(Path::new("s.flow"), text, text.find(mark).unwrap() + mark.len() - 1, new)
}

#[test]
fn every_name_of_every_example_can_be_renamed() {
    let mut count = 0;
    for path in examples() {
        let text = read(&path);
        let before = compiled(&path, &text);
        let said = findings(&before);
        let mut done = Vec::new();
        for token in flow_syntax::tokens(&text).iter().filter(|t| t.kind == TokenKind::Ident) {
            let offset = token.span.start as usize;
            let Some((target, _)) = editor::target(&before, offset) else { continue };
            if !path.ends_with(target.path.file_name().unwrap()) || done.contains(&target) {
                continue;
            }
            done.push(target.clone());
            let name = &target.name;
            let new = renamed(&path, &text, offset, "renamed9")
                .unwrap_or_else(|why| panic!("{}: `{name}`: {why}", path.display()));
            count += 1;
            let after = compiled(&path, &new);
            let mut now: Vec<String> = findings(&after).iter().map(|f| f.replace("renamed9", name)).collect();
            now.sort();
            assert_eq!(said, now, "{}: `{name}`", path.display());
            let is_declaration = before.checked.declarations.iter().any(|d| d.name_span.range() == target.at);
            if let (Some(old), Some(new), true) = (&before.plan, &after.plan, is_declaration) {
                for verdict in compare(old, new) {
                    let place = format!("{}: `{name}`: {verdict:?}", path.display());
                    assert!(verdict.effect <= Effect::Restores && !verdict.changes_meaning, "{place}");
                }
            }
        }
    }
    assert!(count > 200, "{count}");
}

/// Every name of every example is given the names of others, at random, and the scripts are edited to pieces: what is
/// refused, and why, is the same for the part that a rename reaches and for the whole (see `renamed`). `FLOW_SEED` sets the
/// seed.
#[test]
fn what_a_rename_reaches_says_what_the_whole_script_says() {
    let mut random = flow_edits::Random::new(flow_edits::setting("FLOW_SEED").unwrap_or(flow_edits::SEED));
    let (mut taken, mut done) = (0, 0);
    // What means something without standing in the script.
    let mut built_in: Vec<&str> = flow_plan::catalogue::all().map(|function| function.name).collect();
    built_in.extend(flow_plan::catalogue::aggregates().map(|aggregate| aggregate.name));
    built_in.extend(flow_types::forms::STAGE_FORMS.iter().map(|form| form.name));
    built_in.extend([
        "windowStart",
        "windowEnd",
        "error",
        "at",
        "late",
        "errors",
        "asc",
        "key",
        "int",
        "file",
    ]);
    for path in examples() {
        let mut text = read(&path);
        for _ in 0..2 {
            let before = compiled(&path, &text);
            let names: Vec<_> =
                flow_syntax::tokens(&text).into_iter().filter(|t| t.kind == TokenKind::Ident).collect();
            let own = |token: &&flow_syntax::Token| {
                let target = editor::target(&before, token.span.start as usize);
                target.is_some_and(|(target, _)| path.ends_with(target.path.file_name().unwrap()))
            };
            for token in names.iter().filter(own) {
                let new = match random.below(4) {
                    0 => "renamed9",
                    1 => random.of(&built_in),
                    _ => &text[random.of(&names).span.range()],
                };
                match renamed(&path, &text, token.span.start as usize, new) {
                    Ok(_) => done += 1,
                    Err(_) => taken += 1,
                }
            }
            flow_edits::edited(&mut random, &text).apply(&mut text);
        }
    }
    assert!(taken > 100 && done > 100, "{taken} {done}");
    let (parts, words) = (PARTS.load(Ordering::Relaxed), WORDS.load(Ordering::Relaxed));
    assert!(parts > 500 && words > 50, "{parts} {words}");
}

const FIELDS: &str = "source a: { k: int, v: int } = file(\"a\", format: json)\n";

fn with_fields(text: &str) -> String {
    format!("{FIELDS}{text}")
}

#[test]
fn a_field_that_is_called_like_what_it_holds_keeps_its_name() {
    let text = with_fields(
        "param lim: int = 1\nfn pair(x: int) -> { x: int } = { x }\n\
         stream s = a as b |> map { lim, v, p: pair(x: v), q: { v, lim }, r: { b.k } }\n\
         sink o = s |> filter(lim > 1 and v > 1 and p.x > 1 and q.v > 1 and r.k > 1) -> blackhole()\n",
    );
    let new = rename(&text, "param lim", "zz").unwrap();
    assert!(new.contains("map { lim: zz, v, ") && new.contains("q: { v, lim: zz }"), "{new}");
    assert!(new.contains("filter(lim > 1"), "{new}");
    let new = rename(&text, "v: int", "zz");
    assert!(new.is_err(), "found at `int`");
    let new = renamed(Path::new("s.flow"), &text, text.find("v: int").unwrap(), "zz").unwrap();
    assert!(new.contains("map { lim, zz, p: pair(x: zz), q: { v: zz, lim }"), "{new}");
    assert!(new.contains("and zz > 1 and p.x > 1 and q.v > 1"), "{new}");
    let new = rename(&text, "fn pair(x", "zz").unwrap();
    assert!(
        new.contains("fn pair(zz: int) -> { x: int } = { x: zz }") && new.contains("pair(zz: v)"),
        "{new}"
    );
    let new = renamed(Path::new("s.flow"), &text, text.find("k: int").unwrap(), "zz").unwrap();
    assert!(new.contains("r: { k: b.zz }"), "{new}");
    let new = rename(&text, "a as b", "zz").unwrap();
    assert!(new.contains("a as zz |>") && new.contains("{ zz.k }"), "{new}");
    let new = renamed(Path::new("s.flow"), &text, text.find("lim, v, p").unwrap(), "zz").unwrap();
    assert!(new.contains("param zz: int") && new.contains("{ lim: zz, v"), "{new}");
}

#[test]
fn what_comes_out_of_a_scan_is_the_field_that_went_in() {
    let text = with_fields(
        "sink o = a |> keyBy(k) |> scan(state: 0, next: state + v, emit: { k, v, n: state }) |> filter(v > 1) -> blackhole()\n",
    );
    let new = renamed(Path::new("s.flow"), &text, text.find("v: int").unwrap(), "zz").unwrap();
    assert!(new.contains("next: state + zz, emit: { k, zz, n: state }) |> filter(zz > 1)"), "{new}");
}

#[test]
fn sides_are_called_like_the_streams_they_come_from() {
    let text = with_fields(
        "table t: { k: int, w: int } key k = file(\"t\", format: json)\n\
         sink o = a |> join(t on a.k == t.k) |> map { a.k, t.w, ..t } -> blackhole()\n",
    );
    let new = rename(&text, "table t", "zz").unwrap();
    assert!(new.contains("join(zz on a.k == zz.k) |> map { a.k, zz.w, ..zz }"), "{new}");
    let new = rename(&text, "source a", "zz").unwrap();
    assert!(new.contains("zz |> join(t on zz.k == t.k) |> map { zz.k,"), "{new}");
}

#[test]
fn a_name_that_is_taken_is_refused_with_where_it_is_declared() {
    let text = with_fields(
        "const lim = 1\nconst other = 2\nfn f(x: int) -> int { let y = x + 1 y + lim + other }\n\
         stream s = a |> filter(v > lim) |> map { k, w: f(v), lim: k }\n\
         sink o = s |> keyBy(k) |> aggregate { m: max(w), n: count() } -> blackhole()\n",
    );
    let refused = |mark: &str, new: &str, says: &[&str]| {
        let why = rename(&text, mark, new).expect_err(mark);
        says.iter().for_each(|part| assert!(why.contains(part), "no {part:?} in {why:?}"));
    };
    refused("stream s", "a", &["`a`", "s.flow:1"]);
    refused("const lim", "other", &["`other`", "s.flow:3"]);
    // A field wins over a constant.
    refused("const lim", "v", &["`v` is taken", "s.flow:5", "s.flow:1"]);
    refused("let y", "lim", &["`lim` is taken", "s.flow:4", "s.flow:2"]);
    refused("const other", "x", &["`x`"]);
    refused("const other", "y", &["`y` is taken", "s.flow:4"]);
    refused("keyBy(k", "v", &["`v`", "s.flow:1"]);
    refused("{ m", "n", &["`n`"]);
    refused("const lim", "filter x", &["no name"]);
    refused("const lim", "stream", &["`stream` is a word of the language"]);
    refused("const lim", "`a`", &["`a`"]);
    assert!(rename(&text, "const lim", "`my limit`").is_ok());
}

#[test]
fn a_name_that_another_one_would_be_taken_for_is_refused() {
    // `total` in the last stage is the parameter; a field of this name would win.
    let text = with_fields(
        "param total: int = 5\nsink o = a |> map { k, v } |> filter(v > total) |> map { k, v } -> blackhole()\n",
    );
    let at = text.find("v: int").unwrap();
    let why = renamed(Path::new("s.flow"), &text, at, "total").unwrap_err();
    assert!(why.contains("`total`") && why.contains("s.flow:"), "{why}");
    // What is kept by `..` would be replaced by what stands beside it.
    let text = with_fields("sink o = a |> map { .., sum: k + v } -> blackhole()\n");
    let why = renamed(Path::new("s.flow"), &text, text.find("v: int").unwrap(), "sum").unwrap_err();
    assert!(why.contains("fields of `o`"), "{why}");
}

#[test]
fn a_script_with_errors_is_renamed_whole_or_not_at_all() {
    let text = with_fields(
        "stream s = a |> filter(v > nothing) |> map { k, v }\nstream t = a |> fliter(v > 1) |> filter(v > 2)\n\
         sink o = a |> filter(v > 1) -> blackhole()\nfn twice(x: int) -> int = x * 2\nstream u = a |> map { w: twice(v) }\n",
    );
    let why = renamed(Path::new("s.flow"), &text, text.find("v: int").unwrap(), "w").unwrap_err();
    assert!(why.contains("`v` in s.flow:3") && why.contains("errors"), "{why}");
    // What is right is known whole.
    let new = rename(&text, "fn twice", "double").unwrap();
    assert!(new.contains("w: double(v)"), "{new}");
    let broken = format!("{text}fn thrice(x: int) -> int = twice(x) +\n");
    let why = rename(&broken, "fn twice", "double").unwrap_err();
    assert!(why.contains("s.flow:7"), "{why}");
}

#[test]
fn the_fields_of_a_union_are_renamed_together() {
    let text = "source a: { k: int, v: int } = file(\"a\", format: json)\n\
                source b: { v: int, k: int } = file(\"b\", format: json)\n\
                stream c = b |> map { k: k + 1, v }\n\
                sink o = a |> union(b, c) |> filter(k > 1) -> blackhole()\n";
    for at in [text.find("k: int").unwrap(), text.find("map { k").unwrap() + 6, text.find("k > 1").unwrap()] {
        let new = renamed(Path::new("s.flow"), text, at, "zz").unwrap();
        let all =
            text.replace("k: int", "zz: int").replace("k: k + 1", "zz: zz + 1").replace("k > 1", "zz > 1");
        assert_eq!(new, all);
    }
}

#[test]
fn states_are_told_what_their_declaration_was_called() {
    let text = with_fields(
        "/// Doc.\nstream s = a |> keyBy(k) |> count() |> @id(\"own\") sum(count)\n\
         @was(\"older\") stream t = a |> distinct(k) |> @was(\"first\") distinct(v)\n\
         sink o = s -> blackhole()\nsink p = t -> blackhole()\n",
    );
    let new = rename(&text, "stream s", "zz").unwrap();
    assert!(new.contains("/// Doc.\n@was(\"s\") stream zz = a |> keyBy(k) |> count()"), "{new}");
    let new = rename(&text, "stream t", "zz").unwrap();
    let pinned = "@was(\"older\") stream zz = a |> @id(\"t.distinct\") @was(\"older.distinct\") distinct(k) |> \
                  @id(\"t.distinct#2\") @was(\"first\") distinct(v)";
    assert!(new.contains(pinned), "{new}");
    let verdicts = compare(&script(&text).plan.unwrap(), &script(&new).plan.unwrap());
    assert!(verdicts.iter().all(|v| v.effect <= Effect::Restores), "{verdicts:?}");
    // Where a source is and what a sink has sealed goes by their names too.
    let new = rename(&text, "source a", "zz").unwrap();
    assert!(new.starts_with("@was(\"a\") source zz:"), "{new}");
    let again = rename(&new, "source zz", "yy").unwrap();
    assert!(again.starts_with("@was(\"zz\") source yy:"), "{again}");
    assert!(rename(&text, "sink o", "zz").unwrap().contains("@was(\"o\") sink zz = s"));
    let plain = with_fields("stream m = a |> filter(k > 1)\nsink o = m -> blackhole()\n");
    assert!(!rename(&plain, "stream m", "zz").unwrap().contains("@was"), "what holds nothing needs none");
}

/// What a rename does to saved state: `?` where nobody knows, `!` where something is lost.
fn saved(text: &str, mark: &str) -> Vec<String> {
    let before = script(text);
    let (target, _) = editor::target(&before, text.find(mark).unwrap()).unwrap();
    let mut changes = Changes::default();
    changes.add(&before.sources, editor::rename_edits(&before, &target, "zz"));
    let after = script(&changes.applied(Path::new("s.flow"), text.to_string()));
    let all = editor::saved_changes(&before, &after, &target);
    let each = |change: editor::SavedChange| {
        let mark = match change.harm {
            Harm::Warned => "~ ",
            Harm::Reads => "< ",
            Harm::Writes => "> ",
            Harm::None => "",
            Harm::Unknown => "? ",
            Harm::Lost => "! ",
        };
        format!("{mark}{}", change.message)
    };
    all.into_iter().map(each).collect()
}

#[test]
fn a_rename_says_what_it_does_to_saved_state() {
    let text = with_fields(
        "param lim: int = 1\nfn twice(n: int) -> int = n * 2\n\
         stream s = a |> map { key: k, v, w: twice(v) } |> filter(w > lim) |> keyBy(key) |> aggregate { n: count(), most: max(w) }\n\
         stream t = a |> map { at: k, b: v, c: v } |> keyBy(c) |> trigger(atEnd) |> latest(by: at)\nsink o = s -> blackhole()\nsink p = t -> stdout(format: json)\n",
    );
    let says = |mark: &str, expected: &[&str]| {
        let found = saved(&text, mark);
        assert_eq!(found.len(), expected.len(), "{mark}: {found:?}");
        for (one, part) in found.iter().zip(expected) {
            assert!(one.starts_with(part), "{mark}: {one:?} is not {part:?}");
        }
    };
    says("most: max", &["! `s.aggregate` drops: `most` is gone"]);
    says("key: k", &["`s.aggregate` migrates: `key` of the key is called `zz` now"]);
    says("b: v", &["! `t.latest` incompatible: `zz` is new in the rows it holds"]);
    // What is computed of these is saved under other names; the check compares how.
    says(
        "k: int",
        &[
            "~ `s.aggregate`: `flow check --against` will warn: the columns that it reads are made of other ones",
            "~ `t.latest`: `flow check --against` will warn: `at` of the rows it holds is computed",
        ],
    );
    // Computed of the same all the same.
    says("w: twice", &[]);
    says("lim: int", &[]);
    says("twice(n", &[]);
    says("s = a", &[]);
    // Grouped by what the source calls so: another key, to a job that goes on.
    let text = with_fields("sink o = a |> keyBy(k) |> count() -> blackhole()\n");
    let found = saved(&text, "k: int");
    assert!(found[0].starts_with("! `o.count` incompatible: the key changed from `k` to `zz`"), "{found:?}");
    let found = saved(&format!("{text}sink p = a |> filter(x > 1) -> blackhole()\n"), "k: int");
    assert!(found[0].starts_with("? "), "{found:?}");
}

const NESTED: &str = "type Pos = { x: int, y: int? }
type Row = { k: int, pos: Pos, all: list<Pos>, by: map<string, Pos> }
fn near(p: Pos, far: int) -> bool = p.x < far
fn move(p: Pos) -> Pos = { x: p.x + 1, y: p.y }
source rows: Row = file(\"r\", format: json)
stream s = rows as r
  |> filter(r.pos.x > 1 and near(pos, 3) and near({ x: 1, y: null }, 3) and any(all, p => p.x > 1))
  |> flatMap(one in all)
  |> map { k, q: pos, sum: pos.x + all[0].x + one.x, new: move(pos).x, pos.x }
  |> rename(q: at)
sink o = s |> filter(at.x > 1 and x > 2) -> blackhole()
test \"t\" {
  given rows [ { k: 1, pos: { x: 1, y: 2 }, all: [{ x: 1, y: 2 }], by: map { \"a\": { x: 1, y: null } } } ]
  expect o []
}
";

#[test]
fn fields_of_records_within_others_are_one_wherever_they_are_used() {
    let before = script(NESTED);
    assert!(!before.has_errors(), "{:?}", findings(&before));
    let declared = NESTED.find("x: int").unwrap();
    let uses = [
        "pos.x > 1",
        "p.x < far",
        "x: p.x",
        "p.x + 1",
        "x: 1, y: null }, 3",
        "p.x > 1",
        "pos.x + all",
        "[0].x",
        "one.x",
        "at.x",
        "x: 1, y: 2 }, all",
        "x: 1, y: 2 }]",
    ];
    for mark in uses {
        let dot = mark.find(".x").map_or(0, |at| at + 1);
        let at = NESTED.find(mark).unwrap_or_else(|| panic!("{mark}"))
            + if mark.starts_with("x:") { 0 } else { dot };
        let found = editor::definition(&before, at).map(|span| span.start as usize);
        assert_eq!(found, Some(declared), "{mark}");
    }
    // What reads a field is called like it, and keeps its name.
    let new = renamed(Path::new("s.flow"), NESTED, declared, "zz").unwrap();
    assert!(new.contains("new: move(pos).zz, x: pos.zz }") && new.contains("at.zz > 1 and x > 2"), "{new}");
    assert!(new.contains("{ zz: 1, y: null } } } ]"), "{new}");
    // What nothing reads is found where it stands.
    let new = renamed(Path::new("s.flow"), "type A = { b: { c: int } }\n", 16, "zz").unwrap();
    assert_eq!(new, "type A = { b: { zz: int } }\n");
}

#[test]
fn fields_of_types_that_stand_for_each_other_are_renamed_together() {
    let types = "type In = { q: int }\ntype A = { x: int, inn: In }\ntype B = { x: int, inn: In }\n";
    let script = |rest: &str| {
        format!(
            "{types}source s: {{ a: A }} = file(\"s\", format: json)\nsource t: {{ a: B }} = file(\"t\", format: json)\n{rest}"
        )
    };
    for rest in [
        "fn f(b: B) -> int = b.x\nsink o = s |> filter(f(a) > 1) -> blackhole()\n",
        "fn g(a: A) -> B = a\nsink o = s |> map { v: g(a).x } -> blackhole()\n",
        "fn h(all: list<B>) -> int = len(all)\nfn both(a: list<A>) -> int = h(a)\n",
        "stream u = s |> union(t)\nsink o = u |> map { v: a.x } -> blackhole()\n",
    ] {
        let text = script(rest);
        let new = rename(&text, "{ x", "zz").unwrap_or_else(|why| panic!("{why}\n{text}"));
        let renamed = text.replace("{ x: int", "{ zz: int").replace("b.x", "b.zz").replace(").x", ").zz");
        assert_eq!(new, renamed.replace("a.x", "a.zz"), "{text}");
    }
    // Where nothing says that they are one, it is refused, with the other type named.
    let text = script(
        "sink o = s |> map { y: a == mk(1) } -> blackhole()\nfn mk(x: int) -> B = { x, inn: { q: 2 } }\n",
    );
    assert!(!super::script(&text).has_errors(), "{:?}", findings(&super::script(&text)));
    let why = rename(&text, "{ x", "zz").unwrap_err();
    assert!(why.contains("; `B` (s.flow:3) has a field `x` of its own"), "{why}");
}

#[test]
fn fields_are_known_behind_whatever_gives_their_records() {
    let head = "type Geo = { lat: int, zone: string }\n\
                source s: { k: int, g: Geo, h: Geo?, all: list<Geo>, at: timestamp } = file(\"s\", format: json) |> eventTime(at)\n\
                table t: { k: int, g: Geo } key k = file(\"t\", format: json)\n\
                fn zero(x: int) -> Geo = { lat: x, zone: \"\" }\n";
    for rest in [
        "s |> map { v: (first(all) ?? g).lat }",
        "s |> map { v: (first([g, zero(1)]) ?? g).lat }",
        "s |> map { v: all[0].lat }",
        "s |> map { v: (h ?? g).lat }",
        "s |> map { v: (h ?? { lat: 1, zone: \"\" }).lat }",
        "s |> map { v: coalesce(h, h, zero(2)).lat }",
        "s |> map { v: (if k > 1 then g else zero(1)).lat }",
        "s |> map { v: (if k > 1 then g else { lat: 2, zone: \"\" }).lat }",
        "s |> map { v: (match k { 1 => g, _ => zero(1) }).lat }",
        "s |> map { v: mapEach(all, x => x.lat) }",
        "s |> keyBy(k) |> aggregate { f: first(g) } |> map { v: f.lat }",
        "s |> keyBy(k) |> aggregate { v: first(g).lat }",
        "s |> keyBy(k) |> aggregate { f: argMax(g, by: k + 1) } |> map { v: f.lat }",
        "s |> keyBy(k) |> window(tumbling(1s)) |> aggregate { f: collect(g) } |> map { v: f[0].lat, w: mapEach(f, x => x.lat) }",
        "s |> keyBy(k) |> first(g) as f |> map { v: f.lat }",
        "s |> keyBy(g) |> count() as n |> map { v: g.lat }",
        "s |> join(t on s.k == t.k) |> map { v: t.g.lat, w: s.g.lat }",
        "s |> leftJoin(t on s.k == t.k) |> map { v: (t.g ?? s.g).lat }",
    ] {
        let text = format!("{head}sink o = {rest} -> blackhole()\n");
        let errors = findings(&script(&text));
        assert!(!script(&text).has_errors(), "{rest}: {errors:?}");
        let new = rename(&text, "{ l", "wide").unwrap_or_else(|why| panic!("{rest}: {why}"));
        assert_eq!(new, text.replace("lat", "wide"), "{rest}");
        let read = text.rfind(".lat").unwrap() + 2;
        let declared = editor::definition(&script(&text), read).unwrap();
        assert_eq!(&text[declared.start as usize..][..8], "lat: int", "{rest}");
    }
}

#[test]
fn the_fields_of_the_state_of_a_scan_have_their_names_where_it_begins() {
    let text = "source s: { k: int, v: int } = file(\"s\", format: json)\n\
                sink o = s |> keyBy(k) |> scan(state: { sum: 0, of: { n: 0 } }, \
                next: if v > 3 then state else { sum: state.sum + v, of: { n: state.of.n + 1 } }, \
                emit: { k, sum: state.sum, n: state.of.n }) -> blackhole()\n";
    assert!(!script(text).has_errors(), "{:?}", findings(&script(text)));
    for (mark, renamed) in [
        ("{ sum", text.replace("{ sum:", "{ total:").replace("state.sum", "state.total")),
        ("state.sum", text.replace("{ sum:", "{ total:").replace("state.sum", "state.total")),
        ("{ n", text.replace("{ n:", "{ total:").replace("of.n", "of.total")),
    ] {
        assert_eq!(rename(text, mark, "total").unwrap_or_else(|why| panic!("{mark}: {why}")), renamed);
    }
    let at = text.rfind("of.n").unwrap() + 3;
    let declared = editor::definition(&script(text), at).unwrap();
    assert_eq!(declared.start as usize, text.find("n: 0").unwrap());
    assert!(editor::hover(&script(text), at).unwrap().markdown.contains("int"));
}

#[test]
fn a_word_that_is_a_field_of_a_written_type_and_what_it_holds_is_told_apart() {
    let text = "type P = { x: int, y: int }\nfn mk(x: int, p: P) -> P = { x, p.y }\n\
                source s: { x: int, p: P } = file(\"s\", format: json)\nsink o = s |> map { q: mk(x, p) } -> blackhole()\n";
    let of = |mark: &str| renamed(Path::new("s.flow"), text, text.find(mark).unwrap(), "zz").unwrap();
    let field = of("x: int, y");
    assert!(field.contains("{ zz: int, y: int }") && field.contains("= { zz: x, p.y }"), "{field}");
    let parameter = of("x: int, p: P) ->");
    assert!(parameter.contains("fn mk(zz: int, p: P) -> P = { x: zz, p.y }"), "{parameter}");
    let both = of("y: int }");
    assert!(both.contains("zz: int }\n") && both.contains("= { x, p.zz }"), "{both}");
}

#[test]
fn a_rename_says_what_a_restore_would_warn_of() {
    let text = with_fields(
        "stream s = a |> map { k, p: v + 1 } |> keyBy(k) |> sum(p) as total\nsink o = s -> blackhole()\n",
    );
    assert_eq!(saved(&text, "p: v"), [""; 0]);
    let found = saved(&text, "v: int");
    assert!(
        found.len() == 1 && found[0].starts_with("~ `s.sum`: `flow check --against` will warn"),
        "{found:?}"
    );
}

#[test]
fn a_rename_says_which_sources_look_for_another_name_in_their_data() {
    let text = "type Geo = { zone: string }\ntype Row = { k: int, geo: list<Geo?> }\n\
                source a: Row = file(\"a\", format: json)\n\
                source b: { k: int } = file(\"b\", format: csv(header: false))\n\
                table t: { k: int, v: int } key k = file(\"t\", format: csv)\n\
                stream s = a |> map { k, own: k + 1 }\nsink o = s -> blackhole()\n";
    let says = |mark: &str| {
        let before = script(text);
        let (target, _) = editor::target(&before, text.find(mark).unwrap()).unwrap();
        let all = editor::reads_otherwise(&before, &target, "`zz`");
        assert!(all.iter().all(|change| change.harm == Harm::Reads));
        all.into_iter().map(|change| change.message).collect::<Vec<_>>()
    };
    assert_eq!(
        says("k: int, geo"),
        ["`a` finds `k` in its data by that name, and looks for `zz` behind this"]
    );
    assert_eq!(
        says("zone: string"),
        ["`a` finds `zone` in its data by that name, and looks for `zz` behind this"]
    );
    assert_eq!(says("v: int"), ["`t` finds `v` in its data by that name, and looks for `zz` behind this"]);
    assert!(says("k: int } = file(\"b\"").is_empty(), "without a header columns go by their order");
    assert!(says("own: k").is_empty() && says("Geo = {").is_empty());
}

#[test]
fn a_rename_says_which_sinks_write_another_name() {
    let text = "type Geo = { zone: string }\ntype Row = { k: int, geo: Geo }\n\
                source a: Row = file(\"a\", format: json)\n\
                stream s = a |> map { k, geo, own: k + 1 }\n\
                sink o = s -> file(\"o\", format: json)\n\
                sink p = s |> map { other: own } -> stdout(format: json)\n\
                sink c = s |> map { own } -> file(\"c\", format: csv(header: false))\n\
                sink h = s -> blackhole()\n";
    let says = |mark: &str| {
        let before = script(text);
        let (target, _) = editor::target(&before, text.find(mark).unwrap()).unwrap();
        let mut changes = Changes::default();
        changes.add(&before.sources, editor::rename_edits(&before, &target, "zz"));
        let after = script(&changes.applied(Path::new("s.flow"), text.to_string()));
        assert!(!after.has_errors(), "{:?}", findings(&after));
        let all = editor::writes_otherwise(&before, &after);
        assert!(all.iter().all(|change| change.harm == Harm::Writes));
        all.into_iter().map(|change| change.message).collect::<Vec<_>>()
    };
    assert_eq!(says("k: int, geo"), ["`o` writes `zz` behind this, and no `k`"]);
    assert_eq!(says("own: k"), ["`o` writes `zz` behind this, and no `own`"]);
    assert_eq!(says("other: own"), ["`p` writes `zz` behind this, and no `other`"]);
    assert_eq!(says("zone: string"), ["`o` writes other names within `geo` behind this"]);
    assert!(says("s = a").is_empty() && says("Geo = {").is_empty());
}
