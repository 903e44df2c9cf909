use super::*;
use crate::api::status::{AccountStatus, WebhookStatus};
use crate::api::{Mode, VendorAccount, Webhook};
use crate::engine::pass::Context;
use crate::engine::past::Patience;
use crate::engine::record::failed;
use crate::engine::secrets::{Dependency, Source, Values};
use crate::telemetry::Metrics;
use crate::vendor::{AllowedEndpoints, Settings, TokenKeeper};
use k8s_openapi::api::core::v1::ObjectReference;
use serde_json::json;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};

/// How long each write takes.
const WRITE: Duration = Duration::from_millis(20);

/// An API server.
#[derive(Default)]
struct Server {
    away: AtomicBool,
    /// Refuses the Webhook of that number.
    frozen: Option<usize>,
    writes: AtomicUsize,
    in_flight: AtomicUsize,
    most_in_flight: AtomicUsize,
    events: AtomicUsize,
}

impl Server {
    async fn write(&self, webhook: &Webhook) -> Result<(), RecordError> {
        self.writes.fetch_add(1, Relaxed);
        let in_flight = self.in_flight.fetch_add(1, Relaxed) + 1;
        self.most_in_flight.fetch_max(in_flight, Relaxed);
        tokio::task::yield_now().await;
        let number = u32::try_from(self.writes.load(Relaxed)).unwrap();
        clock::test::stop_at(WRITE * number / u32::try_from(MAX_IN_FLIGHT).unwrap());
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

impl Recorder for Server {
    async fn webhook(&self, webhook: &Webhook) -> Result<Option<Webhook>, RecordError> {
        Ok(Some(webhook.clone()))
    }

    async fn webhook_status(
        &self,
        webhook: &Webhook,
        status: &WebhookStatus,
    ) -> Result<Option<Webhook>, RecordError> {
        self.write(webhook).await?;
        Ok(Some(Webhook { status: Some(status.clone()), ..webhook.clone() }))
    }

    async fn account_status(
        &self,
        account: &VendorAccount,
        _: &AccountStatus,
    ) -> Result<Option<VendorAccount>, RecordError> {
        Ok(Some(account.clone()))
    }

    async fn add_finalizer(&self, webhook: &Webhook) -> Result<Webhook, RecordError> {
        Ok(webhook.clone())
    }

    async fn remove_finalizer(&self, webhook: &Webhook) -> Result<(), RecordError> {
        self.write(webhook).await
    }

    async fn hold_account(&self, account: &VendorAccount) -> Result<VendorAccount, RecordError> {
        Ok(account.clone())
    }

    async fn release_account(&self, _: &VendorAccount) -> Result<(), RecordError> {
        Ok(())
    }

    async fn event(&self, _: ObjectReference, _: &Happened) {
        self.events.fetch_add(1, Relaxed);
    }
}

/// Nothing is read.
struct Nothing;

impl Source for Nothing {
    async fn read(&self, _: &BTreeSet<Dependency>) -> Result<Values, kube::Error> {
        Ok(Values::default())
    }

    fn keeper(&self, _: ObjectKey, _: String) -> Option<Arc<dyn TokenKeeper>> {
        None
    }
}

/// An account with so many Webhooks that no status speaks of yet.
struct Scene {
    context: Context<Nothing, Server>,
    account: Arc<VendorAccount>,
    memory: Memory,
    uids: Vec<String>,
}

impl Scene {
    fn new(webhooks: usize, server: Server) -> Self {
        clock::test::stop_at(Duration::ZERO);
        let context = Context {
            source: Nothing,
            recorder: server,
            settings: Settings::new(AllowedEndpoints::default(), |_| {}),
            ceiling: Mode::Enforce,
            look_only: false,
            stateless: false,
            metrics: Metrics::default(),
            stopping: Arc::default(),
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
        let mut memory = Memory::new(Patience::default());
        let all: Vec<_> = (0..webhooks).map(webhook).collect();
        let uids = memory.refresh(&all);
        Self { context, account: Arc::new(serde_json::from_value(account).unwrap()), memory, uids }
    }

    async fn report(&mut self) {
        let trouble =
            Trouble { reason: "Credentials", message: "the login was refused".into(), stalled: true };
        let pass = Pass::new(&self.context, &self.account, self.uids.clone());
        pass.report_failure(&mut self.memory, &self.uids, &trouble).await;
    }

    /// Looks again until nothing is left to be told; how many looks that took.
    async fn report_the_rest(&mut self, most: usize) -> usize {
        for looks in 0..most {
            let Some(wait) = self.memory.untold.rest(&self.memory.refusals) else { return looks };
            clock::test::stop_at(clock::test::passed() + wait);
            Pass::new(&self.context, &self.account, self.uids.clone()).tell_again(&mut self.memory).await;
        }
        most
    }

    fn writes(&self) -> usize {
        self.context.recorder.writes.load(Relaxed)
    }
}

#[tokio::test]
async fn ten_thousand_are_told_several_at_once_and_a_second_at_a_time() {
    let mut scene = Scene::new(10_000, Server::default());
    scene.report().await;
    let in_a_second = MAX_IN_FLIGHT * 50;
    assert!((in_a_second..=in_a_second + MAX_IN_FLIGHT).contains(&scene.writes()), "{}", scene.writes());
    assert_eq!(scene.context.recorder.most_in_flight.load(Relaxed), MAX_IN_FLIGHT);
    let rest = scene.memory.untold.rest(&scene.memory.refusals);
    assert_eq!(rest, Some(Duration::ZERO), "the rest has its turn when nothing else is to be done");
    scene.report_the_rest(100).await;
    assert_eq!((scene.writes(), scene.context.recorder.events.load(Relaxed)), (10_000, 10_000));
    scene.report().await;
    assert_eq!(scene.writes(), 10_000, "what is told is not told again");
}

#[tokio::test]
async fn a_server_that_is_away_is_not_asked_once_for_each() {
    let mut scene = Scene::new(1000, Server { away: true.into(), ..Server::default() });
    scene.report().await;
    assert!(scene.writes() <= MAX_IN_FLIGHT, "{}", scene.writes());
    let before = scene.writes();
    let wait = scene.memory.untold.rest(&scene.memory.refusals).unwrap();
    assert!(wait >= Duration::from_millis(750), "{wait:?}");
    clock::test::stop_at(clock::test::passed() + wait);
    Pass::new(&scene.context, &scene.account, scene.uids.clone()).tell_again(&mut scene.memory).await;
    assert!(scene.writes() <= before + MAX_IN_FLIGHT, "{}", scene.writes());
    scene.context.recorder.away.store(false, Relaxed);
    scene.report_the_rest(100).await;
    assert!(scene.memory.entries.values().all(|entry| entry.status.is_known()));
}

#[tokio::test]
async fn nothing_is_begun_when_the_process_is_to_end() {
    let mut scene = Scene::new(100, Server::default());
    scene.context.stopping.store(true, Relaxed);
    scene.report().await;
    assert_eq!(scene.writes(), 0);
}

#[tokio::test]
async fn one_that_is_refused_is_tried_again_alone_and_rarely() {
    let mut scene = Scene::new(100, Server { frozen: Some(7), ..Server::default() });
    scene.report().await;
    assert_eq!(scene.writes(), 100);
    assert_eq!(scene.report_the_rest(5).await, 5);
    assert_eq!(scene.writes(), 105, "one try each time");
    let wait = scene.memory.untold.rest(&scene.memory.refusals).unwrap();
    assert!(wait >= Duration::from_secs(20), "{wait:?}");
    // One of them is about the refusal.
    assert_eq!(scene.context.recorder.events.load(Relaxed), 100);
}
