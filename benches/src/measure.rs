//! Starts a program, waits for it with `wait4`, and reports what it used: CPU seconds of user and
//! system, wall time and peak resident memory.
#![allow(unsafe_code)]

use std::io;
use std::process::{Command, Stdio};
use std::time::Instant;

/// What one run of one program used.
#[derive(Debug, Clone, Copy)]
pub struct Usage {
    /// User and system seconds of all its threads.
    pub cpu: f64,
    /// Seconds from start to end.
    pub wall: f64,
    /// Peak resident memory in MB (10⁶ bytes).
    pub peak: f64,
}

/// Runs to the end; a failure is an error that carries what the program said.
pub fn run(command: &mut Command, say: &str) -> Result<(Usage, String), String> {
    let scratch = std::env::temp_dir().join(format!("flow-bench-{}.log", std::process::id()));
    let failed = |e: io::Error| format!("{say}: {e}");
    let log = std::fs::File::create(&scratch).map_err(failed)?;
    let errors = log.try_clone().map_err(failed)?;
    let start = Instant::now();
    let child = command.stdin(Stdio::null()).stdout(log).stderr(errors).spawn().map_err(failed)?;
    let (status, usage) = wait(child.id()).map_err(failed)?;
    let wall = start.elapsed().as_secs_f64();
    let said = std::fs::read_to_string(&scratch).unwrap_or_default();
    std::fs::remove_file(&scratch).map_err(failed)?;
    if status != 0 {
        return Err(format!("{say} ended with status {status:#x}\n{said}"));
    }
    let seconds = |t: libc::timeval| t.tv_sec as f64 + t.tv_usec as f64 / 1e6;
    let cpu = seconds(usage.ru_utime) + seconds(usage.ru_stime);
    Ok((Usage { cpu, wall, peak: usage.ru_maxrss as f64 * PEAK_UNIT / 1e6 }, said))
}

/// Linux counts in KiB, macOS in bytes.
const PEAK_UNIT: f64 = if cfg!(target_os = "macos") { 1.0 } else { 1024.0 };

fn wait(id: u32) -> io::Result<(i32, libc::rusage)> {
    let mut status = 0;
    loop {
        // SAFETY: all zero is a valid `rusage`; the pointers are to locals that outlive the call.
        let (done, usage) = unsafe {
            let mut usage: libc::rusage = std::mem::zeroed();
            (libc::wait4(id as libc::pid_t, &raw mut status, 0, &raw mut usage), usage)
        };
        if done >= 0 {
            return Ok((status, usage));
        }
        let error = io::Error::last_os_error();
        if error.kind() != io::ErrorKind::Interrupted {
            return Err(error);
        }
    }
}
