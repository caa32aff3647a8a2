//! Interval and regular joins: a pair is given when its later row comes.

use super::{Joining, Output, change_of, key_of, of_number, own_of, time_of};
use crate::interpret::sequence::{Item, Row, Stream};
use crate::operator::JoinKind;
use crate::physical::hidden::{NO_WATERMARK, last_watermark};
use crate::physical::number::{Number, at_end_of_time};
use crate::physical::{JoinSide, StreamBound};

/// A row that is kept.
struct Kept {
    row: Row,
    key: Option<Row>,
    /// Its event time.
    time: i64,
    /// Regular joins: when it came or was met last.
    seen: i64,
    /// Left rows: how many partners there are.
    partners: u64,
    /// Left rows: was it given by itself (semi, anti, left without partner)?
    alone: bool,
    came: Came,
}

/// When a row came.
#[derive(Clone, Copy)]
struct Came {
    number: Number,
    place: i64,
    /// The watermark that it met, and its own.
    met: i64,
    own: i64,
}

struct Pairs<'a> {
    join: Joining<'a>,
    /// Left and right rows, in the order of their coming.
    kept: [Vec<Kept>; 2],
}

pub(super) fn run(join: Joining<'_>, left: &Stream, right: &Stream) -> Output {
    let clock = join.clock;
    let mut pairs = Pairs { join, kept: [Vec::new(), Vec::new()] };
    for number in clock.numbers(&[left, right]) {
        for (side, stream) in [left, right].into_iter().enumerate() {
            for item in of_number(stream, number) {
                pairs.row(side, item);
            }
        }
        pairs.over(clock.behind(number), number);
    }
    pairs.end();
    pairs.join.done()
}

