//! Renaming keeps the meaning: every name of every example, with its uses, becomes another one.

use super::{compiled, findings, read};
use flow_driver::editor;
use flow_edits::examples;
use flow_syntax::{Edit, FileId, TokenKind};

#[test]
fn every_name_of_every_example_can_be_renamed() {
    let mut renamed = 0;
    for path in examples() {
        let text = read(&path);
        let before = compiled(&path, &text);
        let said = findings(&before);
        let mut done = Vec::new();
        for token in flow_syntax::tokens(&text).iter().filter(|t| t.kind == TokenKind::Ident) {
            let offset = token.span.start as usize;
            let spans = editor::renames(&before, offset);
            let Some(declared) = spans.first() else { continue };
            if declared.file != FileId(0) || done.contains(declared) {
                continue;
            }
            done.push(*declared);
            renamed += 1;
            let name = &text[declared.range()];
            let edits: Vec<Edit> =
                spans.iter().map(|span| Edit { span: *span, replacement: "renamed9".into() }).collect();
            let after = compiled(&path, &super::edited(&text, &edits));
            let now = findings(&after);
            // Streams of a union must have the same names: that the others have theirs still is told.
            if now.iter().any(|finding| finding.starts_with("E0410")) {
                continue;
            }
            let now: Vec<String> = now.iter().map(|f| f.replace("renamed9", name)).collect();
            let mut said = said.clone();
            said.sort();
            let mut now = now;
            now.sort();
            assert_eq!(said, now, "{}: `{name}`", path.display());
        }
    }
    assert!(renamed > 200, "{renamed}");
}
