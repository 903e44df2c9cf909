//! Candidates from the cluster and the kubeconfig. If they cannot be had soon there are none, and nothing is said.

use super::words;
use crate::api::{NamespaceName, VendorAccount, Webhook, WebhookSet};
use crate::cli::flags::ClusterFlags;
use crate::cli::object_ref::ObjectKind;
use crate::engine::cluster::objects::in_namespace;
use clap_complete::CompletionCandidate;
use k8s_openapi::api::core::v1::Namespace;
use kube::api::ListParams;
use kube::config::Kubeconfig;
use kube::core::NamespaceResourceScope;
use kube::{Api, Client, Resource, ResourceExt};
use std::ffi::{OsStr, OsString};
use std::fmt::Debug;
use std::time::Duration;

/// A user who presses a key does not wait longer, with a login program of the kubeconfig in it.
const LIMIT: Duration = Duration::from_millis(1500);
/// Most names of a kind that are offered.
const MAX_NAMES: u32 = 500;

/// Offers the namespaces of the cluster.
pub(super) fn namespaces(current: &OsStr) -> Vec<CompletionCandidate> {
    let names = soon(async |Typed { client, .. }| {
        let all = Api::<Namespace>::all(client).list_metadata(&few()).await.ok()?;
        Some(all.items.iter().map(ResourceExt::name_any).collect())
    });
    starting_with(current, names)
}

/// Offers the contexts of the kubeconfig.
pub(super) fn contexts(current: &OsStr) -> Vec<CompletionCandidate> {
    let file = value_of(&words(), None, "--kubeconfig");
    let config = file.map_or_else(Kubeconfig::read, Kubeconfig::read_from);
    let names = config.map(|config| config.contexts.into_iter().map(|context| context.name).collect());
    starting_with(current, names.unwrap_or_default())
}

/// Offers the VendorAccounts of the namespace, as `--account` takes them.
pub(super) fn accounts(current: &OsStr) -> Vec<CompletionCandidate> {
    let other =
        current.to_str().and_then(|text| text.split_once('/')).map(|(namespace, _)| namespace.to_owned());
    let prefix = other.as_ref().map(|namespace| format!("{namespace}/")).unwrap_or_default();
    let names = soon(async |Typed { client, namespace }| {
        let namespace = other.unwrap_or(namespace);
        names_of::<VendorAccount>(&client, &namespace, &prefix).await
    });
    starting_with(current, names)
}

/// Offers the objects of the namespace: `wh/NAME`, or names after a kind.
pub(super) fn objects(current: &OsStr) -> Vec<CompletionCandidate> {
    if current.as_encoded_bytes().starts_with(b"-") {
        return Vec::new();
    }
    let words = words();
    let typed = current.to_str().and_then(|text| text.split_once('/')).map(|(kind, _)| kind.to_owned());
    let kind = kind_before(&words);
    let wanted: Vec<(ObjectKind, String)> = match (kind, typed) {
        (Some(kind), _) => vec![(kind, String::new())],
        (None, Some(typed)) => {
            ObjectKind::parse(&typed).map(|kind| (kind, format!("{typed}/"))).into_iter().collect()
        }
        (None, None) => ObjectKind::ALL.map(|kind| (kind, format!("{}/", kind.short()))).into(),
    };
    let names = soon(async |Typed { client, namespace }| {
        let mut names = Vec::new();
        for (kind, prefix) in wanted {
            names.extend(match kind {
                ObjectKind::Webhook => names_of::<Webhook>(&client, &namespace, &prefix).await?,
                // Users without the right to list sets still get the other names.
                ObjectKind::Set => {
                    names_of::<WebhookSet>(&client, &namespace, &prefix).await.unwrap_or_default()
                }
                ObjectKind::Account => names_of::<VendorAccount>(&client, &namespace, &prefix).await?,
            });
        }
        Some(names)
    });
    starting_with(current, names)
}

/// The cluster and the namespace that the words name.
struct Typed {
    client: Client,
    namespace: String,
}

