//! Threads of a simulation: real ones, of which one runs at a time. Where a thread waits, and at every [`point`], the
//! seed says which one goes on; time is a number that grows as they do. So a seed is one run, for ever.
//!
//! A thread that belongs to a simulation passes it on to those it starts, and to the parkers it makes: code that starts
//! threads and waits by way of this crate needs to know nothing of it. Between two points a thread runs alone: what goes
//! wrong only when two threads touch the same memory at the same time is not found here.

use crate::clock::Clock;
use crate::random::Random;
use std::cell::RefCell;
use std::fmt::Write;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

/// 2026-01-01, in microseconds since 1970: simulations begin there.
const BEGINNING: i64 = 1_767_225_600_000_000;
/// Of the time that a thread takes from point to point, in microseconds.
const STEP: u64 = 40;
/// How uneven threads are.
const HEAVIEST: u64 = 8;
/// After so many steps, threads change their weights.
const SPELL: u64 = 64;
/// A simulation of more steps does not come to an end.
const MOST: u64 = 2_000_000;
/// Nobody runs for so long, in true time: a thread waits for something that the simulation does not know.
const PATIENCE: Duration = Duration::from_secs(30);

thread_local! {
    /// The simulation that this thread belongs to, and its number in it.
    static HERE: RefCell<Option<(Simulation, usize)>> = const { RefCell::new(None) };
}

/// A simulation. Clones are the same one.
#[derive(Clone)]
pub struct Simulation(Arc<Mutex<State>>);

struct State {
    random: Random,
    now: Duration,
    threads: Vec<Thread>,
    /// Which parkers were woken.
    woken: Vec<bool>,
    running: usize,
    steps: u64,
    /// Of everything that happened.
    trace: u64,
    /// Why nobody can go on: for the first thread.
    stuck: Option<String>,
}

struct Thread {
    name: String,
    waits: Waits,
    /// How likely it is to go on.
    weight: u64,
    turn: Arc<Condvar>,
}

/// What a thread waits for.
#[derive(Clone, Copy, Debug)]
enum Waits {
    /// Its turn.
    Turn,
    /// That a parker is woken, or for this moment.
    Woken(usize, Duration),
    /// For this moment.
    Until(Duration),
    /// The end of another one.
    End(usize),
    /// Nothing any more.
    Over,
}

/// The simulation that the calling thread belongs to, and its number in it.
pub(crate) fn here() -> Option<(Simulation, usize)> {
    HERE.with_borrow(Clone::clone)
}

/// A moment at which a simulation may let another thread go on. It must hold no lock that others wait for. Elsewhere
/// it is nothing.
#[inline]
pub fn point() {
    if let Some((simulation, me)) = here() {
        simulation.wait(me, Waits::Turn);
    }
}

/// As [`point`], of a thread that waits for a machine for at most so many microseconds.
pub(super) fn work(most: u64) {
    if let Some((simulation, me)) = here() {
        let time = simulation.state().random.below(most + 1);
        simulation.wait(me, Waits::Until(simulation.now() + Duration::from_micros(time)));
    }
}

/// Something happened that belongs to the trace.
pub(super) fn note(what: u64) {
    if let Some((simulation, _)) = here() {
        simulation.state().note(what);
    }
}

/// These bytes belong to the trace.
pub(super) fn note_bytes(bytes: &[u8]) {
    if let Some((simulation, _)) = here() {
        let mut state = simulation.state();
        for part in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..part.len()].copy_from_slice(part);
            state.note(u64::from_le_bytes(word));
        }
    }
}

impl Simulation {
    /// A simulation whose schedule belongs to this seed.
    pub fn new(seed: u64) -> Simulation {
        Simulation(Arc::new(Mutex::new(State {
            random: Random::new(seed),
            now: Duration::ZERO,
            threads: Vec::new(),
            woken: Vec::new(),
            running: 0,
            steps: 0,
            trace: seed,
            stuck: None,
        })))
    }

    /// Does this as the simulation's first thread, and waits until all threads that came of it are through.
    ///
    /// # Panics
    ///
    /// If the threads wait for each other for ever, or never come to an end.
    pub fn run<T>(&self, work: impl FnOnce() -> T) -> T {
        let first = self.state().add("first");
        HERE.set(Some((self.clone(), first)));
        let result = work();
        let mut other = first + 1;
        while other < self.state().threads.len() {
            self.wait(first, Waits::End(other));
            other += 1;
        }
        HERE.set(None);
        result
    }

