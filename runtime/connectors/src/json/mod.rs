//! The format `json`: one object a line. [`decode`] reads lines into columns, [`value`] reads nested
//! values, [`encode`] writes rows, [`string`] escapes and takes back escapes.

pub(crate) mod decode;
pub(crate) mod encode;
pub(crate) mod keys;
pub(crate) mod string;
#[cfg(test)]
mod tests;
pub(crate) mod value;
