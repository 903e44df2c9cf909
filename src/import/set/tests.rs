//! Imports of several accounts merged: what corresponds, which variables explain a difference, and what is left out.

mod properties;

use super::*;
use crate::api::{VendorName, Webhook};
use crate::import::tests::{contensis, list, superoffice};
use crate::import::{Before, import, yaml};
use serde_json::{Value, json};

/// A SuperOffice account `shop/NAME` with metadata.
fn account(name: &str, labels: &Value, annotations: &Value) -> VendorAccount {
    let key = json!({"name": "s", "key": "k"});
    serde_json::from_value(json!({
        "apiVersion": "hooktender.dev/v1alpha1", "kind": "VendorAccount",
        "metadata": {"name": name, "namespace": "shop", "labels": labels, "annotations": annotations},
        "spec": {"vendor": {"superoffice": {"online": {"customerId": name}, "credentials": {"bearer": {"tokenSecretRef": key}}}}},
    }))
    .unwrap()
}

/// The accounts a01, a02 and so on; the label `tenant` is t1, t2 and so on, the annotation `code` c1, c2 and so on.
fn accounts(number: usize) -> Vec<VendorAccount> {
    let metadata =
        |n: usize| (json!({"plan": "gold", "tenant": format!("t{n}")}), json!({"code": format!("c{n}")}));
    let account = |n: usize| {
        let (labels, annotations) = metadata(n);
        account(&format!("a{n:02}"), &labels, &annotations)
    };
    (1..=number).map(account).collect()
}

fn imported(vendor: VendorName, account: &VendorAccount, items: &[Value], existing: &[Webhook]) -> Imported {
    let observed = list(vendor, items);
    import(&Before {
        vendor,
        account: &ObjectKey::of(account),
        namespace: "shop",
        observed: &observed,
        managed: &BTreeSet::new(),
        existing,
        taken: &BTreeSet::new(),
    })
}

fn merged(accounts: &[VendorAccount], imported: &[Imported]) -> Merged {
    let selector = serde_json::from_value(json!({"matchLabels": {"plan": "gold"}})).unwrap();
    let tenants = accounts.iter().zip(imported);
    let tenants = tenants.map(|(account, imported)| Tenant { account, imported });
    merge(&Tenants { name: "orders", namespace: "shop", selector: &selector, accounts: tenants.collect() })
}

/// Merges the SuperOffice webhooks of each account.
fn of_superoffice(items: &[Vec<Value>]) -> Merged {
    let accounts = accounts(items.len());
    let imported = accounts.iter().zip(items);
    let imported: Vec<_> =
        imported.map(|(account, items)| imported_of(VendorName::Superoffice, account, items)).collect();
    merged(&accounts, &imported)
}

fn imported_of(vendor: VendorName, account: &VendorAccount, items: &[Value]) -> Imported {
    imported(vendor, account, items, &[])
}

/// One webhook at each of three accounts, changed as the function says for account 1, 2 and 3.
fn one_each(change: impl Fn(usize) -> Value) -> Merged {
    of_superoffice(&[1, 2, 3].map(|n| vec![superoffice(7, change(n))]))
}

fn reasons(merged: &Merged) -> Vec<&str> {
    merged.left_out.iter().map(|left| left.reason.as_str()).collect()
}

/// The subscription and the variables of the only set.
fn only(merged: &Merged) -> (Value, Value) {
    assert_eq!((merged.sets.len(), reasons(merged)), (1, Vec::new()));
    let spec = serde_json::to_value(&merged.sets[0].set.spec.template.spec).unwrap();
    (spec["subscription"]["superoffice"].clone(), spec["variables"].clone())
}

#[test]
fn equal_ones_become_a_set_without_variables() {
    let merged = one_each(|_| json!({"Secret": null}));
    assert_eq!(
        yaml(&[merged.sets[0].set.clone()]).unwrap(),
        "\
apiVersion: hooktender.dev/v1alpha1
kind: WebhookSet
metadata:
  name: orders
  namespace: shop
spec:
  accountSelector:
    matchLabels:
      plan: gold
  template:
    spec:
      subscription:
        superoffice:
          name: sync
          events: [sale.sold]
          targetUrl: https://h/
"
    );
    let ids = merged.sets[0].subscriptions.iter().map(|(key, id)| (key.name.as_str(), id.as_str()));
    assert_eq!(ids.collect::<Vec<_>>(), [("a01", "7"), ("a02", "7"), ("a03", "7")]);
}

