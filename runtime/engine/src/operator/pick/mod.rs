//! The best rows of each key: `top`, `bottom`, `latest`, `earliest`.
//!
//! How much is kept depends on who reads: only places, the rows of the lists, or (where withdrawals come
//! or go) all that may be given or withdrawn.

mod best;
mod contents;
mod frame;
mod kept;
mod latest;
mod lists;
mod sort;
mod updating;

pub(crate) use kept::Keeps;

use super::Operator;
use crate::beat::Beat;
use crate::state::{Cold, ColdError, Ledger};
use best::BestOperator;
use flow_plan::RecordType;
use flow_plan::operator::RunningTrigger;
use flow_plan::physical::Pick;
use frame::Frame;
use latest::LatestOperator;
use lists::Rule;
use sort::{By, Place, Values};
use std::sync::Arc;
use updating::{Gives, UpdatingOperator};

/// The operator of a pick without a window. Does it note what changes between checkpoints? Where does it put what memory has no
/// room for?
pub(crate) fn running(
    pick: &Pick,
    input: &Arc<RecordType>,
    rank: usize,
    beat: &Beat,
    tracks: bool,
    cold: Option<Cold>,
) -> Result<Box<dyn Operator>, ColdError> {
    let by = By::new(&pick.by, input);
    match by.words() {
        Some(1) => operator::<u64>(pick, input, rank, by, beat, tracks, cold),
        Some(2) => operator::<[u64; 2]>(pick, input, rank, by, beat, tracks, cold),
        _ => operator::<Values>(pick, input, rank, by, beat, tracks, cold),
    }
}

fn operator<P: Place + 'static>(
    pick: &Pick,
    input: &Arc<RecordType>,
    rank: usize,
    by: By,
    beat: &Beat,
    tracks: bool,
    cold: Option<Cold>,
) -> Result<Box<dyn Operator>, ColdError> {
    let frame = Frame::new(pick, input, rank);
    let rule = rule(pick);
    let updating = pick.changes || pick.hidden.change.is_some();
    let ledger = |cold| Ledger::new(tracks, cold);
    Ok(match pick.trigger {
        _ if pick.keeps_places() => {
            Box::new(LatestOperator::<P>::new(frame, by, pick.last_wins, ledger(cold)))
        }
        RunningTrigger::EachRow if !updating && !pick.discarding => {
            Box::new(BestOperator::<P>::new(frame, by, rule, pick.rank, false, ledger(cold)))
        }
        RunningTrigger::AtEnd if !updating => {
            Box::new(BestOperator::<P>::new(frame, by, rule, pick.rank, true, ledger(cold)))
        }
        _ => {
            let trigger = pick.trigger.clone();
            let Pick { rank, changes, discarding, .. } = *pick;
            let gives = Gives { rank, changes, discarding, own_time: false, trigger };
            Box::new(UpdatingOperator::<P>::new(frame, by, rule, gives, beat, tracks, cold)?)
        }
    })
}

/// The first row of each value, over a changelog: another one follows if it is withdrawn.
pub(crate) fn distinct(
    columns: &[usize],
    input: &Arc<RecordType>,
    rank: usize,
    beat: &Beat,
    tracks: bool,
    cold: Option<Cold>,
) -> Result<Box<dyn Operator>, ColdError> {
    let frame = Frame::distinct(columns, input, rank);
    let rule = Rule { n: 1, ties: false, last_wins: false };
    let trigger = RunningTrigger::EachRow;
    let gives = Gives { rank: false, changes: true, discarding: false, own_time: true, trigger };
    let by = By::new(&[], input);
    Ok(Box::new(UpdatingOperator::<()>::new(frame, by, rule, gives, beat, tracks, cold)?))
}

fn rule(pick: &Pick) -> Rule {
    let n = usize::try_from(pick.n).unwrap_or(usize::MAX).max(1);
    Rule { n, ties: pick.ties, last_wins: pick.last_wins }
}
