//! What is durable, who runs, and what can happen next.

use super::super::*;
use std::collections::{BTreeMap, BTreeSet};

/// Mistakes that an implementation could make.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Bug {
    /// Sinks show an epoch before its manifest is durable.
    CommitBeforePublish,
    /// The manifest is published although a share is missing.
    PublishTooEarly,
    /// A sink does not refuse an older run.
    IgnoreGeneration,
    /// The start of a run is not made durable.
    ForgetStart,
    /// Recovery does not ask sinks, and commits nothing again.
    ForgetRecommit,
    /// Recovery commits to all sinks again, and sinks do not look at their marks.
    CommitAgain,
    /// Recovery counts every manifest, also those of runs that woke up late.
    CountAllManifests,
    /// Manifests are retired before sinks show the newest epoch.
    RetireTooEarly,
    /// Sources go on one row too late.
    SkipRow,
    /// Sources go on one row too early.
    RepeatRow,
    /// What an abandoned epoch sealed is thrown away.
    LoseAbandoned,
}

impl Bug {
    pub(super) const ALL: &[Bug] = &[
        Bug::CommitBeforePublish,
        Bug::PublishTooEarly,
        Bug::IgnoreGeneration,
        Bug::ForgetStart,
        Bug::ForgetRecommit,
        Bug::CommitAgain,
        Bug::CountAllManifests,
        Bug::RetireTooEarly,
        Bug::SkipRow,
        Bug::RepeatRow,
        Bug::LoseAbandoned,
    ];
}

/// How large the world is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scope {
    pub(super) workers: usize,
    pub(super) sinks: usize,
    /// Epochs that a run may inject beyond the last.
    pub(super) epochs: u64,
    pub(super) rows: u64,
    pub(super) deaths: u8,
    /// Runs that stop for a while and go on when another one has begun.
    pub(super) sleepers: u8,
    /// Operations that may fail.
    pub(super) failures: u8,
    pub(super) bug: Option<Bug>,
}

/// What a sealed share holds: the rows behind the first position, up to the second.
type Rows = (u64, u64);

#[derive(Clone, Debug, PartialEq, Eq, Hash, Default)]
pub(super) struct Disk {
    begun: Generation,
    starts: Vec<Start>,
    /// Position of the sources at each published epoch.
    manifests: BTreeMap<(Generation, Epoch), u64>,
    sealed: BTreeMap<(Generation, Epoch, Share), Rows>,
    sinks: Vec<SinkSystem>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, Default)]
struct SinkSystem {
    mark: Option<Mark>,
    /// The newest run it was told of.
    heard: Generation,
    /// How often each row is shown.
    shown: Vec<u8>,
}

impl Disk {
    /// What nobody will look at again is left out, so that states that are the same count once.
    fn forget(&mut self) {
        let newest = self.starts.iter().max_by_key(|start| start.generation).copied();
        self.starts = newest.into_iter().collect();
        let shown = self.sinks.iter().map(|sink| sink.mark.map_or(0, |mark| mark.epoch)).min().unwrap_or(0);
        self.sealed.retain(|(_, epoch, share), _| matches!(share, Share::Sink(_)) && *epoch >= shown);
    }
}

/// Something that a process is about to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Task {
    Begin,
    Tell(usize),
    Recover,
    MakeStartDurable,
    Do(Decision),
    Seal(Epoch, Share),
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Process {
    generation: Generation,
    coordinator: Option<Coordinator>,
    recovery: Option<Recovery>,
    marks: Vec<Option<Option<Mark>>>,
    pub(super) tasks: BTreeSet<Task>,
    /// Rows read, and those of the last published epoch.
    at: u64,
    base: u64,
    /// Rows of each epoch on its way.
    ranges: BTreeMap<Epoch, Rows>,
    injected: u64,
    ending: bool,
    pub(super) finished: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct World {
    pub(super) disk: Disk,
    pub(super) process: Option<Process>,
    pub(super) zombie: Option<Process>,
    deaths: u8,
    sleepers: u8,
    failures: u8,
}

/// One thing that can happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Start,
    Read,
    Tell(Event),
    Task(Task),
    Fail(Task),
    Die,
    /// It stops for a while, and goes on when another run has begun.
    FallAsleep,
    Zombie(Task),
}

