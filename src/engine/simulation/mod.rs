//! Simulation: random histories of people, vendor, API server and crashes against the real planner and engine, all in memory.
//!
//! `step` draws a history from a seed. `world` is everything outside the processes, with the states of
//! `cluster` and `vendor` in it, which `api_server` and `vendor_server` read and change. `process`
//! runs the passes of one operator process; there may be two over the same objects without leader election, started, killed,
//! suspended and cut off at random. `act` has the actions of people. `facts` has what the end is judged by, `record` fills it, and `verdict`
//! judges it. `regressions` has histories that failed once. This module plays them: each step, then a time without faults, then
//! the verdict, then one more pass that must only read. `crate::simulation` says how to play more histories, or one of them again.

mod act;
mod api_server;
mod cluster;
mod content;
mod facts;
mod process;
mod record;
mod regressions;
mod step;
mod vendor;
mod vendor_server;
mod verdict;
mod world;

use crate::simulation::{assert_deterministic, play_all};
use crate::telemetry::Metrics;
use process::{Polled, Process};
use step::{History, PROCESSES, Step};
use world::{Counts, World};

/// How many wake-ups a process gets before all has to be well: slow retries are an hour apart, passes five minutes.
const WAKE_UPS: usize = 60;
/// How many histories are played by default.
const HISTORIES: u64 = 1000;

struct Player {
    world: World,
    processes: [Process; PROCESSES],
    /// How many processes have been started.
    started: usize,
    /// The process that steps apply to.
    current: usize,
}

impl Player {
    fn new(history: &History, metrics: &Metrics) -> Self {
        let world = World::new(history.vendor);
        world.state().advance(0);
        let processes = std::array::from_fn(|index| Process::new(world.of(index), metrics));
        Self { world, processes, started: 1, current: 0 }
    }

    fn step(&mut self, step: Step) {
        let mut state = self.world.state();
        state.counts.steps += 1;
        let now = state.now;
        match step {
            Step::Act(act) => state.act(act),
            Step::Meanwhile(after, act) => state.meanwhile = Some((after, act)),
            Step::Fault(fault) => state.vendor.faults.push_back(fault),
            Step::Unreachable(seconds) => state.vendor.unreachable_until = now + u64::from(seconds),
            Step::Emptied if state.vendor.emptied == 0 => state.vendor.emptied = 2,
            Step::Emptied => {}
            Step::Torn(at) => state.vendor.torn = Some(at),
            Step::SetClock(seconds) => state.set_clock(seconds.into()),
            Step::Slow(seconds) => state.vendor.slow = seconds.into(),
            Step::Lag(seconds) => state.vendor.lag = seconds.into(),
            Step::Api(fault) => state.cluster.faults.push_back(fault),
            Step::ApiUnreachable(seconds) => state.cluster.unreachable_until = now + u64::from(seconds),
            Step::Kill(after, death) => state.armed[self.current].kill = Some((after, death)),
            Step::Pause(after, pause) => {
                let pause = (!self.processes[self.current].is_suspended()).then_some((after, pause));
                state.armed[self.current].pause = state.armed[self.current].pause.or(pause);
            }
            Step::CutOff(seconds) => state.cluster.cut_off_until[self.current] = now + u64::from(seconds),
            Step::Wait(seconds) => state.advance(seconds.into()),
            Step::Switch => {
                self.current = (self.current + 1) % PROCESSES;
                self.started = PROCESSES;
            }
            Step::Restart => {
                drop(state);
                self.restart();
            }
            Step::Wake => {
                drop(state);
                self.sleep();
                self.pass(0);
            }
            Step::Pass(lag) => {
                drop(state);
                self.pass(lag);
            }
        }
    }

    fn restart(&mut self) {
        self.processes[self.current].restart();
    }

    /// Lets time pass until the current process wakes up.
    fn sleep(&self) {
        let mut state = self.world.state();
        let left = self.processes[self.current].wake.saturating_sub(state.now);
        state.advance(left);
    }

