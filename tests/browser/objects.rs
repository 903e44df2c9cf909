//! What the pages show in these tests and in the pictures: a small company's accounts, with something of everything.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

/// A text that would do harm on a page that does not escape it, and on a terminal.
pub(crate) const HOSTILE: &str = "<img src=x onerror=\"alert(1)\"><script>fetch('http://127.0.0.2/')</script>\u{1b}[31m\u{202e}moc.live\u{2066}\"'&amp;";

/// A time so long before now.
pub(crate) fn ago(minutes: i64) -> String {
    let at = Timestamp::now() - SignedDuration::from_mins(minutes);
    Timestamp::from_second(at.as_second()).unwrap().to_string()
}

fn condition(kind: &str, status: &str, reason: &str, message: &str, minutes: i64) -> Value {
    json!({"type": kind, "status": status, "reason": reason, "message": message, "observedGeneration": 1,
        "lastTransitionTime": ago(minutes)})
}

/// The conditions that every object has, with those of a problem.
fn conditions(ready: (&str, &str, &str), busy: bool, stalled: bool, minutes: i64) -> Vec<Value> {
    let (status, reason, message) = ready;
    let flag = |on: bool| if on { "True" } else { "False" };
    vec![
        condition("Ready", status, reason, message, minutes),
        condition("Reconciling", flag(busy), reason, if busy { message } else { "" }, minutes),
        condition("Stalled", flag(stalled), reason, if stalled { message } else { "" }, minutes),
    ]
}

pub(crate) fn account(namespace: &str, name: &str, vendor: &Value, mut status: Value) -> Value {
    status["observedGeneration"] = json!(1);
    json!({
        "apiVersion": "hooktender.dev/v1alpha1", "kind": "VendorAccount",
        "metadata": {"namespace": namespace, "name": name, "uid": format!("va-{namespace}-{name}"), "generation": 1,
            "resourceVersion": "1"},
        "spec": {"vendor": vendor}, "status": status,
    })
}

/// A Webhook of an account, given as namespace and name.
pub(crate) fn webhook(
    (namespace, name): (&str, &str),
    account: (&str, &str),
    subscription: &Value,
    mut status: Value,
) -> Value {
    status["observedGeneration"] = json!(1);
    json!({
        "apiVersion": "hooktender.dev/v1alpha1", "kind": "Webhook",
        "metadata": {"namespace": namespace, "name": name, "uid": format!("wh-{namespace}-{name}"), "generation": 1,
            "resourceVersion": "1", "finalizers": ["hooktender.dev/subscription"]},
        "spec": {"accountRef": {"namespace": account.0, "name": account.1}, "subscription": subscription},
        "status": status,
    })
}

/// A set of Brightpearl accounts.
fn set((namespace, name): (&str, &str), mut status: Value) -> Value {
    status["observedGeneration"] = json!(1);
    json!({
        "apiVersion": "hooktender.dev/v1alpha1", "kind": "WebhookSet",
        "metadata": {"namespace": namespace, "name": name, "uid": format!("whs-{namespace}-{name}"), "generation": 1,
            "resourceVersion": "1"},
        "spec": {"accountSelector": {}, "template": {"spec": {"subscription": of_brightpearl()}}},
        "status": status,
    })
}

/// A member of a set, with its account's namespace and name.
fn member((namespace, name): (&str, &str), account: (&str, &str), status: Value) -> Value {
    let of_member = format!("{name}-{}", account.1);
    let mut member = webhook((namespace, &of_member), account, &of_brightpearl(), status);
    member["metadata"]["ownerReferences"] = json!([{"apiVersion": "hooktender.dev/v1alpha1", "kind": "WebhookSet",
        "name": name, "uid": format!("whs-{namespace}-{name}"), "controller": true}]);
    member
}

