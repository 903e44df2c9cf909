//! `hooktender plan --offline`: from files only, without a cluster and without environment variables.

use serde_json::{Value, json};

use crate::command::{Folder, Ran, documents, hooktender, of, only_reads, run, run_with};
use crate::scene::{TOKEN, account, login, secret, webhook};
use crate::vendors::{Tenant, Vendor};

/// An account with its login, the Secret of the usual Webhooks, and these objects.
pub(crate) fn everything(tenant: &Tenant, webhooks: &[Value]) -> Vec<Value> {
    let mut all = vec![
        login("login", tenant),
        account("account", "login", tenant),
        secret("hook-secrets", &json!({"token": TOKEN})),
    ];
    all.extend(webhooks.iter().cloned());
    all
}

fn plan(folder: &Folder, arguments: &[&str]) -> Ran {
    run(&mut hooktender(&[&["plan", "--offline", "-f", folder.text()], arguments].concat()))
}

/// What Brightpearl stores of the usual Webhook.
pub(crate) fn stored(name: &str) -> Value {
    let mut stored = webhook(name, Vendor::Brightpearl)["spec"]["subscription"]["brightpearl"].clone();
    stored["uriTemplate"] = json!(format!("https://hooks.example.com/{name}?token={TOKEN}"));
    stored
}

#[test]
fn files_are_enough() {
    for vendor in Vendor::ALL {
        let tenant = Tenant::open(vendor);
        let folder = Folder::of(&everything(&tenant, &[webhook("hook", vendor)]));
        let text = plan(&folder, &[]).exits(2).quiet();
        assert!(text.contains("+ default/hook: create"), "{text}");
        assert!(text.contains(&format!("declared at {}", folder.text())), "{text}");
        assert!(!text.contains("canary-"), "{text}");
        let report = plan(&folder, &["-n", "shop", "-o", "json"]).exits(2).json();
        assert_eq!(of(&report, "hook")["namespace"], "shop");
        only_reads(&tenant);
    }
}

#[test]
fn an_existing_subscription_is_found_by_its_natural_key() {
    let tenant = Tenant::open(Vendor::Brightpearl);
    let folder = Folder::of(&everything(&tenant, &[webhook("hook", Vendor::Brightpearl)]));
    let id = tenant.insert(&stored("hook"));
    let text = plan(&folder, &[]).exits(0).quiet();
    assert!(text.starts_with("No changes. Nothing would be written at a vendor: 1 unchanged."), "{text}");
    tenant.edit(&id, &json!({"contentType": "text/plain"}));
    let report = plan(&folder, &["-o", "json"]).exits(2).json();
    let hook = of(&report, "hook");
    assert_eq!((&hook["action"], &hook["cause"]), (&json!("Replace"), &json!("found")));
    assert_eq!(hook["id"], id.as_str());
    plan(&folder, &[]).exits(2).says(&format!("replace {id} (found at the vendor)"));
    // Two candidates: ambiguous.
    let mut other = stored("hook");
    other["qualityOfService"] = json!(0);
    tenant.insert(&other);
    let report = plan(&folder, &["-o", "json"]).exits(1).json();
    assert_eq!(of(&report, "hook")["held"]["reason"], "SimilarExists");
    only_reads(&tenant);

    let tenant = Tenant::open(Vendor::Superoffice);
    let folder = Folder::of(&everything(&tenant, &[webhook("hook", Vendor::Superoffice)]));
    let id = tenant.insert(&json!({
        "Name": "hook", "Events": ["contact.created"], "TargetUrl": "https://hooks.example.com/so", "Secret": "x",
    }));
    plan(&folder, &[]).exits(2).says(&format!("~ default/hook: update {id} (found at the vendor)"));
}

#[test]
fn an_object_missing_in_the_files_is_one_line() {
    let tenant = Tenant::open(Vendor::Brightpearl);
    let all = everything(&tenant, &[webhook("hook", Vendor::Brightpearl)]);
    let without = |kind: &str, name: &str| {
        let is = |object: &&Value| object["kind"] != kind || object["metadata"]["name"] != name;
        Folder::of(&all.iter().filter(is).cloned().collect::<Vec<_>>())
    };
    let ran = plan(&without("Secret", "login"), &[]).exits(1);
    ran.says("blocked, Credentials: Secret default/login does not exist: create it with the key secret");
    let ran = plan(&without("Secret", "hook-secrets"), &[]).exits(1);
    ran.says("blocked, VariableMissing:");
    ran.says("Secret default/hook-secrets does not exist: create it with the key token");
    let ran = plan(&without("VendorAccount", "account"), &[]).exits(1);
    ran.says("blocked, AccountNotFound: there is no VendorAccount default/account: create it");
    ran.says("0 vendor calls made.");
}

