//! Where a command has looked for objects. If it has found none, it says where there are some: a wrong namespace must not look as if
//! there were nothing to do.

use super::cluster_reader::{ClusterReader, PAGE_SIZE, api_error};
use crate::api::{NamespaceName, VendorAccount, Webhook};
use crate::plan::report::{Searched, WebhooksOf, namespaces_with};
use k8s_openapi::api::core::v1::Namespace;
use kube::api::ListParams;
use kube::core::NamespaceResourceScope;
use kube::{Api, Resource};
use serde::de::DeserializeOwned;
use std::collections::BTreeMap;
use std::fmt::Debug;

/// Returns where objects were looked for; `found` is whether there was any.
///
/// # Errors
///
/// If nothing was found because the namespace does not exist. A user who may not read namespaces is not told.
pub(super) async fn searched(reader: &ClusterReader, found: bool) -> Result<Searched, String> {
    let Some(namespace) = &reader.namespace else { return Ok(Searched::default()) };
    let mut searched = Searched { namespace: Some(namespace.to_string()), elsewhere: Vec::new() };
    if found {
        return Ok(searched);
    }
    let elsewhere = by_namespace::<Webhook>(reader).await.into_iter();
    searched.elsewhere = elsewhere.map(|(namespace, webhooks)| WebhooksOf { namespace, webhooks }).collect();
    if exists(reader, namespace).await? {
        return Ok(searched);
    }
    let hint = searched.where_webhooks_are().map(|hint| format!(". {hint}")).unwrap_or_default();
    Err(format!("namespace {namespace} does not exist{hint}"))
}

/// Returns what to say if no account was found: where it was looked for, how to make one, and where there are some.
///
/// # Errors
///
/// As [`searched`].
pub(super) async fn without_accounts(reader: &ClusterReader) -> Result<String, String> {
    let Some(namespace) = &reader.namespace else { return Ok(no_account("", &[])) };
    let elsewhere = by_namespace::<VendorAccount>(reader).await;
    let elsewhere: Vec<_> =
        elsewhere.iter().map(|(namespace, number)| (namespace.as_str(), *number)).collect();
    if exists(reader, namespace).await? {
        return Ok(no_account(&format!(" in namespace {namespace}"), &elsewhere));
    }
    let hint = namespaces_with("VendorAccounts", &elsewhere).map(|hint| format!(". {hint}"));
    Err(format!("namespace {namespace} does not exist{}", hint.unwrap_or_default()))
}

/// Says that a place has no account, and which namespaces have some.
pub(super) fn no_account(place: &str, elsewhere: &[(&str, usize)]) -> String {
    let hint = namespaces_with("VendorAccounts", elsewhere).map(|hint| format!(". {hint}"));
    format!(
        "there is no VendorAccount{place} yet: hooktender init VENDOR prints one to fill in{}",
        hint.unwrap_or_default()
    )
}

async fn exists(reader: &ClusterReader, namespace: &NamespaceName) -> Result<bool, String> {
    let api: Api<Namespace> = Api::all(reader.client.clone());
    match api.get_metadata_opt(namespace.as_str()).await {
        Ok(found) => Ok(found.is_some()),
        Err(kube::Error::Api(refused)) if refused.is_forbidden() => Ok(true),
        Err(error) => Err(api_error(&format!("namespace {namespace} cannot be read"), &error)),
    }
}

/// Returns how many objects of a kind each namespace has. It is a hint only: none if they may not or cannot be listed.
async fn by_namespace<K>(reader: &ClusterReader) -> BTreeMap<String, usize>
where
    K: Resource<Scope = NamespaceResourceScope, DynamicType = ()> + Clone + Debug + DeserializeOwned,
{
    let api: Api<K> = Api::all(reader.client.clone());
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    let mut params = ListParams::default().limit(PAGE_SIZE);
    loop {
        let Ok(page) = api.list_metadata(&params).await else { return BTreeMap::new() };
        for namespace in page.items.into_iter().filter_map(|one| one.metadata.namespace) {
            *counts.entry(namespace).or_default() += 1;
        }
        match page.metadata.continue_.filter(|token| !token.is_empty()) {
            Some(token) => params = params.continue_token(&token),
            None => return counts,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_without_accounts_says_where_there_are_some() {
        let said = no_account(" in namespace shop", &[("crm", 2), ("web", 1)]);
        assert!(
            said.starts_with("there is no VendorAccount in namespace shop yet: hooktender init VENDOR"),
            "{said}"
        );
        let others =
            "There are VendorAccounts in crm (2), web (1): choose a namespace with -n, or all with -A";
        assert!(said.ends_with(others), "{said}");
        assert!(!no_account("", &[]).contains("There are"));
    }
}