impl Pairs<'_> {
    fn side(&self, side: usize) -> &JoinSide {
        if side == 0 { &self.join.node.left } else { &self.join.node.right }
    }

    /// Does a row still wait for partners at this watermark?
    fn is_there(&self, side: usize, kept: &Kept, watermark: i64) -> bool {
        match self.join.node.bound {
            StreamBound::Interval { lo, hi } => {
                let more = if side == 0 { hi } else { lo.saturating_neg() };
                watermark <= last_watermark(kept.time.saturating_add(more))
            }
            StreamBound::Regular { ttl: Some(ttl) } => {
                watermark <= last_watermark(kept.seen.saturating_add(ttl))
            }
            _ => true,
        }
    }

    fn in_time(&self, left: i64, right: i64) -> bool {
        match self.join.node.bound {
            StreamBound::Interval { lo, hi } => {
                let apart = i128::from(right) - i128::from(left);
                (i128::from(lo)..=i128::from(hi)).contains(&apart)
            }
            _ => true,
        }
    }

    /// Does a row meet those that its own side's time has not passed, also if the other side is not that far?
    fn by_own_side(&self) -> bool {
        let sides = [self.side(0), self.side(1)];
        let timed = sides.iter().all(|side| side.hidden.watermark.is_some());
        timed && !self.is_regular() && sides.iter().all(|side| side.hidden.change.is_none())
    }

    fn is_regular(&self) -> bool {
        matches!(self.join.node.bound, StreamBound::Regular { .. })
    }

    /// A row comes, or is withdrawn.
    fn row(&mut self, side: usize, item: &Item) {
        let number = item.number;
        let key = key_of(&self.side(side).keys, &item.row);
        let own = own_of(self.side(side), &item.row);
        let timed = [0, 1].into_iter().all(|side| self.side(side).hidden.watermark.is_some());
        let (time, met) = match timed {
            true => (time_of(self.side(side), &item.row), self.join.clock.met(number, own)),
            false => (self.join.wall.at(number), self.join.wall.at(number)),
        };
        let change = change_of(self.side(side), &item.row);
        if key.is_none() && self.is_regular() {
            // It is not kept: nobody can meet it.
            if side == 0 && matches!(self.join.node.kind, JoinKind::Left | JoinKind::Anti) {
                let row = self.join.row(&item.row, None, own);
                self.join.give(number, row, change);
            }
            return;
        }
        let mut alone = false;
        if change < 0 {
            match self.take_out(side, &item.row, met) {
                Some(kept) => alone = kept.alone,
                None => return,
            }
        }
        let met_own = if self.by_own_side() { self.join.sides[side].met(number, own) } else { met };
        let came = Came { number, place: item.place, met: met_own, own };
        let mut kept = Kept { row: item.row.clone(), key, time, seen: time, partners: 0, alone: false, came };
        let partners = self.partners(side, &kept);
        kept.partners = partners.len() as u64;
        for other in &partners {
            let other = &mut self.kept[1 - side][*other];
            kept.seen = kept.seen.max(other.time);
            other.seen = other.seen.max(time);
        }
        if side == 0 {
            self.left_row(number, own, change, &mut kept, &partners, alone);
        } else {
            for partner in partners {
                let own = self.later(&self.kept[0][partner], &kept).own;
                self.right_row(number, own, change, partner, &item.row);
            }
        }
        if change > 0 {
            self.kept[side].push(kept);
        }
    }

    /// When the later one of a left and a right row came, of which the right one is the last that was looked at. Of one
    /// number, the places may say that it was the left one.
    fn later(&self, left: &Kept, right: &Kept) -> Came {
        let (of_left, of_right) = (left.came, right.came);
        let is_left = self.join.placed && of_left.number == of_right.number && of_left.place > of_right.place;
        if is_left { of_left } else { of_right }
    }

    /// Are both there when the later one comes? `other` is kept, `row` comes to this side.
    fn are_there(&self, side: usize, row: &Kept, other: &Kept) -> bool {
        if side == 1 {
            let later = self.later(other, row);
            if later.place != row.came.place {
                return self.is_there(1, row, later.met);
            }
        }
        self.is_there(1 - side, other, row.came.met)
    }

    /// The places of the rows of the other side that a row meets.
    fn partners(&mut self, side: usize, row: &Kept) -> Vec<usize> {
        let mut found = Vec::new();
        for at in 0..self.kept[1 - side].len() {
            let other = &self.kept[1 - side][at];
            let (left, right) = if side == 0 { (row, other) } else { (other, row) };
            let fits = row.key.is_some() && other.key == row.key && self.in_time(left.time, right.time);
            // Left rows that are wanted for one partner only, and have it, are not looked at again.
            let served = side == 1 && other.partners > 0 && self.wants_one();
            if !fits || served || !self.are_there(side, row, other) {
                continue;
            }
            if self.join.meet.holds(row.came.number, &left.row, &right.row) {
                found.push(at);
            }
        }
        found
    }

    /// Does a left row of an interval join that only wants to know whether it has a partner have enough of
    /// one? (In a changelog partners are counted, since they may go.)
    fn wants_one(&self) -> bool {
        let changelog = [0, 1].into_iter().any(|side| self.side(side).hidden.change.is_some());
        !self.is_regular() && !changelog && matches!(self.join.node.kind, JoinKind::Semi | JoinKind::Anti)
    }

    /// Takes the first row out that is as this one.
    fn take_out(&mut self, side: usize, row: &Row, met: i64) -> Option<Kept> {
        let same = |kept: &Kept| self.is_there(side, kept, met) && self.join.alike(side, &kept.row, row);
        let at = self.kept[side].iter().position(same)?;
        Some(self.kept[side].remove(at))
    }

    /// A left row with its partners.
    fn left_row(
        &mut self,
        number: Number,
        own: i64,
        change: i64,
        kept: &mut Kept,
        partners: &[usize],
        alone: bool,
    ) {
        let rights: Vec<Row> = partners.iter().map(|at| self.kept[1][*at].row.clone()).collect();
        let kind = self.join.node.kind;
        if change < 0 {
            if alone {
                let row = self.join.row(&kept.row, None, own);
                self.join.give(number, row, -1);
            } else if matches!(kind, JoinKind::Inner | JoinKind::Left) {
                for right in &rights {
                    let row = self.join.row(&kept.row, Some(right), own);
                    self.join.give(number, row, -1);
                }
            }
            return;
        }
        match (kind, rights.first()) {
            (JoinKind::Inner | JoinKind::Left, Some(_)) => {
                for right in &rights {
                    let row = self.join.row(&kept.row, Some(right), own);
                    self.join.give(number, row, 1);
                }
            }
            (JoinKind::Semi, Some(right)) => {
                let row = self.join.row(&kept.row, Some(right), own);
                kept.alone = true;
                self.join.give(number, row, 1);
            }
            (JoinKind::Left | JoinKind::Anti, None) if self.is_regular() => {
                let row = self.join.row(&kept.row, None, own);
                kept.alone = true;
                self.join.give(number, row, 1);
            }
            _ => {}
        }
    }

    /// A right row and one left row that it meets.
    fn right_row(&mut self, number: Number, own: i64, change: i64, left: usize, right: &Row) {
        let kind = self.join.node.kind;
        let pair = self.join.row(&self.kept[0][left].row, Some(right), own);
        let before = self.kept[0][left].partners;
        let after = if change > 0 { before + 1 } else { before.saturating_sub(1) };
        self.kept[0][left].partners = after;
        let is_pair = matches!(kind, JoinKind::Inner | JoinKind::Left);
        if is_pair && change < 0 {
            self.join.give(number, pair.clone(), -1);
        }
        // What was given of the left row alone goes when a first partner comes (of semi joins, when the last goes).
        let (alone_before, alone_after) = match kind {
            JoinKind::Inner => (false, false),
            JoinKind::Semi => (before > 0, after > 0),
            JoinKind::Left | JoinKind::Anti => (before == 0, after == 0),
        };
        if alone_before && !alone_after && std::mem::replace(&mut self.kept[0][left].alone, false) {
            let row = self.join.row(&self.kept[0][left].row, None, own);
            self.join.give(number, row, -1);
        }
        if alone_after && !alone_before && (kind == JoinKind::Semi || self.is_regular()) {
            self.kept[0][left].alone = true;
            let row = self.join.row(&self.kept[0][left].row, None, own);
            self.join.give(number, row, 1);
        }
        if is_pair && change > 0 {
            self.join.give(number, pair, 1);
        }
    }

    /// Time has passed: interval joins give the left rows that have found no partner.
    fn over(&mut self, watermark: i64, number: Number) {
        if self.is_regular() {
            return;
        }
        let is_over = |kept: &Kept| !self.is_there(0, kept, watermark);
        let mut due: Vec<usize> = (0..self.kept[0].len()).filter(|at| is_over(&self.kept[0][*at])).collect();
        due.sort_by_key(|at| self.kept[0][*at].time);
        due.iter().for_each(|at| self.unmatched(*at, number));
        due.sort_unstable_by(|a, b| b.cmp(a));
        due.into_iter().for_each(|at| {
            self.kept[0].remove(at);
        });
    }

    fn unmatched(&mut self, left: usize, number: Number) {
        let kept = &self.kept[0][left];
        if kept.partners == 0 && matches!(self.join.node.kind, JoinKind::Left | JoinKind::Anti) {
            let row = self.join.row(&kept.row, None, NO_WATERMARK);
            self.join.give(number, row, 1);
        }
    }

    fn end(&mut self) {
        let StreamBound::Interval { hi, .. } = self.join.node.bound else { return };
        let mut left: Vec<usize> = (0..self.kept[0].len()).collect();
        left.sort_by_key(|at| self.kept[0][*at].time);
        for at in left {
            let number = at_end_of_time(self.join.level, self.kept[0][at].time.saturating_add(hi));
            self.unmatched(at, number);
        }
    }
}
