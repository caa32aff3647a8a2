//! The file source and sink, the standard streams and the made-up sources, through their public door.
#![allow(clippy::disallowed_methods, reason = "tests look at the real disk")]

use flow_connectors::StandardConnectors;
use flow_data::Batch;
use flow_engine::connect::Connectors;
use flow_engine::sink::{Run, SinkError};
use flow_engine::source::{BadRecord, Emit, Next, SourceError, Stop};
use flow_env::{Env, Random};
use flow_plan::connector::{
    ArgValue, ConnectorArg, ConnectorCall, Format, Generator, GeneratorKind, TimeUnit, nexmark,
};
use flow_plan::{DataType, Field, Place, RecordType, Value};
use std::fs;
use std::io::{self, Cursor, Write};
use std::path::Path;
use std::sync::{Arc, Mutex};

const JSON: Format = Format::Json { time_unit: TimeUnit::Millis };
const CSV: Format = Format::Csv { header: true, delimiter: b',' };

fn schema(fields: &[(&str, DataType)]) -> Arc<RecordType> {
    Arc::new(RecordType::new(fields.iter().map(|(name, ty)| Field::new(*name, ty.clone())).collect()))
}

fn lines() -> Arc<RecordType> {
    schema(&[("line", DataType::String)])
}

fn numbers() -> Arc<RecordType> {
    schema(&[("n", DataType::Int), ("s", DataType::String.optional())])
}

fn call(
    name: &str,
    args: &[(&str, ArgValue)],
    format: Option<Format>,
    schema: &Arc<RecordType>,
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
        schema: schema.clone(),
        generators: Vec::new(),
        place: Place::default(),
    }
}

fn text(value: &str) -> ArgValue {
    ArgValue::Value(Value::string(value))
}

fn word(value: &str) -> ArgValue {
    ArgValue::Word(value.into())
}

#[derive(Default)]
struct Got {
    rows: Vec<Vec<Value>>,
    schema: Arc<RecordType>,
    bad: Vec<BadRecord>,
    consumed: u64,
}

impl Emit for Got {
    fn batch(&mut self, batch: Batch) -> Result<(), Stop> {
        assert!(batch.len > 0);
        self.rows.extend((0..batch.len).map(|row| batch.row(row, &self.schema)));
        Ok(())
    }

    fn bad_record(&mut self, record: BadRecord) -> Result<(), Stop> {
        self.bad.push(record);
        Ok(())
    }

    fn consumed(&mut self, bytes: u64) {
        self.consumed += bytes;
    }
}

/// Reads all there is, with two readers in turn.
fn read_call(connectors: &StandardConnectors, call: &ConnectorCall, base: &Path) -> Result<Got, SourceError> {
    let read: Vec<usize> = (0..call.schema.fields.len()).collect();
    let mut source = connectors.source(call, &read, base, &Env::real())?;
    let mut readers = [source.reader(), source.reader()];
    let mut got = Got { schema: call.schema.clone(), ..Got::default() };
    for turn in 0.. {
        match source.next()? {
            Next::Chunk(chunk) => readers[turn % 2].read(chunk, &mut got)?,
            Next::Pending => std::thread::yield_now(),
            Next::End => break,
        }
    }
    Ok(got)
}

fn read(base: &Path, path: &str, format: Format, schema: &Arc<RecordType>) -> Result<Got, SourceError> {
    read_call(&StandardConnectors::new(), &call("file", &[("path", text(path))], Some(format), schema), base)
}

fn first_column(got: &Got) -> Vec<String> {
    let shown = |value: &Value| match value {
        Value::String(text) => text.to_string(),
        Value::Int(n) => n.to_string(),
        other => format!("{other:?}"),
    };
    got.rows.iter().map(|row| shown(&row[0])).collect()
}

fn message(error: SourceError) -> String {
    match error {
        SourceError::Open(text) => format!("open: {text}"),
        SourceError::Read(text) => format!("read: {text}"),
        SourceError::Stopped => "stopped".into(),
    }
}

