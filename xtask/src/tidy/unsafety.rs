//! Where `unsafe` may stand, and that each block says why it is sound.

use super::SourceFile;

/// Path prefixes that may hold `unsafe`: generated code, one module of `data`, the decoders' SIMD
/// scanner, the allocator, two calls of the system, the editors' generated parser in C and the benchmarks' memory maps (never linked into the product).
const ALLOWED: &[&str] = &[
    "compiler/codegen/src/",
    "runtime/data/src/",
    "runtime/connectors/src/",
    "runtime/env/src/limits.rs",
    "runtime/env/src/memory.rs",
    "runtime/env/src/writeback.rs",
    "editor-support/tree-sitter-flow/bindings/rust/lib.rs",
    "benches/src/",
];

/// Only one file (or one folder) of each of these crates may hold it.
const ONE_MODULE: &[&str] = &["runtime/data/src/view", "runtime/connectors/src/scan"];

/// How many lines above a block its reason may start.
const REACH: usize = 8;

/// Adds what is wrong with one file.
pub(super) fn check(file: &SourceFile, found: &mut Vec<String>) {
    if !file.path.ends_with(".rs") {
        return;
    }
    let lines: Vec<&str> = file.text.lines().collect();
    for (i, line) in lines.iter().enumerate() {
        if !is_unsafe(line) {
            continue;
        }
        if !allowed(&file.path) {
            found.push(format!("{}:{}: `unsafe` does not belong here", file.path, i + 1));
        }
        // What an `unsafe fn` asks of its callers is clippy's business (`missing_safety_doc`).
        if line.contains("unsafe fn") {
            continue;
        }
        let reason = lines[i.saturating_sub(REACH)..=i].iter();
        if !reason.clone().any(|l| l.contains("SAFETY:") || l.contains("# Safety")) {
            found.push(format!("{}:{}: `unsafe` without a `// SAFETY:` reason", file.path, i + 1));
        }
    }
}

fn allowed(path: &str) -> bool {
    ALLOWED.iter().any(|a| {
        path.starts_with(a)
            && (!ONE_MODULE.iter().any(|m| m.starts_with(a))
                || ONE_MODULE.iter().any(|m| path.starts_with(m)))
    })
}

/// The keyword itself, outside line comments and string literals on one line.
fn is_unsafe(line: &str) -> bool {
    let code = line.split("//").next().unwrap_or_default();
    let code: String = code.split('"').step_by(2).collect::<Vec<_>>().join(" ");
    code.split(|c: char| !c.is_alphanumeric() && c != '_').any(|word| word == "unsafe")
        && !code.contains("`unsafe`")
        && !code.trim_start().starts_with("#[")
}

#[cfg(test)]
mod tests {
    use super::{SourceFile, check};

    fn findings(path: &str, text: &str) -> Vec<String> {
        let mut found = Vec::new();
        check(&SourceFile { path: path.into(), text: text.into() }, &mut found);
        found
    }

    #[test]
    fn a_block_with_a_reason_in_codegen_is_fine() {
        let text = "// SAFETY: the pointer is ours.\nunsafe { f() }\n";
        assert!(findings("compiler/codegen/src/call.rs", text).is_empty());
    }

    #[test]
    fn a_block_without_a_reason_is_found() {
        assert_eq!(findings("compiler/codegen/src/call.rs", "unsafe { f() }\n").len(), 1);
    }

    #[test]
    fn a_block_in_another_crate_is_found() {
        let text = "// SAFETY: because.\nunsafe { f() }\n";
        assert_eq!(findings("runtime/engine/src/x.rs", text).len(), 1);
    }

    #[test]
    fn the_word_in_a_comment_or_string_or_longer_name_is_not_the_keyword() {
        assert!(findings("cli/src/x.rs", "// unsafe here\nlet a = \"unsafe\"; unsafe_code();\n").is_empty());
    }
}
