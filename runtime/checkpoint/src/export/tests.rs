use super::{ExportError, ExportFormat};
use crate::{Hash128, Saved};
use flow_env::Env;
use std::path::Path;

fn golden() -> Saved {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/savepoints/format-1");
    Saved::open(Env::real().disk, &path).unwrap()
}

fn export(id: &str, table: Option<&str>, format: ExportFormat) -> Result<Vec<u8>, ExportError> {
    let mut out = Vec::new();
    golden().export(id, table, format, &mut out).map(|_| out)
}

#[test]
fn json_lines_have_the_names_and_values_of_the_script() {
    let text = String::from_utf8(export("perKey.aggregate", None, ExportFormat::Json).unwrap()).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 4);
    let expected = concat!(
        r#"{"key":"b","flag":false,"n":6000018,"x":0.75,"price":-6.000,"raw":"BgD/","#,
        r#""at":"2023-11-14T22:13:20.000006Z","took":"-6min","seen":[6,null],"by":{"a":0.5,"b":6.0},"#,
        r#""pair":{"a":6,"two words":"of a pair"},"doc":{"b":[1,-1,1.5,18446744073709551615],"a":{"é":null,"t":true}}}"#
    );
    assert_eq!(lines[1], expected);
    assert!(lines[3].starts_with(r#"{"key":"é","flag":null,"#), "{}", lines[3]);
}

/// The bytes that DuckDB and pyarrow were given, and read as what the savepoint holds.
#[test]
fn parquet_is_what_other_programs_read() {
    let bytes = export("perKey.aggregate", Some("groups"), ExportFormat::Parquet).unwrap();
    assert_eq!(Hash128::of(&bytes).to_string(), "b1d8e52c62a8ea12385568ba9e93f1ff");
}

#[test]
fn a_state_that_is_not_there_names_those_that_are() {
    let error = export("perKey.aggregat", None, ExportFormat::Json).unwrap_err();
    assert!(error.to_string().ends_with("there are: perKey.aggregate, pairs.join"), "{error}");
    let error = export("pairs.join", Some("right"), ExportFormat::Json).unwrap_err();
    assert!(matches!(error, ExportError::WhichTable(names) if names == ["left"]));
}
