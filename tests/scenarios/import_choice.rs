//! Selections of `hooktender import`, its notes beside the manifests, and its errors when it prints none.

use crate::command::{Folder, documents, only_reads};
use crate::import_cli::{Place, existing, name, read};
use crate::program::{placed, reader, run, wrote};
use crate::scene::{Scene, TOKEN, account, login, webhook};
use crate::support;
use crate::vendors::{self, Tenant, Vendor};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;
use std::net::TcpListener;

fn ids(printed: &str) -> Vec<String> {
    read(printed).into_iter().map(|webhook| webhook.spec.external_id.unwrap()).collect()
}

#[test]
fn unmanaged_ones_or_all_or_one() {
    let place = Place::new(Vendor::Brightpearl);
    let (scene, tenant, reader) = (&place.scene, &place.tenant, reader(&place.scene));
    let operator = scene.operator();
    scene.apply(&webhook("hook", Vendor::Brightpearl));
    let own = scene.ready("hook")["status"]["externalId"].as_str().unwrap().to_owned();
    operator.terminate();
    let mut other = existing(Vendor::Brightpearl, "order", false);
    let first = tenant.insert(&other);
    other["contentType"] = json!("text/plain");
    let second = tenant.insert(&other);
    let twin = tenant.insert(&other);
    tenant.clear_journal();
    let import = |flags: &[&str]| run(Some(&reader), &[&["import", "--account", "account"], flags].concat());

    let strangers = import(&[]);
    assert_eq!(ids(strangers.well()), [&*first, &*second]);
    let equal = format!("left out: {twin} (order -> https://hooks.example.com/...): it is equal to {second}");
    assert!(strangers.stderr.contains(&equal), "{}", strangers.stderr);
    assert!(strangers.stderr.ends_with("2 imported, 1 left out\n"), "{}", strangers.stderr);
    assert_eq!(import(&["--unmanaged"]).stdout, strangers.stdout);
    let webhooks = read(&strangers.stdout);
    assert_ne!(name(&webhooks[0]), name(&webhooks[1]));

    let all = import(&["--all"]);
    assert_eq!(ids(all.well()), [&*own, &*first, &*second]);
    assert_eq!(name(&read(&all.stdout)[0]), "hook");
    // The vendor shows it, so it is printed; the warning does not repeat it.
    assert!(all.stdout.contains(TOKEN) && !all.stderr.contains(TOKEN), "{all:#?}");
    let warning = format!("looks like a secret: uriTemplate of {}/hook holds token= ", scene.namespace);
    assert!(all.stderr.contains(&warning), "{}", all.stderr);

    assert_eq!(ids(import(&["--id", &second]).well()), [&*second]);
    // Either of two equal subscriptions may be selected.
    assert_eq!(ids(import(&["--id", &twin, "--id", &own]).well()), [&*own, &*twin]);
    assert_eq!(import(&["--id", "987"]).failed(), "the vendor has no subscription 987");
    let both = import(&["--id", &first, "--all"]);
    assert_eq!((both.code, both.stdout.as_str()), (Some(1), ""));
    place.only_read();
    assert_eq!(wrote(scene), []);
}

#[test]
fn into_another_namespace() {
    let place = Place::new(Vendor::Brightpearl);
    let (scene, cluster) = (&place.scene, place.scene.cluster);
    let other = cluster.namespace("elsewhere").unwrap();
    let id = place.tenant.insert(&existing(Vendor::Brightpearl, "order", false));
    let account = format!("{}/account", scene.namespace);
    let import = || run(Some(cluster.kubeconfig()), &["import", "--account", &account, "-n", &other]);
    let refused = format!(
        "account {account} does not allow Webhooks of namespace {other}: widen its spec.allowedNamespaces first"
    );
    assert_eq!(import().failed(), refused);
    scene.patch("vendoraccount/account", &json!({"spec": {"allowedNamespaces": {"from": "All"}}}));
    let refused = format!(
        "account {account} does not allow Webhooks of namespace {other} to adopt: set its spec.allowGuestAdoption to true first"
    );
    assert_eq!(import().failed(), refused);
    scene.patch("vendoraccount/account", &json!({"spec": {"allowGuestAdoption": true}}));
    let ran = import();
    let free = read(ran.well()).remove(0);
    assert_eq!(free.metadata.namespace.as_deref(), Some(&*other));
    assert_eq!(free.account().to_string(), account);
    // A Webhook of another account has that name.
    let mut taken = webhook(name(&free), Vendor::Brightpearl);
    taken["metadata"]["namespace"] = json!(other);
    support::apply(&other, &taken.to_string()).accepted();
    let ran = import();
    let again = read(ran.well()).remove(0);
    assert_eq!(name(&again), format!("{}-{id}", name(&free)));
    support::apply(&other, &ran.stdout).accepted();
    let planned = run(Some(cluster.kubeconfig()), &["plan", "-n", &scene.namespace]);
    assert!(planned.well().contains("No changes"), "{planned:#?}");
}

