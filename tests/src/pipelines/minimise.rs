//! From a failing case to a small one: stages, declarations and rows are left out as long as it still fails.

use super::compare::{Verdict, check};
use super::model::Case;

/// Runs at most.
const TRIES: usize = 1_500;

/// The smallest failing case that was found, and its report.
pub(super) fn minimise(case: &Case, report: String, native: bool) -> (Case, String) {
    let mut small = Small { case: case.clone(), report, native, tries: TRIES };
    loop {
        let before = small.size();
        small.declarations();
        small.stages();
        small.rows();
        if small.size() == before || small.tries == 0 {
            return (small.case, small.report);
        }
    }
}

struct Small {
    case: Case,
    report: String,
    native: bool,
    tries: usize,
}

impl Small {
    fn size(&self) -> usize {
        let declarations = &self.case.script.declarations;
        let stages: usize =
            declarations.iter().map(|d| 1 + d.stages.iter().map(|s| s.0.len()).sum::<usize>()).sum();
        let rows = self.case.inputs.chunks.values().flatten().map(|chunk| 1 + chunk.len());
        stages
            + rows.sum::<usize>()
            + self.case.inputs.moments.len()
            + self.case.inputs.tables.values().map(Vec::len).sum::<usize>()
    }

    /// Keeps a change if it still fails.
    fn keep(&mut self, change: impl FnOnce(&mut Case)) -> bool {
        if self.tries == 0 {
            return false;
        }
        self.tries -= 1;
        let mut case = self.case.clone();
        change(&mut case);
        match check(&case, self.native) {
            Verdict::Differs(report) => {
                (self.case, self.report) = (case, report);
                true
            }
            _ => false,
        }
    }

    fn declarations(&mut self) {
        for at in (0..self.case.script.declarations.len()).rev() {
            self.keep(|case| {
                case.script.declarations.remove(at);
            });
        }
    }

    fn stages(&mut self) {
        for declaration in (0..self.case.script.declarations.len()).rev() {
            for stage in (0..self.case.script.declarations[declaration].stages.len()).rev() {
                let gone = self.keep(|case| {
                    case.script.declarations[declaration].stages.remove(stage);
                });
                if gone {
                    continue;
                }
                for part in (0..self.case.script.declarations[declaration].stages[stage].0.len()).rev() {
                    self.keep(|case| {
                        case.script.declarations[declaration].stages[stage].0.remove(part);
                    });
                    self.results(declaration, stage, part);
                }
            }
        }
    }

    /// Leaves out results of an `aggregate { a: …, b: … }`.
    fn results(&mut self, declaration: usize, stage: usize, part: usize) {
        let parts = &self.case.script.declarations[declaration].stages[stage].0;
        let Some(list) = parts.get(part).and_then(|text| text.strip_prefix("aggregate { ")) else { return };
        let results: Vec<String> = list
            .trim_end_matches(" }")
            .split(", r_")
            .map(|r| format!("r_{}", r.trim_start_matches("r_")))
            .collect();
        for at in (0..results.len()).rev() {
            let text = |results: &[String]| format!("aggregate {{ {} }}", results.join(", "));
            let Some((name, _)) = results[at].split_once(':') else { continue };
            let plain = format!("{name}: count()");
            let mut fewer = results.clone();
            fewer[at] = plain;
            let fewer = text(&fewer);
            self.keep(|case| case.script.declarations[declaration].stages[stage].0[part] = fewer);
        }
    }

    fn rows(&mut self) {
        self.keep(|case| case.inputs.splits.clear());
        let names: Vec<String> = self.case.inputs.chunks.keys().cloned().collect();
        for name in names {
            self.chunks_of(&name);
        }
        for at in (0..self.case.inputs.moments.len()).rev() {
            self.keep(|case| {
                case.inputs.moments.remove(at);
            });
        }
        for name in self.case.inputs.tables.keys().cloned().collect::<Vec<_>>() {
            for row in (0..self.case.inputs.tables[&name].len()).rev() {
                self.keep(|case| {
                    if let Some(rows) = case.inputs.tables.get_mut(&name) {
                        rows.remove(row);
                    }
                });
            }
        }
    }

    fn chunks_of(&mut self, name: &str) {
        // Halves first, then one by one.
        let mut length = self.case.inputs.chunks[name].len();
        while length > 1 {
            let mut at = 0;
            while at < self.case.inputs.chunks[name].len() {
                let end = (at + length).min(self.case.inputs.chunks[name].len());
                let gone = self.keep(|case| case.inputs.remove(name, at..end));
                at = if gone { at } else { end };
            }
            length /= 2;
        }
        for chunk in (0..self.case.inputs.chunks[name].len()).rev() {
            let gone = self.keep(|case| case.inputs.remove(name, chunk..chunk + 1));
            if gone {
                continue;
            }
            for row in (0..self.case.inputs.chunks[name][chunk].len()).rev() {
                self.keep(|case| {
                    if let Some(chunks) = case.inputs.chunks.get_mut(name) {
                        chunks[chunk].remove(row);
                    }
                });
            }
        }
    }
}
