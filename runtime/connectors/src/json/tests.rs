//! JSON there and back, against serde_json and against itself.

use super::decode::JsonDecoder;
use super::encode::JsonEncoder;
use crate::encode::Encoder;
use crate::out::Out;
use crate::rows::fields;
use crate::testing::{Collected, decode};
use flow_env::Random;
use flow_plan::connector::TimeUnit;
use flow_plan::{DataType, Field, RecordType, Value};
use std::sync::Arc;

fn schema(fields: &[(&str, DataType)]) -> RecordType {
    RecordType::new(fields.iter().map(|(name, ty)| Field::new(*name, ty.clone())).collect())
}

fn decoder(schema: &RecordType) -> JsonDecoder {
    let read: Vec<usize> = (0..schema.fields.len()).collect();
    JsonDecoder::new(fields(schema, &read), TimeUnit::Millis)
}

fn read(schema: &RecordType, lines: &str) -> Collected {
    decode(&mut decoder(schema), lines.as_bytes())
}

fn everything() -> RecordType {
    schema(&[
        ("i", DataType::Int),
        ("f", DataType::Float.optional()),
        ("s", DataType::String),
        ("t", DataType::Timestamp.optional()),
        ("b", DataType::Bool),
        ("d", DataType::Decimal.optional()),
        ("u", DataType::Duration.optional()),
        ("y", DataType::Bytes.optional()),
        ("l", DataType::list(DataType::Int.optional()).optional()),
        ("m", DataType::map(DataType::Float).optional()),
        (
            "r",
            DataType::record(vec![
                Field::new("x", DataType::Int),
                Field::new("n", DataType::String.optional()),
            ])
            .optional(),
        ),
        ("j", DataType::Json.optional()),
        ("o", DataType::String.optional()),
    ])
}

#[test]
fn values_of_every_type_are_read() {
    let schema = everything();
    let line = r#"{"i":-5,"f":1.5,"s":"a\u00e9\ud83d\ude00\n","t":"2026-01-31T12:00:00.250Z","b":true,"d":12.50,"u":"1h30min","y":"AP8=","l":[1,null],"m":{"b":2,"a":1},"r":{"n":"x","x":7},"j":{"deep":[1,{}]},"o":null}"#;
    let got = read(&schema, line);
    assert!(got.bad.is_empty(), "{:?}", got.bad);
    assert_eq!(
        got.json(&schema),
        [
            r#"{"i":-5,"f":1.5,"s":"aé😀\n","t":"2026-01-31T12:00:00.25Z","b":true,"d":12.50,"u":"1h30min","y":"AP8=","l":[1,null],"m":{"a":1.0,"b":2.0},"r":{"x":7,"n":"x"},"j":{"deep":[1,{}]},"o":null}"#
        ]
    );
}

