//! The table of functions.

use super::signature::Signature;
use std::sync::OnceLock;

/// Where a function stands in the documentation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[allow(missing_docs, reason = "the names say it")]
pub enum Group {
    String,
    Math,
    Time,
    Logic,
    List,
    Json,
    /// Made by the checker (interpolation), not written in scripts.
    Internal,
}

/// What is known about a function.
#[derive(Clone, Copy, Debug)]
pub struct FunctionDef {
    /// Its identity.
    pub func: Func,
    /// Its name in scripts.
    pub name: &'static str,
    /// Where it stands in the documentation.
    pub group: Group,
    /// Its overloads.
    pub signatures: &'static [&'static str],
    /// Can it raise a record error? (With a constant pattern or zone it may not.)
    pub fallible: bool,
    /// One line.
    pub doc: &'static str,
    /// An expression and its result.
    pub example: (&'static str, &'static str),
}

impl FunctionDef {
    /// Its overloads as data.
    pub fn overloads(&self) -> &'static [Signature] {
        static PARSED: OnceLock<Vec<Vec<Signature>>> = OnceLock::new();
        let parsed = PARSED.get_or_init(|| {
            FUNCTIONS
                .iter()
                .map(|d| d.signatures.iter().map(|text| Signature::parse(text)).collect())
                .collect()
        });
        &parsed[self.func as usize]
    }
}

impl Func {
    /// Its entry in the table.
    pub fn def(self) -> &'static FunctionDef {
        &FUNCTIONS[self as usize]
    }

    /// Its name in scripts.
    pub fn name(self) -> &'static str {
        self.def().name
    }
}

macro_rules! fallible {
    (fails) => {
        true
    };
    (total) => {
        false
    };
}

macro_rules! functions {
    ($($group:ident { $($func:ident $name:literal $fallible:ident [$($signature:literal),+] $doc:literal $example:literal => $result:literal;)* })*) => {
        /// A built-in function: the identity that plans carry.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Func { $($(#[doc = $doc] $func,)*)* }

        /// Every function, in the order of [`Func`].
        pub const FUNCTIONS: &[FunctionDef] = &[
            $($(FunctionDef {
                func: Func::$func,
                name: $name,
                group: Group::$group,
                signatures: &[$($signature),+],
                fallible: fallible!($fallible),
                doc: $doc,
                example: ($example, $result),
            },)*)*
        ];
    };
}

