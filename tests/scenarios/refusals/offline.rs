//! The same cases without an API server: the offline validation refuses the same manifests, with the same messages.

use super::{ACCOUNT, Case, SET, WEBHOOK, cases, causes, fine, messages, subscription};
use crate::support::{Answer, cluster, kubectl, manifest};
use hooktender::api::{VendorAccount, Webhook, WebhookSet};
use hooktender::manifest::{self, Manifests, Problem};
use serde_json::{Value, json};
use std::fs;
use std::path::Path;

/// The errors of the offline validation about one case.
pub(super) fn complaints(case: &Case) -> Vec<Problem> {
    let read = |spec: &str| {
        let yaml = manifest(case.kind, "a", spec);
        manifest::parse("case.yaml", yaml.as_bytes(), "default")
    };
    let new = match read(&case.spec) {
        Ok(new) => new,
        Err(problems) => return problems,
    };
    let Some(before) = &case.before else { return Vec::new() };
    let old = read(before).unwrap_or_else(|problems| panic!("{}: {problems:?}", case.reason));
    changed(case, &old, &new)
}

fn changed(case: &Case, old: &Manifests, new: &Manifests) -> Vec<Problem> {
    match case.kind {
        ACCOUNT => manifest::check_change::<VendorAccount>(&old.accounts[0].object, &new.accounts[0]),
        WEBHOOK => manifest::check_change::<Webhook>(&old.webhooks[0].object, &new.webhooks[0]),
        SET => manifest::check_change::<WebhookSet>(&old.sets[0].object, &new.sets[0]),
        other => panic!("no such kind: {other}"),
    }
}

/// Where the offline message differs from that of the API server.
pub(super) fn disagreement(case: &Case, name: &str, answer: &Answer) -> Option<String> {
    let server = causes(name, &answer.stderr);
    let offline: Vec<_> = complaints(case).into_iter().map(|problem| problem.message).collect();
    (server != offline).then(|| format!("the API server says {server:#?}, without it: {offline:#?}"))
}

#[test]
fn what_the_api_server_refuses_is_refused_offline_and_at_its_place() {
    let mut wrong = Vec::new();
    let mut said = String::new();
    for case in cases() {
        let complaints = complaints(&case);
        let fits = match (&complaints[..], case.refusal) {
            ([], None) => true,
            ([only], Some(refusal)) => {
                // The spec begins in line 6.
                let line = only.place.as_ref().map_or(0, |place| place.line);
                only.message.contains(refusal) && line >= 5
            }
            _ => false,
        };
        if !fits {
            wrong.push(format!("{}: {:?}\n{}\n{complaints:#?}", case.reason, case.refusal, case.spec));
        }
        said.extend(complaints.iter().map(|problem| format!("{problem}\n")));
    }
    for message in messages() {
        if !said.contains(&message) {
            wrong.push(format!("no case provokes this rule without the API server: {message}"));
        }
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn every_example_is_valid_offline() {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    let read = manifest::read(std::slice::from_ref(&examples), true, "default");
    let read = read.unwrap_or_else(|problems| panic!("{problems:#?}"));
    let found = read.accounts.len()
        + read.webhooks.len()
        + read.sets.len()
        + read.secrets.len()
        + read.config_maps.len();
    assert_eq!(found + read.skipped.len(), documents(&examples));
    // Flux's own kinds are checked by its own types, in `gitops::flux`.
    let mut others = read.skipped.iter().filter(|one| !one.why.contains(".toolkit.fluxcd.io/"));
    assert!(others.next().is_none(), "{:?}", read.skipped);
}

/// Words of YAML, and how kubectl and the API server read them.
const WORDS: &str = "[\
    [y, Y, yes, Yes, YES, n, N, No, on, On, ON, off, true, True, TRUE, tRue, yEs], \
    [0777, 0o17, 0O17, 0x1F, 0X1f, 0b11, 0B11, -0x1f, +7, 1_000, _1, 08, 09.5, -0777, 0_7], \
    [1e3, 1E3, 1.0, 1., .5, -.5, +.5, 1e+3, 1.5e-3, 1e, e3, 5e30, -9223372036854775808], \
    [2001-01-01, 2001-12-14t21:59:43.10-05:00, 1:30, 12:30:45, 1.2.3, '1', 0x, 0b, 0.0, -0, +0, 1__0, 0x_1], \
    [=, '<<', !!str 1, .5_0, 1_0.5, 1_0e1, 9e15, 1e16, nUll, ''], \
    {on: 1, 1: 2, 1.5: 3, 0x10: 5, 1e3: 6}]";

#[test]
fn what_the_api_server_accepts_means_the_same_offline() {
    let namespace = cluster().namespace("refusals").unwrap();
    let mut cases: Vec<_> = cases().into_iter().filter(|case| case.refusal.is_none()).collect();
    let block = format!(
        "{{superoffice: {{name: a, events: [a.b], targetUrl: 'https://a.example/', properties: {{words: {WORDS}}}}}}}"
    );
    cases.push(fine("words", WEBHOOK, subscription(&block)));
    let number = |number: usize| format!("taken-{number:03}");
    let documents: String =
        cases.iter().enumerate().map(|(n, case)| manifest(case.kind, &number(n), &case.spec)).collect();
    let arguments = ["apply", "--dry-run=server", "--output=json", "--namespace", &namespace, "--filename=-"];
    let server: Value = serde_json::from_str(&kubectl(&arguments, &documents).accepted()).unwrap();
    let read = manifest::parse("taken.yaml", documents.as_bytes(), &namespace);
    let read = read.unwrap_or_else(|problems| panic!("{problems:#?}"));
    let webhooks = read.webhooks.iter().map(|found| serde_json::to_value(&found.object));
    let accounts = read.accounts.iter().map(|found| serde_json::to_value(&found.object));
    let sets = read.sets.iter().map(|found| serde_json::to_value(&found.object));
    let offline: Vec<_> = webhooks.chain(accounts).chain(sets).map(Result::unwrap).collect();
    let mut wrong = Vec::new();
    for (n, case) in cases.iter().enumerate() {
        let spec = |all: &[Value]| {
            let mine = all.iter().find(|object| object["metadata"]["name"] == number(n).as_str());
            let mut spec = mine.unwrap_or_else(|| panic!("{} is not there", case.reason))["spec"].clone();
            without_empty(&mut spec);
            spec
        };
        let (offline, server) = (spec(&offline), spec(server["items"].as_array().unwrap()));
        if offline != server {
            wrong.push(format!("{}: the API server has {server}, without it: {offline}", case.reason));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Removes empty lists and maps, which mean the same as none and which we do not write.
fn without_empty(value: &mut Value) {
    if let Value::Object(members) = value {
        members.values_mut().for_each(without_empty);
        members.retain(|_, member| *member != json!({}) && *member != json!([]));
    }
}

fn documents(folder: &Path) -> usize {
    let paths = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    paths
        .map(|path| match path.extension().and_then(|end| end.to_str()) {
            None => documents(&path),
            Some("yaml") => fs::read_to_string(&path).unwrap().matches("apiVersion:").count(),
            Some(_) => 0,
        })
        .sum()
}