/// Returns the names that are read in time.
fn soon(read: impl AsyncFnOnce(Typed) -> Option<Vec<String>>) -> Vec<String> {
    let words = words();
    let cluster = ClusterFlags::new(
        value_of(&words, None, "--kubeconfig").map(Into::into),
        value_of(&words, None, "--context").and_then(|context| context.into_string().ok()),
    );
    let namespace = value_of(&words, Some("-n"), "--namespace").and_then(|name| name.into_string().ok());
    let read = async {
        let (client, of_context) = cluster.connect().await.ok()?;
        read(Typed { client, namespace: namespace.unwrap_or(of_context) }).await
    };
    let Ok(runtime) = tokio::runtime::Handle::try_current() else { return Vec::new() };
    runtime.block_on(async { tokio::time::timeout(LIMIT, read).await }).ok().flatten().unwrap_or_default()
}

async fn names_of<K>(client: &Client, namespace: &str, prefix: &str) -> Option<Vec<String>>
where
    K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>
        + Clone
        + Debug
        + serde::de::DeserializeOwned,
{
    let namespace = NamespaceName::new(namespace).ok()?;
    let all = in_namespace::<K>(client, &namespace).list_metadata(&few()).await.ok()?;
    Some(all.items.iter().map(|one| format!("{prefix}{}", one.name_any())).collect())
}

fn few() -> ListParams {
    ListParams::default().limit(MAX_NAMES)
}

fn starting_with(current: &OsStr, names: Vec<String>) -> Vec<CompletionCandidate> {
    let current = current.to_string_lossy();
    let names = names.into_iter().filter(|name| name.starts_with(&*current));
    names.map(CompletionCandidate::new).collect()
}

/// Returns the kind that the words have before names, as in `sync wh NAME`. The last word is being typed.
fn kind_before(words: &[OsString]) -> Option<ObjectKind> {
    let before = words.len().saturating_sub(1);
    words.iter().take(before).skip(1).find_map(|word| word.to_str().and_then(ObjectKind::parse))
}

/// Returns the value of an option in the words, in any of its spellings. The last word is being typed.
fn value_of(words: &[OsString], short: Option<&str>, long: &str) -> Option<OsString> {
    let before = &words[..words.len().saturating_sub(1)];
    before.iter().enumerate().find_map(|(at, word)| {
        let text = word.to_str()?;
        if text == long || Some(text) == short {
            return before.get(at + 1).cloned();
        }
        let joined = text.strip_prefix(long).and_then(|rest| rest.strip_prefix('='));
        let of_short = || {
            let rest = text.strip_prefix(short?)?;
            Some(rest.strip_prefix('=').unwrap_or(rest))
        };
        joined.or_else(of_short).map(OsString::from)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(line: &str) -> Vec<OsString> {
        line.split(' ').map(OsString::from).collect()
    }

    #[test]
    fn options_are_found_in_each_spelling() {
        let namespace = |line: &str| {
            let found = value_of(&typed(line), Some("-n"), "--namespace");
            found.map(|value| value.into_string().unwrap())
        };
        for line in ["sync -n shop wh/", "sync -nshop wh/", "sync -n=shop wh/", "sync --namespace=shop wh/"] {
            assert_eq!(namespace(line).as_deref(), Some("shop"), "{line}");
        }
        assert_eq!(namespace("sync --namespace shop wh/").as_deref(), Some("shop"));
        for line in ["sync wh/", "sync wh/a -n", "sync wh/a -n sho", "sync --namespaces=shop wh/"] {
            assert_eq!(namespace(line), None, "{line}: it is being typed, or another option");
        }
    }

    #[test]
    fn a_kind_before_names_is_found() {
        for (line, kind) in [
            ("hooktender sync wh ", Some(ObjectKind::Webhook)),
            ("hooktender sync vendoraccount a b", Some(ObjectKind::Account)),
            ("hooktender sync wh", None),
            ("hooktender sync wh/a wh/", None),
        ] {
            assert_eq!(kind_before(&typed(line)), kind, "{line}");
        }
    }
}
