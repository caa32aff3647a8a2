//! What the documentation shows beside scripts: each kind of block is read by what understands it, and every `flow …` that
//! a sentence or a block names is one that the command line takes.
//!
//! How far that goes: `flow` blocks compile (flow-driver's test of the guide); the shell blocks of the first pipeline are
//! run (`guide.rs`), those of other pages are parsed by the command's own reader; JSON and YAML are parsed, and what the
//! YAML of the CI page uses must be there; examples of functions are evaluated (`catalogue.rs`). Java and SQL of "coming
//! from Flink" are parsed, not compiled: they are parts of programs, and Flink is 200 MB that only the benchmarks
//! install. Lua and Emacs Lisp are loaded by the sessions of the editors (`editor-support/*/test/run.sh`).

use super::guide::blocks;
use saphyr::{LoadableYamlNode, Yaml};
use std::path::{Path, PathBuf};

struct Block {
    place: String,
    kind: String,
    text: String,
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Every page for people: the README, the folders `docs` and `editor-support`.
fn pages() -> Vec<(String, String)> {
    let mut open = vec![root().join("docs"), root().join("editor-support")];
    let mut found = vec![root().join("README.md"), root().join("cli/template/README.md")];
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() && !path.ends_with("node_modules") {
                open.push(path);
            } else if path.extension().is_some_and(|end| end == "md") {
                found.push(path);
            }
        }
    }
    found.sort();
    let read = |path: PathBuf| {
        let name = path.strip_prefix(root()).unwrap().display().to_string();
        (name, std::fs::read_to_string(&path).unwrap())
    };
    found.into_iter().map(read).collect()
}

fn all_blocks() -> Vec<Block> {
    let of = |(name, text): (String, String)| {
        let found = blocks(&text).into_iter().enumerate();
        let found = found.map(move |(number, (info, text))| Block {
            place: format!("{name}, block {}", number + 1),
            kind: info.split(' ').next().unwrap_or_default().to_string(),
            text,
        });
        found.collect::<Vec<_>>()
    };
    pages().into_iter().flat_map(of).collect()
}

/// The blocks of a kind; there must be some, or nothing is checked.
fn of_kind(kind: &str) -> Vec<Block> {
    let found: Vec<Block> = all_blocks().into_iter().filter(|block| block.kind == kind).collect();
    assert!(!found.is_empty(), "no page has a block of {kind}");
    found
}

#[test]
fn every_block_is_of_a_kind_that_something_checks() {
    // Without a kind: examples of functions, pictures of folders and of bytes.
    let known = ["", "flow", "text", "sh", "json", "yaml", "lua", "elisp", "java", "sql"];
    for block in all_blocks() {
        assert!(known.contains(&block.kind.as_str()), "{}: nothing checks `{}`", block.place, block.kind);
    }
}

/// The words of a command, without its comment and where its output goes; what would need a shell to understand is not in the guide.
fn words(line: &str) -> Vec<&str> {
    line.split_whitespace().take_while(|word| !word.starts_with(['#', '>', '|'])).collect()
}

#[test]
fn every_command_of_a_shell_block_is_one_that_flow_takes() {
    let mut commands = 0;
    for block in of_kind("sh") {
        for line in block.text.lines() {
            let words = words(line);
            match words.first() {
                Some(&"flow") => {
                    commands += 1;
                    if let Some(wrong) = flow_cli::misread(&words, false) {
                        panic!("{}: `{line}`: {wrong}", block.place);
                    }
                }
                Some(&("cargo" | "cd" | "head")) | None => {}
                Some(other) => panic!("{}: nothing checks `{other}`", block.place),
            }
            if let ["cargo", "run", rest @ ..] = &words[..] {
                let at = rest.iter().position(|word| *word == "--").unwrap();
                let flow = [&["flow"], &rest[at + 1..]].concat();
                assert_eq!(flow_cli::misread(&flow, false), None, "{}: `{line}`", block.place);
            }
        }
    }
    assert!(commands > 20, "{commands}");
}

/// What stands between backquotes in the prose of a page, and begins with `flow `.
fn commands_in_prose(page: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut fenced = false;
    for line in page.lines() {
        if line.starts_with("```") {
            fenced = !fenced;
        } else if !fenced {
            let spans = line.split('`').skip(1).step_by(2);
            found.extend(spans.filter(|span| span.starts_with("flow ")));
        }
    }
    found
}

