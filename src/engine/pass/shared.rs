//! What the steps of a pass share while several are in flight.

use crate::engine::client::Client;
use crate::engine::cluster::values::Values;
use crate::engine::state::observed::ObservedIndex;
use crate::engine::state::peers::Peers;
use crate::engine::state::webhook::WebhookState;
use crate::plan::{Delivery, Observed};
use parking_lot::Mutex;
use std::time::Instant;

/// What the steps of a pass share. Each step has its own Webhook's state to itself.
pub(crate) struct Shared<'a> {
    pub(crate) values: &'a Values,
    pub(crate) client: &'a Client,
    /// Locked for single reads and writes only, never during a call.
    pub(crate) observed: Mutex<ObservedIndex>,
    pub(crate) peers: &'a Peers,
    /// Waits of refused Webhooks end on a grid that begins here.
    pub(crate) refusal_grid: Instant,
}

/// What the vendor's list says about the subscription of a Webhook, beside its document.
#[derive(Default)]
pub(crate) struct RemoteState {
    /// The vendor's own version of the subscription.
    pub(crate) version: Option<String>,
    pub(crate) delivery: Option<Delivery>,
}

impl Shared<'_> {
    /// Returns the state of the Webhook's recorded subscription.
    pub(crate) fn remote_state(&self, webhook: &WebhookState) -> RemoteState {
        let id = webhook.status.external_id.as_deref();
        let state =
            |one: &Observed| RemoteState { version: one.remote_version.clone(), delivery: one.delivery };
        id.and_then(|id| self.read(id, state)).unwrap_or_default()
    }

    /// Reads a subscription, if the vendor has it.
    pub(crate) fn read<T>(&self, id: &str, read: impl FnOnce(&Observed) -> T) -> Option<T> {
        self.observed.lock().get(id).map(read)
    }
}