#[test]
fn all_errors_are_reported_in_one_run() {
    let tenant = Tenant::open(Vendor::Brightpearl);
    let folder = Folder::of(&everything(&tenant, &[]));
    folder.write("broken.yaml", "kind: [unclosed\n");
    let misspelt = "\
apiVersion: hooktender.dev/v1alpha1
kind: Webhook
metadata: {name: misspelt}
spec:
  accountRef: {name: account}
  subscription:
    brightpearl: {subscribeTo: product, httpMethod: GET, uriTempalte: https://hooks.example.com/}
";
    folder.write("misspelt.yaml", misspelt);
    let hook = webhook("twice", Vendor::Brightpearl);
    folder.write("twice.yaml", &documents(&[hook.clone(), hook]));
    let errors = plan(&folder, &[]).fails();
    let at = |file: &str| {
        let start = format!("{}/{file}:", folder.text());
        errors.iter().filter(|error| error.starts_with(&start)).cloned().collect::<Vec<_>>()
    };
    assert_eq!(at("broken.yaml").len(), 1, "{errors:#?}");
    let misspelt = at("misspelt.yaml");
    assert_eq!(misspelt.len(), 1, "{errors:#?}");
    assert!(misspelt[0].contains("misspelt.yaml:7:") && misspelt[0].contains("uriTemplate"), "{misspelt:?}");
    let twice = at("twice.yaml");
    assert_eq!(twice.len(), 1, "{errors:#?}");
    assert!(twice[0].contains("keep one of them"), "{twice:?}");
    assert_eq!(errors.len(), 3, "{errors:#?}");
    assert_eq!(tenant.journal(), Vec::<Value>::new());
    let ran = run_with(&mut hooktender(&["plan", "--offline", "-f", "-"]), "just a text\n");
    assert_eq!(ran.fails().len(), 1);
    let errors = run(&mut hooktender(&["plan", "--offline", "-f", "nowhere.yaml"])).fails();
    assert_eq!(errors, ["nowhere.yaml: no such file or folder"]);
}

#[test]
fn standard_input_is_enough() {
    let tenant = Tenant::open(Vendor::Contensis);
    let before = documents(&everything(&tenant, &[]));
    let input = format!("{before}{}", documents(&[webhook("hook", Vendor::Contensis)]));
    let ran = run_with(&mut hooktender(&["plan", "--offline", "-f", "-", "-o", "json"]), &input).exits(2);
    assert_eq!(of(&ran.json(), "hook")["declaredAt"], format!("<stdin>:{}:1", before.lines().count() + 2));
    only_reads(&tenant);
}

#[test]
fn a_plan_of_many_webhooks_needs_one_list() {
    for vendor in Vendor::ALL {
        let tenant = Tenant::open(vendor);
        let hook = |n: usize| {
            let mut hook = webhook(&format!("hook-{n}"), vendor);
            if vendor == Vendor::Superoffice {
                hook["spec"]["subscription"]["superoffice"]["targetUrl"] =
                    json!(format!("https://hooks.example.com/{n}"));
            }
            hook
        };
        let hooks: Vec<_> = (0..200).map(hook).collect();
        let folder = Folder::of(&everything(&tenant, &hooks));
        let report = plan(&folder, &["-o", "json"]).exits(2).json();
        assert_eq!(report["counts"]["create"], 200);
        assert_eq!(tenant.count("list"), 1, "{:?}", tenant.operations());
        assert_eq!(report["calls"]["made"], tenant.journal().len());
        assert_eq!(report["calls"]["toApply"], 200);
        only_reads(&tenant);
    }
}

#[test]
fn an_invalid_flag_is_an_error_and_never_a_change() {
    let usage = [
        (&["plan", "--offline"][..], "--filename"),
        (&["plan", "--nonsense"], "--nonsense"),
        (&["plan", "-o", "yaml"], "markdown"),
        (&["plan", "--color", "sometimes"], "never"),
        (&["plan", "--request-timeout", "0s"], "time-out of zero"),
        (&["plan", "--allow-endpoint", "ftp://x"], "--allow-endpoint"),
        (&["plan", "extra"], "extra"),
        (&["apply"], "without a cluster, add --offline"),
        (&["apply", "-f", "all.yaml"], "kubectl apply"),
        (&["apply", "--offline"], "--filename"),
        (&["nonsense"], "nonsense"),
        (&[], "Usage"),
        (&["--log-level", "a=b=c", "version"], "log"),
    ];
    for (arguments, word) in usage {
        run(&mut hooktender(arguments)).fails_by_usage(word);
    }
    run(&mut hooktender(&["plan", "--help"])).exits(0).says("Exit codes:");
}

#[test]
fn without_a_cluster_there_is_a_hint() {
    let errors = run(&mut hooktender(&["plan"])).fails();
    assert_eq!(errors.len(), 1, "{errors:?}");
    assert!(errors[0].contains("no cluster to talk to") && errors[0].contains("--offline"), "{errors:?}");
    let errors = run(&mut hooktender(&["plan", "--kubeconfig", "nowhere"])).fails();
    assert!(errors[0].starts_with("--kubeconfig nowhere: "), "{errors:?}");
}
