//! A window of a join that has ended: its pairs, in the order of the left rows and then of the right ones,
//! piece by piece.

use super::probe::Pairs;
use super::stream::Core;
use crate::context::Context;
use crate::error::Halt;
use flow_data::{BATCH_ROWS, NO_ROW};
use flow_plan::operator::JoinKind;

pub(crate) struct Firing {
    /// Where it stands among other windows.
    order: i64,
    /// Its left rows, as they came.
    pub(crate) left: Vec<u32>,
    /// The left row at which it stands, and where in the row's partners, if it began with them.
    at: usize,
    cursor: Option<u32>,
    /// Has this left row a partner?
    met: bool,
}

/// The partner of a left row (by its place in the window) from a place on, and the place behind it.
pub(crate) type Partner<'a> = dyn Fn(&Core, usize, Option<u32>) -> Option<(u32, u32)> + 'a;

impl Firing {
    pub(crate) fn new(order: i64, left: Vec<u32>) -> Firing {
        Firing { order, left, at: 0, cursor: None, met: false }
    }

    /// Gives a piece; `left` are its left rows, which the caller holds meanwhile. Gives whether that was all.
    pub(crate) fn piece(
        &mut self,
        core: &mut Core,
        cx: &mut Context<'_>,
        kind: JoinKind,
        left: &[u32],
        partner: &Partner<'_>,
    ) -> Result<bool, Halt> {
        let begun = self.at;
        let once = matches!(kind, JoinKind::Semi | JoinKind::Anti) && core.condition.is_none();
        let mut pairs = Pairs::default();
        self.candidates(core, once, left, partner, &mut pairs);
        if let Some(holds) = core.meet_kept(cx, &pairs.rows, &pairs.kept)? {
            pairs.keep(&holds);
        }
        let given = self.given(kind, begun, left, &pairs);
        core.give_kept(cx, &given.rows, &given.kept, &vec![self.order; given.rows.len()]);
        Ok(self.at == left.len())
    }

    /// More pairs of rows of the window.
    fn candidates(
        &mut self,
        core: &Core,
        once: bool,
        left: &[u32],
        partner: &Partner<'_>,
        pairs: &mut Pairs,
    ) {
        let first = self.at;
        while self.at < left.len() && self.at - first < BATCH_ROWS {
            while let Some((right, behind)) = partner(core, self.at, self.cursor) {
                self.cursor = Some(behind);
                pairs.push(left[self.at], right);
                if once {
                    break;
                }
                if pairs.rows.len() >= BATCH_ROWS {
                    return;
                }
            }
            self.cursor = None;
            self.at += 1;
        }
    }

    /// What the pairs give, from a left row on.
    fn given(&mut self, kind: JoinKind, begun: usize, rows: &[u32], pairs: &Pairs) -> Pairs {
        let mut given = Pairs::default();
        let mut pair = 0;
        for at in begun..=self.at {
            let Some(&left) = rows.get(at) else { break };
            while pairs.rows.get(pair) == Some(&left) {
                let first = !std::mem::replace(&mut self.met, true);
                match kind {
                    JoinKind::Inner | JoinKind::Left => given.push(left, pairs.kept[pair]),
                    JoinKind::Semi if first => given.push(left, NO_ROW),
                    _ => {}
                }
                pair += 1;
            }
            if at < self.at {
                // It has all its partners.
                if !self.met && matches!(kind, JoinKind::Left | JoinKind::Anti) {
                    given.push(left, NO_ROW);
                }
                self.met = false;
            }
        }
        given
    }
}

/// Within what a timestamp can hold.
pub(crate) fn clamp(end: i128) -> i64 {
    end.clamp(i64::MIN.into(), i64::MAX.into()) as i64
}
