//! From objects and values to what the core decides on.

use crate::api::status::{WebhookStatus, WriteOnlyDigest};
use crate::api::webhook::{Subscription, WriteOnlyValues};
use crate::api::{Mode, ObjectKey, RELEASE, VendorAccount, Webhook};
use crate::engine::cluster::secrets::{NamedKeys, Values, account_keys};
use crate::engine::inputs::comparison::{Comparison, Secrets};
use crate::engine::inputs::variables::{self, ExpandError, Variables};
use crate::engine::inputs::write_only;
use crate::engine::state::account::ValueMarks;
use crate::engine::state::observed::ObservedIndex;
use crate::engine::state::retry::Past;
use crate::engine::state::webhook::WebhookState;
use crate::plan::{Declared, Desired, Document, ExternalId, Intent, Policy, Redactor, Text};
use crate::vendor;
use kube::ResourceExt;
use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

/// Everything that a pass over the account reads beside the objects themselves.
pub(crate) fn named_keys<'a>(
    account: &VendorAccount,
    entries: impl Iterator<Item = &'a WebhookState>,
) -> NamedKeys {
    let mut all = account_named(account);
    entries.for_each(|entry| name_keys(&mut all, entry));
    all
}

fn account_named(account: &VendorAccount) -> NamedKeys {
    let namespace = account.namespace().unwrap_or_default();
    let mut all = NamedKeys::new();
    for (from, key) in account_keys(&account.spec.vendor, &namespace) {
        all.entry(from).or_default().insert(key);
    }
    all
}

/// Adds what a Webhook names.
fn name_keys(all: &mut NamedKeys, entry: &WebhookState) {
    for (from, key) in variables::keys(&entry.object) {
        let keys = all.entry(from).or_default();
        if !keys.contains(key) {
            keys.insert(key.to_owned());
        }
    }
}

/// Fingerprints of every value that the account and its Webhooks name, or of what is wrong with it. They stay the same when
/// an object is written without a change of these values.
pub(crate) fn fingerprint<'a>(
    account: &VendorAccount,
    entries: impl Iterator<Item = &'a WebhookState>,
    values: &Values,
    past: &Past,
) -> ValueMarks {
    let mut own = account_named(account);
    let mut guests = NamedKeys::new();
    for entry in entries {
        name_keys(if entry.object.is_guest() { &mut guests } else { &mut own }, entry);
    }
    let mark = |keys: NamedKeys| {
        let all = keys.iter().flat_map(|(from, keys)| keys.iter().map(move |key| (from, key)));
        let texts: Vec<_> = all.map(|(from, key)| values.text(from, key)).collect();
        past.mark_of((&keys, texts))
    };
    ValueMarks { own: mark(own), guests: mark(guests) }
}

/// The reason of a Webhook whose subscription is too long.
const TOO_LARGE: &str = "SubscriptionTooLarge";
/// Most bytes of all subscriptions of one namespace at one account,
const MAX_DOCUMENTS: usize = 4 * 1024 * 1024;
/// of which those that are no longer than this are not counted.
const UNCOUNTED: usize = 4 * 1024;

/// What holds for all Webhooks of a pass.
#[derive(Clone, Copy)]
pub(crate) struct PlanOptions<'a> {
    pub(crate) ceiling: Mode,
    pub(crate) dry_run: bool,
    pub(crate) stateless: bool,
    /// When the list was read.
    pub(crate) read: Instant,
    /// The subscriptions in it.
    pub(crate) observed: &'a ObservedIndex,
    /// How long the declared ones may be together.
    pub(crate) documents: &'a DocumentBudget,
}

/// Bounds how long all subscriptions of a namespace are together at one account. A guest's could not be listed any more with
/// the owner's otherwise, or take the memory of all.
#[derive(Default)]
pub(crate) struct DocumentBudget(RefCell<HashMap<String, usize>>);

