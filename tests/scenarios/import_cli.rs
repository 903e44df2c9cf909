//! `hooktender import`, as people run it: what it prints is adopted and changes nothing, and what it cannot print is reported.

#[path = "../../src/import/properties/items.rs"]
mod items;

use crate::command::{Folder, Ran, only_reads};
use crate::program::{placed, reader, run, wrote};
use crate::scene::{BODY, Scene, account, login, secret};
use crate::support;
use crate::vendors::{Tenant, Vendor};
use hooktender::api::{Webhook, webhook::Variable};
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::{RngAlgorithm, TestRng, TestRunner};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// Subscriptions with write-only values, or with secrets in clear.
pub(crate) const THEIRS: &str = "canary-of-the-vendor";
/// Values that a person fills in.
const OURS: &str = "canary-filled-in";

/// Existing subscriptions: the second one has a write-only value, where the vendor has such values.
pub(crate) fn existing(vendor: Vendor, name: &str, with_secret: bool) -> Value {
    match vendor {
        Vendor::Brightpearl => json!({
            "subscribeTo": name, "httpMethod": "POST", "bodyTemplate": BODY, "contentType": "application/json",
            "uriTemplate": "https://hooks.example.com/$(X)/it's?id=${resource-id}",
            "idSetAccepted": true, "qualityOfService": 1,
        }),
        Vendor::Contensis => {
            let hidden = json!({"value": THEIRS, "secret": true});
            let mut headers = json!({"X-Origin": {"value": "c\"m's"}});
            if with_secret {
                headers["X-Key"] = hidden;
            }
            json!({
                "name": name, "description": "two\nlines", "method": "PUT", "enabled": false, "ui": false,
                "url": "https://hooks.example.net/c7s/{{resource.sys.id}}",
                "topics": [{"resourceType": "entry", "event": ["published"], "language": ["en-GB"]}],
                "headers": headers, "templates": {"entry.article": "{\"id\":\"{{resource.sys.id}}\"}"},
            })
        }
        Vendor::Superoffice => json!({
            "Name": name, "Events": ["sale.changed", "contact.created"], "State": "Active", "Type": "webhook",
            "TargetUrl": format!("https://hooks.example.com/{name}"), "Headers": {"X-Env": "prød"},
            "Properties": {"tenant": "$(eu)", "deep": {"numbers": [1, 2.5]}}, "ErrorsEmail": "ops@example.com",
            "Secret": if with_secret { json!(THEIRS) } else { Value::Null },
        }),
    }
}

/// A scene whose account has no subscriptions yet, and the same account in files.
pub(crate) struct Place {
    pub(crate) scene: Scene,
    pub(crate) tenant: Tenant,
    pub(crate) files: Folder,
    pub(crate) account: String,
    pub(crate) login: String,
}

impl Place {
    pub(crate) fn new(vendor: Vendor) -> Self {
        let (scene, tenant) = Scene::with_account("import", vendor);
        let files = Folder::new();
        let account = files.write("account.yaml", &placed(&scene, account("account", "login", &tenant)));
        let login = files.write("secret.yaml", &placed(&scene, login("login", &tenant)));
        Self { scene, tenant, files, account, login }
    }

    /// From files, without a cluster.
    pub(crate) fn import(&self, flags: &[&str]) -> Ran {
        run(None, &[&["import", "-f", &self.account, "-f", &self.login], flags].concat())
    }

    /// `plan` from files only.
    fn plan(&self, printed: &str, secrets: &str) -> Ran {
        let printed = self.files.write("printed.yaml", printed);
        let secrets = self.files.write("secrets.yaml", secrets);
        let files = ["-f", &self.account, "-f", &self.login, "-f", &secrets, "-f", &printed];
        run(None, &[&["plan", "--offline"], &files[..]].concat())
    }

    pub(crate) fn only_read(&self) {
        assert!(!self.tenant.operations().is_empty());
        only_reads(&self.tenant);
    }
}

pub(crate) fn read(printed: &str) -> Vec<Webhook> {
    serde_saphyr::from_multiple(printed).unwrap_or_else(|error| panic!("{error}\n{printed}"))
}

pub(crate) fn name(webhook: &Webhook) -> &str {
    webhook.metadata.name.as_deref().unwrap()
}

