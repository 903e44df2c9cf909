//! Checks that `docs/telemetry.md` documents exactly the metrics that exist, and that alerts and dashboard use only these.

use super::labels::{OfWrite, PassResult};
use super::{AccountPhase, Metrics, StateCounts, WebhookPhase};
use crate::api::status::Action;
use crate::api::{ObjectKey, VendorName};
use crate::vendor::{CallReport, Operation};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

const DOCUMENTED: &str = "docs/telemetry.md";
const ALERTS: &str = "charts/hooktender/files/alerts.yaml";
const DASHBOARD: &str = "charts/hooktender/files/dashboard.json";

/// Metrics of a process that has set each of them.
fn all_metrics() -> Metrics {
    let (metrics, vendor) = (Metrics::default(), VendorName::Contensis);
    let (account, took) = (ObjectKey::new("shop", "a-shop"), Duration::from_millis(40));
    let mut counts = StateCounts::of(vendor, AccountPhase::Ready);
    counts.add(WebhookPhase::Ready);
    metrics.set_state(&account, counts, Some(Duration::from_secs(300)));
    metrics.record_pass(vendor, &account, PassResult::Success, true, took);
    metrics.set_budget(&account, Some(100));
    metrics.set_not_written(&account, 1, false);
    metrics.set_members(&ObjectKey::new("shop", "a-set"), [3, 3, 2, 1, 0, 1]);
    metrics.record_action(vendor, Action::Update, true);
    metrics.record_request(CallReport {
        vendor,
        operation: Operation::List,
        class: None,
        elapsed: took,
        clock: None,
    });
    metrics.record_write(&OfWrite { resource: "webhooks/status", verb: "patch", result: "success" });
    metrics
}

/// Returns type and labels of each metric by the name of its samples, without `le`.
fn exposed(text: &str) -> BTreeMap<String, (String, BTreeSet<String>)> {
    let mut all = BTreeMap::new();
    let mut current = (String::new(), String::new());
    for line in text.lines() {
        if let Some((family, kind)) = line.strip_prefix("# TYPE ").and_then(|rest| rest.split_once(' ')) {
            let suffix = match kind {
                "counter" => "_total",
                "info" => "_info",
                _ => "",
            };
            current = (format!("{family}{suffix}"), kind.to_owned());
        } else if !line.starts_with('#') {
            let labels =
                line.split_once('{').and_then(|(_, rest)| rest.split_once('}')).map_or("", |all| all.0);
            let names =
                labels.split("\",").filter_map(|pair| pair.split_once('=')).map(|(name, _)| name.to_owned());
            let known = all.entry(current.0.clone()).or_insert_with(|| (current.1.clone(), BTreeSet::new()));
            known.1.extend(names.filter(|name| name != "le"));
        }
    }
    all
}

/// Returns the same as documented: a heading with the name, then `TYPE; LABEL, LABEL.`
fn documented(page: &str) -> BTreeMap<String, (String, BTreeSet<String>)> {
    let sections = page.split("\n### `hooktender_").skip(1);
    let read = |section: &str| {
        let (name, rest) = section.split_once("`\n").unwrap();
        let line = rest.trim_start().split_once('.').unwrap().0;
        let (kind, labels) = line.split_once(';').unwrap_or((line, ""));
        let labels = labels.split(',').map(|label| label.trim().trim_matches('`').to_owned());
        (format!("hooktender_{name}"), (kind.to_owned(), labels.filter(|label| !label.is_empty()).collect()))
    };
    sections.map(read).collect()
}

