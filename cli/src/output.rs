//! Standard output for results, standard error for people. A reader that has gone away is no error.

use crate::status::{Status, Stop};
use std::io::{self, Write};

/// Writes a result to standard output.
pub(crate) fn result(text: &str) -> Result<(), Stop> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Ok(()) => Ok(()),
        Err(e) if e.kind() == io::ErrorKind::BrokenPipe => Err(Stop::silent(Status::Done)),
        Err(e) => Err(Stop::outside(format!("standard output cannot be written: {e}"))),
    }
}

/// Says something to people on standard error.
pub(crate) fn say(text: &str) {
    // Where should a failure to speak be told?
    let _ = io::stderr().lock().write_all(text.as_bytes());
}
