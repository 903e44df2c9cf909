//! Which accounts a set matches.

use crate::api::account::{AllowedNamespaces, NamespacesFrom};
use crate::api::{ObjectKey, VendorAccount, WebhookSet};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use kube::ResourceExt;
use kube::core::{ParseExpressionError, Selector, SelectorExt as _};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The labels of a namespace; none if they cannot be read.
pub(crate) type NamespaceLabels<'a> = &'a dyn Fn(&str) -> Option<BTreeMap<String, String>>;

/// Returns the accounts that get a member, sorted by key.
///
/// # Errors
///
/// Why a selector is not valid, and what to write instead.
pub(crate) fn select(
    set: &WebhookSet,
    accounts: impl IntoIterator<Item = Arc<VendorAccount>>,
    labels: NamespaceLabels<'_>,
) -> Result<Vec<Arc<VendorAccount>>, String> {
    let own = set.namespace().unwrap_or_default();
    let selector = parsed("spec.accountSelector", &set.spec.account_selector)?;
    let namespaces = &set.spec.account_namespaces;
    let within = match (&namespaces.from, &namespaces.selector) {
        (NamespacesFrom::Selector, Some(selector)) => {
            Some(parsed("spec.accountNamespaces.selector", selector)?)
        }
        _ => None,
    };
    let matches = |account: &Arc<VendorAccount>| {
        let namespace = account.namespace().unwrap_or_default();
        account.metadata.deletion_timestamp.is_none()
            && selector.matches(account.labels())
            && is_within(namespaces, within.as_ref(), &own, &namespace, labels)
            && account.admits(&own, || labels(&own))
    };
    let mut matching: Vec<_> = accounts.into_iter().filter(matches).collect();
    matching.sort_by_cached_key(|account| ObjectKey::of(&**account));
    Ok(matching)
}

fn is_within(
    namespaces: &AllowedNamespaces,
    selector: Option<&Selector>,
    own: &str,
    namespace: &str,
    labels: NamespaceLabels<'_>,
) -> bool {
    own == namespace
        || match namespaces.from {
            NamespacesFrom::All => true,
            NamespacesFrom::Same => false,
            NamespacesFrom::Selector => {
                selector.zip(labels(namespace)).is_some_and(|(selector, labels)| selector.matches(&labels))
            }
        }
}

fn parsed(field: &str, selector: &LabelSelector) -> Result<Selector, String> {
    Selector::try_from(selector.clone()).map_err(|error: ParseExpressionError| {
        format!("{field} is not valid ({error}): use the operators In, NotIn, Exists and DoesNotExist, the first two with values")
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::set::testing::{account, set};
    use serde_json::{Value, json};

    fn names(edit: Value, accounts: &[VendorAccount]) -> Vec<String> {
        let labels = |namespace: &str| Some(BTreeMap::from([("kind".to_owned(), namespace.to_owned())]));
        let all = accounts.iter().cloned().map(Arc::new);
        let selected = select(&set(edit), all, &labels).unwrap();
        selected.iter().map(|account| ObjectKey::of(&**account).to_string()).collect()
    }

    fn in_namespace(mut account: VendorAccount, namespace: &str, allows: Value) -> VendorAccount {
        account.metadata.namespace = Some(namespace.into());
        account.spec.allowed_namespaces = serde_json::from_value(allows).unwrap();
        account
    }

    #[test]
    fn accounts_are_selected_by_label() {
        let mut leaving = account("leaving", &[("tier", "gold")]);
        leaving.metadata.deletion_timestamp =
            Some(crate::api::conditions::seconds(k8s_openapi::jiff::Timestamp::UNIX_EPOCH));
        let all = [
            account("b", &[("tier", "gold")]),
            account("a", &[("tier", "gold")]),
            account("c", &[]),
            leaving,
        ];
        let selector = json!({"accountSelector": {"matchLabels": {"tier": "gold"}}});
        assert_eq!(
            names(selector, &all),
            ["shop/a", "shop/b"],
            "sorted, without the one that is being deleted"
        );
        assert_eq!(names(json!({"accountSelector": {}}), &all), ["shop/a", "shop/b", "shop/c"]);
        let operator = json!({"accountSelector": {"matchExpressions": [{"key": "a", "operator": "Like"}]}});
        let error = select(&set(operator), [], &|_| None).unwrap_err();
        assert!(error.contains("spec.accountSelector is not valid"), "{error}");
    }

    #[test]
    fn both_the_set_and_the_account_have_to_allow_another_namespace() {
        let all = [
            in_namespace(account("closed", &[]), "one", json!({"from": "Same"})),
            in_namespace(account("open", &[]), "one", json!({"from": "All"})),
            in_namespace(
                account("open", &[]),
                "two",
                json!({"from": "Selector", "selector": {"matchLabels": {"kind": "shop"}}}),
            ),
            in_namespace(
                account("other", &[]),
                "two",
                json!({"from": "Selector", "selector": {"matchLabels": {"kind": "x"}}}),
            ),
        ];
        let from = |namespaces: Value| json!({"accountSelector": {}, "accountNamespaces": namespaces});
        assert_eq!(names(from(json!({"from": "Same"})), &all), [""; 0]);
        assert_eq!(names(from(json!({"from": "All"})), &all), ["one/open", "two/open"]);
        let one = json!({"from": "Selector", "selector": {"matchLabels": {"kind": "one"}}});
        assert_eq!(names(from(one), &all), ["one/open"]);
    }
}
