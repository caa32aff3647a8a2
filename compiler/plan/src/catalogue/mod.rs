//! The built-in functions and aggregates: one table that checker, evaluator, code generator,
//! completion and documentation all read.
//!
//! A signature is written as people read it: `"get(xs: list<T>, index: int) -> T?"`. Type words are
//! those of the language; a single capital letter is a type variable; `num` is int, float or decimal
//! (the same everywhere in one signature); `ord` is any ordered type (likewise), `any` any type, also
//! optional; `T => U` and `(A, T) => A` are lambdas; `name: T = default` is optional and given by
//! name; what stands behind `*` is given by name; `T...` takes one or more. Type variables may stand
//! for optional types too, all else only takes `T?` where `?` is written.

mod aggregates;
mod functions;
mod signature;
#[cfg(test)]
mod tests;

pub use aggregates::{AGGREGATES, AggFunc, AggregateDef};
pub use functions::{FUNCTIONS, Func, FunctionDef, Group};
pub use signature::{ParamSig, Signature, TypePattern};

use crate::types::DataType;

/// The function of this name; those without a name in the language (interpolation) are not found.
pub fn lookup(name: &str) -> Option<&'static FunctionDef> {
    FUNCTIONS.iter().find(|def| def.name == name && def.group != Group::Internal)
}

/// The aggregate of this name.
pub fn lookup_aggregate(name: &str) -> Option<&'static AggregateDef> {
    AGGREGATES.iter().find(|def| def.name == name)
}

/// All functions that can be written in a script.
pub fn all() -> impl Iterator<Item = &'static FunctionDef> {
    FUNCTIONS.iter().filter(|def| def.group != Group::Internal)
}

/// All aggregates.
pub fn aggregates() -> impl Iterator<Item = &'static AggregateDef> {
    AGGREGATES.iter()
}

/// Every example of the catalogue, functions and casts: an expression and what it gives, both as
/// they are written in a script.
pub fn examples() -> impl Iterator<Item = (&'static str, &'static str)> {
    all().map(|def| def.example).chain(CASTS.iter().map(|def| def.example))
}

/// A conversion, written as a call.
#[derive(Clone, Debug)]
pub struct CastDef {
    /// `int`.
    pub name: &'static str,
    /// `tryInt`: null where `int` is a record error.
    pub try_name: &'static str,
    /// What it makes.
    pub ty: DataType,
    /// One line.
    pub doc: &'static str,
    /// An expression and its result.
    pub example: (&'static str, &'static str),
}

/// The conversions; [`crate::cast::rule`] says which types they take.
pub static CASTS: &[CastDef] = &[
    CastDef {
        name: "int",
        try_name: "tryInt",
        ty: DataType::Int,
        doc: "A whole number from a number (toward zero), a decimal text, a bool (0 or 1) or a JSON number.",
        example: ("int(\"42\")", "42"),
    },
    CastDef {
        name: "float",
        try_name: "tryFloat",
        ty: DataType::Float,
        doc: "A floating-point number from a number, a text or a JSON number.",
        example: ("float(3)", "3.0"),
    },
    CastDef {
        name: "decimal",
        try_name: "tryDecimal",
        ty: DataType::Decimal,
        doc: "An exact number from a number, a text or a JSON number.",
        example: ("decimal(\"12.50\")", "12.50d"),
    },
    CastDef {
        name: "string",
        try_name: "tryString",
        ty: DataType::String,
        doc: "A value as text; bytes must be UTF-8, a JSON string is taken out of its quotes.",
        example: ("string(1.0)", "\"1.0\""),
    },
    CastDef {
        name: "bool",
        try_name: "tryBool",
        ty: DataType::Bool,
        doc: "A bool from `\"true\"`, `\"false\"`, an int (not 0) or a JSON bool.",
        example: ("bool(\"true\")", "true"),
    },
    CastDef {
        name: "timestamp",
        try_name: "tryTimestamp",
        ty: DataType::Timestamp,
        doc: "A moment from ISO-8601 text; an int is microseconds since 1970.",
        example: ("timestamp(\"2026-01-31T12:00:00Z\")", "@2026-01-31T12:00:00Z"),
    },
    CastDef {
        name: "duration",
        try_name: "tryDuration",
        ty: DataType::Duration,
        doc: "A span of time from text such as `\"1h30min\"`; an int is microseconds.",
        example: ("duration(\"1h30min\")", "1h30min"),
    },
];

/// The conversion of this name and whether it is its `try…` form.
pub fn lookup_cast(name: &str) -> Option<(&'static CastDef, bool)> {
    CASTS.iter().find_map(|def| match name {
        _ if name == def.name => Some((def, false)),
        _ if name == def.try_name => Some((def, true)),
        _ => None,
    })
}
