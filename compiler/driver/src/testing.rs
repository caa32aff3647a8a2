//! `test` blocks as something that can be run: a plan with the rows' sources and sinks in it, and the steps.

use crate::Compilation;
use flow_plan::operator::Plan;
use flow_plan::{RecordType, Value};
use flow_syntax::{SourceMap, Span};
use flow_types::checked::Input;
use flow_types::{CheckedStep, CheckedTest};
pub use flow_types::{ExpectedRow, Wanted};
use std::sync::Arc;

/// A test, or a part of one between two `restore into`, ready to run.
#[derive(Clone, Debug)]
pub struct TestPlan {
    /// What its targets need. Sources and sinks are the connector [`flow_plan::connector::TEST`].
    pub plan: Plan,
    /// Its steps, in order.
    pub steps: Vec<Step>,
    /// How many things are looked at.
    pub targets: usize,
    /// Index of the first of the expectations behind the last rows and times: they hold when the input has
    /// ended, those before them when they are reached. Where another script goes on, the input does not end.
    pub last_group: usize,
}

/// A step.
#[derive(Clone, Debug)]
pub enum Step {
    /// A source or table gives rows.
    Given {
        /// Its name.
        declaration: String,
        /// They, in order.
        rows: Vec<GivenRow>,
    },
    /// Processing time goes on by so many microseconds.
    Advance {
        /// Microseconds.
        by: i64,
    },
    /// Rows must have come.
    Expect(Expect),
    /// What the job holds can be kept. One that is restored is no step: it is how a part of a test ends.
    Savepoint,
}

/// A row of a `given`.
#[derive(Clone, Debug)]
pub struct GivenRow {
    /// One value per column of the declaration's schema.
    pub values: Vec<Value>,
    /// As it is written, in one line.
    pub text: String,
    /// The line of the test's script it begins in.
    pub line: usize,
}

/// An `expect`.
#[derive(Clone, Debug)]
pub struct Expect {
    /// Is order compared?
    pub ordered: bool,
    /// Index of what is looked at.
    pub target: usize,
    /// Its name: `hot`, `hot.late`.
    pub name: String,
    /// Its columns.
    pub record: Arc<RecordType>,
    /// Expected rows.
    pub rows: Vec<ExpectedRow>,
    /// The step.
    pub span: Span,
}

/// The tests of a script.
pub fn tests(compiled: &Compilation) -> &[CheckedTest] {
    &compiled.checked.tests
}

/// Makes a test of a script without errors ready to run: its parts with the script that each is about. Each part but the
/// first goes on from a savepoint of the one before.
pub fn plans(compiled: &Compilation, test: usize) -> Vec<(&Compilation, TestPlan)> {
    let own = compiled.checked.tests.get(test).map(|test| (compiled, &test.steps));
    let upgrades = compiled.upgrades.iter().filter(|upgrade| upgrade.test == test);
    let parts = own.into_iter().chain(upgrades.map(|upgrade| (&upgrade.script, &upgrade.steps)));
    // Steps stand in the test's own script, whatever script they are about.
    parts.map(|(script, steps)| (script, plan(script, steps, &compiled.sources))).collect()
}

fn given_row(values: &[Value], place: Span, sources: &SourceMap) -> GivenRow {
    let file = sources.file(place.file);
    let text = file.text.get(place.range()).unwrap_or_default();
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    GivenRow { values: values.to_vec(), text, line: file.line_at(place.start as usize) }
}

fn plan(compiled: &Compilation, checked_steps: &[CheckedStep], own: &SourceMap) -> TestPlan {
    let restored = matches!(checked_steps.last(), Some(CheckedStep::Restore { .. }));
    // The savepoint that is restored: nothing happens behind it.
    let kept = checked_steps.iter().rposition(|step| matches!(step, CheckedStep::Savepoint { .. }));
    let checked = &compiled.checked;
    let name = |index: usize| checked.declarations[index].name.to_string();
    let mut targets: Vec<Input> = Vec::new();
    let mut steps = Vec::new();
    for (at, step) in checked_steps.iter().enumerate() {
        steps.push(match step {
            CheckedStep::Savepoint { .. } if restored && kept == Some(at) => continue,
            CheckedStep::Savepoint { .. } => Step::Savepoint,
            CheckedStep::Restore { .. } => continue,
            CheckedStep::Given { declaration, rows, places, .. } => {
                let rows = rows.iter().zip(places).map(|(row, place)| given_row(row, *place, own));
                Step::Given { declaration: name(*declaration), rows: rows.collect() }
            }
            CheckedStep::Advance { by, .. } => Step::Advance { by: *by },
            CheckedStep::Expect { ordered, target, record, rows, span } => {
                let index = targets.iter().position(|known| known == target).unwrap_or_else(|| {
                    targets.push(*target);
                    targets.len() - 1
                });
                let name = match target {
                    Input::Declaration(index) => name(*index),
                    Input::Errors(index) => format!("{}.errors", name(*index)),
                    Input::Late(index) => format!("{}.late", name(*index)),
                    Input::Operator(_) => unreachable!("tests look at declarations"),
                };
                let (record, rows) = (record.clone(), rows.clone());
                Step::Expect(Expect { ordered: *ordered, target: index, name, record, rows, span: *span })
            }
        });
    }
    let last_group = match steps.iter().rposition(|step| !matches!(step, Step::Expect(_))) {
        _ if restored => steps.len(),
        last => last.map_or(0, |at| at + 1),
    };
    let plan = flow_types::plan_for_test(checked, &compiled.sources, &targets, restored);
    TestPlan { plan, steps, targets: targets.len(), last_group }
}
