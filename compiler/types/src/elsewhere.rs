//! Words of other systems that have no single word in flow: what they do here, and options and values that are called
//! otherwise. Knows names only, no types.

/// What is done in flow instead of a stage of another system; the word, without underscores and in small letters.
const STAGES: &[(&[&str], &str)] = &[
    (
        &["suppress", "emitfinal", "finalresults", "onwindowclose"],
        "a window emits once, when it ends, so that nothing is left to suppress; `trigger(early: 10s)` before the aggregate asks \
         for partial results",
    ),
    (
        &["branch", "splitstream", "partition", "route", "switch"],
        "declare a stream for each branch: `stream large = rows |> filter(price > 100)`; a stream may be read any number of times",
    ),
    (
        &[
            "totable",
            "tostream",
            "toktable",
            "tokstream",
            "cache",
            "persist",
            "broadcast",
            "materialize",
            "lazy",
            "compute",
        ],
        "nothing is needed for it: remove the stage. A stream may be read any number of times, and its type says whether its \
         rows are final or replace each other",
    ),
    (
        &[
            "through",
            "to",
            "into",
            "write",
            "save",
            "writestream",
            "writeto",
            "sinkto",
            "addsink",
            "output",
            "store",
            "export",
        ],
        "rows leave through a sink: `sink name = rows -> file(\"out\", format: json)`",
    ),
    (
        &["skip", "offset", "skiprows"],
        "rows of a stream have no numbers: leave out rows by what they say, `filter(condition)`; the first line of a CSV file is \
         its heading (`format: csv(header: true)`)",
    ),
    (
        &["tail", "lastn", "takelast", "nth", "reverse"],
        "rows of a stream have no numbers and no end: choose them by what they say, with `filter`, `top` or `latest(by: at)`",
    ),
    (
        &["rightjoin", "rightouterjoin", "fulljoin", "fullouterjoin", "crossjoin", "outerjoin"],
        "joins are `join`, `leftJoin`, `semiJoin` and `antiJoin`; a right join is a `leftJoin` with the sides exchanged",
    ),
    (
        &["repartition", "coalesce", "rebalance", "rescale", "shuffle"],
        "rows are spread over the workers by themselves; how many there are says `job name { parallelism: 4 }`",
    ),
    (
        &["pardo", "foreachbatch", "foreachpartition", "processfunction", "udf", "mapinpandas"],
        "what is done with each row is an expression: `map { .., x: f(a) }` with `fn f(a: int) -> int = …`, and `scan` keeps a state",
    ),
    (
        &["filternot", "reject", "removeif", "dropwhile", "takewhile"],
        "rows are kept by `filter(condition)`; for the others write `filter(not (condition))`",
    ),
    (
        &["filtermap", "mapnotnull", "compactmap"],
        "two stages do it: `filter(x != null) |> map { x }`; behind the filter `x` is never null",
    ),
    (
        &["assigntimestampsandwatermarks", "assigntimestamps", "withtimestampassigner", "withtimestamps"],
        "the time of the rows is set by `eventTime(at, delay: 5s)`, best at the source",
    ),
    (
        &["allowedlateness", "withallowedlateness", "grace", "withgrace"],
        "a window waits for late rows itself: `window(tumbling(10s), lateness: 5s)`",
    ),
    (
        &["sideoutputlatedata", "getsideoutput", "sideoutput"],
        "late rows of the stream `perMinute` are `perMinute.late`, and its bad records `perMinute.errors`; both are read like streams",
    ),
    (
        &["combineperkey", "combineglobally", "combinevalues", "combine", "groupbykeyandwindow"],
        "the rows of a key are put together by an aggregate: `|> keyBy(a) |> sum(price)`, or several with `aggregate { n: count() }`",
    ),
    (
        &["apply", "process", "pipe", "transformwith", "run"],
        "each step is a stage with a word of its own: `|> filter(price > 3) |> map { price }`",
    ),
    (
        &["resample", "rolling", "ewm", "expanding", "asfreq"],
        "rows of equal stretches of time are put together by a window: `|> window(tumbling(1h)) |> avg(price)`",
    ),
    (
        &[
            "start",
            "awaittermination",
            "execute",
            "executeasync",
            "collectasync",
            "show",
            "outputmode",
            "option",
            "options",
        ],
        "nothing starts a script but `flow run`; rows leave through a sink: `sink name = rows -> stdout(format: json)`",
    ),
    (
        &["uid", "name", "setuidhash", "alias", "withname", "named"],
        "a stage is given a lasting name before it: `|> @id(\"totals\") aggregate { n: count() }`; a declaration has one",
    ),
    (
        &["pivot", "unpivot", "melt", "stack", "crosstab"],
        "each column is an aggregate with a condition: `aggregate { a: sum(x, where: k == \"a\"), b: sum(x, where: k == \"b\") }`",
    ),
    (
        &["fillna", "na", "dropna", "nafill", "nadrop"],
        "a default is given with `??`: `map { .., note: note ?? \"\" }`; rows without a value go with `filter(note != null)`",
    ),
];