#[test]
fn every_command_in_a_sentence_is_one_that_flow_takes() {
    let mut commands = 0;
    for (name, page) in pages() {
        for command in commands_in_prose(&page) {
            // `flow check …` and `flow run [FILE]` say that something stands there.
            let words: Vec<&str> =
                words(command).into_iter().filter(|word| !word.starts_with(['…', '['])).collect();
            commands += 1;
            if let Some(wrong) = flow_cli::misread(&words, true) {
                panic!("{name}: `{command}`: {wrong}");
            }
        }
    }
    assert!(commands > 30, "{commands}");
}

#[test]
fn every_json_block_is_json() {
    for block in of_kind("json") {
        let read = serde_json::from_str::<serde_json::Value>(&block.text);
        assert!(read.is_ok(), "{}: {read:?}", block.place);
    }
}

fn yaml<'a>(place: &str, text: &'a str) -> Yaml<'a> {
    match Yaml::load_from_str(text) {
        Ok(mut documents) if documents.len() == 1 => documents.remove(0),
        other => panic!("{place}: {other:?}"),
    }
}

fn keys(mapping: &Yaml<'_>) -> Vec<String> {
    let pairs = mapping.as_mapping().unwrap();
    pairs.iter().map(|(key, _)| key.as_str().unwrap().to_string()).collect()
}

#[test]
fn every_yaml_block_is_yaml_and_what_it_uses_is_there() {
    let read = |name: &str| std::fs::read_to_string(root().join(name)).unwrap();
    let (action, template) = (read("editor-support/ci/action.yml"), read("editor-support/ci/gitlab.yml"));
    let (action, template) = (yaml("action.yml", &action), yaml("gitlab.yml", &template));
    let mut seen = Vec::new();
    for block in of_kind("yaml") {
        let page = yaml(&block.place, &block.text);
        for (_, job) in page.as_mapping().unwrap().iter() {
            let Some(parent) = job.as_mapping_get("extends") else { continue };
            let parent = parent.as_str().unwrap();
            assert!(keys(&template).iter().any(|key| key == parent), "{}: `{parent}`", block.place);
            seen.push("gitlab");
        }
        let steps = page
            .as_mapping_get("jobs")
            .and_then(|jobs| jobs.as_mapping_get("check")?.as_mapping_get("steps"));
        for step in steps.and_then(Yaml::as_sequence).into_iter().flatten() {
            if step.as_mapping_get("uses").and_then(Yaml::as_str) == Some("./ci") {
                for key in keys(step.as_mapping_get("with").unwrap()) {
                    let inputs = keys(action.as_mapping_get("inputs").unwrap());
                    assert!(inputs.contains(&key), "{}: the action has no input `{key}`", block.place);
                }
                seen.push("github");
            }
        }
    }
    assert_eq!(seen, ["github", "gitlab"], "both CI systems have a block");
}

#[test]
fn the_project_s_own_yaml_is_yaml() {
    for name in [
        ".github/workflows/ci.yml",
        ".pre-commit-hooks.yaml",
        "editor-support/ci/action.yml",
        "editor-support/ci/gitlab.yml",
    ] {
        yaml(name, &std::fs::read_to_string(root().join(name)).unwrap());
    }
}

#[test]
fn every_java_block_is_java() {
    let mut parser = tree_sitter::Parser::new();
    parser.set_language(&tree_sitter_java::LANGUAGE.into()).unwrap();
    for block in of_kind("java") {
        let tree = parser.parse(&block.text, None).unwrap();
        assert!(
            !tree.root_node().has_error(),
            "{}: {}\n{}",
            block.place,
            tree.root_node().to_sexp(),
            block.text
        );
    }
}

#[test]
fn every_sql_block_is_sql() {
    let dialect = sqlparser::dialect::GenericDialect {};
    for block in of_kind("sql") {
        // Two parts of standard SQL that the parser knows in other dialects only: a table as an argument, a table as of a time.
        let text =
            block.text.replace("TUMBLE(TABLE ", "TUMBLE(").replace("FOR SYSTEM_TIME AS OF o.proc_time", "");
        let read = sqlparser::parser::Parser::parse_sql(&dialect, &text);
        assert!(read.is_ok(), "{}: {read:?}\n{}", block.place, block.text);
    }
}
