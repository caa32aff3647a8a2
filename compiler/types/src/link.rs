//! Checked declarations → one operator graph: what a sink needs, once each, inputs first.

use crate::checked::{Checked, CheckedDeclaration, CheckedKind, CheckedPipeline, Input};
use crate::checker::place;
use crate::hash::HashSet;
use flow_plan::Value;
use flow_plan::connector::{ArgValue, ConnectorArg, ConnectorCall, TEST};
use flow_plan::operator::{
    Declaration, DeclarationKind, GroupedAt, OnError, Operator, OperatorId, OperatorKind, Plan, Script,
    StreamMode, errors_type,
};
use flow_syntax::SourceMap;
use std::sync::Arc;

/// The plan of a script without errors: the operators that some sink needs.
pub fn plan(checked: &Checked, sources: &SourceMap) -> Plan {
    linked(checked, sources, &sinks(checked), &[]).plan
}

fn sinks(checked: &Checked) -> Vec<usize> {
    (0..checked.declarations.len())
        .filter(|i| pipeline(checked, *i).is_some_and(|p| p.kind == DeclarationKind::Sink && p.ok))
        .collect()
}

/// The plan of a test: what the looked-at streams, sinks and side outputs need. Sources and tables become
/// connectors [`TEST`] with their declaration's name as `given` (or `table`), and each target gets a sink [`TEST`] with
/// its place in the list as `target`; the script's own sinks write nothing. With `whole` there is also all that the script's
/// sinks need: another script may go on with any of it.
pub fn plan_for_test(checked: &Checked, sources: &SourceMap, targets: &[Input], whole: bool) -> Plan {
    let roots = if whole { sinks(checked) } else { Vec::new() };
    let mut linker = linked(checked, sources, &roots, targets);
    for operator in &mut linker.plan.operators {
        let declaration = &linker.plan.declarations[operator.declaration as usize];
        let (call, arg) = match &mut operator.kind {
            OperatorKind::Source(call) => (call, "given"),
            OperatorKind::Table { connector, .. } => (connector, "table"),
            _ => continue,
        };
        *call = test_call(call, arg, Value::string(declaration.name.as_str()));
    }
    // What sinks were given is what they read; they themselves go.
    let mut reads: Vec<Option<OperatorId>> = Vec::new();
    for target in targets {
        let sink = |operator: &&Operator| match (target, &operator.kind) {
            (Input::Declaration(index), OperatorKind::Sink(_)) => {
                linker.index[*index] == Some(operator.declaration)
            }
            _ => false,
        };
        let read = linker.plan.operators.iter().find(sink).map(|operator| operator.inputs[0]);
        reads.push(read);
    }
    for (at, (target, read)) in targets.iter().zip(reads).enumerate() {
        let Some(input) = read.or_else(|| linker.input(*target, &[], 0)) else { continue };
        linker.look(at, input);
    }
    let script_sink = |operator: &Operator| match &operator.kind {
        OperatorKind::Sink(call) => call.name != TEST,
        _ => false,
    };
    // Sinks are nobody's input, but those behind them stand for others: numbers must not move.
    for operator in linker.plan.operators.iter_mut().filter(|operator| script_sink(operator)) {
        if let OperatorKind::Sink(call) = &mut operator.kind {
            *call = test_call(call, "target", Value::Int(-1));
        }
    }
    linker.plan
}

/// The connector of a test, with one argument.
fn test_call(call: &ConnectorCall, name: &str, value: Value) -> ConnectorCall {
    let arg = ConnectorArg { name: name.into(), value: ArgValue::Value(value), place: call.place };
    ConnectorCall {
        name: TEST.into(),
        args: vec![arg],
        format: None,
        schema: call.schema.clone(),
        generators: Vec::new(),
        place: call.place,
    }
}