/// Words of stages that have a single one in flow, beside those of [`crate::suggest::foreign_stage`].
const STAGE_WORDS: &[(&str, &[&str])] = &[
    ("keyBy", &["selectkey", "rekey", "withkeys", "keyed", "groupbyexpr", "distributeby"]),
    ("flatMap", &["flatmapvalues", "flatten", "flattenlist", "lateralview"]),
    ("window", &["windowedby", "windowby"]),
    ("distinct", &["uniq", "dropduplicates", "distinctuntilchanged", "unique"]),
    ("map", &["cut", "transformvalues", "assign", "addcolumn", "addcolumns", "selectexpr", "projection"]),
    ("scan", &["statefulmapconcat", "aggregatebykey", "foldleft", "accumulate", "flatmapwithstate"]),
    ("count", &["wc", "valuecounts"]),
];

/// Words of functions that have a single one in flow, beside those of [`crate::suggest::foreign_function`].
const FUNCTION_WORDS: &[(&str, &[&str])] = &[
    ("now", &["systime", "time", "currenttimemillis", "utcnow", "systemtime"]),
    ("indexOf", &["index", "indexof"]),
    ("regexReplace", &["resub", "subst", "replaceregex"]),
    ("regexExtract", &["regexsearch", "regextract"]),
    ("format", &["timestamptostring", "datetostring", "formattimestamp", "formatdate"]),
    ("parseTimestamp", &["stringtotimestamp", "stringtodate", "parsedate", "todate"]),
    ("last", &["latestbyoffset"]),
    ("first", &["earliestbyoffset"]),
    ("len", &["count_chars", "listlength", "arraylength"]),
    ("get", &["elementat", "getordefault", "nth"]),
];

/// What is done in flow instead of a function of another system.
const FUNCTIONS: &[(&[&str], &str)] = &[
    (
        &["sprintf", "printf", "print", "println", "fmt", "formatstring", "stringformat"],
        "texts are put together with `\"{name} has {n} rows\"`; `round(x, 2)` rounds, `padLeft(s, 8)` fills up",
    ),
    (
        &["rand", "random", "randint", "randrange", "uuid", "newid", "generateuuid"],
        "a row gives the same result each time it is read: random numbers come only from `generate { v: random(0, 100) }`, and \
         `hash(x)` spreads rows evenly",
    ),
    (&["nullif"], "a value is taken away with `if x == \"\" then null else x`"),
    (&["explode", "unnest"], "each element becomes a row in a stage: `|> flatMap(x in xs)`"),
    (
        &["datediff", "timestampdiff", "datesub", "dateadd", "adddays"],
        "times are added and subtracted: `b - a` is a duration, `at + 1d` a time; `(b - a) / 1d` counts days",
    ),
    (
        &["topk", "topn", "topkdistinct"],
        "the largest rows of each group are a stage: `|> top(3, by: price)`; all values are kept by `collect(price)`",
    ),
    (
        &["extractjsonfield", "jsonvalue", "jsonextract", "getjsonobject", "jsonextractscalar", "jsonquery"],
        "a member of a `json` value is `j.a.b`, and a cast takes it out: `string(j.a.b) ?? \"\"`; a text becomes one with `parseJson(s)`",
    ),
    (&["col", "column"], "a field is named alone: `price`"),
    (&["lit", "literal"], "a value is written alone: `1`, `\"x\"`"),
    (&["between"], "a range is tested with `x in 1..10` (half-open), or with `x >= a and x <= b`"),
    (
        &["lag", "lead", "rownumber", "rank", "denserank", "ntile"],
        "rows before this one are remembered by `scan`, places in an order are given by `top(n, by: x) as rank`",
    ),
    (
        &["iff", "iif", "ifelse", "when", "choose", "decode", "where"],
        "a choice is written `if c then a else b`",
    ),
    (
        &["sub"],
        "`replace(s, \"a\", \"b\")` replaces a text, `regexReplace(s, r\"a+\", \"b\")` what a pattern matches",
    ),
];

