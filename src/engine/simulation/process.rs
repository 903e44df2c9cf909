//! One operator process of a history. Its passes may be suspended before or after any outside effect, while the other process,
//! people and the vendor continue.

use super::world::World;
use crate::api::Mode;
use crate::engine::limiter::PassLimiter;
use crate::engine::pass::{self, Context, Input, Webhooks};
use crate::engine::state::account::AccountState;
use crate::engine::state::creates::GracePeriod;
use crate::telemetry::Metrics;
use crate::vendor::{AllowedEndpoints, Settings};
use futures::FutureExt as _;
use futures::future::LocalBoxFuture;
use std::sync::Arc;
use std::task::{Context as TaskContext, Poll, Waker};
use std::time::Duration;

/// How long the vendor may take to commit a request.
const GRACE_PERIOD: GracePeriod =
    GracePeriod { longest_request: Duration::from_secs(90), commit: Duration::from_secs(30) };
/// A process that is suspended for longer counts as dead: no request takes longer than its timeout.
const LONGEST_PAUSE: u64 = 60;

/// The result of polling a pass.
pub(super) enum Polled {
    /// It ended; the next one is due after so many seconds.
    Ended(u64),
    Suspended,
    Died,
}

pub(super) struct Process {
    pub(super) world: World,
    context: Arc<Context<World, World>>,
    /// None while a suspended pass holds it.
    memory: Option<AccountState>,
    pass: Option<LocalBoxFuture<'static, (AccountState, Duration)>>,
    /// When the suspended pass was started or continued.
    polled: u64,
    /// When the next pass is due without an event.
    pub(super) wake: u64,
    /// How many changes of Secrets it has been notified of.
    notified: u64,
}

impl Process {
    pub(super) fn new(world: World, metrics: &Metrics) -> Self {
        let context = Context {
            secrets: world.clone(),
            writer: world.clone(),
            settings: Settings::new(AllowedEndpoints::default(), |_| {}).with_vendor(Arc::new(world.clone())),
            ceiling: Mode::Enforce,
            dry_run: false,
            stateless: false,
            metrics: metrics.clone(),
            stopping: Arc::default(),
            limiter: PassLimiter::unlimited(),
        };
        Self {
            world,
            context: Arc::new(context),
            memory: Some(AccountState::new(GRACE_PERIOD)),
            pass: None,
            polled: 0,
            wake: 0,
            notified: 0,
        }
    }

    pub(super) fn is_suspended(&self) -> bool {
        self.pass.is_some()
    }

    /// Ends the process and starts it again.
    pub(super) fn restart(&mut self) {
        (self.pass, self.memory) = (None, Some(AccountState::new(GRACE_PERIOD)));
        let index = self.world.process();
        let mut state = self.world.state();
        state.armed[index] = super::world::Armed::default();
        state.note_forgotten();
        state.cluster.view(index, 0);
        self.wake = state.now;
    }

    /// Starts a pass on what the watch cache shows, which is so many changes behind.
    pub(super) fn start(&mut self, lag: u8) -> Polled {
        let index = self.world.process();
        let (account, notified) = {
            let mut state = self.world.state();
            state.counts.passes += 1;
            state.vendor.deleted[index].clear();
            let cut_off = state.now < state.cluster.cut_off_until[index];
            let view = if cut_off { state.cluster.last_view(index) } else { state.cluster.view(index, lag) };
            (view.account, state.cluster.rotated + state.cluster.logins)
        };
        let dependency_changed = std::mem::replace(&mut self.notified, notified) != notified;
        let world = self.world.clone();
        let read_webhooks = move || Webhooks { allowed: world.shown(lag), not_allowed: Vec::new() };
        let (context, memory) = (Arc::clone(&self.context), self.memory.take());
        let mut memory = memory.unwrap_or_else(|| AccountState::new(GRACE_PERIOD));
        let pass = async move {
            let input = Input { account, read_webhooks: &read_webhooks, dependency_changed };
            let after = pass::run(&context, &mut memory, input, &|_| {}).await;
            (memory, after)
        };
        self.pass = Some(pass.boxed_local());
        self.poll()
    }

    /// Continues a suspended pass.
    pub(super) fn resume(&mut self) -> Polled {
        let index = self.world.process();
        {
            let mut state = self.world.state();
            state.armed[index].pause = None;
            state.armed[index].dead |= state.now > self.polled + LONGEST_PAUSE;
        }
        self.poll()
    }

    fn poll(&mut self) -> Polled {
        let index = self.world.process();
        self.polled = self.world.state().now;
        let Some(pass) = &mut self.pass else { return Polled::Died };
        let polled = pass.as_mut().poll(&mut TaskContext::from_waker(Waker::noop()));
        let mut state = self.world.state();
        match polled {
            Poll::Ready((memory, after)) => {
                (self.pass, self.memory) = (None, Some(memory));
                let after = after.as_secs() + u64::from(after.subsec_nanos() > 0);
                self.wake = state.now + after;
                state.armed[index].pause = None;
                Polled::Ended(after)
            }
            Poll::Pending if state.armed[index].dead => {
                state.counts.kills += 1;
                drop(state);
                self.restart();
                Polled::Died
            }
            Poll::Pending => {
                state.counts.pauses += 1;
                Polled::Suspended
            }
        }
    }
}
