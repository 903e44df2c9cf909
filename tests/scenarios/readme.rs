//! The README's first screen: the Webhook that it shows is one that the vendor takes.

use serde_json::json;

use crate::command::{Folder, Ran, hooktender, run};
use crate::markdown::Page;
use crate::scene::{account, login, secret};
use crate::vendors::{Tenant, Vendor};

#[test]
fn the_first_webhook_is_taken_by_the_vendor_as_it_is() {
    let readme = Page::read("README.md");
    let declared = readme.blocks.iter().find(|block| block.language == "yaml").unwrap();
    let tenant = Tenant::open(Vendor::Brightpearl);
    let (login, account) = (login("login", &tenant), account("brightpearl", "login", &tenant));
    let objects = [login, account, secret("receiver", &json!({"token": "receiver-token"}))];
    let folder = Folder::of(&objects.map(|mut object| {
        object["metadata"]["namespace"] = json!("webhooks");
        object
    }));
    folder.write("product-changes.yaml", &declared.text);
    let offline = |command: &[&str]| -> Ran {
        run(&mut hooktender(&[command, &["--offline", "-f", folder.text()]].concat()))
    };
    let plan = offline(&["plan"]).exits(2).quiet();
    assert!(plan.contains("webhooks/product-changes: create") && !plan.contains("advice"), "{plan}");
    offline(&["apply", "--yes"]).exits(0);
    offline(&["plan"]).exits(0).says("No changes.");
}
