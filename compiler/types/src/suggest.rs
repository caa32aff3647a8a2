//! What the author may have meant: the nearest name by edit distance, and the words people bring
//! from other systems. Knows names only, no types.

/// The nearest of `names`, if it is near enough to be worth saying.
pub fn nearest<'n>(wrong: &str, names: impl IntoIterator<Item = &'n str>) -> Option<&'n str> {
    let lower = wrong.to_ascii_lowercase();
    let limit = match wrong.chars().count() {
        // All names of one letter are one edit apart.
        0..=1 => 0,
        2 => 1,
        3..=5 => 2,
        6..=9 => 3,
        _ => 4,
    };
    let mut best: Option<(usize, &str)> = None;
    for name in names {
        if name == wrong {
            continue;
        }
        let candidate = name.to_ascii_lowercase();
        let distance = if candidate == lower || without_underscores(&candidate) == without_underscores(&lower)
        {
            0
        } else {
            let edits = strsim::osa_distance(&lower, &candidate);
            // A short word that shares no letter order with the other is not a misspelling of it.
            if edits * 2 > wrong.chars().count().max(candidate.chars().count()) { continue } else { edits }
        };
        if distance <= limit && best.is_none_or(|(least, _)| distance < least) {
            best = Some((distance, name));
        }
    }
    if best.is_none() && wrong.chars().count() >= 3 {
        return None;
    }
    best.map(|(_, name)| name)
}

fn without_underscores(word: &str) -> String {
    word.chars().filter(|c| *c != '_').collect()
}

/// flow's stage for a word of another system.
pub fn foreign_stage(word: &str) -> Option<&'static str> {
    find(
        word,
        &[
            ("filter", &["where", "having", "keep", "grep", "select_rows", "filterwhere"]),
            (
                "map",
                &[
                    "select",
                    "project",
                    "with",
                    "withcolumn",
                    "derive",
                    "extend",
                    "transform",
                    "mapvalues",
                    "mutate",
                    "assign",
                ],
            ),
            (
                "keyBy",
                &["groupby", "group_by", "key_by", "group", "partitionby", "partition_by", "groupbykey"],
            ),
            ("flatMap", &["flat_map", "explode", "unnest", "mapconcat", "selectmany"]),
            ("top", &["orderby", "order_by", "sort", "sortby", "sort_by", "largest"]),
            ("limit", &["take", "head", "fetch"]),
            (
                "distinct",
                &[
                    "dedup",
                    "dedupe",
                    "unique",
                    "deduplicate",
                    "distinctby",
                    "drop_duplicates",
                    "dropduplicates",
                ],
            ),
            ("aggregate", &["agg", "summarize", "summarise", "reducebykey", "summary"]),
            ("count", &["countby", "countbykey", "countbyvalue", "size"]),
            ("eventTime", &["watermark", "withtimestamps", "assigntimestamps", "withwatermark", "rowtime"]),
            ("union", &["unionall", "union_all", "concat", "merge", "unionbyname"]),
            ("window", &["windowby", "windowed", "windowinto", "timewindow"]),
            ("join", &["innerjoin", "inner_join", "lookup"]),
            ("leftJoin", &["left_join", "leftouterjoin", "outerjoin", "left_outer_join"]),
            ("semiJoin", &["semi_join", "leftsemi"]),
            ("antiJoin", &["anti_join", "except", "leftanti"]),
            ("scan", &["statefulmap", "mapwithstate", "mapgroupswithstate", "process", "reduce", "fold"]),
            ("tap", &["print", "peek", "inspect", "debug", "log", "foreach"]),
            ("drop", &["dropcolumns", "exclude", "without", "drop_columns"]),
            ("rename", &["renamecolumn", "withcolumnrenamed", "rename_columns"]),
            ("avg", &["mean", "average"]),
        ],
    )
}

/// flow's window for a word of another system, also where it was used as a stage.
pub fn foreign_window(word: &str) -> Option<&'static str> {
    let lower = word.to_ascii_lowercase();
    let known = match lower.as_str() {
        "tumble" | "fixed" | "fixedwindows" | "fixedwindow" => Some("tumbling"),
        "hop" | "hopping" | "slide" => Some("sliding"),
        "sessions" => Some("session"),
        "cumulate" => Some("cumulative"),
        "rows" => Some("count"),
        _ => None,
    };
    known.or_else(|| {
        ["tumbling", "sliding", "session", "cumulative"].into_iter().find(|kind| lower.starts_with(kind))
    })
}

