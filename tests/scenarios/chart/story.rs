//! A release's whole life in a cluster of its own: CRDs that were applied by hand, install, upgrade, rollback, uninstall, and an
//! operator that runs as the chart's Pod would.

use std::fs;
use std::path::Path;
use std::thread;

use hooktender_cluster::{Cluster, eventually};
use serde_json::{Value, json};

use super::pod::Process;
use crate::command::Folder;
use crate::helm::{chart, helm, objects};
use crate::operator::Operator;
use crate::scene::{Scene, is, login, webhook};
use crate::support::Answer;
use crate::vendors::{self, Tenant, Vendor};

const RELEASE: &str = "hooks";
const NAMESPACE: &str = "hooktender";

/// The release, and its cluster.
struct Release {
    cluster: &'static Cluster,
    /// Of an older chart, whose Webhooks have no short name.
    older: Folder,
}

impl Release {
    /// A cluster with the older CRDs, applied by hand.
    fn begin() -> Self {
        let cluster: &'static Cluster = Box::leak(Box::new(Cluster::start().unwrap()));
        let older = Folder::new();
        copy(&chart(), older.path());
        let path = older.path().join("files/crds/webhooks.yaml");
        let mut crd: Value = serde_saphyr::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
        assert!(crd["spec"]["names"].as_object_mut().unwrap().remove("shortNames").is_some());
        fs::write(&path, crd.to_string()).unwrap();
        cluster
            .kubectl_run(&["apply", "--filename", older.path().join("files/crds").to_str().unwrap()])
            .unwrap();
        cluster.kubectl_run(&["create", "namespace", NAMESPACE]).unwrap();
        Self { cluster, older }
    }

    /// Runs a helm command on the release, with the values for this machine.
    fn helm(&self, command: &[&str], values: &Value) -> Answer {
        let mut all = json!({"allowedEndpoints": vendors::endpoints(), "settle": "2s"});
        all.as_object_mut().unwrap().extend(values.as_object().unwrap().clone());
        helm(self.cluster, &[command, &["--namespace", NAMESPACE]].concat(), &all)
    }

    /// Commands that take no values.
    fn told(&self, command: &[&str]) -> String {
        let mut helm = self.cluster.helm();
        crate::support::fed(helm.args(command).args(["--namespace", NAMESPACE]), "").accepted()
    }

    fn pod(&self) -> Value {
        let get = ["get", "deployment", "hooks-hooktender", "--namespace", NAMESPACE];
        self.cluster.kubectl_json(&get).unwrap()["spec"]["template"]["spec"].clone()
    }

    /// Runs the operator as the Deployment says.
    fn operator(&self) -> Operator {
        let pod = self.pod();
        Process::of(self.cluster, NAMESPACE, &pod, &pod["containers"][0]).start()
    }

    /// `helm test --logs`. The kubelet's part is played here: it runs the container of each Pod, and reports how it ended; `operator` is
    /// the endpoint of the Service. Without a kubelet, the API server has no logs, but refuses to read those of a Pod with several
    /// containers, or of one that is gone.
    fn test(&self, operator: &Operator) {
        let mut helm = self.cluster.helm();
        helm.args(["test", RELEASE, "--namespace", NAMESPACE, "--logs", "--timeout=2m"]);
        let names = ["hooks-hooktender-test-ready", "hooks-hooktender-test-plan"];
        let answer = thread::scope(|scope| {
            let helm = scope.spawn(move || crate::support::fed(&mut helm, ""));
            for name in names {
                self.play_kubelet(name, operator);
            }
            helm.join().unwrap()
        });
        assert!(answer.success, "{answer:?}");
        for name in names {
            assert!(answer.stdout.contains(&format!("TEST SUITE:     {name}\n")), "{}", answer.stdout);
            assert!(answer.stdout.contains(&format!("POD LOGS: {name}\n")), "{}", answer.stdout);
        }
        assert_eq!(answer.stdout.matches("Phase:          Succeeded").count(), 2, "{}", answer.stdout);
        // They stay, so that their logs can be read again.
        let selector = "--selector=app.kubernetes.io/component=test";
        let left = ["get", "pods", "--namespace", NAMESPACE, selector, "--output=name"];
        assert_eq!(self.cluster.kubectl_run(&left).unwrap().lines().count(), 2);
    }

