//! `top`, `latest` and their like, and `distinct`.

use super::aggregate::trigger_of_all;
use super::prepared::Prepared;
use super::time::needs_event_time;
use super::{Builder, by_key, with};
use crate::operator::{Operator, OperatorKind, RunningTrigger, SortKey, Window, WindowKind};
use crate::physical::{Distinct, Hidden, Input, NodeKind, Pick, SortColumn, hidden};
use crate::types::Field;

impl Builder {
    pub(super) fn pick(&mut self, operator: &Operator, changes: bool, late: bool) -> usize {
        let (keys, n, by, ties, rank, window, trigger) = match &operator.kind {
            OperatorKind::Top { keys, n, by, ties, rank, window, trigger } => {
                (keys, *n, by.clone(), *ties, *rank, window, trigger)
            }
            OperatorKind::Latest { keys, by, earliest, window, trigger } => {
                let by = SortKey { expr: by.clone(), descending: !earliest };
                (keys, 1, vec![by], false, false, window, trigger)
            }
            _ => unreachable!("only picks pick"),
        };
        let last_wins = matches!(operator.kind, OperatorKind::Latest { earliest: false, .. });
        let input = self.input(operator, 0);
        let mut before = Prepared::all(self.record(input).clone());
        let visible = hidden::visible(&before.input);
        let column = |before: &mut Prepared, key: &SortKey| SortColumn {
            column: before.column(key.expr.clone(), format!("{} by", operator.word).into()),
            descending: key.descending,
        };
        let by = by.iter().map(|key| column(&mut before, key)).collect();
        let all = matches!(window, Some(Window { kind: WindowKind::Global, .. }));
        let windowing = match window {
            Some(window) if !all => Some(self.windowing(&mut before, window, trigger, late)),
            _ => None,
        };
        let hidden = Hidden {
            time: before.hidden(hidden::TIME).filter(|_| windowing.is_none()),
            watermark: before.hidden(hidden::WATERMARK).filter(|_| windowing.is_none()),
            change: before.hidden(hidden::CHANGE),
        };
        let discarding = trigger.discarding;
        let trigger = if all { trigger_of_all(trigger) } else { trigger.running.clone() };
        let fields: Vec<Field> = operator.output.fields.clone();
        let (time, watermark) = match &windowing {
            None => (hidden.time.is_some(), hidden.watermark.is_some()),
            Some(w) if matches!(w.window.kind, WindowKind::Count { .. }) => {
                (w.time.is_some(), w.watermark.is_some())
            }
            Some(_) => (true, true),
        };
        let names = [
            time.then_some(hidden::TIME),
            watermark.then_some(hidden::WATERMARK),
            changes.then_some(hidden::CHANGE),
        ];
        let pick = Pick {
            keys: keys.clone(),
            state: self.state(operator),
            n,
            by,
            ties,
            last_wins,
            rank,
            row: (0..visible).collect(),
            trigger: if windowing.is_some() { RunningTrigger::AtEnd } else { trigger },
            discarding,
            windowing,
            hidden,
            changes,
        };
        let windowed = pick.windowing.is_some();
        let prepared = self.prepare(operator, input, before);
        let inputs = vec![Input { node: prepared, exchange: by_key(keys) }];
        let node = self.push(operator, NodeKind::Pick(pick), inputs, with(fields, &names));
        if windowed && window.as_ref().is_some_and(needs_event_time) {
            self.window_nodes[operator.declaration as usize].get_or_insert(node);
        }
        match window {
            Some(window) if windowed => self.after_window(operator, window, node),
            _ => node,
        }
    }

    pub(super) fn distinct(
        &mut self,
        operator: &Operator,
        keys: &[usize],
        columns: &[usize],
        within: Option<i64>,
    ) -> usize {
        let input = self.input(operator, 0);
        let mut compared = keys.to_vec();
        compared.extend(columns.iter().filter(|column| !keys.contains(column)));
        let distinct = Distinct {
            columns: compared.clone(),
            state: self.state(operator),
            within,
            hidden: self.hidden(input),
        };
        let output = self.with_hidden(&operator.output, input);
        let inputs = vec![Input { node: input, exchange: by_key(&compared) }];
        self.push(operator, NodeKind::Distinct(distinct), inputs, output)
    }
}
