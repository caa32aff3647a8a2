//! What a rename does to what running jobs have saved: results of aggregates, keys and the rows a state holds are saved
//! under their names, and no `@was` says what a field was called. It is the check of `flow check --against`, of the script
//! as it was and as it would be.

use super::Target;
use crate::Compilation;
use crate::restore::{Effect, Finding, Verdict, compare};

/// What would become of one state, or of what one source reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SavedChange {
    /// How bad it is.
    pub harm: Harm,
    /// Which state, the verdict, and why.
    pub message: String,
}

/// What is lost of a state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Harm {
    /// Nothing, but the restore check cannot know that a word means what another one did.
    Warned,
    /// Nothing: it is brought into another form.
    None,
    /// Nothing that is saved: other names are looked for in data.
    Reads,
    /// Nothing that is saved: other names are written, which others read.
    Writes,
    /// Nobody can say, while the script has errors.
    Unknown,
    /// Something, or all of it: a job does not go on from there, or only without it.
    Lost,
}

/// What renaming does to the states of a script. The names of declarations are no part of this: `@was` says what they were.
pub fn saved_changes(before: &Compilation, after: &Compilation, target: &Target) -> Vec<SavedChange> {
    if target.is_declaration(before) || !keeps_state(before) {
        return Vec::new();
    }
    let (Some(old), Some(new)) = (before.to_plan(), after.to_plan()) else {
        let message = "what becomes of saved state is not known while the script has errors".to_string();
        return vec![SavedChange { harm: Harm::Unknown, message }];
    };
    changed(&compare(&old, &new))
}

/// What verdicts on states come to.
pub(super) fn changed(verdicts: &[Verdict]) -> Vec<SavedChange> {
    verdicts.iter().filter_map(change).collect()
}

pub(super) fn keeps_state(compiled: &Compilation) -> bool {
    let checked = &compiled.checked;
    let mut pipelines = (0..checked.declarations.len()).filter_map(|index| checked.pipeline(index));
    pipelines.any(|pipeline| pipeline.operators.iter().any(|operator| operator.state.is_some()))
}

/// The worst of a verdict. Where the check would warn that old and new rows mix, that is said too: what is renamed means
/// what it did, but whoever deploys it will read the warning.
fn change(verdict: &Verdict) -> Option<SavedChange> {
    let changed = verdict.findings.iter().filter(|finding| finding.effect >= Effect::Migrates);
    let harm = |finding: &Finding| if finding.loses { Harm::Lost } else { Harm::None };
    // Of several that are as bad, the first.
    let worst = changed.rev().max_by_key(|finding| (finding.effect, harm(finding)));
    if let Some(worst) = worst {
        let message = format!("`{}` {}: {}", verdict.id, worst.effect.word(), worst.message);
        return Some(SavedChange { harm: harm(worst), message });
    }
    let warned = verdict.findings.iter().find(|finding| finding.changes_meaning)?;
    let message = format!("`{}`: `flow check --against` will warn: {}", verdict.id, warned.message);
    Some(SavedChange { harm: Harm::Warned, message })
}