#[test]
fn order_blanks_unknown_and_missing_optional_fields_do_not_matter() {
    let schema = schema(&[("a", DataType::Int), ("b", DataType::String.optional())]);
    let lines = "{\"a\":1,\"b\":\"x\"}\n { \"b\" : \"x\" , \"zz\":[1,{\"a\":\"}\"}], \"a\"\t: 1 } \r\n\n{\"a\":1}\n{\"\\u0061\":2}\n  \n";
    let got = read(&schema, lines);
    assert!(got.bad.is_empty(), "{:?}", got.bad);
    assert_eq!(
        got.json(&schema),
        [r#"{"a":1,"b":"x"}"#, r#"{"a":1,"b":"x"}"#, r#"{"a":1,"b":null}"#, r#"{"a":2,"b":null}"#]
    );
}

#[test]
fn the_first_of_equal_keys_counts_on_every_way() {
    let schema = schema(&[("a", DataType::Int), ("b", DataType::Int.optional())]);
    let lines = "{\"a\":1,\"a\":2,\"b\":3}\n{\"a\":1,\"a\":2,\"b\":3}\n{\"b\":3,\"b\":4,\"a\":1}\n{\"a\":1,\"a\":\"x\"}\n";
    let got = read(&schema, lines);
    assert!(got.bad.is_empty(), "{:?}", got.bad);
    let same = r#"{"a":1,"b":3}"#;
    assert_eq!(got.json(&schema), [same, same, same, r#"{"a":1,"b":null}"#]);
}

#[test]
fn a_bad_line_is_told_with_its_place_and_the_others_are_read() {
    let schema = schema(&[("a", DataType::Int), ("s", DataType::String.optional())]);
    let cases: &[(&[u8], &str, &str)] = &[
        (b"nonsense", "badJson", "expected an object, found `n`"),
        (b"{\"a\":", "badJson", "field `a`: expected a value, found the end of the line"),
        (b"{\"a\":1.5}", "wrongType", "field `a`: expected an int, found 1.5"),
        (b"{\"a\":1e3}", "wrongType", "field `a`: expected an int, found 1e3"),
        (b"{\"a\":\"1\"}", "wrongType", "field `a`: expected an int, found the string \"1\""),
        (b"{\"a\":null}", "wrongType", "field `a`: expected an int, found null"),
        (b"{\"a\":01}", "badJson", "field `a`: expected a value, found `0`"),
        (
            b"{\"a\":9223372036854775808}",
            "outOfRange",
            "field `a`: 9223372036854775808 is out of the range of int",
        ),
        (b"{\"s\":\"x\"}", "missingField", "field `a` is missing (if it may be, its type is `int?`)"),
        (b"{\"a\":1} x", "badJson", "expected the end of the line, found `x`"),
        (b"{\"a\":1,}", "badJson", "expected a key in quotes, found `}`"),
        (b"{\"a\":1", "badJson", "expected `,` or `}`, found the end of the line"),
        (b"{\"a\":1,\"s\":\"\xff\"}", "badUtf8", "field `s`: a string is not UTF-8"),
        (b"{\"a\":1,\"s\":\"x", "badJson", "field `s`: the line ends inside of a string"),
        (b"{\"a\":1,\"s\":\"\t\"}", "badJson", "field `s`: a control character inside of a string"),
        (b"{\"a\":1,\"s\":\"\\x\"}", "badJson", "field `s`: an unknown escape in a string"),
        (b"{\"a\":1,\"s\":\"\\ud800\"}", "badJson", "field `s`: half of a surrogate pair in a string"),
    ];
    for (line, code, _) in cases {
        let mut bytes = b"{\"a\":1,\"s\":\"x\"}\n".to_vec();
        bytes.extend_from_slice(line);
        bytes.extend_from_slice(b"\n{\"a\":2}\n");
        let got = decode(&mut decoder(&schema), &bytes);
        let shown = String::from_utf8_lossy(line);
        assert_eq!(got.json(&schema), [r#"{"a":1,"s":"x"}"#, r#"{"a":2,"s":null}"#], "{shown}");
        assert_eq!(got.bad.len(), 1, "{shown}");
        assert_eq!(got.bad[0].code, *code, "{shown}: {}", got.bad[0].error);
        assert_eq!(got.bad[0].position.offset, 16, "{shown}");
        assert_eq!(got.bad[0].raw, shown);
    }
    for (line, _, error) in cases {
        let got = decode(&mut decoder(&schema), line);
        assert_eq!(got.bad[0].error, *error, "{}", String::from_utf8_lossy(line));
    }
}

#[test]
fn what_is_nested_too_deep_is_a_record_error_where_it_is_read_and_nothing_where_it_is_not() {
    let deep = "[".repeat(100_000) + &"]".repeat(100_000);
    let line = format!("{{\"x\":{deep},\"a\":1}}\n");
    let narrow = schema(&[("a", DataType::Int)]);
    assert_eq!(read(&narrow, &line).json(&narrow), [r#"{"a":1}"#]);
    let json = schema(&[("x", DataType::Json)]);
    assert_eq!(read(&json, &line).bad[0].code, "tooDeep");
    let mut ty = DataType::Int;
    for _ in 0..200 {
        ty = DataType::list(ty);
    }
    let lists = schema(&[("x", ty)]);
    assert_eq!(read(&lists, &line).bad[0].code, "tooDeep");
    let open = format!("{{\"a\":1,\"x\":{}\n", "[".repeat(100_000));
    assert_eq!(read(&json, &open).bad.len(), 1);
}

#[test]
fn once_all_fields_are_found_only_the_end_of_the_line_is_looked_at() {
    let schema = schema(&[("a", DataType::Int)]);
    let got = read(&schema, "{\"a\":1,\"b\":nonsense}\n{\"a\":2,\"b\":\"x}\n{\"a\":3,\"b\":4\n{\"a\":5}}\n");
    assert_eq!(got.json(&schema), [r#"{"a":1}"#, r#"{"a":2}"#]);
    assert_eq!(got.bad.len(), 2);
}

#[test]
fn no_field_at_all_counts_lines() {
    let got = read(&schema(&[]), "{\"a\":1}\n\n{}\n{\"b\":[1,2]}\nx\n");
    assert_eq!(got.batches.iter().map(|b| b.len).sum::<usize>(), 3);
    assert_eq!(got.bad.len(), 1);
}

/// A random JSON object with the fields of [`everything`] in some order, some of them missing, some of
/// the wrong type, in some style.
fn line(random: &mut Random) -> String {
    let mut keys: Vec<usize> = (0..6).collect();
    if random.below(4) == 0 {
        for i in 0..6 {
            keys.swap(i, random.below(6) as usize);
        }
    }
    let blank = ["", "", "", " "][random.below(4) as usize];
    let mut out = String::from("{");
    let mut first = true;
    for key in keys {
        if random.below(12) == 0 {
            continue;
        }
        if !std::mem::take(&mut first) {
            out.push(',');
            out.push_str(blank);
        }
        let name = ["i", "f", "s", "b", "o", "zz"][key];
        let value = match random.below(25) {
            0 => "null".to_string(),
            1 => "[1,{\"a\":\"]\"}]".to_string(),
            2 => "\"\\u0041\\\"\"".to_string(),
            3 => "1e999".to_string(),
            4 => "-0.0".to_string(),
            5 => "12345678901234567890".to_string(),
            6 => "true".to_string(),
            _ => match key {
                0 => (random.bits() as i64 >> random.below(64)).to_string(),
                1 => format!("{}", f64::from_bits(random.bits())).replace("NaN", "0.5").replace("inf", "2"),
                2 | 4 => format!(
                    "\"{}\"",
                    "xyé😀 abc".chars().cycle().take(random.below(40) as usize).collect::<String>()
                ),
                3 => "false".to_string(),
                _ => "{\"q\":[]}".to_string(),
            },
        };
        out.push_str(&format!("\"{name}\"{blank}:{blank}{value}"));
    }
    out.push('}');
    if random.below(3) == 0 {
        mutate(random, &mut out);
    }
    out
}

fn mutate(random: &mut Random, line: &mut String) {
    let chars: Vec<char> = line.chars().collect();
    let at = random.below(chars.len() as u64) as usize;
    let mut chars = chars;
    match random.below(3) {
        0 => {
            chars.remove(at);
        }
        1 => chars.insert(at, ['"', '\\', ',', '}', '{', '1', ' ', '.', ':', 'e'][random.below(10) as usize]),
        _ => chars[at] = ['"', '\\', ',', '}', '{', '1', ' ', '-', ']', '0'][random.below(10) as usize],
    }
    *line = chars.into_iter().collect();
}

/// What serde_json makes of a line under our rules; `None`: it is bad.
fn reference(line: &str) -> Option<String> {
    use serde_json::Value as J;
    // All keys in order, equal ones too: a map would keep the last.
    let mut members: Vec<(String, J)> = Vec::new();
    struct Members<'m>(&'m mut Vec<(String, J)>);
    impl<'de> serde::de::Visitor<'de> for Members<'_> {
        type Value = ();
        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("an object")
        }
        fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
            while let Some(entry) = map.next_entry()? {
                self.0.push(entry);
            }
            Ok(())
        }
    }
    let mut input = serde_json::Deserializer::from_str(line);
    serde::Deserializer::deserialize_map(&mut input, Members(&mut members)).ok()?;
    input.end().ok()?;
    let get = |name: &str| members.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone());
    let int = get("i")?.as_i64()?;
    let float = match get("f") {
        None | Some(J::Null) => Value::Null,
        Some(J::Number(n)) => Value::Float(n.as_f64()?),
        Some(_) => return None,
    };
    let text = match get("s")? {
        J::String(s) => Value::string(s),
        _ => return None,
    };
    let flag = get("b")?.as_bool()?;
    let optional = match get("o") {
        None | Some(J::Null) => Value::Null,
        Some(J::String(s)) => Value::string(s),
        Some(_) => return None,
    };
    let row = [Value::Int(int), float, text, Value::Bool(flag), optional];
    Some(crate::testing::json(&row, &five()))
}

fn five() -> RecordType {
    schema(&[
        ("i", DataType::Int),
        ("f", DataType::Float.optional()),
        ("s", DataType::String),
        ("b", DataType::Bool),
        ("o", DataType::String.optional()),
    ])
}

#[test]
fn random_and_mutated_lines_are_read_as_serde_json_reads_them() {
    let seed = 20_261;
    let mut random = Random::new(seed);
    let schema = five();
    // One decoder for all lines, so that its guesses are right, wrong and stale.
    let mut shared = decoder(&schema);
    let mut line = line(&mut random);
    for i in 0..40_000 {
        // Runs of the same line: its way is learnt, gone to the end, and left at every place.
        match random.below(8) {
            0 => line = self::line(&mut random),
            1..4 if !line.is_empty() => mutate(&mut random, &mut line),
            _ => {}
        }
        if line.contains('\n') {
            continue;
        }
        let warm = decode(&mut shared, line.as_bytes());
        let cold = read(&schema, &line);
        assert_eq!(warm.json(&schema), cold.json(&schema), "seed {seed}, line {i}: {line} {:?}", warm.bad);
        assert_eq!(warm.bad.len(), cold.bad.len(), "seed {seed}, line {i}: {line}");
        match reference(&line) {
            Some(row) => {
                assert_eq!(warm.json(&schema), [row], "seed {seed}, line {i}: {line} {:?}", warm.bad)
            }
            // Fields that are not read, and what follows the last one that is, are not looked at.
            None if warm.bad.is_empty() => {
                assert!(warm.batches.is_empty() || lenient(&line), "seed {seed}, line {i}: {line}")
            }
            None => {}
        }
    }
}

/// May we read a line that serde_json refuses? Only where something is broken in what nobody reads:
/// without that, it must be refused.
fn lenient(line: &str) -> bool {
    // Everything but the unread field is read, so the break is in it or behind the last read one.
    line.contains("zz") || serde_json::from_str::<serde_json::Value>(line).is_err()
}

#[test]
fn rows_are_written_as_the_language_writes_them_and_come_back() {
    let schema = Arc::new(everything());
    let mut random = Random::new(77);
    let mut rows = Vec::new();
    for _ in 0..3000 {
        let null = |random: &mut Random, value: Value| if random.below(5) == 0 { Value::Null } else { value };
        let bits = random.bits();
        let float = f64::from_bits(bits);
        let text: String = "a\"b\\c\n\u{1}é😀xyz"
            .chars()
            .cycle()
            .skip((bits % 12) as usize)
            .take((bits % 30) as usize)
            .collect();
        let record = Value::Record([Value::Int(bits as i64), Value::Null].into());
        let row = vec![
            Value::Int(bits as i64 >> (bits % 64)),
            null(&mut random, Value::Float(if float.is_finite() { float } else { 3.0 })),
            Value::string(text.clone()),
            null(&mut random, Value::Timestamp(bits as i64 >> (bits % 20))),
            Value::Bool(bits.is_multiple_of(2)),
            null(&mut random, Value::Decimal(rust_decimal::Decimal::new(bits as i64, (bits % 20) as u32))),
            null(&mut random, Value::Duration(bits as i64)),
            null(&mut random, Value::Bytes(bits.to_le_bytes()[..(bits % 9) as usize].into())),
            null(&mut random, Value::List([Value::Int(1), Value::Null].into())),
            null(&mut random, Value::Map([("k".into(), Value::Float(0.5))].into())),
            null(&mut random, record),
            null(&mut random, Value::Json(Arc::new(serde_json::json!({ "x": [1, text] })))),
            null(&mut random, Value::string("o".repeat((bits % 40) as usize))),
        ];
        rows.push(row);
    }
    let batch = flow_data::Batch::from_rows(&rows, &schema);
    let mut out = Out::default();
    JsonEncoder::new(schema.clone()).rows(&batch, &mut out).unwrap();
    let written = String::from_utf8(out.bytes().to_vec()).unwrap();
    for (line, row) in written.lines().zip(&rows) {
        assert_eq!(line, crate::testing::json(row, &schema));
    }
    let back = read(&schema, &written);
    assert!(back.bad.is_empty(), "{:?}", back.bad.first());
    assert_eq!(back.json(&schema), written.lines().collect::<Vec<_>>());
}

#[test]
fn what_json_has_no_number_for_is_null() {
    let schema = Arc::new(schema(&[("f", DataType::Float)]));
    let rows: Vec<Vec<Value>> =
        [f64::NAN, f64::INFINITY, 3.0, -0.0, 1e300].iter().map(|&f| vec![Value::Float(f)]).collect();
    let mut out = Out::default();
    JsonEncoder::new(schema.clone()).rows(&flow_data::Batch::from_rows(&rows, &schema), &mut out).unwrap();
    let text = String::from_utf8(out.bytes().to_vec()).unwrap();
    assert_eq!(text, "{\"f\":null}\n{\"f\":null}\n{\"f\":3.0}\n{\"f\":-0.0}\n{\"f\":1e300}\n");
}
