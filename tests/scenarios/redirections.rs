//! The account's guard: edits that redirect or disable many subscriptions at once wait for a person.

use serde_json::json;

use crate::scene::{Scene, webhook};
use crate::vendors::Vendor;

#[test]
fn a_wrong_host_for_all_webhooks_waits_until_it_is_allowed() {
    let (scene, tenant) = Scene::with_account("redirections", Vendor::Contensis);
    let _operator = scene.operator();
    let host = |host: &str| {
        scene.apply(&json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "receiver"}, "data": {"host": host}}));
    };
    host("hooks.example.com");
    let hooks: Vec<_> = (0..6)
        .map(|number| {
            let mut hook = webhook(&format!("hook-{number}"), Vendor::Contensis);
            hook["spec"]["subscription"]["contensis"]["url"] = json!(format!("https://$(HOST)/{number}"));
            let from = json!({"name": "HOST", "valueFrom": {"configMapKeyRef": {"name": "receiver", "key": "host"}}});
            hook["spec"]["variables"].as_array_mut().unwrap().push(from);
            hook
        })
        .collect();
    scene.apply(&json!({"apiVersion": "v1", "kind": "List", "items": hooks}));
    for number in 0..6 {
        scene.ready(&format!("hook-{number}"));
    }
    host("typo.example.com");
    let message = scene.account_stalled("account", "DeletionGuard");
    assert!(
        message.starts_with(
            "of the 6 subscriptions managed here, 6 would get a receiver on another host, which is more"
        ),
        "{message}"
    );
    assert_eq!(tenant.count("update"), 0);
    host("hooks.example.com");
    scene.account_becomes("account", "well", |account| crate::scene::is(account, "Ready", "True", "InSync"));
    // It is meant this time.
    host("new.example.com");
    let message = scene.account_stalled("account", "DeletionGuard");
    let annotation = message.rsplit_once(' ').unwrap().1;
    scene.kubectl(&["annotate", "--overwrite", "vendoraccount", "account", annotation]);
    for number in 0..6 {
        scene.webhook_becomes(&format!("hook-{number}"), "moved", |hook| {
            hook["status"]["plan"]["action"] == "None" && crate::scene::is(hook, "Ready", "True", "InSync")
        });
    }
    let urls: Vec<_> = tenant.stored().iter().map(|stored| stored["url"].to_string()).collect();
    assert!(urls.iter().all(|url| url.contains("new.example.com")), "{urls:?}");
}
