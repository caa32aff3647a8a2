//! What a state is, as far as a script says it: key, window, aggregates, the rows it holds, and how the
//! rows that reach it are made.

use super::feeds::{Columns, Stage, demanded, expression, feeds, inputs, origin, reads, roots, said};
use super::timed::keep_times;
use flow_plan::catalogue::AggFunc;
use flow_plan::operator::{
    AggregateCall, GroupedAt, Join, JoinBound, JoinKind, Operator, OperatorKind, Plan, RunningTrigger,
    SortKey, StreamMode, Trigger, Window, WindowKind,
};
use flow_plan::{DataType, Expr, Field, Place, RecordType};
use std::collections::HashSet;

/// Everything the check compares of one state.
#[derive(Clone, Debug)]
pub struct StateShape {
    /// Its id.
    pub id: String,
    /// What `@was` says it was called.
    pub was: Option<String>,
    /// The stage's word.
    pub word: String,
    /// The declaration it stands in.
    pub declaration: String,
    /// The stage.
    pub place: Place,
    /// Where its key, window and trigger are set.
    pub grouped_at: GroupedAt,
    /// What rows are grouped by.
    pub key: Vec<KeyShape>,
    /// The window, if any.
    pub window: Option<Window>,
    /// When results are given.
    pub trigger: Trigger,
    /// Are rows that it reads replaced by later ones?
    pub replaced: bool,
    /// The ids of the states nearest above it, whose rows it reads.
    pub(crate) reads_of: Vec<String>,
    /// Does it tell those below which of its rows are replaced, so that they take them out?
    pub(crate) withdraws: bool,
    /// Does it keep the event time of rows, to give it with them later?
    pub(crate) keeps_time: bool,
    /// What it keeps.
    pub held: Held,
    /// How the rows that reach it are made.
    pub(crate) feeds: Vec<Stage>,
}

impl StateShape {
    /// Is each result of rows that have just come, or computed anew of rows that are held?
    pub(super) fn gives_with_rows(&self) -> bool {
        match &self.window {
            Some(_) => self.rows_held(),
            None => !self.replaced && self.trigger.running == RunningTrigger::EachRow,
        }
    }

    /// Does it give rows, or results of rows, that came before?
    pub(super) fn gives_what_it_kept(&self) -> bool {
        match &self.held {
            Held::Rows(rows) => rows.whole,
            Held::Groups(_) | Held::Sides(_) => true,
            _ => false,
        }
    }

    /// Does it hold rows, and aggregates them when it gives a window?
    pub(super) fn rows_held(&self) -> bool {
        self.window
            .as_ref()
            .is_some_and(|window| matches!(window.kind, WindowKind::Count { every: Some(_), .. }))
    }
}

/// A column of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyShape {
    /// Its name.
    pub name: String,
    /// Its type.
    pub ty: DataType,
    /// What the `keyBy`, or the condition of the join, says it is.
    pub said: String,
    /// The same, told by the fields that it comes from.
    pub made: String,
}

/// A column of rows that are held.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ColumnShape {
    /// Its name.
    pub name: String,
    /// Its type.
    pub ty: DataType,
    /// The field, or the expression, it comes from.
    pub origin: String,
    /// Of a record that the script puts together, its fields.
    pub parts: Vec<ColumnShape>,
}

/// What a state keeps per key (and window).
#[derive(Clone, Debug)]
pub enum Held {
    /// One accumulator per aggregate.
    Groups(Vec<AggregateShape>),
    /// Whole rows, chosen by an order.
    Rows(HeldRows),
    /// Values that were seen.
    Values {
        /// When they are forgotten.
        within: Option<i64>,
    },
    /// The rows of both sides of a join.
    Sides(HeldSides),
    /// A state of the script's own.
    Fold(HeldFold),
}

/// Rows, chosen by an order.
#[derive(Clone, Debug)]
pub struct HeldRows {
    /// The sort keys, as text.
    pub by: String,
    /// The same, told by the fields that they come from.
    pub by_made: String,
    /// Types of those that are no fields: what they give is held beside the row.
    pub computed: Vec<DataType>,
    /// How many.
    pub n: u64,
    /// And those that equal the last?
    pub ties: bool,
    /// Are they kept as they are, or only what they are compared by?
    pub whole: bool,
    /// Their fields.
    pub row: Vec<ColumnShape>,
}