#[test]
fn lines_of_any_length_are_read_once_wherever_ranges_are_cut() {
    let seed = 99;
    let mut random = Random::new(seed);
    for round in 0..6 {
        let dir = tempfile::tempdir().unwrap();
        let longest = [3, 80, 3000, 70_000, 600_000, 1][round];
        let mut expected = Vec::new();
        let mut bytes = Vec::new();
        while bytes.len() < 1_500_000 && expected.len() < 300_000 {
            let line: String = (0..random.below(longest)).map(|i| (b'a' + (i % 26) as u8) as char).collect();
            bytes.extend_from_slice(line.as_bytes());
            bytes.extend_from_slice(if random.below(5) == 0 { b"\r\n" } else { b"\n" });
            expected.push(line);
        }
        if random.below(2) == 0 {
            bytes.extend_from_slice(b"end without line end");
            expected.push("end without line end".into());
        }
        fs::write(dir.path().join("a.txt"), &bytes).unwrap();
        let got = read(dir.path(), "a.txt", Format::Text, &lines()).unwrap();
        assert!(first_column(&got) == expected, "seed {seed}, round {round}");
        assert_eq!(got.consumed, bytes.len() as u64);
    }
}

#[test]
fn a_folder_is_all_its_visible_files_in_order_and_a_glob_those_that_match() {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir_all(dir.path().join("in/deep")).unwrap();
    for (name, line) in [
        ("b.txt", "2"),
        ("a.txt", "1"),
        ("deep/c.txt", "3"),
        (".hidden", "no"),
        ("_mark", "no"),
        ("x.log", "4"),
    ] {
        fs::write(dir.path().join("in").join(name), line).unwrap();
    }
    let read = |path: &str| first_column(&read(dir.path(), path, Format::Text, &lines()).unwrap());
    assert_eq!(read("in"), ["1", "2", "3", "4"]);
    assert_eq!(read("in/*.txt"), ["1", "2"]);
    assert_eq!(read("in/**/*.txt"), ["1", "2", "3"]);
    assert_eq!(read("i?/[b-z].*"), ["2", "4"]);
}

#[test]
fn packed_files_are_unpacked_by_name_or_by_their_first_bytes() {
    let dir = tempfile::tempdir().unwrap();
    let content: String = (0..200_000).map(|i| format!("line {i}\n")).collect();
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(content.as_bytes()).unwrap();
    let gzip = gzip.finish().unwrap();
    // Two members one behind the other, as `cat a.gz b.gz` makes them.
    fs::write(dir.path().join("a.txt.gz"), [&gzip[..], &gzip].concat()).unwrap();
    fs::write(dir.path().join("plain-name"), &gzip).unwrap();
    fs::write(dir.path().join("b.zst"), zstd::encode_all(content.as_bytes(), 1).unwrap()).unwrap();
    for (name, times) in [("a.txt.gz", 2), ("plain-name", 1), ("b.zst", 1)] {
        let got = read(dir.path(), name, Format::Text, &lines()).unwrap();
        assert_eq!(got.rows.len(), 200_000 * times, "{name}");
        assert_eq!(first_column(&got)[199_999], "line 199999");
    }
    // The last block of a tape is filled with zeros.
    fs::write(dir.path().join("padded.gz"), [&gzip[..], &[0; 5_000]].concat()).unwrap();
    assert_eq!(read(dir.path(), "padded.gz", Format::Text, &lines()).unwrap().rows.len(), 200_000);
    fs::write(dir.path().join("more.gz"), [&gzip[..], b"signature"].concat()).unwrap();
    let error = message(read(dir.path(), "more.gz", Format::Text, &lines()).err().unwrap());
    assert!(error.contains("more.gz") && error.contains("trailing garbage"), "{error}");
    assert!(!error.contains("truncated") && !error.contains("damaged"), "{error}");
    fs::write(dir.path().join("half.gz"), &gzip[..gzip.len() / 2]).unwrap();
    let error = message(read(dir.path(), "half.gz", Format::Text, &lines()).err().unwrap());
    assert!(error.starts_with("read: cannot read") && error.contains("half.gz"), "{error}");
    assert!(error.contains("truncated"), "{error}");
    let mut broken = gzip.clone();
    broken[gzip.len() / 2] ^= 0xff;
    fs::write(dir.path().join("broken.gz"), &broken).unwrap();
    assert!(
        message(read(dir.path(), "broken.gz", Format::Text, &lines()).err().unwrap()).contains("broken.gz")
    );
}

