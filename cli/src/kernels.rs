//! Joins code generator and engine: the engine asks for kernels without knowing who makes them.

use flow_codegen::{CompiledChain, Instance, Outcome};
use flow_data::Batch;
use flow_engine::connect::{Kernel, KernelInstance, Kernels, Replay};
use flow_env::{Clock, Env};
use flow_plan::physical::Chain;
use std::sync::Arc;

/// Native code for every chain.
pub struct NativeKernels {
    clock: Arc<dyn Clock>,
}

impl NativeKernels {
    /// Compiles for this machine.
    pub fn new(env: &Env) -> NativeKernels {
        NativeKernels { clock: env.clock.clone() }
    }
}

impl Kernels for NativeKernels {
    fn compile(&self, chain: &Chain) -> Result<Arc<dyn Kernel>, String> {
        let compiled = flow_codegen::compile(chain).map_err(|e| e.to_string())?;
        Ok(Arc::new(NativeKernel { chain: compiled, clock: self.clock.clone() }))
    }
}

struct NativeKernel {
    chain: Arc<CompiledChain>,
    clock: Arc<dyn Clock>,
}

impl Kernel for NativeKernel {
    fn instance(self: Arc<Self>) -> Box<dyn KernelInstance> {
        Box::new(NativeInstance { instance: Instance::new(self.chain.clone()), clock: self.clock.clone() })
    }
}

struct NativeInstance {
    instance: Instance,
    clock: Arc<dyn Clock>,
}

impl KernelInstance for NativeInstance {
    fn run(&mut self, batch: &Batch, out: &mut Vec<Batch>) -> Result<(), Replay> {
        self.instance.set_now(self.clock.wall_micros());
        match self.instance.run(batch, out) {
            Outcome::Done => Ok(()),
            Outcome::RecordError => Err(Replay),
        }
    }
}
