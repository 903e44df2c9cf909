//! The pipeline of `examples/gitops`, as a runner runs it: no cluster, no terminal.

use crate::command::{Folder, Ran, documents, only_reads, run};
use crate::plan_offline::everything;
use crate::scene::webhook;
use crate::vendors::{self, Tenant, Vendor};
use serde_json::{Value, json};
use std::path::Path;
use std::process::{Command, Stdio};

/// Runs the script over a folder of manifests and a file of Secrets.
fn pipeline(objects: &[Value]) -> Ran {
    let (secrets, manifests): (Vec<_>, Vec<_>) =
        objects.iter().cloned().partition(|object| object["kind"] == "Secret");
    let (folder, kept) = (Folder::of(&manifests), Folder::new());
    let kept = kept.write("secrets.yaml", &documents(&secrets));
    let mut script = Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/gitops/plan.sh"));
    script.args([folder.text(), &kept]).env_clear();
    script.env("HOOKTENDER", env!("CARGO_BIN_EXE_hooktender"));
    script.env("HOOKTENDER_ALLOW_ENDPOINTS", vendors::endpoints().join(","));
    run(script.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()))
}

#[test]
fn a_pull_request_is_planned_and_fails_on_errors_only() {
    let tenant = Tenant::open(Vendor::Brightpearl);
    let mut objects = everything(&tenant, &[webhook("hook", Vendor::Brightpearl)]);
    let plan = pipeline(&objects).exits(0).quiet();
    assert!(plan.starts_with("### Plan: 1 to create.") && plan.contains("default/hook"), "{plan}");
    assert!(!plan.contains("canary-"), "{plan}");
    only_reads(&tenant);
    // A Secret that is not there, and then a manifest that is wrong.
    objects.retain(|object| object["metadata"]["name"] != "hook-secrets");
    pipeline(&objects).exits(1).says("Secret default/hook-secrets does not exist");
    if let Some(hook) = objects.last_mut() {
        hook["spec"]["subscription"]["brightpearl"]["httpMethod"] = json!("POTS");
    }
    let refused = pipeline(&objects).fails().join("\n");
    assert!(refused.contains("httpMethod"), "{refused}");
}
