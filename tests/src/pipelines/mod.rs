//! Random pipelines over random unordered rows: scripts that go through the whole compiler, run by the
//! engine at several parallelisms, with and without native code, and compared with the reference
//! evaluator row by row. The tests run some thousands, `cargo xtask fuzz pipelines` as many as are asked for.

mod aggregates;
mod by_clock;
mod changes;
mod clock;
mod columns;
mod compare;
mod edits;
mod held;
mod input;
mod joins;
mod memory;
mod minimise;
mod model;
mod readers;
mod scripts;
mod stages;

pub use changes::{Rows, changes};
use compare::Verdict;
pub use edits::{Check, Edit, Edited};
use flow_plan::arbitrary::Arbitrary;
pub use held::{goes_on, goes_on_from, held};
pub use model::Case;
use model::{Declaration, Inputs, Moment, Script};
pub use readers::reader_changes_nothing;
use std::collections::BTreeMap;

/// How thorough a run is.
#[derive(Clone, Copy, Debug)]
pub struct Effort {
    /// Of so many pipelines, one also runs native code.
    pub native: usize,
    /// Rows of a source, at most.
    pub rows: usize,
}

/// What was compared.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// Pipelines whose rows agreed.
    pub pipelines: u64,
    /// Those among them that ran native code.
    pub native: u64,
    /// Scripts that use something which cannot run yet, by the code that says so.
    pub refused: BTreeMap<String, u64>,
    /// Rows of sinks that were compared.
    pub rows: u64,
    /// Rows that came too late.
    pub late: u64,
}

impl Tally {
    /// Scripts that were looked at.
    pub fn scripts(&self) -> u64 {
        self.pipelines + self.refused.values().sum::<u64>()
    }

    /// Adds another one.
    pub fn add(&mut self, other: Tally) {
        self.pipelines += other.pipelines;
        self.native += other.native;
        for (code, count) in other.refused {
            *self.refused.entry(code).or_default() += count;
        }
        self.rows += other.rows;
        self.late += other.late;
    }
}

/// Compares the pipelines of `count` seeds from `seed` on; what differs first, made small.
pub fn run(seed: u64, count: u64, effort: Effort) -> Result<Tally, String> {
    let mut tally = Tally::default();
    for seed in (0..count).map(|n| seed.wrapping_add(n)) {
        tally.add(one(seed, effort)?);
    }
    Ok(tally)
}

/// The pipeline of one seed.
fn one(seed: u64, effort: Effort) -> Result<Tally, String> {
    let case = case(seed, effort);
    let native = effort.native > 0 && seed.is_multiple_of(effort.native as u64);
    match compare::check(&case, native) {
        Verdict::Agrees(tally) => Ok(tally),
        Verdict::Refused(code) => Ok(Tally { refused: [(code, 1)].into(), ..Tally::default() }),
        Verdict::Wrong(script) => Err(format!("seed {seed}: the generator made a wrong script\n{script}")),
        // Each look at a smaller one would wait as long again.
        Verdict::Differs(report) if report.ends_with(compare::HANGS) => {
            Err(format!("seed {seed}\n{}\n{report}", case.show()))
        }
        Verdict::Differs(report) => {
            let (small, report) = minimise::minimise(&case, report, native);
            Err(format!("seed {seed}\n{}\n{report}", small.show()))
        }
    }
}

/// Compares all ways to run a script over the chunks of its sources (by their file's name) with the evaluator; gives
/// how many rows its sinks got, or what differs.
pub fn agrees(script: &str, sources: &[(&str, Rows)]) -> Result<u64, String> {
    agrees_in_time(script, sources, &[])
}

/// The same, where the clock on the wall moves behind so many chunks of all sources by so many microseconds.
pub fn agrees_in_time(
    script: &str,
    sources: &[(&str, Rows)],
    moments: &[(usize, i64)],
) -> Result<u64, String> {
    let declaration = Declaration { head: script.into(), stages: Vec::new(), tail: String::new() };
    let script = Script { declarations: vec![declaration], ..Script::default() };
    let chunks = sources.iter().map(|(name, chunks)| ((*name).to_string(), chunks.clone())).collect();
    let moments = moments.iter().map(|&(behind, micros)| Moment { behind, micros }).collect();
    let case = Case { script, inputs: Inputs { chunks, moments, ..Inputs::default() }, seed: 0 };
    match compare::check(&case, true) {
        Verdict::Agrees(tally) => Ok(tally.rows),
        Verdict::Refused(code) => Err(format!("it is refused: {code}")),
        Verdict::Wrong(why) | Verdict::Differs(why) => Err(why),
    }
}

/// The script and the rows of a seed.
pub fn case(seed: u64, effort: Effort) -> Case {
    let mut random = Arbitrary::new(seed);
    let script = scripts::script(&mut random, effort.rows);
    let inputs = input::inputs(&mut random, &script, effort.rows);
    Case { script, inputs, seed }
}
