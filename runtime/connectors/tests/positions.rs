//! Sources that stop anywhere and go on from their position: every row once, in the order it would have had.
#![allow(clippy::disallowed_methods, reason = "tests look at the real disk")]

use flow_connectors::StandardConnectors;
use flow_data::Batch;
use flow_engine::connect::Connectors;
use flow_engine::source::{BadRecord, Chunk, Emit, Next, Source, SourceError, Stop};
use flow_env::{Env, Random};
use flow_plan::connector::{
    ArgValue, ConnectorArg, ConnectorCall, Format, Generator, GeneratorKind, TimeUnit, nexmark,
};
use flow_plan::{DataType, Field, Place, RecordType, Value};
use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;

const JSON: Format = Format::Json { time_unit: TimeUnit::Millis };
const CSV: Format = Format::Csv { header: true, delimiter: b',' };

fn rows() -> Arc<RecordType> {
    let fields = [("n", DataType::Int), ("at", DataType::Timestamp), ("s", DataType::String)];
    Arc::new(RecordType::new(fields.iter().map(|(name, ty)| Field::new(*name, ty.clone())).collect()))
}

fn call(
    name: &str,
    args: &[(&str, ArgValue)],
    format: Option<Format>,
    schema: Arc<RecordType>,
) -> ConnectorCall {
    let arg = |(name, value): &(&str, ArgValue)| ConnectorArg {
        name: name.to_string(),
        value: value.clone(),
        place: Place::default(),
    };
    ConnectorCall {
        name: name.into(),
        args: args.iter().map(arg).collect(),
        format,
        schema,
        generators: Vec::new(),
        place: Place::default(),
    }
}

fn open_call(base: &Path, call: &ConnectorCall) -> Result<Box<dyn Source>, SourceError> {
    let read: Vec<usize> = (0..call.schema.fields.len()).collect();
    StandardConnectors::new().source(call, &read, base, &Env::real())
}

fn open(base: &Path, format: &Format) -> Box<dyn Source> {
    let path = ("path", ArgValue::Value(Value::string("in")));
    open_call(base, &call("file", &[path], Some(format.clone()), rows())).unwrap()
}

/// First column of rows, and the offsets of bad records.
#[derive(Default, Debug, PartialEq)]
struct Got {
    rows: Vec<i64>,
    bad: Vec<u64>,
    /// The times of chunks.
    times: Vec<Option<i64>>,
}

struct Into<'a>(&'a mut Got, &'a RecordType);

impl Emit for Into<'_> {
    fn batch(&mut self, batch: Batch) -> Result<(), Stop> {
        self.0.rows.extend((0..batch.len).map(|row| match batch.row(row, self.1)[0] {
            Value::Int(n) => n,
            _ => panic!("an int"),
        }));
        Ok(())
    }

    fn bad_record(&mut self, record: BadRecord) -> Result<(), Stop> {
        self.0.bad.push(record.position.offset);
        Ok(())
    }

    fn consumed(&mut self, _bytes: u64) {}
}

/// Hands out at most so many chunks, while the source is some chunks ahead; gives the position behind these, and
/// whether there was nothing more.
fn hand_out(
    source: &mut dyn Source,
    chunks: u64,
    ahead: u64,
    schema: &RecordType,
    got: &mut Got,
) -> (String, bool) {
    let mut tracker = source.tracker().expect("it has a position");
    let mut reader = source.reader();
    let mut waiting: Vec<Box<dyn Chunk>> = Vec::new();
    let mut ended = false;
    while waiting.len() < (chunks + ahead) as usize && !ended {
        match source.next().unwrap() {
            Next::Chunk(chunk) => waiting.push(chunk),
            Next::Pending => std::thread::yield_now(),
            Next::End => ended = true,
        }
    }
    let all = ended && waiting.len() <= chunks as usize;
    for chunk in waiting.into_iter().take(chunks as usize) {
        tracker.passed(chunk.step());
        got.times.push(chunk.time());
        reader.read(chunk, &mut Into(got, schema)).unwrap();
    }
    if all {
        tracker.ended();
    }
    (tracker.position(), all)
}

