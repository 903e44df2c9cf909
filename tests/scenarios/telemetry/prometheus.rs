//! A real Prometheus that scrapes an operator.

use crate::vendors;
use hooktender_cluster::{Tool, eventually};
use reqwest::Url;
use serde_json::{Value, json};
use std::fs::{self, File};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// Ends with this value.
pub(super) struct Prometheus {
    child: Child,
    url: String,
    _folder: tempfile::TempDir,
}

impl Prometheus {
    /// Scrapes that address every second, once in each format, and judges the alert rules.
    pub(super) fn scraping(address: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let rules = Path::new(env!("CARGO_MANIFEST_DIR")).join("charts/hooktender/files/alerts.yaml");
        let job = |name: &str, protocol: &str| {
            json!({
                "job_name": name, "scrape_protocols": [protocol], "static_configs": [{"targets": [address]}],
                "honor_labels": true, "fallback_scrape_protocol": protocol,
            })
        };
        let config = json!({
            "global": {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"},
            "rule_files": [rules],
            "scrape_configs": [job("hooktender", "OpenMetricsText1.0.0"), job("classic", "PrometheusText0.0.4")],
        });
        let path = folder.path().join("prometheus.yml");
        fs::write(&path, config.to_string()).unwrap();
        let listen = free_address();
        let log = File::create(folder.path().join("log")).unwrap();
        let tools = hooktender_cluster::Tools::ensure(hooktender_cluster::Purpose::Tests).unwrap();
        let child = Command::new(tools.path(Tool::Prometheus))
            .arg(format!("--config.file={}", path.display()))
            .arg(format!("--storage.tsdb.path={}", folder.path().join("data").display()))
            .arg(format!("--web.listen-address={listen}"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        Self { child, url: format!("http://{listen}"), _folder: folder }
    }

    /// Returns the answer of its API; none while it is not up.
    fn api(&self, path: &str, query: &[(&str, &str)]) -> Option<Value> {
        let url = Url::parse_with_params(&format!("{}/api/v1/{path}", self.url), query).unwrap();
        let text = vendors::try_get(url.as_str())?;
        let answer: Value = serde_json::from_str(&text).unwrap();
        Some(answer["data"].clone())
    }

    /// Returns the samples of a query. A query that does not parse is a failure.
    pub(super) fn query(&self, expression: &str) -> Vec<f64> {
        let answer = self.api("query", &[("query", expression)]);
        let answer = answer.unwrap_or_else(|| panic!("Prometheus does not answer {expression}"));
        let samples = answer["result"].as_array().unwrap().iter();
        samples.map(|sample| sample["value"][1].as_str().unwrap().parse().unwrap()).collect()
    }

    /// Waits until both formats were scraped without an error.
    pub(super) fn scrapes_well(&self) {
        eventually("both formats are scraped", || {
            let targets = self.api("targets", &[]).unwrap_or_default();
            let good = |target: &&Value| target["health"] == "up" && target["lastError"] == "";
            let all = targets["activeTargets"].as_array().cloned().unwrap_or_default();
            if all.iter().filter(good).count() == 2 { Ok(()) } else { Err(targets) }
        })
        .unwrap();
    }

    /// Returns the alert rules with the health of each.
    pub(super) fn rules(&self) -> Vec<(String, String)> {
        let text = |rule: &Value, member: &str| rule[member].as_str().unwrap().to_owned();
        let groups = self.api("rules", &[]).unwrap();
        let rules = groups["groups"][0]["rules"].as_array().unwrap().clone();
        rules.iter().map(|rule| (text(rule, "name"), text(rule, "health"))).collect()
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Returns an address on loopback without a listener.
pub(super) fn free_address() -> String {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string()
}