    /// Stands for everything that happened so far, and in which order.
    pub fn trace(&self) -> u64 {
        self.state().trace
    }

    /// How often a thread was chosen.
    pub fn steps(&self) -> u64 {
        self.state().steps
    }

    /// Its time.
    pub fn clock(&self) -> SimClock {
        SimClock(self.clone())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> Duration {
        self.state().now
    }

    /// Lets others go on until it is this thread's turn and what it waits for is there.
    fn wait(&self, me: usize, waits: Waits) {
        let mut state = self.state();
        state.threads[me].waits = waits;
        state.choose();
        self.turn(me, state);
    }

    /// Waits for the turn of a thread.
    fn turn(&self, me: usize, mut state: MutexGuard<'_, State>) {
        let turn = state.threads[me].turn.clone();
        while state.running != me {
            let (next, timeout) = turn.wait_timeout(state, PATIENCE).unwrap_or_else(PoisonError::into_inner);
            state = next;
            if timeout.timed_out() && me == 0 && state.running != me {
                let text = format!("a thread waits for something outside the simulation: {}", state.text());
                state.stuck.get_or_insert(text);
                state.running = me;
            }
        }
        state.threads[me].waits = Waits::Turn;
        if let Some(why) = state.stuck.clone().filter(|_| me == 0) {
            drop(state);
            HERE.set(None);
            panic!("{why}");
        }
    }

    pub(crate) fn spawn<T: Send + 'static>(
        &self,
        me: usize,
        name: &str,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> io::Result<(JoinHandle<T>, usize)> {
        let number = self.state().add(name);
        let simulation = self.clone();
        let body = move || {
            HERE.set(Some((simulation.clone(), number)));
            simulation.turn(number, simulation.state());
            let result = catch_unwind(AssertUnwindSafe(work));
            HERE.set(None);
            let mut state = simulation.state();
            state.threads[number].waits = Waits::Over;
            state.choose();
            drop(state);
            result.unwrap_or_else(|panic| resume_unwind(panic))
        };
        let thread = std::thread::Builder::new().name(name.to_string()).spawn(body);
        if thread.is_err() {
            self.state().threads[number].waits = Waits::Over;
        }
        self.wait(me, Waits::Turn);
        Ok((thread?, number))
    }

    /// Waits for the end of a thread.
    pub(crate) fn join(&self, me: usize, other: usize) {
        self.wait(me, Waits::End(other));
    }

    pub(crate) fn new_parker(&self) -> usize {
        let mut state = self.state();
        state.woken.push(false);
        state.woken.len() - 1
    }

    /// Waits for a wake-up, at most so long.
    pub(crate) fn park(&self, me: usize, parker: usize, at_most: Duration) {
        let until = self.now().saturating_add(at_most);
        self.wait(me, Waits::Woken(parker, until));
        self.state().woken[parker] = false;
    }

    pub(crate) fn unpark(&self, parker: usize) {
        self.state().woken[parker] = true;
    }
}

impl State {
    fn add(&mut self, name: &str) -> usize {
        let weight = 1 + self.random.below(HEAVIEST);
        let (name, turn) = (name.to_string(), Arc::default());
        self.threads.push(Thread { name, waits: Waits::Turn, weight, turn });
        self.threads.len() - 1
    }

    fn note(&mut self, what: u64) {
        self.trace = (self.trace.rotate_left(5) ^ what).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }

    fn ready(&self, thread: &Thread) -> bool {
        match thread.waits {
            Waits::Turn => true,
            Waits::Woken(parker, until) => self.woken[parker] || until <= self.now,
            Waits::Until(until) => until <= self.now,
            Waits::End(other) => matches!(self.threads[other].waits, Waits::Over),
            Waits::Over => false,
        }
    }

    /// Chooses who goes on.
    fn choose(&mut self) {
        if self.stuck.is_none() {
            self.running = self.chosen().unwrap_or_else(|why| {
                self.stuck = Some(why);
                0
            });
        }
        self.threads[self.running].turn.notify_one();
    }