    /// Runs the one container of a Pod, and reports its success.
    fn play_kubelet(&self, name: &str, operator: &Operator) {
        // That of the last test is replaced.
        let pod = eventually(&format!("helm makes {name}"), || {
            let get = ["get", "pod", name, "--namespace", NAMESPACE];
            let pod = self.cluster.kubectl_json(&get).map_err(|error| error.to_string())?;
            if pod["status"]["phase"] == "Pending" { Ok(pod) } else { Err(pod["status"].to_string()) }
        })
        .unwrap();
        let containers = pod["spec"]["containers"].as_array().unwrap();
        assert_eq!(containers.len(), 1);
        let mut process = Process::of(self.cluster, NAMESPACE, &pod["spec"], &containers[0]);
        for argument in &mut process.arguments {
            if argument.starts_with("--address=") {
                assert_eq!(argument, "--address=hooks-hooktender.hooktender.svc:8080");
                *argument = format!("--address={}", operator.address());
            }
        }
        let ran = process.run();
        eprintln!("helm test: {:?} {}", process.arguments, ran.stdout);
        ran.exits(0);
        let ended = r#"{"status": {"phase": "Succeeded"}}"#;
        let patch =
            ["patch", "pod", name, "--namespace", NAMESPACE, "--subresource=status", "--patch", ended];
        self.cluster.kubectl_run(&patch).unwrap();
    }

    fn short_names(&self) -> Value {
        let crd = self.cluster.kubectl_json(&["get", "crd", "webhooks.hooktender.dev"]).unwrap();
        crd["spec"]["names"]["shortNames"].clone()
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let (path, to) = (entry.as_ref().unwrap().path(), to.join(entry.unwrap().file_name()));
        if path.is_dir() {
            copy(&path, &to);
        } else {
            fs::copy(&path, &to).unwrap();
        }
    }
}

/// Applies the examples of each vendor, unchanged but for the account's address and login; returns the Webhooks.
fn examples(scene: &Scene) -> Declared {
    Vendor::ALL
        .map(|vendor| {
            let tenant = Tenant::open(vendor);
            let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples").join(vendor.as_str());
            let mut webhooks = Vec::new();
            let mut login = login("login", &tenant);
            login["metadata"]["name"] = json!(format!("{}-sandbox", vendor.as_str()));
            scene.apply(&login);
            for file in fs::read_dir(folder).unwrap() {
                for mut object in objects(&fs::read_to_string(file.unwrap().path()).unwrap()) {
                    if object["kind"] == "VendorAccount" {
                        object["spec"]["vendor"] = tenant.spec(login["metadata"]["name"].as_str().unwrap());
                    }
                    scene.apply(&object);
                    webhooks.extend(Some(object).filter(|object| object["kind"] == "Webhook"));
                }
            }
            (tenant, webhooks)
        })
        .into()
}

fn name(object: &Value) -> &str {
    object["metadata"]["name"].as_str().unwrap()
}

/// What the examples of each vendor declare, and the vendor that stores it.
type Declared = Vec<(Tenant, Vec<Value>)>;

/// CRDs that somebody applied by hand are taken over on purpose, and not by accident.
fn install(release: &Release) {
    let install = ["install", RELEASE, release.older.text()];
    let refused = release.helm(&install, &json!({})).refused();
    assert!(refused.contains("invalid ownership metadata"), "{refused}");
    let notes = release.helm(&[&install[..], &["--take-ownership"]].concat(), &json!({})).accepted();
    assert!(notes.contains("manages all namespaces"), "{notes}");
    assert_eq!(release.short_names(), Value::Null);
}

/// In mode Plan, by a newer chart: the CRDs are the newer ones, and nothing is written at a vendor any more.
fn upgrade(release: &Release, scene: &Scene, tenant: &Tenant) {
    let newer = chart();
    let upgrade = ["upgrade", RELEASE, newer.to_str().unwrap()];
    let notes = release.helm(&upgrade, &json!({"planOnly": true})).accepted();
    assert!(notes.contains("Plan-only mode"), "{notes}");
    assert_eq!(release.short_names(), json!(["wh"]));
    let operator = release.operator();
    tenant.clear_journal();
    let mut another = webhook("another", tenant.vendor);
    another["spec"]["accountRef"]["name"] = json!(tenant.vendor.as_str());
    scene.apply(&another);
    scene.webhook_becomes("another", "planned", |webhook| is(webhook, "Ready", "True", "Planned"));
    release.test(&operator);
    operator.terminate();
    assert_eq!(tenant.writes(), 0);
}