/// flow's type for a word of another system.
pub fn foreign_type(word: &str) -> Option<&'static str> {
    find(
        word,
        &[
            ("string", &["str", "varchar", "text", "char", "utf8", "nvarchar"]),
            (
                "int",
                &[
                    "integer", "bigint", "long", "i64", "i32", "int64", "int32", "smallint", "short",
                    "tinyint", "number", "i8", "i16", "i128", "u8", "u16", "u32", "u64", "usize", "isize",
                    "uint", "uint32", "uint64",
                ],
            ),
            ("float", &["double", "f64", "f32", "real", "float64", "double_precision", "float32"]),
            ("bool", &["boolean"]),
            ("timestamp", &["date", "datetime", "time", "timestamptz", "instant", "timestamp_ltz"]),
            ("duration", &["interval", "timedelta", "timespan"]),
            ("decimal", &["numeric", "bigdecimal", "money"]),
            ("bytes", &["binary", "varbinary", "blob", "bytea", "bytearray"]),
            ("json", &["jsonb", "variant", "object", "any"]),
        ],
    )
}

/// flow's generic type for a word of another system (`array<T>`, `Vec<T>`).
pub fn foreign_generic(word: &str) -> Option<&'static str> {
    find(
        word,
        &[
            ("list", &["array", "vec", "seq", "vector", "set"]),
            ("map", &["dict", "hashmap", "object", "record"]),
            ("?", &["option", "optional", "nullable", "maybe"]),
        ],
    )
}

/// flow's function for a word of another system.
pub fn foreign_function(word: &str) -> Option<&'static str> {
    find(
        word,
        &[
            ("len", &["length", "size", "strlen", "char_length", "cardinality"]),
            ("lower", &["tolowercase", "lowercase", "lcase", "tolower", "to_lower"]),
            ("upper", &["touppercase", "uppercase", "ucase", "toupper", "to_upper"]),
            ("substring", &["substr", "mid"]),
            ("coalesce", &["ifnull", "nvl", "if_null", "zeroifnull", "fillna"]),
            ("isNull", &["isnull", "is_null", "isnil", "isnone"]),
            ("timestamp", &["to_timestamp", "totimestamp", "to_date", "date", "todatetime"]),
            ("int", &["toint", "parseint", "to_int", "integer", "cast_int", "tointeger", "tolong"]),
            ("float", &["tofloat", "todouble", "parsefloat", "to_float", "double"]),
            ("string", &["tostring", "to_string", "str", "to_char", "text"]),
            ("bool", &["tobool", "boolean", "parsebool"]),
            ("decimal", &["todecimal", "to_decimal", "numeric"]),
            ("contains", &["includes", "has", "array_contains"]),
            ("indexOf", &["strpos", "position", "instr", "charindex", "find", "locate"]),
            ("startsWith", &["starts_with", "startswith", "hasprefix", "beginswith"]),
            ("endsWith", &["ends_with", "endswith", "hassuffix"]),
            ("matches", &["rlike", "regexp_like", "regexlike", "regexp_matches", "like"]),
            ("regexReplace", &["regexp_replace", "gsub"]),
            ("regexExtract", &["regexp_extract", "regexp_substr"]),
            ("replace", &["replaceall", "replace_all"]),
            ("ceil", &["ceiling"]),
            ("round", &["tofixed"]),
            ("pow", &["power"]),
            ("ln", &["log", "loge"]),
            ("mapEach", &["map", "transform", "listmap"]),
            ("filterEach", &["filter", "listfilter"]),
            ("reduce", &["fold", "foldl", "inject"]),
            ("truncate", &["date_trunc", "datetrunc", "trunc"]),
            ("format", &["date_format", "strftime", "to_char", "dateformat"]),
            ("parseTimestamp", &["strptime", "str_to_date", "parse_datetime", "parsedate"]),
            ("now", &["current_timestamp", "currenttimestamp", "getdate", "sysdate", "systime"]),
            ("epochMillis", &["unix_millis", "tomillis", "getTime"]),
            ("fromEpochMillis", &["to_timestamp_ltz", "from_unixtime", "frommillis"]),
            ("parseJson", &["json_parse", "from_json", "json_decode", "parse_json"]),
            ("toJson", &["json_encode", "to_json", "stringify"]),
            ("split", &["string_split", "split_part", "str_split", "tokenize", "tokens", "words"]),
            ("trim", &["strip", "btrim"]),
            ("any", &["exists", "anymatch"]),
            ("all", &["every", "allmatch", "forall"]),
            ("padLeft", &["lpad", "padstart"]),
            ("padRight", &["rpad", "padend"]),
            ("avg", &["mean", "average"]),
            ("max", &["maximum", "greatest"]),
            ("min", &["minimum", "least"]),
            ("countDistinct", &["count_distinct", "nunique", "uniq"]),
            ("approxCountDistinct", &["approx_count_distinct", "hll", "approx_distinct"]),
            ("collect", &["collect_list", "array_agg", "listagg", "tolist"]),
            ("stringJoin", &["string_agg", "group_concat"]),
            ("first", &["first_value", "any_value"]),
            ("last", &["last_value"]),
            ("argMax", &["max_by", "arg_max", "maxby"]),
            ("argMin", &["min_by", "arg_min", "minby"]),
            ("stddev", &["std", "stdev", "stddev_samp"]),
            ("variance", &["var", "var_samp"]),
            ("boolAnd", &["bool_and", "every"]),
            ("boolOr", &["bool_or"]),
            ("percentile", &["quantile", "percentile_cont"]),
        ],
    )
}

