//! The limit of a file's size (`ulimit -f`): a write beyond it is an error like that of a full disk, which has a place and
//! a cause, and no death without a word.
#![allow(unsafe_code)]

/// Lets a write beyond the limit of a file's size fail, where the system would end the process (`SIGXFSZ`). To be called
/// once, at the start of a program.
#[cfg(unix)]
pub fn large_files_are_errors() {
    // SAFETY: no handler is installed, so none can run at a bad moment; the signal has no other meaning. It cannot fail: the
    // number is that of a signal which may be ignored.
    unsafe { libc::signal(libc::SIGXFSZ, libc::SIG_IGN) };
}

/// How many files this process may have open at once (`ulimit -n`), if there is a limit that is known.
#[cfg(unix)]
pub fn open_files() -> Option<usize> {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: the system writes the limit into a place that is ours.
    match unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &mut limit) } {
        0 => usize::try_from(limit.rlim_cur).ok(),
        _ => None,
    }
}

/// Elsewhere it is not known.
#[cfg(not(unix))]
pub fn open_files() -> Option<usize> {
    None
}

/// Elsewhere there is no such signal.
#[cfg(not(unix))]
pub fn large_files_are_errors() {}