#[test]
fn a_login_secret_with_the_name_of_an_imported_webhook_stays_a_login() {
    let place = Place::new(Vendor::Superoffice);
    place.tenant.insert(&existing(Vendor::Superoffice, "login", true));
    let reader = reader(&place.scene);
    let ran = run(Some(&reader), &["import", "--account", "account"]);
    assert_eq!(name(&read(ran.well())[0]), "login", "{}", ran.stderr);
    assert_eq!(place.import(&[]).well(), ran.stdout);
}

#[test]
fn subscriptions_that_no_manifest_can_hold_are_reported() {
    let place = Place::new(Vendor::Contensis);
    let mut odd = existing(Vendor::Contensis, "odd \u{1b}[31m", false);
    odd["templates"] = json!({"entry": {"a": null}});
    let odd = place.tenant.insert(&odd);
    let good = place.tenant.insert(&existing(Vendor::Contensis, "good", false));
    let ran = place.import(&[]);
    assert_eq!(ids(ran.well()), [good]);
    let line = ran.stderr.lines().find(|line| line.starts_with(&format!("left out: {odd} (")));
    assert!(line.is_some_and(|line| line.contains("null")), "{}", ran.stderr);
    assert!(!ran.stderr.contains('\u{1b}') && ran.stderr.ends_with("1 imported, 1 left out\n"));
}

#[test]
fn a_vendor_without_subscriptions_is_no_error() {
    for vendor in Vendor::ALL {
        let ran = Place::new(vendor).import(&[]);
        let summary = "0 imported, 0 left out; the account has no subscriptions\n";
        assert_eq!((ran.well(), ran.stderr.as_str()), ("", summary));
    }
}

#[test]
fn a_vendor_that_cannot_be_read_is_one_line() {
    for vendor in Vendor::ALL {
        let place = Place::new(vendor);
        place.tenant.insert(&existing(vendor, "order", true));
        place.tenant.accept("another-secret");
        let ran = place.import(&["--log-level", "off"]);
        let start = format!("account {}/account: Credentials: ", place.scene.namespace);
        assert!(ran.failed().starts_with(&start), "{}", ran.stderr);
        place.only_read();

        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let nowhere = format!("http://{}", listener.local_addr().unwrap());
        drop(listener);
        let mut object = placed(&place.scene, account("account", "login", &place.tenant));
        for endpoint in vendors::endpoints() {
            object = object.replace(&endpoint, &nowhere);
        }
        place.files.write("account.yaml", &object);
        let ran = place.import(&["--allow-endpoint", &nowhere]);
        let start = format!("account {}/account: Unavailable: ", place.scene.namespace);
        assert!(ran.failed().starts_with(&start), "{}", ran.stderr);
        let ran = place.import(&[]);
        let refused = ran.failed();
        assert!(refused.contains("EndpointNotAllowed: ") && refused.contains(&nowhere), "{refused}");
    }
}

#[test]
fn a_missing_account_is_one_line() {
    let place = Place::new(Vendor::Brightpearl);
    let (scene, reader) = (&place.scene, reader(&place.scene));
    let key = format!("{}/nobody", scene.namespace);
    for named in ["nobody", &key] {
        let ran = run(Some(&reader), &["import", "--account", named]);
        assert_eq!(
            ran.failed(),
            format!("there is no VendorAccount {key}; there are {}/account", scene.namespace)
        );
    }
    let ran = run(Some(&reader), &["import", "--account", "acount"]);
    let says = format!("there is no VendorAccount {}/acount: did you mean account?", scene.namespace);
    assert_eq!(ran.failed(), says);
    assert_eq!(run(None, &["import", "-f", &place.login]).failed(), "there is no VendorAccount in the files");
    let alone = run(None, &["import", "--account", "account"]).failed();
    assert!(alone.starts_with("there is no cluster to talk to: "), "{alone}");
    assert!(alone.ends_with("; without a cluster, add --offline"), "{alone}");
    assert!(run(None, &["import", "-f", &place.account]).failed().contains("Secret"));
    let neither = run(Some(&reader), &["import"]);
    assert_eq!((neither.code, neither.stdout.as_str()), (Some(1), ""));
    scene.patch("vendoraccount/account", &json!({"spec": {"suspend": true}}));
    let ran = run(Some(&reader), &["import", "--account", "account"]);
    assert!(ran.failed().contains("Suspended: "), "{}", ran.stderr);
    assert_eq!(place.tenant.operations(), Vec::<String>::new());
}