impl World {
    pub(super) fn new(scope: Scope) -> World {
        let sink = || SinkSystem { shown: vec![0; scope.rows as usize], ..SinkSystem::default() };
        let disk = Disk { sinks: (0..scope.sinks).map(|_| sink()).collect(), ..Disk::default() };
        World {
            disk,
            process: None,
            zombie: None,
            deaths: scope.deaths,
            sleepers: scope.sleepers,
            failures: scope.failures,
        }
    }

    /// Everything that can happen now.
    pub(super) fn steps(&self, scope: Scope) -> Vec<Step> {
        let mut steps = Vec::new();
        if let Some(zombie) = &self.zombie
            && self.disk.begun > zombie.generation
        {
            steps.extend(zombie.choices().map(Step::Zombie));
        }
        let Some(process) = &self.process else {
            steps.push(Step::Start);
            return steps;
        };
        if process.finished {
            return steps;
        }
        if process.coordinator.is_some() {
            if process.at < scope.rows {
                steps.push(Step::Read);
            } else if !process.ending {
                steps.push(Step::Tell(Event::Ending));
            }
            if process.injected < scope.epochs && process.tasks.is_empty() && !process.ending {
                steps.push(Step::Tell(Event::Due));
            }
        }
        steps.extend(process.choices().map(Step::Task));
        if self.failures > 0 {
            let can_fail = |task: &&Task| matches!(task, Task::Seal(..) | Task::Do(Decision::Publish(_)));
            steps.extend(process.choices().filter(|task| can_fail(&task)).map(Step::Fail));
        }
        if self.deaths > 0 {
            steps.push(Step::Die);
        }
        // Asleep in front of something that others would see.
        let seen = |task: &Task| {
            matches!(task, Task::Do(Decision::Publish(_) | Decision::Commit(..) | Decision::Retire(_)))
        };
        if self.sleepers > 0 && process.tasks.iter().any(seen) {
            steps.push(Step::FallAsleep);
        }
        steps
    }

    /// The world behind a step; an error where the protocol gives up though it should not.
    pub(super) fn after(&self, step: Step, scope: Scope) -> Result<World, String> {
        let mut world = self.clone();
        match step {
            Step::Start => world.process = Some(Process::new(scope)),
            Step::Read => world.running(|process, _| {
                process.at += 1;
                Ok(())
            })?,
            Step::Tell(event) => world.running(|process, _| {
                process.ending |= event == Event::Ending;
                process.tell(event, scope);
                Ok(())
            })?,
            Step::Task(task) => world.running(|process, disk| process.run(task, disk, scope))?,
            Step::Fail(task) => {
                world.failures -= 1;
                world.running(|process, _| {
                    process.fail(task, scope);
                    Ok(())
                })?;
            }
            Step::Die => {
                world.deaths -= 1;
                world.process = None;
            }
            Step::FallAsleep => {
                world.sleepers -= 1;
                world.zombie = world.process.take();
            }
            Step::Zombie(task) => {
                if let Some(mut zombie) = world.zombie.take() {
                    zombie.run(task, &mut world.disk, scope)?;
                    let over = zombie.tasks.is_empty();
                    world.zombie = (!over).then_some(zombie);
                }
            }
        }
        if world.process.as_ref().is_some_and(Process::has_left) {
            world.process = None;
        }
        world.disk.forget();
        world.process.iter_mut().chain(&mut world.zombie).for_each(Process::forget);
        Ok(world)
    }

    fn running(
        &mut self,
        act: impl FnOnce(&mut Process, &mut Disk) -> Result<(), String>,
    ) -> Result<(), String> {
        match &mut self.process {
            Some(process) => act(process, &mut self.disk),
            None => Ok(()),
        }
    }

    /// What a reader sees is the first rows, each once.
    pub(super) fn check(&self) -> Result<(), String> {
        for (index, sink) in self.disk.sinks.iter().enumerate() {
            let whole = sink.shown.iter().take_while(|times| **times == 1).count();
            if sink.shown[whole..].iter().any(|times| *times > 0) {
                return Err(format!("sink {index} shows the rows {:?} times", sink.shown));
            }
        }
        Ok(())
    }

    /// Is every row shown everywhere?
    pub(super) fn is_complete(&self) -> bool {
        self.disk.sinks.iter().all(|sink| sink.shown.iter().all(|times| *times == 1))
    }
}

impl Process {
    fn new(scope: Scope) -> Process {
        Process {
            generation: 0,
            coordinator: None,
            recovery: None,
            marks: vec![None; scope.sinks],
            tasks: BTreeSet::from([Task::Begin]),
            at: 0,
            base: 0,
            ranges: BTreeMap::new(),
            injected: 0,
            ending: false,
            finished: false,
        }
    }

