//! `flow lsp`: the language server. Thin: it keeps the texts an editor has open, asks the compiler, and translates
//! offsets into the editor's positions. Everything it knows of the language comes from `flow-driver`.

mod answers;
mod documents;
mod positions;
mod server;

pub use server::{Read, serve, serve_stdio};
