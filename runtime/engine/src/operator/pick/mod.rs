//! The best rows of each key: `top`, `bottom`, `latest`, `earliest`.
//!
//! How much is kept depends on who reads: only places, the rows of the lists, or (where withdrawals come
//! or go) all that may be given or withdrawn.

mod best;
mod frame;
mod latest;
mod lists;
mod sort;

use super::Operator;
use best::BestOperator;
use flow_plan::RecordType;
use flow_plan::operator::RunningTrigger;
use flow_plan::physical::Pick;
use frame::Frame;
use latest::LatestOperator;
use lists::Rule;
use sort::{By, Place, Values};
use std::sync::Arc;

/// The operator of a pick without a window.
pub(crate) fn running(pick: &Pick, input: &Arc<RecordType>, rank: usize) -> Box<dyn Operator> {
    let by = By::new(&pick.by, input);
    match by.words() {
        Some(1) => operator::<u64>(pick, input, rank, by),
        Some(2) => operator::<[u64; 2]>(pick, input, rank, by),
        _ => operator::<Values>(pick, input, rank, by),
    }
}

fn operator<P: Place + 'static>(
    pick: &Pick,
    input: &Arc<RecordType>,
    rank: usize,
    by: By,
) -> Box<dyn Operator> {
    let frame = Frame::new(pick, input, rank);
    let rule = rule(pick);
    match pick.trigger {
        RunningTrigger::EachRow if rule.n == 1 && !pick.ties && !pick.rank => {
            Box::new(LatestOperator::<P>::new(frame, by, pick.last_wins))
        }
        RunningTrigger::EachRow => Box::new(BestOperator::<P>::new(frame, by, rule, pick.rank, false)),
        _ => Box::new(BestOperator::<P>::new(frame, by, rule, pick.rank, true)),
    }
}

fn rule(pick: &Pick) -> Rule {
    let n = usize::try_from(pick.n).unwrap_or(usize::MAX).max(1);
    Rule { n, ties: pick.ties, last_wins: pick.last_wins }
}
