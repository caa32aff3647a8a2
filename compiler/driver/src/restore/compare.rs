//! Old state against new state: what each difference means for what is stored.

use super::feeds::Stage;
use super::groups::Added;
use super::held::held;
use super::places::places;
use super::shape::{Held, KeyShape, StateShape, shapes};
use super::withdrawn::Pairs;
use super::{Effect, Finding, Verdict};
use flow_plan::Place;
use flow_plan::operator::{Declaration, Plan, Window};
use std::collections::HashMap;

/// A verdict for each state of the new plan, in its order, for each of the old one that has no place in it, and for sources that
/// would not go on where they were.
pub fn compare(old: &Plan, new: &Plan) -> Vec<Verdict> {
    let mut verdicts = compare_shapes(&shapes(old), &shapes(new), &new.declarations);
    places(old, new, &mut verdicts);
    verdicts
}

/// The same of the states of two scripts, and the declarations of the new one.
pub(crate) fn compare_shapes(
    old: &[StateShape],
    new: &[StateShape],
    declarations: &[Declaration],
) -> Vec<Verdict> {
    let mut taken = vec![false; old.len()];
    // What keeps its id first: `@was` may name an id that somebody else has now.
    let places: HashMap<&str, usize> =
        old.iter().enumerate().rev().map(|(index, state)| (state.id.as_str(), index)).collect();
    let mut partner: Vec<Option<usize>> =
        new.iter().map(|state| places.get(state.id.as_str()).copied()).collect();
    partner.iter().flatten().for_each(|&index| taken[index] = true);
    for (state, partner) in new.iter().zip(&mut partner) {
        let was = state.was.as_deref().and_then(|was| places.get(was)).copied();
        if partner.is_none()
            && let Some(index) = was.filter(|index| !taken[*index])
        {
            taken[index] = true;
            *partner = Some(index);
        }
    }
    let dropped: Vec<&StateShape> =
        old.iter().zip(&taken).filter(|(_, taken)| !**taken).map(|(state, _)| state).collect();
    let pairs = Pairs { old, new, partner: &partner };
    let mut verdicts: Vec<Verdict> = (0..new.len())
        .map(|at| match partner[at] {
            Some(index) => of_pair(&pairs, at, &old[index]),
            None => of_new(&pairs, at, &dropped),
        })
        .collect();
    let gone: Vec<Verdict> = dropped
        .into_iter()
        .map(|state| {
            let renamed = verdicts.iter().find(|verdict| verdict.renamed_from.as_ref() == Some(&state.id));
            let declared = declarations.iter().find(|declaration| declaration.name == state.declaration);
            let place = renamed.and_then(|verdict| verdict.place).or(declared.map(|d| d.place));
            of_dropped(state, place)
        })
        .collect();
    verdicts.extend(gone);
    verdicts
}

/// A verdict for each state of a plan that nothing comes after.
pub(super) fn all_dropped(old: &Plan) -> Vec<Verdict> {
    shapes(old).iter().map(|state| of_dropped(state, None)).collect()
}

fn verdict(id: &str, was: Option<&str>, place: Option<Place>, mut findings: Vec<Finding>) -> Verdict {
    let effect = findings.iter().map(|finding| finding.effect).max().unwrap_or(Effect::Identical);
    if effect == Effect::Incompatible {
        // What else would have become of a state that is refused only distracts.
        findings.retain(|finding| finding.effect == effect);
    }
    Verdict {
        id: id.to_string(),
        was: was.filter(|was| *was != id).map(str::to_string),
        effect,
        // Of a state that is refused it does not matter any more; one that drops a result keeps the others.
        changes_meaning: effect < Effect::Incompatible
            && findings.iter().any(|finding| finding.changes_meaning),
        findings,
        renamed_from: None,
        place,
    }
}

fn of_new(pairs: &Pairs<'_>, at: usize, dropped: &[&StateShape]) -> Verdict {
    let state = &pairs.new[at];
    let message = format!("`{}` is new and starts empty", state.id);
    let mut all = Findings::about(None, Some(state.place)).add(Effect::Restores, message);
    // A dropped state that would restore here was probably renamed.
    let alike = dropped.iter().find(|other| {
        (other.word == state.word || same_family(other, state))
            && of_both(other, state, &[]).effect < Effect::Drops
    });
    if let Some(found) = never_got(&mut all, pairs, at)
        && alike.is_some()
    {
        // To say what it was called is the better advice.
        found.help = None;
    }
    Verdict {
        renamed_from: alike.map(|other| other.id.clone()),
        ..verdict(&state.id, None, Some(state.place), all.found)
    }
}

