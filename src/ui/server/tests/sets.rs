//! The pages of WebhookSets, and what is different for their members.

use super::*;
use crate::ui::testing::member;

/// A Webhook with these conditions.
fn with_conditions(mut webhook: Value, conditions: &[Value]) -> Value {
    webhook["status"]["conditions"] = json!(conditions);
    webhook
}

/// A set with a member in sync, a drifted, a blocked one, one without a Webhook, and one whose Webhook is not its own.
fn orders() -> Vec<Value> {
    let problem = |account: &str, reason: &str| json!({"name": format!("orders-{account}"), "account": format!("shop/{account}"), "reason": reason, "message": "why"});
    let mut orders = set("shop", "orders");
    orders["status"]["conditions"] =
        json!([condition("Ready", false, "MembersBlocked"), condition("Stalled", true, "MembersBlocked")]);
    let worst =
        [problem("no-label", "VariableMissing"), problem("taken", "NotOwned"), problem("b", "Rejected")];
    orders["status"]["worst"] = json!(worst);
    for (count, number) in
        [("members", 7), ("updated", 3), ("ready", 2), ("drifted", 1), ("notDelivering", 0), ("blocked", 3)]
    {
        orders["status"][count] = json!(number);
    }
    let stalled = [condition("Ready", false, "Rejected"), condition("Stalled", true, "Rejected")];
    let drifted = [condition("Ready", true, "DriftReported"), condition("Drifted", true, "Drifted")];
    vec![
        orders,
        member("shop", "orders", "a"),
        with_conditions(member("shop", "orders", "b"), &stalled),
        with_conditions(member("shop", "orders", "c"), &drifted),
        webhook("shop", "orders-taken", "taken"),
        member("stock", "orders", "a"),
        account("shop", "no-label"),
    ]
}

#[tokio::test]
async fn a_set_has_one_cell_for_each_member() {
    let server = server(orders());
    let page = get_json(&server, "/sets/shop/orders.json").await;
    let members = page["members"]["rows"].as_array().unwrap();
    let shown: Vec<_> =
        members.iter().map(|one| (one["account"]["name"].clone(), one["state"].clone())).collect();
    let expected =
        [("no-label", "blocked"), ("taken", "blocked"), ("b", "blocked"), ("c", "drifted"), ("a", "in-sync")];
    assert_eq!(shown, expected.map(|(account, state)| (json!(account), json!(state))));
    assert_eq!(members[2]["webhook"], "orders-b");
    assert!(members[0].get("webhook").is_none() && members[1].get("webhook").is_none(), "{page}");
    assert_eq!(page["states"], json!({"blocked": 1, "drifted": 1, "in-sync": 1}));
    assert_eq!((&page["notListed"], &page["set"]["members"]), (&json!(2), &json!(7)));
    let html = get(&server, "/sets/shop/orders").await.body;
    for part in [
        "class=\"cell bad\" href=\"/accounts/shop/no-label\"",
        "class=\"cell bad\" href=\"/webhooks/shop/orders-taken\"",
        "class=\"cell warning\" href=\"/webhooks/shop/orders-c\"",
        "class=\"cell good\" href=\"/webhooks/shop/orders-a\"",
        "href=\"/webhooks?state=drifted&amp;set=shop%2Forders\"",
        "2 of them have no Webhook yet.",
    ] {
        assert!(html.contains(part), "{part}: {html}");
    }
    assert_eq!(html.matches("class=\"cell ").count(), 5, "{html}");
}

#[tokio::test]
async fn sets_are_listed_with_their_counts_and_select_webhooks() {
    let mut objects = orders();
    objects.push(set("stock", "orders"));
    let server = server(objects);
    let page = get_json(&server, "/sets.json").await;
    let first = &page["sets"]["rows"][0];
    assert_eq!(
        (&page["sets"]["total"], &first["namespace"]),
        (&json!(2), &json!("shop")),
        "urgent ones first"
    );
    for (count, number) in [("members", 7), ("updated", 3), ("ready", 2), ("drifted", 1), ("blocked", 3)] {
        assert_eq!(first[count], number, "{count}");
    }
    assert_eq!(get_json(&server, "/sets.json?state=in-sync").await["sets"]["total"], 1);
    assert_eq!(get_json(&server, "/webhooks.json?set=shop/orders").await["webhooks"]["total"], 3);
    let found = get_json(&server, "/webhooks.json?set=shop/orders&state=drifted").await;
    assert_eq!(found["webhooks"]["rows"][0]["set"], "orders");
    let html = get(&server, "/webhooks/shop/orders-a").await.body;
    assert!(html.contains("href=\"/sets/shop/orders\""), "{html}");
    assert_eq!(get_json(&server, "/sets/shop/b.json").await["error"], "There is no such WebhookSet");
}