/// Reads with stops at random places.
fn with_stops(
    open: &dyn Fn() -> Box<dyn Source>,
    by_time: bool,
    schema: &RecordType,
    random: &mut Random,
) -> (Got, u64) {
    let (mut got, mut position, mut stops) = (Got::default(), None::<String>, 0);
    loop {
        let mut source = open();
        if let Some(position) = &position {
            source.seek(position).unwrap();
        }
        if by_time {
            source.order_by(1, true).unwrap();
        }
        let (behind, all) = hand_out(&mut *source, random.below(5), random.below(4), schema, &mut got);
        if all {
            return (got, stops);
        }
        stops += 1;
        position = Some(behind);
    }
}

/// The text of a file: its rows have numbers from `first` on, and rising times.
fn text(format: &Format, first: i64, random: &mut Random) -> Vec<u8> {
    let mut out = match format {
        Format::Csv { .. } => "s,at,n\n".to_string(),
        _ => String::new(),
    };
    let mut at = 30_000 + random.below(200) as i64 * 10;
    let bytes = [0, 300, 300_000, 900_000][random.below(4) as usize];
    let longest = [40, 3000, 60_000][random.below(3) as usize];
    let mut n = first;
    while out.len() < bytes {
        let long = "x".repeat(random.below(longest) as usize);
        // A line end in quotes is one in CSV only.
        let odd = random.below(20) == 0;
        let _ = match format {
            _ if odd && random.below(2) == 0 => writeln!(out, "bad,bad,bad"),
            Format::Csv { .. } if odd => writeln!(out, "\"{long}\n\"\"\",{at},{n}"),
            Format::Csv { .. } => writeln!(out, "{long},{at},{n}"),
            _ => writeln!(out, "{{\"n\":{n},\"at\":{at},\"s\":\"{long}\"}}"),
        };
        n += 1;
        at += random.below(3) as i64;
    }
    if random.below(3) == 0 {
        out.pop();
    }
    let mark: &[u8] = if random.below(4) == 0 { b"\xef\xbb\xbf" } else { b"" };
    [mark, out.as_bytes()].concat()
}

fn pack(bytes: &[u8], packing: u64) -> (Vec<u8>, &'static str) {
    match packing {
        0 => {
            let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            gzip.write_all(bytes).unwrap();
            (gzip.finish().unwrap(), ".gz")
        }
        1 => (zstd::encode_all(bytes, 1).unwrap(), ".zst"),
        _ => (bytes.to_vec(), ""),
    }
}

/// A folder of files in a format.
fn folder(dir: &Path, format: &Format, random: &mut Random) {
    fs::create_dir_all(dir.join("in/deep")).unwrap();
    for file in 0..1 + random.below(6) {
        let bytes = text(format, file as i64 * 1_000_000, random);
        let (bytes, end) = pack(&bytes, random.below(6));
        let deep = if random.below(3) == 0 { "deep/" } else { "" };
        fs::write(dir.join(format!("in/{deep}{file}.data{end}")), bytes).unwrap();
    }
}

/// The rows of each file, in order.
fn by_file(rows: &[i64]) -> Vec<Vec<i64>> {
    let mut files = vec![Vec::new(); 6];
    rows.iter().for_each(|row| files[(row / 1_000_000) as usize].push(*row));
    files
}

#[test]
fn rows_before_a_stop_and_rows_behind_it_are_all_rows_in_order() {
    let (mut stopped, mut read) = (0, 0);
    for seed in 0..60 {
        let mut random = Random::new(seed);
        let format = if random.below(2) == 0 { JSON } else { CSV };
        let by_time = random.below(3) > 0;
        let dir = tempfile::tempdir().unwrap();
        folder(dir.path(), &format, &mut random);
        let open = || open(dir.path(), &format);
        let mut whole = Got::default();
        let mut source = open();
        if by_time {
            source.order_by(1, true).unwrap();
        }
        assert!(hand_out(&mut *source, u64::MAX / 2, 0, &rows(), &mut whole).1);
        let (mut got, stops) = with_stops(&open, by_time, &rows(), &mut random);
        stopped += stops;
        read += whole.rows.len();
        assert!(by_file(&got.rows) == by_file(&whole.rows), "seed {seed}: rows of each file, in order");
        assert!(by_time || got.rows == whole.rows, "seed {seed}: rows in order");
        got.bad.sort_unstable();
        whole.bad.sort_unstable();
        assert_eq!(got.bad, whole.bad, "seed {seed}: bad records");
        if by_time {
            // (What is between two looks at the same bad piece may have its time twice.)
            assert!(got.times.is_sorted(), "seed {seed}: {:?}", got.times);
        }
    }
    assert!(stopped > 150 && read > 50_000, "only {stopped} stops, {read} rows");
}