impl DocumentBudget {
    /// The same, or why it is not made: with those before it, it is too much.
    fn bounded(&self, webhook: &Webhook, desired: Desired) -> Desired {
        let Desired::Known(document) = &desired else { return desired };
        let mut bytes = 0;
        document.for_each_text(&mut |text| bytes += text.len());
        if bytes <= UNCOUNTED {
            return desired;
        }
        let namespace = webhook.namespace().unwrap_or_default();
        let mut used = self.0.borrow_mut();
        let used = used.entry(namespace).or_default();
        if *used + bytes > MAX_DOCUMENTS {
            let message = format!(
                "the long subscriptions of this namespace (over {} KiB each) are more than {} MiB together at this account, and older Webhooks come first: shorten them, or use fewer",
                UNCOUNTED / 1024,
                MAX_DOCUMENTS / 1024 / 1024
            );
            return Desired::Unknown { reason: TOO_LARGE, message };
        }
        *used += bytes;
        desired
    }
}

/// One Webhook, as far as deciding needs it.
pub(crate) fn declare(
    entry: &WebhookState,
    account: &VendorAccount,
    values: &Values,
    past: &Past,
    terms: PlanOptions<'_>,
) -> Declared {
    let (webhook, status) = (&*entry.object, &*entry.status);
    let spec = &webhook.spec;
    let (desired, redactor) = desired(entry, account, values);
    let mut desired = terms.documents.bounded(webhook, desired);
    // Without a status nothing tells whose a subscription is, and whoever runs that has the login in a file.
    let guest = webhook.is_guest() && !terms.stateless;
    let adopts = !guest || account.spec.allow_guest_adoption;
    let pinned = spec.external_id.as_ref();
    let may_not_pin = !adopts && pinned.is_some() && pinned != status.external_id.as_ref();
    if may_not_pin && status.external_id.is_none() && webhook.metadata.deletion_timestamp.is_none() {
        desired = adoption_not_allowed(account);
    }
    let concealed_changed = match &desired {
        Desired::Known(document) => {
            let unknown = terms.stateless && status.last_applied.is_none() && status.pending.is_none();
            !unknown && concealed_changed(entry, document, values, past)
        }
        Desired::Unknown { .. } => false,
    };
    let values_changed = match &desired {
        Desired::Known(document) => {
            past.in_sync_mark(&entry.uid).is_some_and(|mark| mark != past.mark(document))
        }
        Desired::Unknown { .. } => false,
    };
    let recorded = status.external_id.as_deref().and_then(|id| terms.observed.get(id));
    let stored_differently = match (&desired, recorded) {
        (Desired::Known(document), Some(observed)) => {
            let rules = vendor::rules(spec.subscription.vendor());
            let secrets = Secrets { webhook, values };
            let compared = Comparison { rules, declared: document, observed, secrets };
            past.spellings.accepted_fields(
                &entry.uid,
                status.last_applied.as_ref(),
                compared,
                &past.corrections,
            )
        }
        _ => Vec::new(),
    };
    Declared {
        key: ObjectKey::of(webhook),
        created: webhook.metadata.creation_timestamp.as_ref().map_or(0, |time| time.0.as_second()),
        desired,
        recorded: ExternalId::valid(&status.external_id).next(),
        guest,
        adopts,
        adopts_equal: adopts || spec.mode == Mode::Enforce && !spec.suspend,
        named: ExternalId::valid(pinned.filter(|_| !may_not_pin)).next(),
        superseded: ExternalId::valid(&status.superseded).collect(),
        unreadable: None,
        invalid_id: invalid_id(webhook, status),
        intent: status.pending.as_ref().map(|pending| Intent {
            settled: past.settled(&entry.uid, pending, terms.read),
            sent: pending.digest.clone(),
            document: past.sent(&entry.uid, pending).cloned(),
            beside: ExternalId::valid(&pending.beside).collect(),
        }),
        applied: status.last_applied.as_ref().map(|applied| applied.digest.clone()),
        sensitive: status.last_applied.as_ref().map(|applied| applied.sensitive.clone()).unwrap_or_default(),
        values_changed,
        concealed_changed,
        trusts: trusts(webhook),
        stored_differently,
        mark: status.last_applied.as_ref().and_then(|last| last.concealed.as_ref()?.mark.clone()),
        revive: vendor::auto_reenable(&spec.subscription) && past.may_revive(&entry.uid),
        // Who only looks has just come, and knows nothing of what was made just now.
        fresh: !terms.dry_run && !past.until_shown_in(entry, terms.read).is_zero(),
        deleting: webhook.metadata.deletion_timestamp.is_some(),
        stateless: terms.stateless,
        policy: Policy {
            mode: spec.mode.max(account.spec.mode).max(terms.ceiling),
            drift: spec.drift_policy,
            deletion: spec.deletion_policy,
            suspended: spec.suspend,
            release: webhook.annotations().get(RELEASE).is_some_and(|value| value == "true"),
        },
        redactor,
        secrets: Arc::default(),
    }
}

