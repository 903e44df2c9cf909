//! A Webhook as the cluster stores it, possibly written for another version of hooktender.

use super::webhook::Subscription;
use super::{VendorName, Webhook};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::Resource;
use kube::core::error_boundary::InvalidObject;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};
use std::borrow::Cow;
use std::collections::BTreeMap;

/// A Webhook that can be read although its spec has a value that this version does not know, as after a rollback. Its
/// subscription is [`Subscription::Unreadable`] then. It still has metadata and status, so that it keeps its account and its
/// subscription, and can be deleted.
///
/// If another part of the spec cannot be read, the whole rest has its defaults and the mode is Plan, so that nothing is written.
/// Without a readable account, vendor and status the Webhook cannot be read at all.
#[derive(Clone, Debug)]
pub struct StoredWebhook(pub Result<Webhook, InvalidObject>);

impl<'de> Deserialize<'de> for StoredWebhook {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // As raw text: an object that is nested too deep must not end the watch.
        let text = Box::<RawValue>::deserialize(deserializer)?;
        let (object, too_deep) = match serde_json::from_str(text.get()) {
            Ok(object) => (object, false),
            Err(_) => (shallow(text.get()).map_err(serde::de::Error::custom)?, true),
        };
        if length(&object["metadata"]["finalizers"]) > MAX_FINALIZERS {
            let error = format!("its finalizers have more than {} KiB: remove some", MAX_FINALIZERS / 1024);
            let metadata = serde_json::from_value(identity(&object["metadata"]));
            return Ok(Self(Err(InvalidObject {
                error,
                metadata: metadata.map_err(serde::de::Error::custom)?,
            })));
        }
        let too_long = length(&object["spec"]) > MAX_SPEC;
        let error = match Webhook::deserialize(&object) {
            Ok(mut webhook) => {
                if too_long {
                    let error = format!("it has more than {} KiB of text: shorten it", MAX_SPEC / 1024);
                    webhook.without_content(error);
                }
                return Ok(Self(Ok(webhook)));
            }
            Err(_) if too_deep => "its subscription is nested too deeply: flatten it".to_owned(),
            Err(error) => error.to_string(),
        };
        let metadata = ObjectMeta::deserialize(&object["metadata"]).map_err(serde::de::Error::custom)?;
        let salvaged = if too_long { None } else { salvage(object, &error) };
        Ok(Self(salvaged.ok_or(InvalidObject { error, metadata })))
    }
}

/// Maximum length of a spec in bytes of text. The API server stores five times as much.
const MAX_SPEC: usize = 256 << 10;

/// Maximum length of the finalizers in bytes of text.
const MAX_FINALIZERS: usize = 16 << 10;

/// Parses the object without the content of its subscription and without `managedFields`, which alone may be nested too deep.
fn shallow(text: &str) -> serde_json::Result<Value> {
    type Members<'a> = BTreeMap<&'a str, &'a RawValue>;
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Object<'a> {
        api_version: &'a str,
        kind: &'a str,
        #[serde(borrow)]
        metadata: Members<'a>,
        #[serde(borrow)]
        spec: Members<'a>,
        #[serde(default)]
        status: Value,
    }
    let read = |members: Members<'_>| -> serde_json::Result<Map<String, Value>> {
        members
            .into_iter()
            .map(|(name, text)| Ok((name.to_owned(), serde_json::from_str(text.get())?)))
            .collect()
    };
    let Object { api_version, kind, mut metadata, mut spec, status } = serde_json::from_str(text)?;
    metadata.remove("managedFields");
    let subscription = spec.remove("subscription").map_or("{}", RawValue::get);
    let subscription: Members<'_> = serde_json::from_str(subscription)?;
    let mut spec = read(spec)?;
    spec.insert(
        "subscription".into(),
        subscription.into_keys().map(|vendor| (vendor.to_owned(), Value::Null)).collect(),
    );
    Ok(
        json!({"apiVersion": api_version, "kind": kind, "metadata": read(metadata)?, "spec": spec, "status": status}),
    )
}

