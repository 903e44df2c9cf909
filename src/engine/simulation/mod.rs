//! Histories by chance: people, vendor, API server and death against the real core and engine, all in memory.
//!
//! `step` draws a history from a seed; `world` is what there is outside the process, with `cluster` and `vendor` in it;
//! `process` runs the passes of one operator process, of which there may be two over the same objects without leader election: started,
//! killed, suspended and cut off by chance; `act` is what people do; `book` keeps what the end is judged by, and `verdict` judges; `again` holds what went wrong
//! once. Here they are played: each step, then a time without trouble, then the verdict, then one pass more that must do
//! nothing but look.
//!
//! `HOOKTENDER_HISTORIES=100000 make histories` plays more of them, `HOOKTENDER_FROM=100000` others, and `HOOKTENDER_SEED=7
//! make histories` just that one.
//! A failure prints its seed, and the shortest history that fails in the same way.

mod act;
mod again;
mod book;
mod cluster;
mod content;
mod process;
mod step;
mod vendor;
mod verdict;
mod world;

use crate::telemetry::Metrics;
use process::{Polled, Process};
use std::time::Instant;
use step::{History, Step, history};
use world::{Counts, PROCESSES, World};

/// How often the worker's alarm may ring before all has to be well: slow retries are an hour apart, passes five minutes.
const ALARMS: usize = 60;
/// How many histories are played unless it is said otherwise.
const HISTORIES: u64 = 1000;

struct Player {
    world: World,
    processes: [Process; PROCESSES],
    /// How many of them have been started.
    started: usize,
    /// Which one the steps are about.
    current: usize,
}

