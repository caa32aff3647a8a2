//! A chain of stateless steps: its kernel where there is one, else, and for batches with a record
//! error, the reference evaluator.

use super::Operator;
use crate::connect::{Kernel, KernelInstance, Kernels, Replay};
use crate::context::{BadRow, Context, describe};
use crate::error::Halt;
use crate::ranked::with_ranks;
use crate::snapshot::{Loading, Saving};
use flow_data::{BATCH_ROWS, Batch};
use flow_env::Env;
use flow_plan::interpret::{StepError, run_chain};
use flow_plan::physical::{Chain, Step, StepKind};
use flow_plan::{Evaluator, RecordError, RecordType};
use std::sync::Arc;

/// A chain, ready to run on any worker.
pub(crate) struct CompiledChain {
    chain: Arc<Chain>,
    kernel: Option<Arc<dyn Kernel>>,
    /// Where the output's columns stand, if not in order.
    order: Option<Vec<usize>>,
    /// The declared columns of the input.
    input: Arc<RecordType>,
}

impl CompiledChain {
    /// Compiles a chain, with rank columns passed through.
    pub(crate) fn new(
        chain: &Chain,
        ranks: usize,
        kernels: Option<&dyn Kernels>,
    ) -> Result<CompiledChain, String> {
        let input = chain.input.clone();
        let (chain, order) = match ranks {
            0 => (chain.clone(), None),
            _ => {
                let (chain, order) = with_ranks(chain, ranks);
                let moved = order.iter().enumerate().any(|(i, &at)| i != at);
                (chain, moved.then_some(order))
            }
        };
        let kernel = kernels.map(|kernels| kernels.compile(&chain)).transpose()?;
        Ok(CompiledChain { chain: Arc::new(chain), kernel, order, input })
    }
}

/// A worker's instance of a chain.
pub(crate) struct ChainRun {
    chain: Arc<Chain>,
    kernel: Option<Box<dyn KernelInstance>>,
    order: Option<Vec<usize>>,
    evaluator: Evaluator,
}

impl ChainRun {
    pub(crate) fn new(compiled: &CompiledChain) -> ChainRun {
        ChainRun {
            chain: compiled.chain.clone(),
            kernel: compiled.kernel.clone().map(Kernel::instance),
            order: compiled.order.clone(),
            evaluator: Evaluator::default(),
        }
    }

    /// May a row become many?
    fn unfolds(&self) -> bool {
        self.chain.steps.iter().any(|step| matches!(step.kind, StepKind::FlatMap(_)))
    }

    /// Runs the steps over a batch. Rows that fail are left out and given to `failed`, in order.
    pub(crate) fn run(
        &mut self,
        env: &Env,
        batch: &Batch,
        out: &mut Vec<Batch>,
        failed: &mut dyn FnMut(usize, &Step, RecordError) -> Result<(), Halt>,
    ) -> Result<(), Halt> {
        let before = out.len();
        let compiled = match &mut self.kernel {
            Some(kernel) => kernel.run(batch, out),
            None => Err(Replay),
        };
        if let Err(Replay) = compiled {
            self.interpret(env, batch, out, failed)?;
        }
        if let Some(order) = &self.order {
            for made in &mut out[before..] {
                made.columns = order.iter().map(|&column| made.columns[column].clone()).collect();
            }
        }
        Ok(())
    }

    /// Runs the steps row by row; errors are handled where their row stood.
    fn interpret(
        &mut self,
        env: &Env,
        batch: &Batch,
        out: &mut Vec<Batch>,
        failed: &mut dyn FnMut(usize, &Step, RecordError) -> Result<(), Halt>,
    ) -> Result<(), Halt> {
        self.evaluator.set_now(env.clock.wall_micros());
        let mut rows = Vec::new();
        let mut of: Vec<u32> = Vec::new();
        let mut errors = Vec::new();
        for index in 0..batch.len {
            let row = batch.row(index, &self.chain.input);
            rows.extend(run_chain(&mut self.evaluator, &self.chain, row, &mut errors));
            of.resize(rows.len(), index as u32);
            for StepError { step, error } in errors.drain(..) {
                failed(index, &self.chain.steps[step], error)?;
            }
        }
        let schema = self.chain.steps.last().map_or(&self.chain.input, |step| &step.output);
        let origin = batch.origin.as_ref().filter(|_| !self.unfolds());
        for (rows, of) in rows.chunks(BATCH_ROWS).zip(of.chunks(BATCH_ROWS)) {
            let origin = origin.map(|origin| origin.gather(of));
            out.push(Batch { origin, ..Batch::from_rows(rows, schema) });
        }
        Ok(())
    }
}

