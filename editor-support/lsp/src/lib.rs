//! `flow lsp`: the language server. Thin: it keeps the texts an editor has open, asks the compiler, and translates
//! offsets into the editor's positions. Everything it knows of the language comes from `flow-driver`.

mod answers;
mod ask;
mod capabilities;
mod colours;
mod documents;
mod edits;
mod frames;
mod offer;
mod positions;
mod rename;
mod server;
mod start;
mod stdio;
mod workspace;

pub use documents::Files;
pub use server::serve;
pub use stdio::{Work, serve_pipes, serve_stdio};
