//! How the engine gets sources, sinks and kernels without knowing any of them: `cli` joins the halves.

use crate::sink::{Sink, SinkError};
use crate::source::{Source, SourceError};
use flow_data::Batch;
use flow_env::Env;
use flow_plan::RecordType;
use flow_plan::connector::ConnectorCall;
use flow_plan::physical::Chain;
use std::path::Path;
use std::sync::Arc;

/// Opens connectors by name.
pub trait Connectors: Send + Sync {
    /// Opens a source that gives the columns `read` of `call.schema`. Relative paths are relative to `base`.
    fn source(
        &self,
        call: &ConnectorCall,
        read: &[usize],
        base: &Path,
        env: &Env,
    ) -> Result<Box<dyn Source>, SourceError>;
    /// Opens a sink for rows of this type.
    fn sink(
        &self,
        call: &ConnectorCall,
        schema: &Arc<RecordType>,
        base: &Path,
        env: &Env,
    ) -> Result<Box<dyn Sink>, SinkError>;
}

/// Makes kernels of chains: the code generator, or nothing under `--interpret`.
pub trait Kernels: Send + Sync {
    /// Compiles a chain once for all workers; each worker runs its own instance.
    fn compile(&self, chain: &Chain) -> Result<Arc<dyn Kernel>, String>;
}

/// Compiled code of a chain.
pub trait Kernel: Send + Sync {
    /// A runner with scratch memory of its own, for one worker.
    fn instance(self: Arc<Self>) -> Box<dyn KernelInstance>;
}

/// One worker's kernel.
pub trait KernelInstance: Send {
    /// Runs the chain over a batch and appends the result. `Err(Replay)`: a record error is in this
    /// batch; `out` is as before, and the interpreter must run the batch to find it.
    fn run(&mut self, batch: &Batch, out: &mut Vec<Batch>) -> Result<(), Replay>;
}

/// The batch holds a record error.
#[derive(Clone, Copy, Debug)]
pub struct Replay;
