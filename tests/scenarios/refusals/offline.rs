//! The same cases without an API server: what it refuses, the reader of manifests refuses, in the same words.

use super::{ACCOUNT, Case, WEBHOOK, cases, causes, messages};
use crate::support::{Answer, manifest};
use hooktender::api::{VendorAccount, Webhook};
use hooktender::manifest::{self, Manifests, Problem};
use std::fs;
use std::path::Path;

/// What is said against one case without a cluster.
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
        other => panic!("no such kind: {other}"),
    }
}

/// Where what is said without a cluster is not what the API server said, word for word.
pub(super) fn disagreement(case: &Case, name: &str, answer: &Answer) -> Option<String> {
    let server = causes(name, &answer.stderr);
    let offline: Vec<_> = complaints(case).into_iter().map(|problem| problem.message).collect();
    (server != offline).then(|| format!("the API server says {server:#?}, without it: {offline:#?}"))
}

#[test]
fn what_the_api_server_refuses_is_refused_without_it_and_at_its_place() {
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
fn every_example_is_fine_without_an_api_server() {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    let read = manifest::read(std::slice::from_ref(&examples), true, "default");
    let read = read.unwrap_or_else(|problems| panic!("{problems:#?}"));
    let found = read.accounts.len() + read.webhooks.len() + read.secrets.len() + read.config_maps.len();
    assert_eq!(found + read.skipped.len(), documents(&examples));
    assert!(read.skipped.is_empty(), "{:?}", read.skipped);
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
