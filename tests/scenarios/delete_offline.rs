//! Deleting without a cluster: what a changed address leaves behind, `apply --prune`, and `delete --offline`.

use std::process::Command;

use serde_json::{Value, json};

use crate::apply_offline::applied;
use crate::command::{Folder, Ran, documents, hooktender, of, only_reads, run};
use crate::plan_offline::{everything, stored};
use crate::scene::{account, login, webhook};
use crate::terminal::Terminal;
use crate::vendors::{Tenant, Vendor};

/// An applied Webhook called `hook` whose address is then changed in the files; returns the id of its subscription.
fn moved(vendor: Vendor) -> (Tenant, Folder, String) {
    let tenant = Tenant::open(vendor);
    let mut hook = webhook("hook", vendor);
    let folder = Folder::of(&everything(&tenant, std::slice::from_ref(&hook)));
    applied(&folder, &[]).exits(0);
    let address = match vendor {
        Vendor::Brightpearl => ("uriTemplate", "https://hooks2.example.com/bp?token=$(TOKEN)"),
        Vendor::Contensis => ("url", "https://hooks2.example.com/c7s"),
        Vendor::Superoffice => ("targetUrl", "https://hooks2.example.com/so"),
    };
    hook["spec"]["subscription"][vendor.as_str()][address.0] = json!(address.1);
    folder.write("all.yaml", &documents(&everything(&tenant, &[hook])));
    let id = tenant.ids().remove(0);
    tenant.clear_journal();
    (tenant, folder, id)
}

fn plan(folder: &Folder, arguments: &[&str]) -> Ran {
    run(&mut hooktender(&[&["plan", "--offline", "-f", folder.text()], arguments].concat()))
}

#[test]
fn a_changed_address_names_the_former_subscription_and_prune_deletes_it_last() {
    for vendor in Vendor::ALL {
        let (tenant, folder, id) = moved(vendor);
        let ran = plan(&folder, &[]).exits(2);
        ran.says("+ default/hook: create");
        ran.says(&format!("former: {id} "));
        ran.says(&format!("stays at the vendor and goes on delivering; --prune {id} deletes it"));
        let report = plan(&folder, &["-o", "json"]).exits(2).json();
        assert_eq!(of(&report, "hook")["former"][0]["externalId"], id.as_str());
        assert_eq!(of(&report, "hook")["former"][0]["differs"].as_array().unwrap().len(), 1, "{report:#}");
        assert!(plan(&folder, &["-o", "markdown"]).stdout.contains(&format!("! former: {id} ")));
        only_reads(&tenant);
        let ran = applied(&folder, &["--prune", &id]).exits(0);
        ran.says(&format!("- default/unmanaged-{id}: delete {id} (unmanaged, and named by --prune)"));
        ran.says("Plan: 1 to create, 1 to delete.");
        ran.says(&format!("default/unmanaged-{id}: deleted {id} at {}", vendor.as_str()));
        ran.says("2 done, 0 not done.");
        assert!(!ran.stdout.contains("former"), "{}", ran.stdout);
        let writes: Vec<_> = tenant
            .operations()
            .into_iter()
            .filter(|one| ["create", "delete"].contains(&one.as_str()))
            .collect();
        assert_eq!(writes, ["create", "delete"], "deliveries overlap rather than stop");
        assert_eq!(tenant.stored().len(), 1);
        assert_ne!(tenant.ids()[0], id);
        applied(&folder, &[]).exits(0).says("1 unchanged.");
    }
}

