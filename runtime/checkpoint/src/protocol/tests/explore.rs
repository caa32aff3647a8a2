//! Every state that can be reached, each once.

use super::world::{Scope, Step, World};
use std::collections::{HashMap, VecDeque};

/// What was seen.
#[derive(Debug, Default)]
pub(super) struct Explored {
    pub(super) states: usize,
    /// States in which a run is over.
    pub(super) ends: usize,
}

/// Goes everywhere; gives the story that leads to a state in which something is wrong.
pub(super) fn explore(scope: Scope) -> Result<Explored, Vec<String>> {
    let first = World::new(scope);
    let mut known: HashMap<World, usize> = HashMap::from([(first.clone(), 0)]);
    let mut came: Vec<(usize, Option<Step>)> = vec![(0, None)];
    // Nearest first: the story of a mistake is as short as it can be.
    let mut open = VecDeque::from([(first, 0)]);
    let mut explored = Explored::default();
    while let Some((world, id)) = open.pop_front() {
        explored.states += 1;
        assert!(explored.states < 800_000, "the world is too large to go everywhere");
        let steps = world.steps(scope);
        if let Some(process) = &world.process
            && process.finished
        {
            explored.ends += 1;
            if !world.is_complete() {
                return Err(story(&came, id, "the job is over and rows are missing".into()));
            }
        } else if steps.is_empty() {
            return Err(story(&came, id, "nothing can happen any more".into()));
        }
        for step in steps {
            let next = match world.after(step, scope) {
                Ok(next) => next,
                Err(wrong) => return Err(story(&came, id, format!("{step:?}: {wrong}"))),
            };
            if known.contains_key(&next) {
                continue;
            }
            let next_id = came.len();
            came.push((id, Some(step)));
            if let Err(wrong) = next.check() {
                return Err(story(&came, next_id, wrong));
            }
            known.insert(next.clone(), next_id);
            open.push_back((next, next_id));
        }
    }
    Ok(explored)
}

fn story(came: &[(usize, Option<Step>)], mut id: usize, end: String) -> Vec<String> {
    let mut steps = vec![end];
    while let (before, Some(step)) = &came[id] {
        steps.push(format!("{step:?}"));
        id = *before;
    }
    steps.reverse();
    steps
}