/// What a method of another language is with an operator of flow; its operand and arguments are texts.
pub fn foreign_method(word: &str, texts: &[String]) -> Option<String> {
    match (without_underscores(&word.to_ascii_lowercase()).as_str(), texts) {
        ("unwrapor" | "orelse" | "getorelse" | "getordefault" | "ordefault", [x, or]) => {
            Some(format!("{x} ?? {or}"))
        }
        ("issome" | "ispresent" | "isdefined" | "isnotnull" | "notnull" | "notna", [x]) => {
            Some(format!("{x} != null"))
        }
        ("isnone" | "isabsent" | "isnull" | "isna", [x]) => Some(format!("{x} == null")),
        ("isin" | "in" | "isinlist", [x, list]) if list.starts_with('[') => Some(format!("{x} in {list}")),
        ("isin" | "in", [x, items @ ..]) if !items.is_empty() => {
            Some(format!("{x} in [{}]", items.join(", ")))
        }
        ("between", [x, low, high]) => Some(format!("{x} >= {low} and {x} <= {high}")),
        ("equals" | "eq" | "eqnullsafe", [x, y]) => Some(format!("{x} == {y}")),
        ("rlike", [x, pattern]) => Some(format!("matches({x}, r{pattern})")),
        ("isempty", [x]) => Some(format!("len({x}) == 0")),
        _ => None,
    }
}

/// Does another system cut a time to a part of it by this function?
pub fn cuts_time(word: &str) -> bool {
    matches!(without_underscores(&word.to_ascii_lowercase()).as_str(), "datetrunc" | "timestamptrunc")
}

/// The length of what another system calls a part of time, in quotes (`'hour'`).
pub fn step_of_time(text: &str) -> Option<&'static str> {
    let quoted = text.strip_prefix(['"', '\''])?.strip_suffix(['"', '\''])?;
    Some(match quoted.to_ascii_lowercase().trim_end_matches('s') {
        "second" => "1s",
        "minute" => "1min",
        "hour" => "1h",
        "day" => "1d",
        _ => return None,
    })
}

/// Is the function known elsewhere under this name, with an operator in flow (`concat` is `+`)?
pub fn foreign_operator(word: &str) -> Option<&'static str> {
    find(
        word,
        &[("+", &["concat", "concat_ws", "strcat"]), ("%", &["mod", "modulo"]), ("==", &["equals", "eq"])],
    )
}

/// Which of these arguments a word of another system means.
pub fn foreign_argument<'n>(word: &str, names: impl IntoIterator<Item = &'n str>) -> Option<&'n str> {
    const WORDS: &[(&str, &[&str])] = &[
        ("state", &["init", "initial", "initialvalue", "zero", "seed", "start", "acc", "accumulator"]),
        ("next", &["fn", "f", "fold", "update", "step", "func", "reduce", "combine"]),
        ("emit", &["output", "result", "select", "yield", "out"]),
        ("lateness", &["allowedlateness", "grace", "late", "allowlateness", "afterwindowend"]),
        ("delay", &["watermark", "lag", "maxoutoforderness", "outoforderness", "maxdelay", "bound", "skew"]),
        ("idle", &["idletimeout", "idleness", "timeout"]),
        ("every", &["slide", "step", "hop", "advance", "advanceby", "period", "interval"]),
        ("gap", &["timeout", "inactivity", "inactivitygap", "idle"]),
        ("size", &["length", "width", "duration", "size", "interval", "period"]),
        ("max", &["size", "length", "duration"]),
        ("within", &["between", "interval", "range", "tolerance", "joinwindow"]),
        ("ttl", &["retention", "expire", "expiry", "timeout"]),
        ("by", &["on", "orderby", "order", "key", "sort", "column", "field"]),
        ("n", &["k", "count", "limit", "num", "size"]),
        ("probability", &["fraction", "p", "rate", "frac"]),
        ("offset", &["shift", "start"]),
        ("zone", &["timezone", "tz"]),
        ("mode", &["accumulation", "accumulationmode"]),
    ];
    let lower = without_underscores(&word.to_ascii_lowercase());
    let known = |name: &str| WORDS.iter().any(|(ours, theirs)| *ours == name && theirs.contains(&&*lower));
    names.into_iter().find(|name| *name != word && known(name))
}