#[test]
fn what_is_missing_is_said_before_the_start_with_a_near_name() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("rows.ndjson"), "").unwrap();
    fs::create_dir(dir.path().join("empty")).unwrap();
    let error = |path: &str| message(read(dir.path(), path, JSON, &numbers()).err().unwrap());
    let near = error("row.ndjson");
    assert!(near.starts_with("open: cannot open") && near.contains("rows.ndjson"), "{near}");
    assert!(error("*.csv").starts_with("open: no file matches"), "{}", error("*.csv"));
    assert!(error("empty").starts_with("open: there are no files in the folder"));
}

#[test]
fn a_file_that_becomes_shorter_is_an_error_with_its_place() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.txt");
    fs::write(&path, "x\n".repeat(1 << 20)).unwrap();
    let call = call("file", &[("path", text("a.txt"))], Some(Format::Text), &lines());
    let mut source = StandardConnectors::new().source(&call, &[0], dir.path(), &Env::real()).unwrap();
    let mut reader = source.reader();
    let mut got = Got { schema: lines(), ..Got::default() };
    let Next::Chunk(first) = source.next().unwrap() else { panic!("no chunk") };
    reader.read(first, &mut got).unwrap();
    fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(1000).unwrap();
    let Next::Chunk(second) = source.next().unwrap() else { panic!("no chunk") };
    let error = message(reader.read(second, &mut got).unwrap_err());
    assert!(error.contains("a.txt") && error.contains("became shorter"), "{error}");
}

#[test]
fn a_line_beyond_64_mib_is_a_record_error_and_its_neighbours_are_read() {
    let dir = tempfile::tempdir().unwrap();
    let mut bytes = b"{\"n\":1}\n{\"n\":".to_vec();
    bytes.resize(70 << 20, b'1');
    bytes.extend_from_slice(b"}\n{\"n\":2}\n");
    fs::write(dir.path().join("a.ndjson"), &bytes).unwrap();
    let got = read(dir.path(), "a.ndjson", JSON, &numbers()).unwrap();
    assert_eq!(first_column(&got), ["1", "2"]);
    assert_eq!(got.bad.len(), 1);
    assert_eq!((got.bad[0].code, got.bad[0].position.offset), ("lineTooLong", 8));
}

#[test]
fn invalid_utf8_is_a_bad_line_and_a_byte_order_mark_is_none() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("a.txt"), b"\xef\xbb\xbfone\ntw\xffo\nthree\n").unwrap();
    let got = read(dir.path(), "a.txt", Format::Text, &lines()).unwrap();
    assert_eq!(first_column(&got), ["one", "three"]);
    assert_eq!((got.bad[0].code, got.bad[0].position.offset), ("badUtf8", 7));
}

#[test]
fn csv_columns_are_found_by_name_and_a_missing_one_is_said_before_the_start() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("a.csv"), "\u{feff}x, s ,n\n\"1\n2\",a,3\n").unwrap();
    fs::write(dir.path().join("b.csv"), "n\n4\n").unwrap();
    let got = read(dir.path(), "*.csv", CSV, &numbers()).unwrap();
    assert!(got.bad.is_empty(), "{:?}", got.bad);
    assert_eq!(first_column(&got), ["3", "4"]);
    fs::write(dir.path().join("c.csv"), "N,s\n4,x\n").unwrap();
    let error = message(read(dir.path(), "c.csv", CSV, &numbers()).err().unwrap());
    assert!(error.starts_with("open: ") && error.contains("c.csv"), "{error}");
    assert!(error.contains("no column `n`; it has `N`, `s`; did you mean `N`?"), "{error}");
}

#[test]
fn a_column_of_another_field_is_not_taken_for_one_that_is_missing() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("a.csv"), "price,n\n1,2\n").unwrap();
    let fields = schema(&[("price", DataType::Int), ("prices", DataType::Int)]);
    let error = message(read(dir.path(), "a.csv", CSV, &fields).err().unwrap());
    assert!(error.contains("no column `prices`; it has `price`, `n`") && !error.contains("mean"), "{error}");
}

#[test]
fn csv_with_quoted_line_ends_is_whole_in_every_block() {
    let dir = tempfile::tempdir().unwrap();
    let mut bytes = "n,s\n".to_string();
    for i in 0..60_000 {
        bytes.push_str(&format!("{i},\"line {i}\nand \"\"more\"\"\n\"\n"));
    }
    fs::write(dir.path().join("a.csv"), &bytes).unwrap();
    let got = read(dir.path(), "a.csv", CSV, &numbers()).unwrap();
    assert!(got.bad.is_empty(), "{:?}", got.bad.first());
    assert_eq!(got.rows.len(), 60_000);
}