/// The Secrets that the printed Webhooks name, filled in.
fn filled_in(webhooks: &[Webhook], namespace: &str) -> String {
    let mut all: BTreeMap<String, Value> = BTreeMap::new();
    for Variable { value_from, .. } in webhooks.iter().flat_map(|webhook| &webhook.spec.variables) {
        let from = value_from.as_ref().and_then(|from| from.secret_key_ref.as_ref()).unwrap();
        all.entry(from.name.clone()).or_insert_with(|| secret(&from.name, &json!({})))["stringData"]
            [&from.key] = json!(OURS);
    }
    all.into_values().fold(String::new(), |text, mut object| {
        object["metadata"]["namespace"] = json!(namespace);
        format!("{text}---\n{object}\n")
    })
}

fn is_adopted(vendor: Vendor) {
    let place = Place::new(vendor);
    let (scene, tenant) = (&place.scene, &place.tenant);
    tenant.settings(&match vendor {
        Vendor::Superoffice => json!({"secretEcho": "mask"}),
        Vendor::Brightpearl | Vendor::Contensis => json!({}),
    });
    let plain = tenant.insert(&existing(vendor, "order", false));
    let hidden = tenant.insert(&existing(vendor, "product", true));
    let before = tenant.stored();
    let ran = place.import(&[]);
    let printed = ran.well().to_owned();
    println!("{printed}{}", ran.stderr);
    let reader = reader(scene);
    let asked = format!("{}/account", scene.namespace);
    let of_cluster = run(Some(&reader), &["import", "--account", &asked]);
    assert_eq!(of_cluster.well(), printed);
    assert_eq!(of_cluster.stderr, ran.stderr);
    assert_eq!(run(Some(&reader), &["import", "--account", "account"]).well(), printed);
    assert_eq!(wrote(scene), []);
    place.only_read();
    assert!(!printed.contains(THEIRS) && !ran.stderr.contains(THEIRS), "{ran:#?}");

    let webhooks = read(&printed);
    let ids: Vec<_> = webhooks.iter().map(|webhook| webhook.spec.external_id.as_deref().unwrap()).collect();
    assert_eq!(ids, [&plain, &hidden]);
    let write_only = usize::from(vendor != Vendor::Brightpearl);
    let secrets = filled_in(&webhooks, &scene.namespace);
    assert_eq!(secrets.matches(OURS).count(), write_only, "{secrets}");
    assert_eq!(ran.stderr.matches("fill in: ").count(), write_only, "{}", ran.stderr);
    let planned = place.plan(&printed, &secrets);
    assert!(planned.well().contains("No changes"), "{planned:#?}");

    tenant.clear_journal();
    if write_only > 0 {
        support::apply(&scene.namespace, &secrets).accepted();
    }
    support::apply(&scene.namespace, &printed).accepted();
    // No status knows anything yet.
    let planned = run(Some(&reader), &["plan", "--namespace", &scene.namespace]);
    assert!(planned.well().contains("No changes") && planned.stdout.contains("2 to adopt"), "{planned:#?}");
    let _operator = scene.operator();
    for webhook in &webhooks {
        let ready = scene.ready(name(webhook));
        assert_eq!(ready["status"]["externalId"].as_str(), webhook.spec.external_id.as_deref());
    }
    scene.pass("account");
    // A write-only value is trusted to be the one that was filled in,
    assert_eq!((tenant.writes(), tenant.stored()), (0, before.clone()), "{:?}", tenant.operations());
    let planned = run(Some(&reader), &["plan", "--namespace", &scene.namespace]);
    assert!(planned.well().contains("2 unchanged"), "{planned:#?}");
    // until it changes.
    if write_only > 0 {
        support::apply(&scene.namespace, &secrets.replace(OURS, "canary-of-later")).accepted();
        tenant.asked("update", 1);
        scene.pass("account");
        let now = tenant.one(&hidden).unwrap().to_string();
        assert!(now.contains("canary-of-later") && !now.contains(THEIRS), "{now}");
    }
    let writes = ["create", "delete", "update"].map(|one| tenant.count(one));
    assert_eq!(writes, [0, 0, write_only], "{:?}", tenant.operations());
    assert_eq!(tenant.one(&plain), Some(before[0].clone()));
}

#[test]
fn brightpearls_subscriptions_are_imported_and_adopted_unchanged() {
    is_adopted(Vendor::Brightpearl);
}

#[test]
fn contensis_subscriptions_are_imported_and_adopted_unchanged() {
    is_adopted(Vendor::Contensis);
}

#[test]
fn superoffices_subscriptions_are_imported_and_adopted_unchanged() {
    is_adopted(Vendor::Superoffice);
}