/// Names of modules that other languages write before their functions.
pub fn is_module(word: &str) -> bool {
    matches!(
        word,
        "math"
            | "Math"
            | "np"
            | "numpy"
            | "pd"
            | "F"
            | "functions"
            | "string"
            | "String"
            | "json"
            | "JSON"
            | "re"
            | "Integer"
            | "Date"
            | "Double"
    )
}

/// What stands for a function that flow has in another shape.
pub fn other_shape(word: &str) -> Option<&'static str> {
    Some(match without_underscores(&word.to_ascii_lowercase()).as_str() {
        "rownumber" | "rank" | "denserank" => {
            "rows of a group are numbered by a stage: `|> keyBy(k) |> top(10, by: value) as rank`"
        }
        "lag" | "lead" | "shift" | "prev" | "previous" => {
            "what the row before had is kept by a stage: `|> scan(state: 0, next: price, emit: { .., before: state })`"
        }
        "switch" | "decode" | "casewhen" => "a choice by a value is `match x { 1 => \"a\", _ => \"b\" }`",
        _ => return None,
    })
}

/// Words that stand for the whole row elsewhere.
pub fn is_row_word(word: &str) -> bool {
    let lower = word.to_ascii_lowercase();
    matches!(
        lower.as_str(),
        "self"
            | "this"
            | "row"
            | "it"
            | "_"
            | "rec"
            | "record"
            | "event"
            | "e"
            | "x"
            | "r"
            | "value"
            | "input"
    )
}

/// flow's connector for a word of another system.
pub fn foreign_connector(word: &str) -> Option<&'static str> {
    find(
        word,
        &[
            ("stdout", &["print", "console"]),
            ("file", &["filesystem", "csv", "json", "files", "fs", "parquet", "textfile", "path"]),
            ("blackhole", &["null", "devnull", "noop", "discard"]),
            ("generate", &["datagen", "faker", "rate", "generator"]),
            ("postgres", &["jdbc", "postgresql", "pg", "sql"]),
            ("http", &["https", "rest", "webhook"]),
            ("socket", &["tcp"]),
        ],
    )
}

/// flow's format for a word of another system.
pub fn foreign_format(word: &str) -> Option<&'static str> {
    find(
        word,
        &[
            ("json", &["ndjson", "jsonl", "jsonlines"]),
            ("text", &["raw", "lines", "txt", "plain", "string"]),
            ("csv", &["tsv"]),
        ],
    )
}

fn find(word: &str, table: &[(&'static str, &[&str])]) -> Option<&'static str> {
    let lower = word.to_ascii_lowercase();
    table.iter().find(|(name, words)| *name != word && words.contains(&lower.as_str())).map(|(name, _)| *name)
}
/// A pattern of dates as flow writes it, for one of `strftime` (`%Y-%m-%d`) or one in capitals
/// (`YYYY-MM-DD`); `None` if it is neither.
pub fn date_pattern(theirs: &str) -> Option<String> {
    const STRFTIME: &[(char, &str)] = &[
        ('Y', "yyyy"),
        ('y', "yy"),
        ('m', "MM"),
        ('d', "dd"),
        ('H', "HH"),
        ('I', "hh"),
        ('M', "mm"),
        ('S', "ss"),
        ('F', "yyyy-MM-dd"),
        ('T', "HH:mm:ss"),
        ('j', "DDD"),
        ('p', "a"),
    ];
    if !theirs.contains('%') {
        let ours =
            theirs.replace("YYYY", "yyyy").replace("DD", "dd").replace("HH24", "HH").replace("MI", "mm");
        return (ours != theirs).then_some(ours);
    }
    let mut out = String::new();
    let mut chars = theirs.chars();
    while let Some(c) = chars.next() {
        if c == '%' {
            let letter = chars.next()?;
            out.push_str(STRFTIME.iter().find(|(theirs, _)| *theirs == letter)?.1);
        } else if c.is_ascii_alphabetic() {
            out.push('\'');
            out.push(c);
            out.push('\'');
        } else {
            out.push(c);
        }
    }
    Some(out)
}
