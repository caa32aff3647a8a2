//! What a state keeps beside aggregates: rows that were chosen, values, the sides of a join, a state of the script's own.

use super::Effect;
use super::compare::{Findings, short};
use super::groups::{Added, groups};
use super::rows::{chosen, picked, rows};
use super::shape::{Held, HeldFold, HeldRows, HeldSides};
use flow_plan::DataType;
use flow_plan::operator::JoinBound;

/// Compares what two states keep.
pub(super) fn held(all: &mut Findings, old: &Held, new: &Held, added: &Added<'_>) {
    match (old, new) {
        (Held::Groups(a), Held::Groups(b)) => groups(all, a, b, added),
        (Held::Rows(a), Held::Rows(b)) => chosen_rows(all, a, b),
        (Held::Values { within }, Held::Values { within: new_within }) => {
            if within != new_within {
                let message = "values are forgotten after another time".to_string();
                all.push(Effect::Restores, false, message);
            }
        }
        (Held::Sides(a), Held::Sides(b)) => sides(all, a, b),
        (Held::Fold(a), Held::Fold(b)) => fold(all, a, b),
        _ => {
            all.push(Effect::Incompatible, false, "what it keeps is of another kind".to_string());
        }
    }
}

fn chosen_rows(all: &mut Findings, old: &HeldRows, new: &HeldRows) {
    if new.ties && !old.ties {
        let message = "rows that equal the last one are kept, too; those that came before are gone";
        all.push(Effect::Restores, false, message.to_string());
    }
    if all.differs((&old.by, &old.by_made), (&new.by, &new.by_made)) {
        let (now, before) = (short(&new.by), short(&old.by));
        let message =
            format!("rows are chosen by `{now}` now; those that are held were chosen by `{before}`");
        all.push(Effect::Restores, true, message);
    }
    chosen(all, &old.computed, &new.computed, &new.by);
    let kept = rows_are(new.n);
    if new.n > old.n {
        let message = format!("{kept} kept now; of those that came before, only {} there", are(old.n));
        all.push(Effect::Restores, false, message);
    }
    if new.n < old.n {
        let message = format!("only {kept} kept now; of the {} that are there, the best", old.n);
        all.push(Effect::Restores, false, message).loses = true;
    }
    picked(all, (old.whole, &old.row), (new.whole, &new.row));
}

fn are(n: u64) -> String {
    if n == 1 { "1 is".into() } else { format!("{n} are") }
}

fn rows_are(n: u64) -> String {
    if n == 1 { "1 row is".into() } else { format!("{n} rows are") }
}

fn sides(all: &mut Findings, old: &HeldSides, new: &HeldSides) {
    if old.kind != new.kind {
        all.push(Effect::Incompatible, false, "the kind of join changed".to_string());
    }
    bounds(all, &old.bound, &new.bound);
    if all.differs((&old.rest, &old.rest_made), (&new.rest, &new.rest_made)) {
        all.push(Effect::Restores, true, "the further condition of the join changed".to_string());
    }
    rows(all, "the left rows it holds", &old.left, &new.left);
    rows(all, "the right rows it holds", &old.right, &new.right);
}

fn fold(all: &mut Findings, old: &HeldFold, new: &HeldFold) {
    let effect = match widening(&old.ty, &new.ty) {
        Widening::Same => None,
        Widening::Wider => Some(Effect::Migrates),
        Widening::Other => Some(Effect::Incompatible),
    };
    if let Some(effect) = effect {
        all.push(effect, false, format!("the state changed its type from `{}` to `{}`", old.ty, new.ty));
    }
    if old.init != new.init {
        let message = "where the state begins changed: keys that are there began at the old place";
        all.push(Effect::Restores, false, message.to_string());
    }
    if all.differs((&old.text, &old.made), (&new.text, &new.made)) {
        all.push(Effect::Restores, true, "how the state goes on changed".to_string());
    }
}

fn bounds(all: &mut Findings, old: &JoinBound, new: &JoinBound) {
    match (old, new) {
        (JoinBound::Interval { lo, hi }, JoinBound::Interval { lo: new_lo, hi: new_hi }) => {
            if new_lo < lo || new_hi > hi {
                let message =
                    "the interval is wider: rows that only the wider one needs are gone already".to_string();
                all.push(Effect::Restores, true, message);
            } else if (new_lo, new_hi) != (lo, hi) {
                all.push(Effect::Restores, false, "the interval is narrower".to_string());
            }
        }
        (JoinBound::Regular { ttl: a }, JoinBound::Regular { ttl: b }) => {
            if a != b {
                let message = "rows are kept for another time; it holds for those that are there".to_string();
                all.push(Effect::Restores, false, message);
            }
        }
        // Windows are compared as windows.
        (a, b) if std::mem::discriminant(a) == std::mem::discriminant(b) => {}
        _ => {
            all.push(Effect::Incompatible, false, "what bounds the join changed".to_string());
        }
    }
}

pub(super) enum Widening {
    Same,
    Wider,
    Other,
}

/// `int` may become `float`, and `T` may become `T?`.
pub(super) fn widening(old: &DataType, new: &DataType) -> Widening {
    if old == new {
        return Widening::Same;
    }
    if old.is_optional() && !new.is_optional() {
        return Widening::Other;
    }
    match (old.unwrapped(), new.unwrapped()) {
        (a, b) if a == b => Widening::Wider,
        (DataType::Int, DataType::Float) => Widening::Wider,
        _ => Widening::Other,
    }
}
