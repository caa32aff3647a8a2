//! The end of `flow stop` and its like.

use super::{Answer, Question, socket};
use std::io;
use std::path::Path;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;

/// Why there is no answer.
#[derive(Debug)]
pub(crate) enum Unreachable {
    /// The job does not run.
    NotRunning,
    /// Something else.
    Io(io::Error),
}

impl From<io::Error> for Unreachable {
    fn from(error: io::Error) -> Unreachable {
        match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => Unreachable::NotRunning,
            _ => Unreachable::Io(error),
        }
    }
}

/// Asks the job that runs in this folder, and waits for its answer.
pub(crate) fn ask(job: &Path, question: &Question) -> Result<Answer, Unreachable> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut stream = UnixStream::connect(socket(job)).await?;
        let mut text = serde_json::to_string(question).map_err(io::Error::from)?;
        text.push('\n');
        stream.write_all(text.as_bytes()).await?;
        let mut line = String::new();
        BufReader::new(stream).read_line(&mut line).await?;
        if line.is_empty() {
            return Err(Unreachable::Io(io::Error::other("the job ended before it answered")));
        }
        Ok(serde_json::from_str(&line).map_err(io::Error::from)?)
    })
}
