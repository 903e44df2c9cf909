//! `hooktender import --as-set`: what was clicked together at many tenants becomes sets that adopt it unchanged.

use std::collections::BTreeSet;

use hooktender::api::WebhookSet;
use hooktender_cluster::eventually;
use serde_json::{Value, json};

use super::{Crowd, account};
use crate::command::{Folder, Ran, documents, only_reads};
use crate::program::{placed, reader, run, wrote};
use crate::scene::{Scene, login, secret};
use crate::support;
use crate::vendors::{Tenant, Vendor};

/// A subscription as a person clicks it together.
fn clicked(name: &str, events: &[&str], url: &str, secret: Option<&str>) -> Value {
    json!({
        "Name": name, "Events": events, "State": "Active", "Type": "webhook", "TargetUrl": url,
        "Headers": {"X-Env": "prod"}, "Secret": secret,
    })
}

/// Tenants in the cluster and in one file.
struct Place {
    crowd: Crowd,
    file: String,
    _folder: Folder,
}

impl Place {
    fn new(name: &str, size: usize) -> Self {
        let mut crowd = Crowd { scene: Scene::new(name), tenants: Vec::new() };
        let objects: Vec<_> = (0..size).flat_map(|_| crowd.open()).collect();
        crowd.scene.apply(&json!({"apiVersion": "v1", "kind": "List", "items": objects}));
        for tenant in &crowd.tenants {
            tenant.settings(&json!({"secretEcho": "mask"}));
        }
        let folder = Folder::new();
        let file = folder.write("tenants.yaml", &documents(&objects));
        Self { crowd, file, _folder: folder }
    }

    fn import(&self, flags: &[&str]) -> Ran {
        let namespace = &self.crowd.scene.namespace;
        let files = ["import", "--offline", "-f", &self.file, "-n", namespace, "--as-set", "crm"];
        run(None, &[&files, flags].concat())
    }
}

fn sets(printed: &str) -> Vec<WebhookSet> {
    serde_saphyr::from_multiple(printed).unwrap_or_else(|error| panic!("{error}\n{printed}"))
}

/// Does what the notes of an import say.
fn follow(scene: &Scene, notes: &str, number_of: impl Fn(&str) -> usize) {
    for line in notes.lines() {
        if let Some(command) = line.strip_prefix("  kubectl ") {
            let words: Vec<_> = command.split(' ').collect();
            scene.cluster.kubectl_run(&words).unwrap();
        }
        if let Some((_, place)) = line.strip_prefix("fill in: ").and_then(|line| line.split_once("into key "))
        {
            let (key, name) = place.split_once(&format!(" of Secret {}/", scene.namespace)).unwrap();
            let value = format!("canary-key-{:02}", number_of(name));
            scene.apply(&secret(name, &json!({key: value})));
        }
    }
}

#[test]
fn a_dozen_tenants_become_sets_that_adopt_what_is_there() {
    let place = Place::new("set-import", 12);
    let (crowd, scene) = (&place.crowd, &place.crowd.scene);
    for (number, tenant) in crowd.tenants.iter().enumerate() {
        let (name, url) =
            (format!("hooks for t{number:02}"), format!("https://hooks.example.com/t{number:02}/crm"));
        tenant.insert(&clicked(&name, &["contact.created"], &url, Some(&format!("canary-key-{number:02}"))));
        let url = format!("https://audit.example.com/{:x}", (number + 3) * 7919);
        tenant.insert(&clicked("audit", &["sale.sold", "sale.changed"], &url, None));
        let event = if number == 11 { "project.created" } else { "document.created" };
        tenant.insert(&clicked("extra", &[event], "https://hooks.example.com/extra", None));
    }
    let before: Vec<_> = crowd.tenants.iter().map(Tenant::stored).collect();
    let reader = reader(scene);
    let flags = ["--account-selector", "tier=gold,ring in (canary,rest)"];
    let ran = run(Some(&reader), &[&["import", "--as-set", "crm"], &flags[..]].concat());
    let printed = ran.well().to_owned();
    println!("{printed}{}", ran.stderr);
    let offline = place.import(&flags);
    assert_eq!((offline.well(), &offline.stderr), (&*printed, &ran.stderr));
    assert_eq!(wrote(scene), []);
    crowd.tenants.iter().for_each(only_reads);
    assert!(!printed.contains("canary-key") && !ran.stderr.contains("canary-key"));
    let end = "choose the accounts with a narrower selector, or import them one by one";
    for line in [
        format!("left out: extra: at 11 of 12 accounts, not at a11 (that of a11 differs in events): {end}"),
        format!("left out: extra: at 1 of 12 accounts only: a11 (that of a00 differs in events): {end}"),
        "24 subscriptions of 12 accounts became 2 sets, 12 left out".to_owned(),
    ] {
        assert!(ran.stderr.lines().any(|other| other == line), "{line}\n{}", ran.stderr);
    }
    assert_eq!(ran.stderr.matches("  kubectl annotate ").count(), 12, "{}", ran.stderr);
    let sets = sets(&printed);
    let names: BTreeSet<_> = sets.iter().filter_map(|set| set.metadata.name.as_deref()).collect();
    assert_eq!(names, ["crm-audit", "crm-hooks-for-tenant"].into());
    let selector = serde_json::to_value(&sets[0].spec.account_selector).unwrap();
    let expression = json!({"key": "ring", "operator": "In", "values": ["canary", "rest"]});
    assert_eq!(selector, json!({"matchLabels": {"tier": "gold"}, "matchExpressions": [expression]}));

    follow(scene, &ran.stderr, |name| name.rsplit_once("-a").unwrap().1.parse().unwrap());
    let folder = Folder::new();
    let file = folder.write("sets.yaml", &printed);
    let planned = run(Some(&reader), &["plan", "-n", &scene.namespace, "-f", &file]);
    assert!(planned.well().contains("No changes") && planned.stdout.contains("24 to adopt"), "{planned:#?}");
    support::apply(&scene.namespace, &printed).accepted();
    let _operator = crowd.operator();
    for name in &names {
        eventually(&format!("the set {name} is ready"), || {
            let set = scene.set(name);
            if set["status"]["ready"] == 12 { Ok(()) } else { Err(set["status"].clone()) }
        })
        .unwrap();
    }
    for (number, (tenant, before)) in crowd.tenants.iter().zip(before).enumerate() {
        scene.pass(&account(number));
        assert_eq!((tenant.writes(), tenant.stored()), (0, before.clone()), "{:?}", tenant.operations());
        let member = scene.webhook(&format!("crm-hooks-for-tenant-{}", account(number)));
        assert_eq!(member["status"]["externalId"], tenant.id(&before[0]));
    }
    let planned = run(Some(&reader), &["plan", "-n", &scene.namespace]);
    assert!(planned.well().contains("24 unchanged"), "{planned:#?}");
    let again = run(Some(&reader), &["import", "--as-set", "other", "--account-selector", "tier=gold"]);
    assert_eq!(again.well(), "");
    assert!(
        again.stderr.ends_with("0 subscriptions of 12 accounts became 0 sets, 12 left out\n"),
        "{}",
        again.stderr
    );
}

