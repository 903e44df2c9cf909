//! Simulation: random histories of people, the API server, the accounts' engine and crashes against the real passes over sets, all in
//! memory.
//!
//! `step` draws a history from a seed. `world` is everything outside the process, with the `cluster` in it, which `api_server` reads and
//! changes as the process asks for. `worker` runs the passes over one set; those over two sets may overlap. `accounts` models the
//! accounts' engine, and `act` has the actions of people. `judge` checks each write, by the facts that `record`
//! collects; `verdict` checks the final state. `regressions` has histories that failed once. This module plays them: each step, then
//! passes without faults until all is as declared or blocked by the guard, then the approvals, then one more pass, which must only read.
//! `crate::simulation` says how to play more histories, or one of them again.

mod accounts;
mod act;
mod api_server;
mod cluster;
mod facts;
mod judge;
mod objects;
mod record;
mod regressions;
mod step;
mod verdict;
mod worker;
mod world;

use crate::api::update_strategy::{UpdateStrategy, UpdateStrategyType};
use crate::simulation::{assert_deterministic, play_all};
use crate::telemetry::Metrics;
use objects::{ACCOUNTS, SETS, name};
use step::{Act, History, Lag, Step};
use worker::{Polled, Worker};
use world::{Armed, Counts, World};

/// How many histories are played by default.
const HISTORIES: u64 = 500;
/// How many rounds a process gets before all has to be well.
const ROUNDS: usize = 120;
/// How many of them may still write when all is well: the guard forgets changes later.
const QUIET_ROUNDS: usize = 8;
/// A pass that is due within this time, in milliseconds, belongs to the same step.
const SOON: u64 = 1_100;

struct Player {
    world: World,
    workers: [Worker; SETS.len()],
}

impl Player {
    fn new(metrics: &Metrics) -> Self {
        let world = World::new();
        world.state().advance(0);
        let workers = std::array::from_fn(|set| Worker::new(world.of(set), metrics));
        Self { world, workers }
    }

    fn step(&mut self, step: Step) {
        let mut state = self.world.state();
        state.counts.steps += 1;
        match step {
            Step::Act(act) => state.act(act),
            Step::Meanwhile(after, act) => state.armed.meanwhile = Some((after, act)),
            Step::Api(fault) => state.armed.faults.push_back(fault),
            Step::Kill(after, death) => state.armed.kill = Some((after, death)),
            Step::Suspend(set, after) => {
                let set = usize::from(set) % SETS.len();
                if !self.workers[set].is_suspended() {
                    state.armed.suspend[set] = Some(after);
                }
            }
            Step::Wait(seconds) => state.advance(u64::from(seconds) * 1000),
            Step::Reconcile(account, reach) => state.reconcile(name(&ACCOUNTS, account), reach),
            Step::ReconcileAll => state.reconcile_all(),
            Step::CollectGarbage => state.collect_garbage(),
            Step::Restart => {
                drop(state);
                self.restart();
            }
            Step::Pass(set, lag) => {
                drop(state);
                self.pass(usize::from(set) % SETS.len(), lag);
            }
            Step::Wake(set) => {
                drop(state);
                let set = usize::from(set) % SETS.len();
                self.sleep(self.workers[set].wake);
                self.pass(set, Lag::default());
            }
        }
    }

    fn restart(&mut self) {
        let mut state = self.world.state();
        let faults = std::mem::take(&mut state.armed.faults);
        state.armed = Armed { faults, ..Armed::default() };
        let now = state.now;
        state.cluster.show(now, Lag::default());
        drop(state);
        self.workers.iter_mut().for_each(Worker::restart);
    }

    /// Lets time pass until then.
    fn sleep(&self, until: u64) {
        let mut state = self.world.state();
        let left = until.saturating_sub(state.now);
        if until != u64::MAX {
            state.advance(left);
        }
    }

    /// Runs passes over a set until the next one is not due soon, or until a pass is suspended or the process dies.
    fn pass(&mut self, set: usize, lag: Lag) {
        for _ in 0..8 {
            let mut state = self.world.state();
            let now = state.now;
            state.cluster.show(now, lag);
            drop(state);
            match self.workers[set].run() {
                Polled::Ended(after) if after <= SOON => self.world.state().advance(after),
                Polled::Ended(_) | Polled::Suspended => return,
                Polled::Died => return self.restart(),
            }
        }
    }

