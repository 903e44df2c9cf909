//! Reads accounts and Webhooks from a cluster, once: as little as the plan of the accounts in question needs.

use crate::api::account::NamespacesFrom;
use crate::api::webhook::Subscription;
use crate::api::{NamespaceName, ObjectKey, ObjectName, StoredWebhook, VendorAccount, Webhook};
use crate::engine::cluster::objects::{ObjectApi, in_namespace};
use crate::engine::cluster::secrets::KubeSecretReader;
use crate::engine::cluster::values::ValueBudget;
use crate::engine::state::webhook::slim;
use k8s_openapi::api::core::v1::Namespace;
use kube::api::ListParams;
use kube::core::error_boundary::InvalidObject;
use kube::core::{DeserializeGuard, NamespaceResourceScope};
use kube::{Api, Client, Resource, ResourceExt};
use serde::de::DeserializeOwned;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;

/// Objects a page of a list: each takes many times its own size while it is being read.
const PAGE: u32 = 500;

/// The objects by name, and the labels of namespaces that are known.
#[derive(Default)]
pub(super) struct Objects {
    pub(super) accounts: BTreeMap<ObjectKey, VendorAccount>,
    pub(super) webhooks: BTreeMap<ObjectKey, Webhook>,
    pub(super) labels: BTreeMap<String, BTreeMap<String, String>>,
    /// Objects of the cluster that this hooktender cannot read, and why.
    pub(super) unreadable: Vec<(ObjectKey, String)>,
    pub(super) notes: Vec<String>,
}

/// A cluster, and the part of it that is asked for.
pub(super) struct Reader {
    pub(super) client: Client,
    /// None: all namespaces.
    pub(super) namespace: Option<NamespaceName>,
}

impl Reader {
    pub(super) fn source(&self) -> KubeSecretReader {
        KubeSecretReader::new(self.client.clone(), ValueBudget::unlimited())
    }

    /// Takes all objects of a kind, page by page.
    async fn each<K>(
        &self,
        namespace: Option<&NamespaceName>,
        mut take: impl FnMut(K),
    ) -> Result<(), kube::Error>
    where
        K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>,
        K: Clone + Debug + DeserializeOwned + Send + Sync + 'static,
    {
        let api: Api<K> = match namespace {
            Some(namespace) => in_namespace(&self.client, namespace),
            None => Api::all(self.client.clone()),
        };
        let mut params = ListParams::default().limit(PAGE);
        loop {
            let page = api.list(&params).await?;
            page.items.into_iter().for_each(&mut take);
            match page.metadata.continue_.filter(|token| !token.is_empty()) {
                Some(token) => params = params.continue_token(&token),
                None => return Ok(()),
            }
        }
    }
}

/// The accounts of the part that is asked for, those that its Webhooks or files refer to, and all Webhooks of all of these:
/// what is not seen would be taken for nobody's.
pub(super) async fn read(
    reader: &Reader,
    mut referred: BTreeSet<ObjectKey>,
    in_files: &[VendorAccount],
) -> Result<Objects, String> {
    let mut objects = Objects::default();
    let mut seen = BTreeSet::new();
    let scope = reader.namespace.as_ref();
    let accounts = reader.each::<DeserializeGuard<VendorAccount>>(scope, |account| {
        take(account, &mut objects.unreadable, |account| {
            objects.accounts.insert(ObjectKey::of(&account), account);
        });
    });
    accounts.await.map_err(|error| wrong("VendorAccounts", scope, &error))?;
    webhooks(reader, scope, &mut objects, &mut seen)
        .await
        .map_err(|error| wrong("Webhooks", scope, &error))?;
    referred.extend(objects.webhooks.values().map(Webhook::account));
    for key in referred {
        if objects.accounts.contains_key(&key) {
            continue;
        }
        // There is no object of such a name; its Webhooks are told so.
        let Ok(at) = ObjectName::try_from(&key) else { continue };
        let found = ObjectApi::<VendorAccount>::new(&reader.client, &at).read().await;
        let found =
            found.map_err(|error| format!("VendorAccount {key} cannot be read: {}", brief(&error)))?;
        objects.accounts.extend(found.map(|account| (key, account)));
    }
    let all: Vec<_> = objects.accounts.values().chain(in_files).cloned().collect();
    rest(reader, &all, &mut objects, &mut seen).await?;
    let keys: BTreeSet<_> =
        objects.accounts.keys().cloned().chain(in_files.iter().map(ObjectKey::of)).collect();
    let in_scope = |key: &ObjectKey| scope.is_none_or(|scope| scope.as_str() == key.namespace);
    objects.webhooks.retain(|key, webhook| in_scope(key) || keys.contains(&webhook.account()));
    objects.unreadable.retain(|(key, _)| in_scope(key));
    Ok(objects)
}

