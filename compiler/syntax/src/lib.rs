//! Text → tree + diagnostics: the grammar, the syntax tree, the formatter and the one
//! [`Diagnostic`] type. Knows nothing of types, plans or running.

// What pest derives without its `std` names this crate.
extern crate alloc;

mod allow;
pub mod ast;
mod build;
mod class;
pub mod codes;
mod diagnose;
pub mod diagnostic;
mod fmt;
mod grammar;
mod lexer;
pub mod lines;
mod literal;
mod memory;
mod parse;
mod pipeline;
mod quotes;
mod scan;
mod shift;
pub mod span;
mod token;
mod wrapped;

pub use allow::{Allowing, Allows, allows};
pub use build::name_for;
pub use class::is_only_a_name;
pub use codes::Code;
pub use diagnose::AGGREGATES;
pub use diagnostic::{Applicability, Diagnostic, Edit, Fix, Label, Severity, in_a_title};
pub use fmt::{format, format_again};
pub use lexer::tokens;
pub use memory::Memory;
pub use parse::{MAX_DECLARATION, MAX_SCRIPT, declarations, parse, parse_again, parse_bytes};
pub use span::{FileId, SourceFile, SourceMap, Span};
pub use token::{DECLARATION_WORDS, EXPRESSION_WORDS, Token, TokenKind, is_keyword};