#[test]
fn standard_input_is_read_once_and_by_one_source() {
    let connectors = StandardConnectors::with_streams(Box::new(Cursor::new("a\nb")), Box::new(io::sink()));
    let call = call("stdin", &[], Some(Format::Text), &lines());
    let got = read_call(&connectors, &call, Path::new(".")).unwrap();
    assert_eq!(first_column(&got), ["a", "b"]);
    assert!(
        message(read_call(&connectors, &call, Path::new(".")).err().unwrap()).contains("one source only")
    );
}

/// Writes rows through a sink; `commit` or abort.
fn write(
    base: &Path,
    args: &[(&str, ArgValue)],
    format: Format,
    rows: &[i64],
    commit: bool,
) -> Result<(), SinkError> {
    let schema = numbers();
    let call = call("file", args, Some(format), &schema);
    let mut sink = StandardConnectors::new().sink(&call, &schema, base, &Env::real())?;
    sink.begin(&Run { job: "test".into(), generation: 1, fresh: true })?;
    sink.clean(&[])?;
    let mut writers = [sink.writer(0)?, sink.writer(1)?];
    for (i, rows) in rows.chunks(2).enumerate() {
        let rows: Vec<Vec<Value>> = rows
            .iter()
            .map(|&n| vec![Value::Int(n), Value::string(if n % 2 == 0 { "even" } else { "o/dd" })])
            .collect();
        writers[i % 2].write(&Batch::from_rows(&rows, &schema))?;
    }
    let mut sealed = Vec::new();
    for writer in &mut writers {
        sealed.extend(writer.seal()?.finish()?);
    }
    if commit {
        sink.commit(1, &sealed)?;
        sink.end()?;
    } else {
        sink.abort();
    }
    Ok(())
}

fn names(dir: &Path) -> Vec<String> {
    let mut names: Vec<String> =
        fs::read_dir(dir).unwrap().map(|e| e.unwrap().file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

#[test]
fn parts_are_visible_when_the_job_is_done_and_come_back() {
    let dir = tempfile::tempdir().unwrap();
    let rows: Vec<i64> = (0..100).collect();
    write(dir.path(), &[("path", text("out"))], JSON, &rows, true).unwrap();
    assert_eq!(names(&dir.path().join("out")), ["part-0-0.ndjson", "part-1-0.ndjson"]);
    let got = read(dir.path(), "out", JSON, &numbers()).unwrap();
    assert_eq!(got.rows.len(), 100);
}

#[test]
fn a_failed_job_leaves_nothing() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), &[("path", text("out"))], JSON, &[1, 2, 3], false).unwrap();
    assert!(!dir.path().join("out").exists());
    fs::create_dir(dir.path().join("there")).unwrap();
    write(dir.path(), &[("path", text("there"))], JSON, &[1, 2, 3], false).unwrap();
    assert_eq!(names(&dir.path().join("there")), Vec::<String>::new());
}

#[test]
fn results_of_another_run_are_kept_replaced_or_added_to_as_the_script_says() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("out");
    let plain = [("path", text("out"))];
    write(dir.path(), &plain, JSON, &[1, 2, 3], true).unwrap();
    let refused = write(dir.path(), &plain, JSON, &[4], true).unwrap_err();
    assert!(matches!(&refused, SinkError::Open(text) if text.contains("mode: overwrite")), "{refused}");
    write(dir.path(), &[plain[0].clone(), ("mode", word("append"))], JSON, &[4], true).unwrap();
    assert_eq!(names(&out), ["part-0-0.ndjson", "part-0-1.ndjson", "part-1-0.ndjson"]);
    // A killed run's leftovers vanish, and a failed overwrite keeps what was there.
    let killed = out.join(".flow-test-g7-1f");
    fs::create_dir(&killed).unwrap();
    fs::write(killed.join("part-0-0.ndjson"), "x").unwrap();
    let overwrite = [plain[0].clone(), ("mode", word("overwrite"))];
    write(dir.path(), &overwrite, JSON, &[5], false).unwrap();
    assert_eq!(names(&out), ["part-0-0.ndjson", "part-0-1.ndjson", "part-1-0.ndjson"]);
    write(dir.path(), &overwrite, JSON, &[6], true).unwrap();
    assert_eq!(names(&out), ["part-0-0.ndjson"]);
    assert_eq!(fs::read_to_string(out.join("part-0-0.ndjson")).unwrap(), "{\"n\":6,\"s\":\"even\"}\n");
}

