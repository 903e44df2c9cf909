//! Several processes: one leads, another takes over when it dies, and nothing is done twice.

use std::time::Duration;

use hooktender_cluster::eventually;
use serde_json::{Value, json};

use crate::operator::Operator;
use crate::scene::{Scene, webhook};
use crate::vendors::{Tenant, Vendor};

/// How long it may take until a dead leader is replaced.
const HAND_OVER: Duration = Duration::from_secs(15);

/// A process with leader election.
fn candidate(scene: &Scene) -> Operator {
    scene.operator_with(&candidate_flags(scene))
}

fn candidate_flags(scene: &Scene) -> [&str; 3] {
    ["--leader-elect", "--leader-elect-namespace", &scene.namespace]
}

/// Waits until one of them leads; returns its index.
fn leads(all: &[&Operator]) -> usize {
    eventually("one of them leads", || all.iter().position(|one| one.log().contains("leading")).ok_or(()))
        .unwrap()
}

fn declared(scene: &Scene, names: &[&str], vendor: Vendor) {
    for name in names {
        let mut object = webhook(name, vendor);
        object["spec"]["subscription"][vendor.as_str()]["uriTemplate"] =
            json!(format!("https://hooks.example.com/{name}/$(TOKEN)"));
        scene.apply(&object);
    }
}

/// Gives the rights for an election, with these values of the chart.
fn may_elect(scene: &Scene, values: &Value) {
    let mut all = json!({"leaderElection": "always"});
    all.as_object_mut().unwrap().extend(values.as_object().unwrap().clone());
    scene.grant(&all);
}

fn two(name: &str) -> (Scene, Tenant, Operator, Operator) {
    let (scene, tenant) = Scene::with_account(name, Vendor::Brightpearl);
    may_elect(&scene, &json!({}));
    let (first, second) = (candidate(&scene), candidate(&scene));
    let at = leads(&[&first, &second]);
    if at == 0 { (scene, tenant, first, second) } else { (scene, tenant, second, first) }
}

#[test]
fn a_standby_takes_over_when_the_leader_is_killed() {
    let (scene, tenant, leader, standby) = two("lead-kill");
    declared(&scene, &["first"], Vendor::Brightpearl);
    scene.ready("first");
    assert!(!standby.log().contains("created"), "a standby makes nothing");
    assert_eq!(tenant.count("create"), 1);
    // The leader dies after the vendor has received a create and before it has answered.
    tenant.fault(&json!({"operation": "create", "kind": "hang_after"}));
    declared(&scene, &["second"], Vendor::Brightpearl);
    eventually("the create is under way", || if tenant.count("create") == 2 { Ok(()) } else { Err(()) })
        .unwrap();
    let watch = scene.stopwatch();
    leader.kill();
    standby.logs("leading");
    watch.assert_within(HAND_OVER);
    scene.ready("second");
    assert_eq!((tenant.count("create"), tenant.ids().len()), (2, 2), "found, not made again");
}

#[test]
fn a_leader_that_is_terminated_hands_over_at_once() {
    let (scene, tenant, leader, standby) = two("lead-term");
    let watch = scene.stopwatch();
    leader.terminate();
    standby.logs("leading");
    watch.assert_within(Duration::from_secs(6));
    declared(&scene, &["first"], Vendor::Brightpearl);
    scene.ready("first");
    assert_eq!(tenant.ids().len(), 1);
}

#[test]
fn a_suspended_leader_writes_nothing_when_it_resumes() {
    let (scene, tenant, leader, standby) = two("lead-sleep");
    leader.signal("STOP");
    standby.logs("leading");
    declared(&scene, &["first"], Vendor::Brightpearl);
    scene.ready("first");
    tenant.clear_journal();
    leader.signal("CONT");
    assert_eq!(leader.ends(), Some(1), "it ends by itself, and says that it had to");
    assert_eq!(tenant.writes(), 0);
    assert_eq!(tenant.ids().len(), 1);
}

#[test]
fn shards_have_leaders_of_their_own() {
    let (scene, tenant) = Scene::with_account("lead-shard", Vendor::Brightpearl);
    scene.kubectl(&["label", "vendoraccount", "account", "shard=a"]);
    // Two releases with shards.
    for release in ["a", "b"] {
        let selector = format!("shard={release}");
        may_elect(&scene, &json!({"fullnameOverride": release, "accountSelector": selector}));
    }
    let flags = |shard| [&candidate_flags(&scene)[..], &["--account-selector", shard]].concat();
    let start = |shard| scene.operator_with(&flags(shard));
    let (a, b) = (start("shard=a"), start("shard=b"));
    a.logs("leading");
    b.logs("leading");
    declared(&scene, &["first"], Vendor::Brightpearl);
    scene.ready("first");
    assert_eq!(tenant.count("create"), 1);
    assert!(!b.log().contains("created"));
}

#[test]
fn two_without_an_election_create_each_subscription_once() {
    let (scene, tenant) = Scene::with_account("lead-none", Vendor::Brightpearl);
    let (_one, _other) = (scene.operator(), scene.operator());
    let names: Vec<String> = (0..10).map(|number| format!("hook-{number}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    declared(&scene, &names, Vendor::Brightpearl);
    for name in names {
        scene.ready(name);
    }
    assert_eq!((tenant.count("create"), tenant.ids().len()), (10, 10));
}
