use super::*;

fn s(text: &str) -> Value {
    Value::string(text)
}

fn string(func: Func, args: &[Value]) -> Value {
    call(func, args, &[], &mut Context::default()).unwrap()
}

#[test]
fn positions_count_characters_not_bytes() {
    assert_eq!(string(Func::Len, &[s("żółw🐢")]), Value::Int(5));
    assert_eq!(string(Func::Substring, &[s("żółw🐢"), Value::Int(1), Value::Int(3)]), s("ół"));
    assert_eq!(string(Func::Substring, &[s("abc"), Value::Int(-5), Value::Int(99)]), s("abc"));
    assert_eq!(string(Func::Substring, &[s("abc"), Value::Int(2), Value::Int(i64::MIN)]), s(""));
    assert_eq!(string(Func::IndexOf, &[s("żółw"), s("w")]), Value::Int(3));
    assert_eq!(string(Func::CharAt, &[s("żó"), Value::Int(2)]), Value::Null);
}

#[test]
fn padding_counts_characters_and_refuses_giants() {
    assert_eq!(string(Func::PadLeft, &[s("ż"), Value::Int(3), s("ab")]), s("abż"));
    let giant = call(Func::Repeat, &[s("ab"), Value::Int(i64::MAX)], &[], &mut Context::default());
    assert!(giant.is_err());
}

#[test]
fn a_split_without_separator_gives_words() {
    let words = string(Func::Split, &[s("  to be\tor\n")]);
    assert_eq!(words, list_of([s("to"), s("be"), s("or")]));
    assert_eq!(string(Func::Split, &[s("ab"), s("")]), list_of([s("a"), s("b")]));
}

#[test]
fn a_broken_pattern_is_one_line() {
    let message = bad_constant(Func::Matches, 1, "(a").unwrap();
    assert!(
        message.starts_with("\"(a\" is not a regular expression: ") && !message.contains('\n'),
        "{message}"
    );
    assert_eq!(bad_constant(Func::Matches, 1, "a+"), None);
    assert!(bad_constant(Func::Year, 1, "Mars/Olympus").is_some());
    assert!(bad_constant(Func::Format, 1, "yyyy QQ").is_some());
}

#[test]
fn rounding_goes_by_the_shortest_text_of_a_float() {
    let cases = [
        (2.345, 2, 2.35),
        (-2.675, 2, -2.68),
        (0.05, 1, 0.1),
        (0.04, 1, 0.0),
        (1234.5, -2, 1200.0),
        (9.99, 1, 10.0),
        (1e300, 2, 1e300),
        (f64::INFINITY, 1, f64::INFINITY),
        (0.5, 0, 1.0),
        (5.0, -1, 10.0),
        (4.0, -3, 0.0),
    ];
    for (x, digits, expected) in cases {
        assert_eq!(math::round_float(x, digits), expected, "round({x}, {digits})");
    }
    assert_eq!(math::round_int(-1250, -2), Ok(-1300));
    assert!(math::round_int(i64::MAX, -19).is_err());
    assert_eq!(math::round_int(i64::MAX, -20), Ok(0));
}

#[test]
fn patterns_write_and_read_the_same_moment() {
    let berlin = crate::civil::Zone::find("Europe/Berlin").unwrap();
    let t = crate::text::parse_timestamp("2026-07-04T21:05:09.123456Z").unwrap();
    let cases = [
        ("yyyy-MM-dd'T'HH:mm:ss.SSSSSSXXX", "2026-07-04T23:05:09.123456+02:00"),
        ("EEE, d MMM yy hh:mm:ss.SSSSSS a X", "Sat, 4 Jul 26 11:05:09.123456 PM +02"),
        (
            "EEEE d. MMMM yyyy 'at' H 'o''clock' mm ss SSSSSS",
            "Saturday 4. July 2026 at 23 o'clock 05 09 123456",
        ),
        ("yyyy/DDD HHmmss SSSSSS", "2026/185 230509 123456"),
    ];
    for (pattern, text) in cases {
        let pattern = pattern::Pattern::parse(pattern).unwrap();
        assert_eq!(pattern.format(t, &berlin), text);
        assert_eq!(pattern.parse_text(text, &berlin), Ok(t), "{text}");
    }
    let date = pattern::Pattern::parse("yyyy-MM-dd").unwrap();
    assert!(date.parse_text("2026-02-30", &berlin).is_err());
    assert!(date.parse_text("2026-02-03x", &berlin).is_err());
}