/// What is added up and never got the rows that a state above takes out again.
fn never_got<'a>(all: &'a mut Findings, pairs: &Pairs<'_>, at: usize) -> Option<&'a mut Finding> {
    let state = &pairs.new[at];
    let above = pairs.never_read(at).filter(|_| matches!(state.held, Held::Groups(_)))?;
    let message = format!(
        "`{}` would have to take out rows that `{above}`, which goes on, gave before, and never got them",
        state.id
    );
    let found = all.push(Effect::Incompatible, false, message);
    found.help = Some(match pairs.other_reader(at, above) {
        Some(other) => format!(
            "`{other}` reads `{above}`, too, and goes on: read stages of its own, the same with an `@id(\"…\")`"
        ),
        None => format!("give `{above}` a new `@id(\"…\")`, too: both start empty then"),
    });
    Some(found)
}

/// A state that goes on, and the states above it.
fn of_pair(pairs: &Pairs<'_>, at: usize, old: &StateShape) -> Verdict {
    let new = &pairs.new[at];
    let take_out: Vec<&str> = pairs.take_out(at).collect();
    let mut all = Findings::about(Some(old.place), Some(new.place));
    never_got(&mut all, pairs, at);
    if let Some(above) = pairs.left_behind(at) {
        let message = format!(
            "nothing takes out any more what it got of `{above}`: what comes in its place would come on top"
        );
        all.push(Effect::Restores, true, message).help =
            Some("give the stage a new `@id(\"…\")`, too, to start empty".into());
    }
    let own = of_both(old, new, &take_out);
    if all.found.is_empty() {
        return own;
    }
    all.found.extend(own.findings);
    Verdict { renamed_from: own.renamed_from, ..verdict(&new.id, Some(&old.id), Some(new.place), all.found) }
}

fn of_dropped(state: &StateShape, place: Option<Place>) -> Verdict {
    let message = format!("the new script has no state `{}`: what it holds would be lost", state.id);
    let findings = Findings::about(Some(state.place), None).add(Effect::Drops, message).found;
    verdict(&state.id, None, place, findings)
}

/// Findings about two stages.
pub(super) struct Findings {
    pub(super) old: Option<Place>,
    pub(super) new: Option<Place>,
    found: Vec<Finding>,
    /// Does something say the same of columns that are made of other ones?
    remade: bool,
    /// A state above that takes out rows which it gave before.
    pub(super) taken_out_by: Option<String>,
}

impl Findings {
    pub(super) fn about(old: Option<Place>, new: Option<Place>) -> Findings {
        Findings { old, new, found: Vec::new(), remade: false, taken_out_by: None }
    }

    /// Is something else said, and meant? If the same is said, notes whether it means the same.
    pub(super) fn differs<T: PartialEq>(&mut self, old: (&T, &T), new: (&T, &T)) -> bool {
        let (said, meant) = (old.0 == new.0, old.1 == new.1);
        self.remade |= said && !meant;
        !said && !meant
    }

    /// What becomes of rows that were made as the old script says.
    pub(super) fn mix(&self) -> String {
        match &self.taken_out_by {
            None => "old and new rows would mix".into(),
            Some(above) => format!(
                "what `{above}` takes out would be taken out as it is made now, and old rows would stay"
            ),
        }
    }

    pub(super) fn push(&mut self, effect: Effect, changes_meaning: bool, message: String) -> &mut Finding {
        self.found.push(Finding {
            effect,
            changes_meaning,
            loses: effect >= Effect::Drops,
            message,
            old: self.old,
            new: self.new,
            help: None,
        });
        let last = self.found.len() - 1;
        &mut self.found[last]
    }

    /// Findings about other stages than the state's own, where there are some: the `keyBy`, the `window`, the `trigger`.
    fn between(&mut self, old: Option<Place>, new: Option<Place>, find: impl FnOnce(&mut Findings)) {
        let own = (self.old, self.new);
        (self.old, self.new) = (old.or(own.0), new.or(own.1));
        find(self);
        (self.old, self.new) = own;
    }

    /// What they come to.
    pub(super) fn verdict(self, id: &str, was: Option<&str>, place: Option<Place>) -> Verdict {
        verdict(id, was, place, self.found)
    }

