//! Proves that what is printed changes nothing: it is planned as if it were applied already.

use crate::api::status::Action;
use crate::api::{ObjectKey, Webhook};
use crate::cli::flags::VendorFlags;
use crate::cli::objects::OverlaySource;
use crate::cli::plan_runner::{account_objects, context};
use crate::engine::preview::{AccountObjects, preview};
use crate::engine::state::account::AccountState;
use crate::import::ToFill;
use crate::plan::report::WebhookReport;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Returns the source of Secrets with a placeholder for each key that a person has to fill in.
pub(super) fn with_placeholders<'a>(
    source: &OverlaySource,
    to_fill: impl IntoIterator<Item = &'a ToFill>,
) -> OverlaySource {
    let mut secrets: BTreeMap<ObjectKey, BTreeSet<String>> = BTreeMap::new();
    for fill in to_fill {
        let key = ObjectKey::new(&fill.webhook.namespace, &fill.secret.name);
        secrets.entry(key).or_default().insert(fill.secret.key.clone());
    }
    source.with_placeholders(secrets)
}

/// Plans Webhooks of an account as if they were applied, together with its other Webhooks. Returns the plans by name.
pub(super) async fn plan_as_applied(
    source: &OverlaySource,
    vendors: &VendorFlags,
    state: &mut AccountState,
    objects: &AccountObjects,
    made: &[Webhook],
) -> BTreeMap<ObjectKey, WebhookReport> {
    // Write-only values cannot be compared: they are sent when the manifest is applied.
    let context = context(source, vendors, &Arc::default(), true);
    let names: BTreeSet<_> = made.iter().map(ObjectKey::of).collect();
    let others = objects.webhooks.iter();
    let others = others.filter(|webhook| !names.contains(&ObjectKey::of(&***webhook))).cloned();
    let all: Vec<_> = others.chain(made.iter().map(|webhook| Arc::new(as_applied(webhook)))).collect();
    let report = preview(&context, state, &account_objects(&objects.account, &all)).await.report;
    report.webhooks.into_iter().map(|one| (one.key(), one)).collect()
}

/// Returns what applying an imported Webhook would change, if anything.
pub(super) fn difference(report: Option<&WebhookReport>) -> Option<String> {
    let Some(report) = report else { return Some("it has no plan".into()) };
    match (&report.held, report.action) {
        (None, Action::None | Action::Adopt) => None,
        (Some(held), _) => Some(format!("{}: {}", held.reason, held.message)),
        (None, action) => {
            let fields: Vec<_> = report.changes.iter().map(|change| change.field.as_str()).collect();
            Some(format!("its manifest would {} it: {}", action.as_str().to_lowercase(), fields.join(", ")))
        }
    }
}

/// Returns the Webhook as the API server would return it.
fn as_applied(webhook: &Webhook) -> Webhook {
    let mut webhook = webhook.clone();
    webhook.metadata.uid = Some(format!("import:{}", ObjectKey::of(&webhook)));
    webhook.metadata.generation = Some(1);
    webhook
}