/// The Webhooks of the accounts in namespaces that were not asked for.
async fn rest(
    reader: &Reader,
    accounts: &[VendorAccount],
    objects: &mut Objects,
    seen: &mut BTreeSet<NamespaceName>,
) -> Result<(), String> {
    let Some(scope) = &reader.namespace else {
        return labels(reader, accounts, objects).await;
    };
    let open = |account: &VendorAccount| account.spec.allowed_namespaces.from != NamespacesFrom::Same;
    if accounts.iter().any(open) {
        match webhooks(reader, None, objects, seen).await {
            Ok(()) => return labels(reader, accounts, objects).await,
            Err(error) if is_forbidden(&error) => objects.notes.push(format!(
                "Webhooks outside of namespace {scope} may not be listed: what they declare at an account that allows other namespaces is taken for unmanaged"
            )),
            Err(error) => return Err(wrong("Webhooks", None, &error)),
        }
    }
    let namespaces = accounts.iter().filter_map(|account| account.metadata.namespace.as_deref());
    let namespaces: BTreeSet<_> = namespaces.filter_map(|name| NamespaceName::new(name).ok()).collect();
    for namespace in namespaces.difference(&seen.clone()) {
        let read = webhooks(reader, Some(namespace), objects, seen).await;
        read.map_err(|error| wrong("Webhooks", Some(namespace), &error))?;
    }
    labels(reader, accounts, objects).await
}

async fn webhooks(
    reader: &Reader,
    namespace: Option<&NamespaceName>,
    objects: &mut Objects,
    seen: &mut BTreeSet<NamespaceName>,
) -> Result<(), kube::Error> {
    let all = reader.each::<StoredWebhook>(namespace, |stored| {
        take(as_written(stored), &mut objects.unreadable, |mut webhook| {
            slim(&mut webhook);
            objects.webhooks.insert(ObjectKey::of(&webhook), webhook);
        });
    });
    all.await?;
    seen.extend(namespace.cloned());
    Ok(())
}

/// A Webhook whose whole spec can be read.
fn as_written(StoredWebhook(read): StoredWebhook) -> DeserializeGuard<Webhook> {
    let webhook = match read {
        Ok(webhook) => webhook,
        Err(invalid) => return DeserializeGuard(Err(invalid)),
    };
    DeserializeGuard(match webhook.spec.subscription {
        Subscription::Unreadable { error, .. } => Err(InvalidObject { error, metadata: webhook.metadata }),
        Subscription::Brightpearl(_) | Subscription::Contensis(_) | Subscription::Superoffice(_) => {
            Ok(webhook)
        }
    })
}

/// The labels of the namespaces that a selector may be about.
async fn labels(reader: &Reader, accounts: &[VendorAccount], objects: &mut Objects) -> Result<(), String> {
    let selects = |account: &VendorAccount| account.spec.allowed_namespaces.from == NamespacesFrom::Selector;
    if !accounts.iter().any(selects) {
        return Ok(());
    }
    let api: Api<Namespace> = Api::all(reader.client.clone());
    match api.list_metadata(&ListParams::default()).await {
        Ok(all) => {
            let labels = all.items.into_iter().map(|one| (one.name_any(), one.labels().clone()));
            objects.labels = labels.collect();
        }
        Err(error) if is_forbidden(&error) => objects.notes.push(
            "namespaces may not be listed: an account whose allowedNamespaces is a selector admits only its own".into(),
        ),
        Err(error) => return Err(wrong("Namespaces", None, &error)),
    }
    Ok(())
}

fn take<K: Resource<DynamicType = ()>>(
    guarded: DeserializeGuard<K>,
    unreadable: &mut Vec<(ObjectKey, String)>,
    taken: impl FnOnce(K),
) where
    DeserializeGuard<K>: Resource<DynamicType = ()>,
{
    let key = ObjectKey::of(&guarded);
    match guarded.0 {
        Ok(object) => taken(object),
        Err(error) => {
            let kind = K::kind(&());
            let why =
                format!("this {kind} cannot be read by this hooktender, and is left alone: {}", error.error);
            if !unreadable.iter().any(|(known, _)| *known == key) {
                unreadable.push((key, why));
            }
        }
    }
}

fn is_forbidden(error: &kube::Error) -> bool {
    matches!(error, kube::Error::Api(refused) if refused.is_forbidden())
}

/// What the API server said, without the layers around it.
pub(super) fn brief(error: &kube::Error) -> String {
    match error {
        kube::Error::Api(refused) => refused.message.clone(),
        error => crate::engine::error::error_chain(error),
    }
}

fn wrong(what: &str, namespace: Option<&NamespaceName>, error: &kube::Error) -> String {
    let place =
        namespace.map_or_else(|| "all namespaces".into(), |namespace| format!("namespace {namespace}"));
    let hint = match error {
        kube::Error::Api(refused) if refused.code == 404 => {
            "; are the CRDs installed? hooktender crds | kubectl apply -f -"
        }
        _ => "",
    };
    format!("{what} of {place} cannot be listed: {}{hint}", brief(error))
}
