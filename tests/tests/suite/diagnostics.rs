//! What a user sees for each wrong script of `tests/diagnostics`, at two widths, is pinned in a text
//! file beside it. `UPDATE=1` writes those files: read every line of what changes.

use flow_cli::render::{self, Look};
use flow_driver::{Compilation, LoadError, Options};
use flow_syntax::{Applicability, Edit};
use std::path::{Path, PathBuf};

/// What the files show.
const WIDTHS: [usize; 2] = [100, 60];

pub(crate) fn corpus() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("diagnostics")
}

/// Every script of the corpus, as `area/name.flow`.
pub(crate) fn scripts() -> Vec<String> {
    let mut found = Vec::new();
    for area in std::fs::read_dir(corpus()).unwrap() {
        let area = area.unwrap().path();
        for file in std::fs::read_dir(&area).unwrap() {
            let file = file.unwrap().path();
            if file.extension().is_some_and(|e| e == "flow") {
                let name = file.strip_prefix(corpus()).unwrap();
                found.push(name.to_str().unwrap().replace('\\', "/"));
            }
        }
    }
    found.sort();
    found
}

/// Compiles a script; `text` stands for the file itself if it is given. Names are as if the user
/// stood in the script's folder.
fn compile(name: &str, text: Option<&str>) -> Compilation {
    let (area, file) = name.split_once('/').unwrap();
    let mut loader = |path: &Path| match text {
        Some(text) if path == Path::new(file) => Ok(text.as_bytes().to_vec()),
        _ => std::fs::read(corpus().join(area).join(path)).map_err(|_| LoadError::Missing),
    };
    flow_driver::compile(&mut loader, Path::new(file), &Options::default()).unwrap()
}

fn shown(name: &str) -> String {
    let done = compile(name, None);
    let mut out = String::new();
    for width in WIDTHS {
        out.push_str(&format!("════ {width} columns ════\n\n"));
        out.push_str(&render::report(&done.diagnostics, &done.sources, Look::plain(width)));
        out.push('\n');
    }
    out
}

#[test]
fn every_wrong_script_shows_what_is_pinned() {
    let update = std::env::var_os("UPDATE").is_some();
    let scripts = scripts();
    assert!(scripts.len() >= 150, "only {} scripts", scripts.len());
    let mut different = Vec::new();
    for name in &scripts {
        let golden = corpus().join(name).with_extension("out");
        let now = shown(name);
        if std::fs::read_to_string(&golden).ok().as_deref() == Some(now.as_str()) {
            continue;
        }
        if update {
            std::fs::write(&golden, now).unwrap();
        } else {
            different.push(format!("==== {name}\n{now}"));
        }
    }
    assert!(
        different.is_empty(),
        "{} differ (UPDATE=1 writes them):\n{}",
        different.len(),
        different.join("\n")
    );
}

