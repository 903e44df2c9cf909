//! The two kinds as kubectl shows them: their names, columns, defaults and explanations.

use crate::support::{apply, cluster, get, kubectl, manifest};
use hooktender_cluster::eventually;
use serde_json::{Value, json};

const ACCOUNT: &str = "vendor: {brightpearl: {datacenter: euw1, account: acme, credentials: \
    {staffToken: {appRef: acme_ops, tokenSecretRef: {name: b, key: token}}}}}";
const WEBHOOK: &str = "accountRef: {name: a}\nsubscription: {brightpearl: {subscribeTo: product, httpMethod: GET, \
    uriTemplate: 'https://a.example/'}}";

#[test]
fn the_api_server_finds_no_fault_in_the_definitions() {
    for name in ["webhooks.hooktender.dev", "vendoraccounts.hooktender.dev"] {
        let crd = cluster().kubectl_json(&["get", "customresourcedefinition", name]).unwrap();
        let conditions: Vec<_> = crd["status"]["conditions"]
            .as_array()
            .unwrap()
            .iter()
            .map(|condition| (condition["type"].as_str().unwrap(), condition["status"].as_str().unwrap()))
            .collect();
        assert!(conditions.contains(&("Established", "True")), "{conditions:?}");
        assert!(conditions.contains(&("NamesAccepted", "True")), "{conditions:?}");
        let complaints = ["NonStructuralSchema", "KubernetesAPIApprovalPolicyConformant"];
        assert!(!conditions.iter().any(|(kind, _)| complaints.contains(kind)), "{conditions:?}");
    }
}

#[test]
fn an_omitted_field_has_its_default() {
    let namespace = cluster().namespace("defaults").unwrap();
    let superoffice = "accountRef: {name: a}\nsubscription: {superoffice: {name: a, events: [contact.created], \
        targetUrl: 'https://a.example/'}}";
    let contensis = "accountRef: {name: a}\nsubscription: {contensis: {name: a, url: 'https://a.example/', \
        topics: [{resourceType: entry, event: [published]}], headers: {X-A: {value: a}}}}";
    let online = "vendor: {superoffice: {online: {customerId: Cust1}, credentials: {bearer: \
        {tokenSecretRef: {name: s, key: a}}}}}\nallowedNamespaces: {}\ndeletionGuard: {}\n\
        rateLimit: {requestsPerMinute: 60}";
    apply(
        &namespace,
        &[
            manifest("VendorAccount", "account", ACCOUNT),
            manifest("VendorAccount", "online", online),
            manifest("Webhook", "brightpearl", WEBHOOK),
            manifest("Webhook", "contensis", contensis),
            manifest("Webhook", "superoffice", superoffice),
        ]
        .concat(),
    )
    .accepted();
    let spec = |object: &str| get(&namespace, object)["spec"].clone();

    let account = json!({
        "mode": "Enforce", "suspend": false, "resyncInterval": "5m", "unmanaged": "Report",
        "allowedNamespaces": {"from": "Same"}, "allowGuestAdoption": false,
        "deletionGuard": {"maxPercent": 30, "minCount": 5}, "whenRevoked": "Wait",
    });
    assert_eq!(without(spec("vendoraccount/account"), "vendor"), account);
    let online = spec("vendoraccount/online");
    assert_eq!(online["vendor"]["superoffice"]["online"]["environment"], "online");
    assert_eq!(online["rateLimit"], json!({"requestsPerMinute": 60, "reserve": 0}));
    for member in ["allowedNamespaces", "deletionGuard"] {
        assert_eq!(online[member], account[member], "{member}");
    }

    let all = json!({
        "accountRef": {"name": "a"}, "mode": "Enforce", "driftPolicy": "Correct", "deletionPolicy": "Delete",
        "suspend": false,
    });
    assert_eq!(without(spec("webhook/brightpearl"), "subscription"), all);
    let block = |vendor: &str| spec(&format!("webhook/{vendor}"))["subscription"][vendor].clone();
    assert_eq!(
        block("brightpearl"),
        json!({
            "subscribeTo": "product", "httpMethod": "GET", "uriTemplate": "https://a.example/",
            "idSetAccepted": false, "qualityOfService": 0,
        })
    );
    assert_eq!(
        block("contensis"),
        json!({
            "name": "a", "url": "https://a.example/", "method": "POST", "enabled": true,
            "topics": [{"resourceType": "entry", "event": ["published"]}],
            "headers": {"X-A": {"value": "a", "secret": false}},
        })
    );
    assert_eq!(
        block("superoffice"),
        json!({
            "name": "a", "events": ["contact.created"], "targetUrl": "https://a.example/", "state": "Active",
            "type": "webhook", "onTooManyErrors": "Reactivate",
        })
    );
}

