//! What a request for a pass is written to: a Webhook, or an account. The request for a set goes to the accounts of its members.

use crate::api::{ObjectKey, ObjectName, SET_LABEL, Webhook, WebhookSet};
use crate::cli::cluster_reader::api_error;
use crate::cli::named_objects::{Named, read};
use crate::cli::object_ref::{ObjectKind, ObjectRef};
use crate::engine::cluster::objects::in_namespace;
use crate::set::expand::metadata;
use crate::set::member::is_owned;
use kube::api::ListParams;
use kube::{Client, ResourceExt as _};
use std::collections::BTreeSet;

/// An object that a request is written to.
pub(super) enum Target {
    Webhook(Named),
    Account(Named),
}

impl Target {
    pub(super) fn named(&self) -> &Named {
        match self {
            Self::Webhook(named) | Self::Account(named) => named,
        }
    }
}

/// Returns the targets of a request, each once, and why some of the objects have none.
pub(super) async fn targets(client: &Client, named: Vec<Named>) -> (Vec<Target>, Vec<String>) {
    let (mut targets, mut problems) = (Vec::new(), Vec::new());
    let mut accounts = BTreeSet::new();
    for named in named {
        match named.object.kind {
            ObjectKind::Webhook => targets.push(Target::Webhook(named)),
            ObjectKind::Account => {
                if accounts.insert(key(&named)) {
                    targets.push(Target::Account(named));
                }
            }
            ObjectKind::Set => match accounts_of(client, &named).await {
                Ok(all) => {
                    let new = all.into_iter().filter(|account| accounts.insert(key(account)));
                    targets.extend(new.map(Target::Account));
                }
                Err(problem) => problems.push(problem),
            },
        }
    }
    (targets, problems)
}

fn key(named: &Named) -> ObjectKey {
    ObjectKey::new(named.at.namespace().as_str(), named.at.name())
}

/// Returns the accounts of the members of a set.
async fn accounts_of(client: &Client, named: &Named) -> Result<Vec<Named>, String> {
    let set: WebhookSet = read(client, &named.at).await?;
    let (labels, _) = metadata(&set, "");
    let label = labels.get(SET_LABEL).map(String::as_str).unwrap_or_default();
    let params = ListParams::default().labels(&format!("{SET_LABEL}={label}"));
    let members = in_namespace::<Webhook>(client, named.at.namespace()).list(&params).await;
    let members = members
        .map_err(|error| api_error(&format!("the members of {} cannot be listed", named.title()), &error))?;
    let keys = accounts_of_members(&members.items, &set.uid().unwrap_or_default());
    if keys.is_empty() {
        return Err(format!(
            "{}: no pass was requested: it has no members: {}",
            named.title(),
            named.command("explain")
        ));
    }
    keys.iter().map(|key| account(key, named)).collect()
}

/// Returns the accounts of the Webhooks that belong to a set, each once.
fn accounts_of_members(webhooks: &[Webhook], set: &str) -> BTreeSet<ObjectKey> {
    webhooks.iter().filter(|webhook| is_owned(webhook, set)).map(Webhook::account).collect()
}

fn account(key: &ObjectKey, set: &Named) -> Result<Named, String> {
    let at = ObjectName::try_from(key).map_err(|error| error.to_string())?;
    let is_here = at.namespace() == set.at.namespace();
    let flag = if is_here { set.flag.clone() } else { format!(" -n {}", key.namespace) };
    Ok(Named { object: ObjectRef { kind: ObjectKind::Account, name: key.name.clone() }, at, flag })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_request_for_a_set_goes_to_the_accounts_of_its_own_members() {
        let member = |name: &str, account: serde_json::Value, owner: &str| -> Webhook {
            serde_json::from_value(json!({
                "apiVersion": "hooktender.dev/v1alpha1", "kind": "Webhook",
                "metadata": {"name": name, "namespace": "shop", "ownerReferences": [{"apiVersion": "hooktender.dev/v1alpha1",
                    "kind": "WebhookSet", "name": "orders", "uid": owner, "controller": true}]},
                "spec": {"accountRef": account, "subscription": {"superoffice": {"events": ["sale.sold"], "targetUrl": "https://h"}}},
            }))
            .unwrap()
        };
        let members = [
            member("orders-a", json!({"name": "a"}), "own"),
            member("orders-b", json!({"name": "b", "namespace": "tenants"}), "own"),
            member("orders-copy", json!({"name": "a"}), "own"),
            member("other", json!({"name": "c"}), "another"),
        ];
        let keys: Vec<_> = accounts_of_members(&members, "own").iter().map(ToString::to_string).collect();
        assert_eq!(keys, ["shop/a", "tenants/b"]);
        let set = Named {
            object: ObjectRef { kind: ObjectKind::Set, name: "orders".into() },
            at: ObjectName::new("shop", "orders").unwrap(),
            flag: String::new(),
        };
        let command = |key: &ObjectKey| account(key, &set).unwrap().command("explain");
        assert_eq!(command(&ObjectKey::new("shop", "a")), "hooktender explain va/a");
        assert_eq!(command(&ObjectKey::new("tenants", "b")), "hooktender explain va/b -n tenants");
    }
}
