//! An account with Webhooks, and an API server that counts writes: for tests of single phases of a pass.

use crate::api::status::{AccountStatus, WebhookStatus};
use crate::api::{Mode, ObjectKey, VendorAccount, Webhook};
use crate::engine::clock;
use crate::engine::cluster::event::EventRecord;
use crate::engine::cluster::secrets::SecretReader;
use crate::engine::cluster::values::Values;
use crate::engine::cluster::writer::{ClusterWriter, WriteError, failed};
use crate::engine::dependency::NamedKeys;
use crate::engine::limiter::PassLimiter;
use crate::engine::pass::Context;
use crate::engine::pass::Webhooks;
use crate::engine::state::account::AccountState;
use crate::engine::state::creates::GracePeriod;
use crate::telemetry::Metrics;
use crate::vendor::{AllowedEndpoints, Settings, TokenStore};
use k8s_openapi::api::core::v1::ObjectReference;
use parking_lot::Mutex;
use serde_json::json;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

/// How long eight writes at once take.
pub(crate) const WRITE: Duration = Duration::from_millis(20);

/// An API server.
#[derive(Default)]
pub(crate) struct Server {
    pub(crate) away: AtomicBool,
    /// Refuses the Webhook of that number.
    pub(crate) frozen: Option<usize>,
    pub(crate) writes: AtomicUsize,
    pub(crate) in_flight: AtomicUsize,
    pub(crate) most_in_flight: AtomicUsize,
    pub(crate) events: AtomicUsize,
    /// How many Webhooks had been written when the status of the account was.
    pub(crate) before_account: Mutex<Option<usize>>,
}

impl Server {
    async fn write(&self, webhook: &Webhook) -> Result<(), WriteError> {
        self.writes.fetch_add(1, Relaxed);
        let in_flight = self.in_flight.fetch_add(1, Relaxed) + 1;
        self.most_in_flight.fetch_max(in_flight, Relaxed);
        tokio::task::yield_now().await;
        let number = u32::try_from(self.writes.load(Relaxed)).unwrap();
        clock::test::stop_at(WRITE * number / 8);
        self.in_flight.fetch_sub(1, Relaxed);
        let code = match self.frozen {
            _ if self.away.load(Relaxed) => 503,
            Some(frozen) if webhook.metadata.name == Some(frozen.to_string()) => 422,
            _ => return Ok(()),
        };
        let status = kube::core::Status::failure("frozen by policy", "Refused").with_code(code);
        Err(failed("status", webhook, kube::Error::Api(Box::new(status))))
    }
}

impl ClusterWriter for Server {
    async fn webhook(&self, webhook: &Webhook) -> Result<Option<Webhook>, WriteError> {
        Ok(Some(webhook.clone()))
    }

    async fn webhook_status(
        &self,
        webhook: &Webhook,
        status: &WebhookStatus,
    ) -> Result<Option<Webhook>, WriteError> {
        self.write(webhook).await?;
        Ok(Some(Webhook { status: Some(status.clone()), ..webhook.clone() }))
    }

    async fn account_status(
        &self,
        account: &VendorAccount,
        status: &AccountStatus,
    ) -> Result<Option<VendorAccount>, WriteError> {
        *self.before_account.lock() = Some(self.writes.load(Relaxed));
        Ok(Some(VendorAccount { status: Some(status.clone()), ..account.clone() }))
    }

    async fn add_finalizer(&self, webhook: &Webhook) -> Result<Webhook, WriteError> {
        Ok(webhook.clone())
    }

    async fn remove_finalizer(&self, webhook: &Webhook) -> Result<(), WriteError> {
        self.write(webhook).await
    }

    async fn add_account_finalizer(&self, account: &VendorAccount) -> Result<VendorAccount, WriteError> {
        Ok(account.clone())
    }

    async fn remove_account_finalizer(&self, _: &VendorAccount) -> Result<(), WriteError> {
        Ok(())
    }

    async fn event(&self, _: ObjectReference, _: &EventRecord) {
        self.events.fetch_add(1, Relaxed);
    }
}

/// Nothing is read.
pub(crate) struct Nothing;

impl SecretReader for Nothing {
    async fn read(&self, _: &NamedKeys) -> Values {
        Values::default()
    }

    fn token_store(&self, _: ObjectKey, _: String) -> Option<Arc<dyn TokenStore>> {
        None
    }
}

/// An account with so many Webhooks that no status speaks of yet.
pub(crate) struct Scene {
    pub(crate) context: Context<Nothing, Server>,
    pub(crate) account: Arc<VendorAccount>,
    pub(crate) state: AccountState,
    webhooks: Vec<Arc<Webhook>>,
}

impl Scene {
    pub(crate) fn new(webhooks: usize, server: Server) -> Self {
        clock::test::stop_at(Duration::ZERO);
        let context = Context {
            secrets: Nothing,
            writer: server,
            settings: Settings::new(AllowedEndpoints::default(), |_| {}),
            ceiling: Mode::Enforce,
            dry_run: false,
            stateless: false,
            metrics: Metrics::default(),
            stopping: Arc::default(),
            limiter: PassLimiter::unlimited(),
        };
        let account = json!({
            "apiVersion": "hooktender.dev/v1alpha1", "kind": "VendorAccount",
            "metadata": {"name": "account", "namespace": "shop", "uid": "account"},
            "spec": {"vendor": {"superoffice": {"onsite": {"url": "https://crm.example.com/so"}, "credentials":
                {"basic": {"usernameSecretRef": {"name": "login", "key": "a"}, "passwordSecretRef": {"name": "login", "key": "b"}}}}}},
        });
        let webhook = |number: usize| {
            let webhook = json!({
                "apiVersion": "hooktender.dev/v1alpha1", "kind": "Webhook",
                "metadata": {"name": number.to_string(), "namespace": "shop", "uid": number.to_string(),
                    "resourceVersion": "1", "generation": 1},
                "spec": {"accountRef": {"name": "account"}, "subscription": {"superoffice":
                    {"name": "a", "events": ["contact.created"], "targetUrl": "https://h"}}},
            });
            Arc::new(serde_json::from_value(webhook).unwrap())
        };
        let mut state = AccountState::new(GracePeriod::default());
        let webhooks: Vec<_> = (0..webhooks).map(webhook).collect();
        state.refresh(&webhooks, &[]);
        Self { context, account: Arc::new(serde_json::from_value(account).unwrap()), state, webhooks }
    }

    /// Returns the Webhooks as a pass reads them.
    pub(crate) fn read_webhooks(&self) -> impl Fn() -> Webhooks + Send + Sync + use<> {
        let webhooks = self.webhooks.clone();
        move || Webhooks { allowed: webhooks.clone(), not_allowed: Vec::new() }
    }

    pub(crate) fn writes(&self) -> usize {
        self.context.writer.writes.load(Relaxed)
    }
}