/// The complaint about an id that a Webhook's spec or status has and that cannot be one.
fn invalid_id(webhook: &Webhook, status: &WebhookStatus) -> Option<(&'static str, String)> {
    let superseded = status.superseded.iter().map(|id| ("status.superseded", id));
    let beside = status.pending.iter().flat_map(|pending| &pending.beside);
    let mut all = webhook
        .spec
        .external_id
        .iter()
        .map(|id| ("spec.externalId", id))
        .chain(status.external_id.iter().map(|id| ("status.externalId", id)))
        .chain(superseded)
        .chain(beside.map(|id| ("status.pending.beside", id)));
    let (field, error) = all.find_map(|(field, id)| Some((field, ExternalId::new(id).err()?)))?;
    let message =
        format!("{field}: {error}; correct it, or give up the subscription with deletionPolicy: Retain");
    Some(("ExternalIdInvalid", message))
}

/// Of a guest that names a subscription which it did not make.
fn adoption_not_allowed(account: &VendorAccount) -> Desired {
    let message = format!(
        "VendorAccount {} does not let Webhooks of other namespaces use externalId: remove externalId to have a subscription created, or have the owners of the account set allowGuestAdoption: true",
        ObjectKey::of(account)
    );
    Desired::Unknown { reason: "AdoptionNotAllowed", message }
}

/// Gives all Webhooks of an account its secrets: those of its login and of all of them. What a vendor says to one of them may
/// repeat what it was sent for another one.
pub(crate) fn share_secrets(declared: &mut [Declared], account: &VendorAccount, values: &Values) {
    let namespace = account.namespace().unwrap_or_default();
    let login = account_keys(&account.spec.vendor, &namespace);
    let login: Vec<_> = login.filter_map(|(from, key)| values.text(&from, &key).ok()).collect();
    let login = login.iter().flat_map(Text::secrets).map(|(_, secret)| secret);
    let secrets = declared.iter().flat_map(|webhook| webhook.redactor.secrets()).chain(login);
    let all = Arc::new(Redactor::of(secrets));
    for webhook in declared {
        webhook.secrets = Arc::clone(&all);
    }
}