/// The operators that roots and targets need.
fn linked<'c>(checked: &'c Checked, sources: &SourceMap, roots: &[usize], targets: &[Input]) -> Linker<'c> {
    let declaration = |target: &Input| match target {
        Input::Declaration(index) | Input::Errors(index) | Input::Late(index) => Some(*index),
        Input::Operator(_) => None,
    };
    let roots: Vec<usize> = roots.iter().copied().chain(targets.iter().filter_map(declaration)).collect();
    let needed = needed(checked, &roots);
    let mut linker = Linker {
        checked,
        plan: Plan::default(),
        results: vec![None; checked.declarations.len()],
        index: Vec::new(),
    };
    linker.plan.scripts = sources
        .files()
        .map(|(_, file)| Script { name: file.name.clone(), text: Arc::from(file.text.as_str()) })
        .collect();
    linker.plan.job = checked.job.clone();
    linker.index = vec![None; checked.declarations.len()];
    let read = side_outputs(checked, &needed, targets);
    for declaration in &needed {
        linker.declare(*declaration, &read);
    }
    for declaration in needed {
        linker.link(declaration);
    }
    linker
}

fn pipeline(checked: &Checked, index: usize) -> Option<&CheckedPipeline> {
    match &checked.declarations.get(index)?.kind {
        CheckedKind::Pipeline(pipeline) => Some(pipeline),
        _ => None,
    }
}

/// The declarations that the roots read, directly or not, in an order in which inputs come first.
fn needed(checked: &Checked, roots: &[usize]) -> Vec<usize> {
    let edges: Vec<Vec<usize>> = (0..checked.declarations.len())
        .map(|i| pipeline(checked, i).map(reads).unwrap_or_default())
        .collect();
    let mut marked = vec![false; edges.len()];
    let mut open: Vec<usize> = roots.to_vec();
    while let Some(index) = open.pop() {
        if !std::mem::replace(&mut marked[index], true) {
            open.extend(&edges[index]);
        }
    }
    let (sorted, _) = crate::order::order(&edges);
    sorted.into_iter().filter(|i| marked[*i] && pipeline(checked, *i).is_some_and(|p| p.ok)).collect()
}

fn reads(pipeline: &CheckedPipeline) -> Vec<usize> {
    let inputs = pipeline.operators.iter().flat_map(|o| o.inputs.iter()).chain(pipeline.result.iter());
    inputs
        .filter_map(|input| match input {
            Input::Operator(_) => None,
            Input::Declaration(i) | Input::Errors(i) | Input::Late(i) => Some(*i),
        })
        .collect()
}

/// The side outputs that the declarations of this plan read, or a test looks at.
fn side_outputs(checked: &Checked, needed: &[usize], targets: &[Input]) -> HashSet<Input> {
    let pipelines = needed.iter().filter_map(|i| pipeline(checked, *i));
    let inputs =
        pipelines.flat_map(|p| p.operators.iter().flat_map(|o| o.inputs.iter()).chain(p.result.iter()));
    let all = inputs.chain(targets);
    all.filter(|input| matches!(input, Input::Errors(_) | Input::Late(_))).copied().collect()
}

struct Linker<'c> {
    checked: &'c Checked,
    plan: Plan,
    /// Per declaration: the operator whose rows it gives.
    results: Vec<Option<OperatorId>>,
    /// Per declaration: its index in the plan.
    index: Vec<Option<u32>>,
}

