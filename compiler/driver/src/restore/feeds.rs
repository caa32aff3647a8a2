//! How the rows that reach a state are made: every stage above it, as far as the state depends on it.
//! A column that the state does not read may change as it likes.

use super::shape::ColumnShape;
use flow_plan::connector::table::Need;
use flow_plan::connector::{ConnectorArg, ConnectorCall};
use flow_plan::expr::{Kind, NodeId};
use flow_plan::operator::{Join, JoinBound, JoinKind, Operator, OperatorKind, Plan};
use flow_plan::{DataType, Expr, Field, Place, RecordType};
use std::collections::{BTreeSet, HashMap};

/// A stage above a state.
#[derive(Clone, Debug)]
pub(crate) struct Stage {
    pub(crate) word: String,
    /// What it does, as far as the state depends on it.
    pub(crate) text: String,
    /// The same, told by the fields that its columns come from, whatever they are called here.
    pub(crate) made: String,
    /// The field of a source whose values it makes, where each is made by itself.
    pub(crate) field: Option<String>,
    pub(crate) place: Place,
}

pub(super) type Columns = BTreeSet<usize>;

/// What an expression computes, as text: constants folded and functions of the script taken apart, so that
/// only what it means counts.
pub(super) fn expression(expr: &Expr, columns: &RecordType) -> String {
    flow_plan::display::whole_expression(&flow_plan::passes::fold(expr), columns)
}

fn read_by(expr: &Expr) -> impl Iterator<Item = usize> {
    expr.nodes.iter().filter_map(|node| match node.kind {
        Kind::Column(column) => Some(column as usize),
        _ => None,
    })
}

/// The stages above an operator, nearest first.
pub(super) fn feeds(plan: &Plan, index: usize) -> Vec<Stage> {
    let mut walk = Walk { plan, stages: Vec::new() };
    for (at, needed) in reads(plan, index, None).into_iter().enumerate() {
        walk.above(plan.operators[index].inputs[at].0 as usize, needed);
    }
    walk.stages
}

/// The columns of each input that an operator needs for these columns of its output; for `None`, what
/// its state depends on beside the rows it holds.
pub(super) fn reads(plan: &Plan, index: usize, wanted: Option<&Columns>) -> Vec<Columns> {
    let operator = &plan.operators[index];
    let width = |at: usize| plan.operators[operator.inputs[at].0 as usize].output.fields.len();
    let kept = |width: usize| match wanted {
        Some(wanted) => wanted.iter().copied().filter(|column| *column < width).collect(),
        None => Columns::new(),
    };
    match &operator.kind {
        OperatorKind::Map { exprs } => {
            let all = kept(exprs.len());
            vec![all.iter().flat_map(|column| read_by(&exprs[*column])).collect()]
        }
        OperatorKind::Filter { cond } => {
            let mut all = kept(width(0));
            all.extend(read_by(cond));
            vec![all]
        }
        OperatorKind::FlatMap { list } => {
            let mut all = kept(width(0));
            all.extend(read_by(list));
            vec![all]
        }
        OperatorKind::EventTime { column, .. } => {
            let mut all = kept(width(0));
            all.insert(*column);
            vec![all]
        }
        OperatorKind::Aggregate(aggregate) => {
            let exprs = aggregate.calls.iter().flat_map(|call| [&call.arg, &call.by, &call.filter]);
            let read = exprs.flatten().flat_map(read_by);
            vec![aggregate.keys.iter().copied().chain(read).collect()]
        }
        OperatorKind::Top { keys, by, .. } => {
            let mut all = kept(width(0));
            all.extend(keys.iter().copied().chain(by.iter().flat_map(|key| read_by(&key.expr))));
            vec![all]
        }
        OperatorKind::Latest { keys, by, .. } => {
            let mut all = kept(width(0));
            all.extend(keys.iter().copied().chain(read_by(by)));
            vec![all]
        }
        OperatorKind::Distinct { keys, columns, .. } => {
            let mut all = kept(width(0));
            all.extend(keys.iter().chain(columns));
            vec![all]
        }
        OperatorKind::Scan { keys, next, emit, .. } => {
            let read = std::iter::once(next).chain(emit).flat_map(read_by);
            vec![keys.iter().copied().chain(read).filter(|column| *column < width(0)).collect()]
        }
        OperatorKind::Join(join) => {
            let all = kept(width(0) + width(1));
            let rest = join.rest.iter().flat_map(read_by);
            let both: Columns = all.into_iter().chain(rest).collect();
            let mut left: Columns = both.iter().copied().filter(|column| *column < width(0)).collect();
            let mut right: Columns =
                both.iter().filter(|column| **column >= width(0)).map(|column| column - width(0)).collect();
            for (l, r) in &join.equal {
                left.extend(read_by(l));
                right.extend(read_by(r));
            }
            vec![left, right]
        }
        _ => (0..operator.inputs.len()).map(|at| kept(width(at))).collect(),
    }
}