/// Returns the metadata that identifies an object.
fn identity(metadata: &Value) -> Value {
    let names = ["name", "namespace", "uid", "resourceVersion"];
    names.iter().map(|name| ((*name).to_owned(), metadata[name].clone())).collect()
}

/// Returns how many bytes of text a value has.
fn length(value: &Value) -> usize {
    match value {
        Value::String(text) => text.len(),
        Value::Array(list) => list.iter().map(length).sum(),
        Value::Object(members) => members.iter().map(|(name, value)| name.len() + length(value)).sum(),
        Value::Null | Value::Bool(_) | Value::Number(_) => 1,
    }
}

impl Webhook {
    /// Makes the subscription unreadable because of `error`, and removes the variables. The Webhook keeps its account and its
    /// subscription at the vendor, and can be deleted.
    pub(crate) fn without_content(&mut self, error: String) {
        let vendor = self.spec.subscription.vendor();
        self.spec.subscription = Subscription::Unreadable { vendor, error };
        self.spec.variables = Vec::new();
    }
}

/// Reads a Webhook whose subscription, and possibly more of its spec, cannot be read.
fn salvage(mut object: Value, error: &str) -> Option<Webhook> {
    let spec = object.get_mut("spec")?.as_object_mut()?;
    let vendor = vendor(spec.get("subscription")?)?;
    // A valid subscription, which is replaced below.
    spec.insert(
        "subscription".into(),
        json!({"brightpearl": {"subscribeTo": "", "httpMethod": "POST", "uriTemplate": ""}}),
    );
    if Webhook::deserialize(&object).is_err() {
        let spec = object.get_mut("spec")?.as_object_mut()?;
        reduce(spec);
    }
    let mut webhook = Webhook::deserialize(object).ok()?;
    webhook.spec.subscription = Subscription::Unreadable { vendor, error: error.to_owned() };
    Some(webhook)
}

/// Keeps only the account and the vendor.
fn reduce(spec: &mut Map<String, Value>) {
    spec.retain(|name, _| matches!(name.as_str(), "accountRef" | "subscription"));
    spec.insert("mode".into(), json!("Plan"));
}

fn vendor(subscription: &Value) -> Option<VendorName> {
    let key = subscription.as_object()?.keys().next()?;
    VendorName::deserialize(Value::String(key.clone())).ok()
}

impl Serialize for StoredWebhook {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.0 {
            // The spec is never written.
            Ok(webhook) => {
                json!({"metadata": webhook.metadata, "status": webhook.status}).serialize(serializer)
            }
            Err(invalid) => json!({"metadata": invalid.metadata}).serialize(serializer),
        }
    }
}

impl Resource for StoredWebhook {
    type DynamicType = ();
    type Scope = <Webhook as Resource>::Scope;

