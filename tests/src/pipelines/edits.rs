//! A script that is edited while its job holds state: what the restore check says of the edit, and what comes of the job
//! that goes on with the new script.

use super::clock::BEGINNING;
use super::compare::{start, wait_for};
use super::held::snapshot;
use super::memory::{Memory, name_of};
use super::model::{Inputs, Row, show_row};
use flow_driver::restore::{self, Effect, Verdict};
use flow_driver::{Compilation, LoadError, Options, compile};
use flow_plan::interpret::{Event, Sequence, evaluate_sequence};
use flow_plan::operator::Plan;
use flow_plan::physical::number::Number;
use flow_plan::physical::{Graph, Node, NodeKind};
use std::path::Path;
use std::sync::Arc;

/// An edit of a script, and how many workers run the job before and behind it.
pub struct Edit<'a> {
    /// The script that holds state.
    pub old: &'a str,
    /// The script that goes on.
    pub new: &'a str,
    /// The chunks of each source. The old script stops behind the first chunk of all.
    pub sources: &'a [(&'a str, Vec<Vec<Row>>)],
}

/// What comes of the rows behind an edit.
pub struct Edited {
    /// What the old script had printed.
    pub before: Vec<String>,
    /// What the new script prints that goes on where the old one stopped, sorted; or why it does not start.
    pub printed: Result<Vec<String>, String>,
    /// What the evaluator gives for the new script over all rows, without what the old one had printed, sorted; or what the
    /// old one had printed that is not among it.
    pub of_all: Result<Vec<String>, String>,
    /// What the evaluator gives for the new script over the rows behind the stop; sorted.
    pub of_rest: Vec<String>,
    /// What both scripts read, and how much of it the old one did.
    events: Vec<Event>,
    stopped: usize,
}

impl Edited {
    /// What the evaluator gives for a script over all rows from the stop on: without what the rows in front of the stop
    /// make it give. Sorted.
    pub fn from_stop(&self, script: &str) -> Result<Vec<String>, String> {
        let numbered = |event: &&Event| !matches!(event, Event::End { .. });
        let stop = self.events[..self.stopped].iter().filter(numbered).count() as Number;
        let graph =
            flow_driver::runnable(&plan(&compiled(script)?)?).map_err(|found| format!("{found:?}"))?;
        evaluated(&graph, self.events.clone(), stop)
    }
}

/// What the restore check says of an edit.
pub struct Check {
    /// Its words: the verdict of each state, and what a user is told at which part of the new script.
    pub words: Vec<String>,
    /// Would `flow run` refuse the new script whatever is allowed?
    pub refused: bool,
}

