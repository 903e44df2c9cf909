//! Executes a plan: several items at once, within limits of time, calls and failures.

use super::guard::Planned;
use super::item::{is_unchanged, process_item};
use super::prepare::Prepared;
use super::report::PassCounts;
use super::shared::Shared;
use super::window::ExecutionWindow;
use super::{Pass, PassError};
use crate::engine::clock;
use crate::engine::cluster::writer::ClusterWriter;
use crate::engine::state::account::AccountState;
use crate::engine::state::client_cache::ClientCache;
use crate::engine::state::observed::Snapshot;
use crate::engine::state::webhook::WebhookState;
use crate::plan::{Item, PlannedWebhook, Step};
use crate::vendor::{Operation, VendorError};
use futures::stream::{FuturesUnordered, StreamExt as _};
use parking_lot::Mutex;
use std::collections::HashMap;
use std::time::Duration;

/// Rate-limit waits shorter than this are not reported.
const PAUSE: Duration = Duration::from_secs(3);

/// The result of an execution.
pub(crate) struct Executed {
    pub(crate) counts: PassCounts,
    pub(crate) stopped_by: Option<PassError>,
}

/// Executes a plan for ten seconds at most. Items of one priority wait for those of the one before it: what is deleted and edited makes
/// room, for example for a name, for what is created.
pub(crate) async fn execute<S: Sync, R: ClusterWriter>(
    pass: &Pass<'_, S, R>,
    state: &mut AccountState,
    planned: Planned,
) -> Executed {
    let (prepared, plan) = planned.into_parts();
    let Prepared { values, client, declared, uids, snapshot, .. } = prepared;
    let Snapshot { observed, read } = snapshot;
    let AccountState { webhooks, client: cache, peers, refusal_grid, .. } = state;
    let shared = Shared {
        values: &values,
        client: &client,
        observed: Mutex::new(observed),
        peers,
        refusal_grid: *refusal_grid,
    };
    let mut webhooks: HashMap<&str, &mut WebhookState> =
        webhooks.iter_mut().map(|(uid, webhook)| (uid.as_str(), webhook.as_mut())).collect();
    let mut window = ExecutionWindow::new();
    let mut in_flight = FuturesUnordered::new();
    for item in &plan.items {
        let Some(webhook) = webhooks.remove(uids[item.index].as_str()) else { continue };
        let planned = PlannedWebhook { declared: &declared[item.index], item };
        if is_unchanged(&shared, planned, webhook) {
            continue;
        }
        webhook.status_inputs = None;
        let calls = item.step().map_or(0, Step::number_of_calls);
        while must_wait(&window, in_flight.len(), item, cache) {
            if let Some((calls, result)) = pass.permits.waiting(in_flight.next()).await {
                window.finished(calls, result);
            }
        }
        window.priority = Some(item.priority());
        if window.cluster_error.is_some() {
            break;
        }
        match admit(pass, &mut window, planned, webhook, cache) {
            Admission::Later => {}
            Admission::Now(blocked_by) => {
                window.calls += calls;
                let shared = &shared;
                in_flight.push(async move {
                    (calls, process_item(pass, shared, planned, webhook, blocked_by).await)
                });
            }
        }
    }
    while let Some((calls, result)) = pass.permits.waiting(in_flight.next()).await {
        window.finished(calls, result);
    }
    drop(in_flight);
    state.snapshot = Some(Snapshot { observed: shared.observed.into_inner(), read });
    for uid in std::mem::take(&mut window.removed) {
        state.remove(&uid);
    }
    Executed { counts: window.counts, stopped_by: window.stopped_by() }
}

/// Whether an item has to wait for those in flight.
fn must_wait(window: &ExecutionWindow, in_flight: usize, item: &Item, cache: &ClientCache) -> bool {
    let calls = item.step().map_or(0, Step::number_of_calls);
    let crowded = in_flight >= window.limit || window.priority != Some(item.priority());
    in_flight > 0 && (crowded || calls > 0 && !cache.fits(window.calls + 1))
}

/// Whether an item is processed in this pass.
enum Admission {
    /// Processed, if only to report why its step cannot be executed.
    Now(Option<VendorError>),
    /// Left for a later pass, and counted.
    Later,
}

fn admit<S, R>(
    pass: &Pass<'_, S, R>,
    window: &mut ExecutionWindow,
    planned: PlannedWebhook<'_>,
    webhook: &WebhookState,
    cache: &ClientCache,
) -> Admission {
    let PlannedWebhook { declared, item } = planned;
    let (has_step, calls) = (item.step().is_some(), item.step().map_or(0, Step::number_of_calls));
    if webhook.is_refused() || window.is_forbidden(&item.key.namespace) {
        window.counts.failed += 1;
        return Admission::Later;
    }
    if calls > 0 && window.vendor_error.is_none() {
        window.vendor_error = cache.wait().map(|wait| VendorError::paced(Operation::List, wait));
    }
    let is_guest = declared.guest && has_step;
    if is_guest {
        window.guest_begins();
    }
    let guest_wait = cache.guests_wait(window.calls + calls).filter(|_| is_guest && calls > 0);
    if let Some(wait) = guest_wait {
        window.guest_waits(wait);
        if wait < PAUSE {
            return Admission::Later;
        }
    }
    let out_of_time =
        window.vendor_error.is_none() && (clock::now() >= window.deadline || pass.context.stopping());
    if has_step && (out_of_time || window.vendor_error.as_ref().is_some_and(is_pause)) {
        window.counts.left += 1;
        return Admission::Later;
    }
    let guest_wait = guest_wait.map(|wait| VendorError::paced(Operation::List, wait));
    let blocked_by = webhook.backs_off().cloned().or_else(|| window.vendor_error.clone()).or(guest_wait);
    Admission::Now(blocked_by.filter(|_| has_step))
}

/// Whether the account only waits for its own rate limit, and not for long.
pub(crate) fn is_pause(error: &VendorError) -> bool {
    error.is_paced() && error.retry_after.is_none_or(|wait| wait < PAUSE)
}
