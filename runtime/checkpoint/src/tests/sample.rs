//! A small job: two workers that count words, and a table that any worker may hold. What its state should be at each epoch is
//! kept beside.

use crate::manifest::{Manifest, Position, ScriptFile, SinkSeal};
use crate::sealing::Head;
use crate::state::{Change, Home, Part, State, Table};
use crate::{Failure, Job, Launch, PublishError};
use flow_data::Batch;
use flow_env::Random;
use flow_plan::{DataType, Field, RecordType, Value};
use std::collections::BTreeMap;
use std::sync::Arc;

pub(super) const WORKERS: usize = 2;

/// Count by word: what one worker holds.
pub(super) type Counts = BTreeMap<String, i64>;

/// The state of the job, and what changed since the last checkpoint.
#[derive(Clone, Default)]
pub(super) struct Sample {
    pub(super) counts: [Counts; WORKERS],
    changed: [BTreeMap<String, Option<i64>>; WORKERS],
}

pub(super) fn launch(text: &str) -> Launch {
    Launch {
        flow: "0.1.0".into(),
        scripts: vec![ScriptFile { path: "words.flow".into(), text: text.into() }],
        parameters: vec![("day".into(), "24h".into())],
        parallelism: WORKERS,
    }
}

pub(super) fn head(epoch: u64) -> Head {
    Head {
        barrier: epoch * 100,
        at: 1_700_000_000_000_000 + epoch as i64,
        flow: "0.1.0".into(),
        finished: false,
        parallelism: WORKERS,
        scripts: launch("sink a = …").scripts,
        parameters: Vec::new(),
        sources: vec![Position { id: "words".into(), position: format!("{{\"offset\":{epoch}}}") }],
        times: Vec::new(),
        sinks: vec![SinkSeal { id: "out".into(), sealed: vec![format!("part-{epoch}")] }],
    }
}

fn schema() -> Arc<RecordType> {
    let fields = vec![
        Field::new("word", DataType::String),
        Field::new("n", DataType::Int),
        Field::new("·seen", DataType::list(DataType::Int).optional()),
    ];
    Arc::new(RecordType::new(fields))
}

impl Sample {
    /// Words come, and some are forgotten.
    pub(super) fn go_on(&mut self, random: &mut Random) {
        for worker in 0..WORKERS {
            for _ in 0..random.below(6) {
                let word = format!(
                    "{}-{}",
                    if random.below(2) == 0 { "w" } else { "a word that is long" },
                    random.below(6)
                );
                if random.below(4) == 0 {
                    if self.counts[worker].remove(&word).is_some() {
                        self.changed[worker].insert(word, None);
                    }
                } else {
                    let n = random.below(1_000_000) as i64;
                    self.counts[worker].insert(word.clone(), n);
                    self.changed[worker].insert(word, Some(n));
                }
            }
        }
    }

    fn part(&self, worker: usize, whole: bool) -> Part {
        let row = |(word, n): (&String, &i64)| {
            let seen = if n % 2 == 0 { Value::Null } else { Value::List([Value::Int(*n)].into()) };
            vec![Value::string(word.as_str()), Value::Int(*n), seen]
        };
        let changed = &self.changed[worker];
        let rows: Vec<Vec<Value>> = match whole {
            true => self.counts[worker].iter().map(row).collect(),
            false => changed.iter().filter_map(|(word, n)| Some(row((word, n.as_ref()?)))).collect(),
        };
        let keys = RecordType::new(schema().fields[..1].to_vec());
        let gone: Vec<Vec<Value>> = changed
            .iter()
            .filter(|(_, n)| n.is_none())
            .map(|(word, _)| vec![Value::string(word.as_str())])
            .collect();
        let gone = vec![Batch::from_rows(&gone, &keys)];
        let groups = Table {
            name: "groups".into(),
            schema: schema(),
            keys: 1,
            home: Home::Key(1),
            rows: vec![Batch::from_rows(&rows, &schema())],
            change: if whole { Change::Whole } else { Change::Delta { gone } },
        };
        let sum: i64 = self.counts[worker].values().sum();
        let total = RecordType::new(vec![Field::new("sum", DataType::Int)]);
        let total = Table {
            name: "total".into(),
            rows: vec![Batch::from_rows(&[vec![Value::Int(sum)]], &total)],
            schema: Arc::new(total),
            keys: 0,
            home: Home::Any,
            change: Change::Whole,
        };
        Part { states: vec![State { id: "counts.aggregate".into(), tables: vec![groups, total] }] }
    }

    /// Seals and publishes; changes only if there is a parent.
    pub(super) fn publish(
        &mut self,
        job: &Job,
        generation: u64,
        epoch: u64,
        parent: Option<&Manifest>,
    ) -> Result<Manifest, PublishError> {
        let mut sealing = job.seal(generation, epoch, parent).map_err(not_yet)?;
        for worker in 0..WORKERS {
            sealing.part(worker, &self.part(worker, parent.is_none())).map_err(not_yet)?;
        }
        let manifest = sealing.publish(head(epoch))?;
        self.changed = Default::default();
        Ok(manifest)
    }

    /// Panics if this is not what was loaded.
    pub(super) fn expect(&self, loaded: &[Part], context: &str) {
        assert_eq!(loaded.len(), WORKERS, "{context}");
        for (worker, part) in loaded.iter().enumerate() {
            let [state] = &part.states[..] else { panic!("{context}: {part:?}") };
            let [groups, total] = &state.tables[..] else { panic!("{context}: {part:?}") };
            let mut rows = rows_of(groups);
            rows.sort();
            let mut expected = rows_of(&self.part(worker, true).states[0].tables[0]);
            expected.sort();
            assert_eq!(rows, expected, "{context}");
            let sum: i64 = self.counts[worker].values().sum();
            assert_eq!(rows_of(total), [[Value::Int(sum)]], "{context}");
        }
    }
}

fn not_yet(failure: Failure) -> PublishError {
    PublishError { failure, sure: true }
}

fn rows_of(table: &Table) -> Vec<Vec<Value>> {
    table.rows.iter().flat_map(|batch| (0..batch.len).map(|row| batch.row(row, &table.schema))).collect()
}