    fn add(mut self, effect: Effect, message: String) -> Findings {
        self.push(effect, false, message);
        self
    }
}

/// `take_out`: the states above that take out rows which they gave before.
fn of_both(old: &StateShape, new: &StateShape, take_out: &[&str]) -> Verdict {
    let mut all = Findings::about(Some(old.place), Some(new.place));
    all.taken_out_by = take_out.first().map(|above| (*above).to_string());
    if old.word != new.word && !same_family(old, new) {
        let message = format!("this was a `{}` and is a `{}`", old.word, new.word);
        all.push(Effect::Incompatible, false, message);
        return verdict(&new.id, Some(&old.id), Some(new.place), all.found);
    }
    let (before, now) = (old.grouped_at, new.grouped_at);
    all.between(before.key, now.key, |all| keys(all, &old.key, &new.key, &new.held));
    all.between(before.window, now.window, |all| windows(all, old.window.as_ref(), new.window.as_ref()));
    if old.replaced != new.replaced {
        let message = match new.replaced {
            true => {
                "rows that it reads are replaced by later ones now, and what it holds cannot take them out"
            }
            false => {
                "rows that it reads were replaced by later ones, and are final now: it holds them otherwise"
            }
        };
        all.push(Effect::Incompatible, false, message.to_string()).help =
            Some("give the stage a new `@id(\"…\")` to start empty".into());
    }
    if new.keeps_time && !old.keeps_time && new.gives_what_it_kept() {
        let message = "a stage below it reads the event time of its rows now, and nobody kept that of those that it holds";
        all.push(Effect::Incompatible, false, message.to_string()).help =
            Some("give the stage a new `@id(\"…\")` to start empty".into());
    }
    if old.trigger != new.trigger {
        let message = "the trigger changed: results are given at other times".to_string();
        all.between(before.trigger, now.trigger, |all| {
            all.push(Effect::Restores, false, message);
        });
    }
    if all.found.iter().all(|finding| finding.effect < Effect::Incompatible) {
        let of = Added {
            with_rows: new.gives_with_rows(),
            taken_out: old.withdraws && new.withdraws,
            rows_of: new.rows_held().then_some(&old.held),
        };
        held(&mut all, &old.held, &new.held, &of);
    }
    let own = (all.old, all.new);
    above(&mut all, &old.feeds, &new.feeds);
    if all.remade && !all.found.iter().any(|finding| finding.changes_meaning) {
        // No stage computes anything else, and yet columns come from others: they were given other names.
        (all.old, all.new) = own;
        let message = format!("the columns that it reads are made of other ones: {}", all.mix());
        all.push(Effect::Restores, true, message);
    }
    verdict(&new.id, Some(&old.id), Some(new.place), all.found)
}

/// `count() as n` and `aggregate { n: count() }` keep the same.
fn same_family(old: &StateShape, new: &StateShape) -> bool {
    matches!((&old.held, &new.held), (Held::Groups(_), Held::Groups(_)))
}

/// An expression as it is shown to people.
pub(super) fn short(text: &str) -> String {
    let cut = text.char_indices().nth(160);
    cut.map_or_else(|| text.to_string(), |(cut, _)| format!("{}…", &text[..cut]))
}

fn list(key: &[KeyShape]) -> String {
    let named = |key: &KeyShape| match key.name == key.said {
        true => format!("`{}`", key.name),
        false => format!("`{}: {}`", key.name, short(&key.said)),
    };
    let names: Vec<String> = key.iter().map(named).collect();
    if names.is_empty() { "nothing (one group)".into() } else { names.join(", ") }
}

fn keys(all: &mut Findings, old: &[KeyShape], new: &[KeyShape], held: &Held) {
    let what = match held {
        Held::Sides(_) => "the condition of the join",
        Held::Values { .. } => "what is compared",
        _ => "the key",
    };
    // Where the `keyBy` says the same, and a stage above it computes another key under that name, old and new keys would mix.
    let same = |(a, b): (&KeyShape, &KeyShape)| a.said == b.said || a.made == b.made;
    if old.len() != new.len() || !old.iter().zip(new).all(same) {
        let message = format!("{what} changed from {} to {}", list(old), list(new));
        all.push(Effect::Incompatible, false, message).help = Some(
            "what is stored is grouped by the old one and cannot be regrouped: give the stage a new `@id(\"…\")` to start empty".into(),
        );
        return;
    }
    for (a, b) in old.iter().zip(new) {
        all.differs((&a.said, &a.made), (&b.said, &b.made));
        if a.ty != b.ty {
            let message = format!("{what} `{}` changed its type from `{}` to `{}`", b.name, a.ty, b.ty);
            all.push(Effect::Incompatible, false, message);
        } else if a.name != b.name && !matches!(held, Held::Sides(_)) {
            all.push(Effect::Migrates, false, format!("`{}` of {what} is called `{}` now", a.name, b.name));
        }
    }
}

