//! Where a command has looked for objects. If it has found none, it says where there are some: a wrong namespace must not look as if
//! there were nothing to do.

use super::cluster_reader::{ClusterReader, PAGE_SIZE, api_error};
use crate::api::{NamespaceName, Webhook};
use crate::plan::report::{Searched, WebhooksOf};
use k8s_openapi::api::core::v1::Namespace;
use kube::Api;
use kube::api::ListParams;
use std::collections::BTreeMap;

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
    searched.elsewhere = webhooks_by_namespace(reader).await;
    if exists(reader, namespace).await? {
        return Ok(searched);
    }
    let hint = searched.where_webhooks_are().map(|hint| format!(". {hint}")).unwrap_or_default();
    Err(format!("namespace {namespace} does not exist{hint}"))
}

async fn exists(reader: &ClusterReader, namespace: &NamespaceName) -> Result<bool, String> {
    let api: Api<Namespace> = Api::all(reader.client.clone());
    match api.get_metadata_opt(namespace.as_str()).await {
        Ok(found) => Ok(found.is_some()),
        Err(kube::Error::Api(refused)) if refused.is_forbidden() => Ok(true),
        Err(error) => Err(api_error(&format!("namespace {namespace} cannot be read"), &error)),
    }
}

/// Returns how many Webhooks each namespace has. It is a hint only: none if they may not or cannot be listed.
async fn webhooks_by_namespace(reader: &ClusterReader) -> Vec<WebhooksOf> {
    let api: Api<Webhook> = Api::all(reader.client.clone());
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    let mut params = ListParams::default().limit(PAGE_SIZE);
    loop {
        let Ok(page) = api.list_metadata(&params).await else { return Vec::new() };
        for namespace in page.items.into_iter().filter_map(|one| one.metadata.namespace) {
            *counts.entry(namespace).or_default() += 1;
        }
        match page.metadata.continue_.filter(|token| !token.is_empty()) {
            Some(token) => params = params.continue_token(&token),
            None => break,
        }
    }
    counts.into_iter().map(|(namespace, webhooks)| WebhooksOf { namespace, webhooks }).collect()
}
