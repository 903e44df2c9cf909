//! What there is outside the process: a cluster, a vendor, a clock, and what is armed to go wrong. Each outside effect of
//! the process goes through [`World::effect`], where the process may die and people may act.

use super::book::Books;
use super::cluster::Cluster;
use super::step::{Act, Death};
use super::vendor::Remote;
use crate::api::VendorName;
use crate::engine::clock;
use crate::plan::Rules;
use crate::vendor::rules;
use k8s_openapi::jiff::SignedDuration;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// What a history came to, in numbers.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Counts {
    pub(super) steps: u64,
    pub(super) passes: u64,
    pub(super) faults: u64,
    pub(super) kills: u64,
    /// How often the vendor had two of one Webhook's, on the way.
    pub(super) twins: u64,
    /// Webhooks that wait for a person at the end.
    pub(super) stalled: u64,
    pub(super) created: u64,
    pub(super) deleted: u64,
}

/// Everything outside the process.
pub(super) struct State {
    pub(super) name: VendorName,
    pub(super) rules: &'static Rules,
    /// Seconds since the beginning.
    pub(super) now: u64,
    /// How far the clock on the wall is from it.
    wall: i64,
    pub(super) kill: Option<(u8, Death)>,
    pub(super) meanwhile: Option<(u8, Act)>,
    pub(super) cluster: Cluster,
    pub(super) vendor: Remote,
    pub(super) books: Books,
    pub(super) counts: Counts,
    /// What must never happen and did.
    pub(super) wrong: Option<String>,
}

impl State {
    pub(super) fn wrong(&mut self, what: String) {
        self.wrong.get_or_insert(what);
    }

    /// Somebody sets the clock on the wall.
    pub(super) fn set_clock(&mut self, by: i64) {
        self.wall += by;
        clock::test::set_wall(SignedDuration::from_secs(self.wall));
    }

    /// So much time goes by.
    pub(super) fn passes(&mut self, seconds: u64) {
        self.now += seconds;
        clock::test::stop_at(Duration::from_secs(self.now));
        self.land();
    }
}

/// What becomes of an outside effect.
pub(super) enum Fate {
    Lives,
    Dies(Death),
}

/// The outside, shared by all who touch it.
#[derive(Clone)]
pub(super) struct World(Arc<Mutex<State>>);

impl World {
    pub(super) fn new(name: VendorName) -> Self {
        clock::test::set_wall(SignedDuration::ZERO);
        let state = State {
            name,
            rules: rules(name),
            now: 0,
            wall: 0,
            kill: None,
            meanwhile: None,
            cluster: Cluster::new(name),
            vendor: Remote::default(),
            books: Books::default(),
            counts: Counts::default(),
            wrong: None,
        };
        Self(Arc::new(Mutex::new(state)))
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One outside effect. Who dies over it never hears of it: the future ends nowhere, and is dropped.
    pub(super) async fn effect<T>(&self, act: impl FnOnce(&mut State, &Fate) -> T) -> T {
        if let Some(done) = self.fated(act) {
            return done;
        }
        std::future::pending().await
    }

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
        let fate = match state.kill.take() {
            Some((0, death)) => Fate::Dies(death),
            Some((left, death)) => {
                state.kill = Some((left - 1, death));
                Fate::Lives
            }
            None => Fate::Lives,
        };
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

impl Counts {
    pub(super) fn add(&mut self, other: Self) {
        self.steps += other.steps;
        self.passes += other.passes;
        self.faults += other.faults;
        self.kills += other.kills;
        self.twins += other.twins;
        self.stalled += other.stalled;
        self.created += other.created;
        self.deleted += other.deleted;
    }
}