/// As before the upgrade; the planned subscription is created.
fn rollback(release: &Release, scene: &Scene, tenant: &Tenant) {
    release.told(&["rollback", RELEASE, "1"]);
    assert!(!release.pod()["containers"][0]["args"].to_string().contains("plan-only"));
    let operator = release.operator();
    scene.webhook_becomes("another", "made", |webhook| is(webhook, "Ready", "True", "InSync"));
    assert_eq!(tenant.count("create"), 1);
    operator.terminate();
}

/// Helm cannot roll back to a release with CRDs from one without, as the docs say; an upgrade can.
fn without_crds_and_back(release: &Release) {
    let newer = chart();
    let upgrade = ["upgrade", RELEASE, newer.to_str().unwrap()];
    release.helm(&upgrade, &json!({"crds": {"install": false}})).accepted();
    assert_eq!(release.short_names(), Value::Null, "they are kept, of the older chart");
    let mut helm = release.cluster.helm();
    let rollback = ["rollback", RELEASE, "--namespace", NAMESPACE];
    let refused = crate::support::fed(helm.args(rollback), "").refused();
    assert!(refused.contains("metadata.resourceVersion: Invalid value"), "{refused}");
    release.helm(&upgrade, &json!({})).accepted();
    assert_eq!(release.short_names(), json!(["wh"]));
    let status = release.told(&["status", RELEASE]);
    assert!(status.contains("STATUS: deployed"), "{status}");
}

/// Everything is removed but declared objects and their kinds.
fn uninstall(release: &Release, scene: &Scene, declared: &Declared) {
    release.told(&["uninstall", RELEASE]);
    for kinds in ["deployments,services,serviceaccounts,roles", "clusterroles,clusterrolebindings"] {
        let selector = format!("--selector=app.kubernetes.io/instance={RELEASE}");
        let get = ["get", kinds, "--namespace", NAMESPACE, &selector, "--output=name"];
        assert_eq!(release.cluster.kubectl_run(&get).unwrap(), "", "{kinds}");
    }
    for webhook in declared.iter().flat_map(|(_, webhooks)| webhooks) {
        assert!(is(&scene.webhook(name(webhook)), "Ready", "True", "InSync"), "{}", name(webhook));
    }
}

#[test]
fn a_release_is_installed_upgraded_rolled_back_and_leaves_what_is_declared() {
    let release = Release::begin();
    install(&release);
    let scene = Scene::at(release.cluster, "team");
    let operator = release.operator();
    let declared = examples(&scene);
    for (tenant, webhooks) in &declared {
        for webhook in webhooks {
            scene.ready(name(webhook));
        }
        assert_eq!(tenant.stored().len(), 2);
        scene.account_becomes(tenant.vendor.as_str(), "ready", |account| {
            is(account, "Ready", "True", "InSync")
        });
    }
    release.test(&operator);
    operator.terminate();

    let (tenant, _) = &declared[0];
    upgrade(&release, &scene, tenant);
    rollback(&release, &scene, tenant);
    without_crds_and_back(&release);
    uninstall(&release, &scene, &declared);

    // The release can be installed again: it owns the CRDs that it left.
    let newer = chart();
    release.helm(&["install", RELEASE, newer.to_str().unwrap()], &json!({})).accepted();
    assert_eq!(release.short_names(), json!(["wh"]));
    let operator = release.operator();
    eventually("each account is looked at", || {
        let metrics = operator.metrics();
        let good =
            |line: &&str| line.starts_with("hooktender_passes_total") && line.ends_with("\"success\"} 1");
        let passes = metrics.lines().filter(good).count();
        if passes == declared.len() { Ok(()) } else { Err(metrics) }
    })
    .unwrap();
    assert_eq!(tenant.count("create"), 1, "all is found as it was");
}
