//! Orphans: Webhooks that no worker reconciles, because their account is missing or does not allow their namespace.

use super::cache::Cache;
use super::set_reader::SetReader as _;
use super::worker::WakeUp;
use super::{ClusterContext, Options};
use crate::api::webhook::DeletionPolicy;
use crate::api::{NamespaceName, ObjectKey, RELEASE, VendorName, Webhook};
use crate::engine::cluster::event::EventRecord;
use crate::engine::cluster::writer::ClusterWriter as _;
use crate::engine::status::orphan::{Orphan, orphan_status};
use futures::stream::{self, StreamExt as _};
use kube::{Resource, ResourceExt};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Delay of the retry of failed writes.
const RETRY: Duration = Duration::from_secs(5);
/// An account counts as missing when the cache has not had it for this long: the watches of accounts and of Webhooks may lag
/// behind each other.
const LAG: Duration = Duration::from_secs(1);
/// Concurrent status writes.
const MAX_CONCURRENT_WRITES: usize = 8;

/// Checks all Webhooks at every wake-up. It reads from the cache only: an orphan costs no request but the write of its status.
pub(super) async fn watch(
    context: Arc<ClusterContext>,
    cache: Arc<Cache>,
    options: Options,
    wake_up: WakeUp,
) {
    let mut missing = MissingSince::default();
    let mut after = Duration::MAX;
    while wake_up.wait(after).await {
        let (orphans, wait) = find_orphans(&cache, &options, &mut missing);
        let mut counts = HashMap::new();
        for (webhook, _) in &orphans {
            *counts.entry(vendor(webhook)).or_default() += 1;
        }
        let reports: Vec<_> =
            orphans.iter().map(|(webhook, orphan)| try_report(&context, webhook, orphan)).collect();
        let reports = stream::iter(reports).buffer_unordered(MAX_CONCURRENT_WRITES);
        let all_written = reports.fold(true, |all, written| async move { all && written }).await;
        after = if all_written { wait } else { wait.min(RETRY) };
        context.metrics.set_orphans(counts);
    }
}

/// Returns the orphans with their reasons, and the delay until accounts that disappeared just now count as missing.
fn find_orphans(
    cache: &Cache,
    options: &Options,
    missing: &mut MissingSince,
) -> (Vec<(Arc<Webhook>, Orphan)>, Duration) {
    let (now, mut orphans, mut wait) = (Instant::now(), Vec::new(), Duration::MAX);
    let mut still_missing = MissingSince::default();
    for (key, webhooks) in cache.webhooks_by_account() {
        if let Some(account) = cache.account(&key) {
            let refused = webhooks.into_iter().filter(|webhook| !cache.may_refer(&account, webhook));
            orphans.extend(refused.map(|webhook| (webhook, Orphan::NotAllowed(key.clone()))));
        } else if !cache.account_exists(&key) {
            let left = missing.until_missing(&mut still_missing, &key, now);
            if left.is_zero() {
                let orphan = without_account(options, &key);
                orphans.extend(webhooks.into_iter().map(|webhook| (webhook, orphan.clone())));
            } else {
                wait = wait.min(left);
            }
        }
    }
    *missing = still_missing;
    (orphans, wait)
}

fn without_account(options: &Options, key: &ObjectKey) -> Orphan {
    let is_managed = |name: &NamespaceName| name.as_str() == key.namespace;
    if options.namespaces.is_empty() || options.namespaces.iter().any(is_managed) {
        Orphan::without_account(key.clone())
    } else {
        Orphan::NotWatched(key.clone())
    }
}

/// Since when accounts that Webhooks refer to have been missing.
#[derive(Default)]
struct MissingSince(HashMap<ObjectKey, Instant>);

impl MissingSince {
    /// Returns the delay until the account counts as missing, and records it in `still`.
    fn until_missing(&self, still: &mut Self, key: &ObjectKey, now: Instant) -> Duration {
        let since = self.0.get(key).copied().unwrap_or(now);
        still.0.insert(key.clone(), since);
        (since + LAG).saturating_duration_since(now)
    }
}

fn vendor(webhook: &Webhook) -> VendorName {
    webhook.spec.subscription.vendor()
}

fn external_id(webhook: &Webhook) -> Option<&str> {
    webhook.status.as_ref()?.external_id.as_deref()
}

/// Writes the status of an orphan; returns whether it is up to date.
async fn try_report(context: &ClusterContext, webhook: &Webhook, orphan: &Orphan) -> bool {
    match report(context, webhook, orphan).await {
        Ok(()) => true,
        // The object has changed since it was cached; its watch event triggers another check.
        Err(error) if error.is_conflict() => true,
        Err(error) => {
            tracing::warn!(vendor = %vendor(webhook), account = %webhook.account(), webhook = %ObjectKey::of(webhook), external_id = external_id(webhook), %error, "the status of an orphaned Webhook was not written");
            false
        }
    }
}

async fn report(
    context: &ClusterContext,
    webhook: &Webhook,
    orphan: &Orphan,
) -> Result<(), crate::engine::cluster::writer::WriteError> {
    let deleting = webhook.metadata.deletion_timestamp.is_some();
    let keeps_subscription = webhook.spec.deletion_policy == DeletionPolicy::Retain
        || webhook.annotations().get(RELEASE).is_some_and(|value| value == "true");
    if deleting && keeps_subscription {
        context.writer.remove_finalizer(webhook).await?;
        let note = "finalizer removed; the subscription, if any, is kept at the vendor".to_owned();
        tracing::info!(vendor = %vendor(webhook), account = %webhook.account(), webhook = %ObjectKey::of(webhook), external_id = external_id(webhook), reason = "Retained", "{note}");
        let event = EventRecord { warning: false, reason: "Retained", note };
        context.writer.event(webhook.object_ref(&()), &event).await;
        return Ok(());
    }
    let (status, event) = orphan_status(webhook, orphan);
    if webhook.status.as_ref() == Some(&status) {
        return Ok(());
    }
    context.writer.webhook_status(webhook, &status).await?;
    if let Some(event) = event {
        tracing::warn!(vendor = %vendor(webhook), account = %webhook.account(), webhook = %ObjectKey::of(webhook), external_id = external_id(webhook), reason = event.reason, "{}", event.note);
        context.writer.event(webhook.object_ref(&()), &event).await;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_is_missing_after_it_has_not_been_cached_for_a_while() {
        let (key, start) = (ObjectKey::new("shop", "account"), Instant::now());
        let mut missing = MissingSince::default();
        let left_after = |missing: &mut MissingSince, passed: Duration, shown: bool| {
            let mut still = MissingSince::default();
            let left = (!shown).then(|| missing.until_missing(&mut still, &key, start + passed));
            *missing = still;
            left
        };
        assert_eq!(left_after(&mut missing, Duration::ZERO, false), Some(LAG));
        assert_eq!(left_after(&mut missing, LAG / 2, false), Some(LAG / 2));
        assert_eq!(left_after(&mut missing, LAG, false), Some(Duration::ZERO));
        assert_eq!(
            left_after(&mut missing, LAG * 2, false),
            Some(Duration::ZERO),
            "there is no second delay"
        );
        left_after(&mut missing, LAG * 3, true);
        assert!(missing.0.is_empty(), "an account that exists is not recorded");
        assert_eq!(left_after(&mut missing, LAG * 4, false), Some(LAG));
    }
}