/// A set with members in several states, one of which has no Webhook.
fn tenants() -> Vec<Value> {
    let message = "1 of 14 members wait for a person: tenants-no-label (VariableMissing: the account has no label merchant)";
    let status = json!({"conditions": conditions(("False", "MembersBlocked", message), false, true, 8),
        "members": 14, "updated": 13, "ready": 12, "drifted": 1, "notDelivering": 0, "blocked": 1,
        "worst": [{"name": "tenants-no-label", "account": "shop/no-label", "reason": "VariableMissing",
            "message": "the account has no label merchant"}]});
    let names: Vec<_> = (1..=11).map(|at| format!("merchant-with-a-long-name-{at:02}")).collect();
    let mut all = vec![set(("shop", "tenants"), status)];
    all.push(member(("shop", "tenants"), ("integrations", "brightpearl-eu"), in_sync("70", "brightpearl")));
    all.push(member(("shop", "tenants"), ("shop", "drifting"), drifted()));
    all.extend(names.iter().enumerate().map(|(at, name)| {
        member(("shop", "tenants"), ("shop", name.as_str()), in_sync(&at.to_string(), "brightpearl"))
    }));
    all
}

pub(crate) fn event(
    object: &Value,
    number: usize,
    minutes: i64,
    (kind, reason, message): (&str, &str, &str),
) -> Value {
    let of = &object["metadata"];
    let name = format!("{}.{number}", of["name"].as_str().unwrap());
    json!({
        "apiVersion": "v1", "kind": "Event", "type": kind, "reason": reason, "message": message,
        "metadata": {"namespace": of["namespace"], "name": name, "uid": format!("event-{name}"), "resourceVersion": "1"},
        "involvedObject": {"kind": object["kind"], "namespace": of["namespace"], "name": of["name"], "uid": of["uid"]},
        "eventTime": ago(minutes).replace('Z', ".000000Z"), "reportingComponent": "hooktender.dev/controller",
    })
}

fn brightpearl() -> Value {
    let token = json!({"name": "brightpearl", "key": "token"});
    json!({"brightpearl": {"datacenter": "euw1", "account": "acme",
        "credentials": {"staffToken": {"appRef": "acme_ops", "tokenSecretRef": token}}}})
}

fn contensis() -> Value {
    let secret = |key: &str| json!({"name": "contensis", "key": key});
    json!({"contensis": {"alias": "example", "project": "movies", "credentials":
        {"clientCredentials": {"clientIdSecretRef": secret("id"), "clientSecretSecretRef": secret("secret")}}}})
}

fn superoffice() -> Value {
    let token = json!({"name": "crm", "key": "token"});
    json!({"superoffice": {"online": {"environment": "online", "customerId": "Cust26759"},
        "credentials": {"bearer": {"tokenSecretRef": token}}}})
}

fn of_brightpearl() -> Value {
    json!({"brightpearl": {"subscribeTo": "product", "httpMethod": "POST", "uriTemplate": "https://hooks.example.com/bp",
        "bodyTemplate": "{}", "contentType": "application/json"}})
}

fn of_contensis() -> Value {
    json!({"contensis": {"name": "search-index", "url": "https://hooks.example.com/c7s",
        "topics": [{"resourceType": "entry", "event": ["published"]}]}})
}

fn of_superoffice() -> Value {
    json!({"superoffice": {"name": "contact-sync", "events": ["contact.created"], "targetUrl": "https://hooks.example.com/so"}})
}

fn in_sync(id: &str, vendor: &str) -> Value {
    let message = format!("{vendor} has it as declared");
    let mut all = conditions(("True", "InSync", &message), false, false, 2900);
    all.push(condition("Drifted", "False", "NoDrift", "", 2900));
    json!({"externalId": id, "conditions": all, "plan": {"action": "None"},
        "lastApplied": {"digest": "sha256:1", "time": ago(2900)}})
}

