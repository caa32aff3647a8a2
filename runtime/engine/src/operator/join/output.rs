//! What a join gives: the columns of both sides, and time, watermark, change and ranks behind them.

use super::kept::Kept;
use crate::ranks::{Phase, Ranks};
use flow_data::{Batch, Column, ColumnData, NO_ROW};
use flow_plan::operator::JoinKind;
use flow_plan::physical::StreamJoin;
use flow_plan::physical::hidden::NO_WATERMARK;
use std::sync::Arc;

/// Rows of a side, in the order in which they are given. [`NO_ROW`]: none.
pub(crate) enum Rows<'a> {
    /// Of a batch.
    Of(&'a Batch, &'a [u32]),
    /// That are kept.
    Kept(&'a Kept, &'a [u32]),
}

impl Rows<'_> {
    fn len(&self) -> usize {
        match self {
            Rows::Of(_, rows) | Rows::Kept(_, rows) => rows.len(),
        }
    }

    fn column(&self, column: usize) -> Column {
        match self {
            Rows::Of(batch, rows) if rows.contains(&NO_ROW) => batch.columns[column].gather_or_null(rows),
            Rows::Of(batch, rows) => batch.columns[column].gather(rows),
            Rows::Kept(kept, rows) => kept.gather(column, rows),
        }
    }

    fn ints(&self, column: usize) -> Column {
        Column { validity: None, ..self.column(column) }
    }

    fn is(&self, at: usize) -> bool {
        match self {
            Rows::Of(_, rows) | Rows::Kept(_, rows) => rows[at] != NO_ROW,
        }
    }
}

/// When and for which of the two rows a pair is given.
pub(crate) enum Cause<'a> {
    /// These rows of a batch of a side (0: left) came, or are behind. `own`: the watermarks of those that came later, if they
    /// are not these.
    Row { side: usize, phase: Phase, batch: &'a Batch, rows: &'a [u32], own: Option<&'a [i64]> },
    /// Time passed: what each left row was due at, and the numbers in which they came.
    Due { times: &'a [i64], numbers: &'a [u64] },
    /// Time passed, or left rows came behind it; their watermark is carried on (as-of joins).
    AsOf { phase: Phase, times: &'a [i64], numbers: &'a [u64] },
}

/// Makes output batches.
pub(crate) struct Output {
    left: Vec<usize>,
    right: Vec<usize>,
    /// Are all columns of the right side optional?
    pub(crate) kind: JoinKind,
    /// Time and watermark columns of both sides, if the output has these.
    times: Option<[(usize, usize); 2]>,
    changes: bool,
    /// How far the watermark of what is given stays behind.
    stays_behind: i64,
    /// Rank columns of the output, and where those of the inputs begin.
    rank: usize,
    declared: [usize; 2],
    ranks: [usize; 2],
}

impl Output {
    /// `declared`, `ranks`: columns of the inputs.
    pub(crate) fn new(join: &StreamJoin, rank: usize, declared: [usize; 2], ranks: [usize; 2]) -> Output {
        let of = |side: &flow_plan::physical::JoinSide| side.hidden.time.zip(side.hidden.watermark);
        let given = matches!(join.kind, JoinKind::Inner | JoinKind::Left);
        Output {
            left: join.left.row.clone(),
            right: if given { join.right.row.clone() } else { Vec::new() },
            kind: join.kind,
            times: of(&join.left).zip(of(&join.right)).map(|(left, right)| [left, right]),
            changes: join.changes,
            stays_behind: join.stays_behind(),
            rank,
            declared,
            ranks,
        }
    }

    /// The columns of a side that are read of kept rows.
    pub(crate) fn reads(&self, side: usize) -> Vec<usize> {
        let rows = if side == 0 { &self.left } else { &self.right };
        let times = self.times.iter().flat_map(|times| [times[side].0, times[side].1]);
        rows.iter().copied().chain(times).collect()
    }

    /// A batch of pairs; `signs`: of changes (none: all are added).
    pub(crate) fn batch(
        &self,
        left: &Rows<'_>,
        right: &Rows<'_>,
        signs: Option<&[i64]>,
        cause: &Cause<'_>,
    ) -> Batch {
        let len = left.len();
        let mut columns: Vec<Column> = self.left.iter().map(|&column| left.column(column)).collect();
        columns.extend(self.right.iter().map(|&column| right.column(column)));
        if let Some(times) = self.times {
            columns.push(self.time(left, right, times));
            let mut watermarks = match cause {
                Cause::Row { own: Some(own), .. } => ints(own.to_vec()),
                Cause::Row { side, batch, rows, .. } => batch.columns[times[*side].1].gather(rows),
                Cause::AsOf { .. } => left.ints(times[0].1),
                Cause::Due { .. } => ints(vec![NO_WATERMARK; len]),
            };
            if let ColumnData::I64(all) = &mut watermarks.data
                && self.stays_behind > 0
            {
                all.iter_mut().for_each(|watermark| *watermark = watermark.saturating_sub(self.stays_behind));
            }
            columns.push(watermarks);
        }
        if self.changes {
            columns.push(ints(signs.map_or_else(|| vec![1; len], <[i64]>::to_vec)));
        }
        if self.rank > 0 {
            self.rank(&mut columns, left, cause);
        }
        Batch::new(len, columns.into_iter().map(Arc::new).collect())
    }

    /// The later of the two times.
    fn time(&self, left: &Rows<'_>, right: &Rows<'_>, times: [(usize, usize); 2]) -> Column {
        let mut all = left.ints(times[0].0);
        if matches!(self.kind, JoinKind::Inner | JoinKind::Left)
            && let (ColumnData::I64(all), ColumnData::I64(of_right)) =
                (&mut all.data, &right.ints(times[1].0).data)
        {
            for (at, time) in all.iter_mut().enumerate().filter(|(at, _)| right.is(*at)) {
                *time = of_right[at].max(*time);
            }
        }
        all
    }

    fn rank(&self, columns: &mut Vec<Column>, left: &Rows<'_>, cause: &Cause<'_>) {
        let len = left.len();
        let first = columns.len();
        match cause {
            Cause::Row { side, phase, batch, rows, .. } => {
                columns.extend([*phase as i64, 0, 0, 0].map(|value| ints(vec![value; len])));
                let own = self.declared[*side]..self.declared[*side] + self.ranks[*side];
                columns.extend(own.map(|column| batch.columns[column].gather(rows)));
            }
            Cause::Due { times, numbers } | Cause::AsOf { times, numbers, .. } => {
                let phase = if let Cause::AsOf { phase, .. } = cause { *phase } else { Phase::Due };
                columns.push(ints(vec![phase as i64; len]));
                columns.push(ints(times.to_vec()));
                columns.push(ints(vec![0; len]));
                columns.push(ints(numbers.iter().map(|&number| number as i64).collect()));
                let own = self.declared[0]..self.declared[0] + self.ranks[0];
                columns.extend(own.map(|column| left.ints(column)));
            }
        }
        debug_assert!(columns.len() >= first + Ranks::LEADING);
        columns.resize_with(first + self.rank, || ints(vec![0; len]));
    }
}

fn ints(values: Vec<i64>) -> Column {
    Column::new(ColumnData::I64(values))
}
