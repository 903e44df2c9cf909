//! How kstatus, Argo CD and Flux judge objects: the program in `tests/health`, which is made of their own libraries.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use hooktender_cluster::shared;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::support::{Answer, fed};

/// A tool's verdict.
#[derive(Debug, Deserialize)]
pub(super) struct Verdict {
    pub(super) status: String,
    pub(super) message: String,
}

/// Both verdicts on one object.
#[derive(Debug, Deserialize)]
pub(super) struct Verdicts {
    pub(super) kstatus: Verdict,
    pub(super) argocd: Verdict,
}

/// Builds the program once a test run; Go knows what is left to build.
fn program() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        let program = shared().unwrap().folder().join("health");
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/health");
        let mut go = Command::new("go");
        go.args(["build", "-trimpath", "-ldflags=-s -w", "-o"]).arg(&program).arg(".");
        let built = fed(go.current_dir(source).env("GOWORK", "off"), "");
        assert!(built.success, "{}", built.stderr);
        program
    })
}

fn ask(what: &str, input: &Value) -> Answer {
    fed(Command::new(program()).arg(what), &input.to_string())
}

/// Returns the verdicts on objects in their present state; `scripts` is the data of `argocd-cm`.
pub(super) fn judge(objects: &[&Value], scripts: &Value) -> Vec<Verdicts> {
    let answer = ask("judge", &json!({"objects": objects, "scripts": scripts}));
    assert!(answer.success, "{}", answer.stderr);
    serde_json::from_str(&answer.stdout).unwrap()
}

/// Checks that Flux knows these objects and each of their members.
pub(super) fn flux(objects: &[Value]) -> Answer {
    ask("flux", &json!({"objects": objects}))
}
