//! A chain of stateless steps: its kernel where there is one, else, and for batches with a record
//! error, the reference evaluator.

use super::Operator;
use crate::connect::{Kernel, KernelInstance, Kernels, Replay};
use crate::context::{BadRow, Context, describe};
use crate::error::Halt;
use crate::ranked::with_ranks;
use flow_data::Batch;
use flow_env::Env;
use flow_plan::Evaluator;
use flow_plan::interpret::{StepError, run_chain};
use flow_plan::physical::Chain;
use std::sync::Arc;

/// A chain, ready to run on any worker.
pub(crate) struct CompiledChain {
    chain: Arc<Chain>,
    kernel: Option<Arc<dyn Kernel>>,
    /// Where the output's columns stand, if not in order.
    order: Option<Vec<usize>>,
    /// Declared columns of the input.
    declared: usize,
}

impl CompiledChain {
    /// Compiles a chain, with rank columns passed through.
    pub(crate) fn new(
        chain: &Chain,
        ranks: usize,
        kernels: Option<&dyn Kernels>,
    ) -> Result<CompiledChain, String> {
        let declared = chain.input.fields.len();
        let (chain, order) = match ranks {
            0 => (chain.clone(), None),
            _ => {
                let (chain, order) = with_ranks(chain, ranks);
                let moved = order.iter().enumerate().any(|(i, &at)| i != at);
                (chain, moved.then_some(order))
            }
        };
        let kernel = kernels.map(|kernels| kernels.compile(&chain)).transpose()?;
        Ok(CompiledChain { chain: Arc::new(chain), kernel, order, declared })
    }
}

pub(crate) struct ChainOperator {
    chain: Arc<Chain>,
    kernel: Option<Box<dyn KernelInstance>>,
    order: Option<Vec<usize>>,
    declared: usize,
    evaluator: Evaluator,
    made: Vec<Batch>,
}

impl ChainOperator {
    pub(crate) fn new(compiled: &CompiledChain, env: &Env) -> ChainOperator {
        ChainOperator {
            chain: compiled.chain.clone(),
            kernel: compiled.kernel.clone().map(Kernel::instance),
            order: compiled.order.clone(),
            declared: compiled.declared,
            evaluator: Evaluator::new(env.clock.wall_micros()),
            made: Vec::new(),
        }
    }

    /// Runs the steps row by row; errors are handled where their row stood.
    fn interpret(&mut self, cx: &mut Context<'_>, batch: &Batch) -> Result<(), Halt> {
        let chain = self.chain.clone();
        self.evaluator.set_now(cx.shared.env.clock.wall_micros());
        let mut rows = Vec::new();
        for index in 0..batch.len {
            let mut failed = Vec::new();
            let row = batch.row(index, &chain.input);
            rows.extend(run_chain(&mut self.evaluator, &chain, row, &mut failed));
            for error in failed {
                self.failed(cx, batch, index, error)?;
            }
        }
        let schema = chain.steps.last().map_or(&chain.input, |step| &step.output);
        for rows in rows.chunks(flow_data::BATCH_ROWS) {
            self.made.push(Batch::from_rows(rows, schema));
        }
        Ok(())
    }

    fn failed(
        &self,
        cx: &mut Context<'_>,
        batch: &Batch,
        row: usize,
        StepError { step, error }: StepError,
    ) -> Result<(), Halt> {
        let step = &self.chain.steps[step];
        let mut schema = self.chain.input.as_ref().clone();
        schema.fields.truncate(self.declared);
        let (record, position) = describe(batch, row, &schema);
        cx.record_error(BadRow {
            declaration: step.declaration,
            label: step.label.clone(),
            place: error.place,
            code: error.code.as_str().into(),
            message: error.message,
            record,
            position,
        })
    }
}

impl Operator for ChainOperator {
    fn push(&mut self, cx: &mut Context<'_>, _input: usize, batch: Batch) -> Result<(), Halt> {
        let compiled = match &mut self.kernel {
            Some(kernel) => kernel.run(&batch, &mut self.made),
            None => Err(Replay),
        };
        if let Err(Replay) = compiled {
            self.interpret(cx, &batch)?;
        }
        for mut made in self.made.drain(..) {
            if let Some(order) = &self.order {
                made.columns = order.iter().map(|&column| made.columns[column].clone()).collect();
            }
            cx.emit(made);
        }
        Ok(())
    }
}
