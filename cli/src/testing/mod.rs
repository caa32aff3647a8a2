//! `test` blocks in the real engine: given rows as sources, what streams and sinks received in memory, and
//! time that goes on only when the test says so. A test may also be run by many jobs, each of which goes on from
//! the snapshot of the one before.

mod clock;
mod compare;
mod connectors;
mod difference;
mod drive;

pub(crate) use compare::Mismatch;

use crate::failure;
use crate::kernels::NativeKernels;
use crate::render::{self, Look};
use clock::VirtualClock;
use connectors::{Given, Pieces, Received, TestConnectors};
use drive::{Broken, Drive, Starter};
use flow_driver::Compilation;
use flow_driver::testing::{self, Step, TestPlan};
use flow_engine::connect::Kernels;
use flow_engine::snapshot::Snapshot;
use flow_env::Env;
use flow_syntax::{Diagnostic, FileId, codes};
use std::path::PathBuf;
use std::sync::Arc;

/// How a test is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Mode {
    /// Workers, from the beginning.
    pub(crate) workers: usize,
    /// Without native code?
    pub(crate) interpret: bool,
    /// Does the job stop after every row, and another one, with other workers, go on from its snapshot?
    pub(crate) restart: bool,
}

/// The numbers of workers in the matrix.
const WORKERS: [usize; 2] = [1, 4];

impl Mode {
    /// What `--matrix` runs.
    pub(crate) const MATRIX: [Mode; 6] = [
        Mode { workers: WORKERS[0], interpret: false, restart: false },
        Mode { workers: WORKERS[1], interpret: false, restart: false },
        Mode { workers: WORKERS[0], interpret: true, restart: false },
        Mode { workers: WORKERS[1], interpret: true, restart: false },
        Mode { workers: WORKERS[0], interpret: false, restart: true },
        Mode { workers: WORKERS[1], interpret: true, restart: true },
    ];

    fn pieces(self) -> Pieces {
        if self.restart { Pieces::Rows } else { Pieces::Steps }
    }

    /// The one that goes on where this one stops.
    fn next(self) -> Mode {
        let other = WORKERS.into_iter().find(|workers| *workers != self.workers);
        Mode { workers: other.unwrap_or(self.workers), ..self }
    }
}

impl std::fmt::Display for Mode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let count = |workers| if workers == 1 { "1 worker".into() } else { format!("{workers} workers") };
        write!(f, "{}, {}", count(self.workers), if self.interpret { "interpreted" } else { "native" })?;
        if self.restart {
            write!(
                f,
                ", stopped and restored after every row (with {} and back)",
                count(self.next().workers)
            )?;
        }
        Ok(())
    }
}

/// What came of a test.
pub(crate) enum Verdict {
    /// Every expectation holds.
    Passed,
    /// Some do not.
    Failed(Vec<Mismatch>),
    /// This version cannot run it.
    NotRunnable(Vec<Diagnostic>),
    /// The job did not start, or failed: as it is shown to people.
    Broken(String),
}

/// Runs one test: a job for each of its parts, each but the first from the savepoint of the one before.
pub(crate) fn run(compiled: &Compilation, test: usize, mode: Mode, look: Look) -> Verdict {
    let clock = Arc::new(VirtualClock::new());
    let env = Env { clock: clock.clone(), ..Env::real() };
    let runner = Runner { mode, look, clock: &clock, env: &env };
    let own = compiled.sources.file(FileId(0)).name.as_str();
    let (mut from, mut given): (Option<Snapshot>, Option<Arc<Given>>) = (None, None);
    let mut mismatches = Vec::new();
    let mut parts = testing::plans(compiled, test).into_iter().peekable();
    while let Some((script, plan)) = parts.next() {
        let last = parts.peek().is_none();
        let given_now = Arc::new(Given::new(&plan.steps, own, mode.pieces(), given.as_deref()));
        match runner.part(script, &plan, &given_now, from.take(), last) {
            Ok((found, snapshot)) => {
                mismatches.extend(found);
                from = snapshot;
            }
            // Only places of the test's own script can be shown as those of its diagnostics.
            Err(Verdict::NotRunnable(findings)) if given.is_some() => {
                return Verdict::Broken(render::report(&findings, &script.sources, look));
            }
            Err(verdict) => return verdict,
        }
        if !last && from.is_none() {
            return Verdict::Broken(format!(
                "the job had come to its end before the savepoint, so `{}` cannot go on from it\n",
                parts.peek().map_or("", |(next, _)| next.sources.file(FileId(0)).name.as_str())
            ));
        }
        given = Some(given_now);
    }
    if mismatches.is_empty() { Verdict::Passed } else { Verdict::Failed(mismatches) }
}

/// Runs the parts of a test.
struct Runner<'a> {
    mode: Mode,
    look: Look,
    clock: &'a VirtualClock,
    env: &'a Env,
}

impl Runner<'_> {
    /// Runs a part to its end, or up to its savepoint.
    fn part(
        &self,
        script: &Compilation,
        plan: &TestPlan,
        given: &Arc<Given>,
        from: Option<Snapshot>,
        last: bool,
    ) -> Result<(Vec<Mismatch>, Option<Snapshot>), Verdict> {
        let graph = flow_driver::runnable(&plan.plan).map_err(Verdict::NotRunnable)?;
        let received = Arc::new(Received::new(plan.targets));
        let connectors = TestConnectors { given: given.clone(), received: received.clone() };
        let kernels: Option<Arc<dyn Kernels>> =
            if self.mode.interpret { None } else { Some(Arc::new(NativeKernels::new(self.env))) };
        let barriers = self.mode.restart || !last || plan.steps.iter().any(|s| matches!(s, Step::Savepoint));
        let starter = Starter { graph: Arc::new(graph), connectors, kernels, env: self.env, barriers };
        let ended = starter.start(self.mode, from).and_then(|(job, snapshots)| {
            let (mode, clock, received) = (self.mode, self.clock, &*received);
            Drive { job, snapshots, mode, starter: &starter, clock, given, received, plan }.part(last)
        });
        let base = PathBuf::new();
        let (mut mismatches, snapshot) = ended.map_err(|broken| {
            Verdict::Broken(match broken {
                Broken::NotStarted(error) => {
                    failure::not_started(&error, &script.sources, &base, self.env, self.look)
                }
                Broken::Failed(error) => failure::failed(&error, &script.sources, &base, self.env, self.look),
            })
        })?;
        if last {
            // What stands behind the last rows and times is looked at when the input has ended.
            mismatches.extend(compare::at_the_end(plan, &received));
        }
        Ok((mismatches, snapshot))
    }
}

/// The diagnostic of an expectation that does not hold, with one form of its difference.
pub(crate) fn diagnostic(mismatch: &Mismatch, difference: &[String], mode: Option<Mode>) -> Diagnostic {
    let mut diagnostic = Diagnostic::new(codes::EXPECTATION_FAILED, mismatch.span, mismatch.message.clone())
        .at("expected here");
    for (span, text) in &mismatch.rows {
        diagnostic = diagnostic.label(*span, text.clone());
    }
    for line in difference {
        diagnostic = diagnostic.note(line.clone());
    }
    if let Some(mode) = mode {
        diagnostic = diagnostic.note(format!("run with {mode}"));
    }
    diagnostic
}