#[test]
fn null_means_absent_in_creates_and_updates() {
    let namespace = cluster().namespace("nulls").unwrap();
    let nulls = format!(
        "{}\nmode: null\nvariables: null\nexternalId: null\ndriftPolicy: null",
        WEBHOOK.replace(
            "'https://a.example/'",
            "'https://a.example/', bodyTemplate: null, contentType: null, qualityOfService: null"
        )
    );
    let given = format!("{WEBHOOK}\nmode: Plan\nexternalId: '7'\ndriftPolicy: Report");
    apply(&namespace, &manifest("Webhook", "plain", WEBHOOK)).accepted();
    apply(&namespace, &manifest("Webhook", "made", &nulls)).accepted();
    apply(&namespace, &manifest("Webhook", "changed", &given)).accepted();
    assert_eq!(get(&namespace, "webhook/changed")["spec"]["externalId"], "7");
    apply(&namespace, &manifest("Webhook", "changed", &nulls)).accepted();
    let plain = get(&namespace, "webhook/plain")["spec"].clone();
    for object in ["webhook/made", "webhook/changed"] {
        assert_eq!(get(&namespace, object)["spec"], plain, "{object}");
    }
}

#[test]
fn json_of_any_shape_is_kept_where_any_shape_is_allowed() {
    let namespace = cluster().namespace("json").unwrap();
    let spec = "accountRef: {name: a}\nsubscription: {superoffice: {name: a, events: [contact.created], \
        targetUrl: 'https://a.example/', properties: {a: [1, {b: true}], c: {d: text}}}}";
    apply(&namespace, &manifest("Webhook", "superoffice", spec)).accepted();
    assert_eq!(
        get(&namespace, "webhook/superoffice")["spec"]["subscription"]["superoffice"]["properties"],
        json!({"a": [1, {"b": true}], "c": {"d": "text"}})
    );
    let spec = "accountRef: {name: a}\nsubscription: {contensis: {name: a, url: 'https://a.example/', \
        topics: [{resourceType: entry, event: [published]}], templates: {entry: text, entry.a: {b: {c: [1]}}}}}";
    apply(&namespace, &manifest("Webhook", "contensis", spec)).accepted();
    assert_eq!(
        get(&namespace, "webhook/contensis")["spec"]["subscription"]["contensis"]["templates"],
        json!({"entry": "text", "entry.a": {"b": {"c": [1]}}})
    );
}

