//! Predicate pushdown into joins: a part of a join's further condition that looks at one side only is a filter of that
//! side's rows before they meet, so that rows that meet nobody are neither kept nor paired.
//!
//! The condition itself stays as it is: rows that an older version of the script kept may not fulfil it.

use super::rewrite::{append, columns, compact, next_local, remap_columns};
use crate::catalogue::Func;
use crate::expr::{Expr, Kind, NodeId};
use crate::fallible::can_fail;
use crate::operator::JoinKind;
use crate::physical::{
    Chain, Exchange, Graph, Input, Node, NodeKind, Step, StepKind, StreamBound, StreamJoin,
};
use crate::types::{DataType, RecordType};

pub(super) fn filter_before_joins(graph: &mut Graph) {
    let mut nodes: Vec<Node> = Vec::with_capacity(graph.nodes.len());
    let mut moved = Vec::with_capacity(graph.nodes.len());
    for mut node in std::mem::take(&mut graph.nodes) {
        node.inputs.iter_mut().for_each(|input| input.node = moved[input.node]);
        for side in 0..2 {
            let Some(cond) = condition_of_side(&node, &nodes, side) else { continue };
            let filter = filter(&node, &nodes, side, cond);
            node.inputs[side].node = nodes.len();
            nodes.push(filter);
        }
        moved.push(nodes.len());
        nodes.push(node);
    }
    graph.nodes = nodes;
}

/// The filter in front of a side of a join.
fn filter(join: &Node, nodes: &[Node], side: usize, cond: Expr) -> Node {
    let input = join.inputs[side].node;
    let record = nodes[input].output.clone();
    let step = Step {
        kind: StepKind::Filter(cond),
        output: record.clone(),
        declaration: join.declaration,
        label: join.label.clone(),
        place: join.place,
    };
    Node {
        kind: NodeKind::Chain(Chain { input: record.clone(), steps: vec![step] }),
        inputs: vec![Input { node: input, exchange: Exchange::Local }],
        output: record,
        declaration: join.declaration,
        label: join.label.clone(),
        place: join.place,
    }
}

/// What a join asks of the rows of one side alone, over the columns of that side.
fn condition_of_side(node: &Node, nodes: &[Node], side: usize) -> Option<Expr> {
    let NodeKind::Join(join) = &node.kind else { return None };
    if !may_filter(join, side) {
        return None;
    }
    let [StepKind::Map(exprs)] =
        &join.rest.as_ref()?.steps.iter().map(|step| &step.kind).collect::<Vec<_>>()[..]
    else {
        return None;
    };
    let [cond] = exprs.as_slice() else { return None };
    let record = |side: usize| &nodes[node.inputs[side].node].output;
    let first = if side == 0 { 0 } else { record(0).fields.len() };
    let mut all: Option<Expr> = None;
    for part in parts(cond) {
        let mut part = compact(cond, part);
        // An error of this part, or of one behind it, is raised for pairs that fulfil the parts before it.
        if can_fail(&part) {
            break;
        }
        if is_of(&part, record(side), first) {
            remap_columns(&mut part, |column| column - first);
            all = Some(match all {
                None => part,
                Some(before) => both(&before, &part),
            });
        }
    }
    all
}

/// Do the rows of a side that never fulfil the condition change nothing? A row without a partner is given by left and
/// anti joins if it is the left one; rows of a session make it longer, and a row that is looked at may count as used.
/// The version of an as-of join is the last one, whether it fulfils the condition or not.
fn may_filter(join: &StreamJoin, side: usize) -> bool {
    let bound = matches!(join.bound, StreamBound::Interval { .. } | StreamBound::Regular { ttl: None });
    let kind = side == 1 || matches!(join.kind, JoinKind::Inner | JoinKind::Semi);
    let changes = join.left.hidden.change.is_some() || join.right.hidden.change.is_some();
    bound && kind && !changes
}

/// The parts of `a and b and …`, in order.
fn parts(expr: &Expr) -> Vec<NodeId> {
    let (mut parts, mut left) = (Vec::new(), vec![expr.root()]);
    while let Some(id) = left.pop() {
        match expr[id].kind {
            Kind::And(a, b) => left.extend([b, a]),
            _ => parts.push(id),
        }
    }
    parts
}

/// Does it read columns of this record alone (the first of which is column `first`), as they are (another part may have
/// said that one is not null), and nothing that changes from moment to moment?
fn is_of(expr: &Expr, record: &RecordType, first: usize) -> bool {
    let plain = expr.nodes.iter().all(|node| match &node.kind {
        Kind::Column(column) => {
            let field = (*column as usize).checked_sub(first).and_then(|at| record.fields.get(at));
            field.is_some_and(|field| field.ty == node.ty)
        }
        Kind::Call(func, _) => *func != Func::Now,
        _ => true,
    });
    plain && columns(expr).next().is_some()
}

fn both(a: &Expr, b: &Expr) -> Expr {
    let mut out = a.clone();
    let left = out.root();
    let free = next_local(&out);
    let right = append(&mut out, b, free);
    let place = b[b.root()].place;
    out.push(Kind::And(left, right), DataType::Bool, place);
    out
}

#[cfg(test)]
mod tests {
    use super::super::{build, lower};
    use super::*;
    use crate::arbitrary::Arbitrary;
    use crate::expr::BinaryOp;
    use crate::interpret::{Inputs, evaluate};
    use crate::operator::{DeclarationKind, Join, JoinBound, OnError, OperatorKind, Plan};
    use crate::sketch::{Sketch, binary, col, int};
    use crate::types::Field;
    use crate::value::Value;

    const SIDES: [&str; 2] = ["left", "right"];

