//! CSV there and back.

use super::decode::CsvDecoder;
use super::encode::CsvEncoder;
use crate::block::Columns;
use crate::block::Decoder;
use crate::encode::Encoder;
use crate::out::Out;
use crate::rows::fields;
use crate::testing::{Collected, block};
use flow_env::Random;
use flow_plan::{DataType, Field, RecordType, Value};
use std::sync::Arc;

fn schema(fields: &[(&str, DataType)]) -> Arc<RecordType> {
    Arc::new(RecordType::new(fields.iter().map(|(name, ty)| Field::new(*name, ty.clone())).collect()))
}

fn read(schema: &RecordType, text: &[u8]) -> Collected {
    let all: Vec<usize> = (0..schema.fields.len()).collect();
    let columns = Columns { slots: all.iter().map(|&i| Some(i)).collect(), absent: Vec::new() };
    let mut collected = Collected::default();
    let _ = CsvDecoder::new(fields(schema, &all), b',').decode(&block(text, Some(columns)), &mut collected);
    collected
}

fn write(schema: &Arc<RecordType>, rows: &[Vec<Value>]) -> String {
    let mut encoder = CsvEncoder::new(schema.clone(), true, b',');
    let mut out = Out::default();
    encoder.header(&mut out);
    encoder.rows(&flow_data::Batch::from_rows(rows, schema), &mut out).unwrap();
    String::from_utf8(out.bytes().to_vec()).unwrap()
}

#[test]
fn quotes_line_ends_and_blank_lines() {
    let schema = schema(&[("a", DataType::Int), ("b", DataType::String)]);
    let got = read(&schema, b"1,x\r\n2,\"a,\"\"b\"\"\nc\"\n\n3,5\" pipe\n4,\n5,\"\"\n 6 ,last");
    assert!(got.bad.is_empty(), "{:?}", got.bad);
    assert_eq!(
        got.json(&schema),
        [
            r#"{"a":1,"b":"x"}"#,
            r#"{"a":2,"b":"a,\"b\"\nc"}"#,
            r#"{"a":3,"b":"5\" pipe"}"#,
            r#"{"a":4,"b":""}"#,
            r#"{"a":5,"b":""}"#,
            r#"{"a":6,"b":"last"}"#,
        ]
    );
}