#[test]
fn overwriting_replaces_part_files_and_nothing_else() {
    let dir = tempfile::tempdir().unwrap();
    let out = dir.path().join("out");
    let by = ("partitionBy", ArgValue::Names(vec!["s".into()]));
    write(dir.path(), &[("path", text("out")), by], JSON, &[1, 2], true).unwrap();
    let others = ["job.flow", "part-of-it.json", "part-1-x.json", "sub/part-0-0.ndjson", "s=even/notes.txt"];
    fs::create_dir(out.join("sub")).unwrap();
    others.iter().for_each(|other| fs::write(out.join(other), "somebody else's").unwrap());
    // None of them are results of another run, either.
    let overwrite = [("path", text("out")), ("mode", word("overwrite"))];
    write(dir.path(), &overwrite, JSON, &[6], true).unwrap();
    assert_eq!(
        names(&out),
        ["job.flow", "part-0-0.ndjson", "part-1-x.json", "part-of-it.json", "s=even", "s=o%2Fdd", "sub"]
    );
    assert_eq!(names(&out.join("s=even")), ["notes.txt"]);
    assert_eq!(names(&out.join("sub")), ["part-0-0.ndjson"]);
}

#[test]
fn parts_roll_by_size_are_packed_and_partitioned() {
    let dir = tempfile::tempdir().unwrap();
    let rows: Vec<i64> = (0..1000).collect();
    let size = ("rollSize", ArgValue::Value(Value::Int(1000)));
    write(dir.path(), &[("path", text("rolled")), size], CSV, &rows, true).unwrap();
    assert!(names(&dir.path().join("rolled")).len() > 6);
    assert_eq!(read(dir.path(), "rolled", CSV, &numbers()).unwrap().rows.len(), 1000);
    for packing in ["gzip", "zstd"] {
        write(dir.path(), &[("path", text(packing)), ("compression", word(packing))], CSV, &rows, true)
            .unwrap();
        assert_eq!(read(dir.path(), packing, CSV, &numbers()).unwrap().rows.len(), 1000, "{packing}");
    }
    let by = ("partitionBy", ArgValue::Names(vec!["s".into()]));
    write(dir.path(), &[("path", text("by")), by], CSV, &rows, true).unwrap();
    assert_eq!(names(&dir.path().join("by")), ["s=even", "s=o%2Fdd"]);
    assert_eq!(read(dir.path(), "by/s=even", CSV, &numbers()).unwrap().rows.len(), 500);
}

/// Standard output that is a pipe whose reader has gone, or a full disk.
struct Broken(io::ErrorKind);

