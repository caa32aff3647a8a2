//! `test` blocks in the real engine: given rows as sources, what streams and sinks received in memory, and
//! time that goes on only when the test says so. A test may also be run by many jobs, each of which goes on from
//! the snapshot of the one before.

mod clock;
mod compare;
mod connectors;

pub(crate) use compare::Mismatch;

use crate::failure;
use crate::kernels::NativeKernels;
use crate::render::Look;
use clock::VirtualClock;
use connectors::{Given, Pieces, Received, TestConnectors};
use flow_driver::testing::{self, Step, TestPlan};
use flow_driver::{CheckedTest, Compilation};
use flow_engine::connect::Kernels;
use flow_engine::snapshot::Snapshot;
use flow_engine::{Job, JobError, JobHandle, JobOptions, Snapshots, StartError};
use flow_env::Env;
use flow_plan::physical::Graph;
use flow_syntax::{Diagnostic, codes};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

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

/// Runs one test.
pub(crate) fn run(compiled: &Compilation, test: &CheckedTest, mode: Mode, look: Look) -> Verdict {
    let plan = testing::plan(compiled, test);
    let graph = match flow_driver::runnable(&plan.plan) {
        Ok(graph) => graph,
        Err(findings) => return Verdict::NotRunnable(findings),
    };
    let clock = Arc::new(VirtualClock::new());
    let env = Env { clock: clock.clone(), ..Env::real() };
    let pieces = if mode.restart { Pieces::Rows } else { Pieces::Steps };
    let given = Arc::new(Given::new(&plan.steps, pieces));
    let received = Arc::new(Received::new(plan.targets));
    let connectors = TestConnectors { given: given.clone(), received: received.clone() };
    let kernels: Option<Arc<dyn Kernels>> =
        if mode.interpret { None } else { Some(Arc::new(NativeKernels::new(&env))) };
    let starter = Starter { graph: Arc::new(graph), connectors, kernels, env: &env };
    let ended = starter.start(mode, None).and_then(|(job, snapshots)| {
        let (given, received, plan) = (&*given, &*received, &plan);
        let mut drive =
            Drive { job, snapshots, mode, starter: &starter, clock: &clock, given, received, plan };
        let mismatches = drive.steps()?;
        drive.job.wait().map_err(Broken::Failed)?;
        Ok(mismatches)
    });
    let base = PathBuf::new();
    let mut mismatches = match ended {
        Ok(mismatches) => mismatches,
        Err(Broken::NotStarted(error)) => {
            return Verdict::Broken(failure::not_started(&error, &compiled.sources, &base, &env, look));
        }
        Err(Broken::Failed(error)) => {
            return Verdict::Broken(failure::failed(&error, &compiled.sources, &base, &env, look));
        }
    };
    // What stands behind the last rows and times is looked at when the input has ended.
    mismatches.extend(compare::at_the_end(&plan, &received));
    if mismatches.is_empty() { Verdict::Passed } else { Verdict::Failed(mismatches) }
}

/// Why a job did not come to its end.
enum Broken {
    NotStarted(Box<StartError>),
    Failed(Box<JobError>),
}

/// Starts the jobs of a test.
struct Starter<'a> {
    graph: Arc<Graph>,
    connectors: TestConnectors,
    kernels: Option<Arc<dyn Kernels>>,
    env: &'a Env,
}

impl Starter<'_> {
    fn start(&self, mode: Mode, from: Option<Snapshot>) -> Result<(JobHandle, Option<Snapshots>), Broken> {
        let parallelism = Some(mode.workers);
        let options = JobOptions { parallelism, from, barriers: mode.restart, ..JobOptions::default() };
        let kernels = self.kernels.clone();
        let mut job = Job::start(self.graph.clone(), &self.connectors, kernels, self.env, &options)
            .map_err(|error| Broken::NotStarted(Box::new(error)))?;
        let snapshots = job.snapshots();
        Ok((job, snapshots))
    }
}

struct Drive<'a> {
    job: JobHandle,
    /// Of this job, if it is to be stopped.
    snapshots: Option<Snapshots>,
    /// How this job runs.
    mode: Mode,
    starter: &'a Starter<'a>,
    clock: &'a VirtualClock,
    given: &'a Given,
    received: &'a Received,
    plan: &'a TestPlan,
}

impl Drive<'_> {
    /// Goes through the steps in front of the last expectations, then ends the input.
    fn steps(&mut self) -> Result<Vec<Mismatch>, Broken> {
        let mut mismatches = Vec::new();
        for (index, step) in self.plan.steps[..self.plan.last_group].iter().enumerate() {
            match step {
                Step::Given { .. } => {
                    for piece in self.given.pieces(index) {
                        self.give(piece);
                        self.restart()?;
                    }
                }
                Step::Advance { by } => self.advance(*by),
                Step::Expect(expect) => {
                    self.job.wait_quiet();
                    mismatches.extend(compare::mismatch(expect, &self.received.rows(expect.target)));
                }
            }
        }
        self.given.end();
        self.job.control().wake();
        Ok(mismatches)
    }

    /// Lets the sources read a piece, and everything that comes of it go through.
    fn give(&mut self, piece: usize) {
        self.given.release(piece);
        while !self.given.is_taken(piece) && !self.job.wait_at_most(Duration::ZERO) {
            self.job.wait_quiet();
        }
        self.job.wait_quiet();
    }

    /// Stops the job, and goes on with another one from its snapshot. Time stands still meanwhile, and what targets
    /// received is kept. A job that has no input left, or failed, has no snapshot: it comes to its own end.
    fn restart(&mut self) -> Result<(), Broken> {
        let taken = self.snapshots.as_ref().and_then(|snapshots| snapshots.take(true));
        let Some(snapshot) = taken else { return Ok(()) };
        // Its sources must be gone before the next job opens them.
        while !self.job.wait_at_most(Duration::from_millis(1)) {}
        let next = self.mode.next();
        let (job, snapshots) = self.starter.start(next, Some(snapshot))?;
        let stopped = std::mem::replace(&mut self.job, job);
        (self.snapshots, self.mode) = (snapshots, next);
        stopped.wait().map_err(Broken::Failed)?;
        Ok(())
    }

    /// Time goes on from one deadline to the next, so that everything happens at its own time.
    fn advance(&mut self, by: i64) {
        let target = self.clock.now() + Duration::from_micros(by.max(0) as u64);
        loop {
            let quiet = self.job.wait_quiet();
            match quiet.deadline.filter(|deadline| *deadline <= target) {
                Some(deadline) if deadline > self.clock.now() => self.clock.set(deadline),
                // One that has come is being handled.
                Some(_) if self.job.wait_at_most(Duration::ZERO) => break,
                Some(_) => {}
                None => break,
            }
        }
        self.clock.set(target);
        self.job.wait_quiet();
    }
}

/// The diagnostic of an expectation that does not hold.
pub(crate) fn diagnostic(mismatch: &Mismatch, mode: Option<Mode>) -> Diagnostic {
    let mut diagnostic = Diagnostic::new(codes::EXPECTATION_FAILED, mismatch.span, mismatch.message.clone())
        .at("expected here");
    for (span, text) in &mismatch.rows {
        diagnostic = diagnostic.label(*span, text.clone());
    }
    for line in &mismatch.diff {
        diagnostic = diagnostic.note(line.clone());
    }
    if let Some(mode) = mode {
        diagnostic = diagnostic.note(format!("run with {mode}"));
    }
    diagnostic
}
