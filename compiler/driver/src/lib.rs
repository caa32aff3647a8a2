//! From a script to its plan and its diagnostics: loading imports, parsing, checking, linking, and
//! what cannot run yet. A pure function of texts; knows no disk, no terminal and nothing of running.

mod compile;
pub mod editor;
pub mod explain;
mod load;
pub mod picture;
pub mod reference;
pub mod restore;
mod runnable;
pub mod testing;
mod upgrade;

pub use compile::{Compilation, Options, analyse, analyse_again, compile};
pub use explain::explain;
pub use flow_types::{CheckedTest, Level, Levels, is_allowed};
pub use load::{LoadError, Loader, Memories, identity, normal};
pub use runnable::runnable;
pub use upgrade::Upgrade;

#[cfg(test)]
mod tests;