#[test]
fn more_files_that_overlap_than_stay_open_go_on_where_they_were() {
    let mut random = Random::new(11);
    for (format, end) in [(JSON, ""), (CSV, ""), (JSON, ".zst")] {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("in")).unwrap();
        for file in 0..90 {
            let mut out = if format == CSV { "n,at,s\n".to_string() } else { String::new() };
            for row in 0..110 {
                let (n, at, s) =
                    (file * 1000 + row, 30_000 + row * 10 + random.below(9) as i64, "y".repeat(5000));
                let _ = match format {
                    Format::Csv { .. } => writeln!(out, "{n},{at},{s}"),
                    _ => writeln!(out, "{{\"n\":{n},\"at\":{at},\"s\":\"{s}\"}}"),
                };
            }
            let (bytes, _) = pack(out.as_bytes(), if end.is_empty() { 2 } else { 1 });
            fs::write(dir.path().join(format!("in/{file}{end}")), bytes).unwrap();
        }
        let open = || open(dir.path(), &format);
        let (mut got, mut position) = (Got::default(), None::<String>);
        loop {
            let mut source = open();
            if let Some(position) = &position {
                source.seek(position).unwrap();
            }
            source.order_by(1, true).unwrap();
            let (behind, all) =
                hand_out(&mut *source, 60 + random.below(60), random.below(9), &rows(), &mut got);
            if all {
                break;
            }
            position = Some(behind);
        }
        for file in 0..90 {
            let rows = got.rows.iter().copied().filter(|row| row / 1000 == file);
            let rows: Vec<i64> = rows.collect();
            assert!(
                rows.iter().copied().eq(file * 1000..file * 1000 + 110),
                "file {file} of {format:?}: {rows:?}"
            );
        }
    }
}

#[test]
fn made_up_rows_go_on_with_their_numbers() {
    let n = Arc::new(RecordType::new(vec![
        Field::new("n", DataType::Int),
        Field::new("at", DataType::Timestamp),
    ]));
    let generators = || {
        vec![
            Generator { name: "n".into(), kind: GeneratorKind::Seq(0) },
            Generator { name: "at".into(), kind: GeneratorKind::Timestamps(0, 1000) },
        ]
    };
    let args = [("rows", ArgValue::Value(Value::Int(50_000)))];
    let rated = [args[0].clone(), ("rate", ArgValue::Value(Value::Float(2_000_000.0)))];
    let mut random = Random::new(3);
    for (args, by_time) in [(&args[..], false), (&args[..], true), (&rated[..], true)] {
        let call = ConnectorCall { generators: generators(), ..call("generate", args, None, n.clone()) };
        let open = || open_call(Path::new("."), &call).unwrap();
        let (got, stops) = with_stops(&open, by_time, &n, &mut random);
        assert!(stops > 2 && got.rows.iter().copied().eq(0..50_000), "{} rows", got.rows.len());
    }
    let bids = Arc::new(nexmark::schema("bid").unwrap());
    let events = [("events", ArgValue::Value(Value::Int(40_000)))];
    let call = call("nexmark", &events, None, bids.clone());
    let open = || open_call(Path::new("."), &call).unwrap();
    let mut whole = Got::default();
    hand_out(&mut *open(), 1000, 0, &bids, &mut whole);
    assert_eq!(with_stops(&open, false, &bids, &mut random).0.rows, whole.rows);
}