    /// A join of all rows on their first column.
    fn join(kind: JoinKind, sides: [&RecordType; 2], rest: Expr) -> Plan {
        let mut sketch = Sketch::default();
        let inputs = [0, 1].map(|side| {
            let fields: Vec<_> = sides[side].fields.iter().map(|f| (&*f.name, f.ty.clone())).collect();
            sketch.source(SIDES[side], &fields)
        });
        sketch.declare("joined", DeclarationKind::Stream, OnError::Skip);
        let key = |side: &RecordType| col(0, side.fields[0].ty.clone());
        let kind_of = Join {
            kind,
            bound: JoinBound::Regular { ttl: None },
            equal: vec![(key(sides[0]), key(sides[1]))],
            rest: Some(rest),
        };
        let right = |field: &Field| match kind {
            JoinKind::Left => Field::new(&*field.name, field.ty.clone().optional()),
            _ => field.clone(),
        };
        let mut output = sides[0].fields.clone();
        if matches!(kind, JoinKind::Inner | JoinKind::Left) {
            output.extend(sides[1].fields.iter().map(right));
        }
        sketch.operator("join", OperatorKind::Join(kind_of), &inputs, RecordType::new(output));
        sketch.sink("out", "file");
        sketch.plan
    }

    fn ints(names: &[&str]) -> RecordType {
        RecordType::new(names.iter().map(|name| Field::new(*name, DataType::Int)).collect())
    }

    fn is(column: usize, value: i64) -> Expr {
        binary(BinaryOp::Eq, col(column, DataType::Int), int(value))
    }

    /// How many filters stand in front of the left and of the right side.
    fn filters(plan: &Plan) -> [usize; 2] {
        let graph = lower(plan).unwrap();
        let join = graph.nodes.iter().find(|node| matches!(node.kind, NodeKind::Join(_))).unwrap();
        [0, 1].map(|side| match &graph.nodes[join.inputs[side].node].kind {
            NodeKind::Chain(chain) => {
                chain.steps.iter().filter(|step| matches!(step.kind, StepKind::Filter(_))).count()
            }
            _ => 0,
        })
    }

    #[test]
    fn each_side_is_filtered_by_what_is_asked_of_it_alone() {
        let sides = [ints(&["k", "a"]), ints(&["k", "b"])];
        let less = binary(BinaryOp::Lt, col(1, DataType::Int), col(3, DataType::Int));
        let rest = both(&both(&is(1, 7), &less), &is(3, 9));
        let of = |kind| filters(&join(kind, [&sides[0], &sides[1]], rest.clone()));
        assert_eq!(of(JoinKind::Inner), [1, 1]);
        assert_eq!(of(JoinKind::Semi), [1, 1]);
        // A left row without a partner is given.
        assert_eq!(of(JoinKind::Left), [0, 1]);
        assert_eq!(of(JoinKind::Anti), [0, 1]);
    }

    #[test]
    fn what_stands_behind_a_part_that_can_fail_is_no_filter() {
        let sides = [ints(&["k", "a"]), ints(&["k", "b"])];
        let fails =
            binary(BinaryOp::Eq, binary(BinaryOp::Add, col(1, DataType::Int), col(3, DataType::Int)), int(1));
        let plan = |rest| join(JoinKind::Inner, [&sides[0], &sides[1]], rest);
        assert_eq!(filters(&plan(both(&fails, &is(1, 7)))), [0, 0]);
        assert_eq!(filters(&plan(both(&is(1, 7), &fails))), [1, 0]);
    }

    #[test]
    fn filters_before_joins_change_neither_rows_nor_record_errors() {
        let mut filtered = 0;
        for seed in 0..600 {
            let mut random = Arbitrary::new(seed);
            let mut sides = [random.schema(3), random.schema(3)].map(|side| RecordType::clone(&side));
            sides.iter_mut().for_each(|side| side.fields[0].ty = DataType::Int);
            let all = RecordType::new(sides.iter().flat_map(|side| side.fields.iter().cloned()).collect());
            let split = sides[0].fields.len();
            let mut part = |side: usize| {
                let mut of = if side == 2 { all.clone() } else { sides[side].clone() };
                let mut cond = Expr::clone(&random.expr(&of, &DataType::Bool, 2));
                of.fields.clear();
                remap_columns(&mut cond, |column| if side == 1 { column + split } else { column });
                cond
            };
            let [a, b, c] = [1, 3, 9].map(|of| part((seed / of % 3) as usize));
            let rest = both(&both(&a, &b), &c);
            let kind = [JoinKind::Inner, JoinKind::Left, JoinKind::Semi, JoinKind::Anti][random.below(4)];
            let plan = join(kind, [&sides[0], &sides[1]], rest);
            filtered += usize::from(filters(&plan) != [0, 0]);
            let rows = [0, 1].map(|side| {
                let mut rows = random.rows(&sides[side], 12);
                rows.iter_mut().for_each(|row| row[0] = Value::Int(random.below(3) as i64));
                (SIDES[side].to_string(), rows)
            });
            let rows = Inputs::from(rows);
            let graphs = [build::build(&plan), lower(&plan).unwrap()];
            let [a, b] = graphs.each_ref().map(|graph| {
                let outcome = evaluate(graph, &rows, 0).unwrap();
                let mut errors: Vec<String> =
                    outcome.errors.iter().map(|e| format!("{:?}", e.error)).collect();
                errors.sort();
                (format!("{:?}", outcome.of(graph, "out")), errors)
            });
            assert_eq!(a, b, "seed {seed}");
        }
        assert!(filtered > 100, "{filtered} of 600 joins had a filter");
    }
}
