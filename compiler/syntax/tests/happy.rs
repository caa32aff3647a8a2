//! The whole language parses.
#![allow(missing_docs)]

use flow_syntax::ast::{DeclKind, StageKind};
use flow_syntax::{FileId, parse};

#[test]
fn the_tour_of_the_whole_language_parses_without_a_diagnostic() {
    let text = include_str!("scripts/tour.flow");
    let (program, diagnostics) = parse(FileId(0), text);
    let shown: Vec<String> = diagnostics
        .iter()
        .map(|d| format!("{} {} at {:?}", d.code, d.message, &text[d.primary.span.range()]))
        .collect();
    assert!(shown.is_empty(), "{shown:#?}");
    assert!(program.decls.iter().all(|d| !matches!(d.kind, DeclKind::Error(_))));
    assert_eq!(program.decls.len(), 24);
    for decl in &program.decls {
        let stages = match &decl.kind {
            DeclKind::Stream(s) => &s.pipeline.stages,
            DeclKind::Sink(s) => &s.pipeline.stages,
            DeclKind::Source(s) => &s.stages,
            _ => continue,
        };
        assert!(stages.iter().all(|s| !matches!(s.kind, StageKind::Error)));
    }
}
