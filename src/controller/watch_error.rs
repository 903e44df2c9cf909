//! Explains why a watch cannot be established, reports it, and checks that the API server is new enough.

use crate::api::NamespaceName;
use crate::engine::error::ApiServerUnreachable;
use crate::telemetry::Health;
use k8s_openapi::apimachinery::pkg::version::Info;
use kube::core::Status;
use kube::runtime::watcher;
use kube::{Client, Resource};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

/// The oldest supported minor version of Kubernetes: the first in which CEL rules of CRDs are stable.
const MIN_MINOR_VERSION: u32 = 29;

/// Explains why the watch of a kind failed, and what to do.
pub(super) fn explain<K: Resource<DynamicType = ()>>(error: &watcher::Error) -> String {
    let (plural, group) = (K::plural(&()), K::group(&()));
    let what = if group.is_empty() { plural.into_owned() } else { format!("{plural}.{group}") };
    match error {
        watcher::Error::InitialListFailed(kube::Error::Api(status))
        | watcher::Error::WatchStartFailed(kube::Error::Api(status))
        | watcher::Error::WatchFailed(kube::Error::Api(status))
        | watcher::Error::WatchError(status) => refused(&what, status),
        error => {
            if let Some(unreachable) = ApiServerUnreachable::find(error) {
                return unreachable.to_string();
            }
            let mut cause: &dyn std::error::Error = error;
            while let Some(deeper) = cause.source() {
                cause = deeper;
            }
            format!("no response from the API server ({cause})")
        }
    }
}

fn refused(what: &str, status: &Status) -> String {
    let message = &status.message;
    match status.code {
        401 => {
            "the API server does not accept hooktender's token or certificate, which is wrong or expired: renew it".into()
        }
        403 => format!(
            "hooktender has no permission to list and watch {what}: give its ServiceAccount these verbs ({message})"
        ),
        404 => format!(
            "the API server does not know {what}: install the CRDs (hooktender crds | kubectl apply -f -)"
        ),
        code => format!("the API server does not list {what} ({code}: {message})"),
    }
}

/// The failures of all watches. One that several watches share is logged once.
pub(super) struct WatchFailures {
    health: Health,
    /// How many watches fail for each reason.
    watches: Arc<Mutex<BTreeMap<String, usize>>>,
}

/// Reports the failures of one watch.
pub(super) struct WatchReport {
    kind: String,
    namespace: Option<NamespaceName>,
    health: Health,
    watches: Arc<Mutex<BTreeMap<String, usize>>>,
    failure: Option<String>,
}

impl WatchFailures {
    pub(super) fn new(health: Health) -> Self {
        Self { health, watches: Arc::default() }
    }

    /// Returns the report of a new watch.
    pub(super) fn report<K: Resource<DynamicType = ()>>(
        &self,
        namespace: Option<&NamespaceName>,
    ) -> WatchReport {
        WatchReport {
            kind: K::kind(&()).into_owned(),
            namespace: namespace.cloned(),
            health: self.health.clone(),
            watches: Arc::clone(&self.watches),
            failure: None,
        }
    }
}

impl WatchReport {
    /// Reports that the watch fails; kube retries it with exponential back-off.
    pub(super) fn failed(&mut self, reason: String) {
        if self.failure.as_ref() == Some(&reason) {
            return;
        }
        self.end();
        if self.count(&reason, |watches| *watches += 1) == 1 {
            tracing::warn!(kind = %self.kind, "watch failed; retrying: {reason}");
        }
        self.set_health(Some(&reason));
        self.failure = Some(reason);
    }

    /// Reports that the watch works.
    pub(super) fn recovered(&mut self) {
        if self.failure.is_none() {
            return;
        }
        if self.end() {
            tracing::info!(kind = %self.kind, "watch recovered");
        }
        self.set_health(None);
    }

    /// Ends the failure; returns whether no other watch has it.
    fn end(&mut self) -> bool {
        self.failure.take().is_some_and(|reason| self.count(&reason, |watches| *watches -= 1) == 0)
    }