/// The columns of each operator's output that somebody below reads.
pub(super) fn demanded(plan: &Plan) -> Vec<Columns> {
    let mut all = vec![Columns::new(); plan.operators.len()];
    for index in (0..plan.operators.len()).rev() {
        let operator = &plan.operators[index];
        let width = |at: usize| plan.operators[operator.inputs[at].0 as usize].output.fields.len();
        let reads: Vec<Columns> = match &operator.kind {
            OperatorKind::Sink(_) | OperatorKind::Tap { .. } => {
                (0..operator.inputs.len()).map(|at| (0..width(at)).collect()).collect()
            }
            _ => reads(plan, index, Some(&all[index])),
        };
        for (input, columns) in operator.inputs.iter().zip(reads) {
            all[input.0 as usize].extend(columns);
        }
    }
    all
}

struct Walk<'a> {
    plan: &'a Plan,
    stages: Vec<Stage>,
}

impl Walk<'_> {
    fn above(&mut self, index: usize, needed: Columns) {
        let operator = &self.plan.operators[index];
        let (word, place) = (&operator.word, operator.place);
        let named = |input: usize| (*self.plan.operators[input].output).clone();
        let texts = self.texts(index, &needed, named);
        let made = self.texts(index, &needed, |input| roots(self.plan, input));
        let stages = texts.into_iter().zip(made);
        self.stages.extend(stages.map(|(text, made)| Stage {
            word: word.clone(),
            text,
            made,
            field: None,
            place,
        }));
        if let OperatorKind::Source(call) = &operator.kind {
            self.stages.extend(made_up(call, operator, &needed));
        }
        let inputs = reads(self.plan, index, Some(&needed));
        for (at, needed) in inputs.into_iter().enumerate() {
            self.above(operator.inputs[at].0 as usize, needed);
        }
    }

    /// What a stage does for these columns, with the names that an input's columns have; nothing if they just pass.
    fn texts(&self, index: usize, needed: &Columns, named: impl Fn(usize) -> RecordType) -> Vec<String> {
        let operator = &self.plan.operators[index];
        let columns = || inputs(operator, &named);
        let shown = |expr: &Expr| expression(expr, &columns());
        match &operator.kind {
            OperatorKind::Map { exprs } => {
                let computed = needed.iter().map(|c| &exprs[*c]).filter(|expr| expr.as_column().is_none());
                computed.map(shown).collect()
            }
            OperatorKind::Filter { cond } => vec![shown(cond)],
            OperatorKind::FlatMap { list } => vec![shown(list)],
            // Where the time is computed is a stage of its own.
            OperatorKind::EventTime { column, .. } => match traced(self.plan, index, *column) {
                Origin::Field(name) => vec![name],
                Origin::Computed(..) | Origin::Element(..) => vec![String::new()],
            },
            OperatorKind::Source(call) => vec![connector(call, &operator.output, &Columns::new())],
            OperatorKind::Table { connector: call, .. } => vec![connector(call, &operator.output, needed)],
            OperatorKind::Aggregate(aggregate) => vec![results(operator, &aggregate.results, needed)],
            OperatorKind::Sample { probability } => vec![probability.to_string()],
            OperatorKind::Limit { n } => vec![n.to_string()],
            OperatorKind::Errors { declaration } | OperatorKind::Late { declaration } => {
                vec![self.plan.declarations[*declaration as usize].name.clone()]
            }
            OperatorKind::Scan { emit, .. } => {
                let mut columns = columns();
                let width = columns.fields.len();
                columns.fields.push(Field::new("state", DataType::Json));
                let given = needed.iter().filter_map(|column| emit.get(*column));
                let computed = given.filter(|expr| expr.as_column().is_none_or(|column| column >= width));
                let computed: Vec<String> = computed.map(|expr| expression(expr, &columns)).collect();
                vec![computed.join(", ")]
            }
            OperatorKind::Join(Join { bound: JoinBound::Lookup, kind, equal, rest, .. }) => {
                let [left, right] = [0, 1].map(|at| named(operator.inputs[at].0 as usize));
                let passes =
                    *kind == JoinKind::Left && needed.iter().all(|column| *column < left.fields.len());
                let same =
                    |(l, r): &(Expr, Expr)| format!("{} == {}", expression(l, &left), expression(r, &right));
                let conditions = equal.iter().map(same).chain(rest.iter().map(shown));
                // Rows that only look something up are the same whatever they find.
                if passes { Vec::new() } else { vec![conditions.collect::<Vec<_>>().join(", ")] }
            }
            OperatorKind::Top { .. }
            | OperatorKind::Latest { .. }
            | OperatorKind::Distinct { .. }
            | OperatorKind::Join(_) => vec![String::new()],
            OperatorKind::Union | OperatorKind::Tap { .. } | OperatorKind::Sink(_) => Vec::new(),
        }
    }
}

