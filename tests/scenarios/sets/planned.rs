//! What a command shows of a set: before it is applied, without a cluster, and explained.

use serde_json::{Value, json};

use super::{Crowd, member, set};
use crate::command::{Folder, Reader, documents, of};
use crate::program;

#[test]
fn a_plan_shows_what_a_changed_set_does_to_its_members() {
    let mut crowd = Crowd::new("set-plan", 3);
    let mut new: Vec<Value> = crowd.open().into();
    let operator = crowd.operator();
    crowd.scene.apply(&set(&["contact.created"]));
    crowd.ready(3);
    let explained = program::run(Some(&program::reader(&crowd.scene)), &["explain", "whs/hooks"]);
    let text = explained.well().split_whitespace().collect::<Vec<_>>().join(" ");
    for part in [
        "counts 3 members, 3 updated, 3 ready",
        "Ready=True InSync",
        "ago) MembersCreated: 3 members created: hooks-a00",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let refused = |arguments: &[&str]| program::run(Some(&program::reader(&crowd.scene)), arguments).failed();
    let undone = refused(&["suspend", &format!("wh/{}", member(0))]);
    assert!(undone.contains("belongs to WebhookSet hooks, which undoes such edits"), "{undone}");
    assert!(undone.contains("hooktender suspend whs/hooks"), "{undone}");
    // A request for a set goes to the accounts of its members, which a reader may not write.
    let synced = program::run(Some(&program::reader(&crowd.scene)), &["sync", "whs/hooks"]).exits(1).stderr;
    assert_eq!(synced.matches("cannot patch resource \"vendoraccounts\"").count(), 3, "{synced}");
    operator.terminate();
    let (reader, folder) = (Reader::of(&crowd.scene), Folder::new());
    let report = |name: &str, objects: &[Value], code: i32| {
        let file = folder.write(name, &documents(objects));
        let ran = reader.plan(&["-f", &file, "-o", "json"]).exits(code);
        (ran.json(), ran.stderr)
    };
    // As it is: nothing.
    report("same.yaml", &[set(&["contact.created"])], 0);
    // Another template: each member changes.
    let (changed, _) = report("changed.yaml", &[set(&["sale.changed"])], 2);
    for number in 0..3 {
        assert_eq!(of(&changed, &member(number))["action"], "Update");
        assert_eq!(of(&changed, &member(number))["changes"][0]["field"], "events");
    }
    // Another selector: all would go, and the guard blocks that.
    let mut lost = set(&["contact.created"]);
    lost["spec"]["accountSelector"]["matchLabels"]["tier"] = json!("golden");
    let (lost, notes) = report("lost.yaml", &[lost], 1);
    for number in 0..3 {
        let shown = of(&lost, &member(number));
        assert_eq!((&shown["action"], &shown["class"]), (&json!("Delete"), &json!("blocked")));
        assert_eq!(shown["held"]["reason"], "SetGuard");
    }
    assert_eq!((&lost["counts"]["blocked"], &lost["counts"]["delete"]), (&json!(3), &json!(0)));
    assert_eq!(lost["calls"]["toApply"], 0);
    assert!(
        notes.contains("SetGuard: 3 of 3 members would be removed: spec.accountSelector matches no account"),
        "{notes}"
    );
    // A tenant that is added by the same files.
    new.push(set(&["contact.created"]));
    let (added, _) = report("added.yaml", &new, 2);
    assert_eq!(of(&added, &member(3))["action"], "Create");
    assert!(crowd.scene.webhook(&member(3)).is_null());
}

#[test]
fn a_set_is_applied_without_a_cluster() {
    let mut crowd = Crowd { scene: crate::scene::Scene::new("set-offline"), tenants: Vec::new() };
    let mut objects: Vec<Value> = (0..3).flat_map(|_| crowd.open()).collect();
    objects.push(set(&["contact.created"]));
    objects[8]["metadata"]["labels"].as_object_mut().unwrap().remove("tenant");
    let folder = Folder::new();
    let file = folder.write("all.yaml", &documents(&objects));
    let ran = program::run(None, &["apply", "--offline", "--yes", "-f", &file]).exits(1);
    assert!(ran.stdout.contains("VariableMissing") && ran.stdout.contains("hooks-a02"), "{}", ran.stdout);
    assert_eq!(crowd.stored(), [1, 1, 0], "{}\n{}", ran.stdout, ran.stderr);
    assert_eq!(crowd.tenants[1].stored()[0]["TargetUrl"], "https://hooks.example.com/t01");
    // Once more: nothing is left to do.
    program::run(None, &["apply", "--offline", "--yes", "-f", &file]).exits(1);
    assert_eq!(crowd.stored(), [1, 1, 0]);
    assert_eq!(crowd.tenants[0].count("create"), 1);
}
