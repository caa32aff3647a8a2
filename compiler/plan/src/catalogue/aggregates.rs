//! The table of aggregates.
//!
//! Every aggregate takes `where:` besides what its signature says; with it, `count` and `sum` of no
//! rows are 0 and all others become optional. Null arguments of optional type are skipped by all but
//! `count()`, `first`, `last`, `collect`, `countDistinct`, `argMax` and `argMin`'s first argument.

use super::signature::Signature;
use std::sync::OnceLock;

/// What is known about an aggregate.
#[derive(Clone, Copy, Debug)]
pub struct AggregateDef {
    /// Its identity.
    pub func: AggFunc,
    /// Its name in scripts.
    pub name: &'static str,
    /// Its overloads.
    pub signatures: &'static [&'static str],
    /// Can it raise a record error (an overflow)? A `sum` of float cannot: see the signature's type.
    pub fallible: bool,
    /// Is its state as large as the values it saw (rather than a few numbers)?
    pub unbounded: bool,
    /// Does its result depend on the order of the rows?
    pub ordered: bool,
    /// One line.
    pub doc: &'static str,
    /// The values of `x` (and of `by`, or a constant argument), and the result.
    pub example: (&'static str, &'static str),
}

impl AggregateDef {
    /// Its overloads as data.
    pub fn overloads(&self) -> &'static [Signature] {
        static PARSED: OnceLock<Vec<Vec<Signature>>> = OnceLock::new();
        let parsed = PARSED.get_or_init(|| {
            AGGREGATES
                .iter()
                .map(|d| d.signatures.iter().map(|text| Signature::parse(text)).collect())
                .collect()
        });
        &parsed[self.func as usize]
    }
}

impl AggFunc {
    /// Its entry in the table.
    pub fn def(self) -> &'static AggregateDef {
        &AGGREGATES[self as usize]
    }

    /// Its name in scripts.
    pub fn name(self) -> &'static str {
        self.def().name
    }

    /// Is its value of no rows zero? That of all others is null.
    pub fn counts(self) -> bool {
        matches!(self, AggFunc::Count | AggFunc::Sum | AggFunc::CountDistinct | AggFunc::ApproxCountDistinct)
    }
}

macro_rules! flag {
    (-) => {
        false
    };
    ($yes:ident) => {
        true
    };
}

macro_rules! aggregates {
    ($($func:ident $name:literal $fallible:tt $unbounded:tt $ordered:tt [$($signature:literal),+] $doc:literal $example:literal => $result:literal;)*) => {
        /// A built-in aggregate: the identity that plans carry.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum AggFunc { $(#[doc = $doc] $func,)* }

        /// Every aggregate, in the order of [`AggFunc`].
        pub const AGGREGATES: &[AggregateDef] = &[
            $(AggregateDef {
                func: AggFunc::$func,
                name: $name,
                signatures: &[$($signature),+],
                fallible: flag!($fallible),
                unbounded: flag!($unbounded),
                ordered: flag!($ordered),
                doc: $doc,
                example: ($example, $result),
            },)*
        ];
    };
}

aggregates! {
    Count "count" - - - ["count() -> int", "count(x: any) -> int"]
        "Number of rows; with an argument, of those where it is not null."
        "count() of 3 rows" => "3";
    Sum "sum" fails - - ["sum(x: num) -> num", "sum(x: duration) -> duration"]
        "The sum; of ints it is checked."
        "sum(x) of 1, 2, 3" => "6";
    Avg "avg" - - - ["avg(x: num) -> float"]
        "The mean."
        "avg(x) of 1, 2" => "1.5";
    Min "min" - - - ["min(x: ord) -> ord"]
        "The least value."
        "min(x) of 3, 1, 2" => "1";
    Max "max" - - - ["max(x: ord) -> ord"]
        "The greatest value."
        "max(x) of 3, 1, 2" => "3";
    First "first" - - ordered ["first(x: T) -> T"]
        "The value of the first row."
        "first(x) of 3, 1, 2" => "3";
    Last "last" - - ordered ["last(x: T) -> T"]
        "The value of the last row."
        "last(x) of 3, 1, 2" => "2";
    CountDistinct "countDistinct" - unbounded - ["countDistinct(x: any) -> int"]
        "Number of different values, exactly; nulls do not count."
        "countDistinct(x) of 3, 1, 3" => "2";
    ApproxCountDistinct "approxCountDistinct" - - - ["approxCountDistinct(x: any) -> int"]
        "Number of different values, estimated in 4 KiB within about 2 %; nulls do not count."
        "approxCountDistinct(x) of 3, 1, 3" => "2";
    Collect "collect" - unbounded ordered ["collect(x: T) -> list<T>"]
        "All values in the order of their rows."
        "collect(x) of 3, 1, 2" => "[3, 1, 2]";
    StringJoin "stringJoin" - unbounded ordered ["stringJoin(x: string) -> string", "stringJoin(x: string, separator: string) -> string"]
        "All texts in the order of their rows with a separator (a comma) between them."
        "stringJoin(x, \"-\") of \"a\", \"b\"" => "\"a-b\"";
    ArgMax "argMax" - - ordered ["argMax(x: T, *, by: ord) -> T"]
        "The value of the row where `by` is greatest; the first such row."
        "argMax(x, by: y) of (1, 7), (2, 9), (3, 9)" => "2";
    ArgMin "argMin" - - ordered ["argMin(x: T, *, by: ord) -> T"]
        "The value of the row where `by` is least; the first such row."
        "argMin(x, by: y) of (1, 7), (2, 7), (3, 9)" => "1";
    Stddev "stddev" - - - ["stddev(x: num) -> float?"]
        "The sample standard deviation; null of fewer than two rows."
        "stddev(x) of 1, 3" => "1.4142135623730951";
    Variance "variance" - - - ["variance(x: num) -> float?"]
        "The sample variance; null of fewer than two rows."
        "variance(x) of 1, 3" => "2.0";
    Median "median" - unbounded - ["median(x: num) -> float"]
        "The middle value, or the mean of the two in the middle."
        "median(x) of 3, 1, 2, 4" => "2.5";
    Percentile "percentile" - unbounded - ["percentile(x: num, fraction: float) -> float"]
        "The value below which this fraction (0 to 1) of the values lies, interpolated between neighbours."
        "percentile(x, 0.5) of 1, 2, 4" => "2.0";
    BoolAnd "boolAnd" - - - ["boolAnd(x: bool) -> bool"]
        "Is it true for every row?"
        "boolAnd(x) of true, false" => "false";
    BoolOr "boolOr" - - - ["boolOr(x: bool) -> bool"]
        "Is it true for at least one row?"
        "boolOr(x) of true, false" => "true";
}
