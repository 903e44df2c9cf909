//! `hooktender init` and `hooktender validate`: the first files of a user, without a cluster, a network or Secrets.

use crate::command::{Folder, Ran, hooktender, run, run_with};
use crate::scene::{account, webhook};
use crate::support::try_apply;
use crate::vendors::{Tenant, Vendor};
use serde_json::json;

fn validate(arguments: &[&str]) -> Ran {
    run(&mut hooktender(&[&["validate"], arguments].concat()))
}

#[test]
fn what_init_prints_is_valid_here_and_at_the_api_server() {
    let namespace = crate::support::cluster().namespace("init").unwrap();
    for vendor in Vendor::ALL {
        let vendor = vendor.as_str();
        let text = run(&mut hooktender(&["init", vendor])).exits(0).quiet();
        assert!(text.starts_with("# A ") && text.contains(" # <-"), "{text}");
        let validate = |text: &str| run_with(&mut hooktender(&["validate", "--strict", "-f", "-"]), text);
        let problems = validate(&text).fails();
        assert_eq!(problems.len(), text.matches(" # <-\n").count(), "{problems:#?}");
        assert!(problems.iter().all(|problem| problem.starts_with("<stdin>:")), "{problems:#?}");
        let confirmed = validate(&text.replace(" # <-\n", "\n")).exits(0);
        assert_eq!(confirmed.quiet(), "Valid: 1 VendorAccount, 1 Webhook, 2 Secrets.\n");
        try_apply(&namespace, &text).accepted();
        let named = run(&mut hooktender(&["init", vendor, "--name", "shop", "-n", "web"])).exits(0).quiet();
        assert!(
            named.contains("name: shop\n  namespace: web") && named.contains("name: shop-login"),
            "{named}"
        );
    }
    run(&mut hooktender(&["init", "brightpaerl"])).fails_by_usage("brightpearl");
    run(&mut hooktender(&["init", "contensis", "--name", "My Shop"])).fails_by_usage("lower case letters");
}

#[test]
fn the_plan_of_what_init_prints_says_what_to_fill_in() {
    // Nothing of it is sent anywhere but to the vendor's own hosts; here, none of them can be reached.
    let text = run(&mut hooktender(&["init", "superoffice"])).exits(0).quiet();
    let ran = run_with(&mut hooktender(&["check", "--offline", "-f", "-"]), &text).exits(1);
    ran.says("the key private-key of Secret superoffice-login is not a PEM key");
    ran.says("private-key: replace-me is a placeholder of hooktender init: fill it in");
}

#[test]
fn validate_needs_no_secrets() {
    let tenant = Tenant::open(Vendor::Brightpearl);
    tenant.clear_journal();
    let folder = Folder::of(&[account("account", "login", &tenant), webhook("hook", Vendor::Brightpearl)]);
    assert_eq!(validate(&["-f", folder.text()]).exits(0).quiet(), "Valid: 1 VendorAccount, 1 Webhook.\n");
    assert_eq!(tenant.operations(), [""; 0], "no network");
}

#[test]
fn validate_lists_what_is_wrong_with_its_place() {
    let tenant = Tenant::open(Vendor::Brightpearl);
    let mut undeclared = webhook("undeclared", Vendor::Brightpearl);
    undeclared["spec"].as_object_mut().unwrap().remove("variables");
    let folder = Folder::of(&[account("account", "login", &tenant), undeclared]);
    let errors = validate(&["-f", folder.text()]).fails();
    assert_eq!(errors.len(), 1, "{errors:?}");
    assert!(errors[0].starts_with(&format!("{}/all.yaml:", folder.text())), "{errors:?}");
    assert!(errors[0].contains("$(TOKEN) is used but not declared"), "{errors:?}");
    // The CRDs' own rules come first: there is nothing to refer to then.
    let mut wrong = webhook("wrong", Vendor::Brightpearl);
    wrong["spec"]["subscription"]["brightpearl"]["qualityOfService"] = json!(2);
    let folder = Folder::of(&[wrong]);
    let errors = validate(&["-f", folder.text()]).fails();
    assert!(
        errors[0].contains("qualityOfService must be 0 (at most once) or 1 (at least once)"),
        "{errors:?}"
    );
}

#[test]
fn validate_warns_of_an_account_that_may_be_in_the_cluster() {
    let tenant = Tenant::open(Vendor::Brightpearl);
    let mut typo = webhook("hook", Vendor::Brightpearl);
    typo["spec"]["accountRef"]["name"] = json!("acount");
    let folder = Folder::of(&[account("account", "login", &tenant), typo]);
    let ran = validate(&["-f", folder.text()]).exits(0);
    assert_eq!(ran.stdout, "Valid: 1 VendorAccount, 1 Webhook.\n");
    let said = "VendorAccount default/acount is in none of the files: did you mean account?";
    assert!(ran.stderr.starts_with("warning: ") && ran.stderr.contains(said), "{}", ran.stderr);
    let errors = validate(&["--strict", "-f", folder.text()]).fails();
    assert!(errors.len() == 1 && errors[0].ends_with(said), "{errors:?}");
}

#[test]
fn validate_makes_the_members_of_sets_at_the_accounts_of_the_files() {
    let tenant = Tenant::open(Vendor::Superoffice);
    let mut set = json!({
        "apiVersion": "hooktender.dev/v1alpha1", "kind": "WebhookSet", "metadata": {"name": "hooks"},
        "spec": {"accountSelector": {"matchLabels": {"tier": "gold"}}, "template": {"spec": {
            "subscription": {"superoffice": {"events": ["sale.sold"], "targetUrl": "https://hooks.example.com/$(TENANT)"}},
            "variables": [{"name": "TENANT", "valueFrom": {"accountRef": {"label": "tenant"}}}],
        }}},
    });
    let mut gold = account("account", "login", &tenant);
    gold["metadata"]["labels"] = json!({"tier": "gold"});
    let folder = Folder::of(&[gold.clone(), set.clone()]);
    let error = validate(&["-f", folder.text()]).failed();
    assert!(error.starts_with(&format!("{}/all.yaml:", folder.text())), "{error}");
    let lacks = "member hooks-account cannot be made: variable TENANT: VendorAccount default/account has no label tenant: add it";
    assert!(error.ends_with(lacks), "{error}");
    gold["metadata"]["labels"]["tenant"] = json!("t1");
    let folder = Folder::of(&[gold.clone(), set.clone()]);
    let said = validate(&["--strict", "-f", folder.text()]).exits(0).quiet();
    assert_eq!(said, "Valid: 1 VendorAccount, 1 WebhookSet.\n");
    set["spec"]["accountSelector"]["matchLabels"]["tier"] = json!("golden");
    let folder = Folder::of(&[gold, set]);
    let ran = validate(&["-f", folder.text()]).exits(0);
    assert!(
        ran.stderr.contains("accountSelector matches none of the VendorAccounts in the files"),
        "{ran:?}"
    );
}

#[test]
fn validate_of_nothing_is_an_error() {
    validate(&[]).fails_by_usage("--filename");
    let folder = Folder::of(&[json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "a"}})]);
    assert_eq!(
        validate(&["-f", folder.text()]).failed(),
        "there is no Webhook, WebhookSet or VendorAccount in the files"
    );
}
