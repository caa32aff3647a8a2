//! A chain of stateless steps: its kernel where there is one, else, and for batches with a record
//! error, the reference evaluator.

use super::Operator;
use crate::connect::{Kernel, KernelInstance, Kernels, Replay};
use crate::context::{BadRow, Context, describe};
use crate::error::Halt;
use crate::ranked::with_ranks;
use flow_data::Batch;
use flow_env::Env;
use flow_plan::physical::{Chain, StepKind};
use flow_plan::{Evaluator, RecordError, Value};
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
            let made = run(&chain, &mut self.evaluator, batch.row(index, &chain.input), &mut failed);
            rows.extend(made);
            for (step, error) in failed {
                self.failed(cx, batch, index, step, error)?;
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
        step: usize,
        error: RecordError,
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

/// The rows a chain makes of one row; rows with an error are left out and noted with their step.
fn run(
    chain: &Chain,
    evaluator: &mut Evaluator,
    row: Vec<Value>,
    failed: &mut Vec<(usize, RecordError)>,
) -> Vec<Vec<Value>> {
    let mut rows = vec![row];
    for (index, step) in chain.steps.iter().enumerate() {
        let mut next = Vec::with_capacity(rows.len());
        for mut row in rows {
            let result = match &step.kind {
                StepKind::Map(exprs) => exprs
                    .iter()
                    .map(|expr| evaluator.eval(expr, &row))
                    .collect::<Result<Vec<_>, _>>()
                    .map(|made| next.push(made)),
                StepKind::Filter(cond) => evaluator.test(cond, &row).map(|keep| {
                    if keep {
                        next.push(row);
                    }
                }),
                StepKind::FlatMap(list) => evaluator.eval(list, &row).map(|list| {
                    if let Value::List(items) = list {
                        for item in items.iter() {
                            row.push(item.clone());
                            next.push(row.clone());
                            row.pop();
                        }
                    }
                }),
            };
            if let Err(error) = result {
                failed.push((index, error));
            }
        }
        rows = next;
    }
    rows
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