/// What a Webhook declares, and what of it is not to be seen.
pub(crate) fn desired(entry: &WebhookState, account: &VendorAccount, values: &Values) -> (Desired, Redactor) {
    let webhook = &*entry.object;
    let unknown = |reason, message| {
        (Desired::Unknown { reason, message }, Variables::known(webhook, values).redactor())
    };
    if let Subscription::Unreadable { error, .. } = &webhook.spec.subscription {
        let message = format!(
            "this version of hooktender cannot read the spec, and changes nothing at the vendor: {error}; upgrade hooktender, or change the spec"
        );
        return unknown("Unreadable", message);
    }
    let (wanted, has) = (webhook.spec.subscription.vendor(), account.spec.vendor.name());
    if wanted != has {
        let message = format!(
            "the subscription is for {wanted} and the account is at {has}: refer to an account of {wanted}"
        );
        return unknown("VendorMismatch", message);
    }
    let variables = match Variables::resolve(webhook, values) {
        Ok(variables) => variables,
        Err(message) => return unknown("VariableMissing", message),
    };
    let redactor = variables.redactor();
    let mut expansion = variables.expansion();
    match vendor::desired(&webhook.spec.subscription, &mut |text, usage| expansion.expand(text, usage)) {
        Ok(document) => match vendor::refusal(&account.spec.vendor, &document) {
            Some(message) => (Desired::Unknown { reason: "Rejected", message }, redactor),
            None => (Desired::Known(document), redactor),
        },
        Err(error) => {
            let reason = match error {
                ExpandError::Missing(_) => "VariableMissing",
                ExpandError::TooLarge => TOO_LARGE,
            };
            (Desired::Unknown { reason, message: error.to_string() }, redactor)
        }
    }
}

/// Whether `spec.adoption.writeOnlyValues` is Trust.
fn trusts(webhook: &Webhook) -> bool {
    webhook.spec.adoption.is_some_and(|adoption| adoption.write_only_values == WriteOnlyValues::Trust)
}

/// Whether values that the vendor does not give back are others than were last sent. The digest is only looked at when
/// neither this process nor the versions of the Secrets can tell.
fn concealed_changed(entry: &WebhookState, document: &Document, values: &Values, past: &Past) -> bool {
    let rules = vendor::rules(entry.object.spec.subscription.vendor());
    let Some(last) = &entry.status.last_applied else {
        // Nothing is known to be applied: what is found may be another writer's, or have been made by a lost create before the
        // spec or a Secret changed. What that create sent is known to the process that sent it only.
        let now = write_only::concealed(rules, document);
        return match &entry.status.pending {
            Some(pending) => match past.sent(&entry.uid, pending) {
                Some(sent) => write_only::concealed(rules, sent) != now,
                None => now.is_some() || pending.write_only,
            },
            None => now.is_some() && !trusts(&entry.object),
        };
    };
    match (write_only::concealed(rules, document), &last.concealed) {
        (None, None) => false,
        (Some(_), None) | (None, Some(_)) => true,
        (Some(now), Some(sent)) => {
            let known = past.in_sync_mark(&entry.uid) == Some(past.mark(document));
            let same = || digest_key(&entry.object, values).digest(&now) == sent.digest;
            !(known || sent.from == secrets_of(entry, values) || same())
        }
    }
}

/// What the status keeps of the values that the vendor does not give back, now that the vendor has them.
pub(crate) fn conceal(
    entry: &WebhookState,
    document: &Document,
    values: &Values,
    changed: bool,
    mark: Option<String>,
) -> Option<WriteOnlyDigest> {
    let rules = vendor::rules(entry.object.spec.subscription.vendor());
    let now = write_only::concealed(rules, document)?;
    let sent = entry.status.last_applied.as_ref().and_then(|last| last.concealed.as_ref());
    // Another version of a Secret with the same value is no reason to write: at worst a restart looks at the digest.
    let (digest, from) = match sent {
        Some(sent) if !changed && write_only::is_current(&sent.digest) => {
            (sent.digest.clone(), sent.from.clone())
        }
        _ => (digest_key(&entry.object, values).digest(&now), secrets_of(entry, values)),
    };
    Some(WriteOnlyDigest { digest, from, mark })
}

/// What digests of a Webhook's values are keyed with.
pub(crate) fn digest_key(webhook: &Webhook, values: &Values) -> write_only::Key {
    write_only::Key::new(&values.uids(variables::dependencies(webhook)))
}

fn secrets_of(entry: &WebhookState, values: &Values) -> String {
    values.versions(variables::dependencies(&entry.object))
}

/// The fields that hold a value from a Secret.
pub(crate) fn sensitive_fields(document: &Document) -> Vec<String> {
    document.iter().filter(|(_, value)| value.is_secret()).map(|(name, _)| name.to_owned()).collect()
}