impl Player {
    fn new(history: &History, metrics: &Metrics) -> Self {
        let world = World::new(history.vendor);
        world.state().passes(0);
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
            Step::Trouble(trouble) => state.vendor.troubles.push_back(trouble),
            Step::Away(seconds) => state.vendor.away_until = now + u64::from(seconds),
            Step::Emptied if state.vendor.emptied == 0 => state.vendor.emptied = 2,
            Step::Emptied => {}
            Step::Torn(at) => state.vendor.torn = Some(at),
            Step::Clock(seconds) => state.set_clock(seconds.into()),
            Step::Slow(seconds) => state.vendor.slow = seconds.into(),
            Step::Lag(seconds) => state.vendor.lag = seconds.into(),
            Step::Api(trouble) => state.cluster.troubles.push_back(trouble),
            Step::ApiAway(seconds) => state.cluster.away_until = now + u64::from(seconds),
            Step::Kill(after, death) => state.armed[self.current].kill = Some((after, death)),
            Step::Pause(after, pause) => {
                let pause = (!self.processes[self.current].is_suspended()).then_some((after, pause));
                state.armed[self.current].pause = state.armed[self.current].pause.or(pause);
            }
            Step::CutOff(seconds) => state.cluster.cut_off_until[self.current] = now + u64::from(seconds),
            Step::Wait(seconds) => state.passes(seconds.into()),
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

    /// Until the alarm of the current process rings.
    fn sleep(&self) {
        let mut state = self.world.state();
        let left = self.processes[self.current].wake.saturating_sub(state.now);
        state.passes(left);
    }

    /// Runs passes of the current process until there is nothing to do for a while, or until one is suspended or dies over it.
    fn pass(&mut self, lag: u8) {
        if self.started > 1 {
            // What the status does not tell any more, and the list does not yet, the other process does not know.
            self.world.state().note_forgotten();
        }
        let process = &mut self.processes[self.current];
        for _ in 0..8 {
            let there = self.world.state().vendor.subs.len();
            let polled = if process.is_suspended() { process.resume() } else { process.start(lag) };
            let Polled::Ended(after) = polled else { return };
            let mut state = self.world.state();
            let deleted = state.vendor.deleted[self.current].len();
            if deleted > 1 && deleted * 100 > 50 * there && !state.books.allowed {
                state.wrong(format!("{deleted} of {there} were deleted at once"));
            }
            if after > 1 {
                return;
            }
            state.passes(after);
        }
    }

    /// Runs a pass of each process that was started, whenever its alarm rings.
    fn round(&mut self) {
        for index in 0..self.started {
            self.current = index;
            self.sleep();
            self.pass(0);
        }
    }

    /// Trouble is over, and time passes, until all is well; then one pass more looks, and does nothing.
    fn end(&mut self) -> Result<Counts, String> {
        self.calm();
        let mut well = Err(String::new());
        for _ in 0..ALARMS {
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
        // Two processes may tell different causes of one held change, as each knows only what it saw itself: their statuses alternate.
        let writes_here = if self.started == 1 { did.2 } else { 0 };
        if (did.0, did.1, writes_here) != (self.started as u64, 0, 0) {
            return Err(format!("a steady state took (lists, writes there, writes here) {did:?}"));
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
        state.vendor.troubles.clear();
        state.cluster.troubles.clear();
        (state.vendor.away_until, state.vendor.emptied, state.vendor.slow, state.vendor.lag) = (0, 0, 0, 0);
        state.vendor.torn = None;
        (state.cluster.away_until, state.cluster.cut_off_until) = (0, Default::default());
        if state.cluster.account.spec.suspend {
            state.act(step::Act::SuspendAccount);
        }
        if state.cluster.locked {
            state.act(step::Act::Lock);
        }
        drop(state);
        for seconds in [0, 130] {
            // Whatever was taken in is done by then.
            self.world.state().passes(seconds);
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

/// The shortest history that still fails: steps are taken out, many at a time and then one by one.
fn shrunk(mut history: History, metrics: &Metrics) -> (History, String) {
    let mut said = play(&history, metrics).err().unwrap_or_default();
    let mut size = history.steps.len();
    while size > 0 {
        let mut at = 0;
        let mut shorter = false;
        while at < history.steps.len() {
            let mut fewer = history.clone();
            fewer.steps.drain(at..(at + size).min(history.steps.len()));
            match play(&fewer, metrics) {
                Err(why) => {
                    (history, said, shorter) = (fewer, why, true);
                }
                Ok(_) => at += size,
            }
        }
        if !shorter || size > 1 {
            size /= 2;
        }
    }
    (history, said)
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

#[test]
fn whatever_happens_it_ends_well() {
    let from = number("HOOKTENDER_FROM").unwrap_or_default();
    let seeds = match number("HOOKTENDER_SEED") {
        Some(seed) => seed..seed + 1,
        None => from..from + number("HOOKTENDER_HISTORIES").unwrap_or(HISTORIES),
    };
    let find = number("HOOKTENDER_FAILURES").unwrap_or(1);
    let mut failures = 0;
    let (started, metrics) = (Instant::now(), Metrics::default());
    let mut all = Counts::default();
    let histories = seeds.end - seeds.start;
    for seed in seeds {
        let history = history(seed);
        match play(&history, &metrics) {
            Ok(counts) => all.add(counts),
            Err(first) => {
                let (shortest, why) = shrunk(history, &metrics);
                let steps: Vec<_> = shortest.steps.iter().map(|step| format!("  {step:?}")).collect();
                let vendor = shortest.vendor;
                println!("seed {seed}: {first}\nshrunk: {why}\n{vendor}:\n{}", steps.join("\n"));
                failures += 1;
                assert!(failures < find, "{failures} histories ended badly: see above");
            }
        }
    }
    assert_eq!(failures, 0, "see above");
    let rate = u128::from(histories) * 1000 / started.elapsed().as_millis().max(1);
    println!("{histories} histories, {rate} a second: {all:?}");
}

#[test]
fn a_seed_is_one_history() {
    for seed in 0..20 {
        assert_eq!(history(seed), history(seed));
        let played = || format!("{:?}", play(&history(seed), &Metrics::default()));
        assert_eq!(played(), played(), "seed {seed}");
    }
}
