//! Savepoints of every format there was must open for ever. They stand under `tests/savepoints/format-<n>`.
//!
//! The one of this format holds every kind of column. What is written today must be the same, byte by byte; run with
//! `FLOW_BLESS=1` to write the first one of a new format.

use super::sample::head;
use crate::manifest::Position;
use crate::state::{Change, Home, Part, State, Table};
use crate::{FORMAT, Head, Job, Saved};
use flow_data::Batch;
use flow_env::{Disk, Env, RealClock, SimDisk};
use flow_plan::order::identical;
use flow_plan::{DataType, Field, RecordType, Value};
use rust_decimal::Decimal;
use std::path::{Path, PathBuf};
use std::sync::Arc;

fn golden(format: u32) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../../tests/savepoints/format-{format}"))
}

fn everything() -> Arc<RecordType> {
    let pair = vec![Field::new("a", DataType::Int), Field::new("two words", DataType::String.optional())];
    let fields = [
        ("key", DataType::String),
        ("flag", DataType::Bool.optional()),
        ("n", DataType::Int),
        ("x", DataType::Float),
        ("price", DataType::Decimal.optional()),
        ("raw", DataType::Bytes),
        ("at", DataType::Timestamp),
        ("took", DataType::Duration),
        ("seen", DataType::list(DataType::Int.optional())),
        ("by", DataType::map(DataType::Float)),
        ("pair", DataType::record(pair)),
        ("doc", DataType::Json.optional()),
    ];
    Arc::new(RecordType::new(fields.map(|(name, ty)| Field::new(name, ty)).to_vec()))
}

fn row(key: &str, n: i64) -> Vec<Value> {
    let even = n % 2 == 0;
    let or_null = |value: Value| if even { value } else { Value::Null };
    let doc = serde_json::json!({ "b": [1, -1, 1.5, u64::MAX], "a": { "é": null, "t": true } });
    vec![
        Value::string(key),
        or_null(Value::Bool(n % 4 == 0)),
        Value::Int(n * 1_000_003),
        Value::Float(if n == 3 { -0.0 } else { n as f64 / 8.0 }),
        or_null(Value::Decimal(Decimal::new(-n * 1000, 3))),
        Value::Bytes(vec![n as u8, 0, 255].into()),
        Value::Timestamp(1_700_000_000_000_000 + n),
        Value::Duration(-n * 60_000_000),
        Value::List([Value::Int(n), Value::Null].into()),
        Value::Map([(Arc::from("a"), Value::Float(0.5)), (Arc::from("b"), Value::Float(n as f64))].into()),
        Value::Record([Value::Int(n), or_null(Value::string("of a pair"))].into()),
        or_null(Value::Json(Arc::new(doc))),
    ]
}

fn table(name: &str, home: Home, rows: &[Vec<Value>], gone: Option<&[&str]>) -> Table {
    let keys = RecordType::new(everything().fields[..1].to_vec());
    let change = gone.map_or(Change::Whole, |gone| {
        let gone: Vec<Vec<Value>> = gone.iter().map(|key| vec![Value::string(*key)]).collect();
        Change::Delta { gone: vec![Batch::from_rows(&gone, &keys)] }
    });
    let rows = vec![Batch::from_rows(rows, &everything())];
    Table { name: name.into(), schema: everything(), keys: 1, home, rows, change }
}

fn part(groups: Table, left: &[Vec<Value>]) -> Part {
    let left = table("left", Home::Any, left, None);
    let state = |id: &str, table| State { id: id.into(), tables: vec![table] };
    Part { states: vec![state("perKey.aggregate", groups), state("pairs.join", left)] }
}

/// Two workers, a base each, and changes of one of them.
fn written() -> (SimDisk, PathBuf) {
    let disk = SimDisk::new(1);
    let env = Env { disk: Arc::new(disk.clone()), clock: Arc::new(RealClock::new()) };
    let job = Job::open(&env, Path::new("/state"), "golden").unwrap();
    let key = Home::Key(1);
    let base = table("groups", key, &[row("a", 1), row("b", 2), row("a long key that is kept", 3)], None);
    let mut first = job.seal(1, 1, None).unwrap();
    first.part(0, &part(base, &[row("l", 7)])).unwrap();
    first.part(1, &part(table("groups", key, &[row("é", 4)], None), &[])).unwrap();
    let first = first.publish(head(1)).unwrap();
    let mut second = job.seal(1, 2, Some(&first)).unwrap();
    let changes = table("groups", key, &[row("b", 6), row("c", 8)], Some(&["a"]));
    second.part(0, &part(changes, &[row("l", 8), row("l", 9)])).unwrap();
    second.part(1, &part(table("groups", key, &[row("é", 5)], None), &[])).unwrap();
    let times =
        vec![Position { id: "bids.eventTime".into(), position: "{\"watermark\":1700000000000000}".into() }];
    let parameters = vec![("day".into(), "24h".into())];
    second.publish(Head { finished: true, times, parameters, ..head(2) }).unwrap();
    assert_eq!(job.save(1, 2).unwrap(), 1);
    (disk, job.folder().savepoint(1))
}

#[test]
fn what_is_written_today_is_the_golden_savepoint() {
    let (disk, dir) = written();
    let real = Env::real().disk;
    for file in disk.list(&dir).unwrap() {
        let target = golden(FORMAT).join(file.path.file_name().unwrap());
        let bytes = disk.get(&file.path).unwrap();
        if std::env::var_os("FLOW_BLESS").is_some() {
            real.create_dir_all(&golden(FORMAT)).unwrap();
            real.create(&target).unwrap().write_all(&bytes).unwrap();
        }
        assert!(real.read(&target).unwrap() == bytes, "{} is written other than it was", target.display());
    }
}

#[test]
fn golden_savepoints_of_all_formats_open() {
    for format in 1..=FORMAT {
        let saved = Saved::open(Env::real().disk, &golden(format)).unwrap();
        saved.verify().unwrap();
        assert_eq!(
            (saved.manifest.job.as_str(), saved.manifest.barrier, saved.manifest.finished),
            ("golden", 200, true)
        );
        let parts = saved.load().unwrap();
        let rows = |worker: usize, state: usize| {
            let table = &parts[worker].states[state].tables[0];
            assert_eq!(*table.schema, *everything());
            let rows =
                |batch: &Batch| (0..batch.len).map(|row| batch.row(row, &table.schema)).collect::<Vec<_>>();
            table.rows.iter().flat_map(rows).collect::<Vec<_>>()
        };
        same(&rows(0, 0), &[row("a long key that is kept", 3), row("b", 6), row("c", 8)]);
        same(&rows(0, 1), &[row("l", 8), row("l", 9)]);
        same(&rows(1, 0), &[row("é", 5)]);
        same(&rows(1, 1), &[]);
    }
}

fn same(rows: &[Vec<Value>], expected: &[Vec<Value>]) {
    assert_eq!(rows.len(), expected.len());
    for (row, expected) in rows.iter().zip(expected) {
        assert!(row.iter().zip(expected).all(|(a, b)| identical(a, b)), "{row:?}, not {expected:?}");
    }
}