/// The columns of all inputs, called so.
pub(super) fn inputs(operator: &Operator, named: impl Fn(usize) -> RecordType) -> RecordType {
    let inputs = operator.inputs.iter().flat_map(|input| named(input.0 as usize).fields);
    RecordType { fields: inputs.collect() }
}

/// What is computed behind an aggregation of its aggregates.
fn results(operator: &Operator, results: &[Expr], needed: &Columns) -> String {
    let kept = operator.output.fields.len() - results.len();
    let computed = needed.iter().filter_map(|column| results.get(column.checked_sub(kept)?));
    let width = computed.clone().flat_map(read_by).max().map_or(0, |column| column + 1);
    let columns = (0..width).map(|c| Field::new(format!("{c}"), DataType::Json));
    let columns = RecordType::new(columns.collect());
    let parts: Vec<String> =
        computed.filter(|expr| expr.as_column().is_none()).map(|expr| expression(expr, &columns)).collect();
    parts.join(", ")
}

/// Does an argument of a source say what its rows are? How fast they come and how many there are does not; but Nexmark's
/// events happen as fast as they come. (The format stands by itself: it may come from the file's name.)
fn says_what_rows_are(call: &ConnectorCall, arg: &ConnectorArg) -> bool {
    match arg.name.as_str() {
        "rate" => call.name == "nexmark",
        "rows" | "events" | "follow" | "format" => false,
        _ => true,
    }
}

/// Is an argument given as it is without being given?
fn is_default(call: &ConnectorCall, arg: &ConnectorArg) -> bool {
    let known = flow_plan::connector::lookup(&call.name).and_then(|def| def.arg(&arg.name));
    let written = flow_plan::display::argument(&arg.value);
    known.is_some_and(|known| matches!(known.need, Need::Default(default) if default == written))
}

