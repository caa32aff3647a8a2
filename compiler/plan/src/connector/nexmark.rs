//! What `nexmark` rows look like: the fields of the benchmark's three kinds of events.

use crate::types::{DataType, Field, RecordType};

/// The kinds of events, the one without a better reason first.
pub const STREAMS: &[&str] = &["bid", "auction", "person"];

/// The fields of a kind.
pub fn schema(stream: &str) -> Option<RecordType> {
    use DataType::{Int, String, Timestamp};
    let fields: &[(&str, DataType)] = match stream {
        "bid" => &[
            ("auction", Int),
            ("bidder", Int),
            ("price", Int),
            ("channel", String),
            ("url", String),
            ("dateTime", Timestamp),
            ("extra", String),
        ],
        "auction" => &[
            ("id", Int),
            ("itemName", String),
            ("description", String),
            ("initialBid", Int),
            ("reserve", Int),
            ("dateTime", Timestamp),
            ("expires", Timestamp),
            ("seller", Int),
            ("category", Int),
            ("extra", String),
        ],
        "person" => &[
            ("id", Int),
            ("name", String),
            ("emailAddress", String),
            ("creditCard", String),
            ("city", String),
            ("state", String),
            ("dateTime", Timestamp),
            ("extra", String),
        ],
        _ => return None,
    };
    Some(RecordType::new(fields.iter().map(|(name, ty)| Field::new(*name, ty.clone())).collect()))
}

/// The kind a source without `stream:` reads: the first that has every declared field, else bids
/// (whose missing fields the checker then reports).
pub fn stream_for(declared: Option<&RecordType>) -> &'static str {
    let Some(declared) = declared else { return STREAMS[0] };
    let fits = |stream: &&&str| {
        schema(stream).is_some_and(|schema| declared.fields.iter().all(|f| schema.get(&f.name).is_some()))
    };
    STREAMS.iter().find(fits).unwrap_or(&STREAMS[0])
}
