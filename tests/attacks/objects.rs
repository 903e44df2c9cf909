//! Long objects of which hooktender needs little.

use hooktender_cluster::eventually;
use serde_json::{Value, json};

use crate::limit::{chart_limit, peak};
use crate::site::Site;
use crate::vendors::Vendor;

/// How many there are; each is more than a megabyte long.
const OBJECTS: usize = 60;
/// How much memory they may add, in bytes: much less than their length.
const MOST: usize = 48 << 20;

fn create(site: &Site, object: &Value) {
    site.attack_by(&["create", "--filename=-"], &object.to_string()).accepted();
}

#[test]
fn long_webhooks_are_not_kept() {
    let mut site = Site::new("long-webhooks", Vendor::Contensis);
    let before = peak(site.operator.pid());
    for number in 0..OBJECTS {
        let mut hook = site.guests(&format!("long-{number}"));
        let unused = |variable| json!({"name": format!("V{variable}"), "value": "x".repeat(65_000)});
        hook["spec"]["variables"] = (0..18).map(unused).collect();
        create(&site, &hook);
    }
    let message = site.guest.stalled("long-0", "Unreadable");
    assert!(message.contains("more than 256 KiB of text: shorten it"), "{message}");
    site.an_edit_of_the_owner_arrives();
    let more = site.the_operator_survives() - before;
    assert!(more < MOST, "{} MiB more", more >> 20);
}

#[test]
fn long_metadata_is_read_in_parts() {
    let mut site = Site::new("long-metadata", Vendor::Contensis);
    let at_rest = peak(site.operator.pid());
    let finalizers: Vec<String> =
        (0..18_000).map(|n| format!("f.example.com/{}{n:06}", "x".repeat(50))).collect();
    for number in 0..OBJECTS {
        create(
            &site,
            &json!({"apiVersion": "v1", "kind": "ConfigMap",
                "metadata": {"name": format!("long-{number}"), "finalizers": finalizers}}),
        );
    }
    site.restart();
    let more = peak(site.operator.pid()).saturating_sub(at_rest);
    assert!(more < 2 * MOST && peak(site.operator.pid()) < chart_limit(), "{} MiB more", more >> 20);
    site.an_edit_of_the_owner_arrives();
    site.the_operator_survives();
}

#[test]
fn a_webhook_that_is_nested_too_deep_ends_no_watch() {
    let mut site = Site::new("deep", Vendor::Superoffice);
    let mut hook = site.guests("deep");
    let deep = format!("{}1{}", "[".repeat(200), "]".repeat(200));
    let text = {
        hook["spec"]["subscription"]["superoffice"]["properties"] = json!({"a": "DEEP"});
        hook.to_string().replace("\"DEEP\"", &deep)
    };
    site.attack_by(&["create", "--filename=-"], &text).accepted();
    // Too deep for this test, too.
    let conditions = ["get", "webhook", "deep", "--output=jsonpath={.status.conditions}"];
    eventually("it says why it is left alone", || {
        let conditions = site.guest.kubectl(&conditions);
        if conditions.contains("nested too deeply: flatten it") { Ok(()) } else { Err(conditions) }
    })
    .unwrap();
    for number in 0..10 {
        let note = format!("note={number}");
        site.attack_by(&["annotate", "webhook", "deep", "--overwrite", &note], "").accepted();
        site.an_edit_of_the_owner_arrives();
    }
    assert!(!site.operator.log().contains("watch failed"));
    site.the_operator_survives();
    site.attack_by(&["delete", "webhook", "deep"], "").accepted();
}