    /// Changes how many watches fail for this reason; returns the new number.
    fn count(&self, reason: &str, change: impl FnOnce(&mut usize)) -> usize {
        let mut all = self.watches.lock().unwrap_or_else(PoisonError::into_inner);
        let watches = all.entry(reason.to_owned()).or_default();
        change(watches);
        let watches = *watches;
        all.retain(|_, watches| *watches > 0);
        watches
    }

    fn set_health(&self, reason: Option<&str>) {
        self.health.set_watch_error(&self.kind, self.namespace.as_ref().map(NamespaceName::as_str), reason);
    }
}

/// Logs a warning if the API server is too old.
pub(super) async fn check_server_version(client: Client) {
    match client.apiserver_version().await {
        Ok(info) => {
            if let Some(problem) = too_old(&info) {
                tracing::warn!("{problem}");
            }
        }
        Err(error) => tracing::debug!(%error, "the version of the API server is unknown"),
    }
}

fn too_old(info: &Info) -> Option<String> {
    // Some providers append a sign, as in `29+`.
    let number = |text: &str| text.trim_end_matches(|c: char| !c.is_ascii_digit()).parse::<u32>().ok();
    let (major, minor) = (number(&info.major)?, number(&info.minor)?);
    (major, minor).lt(&(1, MIN_MINOR_VERSION)).then(|| {
        format!(
            "this API server is Kubernetes {major}.{minor}; hooktender relies on the validation rules of its CRDs, which are enforced from 1.{MIN_MINOR_VERSION} on: upgrade the cluster"
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::Webhook;
    use k8s_openapi::api::core::v1::Secret;

    #[test]
    fn an_old_server_is_reported() {
        let of = |major: &str, minor: &str| {
            too_old(&Info { major: major.into(), minor: minor.into(), ..Info::default() })
        };
        for (major, minor) in [("1", "29"), ("1", "29+"), ("1", "36"), ("2", "0"), ("", ""), ("one", "9")] {
            assert_eq!(of(major, minor), None, "{major}.{minor}");
        }
        assert!(of("1", "28").unwrap().contains("1.28; hooktender relies"));
        assert!(of("1", "9+").is_some());
    }

    #[test]
    fn a_failure_that_watches_share_begins_and_ends_once() {
        let all = WatchFailures::new(Health::default());
        let (mut webhooks, mut secrets) = (all.report::<Webhook>(None), all.report::<Secret>(None));
        let failing = || all.watches.lock().unwrap().clone();
        webhooks.failed("refused".into());
        secrets.failed("refused".into());
        secrets.failed("refused".into());
        assert_eq!(failing(), BTreeMap::from([("refused".into(), 2)]));
        secrets.failed("forbidden".into());
        assert!(webhooks.end(), "no other watch is refused any more");
        assert_eq!(failing(), BTreeMap::from([("forbidden".into(), 1)]));
        secrets.recovered();
        secrets.recovered();
        assert_eq!(failing(), BTreeMap::new());
    }

    #[test]
    fn each_explanation_says_what_to_do() {
        let status = |code| Box::new(Status { code, message: "message".into(), ..Status::default() });
        let failed = |code| watcher::Error::InitialListFailed(kube::Error::Api(status(code)));
        assert!(explain::<Webhook>(&failed(404)).contains("know webhooks.hooktender.dev: install the CRDs"));
        assert!(explain::<Secret>(&failed(403)).contains("no permission to list and watch secrets: give"));
        assert!(explain::<Secret>(&failed(401)).contains("token"));
        let broken = watcher::Error::WatchError(status(500));
        assert_eq!(explain::<Secret>(&broken), "the API server does not list secrets (500: message)");
        assert!(explain::<Secret>(&watcher::Error::NoResourceVersion).starts_with("no response"));
        let unreachable = ApiServerUnreachable { server: "the API server x".into(), cause: "refused".into() };
        let failed = watcher::Error::InitialListFailed(kube::Error::Service(Box::new(unreachable)));
        assert_eq!(explain::<Secret>(&failed), "the API server x cannot be reached: refused");
    }
}