/// How a source makes up the values of these columns, each by itself.
fn made_up<'a>(
    call: &'a ConnectorCall,
    operator: &'a Operator,
    needed: &'a Columns,
) -> impl Iterator<Item = Stage> + 'a {
    let read = |name: &str| needed.iter().any(|column| &*operator.output.fields[*column].name == name);
    call.generators.iter().filter(move |made| read(&made.name)).map(|made| {
        let text = flow_plan::display::generator(&made.kind);
        let (word, field) = (operator.word.clone(), Some(made.name.clone()));
        Stage { word, made: text.clone(), text, field, place: operator.place }
    })
}

/// Where a source reads, how bytes become rows, and how these columns are made.
pub(super) fn connector(call: &ConnectorCall, output: &RecordType, needed: &Columns) -> String {
    let told = call.args.iter().filter(|arg| says_what_rows_are(call, arg) && !is_default(call, arg));
    let told = told.map(|arg| format!("{}: {}", arg.name, flow_plan::display::argument(&arg.value)));
    let format = call.format.iter().map(|format| format!("format: {}", flow_plan::display::format(format)));
    let read = |name: &str| needed.iter().any(|column| &*output.fields[*column].name == name);
    let made = call.generators.iter().filter(|generator| read(&generator.name));
    let made = made.map(|made| format!("{}: {}", made.name, flow_plan::display::generator(&made.kind)));
    format!("{}({})", call.name, told.chain(format).chain(made).collect::<Vec<_>>().join(", "))
}

/// The columns of an operator, called by what they are made of.
pub(super) fn roots(plan: &Plan, index: usize) -> RecordType {
    let mut known = HashMap::new();
    let fields = plan.operators[index].output.fields.iter().enumerate();
    let fields = fields.map(|(column, field)| {
        let made = Roots { plan, known: &mut known }.of(index, column);
        Field { name: made.into(), ..field.clone() }
    });
    RecordType { fields: fields.collect() }
}

/// What columns are made of: fields of sources and results, and what maps compute of them.
struct Roots<'a> {
    plan: &'a Plan,
    known: &'a mut HashMap<(usize, usize), String>,
}

impl Roots<'_> {
    fn of(&mut self, index: usize, column: usize) -> String {
        if let Some(known) = self.known.get(&(index, column)) {
            return known.clone();
        }
        let made = self.found(index, column);
        self.known.insert((index, column), made.clone());
        made
    }

    fn found(&mut self, index: usize, column: usize) -> String {
        let plan = self.plan;
        let operator = &plan.operators[index];
        let name = || operator.output.fields[column].name.to_string();
        let Some(above) = operator.inputs.first().map(|input| input.0 as usize) else { return name() };
        match &operator.kind {
            OperatorKind::Map { exprs } => match exprs[column].as_column() {
                Some(passed) => self.of(above, passed),
                None => self.computed(&exprs[column], above),
            },
            OperatorKind::Union => {
                let mut all: Vec<String> =
                    operator.inputs.iter().map(|input| self.of(input.0 as usize, column)).collect();
                all.dedup();
                all.join(" or ")
            }
            OperatorKind::Filter { .. }
            | OperatorKind::EventTime { .. }
            | OperatorKind::Sample { .. }
            | OperatorKind::Limit { .. }
            | OperatorKind::Tap { .. }
            | OperatorKind::Distinct { .. } => self.of(above, column),
            OperatorKind::FlatMap { list } if column + 1 == operator.output.fields.len() => {
                format!("each of {}", self.computed(list, above))
            }
            OperatorKind::FlatMap { .. } => self.of(above, column),
            OperatorKind::Aggregate(aggregate) if column < aggregate.keys.len() => {
                self.of(above, aggregate.keys[column])
            }
            _ => name(),
        }
    }

    fn computed(&mut self, expr: &Expr, above: usize) -> String {
        let mut columns = (*self.plan.operators[above].output).clone();
        for column in read_by(expr) {
            columns.fields[column].name = self.of(above, column).into();
        }
        expression(expr, &columns)
    }
}

