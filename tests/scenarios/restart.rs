//! The operator ends and starts, and objects change meanwhile.

use std::time::Duration;

use hooktender_cluster::eventually;
use serde_json::{Value, json};

use crate::scene::{Scene, TOKEN, account, login, webhook};
use crate::vendors::{Tenant, Vendor};

/// How soon a process that gets SIGTERM must have ended.
const END: Duration = Duration::from_secs(8);

#[test]
fn it_ends_on_sigterm_with_nothing_to_do() {
    let (scene, _tenant) = Scene::with_account("idle", Vendor::Contensis);
    let operator = scene.operator();
    scene.pass("account");
    let watch = scene.stopwatch();
    operator.terminate();
    watch.assert_within(END);
}

#[test]
fn it_ends_in_the_middle_of_work_and_continues_later() {
    const ALL: usize = 25;
    let (scene, tenant) = Scene::with_account("busy", Vendor::Brightpearl);
    let operator = scene.operator();
    tenant.fault(&json!({"operation": "create", "kind": "delay", "millis": 300, "times": null}));
    let items: Vec<_> = (0..ALL).map(|n| webhook(&format!("hook-{n}"), Vendor::Brightpearl)).collect();
    scene.apply(&json!({"apiVersion": "v1", "kind": "List", "items": items}));
    eventually("some are made", || {
        let made = tenant.count("create");
        if made >= 3 { Ok(()) } else { Err(made) }
    })
    .unwrap();
    let watch = scene.stopwatch();
    operator.terminate();
    watch.assert_within(END);
    let made = tenant.ids().len();
    assert!((3..ALL).contains(&made), "{made}");
    // Running requests were completed: each created subscription is recorded, and no pending create is left.
    let recorded = (0..ALL).filter(|n| {
        let webhook = scene.webhook(&format!("hook-{n}"));
        assert_eq!(webhook["status"]["pending"], Value::Null);
        webhook["status"]["externalId"].is_string()
    });
    assert_eq!(recorded.count(), made);
    tenant.clear_faults();
    let _operator = scene.operator();
    for n in 0..ALL {
        scene.ready(&format!("hook-{n}"));
    }
    assert_eq!((tenant.count("create"), tenant.count("delete")), (ALL, 0));
    assert_eq!(tenant.ids().len(), ALL);
}

#[test]
fn a_restart_of_a_settled_system_reads_each_list_once_and_writes_nothing() {
    let scene = Scene::new("restart");
    let tenants = Vendor::ALL.map(Tenant::open);
    for tenant in &tenants {
        let name = tenant.vendor.as_str();
        scene.apply(&login(name, tenant));
        scene.apply(&account(name, name, tenant));
        let mut hook = webhook(name, tenant.vendor);
        hook["spec"]["accountRef"]["name"] = json!(name);
        scene.apply(&hook);
    }
    let operator = scene.operator();
    for tenant in &tenants {
        scene.ready(tenant.vendor.as_str());
        scene.pass(tenant.vendor.as_str());
    }
    operator.terminate();
    let written = scene.cluster_writes().len();
    let before = tenants.each_ref().map(Tenant::stored);
    for tenant in &tenants {
        tenant.clear_journal();
    }
    let operator = scene.operator();
    for _ in &tenants {
        operator.logs(" pass vendor=");
    }
    eventually("each account was looked at", || {
        let passes = operator.log().matches(": pass vendor=").count();
        if passes >= tenants.len() { Ok(()) } else { Err(passes) }
    })
    .unwrap();
    assert_eq!(scene.cluster_writes()[written..], []);
    for tenant in &tenants {
        scene.pass(tenant.vendor.as_str());
        let operations: Vec<_> = tenant.operations().into_iter().filter(|one| one != "token").collect();
        // A new client of Contensis checks its five rights once.
        let checks = if tenant.vendor == Vendor::Contensis { 5 } else { 0 };
        let expected = [vec!["list"], vec!["other"; checks], vec!["list"]].concat();
        assert_eq!(operations, expected, "{}", tenant.vendor.as_str());
    }
    assert_eq!(tenants.each_ref().map(Tenant::stored), before);
}

/// Where a vendor stores the value of `$(TOKEN)`.
fn token(vendor: Vendor, stored: &Value) -> String {
    let text = match vendor {
        Vendor::Brightpearl => {
            stored["uriTemplate"].as_str().unwrap().split("token=").nth(1).map(str::to_owned)
        }
        Vendor::Contensis => stored["headers"]["X-Key"]["value"].as_str().map(str::to_owned),
        Vendor::Superoffice => stored["Secret"].as_str().map(str::to_owned),
    };
    text.unwrap_or_default()
}

/// Whether the vendor has one subscription, with this value.
fn has(tenant: &Tenant, value: &str) -> Result<(), Vec<String>> {
    let all: Vec<_> = tenant.stored().iter().map(|stored| token(tenant.vendor, stored)).collect();
    if all == [value] { Ok(()) } else { Err(all) }
}