/// The rows of both sides of a join.
#[derive(Clone, Debug)]
pub struct HeldSides {
    /// inner, left, semi, anti.
    pub kind: JoinKind,
    /// What bounds it.
    pub bound: JoinBound,
    /// The further conditions, as text.
    pub rest: Option<String>,
    /// The same, told by the fields that they come from.
    pub rest_made: Option<String>,
    /// Fields of the left rows.
    pub left: Vec<ColumnShape>,
    /// Fields of the right rows.
    pub right: Vec<ColumnShape>,
}

/// A state of the script's own.
#[derive(Clone, Debug)]
pub struct HeldFold {
    /// Its type.
    pub ty: DataType,
    /// Where it begins, as text.
    pub init: String,
    /// How it goes on, as text.
    pub text: String,
    /// The same, told by the fields that it comes from.
    pub made: String,
}

/// One aggregate.
#[derive(Clone, Debug)]
pub struct AggregateShape {
    /// The result it was written for.
    pub name: String,
    /// Which.
    pub func: AggFunc,
    /// Type of its argument.
    pub arg: Option<DataType>,
    /// Type of its result.
    pub ty: DataType,
    /// Is there a result, or null where it may be null, if no row came?
    pub(crate) of_none: bool,
    /// What it takes of rows: argument, `by:` and `where:`.
    pub(crate) takes: Vec<Taken>,
    /// Argument, `by:`, `where:` and constant, as text.
    pub text: String,
    /// The same, told by the fields that they come from.
    pub made: String,
    /// Where it stands.
    pub place: Place,
}

/// What an aggregate takes of a row.
#[derive(Clone, Debug)]
pub(crate) struct Taken {
    /// As text.
    pub(crate) text: String,
    /// Is it a field as it is?
    pub(crate) is_field: bool,
    /// May it be null?
    pub(crate) optional: bool,
}

/// The states of a plan, in the order of its operators.
pub fn shapes(plan: &Plan) -> Vec<StateShape> {
    let withdrawn = flow_plan::passes::withdrawn(plan);
    let reading = Reading { demanded: demanded(plan), withdrawn, keep_times: keep_times(plan) };
    (0..plan.operators.len()).filter_map(|index| shape(plan, index, &reading)).collect()
}

/// Who reads what of operators' rows.
struct Reading {
    /// The columns of each operator that somebody reads.
    demanded: Vec<Columns>,
    /// Must it say which rows are replaced?
    withdrawn: Vec<bool>,
    /// The ids of those that keep the event time of rows.
    keep_times: HashSet<String>,
}

