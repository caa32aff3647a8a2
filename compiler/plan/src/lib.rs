//! The contract between compiler and runtime: data types, values, the expression IR, operators,
//! chains, state identities, the catalogue of functions, and the reference evaluator that defines
//! what all of it means. Knows neither syntax nor running.

pub mod cast;
pub mod catalogue;
pub mod connector;
pub mod expr;
pub mod operator;
pub mod physical;
pub mod types;
pub mod value;

pub use expr::{Expr, Place};
pub use types::{DataType, Field, RecordType};
pub use value::Value;