#[tokio::test]
async fn a_command_for_a_member_changes_the_template() {
    let suspended = with_conditions(member("shop", "orders", "a"), &[condition("Ready", false, "Suspended")]);
    let mut own = with_conditions(webhook("shop", "own", "a"), &[condition("Ready", false, "Suspended")]);
    own["spec"]["suspend"] = json!(true);
    let conflict = with_conditions(member("shop", "orders", "b"), &[condition("Ready", false, "Conflict")]);
    let similar = json!([{"type": "Ready", "status": "False", "reason": "SimilarExists", "message": "set spec.externalId: \"7\"",
        "lastTransitionTime": "2026-01-01T00:00:00Z"}]);
    let mut adopts = member("shop", "orders", "c");
    adopts["status"]["conditions"] = similar;
    let mut all = vec![suspended, own, conflict, adopts];
    all[0]["spec"]["suspend"] = json!(true);
    let server = server(all);
    for (name, command, of_all) in [
        (
            "orders-a",
            json!([
                "kubectl patch webhookset -n shop orders --type=merge -p '{\"spec\":{\"template\":{\"spec\":{\"suspend\":false}}}}'"
            ]),
            json!(true),
        ),
        (
            "own",
            json!(["kubectl patch webhook -n shop own --type=merge -p '{\"spec\":{\"suspend\":false}}'"]),
            Value::Null,
        ),
        ("orders-b", Value::Null, Value::Null),
        (
            "orders-c",
            json!([
                "kubectl patch webhook -n shop orders-c --type=merge -p '{\"spec\":{\"externalId\":\"7\"}}'"
            ]),
            Value::Null,
        ),
    ] {
        let page = get_json(&server, &format!("/webhooks/shop/{name}.json")).await;
        let remedy = &page["unblock"][0];
        assert_eq!((&remedy["commands"], &remedy["ofAllMembers"]), (&command, &of_all), "{name}");
    }
    let html = get(&server, "/webhooks/shop/orders-a").await.body;
    assert!(html.contains("The command changes the template of the set"), "{html}");
}

#[tokio::test]
async fn a_set_says_how_to_allow_changes_and_how_to_resume_it() {
    let mut guarded = set("shop", "guarded");
    let message = "9 of 20 members would be removed. Nothing is changed until you correct it, or allow exactly this with the annotation hooktender.dev/allow-set-changes=sha256:9f2c";
    guarded["status"]["conditions"] = json!([{"type": "Ready", "status": "False", "reason": "SetGuard", "message": message,
        "lastTransitionTime": "2026-01-01T00:00:00Z"}]);
    let mut paused = set("shop", "paused");
    paused["spec"]["paused"] = json!(true);
    paused["status"]["conditions"] = json!([condition("Ready", true, "Suspended")]);
    let server = server(vec![guarded, paused, set("shop", "well")]);
    for (name, command) in [
        (
            "guarded",
            "kubectl annotate --overwrite webhookset -n shop guarded hooktender.dev/allow-set-changes=sha256:9f2c",
        ),
        ("paused", "kubectl patch webhookset -n shop paused --type=merge -p '{\"spec\":{\"paused\":false}}'"),
    ] {
        let page = get_json(&server, &format!("/sets/shop/{name}.json")).await;
        assert_eq!(page["unblock"][0]["commands"], json!([command]));
        assert_eq!(page["unblock"].as_array().unwrap().len(), 1, "{page}");
    }
    let well = get_json(&server, "/sets/shop/well.json").await;
    assert!(well.get("unblock").is_none(), "{well}");
    assert_eq!(well["next"][0], "A change of the template reaches members while at most 1 are unavailable.");
}

#[tokio::test]
async fn cells_are_paged() {
    let mut objects: Vec<_> = (0..450).map(|n| member("shop", "orders", &format!("tenant-{n:03}"))).collect();
    let mut of_all = set("shop", "orders");
    of_all["status"]["members"] = json!(450);
    objects.push(of_all);
    let server = server(objects);
    let html = get(&server, "/sets/shop/orders?page=3").await.body;
    assert_eq!(html.matches("class=\"cell ").count(), 50);
    assert!(html.contains("401–450 of 450") && html.contains("tenant-449"), "{html}");
    assert!(html.contains("href=\"/sets/shop/orders?page=2\""), "{html}");
}