impl Edit<'_> {
    /// Asks the restore check.
    pub fn check(&self) -> Result<Check, String> {
        let (old, new) = (compiled(self.old)?, compiled(self.new)?);
        let verdicts = restore::compare(&plan(&old)?, &plan(&new)?);
        let refused = verdicts.iter().any(|verdict| verdict.effect == Effect::Incompatible);
        let report = restore::report(&new.sources, &old.sources, "before", verdicts, false);
        let mut words: Vec<String> = report.verdicts.iter().map(summary).collect();
        for diagnostic in &report.diagnostics {
            let span = diagnostic.primary.span;
            let text = &report.sources.file(span.file).text;
            let at = text.get(span.start as usize..span.end as usize).unwrap_or_default();
            let severity = format!("{:?}", diagnostic.severity).to_lowercase();
            words.push(format!("{severity}[{}]: {} (at `{at}`)", diagnostic.code, diagnostic.message));
            words.extend(diagnostic.help.iter().map(|help| format!("  help: {help}")));
        }
        Ok(Check { words, refused })
    }

    /// Runs the old script up to behind the first chunk, and goes on with the new one.
    pub fn run(&self, (before, after): (usize, usize)) -> Result<Edited, String> {
        let mut inputs = Inputs::default();
        inputs.chunks.extend(self.sources.iter().map(|(name, chunks)| (name.to_string(), chunks.clone())));
        let memory = Memory::new(&inputs);
        let snapshot = snapshot(self.old, &memory, before)?;
        let known: Vec<String> = memory.take_written().iter().map(|row| show_row(row)).collect();
        let new = compiled(self.new)?;
        let graph = flow_driver::runnable(&plan(&new)?).map_err(|found| format!("{found:?}"))?;
        let graph = Arc::new(graph);
        let stopped = memory.seen();
        let printed = match start(&graph, &memory, Some(snapshot), after) {
            Ok(mut job) => {
                wait_for(&mut job, || false)?;
                job.wait().map_err(|error| error.message.clone())?;
                let mut printed: Vec<String> = memory.all_written().iter().map(|row| show_row(row)).collect();
                printed.sort();
                Ok(printed)
            }
            Err(why) => Err(why),
        };
        let events = memory.log();
        let stopped = stopped.min(events.len());
        let of_rest = evaluated(&graph, events[stopped..].to_vec(), 0)?;
        let of_all = without(evaluated(&graph, events.clone(), 0)?, &known);
        Ok(Edited { before: known, printed, of_all, of_rest, events, stopped })
    }
}

fn compiled(text: &str) -> Result<Compilation, String> {
    let bytes = text.as_bytes().to_vec();
    let mut loader = move |_: &Path| Ok::<_, LoadError>(bytes.clone());
    let compiled = compile(&mut loader, Path::new("edited.flow"), &Options::default());
    compiled.map_err(|error| error.to_string())
}

fn plan(of: &Compilation) -> Result<Plan, String> {
    let errors = of.diagnostics.iter().filter(|diagnostic| diagnostic.is_error());
    let errors: Vec<String> = errors.map(|d| format!("{} {}", d.code, d.message)).collect();
    of.plan.clone().ok_or_else(|| errors.join("\n"))
}

fn without(mut rows: Vec<String>, known: &[String]) -> Result<Vec<String>, String> {
    for row in known {
        let at = rows.iter().position(|other| other == row);
        rows.remove(
            at.ok_or_else(|| format!("the old script had printed {row:?}, which the new one does not give"))?,
        );
    }
    Ok(rows)
}

fn summary(verdict: &Verdict) -> String {
    let was = verdict.was.as_ref().map(|was| format!(" (was {was})")).unwrap_or_default();
    let mix = if verdict.changes_meaning { ", changesMeaning" } else { "" };
    format!("{}{was}: {}{mix}", verdict.id, verdict.effect.word())
}

/// The rows of all sinks from a number on, sorted.
fn evaluated(graph: &Graph, mut events: Vec<Event>, from: Number) -> Result<Vec<String>, String> {
    // The memory calls sources by their files.
    for event in &mut events {
        let (Event::Chunk { source, .. } | Event::End { source, .. }) = event else { continue };
        let reads = |node: &&Node| match &node.kind {
            NodeKind::Source { connector, .. } => name_of(connector) == *source,
            _ => false,
        };
        if let Some(node) = graph.nodes.iter().find(reads) {
            *source = graph.declarations[node.declaration as usize].name.clone();
        }
    }
    let sequence = Sequence { events, ..Sequence::default() };
    let outcome =
        evaluate_sequence(graph, &sequence, BEGINNING).map_err(|failure| failure.0.error.to_string())?;
    let sinks = (0..graph.nodes.len()).filter(|at| matches!(graph.nodes[*at].kind, NodeKind::Sink { .. }));
    let rows = sinks.flat_map(|sink| outcome.rows[sink].iter().zip(&outcome.numbers[sink]));
    let mut rows: Vec<String> =
        rows.filter(|(_, number)| **number >= from).map(|(row, _)| show_row(row)).collect();
    rows.sort();
    Ok(rows)
}
