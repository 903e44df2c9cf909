//! Leader election by a Lease: of several processes, one reconciles at a time.
//!
//! The published crates are for other versions of kube, or keep reporting leadership while the API server is unreachable.
//! Only local, monotonic clocks are compared: a standby takes over when it has not seen a renewal for the whole lease
//! duration, and the leader stops on its own well before that.

use crate::api::{NamespaceName, ObjectName};
use crate::engine::cluster::objects::ObjectApi;
use crate::engine::error::error_chain;
use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta};
use k8s_openapi::jiff::Timestamp;
use kube::{Client, ResourceExt};
use sha2::{Digest as _, Sha256};
use std::fmt::Write as _;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::time::{sleep, timeout};

/// How long a Lease is valid after a renewal.
const LEASE_DURATION: Duration = Duration::from_secs(10);
/// How often the leader renews the Lease.
const RENEW_INTERVAL: Duration = Duration::from_secs(2);
/// How often a standby tries to acquire it.
const RETRY_INTERVAL: Duration = Duration::from_secs(1);
/// A leader that could not renew for this long stops, so that its requests are cancelled before a standby takes over.
const RENEW_DEADLINE: Duration = Duration::from_secs(7);
/// How long the release of the Lease may delay the end of the process.
const RELEASE_TIMEOUT: Duration = Duration::from_secs(3);

/// Returns the name of the Lease. Processes that manage the same objects share one.
pub(super) fn lease_name(namespaces: &[NamespaceName], selector: Option<&str>) -> String {
    if namespaces.is_empty() && selector.is_none() {
        return "hooktender".into();
    }
    let mut sorted: Vec<_> = namespaces.iter().map(NamespaceName::as_str).collect();
    sorted.sort_unstable();
    let mut name = String::from("hooktender-");
    for byte in &Sha256::digest(format!("{sorted:?} {selector:?}"))[..5] {
        let _ = write!(name, "{byte:02x}");
    }
    name
}

/// Says whether this process may still write at a vendor.
#[derive(Clone, Debug, Default)]
pub(crate) struct LeadershipFence(Arc<Mutex<Option<Instant>>>);

impl LeadershipFence {
    /// Returns whether no other process can have taken over yet.
    pub(crate) fn is_open(&self) -> bool {
        let until = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        until.is_some_and(|until| Instant::now() < until)
    }