#[test]
fn a_difference_is_explained_by_the_name_a_label_or_an_annotation() {
    let from = |field: Value| json!({"accountRef": field});
    for (part, variable, field) in [
        ("a0", "ACCOUNT", json!({"name": true})),
        ("t", "TENANT", json!({"label": "tenant"})),
        ("c", "CODE", json!({"annotation": "code"})),
    ] {
        let url = |n: usize| format!("https://h/{part}{n}/x?from=sale");
        let merged = one_each(|n| json!({"Secret": null, "TargetUrl": url(n)}));
        let (subscription, variables) = only(&merged);
        assert_eq!(subscription["targetUrl"], format!("https://h/$({variable})/x?from=sale"));
        assert_eq!(variables, json!([{"name": variable, "valueFrom": from(field)}]));
        assert!(merged.sets[0].annotations.is_empty());
    }
}

#[test]
fn what_nothing_explains_comes_from_a_new_annotation() {
    let urls = ["https://h/x?a=$(A)", "https://h/y", "https://h/z"];
    let merged = one_each(
        |n| json!({"Secret": null, "TargetUrl": urls[n - 1], "Headers": {"X-A": format!("h-{n}-{}", n * n)}}),
    );
    let (subscription, variables) = only(&merged);
    assert_eq!(subscription["targetUrl"], "$(TARGET_URL)");
    assert_eq!(subscription["headers"]["X-A"], "$(HEADERS_X_A)");
    let from =
        |name: &str, key: &str| json!({"name": name, "valueFrom": {"accountRef": {"annotation": key}}});
    // In the order of the texts in the manifest's JSON.
    assert_eq!(
        variables,
        json!([from("HEADERS_X_A", "orders/headers-X-A"), from("TARGET_URL", "orders/targetUrl")])
    );
    let annotation = &merged.sets[0].annotations[1];
    let values: Vec<_> = annotation.values.iter().map(|(key, value)| (&*key.name, &**value)).collect();
    assert_eq!(values, [("a01", urls[0]), ("a02", urls[1]), ("a03", urls[2])]);
    // Not what cannot be copied into a command.
    let merged = one_each(|n| json!({"Secret": null, "Description": format!("line\n{n}{n}")}));
    let reason = "description differs by account and cannot come from an annotation: at a01 it contains a line break or another character that cannot be copied";
    assert_eq!((merged.sets.len(), reasons(&merged)), (0, vec![reason]));
}

#[test]
fn what_cannot_hold_a_variable_has_to_be_equal() {
    for (member, value, field) in [
        ("Events", json!(["sale.sold", "contact.created"]), "events"),
        ("Events", json!(["sale.changed"]), "events"),
        ("State", json!("Stopped"), "state"),
        ("Properties", json!({"limit": 2}), "properties"),
        ("Headers", json!({"X-More": "1"}), "headers"),
    ] {
        let merged =
            one_each(
                |n| if n == 2 { json!({"Secret": null, member: value}) } else { json!({"Secret": null}) },
            );
        assert!(merged.sets.is_empty());
        let end = "choose the accounts with a narrower selector, or import them one by one";
        assert_eq!(
            reasons(&merged),
            [
                format!("at 2 of 3 accounts, not at a02 (that of a02 differs in {field}): {end}"),
                format!("at 1 of 3 accounts only: a02 (that of a01 differs in {field}): {end}"),
            ]
        );
    }
    // The order of events means nothing.
    let events = [["sale.sold", "sale.changed"], ["sale.changed", "sale.sold"]];
    let merged = one_each(|n| json!({"Secret": null, "Events": events[n % 2]}));
    assert_eq!(only(&merged).0["events"].as_array().unwrap().len(), 2);
}