impl Write for Broken {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(self.0.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[derive(Clone, Default)]
struct Kept(Arc<Mutex<Vec<u8>>>);

impl Write for Kept {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn print(
    stream: Box<dyn Write + Send>,
    format: Format,
    schema: &Arc<RecordType>,
    rows: &[Vec<Value>],
) -> Result<(), SinkError> {
    let connectors = StandardConnectors::with_streams(Box::new(io::empty()), stream);
    let call = call("stdout", &[], Some(format), schema);
    let mut sink = connectors.sink(&call, schema, Path::new("."), &Env::real())?;
    let mut writer = sink.writer(0)?;
    writer.write(&Batch::from_rows(rows, schema))?;
    writer.flush()?;
    assert_eq!(writer.seal()?.finish()?, Vec::<String>::new());
    Ok(())
}

#[test]
fn standard_output_gets_rows_and_says_why_it_cannot() {
    let kept = Kept::default();
    let rows = [vec![Value::string("a,b")], vec![Value::string("c")]];
    print(Box::new(kept.clone()), Format::Text, &lines(), &rows).unwrap();
    print(Box::new(kept.clone()), CSV, &lines(), &rows).unwrap();
    print(Box::new(kept.clone()), JSON, &lines(), &rows[1..]).unwrap();
    assert_eq!(
        String::from_utf8(kept.0.lock().unwrap().clone()).unwrap(),
        "a,b\nc\nline\n\"a,b\"\nc\n{\"line\":\"c\"}\n"
    );
    let gone = print(Box::new(Broken(io::ErrorKind::BrokenPipe)), JSON, &lines(), &rows);
    assert!(matches!(gone, Err(SinkError::Closed)));
    let full = print(Box::new(Broken(io::ErrorKind::StorageFull)), JSON, &lines(), &rows);
    assert!(matches!(full, Err(SinkError::Write(_))));
    let wrong = print(Box::new(kept), Format::Text, &numbers(), &[]);
    assert!(matches!(wrong, Err(SinkError::Open(text)) if text.contains("one string")));
}

#[test]
fn generated_rows_are_functions_of_their_numbers() {
    let schema = schema(&[
        ("id", DataType::Int),
        ("v", DataType::Int),
        ("f", DataType::Float),
        ("name", DataType::String),
        ("at", DataType::Timestamp),
    ]);
    let mut call = call("generate", &[("rows", ArgValue::Value(Value::Int(10_000)))], None, &schema);
    let kinds = [
        GeneratorKind::Seq(5),
        GeneratorKind::RandomInt(-10, 10),
        GeneratorKind::RandomFloat(0.0, 2.0),
        GeneratorKind::OneOf(vec![Value::string("a"), Value::string("b")]),
        GeneratorKind::Timestamps(1000, 10),
    ];
    call.generators = schema
        .fields
        .iter()
        .zip(kinds)
        .map(|(field, kind)| Generator { name: field.name.to_string(), kind })
        .collect();
    let connectors = StandardConnectors::new();
    let got = read_call(&connectors, &call, Path::new(".")).unwrap();
    let again = read_call(&connectors, &call, Path::new(".")).unwrap();
    assert_eq!(format!("{:?}", got.rows), format!("{:?}", again.rows));
    assert_eq!(got.rows.len(), 10_000);
    let mut sum = 0;
    for (i, row) in got.rows.iter().enumerate() {
        let [Value::Int(id), Value::Int(v), Value::Float(f), _, Value::Timestamp(at)] = &row[..] else {
            panic!("{row:?}")
        };
        assert!(*id == 5 + i as i64 && *at == 1000 + 10 * i as i64);
        assert!((-10..10).contains(v) && (0.0..2.0).contains(f));
        sum += v;
    }
    assert!((-10_000..0).contains(&sum), "{sum}");
}

#[test]
fn of_fifty_nexmark_events_one_is_a_person_three_are_auctions_and_the_rest_bids() {
    let connectors = StandardConnectors::new();
    let rows = |stream: &str| {
        let schema = Arc::new(nexmark::schema(stream).unwrap());
        let args = [("events", ArgValue::Value(Value::Int(50_000))), ("stream", word(stream))];
        read_call(&connectors, &call("nexmark", &args, None, &schema), Path::new(".")).unwrap().rows
    };
    let (people, auctions, bids) = (rows("person"), rows("auction"), rows("bid"));
    assert_eq!((people.len(), auctions.len(), bids.len()), (1000, 3000, 46_000));
    let ids: Vec<i64> =
        auctions.iter().map(|row| if let Value::Int(id) = row[0] { id } else { -1 }).collect();
    assert_eq!(ids, (1000..4000).collect::<Vec<_>>());
    for bid in &bids {
        let (Value::Int(auction), Value::Int(price)) = (&bid[0], &bid[2]) else { panic!("{bid:?}") };
        assert!((1000..4000).contains(auction) && (100..=100_000_000).contains(price));
    }
}

#[test]
fn a_rate_is_kept() {
    let schema = schema(&[("id", DataType::Int)]);
    let args = [("rows", ArgValue::Value(Value::Int(60))), ("rate", ArgValue::Value(Value::Int(200)))];
    let mut call = call("generate", &args, None, &schema);
    call.generators = vec![Generator { name: "id".into(), kind: GeneratorKind::Seq(0) }];
    let start = std::time::Instant::now();
    let got = read_call(&StandardConnectors::new(), &call, Path::new(".")).unwrap();
    assert_eq!(got.rows.len(), 60);
    assert!(start.elapsed().as_millis() >= 250, "{:?}", start.elapsed());
}