#[test]
fn prune_asks_and_deletes_nothing_but_unmanaged_ones() {
    let (tenant, folder, id) = moved(Vendor::Brightpearl);
    let apply = |arguments: &[&str]| -> Command {
        hooktender(&[&["apply", "--offline", "-f", folder.text()], arguments].concat())
    };
    let mut terminal = Terminal::run(&mut apply(&["--prune", &id]), 100);
    terminal.shows("Apply this plan (2 calls)? Only `yes` is accepted: ");
    terminal.types("no");
    assert_eq!(terminal.ends().0, Some(1));
    only_reads(&tenant);
    // Something else fails: the former one stays, as nothing has taken its place.
    let body = json!({"errors": [{"code": "CMNC-1", "message": "no"}]});
    tenant
        .fault(&json!({"operation": "create", "kind": "status", "status": 400, "times": null, "body": body}));
    let ran = applied(&folder, &["--prune", &id]).exits(1);
    ran.says(&format!("not done: --prune {id}: the rest of the plan was not applied"));
    assert_eq!((tenant.count("delete"), tenant.ids()), (0, vec![id.clone()]));
    assert!(!ran.stdout.contains("former"), "{}", ran.stdout);
    tenant.clear_faults();
    let ran = applied(&folder, &[]).exits(0);
    let left = format!(
        "1 done, 0 not done.\nThe former subscription {id} of default/hook is left and goes on delivering; delete it with --prune {id}.\n"
    );
    assert!(ran.stdout.ends_with(&left), "{}", ran.stdout);
    let own = tenant.ids().into_iter().find(|one| *one != id).unwrap();
    let fails = |prune: &str| run(&mut apply(&["--yes", "--prune", prune])).failed();
    assert_eq!(
        fails(&own),
        format!(
            "--prune {own}: the subscription belongs to Webhook default/hook, and is not deleted: hooktender delete --offline deletes it with the manifest of that Webhook; or remove the manifest, and it is unmanaged"
        )
    );
    assert_eq!(
        fails("99"),
        "--prune 99: no account of the files has an unmanaged subscription 99: hooktender plan --offline lists those that there are"
    );
    assert_eq!(
        fails("default/nowhere/99"),
        "--prune 99: VendorAccount default/nowhere is in none of the files: correct the name, or add its manifest"
    );
    assert!(
        run(&mut apply(&["--prune", "a/b"])).exits(1).stderr.contains("write ID or NAMESPACE/ACCOUNT/ID")
    );
    assert_eq!(tenant.stored().len(), 2);
    // Twice is once, and the account may be named.
    let full = format!("default/account/{id}");
    applied(&folder, &["--prune", &full, "--prune", &id]).exits(0).says("1 done, 0 not done.");
    assert_eq!(tenant.ids(), [own]);
}

#[test]
fn an_id_of_two_accounts_has_to_be_said_in_full() {
    let tenants = [Tenant::open(Vendor::Brightpearl), Tenant::open(Vendor::Brightpearl)];
    let mut all = everything(&tenants[0], &[]);
    all.extend([login("other-login", &tenants[1]), account("other", "other-login", &tenants[1])]);
    let folder = Folder::of(&all);
    let mut ids: Vec<_> = tenants.iter().map(|tenant| tenant.insert(&stored("left"))).collect();
    ids.dedup();
    assert_eq!(ids.len(), 1, "both vendors count from the same number");
    let id = ids.remove(0);
    let apply = |prune: &str| {
        run(&mut hooktender(&["apply", "--offline", "--yes", "-f", folder.text(), "--prune", prune]))
    };
    assert_eq!(
        apply(&id).failed(),
        format!(
            "--prune {id}: several accounts have an unmanaged subscription {id} (default/account, default/other): write --prune default/account/{id}"
        )
    );
    apply(&format!("default/other/{id}")).exits(0).says("1 done, 0 not done.");
    assert_eq!((tenants[0].stored().len(), tenants[1].stored().len()), (1, 0));
}

fn delete(folder: &Folder, arguments: &[&str]) -> Command {
    hooktender(&[&["delete", "--offline", "-f", folder.text()], arguments].concat())
}