/// What a `keyBy` says a column of its key is: a field, or an expression of some.
pub(super) fn said(plan: &Plan, index: usize, column: usize) -> String {
    let name = |index: usize, column: usize| plan.operators[index].output.fields[column].name.to_string();
    let (mut at, mut passing) = (index, column);
    loop {
        let operator = &plan.operators[at];
        let above = operator.inputs.first().map(|input| input.0 as usize);
        let Some(above) = above.filter(|_| operator.state.is_none()) else { break };
        match &operator.kind {
            OperatorKind::Map { exprs } => {
                let of_key = operator.word == "keyBy";
                match exprs[passing].as_column() {
                    Some(passed) if of_key && name(above, passed) != name(at, passing) => {
                        return name(above, passed);
                    }
                    Some(passed) => passing = passed,
                    None if of_key => return expression(&exprs[passing], &plan.operators[above].output),
                    None => break,
                }
            }
            OperatorKind::FlatMap { .. } if passing + 1 == operator.output.fields.len() => break,
            _ => {}
        }
        at = above;
    }
    name(index, column)
}

/// What a column comes from.
enum Origin<'a> {
    /// A field of a source, or a result.
    Field(String),
    /// An expression of some stage, over these columns.
    Computed(&'a Expr, &'a RecordType),
    /// An element of a list.
    Element(&'a Expr, &'a RecordType),
}

/// The field, or the expression, that a column comes from; of a record that is put together there, also its fields.
pub(super) fn origin(plan: &Plan, index: usize, column: usize) -> (String, Vec<ColumnShape>) {
    match traced(plan, index, column) {
        Origin::Field(text) => (text, Vec::new()),
        Origin::Computed(expr, columns) => (expression(expr, columns), parts(expr, columns)),
        Origin::Element(list, columns) => (format!("each of {}", expression(list, columns)), Vec::new()),
    }
}

fn parts(expr: &Expr, columns: &RecordType) -> Vec<ColumnShape> {
    let (Some(Kind::Record(values)), DataType::Record(record)) =
        (expr.nodes.last().map(|node| &node.kind), expr.ty().unwrapped())
    else {
        return Vec::new();
    };
    let part = |(field, value): (&Field, &NodeId)| {
        // Nodes stand behind those that they need.
        let value = Expr { nodes: expr.nodes[..=value.0 as usize].to_vec() };
        ColumnShape {
            name: field.name.to_string(),
            ty: field.ty.clone(),
            origin: expression(&value, columns),
            parts: parts(&value, columns),
        }
    };
    record.fields.iter().zip(values).map(part).collect()
}

fn traced(plan: &Plan, index: usize, column: usize) -> Origin<'_> {
    let (mut index, mut column) = (index, column);
    loop {
        let operator = &plan.operators[index];
        let above = operator.inputs.first().map(|input| input.0 as usize);
        let name = || Origin::Field(operator.output.fields[column].name.to_string());
        let Some(above) = above else { return name() };
        match &operator.kind {
            OperatorKind::Map { exprs } => match exprs[column].as_column() {
                Some(passed) => column = passed,
                None => return Origin::Computed(&exprs[column], &plan.operators[above].output),
            },
            OperatorKind::Filter { .. }
            | OperatorKind::EventTime { .. }
            | OperatorKind::Union
            | OperatorKind::Sample { .. }
            | OperatorKind::Limit { .. }
            | OperatorKind::Tap { .. }
            | OperatorKind::Distinct { .. } => {}
            OperatorKind::FlatMap { list } => {
                if column + 1 == operator.output.fields.len() {
                    return Origin::Element(list, &plan.operators[above].output);
                }
            }
            OperatorKind::Aggregate(aggregate) if column < aggregate.keys.len() => {
                column = aggregate.keys[column];
            }
            _ => return name(),
        }
        index = above;
    }
}
