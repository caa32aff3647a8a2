//! Joins: which rows of two sides meet, and what is given for them.

mod asof;
mod book;
mod condition;
mod due;
mod fire;
mod fresh;
mod interval;
mod kept;
mod lined;
mod lookup;
mod moment;
mod output;
mod probe;
mod recent;
mod saved;
mod sessions;
mod spilled;
mod stream;
mod table;
mod updating;
mod waiting;
mod windowed;
mod withdrawn;

pub(crate) use condition::narrowed;
pub(crate) use lookup::{LookupOperator, TableOperator};
pub(crate) use table::Table;

use crate::operator::{CompiledChain, Operator};
use crate::shared::Shared;
use crate::state::{ColdError, Spill};
use flow_plan::operator::{Window, WindowKind};
use flow_plan::physical::{StreamBound, StreamJoin};
use spilled::Spilled;
use std::sync::Arc;

/// One worker's shard of a join of streams. Where does it put keys that memory has no room for?
pub(crate) fn stream_join(
    shared: &Shared,
    node: usize,
    join: &StreamJoin,
    condition: Option<&CompiledChain>,
    spill: Option<&Arc<Spill>>,
) -> Result<Box<dyn Operator>, ColdError> {
    let mut core = stream::Core::new(shared, node, join, condition);
    let sessions = |window: &Window| matches!(window.kind, WindowKind::Session { .. });
    let beside = matches!(&join.bound, StreamBound::Window(window) if sessions(window));
    core.spilled = spill.map(|spill| Spilled::new(spill, beside)).transpose()?;
    let mut by_clock = false;
    let updating = |keep| Box::new(updating::Updating::new(join.kind, keep, join.changes));
    let bound: Box<dyn stream::Bound> = match &join.bound {
        StreamBound::Interval { lo, hi } => {
            let near = interval::Near { lo: *lo, hi: *hi };
            match join.left.hidden.change.or(join.right.hidden.change) {
                None => {
                    let graph = &shared.graph.nodes;
                    let declared =
                        [0, 1].map(|side| graph[graph[node].inputs[side].node].output.fields.len());
                    let placed = shared.layout.nodes[node].reads_places;
                    let fresh = placed.then(|| fresh::Fresh::new(declared));
                    Box::new(interval::Interval::new(join.kind, near, fresh, &mut core))
                }
                Some(_) => updating(updating::Keep::Near(near)),
            }
        }
        StreamBound::Regular { ttl } => updating(ttl.map_or(updating::Keep::Ever, updating::Keep::Used)),
        StreamBound::AsOf => {
            Box::new(asof::AsOf::new(join.kind, join.left.hidden.change, join.changes, &mut core))
        }
        StreamBound::Window(Window { kind: WindowKind::Session { gap }, processing_time, .. }) => {
            by_clock = *processing_time;
            Box::new(sessions::Sessions::new(join.kind, *gap, by_clock, shared.tracks))
        }
        StreamBound::Window(window) => {
            by_clock = window.processing_time;
            match windowed::Windowed::new(join.kind, &window.kind, by_clock, &mut core) {
                Some(windowed) => Box::new(windowed),
                None => unreachable!("the checker refuses joins in other windows: {:?}", window.kind),
            }
        }
    };
    Ok(Box::new(stream::JoinOperator::new(shared, node, core, bound, by_clock)))
}
