//! The 23 queries: what each reads, and how its rows are compared with another program's.

/// What of the rows must be equal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Compare {
    /// All rows, in any order.
    Rows,
    /// The last row of each key: results that are updated.
    Last(&'static [&'static str]),
    /// The sum of a field per key: where the grouping depends on the wall clock.
    Sum(&'static str, &'static str),
}

/// The events of one kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Events {
    Persons,
    Auctions,
    Bids,
}

impl Events {
    /// The file that holds them.
    pub(crate) fn file(self) -> &'static str {
        match self {
            Events::Persons => "persons.ndjson",
            Events::Auctions => "auctions.ndjson",
            Events::Bids => "bids.ndjson",
        }
    }
}

/// One query of the benchmark.
#[derive(Debug)]
pub(crate) struct Query {
    pub(crate) name: &'static str,
    pub(crate) about: &'static str,
    pub(crate) reads: &'static [Events],
    pub(crate) compare: Compare,
    /// Is there a hand-written program for it?
    pub(crate) limit: bool,
}

use Compare::{Last, Rows, Sum};
use Events::{Auctions, Bids, Persons};

const fn query(
    name: &'static str,
    about: &'static str,
    reads: &'static [Events],
    compare: Compare,
    limit: bool,
) -> Query {
    Query { name, about, reads, compare, limit }
}

/// All of them.
pub(crate) const QUERIES: [Query; 23] = [
    query("q0", "pass-through", &[Bids], Rows, true),
    query("q1", "currency conversion", &[Bids], Rows, true),
    query("q2", "selection", &[Bids], Rows, true),
    query("q3", "join of sellers and auctions", &[Persons, Auctions], Rows, false),
    query("q4", "average of winning bids", &[Auctions, Bids], Last(&["category"]), false),
    query("q5", "most bids in sliding windows", &[Bids], Rows, true),
    query("q6", "average of the last ten auctions", &[Auctions, Bids], Last(&["seller"]), false),
    query("q7", "highest bid of a window", &[Bids], Rows, true),
    query("q8", "window join", &[Persons, Auctions], Rows, true),
    query("q9", "winning bids", &[Auctions, Bids], Last(&["id"]), false),
    query("q10", "partitioned files", &[Bids], Rows, false),
    query("q11", "sessions", &[Bids], Rows, true),
    query("q12", "windows of the wall clock", &[Bids], Sum("bidder", "bids"), true),
    query("q13", "lookup in a table", &[Bids], Rows, false),
    query("q14", "calculation", &[Bids], Rows, false),
    query("q15", "distinct counts per day", &[Bids], Last(&["day"]), true),
    query("q16", "distinct counts per channel", &[Bids], Last(&["channel", "day"]), false),
    query("q17", "statistics per auction", &[Bids], Last(&["auction", "day"]), false),
    query("q18", "last bid", &[Bids], Last(&["bidder", "auction"]), true),
    query("q19", "top ten bids", &[Bids], Last(&["auction", "rank"]), true),
    query("q20", "bids with their auctions", &[Auctions, Bids], Rows, true),
    query("q21", "channel ids", &[Bids], Rows, false),
    query("q22", "url folders", &[Bids], Rows, false),
];

/// The queries named, or all.
pub(crate) fn chosen(names: &[String]) -> Result<Vec<&'static Query>, String> {
    if names.is_empty() {
        return Ok(QUERIES.iter().collect());
    }
    let find = |name: &String| {
        QUERIES.iter().find(|q| q.name == name).ok_or_else(|| format!("no query `{name}`: q0 to q22"))
    };
    names.iter().map(find).collect()
}