fn plain(word: &str) -> String {
    word.chars().filter(|c| !matches!(c, '_' | '-' | '.' | ' ')).collect::<String>().to_ascii_lowercase()
}

fn helped(table: &[(&[&str], &'static str)], word: &str) -> Option<&'static str> {
    let word = plain(word);
    table.iter().find(|(words, _)| words.contains(&word.as_str())).map(|(_, help)| *help)
}

fn named(table: &[(&'static str, &[&str])], word: &str) -> Option<&'static str> {
    let word = plain(word);
    table.iter().find(|(_, words)| words.contains(&word.as_str())).map(|(ours, _)| *ours)
}

/// What to do instead of a stage of another system.
pub(crate) fn stage_help(word: &str) -> Option<&'static str> {
    helped(STAGES, word)
}

/// flow's stage for a word of another system.
pub(crate) fn stage(word: &str) -> Option<&'static str> {
    named(STAGE_WORDS, word)
}

/// Does a stage of another system add fields to those that are there?
pub(crate) fn adds_fields(word: &str) -> bool {
    let words = ["assign", "mutate", "addcolumn", "addcolumns", "withcolumns", "derive", "extend"];
    words.contains(&plain(word).as_str())
}

/// A part of a time that pandas takes by its name, as flow writes it.
pub(crate) fn part_of_time(word: &str, time: &str) -> Option<String> {
    const PARTS: [&str; 7] = ["year", "month", "day", "hour", "minute", "second", "dayOfYear"];
    let word = plain(word);
    if matches!(word.as_str(), "weekday" | "dayofweek") {
        // Monday is 0 there, and 1 here.
        return Some(format!("(dayOfWeek({time}) - 1)"));
    }
    let ours = PARTS.into_iter().find(|part| part.to_ascii_lowercase() == word)?;
    Some(format!("{ours}({time})"))
}

/// What to do instead of a function of another system.
pub(crate) fn function_help(word: &str) -> Option<&'static str> {
    helped(FUNCTIONS, word)
}

/// flow's function for a word of another system.
pub(crate) fn function(word: &str) -> Option<&'static str> {
    named(FUNCTION_WORDS, word)
}

/// Which of these options a word of another system means.
pub(crate) fn option<'n>(word: &str, names: impl IntoIterator<Item = &'n str>) -> Option<&'n str> {
    const WORDS: &[(&str, &[&str])] = &[
        ("brokers", &["bootstrapservers", "bootstrapserver", "servers", "broker", "hosts"]),
        ("group", &["groupid", "consumergroup"]),
        ("start", &["startingoffsets", "autooffsetreset", "scanstartupmode", "offset", "from"]),
        ("delimiter", &["sep", "separator", "delim", "fielddelimiter"]),
        ("compression", &["compress", "codec", "packing"]),
        ("partitionBy", &["partition", "partitions", "partitionedby"]),
        ("rollSize", &["maxfilesize", "filesize", "maxsize", "partsize"]),
        ("rollEvery", &["rollinterval", "rolloverinterval", "maxage"]),
        ("checkpoint", &["checkpointinterval", "checkpointing", "checkpointevery", "interval"]),
        ("parallelism", &["workers", "threads", "tasks", "numthreads", "maxparallelism", "cores"]),
        ("delivery", &["guarantee", "semantics", "processingguarantee", "deliveryguarantee", "exactlyonce"]),
        ("state", &["statedir", "statebackend", "checkpointdir", "statepath"]),
        ("onError", &["errorhandling", "errors", "errorpolicy", "onfailure", "baddata"]),
        ("follow", &["tail", "watch", "continuous"]),
        ("rows", &["count", "limit", "numberofrows", "n"]),
        ("rate", &["rowspersecond", "rps", "persecond"]),
        ("url", &["uri", "connection", "dsn", "connectionstring", "jdbcurl"]),
        ("table", &["tablename", "dbtable"]),
    ];
    let word = plain(word);
    let known = |name: &str| WORDS.iter().any(|(ours, theirs)| *ours == name && theirs.contains(&&*word));
    names.into_iter().find(|name| known(name))
}