    fn kind((): &()) -> Cow<'_, str> {
        Webhook::kind(&())
    }

    fn group((): &()) -> Cow<'_, str> {
        Webhook::group(&())
    }

    fn version((): &()) -> Cow<'_, str> {
        Webhook::version(&())
    }

    fn plural((): &()) -> Cow<'_, str> {
        Webhook::plural(&())
    }

    fn meta(&self) -> &ObjectMeta {
        self.0.as_ref().map_or_else(|invalid| &invalid.metadata, Webhook::meta)
    }

    fn meta_mut(&mut self) -> &mut ObjectMeta {
        self.0.as_mut().map_or_else(|invalid| &mut invalid.metadata, Webhook::meta_mut)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::Mode;
    use crate::api::webhook::DeletionPolicy;

    fn stored(edit: impl FnOnce(&mut Value)) -> StoredWebhook {
        let mut object = json!({
            "apiVersion": "hooktender.dev/v1alpha1", "kind": "Webhook",
            "metadata": {"name": "a", "namespace": "shop", "finalizers": ["hooktender.dev/subscription"]},
            "spec": {"accountRef": {"name": "account"}, "deletionPolicy": "Retain", "subscription": {"brightpearl":
                {"subscribeTo": "product", "httpMethod": "POST", "uriTemplate": "https://h"}}},
            "status": {"externalId": "7"},
        });
        edit(&mut object);
        serde_json::from_value(object).unwrap()
    }

    #[test]
    fn a_webhook_of_another_version_keeps_its_account_and_id() {
        let read = stored(|_| {}).0.unwrap();
        assert!(matches!(read.spec.subscription, Subscription::Brightpearl(_)));
        let unknown_method =
            stored(|webhook| webhook["spec"]["subscription"]["brightpearl"]["httpMethod"] = json!("PATCH"));
        let webhook = unknown_method.0.unwrap();
        let Subscription::Unreadable { vendor, error } = &webhook.spec.subscription else { panic!() };
        assert!(*vendor == VendorName::Brightpearl && error.contains("PATCH"), "{error}");
        assert_eq!(webhook.status.unwrap().external_id.as_deref(), Some("7"));
        assert_eq!(webhook.metadata.finalizers.unwrap().len(), 1);
        assert_eq!(
            (webhook.spec.deletion_policy, webhook.spec.mode),
            (DeletionPolicy::Retain, Mode::Enforce)
        );
    }

    #[test]
    fn a_webhook_that_is_nested_too_deep_is_read_without_its_subscription() {
        let nested = |open: &str, close: &str| format!("{}1{}", open.repeat(5000), close.repeat(5000));
        let text = format!(
            r#"{{"type": "MODIFIED", "object": {{
                "apiVersion": "hooktender.dev/v1alpha1", "kind": "Webhook",
                "metadata": {{"name": "a", "namespace": "shop", "managedFields": [{}]}},
                "spec": {{"accountRef": {{"name": "account"}}, "deletionPolicy": "Retain", "subscription": {{"superoffice":
                    {{"name": "n", "events": ["sale.sold"], "targetUrl": "https://h", "properties": {}}}}}}},
                "status": {{"externalId": "7"}}}}}}"#,
            nested(r#"{"f:a":"#, "}"),
            nested("[", "]"),
        );
        let event: kube::api::WatchEvent<StoredWebhook> = serde_json::from_str(&text).unwrap();
        let kube::api::WatchEvent::Modified(StoredWebhook(webhook)) = event else { panic!() };
        let webhook = webhook.unwrap();
        let Subscription::Unreadable { vendor, error } = &webhook.spec.subscription else { panic!() };
        assert!(*vendor == VendorName::Superoffice && error.contains("nested too deep"), "{error}");
        assert_eq!(webhook.spec.deletion_policy, DeletionPolicy::Retain);
        assert_eq!(webhook.status.unwrap().external_id.as_deref(), Some("7"));
    }

    #[test]
    fn a_spec_that_is_too_long_is_not_kept() {
        let long = |bytes: usize| {
            stored(|webhook| {
                webhook["spec"]["variables"] = json!([{"name": "A", "value": "a".repeat(bytes)}]);
            })
        };
        let kept = long(200 << 10).0.unwrap();
        assert_eq!(kept.spec.variables.len(), 1);
        let cut = long(256 << 10).0.unwrap();
        assert!(cut.spec.variables.is_empty());
        let Subscription::Unreadable { error, .. } = &cut.spec.subscription else { panic!() };
        assert_eq!(error, "it has more than 256 KiB of text: shorten it");
        assert_eq!(cut.status.unwrap().external_id.as_deref(), Some("7"));
    }

    #[test]
    fn a_webhook_with_an_unknown_policy_is_not_written() {
        let webhook = stored(|webhook| webhook["spec"]["deletionPolicy"] = json!("Archive")).0.unwrap();
        assert!(matches!(webhook.spec.subscription, Subscription::Unreadable { .. }));
        assert_eq!((webhook.spec.mode, webhook.spec.account_ref.name.as_str()), (Mode::Plan, "account"));
    }

    #[test]
    fn a_webhook_without_account_vendor_or_status_cannot_be_read() {
        let edits: [fn(&mut Value); 3] = [
            |webhook| webhook["spec"]["accountRef"] = json!("account"),
            |webhook| webhook["spec"]["subscription"] = json!({"other": {}}),
            |webhook| webhook["status"]["plan"] = json!({"action": "Merge"}),
        ];
        for edit in edits {
            assert_eq!(stored(edit).0.unwrap_err().metadata.name.as_deref(), Some("a"));
        }
    }
}