#[test]
fn what_some_accounts_lack_is_left_out() {
    let own = |id: i64, name: &str| {
        superoffice(id, json!({"Secret": null, "Name": name, "Events": [format!("{name}.x")]}))
    };
    let merged = of_superoffice(&[
        vec![own(1, "all"), own(2, "some"), own(3, "one")],
        vec![own(1, "some"), own(2, "all")],
        vec![own(4, "all")],
    ]);
    assert_eq!(only_names(&merged), ["orders"]);
    let left: Vec<_> =
        merged.left_out.iter().map(|left| (&*left.title, left.number, &*left.reason)).collect();
    let end = "choose the accounts with a narrower selector, or import them one by one";
    let some = format!("at 2 of 3 accounts, not at a03: {end}");
    let one = format!("at 1 of 3 accounts only: a01: {end}");
    assert_eq!(left, [("some", 2, &*some), ("one", 1, &*one)]);
}

fn only_names(merged: &Merged) -> Vec<&str> {
    merged.sets.iter().map(|imported| imported.set.metadata.name.as_deref().unwrap()).collect()
}

#[test]
fn several_at_an_account_are_told_apart_by_its_values_only() {
    let own = |id: i64, url: String| superoffice(id, json!({"Secret": null, "TargetUrl": url}));
    // In another order at each account, and the one that nothing explains is the only one left.
    let merged = of_superoffice(&[
        vec![own(1, "https://h/a01".into()), own(2, "https://h/t1".into()), own(3, "https://h/p".into())],
        vec![own(1, "https://h/q".into()), own(2, "https://h/t2".into()), own(3, "https://h/a02".into())],
    ]);
    let urls: Vec<_> =
        merged.sets.iter().map(|imported| imported.set.spec.template.spec.subscription.receiver()).collect();
    assert_eq!(urls, ["https://h/$(ACCOUNT)", "https://h/$(TENANT)", "$(TARGET_URL)"]);
    assert_eq!(only_names(&merged), ["orders-sync", "orders-sync-2", "orders-sync-3"]);
    let ids = |at: usize| merged.sets[at].subscriptions.values().map(String::as_str).collect::<Vec<_>>();
    assert_eq!([ids(0), ids(1), ids(2)], [["1", "3"], ["2", "2"], ["3", "1"]]);
    // Two of them cannot be told apart.
    let merged = of_superoffice(&[
        vec![own(1, "https://h/p".into()), own(2, "https://h/q".into())],
        vec![own(1, "https://h/r".into())],
    ]);
    assert!(merged.sets.is_empty() && merged.left_out[0].number == 3);
    assert!(
        reasons(&merged)[0]
            .starts_with("account a01 has 2 that differ only in targetUrl, and nothing tells which")
    );
}

#[test]
fn write_only_values_come_from_a_secret_of_the_tenant() {
    let merged = one_each(|_| json!({"Secret": "****"}));
    let (subscription, variables) = only(&merged);
    assert_eq!(subscription["secret"], "$(SIGNING_KEY)");
    let secret = json!({"secretKeyRef": {"name": "orders-$(ACCOUNT)", "key": "signing-key"}});
    assert_eq!(
        variables,
        json!([
            {"name": "ACCOUNT", "valueFrom": {"accountRef": {"name": true}}},
            {"name": "SIGNING_KEY", "valueFrom": secret},
        ])
    );
    let spec = serde_json::to_value(&merged.sets[0].set.spec.template.spec).unwrap();
    assert_eq!(spec["adoption"], json!({"writeOnlyValues": "Trust"}));
    let fill: Vec<_> =
        merged.sets[0].to_fill.iter().map(|fill| (&*fill.secret.name, &*fill.secret.key)).collect();
    assert_eq!(
        fill,
        [("orders-a01", "signing-key"), ("orders-a02", "signing-key"), ("orders-a03", "signing-key")]
    );
}