fn windows(all: &mut Findings, old: Option<&Window>, new: Option<&Window>) {
    match (old, new) {
        (None, None) => {}
        (Some(a), Some(b)) if a.kind == b.kind && a.processing_time == b.processing_time => {
            if a.lateness != b.lateness {
                let message = "the lateness changed: it holds for windows that are still open".to_string();
                all.push(Effect::Restores, false, message);
            }
        }
        (a, b) => {
            let text = |window: Option<&Window>| match window {
                Some(window) => flow_plan::display::window(window),
                None => "no window".to_string(),
            };
            let message = format!("the window changed from {} to {}", text(a), text(b));
            all.push(Effect::Incompatible, false, message).help = Some(
                "rows that are stored cannot be divided anew: give the stage a new `@id(\"…\")` to start empty".into(),
            );
        }
    }
}

/// Stages that take some of their rows by number, and what those above them do that give more rows or fewer.
fn behind(stages: &[Stage]) -> impl Iterator<Item = (&Stage, Vec<&str>)> {
    let counts = |stage: &Stage| matches!(stage.word.as_str(), "limit" | "sample");
    // Nearest first: those above stand behind.
    stages.iter().enumerate().filter(move |(_, stage)| counts(stage)).map(move |(at, stage)| {
        let chooses =
            |stage: &&Stage| matches!(stage.word.as_str(), "filter" | "flatMap" | "limit" | "sample");
        let mut above: Vec<&str> = stages[at + 1..].iter().filter(chooses).map(|s| s.made.as_str()).collect();
        above.sort_unstable();
        (stage, above)
    })
}

/// Stages above that were added, removed or edited.
fn above(all: &mut Findings, old: &[Stage], new: &[Stage]) {
    let mut gone: Vec<&Stage> = Vec::new();
    // A field that only one of them reads is no difference in what both read.
    let both = |stage: &&Stage, others: &[Stage]| {
        stage.field.is_none() || others.iter().any(|other| other.field == stage.field)
    };
    let mut left: Vec<Option<&Stage>> = new.iter().filter(|stage| both(stage, old)).map(Some).collect();
    for stage in old.iter().filter(|stage| both(stage, new)) {
        let find = |alike: fn(&Stage, &Stage) -> bool| {
            let fits = |other: &&Stage| {
                stage.word == other.word && stage.field == other.field && alike(stage, other)
            };
            left.iter().position(|other| other.as_ref().is_some_and(fits))
        };
        let same = find(|a, b| a.made == b.made);
        let said = || find(|a, b| a.text == b.text);
        match same.or_else(|| said().inspect(|_| all.remade = true)) {
            Some(at) => left[at] = None,
            None => gone.push(stage),
        }
    }
    let mut come: Vec<&Stage> = left.into_iter().flatten().collect();
    let mix = all.mix();
    if gone.is_empty() && come.is_empty() {
        let of_first = |stages: &[Stage]| behind(stages).next().map(|(stage, _)| stage.place);
        let sets = |stages| behind(stages).map(|(_, above)| above).collect::<Vec<_>>();
        if sets(old) != sets(new) {
            (all.old, all.new) = (of_first(old), of_first(new));
            all.push(
                Effect::Restores,
                true,
                format!("other stages stand in front of what takes some of the rows: {mix}"),
            );
        }
    }
    for stage in gone {
        all.old = Some(stage.place);
        let twin = come.iter().position(|other| other.word == stage.word && other.field == stage.field);
        let message = match twin.map(|at| come.remove(at)) {
            Some(other) => {
                all.new = Some(other.place);
                format!("the `{}` above it changed: {mix}", stage.word)
            }
            None => {
                all.new = None;
                format!("the `{}` above it is gone: {mix}", stage.word)
            }
        };
        all.push(Effect::Restores, true, message);
    }
    for stage in come {
        (all.old, all.new) = (None, Some(stage.place));
        all.push(Effect::Restores, true, format!("this `{}` above it is new: {mix}", stage.word));
    }
}