impl Linker<'_> {
    fn declare(&mut self, index: usize, read: &HashSet<Input>) {
        let declaration: &CheckedDeclaration = &self.checked.declarations[index];
        let Some(checked) = pipeline(self.checked, index) else { return };
        let on_error =
            if read.contains(&Input::Errors(index)) { OnError::Route } else { self.checked.job.on_error };
        self.plan.declarations.push(Declaration {
            name: declaration.name.to_string(),
            was: declaration.was.as_ref().map(ToString::to_string),
            kind: checked.kind,
            on_error,
            late_consumed: read.contains(&Input::Late(index)),
            place: place(declaration.name_span),
        });
        self.index[index] = Some(self.plan.declarations.len() as u32 - 1);
    }

    fn link(&mut self, index: usize) {
        let (Some(checked), Some(declaration)) = (pipeline(self.checked, index), self.index[index]) else {
            return;
        };
        let mut ids: Vec<Option<OperatorId>> = Vec::with_capacity(checked.operators.len());
        for operator in &checked.operators {
            let inputs: Option<Vec<OperatorId>> =
                operator.inputs.iter().map(|input| self.input(*input, &ids, declaration)).collect();
            let Some(inputs) = inputs else {
                ids.push(None);
                continue;
            };
            self.plan.operators.push(Operator {
                kind: operator.kind.clone(),
                inputs,
                output: operator.output.clone(),
                mode: operator.mode.clone(),
                declaration,
                word: operator.word.clone(),
                state: operator.state.clone(),
                place: place(operator.span),
                grouped_at: operator.grouped_at,
            });
            ids.push(Some(self.last()));
        }
        self.results[index] = checked.result.and_then(|result| self.input(result, &ids, declaration));
    }

    /// Adds the sink of a test's target.
    fn look(&mut self, at: usize, input: OperatorId) {
        let from = &self.plan.operators[input.0 as usize];
        let place = from.place;
        // A declaration of its own: errors of a stream must not flow back into it.
        self.plan.declarations.push(Declaration {
            name: "expect".into(),
            was: None,
            kind: DeclarationKind::Sink,
            on_error: OnError::Fail,
            late_consumed: false,
            place,
        });
        let declaration = self.plan.declarations.len() as u32 - 1;
        let arg =
            ConnectorArg { name: "target".into(), value: ArgValue::Value(Value::Int(at as i64)), place };
        let call = ConnectorCall {
            name: TEST.into(),
            args: vec![arg],
            format: None,
            schema: from.output.clone(),
            generators: Vec::new(),
            place,
        };
        let operator = Operator {
            kind: OperatorKind::Sink(call),
            inputs: vec![input],
            output: Arc::default(),
            mode: from.mode.clone(),
            declaration,
            word: "expect".into(),
            state: None,
            place,
            grouped_at: GroupedAt::default(),
        };
        self.plan.operators.push(operator);
    }

    fn last(&self) -> OperatorId {
        OperatorId(self.plan.operators.len() as u32 - 1)
    }

    fn input(&mut self, input: Input, own: &[Option<OperatorId>], reader: u32) -> Option<OperatorId> {
        match input {
            Input::Operator(operator) => own.get(operator).copied().flatten(),
            Input::Declaration(index) => self.results[index],
            Input::Errors(index) => {
                let declaration = self.index[index]?;
                Some(self.side(
                    OperatorKind::Errors { declaration },
                    index,
                    Arc::new(errors_type()),
                    reader,
                    "errors",
                ))
            }
            Input::Late(index) => {
                let declaration = self.index[index]?;
                let output = pipeline(self.checked, index)?.late.as_ref()?.record()?;
                Some(self.side(OperatorKind::Late { declaration }, index, output, reader, "late"))
            }
        }
    }

    /// The operator of a side output: one for all that read it.
    fn side(
        &mut self,
        kind: OperatorKind,
        of: usize,
        output: Arc<flow_plan::RecordType>,
        reader: u32,
        word: &str,
    ) -> OperatorId {
        let same = |a: &OperatorKind| match (a, &kind) {
            (OperatorKind::Errors { declaration: a }, OperatorKind::Errors { declaration: b })
            | (OperatorKind::Late { declaration: a }, OperatorKind::Late { declaration: b }) => a == b,
            _ => false,
        };
        if let Some(found) = self.plan.operators.iter().position(|o| same(&o.kind)) {
            return OperatorId(found as u32);
        }
        let _ = reader;
        let declaration = self.index[of].unwrap_or(reader);
        self.plan.operators.push(Operator {
            kind,
            inputs: Vec::new(),
            output,
            mode: StreamMode::Append,
            declaration,
            word: word.to_string(),
            state: None,
            place: place(self.checked.declarations[of].name_span),
            grouped_at: GroupedAt::default(),
        });
        self.last()
    }
}