#[test]
fn an_empty_field_is_null_only_where_it_may_be_and_without_quotes() {
    let schema = schema(&[("a", DataType::Int.optional()), ("b", DataType::String.optional())]);
    let got = read(&schema, b"1,\n,\"\"\n,x\n");
    assert_eq!(got.json(&schema), [r#"{"a":1,"b":null}"#, r#"{"a":null,"b":""}"#, r#"{"a":null,"b":"x"}"#]);
}

#[test]
fn quotes_around_nothing_are_null_where_no_text_is_wanted() {
    let schema = schema(&[("a", DataType::Int.optional()), ("b", DataType::Float.optional())]);
    let got = read(&schema, b"\"\",1\n2,\" \"\n");
    assert!(got.bad.is_empty(), "{:?}", got.bad);
    assert_eq!(got.json(&schema), [r#"{"a":null,"b":1.0}"#, r#"{"a":2,"b":null}"#]);
}

#[test]
fn nulls_of_a_single_column_are_read_as_they_are_written() {
    for ty in [DataType::Int, DataType::String] {
        let schema = schema(&[("a", ty.optional())]);
        let rows = vec![vec![Value::Null]; 3];
        let text = write(&schema, &rows);
        assert_eq!(text, "a\n\n\n\n");
        assert_eq!(read(&schema, &text.as_bytes()[2..]).json(&schema), [r#"{"a":null}"#; 3]);
    }
    // Where there must be a value, such lines are no rows.
    let schema = schema(&[("a", DataType::Int)]);
    assert_eq!(read(&schema, b"1\n\n2\n").json(&schema), [r#"{"a":1}"#, r#"{"a":2}"#]);
}

#[test]
fn a_bad_record_is_told_with_its_place_and_the_others_are_read() {
    let schema = schema(&[("a", DataType::Int), ("b", DataType::String)]);
    let cases: &[(&[u8], &str, &str)] = &[
        (b"2", "badCsv", "expected 2 fields, found 1 field"),
        (b"2,x,y,z", "badCsv", "expected 2 fields, found 4 fields"),
        (b"x,y", "wrongType", "field `a`: expected an int, found x"),
        (
            b",y",
            "missingField",
            "field `a`: expected int, found nothing (if it may be empty, its type is `int?`)",
        ),
        (
            b"99999999999999999999,y",
            "outOfRange",
            "field `a`: 99999999999999999999 is out of the range of int",
        ),
        (b"2,\"a\"b", "badCsv", "text stands behind a closing quote"),
        (b"2,\xff", "badUtf8", "field `b`: the text is not UTF-8"),
    ];
    for (record, code, error) in cases {
        let text = [b"1,x\n", *record, b"\n3,z\n"].concat();
        let got = read(&schema, &text);
        let shown = String::from_utf8_lossy(record);
        assert_eq!(got.json(&schema), [r#"{"a":1,"b":"x"}"#, r#"{"a":3,"b":"z"}"#], "{shown}");
        assert_eq!(got.bad.len(), 1, "{shown}");
        assert_eq!((got.bad[0].code, &*got.bad[0].error), (*code, *error), "{shown}");
        assert_eq!(got.bad[0].position.offset, 4);
        assert_eq!(got.bad[0].raw, shown);
    }
}

#[test]
fn a_quote_that_is_never_closed_costs_its_line_only() {
    let schema = schema(&[("a", DataType::Int), ("b", DataType::String)]);
    let got = read(&schema, b"1,x\n2,\"y\n3,z\n");
    assert_eq!(got.bad.len(), 1);
    assert_eq!(got.json(&schema), [r#"{"a":1,"b":"x"}"#, r#"{"a":3,"b":"z"}"#]);
}

#[test]
fn columns_nobody_reads_are_not_looked_at_and_absent_ones_are_null() {
    let schema = schema(&[("a", DataType::Int), ("c", DataType::Float.optional())]);
    let columns = Columns { slots: vec![None, Some(0), None], absent: vec![1] };
    let mut got = Collected::default();
    let mut decoder = CsvDecoder::new(fields(&schema, &[0, 1]), b',');
    let _ = decoder.decode(&block(b"\xff,1,\"x,\"\ny,2,\n", Some(columns)), &mut got);
    assert!(got.bad.is_empty(), "{:?}", got.bad);
    assert_eq!(got.json(&schema), [r#"{"a":1,"c":null}"#, r#"{"a":2,"c":null}"#]);
}

#[test]
fn what_is_written_is_read_back() {
    let schema = schema(&[
        ("i", DataType::Int),
        ("f", DataType::Float.optional()),
        ("s", DataType::String.optional()),
        ("t", DataType::Timestamp),
        ("b", DataType::Bool.optional()),
        ("d", DataType::Decimal),
        ("u", DataType::Duration),
        ("y", DataType::Bytes),
        ("l", DataType::list(DataType::String).optional()),
    ]);
    let mut random = Random::new(3);
    let mut rows = Vec::new();
    for _ in 0..3000 {
        let bits = random.bits();
        let null = |random: &mut Random, value: Value| if random.below(5) == 0 { Value::Null } else { value };
        let float = [1.5, f64::NAN, f64::INFINITY, f64::NEG_INFINITY, bits as f64][(bits % 5) as usize];
        let text: String =
            "a\"b,c\r\né x".chars().cycle().skip((bits % 9) as usize).take((bits % 14) as usize).collect();
        rows.push(vec![
            Value::Int(bits as i64),
            null(&mut random, Value::Float(float)),
            null(&mut random, Value::string(text.clone())),
            Value::Timestamp((bits >> 12) as i64),
            null(&mut random, Value::Bool(bits.is_multiple_of(2))),
            Value::Decimal(rust_decimal::Decimal::new(bits as i64, (bits % 20) as u32)),
            Value::Duration(bits as i64 >> 8),
            Value::Bytes(bits.to_le_bytes()[..(bits % 9) as usize].into()),
            null(&mut random, Value::List([Value::string(text), Value::string("x")].into())),
        ]);
    }
    let text = write(&schema, &rows);
    let (header, records) = text.split_once('\n').unwrap();
    assert_eq!(header, "i,f,s,t,b,d,u,y,l");
    let got = read(&schema, records.as_bytes());
    assert!(got.bad.is_empty(), "{:?}", got.bad.first());
    assert_eq!(write(&schema, &got.rows(&schema)), text);
    assert_eq!(got.rows(&schema).len(), rows.len());
}