fn arrives(tenant: &Tenant, value: &str) {
    eventually(&format!("{value} is at {}", tenant.vendor.as_str()), || has(tenant, value)).unwrap();
}

fn ready_with_a_token(vendor: Vendor) -> (Scene, Tenant, crate::operator::Operator) {
    let (scene, tenant) = Scene::with_account("rotate", vendor);
    if vendor == Vendor::Superoffice {
        tenant.settings(&json!({"secretEcho": "mask"}));
    }
    let operator = scene.operator();
    scene.apply(&webhook("hook", vendor));
    scene.ready("hook");
    has(&tenant, TOKEN).unwrap();
    (scene, tenant, operator)
}

fn arrives_at_once(vendor: Vendor) {
    let (scene, tenant, _operator) = ready_with_a_token(vendor);
    let rotate = || scene.patch("secret/hook-secrets", &json!({"stringData": {"token": "rotated"}}));
    scene.promptly("the new value is at the vendor", rotate, || has(&tenant, "rotated"));
    scene.ready("hook");
}

#[test]
fn a_new_value_in_a_url_arrives_at_once() {
    arrives_at_once(Vendor::Brightpearl);
}

#[test]
fn a_new_value_in_a_secret_header_arrives_at_once() {
    arrives_at_once(Vendor::Contensis);
}

#[test]
fn a_new_signing_secret_arrives_at_once() {
    arrives_at_once(Vendor::Superoffice);
}

fn rotated_while_nobody_looked(vendor: Vendor) {
    let (scene, tenant, operator) = ready_with_a_token(vendor);
    operator.terminate();
    scene.patch("secret/hook-secrets", &json!({"stringData": {"token": "rotated"}}));
    let _operator = scene.operator();
    arrives(&tenant, "rotated");
}

#[test]
fn a_new_value_in_a_url_arrives_although_it_was_set_while_no_operator_ran() {
    rotated_while_nobody_looked(Vendor::Brightpearl);
}

#[test]
fn a_new_value_in_a_secret_header_arrives_although_it_was_set_while_no_operator_ran() {
    rotated_while_nobody_looked(Vendor::Contensis);
}

#[test]
fn a_new_signing_secret_arrives_although_it_was_set_while_no_operator_ran() {
    rotated_while_nobody_looked(Vendor::Superoffice);
}

fn overwritten_at_the_vendor(vendor: Vendor, patch: &Value) {
    let (scene, tenant, _operator) = ready_with_a_token(vendor);
    tenant.edit(&tenant.ids()[0], patch);
    scene.request("account");
    arrives(&tenant, TOKEN);
}

#[test]
fn a_secret_header_that_somebody_overwrote_at_contensis_is_sent_again() {
    overwritten_at_the_vendor(Vendor::Contensis, &json!({"headers": {"X-Key": {"value": "overwritten"}}}));
}

#[test]
fn a_signing_secret_that_somebody_overwrote_at_superoffice_is_sent_again() {
    overwritten_at_the_vendor(Vendor::Superoffice, &json!({"Secret": "overwritten"}));
}

#[test]
fn an_edit_during_a_pass_is_not_lost() {
    let (scene, tenant) = Scene::with_account("overtaken", Vendor::Contensis);
    let _operator = scene.operator();
    scene.apply(&webhook("hook", Vendor::Contensis));
    scene.ready("hook");
    let describe = |text: &str| {
        scene.patch("webhook/hook", &json!({"spec": {"subscription": {"contensis": {"description": text}}}}));
    };
    tenant.clear_journal();
    tenant.fault(&json!({"operation": "update", "kind": "delay", "millis": 1500}));
    describe("the first edit");
    eventually("the first edit is under way", || {
        if tenant.count("update") == 1 { Ok(()) } else { Err(tenant.operations()) }
    })
    .unwrap();
    scene.promptly(
        "the second edit is at the vendor",
        || describe("the second edit"),
        || {
            let description = tenant.stored()[0]["description"].clone();
            if description == "the second edit" { Ok(()) } else { Err(description) }
        },
    );
}

#[test]
fn a_request_during_a_pass_is_not_lost() {
    let (scene, tenant) = Scene::with_account("overtaken", Vendor::Brightpearl);
    let _operator = scene.operator();
    scene.account_becomes("account", "ready", |account| crate::scene::is(account, "Ready", "True", "InSync"));
    tenant.clear_journal();
    tenant.fault(&json!({"operation": "list", "kind": "delay", "millis": 1500}));
    scene.request("account");
    eventually("the list is being read", || {
        if tenant.count("list") == 1 { Ok(()) } else { Err(tenant.operations()) }
    })
    .unwrap();
    scene.pass("account");
    assert_eq!(tenant.count("list"), 2);
}