#[test]
fn every_wrong_script_is_found_wrong_and_shown_within_the_width() {
    let mut found = Vec::new();
    for name in scripts() {
        let done = compile(&name, None);
        if done.diagnostics.is_empty() {
            found.push(format!("{name}: nothing is said"));
        }
        for width in WIDTHS {
            let text = render::report(&done.diagnostics, &done.sources, Look::plain(width));
            for line in text.lines().filter(|l| l.chars().count() > width) {
                found.push(format!("{name}: {} columns at width {width}: {line}", line.chars().count()));
            }
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

fn applied(text: &str, edits: &[Edit]) -> String {
    let mut edits: Vec<&Edit> = edits.iter().collect();
    edits.sort_by_key(|e| (e.span.start, e.span.end));
    let (mut out, mut at) = (String::new(), 0);
    for edit in edits {
        out.push_str(&text[at..edit.span.start as usize]);
        out.push_str(&edit.replacement);
        at = edit.span.end as usize;
    }
    out + &text[at..]
}

#[test]
fn every_sure_fix_removes_its_diagnostic_and_adds_no_error() {
    let mut wrong = Vec::new();
    for name in scripts() {
        let before = compile(&name, None);
        let main = flow_syntax::FileId(0);
        for diagnostic in &before.diagnostics {
            for fix in &diagnostic.fixes {
                let here = fix.edits.iter().all(|e| e.span.file == main);
                if fix.applicability != Applicability::MachineApplicable || !here {
                    continue;
                }
                let mended = applied(&before.sources.file(main).text, &fix.edits);
                let after = compile(&name, Some(&mended));
                let same = |d: &&flow_syntax::Diagnostic| {
                    d.code == diagnostic.code && d.message == diagnostic.message
                };
                let count = |c: &Compilation| c.diagnostics.iter().filter(same).count();
                let errors = |c: &Compilation| c.diagnostics.iter().filter(|d| d.is_error()).count();
                // A fix of the syntax may let later stages see the rest of the script for the first time. A bracket
                // that leaves another mistake behind is not all that was missing, or not where it was.
                let syntax =
                    |c: &Compilation| c.diagnostics.iter().filter(|d| d.code.0.starts_with("E01")).count();
                let more = match diagnostic.code.0 {
                    "E0102" => errors(&after) >= errors(&before),
                    code if code.starts_with("E01") => syntax(&after) > syntax(&before),
                    _ => errors(&after) > errors(&before),
                };
                if count(&after) >= count(&before) || more {
                    let shown = render::report(&after.diagnostics, &after.sources, Look::plain(100));
                    wrong
                        .push(format!("==== {name}: {} ({})\n{mended}\n{shown}", fix.title, diagnostic.code));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What is offered to be chosen may leave something to fill in, but no stage or expression that cannot be read, and no name
/// that only the lambda had which it took away.
#[test]
fn no_fix_that_is_offered_makes_what_cannot_be_read() {
    let main = flow_syntax::FileId(0);
    let (mut wrong, mut count) = (Vec::new(), 0);
    for name in scripts() {
        let before = compile(&name, None);
        let fixes = before.diagnostics.iter().flat_map(|d| d.fixes.iter().map(move |fix| (d, fix)));
        for (diagnostic, fix) in fixes.filter(|(_, fix)| fix.edits.iter().all(|e| e.span.file == main)) {
            count += 1;
            let mended = applied(&before.sources.file(main).text, &fix.edits);
            let after = compile(&name, Some(&mended));
            let syntax =
                |c: &Compilation| c.diagnostics.iter().filter(|d| d.code.0.starts_with("E01")).count();
            if syntax(&after) > syntax(&before) {
                let shown = render::report(&after.diagnostics, &after.sources, Look::plain(100));
                wrong.push(format!("==== {name}: {} ({})\n{mended}\n{shown}", fix.title, diagnostic.code));
            }
        }
    }
    assert!(wrong.is_empty() && count > 200, "{count}\n{}", wrong.join("\n"));
}

/// All that `source.fixAll` does at once: what the edits were for is gone, and all can be read that could be.
#[test]
fn all_sure_fixes_together_mend_what_they_are_for() {
    let main = flow_syntax::FileId(0);
    let mut wrong = Vec::new();
    for name in scripts() {
        let before = compile(&name, None);
        let edits = flow_driver::editor::fix_all(&before);
        let mended = applied(&before.sources.file(main).text, &edits);
        let after = compile(&name, Some(&mended));
        let syntax = |c: &Compilation| c.diagnostics.iter().filter(|d| d.code.0.starts_with("E01")).count();
        let done = before
            .diagnostics
            .iter()
            .filter(|d| d.fixes.iter().any(|f| f.edits.iter().all(|e| edits.contains(e))));
        let left: Vec<_> = done
            .filter(|d| {
                let same = |c: &Compilation| {
                    c.diagnostics.iter().filter(|o| (o.code, &o.message) == (d.code, &d.message)).count()
                };
                same(&after) >= same(&before)
            })
            .map(|d| d.message.clone())
            .collect();
        if !left.is_empty() || syntax(&after) > syntax(&before) {
            let shown = render::report(&after.diagnostics, &after.sources, Look::plain(100));
            wrong.push(format!("==== {name}: {left:?}\n{mended}\n{shown}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What `source.fixAll` gives is all it can give: asked again, it has nothing to do.
#[test]
fn fixing_all_comes_to_an_end() {
    let main = flow_syntax::FileId(0);
    let mut left = Vec::new();
    for name in scripts() {
        let before = compile(&name, None);
        let again = |text: &str| Some(compile(&name, Some(text)));
        let edits = flow_driver::editor::fix_all_again(&before, &again);
        let mended = applied(&before.sources.file(main).text, &edits);
        let more = flow_driver::editor::fix_all(&compile(&name, Some(&mended)));
        if !more.is_empty() {
            left.push(format!("==== {name}: {more:?}\n{mended}"));
        }
    }
    assert!(left.is_empty(), "{}", left.join("\n"));
}
