//! Metrics of a live operator, read by Prometheus itself.

use super::prometheus::Prometheus;
use super::{drift, something_of_everything};
use crate::scene::Scene;
use crate::vendors::Vendor;
use hooktender_cluster::eventually;
use serde_json::Value;
use std::path::Path;

/// The queries of the dashboard, as Grafana sends them.
fn dashboard() -> Vec<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("charts/hooktender/files/dashboard.json");
    let dashboard: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let panels = dashboard["panels"].as_array().unwrap().iter();
    let targets = panels.filter_map(|panel| panel["targets"].as_array()).flatten();
    let sent = |target: &Value| {
        let written = target["expr"].as_str().unwrap();
        written.replace("$__rate_interval", "1m").replace("$vendor", ".*")
    };
    targets.map(sent).collect()
}

#[test]
fn prometheus_reads_both_formats_evaluates_the_alerts_and_fills_the_dashboard() {
    // One with a budget.
    let (scene, tenant) = Scene::with_account("measured", Vendor::Brightpearl);
    let operator = scene.operator();
    let prometheus = Prometheus::scraping(&operator.address());
    prometheus.scrapes_well();
    something_of_everything(&scene, &tenant);
    let queries = dashboard();
    assert!(queries.len() > 15, "{queries:?}");
    for query in &queries {
        eventually(&format!("data for {query}"), || {
            let samples = prometheus.query(query);
            if samples.iter().any(|sample| sample.is_finite()) { Ok(()) } else { Err(samples) }
        })
        .unwrap();
    }
    // The counters match what happened.
    drift(&scene, &tenant);
    let counts = [
        ("hooktender_drift_total", "", 2.0),
        ("hooktender_plan_actions_total", "action=\"Create\"", 1.0),
        ("hooktender_webhooks", "state=\"ready\"", 1.0),
        ("hooktender_webhooks", "", 1.0),
        ("hooktender_accounts", "state=\"ready\"", 1.0),
        // Brightpearl has no updates: each correction is a replacement.
        ("hooktender_vendor_requests_total", "operation=\"create\", class=\"success\"", 3.0),
        ("hooktender_leader", "", 1.0),
    ];
    for (metric, labels, expected) in counts {
        let query = format!("sum({metric}{{job=\"hooktender\", {labels}}})");
        eventually(&format!("{query} is {expected}"), || {
            let samples = prometheus.query(&query);
            if samples == [expected] { Ok(()) } else { Err(samples) }
        })
        .unwrap();
    }
    assert_eq!(prometheus.query("ALERTS{alertstate=\"firing\"}"), [0.0; 0]);
    let rules = prometheus.rules();
    assert!(!rules.is_empty() && rules.iter().all(|(_, health)| health == "ok"), "{rules:?}");
}
