//! The worker of one set in the process of a history. Its passes may be suspended before any outside effect, while other sets, people
//! and the accounts' engine continue.

use super::objects::{NAMESPACE, SETS};
use super::world::World;
use crate::api::ObjectKey;
use crate::controller::dependents::Dependents;
use crate::controller::sets::pace::Pace;
use crate::controller::sets::state::SetState;
use crate::controller::sets::{Shared, pass};
use crate::telemetry::Metrics;
use futures::FutureExt as _;
use futures::future::LocalBoxFuture;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

/// A process that is suspended for longer, in milliseconds, counts as dead: no request takes longer.
const LONGEST_PAUSE: u64 = 20_000;

/// The result of polling a pass.
pub(super) enum Polled {
    /// It ended; the next one is due after so many milliseconds.
    Ended(u64),
    Suspended,
    Died,
}

pub(super) struct Worker {
    world: World,
    shared: Arc<Shared<World, World>>,
    key: ObjectKey,
    /// None while a suspended pass holds it.
    state: Option<SetState>,
    pass: Option<LocalBoxFuture<'static, (SetState, Duration)>>,
    /// When the pass was started or continued.
    polled: u64,
    /// When the next pass is due without an event.
    pub(super) wake: u64,
}

impl Worker {
    pub(super) fn new(world: World, metrics: &Metrics) -> Self {
        let mut shared = Shared::new(
            Arc::new(world.clone()),
            world.clone(),
            metrics.clone(),
            Arc::new(Dependents::default()),
        );
        shared.pace = Pace::unlimited();
        // Sets in histories have few members; some passes are to leave writes to the next one.
        shared.writes_per_pass = 2;
        let key = ObjectKey::new(NAMESPACE, SETS[world.set()]);
        let (state, wake) = (Some(SetState::default()), u64::MAX);
        Self { world, shared: Arc::new(shared), key, state, pass: None, polled: 0, wake }
    }

    pub(super) fn is_suspended(&self) -> bool {
        self.pass.is_some()
    }

    /// Ends with the process, and starts again.
    pub(super) fn restart(&mut self) {
        (self.pass, self.state) = (None, Some(SetState::default()));
        let mut state = self.world.state();
        state.armed.suspend[self.world.set()] = None;
        self.wake = state.now;
    }

    /// Starts a pass on what the watches show, or continues the suspended one.
    pub(super) fn run(&mut self) -> Polled {
        let set = self.world.set();
        if self.is_suspended() {
            let mut state = self.world.state();
            state.armed.suspend[set] = None;
            state.armed.dead |= state.now > self.polled + LONGEST_PAUSE;
        } else {
            self.start();
        }
        let Some(pass) = &mut self.pass else { return Polled::Died };
        self.polled = self.world.state().now;
        let polled = pass.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        let mut state = self.world.state();
        match polled {
            Poll::Ready((memory, after)) => {
                (self.pass, self.state) = (None, Some(memory));
                state.armed.suspend[set] = None;
                let after = u64::try_from(after.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX);
                self.wake = state.now.saturating_add(after);
                Polled::Ended(after)
            }
            Poll::Pending if state.armed.dead => Polled::Died,
            Poll::Pending => {
                state.counts.suspended += 1;
                Polled::Suspended
            }
        }
    }

    fn start(&mut self) {
        let mut state = self.world.state();
        state.counts.passes += 1;
        // The worker of a set ends with it.
        let is_there = state.cluster.sets.shown().contains_key(&self.key.name);
        let mut memory = self.state.take().filter(|_| is_there).unwrap_or_default();
        let (shared, key) = (Arc::clone(&self.shared), self.key.clone());
        let pass = async move {
            let after = pass::run(&shared, &key, &mut memory).await;
            (memory, after)
        };
        self.pass = Some(pass.boxed_local());
    }
}
