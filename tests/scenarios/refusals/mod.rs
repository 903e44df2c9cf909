//! What `kubectl apply` refuses, and with which message: every rule of all kinds is broken by at least one manifest; valid
//! manifests are beside them. The API server itself decides.

mod account;
mod brightpearl;
mod contensis;
mod offline;
mod superoffice;
mod webhook;
mod webhook_set;
mod words;

use crate::support::{Answer, apply, cluster, manifest, try_apply};
use serde_json::Value;
use std::collections::BTreeSet;

/// One manifest and its result.
struct Case {
    reason: &'static str,
    kind: &'static str,
    /// The spec that was applied before, for rules on changes.
    before: Option<String>,
    spec: String,
    /// The message of the refusal; `None`: it is accepted.
    refusal: Option<&'static str>,
}

/// A Webhook whose subscription is this YAML block; other members have minimal values.
fn subscription(block: &str) -> String {
    format!("accountRef: {{name: a}}\nsubscription: {block}")
}

/// A VendorAccount whose vendor is this YAML block.
fn vendor(block: &str) -> String {
    format!("vendor: {block}")
}

fn fine(reason: &'static str, kind: &'static str, spec: String) -> Case {
    Case { reason, kind, before: None, spec, refusal: None }
}

fn bad(reason: &'static str, kind: &'static str, spec: String, refusal: &'static str) -> Case {
    Case { refusal: Some(refusal), ..fine(reason, kind, spec) }
}

/// The same object applied twice, with a change that is refused (or not).
fn changed(case: Case, before: String) -> Case {
    Case { before: Some(before), ..case }
}

const ACCOUNT: &str = "VendorAccount";
const WEBHOOK: &str = "Webhook";
const SET: &str = "WebhookSet";

/// All of them.
fn cases() -> Vec<Case> {
    [
        account::cases(),
        webhook::cases(),
        webhook_set::cases(),
        brightpearl::cases(),
        contensis::cases(),
        superoffice::cases(),
        words::cases(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

#[test]
fn kubectl_apply_refuses_invalid_manifests_and_says_what_to_write_instead() {
    let cases = cases();
    let namespace = cluster().namespace("refusals").unwrap();
    let name = |number: usize| format!("case-{number:03}");
    let documents = |spec: &dyn Fn(&Case) -> Option<&str>| -> String {
        let specs = cases.iter().enumerate();
        specs.filter_map(|(number, case)| Some(manifest(case.kind, &name(number), spec(case)?))).collect()
    };
    apply(&namespace, &documents(&|case| case.before.as_deref())).accepted();
    let answer = try_apply(&namespace, &documents(&|case| Some(&case.spec)));

    let mut complaints = Vec::new();
    if answer.stderr.contains("Warning:") {
        complaints.push(format!("kubectl warned:\n{}", answer.stderr));
    }
    for (number, case) in cases.iter().enumerate() {
        if let Err(complaint) = judge(case, &name(number), &answer) {
            complaints.push(format!("{}: {complaint}\n{}", case.reason, case.spec));
        }
        if let Some(complaint) = offline::disagreement(case, &name(number), &answer) {
            complaints.push(format!("{}: {complaint}\n{}", case.reason, case.spec));
        }
    }
    for message in messages() {
        if !answer.stderr.contains(&message) {
            complaints.push(format!("no case breaks this rule: add one to the file of its vendor or kind in tests/scenarios/refusals: {message}"));
        }
    }
    assert!(
        complaints.is_empty(),
        "{} of {} cases or rules are wrong\n\n{}",
        complaints.len(),
        cases.len(),
        complaints.join("\n\n")
    );
}

/// Whether kubectl's answer about one object is the expected one, with a helpful message.
fn judge(case: &Case, name: &str, answer: &Answer) -> Result<(), String> {
    let refused = causes(name, &answer.stderr);
    let taken = answer
        .stdout
        .lines()
        .any(|line| line.contains(&format!("/{name} ")) && line.ends_with("(server dry run)"));
    let Some(wanted) = case.refusal else {
        return match refused.as_slice() {
            [] if taken => Ok(()),
            causes => Err(format!("should not be refused, but: {causes:#?}")),
        };
    };
    match refused.as_slice() {
        [] if taken => Err("should be refused".into()),
        [] => Err("kubectl says neither that it was taken nor why not".into()),
        [only] if !only.contains(wanted) => Err(format!("should be refused with `{wanted}`, but: {only}")),
        [only]
            if ["should match", "must validate", "must be a valid"].iter().any(|raw| only.contains(raw)) =>
        {
            Err(format!("nobody can tell what to write instead from: {only}"))
        }
        [_] => Ok(()),
        many => Err(format!("one mistake should have one answer, not {}: {many:#?}", many.len())),
    }
}

/// Kubectl's errors about one object, one entry a cause. Several causes are one line, `[spec.a: …, spec.b: …]`.
fn causes(name: &str, stderr: &str) -> Vec<String> {
    let start = format!("\"{name}\" is invalid: ");
    let Some((_, causes)) = stderr.lines().find_map(|line| line.split_once(&start)) else {
        return Vec::new();
    };
    causes
        .trim_start_matches('[')
        .trim_end_matches(']')
        .replace(", <nil>: ", ", spec: ")
        .replace(", spec", "\nspec")
        .lines()
        // Added by the API server whenever the structure is wrong.
        .filter(|cause| !cause.contains("some validation rules were not checked"))
        .map(str::to_owned)
        .collect()
}

/// The message of every rule in all CRDs.
fn messages() -> BTreeSet<String> {
    fn collect(value: &Value, into: &mut BTreeSet<String>) {
        if let Some(rules) = value.get("x-kubernetes-validations").and_then(Value::as_array) {
            for rule in rules {
                let message = rule["message"].as_str();
                into.insert(message.unwrap_or_else(|| panic!("a rule without a message: {rule}")).into());
            }
        }
        match value {
            Value::Object(members) => members.values().for_each(|member| collect(member, into)),
            Value::Array(items) => items.iter().for_each(|item| collect(item, into)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
    let mut messages = BTreeSet::new();
    let crds = serde_json::to_value(hooktender::api::crds().unwrap()).unwrap();
    collect(&crds, &mut messages);
    assert!(messages.len() > 30, "rules are found where they are: {messages:?}");
    messages
}

#[test]
fn a_misspelt_field_is_refused_by_its_name() {
    let namespace = cluster().namespace("refusals").unwrap();
    let spec = subscription(
        "{brightpearl: {subscribeTo: product, httpMethod: GET, uriTemplat: 'https://a.example/'}}",
    );
    let refusal = try_apply(&namespace, &manifest(WEBHOOK, "a", &spec)).refused();
    assert!(refusal.contains("unknown field \"spec.subscription.brightpearl.uriTemplat\""), "{refusal}");
}

#[test]
fn a_literal_secret_is_refused_without_being_repeated() {
    let namespace = cluster().namespace("refusals").unwrap();
    let block = "{superoffice: {name: a, events: [contact.created], targetUrl: 'https://a.example/', secret: hunter2}}";
    let refusal = try_apply(&namespace, &manifest(WEBHOOK, "a", &subscription(block))).refused();
    assert!(refusal.contains("spec.subscription.superoffice.secret: Invalid value: "), "{refusal}");
    assert!(!refusal.contains("hunter2"), "{refusal}");
}
