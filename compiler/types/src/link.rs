//! Checked declarations → one operator graph: what a sink needs, once each, inputs first.

use crate::checked::{Checked, CheckedDeclaration, CheckedKind, CheckedPipeline, Input};
use crate::checker::place;
use flow_plan::operator::{
    Declaration, DeclarationKind, OnError, Operator, OperatorId, OperatorKind, Plan, Script, StreamMode,
    errors_type,
};
use flow_syntax::SourceMap;
use std::sync::Arc;

/// The plan of a script without errors: the operators that some sink needs.
pub fn plan(checked: &Checked, sources: &SourceMap) -> Plan {
    let roots: Vec<usize> = (0..checked.declarations.len())
        .filter(|i| pipeline(checked, *i).is_some_and(|p| p.kind == DeclarationKind::Sink && p.ok))
        .collect();
    plan_for(checked, sources, &roots)
}

/// The plan of chosen declarations (a test looks at streams too).
pub fn plan_for(checked: &Checked, sources: &SourceMap, roots: &[usize]) -> Plan {
    let needed = needed(checked, roots);
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
    for declaration in &needed {
        linker.declare(*declaration, &needed);
    }
    for declaration in needed {
        linker.link(declaration);
    }
    linker.plan
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

struct Linker<'c> {
    checked: &'c Checked,
    plan: Plan,
    /// Per declaration: the operator whose rows it gives.
    results: Vec<Option<OperatorId>>,
    /// Per declaration: its index in the plan.
    index: Vec<Option<u32>>,
}

impl Linker<'_> {
    fn declare(&mut self, index: usize, needed: &[usize]) {
        let declaration: &CheckedDeclaration = &self.checked.declarations[index];
        let Some(checked) = pipeline(self.checked, index) else { return };
        // Only what is part of this plan consumes a side output.
        let consumed = |wanted: Input| {
            needed
                .iter()
                .filter_map(|i| pipeline(self.checked, *i))
                .any(|p| p.result == Some(wanted) || p.operators.iter().any(|o| o.inputs.contains(&wanted)))
        };
        let on_error =
            if consumed(Input::Errors(index)) { OnError::Route } else { self.checked.job.on_error };
        self.plan.declarations.push(Declaration {
            name: declaration.name.to_string(),
            kind: checked.kind,
            on_error,
            late_consumed: consumed(Input::Late(index)),
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
            });
            ids.push(Some(self.last()));
        }
        self.results[index] = checked.result.and_then(|result| self.input(result, &ids, declaration));
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
        });
        self.last()
    }
}
