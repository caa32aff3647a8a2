//! The built-in functions and aggregates: one table that checker, evaluator, code generator,
//! completion and documentation all read.
//!
//! A signature is written as people read it: `"get(xs: list<T>, index: int) -> T?"`. Type words are
//! those of the language; a single capital letter is a type variable; `num` is int, float or decimal
//! (the same everywhere in one signature); `ord` is any ordered type, `any` any type; `T => U` is a lambda; `name: T = default`
//! is optional and given by name; `T...` takes one or more.

/// A built-in function: the identity that plans carry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[allow(missing_docs, reason = "documented in the table")]
pub enum Func {
    Concat,
    Len,
    Lower,
    Upper,
    Trim,
    Split,
    Join,
    Replace,
    Contains,
    StartsWith,
    EndsWith,
}

/// A built-in aggregate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[allow(missing_docs, reason = "documented in the table")]
pub enum AggFunc {
    Count,
    Sum,
    Avg,
    Min,
    Max,
    First,
    Last,
    CountDistinct,
    ApproxCountDistinct,
    Collect,
    StringJoin,
    ArgMax,
    ArgMin,
    Stddev,
    Variance,
    Median,
    Percentile,
    BoolAnd,
    BoolOr,
}
