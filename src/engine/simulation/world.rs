//! Everything outside the processes: a cluster, a vendor, a clock, and the faults that are armed. Each outside effect of a
//! process passes [`World::effect`], where the process may die and people may act.

use super::cluster::Cluster;
use super::facts::Facts;
use super::step::{Act, Death, PROCESSES, Pause};
use super::vendor::VendorState;
use crate::api::{VendorName, Webhook};
use crate::engine::clock;
use crate::plan::Rules;
use crate::vendor::rules;
use k8s_openapi::jiff::SignedDuration;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use std::time::Duration;

/// What happened in a history, in numbers.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Counts {
    pub(super) steps: u64,
    pub(super) passes: u64,
    pub(super) faults: u64,
    pub(super) kills: u64,
    /// How often a pass was suspended.
    pub(super) pauses: u64,
    /// How often the vendor had two equal subscriptions of the operator for a while.
    pub(super) duplicates: u64,
    /// Webhooks that wait for a person at the end.
    pub(super) stalled: u64,
    pub(super) created: u64,
    pub(super) deleted: u64,
}

/// Faults that are armed for a process, and whether it is dead.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Armed {
    /// It dies at its n-th outside effect from now.
    pub(super) kill: Option<(u8, Death)>,
    /// Its pass is suspended at its n-th outside effect from now.
    pub(super) pause: Option<(u8, Pause)>,
    /// It has died: nothing that it still does has an effect.
    pub(super) dead: bool,
}

impl Armed {
    /// Counts one outside effect. Returns where the pass is suspended around it, if it is.
    fn pauses(&mut self) -> Option<Pause> {
        match self.pause {
            Some((0, pause)) => Some(pause),
            Some((left, pause)) => {
                self.pause = Some((left - 1, pause));
                None
            }
            None => None,
        }
    }
}

/// Everything outside the processes.
pub(super) struct State {
    pub(super) name: VendorName,
    pub(super) rules: &'static Rules,
    /// Seconds since the start.
    pub(super) now: u64,
    /// How far the wall clock is from it.
    wall: i64,
    /// Faults that are armed for each process.
    pub(super) armed: [Armed; PROCESSES],
    pub(super) meanwhile: Option<(u8, Act)>,
    /// The process whose effect takes place.
    pub(super) acting: usize,
    pub(super) cluster: Cluster,
    pub(super) vendor: VendorState,
    pub(super) facts: Facts,
    pub(super) counts: Counts,
    /// What must never happen, and did.
    pub(super) wrong: Option<String>,
}

impl State {
    pub(super) fn wrong(&mut self, what: String) {
        self.wrong.get_or_insert(what);
    }

    /// Whether a process may be in the middle of a pass.
    pub(super) fn mid_pass(&self) -> bool {
        self.meanwhile.is_some() || self.armed.iter().any(|armed| matches!(armed.pause, Some((0, _))))
    }

    /// Sets the wall clock.
    pub(super) fn set_clock(&mut self, by: i64) {
        self.wall += by;
        clock::test::set_wall(SignedDuration::from_secs(self.wall));
    }

    /// Lets so many seconds pass.
    pub(super) fn advance(&mut self, seconds: u64) {
        self.now += seconds;
        clock::test::stop_at(Duration::from_secs(self.now));
        self.commit_due();
    }
}

/// What happens to a process at an outside effect.
pub(super) enum Fate {
    Lives,
    Dies(Death),
}

/// The state outside the processes, as one of them reaches it.
#[derive(Clone)]
pub(super) struct World {
    state: Arc<Mutex<State>>,
    process: usize,
}

impl World {
    pub(super) fn new(name: VendorName) -> Self {
        clock::test::set_wall(SignedDuration::ZERO);
        let state = State {
            name,
            rules: rules(name),
            now: 0,
            wall: 0,
            armed: Default::default(),
            meanwhile: None,
            acting: 0,
            cluster: Cluster::new(name),
            vendor: VendorState::default(),
            facts: Facts::default(),
            counts: Counts::default(),
            wrong: None,
        };
        Self { state: Arc::new(Mutex::new(state)), process: 0 }
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the Webhooks that the watch cache of this process shows now, this many changes behind.
    pub(super) fn shown(&self, lag: u8) -> Vec<Arc<Webhook>> {
        let (mut state, process) = (self.state(), self.process);
        let cut_off = state.now < state.cluster.cut_off_until[process];
        let view = if cut_off { state.cluster.last_view(process) } else { state.cluster.view(process, lag) };
        view.webhooks
    }

    /// The same state, as that process reaches it.
    pub(super) fn of(&self, process: usize) -> Self {
        Self { state: Arc::clone(&self.state), process }
    }

    pub(super) fn process(&self) -> usize {
        self.process
    }

    /// One outside effect. A process that dies at it never sees its result: the future stays pending, and is dropped.
    pub(super) async fn effect<T>(&self, act: impl FnOnce(&mut State, &Fate) -> T) -> T {
        let pause = self.state().armed[self.process].pauses();
        if pause == Some(Pause::Before) {
            self.suspended().await;
        }
        let done = self.fated(act);
        if pause == Some(Pause::After) {
            self.suspended().await;
        }
        match done {
            Some(done) if !self.state().armed[self.process].dead => done,
            _ => std::future::pending().await,
        }
    }

    /// Ends when the process is resumed. It calls its own waker, as a set of futures polls only those that were woken.
    async fn suspended(&self) {
        std::future::poll_fn(|context| {
            if self.state().armed[self.process].pause.is_none() {
                return Poll::Ready(());
            }
            context.waker().wake_by_ref();
            Poll::Pending
        })
        .await;
    }

    /// Returns the result of an effect; none if the process dies at it, or is dead.
    fn fated<T>(&self, act: impl FnOnce(&mut State, &Fate) -> T) -> Option<T> {
        let mut state = self.state();
        match state.meanwhile {
            Some((0, act)) => {
                state.act(act);
                state.meanwhile = None;
            }
            Some((left, act)) => state.meanwhile = Some((left - 1, act)),
            None => {}
        }
        let armed = &mut state.armed[self.process];
        if armed.dead {
            return None;
        }
        let fate = match armed.kill.take() {
            Some((0, death)) => Fate::Dies(death),
            Some((left, death)) => {
                armed.kill = Some((left - 1, death));
                Fate::Lives
            }
            None => Fate::Lives,
        };
        armed.dead = matches!(fate, Fate::Dies(_));
        state.acting = self.process;
        match fate {
            Fate::Lives => Some(act(&mut state, &fate)),
            Fate::Dies(Death::Before) => None,
            Fate::Dies(_) => {
                act(&mut state, &fate);
                None
            }
        }
    }
}

impl std::ops::AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.steps += other.steps;
        self.passes += other.passes;
        self.faults += other.faults;
        self.kills += other.kills;
        self.pauses += other.pauses;
        self.duplicates += other.duplicates;
        self.stalled += other.stalled;
        self.created += other.created;
        self.deleted += other.deleted;
    }
}