/// Which of these words the value of an option means.
pub(crate) fn value<'n>(word: &str, words: &[&'n str]) -> Option<&'n str> {
    const WORDS: &[(&str, &[&str])] = &[
        ("skip", &["ignore", "drop", "continue", "permissive", "dropmalformed", "discard", "log"]),
        ("fail", &["stop", "abort", "throw", "failfast", "raise", "error", "strict"]),
        ("overwrite", &["replace", "truncate", "w", "write", "overwriteall"]),
        ("append", &["a", "add", "insert", "insertonly"]),
        ("gzip", &["gz"]),
        ("zstd", &["zst", "zstandard"]),
        ("none", &["off", "no", "uncompressed", "plain"]),
        ("exactlyOnce", &["eo", "eos", "exactlyoncev2", "exactly1"]),
        ("atLeastOnce", &["atleast1", "alo"]),
        ("sled", &["rocksdb", "disk", "embeddedrocksdb", "leveldb", "lsm"]),
        ("memory", &["heap", "hashmap", "inmemory", "ram"]),
        ("earliest", &["beginning", "earliestoffset", "first"]),
        ("latest", &["latestoffset", "end", "last"]),
        ("committed", &["groupoffsets", "committedoffset"]),
    ];
    let word = plain(word);
    if word.is_empty() {
        return None;
    }
    let same = words.iter().find(|ours| plain(ours) == word);
    same.copied().or_else(|| {
        let known = |name: &str| WORDS.iter().any(|(ours, theirs)| *ours == name && theirs.contains(&&*word));
        words.iter().copied().find(|name| known(name))
    })
}

/// flow's window for what makes one in the interfaces of Kafka Streams and Flink: the class and its arguments.
pub(crate) fn window(class: &str, method: &str, args: &[&str]) -> Option<String> {
    let class = plain(class);
    let lengths: Vec<String> = args
        .iter()
        .map(|arg| crate::durations::of_a_class(arg).unwrap_or_else(|| (*arg).to_string()))
        .collect();
    let size = lengths.first()?;
    let step = lengths.get(1).filter(|_| !plain(method).contains("grace"));
    let kind =
        ["tumbling", "sliding", "session", "cumulative"].into_iter().find(|kind| class.starts_with(kind));
    let sliding = plain(method).contains("timedifference");
    match (kind, step) {
        (Some("session"), _) => Some(format!("session(gap: {size})")),
        // Those of Kafka Streams are not aligned: there is one at each row.
        (Some("sliding"), _) if sliding => None,
        (Some("sliding"), Some(step)) => Some(format!("sliding({size}, every: {step})")),
        (Some("tumbling"), _) => Some(format!("tumbling({size})")),
        (None, _) if matches!(class.as_str(), "timewindows" | "tumble") => Some(format!("tumbling({size})")),
        _ => None,
    }
}

