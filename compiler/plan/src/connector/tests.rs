use super::*;
use crate::types::{DataType, Field};

#[test]
fn connectors_name_formats_that_exist() {
    for def in CONNECTORS {
        assert!(def.formats.iter().all(|name| lookup_format(name).is_some()), "{}", def.name);
        assert_eq!(def.args.iter().any(|a| a.name == "format"), !def.formats.is_empty(), "{}", def.name);
        assert!(def.source.is_some() || def.sink.is_some());
    }
}

#[test]
fn only_a_first_argument_is_positional() {
    for def in CONNECTORS {
        assert!(def.args.iter().skip(1).all(|a| !a.positional), "{}", def.name);
    }
}

#[test]
fn nexmark_picks_the_kind_that_has_the_declared_fields() {
    let typed = |name: &str| RecordType::new(vec![Field::new(name, DataType::Int)]);
    assert_eq!(nexmark::stream_for(Some(&typed("seller"))), "auction");
    assert_eq!(nexmark::stream_for(Some(&typed("price"))), "bid");
    assert_eq!(nexmark::stream_for(None), "bid");
}

#[test]
fn a_file_name_says_its_format_also_when_packed() {
    assert_eq!(table::format_of_path("a/b.ndjson.gz"), Some("json"));
    assert_eq!(table::format_of_path("a/*.csv.zst"), Some("csv"));
    assert_eq!(table::format_of_path("a.d/b"), None);
}
