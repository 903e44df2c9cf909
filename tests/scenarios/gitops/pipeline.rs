//! The pipeline of `examples/gitops`, as a runner runs it: no cluster, no terminal.

use crate::command::{Folder, Ran, documents, only_reads, run};
use crate::plan_offline::everything;
use crate::scene::webhook;
use crate::vendors::{self, Tenant, Vendor};
use serde_json::{Value, json};
use std::path::Path;
use std::process::{Command, Stdio};

/// Runs the script over the base branch's accounts, a folder of manifests and a file of Secrets.
fn pipeline(objects: &[Value]) -> Ran {
    let is = |kind: &'static str| move |object: &Value| object["kind"] == kind;
    let (accounts, others): (Vec<_>, Vec<_>) = objects.iter().cloned().partition(is("VendorAccount"));
    let (secrets, manifests): (Vec<_>, Vec<_>) = others.into_iter().partition(is("Secret"));
    proposed(&accounts, &Folder::of(&manifests), &secrets, &[])
}

fn proposed(accounts: &[Value], manifests: &Folder, secrets: &[Value], environment: &[(&str, &str)]) -> Ran {
    let (base, kept) = (Folder::of(accounts), Folder::new());
    let secrets = kept.write("secrets.yaml", &documents(secrets));
    let mut script = Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/gitops/plan.sh"));
    script.args([base.text(), manifests.text(), &secrets]).env_clear();
    script.env("HOOKTENDER", env!("CARGO_BIN_EXE_hooktender"));
    script.env("HOOKTENDER_ALLOW_ENDPOINTS", vendors::endpoints().join(","));
    script.envs(environment.iter().copied());
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
    // A Secret is missing, and then a manifest is wrong.
    objects.retain(|object| object["metadata"]["name"] != "hook-secrets");
    pipeline(&objects).exits(1).says("Secret default/hook-secrets does not exist");
    if let Some(hook) = objects.last_mut() {
        hook["spec"]["subscription"]["brightpearl"]["httpMethod"] = json!("POTS");
    }
    let refused = pipeline(&objects).fails().join("\n");
    assert!(refused.contains("httpMethod"), "{refused}");
}

/// The author of a pull request points the account to their own host, which is allowed for other accounts.
#[test]
fn a_pull_request_cannot_change_where_credentials_go() {
    let (tenant, ear) = (Tenant::open(Vendor::Brightpearl), Tenant::open(Vendor::Brightpearl));
    let objects = everything(&tenant, &[webhook("hook", Vendor::Brightpearl)]);
    let of = |kind: &str| objects.iter().filter(|object| object["kind"] == kind).cloned().collect::<Vec<_>>();
    let (accounts, secrets) = (of("VendorAccount"), of("Secret"));
    let theirs: Vec<_> = accounts
        .iter()
        .map(|account| {
            let mut theirs = account.clone();
            theirs["spec"]["vendor"] = ear.spec("login");
            theirs
        })
        .collect();
    let manifests = Folder::of(&[theirs.clone(), of("Webhook")].concat());
    let plan = proposed(&accounts, &manifests, &secrets, &[]).exits(0);
    plan.says("VendorAccount/account is skipped: accounts are read only from --accounts-from");
    assert_eq!(ear.operations(), [""; 0], "the plan called whom the pull request named");
    assert!(!tenant.operations().is_empty());
    // An account that the base branch does not have does not exist.
    let mut new = theirs[0].clone();
    new["metadata"]["name"] = json!("new");
    let mut hook = webhook("hook", Vendor::Brightpearl);
    hook["spec"]["accountRef"]["name"] = json!("new");
    proposed(&accounts, &Folder::of(&[new, hook]), &secrets, &[]).exits(1);
    assert_eq!(ear.operations(), [""; 0]);
}

/// Lines of a log that GitHub Actions takes for commands, except between stop tokens.
fn commands(log: &str) -> Vec<&str> {
    let (mut found, mut off) = (Vec::new(), None);
    for line in log.lines() {
        let bare = line.trim_start();
        match off {
            None => match bare.strip_prefix("::stop-commands::") {
                Some(token) => off = Some(format!("::{token}::")),
                None if bare.starts_with("::") || line.contains("##[") => found.push(line),
                None => {}
            },
            Some(ref token) if bare == token => off = None,
            Some(_) => {}
        }
    }
    found
}

#[test]
fn no_file_of_a_pull_request_commands_the_runner() {
    let tenant = Tenant::open(Vendor::Brightpearl);
    let objects = everything(&tenant, &[]);
    let of = |kind: &str| objects.iter().filter(|object| object["kind"] == kind).cloned().collect::<Vec<_>>();
    let manifests = Folder::of(&[webhook("hook", Vendor::Brightpearl)]);
    manifests.write("\x1b[2J\n::error::a\n##[group]b\u{202e}.yaml", "kind: Webhook\n");
    let on_github = [("GITHUB_ACTIONS", "true")];
    let ran = proposed(&of("VendorAccount"), &manifests, &of("Secret"), &on_github).exits(1);
    assert_eq!(commands(&ran.stderr), [""; 0], "{}", ran.stderr);
    let again = proposed(&of("VendorAccount"), &manifests, &of("Secret"), &on_github).exits(1);
    assert_ne!(
        ran.stderr.lines().next(),
        again.stderr.lines().next(),
        "a token that is known switches nothing off"
    );
    // Not without the token either, and not on a terminal.
    let ran = proposed(&of("VendorAccount"), &manifests, &of("Secret"), &[]).exits(1);
    let broken = ran.stderr.lines().any(|line| !line.starts_with("error: ") || line.contains("##["));
    assert!(!broken && !ran.stderr.contains(['\x1b', '\u{202e}']), "{}", ran.stderr);
    ran.says(r"\u{1b}[2J\u{a}::error::a\u{a}\u{23}#[group]b\u{202e}.yaml");
}
