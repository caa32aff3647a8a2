//! The grammar of the editors and that of the compiler are one language: each script that the compiler's
//! parser accepts parses here without an error node, and the two trees agree.

use crate::shape::{self, Shape};
use crate::{nodes, parse, scripts};

#[test]
fn every_script_the_compiler_accepts_parses_without_an_error_node() {
    let mut wrong = Vec::new();
    let (mut examples, mut blocks, mut others) = (0, 0, 0);
    for script in scripts::all().iter().filter(|script| script.program.is_some()) {
        match script.name.as_str() {
            name if name.starts_with("lang-examples/") => examples += 1,
            name if name.starts_with("docs/") => blocks += 1,
            _ => others += 1,
        }
        let tree = parse(&script.text);
        if let Some(node) = nodes(&tree).iter().find(|node| node.is_error() || node.is_missing()) {
            let at = node.start_position();
            let line = script.text.lines().nth(at.row).unwrap_or_default();
            wrong.push(format!("{}, line {}, column {}: {line}", script.name, at.row + 1, at.column + 1));
        }
    }
    assert!(wrong.is_empty(), "{} scripts:\n{}", wrong.len(), wrong.join("\n"));
    assert!(examples >= 40 && blocks >= 60 && others >= 100, "{examples} + {blocks} + {others} scripts");
}

#[test]
fn an_example_the_compiler_rejects_is_a_mistake_of_the_example() {
    let all = scripts::all();
    let rejected = all.iter().filter(|s| s.program.is_none() && s.name.starts_with("lang-examples/"));
    assert_eq!(rejected.map(|s| s.name.as_str()).collect::<Vec<_>>(), [""; 0]);
}

fn agree(ours: impl Fn(&str) -> Vec<Shape>, theirs: impl Fn(&flow_syntax::ast::Program) -> Vec<Shape>) {
    let mut wrong = Vec::new();
    let mut compared = 0;
    for script in scripts::all() {
        let Some(program) = &script.program else { continue };
        let (mut here, mut there) = (ours(&script.text), theirs(program));
        here.sort();
        there.sort();
        compared += there.len();
        let more = here.iter().filter(|s| !there.contains(s)).map(|s| s.shown("only here", &script.text));
        let less = there.iter().filter(|s| !here.contains(s)).map(|s| s.shown("only there", &script.text));
        let all: Vec<String> = more.chain(less).collect();
        if !all.is_empty() || here.len() != there.len() {
            wrong.push(format!("{}\n  {}", script.name, all.join("\n  ")));
        }
    }
    assert!(wrong.is_empty(), "{} scripts:\n{}", wrong.len(), wrong.join("\n"));
    assert!(compared > 500, "only {compared} compared");
}

#[test]
fn both_trees_have_the_same_declarations() {
    agree(|text| shape::declarations(&parse(text), text), shape::compilers_declarations);
}

#[test]
fn both_trees_have_the_same_stages() {
    agree(|text| shape::stages(&parse(text), text), shape::compilers_stages);
}

#[test]
fn both_trees_have_the_same_expressions_so_operators_bind_alike() {
    agree(|text| shape::expressions(&parse(text), text), shape::compilers_expressions);
}

#[test]
fn operators_bind_as_in_the_compiler_in_every_pair() {
    let operators = ["or", "and", "==", "<", "in", "not in", "..", "??", "+", "-", "*", "/", "%"];
    let before = ["", "-", "not "];
    let mut wrong = Vec::new();
    for first in operators {
        for second in operators {
            for prefix in before {
                let text = format!("const x = {prefix}a {first} b {second} c\n");
                let (program, diagnostics) = flow_syntax::parse(flow_syntax::FileId(0), &text);
                if !diagnostics.is_empty() {
                    continue;
                }
                let mut here = shape::expressions(&parse(&text), &text);
                let mut there = shape::compilers_expressions(&program);
                here.sort();
                there.sort();
                if here != there {
                    wrong.push(text);
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.concat());
}
