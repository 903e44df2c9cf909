//! Which keys of Secrets and ConfigMaps an account and its Webhooks use.

use super::variables;
use crate::api::VendorAccount;
use crate::engine::cluster::secrets::account_keys;
use crate::engine::cluster::values::Values;
use crate::engine::dependency::NamedKeys;
use crate::engine::fingerprint::fingerprint;
use crate::engine::state::handled::ValueFingerprints;
use crate::engine::state::webhook::WebhookState;
use kube::ResourceExt;

/// Returns all keys that the account and these Webhooks use.
pub(crate) fn named_keys<'a>(
    account: &VendorAccount,
    webhooks: impl Iterator<Item = &'a WebhookState>,
) -> NamedKeys {
    let mut all = keys_of_account(account);
    webhooks.for_each(|webhook| add_keys(&mut all, webhook));
    all
}

fn keys_of_account(account: &VendorAccount) -> NamedKeys {
    let namespace = account.namespace().unwrap_or_default();
    let mut all = NamedKeys::new();
    for (from, key) in account_keys(&account.spec.vendor, &namespace) {
        all.entry(from).or_default().insert(key);
    }
    all
}

fn add_keys(all: &mut NamedKeys, webhook: &WebhookState) {
    for (from, key) in variables::keys(&webhook.object) {
        let keys = all.entry(from).or_default();
        if !keys.contains(key) {
            keys.insert(key.to_owned());
        }
    }
}

/// Returns fingerprints of every value that the account and these Webhooks use, or of the error of a value. They stay the same when a
/// Secret is written without a change of these values.
pub(crate) fn value_fingerprints<'a>(
    account: &VendorAccount,
    webhooks: impl Iterator<Item = &'a WebhookState>,
    values: &Values,
) -> ValueFingerprints {
    let mut own = keys_of_account(account);
    let mut guests = NamedKeys::new();
    for webhook in webhooks {
        add_keys(if webhook.object.is_guest() { &mut guests } else { &mut own }, webhook);
    }
    let fingerprint_of = |keys: NamedKeys| {
        let all = keys.iter().flat_map(|(from, keys)| keys.iter().map(move |key| (from, key)));
        let texts: Vec<_> = all.map(|(from, key)| values.text(from, key)).collect();
        fingerprint((&keys, texts))
    };
    ValueFingerprints { own: fingerprint_of(own), guests: fingerprint_of(guests) }
}