fn file(path: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

/// Returns the metrics that a file refers to.
fn referenced(text: &str) -> BTreeSet<String> {
    let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
    let metrics = words.filter(|word| word.starts_with("hooktender_"));
    metrics.map(|word| word.trim_end_matches("_bucket").to_owned()).collect()
}

#[test]
fn every_registered_metric_is_set_here() {
    let (metrics, suffixes) = (all_metrics(), ["", "_total", "_seconds", "_info"]);
    let exposed = exposed(&metrics.text().unwrap());
    let mut names = metrics.registered_names();
    assert!(!names.is_empty());
    names.retain(|name| {
        !suffixes.iter().any(|suffix| exposed.contains_key(&format!("hooktender_{name}{suffix}")))
    });
    assert!(
        names.is_empty(),
        "no sample of {names:?}: set it in `all_metrics` of src/telemetry/documented.rs"
    );
}

#[test]
fn each_metric_has_its_section_and_each_section_its_metric() {
    let (documented, exposed) = (documented(&file(DOCUMENTED)), exposed(&all_metrics().text().unwrap()));
    for (metric, type_and_labels) in &exposed {
        assert_eq!(
            documented.get(metric),
            Some(type_and_labels),
            "{DOCUMENTED} says something else (left) about {metric} than the program (right): give it a section, which begins with its type and labels, such as counter; `vendor`, `result`."
        );
    }
    for metric in documented.keys() {
        assert!(
            exposed.contains_key(metric),
            "{DOCUMENTED} has a section about {metric}, which has no sample: register it in src/telemetry/metrics.rs and set it in `all_metrics` of src/telemetry/documented.rs, or remove the section"
        );
    }
}

/// `increase()` does not see a series that starts at 1.
#[test]
fn counters_of_accounts_and_vendors_start_at_zero() {
    let metrics = Metrics::default();
    let counts = StateCounts::of(VendorName::Contensis, AccountPhase::Ready);
    metrics.set_state(&ObjectKey::new("shop", "a-shop"), counts, None);
    let from_the_start = exposed(&metrics.text().unwrap());
    for (metric, (kind, labels)) in exposed(&all_metrics().text().unwrap()) {
        let known = ["namespace", "account", "vendor", "result"];
        if kind == "counter" && labels.iter().all(|label| known.contains(&label.as_str())) {
            assert!(
                from_the_start.contains_key(&metric),
                "{metric} has no sample before it is first counted, and increase() does not see its first count: create its series in `Metrics::set_state`"
            );
        }
    }
}

#[test]
fn no_label_names_a_webhook() {
    for (metric, (_, labels)) in exposed(&all_metrics().text().unwrap()) {
        for label in labels {
            assert!(
                !["webhook", "name", "external_id", "uid"].contains(&label.as_str()),
                "{metric}: {label}"
            );
        }
    }
}

#[test]
fn alerts_and_dashboard_refer_to_existing_metrics() {
    let known: BTreeSet<_> = exposed(&all_metrics().text().unwrap()).into_keys().collect();
    for path in [ALERTS, DASHBOARD] {
        let asked = referenced(&file(path));
        assert!(
            asked.is_subset(&known),
            "{path} uses {:?}, which no metric has as its name: correct it, or register the metric",
            &asked - &known
        );
    }
    // A metric that neither uses is not worth its series.
    let used: BTreeSet<_> = [ALERTS, DASHBOARD].iter().flat_map(|path| referenced(&file(path))).collect();
    assert!(
        known.is_subset(&used),
        "nothing uses {:?}: add a panel to {DASHBOARD} or an alert to {ALERTS}",
        &known - &used
    );
}

#[test]
fn each_alert_has_its_section_its_command_and_two_test_cases() {
    let (page, rules, cases) = (file(DOCUMENTED), file(ALERTS), file("tests/alerts/rules.yaml"));
    let alerts: Vec<_> =
        rules.split("- alert: ").skip(1).map(|rule| rule.split_once('\n').unwrap()).collect();
    assert!(!alerts.is_empty());
    for (alert, rule) in &alerts {
        assert!(page.contains(&format!("\n### {alert}\n")), "{alert} has no section in {DOCUMENTED}");
        for part in [
            format!("runbook: {DOCUMENTED}#{}\n", alert.to_lowercase()),
            "Next:".into(),
            "summary:".into(),
            "severity:".into(),
        ] {
            assert!(rule.contains(&part), "{alert}: {part}");
        }
        for case in ["fires", "is silent"] {
            assert!(
                cases.contains(&format!("- name: {alert} {case}\n")),
                "{alert}: no case in which it {case}"
            );
        }
    }
    let sections = page.split("\n### Hooktender").count() - 1;
    assert_eq!(sections, alerts.len(), "a section without an alert");
}

#[test]
fn the_series_of_a_set_are_removed_with_it() {
    let metrics = all_metrics();
    let ready = "hooktender_set_members{namespace=\"shop\",set=\"a-set\",state=\"ready\"} 2\n";
    assert!(metrics.text().unwrap().contains(ready));
    metrics.remove_set(&ObjectKey::new("shop", "a-set"));
    let text = metrics.text().unwrap();
    assert!(!text.contains("a-set"), "remove all series of the set in `Metrics::remove_set`:\n{text}");
}

#[test]
fn the_series_of_an_account_are_removed_with_it() {
    let metrics = all_metrics();
    assert!(metrics.text().unwrap().contains("a-shop"));
    metrics.remove_account(&ObjectKey::new("shop", "a-shop"));
    let text = metrics.text().unwrap();
    assert!(
        !text.contains("a-shop"),
        "remove all series of the account in `Metrics::remove_account`:\n{text}"
    );
    assert!(text.contains("hooktender_webhooks{vendor=\"contensis\",state=\"ready\"} 0\n"), "{text}");
}