    /// Runs passes of the current process until the next one is not due at once, or until the process is suspended or dies.
    fn pass(&mut self, lag: u8) {
        if self.started > 1 {
            // The other process does not know what no status names any more and no list shows yet.
            self.world.state().note_forgotten();
        }
        let process = &mut self.processes[self.current];
        for _ in 0..8 {
            let there = self.world.state().vendor.subs.len();
            let polled = if process.is_suspended() { process.resume() } else { process.start(lag) };
            let Polled::Ended(after) = polled else { return };
            let mut state = self.world.state();
            let deleted = state.vendor.deleted[self.current].len();
            if deleted > 1 && deleted * 100 > 50 * there && !state.facts.allowed {
                state.wrong(format!("{deleted} of {there} were deleted at once"));
            }
            if after > 1 {
                return;
            }
            state.advance(after);
        }
    }

    /// Runs a pass of each process that was started, at its wake-up.
    fn round(&mut self) {
        for index in 0..self.started {
            self.current = index;
            self.sleep();
            self.pass(0);
        }
    }

    /// Ends the faults and lets time pass until all is well. One more pass must only read.
    fn end(&mut self) -> Result<Counts, String> {
        self.calm();
        let mut well = Err(String::new());
        for _ in 0..WAKE_UPS {
            self.round();
            well = self.world.state().verdict();
            if well.is_ok() {
                break;
            }
        }
        well?;
        for _ in 0..3 {
            self.round();
        }
        let before = self.effects();
        self.round();
        let mut state = self.world.state();
        state.verdict()?;
        let after = { (state.vendor.lists, state.vendor.writes, state.cluster.writes) };
        let did = (after.0 - before.0, after.1 - before.1, after.2 - before.2);
        // Two processes may report different causes of one blocked change, as each knows only what it saw: their statuses
        // alternate.
        let writes_here = if self.started == 1 { did.2 } else { 0 };
        if (did.0, did.1, writes_here) != (self.started as u64, 0, 0) {
            return Err(format!(
                "a steady state took (lists, writes to the vendor, writes to the cluster) {did:?}"
            ));
        }
        let stalled = |status: &crate::api::status::WebhookStatus| {
            crate::api::conditions::is_true(&status.conditions, crate::api::conditions::STALLED)
        };
        let stalled =
            state.cluster.objects.values().filter(|one| one.status.as_ref().is_some_and(stalled)).count();
        state.counts.stalled += stalled as u64;
        Ok(state.counts)
    }

    fn effects(&self) -> (u64, u64, u64) {
        let state = self.world.state();
        (state.vendor.lists, state.vendor.writes, state.cluster.writes)
    }

    fn calm(&mut self) {
        let mut state = self.world.state();
        state.meanwhile = None;
        for armed in &mut state.armed {
            (armed.kill, armed.pause) = (None, None);
        }
        state.vendor.faults.clear();
        state.cluster.faults.clear();
        (state.vendor.unreachable_until, state.vendor.emptied, state.vendor.slow, state.vendor.lag) =
            (0, 0, 0, 0);
        state.vendor.torn = None;
        (state.cluster.unreachable_until, state.cluster.cut_off_until) = (0, Default::default());
        if state.cluster.account.spec.suspend {
            state.act(step::Act::SuspendAccount);
        }
        if state.cluster.login_missing {
            state.act(step::Act::ToggleLogin);
        }
        drop(state);
        for seconds in [0, 130] {
            // Late requests are done by then.
            self.world.state().advance(seconds);
            for index in 0..self.started {
                self.current = index;
                self.pass(0);
            }
        }
    }
}

fn play(history: &History, metrics: &Metrics) -> Result<Counts, String> {
    let mut player = Player::new(history, metrics);
    for step in &history.steps {
        player.step(*step);
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
