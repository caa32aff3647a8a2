//! The contract between compiler and runtime: data types, values, the expression IR, operators,
//! chains, state identities, the catalogue of functions, and the reference evaluator that defines
//! what all of it means. Knows neither syntax nor running.

pub mod aggregate;
pub mod arbitrary;
pub mod cast;
pub mod catalogue;
pub mod civil;
pub mod connector;
pub mod display;
pub mod error;
pub mod eval;
pub mod expr;
pub mod fallible;
pub mod functions;
pub mod interpret;
pub mod limits;
pub mod operator;
pub mod order;
pub mod passes;
pub mod physical;
#[cfg(test)]
mod sketch;
pub mod text;
pub mod types;
pub mod validate;
pub mod value;
pub mod weight;

pub use error::{ErrorCode, RecordError};
pub use eval::Evaluator;
pub use expr::{Expr, Place};
pub use types::{DataType, Field, RecordType};
pub use value::Value;
