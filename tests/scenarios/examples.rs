//! The examples are applied as a user applies them: folder by folder, unchanged, into a new namespace.

use crate::command::{hooktender, run};
use crate::support::{cluster, get, kubectl};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};

/// The vendors' folders, by name.
fn folders() -> Vec<(String, PathBuf)> {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    ["brightpearl", "contensis", "superoffice"]
        .map(|vendor| (vendor.to_owned(), examples.join(vendor)))
        .into()
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

#[test]
fn every_folder_is_accepted_unchanged() {
    for (vendor, folder) in folders() {
        let namespace = cluster().namespace(&format!("example-{vendor}")).unwrap();
        let applied =
            kubectl(&["apply", "--namespace", &namespace, "--filename", folder.to_str().unwrap()], "")
                .accepted();
        assert!(applied.contains("vendoraccount.hooktender.dev/"), "{applied}");
        assert_eq!(applied.matches("webhook.hooktender.dev/").count(), 2, "{applied}");
        assert_eq!(applied.lines().count(), documents(&folder), "every document counts: {applied}");

        let accounts = get(&namespace, "vendoraccounts");
        let account = &accounts["items"][0];
        assert!(account["spec"]["vendor"][&vendor].is_object(), "{account}");
        let webhooks = get(&namespace, "webhooks");
        for webhook in webhooks["items"].as_array().unwrap() {
            assert_eq!(webhook["spec"]["accountRef"]["name"], account["metadata"]["name"]);
            assert!(webhook["spec"]["subscription"][&vendor].is_object(), "{webhook}");
        }
        for (kind, name, key) in references(account).into_iter().chain(references(&webhooks)) {
            let source = get(&namespace, &format!("{kind}/{name}"));
            assert!(source["data"][&key].is_string(), "{vendor}: no {key} in {kind} {name}");
        }
    }
}

#[test]
fn every_alternative_login_is_accepted_unchanged() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/logins");
    let namespace = cluster().namespace("example-logins").unwrap();
    let applied =
        kubectl(&["apply", "--namespace", &namespace, "--filename", folder.to_str().unwrap()], "").accepted();
    assert_eq!(applied.matches("vendoraccount.hooktender.dev/").count(), files(&folder).len(), "{applied}");
    assert_eq!(applied.lines().count(), documents(&folder), "every document counts: {applied}");
    for (kind, name, key) in references(&get(&namespace, "vendoraccounts")) {
        let source = get(&namespace, &format!("{kind}/{name}"));
        assert!(source["data"][&key].is_string(), "no {key} in {kind} {name}");
    }
}

#[test]
fn every_variable_of_an_example_is_used_and_every_used_one_is_declared() {
    for (vendor, folder) in folders() {
        let namespace = cluster().namespace(&format!("example-{vendor}")).unwrap();
        kubectl(&["apply", "--namespace", &namespace, "--filename", folder.to_str().unwrap()], "").accepted();
        for webhook in get(&namespace, "webhooks")["items"].as_array().unwrap() {
            let subscription = webhook["spec"]["subscription"].to_string();
            let mut used: Vec<_> =
                subscription.split("$(").skip(1).filter_map(|rest| rest.split(')').next()).collect();
            let mut declared: Vec<_> = webhook["spec"]["variables"]
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(|variable| variable["name"].as_str())
                .collect();
            used.sort_unstable();
            declared.sort_unstable();
            assert_eq!(used, declared, "{}", webhook["metadata"]["name"]);
        }
    }
}

#[test]
fn the_tenants_are_accepted_unchanged_and_planned_without_a_cluster() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/tenants");
    let namespace = cluster().namespace("example-tenants").unwrap();
    let applied =
        kubectl(&["apply", "--namespace", &namespace, "--filename", folder.to_str().unwrap()], "").accepted();
    assert_eq!(applied.lines().count(), documents(&folder), "every document counts: {applied}");
    assert!(applied.contains("webhookset.hooktender.dev/crm-sync created"), "{applied}");
    // The example key cannot be used, so that no vendor is called; the members are there.
    let ran =
        run(&mut hooktender(&["plan", "--offline", "-f", folder.to_str().unwrap(), "-o", "json"])).exits(1);
    let plan: Value = serde_json::from_str(&ran.stdout).unwrap();
    let of = |account: &Value| account["webhooks"][0]["name"].clone();
    let members: Vec<_> = plan["accounts"].as_array().unwrap().iter().map(of).collect();
    assert_eq!(members, ["crm-sync-acme", "crm-sync-globex"], "{plan:#}");
}

fn documents(folder: &Path) -> usize {
    files(folder).iter().map(|file| fs::read_to_string(file).unwrap().matches("apiVersion:").count()).sum()
}

/// Kind, name and key of every reference to a Secret or ConfigMap, at any depth.
fn references(value: &Value) -> Vec<(&'static str, String, String)> {
    let mut found = Vec::new();
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                let kind = if name == "configMapKeyRef" { "configmap" } else { "secret" };
                match (member["name"].as_str(), member["key"].as_str()) {
                    (Some(name), Some(key)) => found.push((kind, name.to_owned(), key.to_owned())),
                    _ => found.extend(references(member)),
                }
            }
        }
        Value::Array(items) => found.extend(items.iter().flat_map(references)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
    found
}
