//! Histories by chance: people, vendor, API server and death against the real core and engine, all in memory.
//!
//! `step` draws a history from a seed; `world` is what there is outside the process, with `cluster` and `vendor` in it;
//! `act` is what people do; `book` keeps what the end is judged by, and `verdict` judges; `again` holds what went wrong
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
mod step;
mod vendor;
mod verdict;
mod world;

use super::memory::Memory;
use super::pass::{self, Context, Input};
use super::past::Patience;
use crate::api::Mode;
use crate::telemetry::Metrics;
use crate::vendor::{AllowedEndpoints, Settings};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Poll, Waker};
use std::time::{Duration, Instant};
use step::{History, Step, history};
use world::{Counts, World};

/// How long the vendor may take to commit what it took in.
const PATIENCE: Patience = Patience { request: Duration::from_secs(90), settle: Duration::from_secs(30) };
/// How often the worker's alarm may ring before all has to be well: slow retries are an hour apart, passes five minutes.
const ALARMS: usize = 60;
/// How many histories are played unless it is said otherwise.
const HISTORIES: u64 = 1000;

struct Player {
    world: World,
    context: Context<World, World>,
    memory: Memory,
    /// When the worker's own alarm rings.
    wake: u64,
    /// How many changes of Secrets were told of.
    told: u64,
}

impl Player {
    fn new(history: &History, metrics: &Metrics) -> Self {
        let world = World::new(history.vendor);
        world.state().passes(0);
        let instead = Arc::new(world.clone());
        let context = Context {
            source: world.clone(),
            recorder: world.clone(),
            settings: Settings::new(AllowedEndpoints::default(), |_| {}).with_vendor(instead),
            ceiling: Mode::Enforce,
            look_only: false,
            stateless: false,
            metrics: metrics.clone(),
            stopping: Arc::default(),
        };
        Self { world, context, memory: Memory::new(PATIENCE), wake: 0, told: 0 }
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
            Step::Clock(seconds) => state.set_clock(seconds.into()),
            Step::Slow(seconds) => state.vendor.slow = seconds.into(),
            Step::Lag(seconds) => state.vendor.lag = seconds.into(),
            Step::Api(trouble) => state.cluster.troubles.push_back(trouble),
            Step::ApiAway(seconds) => state.cluster.away_until = now + u64::from(seconds),
            Step::Kill(after, death) => state.kill = Some((after, death)),
            Step::Wait(seconds) => state.passes(seconds.into()),
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
        self.memory = Memory::new(PATIENCE);
        let mut state = self.world.state();
        state.note_forgotten();
        state.cluster.view(0);
        self.wake = state.now;
    }

    /// Until the alarm rings.
    fn sleep(&self) {
        let mut state = self.world.state();
        let left = self.wake.saturating_sub(state.now);
        state.passes(left);
    }

    /// Runs passes until there is nothing to do for a while, or the process dies.
    fn pass(&mut self, lag: u8) {
        for _ in 0..8 {
            let (view, told) = {
                let mut state = self.world.state();
                state.counts.passes += 1;
                state.vendor.deleted.clear();
                (state.cluster.view(lag), state.cluster.rotated + state.cluster.logins)
            };
            let there = self.world.state().vendor.subs.len();
            let input = Input {
                account: view.account,
                webhooks: view.webhooks,
                dependency_changed: std::mem::replace(&mut self.told, told) != told,
            };
            let Some(after) = once(pass::run(&self.context, &mut self.memory, input, |_| {})) else {
                self.world.state().counts.kills += 1;
                self.restart();
                return;
            };
            let mut state = self.world.state();
            let deleted = state.vendor.deleted.len();
            if deleted > 1 && deleted * 100 > 50 * there && !state.books.allowed {
                state.wrong(format!("{deleted} of {there} were deleted at once"));
            }
            let after = after.as_secs() + u64::from(after.subsec_nanos() > 0);
            self.wake = state.now + after;
            if after > 1 {
                return;
            }
            state.passes(after);
        }
    }

    /// Trouble is over, and time passes, until all is well; then one pass more looks, and does nothing.
    fn end(&mut self) -> Result<Counts, String> {
        self.calm();
        let mut well = Err(String::new());
        for _ in 0..ALARMS {
            self.sleep();
            self.pass(0);
            well = self.world.state().verdict();
            if well.is_ok() {
                break;
            }
        }
        well?;
        for _ in 0..3 {
            self.sleep();
            self.pass(0);
        }
        let before = self.effects();
        self.sleep();
        self.pass(0);
        let mut state = self.world.state();
        state.verdict()?;
        let after = { (state.vendor.lists, state.vendor.writes, state.cluster.writes) };
        let did = (after.0 - before.0, after.1 - before.1, after.2 - before.2);
        if did != (1, 0, 0) {
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
        (state.kill, state.meanwhile) = (None, None);
        state.vendor.troubles.clear();
        state.cluster.troubles.clear();
        (state.vendor.away_until, state.vendor.emptied, state.vendor.slow, state.vendor.lag) = (0, 0, 0, 0);
        state.cluster.away_until = 0;
        if state.cluster.account.spec.suspend {
            state.act(step::Act::SuspendAccount);
        }
        drop(state);
        self.pass(0);
        // Whatever was taken in is done by now.
        self.world.state().passes(130);
        self.pass(0);
    }
}

/// Polls once: in memory nothing waits for anything but death.
fn once<T>(future: impl Future<Output = T>) -> Option<T> {
    match pin!(future).poll(&mut std::task::Context::from_waker(Waker::noop())) {
        Poll::Ready(done) => Some(done),
        Poll::Pending => None,
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