/// The accounts.
fn accounts() -> Vec<Value> {
    let ready = |message: &str| conditions(("True", "InSync", message), false, false, 4000);
    let guarded = "the vendor refused the login (401): the client secret is wrong or was revoked; put a new one into Secret integrations/contensis, key secret";
    let unmanaged = json!([
        {"externalId": "3", "summary": "order.modified -> https://old-erp.example.com"},
        {"externalId": "5", "summary": "goods-out-note.created -> https://shipping.example.net"},
        {"externalId": "12", "summary": "product.destroyed -> https://hooks.example.com"},
    ]);
    vec![
        account(
            "integrations",
            "brightpearl-eu",
            &brightpearl(),
            json!({
            "vendor": "brightpearl", "conditions": ready("read 9 subscriptions"),
            "subscriptions": {"declared": 7, "managed": 6, "unmanaged": 3}, "unmanaged": unmanaged}),
        ),
        account(
            "integrations",
            "contensis-movies",
            &contensis(),
            json!({
            "vendor": "contensis", "conditions": conditions(("False", "Credentials", guarded), false, true, 34),
            "subscriptions": {"declared": 3, "managed": 3, "unmanaged": 0}}),
        ),
        account(
            "sales",
            "crm",
            &superoffice(),
            json!({
            "vendor": "superoffice", "conditions": ready("read 4 subscriptions"),
            "subscriptions": {"declared": 4, "managed": 4, "unmanaged": 0}}),
        ),
    ]
}

/// Everything.
pub(crate) fn company() -> Vec<Value> {
    let mut all = accounts();
    let (bp, cms, crm) =
        (("integrations", "brightpearl-eu"), ("integrations", "contensis-movies"), ("sales", "crm"));
    for (name, id) in
        [("product-changes", "7"), ("order-status", "8"), ("goods-in", "9"), ("customer-updates", "14")]
    {
        all.push(webhook(("shop", name), bp, &of_brightpearl(), in_sync(id, "brightpearl")));
    }
    all.push(webhook(("shop", "stock-levels"), bp, &of_brightpearl(), drifted()));
    all.push(webhook(("shop", "price-lists"), bp, &of_brightpearl(), planned()));
    let similar = similar();
    all.push(event(&similar, 1, 12, ("Warning", "SimilarExists", "brightpearl has a similar subscription that no Webhook declares; nothing is created beside it. To adopt it, set spec.externalId: \"12\"")));
    all.push(event(
        &similar,
        2,
        55,
        ("Warning", "VariableMissing", "Secret shop/hook-secrets has no key invoices-token"),
    ));
    all.push(similar);
    for (name, id) in [("search-index", "a41f"), ("preview-cache", "b77c"), ("newsletter", "c08e")] {
        all.push(webhook(("marketing", name), cms, &of_contensis(), in_sync(id, "contensis")));
    }
    for (name, id) in [("contact-sync", "41"), ("sale-closed", "42"), ("projects", "44")] {
        let mut status = in_sync(id, "superoffice");
        let list = status["conditions"].as_array_mut().unwrap();
        list.push(condition("Delivering", "True", "Active", "", 2900));
        all.push(webhook(("sales", name), crm, &of_superoffice(), status));
    }
    all.push(webhook(("sales", "appointments"), crm, &of_superoffice(), not_delivering()));
    all.extend(tenants());
    all
}

fn drifted() -> Value {
    let message = "left as it is at brightpearl (driftPolicy: Report): update 11 (vendor-side edit): bodyTemplate, qualityOfService";
    let mut all = conditions(("True", "DriftReported", message), false, false, 95);
    all.push(condition(
        "Drifted",
        "True",
        "Drifted",
        "update 11 (vendor-side edit): bodyTemplate, qualityOfService",
        95,
    ));
    let body = |event: &str| {
        format!("{{\"account\":\"${{account-code}}\",\"event\":\"{event}\",\"id\":\"${{resource-id}}\"}}")
    };
    json!({"externalId": "11", "conditions": all, "lastApplied": {"digest": "sha256:1", "time": ago(9000)},
        "plan": {"action": "Replace", "digest": "sha256:2", "changes": [
            {"field": "bodyTemplate", "before": body("stock"), "after": body("${lifecycle-event}")},
            {"field": "qualityOfService", "before": "0", "after": "1"},
            {"field": "uriTemplate", "before": "https://hooks.example.com/bp/v1/stock?token=$(TOKEN)",
                "after": "https://hooks.example.com/bp/v2/stock?token=$(TOKEN)"}]}})
}

fn planned() -> Value {
    let message = "plan only: create: subscribeTo, httpMethod, uriTemplate";
    json!({"conditions": conditions(("True", "Planned", message), false, false, 20),
        "plan": {"action": "Create", "digest": "sha256:3", "changes": [
            {"field": "subscribeTo", "after": "price-list.modified"},
            {"field": "httpMethod", "after": "POST"},
            {"field": "uriTemplate", "after": "https://hooks.example.com/bp/price-lists?token=$(TOKEN)"},
            {"field": "contentType", "after": "application/json"}]}})
}

