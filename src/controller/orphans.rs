//! Webhooks that no account's worker looks after: their account is missing, or does not let them in.

use super::cache::Cache;
use super::worker::Alarm;
use super::{ClusterContext, Options};
use crate::api::webhook::DeletionPolicy;
use crate::api::{ObjectKey, RELEASE, VendorAccount, VendorName, Webhook};
use crate::engine::chain;
use crate::engine::orphan::{Orphan, settle_orphan};
use crate::engine::record::{Happened, Recorder as _};
use kube::{Api, Client, Resource, ResourceExt};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

/// When to try again what the API server did not answer or did not take.
const RETRY: Duration = Duration::from_secs(5);

/// Looks at all Webhooks whenever the alarm rings.
pub(super) async fn watch(
    client: Client,
    context: Arc<ClusterContext>,
    cache: Arc<Cache>,
    options: Options,
    alarm: Alarm,
) {
    let mut after = Duration::MAX;
    while alarm.wait(after).await {
        after = Duration::MAX;
        let mut counts = HashMap::new();
        for (key, webhooks) in cache.webhooks_by_account() {
            let orphan = match judge(&client, &cache, &options, &key).await {
                Ok(orphan) => orphan,
                Err(error) => {
                    tracing::warn!(account = %key, error = %chain(&error), "the VendorAccount was not read; its Webhooks are looked at again");
                    after = RETRY;
                    continue;
                }
            };
            for webhook in webhooks {
                let Some(orphan) = orphan.of(&cache, &webhook) else { continue };
                *counts.entry(vendor(&webhook)).or_default() += 1;
                if let Err(error) = tell(&context, &webhook, &orphan).await {
                    // Somebody has written it since: it is newer than what is known here, and its event rings the alarm.
                    if error.is_conflict() {
                        continue;
                    }
                    tracing::warn!(vendor = %vendor(&webhook), account = %key, webhook = %ObjectKey::of(&*webhook), external_id = external_id(&webhook), %error, "an orphaned Webhook's status was not written");
                    after = RETRY;
                }
            }
        }
        context.metrics.orphaned(counts);
    }
}

/// What is known of an account that Webhooks refer to.
enum Referred {
    /// It is there, and says who may.
    Known(Arc<VendorAccount>),
    /// Somebody else looks after it, or nobody knows at the moment.
    Elsewhere,
    /// Nobody looks after its Webhooks.
    Orphaning(Orphan),
}

impl Referred {
    /// Why nobody looks after that Webhook; none if somebody does.
    fn of(&self, cache: &Cache, webhook: &Webhook) -> Option<Orphan> {
        match self {
            Self::Known(account) => {
                (!cache.may_refer(account, webhook)).then(|| Orphan::NotAllowed(ObjectKey::of(&**account)))
            }
            Self::Elsewhere => None,
            Self::Orphaning(orphan) => Some(orphan.clone()),
        }
    }
}

async fn judge(
    client: &Client,
    cache: &Cache,
    options: &Options,
    key: &ObjectKey,
) -> Result<Referred, kube::Error> {
    if let Some(account) = cache.account(key) {
        return Ok(Referred::Known(account));
    }
    if cache.has_account(key) {
        return Ok(Referred::Elsewhere);
    }
    if !options.namespaces.is_empty() && !options.namespaces.contains(&key.namespace) {
        return Ok(Referred::Orphaning(Orphan::OutOfSight(key.clone())));
    }
    // The cache may lag, and with a selector it holds some accounts only: the API server knows.
    let api: Api<VendorAccount> = Api::namespaced(client.clone(), &key.namespace);
    match api.get_metadata_opt(&key.name).await {
        Ok(None) => Ok(Referred::Orphaning(Orphan::NotFound(key.clone()))),
        Ok(Some(_)) => Ok(Referred::Elsewhere),
        // Without the right to read it nobody can tell, and asking again changes nothing.
        Err(kube::Error::Api(refused)) if refused.is_forbidden() => Ok(Referred::Elsewhere),
        Err(error) => Err(error),
    }
}

fn vendor(webhook: &Webhook) -> VendorName {
    webhook.spec.subscription.vendor()
}

fn external_id(webhook: &Webhook) -> Option<&str> {
    webhook.status.as_ref()?.external_id.as_deref()
}

async fn tell(
    context: &ClusterContext,
    webhook: &Webhook,
    orphan: &Orphan,
) -> Result<(), crate::engine::record::RecordError> {
    let leaving = webhook.metadata.deletion_timestamp.is_some();
    let released = webhook.spec.deletion_policy == DeletionPolicy::Retain
        || webhook.annotations().get(RELEASE).is_some_and(|value| value == "true");
    if leaving && released {
        context.recorder.remove_finalizer(webhook).await?;
        let note = "let go; its subscription, if there is one, stays at the vendor".to_owned();
        tracing::info!(vendor = %vendor(webhook), account = %webhook.account(), webhook = %ObjectKey::of(webhook), external_id = external_id(webhook), reason = "Retained", "{note}");
        let happened = Happened { warning: false, reason: "Retained", note };
        context.recorder.event(webhook.object_ref(&()), &happened).await;
        return Ok(());
    }
    let (status, happened) = settle_orphan(webhook, orphan);
    if webhook.status.as_ref() == Some(&status) {
        return Ok(());
    }
    context.recorder.webhook_status(webhook, &status).await?;
    if let Some(happened) = happened {
        tracing::warn!(vendor = %vendor(webhook), account = %webhook.account(), webhook = %ObjectKey::of(webhook), external_id = external_id(webhook), reason = happened.reason, "{}", happened.note);
        context.recorder.event(webhook.object_ref(&()), &happened).await;
    }
    Ok(())
}