/// Everything that a SuperOffice server of 12.0 on-site can store and older ones cannot.
#[test]
fn superoffices_error_notifications_are_imported_and_in_sync() {
    let place = Place::new(Vendor::Superoffice);
    place.tenant.settings(&json!({"version": "12.0", "requireHttps": false}));
    for (at, members) in [
        json!({"Name": "n".repeat(400), "TargetUrl": "http://receiver.internal/so"}),
        json!({"Name": null, "ErrorEmails": ["a@example.com"], "NotifyVia": "Email", "NotifyWhen": "Disabling"}),
        json!({"ErrorEmails": ["b@example.com"], "Description": "nobody is notified"}),
        json!({"ErrorEmails": ["c@example.com", "d@example.com"], "NotifyVia": "InApp, Email", "NotifyWhen": 3}),
        json!({"ErrorAssociates": [{"Id": 5}], "NotifyVia": "InApp", "NotifyWhen": "FirstFailure"}),
        json!({"Type": "crmscript", "TargetUrl": "42"}),
    ]
    .into_iter()
    .enumerate()
    {
        let mut hook = existing(Vendor::Superoffice, &format!("hook-{at}"), false);
        hook.as_object_mut().unwrap().remove("ErrorsEmail");
        hook.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        place.tenant.insert(&hook);
    }
    let before = place.tenant.stored();
    let ran = place.import(&[]);
    let printed = ran.well();
    assert!(!ran.stderr.contains("left out: "), "{}", ran.stderr);
    let webhooks = read(printed);
    assert_eq!(webhooks.len(), 6);
    let planned = place.plan(printed, &filled_in(&webhooks, &place.scene.namespace));
    assert!(planned.well().contains("No changes"), "{planned:#?}");
    support::try_apply(&place.scene.namespace, printed).accepted();
    place.only_read();
    assert_eq!(place.tenant.stored(), before);
}

/// A subscription as the vendors document it.
fn seed(name: &str) -> Value {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/sandbox/fixtures/seeds");
    serde_json::from_str(&std::fs::read_to_string(format!("{folder}/{name}.json")).unwrap()).unwrap()
}

/// Random subscriptions: most are printed, and a plan of the printed manifests changes nothing.
fn is_in_sync(vendor: Vendor) {
    let seed_of_run: u64 = std::env::var("HOOKTENDER_SEED")
        .map_or_else(|_| u64::from(std::process::id()), |seed| seed.parse().unwrap());
    println!("HOOKTENDER_SEED={seed_of_run}");
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed_of_run.to_le_bytes());
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
    let mut runner = TestRunner::new_with_rng(proptest::test_runner::Config::default(), rng);
    let item = match vendor {
        Vendor::Brightpearl => items::brightpearl(seed("brightpearl-post-request"), false),
        Vendor::Contensis => items::contensis(seed("contensis-create-response"), false),
        Vendor::Superoffice => items::superoffice(seed("superoffice-post-response"), false),
    };
    let place = Place::new(vendor);
    for _ in 0..30 {
        let mut made = item.new_tree(&mut runner).unwrap().current();
        for id in ["id", "WebhookId"] {
            made.as_object_mut().unwrap().remove(id);
        }
        place.tenant.insert(&made);
    }
    let before = place.tenant.stored();
    let ran = place.import(&[]);
    let printed = ran.well();
    let webhooks = read(printed);
    assert!(webhooks.len() >= 5, "{}", ran.stderr);
    assert_eq!(webhooks.len() + ran.stderr.matches("left out: ").count(), 30, "{}", ran.stderr);
    let names: BTreeSet<_> = webhooks.iter().map(name).collect();
    assert_eq!(names.len(), webhooks.len());
    let secrets = filled_in(&webhooks, &place.scene.namespace);
    let planned = place.plan(printed, &secrets);
    assert!(planned.well().contains("No changes"), "{planned:#?}");
    support::try_apply(&place.scene.namespace, printed).accepted();
    place.only_read();
    assert_eq!(place.tenant.stored(), before);
}

#[test]
fn random_subscriptions_of_brightpearl_are_in_sync_after_import() {
    is_in_sync(Vendor::Brightpearl);
}

#[test]
fn random_subscriptions_of_contensis_are_in_sync_after_import() {
    is_in_sync(Vendor::Contensis);
}

#[test]
fn random_subscriptions_of_superoffice_are_in_sync_after_import() {
    is_in_sync(Vendor::Superoffice);
}
