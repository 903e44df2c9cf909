//! Webhooks that no account's worker looks after: their account is missing, or does not let them in.

use super::cache::Cache;
use super::worker::Alarm;
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

/// When to try again what the API server did not take.
const RETRY: Duration = Duration::from_secs(5);
/// An account is missing when the cache has not shown it for this long: the watches of accounts and of Webhooks each have a
/// delay of their own.
const LAG: Duration = Duration::from_secs(1);
/// How many Webhooks are written at once.
const AT_ONCE: usize = 8;

/// Looks at all Webhooks whenever the alarm rings. The cache answers everything: a Webhook that refers to nothing costs no
/// request but the one that tells it so.
pub(super) async fn watch(context: Arc<ClusterContext>, cache: Arc<Cache>, options: Options, alarm: Alarm) {
    let mut missing = Missing::default();
    let mut after = Duration::MAX;
    while alarm.wait(after).await {
        let (orphans, wait) = find(&cache, &options, &mut missing);
        let mut counts = HashMap::new();
        for (webhook, _) in &orphans {
            *counts.entry(vendor(webhook)).or_default() += 1;
        }
        let told: Vec<_> = orphans.iter().map(|(webhook, orphan)| told(&context, webhook, orphan)).collect();
        let told = stream::iter(told).buffer_unordered(AT_ONCE);
        let all_told = told.fold(true, |all, told| async move { all && told }).await;
        after = if all_told { wait } else { wait.min(RETRY) };
        context.metrics.orphaned(counts);
    }
}

/// The Webhooks that no account looks after, and why; and the time until it is known of the others.
fn find(cache: &Cache, options: &Options, missing: &mut Missing) -> (Vec<(Arc<Webhook>, Orphan)>, Duration) {
    let (now, mut orphans, mut wait) = (Instant::now(), Vec::new(), Duration::MAX);
    let mut still_missing = Missing::default();
    for (key, webhooks) in cache.webhooks_by_account() {
        if let Some(account) = cache.account(&key) {
            let refused = webhooks.into_iter().filter(|webhook| !cache.may_refer(&account, webhook));
            orphans.extend(refused.map(|webhook| (webhook, Orphan::NotAllowed(key.clone()))));
        } else if !cache.account_exists(&key) {
            let left = missing.left(&mut still_missing, &key, now);
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
    let is_in_sight = |name: &NamespaceName| name.as_str() == key.namespace;
    if options.namespaces.is_empty() || options.namespaces.iter().any(is_in_sight) {
        Orphan::without_account(key.clone())
    } else {
        Orphan::NotWatched(key.clone())
    }
}

/// Since when accounts have been missing that Webhooks refer to.
#[derive(Default)]
struct Missing(HashMap<ObjectKey, Instant>);

impl Missing {
    /// How long until the account is known to be missing. It is noted in `still`.
    fn left(&self, still: &mut Self, key: &ObjectKey, now: Instant) -> Duration {
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

/// Tells a Webhook that no account looks after it; returns whether that is done.
async fn told(context: &ClusterContext, webhook: &Webhook, orphan: &Orphan) -> bool {
    match tell(context, webhook, orphan).await {
        Ok(()) => true,
        // Somebody has written it since: it is newer than what is known here, and its event rings the alarm.
        Err(error) if error.is_conflict() => true,
        Err(error) => {
            tracing::warn!(vendor = %vendor(webhook), account = %webhook.account(), webhook = %ObjectKey::of(webhook), external_id = external_id(webhook), %error, "an orphaned Webhook's status was not written");
            false
        }
    }
}

async fn tell(
    context: &ClusterContext,
    webhook: &Webhook,
    orphan: &Orphan,
) -> Result<(), crate::engine::cluster::writer::WriteError> {
    let leaving = webhook.metadata.deletion_timestamp.is_some();
    let released = webhook.spec.deletion_policy == DeletionPolicy::Retain
        || webhook.annotations().get(RELEASE).is_some_and(|value| value == "true");
    if leaving && released {
        context.writer.remove_finalizer(webhook).await?;
        let note = "let go; its subscription, if there is one, stays at the vendor".to_owned();
        tracing::info!(vendor = %vendor(webhook), account = %webhook.account(), webhook = %ObjectKey::of(webhook), external_id = external_id(webhook), reason = "Retained", "{note}");
        let happened = EventRecord { warning: false, reason: "Retained", note };
        context.writer.event(webhook.object_ref(&()), &happened).await;
        return Ok(());
    }
    let (status, happened) = orphan_status(webhook, orphan);
    if webhook.status.as_ref() == Some(&status) {
        return Ok(());
    }
    context.writer.webhook_status(webhook, &status).await?;
    if let Some(happened) = happened {
        tracing::warn!(vendor = %vendor(webhook), account = %webhook.account(), webhook = %ObjectKey::of(webhook), external_id = external_id(webhook), reason = happened.reason, "{}", happened.note);
        context.writer.event(webhook.object_ref(&()), &happened).await;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_is_missing_once_the_cache_has_not_shown_it_for_a_while() {
        let (key, start) = (ObjectKey::new("shop", "account"), Instant::now());
        let mut missing = Missing::default();
        let left_after = |missing: &mut Missing, passed: Duration, shown: bool| {
            let mut still = Missing::default();
            let left = (!shown).then(|| missing.left(&mut still, &key, start + passed));
            *missing = still;
            left
        };
        assert_eq!(left_after(&mut missing, Duration::ZERO, false), Some(LAG));
        assert_eq!(left_after(&mut missing, LAG / 2, false), Some(LAG / 2));
        assert_eq!(left_after(&mut missing, LAG, false), Some(Duration::ZERO));
        assert_eq!(
            left_after(&mut missing, LAG * 2, false),
            Some(Duration::ZERO),
            "it is not waited for again"
        );
        left_after(&mut missing, LAG * 3, true);
        assert!(missing.0.is_empty(), "nothing is kept of an account that is there");
        assert_eq!(left_after(&mut missing, LAG * 4, false), Some(LAG));
    }
}