#[test]
fn what_a_set_would_not_adopt_as_it_is_is_left_out() {
    let place = Place::new("set-import-twins", 3);
    for tenant in &place.crowd.tenants {
        tenant.insert(&clicked("sync", &["contact.created"], "https://hooks.example.com/crm", None));
    }
    let twice = &place.crowd.tenants[1];
    let first = twice.ids().remove(0);
    let second = twice.insert(&clicked("sync", &["contact.created"], "https://hooks.example.com/crm", None));
    let ran = place.import(&["--account-selector", "tier=gold"]);
    assert_eq!(ran.well(), "");
    let line = format!(
        "left out: sync: at a01: the vendor has it more than once: {first}, {second}: delete all but one at the vendor\n"
    );
    assert!(ran.stderr.contains(&line), "{}", ran.stderr);
    // The other accounts are a set of their own.
    let ran = place.import(&["--account-selector", "tenant!=t01"]);
    let sets = sets(ran.well());
    assert_eq!(sets.len(), 1);
    assert_eq!(sets[0].metadata.name.as_deref(), Some("crm"), "one set has the name itself");
    assert_eq!(ran.stderr, "2 subscriptions of 2 accounts became 1 set, 0 left out\n");
    place.crowd.tenants.iter().for_each(only_reads);
}

#[test]
fn an_import_of_a_set_says_what_it_cannot_read() {
    let place = Place::new("set-import-refused", 2);
    let namespace = place.crowd.scene.namespace.clone();
    let all = ["--account-selector", "tier=gold"];
    let nothing = place.import(&["--account-selector", "tier=silver"]).failed();
    assert_eq!(
        nothing,
        format!(
            "no VendorAccount of namespace {namespace} has the labels tier=silver: change --account-selector"
        )
    );
    place.import(&[]).fails_by_usage("--account-selector");
    place
        .import(&["--account-selector", "tier in gold"])
        .fails_by_usage("is no label selector: write KEY=VALUE");
    place.import(&[&all[..], &["--id", "1"]].concat()).fails_by_usage("--id");
    let other = Tenant::open(Vendor::Contensis);
    let mut foreign = crate::scene::account("cms", "login-cms", &other);
    foreign["metadata"]["labels"] = json!({"tier": "gold"});
    let folder = Folder::new();
    let scene = &place.crowd.scene;
    let foreign = folder.write("cms.yaml", &placed(scene, foreign));
    let login = folder.write("login.yaml", &placed(scene, login("login-cms", &other)));
    assert_eq!(
        place.import(&[&["-f", &foreign, "-f", &login], &all[..]].concat()).failed(),
        "a set is for accounts of one vendor, and the labels tier=gold select several (contensis: cms; superoffice: a00, a01): narrow --account-selector"
    );
    let reader = reader(scene);
    place.crowd.tenants.iter().for_each(|tenant| {
        tenant.insert(&clicked("sync", &["contact.created"], "https://hooks.example.com/crm", None));
    });
    let mut taken = super::set(&["sale.sold"]);
    taken["metadata"]["name"] = json!("crm");
    scene.apply(&taken);
    let exists = run(Some(&reader), &[&["import", "--as-set", "crm"], &all[..]].concat());
    assert_eq!(
        exists.failed(),
        format!("WebhookSet {namespace}/crm exists already: choose another name with --as-set")
    );
    place.crowd.tenants[1].settings(&json!({"refuseAll": true}));
    let unread = place.import(&all).failed();
    assert!(unread.starts_with(&format!("account {namespace}/a01: ")), "{unread}");
}
