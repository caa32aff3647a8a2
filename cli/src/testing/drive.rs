//! A job that does what the steps of a test say: rows are given, time goes on, expectations are looked at.

use super::Mode;
use super::clock::VirtualClock;
use super::compare::{self, Mismatch};
use super::connectors::{Given, Received, TestConnectors};
use flow_driver::testing::{Step, TestPlan};
use flow_engine::connect::Kernels;
use flow_engine::snapshot::Snapshot;
use flow_engine::{Job, JobError, JobHandle, JobOptions, Snapshots, StartError};
use flow_env::Env;
use flow_plan::physical::Graph;
use std::sync::Arc;
use std::time::Duration;

/// Why a job did not come to its end.
pub(super) enum Broken {
    NotStarted(Box<StartError>),
    Failed(Box<JobError>),
}

/// Starts the jobs of a part of a test.
pub(super) struct Starter<'a> {
    pub(super) graph: Arc<Graph>,
    pub(super) connectors: TestConnectors,
    pub(super) kernels: Option<Arc<dyn Kernels>>,
    pub(super) env: &'a Env,
    /// Can a snapshot be taken?
    pub(super) barriers: bool,
}

impl Starter<'_> {
    pub(super) fn start(
        &self,
        mode: Mode,
        from: Option<Snapshot>,
    ) -> Result<(JobHandle, Option<Snapshots>), Broken> {
        let parallelism = Some(mode.workers);
        let options = JobOptions { parallelism, from, barriers: self.barriers, ..JobOptions::default() };
        let kernels = self.kernels.clone();
        let mut job = Job::start(self.graph.clone(), &self.connectors, kernels, self.env, &options)
            .map_err(|error| Broken::NotStarted(Box::new(error)))?;
        let snapshots = job.snapshots();
        Ok((job, snapshots))
    }
}

/// A job that goes through the steps of a part of a test.
pub(super) struct Drive<'a> {
    pub(super) job: JobHandle,
    /// Of this job, if some are to be taken.
    pub(super) snapshots: Option<Snapshots>,
    /// How this job runs.
    pub(super) mode: Mode,
    pub(super) starter: &'a Starter<'a>,
    pub(super) clock: &'a VirtualClock,
    pub(super) given: &'a Given,
    pub(super) received: &'a Received,
    pub(super) plan: &'a TestPlan,
}

impl Drive<'_> {
    /// Goes through the part. At the end of the last one the input ends too; another one stops with the snapshot that the
    /// next one goes on from, if the job has not come to its end by itself.
    pub(super) fn part(mut self, last: bool) -> Result<(Vec<Mismatch>, Option<Snapshot>), Broken> {
        let mismatches = self.steps()?;
        let mut snapshot = None;
        if last {
            self.given.end();
            self.job.control().wake();
        } else {
            self.job.wait_quiet();
            snapshot = self.snapshots.as_ref().and_then(|snapshots| snapshots.take(true));
        }
        self.job.wait().map_err(Broken::Failed)?;
        Ok((mismatches, snapshot))
    }

    /// Goes through the steps in front of the last expectations.
    fn steps(&mut self) -> Result<Vec<Mismatch>, Broken> {
        let mut mismatches = Vec::new();
        for (index, step) in self.plan.steps[..self.plan.last_group].iter().enumerate() {
            match step {
                Step::Given { .. } => {
                    for piece in self.given.pieces(index) {
                        self.give(piece);
                        if self.mode.restart {
                            self.restart()?;
                        }
                    }
                }
                Step::Advance { by } => self.advance(*by),
                Step::Savepoint => {
                    self.job.wait_quiet();
                    // A job that has come to its end has nothing to keep.
                    let _kept = self.snapshots.as_ref().and_then(|snapshots| snapshots.take(false));
                }
                Step::Expect(expect) => {
                    self.job.wait_quiet();
                    mismatches.extend(compare::mismatch(expect, &self.received.rows(expect.target)));
                }
            }
        }
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