    fn open_until(&self, until: Instant) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(until);
    }

    fn close(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

/// Acquires, renews and releases the Lease for this process.
pub(super) struct LeaderElector {
    api: ObjectApi<Lease>,
    name: String,
    identity: String,
    fence: LeadershipFence,
    /// The version of the Lease that was read last, and since when it has been unchanged.
    observed: Option<(Option<String>, Instant)>,
}

impl LeaderElector {
    pub(super) fn new(client: &Client, at: &ObjectName, identity: String, fence: LeadershipFence) -> Self {
        Self { api: ObjectApi::new(client, at), name: at.name().to_owned(), identity, fence, observed: None }
    }

    /// Waits until this process holds the Lease.
    pub(super) async fn acquire(&mut self) -> Lease {
        let mut failing = false;
        loop {
            let requested_at = Instant::now();
            match timeout(RENEW_DEADLINE, self.try_acquire()).await {
                Ok(Ok(Some(lease))) => {
                    self.fence.open_until(requested_at + RENEW_DEADLINE);
                    tracing::info!(lease = self.name, identity = self.identity, "became leader");
                    return lease;
                }
                Ok(Ok(None)) => failing = false,
                Ok(Err(error)) => {
                    if !std::mem::replace(&mut failing, true) {
                        tracing::warn!(lease = self.name, error = %error_chain(&error), "the Lease cannot be acquired; retrying");
                    }
                }
                Err(_) => {}
            }
            sleep(RETRY_INTERVAL).await;
        }
    }

    /// Acquires the Lease if it is free or expired. Of two concurrent writes one fails, because its resource version is
    /// outdated.
    async fn try_acquire(&mut self) -> Result<Option<Lease>, kube::Error> {
        let Some(lease) = self.api.read().await? else {
            let lease = Lease {
                metadata: ObjectMeta { name: Some(self.name.clone()), ..ObjectMeta::default() },
                spec: Some(self.spec(None)),
            };
            return none_if_lost(self.api.create(&lease).await);
        };
        let spec = lease.spec.clone().unwrap_or_default();
        let holder = spec.holder_identity.clone().unwrap_or_default();
        if !holder.is_empty() && holder != self.identity && !self.has_expired(&lease) {
            return Ok(None);
        }
        let next = Lease { metadata: lease.metadata, spec: Some(self.spec(Some(&spec))) };
        none_if_lost(self.api.replace(&next).await)
    }

    /// Returns whether this process has seen no renewal for the whole duration.
    fn has_expired(&mut self, lease: &Lease) -> bool {
        let version = lease.resource_version();
        let seconds = lease.spec.as_ref().and_then(|spec| spec.lease_duration_seconds);
        let duration =
            seconds.and_then(|n| u64::try_from(n).ok()).map_or(LEASE_DURATION, Duration::from_secs);
        match &self.observed {
            Some((known, since)) if *known == version => since.elapsed() >= duration,
            _ => {
                self.observed = Some((version, Instant::now()));
                false
            }
        }
    }

    fn spec(&self, before: Option<&LeaseSpec>) -> LeaseSpec {
        let now = MicroTime(Timestamp::now());
        let ours = before.filter(|spec| spec.holder_identity.as_deref() == Some(self.identity.as_str()));
        let transitions = before.and_then(|spec| spec.lease_transitions).unwrap_or_default();
        LeaseSpec {
            holder_identity: Some(self.identity.clone()),
            lease_duration_seconds: i32::try_from(LEASE_DURATION.as_secs()).ok(),
            acquire_time: ours.and_then(|spec| spec.acquire_time.clone()).or_else(|| Some(now.clone())),
            renew_time: Some(now),
            lease_transitions: Some(if ours.is_some() { transitions } else { transitions.saturating_add(1) }),
            ..LeaseSpec::default()
        }
    }

    /// Renews the Lease until it is lost; returns why.
    pub(super) async fn renew(&self, mut lease: Lease) -> String {
        let mut renewed = Instant::now();
        loop {
            sleep(RENEW_INTERVAL).await;
            let requested_at = Instant::now();
            let left = RENEW_DEADLINE.saturating_sub(renewed.elapsed());
            let spec = self.spec(lease.spec.as_ref());
            let next = Lease { metadata: lease.metadata.clone(), spec: Some(spec) };
            match timeout(left, self.api.replace(&next)).await {
                Ok(Ok(written)) => {
                    renewed = requested_at;
                    self.fence.open_until(requested_at + RENEW_DEADLINE);
                    lease = written;
                }
                Ok(Err(kube::Error::Api(refused))) if refused.is_conflict() || refused.is_not_found() => {
                    // An earlier renewal may have succeeded although its response was lost.
                    match timeout(left, self.api.read()).await {
                        Ok(Ok(Some(now))) if self.holds(&now) => lease = now,
                        Ok(Ok(_)) => return self.lost("another process acquired it"),
                        Ok(Err(_)) | Err(_) => {}
                    }
                }
                Ok(Err(error)) => tracing::debug!(%error, "the Lease was not renewed"),
                Err(_) => {}
            }
            if renewed.elapsed() >= RENEW_DEADLINE {
                return self.lost("it could not be renewed in time");
            }
        }
    }

    fn holds(&self, lease: &Lease) -> bool {
        let holder = lease.spec.as_ref().and_then(|spec| spec.holder_identity.as_deref());
        holder == Some(self.identity.as_str())
    }

    fn lost(&self, reason: &str) -> String {
        self.fence.close();
        format!("lost the Lease {}: {reason}", self.name)
    }

    /// Releases the Lease, so that a standby can take over at once. Nothing may be written at a vendor after it.
    pub(super) async fn release(&self) {
        self.fence.close();
        let released = timeout(RELEASE_TIMEOUT, async {
            let Some(lease) = self.api.read().await?.filter(|lease| self.holds(lease)) else {
                return Ok(());
            };
            let spec = lease.spec.clone().unwrap_or_default();
            let spec = LeaseSpec { holder_identity: None, ..spec };
            let next = Lease { metadata: lease.metadata, spec: Some(spec) };
            self.api.replace(&next).await.map(|_| ())
        });
        match released.await {
            Ok(Ok(())) => tracing::info!(lease = self.name, "lease released"),
            Ok(Err(error)) => tracing::debug!(%error, "the Lease was not released; it expires by itself"),
            Err(_) => tracing::debug!("the Lease was not released in time; it expires by itself"),
        }
    }
}

/// Maps a conflict to `None`: another process has written the Lease at the same time.
fn none_if_lost(written: Result<Lease, kube::Error>) -> Result<Option<Lease>, kube::Error> {
    match written {
        Ok(lease) => Ok(Some(lease)),
        Err(kube::Error::Api(refused)) if refused.is_conflict() || refused.is_already_exists() => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processes_that_manage_the_same_objects_share_a_lease() {
        let ns = |all: &[&str]| all.iter().map(|one| NamespaceName::new(one).unwrap()).collect::<Vec<_>>();
        assert_eq!(lease_name(&[], None), "hooktender");
        assert_eq!(lease_name(&ns(&["a", "b"]), None), lease_name(&ns(&["b", "a"]), None));
        let all = [
            lease_name(&[], None),
            lease_name(&ns(&["a"]), None),
            lease_name(&ns(&["a"]), Some("shard=a")),
            lease_name(&[], Some("shard=a")),
            lease_name(&[], Some("shard=b")),
        ];
        let different: std::collections::HashSet<_> = all.iter().collect();
        assert_eq!(different.len(), all.len(), "{all:?}");
    }

    #[test]
    fn a_fence_is_closed_until_it_is_opened_and_after_its_time() {
        let fence = LeadershipFence::default();
        assert!(!fence.is_open());
        fence.open_until(Instant::now() + Duration::from_secs(60));
        assert!(fence.clone().is_open());
        fence.open_until(Instant::now());
        assert!(!fence.is_open());
        fence.open_until(Instant::now() + Duration::from_secs(60));
        fence.close();
        assert!(!fence.is_open());
    }
}