    /// Tasks that differ only in the worker or sink they belong to are done in one order: the other orders lead to
    /// the same states with the names exchanged.
    fn choices(&self) -> impl Iterator<Item = Task> {
        let kind = |task: &Task| match task {
            Task::Tell(_) => 0,
            Task::Seal(..) => 1,
            Task::Do(Decision::Commit(..)) => 2,
            _ => 3,
        };
        let mut seen = [false; 3];
        self.tasks.iter().copied().filter(move |task| match seen.get_mut(kind(task)) {
            Some(seen) => !std::mem::replace(seen, true),
            None => true,
        })
    }

    /// As [`Disk::forget`].
    fn forget(&mut self) {
        if self.recovery.is_some() {
            self.marks.clear();
        }
        let tasks = &self.tasks;
        let used = |epoch: &Epoch| {
            tasks.iter().any(|task| match task {
                Task::Seal(of, _) | Task::Do(Decision::Publish(of)) => of == epoch,
                _ => false,
            })
        };
        self.ranges.retain(|epoch, _| used(epoch));
    }

    /// It was told to leave.
    fn has_left(&self) -> bool {
        self.tasks.contains(&Task::Do(Decision::Halt))
    }

    fn tell(&mut self, event: Event, scope: Scope) {
        let Some(coordinator) = &mut self.coordinator else { return };
        let mut decisions = coordinator.on(event);
        if scope.bug == Some(Bug::PublishTooEarly)
            && let Event::Sealed(epoch, Share::Worker(0)) = event
        {
            decisions.push(Decision::Publish(epoch));
        }
        self.take(decisions, scope);
    }

    fn take(&mut self, decisions: Vec<Decision>, scope: Scope) {
        for decision in decisions {
            if let (Decision::Publish(epoch), Some(Bug::CommitBeforePublish)) = (decision, scope.bug) {
                let commits = (0..scope.sinks).map(|sink| Task::Do(Decision::Commit(epoch, sink)));
                self.tasks.extend(commits);
            }
            if let (Decision::Commit(epoch, _), Some(Bug::RetireTooEarly)) = (decision, scope.bug) {
                self.tasks.insert(Task::Do(Decision::Retire(epoch + 1)));
            }
            match decision {
                // The barrier is in the streams at once: it marks, and nothing waits for it.
                Decision::Inject(epoch) => {
                    self.injected += 1;
                    self.ranges.insert(epoch, (self.base, self.at));
                    let shares = (0..scope.workers).map(Share::Worker);
                    let shares = shares.chain((0..scope.sinks).map(Share::Sink));
                    self.tasks.extend(shares.map(|share| Task::Seal(epoch, share)));
                }
                Decision::Abandon(epoch) => {
                    self.tasks.retain(|task| !matches!(task, Task::Seal(of, _) if *of == epoch));
                    if scope.bug == Some(Bug::LoseAbandoned) {
                        self.base = self.ranges.get(&epoch).map_or(self.base, |rows| rows.1);
                    }
                }
                Decision::Finish => self.finished = true,
                other => {
                    self.tasks.insert(Task::Do(other));
                }
            }
        }
    }

    fn run(&mut self, task: Task, disk: &mut Disk, scope: Scope) -> Result<(), String> {
        self.tasks.remove(&task);
        match task {
            Task::Begin => {
                disk.begun += 1;
                self.generation = disk.begun;
                self.tasks.extend((0..scope.sinks).map(Task::Tell));
                self.told_all();
            }
            Task::Tell(sink) => {
                let system = &mut disk.sinks[sink];
                if system.heard > self.generation {
                    self.tasks = BTreeSet::from([Task::Do(Decision::Halt)]);
                    return Ok(());
                }
                system.heard = self.generation;
                self.marks[sink] = Some(system.mark);
                self.told_all();
            }
            Task::Recover => return self.recover(disk, scope),
            Task::MakeStartDurable => self.begin_from(disk, scope),
            Task::Seal(epoch, share) => {
                let rows = self.ranges.get(&epoch).copied().unwrap_or_default();
                disk.sealed.insert((self.generation, epoch, share), rows);
                self.tell(Event::Sealed(epoch, share), scope);
            }
            Task::Do(decision) => self.carry_out(decision, disk, scope),
        }
        Ok(())
    }