pub(crate) struct ChainOperator {
    run: ChainRun,
    /// The declared columns of the input.
    input: Arc<RecordType>,
    made: Vec<Batch>,
    /// Where a row may become many: a batch that is not through.
    unfolding: Option<Unfolding>,
}

/// A batch of which each row may become many, which goes through piece by piece.
#[derive(Default)]
struct Unfolding {
    rest: Option<Batch>,
    /// The first of its rows that are still to come.
    from: usize,
    /// So many rows became of one in the last piece, on the average.
    each: Option<usize>,
}

/// About so many rows are made at once where a row may become many.
const PIECE: usize = 1 << 16;
/// So many rows go through first, when nobody knows yet how many they become.
const FIRST: usize = 16;

impl Unfolding {
    /// The next piece, if there is one.
    fn next(&mut self) -> Option<Batch> {
        let batch = self.rest.as_ref()?;
        let most = self.each.map_or(FIRST, |each| (PIECE / each.max(1)).max(1));
        let (from, len) = (self.from, batch.len);
        if len - from > most {
            self.from += most;
            return Some(batch.range(from..self.from));
        }
        let batch = self.rest.take()?;
        Some(if from == 0 { batch } else { batch.range(from..len) })
    }
}

impl ChainOperator {
    pub(crate) fn new(compiled: &CompiledChain) -> ChainOperator {
        let run = ChainRun::new(compiled);
        let unfolding = run.unfolds().then(Unfolding::default);
        ChainOperator { run, input: compiled.input.clone(), made: Vec::new(), unfolding }
    }

    /// Lets rows through; gives how many they became.
    fn pass(&mut self, cx: &mut Context<'_>, batch: &Batch) -> Result<usize, Halt> {
        let shared = cx.shared;
        let input = &self.input;
        self.run.run(&shared.env, batch, &mut self.made, &mut |row, step, error| {
            cx.record_error(bad_row(batch, row, input, step, error))
        })?;
        let made = self.made.iter().map(|made| made.len).sum();
        self.made.drain(..).for_each(|made| cx.emit(made));
        Ok(made)
    }
}

/// What is known about a row that a step of a chain refuses.
pub(crate) fn bad_row(
    batch: &Batch,
    row: usize,
    schema: &RecordType,
    step: &Step,
    error: RecordError,
) -> BadRow {
    let (record, position) = describe(batch, row, schema);
    BadRow {
        declaration: step.declaration,
        label: step.label.clone(),
        place: error.place,
        code: error.code.as_str().into(),
        message: error.message,
        record,
        position,
    }
}

impl Operator for ChainOperator {
    fn push(&mut self, cx: &mut Context<'_>, _input: usize, batch: Batch) -> Result<(), Halt> {
        match &mut self.unfolding {
            None => self.pass(cx, &batch).map(drop),
            Some(unfolding) => {
                (unfolding.rest, unfolding.from) = (Some(batch), 0);
                self.resume(cx).map(drop)
            }
        }
    }

    fn unfinished(&self) -> bool {
        self.unfolding.as_ref().is_some_and(|unfolding| unfolding.rest.is_some())
    }

    fn resume(&mut self, cx: &mut Context<'_>) -> Result<bool, Halt> {
        let Some(piece) = self.unfolding.as_mut().and_then(Unfolding::next) else { return Ok(false) };
        let made = self.pass(cx, &piece)?;
        if let Some(unfolding) = &mut self.unfolding {
            unfolding.each = made.checked_div(piece.len);
        }
        Ok(self.unfinished())
    }

    fn save(&mut self, _out: &mut Saving) {
        // A chain has no state.
    }

    fn load(&mut self, _cx: &mut Context<'_>, _from: &mut Loading) -> Result<(), String> {
        Ok(())
    }
}
