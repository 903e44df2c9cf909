//! `hooktender plan wh/NAME`: a plan of named objects.

use crate::command::{Folder, Reader, hooktender, of, run};
use crate::plan_offline::everything;
use crate::scene::{Scene, account, login, webhook};
use crate::vendors::{Tenant, Vendor};

#[test]
fn only_what_is_named_is_shown_and_only_its_vendor_is_called() {
    let (scene, tenant) = Scene::with_account("targets", Vendor::Brightpearl);
    let other = Tenant::open(Vendor::Contensis);
    scene.apply(&login("other-login", &other));
    scene.apply(&account("other", "other-login", &other));
    scene.apply(&webhook("a", Vendor::Brightpearl));
    scene.apply(&webhook("b", Vendor::Brightpearl));
    let reader = Reader::of(&scene);
    let ran = reader.plan(&["wh/a", "-o", "json"]).exits(2);
    let report = ran.json();
    assert_eq!(of(&report, "a")["action"], "Create");
    assert!(!ran.stdout.contains("\"b\"") && !ran.stdout.contains("\"other\""), "{}", ran.stdout);
    assert_eq!(report["counts"]["create"], 1);
    assert_eq!(other.operations(), [""; 0], "the other vendor was called");
    // An account with all its Webhooks; both spellings of several.
    let ran = reader.plan(&["va/account"]).exits(2);
    ran.says("2 to create");
    reader.plan(&["wh", "a", "b"]).exits(2).says("2 to create");
    reader.only_read(&tenant);
    let error = reader.plan(&["wh/aa"]).failed();
    assert_eq!(error, format!("there is no Webhook {}/aa: did you mean a?", scene.namespace));
    reader.plan(&["a"]).exits(1).says("write wh/a for the Webhook");
}

#[test]
fn a_named_webhook_of_files() {
    let tenant = Tenant::open(Vendor::Brightpearl);
    let objects =
        everything(&tenant, &[webhook("a", Vendor::Brightpearl), webhook("b", Vendor::Brightpearl)]);
    let folder = Folder::of(&objects);
    let plan = |target: &str| run(&mut hooktender(&["plan", target, "--offline", "-f", folder.text()]));
    let text = plan("wh/b").exits(2).quiet();
    assert!(text.contains("default/b: create") && !text.contains("default/a:"), "{text}");
    assert_eq!(plan("wh/c").failed(), "there is no Webhook default/c");
}
