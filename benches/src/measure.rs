//! Starts a program, waits for it with `wait4`, and reports what it used: CPU seconds of user and
//! system, wall time and peak resident memory. On a virtual machine, memory that nobody has used for some seconds goes back
//! to the host, and whoever touches it next pays for having it again: up to ten times what writing the page costs. So that no
//! program pays for what another one has left, all that one run needs can be touched before it.
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

/// Runs to the end, as [`run`] does, with memory that the host has given before.
pub fn run_in_memory(command: &mut Command, say: &str) -> Result<(Usage, String), String> {
    have_memory().map_err(|e| format!("{say}: {e}"))?;
    run(command, say)
}

/// Linux counts in KiB, macOS in bytes.
const PEAK_UNIT: f64 = if cfg!(target_os = "macos") { 1.0 } else { 1024.0 };

/// Bytes that are touched before a run: the largest output of a job and the memory of the largest state, at most half of
/// what is free.
const TOUCHED: usize = 4 << 30;

/// Has the host give memory for the run that comes. A process of its own does it, which leaves all of it free when it ends,
/// and whose peak nobody inherits.
#[cfg(target_os = "linux")]
fn have_memory() -> io::Result<()> {
    let bytes = TOUCHED.min(free_memory()? / 2);
    // SAFETY: only one thread runs here, and the child does nothing but map memory, write to it and end.
    let child = unsafe { libc::fork() };
    if child == 0 {
        // SAFETY: the mapping is new and has that many bytes; the system's pages are 4096 bytes or more.
        unsafe {
            let (both, mine) = (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_PRIVATE | libc::MAP_ANONYMOUS);
            let memory = libc::mmap(std::ptr::null_mut(), bytes, both, mine, -1, 0);
            if memory != libc::MAP_FAILED {
                (0..bytes).step_by(4096).for_each(|at| memory.cast::<u8>().add(at).write_volatile(1));
            }
            libc::_exit(0);
        }
    }
    let child = u32::try_from(child).map_err(|_| io::Error::last_os_error())?;
    wait(child).map(drop)
}

/// Elsewhere programs run as they come.
#[cfg(not(target_os = "linux"))]
fn have_memory() -> io::Result<()> {
    Ok(())
}

/// Bytes of memory that hold nothing.
#[cfg(target_os = "linux")]
fn free_memory() -> io::Result<usize> {
    let all = std::fs::read_to_string("/proc/meminfo")?;
    let line = all.lines().find_map(|line| line.strip_prefix("MemFree:"));
    let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<usize>().ok());
    Ok(kib.unwrap_or(0) << 10)
}

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