    /// Everybody does what is due now. Then time passes, until the next pass is due if nothing has changed.
    fn round(&mut self) {
        let before = self.world.state().cluster.version();
        for set in 0..SETS.len() {
            self.pass(set, Lag::default());
        }
        let mut state = self.world.state();
        state.reconcile_all();
        state.collect_garbage();
        let steady = state.cluster.version() == before;
        let next = if steady { self.workers.iter().map(|worker| worker.wake).min() } else { None };
        let soon = state.now + 1000;
        drop(state);
        self.sleep(next.filter(|next| *next != u64::MAX).unwrap_or(soon).max(soon));
    }

    /// Runs rounds until all is well.
    fn settle(&mut self, may_be_blocked: bool) -> Result<(), String> {
        let mut well = Err(String::new());
        for _ in 0..ROUNDS {
            self.round();
            if !may_be_blocked {
                self.approve();
            }
            well = self.world.state().verdict(may_be_blocked);
            if well.is_ok() {
                break;
            }
        }
        well
    }

    /// Approves what the guard's messages name.
    fn approve(&self) {
        let mut state = self.world.state();
        for set in 0..SETS.len() {
            state.act(Act::Approve(u8::try_from(set).unwrap()));
        }
    }

    /// Ends the faults and lets time pass until all is well. One more pass must only read.
    fn end(&mut self) -> Result<Counts, String> {
        self.calm();
        self.settle(true)?;
        let mut state = self.world.state();
        let blocked = state.cluster.sets.objects.values().filter(|set| verdict::is_blocked(set)).count();
        state.counts.blocked += blocked as u64;
        drop(state);
        self.settle(false)?;
        self.becomes_quiet()?;
        let state = self.world.state();
        state.verdict(false)?;
        Ok(state.counts)
    }

    /// Runs rounds until a pass over each set only reads.
    fn becomes_quiet(&mut self) -> Result<(), String> {
        let mut writes = 0;
        for _ in 0..QUIET_ROUNDS {
            let before = self.world.state().cluster.writes;
            for set in 0..SETS.len() {
                self.pass(set, Lag::default());
            }
            writes = self.world.state().cluster.writes - before;
            if writes == 0 {
                return Ok(());
            }
            self.round();
        }
        Err(format!("a steady state took {writes} writes"))
    }

    /// Ends faults, pauses and `OnDelete`.
    fn calm(&mut self) {
        let mut state = self.world.state();
        state.armed = Armed { dead: state.armed.dead, suspend: state.armed.suspend, ..Armed::default() };
        state.refused.clear();
        state.failing.clear();
        state.stopped.clear();
        for set in 0..SETS.len() {
            state.edit_set(u8::try_from(set).unwrap(), |set| {
                set.spec.paused = false;
                if set.spec.update_strategy.kind == UpdateStrategyType::OnDelete {
                    set.spec.update_strategy = UpdateStrategy::default();
                }
            });
        }
    }
}

fn play(history: &History, metrics: &Metrics) -> Result<Counts, String> {
    let mut player = Player::new(metrics);
    for step in &history.steps {
        player.step(*step);
        let wrong = player.world.state().wrong.clone();
        if let Some(wrong) = wrong {
            return Err(format!("{wrong}\n{}", player.world.state().scene()));
        }
    }
    player.end().map_err(|why| format!("{why}\n{}", player.world.state().scene()))
}

#[test]
fn every_history_ends_well() {
    let metrics = Metrics::default();
    play_all(HISTORIES, |history: &History| play(history, &metrics));
}

#[test]
fn a_seed_gives_one_history() {
    assert_deterministic(|history: &History| play(history, &Metrics::default()));
}

#[test]
fn what_takes_several_passes_shows_how_far_it_is() {
    let mut player = Player::new(&Metrics::default());
    (0..6).for_each(|number| player.step(Step::Act(Act::AddAccount(number))));
    player.step(Step::Act(Act::CreateSet(0)));
    let mut one_pass = || {
        let mut state = player.world.state();
        let now = state.now;
        state.cluster.show(now, Lag::default());
        drop(state);
        player.workers[0].run();
        let set = player.world.state().cluster.sets.get(SETS[0]).unwrap();
        set.status.as_ref().map(|status| (status.members, status.updated))
    };
    assert_eq!(one_pass(), None, "the first pass does not know yet that it needs others");
    assert_eq!(one_pass(), Some((6, 2)));
    assert_eq!(one_pass(), Some((6, 2)), "a status that differs in counts only waits a second");
}