#[test]
fn one_of_several_accounts_in_files_is_chosen_without_a_cluster() {
    let folder = Folder::new();
    let (first, second) = (Tenant::open(Vendor::Brightpearl), Tenant::open(Vendor::Contensis));
    let objects = [
        login("login", &first),
        account("first", "login", &first),
        login("other-login", &second),
        account("second", "other-login", &second),
    ];
    folder.write("all.yaml", &documents(&objects));
    let id = first.insert(&existing(Vendor::Brightpearl, "order", false));
    let other = second.insert(&existing(Vendor::Contensis, "entries", false));
    let import = |flags: &[&str]| run(None, &[&["import", "-f", folder.text()], flags].concat());
    let choose = "the files hold several VendorAccounts: choose one with --offline --account NAMESPACE/NAME: default/first, default/second";
    for flags in [&[][..], &["--offline"]] {
        assert_eq!(import(flags).failed(), choose);
    }
    assert_eq!(ids(import(&["--offline", "--account", "first"]).well()), [&*id]);
    assert_eq!(ids(import(&["--offline", "--account", "default/second"]).well()), [&*other]);
    let typo = import(&["--offline", "--account", "secnd"]).failed();
    assert_eq!(typo, "there is no VendorAccount default/secnd: did you mean second?");
    // Manifests without a namespace are taken to be in that of -n.
    assert_eq!(ids(import(&["--offline", "--account", "second", "-n", "shop"]).well()), [&*other]);
    run(None, &["import", "--offline", "--account", "first"]).fails_by_usage("--filename");
    only_reads(&first);
    only_reads(&second);
}

#[test]
fn a_vendor_whose_subscriptions_are_all_declared_is_told_so() {
    let place = Place::new(Vendor::Brightpearl);
    let operator = place.scene.operator();
    place.scene.apply(&webhook("hook", Vendor::Brightpearl));
    place.scene.ready("hook");
    operator.terminate();
    let ran = run(Some(&reader(&place.scene)), &["import", "--account", "account"]);
    assert_eq!(ran.well(), "");
    assert_eq!(
        ran.stderr,
        "0 imported, 0 left out; the Webhooks declare all subscriptions at the vendor (1)\n"
    );
}

/// An account of the same name in another namespace, which a Webhook here refers to, is another account.
#[test]
fn a_name_means_the_account_of_the_namespace() {
    let place = Place::new(Vendor::Brightpearl);
    let cluster = place.scene.cluster;
    place.tenant.insert(&existing(Vendor::Brightpearl, "order", false));
    // It sorts before the other one by name.
    let here = cluster.namespace("aaa").unwrap();
    let elsewhere = Scene::new("zzz");
    let tenant = Tenant::open(Vendor::Brightpearl);
    elsewhere.apply(&login("login", &tenant));
    elsewhere.apply(&account("account", "login", &tenant));
    let mut stranger = webhook("hook", Vendor::Brightpearl);
    stranger["spec"]["accountRef"] = json!({"name": "account", "namespace": here});
    elsewhere.apply(&stranger);
    let mut own = account("account", "login", &place.tenant);
    own["metadata"]["namespace"] = json!(here);
    support::apply(&here, &own.to_string()).accepted();
    let asked = format!("{}/account", elsewhere.namespace);
    let ran = run(Some(cluster.kubeconfig()), &["import", "--account", &asked]);
    assert_eq!(ran.well(), "");
    let ran =
        run(Some(cluster.kubeconfig()), &["import", "--account", "account", "-n", &elsewhere.namespace]);
    assert_eq!(ran.well(), "");
    assert_eq!(place.tenant.operations(), Vec::<String>::new());
}

#[test]
fn no_login_is_printed_at_any_log_level() {
    for vendor in Vendor::ALL {
        let place = Place::new(vendor);
        place.tenant.insert(&existing(vendor, "order", true));
        let secret = place.tenant.secret();
        let basic = STANDARD.encode(format!("ops:{secret}"));
        let unsaid = [&secret, &STANDARD.encode(&secret), &basic, crate::import_cli::THEIRS];
        let reader = reader(&place.scene);
        let of_cluster = run(Some(&reader), &["import", "--account", "account", "--log-level", "trace"]);
        for ran in [place.import(&["--log-level", "trace"]), of_cluster] {
            let all = format!("{}{}", ran.well(), ran.stderr);
            assert!(ran.stderr.contains("TRACE"), "nothing was logged");
            for canary in unsaid {
                let at = all.find(canary);
                assert!(at.is_none(), "{}", &all[at.unwrap().saturating_sub(300)..at.unwrap()]);
            }
        }
    }
}
