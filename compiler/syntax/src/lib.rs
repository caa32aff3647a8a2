//! Text → tree + diagnostics: the grammar, the syntax tree, the formatter and the one
//! [`Diagnostic`] type. Knows nothing of types, plans or running.

pub mod ast;
pub mod codes;
pub mod diagnostic;
pub mod span;

pub use codes::Code;
pub use diagnostic::{Applicability, Diagnostic, Edit, Fix, Label, Severity};
pub use span::{FileId, SourceFile, SourceMap, Span};
