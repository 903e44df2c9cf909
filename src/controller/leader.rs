//! Who of several processes works: one at a time, by a Lease.
//!
//! Own code, small as it is: the published crates are for other versions of kube, or go on saying "leader" while the API
//! server is away. Only local, monotonic clocks are compared: a holder that has not renewed for the whole duration, as its
//! rival has seen it, is replaced; a holder stops on its own well before that.

use crate::api::{NamespaceName, ObjectName};
use crate::engine::cluster::objects::ObjectApi;
use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta};
use k8s_openapi::jiff::Timestamp;
use kube::{Client, ResourceExt};
use sha2::{Digest as _, Sha256};
use std::fmt::Write as _;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::time::{sleep, timeout};

/// How long a holder that does not renew is left alone.
const DURATION: Duration = Duration::from_secs(10);
/// How often it renews, and how often a rival looks.
const RENEW: Duration = Duration::from_secs(2);
const LOOK: Duration = Duration::from_secs(1);
/// A holder that could not renew for so long stops: whatever it has sent is broken off before anybody replaces it.
const DEADLINE: Duration = Duration::from_secs(7);
/// Giving it back must not hold up the end of the process.
const GIVE_BACK: Duration = Duration::from_secs(3);

/// What the Leases of several groups of processes differ by: those that look after the same objects are one group.
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

/// Tells whether this process may still write at a vendor.
#[derive(Clone, Debug, Default)]
pub(crate) struct Fence(Arc<Mutex<Option<Instant>>>);

impl Fence {
    /// Whether nobody can have taken over yet.
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

/// One process in an election.
pub(super) struct Candidate {
    api: ObjectApi<Lease>,
    name: String,
    identity: String,
    fence: Fence,
    /// The Lease as it was last seen, and since when it has been so.
    seen: Option<(Option<String>, Instant)>,
}

impl Candidate {
    pub(super) fn new(client: &Client, at: &ObjectName, identity: String, fence: Fence) -> Self {
        Self { api: ObjectApi::new(client, at), name: at.name().to_owned(), identity, fence, seen: None }
    }

    /// Comes back when this process holds the Lease.
    pub(super) async fn elected(&mut self) -> Lease {
        let mut broken = false;
        loop {
            let asked = Instant::now();
            match timeout(DEADLINE, self.try_once()).await {
                Ok(Ok(Some(lease))) => {
                    self.fence.open_until(asked + DEADLINE);
                    tracing::info!(lease = self.name, identity = self.identity, "leading");
                    return lease;
                }
                Ok(Ok(None)) => broken = false,
                Ok(Err(error)) => {
                    if !std::mem::replace(&mut broken, true) {
                        tracing::warn!(lease = self.name, %error, "the Lease cannot be had; it is tried again");
                    }
                }
                Err(_) => {}
            }
            sleep(LOOK).await;
        }
    }

    /// Takes the Lease if it is free. Whoever writes it at the same time fails, as one of the two is guarded by a version
    /// that is gone.
    async fn try_once(&mut self) -> Result<Option<Lease>, kube::Error> {
        let Some(lease) = self.api.read().await? else {
            let lease = Lease {
                metadata: ObjectMeta { name: Some(self.name.clone()), ..ObjectMeta::default() },
                spec: Some(self.spec(None)),
            };
            return taken(self.api.create(&lease).await);
        };
        let spec = lease.spec.clone().unwrap_or_default();
        let holder = spec.holder_identity.clone().unwrap_or_default();
        if !holder.is_empty() && holder != self.identity && !self.has_expired(&lease) {
            return Ok(None);
        }
        let next = Lease { metadata: lease.metadata, spec: Some(self.spec(Some(&spec))) };
        taken(self.api.replace(&next).await)
    }

    /// Whether its holder has let the whole duration go by, as we have seen it.
    fn has_expired(&mut self, lease: &Lease) -> bool {
        let version = lease.resource_version();
        let seconds = lease.spec.as_ref().and_then(|spec| spec.lease_duration_seconds);
        let duration = seconds.and_then(|n| u64::try_from(n).ok()).map_or(DURATION, Duration::from_secs);
        match &self.seen {
            Some((known, since)) if *known == version => since.elapsed() >= duration,
            _ => {
                self.seen = Some((version, Instant::now()));
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
            lease_duration_seconds: i32::try_from(DURATION.as_secs()).ok(),
            acquire_time: ours.and_then(|spec| spec.acquire_time.clone()).or_else(|| Some(now.clone())),
            renew_time: Some(now),
            lease_transitions: Some(if ours.is_some() { transitions } else { transitions.saturating_add(1) }),
            ..LeaseSpec::default()
        }
    }

    /// Renews the Lease for ever; comes back when it is lost, and says how.
    pub(super) async fn lead(&self, mut lease: Lease) -> String {
        let mut renewed = Instant::now();
        loop {
            sleep(RENEW).await;
            let asked = Instant::now();
            let left = DEADLINE.saturating_sub(renewed.elapsed());
            let spec = self.spec(lease.spec.as_ref());
            let next = Lease { metadata: lease.metadata.clone(), spec: Some(spec) };
            match timeout(left, self.api.replace(&next)).await {
                Ok(Ok(written)) => {
                    renewed = asked;
                    self.fence.open_until(asked + DEADLINE);
                    lease = written;
                }
                Ok(Err(kube::Error::Api(refused))) if refused.is_conflict() || refused.is_not_found() => {
                    // Our own write may have been taken although its answer was lost.
                    match timeout(left, self.api.read()).await {
                        Ok(Ok(Some(now))) if self.holds(&now) => lease = now,
                        Ok(Ok(_)) => return self.lost("somebody else took it"),
                        Ok(Err(_)) | Err(_) => {}
                    }
                }
                Ok(Err(error)) => tracing::debug!(%error, "the Lease was not renewed"),
                Err(_) => {}
            }
            if renewed.elapsed() >= DEADLINE {
                return self.lost("it could not be renewed in time");
            }
        }
    }

    fn holds(&self, lease: &Lease) -> bool {
        let holder = lease.spec.as_ref().and_then(|spec| spec.holder_identity.as_deref());
        holder == Some(self.identity.as_str())
    }

    fn lost(&self, how: &str) -> String {
        self.fence.close();
        format!("the Lease {} is lost: {how}", self.name)
    }

    /// Gives the Lease back, so that somebody else can begin at once. Nothing may be written after it.
    pub(super) async fn give_back(&self) {
        self.fence.close();
        let given = timeout(GIVE_BACK, async {
            let Some(lease) = self.api.read().await?.filter(|lease| self.holds(lease)) else {
                return Ok(());
            };
            let spec = lease.spec.clone().unwrap_or_default();
            let spec = LeaseSpec { holder_identity: None, ..spec };
            let next = Lease { metadata: lease.metadata, spec: Some(spec) };
            self.api.replace(&next).await.map(|_| ())
        });
        match given.await {
            Ok(Ok(())) => tracing::info!(lease = self.name, "given back"),
            Ok(Err(error)) => tracing::debug!(%error, "the Lease was not given back; it runs out by itself"),
            Err(_) => tracing::debug!("the Lease was not given back in time; it runs out by itself"),
        }
    }
}

/// A Lease that somebody else wrote at the same time is somebody else's.
fn taken(written: Result<Lease, kube::Error>) -> Result<Option<Lease>, kube::Error> {
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
    fn processes_that_look_after_the_same_share_a_lease() {
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
    fn a_fence_is_shut_until_it_is_opened_and_when_its_time_is_over() {
        let fence = Fence::default();
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
