//! axe-core, the accessibility checker, from npm.

use crate::chromium::Browser;
use serde_json::Value;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// The text of axe-core; none, with the reason printed, if it cannot be installed here.
pub(crate) fn script() -> Option<&'static str> {
    static SCRIPT: OnceLock<Result<String, String>> = OnceLock::new();
    match SCRIPT.get_or_init(install) {
        Ok(script) => Some(script),
        Err(reason) => {
            drop(writeln!(std::io::stderr(), "skipped: axe-core cannot be installed here: {reason}"));
            None
        }
    }
}

/// Installs exactly what the lock file pins, below the target folder.
fn install() -> Result<String, String> {
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/browser/axe");
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("axe");
    let script = folder.join("node_modules/axe-core/axe.min.js");
    std::fs::create_dir_all(&folder).unwrap();
    let same = |name: &str| std::fs::read(folder.join(name)).ok() == std::fs::read(from.join(name)).ok();
    if !same("package-lock.json") || !script.exists() {
        for name in ["package.json", "package-lock.json"] {
            std::fs::copy(from.join(name), folder.join(name)).unwrap();
        }
        let npm = Command::new("npm")
            .args([
                "ci",
                "--ignore-scripts",
                "--no-audit",
                "--no-fund",
                "--fetch-retries=0",
                "--fetch-timeout=20000",
            ])
            .current_dir(&folder)
            .output()
            .map_err(|error| format!("npm: {error}"))?;
        if !npm.status.success() {
            return Err(String::from_utf8_lossy(&npm.stderr).trim().to_owned());
        }
    }
    std::fs::read_to_string(script).map_err(|error| error.to_string())
}

/// Checks the open page by the rules of WCAG 2.2, level A and AA, and by axe's own best practices. Returns what is wrong.
pub(crate) fn check(browser: &mut Browser, script: &str) -> Vec<String> {
    browser.evaluate(&format!("{script}; true"));
    let run = "axe.run({resultTypes: ['violations']}).then(found => found.violations.flatMap(violation => \
        violation.nodes.map(node => `${violation.id}: ${node.failureSummary} ${node.html}`)))";
    let found: Value = browser.evaluate(run);
    found.as_array().unwrap().iter().map(|text| text.as_str().unwrap().to_owned()).collect()
}
