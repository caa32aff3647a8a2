//! The only door to the world: disk, clock, randomness, threads. Everything in the runtime that
//! touches the outside goes through an [`Env`], so that a simulator can stand in for the machine.
//! Knows nothing of rows, plans or protocols.
#![allow(clippy::disallowed_methods, reason = "this is the door the lint points everyone to")]

mod clock;
mod disk;
mod faults;
mod limits;
mod memory;
mod random;
mod real;
mod simulated;
mod threads;
mod writeback;

pub use clock::{Clock, Deadline};
pub use disk::{DirEntry, Disk, FileInfo, FileLock, ReadFile, WriteFile};
pub use faults::{planted, reach};
pub use limits::{large_files_are_errors, open_files};
pub use memory::Memory;
pub use random::Random;
pub use real::{RealClock, RealDisk};
pub use simulated::{Operation, SimClock, SimDisk, Simulation, point};
pub use threads::{Parker, Unparker, Worker, cores, parker, side_by_side, spawn};

use std::sync::Arc;

/// Everything outside the program that a job can touch.
#[derive(Clone)]
pub struct Env {
    /// Files and folders.
    pub disk: Arc<dyn Disk>,
    /// Wall clock and stopwatch.
    pub clock: Arc<dyn Clock>,
}

impl Env {
    /// The machine this process runs on.
    pub fn real() -> Env {
        Env { disk: Arc::new(RealDisk), clock: Arc::new(RealClock::new()) }
    }
}
