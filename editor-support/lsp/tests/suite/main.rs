//! The language server as clients meet it: sessions over a connection in memory.
#![allow(missing_docs, clippy::disallowed_methods)]

mod client;
mod editors;
mod pipes;
mod refactorings;
mod robust;
mod session;
mod storm;
mod workspace;
