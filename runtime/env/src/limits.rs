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

/// Elsewhere there is no such signal.
#[cfg(not(unix))]
pub fn large_files_are_errors() {}