#[test]
fn a_rate_goes_on_from_the_row_it_had_come_to() {
    let n = Arc::new(RecordType::new(vec![Field::new("n", DataType::Int)]));
    let args = [("rate", ArgValue::Value(Value::Float(1000.0)))];
    let generators = vec![Generator { name: "n".into(), kind: GeneratorKind::Seq(0) }];
    let call = ConnectorCall { generators, ..call("generate", &args, None, n.clone()) };
    let mut source = open_call(Path::new("."), &call).unwrap();
    source.seek("{\"next\":1000000}").unwrap();
    let mut got = Got::default();
    hand_out(&mut *source, 2, 0, &n, &mut got);
    assert!(got.rows[0] == 1_000_000 && got.rows.len() < 200, "{} rows at once", got.rows.len());
}

/// A source that has read some of `a` and nothing of `b`, `c`; then something happens to the files.
fn changed(change: impl FnOnce(&Path)) -> (tempfile::TempDir, Result<Vec<i64>, String>) {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("in")).unwrap();
    let line = |n: i64| format!("{{\"n\":{n},\"at\":{n},\"s\":\"{}\"}}\n", "z".repeat(1000));
    for (file, name) in ["a", "b", "c"].into_iter().enumerate() {
        let text: String = (0..600).map(|n| line(file as i64 * 1_000_000 + n)).collect();
        fs::write(dir.path().join("in").join(name), text).unwrap();
    }
    let mut got = Got::default();
    // `a` is done, `b` has begun.
    let (position, _) = hand_out(&mut *open(dir.path(), &JSON), 4, 1, &rows(), &mut got);
    change(&dir.path().join("in"));
    let mut source = open(dir.path(), &JSON);
    let sought = source.seek(&position).map_err(|error| match error {
        SourceError::Open(text) => text,
        other => panic!("{other}: refused before the start"),
    });
    let read = sought.map(|()| {
        hand_out(&mut *source, 100, 0, &rows(), &mut got);
        got.rows
    });
    (dir, read)
}

#[test]
fn a_file_that_was_begun_must_be_the_one_it_was() {
    let all: Vec<i64> = (0..3).flat_map(|file| (0..600).map(move |n| file * 1_000_000 + n)).collect();
    assert_eq!(changed(|_| ()).1.unwrap(), all);
    let shorter = changed(|dir| {
        fs::OpenOptions::new().write(true).open(dir.join("b")).unwrap().set_len(300_000).unwrap();
    });
    let said = shorter.1.unwrap_err();
    assert!(said.contains("/in/b: it has 300000 bytes, and had"), "{said}");
    let other = changed(|dir| fs::write(dir.join("b"), "{}\n".repeat(1 << 20)).unwrap()).1.unwrap_err();
    assert!(other.contains("/in/b: it does not begin as it did"), "{other}");
    let gone = changed(|dir| fs::remove_file(dir.join("b")).unwrap()).1.unwrap_err();
    assert!(gone.contains("/in/b: it was not read to its end, and is gone"), "{gone}");
}

#[test]
fn a_file_that_was_read_may_go_and_one_that_came_is_left_out() {
    let all: Vec<i64> = (0..3).flat_map(|file| (0..600).map(move |n| file * 1_000_000 + n)).collect();
    let read = changed(|dir| {
        fs::remove_file(dir.join("a")).unwrap();
        fs::write(dir.join("aa"), "{\"n\":7,\"at\":7,\"s\":\"new\"}\n").unwrap();
    });
    assert_eq!(read.1.unwrap(), all);
}

#[test]
fn what_is_no_position_is_refused_and_standard_input_has_none() {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("in")).unwrap();
    fs::write(dir.path().join("in/a"), "").unwrap();
    for text in ["", "7", "{\"files\":[{}],\"byTime\":true}", "{\"next\":3}"] {
        let refused = open(dir.path(), &JSON).seek(text).unwrap_err().to_string();
        assert!(refused.contains("is no position"), "{refused}");
    }
    let call = call("stdin", &[], Some(JSON), rows());
    let connectors = StandardConnectors::with_streams(Box::new(std::io::empty()), Box::new(std::io::sink()));
    let stdin = connectors.source(&call, &[0], Path::new("."), &Env::real()).unwrap();
    assert!(stdin.tracker().is_none());
}
