//! Joins: keys before, further conditions as a chain of their own.

use super::super::rewrite;
use super::prepared::Prepared;
use super::{Builder, by_key, with};
use crate::expr::Expr;
use crate::operator::{Join, JoinBound, JoinKind, Operator};
use crate::physical::{
    Chain, Exchange, Hidden, Input, JoinSide, Lookup, NodeKind, StepKind, StreamBound, StreamJoin, hidden,
};
use crate::types::{DataType, Field, RecordType};
use std::sync::Arc;

/// A side with its keys computed.
struct Side {
    node: usize,
    keys: Vec<usize>,
    visible: usize,
    hidden: Hidden,
}

impl Builder {
    pub(super) fn join(&mut self, operator: &Operator, join: &Join, changes: bool) -> usize {
        let (left, right): (Vec<&Expr>, Vec<&Expr>) = join.equal.iter().map(|(l, r)| (l, r)).unzip();
        let left = self.side(operator, self.input(operator, 0), &left);
        let right_input = match join.bound {
            // Versions are what came, not what was withdrawn.
            JoinBound::AsOf => self.without_withdrawals(operator, self.input(operator, 1)),
            _ => self.input(operator, 1),
        };
        let right = self.side(operator, right_input, &right);
        let rest = join.rest.as_ref().map(|rest| self.rest(operator, rest, &left, &right));
        let given = matches!(join.kind, JoinKind::Inner | JoinKind::Left);
        let right_row: Vec<usize> = if given { (0..right.visible).collect() } else { Vec::new() };
        let fields = operator.output.fields.clone();
        let bound = match &join.bound {
            JoinBound::Lookup => return self.lookup(operator, join.kind, (left, right), right_row, rest),
            JoinBound::Interval { lo, hi } => StreamBound::Interval { lo: *lo, hi: *hi },
            JoinBound::Window(window) => StreamBound::Window(window.clone()),
            JoinBound::Regular { ttl } => StreamBound::Regular { ttl: *ttl },
            JoinBound::AsOf => StreamBound::AsOf,
        };
        let timed = left.hidden.watermark.is_some() && right.hidden.watermark.is_some();
        let names = [
            timed.then_some(hidden::TIME),
            timed.then_some(hidden::WATERMARK),
            changes.then_some(hidden::CHANGE),
        ];
        let inputs = vec![
            Input { node: left.node, exchange: by_key(&left.keys) },
            Input { node: right.node, exchange: by_key(&right.keys) },
        ];
        let node = StreamJoin {
            kind: join.kind,
            state: self.state(operator),
            bound,
            left: JoinSide { keys: left.keys, row: (0..left.visible).collect(), hidden: left.hidden },
            right: JoinSide { keys: right.keys, row: right_row, hidden: right.hidden },
            rest,
            changes,
        };
        self.push(operator, NodeKind::Join(node), inputs, with(fields, &names))
    }

    fn side(&mut self, operator: &Operator, input: usize, keys: &[&Expr]) -> Side {
        let mut before = Prepared::all(self.record(input).clone());
        let visible = hidden::visible(&before.input);
        let keys = keys
            .iter()
            .map(|key| before.column((*key).clone(), format!("{} key", operator.word).into()))
            .collect();
        let hidden = self.hidden(input);
        Side { node: self.prepare(operator, input, before), keys, visible, hidden }
    }

    /// The further conditions read the declared columns of both sides.
    fn rest(&self, operator: &Operator, rest: &Expr, left: &Side, right: &Side) -> Chain {
        let sides = [left, right].map(|side| self.record(side.node).fields.iter().cloned());
        let input = RecordType::new(sides.into_iter().flatten().collect());
        let behind = self.record(left.node).fields.len();
        let mut cond = rest.clone();
        rewrite::remap_columns(&mut cond, |column| {
            if column < left.visible { column } else { behind + column - left.visible }
        });
        let output = Arc::new(RecordType::new(vec![Field::new("condition", DataType::Bool)]));
        let step = self.step(operator, StepKind::Map(vec![cond]), output);
        Chain { input: Arc::new(input), steps: vec![step] }
    }

    fn lookup(
        &mut self,
        operator: &Operator,
        kind: JoinKind,
        (left, right): (Side, Side),
        right_row: Vec<usize>,
        rest: Option<Chain>,
    ) -> usize {
        let hidden = [left.hidden.time, left.hidden.watermark, left.hidden.change];
        let names = [hidden::TIME, hidden::WATERMARK, hidden::CHANGE];
        let names: Vec<Option<&str>> = names.iter().zip(hidden).map(|(name, at)| at.map(|_| *name)).collect();
        let node = Lookup {
            kind,
            left_keys: left.keys,
            right_keys: right.keys,
            left_row: (0..left.visible).collect(),
            right_row,
            behind: hidden.into_iter().flatten().collect(),
            rest,
        };
        let local = |node: usize| Input { node, exchange: Exchange::Local };
        let output = with(operator.output.fields.clone(), &names);
        self.push(operator, NodeKind::Lookup(node), vec![local(left.node), local(right.node)], output)
    }
}
