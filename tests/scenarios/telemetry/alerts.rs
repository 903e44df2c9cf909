//! The alert rules, judged by promtool.

use hooktender_cluster::Tool;
use std::path::Path;
use std::process::Command;

fn promtool(arguments: &[&str]) {
    let tools = hooktender_cluster::Tools::ensure(hooktender_cluster::Purpose::Tests).unwrap();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let output = Command::new(tools.path(Tool::Promtool)).args(arguments).current_dir(root).output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&said));
}

#[test]
fn each_alert_fires_when_it_should_and_only_then() {
    promtool(&["check", "rules", "--lint=all", "--lint-fatal", "charts/hooktender/files/alerts.yaml"]);
    promtool(&["test", "rules", "tests/alerts/rules.yaml"]);
}
