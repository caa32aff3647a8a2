//! Asks the system to begin writing what a file holds, so that the disk works while rows are still made and a later
//! `fsync` finds little left. (What PostgreSQL calls `flush_after` and RocksDB `bytes_per_sync`.)
#![allow(unsafe_code)]

use std::fs::File;
use std::io;

/// Begins to write what stands in the file and is not on its way yet. Promises nothing about when it is done.
///
/// # Errors
/// What the disk says; a file or system that does not know the request is none.
#[cfg(target_os = "linux")]
pub(crate) fn begin(file: &File) -> io::Result<()> {
    use std::os::fd::AsRawFd;
    // SAFETY: the descriptor is open as long as `file` is borrowed; no memory is handed over. Length 0: to the end.
    match unsafe { libc::sync_file_range(file.as_raw_fd(), 0, 0, libc::SYNC_FILE_RANGE_WRITE) } {
        0 => Ok(()),
        _ => match io::Error::last_os_error() {
            unknown if matches!(unknown.raw_os_error(), Some(libc::ENOSYS | libc::EINVAL | libc::ESPIPE)) => {
                Ok(())
            }
            error => Err(error),
        },
    }
}

/// Elsewhere the system begins when it likes.
#[cfg(not(target_os = "linux"))]
pub(crate) fn begin(_: &File) -> io::Result<()> {
    Ok(())
}
