//! Panes that a book is kept of, as a table: what windows that are given once write down, at a barrier and behind it.

use super::births::Written;
use super::book::{Book, Booked, Bounds};
use super::divide::Rows;
use super::pane::Pane;
use super::windows::Common;
use crate::snapshot::Saving;
use crate::state::Held;
use flow_data::Batch;
use std::collections::BTreeMap;

/// What the table is: its name, what stands beside the groups of a window, and how much of that is part of an entry's key.
pub(super) struct Described {
    pub(super) name: &'static str,
    pub(super) columns: Bounds,
    pub(super) key: usize,
}

/// A pane is about to get these rows of a batch; `bounds` stands beside its groups.
pub(super) fn ahead<K: Ord + Copy>(
    book: &mut Book<K, Pane>,
    common: &Common,
    (key, pane): (K, &mut Pane),
    (batch, rows): (&Batch, &Rows),
    bounds: impl Fn() -> Bounds,
) {
    book.touch(key, pane);
    if !pane.is_marked() {
        return;
    }
    let slots = match rows {
        Rows::All => pane.ahead(&common.shape, batch),
        Rows::These(rows) => pane.ahead(&common.shape, &batch.gather(rows)),
    };
    if !slots.is_empty() {
        let mut births = Written::new(common.output.rank);
        let copy = pane.save(&common.shape, &bounds(), &slots, &mut births);
        book.ahead(0, births.finish(copy));
    }
}

/// A barrier. Is all of it to be written, whatever changed?
pub(super) fn mark<K: Ord + Copy>(
    book: &mut Book<K, Pane>,
    common: &Common,
    out: &mut Saving,
    described: &Described,
    open: &BTreeMap<K, Pane>,
    all: bool,
) {
    let shape = &common.shape;
    let gone = book.mark(open, all || out.whole(), common.tracks);
    let mut births = Written::new(common.output.rank);
    let none = Pane::new(shape, &common.output).save(shape, &described.columns, &[], &mut births);
    let gone = gone.map(|gone| gone.into_iter().flatten().collect());
    out.begin_changes(
        described.name,
        shape.home(),
        shape.keys.len() + described.key,
        births.finish(none),
        gone,
    );
}

/// Writes down about so many of the entries that were marked; gives whether there are more.
pub(super) fn save_more<K: Ord + Copy>(
    book: &mut Book<K, Pane>,
    common: &Common,
    out: &mut Saving,
    entries: usize,
    open: &mut BTreeMap<K, Pane>,
    bounds: impl Fn(K) -> Bounds,
) -> bool {
    book.copied_ahead().into_iter().for_each(|copy| out.more(copy));
    let (mut copied, mut births) = (None, Written::new(common.output.rank));
    let complete = book.copy(open, entries, |_, key, pane, most| {
        let slots = pane.next(most);
        if !slots.is_empty() {
            let copy = pane.save(&common.shape, &bounds(key), &slots, &mut births);
            copy.append_to(&mut copied);
        }
        slots.len()
    });
    if let Some(copied) = copied {
        out.more(births.finish(copied));
    }
    !complete
}

/// How much state they are.
pub(super) fn held<K: Ord + Copy>(book: &Book<K, Pane>, open: &BTreeMap<K, Pane>) -> Held {
    open.values().chain(book.set_aside()).fold(Held::default(), |all, pane| all + pane.held())
}
