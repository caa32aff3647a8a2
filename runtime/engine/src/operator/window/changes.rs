//! What windows write down at a barrier: all groups, or those that changed since the last one and the keys of those that
//! are gone. Knows panes and their bounds; never knows when windows end.

use super::births::Written;
use super::pane::Pane;
use super::windows::Common;
use crate::snapshot::Saving;
use flow_data::Batch;

/// The bounds of a window or slice, and what else stands beside each of its groups: names and values. Those that are part
/// of an entry's key come first.
pub(super) type Bounds = Vec<(&'static str, i64)>;

/// What windows have lost since the last checkpoint.
#[derive(Default)]
pub(super) struct Changes {
    gone: Vec<Batch>,
}

impl Changes {
    /// A pane goes. These are its bounds.
    pub(super) fn forget(&mut self, pane: &Pane, bounds: &[i64]) {
        let keys = pane.keys_written(bounds);
        if keys.len > 0 {
            self.gone.push(keys);
        }
    }

    /// Writes down panes, each with its bounds, as a table; `columns` names the bounds, of which so many are part of the key.
    /// Is all of it to be written, whatever changed?
    pub(super) fn save<'a>(
        &mut self,
        common: &Common,
        out: &mut Saving,
        (name, columns, key): (&str, Bounds, usize),
        all: bool,
        panes: impl Iterator<Item = (Bounds, &'a mut Pane)>,
    ) {
        let (shape, panes) = (&common.shape, panes.collect::<Vec<_>>());
        let gone = std::mem::take(&mut self.gone);
        let groups: usize = panes.iter().map(|(_, pane)| pane.len()).sum();
        let changed = panes.iter().map(|(_, pane)| pane.changed().count()).sum::<usize>();
        let changed = changed + gone.iter().map(|keys| keys.len).sum::<usize>();
        // Where much has changed, all of it is about as much, and means something by itself.
        let whole = all || out.whole() || !common.tracks || changed * 2 > groups;
        let mut births = Written::new(common.output.rank);
        let mut saved = Pane::new(shape, &common.output).save(shape, &columns, &[], &mut births);
        for (bounds, pane) in panes {
            let slots: Vec<u32> =
                if whole { (0..pane.len() as u32).collect() } else { pane.changed().collect() };
            if !slots.is_empty() {
                saved.append(pane.save(shape, &bounds, &slots, &mut births));
            }
            if common.tracks {
                pane.is_written();
            }
        }
        let (home, keys, saved) = (shape.home(), shape.keys.len() + key, births.finish(saved));
        match whole {
            true => out.table(name, home, keys, saved),
            false => out.changes(name, home, keys, saved, gone),
        }
    }
}