functions! {
    String {
        Len "len" total ["len(s: string) -> int", "len(b: bytes) -> int", "len(xs: list<T>) -> int", "len(m: map<string, T>) -> int"]
            "Number of characters, bytes, elements or entries."
            r#"len("naïve")"# => "5";
        Lower "lower" total ["lower(s: string) -> string"]
            "The text in lower case."
            r#"lower("ÉCLAIR")"# => r#""éclair""#;
        Upper "upper" total ["upper(s: string) -> string"]
            "The text in upper case."
            r#"upper("straße")"# => r#""STRASSE""#;
        Trim "trim" total ["trim(s: string) -> string"]
            "The text without blanks at both ends."
            r#"trim("  a b\n")"# => r#""a b""#;
        Split "split" total ["split(s: string) -> list<string>", "split(s: string, separator: string) -> list<string>"]
            "The pieces between separators; without one, the words between blanks. An empty separator splits characters."
            r#"split("a,b,,c", ",")"# => r#"["a", "b", "", "c"]"#;
        Join "join" total ["join(xs: list<string>, separator: string) -> string"]
            "The texts with a separator between them."
            r#"join(["a", "b"], "-")"# => r#""a-b""#;
        Replace "replace" total ["replace(s: string, from: string, to: string) -> string"]
            "Every occurrence of a text replaced; an empty text occurs nowhere."
            r#"replace("banana", "an", "o")"# => r#""booa""#;
        Contains "contains" total ["contains(s: string, part: string) -> bool", "contains(xs: list<T>, x: T) -> bool", "contains(m: map<string, T>, key: string) -> bool"]
            "Does the text hold this part, the list this element, the map this key?"
            r#"contains("stream", "rea")"# => "true";
        StartsWith "startsWith" total ["startsWith(s: string, prefix: string) -> bool"]
            "Does the text start with this?"
            r#"startsWith("stream", "str")"# => "true";
        EndsWith "endsWith" total ["endsWith(s: string, suffix: string) -> bool"]
            "Does the text end with this?"
            r#"endsWith("stream", "am")"# => "true";
        Substring "substring" total ["substring(s: string, start: int) -> string", "substring(s: string, start: int, end: int) -> string"]
            "Characters from start (0 is the first) up to, without, end; what lies outside is left out."
            r#"substring("stream", 1, 4)"# => r#""tre""#;
        IndexOf "indexOf" total ["indexOf(s: string, part: string) -> int?"]
            "Position of the first occurrence in characters; null when absent."
            r#"indexOf("stream", "ea")"# => "3";
        PadLeft "padLeft" fails ["padLeft(s: string, width: int) -> string", "padLeft(s: string, width: int, fill: string) -> string"]
            "The text made at least this many characters wide by filling (with blanks) at the left."
            r#"padLeft("7", 3, "0")"# => r#""007""#;
        PadRight "padRight" fails ["padRight(s: string, width: int) -> string", "padRight(s: string, width: int, fill: string) -> string"]
            "The text made at least this many characters wide by filling (with blanks) at the right."
            r#"padRight("ab", 4, ".")"# => r#""ab..""#;
        Repeat "repeat" fails ["repeat(s: string, times: int) -> string"]
            "The text so many times; a record error beyond 64 MiB."
            r#"repeat("ab", 3)"# => r#""ababab""#;
        Reverse "reverse" total ["reverse(s: string) -> string", "reverse(xs: list<T>) -> list<T>"]
            "Characters or elements in reverse order."
            r#"reverse("abc")"# => r#""cba""#;
        Matches "matches" fails ["matches(s: string, pattern: string) -> bool"]
            "Does the regular expression match somewhere in the text? `^` and `$` anchor it."
            r#"matches("order-17", r"-\d+$")"# => "true";
        RegexExtract "regexExtract" fails ["regexExtract(s: string, pattern: string) -> string?", "regexExtract(s: string, pattern: string, group: int) -> string?"]
            "What the first match's group holds: by default group 1, without groups the whole match; null without a match."
            r#"regexExtract("id=17;", r"id=(\d+)")"# => r#""17""#;
        RegexReplace "regexReplace" fails ["regexReplace(s: string, pattern: string, replacement: string) -> string"]
            "Every match replaced; `$1` in the replacement is the first group."
            r##"regexReplace("a1b22", r"\d+", "#")"## => r##""a#b#""##;
        CharAt "charAt" total ["charAt(s: string, index: int) -> string?"]
            "The character at a position (0 is the first); null outside."
            r#"charAt("abc", 1)"# => r#""b""#;
        ToBytes "toBytes" total ["toBytes(s: string) -> bytes"]
            "The text's UTF-8 bytes."
            r#"toBytes("hi")"# => r#"b"hi""#;
        Hex "hex" total ["hex(b: bytes) -> string", "hex(s: string) -> string", "hex(n: int) -> string"]
            "Lower-case hexadecimal digits of bytes, of a text's UTF-8, or of an int (two's complement)."
            r#"hex("hi")"# => r#""6869""#;
        Base64 "base64" total ["base64(b: bytes) -> string", "base64(s: string) -> string"]
            "Base64 with padding."
            r#"base64("hi")"# => r#""aGk=""#;
        Md5 "md5" total ["md5(s: string) -> string", "md5(b: bytes) -> string"]
            "MD5 digest as hexadecimal digits."
            r#"md5("hi")"# => r#""49f68a5c8493ec2c0bf489821c21fc3b""#;
        Sha256 "sha256" total ["sha256(s: string) -> string", "sha256(b: bytes) -> string"]
            "SHA-256 digest as hexadecimal digits."
            r#"sha256("hi")"# => r#""8f434346648f6b96df89dda901c5176b10a6d83961dd3c1ac88b59b2dc327aa4""#;
        UrlHost "urlHost" total ["urlHost(url: string) -> string?"]
            "The host of a URL without port and user; null if it has none."
            r#"urlHost("https://u@example.org:8080/a?b=1")"# => r#""example.org""#;
        UrlPath "urlPath" total ["urlPath(url: string) -> string?"]
            "The path of a URL, as written; null if the text is no URL."
            r#"urlPath("https://example.org/a/b?c=1#d")"# => r#""/a/b""#;
        UrlParam "urlParam" total ["urlParam(url: string, name: string) -> string?"]
            "The first query parameter of this name, decoded; null when absent."
            r#"urlParam("https://example.org/?q=a%20b", "q")"# => r#""a b""#;
    }
    Math {
        Abs "abs" fails ["abs(x: num) -> num", "abs(x: duration) -> duration"]
            "The number without its sign; a record error for the least int."
            "abs(-3)" => "3";
        Min "min" total ["min(a: ord, b: ord...) -> ord"]
            "The least of several values."
            "min(3, 1, 2)" => "1";
        Max "max" total ["max(a: ord, b: ord...) -> ord"]
            "The greatest of several values."
            "max(3, 1, 2)" => "3";
        Clamp "clamp" total ["clamp(x: ord, low: ord, high: ord) -> ord"]
            "The value, but at least low and at most high."
            "clamp(17, 0, 10)" => "10";
        Floor "floor" total ["floor(x: num) -> num"]
            "The greatest whole number that is not greater."
            "floor(-1.5)" => "-2.0";
        Ceil "ceil" total ["ceil(x: num) -> num"]
            "The least whole number that is not less."
            "ceil(1.2)" => "2.0";
        Round "round" fails ["round(x: num) -> num", "round(x: num, digits: int) -> num"]
            "Rounded to so many digits (0; negative: tens), halves away from zero."
            "round(2.346, 2)" => "2.35";
        Sqrt "sqrt" total ["sqrt(x: float) -> float"]
            "The square root; NaN of a negative number."
            "sqrt(9.0)" => "3.0";
        Pow "pow" total ["pow(x: float, y: float) -> float"]
            "x to the power of y."
            "pow(2.0, 10.0)" => "1024.0";
        Exp "exp" total ["exp(x: float) -> float"]
            "e to the power of x."
            "exp(0.0)" => "1.0";
        Ln "ln" total ["ln(x: float) -> float"]
            "The natural logarithm; NaN of a negative number."
            "ln(1.0)" => "0.0";
        Log10 "log10" total ["log10(x: float) -> float"]
            "The decimal logarithm; NaN of a negative number."
            "log10(1000.0)" => "3.0";
        Sin "sin" total ["sin(x: float) -> float"]
            "The sine of an angle in radians."
            "sin(0.0)" => "0.0";
        Cos "cos" total ["cos(x: float) -> float"]
            "The cosine of an angle in radians."
            "cos(0.0)" => "1.0";
        Tan "tan" total ["tan(x: float) -> float"]
            "The tangent of an angle in radians."
            "tan(0.0)" => "0.0";
        Atan2 "atan2" total ["atan2(y: float, x: float) -> float"]
            "The angle of the point (x, y) in radians."
            "atan2(0.0, 1.0)" => "0.0";
        IsNaN "isNaN" total ["isNaN(x: float) -> bool"]
            "Is it not a number?"
            "isNaN(sqrt(-1.0))" => "true";
        Hash "hash" total ["hash(x: any) -> int"]
            "A well-mixed number that is the same for equal values, on every machine and in every version."
            r#"hash("a") == hash("a")"# => "true";
        Sign "sign" total ["sign(x: num) -> int", "sign(x: duration) -> int"]
            "-1, 0 or 1; 0 for NaN."
            "sign(-2.5)" => "-1";
    }
    Time {
        Year "year" fails ["year(t: timestamp, zone: string = \"UTC\") -> int"]
            "The calendar year."
            "year(@2026-01-31T23:30:00Z, zone: \"Asia/Tokyo\")" => "2026";
        Month "month" fails ["month(t: timestamp, zone: string = \"UTC\") -> int"]
            "The month, 1 to 12."
            "month(@2026-01-31T23:30:00Z, zone: \"Asia/Tokyo\")" => "2";
        Day "day" fails ["day(t: timestamp, zone: string = \"UTC\") -> int"]
            "The day of the month, 1 to 31."
            "day(@2026-01-31T12:00:00Z)" => "31";
        Hour "hour" fails ["hour(t: timestamp, zone: string = \"UTC\") -> int"]
            "The hour, 0 to 23."
            "hour(@2026-07-01T12:00:00Z, zone: \"Europe/Berlin\")" => "14";
        Minute "minute" fails ["minute(t: timestamp, zone: string = \"UTC\") -> int"]
            "The minute, 0 to 59."
            "minute(@2026-01-31T12:34:56Z)" => "34";
        Second "second" fails ["second(t: timestamp, zone: string = \"UTC\") -> int"]
            "The second, 0 to 59."
            "second(@2026-01-31T12:34:56Z)" => "56";
        DayOfWeek "dayOfWeek" fails ["dayOfWeek(t: timestamp, zone: string = \"UTC\") -> int"]
            "The day of the week, Monday is 1 and Sunday 7."
            "dayOfWeek(@2026-01-31)" => "6";
        DayOfYear "dayOfYear" fails ["dayOfYear(t: timestamp, zone: string = \"UTC\") -> int"]
            "The day of the year, 1 to 366."
            "dayOfYear(@2026-02-01)" => "32";
        EpochMillis "epochMillis" total ["epochMillis(t: timestamp) -> int"]
            "Milliseconds since 1970, rounded down."
            "epochMillis(@1970-01-01T00:00:01Z)" => "1000";
        FromEpochMillis "fromEpochMillis" fails ["fromEpochMillis(ms: int) -> timestamp"]
            "The moment so many milliseconds after 1970."
            "fromEpochMillis(1000)" => "@1970-01-01T00:00:01Z";
        Truncate "truncate" fails ["truncate(t: timestamp, unit: duration, zone: string = \"UTC\") -> timestamp"]
            "The start of the unit (aligned to 1970, in local time of the zone) that holds the moment."
            "truncate(@2026-01-31T12:34:56Z, 1h)" => "@2026-01-31T12:00:00Z";
        Format "format" fails ["format(t: timestamp, pattern: string, zone: string = \"UTC\") -> string"]
            "The moment as text: yyyy MM dd HH mm ss SSS (also SSSSSS), EEE and MMM for names, XXX for the offset, 'text' as it is."
            "format(@2026-01-31T12:00:00Z, \"yyyy-MM-dd HH:mm\")" => "\"2026-01-31 12:00\"";
        ParseTimestamp "parseTimestamp" fails ["parseTimestamp(s: string, pattern: string, zone: string = \"UTC\") -> timestamp"]
            "A moment read by a pattern (see `format`)."
            "parseTimestamp(\"31.01.2026\", \"dd.MM.yyyy\")" => "@2026-01-31";
        Now "now" total ["now() -> timestamp"]
            "The wall clock's time."
            "now() > @2020-01-01" => "true";
    }
    Logic {
        Coalesce "coalesce" total ["coalesce(x: T?...) -> T?"]
            "The first argument that is not null; not optional if one of them is not."
            "coalesce(tryInt(\"x\"), 2)" => "2";
        IsNull "isNull" total ["isNull(x: any) -> bool"]
            "Is it null?"
            "isNull(tryInt(\"x\"))" => "true";
    }
    List {
        Get "get" total ["get(xs: list<T>, index: int) -> T?", "get(m: map<string, T>, key: string) -> T?"]
            "The element at a position (0 is the first) or of a key; null when absent."
            "get([1, 2, 3], 9)" => "null";
        First "first" total ["first(xs: list<T>) -> T?"]
            "The first element; null of an empty list."
            "first([4, 5, 6])" => "4";
        Last "last" total ["last(xs: list<T>) -> T?"]
            "The last element; null of an empty list."
            "last([4, 5, 6])" => "6";
        Sort "sort" total ["sort(xs: list<ord>) -> list<ord>"]
            "The elements, least first."
            "sort([3, 1, 2])" => "[1, 2, 3]";
        Distinct "distinct" total ["distinct(xs: list<T>) -> list<T>"]
            "Each different element once, in the order of their first places."
            "distinct([3, 1, 3])" => "[3, 1]";
        Slice "slice" total ["slice(xs: list<T>, start: int) -> list<T>", "slice(xs: list<T>, start: int, end: int) -> list<T>"]
            "Elements from start (0 is the first) up to, without, end; what lies outside is left out."
            "slice([1, 2, 3, 4], 1, 3)" => "[2, 3]";
        Flatten "flatten" total ["flatten(xs: list<list<T>>) -> list<T>"]
            "The elements of all inner lists."
            "flatten([[1], [2, 3]])" => "[1, 2, 3]";
        Range "range" fails ["range(end: int) -> list<int>", "range(start: int, end: int) -> list<int>"]
            "The ints from start (or 0) up to, without, end; a record error beyond a million."
            "range(1, 4)" => "[1, 2, 3]";
        Zip "zip" total ["zip(xs: list<T>, ys: list<U>) -> list<{ left: T, right: U }>"]
            "Pairs of elements at the same position, as long as both last."
            "zip([1, 2], [\"a\", \"b\"])" => "[{ left: 1, right: \"a\" }, { left: 2, right: \"b\" }]";
        Keys "keys" total ["keys(m: map<string, T>) -> list<string>"]
            "The keys of a map, sorted."
            "keys(map { \"b\": 1, \"a\": 2 })" => "[\"a\", \"b\"]";
        Values "values" total ["values(m: map<string, T>) -> list<T>"]
            "The values of a map in the order of its sorted keys."
            "values(map { \"b\": 1, \"a\": 2 })" => "[2, 1]";
        Any "any" total ["any(xs: list<T>, test: T => bool) -> bool"]
            "Does the test hold for at least one element?"
            "any([1, 2], x => x > 1)" => "true";
        All "all" total ["all(xs: list<T>, test: T => bool) -> bool"]
            "Does the test hold for every element?"
            "all([1, 2], x => x > 1)" => "false";
        MapEach "mapEach" total ["mapEach(xs: list<T>, f: T => U) -> list<U>"]
            "What the function makes of each element."
            "mapEach([1, 2], x => x * 10)" => "[10, 20]";
        FilterEach "filterEach" total ["filterEach(xs: list<T>, test: T => bool) -> list<T>"]
            "The elements for which the test holds."
            "filterEach([1, 2, 3], x => x != 2)" => "[1, 3]";
        Reduce "reduce" total ["reduce(xs: list<T>, initial: A, step: (A, T) => A) -> A"]
            "Folds the elements, first to last, into one value."
            "reduce([1, 2, 3], 0, (a, x) => a + x)" => "6";
    }
    Json {
        ParseJson "parseJson" fails ["parseJson(s: string) -> json"]
            "A text read as JSON."
            "int(parseJson(\"{{\\\"a\\\": [1, 2]}}\").a[1])" => "2";
        ToJson "toJson" total ["toJson(x: any) -> string"]
            "The value written as JSON: fields in order, timestamps as ISO-8601, NaN and infinities as null."
            "toJson({ a: 1, b: [true] })" => r#""{{\"a\":1,\"b\":[true]}}""#;
    }
    Internal {
        Concat "concat" total ["concat(s: string...) -> string"]
            "Texts joined: what string interpolation means."
            r#""{1}-{2}""# => r#""1-2""#;
        SplitPart "splitPart" total ["splitPart(s: string, separator: string, index: int) -> string?"]
            "One part of a split text, without the list: what `get(split(s, separator), index)` means."
            r#"get(split("a,b", ","), 1)"# => r#""b""#;
    }
}
