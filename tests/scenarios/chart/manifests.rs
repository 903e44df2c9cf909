//! `deploy/`: the chart as plain manifests, and as a base for Kustomize. `make manifests` writes them.

use std::fs;
use std::path::PathBuf;

use serde_json::json;

use crate::command::Folder;
use crate::helm::{objects, template};
use crate::markdown::{Page, root};
use crate::support::{cluster, fed, kubectl};

/// The image's name in the manifests, for readers to replace.
const IMAGE: &str = "registry.example.com/hooktender";
const NAMESPACE: &str = "hooktender";
const HEAD: &str = "\
# hooktender in all namespaces, as the chart installs it with its default values. Written by `make manifests`: do not edit.
# Replace the image registry.example.com/hooktender before you apply it, or use this folder as a base for Kustomize (docs/install.md).
---
apiVersion: v1
kind: Namespace
metadata:
  name: hooktender
  labels:
    pod-security.kubernetes.io/enforce: restricted
";

fn path() -> PathBuf {
    root().join("deploy/install.yaml")
}

/// Labels and annotations that only Helm uses, and its comments.
const FOR_HELM: [&str; 4] =
    ["# Source:", "helm.sh/chart:", "helm.sh/resource-policy:", "app.kubernetes.io/managed-by:"];

/// What Helm renders, without what is for Helm only, and with a namespace.
fn text() -> String {
    let values = json!({"image": {"repository": IMAGE}});
    let rendered = template("hooktender", NAMESPACE, &values, &["--no-hooks"]).accepted();
    let is_for_others =
        |line: &&str| !FOR_HELM.iter().any(|beginning| line.trim_start().starts_with(beginning));
    let lines: Vec<_> = rendered.lines().filter(is_for_others).collect();
    // The CRDs have no other annotation.
    let text = lines.join("\n").replace("\n  annotations:\n  labels:\n", "\n  labels:\n");
    format!("{HEAD}{text}\n")
}

#[test]
fn the_manifests_are_as_the_chart_is() {
    let text = text();
    if std::env::var_os("HOOKTENDER_BLESS").is_some() {
        fs::write(path(), &text).unwrap();
    }
    let checked_in = fs::read_to_string(path()).unwrap_or_default();
    assert!(checked_in == text, "{} is not what the chart says: make manifests", path().display());
}

#[test]
fn the_api_server_accepts_the_manifests() {
    let objects = objects(&fs::read_to_string(path()).unwrap());
    for object in &objects {
        let metadata = &object["metadata"];
        assert!(!metadata.to_string().to_lowercase().contains("helm"), "{metadata}");
    }
    // A dry run creates no namespace for the objects in it.
    if !kubectl(&["get", "namespace", NAMESPACE], "").success {
        kubectl(&["create", "namespace", NAMESPACE], "").accepted();
    }
    let applied = kubectl(
        &[
            "apply",
            "--server-side",
            "--force-conflicts",
            "--dry-run=server",
            "--validate=strict",
            "--filename",
            path().to_str().unwrap(),
        ],
        "",
    );
    let taken = applied.stdout.lines().filter(|line| line.ends_with("(server dry run)")).count();
    assert!(applied.success && taken == objects.len(), "{applied:?}");
}

/// The overlay is the one in the docs.
#[test]
fn an_overlay_sets_the_image_and_plan_only() {
    let page = Page::read("docs/install.md");
    let overlay =
        page.blocks.iter().find(|block| block.text.contains("kind: Kustomization\nresources:")).unwrap();
    let folder = Folder::new();
    fs::write(folder.path().join("kustomization.yaml"), &overlay.text).unwrap();
    // The block names a folder beside its own.
    let base = folder.path().join("deploy");
    fs::create_dir(&base).unwrap();
    for file in ["install.yaml", "kustomization.yaml"] {
        fs::copy(root().join("deploy").join(file), base.join(file)).unwrap();
    }
    let mut command = cluster().kubectl();
    let built = objects(&fed(command.args(["kustomize", folder.text()]), "").accepted());
    assert_eq!(built.len(), objects(&fs::read_to_string(path()).unwrap()).len());
    let deployment = built.iter().find(|object| object["kind"] == "Deployment").unwrap();
    let container = &deployment["spec"]["template"]["spec"]["containers"][0];
    let image = format!("registry.internal.example.com/tools/hooktender:{}", env!("CARGO_PKG_VERSION"));
    assert_eq!(container["image"], image);
    assert_eq!(container["args"].as_array().unwrap().last().unwrap(), "--plan-only");
}