#[test]
fn secrets_that_webhooks_declare_already_are_used_again() {
    let accounts = accounts(2);
    let declared = |account: &VendorAccount, secret: &str| -> Webhook {
        let name = account.metadata.name.as_deref().unwrap();
        serde_json::from_value(json!({
            "apiVersion": "hooktender.dev/v1alpha1", "kind": "Webhook",
            "metadata": {"name": format!("own-{name}"), "namespace": "shop"},
            "spec": {"accountRef": {"name": name}, "variables": [
                    {"name": "KEY", "valueFrom": {"secretKeyRef": {"name": secret, "key": "k"}}}],
                "subscription": {"contensis": {"name": "search index", "url": "https://h/",
                    "headers": {"X-Key": {"value": "Bearer $(KEY)", "secret": true}},
                    "topics": [{"resourceType": "entry", "event": ["deleted"]}]}}},
        }))
        .unwrap()
    };
    let merge = |secrets: [&str; 2]| {
        let item = contensis("a", json!({"headers": {"X-Key": {"secret": true}}}));
        let imported = accounts.iter().zip(secrets).map(|(account, secret)| {
            imported(
                VendorName::Contensis,
                account,
                std::slice::from_ref(&item),
                &[declared(account, secret)],
            )
        });
        merged(&accounts, &imported.collect::<Vec<_>>())
    };
    let merged = merge(["hook-t1", "hook-t2"]);
    let spec = serde_json::to_value(&merged.sets[0].set.spec.template.spec).unwrap();
    assert_eq!(spec["subscription"]["contensis"]["headers"]["X-Key"]["value"], "Bearer $(KEY)");
    assert_eq!(
        spec["variables"][1]["valueFrom"]["secretKeyRef"],
        json!({"name": "hook-$(TENANT)", "key": "k"})
    );
    assert!(merged.sets[0].to_fill.is_empty());
    let merged = merge(["one", "two"]);
    let reason = "variables.KEY.valueFrom.secretKeyRef.name differs by account, and no value of the accounts explains it";
    assert_eq!((merged.sets.len(), reasons(&merged)), (0, vec![reason]));
}

#[test]
fn the_names_of_variables_do_not_collide() {
    let accounts = ["x", "y"]
        .map(|n| account(n, &json!({"signing-key": n, "SIGNING_KEY": format!("{n}{n}")}), &json!({})));
    let item =
        |n: &str| superoffice(1, json!({"Secret": "****", "TargetUrl": format!("https://h/{n}{n}!{n}?")}));
    let imported = accounts.each_ref().map(|account| {
        imported_of(VendorName::Superoffice, account, &[item(account.metadata.name.as_deref().unwrap())])
    });
    let merged = merged(&accounts, &imported);
    let (subscription, variables) = only(&merged);
    assert_eq!(subscription["secret"], "$(SIGNING_KEY)");
    assert_eq!(subscription["targetUrl"], "https://h/$(ACCOUNT)$(ACCOUNT)!$(ACCOUNT)?");
    let names: Vec<_> = variables.as_array().unwrap().iter().map(|variable| &variable["name"]).collect();
    assert_eq!(names, ["ACCOUNT", "SIGNING_KEY"]);
    let accounts =
        [("x", "k1"), ("y", "k2")].map(|(n, key)| account(n, &json!({"signing-key": key}), &json!({})));
    let item = |key: &str| superoffice(1, json!({"Secret": "****", "TargetUrl": format!("https://h/{key}")}));
    let imported = accounts.each_ref().map(|account| {
        imported_of(
            VendorName::Superoffice,
            account,
            &[item(&account.metadata.labels.as_ref().unwrap()["signing-key"])],
        )
    });
    let merged = self::merged(&accounts, &imported);
    assert_eq!(only(&merged).0["targetUrl"], "https://h/$(SIGNING_KEY_2)");
}

#[test]
fn values_that_look_like_secrets_are_reported_once() {
    let merged = one_each(|n| json!({"Secret": null, "TargetUrl": format!("https://h/?token=t{n}")}));
    let found = &merged.sets[0].clear_secrets;
    assert_eq!((found.len(), &*found[0].webhook.name, found[0].mark), (1, "orders", "token="));
}