#[test]
fn kubectl_get_knows_the_short_names_the_category_and_the_columns() {
    let namespace = cluster().namespace("columns").unwrap();
    apply(&namespace, &manifest("VendorAccount", "one", ACCOUNT)).accepted();
    apply(&namespace, &manifest("Webhook", "two", WEBHOOK)).accepted();
    let webhook = json!({"status": {
        "vendor": "brightpearl", "externalId": "7", "plan": {"action": "Update"},
        "conditions": [
            condition("Ready", "False", "Rejected", "say why"),
            condition("Drifted", "True", "Drifted", ""),
            condition("Delivering", "False", "TooManyErrors", ""),
        ],
    }});
    let account = json!({"status": {
        "vendor": "brightpearl", "subscriptions": {"declared": 12, "managed": 11, "unmanaged": 3},
        "conditions": [condition("Ready", "True", "InSync", "all is well")],
    }});
    for (object, status) in [("webhook/two", webhook), ("vendoraccount/one", account)] {
        let patch = format!("--patch={status}");
        kubectl(
            &["patch", object, "--namespace", &namespace, "--subresource=status", "--type=merge", &patch],
            "",
        )
        .accepted();
    }
    let table = |arguments: &[&str]| -> Vec<Vec<String>> {
        kubectl(&[&["get", "--namespace", &namespace], arguments].concat(), "")
            .accepted()
            .lines()
            .filter(|line| !line.is_empty())
            .map(|line| {
                line.split("  ").map(str::trim).filter(|cell| !cell.is_empty()).map(str::to_owned).collect()
            })
            .collect()
    };

    let webhooks = table(&["wh"]);
    let columns = ["NAME", "VENDOR", "ACCOUNT", "READY", "REASON", "PLAN", "DRIFTED", "DELIVERING", "AGE"];
    assert_eq!(webhooks[0], columns);
    let expected = ["two", "brightpearl", "a", "False", "Rejected", "Update", "True", "False"];
    assert_eq!(webhooks[1][..8], expected);
    let wide = table(&["wh", "--output=wide"]);
    assert_eq!(wide[0][9..], ["ID", "MESSAGE"]);
    assert_eq!(wide[1][9..], ["7", "say why"]);

    let accounts = table(&["va"]);
    let columns = ["NAME", "VENDOR", "READY", "REASON", "DECLARED", "MANAGED", "UNMANAGED", "AGE"];
    assert_eq!(accounts[0], columns);
    assert_eq!(accounts[1][..7], ["one", "brightpearl", "True", "InSync", "12", "11", "3"]);
    let wide = table(&["va", "--output=wide"]);
    assert_eq!(
        (&wide[0][8..], &wide[1][8..]),
        (&["MESSAGE".to_owned()][..], &["all is well".to_owned()][..])
    );

    let names: Vec<_> = table(&["hooktender", "--output=name"]).concat();
    assert_eq!(names, ["vendoraccount.hooktender.dev/one", "webhook.hooktender.dev/two"]);
}

#[test]
fn kubectl_explain_describes_each_field() {
    for (path, words) in [
        ("webhook.spec.subscription.contensis", "A webhook subscription of a Contensis project."),
        (
            "webhook.spec.subscription.contensis.topics",
            "Kind of resource, such as `entry`, `asset` or `node`.",
        ),
        ("webhook.spec.subscription.brightpearl", "Event specifier: a resource (`product`)"),
        ("vendoraccount.spec.vendor.superoffice.credentials", "On-site: a user's name and password."),
    ] {
        let text = eventually("the API server tells of the new kinds", || {
            let answer = kubectl(&["explain", path], "");
            if answer.success { Ok(answer.stdout) } else { Err(answer) }
        })
        .unwrap();
        // kubectl wraps the lines.
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(text.contains(words), "{path}: {text}");
        assert!(!text.contains("<no description>"), "{path}: {text}");
    }
}

#[test]
fn every_field_is_described() {
    let mut silent = Vec::new();
    for crd in hooktender::api::crds().unwrap() {
        let kind = crd.spec.names.kind.clone();
        let schema = serde_json::to_value(&crd.spec.versions[0].schema).unwrap();
        find_silent(&kind, &schema["openAPIV3Schema"], &mut silent);
    }
    assert!(silent.is_empty(), "no description: {silent:#?}");
}

/// Paths of all properties without a description.
fn find_silent(path: &str, schema: &Value, silent: &mut Vec<String>) {
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        let path = format!("{path}.{name}");
        if property["description"].as_str().is_none_or(|text| text.trim().is_empty()) {
            silent.push(path.clone());
        }
        find_silent(&path, property, silent);
    }
    for (inner, mark) in [("items", "[]"), ("additionalProperties", "{}")] {
        if schema[inner].is_object() {
            find_silent(&format!("{path}{mark}"), &schema[inner], silent);
        }
    }
}

fn condition(kind: &str, status: &str, reason: &str, message: &str) -> Value {
    json!({
        "type": kind, "status": status, "reason": reason, "message": message,
        "lastTransitionTime": "2026-01-01T00:00:00Z",
    })
}

fn without(mut value: Value, member: &str) -> Value {
    value.as_object_mut().unwrap().remove(member);
    value
}