    fn told_all(&mut self) {
        if self.marks.iter().all(Option::is_some) {
            self.tasks.insert(Task::Recover);
        }
    }

    fn recover(&mut self, disk: &Disk, scope: Scope) -> Result<(), String> {
        let manifest = |(generation, epoch): &(Generation, Epoch)| Manifest {
            generation: *generation,
            epoch: *epoch,
            whole: true,
        };
        let manifests: Vec<Manifest> = disk.manifests.keys().map(manifest).collect();
        let marks: Vec<Option<Mark>> = self.marks.iter().map(|mark| mark.flatten()).collect();
        let starts = if scope.bug == Some(Bug::CountAllManifests) { &[][..] } else { &disk.starts };
        let mut recovery = recover(self.generation, starts, &manifests, &marks)
            .map_err(|refusal| format!("recovery refuses: {refusal:?}"))?;
        match scope.bug {
            Some(Bug::ForgetRecommit) => recovery.recommit.clear(),
            Some(Bug::CommitAgain) if recovery.epoch > 0 => recovery.recommit = (0..scope.sinks).collect(),
            _ => {}
        }
        self.recovery = Some(recovery);
        self.tasks.insert(Task::MakeStartDurable);
        Ok(())
    }

    fn begin_from(&mut self, disk: &mut Disk, scope: Scope) {
        let Some(recovery) = self.recovery.clone() else { return };
        let from = (recovery.from, recovery.epoch);
        if scope.bug != Some(Bug::ForgetStart) {
            disk.starts.push(Start { generation: self.generation, from });
        }
        let position = disk.manifests.get(&from).copied().unwrap_or(0);
        self.base = position;
        self.at = match scope.bug {
            Some(Bug::SkipRow) if recovery.epoch > 0 => (position + 1).min(scope.rows),
            Some(Bug::RepeatRow) => position.saturating_sub(1),
            _ => position,
        };
        if scope.bug == Some(Bug::RepeatRow) || scope.bug == Some(Bug::SkipRow) {
            self.base = self.at;
        }
        let (coordinator, decisions) = Coordinator::new(&recovery, scope.workers, scope.sinks);
        self.coordinator = Some(coordinator);
        self.take(decisions, scope);
    }

    fn carry_out(&mut self, decision: Decision, disk: &mut Disk, scope: Scope) {
        match decision {
            Decision::Publish(epoch) => {
                let rows = self.ranges.get(&epoch).copied().unwrap_or_default();
                disk.manifests.insert((self.generation, epoch), rows.1);
                self.base = rows.1;
                self.tell(Event::Published(epoch), scope);
            }
            Decision::Commit(epoch, sink) => {
                let event = match self.commit(epoch, sink, disk, scope) {
                    true => Event::Committed(epoch, sink),
                    false => Event::Fenced,
                };
                self.tell(event, scope);
            }
            Decision::Retire(epoch) => {
                let generation = self.generation;
                disk.manifests.retain(|(of, at), _| *of > generation || *at >= epoch);
            }
            Decision::Inject(_) | Decision::Abandon(_) | Decision::Finish | Decision::Halt => {}
        }
    }

    /// In one transaction of the sink's system: the rows and the mark. False: a newer run was heard of.
    fn commit(&self, epoch: Epoch, sink: usize, disk: &mut Disk, scope: Scope) -> bool {
        let from = self.recovery.as_ref().filter(|r| r.epoch == epoch).map(|r| r.from);
        let sealed = disk.sealed.get(&(from.unwrap_or(self.generation), epoch, Share::Sink(sink)));
        let rows = sealed.copied().unwrap_or_default();
        let system = &mut disk.sinks[sink];
        if system.heard > self.generation && scope.bug != Some(Bug::IgnoreGeneration) {
            return false;
        }
        let shown = system.mark.map_or(0, |mark| mark.epoch);
        if shown < epoch || scope.bug == Some(Bug::CommitAgain) {
            (rows.0..rows.1).for_each(|row| system.shown[row as usize] += 1);
            system.mark = Some(Mark { generation: self.generation, epoch });
        }
        true
    }

    fn fail(&mut self, task: Task, scope: Scope) {
        self.tasks.remove(&task);
        match task {
            Task::Seal(epoch, _) => self.tell(Event::SealFailed(epoch), scope),
            Task::Do(Decision::Publish(epoch)) => self.tell(Event::PublishFailed(epoch), scope),
            _ => {}
        }
    }
}