fn shape(plan: &Plan, index: usize, reading: &Reading) -> Option<StateShape> {
    let operator = &plan.operators[index];
    let state = operator.state.as_ref()?;
    let input = |at: usize| &*plan.operators[operator.inputs[at].0 as usize].output;
    let roots = inputs(operator, |input| roots(plan, input));
    let changes = replaced(plan, operator) || reading.withdrawn[index];
    let (keys, window, trigger, held) = match &operator.kind {
        OperatorKind::Aggregate(aggregate) => {
            let calls = aggregate.calls.iter().map(|call| aggregate_shape(call, input(0), &roots)).collect();
            let (window, trigger) = (aggregate.window.clone(), aggregate.trigger.clone());
            (aggregate.keys.clone(), window, trigger, Held::Groups(calls))
        }
        OperatorKind::Top { keys, n, by, rank, ties, window, trigger, .. } => {
            let text = |columns: &RecordType| {
                by.iter().map(|key| sort_key(key, columns)).collect::<Vec<_>>().join(", ")
            };
            let (said, made) = (text(input(0)), text(&roots));
            let whole = *rank || keeps_rows(window.as_ref(), trigger, changes);
            let row = picked(plan, index, keys, reading, whole);
            let computed = computed(by.iter().map(|key| &key.expr));
            let held =
                Held::Rows(HeldRows { by: said, by_made: made, computed, n: *n, ties: *ties, whole, row });
            (keys.clone(), window.clone(), trigger.clone(), held)
        }
        OperatorKind::Latest { keys, by, window, trigger, .. } => {
            let whole = keeps_rows(window.as_ref(), trigger, changes);
            let row = picked(plan, index, keys, reading, whole);
            let (said, made) = (expression(by, input(0)), expression(by, &roots));
            let computed = computed([by]);
            let held =
                Held::Rows(HeldRows { by: said, by_made: made, computed, n: 1, ties: false, whole, row });
            (keys.clone(), window.clone(), trigger.clone(), held)
        }
        OperatorKind::Distinct { keys, columns, within } => {
            let all = keys.iter().chain(columns.iter().filter(|column| !keys.contains(column)));
            (all.copied().collect(), None, Trigger::default(), Held::Values { within: *within })
        }
        // A table that is looked up keeps nothing: whatever is changed of it holds for the rows that come.
        OperatorKind::Join(Join { bound: JoinBound::Lookup, .. }) => return None,
        OperatorKind::Join(join) => return Some(join_shape(plan, index, join, reading, &roots)),
        OperatorKind::Scan { keys, init, next, .. } => {
            let text = |columns: &RecordType| {
                let mut columns = columns.clone();
                columns.fields.push(Field::new("state", next.ty().clone()));
                expression(next, &columns)
            };
            let init = expression(init, input(0));
            let held = Held::Fold(HeldFold {
                ty: next.ty().clone(),
                init,
                text: text(input(0)),
                made: text(&roots),
            });
            (keys.clone(), None, Trigger::default(), held)
        }
        _ => return None,
    };
    let key = keys.iter().map(|&column| KeyShape {
        name: input(0).fields[column].name.to_string(),
        ty: input(0).fields[column].ty.clone(),
        said: said(plan, operator.inputs[0].0 as usize, column),
        made: roots.fields[column].name.to_string(),
    });
    Some(StateShape {
        id: state.id.clone(),
        was: state.was.clone(),
        word: operator.word.clone(),
        declaration: declaration(plan, operator),
        place: operator.place,
        grouped_at: operator.grouped_at,
        key: key.collect(),
        window,
        trigger,
        replaced: replaced(plan, operator),
        reads_of: states_above(plan, index),
        withdraws: reading.withdrawn[index],
        keeps_time: reading.keep_times.contains(&state.id),
        held,
        feeds: feeds(plan, index),
    })
}

fn declaration(plan: &Plan, operator: &Operator) -> String {
    plan.declarations.get(operator.declaration as usize).map_or_else(String::new, |d| d.name.clone())
}

fn column_shape(plan: &Plan, operator: &Operator, input: usize, column: usize) -> ColumnShape {
    let id = operator.inputs[input].0 as usize;
    let field = &plan.operators[id].output.fields[column];
    let (origin, parts) = origin(plan, id, column);
    ColumnShape { name: field.name.to_string(), ty: field.ty.clone(), origin, parts }
}

/// Does a pick keep the rows it gives? Not if it gives each at once, and never again. (With `changes`, rows that it reads or
/// gives are replaced.)
fn keeps_rows(window: Option<&Window>, trigger: &Trigger, changes: bool) -> bool {
    window.is_some() || changes || trigger.discarding || trigger.running != RunningTrigger::EachRow
}

/// What a pick keeps of rows: what is read of them below if they are kept whole, else what tells which is best.
fn picked(plan: &Plan, index: usize, keys: &[usize], reading: &Reading, whole: bool) -> Vec<ColumnShape> {
    let mut read = reads(plan, index, whole.then_some(&reading.demanded[index]));
    // The key is compared by itself.
    read[0].retain(|column| !keys.contains(column));
    row(plan, &plan.operators[index], 0, &read[0])
}

/// The types of the sort keys that are no fields.
fn computed<'a>(by: impl IntoIterator<Item = &'a Expr>) -> Vec<DataType> {
    let computed = by.into_iter().filter(|by| by.as_column().is_none());
    computed.map(|by| by.ty().clone()).collect()
}

/// These columns of an input.
fn row(plan: &Plan, operator: &Operator, input: usize, columns: &Columns) -> Vec<ColumnShape> {
    let width = plan.operators[operator.inputs[input].0 as usize].output.fields.len();
    let columns = columns.iter().filter(|column| **column < width);
    columns.map(|&column| column_shape(plan, operator, input, column)).collect()
}

