//! Edits in the cluster and at the vendor, one at a time.

use crate::process::Process;
use crate::quiet::{await_lists, request_passes, settled};
use crate::stage::{LONG, Scene};
use hooktender_cluster::eventually_within;
use jiff::Timestamp;
use serde_json::json;
use std::slice;

/// Measures from an edit to the vendor's request, each while the account's list is being read.
pub(crate) fn edits(scene: &Scene<'_>, edits: usize) -> Vec<f64> {
    if edits == 0 {
        return Vec::new();
    }
    eprintln!("  {edits} edits");
    let one = |edit: usize| {
        // Spread over all Webhooks but the one with the Secret.
        let n = 1 + edit;
        let account = scene.account_of(n).to_owned();
        let id = external_id(scene, n);
        scene.stage.vendor.clear_journals(slice::from_ref(&account));
        scene.request(&account, &format!("edit-{edit}"));
        await_lists(scene, slice::from_ref(&account));
        let at = Timestamp::now();
        scene.edit(n, &format!("edit-{edit}"));
        updated(scene, &account, &id, at)
    };
    (0..edits.min(scene.webhooks.saturating_sub(1))).map(one).collect()
}

/// Measures from edits of a Secret to the vendor's request. Members of sets take nothing from a Secret.
pub(crate) fn rotations(scene: &Scene<'_>, rotations: usize) -> Vec<f64> {
    if scene.sets > 0 {
        return Vec::new();
    }
    let account = &scene.accounts[0];
    let one = |n: usize| {
        let id = external_id(scene, 0);
        scene.stage.vendor.clear_journals(slice::from_ref(account));
        let at = Timestamp::now();
        scene.rotate(&format!("token {n}"));
        updated(scene, account, &id, at)
    };
    (0..rotations).map(one).collect()
}

/// Measures from an edit at the vendor to its correction.
pub(crate) fn drift(scene: &Scene<'_>) -> f64 {
    eprintln!("  an edit at the vendor");
    let account = &scene.accounts[0];
    settled(scene);
    let id = external_id(scene, 0);
    scene.stage.vendor.clear_journals(slice::from_ref(account));
    let at = Timestamp::now();
    scene.stage.vendor.edit(account, &id, &json!({"description": "by hand"}));
    updated(scene, account, &id, at) / 1000.0
}

/// Runs so many intervals, each with edits in the cluster and at the vendor; returns the memory after each.
pub(crate) fn soak(scene: &Scene<'_>, intervals: usize, process: Process) -> Vec<u64> {
    let one = |interval: usize| {
        if interval.is_multiple_of(10) {
            eprintln!("  interval {interval} of {intervals}");
        }
        for edit in 0..5 {
            let n = (interval * 31 + edit * 7) % scene.webhooks;
            scene.edit(n, &format!("interval-{interval}"));
        }
        let account = &scene.accounts[interval % scene.accounts.len()];
        let stored = scene.stage.vendor.stored(account);
        let id = stored[interval % stored.len()]["id"].as_str().unwrap();
        scene.stage.vendor.edit(account, id, &json!({"description": "by hand"}));
        request_passes(scene, &format!("soak-{interval}"));
        process.memory().unwrap().0
    };
    (0..intervals).map(one).collect()
}

/// Returns the id of a Webhook's subscription.
fn external_id(scene: &Scene<'_>, n: usize) -> String {
    scene.webhook(n)["status"]["externalId"].as_str().unwrap().to_owned()
}

/// Waits for an update; returns how long after `at` it came, in milliseconds.
fn updated(scene: &Scene<'_>, account: &str, id: &str, at: Timestamp) -> f64 {
    let came = eventually_within(LONG, "an update", || {
        let journal = scene.stage.vendor.journal(account);
        let found = journal.iter().find(|(what, path, _)| what == "update" && path.ends_with(id));
        found.map(|(.., at)| *at).ok_or(())
    })
    .unwrap();
    came.duration_since(at).as_secs_f64() * 1000.0
}
