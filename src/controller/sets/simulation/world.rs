//! Everything outside the process: a cluster, the vendor's accounts, a clock, and the faults that are armed. Each outside effect of the
//! process passes [`World::effect`], where the process may die and people may act.

use super::cluster::{Cluster, Stored};
use super::facts::Facts;
use super::objects::SETS;
use super::step::{Act, ApiFault, Death};
use crate::engine::clock;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt::Display;
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
    pub(super) suspended: u64,
    pub(super) created: u64,
    pub(super) applied: u64,
    pub(super) removed: u64,
    /// Changes that the guard counts, with and without an approval.
    pub(super) approved: u64,
    pub(super) unapproved: u64,
    /// Members that a roll-out changed.
    pub(super) rolled: u64,
    /// Sets that the guard blocked when the faults ended.
    pub(super) blocked: u64,
}

impl std::ops::AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.steps += other.steps;
        self.passes += other.passes;
        self.faults += other.faults;
        self.kills += other.kills;
        self.suspended += other.suspended;
        self.created += other.created;
        self.applied += other.applied;
        self.removed += other.removed;
        self.approved += other.approved;
        self.unapproved += other.unapproved;
        self.rolled += other.rolled;
        self.blocked += other.blocked;
    }
}

/// A subscription at the vendor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Sub {
    pub(super) account: String,
    /// The set that its Webhook belonged to when it was made.
    pub(super) set: Option<String>,
    pub(super) content: String,
}

/// Faults that are armed for the process.
#[derive(Default)]
pub(super) struct Armed {
    /// It dies at its n-th outside effect from now.
    pub(super) kill: Option<(u8, Death)>,
    /// It has died: nothing that it still does has an effect.
    pub(super) dead: bool,
    /// The pass over a set is suspended before its n-th outside effect from now.
    pub(super) suspend: [Option<u8>; SETS.len()],
    /// Somebody acts before the n-th outside effect from now.
    pub(super) meanwhile: Option<(u8, Act)>,
    /// What the next writes meet.
    pub(super) faults: VecDeque<ApiFault>,
}

pub(super) struct State {
    /// Milliseconds since the start.
    pub(super) now: u64,
    pub(super) cluster: Cluster,
    /// The subscriptions by the uid of their Webhook.
    pub(super) subs: BTreeMap<String, Sub>,
    /// Webhooks that a policy refuses.
    pub(super) refused: BTreeSet<String>,
    /// Accounts at which the vendor rejects what is declared.
    pub(super) failing: BTreeSet<String>,
    /// Accounts to which the vendor does not deliver.
    pub(super) stopped: BTreeSet<String>,
    pub(super) armed: Armed,
    pub(super) facts: Facts,
    pub(super) counts: Counts,
    /// What must never happen, and did.
    pub(super) wrong: Option<String>,
}

impl State {
    pub(super) fn wrong(&mut self, what: impl Display) {
        let at = self.now;
        self.wrong.get_or_insert(format!("at {at} ms: {what}"));
    }

    /// Lets so many milliseconds pass.
    pub(super) fn advance(&mut self, milliseconds: u64) {
        self.now += milliseconds;
        clock::test::stop_at(Duration::from_millis(self.now));
    }

    /// Stores an object, and records what that means.
    pub(super) fn store<T: Stored>(&mut self, object: T) -> Arc<T> {
        let before = self.cluster.version();
        let stored = self.cluster.store(self.now, object);
        if self.cluster.version() != before {
            self.record();
        }
        stored
    }
}

/// The state outside the process, as the pass over one set reaches it.
#[derive(Clone)]
pub(super) struct World {
    state: Arc<Mutex<State>>,
    /// The number of the set.
    set: usize,
}

impl World {
    pub(super) fn new() -> Self {
        let state = State {
            now: 0,
            cluster: Cluster::new(),
            subs: BTreeMap::new(),
            refused: BTreeSet::new(),
            failing: BTreeSet::new(),
            stopped: BTreeSet::new(),
            armed: Armed::default(),
            facts: Facts::default(),
            counts: Counts::default(),
            wrong: None,
        };
        Self { state: Arc::new(Mutex::new(state)), set: 0 }
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The same state, as the pass over that set reaches it.
    pub(super) fn of(&self, set: usize) -> Self {
        Self { state: Arc::clone(&self.state), set }
    }

    pub(super) fn set(&self) -> usize {
        self.set
    }

    /// One outside effect. A process that dies at it never sees its result: the future stays pending, and is dropped.
    pub(super) async fn effect<T>(&self, act: impl FnOnce(&mut State) -> T) -> T {
        self.suspended().await;
        match self.fated(act) {
            Some(done) => done,
            None => std::future::pending().await,
        }
    }

    /// Counts the effect; ends when the pass is resumed, if it is suspended here. It calls its own waker, as a set of futures polls only
    /// those that were woken.
    async fn suspended(&self) {
        let at = |state: &mut State| {
            let suspend = &mut state.armed.suspend[self.set];
            let here = *suspend == Some(0);
            *suspend = suspend.map(|left| left.saturating_sub(1));
            here
        };
        if !at(&mut self.state()) {
            return;
        }
        std::future::poll_fn(|context| {
            if self.state().armed.suspend[self.set].is_none() {
                return Poll::Ready(());
            }
            context.waker().wake_by_ref();
            Poll::Pending
        })
        .await;
    }

    /// Returns the result of an effect; none if the process dies at it, or is dead.
    fn fated<T>(&self, act: impl FnOnce(&mut State) -> T) -> Option<T> {
        let mut state = self.state();
        match state.armed.meanwhile {
            Some((0, act)) => {
                state.armed.meanwhile = None;
                state.act(act);
            }
            Some((left, act)) => state.armed.meanwhile = Some((left - 1, act)),
            None => {}
        }
        if state.armed.dead {
            return None;
        }
        match state.armed.kill.take() {
            Some((0, death)) => {
                state.armed.dead = true;
                state.counts.kills += 1;
                if death == Death::After {
                    act(&mut state);
                }
                None
            }
            kill => {
                state.armed.kill = kill.map(|(left, death)| (left - 1, death));
                Some(act(&mut state))
            }
        }
    }
}
