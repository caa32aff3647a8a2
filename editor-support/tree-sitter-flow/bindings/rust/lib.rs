//! The grammar of flow for editors that use tree-sitter, and its queries. Reads text only; what a
//! script means is the compiler's.

use tree_sitter_language::LanguageFn;

#[allow(unsafe_code, reason = "the generated parser is C")]
mod parser {
    // SAFETY: `src/parser.c`, which the build script compiles and links, defines it with this signature.
    unsafe extern "C" {
        pub(super) fn tree_sitter_flow() -> *const ();
    }
}

/// The language, for `tree_sitter::Parser::set_language`.
#[allow(unsafe_code, reason = "the generated parser is C")]
// SAFETY: the function comes from a parser that tree-sitter generated.
pub const LANGUAGE: LanguageFn = unsafe { LanguageFn::from_raw(parser::tree_sitter_flow) };

/// What each node is, as JSON.
pub const NODE_TYPES: &str = include_str!("../../src/node-types.json");

/// Colours.
pub const HIGHLIGHTS_QUERY: &str = include_str!("../../queries/highlights.scm");
/// What can be folded.
pub const FOLDS_QUERY: &str = include_str!("../../queries/folds.scm");
/// How far lines are indented.
pub const INDENTS_QUERY: &str = include_str!("../../queries/indents.scm");
/// Text of other languages inside of a script.
pub const INJECTIONS_QUERY: &str = include_str!("../../queries/injections.scm");
/// Scopes, definitions and uses of names.
pub const LOCALS_QUERY: &str = include_str!("../../queries/locals.scm");
/// The outline.
pub const TAGS_QUERY: &str = include_str!("../../queries/tags.scm");
