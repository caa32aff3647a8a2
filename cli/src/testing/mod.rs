//! `test` blocks in the real engine: given rows as sources, what streams and sinks received in memory, and
//! time that goes on only when the test says so.

mod clock;
mod compare;
mod connectors;

pub(crate) use compare::Mismatch;

use crate::failure;
use crate::kernels::NativeKernels;
use crate::render::Look;
use clock::VirtualClock;
use connectors::{Given, Received, TestConnectors};
use flow_driver::testing::{self, Step, TestPlan};
use flow_driver::{CheckedTest, Compilation};
use flow_engine::connect::Kernels;
use flow_engine::{Job, JobHandle, JobOptions};
use flow_env::Env;
use flow_syntax::{Diagnostic, codes};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// How a test is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Mode {
    /// Workers.
    pub(crate) workers: usize,
    /// Without native code?
    pub(crate) interpret: bool,
}

impl Mode {
    /// What `--matrix` runs.
    pub(crate) const MATRIX: [Mode; 4] = [
        Mode { workers: 1, interpret: false },
        Mode { workers: 4, interpret: false },
        Mode { workers: 1, interpret: true },
        Mode { workers: 4, interpret: true },
    ];
}

impl std::fmt::Display for Mode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let workers = if self.workers == 1 { "1 worker".into() } else { format!("{} workers", self.workers) };
        write!(f, "{workers}, {}", if self.interpret { "interpreted" } else { "native" })
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
    let given = Arc::new(Given::new(&plan.steps));
    let received = Arc::new(Received::new(plan.targets));
    let connectors = TestConnectors { given: given.clone(), received: received.clone() };
    let kernels: Option<Arc<dyn Kernels>> =
        if mode.interpret { None } else { Some(Arc::new(NativeKernels::new(&env))) };
    let options = JobOptions { parallelism: Some(mode.workers), ..JobOptions::default() };
    let base = PathBuf::new();
    let job = match Job::start(Arc::new(graph), &connectors, kernels, &env, &options) {
        Ok(job) => job,
        Err(error) => {
            return Verdict::Broken(failure::not_started(&error, &compiled.sources, &base, &env, look));
        }
    };
    let mut drive = Drive { job, clock: &clock, given: &given, received: &received, plan: &plan };
    let mut mismatches = drive.steps();
    match drive.job.wait() {
        Ok(_) => {}
        Err(error) => {
            return Verdict::Broken(failure::failed(&error, &compiled.sources, &base, &env, look));
        }
    }
    // What stands behind the last rows and times is looked at when the input has ended.
    mismatches.extend(compare::at_the_end(&plan, &received));
    if mismatches.is_empty() { Verdict::Passed } else { Verdict::Failed(mismatches) }
}

struct Drive<'a> {
    job: JobHandle,
    clock: &'a VirtualClock,
    given: &'a Given,
    received: &'a Received,
    plan: &'a TestPlan,
}

impl Drive<'_> {
    /// Goes through the steps in front of the last expectations, then ends the input.
    fn steps(&mut self) -> Vec<Mismatch> {
        let mut mismatches = Vec::new();
        for (index, step) in self.plan.steps[..self.plan.last_group].iter().enumerate() {
            match step {
                Step::Given { .. } => {
                    self.given.release(index + 1);
                    while !self.given.is_taken(index + 1) && !self.job.wait_at_most(Duration::ZERO) {
                        self.job.wait_quiet();
                    }
                    self.job.wait_quiet();
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
        mismatches
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
