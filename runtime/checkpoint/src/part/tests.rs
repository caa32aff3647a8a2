use super::{PartKey, Sealed, Slice, Tables, read, verify, write};
use crate::failure::Problem;
use crate::loading::Schemas;
use crate::manifest::StateSchema;
use crate::manifest::TableSchema;
use crate::state::{Change, Home, Part, State, Table};
use flow_data::Batch;
use flow_env::Env;
use flow_plan::arbitrary::Arbitrary;
use flow_plan::{DataType, Field, RecordType};
use std::path::{Path, PathBuf};
use std::sync::Arc;

const KEY: PartKey = PartKey { generation: 3, epoch: 7, worker: 1 };

fn table(random: &mut Arbitrary, name: &str, rows: usize, delta: bool) -> Table {
    let columns = vec![
        Field::new("key", DataType::String),
        Field::new("n", DataType::Int.optional()),
        Field::new("x", random.ty()),
    ];
    let schema = Arc::new(RecordType::new(columns));
    let keys = RecordType::new(schema.fields[..1].to_vec());
    let batch =
        |random: &mut Arbitrary, schema: &RecordType| Batch::from_rows(&random.rows(schema, rows), schema);
    let rows = vec![batch(random, &schema), batch(random, &schema)];
    let change = if delta { Change::Delta { gone: vec![batch(random, &keys)] } } else { Change::Whole };
    Table { name: name.into(), schema, keys: 1, home: Home::Key(1), rows, change }
}

fn part(seed: u64, rows: usize) -> Part {
    let mut random = Arbitrary::new(seed);
    let first = State {
        id: "perAuction.aggregate".into(),
        tables: vec![table(&mut random, "groups", rows, false), table(&mut random, "windows", rows, true)],
    };
    let second = State { id: "pairs.join".into(), tables: vec![table(&mut random, "left", rows, true)] };
    Part { states: vec![first, second] }
}

fn schemas(part: &Part) -> Vec<StateSchema> {
    let of = |state: &State| StateSchema {
        id: state.id.clone(),
        tables: state.tables.iter().map(TableSchema::of).collect(),
    };
    part.states.iter().map(of).collect()
}

struct Written {
    _folder: tempfile::TempDir,
    path: PathBuf,
    part: Part,
    sealed: Sealed,
}

fn written(seed: u64, rows: usize) -> Written {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("part-1");
    let part = part(seed, rows);
    let sealed = write(&*Env::real().disk, &path, KEY, &part).unwrap();
    Written { _folder: folder, path, part, sealed }
}

impl Written {
    fn read(&self) -> Result<Tables, crate::Failure> {
        self.read_as(KEY, self.sealed)
    }

    fn read_as(&self, key: PartKey, sealed: Sealed) -> Result<Tables, crate::Failure> {
        let schemas = Schemas::of(&schemas(&self.part));
        read(&*Env::real().disk, &self.path, key, sealed, &schemas, Slice::ALL)
    }

    fn bytes(&self) -> Vec<u8> {
        Env::real().disk.read(&self.path).unwrap()
    }

    fn put(&self, bytes: &[u8]) {
        put(&self.path, bytes);
    }
}

fn put(path: &Path, bytes: &[u8]) {
    Env::real().disk.create(path).unwrap().write_all(bytes).unwrap();
}

#[test]
fn a_part_comes_back_as_it_was() {
    for (seed, rows) in [(1, 0), (2, 3), (3, 4000)] {
        let file = written(seed, rows);
        verify(&*Env::real().disk, &file.path, KEY, file.sealed).unwrap();
        let again = file.read().unwrap();
        let wrote = file.part.states.iter().flat_map(|state| &state.tables);
        let (again, wrote): (Vec<_>, Vec<_>) = (again.values().collect(), wrote.collect());
        assert_eq!(format!("{again:?}"), format!("{wrote:?}"), "seed {seed}");
        assert_eq!(file.bytes().len() as u64, file.sealed.length);
    }
}

#[test]
fn every_flipped_bit_is_detected() {
    let file = written(4, 2);
    let mut bytes = file.bytes();
    for bit in 0..bytes.len() * 8 {
        bytes[bit / 8] ^= 1 << (bit % 8);
        file.put(&bytes);
        assert!(file.read().is_err(), "bit {bit}");
        assert!(verify(&*Env::real().disk, &file.path, KEY, file.sealed).is_err(), "bit {bit}");
        bytes[bit / 8] ^= 1 << (bit % 8);
    }
}

#[test]
fn every_truncation_and_every_growth_is_detected() {
    let file = written(5, 2);
    let mut bytes = file.bytes();
    for len in 0..bytes.len() {
        file.put(&bytes[..len]);
        assert!(file.read().is_err(), "{len} bytes");
    }
    bytes.push(0);
    file.put(&bytes);
    assert!(file.read().is_err());
}

#[test]
fn a_part_in_another_ones_place_says_whose_it_is() {
    let file = written(6, 2);
    let other = PartKey { epoch: 8, ..KEY };
    let error = file.read_as(other, file.sealed).unwrap_err();
    let text = error.to_string();
    assert!(
        text.contains("it is worker 1's part of run 3, epoch 7; here should be worker 1's of run 3, epoch 8"),
        "{text}"
    );
}

#[test]
fn a_whole_part_that_the_manifest_does_not_mean_is_detected() {
    let (file, other) = (written(7, 2), written(8, 2));
    file.put(&other.bytes());
    assert!(file.read().is_err());
}

#[test]
fn a_part_of_a_newer_format_says_so() {
    let file = written(9, 1);
    let mut bytes = file.bytes();
    bytes[8] = 2;
    file.put(&bytes);
    assert!(matches!(file.read().unwrap_err().problem, Problem::Newer { format: 2 }));
}

#[test]
fn something_else_under_its_name_is_foreign() {
    let file = written(10, 1);
    file.put(&[b'x'; 200]);
    assert!(matches!(file.read().unwrap_err().problem, Problem::Foreign { .. }));
}

#[test]
fn a_part_that_is_gone_is_missing() {
    let file = written(11, 1);
    Env::real().disk.remove_file(&file.path).unwrap();
    assert!(matches!(file.read().unwrap_err().problem, Problem::Missing));
}

/// Bytes whose hash is right, but which make no sense: nobody writes them, still nothing may panic.
#[test]
fn senseless_bytes_with_a_right_hash_are_refused_and_never_panic() {
    let file = written(12, 2);
    let whole = file.bytes();
    let body = whole.len() - 16;
    let mut random = Arbitrary::new(12);
    let (mut refused, rounds) = (0, 20_000);
    for _ in 0..rounds {
        let mut bytes = whole[..body].to_vec();
        for _ in 0..1 + random.below(3) {
            let at = super::HEAD + random.below(body - super::HEAD - 8);
            bytes[at] = random.word() as u8;
        }
        let hash = crate::Hash128::of(&bytes);
        bytes.extend_from_slice(&hash.to_bytes());
        file.put(&bytes);
        let sealed = Sealed { hash, ..file.sealed };
        let result = file.read_as(KEY, sealed);
        refused += usize::from(result.is_err());
    }
    assert!(refused > rounds / 10, "{refused}");
}
