//! Connectors and formats: `file`, `stdin`, `stdout`, `generate`, `nexmark`, `blackhole`; `text`,
//! `json`, `csv`. Sources make batches of the columns a plan reads, sinks write batches; what they
//! accept, write and promise is in docs/formats.md. Never knows operators, expressions or scripts.

mod advice;
mod args;
mod base64;
mod block;
mod csv;
mod encode;
mod fault;
mod fingerprint;
mod format;
pub mod infer;
mod json;
mod names;
mod number;
mod out;
mod rows;
mod scan;
mod sinks;
mod sources;
#[cfg(test)]
mod testing;
mod text;
mod time;

use flow_engine::connect::Connectors;
use flow_engine::sink::{Sink, SinkError};
use flow_engine::source::{Source, SourceError};
use flow_env::Env;
use flow_plan::RecordType;
use flow_plan::connector::ConnectorCall;
use sinks::blackhole::Blackhole;
use sinks::file::FileSink;
use sinks::stream::{Stream, StreamSink};
use sources::file::FileSource;
use sources::stdin::StdinSource;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// All connectors this version runs.
pub struct StandardConnectors {
    /// Taken by the one source that may read it.
    stdin: Mutex<Option<Box<dyn Read + Send>>>,
    stdout: Stream,
    /// Folders of file sinks: each belongs to one.
    folders: Mutex<Vec<PathBuf>>,
}

impl StandardConnectors {
    /// With the process's own standard input and output.
    pub fn new() -> StandardConnectors {
        StandardConnectors::with_streams(Box::new(std::io::stdin()), Box::new(std::io::stdout()))
    }

    /// With other streams for `stdin` and `stdout`.
    pub fn with_streams(stdin: Box<dyn Read + Send>, stdout: Box<dyn Write + Send>) -> StandardConnectors {
        let stdout = Arc::new(Mutex::new(stdout));
        StandardConnectors { stdin: Mutex::new(Some(stdin)), stdout, folders: Mutex::default() }
    }
}

impl Default for StandardConnectors {
    fn default() -> StandardConnectors {
        StandardConnectors::new()
    }
}

impl StandardConnectors {
    /// A folder becomes a sink's own: no other sink may write into it, above it or below it.
    fn own(&self, path: &Path) -> Result<(), SinkError> {
        // Without `.` steps.
        let path: PathBuf = path.components().collect();
        let mut folders = self.folders.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(other) = folders.iter().find(|other| path.starts_with(other) || other.starts_with(&path))
        {
            return Err(SinkError::Open(match *other == path {
                true => format!("two sinks write into {}: give each its own folder", path.display()),
                false => format!(
                    "one sink writes into {}, another into {}: give each its own folder",
                    other.display(),
                    path.display()
                ),
            }));
        }
        folders.push(path);
        Ok(())
    }
}

impl Connectors for StandardConnectors {
    fn source(
        &self,
        call: &ConnectorCall,
        read: &[usize],
        base: &Path,
        env: &Env,
    ) -> Result<Box<dyn Source>, SourceError> {
        match call.name.as_str() {
            "file" => {
                let reading = format::Reading::new(call, read)?;
                Ok(Box::new(FileSource::new(call, reading, base, env)?))
            }
            "stdin" => {
                let reading = format::Reading::new(call, read)?;
                let mut stdin = self.stdin.lock().unwrap_or_else(PoisonError::into_inner);
                let input = stdin.take().ok_or_else(|| {
                    SourceError::Open("standard input can be read by one source only".to_string())
                })?;
                Ok(Box::new(StdinSource::new(reading, input)))
            }
            "generate" => Ok(Box::new(sources::generate::open(call, read, env)?)),
            "nexmark" => Ok(Box::new(sources::nexmark::open(call, read, env)?)),
            other => Err(SourceError::Open(format!("the source {other} cannot run yet"))),
        }
    }

    fn sink(
        &self,
        call: &ConnectorCall,
        schema: &Arc<RecordType>,
        base: &Path,
        env: &Env,
    ) -> Result<Box<dyn Sink>, SinkError> {
        match call.name.as_str() {
            "file" => {
                let path = FileSink::path(call, base)?;
                self.own(&path)?;
                Ok(Box::new(FileSink::new(call, schema, path, env)?))
            }
            "stdout" => {
                let (call, schema) = (call.clone(), schema.clone());
                let make = Box::new(move || format::encoder(&call, &schema));
                Ok(Box::new(StreamSink::new(self.stdout.clone(), make)?))
            }
            "blackhole" => Ok(Box::new(Blackhole)),
            other => Err(SinkError::Open(format!("the sink {other} cannot run yet"))),
        }
    }
}