#[test]
fn days_of_a_zone_begin_at_its_midnight() {
    let berlin = crate::civil::Zone::find("Europe/Berlin").unwrap();
    let day = crate::civil::DAY;
    let at = |text| crate::text::parse_timestamp(text).unwrap();
    assert_eq!(time::truncate(at("2026-03-29T12:00:00Z"), day, &berlin), Ok(at("2026-03-28T23:00:00Z")));
    assert_eq!(time::truncate(at("2026-07-01T23:00:00Z"), day, &berlin), Ok(at("2026-07-01T22:00:00Z")));
    assert_eq!(
        time::truncate(at("1969-12-31T23:59:59Z"), day, &crate::civil::Zone::UTC),
        Ok(at("1969-12-31"))
    );
    assert!(time::truncate(0, 0, &berlin).is_err());
}

#[test]
fn parts_of_urls_are_found() {
    assert_eq!(url::host("http://u:p@[::1]:80/x"), Some("[::1]"));
    assert_eq!(url::host("mailto:a@b"), None);
    assert_eq!(url::path("http://a.b?x"), Some(""));
    assert_eq!(url::param("/s?a=1&q=x+y%C3%A9&q=2#q=3", "q"), Some("x yé".to_string()));
    assert_eq!(url::param("http://a/?ab=1", "a"), None);
    assert_eq!(url::param("http://a/?a%", "a%"), Some(String::new()));
}

#[test]
fn values_are_written_as_json_in_field_order() {
    use crate::types::Field;
    let ty = DataType::record(vec![
        Field::new("b", DataType::Float),
        Field::new("a", DataType::list(DataType::String)),
        Field::new("at", DataType::Timestamp.optional()),
    ]);
    let value = Value::Record([Value::Float(3.0), list_of([s("x\"\n\u{1}")]), Value::Timestamp(0)].into());
    let mut out = String::new();
    json::write(&mut out, &value, &ty);
    assert_eq!(out, r#"{"b":3.0,"a":["x\"\n\u0001"],"at":"1970-01-01T00:00:00Z"}"#);
}

#[test]
fn no_function_makes_a_value_beyond_the_limits() {
    use crate::limits::MAX_TEXT;
    let half = s(&"a ".repeat(MAX_TEXT / 4 + 1));
    let cases: [(Func, Vec<Value>); 9] = [
        (Func::Concat, vec![half.clone(), half.clone()]),
        (Func::Replace, vec![half.clone(), s("a"), s("aaaa")]),
        (Func::RegexReplace, vec![half.clone(), s("a"), s("$0$0$0$0")]),
        (Func::RegexReplace, vec![half.clone(), s("(?s).*"), s(&"$0".repeat(100))]),
        (Func::Join, vec![list_of([half.clone(), s("")]), half.clone()]),
        (Func::PadLeft, vec![half.clone(), Value::Int(MAX_TEXT as i64 + 1)]),
        (Func::Hex, vec![half.clone()]),
        (Func::Split, vec![half.clone(), s("")]),
        (Func::Split, vec![half.clone(), s("a")]),
    ];
    for (func, args) in cases {
        let made = call(func, &args, &[], &mut Context::default()).and_then(crate::limits::checked);
        let code = made.map(|_| ()).map_err(|fault| fault.code);
        assert_eq!(code, Err(crate::ErrorCode::TooLarge), "{}", func.name());
    }
}

#[test]
fn regex_replacement_is_that_of_the_regex_crate() {
    let cases =
        [("a1b22", r"\d+", "<$0>"), ("", "x*", "-"), ("abc", "x*", "-"), ("żółw", "(ó)(?<l>ł)", "$l${1}$$")];
    for (text, pattern, replacement) in cases {
        let regex = regex::compile(pattern).unwrap();
        let expected = regex.replace_all(text, replacement).into_owned();
        assert_eq!(regex::replace(&regex, text, replacement), Ok(expected));
    }
}
