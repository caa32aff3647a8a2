//! Workers, exchange, operators, state tables, sources and sinks as traits, and the job handle.
//! Knows plans and batches; never a syntax tree, a file format or machine code.

pub mod connect;
pub mod sink;
pub mod source;
