//! The README's first screen: the Webhook that it shows gives the plan that it shows.

use serde_json::json;

use crate::command::{Folder, Ran, hooktender, run};
use crate::markdown::Page;
use crate::samples;
use crate::scene::{account, login, secret};
use crate::vendors::{Tenant, Vendor};

#[test]
fn the_first_webhook_gives_the_plan_below_it() {
    let readme = Page::read("README.md");
    let [declared, plan] = ["yaml", "text,output"]
        .map(|language| readme.blocks.iter().find(|block| block.language == language).unwrap());
    let tenant = Tenant::open(Vendor::Brightpearl);
    let (login, account) = (login("login", &tenant), account("brightpearl", "login", &tenant));
    let objects = [login, account, secret("receiver", &json!({"token": "receiver-token"}))];
    let folder = Folder::of(&objects.map(|mut object| {
        object["metadata"]["namespace"] = json!("webhooks");
        object
    }));
    folder.write("product-changes.yaml", &declared.text);
    let offline = |command: &str, flags: &[&str]| -> Ran {
        let files = [command, "--offline", "-f", "all.yaml", "-f", "product-changes.yaml"];
        run(hooktender(&[&files, flags].concat()).current_dir(folder.path()))
    };

    offline("apply", &["--yes"]).exits(0);
    let id = tenant.ids().pop().unwrap();
    tenant.edit(&id, &json!({"contentType": "text/plain", "qualityOfService": 0}));
    tenant.insert(&json!({
        "subscribeTo": "goods-out-note.created", "httpMethod": "GET", "idSetAccepted": false,
        "uriTemplate": "https://old.example.org/notes",
    }));
    let printed = offline("plan", &[]).exits(2).stdout;
    samples::check(&readme, plan, &printed.replace(&tenant.code, "acme"));
}