    fn chosen(&mut self) -> Result<usize, String> {
        self.steps += 1;
        if self.steps > MOST {
            return Err(format!("it does not come to an end: {}", self.text()));
        }
        if self.steps.is_multiple_of(SPELL) {
            for at in 0..self.threads.len() {
                self.threads[at].weight = 1 + self.random.below(HEAVIEST);
            }
        }
        self.now += Duration::from_micros(self.random.below(STEP));
        let weight = |state: &State, thread: &Thread| if state.ready(thread) { thread.weight } else { 0 };
        let mut all: u64 = self.threads.iter().map(|thread| weight(self, thread)).sum();
        if all == 0 {
            let moment = |thread: &Thread| match thread.waits {
                Waits::Woken(_, until) | Waits::Until(until) => Some(until),
                _ => None,
            };
            self.now = self
                .threads
                .iter()
                .filter_map(moment)
                .min()
                .ok_or_else(|| format!("every thread waits for another one: {}", self.text()))?;
            all = self.threads.iter().map(|thread| weight(self, thread)).sum();
        }
        let mut left = self.random.below(all);
        let mut chosen = 0;
        for (number, thread) in self.threads.iter().enumerate() {
            let weight = weight(self, thread);
            if left < weight {
                chosen = number;
                break;
            }
            left -= weight;
        }
        self.note(chosen as u64 ^ (self.now.as_micros() as u64) << 8);
        Ok(chosen)
    }

    /// What every thread waits for, for people.
    fn text(&self) -> String {
        let mut text = String::new();
        for thread in self.threads.iter().filter(|thread| !matches!(thread.waits, Waits::Over)) {
            let _ = write!(text, "{} ({:?}) ", thread.name, thread.waits);
        }
        text
    }
}

/// The time of a simulation.
#[derive(Clone)]
pub struct SimClock(Simulation);

impl Clock for SimClock {
    fn wall_micros(&self) -> i64 {
        BEGINNING + self.0.now().as_micros() as i64
    }

    fn elapsed(&self) -> Duration {
        self.0.now()
    }

    fn sleep(&self, time: Duration) {
        if let Some((simulation, me)) = here() {
            simulation.wait(me, Waits::Until(simulation.now().saturating_add(time)));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{parker, spawn};

    /// Three threads write down their steps; gives these and the trace.
    fn order(seed: u64) -> (Vec<usize>, u64) {
        let simulation = Simulation::new(seed);
        let steps = Arc::new(Mutex::new(Vec::new()));
        simulation.run(|| {
            let threads: Vec<_> = (0..3)
                .map(|number| {
                    let steps = steps.clone();
                    let write = move || {
                        for _ in 0..4 {
                            steps.lock().unwrap().push(number);
                            point();
                        }
                    };
                    spawn("writer", write).unwrap()
                })
                .collect();
            threads.into_iter().for_each(|thread| thread.join().unwrap());
        });
        let steps = steps.lock().unwrap().clone();
        (steps, simulation.trace())
    }

    #[test]
    fn a_seed_is_one_order_of_the_threads_steps() {
        for seed in 0..20 {
            assert_eq!(order(seed), order(seed), "seed {seed}");
        }
    }

    #[test]
    fn seeds_give_different_orders() {
        let mut orders: Vec<_> = (0..40).map(|seed| order(seed).0).collect();
        orders.sort();
        orders.dedup();
        assert!(orders.len() > 20, "{}", orders.len());
    }

    #[test]
    fn time_goes_on_where_everyone_waits() {
        let simulation = Simulation::new(1);
        let passed = simulation.run(|| {
            let clock = simulation.clock();
            let before = clock.elapsed();
            parker().0.park(Duration::from_secs(3600));
            clock.elapsed() - before
        });
        assert!(passed >= Duration::from_secs(3600) && passed < Duration::from_secs(3601), "{passed:?}");
    }

    #[test]
    fn who_is_woken_does_not_wait_for_the_time_it_would_have_waited() {
        let simulation = Simulation::new(2);
        simulation.run(|| {
            let (rest, wake) = parker();
            let sleeper = spawn("sleeper", move || rest.park(Duration::from_secs(3600))).unwrap();
            wake.unpark();
            sleeper.join().unwrap();
            assert!(simulation.clock().elapsed() < Duration::from_secs(1));
        });
    }

    #[test]
    #[should_panic(expected = "every thread waits for another one")]
    fn threads_that_wait_for_each_other_are_found() {
        let simulation = Simulation::new(3);
        simulation.run(|| {
            let me = here().map(|(_, me)| me).unwrap();
            let thread = spawn("other", move || here().unwrap().0.join(1, me)).unwrap();
            thread.join().unwrap();
        });
    }
}