/// A text of Spark in which `col("price")` is `price`.
pub(crate) fn without_col(text: &str) -> String {
    let mut text = text.to_string();
    for call in ["F.col(\"", "col(\""] {
        while let Some(at) = text.find(call) {
            let name = at + call.len();
            let Some(end) = text[name..].find("\")") else { break };
            text = format!("{}{}{}", &text[..at], &text[name..name + end], &text[name + end + 2..]);
        }
    }
    text
}

/// What a trigger of Beam or of Flink means here.
pub(crate) struct Moment {
    pub message: &'static str,
    pub help: &'static str,
    /// The arguments of `trigger`, where they are known.
    pub fixed: Option<String>,
}

/// flow's trigger for one of Beam, of Flink or of Spark: `AfterWatermark()`, `AfterCount(100)`, `CountTrigger.of(100)`.
pub(crate) fn trigger(text: &str, windowed: bool) -> Option<Moment> {
    let word = plain(text);
    let known = |words: &[&str]| words.iter().any(|theirs| word.contains(theirs));
    let inner = text.rsplit('(').next()?.split(')').next()?.trim();
    let number = inner.chars().all(|c| c.is_ascii_digit() || c == '_') && !inner.is_empty();
    let time =
        inner.ends_with(|c: char| c.is_ascii_alphabetic()) && inner.starts_with(|c: char| c.is_ascii_digit());
    if known(&[
        "afterwatermark",
        "eventtimetrigger",
        "pastendofwindow",
        "defaulttrigger",
        "onwindowclose",
        "afterendofwindow",
    ]) {
        let help = if windowed {
            "the stage is not needed; `trigger(early: 10s)` gives what a window has so far, `trigger(late: eachRow)` what late rows change"
        } else {
            "set a window before: `window(tumbling(10s))`"
        };
        return Some(Moment {
            message: "a window emits by itself, when the watermark passes its end",
            help,
            fixed: None,
        });
    }
    if known(&["aftercount", "counttrigger", "elementcount"]) {
        let help = match windowed {
            true => {
                "without a window an aggregate emits after so many rows with `trigger(count: 100)`; a window of so many rows is `window(count(100))`"
            }
            false => "a running result is emitted after so many rows with `trigger(count: 100)`",
        };
        let message = if windowed {
            "a window emits early by time: `trigger(early: 10s)`"
        } else {
            "so many rows are `count:`"
        };
        let fixed = (number && !windowed).then(|| format!("count: {inner}"));
        return Some(Moment { message, help, fixed });
    }
    if known(&["processingtime", "repeatedly", "continuous"]) {
        let option = if windowed { "early" } else { "every" };
        let fixed = time.then(|| format!("{option}: {inner}"));
        let help = "`early: 10s` gives so often what a window has so far, `every: 10s` a running result";
        return Some(Moment {
            message: "so often is `early:` of a window, and `every:` of a running result",
            help,
            fixed,
        });
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_known_however_they_are_written() {
        assert_eq!(stage("select_key"), Some("keyBy"));
        assert_eq!(option("bootstrap.servers", ["topic", "brokers"]), Some("brokers"));
        assert_eq!(value("EXACTLY_ONCE", &["exactlyOnce", "atLeastOnce"]), Some("exactlyOnce"));
        assert_eq!(value("exactly-once", &["atLeastOnce"]), None);
        assert_eq!(value("", &["append"]), None);
    }

    #[test]
    fn windows_of_other_systems_are_calls_of_a_kind() {
        assert_eq!(window("TimeWindows", "of", &["10s"]).as_deref(), Some("tumbling(10s)"));
        assert_eq!(window("SessionWindows", "with", &["5s"]).as_deref(), Some("session(gap: 5s)"));
        let flink = window("SlidingEventTimeWindows", "of", &["10s", "5s"]);
        assert_eq!(flink.as_deref(), Some("sliding(10s, every: 5s)"));
        assert_eq!(window("SlidingWindows", "withTimeDifferenceAndGrace", &["5s", "1s"]), None);
        assert_eq!(window("Windows", "of", &["5s"]), None);
    }
}