fn similar() -> Value {
    let message = "brightpearl has a similar subscription that no Webhook declares; nothing is created beside it. To adopt it, set spec.externalId: \"12\"";
    let status = json!({"conditions": conditions(("False", "SimilarExists", message), false, true, 12),
        "plan": {"action": "Create", "digest": "sha256:4", "changes": [
            {"field": "subscribeTo", "after": "product.destroyed"},
            {"field": "uriTemplate", "after": "https://hooks.example.com/bp/invoices?token=$(TOKEN)"}]}});
    webhook(("shop", "invoices"), ("integrations", "brightpearl-eu"), &of_brightpearl(), status)
}

fn not_delivering() -> Value {
    let message = "superoffice has it as declared";
    let mut all = conditions(("True", "InSync", message), false, false, 7000);
    all.push(condition("Drifted", "False", "NoDrift", "", 7000));
    all.push(condition(
        "Delivering",
        "False",
        "TooManyErrors",
        "superoffice has stopped deliveries, as too many failed: mend the receiver",
        42,
    ));
    json!({"externalId": "43", "conditions": all, "plan": {"action": "None"},
        "lastApplied": {"digest": "sha256:1", "time": ago(7000)}})
}

/// An account and a Webhook whose texts are hostile wherever a vendor or a tenant may choose them.
pub(crate) fn hostile() -> Vec<Value> {
    let evil = conditions(("False", "Rejected", HOSTILE), false, true, 5);
    let status = json!({"externalId": HOSTILE, "conditions": evil, "superseded": [HOSTILE], "plan": {"action": "Update",
        "changes": [{"field": HOSTILE, "before": HOSTILE, "after": format!("{HOSTILE}\n</pre>{HOSTILE}")}]}});
    let hook = webhook(("shop", "hook"), ("shop", "acme"), &of_brightpearl(), status);
    let named = webhook(
        ("shop", "<b onmouseover=alert(1)>\u{202e}"),
        ("shop", "\"><script>alert(1)</script>"),
        &of_brightpearl(),
        json!({}),
    );
    let told = event(&hook, 1, 1, ("Warning", HOSTILE, HOSTILE));
    let of_vendor = json!({"conditions": conditions(("False", "Rejected", HOSTILE), false, true, 5),
        "subscriptions": {"declared": 1, "managed": 1, "unmanaged": 1},
        "unmanaged": [{"externalId": HOSTILE, "summary": HOSTILE}]});
    let of_set = json!({"conditions": conditions(("False", "MembersBlocked", HOSTILE), false, true, 5), "members": 1,
        "worst": [{"name": HOSTILE, "account": format!("shop/{HOSTILE}"), "reason": HOSTILE, "message": HOSTILE}]});
    let set = set(("shop", "orders"), of_set);
    vec![account("shop", "acme", &brightpearl(), of_vendor), set, hook, named, told]
}

/// Many Webhooks of twenty accounts; every hundredth is blocked, every fiftieth has drifted.
pub(crate) fn many(number: usize) -> Vec<Value> {
    let names: Vec<_> = (0..20).map(|at| format!("tenant-{at:02}")).collect();
    let counts = json!({"subscriptions": {"declared": number / 20, "managed": number / 20, "unmanaged": 0},
        "conditions": conditions(("True", "InSync", "read"), false, false, 60)});
    let mut all: Vec<_> =
        names.iter().map(|name| account("shop", name, &brightpearl(), counts.clone())).collect();
    let refused =
        json!({"conditions": conditions(("False", "Rejected", "the vendor refused it"), false, true, 60)});
    all.extend((0..number).map(|at| {
        let status = match at {
            _ if at % 100 == 0 => refused.clone(),
            _ if at % 50 == 0 => drifted(),
            _ => in_sync(&at.to_string(), "brightpearl"),
        };
        webhook(("shop", &format!("hook-{at:05}")), ("shop", &names[at % 20]), &of_brightpearl(), status)
    }));
    all
}
