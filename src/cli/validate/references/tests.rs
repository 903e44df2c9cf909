//! What is found in files.

use super::*;
use crate::manifest::{Problem, parse};

const ACCOUNT: &str = "
apiVersion: hooktender.dev/v1alpha1
kind: VendorAccount
metadata: {name: bp, namespace: shop}
spec:
  vendor:
    brightpearl:
      datacenter: euw1
      account: acme
      credentials: {staffToken: {appRef: acme_ops, tokenSecretRef: {name: login, key: token}}}
";
const BODY: &str = "'${account-code} ${resource-type} ${resource-id} ${lifecycle-event}'";

fn webhook(name: &str, more: &str) -> String {
    format!(
        "---
apiVersion: hooktender.dev/v1alpha1
kind: Webhook
metadata: {{name: {name}, namespace: shop}}
spec:
  accountRef: {{name: bp}}
  subscription:
    brightpearl: {{subscribeTo: product, httpMethod: POST, contentType: text/plain, bodyTemplate: {BODY}, uriTemplate: 'https://h/{name}'}}
{more}"
    )
}

/// Returns problems and warnings of a file.
fn found(text: &str) -> (Vec<String>, Vec<String>) {
    let files = parse("a.yaml", text.as_bytes(), "default").unwrap_or_else(|all| panic!("{all:?}"));
    let Findings { problems, warnings } = findings(&files);
    let lines = |all: Vec<Problem>| all.iter().map(ToString::to_string).collect();
    (lines(problems), lines(warnings))
}

#[track_caller]
fn one_problem(text: &str, says: &str) {
    let (problems, _) = found(text);
    assert!(problems.len() == 1 && problems[0].contains(says), "{says:?} in {problems:#?}");
    assert!(problems[0].starts_with("a.yaml:"), "{problems:?}");
}

#[test]
fn complete_files_have_no_findings_and_need_no_secrets() {
    let variables = "  variables: [{name: A, valueFrom: {secretKeyRef: {name: s, key: k}}}]\n";
    let used = webhook("a", variables).replace("https://h/a", "$(A)/a");
    assert_eq!(found(&format!("{ACCOUNT}{used}{}", webhook("b", ""))), (vec![], vec![]));
}

#[test]
fn an_account_that_is_in_no_file_is_a_warning_with_advice() {
    let typo = webhook("a", "").replace("{name: bp}", "{name: pb}");
    let (problems, warnings) = found(&format!("{ACCOUNT}{typo}"));
    assert_eq!(problems, [""; 0]);
    assert_eq!(warnings, ["a.yaml:16:22: VendorAccount shop/pb is in none of the files: did you mean bp?"]);
}

#[test]
fn what_the_account_does_not_take_is_a_problem() {
    let guest = webhook("a", "")
        .replace("namespace: shop", "namespace: web")
        .replace("{name: bp}", "{name: bp, namespace: shop}");
    one_problem(&format!("{ACCOUNT}{guest}"), "does not allow Webhooks of other namespaces");
    let open = ACCOUNT.replace("spec:", "spec:\n  allowedNamespaces: {from: All}");
    assert_eq!(found(&format!("{open}{guest}")).0, [""; 0]);
    let adopts = guest.replace("spec:", "spec:\n  externalId: '7'");
    one_problem(&format!("{open}{adopts}"), "does not let Webhooks of other namespaces adopt");
    let other = "    superoffice: {name: a, events: [contact.created], targetUrl: 'https://h'}\n";
    let (head, _) = webhook("a", "")
        .split_once("    brightpearl:")
        .map(|(head, tail)| (head.to_owned(), tail.to_owned()))
        .unwrap();
    one_problem(
        &format!("{ACCOUNT}{head}{other}"),
        "the subscription is for superoffice and VendorAccount shop/bp is at brightpearl",
    );
}

#[test]
fn keys_are_looked_up_in_the_secrets_of_the_files() {
    let secret = |name: &str, data: &str| {
        format!(
            "---\napiVersion: v1\nkind: Secret\nmetadata: {{name: {name}, namespace: shop}}\nstringData: {data}\n"
        )
    };
    one_problem(
        &format!("{ACCOUNT}{}", secret("login", "{other: x}")),
        "Secret shop/login has no key token: add it",
    );
    one_problem(
        &format!("{ACCOUNT}{}", secret("login", "{token: ''}")),
        "the key token of Secret shop/login is empty",
    );
    let variables = "  variables: [{name: A, valueFrom: {secretKeyRef: {name: s, key: k}}}]\n";
    let used = webhook("a", variables).replace("https://h/a", "https://h/$(A)");
    one_problem(
        &format!("{ACCOUNT}{used}{}", secret("s", "{other: x}")),
        "variable A: Secret shop/s has no key k",
    );
    assert_eq!(found(&format!("{ACCOUNT}{used}{}", secret("s", "{k: x}"))).0, [""; 0]);
}

#[test]
fn an_undeclared_variable_is_a_problem() {
    let used = webhook("a", "").replace("https://h/a", "https://h/$(A)");
    one_problem(&format!("{ACCOUNT}{used}"), "$(A) is used but not declared");
}