#[test]
fn delete_deletes_what_the_files_declare_and_nothing_else() {
    for vendor in Vendor::ALL {
        let tenant = Tenant::open(vendor);
        let named = |n: usize| {
            let mut hook = webhook(&format!("hook-{n}"), vendor);
            if vendor == Vendor::Superoffice {
                hook["spec"]["subscription"]["superoffice"]["targetUrl"] =
                    json!(format!("https://hooks.example.com/{n}"));
            }
            hook
        };
        // More than the deletion guard would allow.
        let hooks: Vec<Value> = (0..6).map(named).collect();
        let folder = Folder::of(&everything(&tenant, &hooks));
        applied(&folder, &[]).exits(0);
        let kept = hooks[5].clone();
        folder.write("all.yaml", &documents(&everything(&tenant, &hooks[..5])));
        tenant.clear_journal();
        let mut terminal = Terminal::run(&mut delete(&folder, &[]), 100);
        terminal.shows("Delete these subscriptions (5 calls)? Only `yes` is accepted: ");
        terminal.types("no");
        assert_eq!(terminal.ends().0, Some(1));
        only_reads(&tenant);
        let ran = run(&mut delete(&folder, &["--yes"])).exits(0);
        ran.says("- default/hook-0: delete ");
        ran.says("Plan: 5 to delete.");
        ran.says("5 done, 0 not done.");
        let stored = tenant.stored();
        assert_eq!(stored.len(), 1);
        folder.write("all.yaml", &documents(&everything(&tenant, &[kept])));
        plan(&folder, &[]).exits(0).says("1 unchanged");
        folder.write("all.yaml", &documents(&everything(&tenant, &hooks[..1])));
        let ran = run(&mut delete(&folder, &["--yes"])).exits(0);
        ran.says("default/hook-0: not at the vendor; there is nothing to delete");
        assert_eq!(tenant.stored(), stored);
    }
}

#[test]
fn delete_does_not_touch_what_it_cannot_tell() {
    let tenant = Tenant::open(Vendor::Brightpearl);
    let mut kept = webhook("kept", Vendor::Brightpearl);
    kept["spec"]["deletionPolicy"] = json!("Retain");
    let mut planned = webhook("planned", Vendor::Brightpearl);
    planned["spec"]["mode"] = json!("Plan");
    let mut mute = webhook("mute", Vendor::Brightpearl);
    mute["spec"]["variables"][0]["valueFrom"]["secretKeyRef"]["name"] = json!("nowhere");
    let hooks =
        [webhook("gone", Vendor::Brightpearl), webhook("twice", Vendor::Brightpearl), kept, planned, mute];
    let folder = Folder::of(&everything(&tenant, &hooks));
    for name in ["gone", "kept", "planned", "mute"] {
        tenant.insert(&stored(name));
    }
    // Two have its natural key, and neither is as declared.
    let mut similar = stored("twice");
    similar["contentType"] = json!("text/plain");
    for quality in [0, 1] {
        similar["qualityOfService"] = json!(quality);
        tenant.insert(&similar);
    }
    let ran = run(&mut delete(&folder, &["--yes"])).exits(1);
    ran.says("default/gone: delete ");
    ran.says("> default/kept: retain ");
    ran.says("planned only, Planned: nothing is written until mode is Enforce");
    ran.says("blocked, SimilarExists: ");
    ran.says("blocked, VariableMissing: ");
    ran.says("Plan: 1 to delete, 1 to retain; 1 planned only, 2 blocked.");
    let left: Vec<_> = tenant.stored().iter().map(ToString::to_string).collect();
    assert_eq!((left.len(), tenant.count("delete")), (5, 1), "{left:#?}");
    assert!(!left.iter().any(|one| one.contains("/gone?")), "{left:#?}");
    // Without --offline it says what to do instead.
    let error = run(&mut hooktender(&["delete", "-f", folder.text()])).failed();
    assert!(error.contains("with a cluster, use kubectl delete"), "{error}");
    // The file names which of the two is meant.
    let ids = tenant.ids();
    let at = tenant.stored().iter().position(|one| one.to_string().contains("/twice")).unwrap();
    let mut pinned = webhook("twice", Vendor::Brightpearl);
    pinned["spec"]["externalId"] = json!(ids[at]);
    folder.write("all.yaml", &documents(&everything(&tenant, &[pinned])));
    run(&mut delete(&folder, &["--yes"])).exits(0).says("1 done, 0 not done.");
    assert!(!tenant.ids().contains(&ids[at]));
    assert_eq!(tenant.stored().len(), 4);
}
