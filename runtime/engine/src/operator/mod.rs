//! Operators: what a worker does with the batches of its shard of a node.

pub(crate) mod aggregate;
mod births;
mod chain;
mod distinct;
mod errors;
mod event_time;
mod join;
mod limit;
mod origins;
mod pass;
pub(crate) mod pick;
mod place;
mod sample;
mod scan;
mod sink;
mod tap;
mod union;
mod waiting;
mod window;

pub(crate) use chain::{ChainOperator, ChainRun, CompiledChain, bad_row};
pub(crate) use distinct::DistinctOperator;
pub(crate) use errors::ErrorsOperator;
pub(crate) use event_time::EventTimeOperator;
pub(crate) use join::{LookupOperator, Table, TableOperator, narrowed, stream_join};
pub(crate) use limit::LimitOperator;
pub(crate) use pass::PassOperator;
pub(crate) use place::PlaceOperator;
pub(crate) use sample::SampleOperator;
pub(crate) use scan::ScanOperator;
pub(crate) use sink::SinkOperator;
pub(crate) use tap::TapOperator;
pub(crate) use union::UnionOperator;
pub(crate) use window::{PartsOperator, RowsOperator, WindowOperator};

use crate::context::Context;
use crate::error::{ErrorKind, Halt};
use crate::number::Number;
use crate::sink::Sealing;
use crate::snapshot::{Loading, Saving};
use crate::state::{ColdError, Held};
use flow_data::Batch;
use flow_env::Deadline;

/// A worker's shard of a node. Rows come in the order of the sequence.
pub(crate) trait Operator: Send {
    /// Takes rows of number `cx.number`.
    fn push(&mut self, cx: &mut Context<'_>, input: usize, batch: Batch) -> Result<(), Halt>;

    /// All numbers below `to` are complete on all inputs. Only operators that hold rows back until
    /// a number is complete need it.
    fn advance(&mut self, _cx: &mut Context<'_>, _to: Number) -> Result<(), Halt> {
        Ok(())
    }

    /// Goes on with what was left undone by [`Operator::advance`] (or what [`Operator::unfinished`] says), so that what it gave went its way first;
    /// gives whether there is more to do.
    fn resume(&mut self, _cx: &mut Context<'_>) -> Result<bool, Halt> {
        Ok(false)
    }

    /// Has [`Operator::push`] or [`Operator::tick`] left something undone? Then nothing comes before [`Operator::resume`] has
    /// done it.
    fn unfinished(&self) -> bool {
        false
    }

    /// The inputs have ended (and not because the user stopped the job): gives a piece of what is
    /// still held, under numbers of `cx.level`, until there is nothing more.
    fn flush(&mut self, _cx: &mut Context<'_>) -> Result<Flush, Halt> {
        Ok(Flush::Done)
    }

    /// When [`Operator::tick`] wants to be called.
    fn deadline(&self) -> Option<Deadline> {
        None
    }

    /// The same, if it would give something then, as things stand. Who drives virtual time leaps over the others.
    fn waits(&self) -> Option<Deadline> {
        self.deadline()
    }

    /// The deadline has passed; rows go out under `cx.number`.
    fn tick(&mut self, _cx: &mut Context<'_>) -> Result<(), Halt> {
        Ok(())
    }

    /// The worker has nothing to do for the moment.
    fn idle(&mut self, _cx: &mut Context<'_>) -> Result<(), Halt> {
        Ok(())
    }

    /// Writes down all it holds. Everything below a barrier is through, and nothing behind it has come: what is
    /// only held within a number need not be written. There is no default: no operator can forget its state.
    fn save(&mut self, out: &mut Saving);

    /// Goes on writing down what [`Operator::save`] only marked, about so many entries of it, as they were at the barrier:
    /// rows from behind it may have come since. Called until it gives `false`, once for each table that was begun: that one
    /// is complete. An error says why that cannot be: the job must not go on without it.
    /// Does not wait: what was not asked for when the next barrier comes is not needed any more.
    fn save_more(&mut self, _out: &mut Saving, _entries: usize) -> Result<bool, String> {
        Ok(false)
    }

    /// Takes over what was saved, before anything else happens; `cx.number` is the barrier. An error says what
    /// does not fit, as the end of a sentence about this operator.
    fn load(&mut self, cx: &mut Context<'_>, from: &mut Loading) -> Result<(), String>;

    /// All that was saved is here, and nothing else, on the same worker as when it was saved: what changes from here on may be
    /// all that the next checkpoint gets. An operator that does not note it writes down everything.
    fn follow(&mut self) {}

    /// How much state it holds: asked for often, so it must be cheap.
    fn held(&self) -> Held {
        Held::default()
    }

    /// What it wrote so far is its share of an epoch. Only sinks have one.
    fn seal(&mut self, _cx: &mut Context<'_>) -> Result<Option<Box<dyn Sealing>>, Halt> {
        Ok(None)
    }

    /// Everything is through.
    fn finish(&mut self, _cx: &mut Context<'_>) -> Result<(), Halt> {
        Ok(())
    }
}

/// State on disk cannot be had: the job fails.
pub(crate) fn on_disk(cx: &Context<'_>, error: &ColdError) -> Halt {
    let failed = cx.shared.node_error(cx.node, cx.number, ErrorKind::Disk, error.to_string());
    cx.shared.fail(failed.again(error.again()));
    Halt
}

/// What a flush left behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flush {
    /// More, all of it at this number or behind it.
    More(Number),
    /// Nothing.
    Done,
}