#[test]
fn the_same_subscription_twice_is_a_problem() {
    let (a, b) = (webhook("a", ""), webhook("b", "").replace("https://h/b", "https://h/a"));
    one_problem(
        &format!("{ACCOUNT}{a}{b}"),
        "declares the same subscription as Webhook shop/a at a.yaml:12:1",
    );
    let other = ACCOUNT.replace("{name: bp,", "{name: copy,");
    let b = b.replace("{name: bp}", "{name: copy}");
    one_problem(&format!("{ACCOUNT}---{other}{a}{b}"), "declares the same subscription as Webhook shop/a");
}

#[test]
fn what_the_vendor_is_likely_to_refuse_is_a_warning() {
    let bare = webhook("a", "").replace(BODY, "x");
    let (problems, warnings) = found(&format!("{ACCOUNT}{bare}"));
    assert_eq!(problems, [""; 0]);
    assert!(warnings.len() == 1 && warnings[0].contains("${account-code}"), "{warnings:?}");
}

/// A set over the accounts with the label `tier: gold`.
fn set(address: &str, variables: &str) -> String {
    format!(
        "---
apiVersion: hooktender.dev/v1alpha1
kind: WebhookSet
metadata: {{name: orders, namespace: shop}}
spec:
  accountSelector: {{matchLabels: {{tier: gold}}}}
  template:
    spec:
      subscription:
        brightpearl: {{subscribeTo: product, httpMethod: POST, contentType: text/plain, bodyTemplate: {BODY}, uriTemplate: '{address}'}}
      variables: [{variables}]
"
    )
}

/// An account with labels.
fn labelled(name: &str, labels: &str) -> String {
    let metadata = format!("{{name: {name}, namespace: shop, labels: {{{labels}}}}}");
    format!("---{}", ACCOUNT.replace("{name: bp, namespace: shop}", &metadata))
}

const TENANT: &str = "{name: TENANT, valueFrom: {accountRef: {label: tenant}}}";

#[test]
fn what_an_account_lacks_for_its_member_is_a_problem_at_the_set() {
    let good = labelled("good", "tier: gold, tenant: t1");
    let set = set("https://h/$(TENANT)", TENANT);
    assert_eq!(found(&format!("{set}{good}")), (vec![], vec![]));
    let lacks = labelled("lacks", "tier: gold");
    let text = format!("{set}{good}{lacks}{}", labelled("other", "tier: silver"));
    assert_eq!(
        found(&text).0,
        [
            "a.yaml:11:18: member orders-lacks cannot be made: variable TENANT: VendorAccount shop/lacks has no label tenant: add it"
        ]
    );
}

#[test]
fn an_account_of_another_vendor_that_the_set_matches_is_a_problem() {
    let other = "---
apiVersion: hooktender.dev/v1alpha1
kind: VendorAccount
metadata: {name: c, namespace: shop, labels: {tier: gold}}
spec: {vendor: {contensis: {alias: a, project: p, credentials: {clientCredentials: {clientIdSecretRef: {name: s, key: k}, clientSecretSecretRef: {name: s, key: k}}}}}}
";
    one_problem(
        &format!("{}{other}", set("https://h", "")),
        "member orders-c cannot be made: the template is for brightpearl and the account shop/c for contensis",
    );
}

#[test]
fn what_all_members_lack_is_said_once() {
    let members: String =
        (0..5).map(|number| labelled(&format!("a{number}"), "tier: gold, tenant: t")).collect();
    one_problem(
        &format!("{}{members}", set("https://h/$(PATH)", "")),
        "members orders-a0, orders-a1, orders-a2 and 2 more: $(PATH) is used but not declared",
    );
    // A member's Secret that the files have, without the key.
    let key = "{name: KEY, valueFrom: {secretKeyRef: {name: hook-$(TENANT), key: key}}}";
    let secret = "---\napiVersion: v1\nkind: Secret\nmetadata: {name: hook-t, namespace: shop}\nstringData: {other: x}\n";
    let set = set("https://h/$(KEY)", &format!("{TENANT}, {key}"));
    assert_eq!(found(&format!("{set}{members}")), (vec![], vec![]), "it may be in the cluster");
    one_problem(&format!("{set}{members}{secret}"), "variable KEY: Secret shop/hook-t has no key key");
}

#[test]
fn a_set_that_matches_none_of_the_accounts_is_a_warning() {
    let set = set("https://h", "");
    assert_eq!(found(&set), (vec![], vec![]), "all accounts are elsewhere");
    let silver = labelled("a", "tier: silver");
    let (problems, warnings) = found(&format!("{set}{silver}"));
    assert_eq!(problems, [""; 0]);
    assert_eq!(warnings, ["a.yaml:6:20: accountSelector matches none of the VendorAccounts in the files"]);
    let spec =
        "spec:\n  accountNamespaces: {from: Selector, selector: {matchLabels: {team: a}}}\n  accountSelector";
    let by_label = set.replacen("spec:\n  accountSelector", spec, 1);
    assert_eq!(found(&format!("{by_label}{silver}")).1, [""; 0], "labels of namespaces are in the cluster");
}

#[test]
fn a_selector_that_does_not_exist_is_a_problem() {
    let set = set("https://h", "")
        .replace("{matchLabels: {tier: gold}}", "{matchExpressions: [{key: a, operator: Like}]}");
    one_problem(&set, "spec.accountSelector is not valid");
}
