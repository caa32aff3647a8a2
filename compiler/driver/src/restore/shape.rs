//! What a state is, as far as a script says it: key, window, aggregates, the rows it holds, and how the
//! rows that reach it are made.

use super::feeds::{Stage, expression, feeds, origin};
use flow_plan::catalogue::AggFunc;
use flow_plan::operator::{
    AggregateCall, Join, JoinBound, JoinKind, Operator, OperatorKind, Plan, SortKey, Trigger, Window,
};
use flow_plan::{DataType, Expr, Field, Place, RecordType};

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
    /// What rows are grouped by.
    pub key: Vec<ColumnShape>,
    /// The window, if any.
    pub window: Option<Window>,
    /// When results are given.
    pub trigger: Trigger,
    /// What it keeps.
    pub held: Held,
    /// How the rows that reach it are made.
    pub(crate) feeds: Vec<Stage>,
}

/// A column of a key, or of rows that are held.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ColumnShape {
    /// Its name.
    pub name: String,
    /// Its type.
    pub ty: DataType,
    /// The field, or the expression, it comes from.
    pub origin: String,
}

/// What a state keeps per key (and window).
#[derive(Clone, Debug)]
pub enum Held {
    /// One accumulator per aggregate.
    Groups(Vec<AggregateShape>),
    /// Whole rows, chosen by an order.
    Rows {
        /// The sort keys, as text.
        by: String,
        /// How many.
        n: u64,
        /// Their fields.
        row: Vec<ColumnShape>,
    },
    /// Values that were seen.
    Values,
    /// The rows of both sides of a join.
    Sides {
        /// inner, left, semi, anti.
        kind: JoinKind,
        /// What bounds it.
        bound: JoinBound,
        /// The further conditions, as text.
        rest: Option<String>,
        /// Fields of the left rows.
        left: Vec<ColumnShape>,
        /// Fields of the right rows.
        right: Vec<ColumnShape>,
    },
    /// A state of the script's own.
    Fold {
        /// Its type.
        ty: DataType,
        /// How it goes on, as text.
        text: String,
    },
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
    /// Argument, `by:`, `where:` and constant, as text.
    pub text: String,
    /// Where it stands.
    pub place: Place,
}

/// The states of a plan, in the order of its operators.
pub fn shapes(plan: &Plan) -> Vec<StateShape> {
    (0..plan.operators.len()).filter_map(|index| shape(plan, index)).collect()
}

fn shape(plan: &Plan, index: usize) -> Option<StateShape> {
    let operator = &plan.operators[index];
    let state = operator.state.as_ref()?;
    let input = |at: usize| &*plan.operators[operator.inputs[at].0 as usize].output;
    let (keys, window, trigger, held) = match &operator.kind {
        OperatorKind::Aggregate(aggregate) => {
            let calls = aggregate.calls.iter().map(|call| aggregate_shape(call, input(0))).collect();
            let (window, trigger) = (aggregate.window.clone(), aggregate.trigger.clone());
            (aggregate.keys.clone(), window, trigger, Held::Groups(calls))
        }
        OperatorKind::Top { keys, n, by, window, trigger, .. } => {
            let by: Vec<String> = by.iter().map(|key| sort_key(key, input(0))).collect();
            let held = Held::Rows { by: by.join(", "), n: *n, row: row(plan, operator, 0) };
            (keys.clone(), window.clone(), trigger.clone(), held)
        }
        OperatorKind::Latest { keys, by, window, trigger, .. } => {
            let held = Held::Rows { by: expression(by, input(0)), n: 1, row: row(plan, operator, 0) };
            (keys.clone(), window.clone(), trigger.clone(), held)
        }
        OperatorKind::Distinct { keys, columns, .. } => {
            let all = keys.iter().chain(columns.iter().filter(|column| !keys.contains(column)));
            (all.copied().collect(), None, Trigger::default(), Held::Values)
        }
        OperatorKind::Join(join) => return Some(join_shape(plan, operator, index, join)),
        OperatorKind::Scan { keys, next, emit, .. } => {
            let mut columns = input(0).clone();
            columns.fields.push(Field::new("state", next.ty().clone()));
            let text: Vec<String> =
                std::iter::once(next).chain(emit).map(|expr| expression(expr, &columns)).collect();
            let held = Held::Fold { ty: next.ty().clone(), text: text.join(", ") };
            (keys.clone(), None, Trigger::default(), held)
        }
        _ => return None,
    };
    let key = keys.iter().map(|column| column_shape(plan, operator, 0, *column)).collect();
    Some(StateShape {
        id: state.id.clone(),
        was: state.was.clone(),
        word: operator.word.clone(),
        declaration: declaration(plan, operator),
        place: operator.place,
        key,
        window,
        trigger,
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
    ColumnShape { name: field.name.to_string(), ty: field.ty.clone(), origin: origin(plan, id, column) }
}

/// The rows of an input.
fn row(plan: &Plan, operator: &Operator, input: usize) -> Vec<ColumnShape> {
    let width = plan.operators[operator.inputs[input].0 as usize].output.fields.len();
    (0..width).map(|column| column_shape(plan, operator, input, column)).collect()
}

fn aggregate_shape(call: &AggregateCall, input: &RecordType) -> AggregateShape {
    let text = |expr: &Option<Expr>| expr.as_ref().map(|expr| expression(expr, input));
    let mut parts: Vec<String> = text(&call.arg).into_iter().collect();
    parts.extend(call.param.as_ref().map(flow_plan::display::literal));
    parts.extend(text(&call.by).map(|by| format!("by: {by}")));
    parts.extend(text(&call.filter).map(|filter| format!("where: {filter}")));
    AggregateShape {
        name: call.name.clone(),
        func: call.func,
        arg: call.arg.as_ref().map(|arg| arg.ty().clone()),
        ty: call.ty.clone(),
        text: format!("{}({})", call.func.name(), parts.join(", ")),
        place: call.place,
    }
}

fn sort_key(key: &SortKey, input: &RecordType) -> String {
    format!("{} {}", expression(&key.expr, input), if key.descending { "desc" } else { "asc" })
}

/// The key of a join is its equalities.
fn join_shape(plan: &Plan, operator: &Operator, index: usize, join: &Join) -> StateShape {
    let record = |at: usize| &*plan.operators[operator.inputs[at].0 as usize].output;
    let side = |at: usize, expr: &Expr| match expr.as_column() {
        Some(column) => column_shape(plan, operator, at, column).origin,
        None => expression(expr, record(at)),
    };
    let key = join.equal.iter().map(|(left, right)| ColumnShape {
        name: format!("{} == {}", expression(left, record(0)), expression(right, record(1))),
        ty: left.ty().clone(),
        origin: format!("{} == {}", side(0, left), side(1, right)),
    });
    let both = RecordType::new(record(0).fields.iter().chain(&record(1).fields).cloned().collect());
    let state = operator
        .state
        .clone()
        .unwrap_or_else(|| flow_plan::operator::StateIdentity { id: operator.word.clone(), was: None });
    StateShape {
        id: state.id,
        was: state.was,
        word: operator.word.clone(),
        declaration: declaration(plan, operator),
        place: operator.place,
        key: key.collect(),
        window: match &join.bound {
            JoinBound::Window(window) => Some(window.clone()),
            _ => None,
        },
        trigger: Trigger::default(),
        held: Held::Sides {
            kind: join.kind,
            bound: join.bound.clone(),
            rest: join.rest.as_ref().map(|rest| expression(rest, &both)),
            left: row(plan, operator, 0),
            right: row(plan, operator, 1),
        },
        feeds: feeds(plan, index),
    }
}
