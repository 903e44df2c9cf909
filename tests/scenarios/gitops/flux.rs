//! The example for Flux: by Flux's own types, and by what its controllers do with it.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::judge::{flux, judge};
use crate::command::Folder;
use crate::helm::objects;
use crate::scene::Scene;
use crate::support::{get, kubectl};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).to_owned()
}

fn example(file: &str) -> Vec<Value> {
    objects(&fs::read_to_string(root().join("examples/gitops").join(file)).unwrap())
}

#[test]
fn flux_knows_each_member_and_all_dependencies_exist() {
    let (mut cluster, release) = (example("flux.yaml"), example("hooktender/release.yaml"));
    for objects in [&cluster, &release] {
        let answer = flux(objects);
        assert!(answer.success, "{}", answer.stderr);
    }
    let sources = |objects: &[Value]| -> BTreeSet<String> {
        let all = objects.iter().filter(|object| object["kind"] == "GitRepository");
        all.map(|source| source["metadata"]["name"].to_string()).collect()
    };
    let kustomizations: Vec<_> = cluster.iter().filter(|object| object["kind"] == "Kustomization").collect();
    let mut before = BTreeSet::new();
    for one in &kustomizations {
        assert_eq!(one["spec"]["wait"], true, "nobody learns when it is ready: {one}");
        assert!(sources(&cluster).contains(&one["spec"]["sourceRef"]["name"].to_string()), "{one}");
        for other in one["spec"]["dependsOn"].as_array().into_iter().flatten() {
            assert!(before.contains(&other["name"].to_string()), "{other} is not there, or comes later");
        }
        before.insert(one["metadata"]["name"].to_string());
    }
    assert_eq!(kustomizations.last().unwrap()["spec"]["dependsOn"].as_array().unwrap().len(), 2);
    let chart =
        &release.iter().find(|object| object["kind"] == "HelmRelease").unwrap()["spec"]["chart"]["spec"];
    assert!(sources(&release).contains(&chart["sourceRef"]["name"].to_string()));
    assert!(root().join(chart["chart"].as_str().unwrap()).join("Chart.yaml").is_file());
    // A check that accepts everything checks nothing.
    cluster.last_mut().unwrap()["spec"]["dependOn"] = json!([]);
    assert!(flux(&cluster).refused().contains(r#"unknown field "dependOn""#));
}

/// What kustomize-controller does with a folder of manifests: it builds a kustomization of all of them, and applies it.
#[test]
fn a_folder_of_manifests_is_built_and_applied() {
    let scene = Scene::new("flux");
    let folder = Folder::new();
    let mut files = Vec::new();
    for file in fs::read_dir(root().join("examples/contensis")).unwrap().map(Result::unwrap) {
        let name = file.file_name().into_string().unwrap();
        folder.write(&name, &fs::read_to_string(file.path()).unwrap());
        files.push(name);
    }
    let kustomization = json!({
        "apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization",
        "namespace": scene.namespace, "resources": files,
    });
    folder.write("kustomization.yaml", &kustomization.to_string());
    let built = kubectl(&["kustomize", folder.text()], "").accepted();
    assert!(objects(&built).iter().all(|object| object["metadata"]["namespace"] == scene.namespace.as_str()));
    let arguments = ["apply", "--server-side", "--field-manager=kustomize-controller", "--filename=-"];
    kubectl(&arguments, &built).accepted();
    // No operator runs here, and so Flux would wait.
    let objects = get(&scene.namespace, "webhooks,vendoraccounts");
    let objects: Vec<_> = objects["items"].as_array().unwrap().iter().collect();
    assert_eq!(objects.len(), 3);
    let scripts = &example("argocd-health.yaml")[0]["data"];
    for verdict in judge(&objects, scripts) {
        assert_eq!(verdict.kstatus.status, "InProgress", "{}", verdict.kstatus.message);
    }
}
