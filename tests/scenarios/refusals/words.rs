//! How words and numbers of YAML reach the API server, and its answers to those that do not fit.

use super::offline::complaints;
use super::{ACCOUNT, Case, WEBHOOK, bad, fine, subscription, vendor};
use crate::support::{cluster, manifest, try_apply};

const VENDOR: &str = "{contensis: {alias: example, project: movies, credentials: {classic: \
    {usernameSecretRef: {name: c, key: u}, passwordSecretRef: {name: c, key: p}}}}}";

fn account(members: &str) -> String {
    format!("{}\n{members}", vendor(VENDOR))
}

fn contensis(members: &str) -> String {
    subscription(&format!(
        "{{contensis: {{name: a, url: 'https://a.example/', topics: [{{resourceType: entry, event: [published]}}], {members}}}}}"
    ))
}

fn superoffice(members: &str) -> String {
    subscription(&format!(
        "{{superoffice: {{name: a, events: [contact.created], targetUrl: 'https://a.example/', {members}}}}}"
    ))
}

pub(super) fn cases() -> Vec<Case> {
    let mut cases = taken();
    cases.extend(refused());
    cases
}

fn taken() -> Vec<Case> {
    vec![
        fine("YAML 1.1 has many words for true", ACCOUNT, account("suspend: on")),
        fine("and for false", ACCOUNT, account("suspend: No")),
        fine(
            "JSON knows no fraction of nothing",
            ACCOUNT,
            account("deletionGuard: {maxPercent: 1e1, minCount: 5.0}"),
        ),
        fine("octal", ACCOUNT, account("deletionGuard: {maxPercent: 0144}")),
        fine("hexadecimal", ACCOUNT, account("deletionGuard: {maxPercent: 0x64, minCount: 1_000}")),
        fine("units in any order, and twice", ACCOUNT, account("resyncInterval: 30m1h15m")),
        fine("a tag", WEBHOOK, contensis("description: !!str 7")),
        fine(
            "an anchor and its alias",
            WEBHOOK,
            contensis("description: &a text, headers: {X-A: {value: *a}}"),
        ),
        fine("a header that is null is none", WEBHOOK, contensis("headers: {X-A: null}")),
        fine("null where anything may be", WEBHOOK, superoffice("properties: {a: null, b: [null], on: 1}")),
        fine(
            "null deep in anything",
            WEBHOOK,
            superoffice("properties: {c: {d: null, e: {f: null}}, g: [{h: null}]}"),
        ),
        fine(
            "null is a template's structure too",
            WEBHOOK,
            contensis("templates: {z: null, entry: {a: null, b: [null, {c: null}]}}"),
        ),
    ]
}

fn refused() -> Vec<Case> {
    vec![
        bad(
            "text is no number",
            ACCOUNT,
            account("deletionGuard: {maxPercent: '30'}"),
            "spec.deletionGuard.maxPercent in body must be of type integer: \"string\"",
        ),
        bad(
            "text is no truth",
            ACCOUNT,
            account("suspend: 'true'"),
            "spec.suspend in body must be of type boolean: \"string\"",
        ),
        bad(
            "truth is no text",
            WEBHOOK,
            contensis("description: yes"),
            "contensis.description in body must be of type string: \"boolean\"",
        ),
        bad(
            "a list is no map",
            ACCOUNT,
            account("deletionGuard: []"),
            "spec.deletionGuard in body must be of type object: \"array\"",
        ),
        bad(
            "a word is no list",
            WEBHOOK,
            superoffice("headers: none"),
            "headers in body must be of type object: \"string\"",
        ),
        bad(
            "nothing is no variable",
            WEBHOOK,
            format!("{}\nvariables: [null]", contensis("enabled: true")),
            "spec.variables[0] in body must be of type object: \"null\"",
        ),
    ]
}

/// The API server gives two errors for each, of which one names no member: they are no cases of the table.
#[test]
fn numbers_that_are_no_whole_numbers_are_refused() {
    let namespace = cluster().namespace("refusals").unwrap();
    for (number, refusal) in [
        ("3000000000", "spec.deletionGuard.maxPercent: Invalid value: "),
        ("30000000000000000000", "maxPercent in body must be of type int32: \"float64\""),
        ("1.5", "maxPercent in body must be of type int32: \"float64\""),
    ] {
        let case = bad(
            "no whole number",
            ACCOUNT,
            account(&format!("deletionGuard: {{maxPercent: {number}}}")),
            refusal,
        );
        let server = try_apply(&namespace, &manifest(case.kind, "a", &case.spec)).refused();
        assert!(server.contains(refusal), "{number}: {server}");
        let offline = complaints(&case);
        assert!(offline.len() == 1 && offline[0].message.contains(refusal), "{number}: {offline:?}");
    }
}