fn aggregate_shape(call: &AggregateCall, input: &RecordType, roots: &RecordType) -> AggregateShape {
    let told = |columns: &RecordType| {
        let text = |expr: &Option<Expr>| expr.as_ref().map(|expr| expression(expr, columns));
        let mut parts: Vec<String> = text(&call.arg).into_iter().collect();
        parts.extend(call.param.as_ref().map(flow_plan::display::literal));
        parts.extend(text(&call.by).map(|by| format!("by: {by}")));
        parts.extend(text(&call.filter).map(|filter| format!("where: {filter}")));
        format!("{}({})", call.func.name(), parts.join(", "))
    };
    let taken = |expr: &Expr| Taken {
        text: expression(expr, input),
        is_field: expr.as_column().is_some(),
        optional: expr.ty().is_optional(),
    };
    AggregateShape {
        takes: [&call.arg, &call.by, &call.filter].into_iter().flatten().map(taken).collect(),
        name: call.name.clone(),
        func: call.func,
        arg: call.arg.as_ref().map(|arg| arg.ty().clone()),
        ty: call.ty.clone(),
        of_none: call.ty.is_optional() || call.func.counts(),
        text: told(input),
        made: told(roots),
        place: call.place,
    }
}

fn sort_key(key: &SortKey, input: &RecordType) -> String {
    format!("{} {}", expression(&key.expr, input), if key.descending { "desc" } else { "asc" })
}

/// Is a row that it reads replaced by a later one?
fn replaced(plan: &Plan, operator: &Operator) -> bool {
    operator.inputs.iter().any(|input| plan.operators[input.0 as usize].mode != StreamMode::Append)
}

/// The ids of the states whose rows an operator reads, with nothing but stages without state between.
fn states_above(plan: &Plan, index: usize) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    let (mut seen, mut left) = (vec![false; plan.operators.len()], vec![index]);
    while let Some(at) = left.pop() {
        let operator = &plan.operators[at];
        // What is looked up in a table is no state.
        let inputs = match &operator.kind {
            OperatorKind::Join(Join { bound: JoinBound::Lookup, .. }) => &operator.inputs[..1],
            _ => &operator.inputs[..],
        };
        for above in inputs.iter().map(|input| input.0 as usize) {
            if std::mem::replace(&mut seen[above], true) {
                continue;
            }
            match &plan.operators[above] {
                Operator { kind: OperatorKind::Join(Join { bound: JoinBound::Lookup, .. }), .. } => {
                    left.push(above)
                }
                Operator { state: Some(state), .. } => found.push(state.id.clone()),
                _ => left.push(above),
            }
        }
    }
    found
}

/// The key of a join is its equalities.
fn join_shape(plan: &Plan, index: usize, join: &Join, reading: &Reading, roots: &RecordType) -> StateShape {
    let operator = &plan.operators[index];
    let read = reads(plan, index, Some(&reading.demanded[index]));
    let record = |at: usize| &*plan.operators[operator.inputs[at].0 as usize].output;
    let (left_roots, right_roots) = roots.fields.split_at(record(0).fields.len());
    let (left_roots, right_roots) = (RecordType::new(left_roots.into()), RecordType::new(right_roots.into()));
    let key = join.equal.iter().map(|(left, right)| {
        let both =
            |l: &RecordType, r: &RecordType| format!("{} == {}", expression(left, l), expression(right, r));
        let said = both(record(0), record(1));
        KeyShape { name: said.clone(), ty: left.ty().clone(), said, made: both(&left_roots, &right_roots) }
    });
    let both = RecordType::new(record(0).fields.iter().chain(&record(1).fields).cloned().collect());
    let state = operator
        .state
        .clone()
        .unwrap_or_else(|| flow_plan::operator::StateIdentity { id: operator.word.clone(), was: None });
    let keeps_time = reading.keep_times.contains(&state.id);
    StateShape {
        id: state.id,
        was: state.was,
        word: operator.word.clone(),
        declaration: declaration(plan, operator),
        place: operator.place,
        grouped_at: operator.grouped_at,
        key: key.collect(),
        window: match &join.bound {
            JoinBound::Window(window) => Some(window.clone()),
            _ => None,
        },
        trigger: Trigger::default(),
        replaced: replaced(plan, operator),
        reads_of: states_above(plan, index),
        withdraws: reading.withdrawn[index],
        keeps_time,
        held: Held::Sides(HeldSides {
            kind: join.kind,
            bound: join.bound.clone(),
            rest: join.rest.as_ref().map(|rest| expression(rest, &both)),
            rest_made: join.rest.as_ref().map(|rest| expression(rest, roots)),
            left: row(plan, operator, 0, &read[0]),
            right: row(plan, operator, 1, &read[1]),
        }),
        feeds: feeds(plan, index),
    }
}
