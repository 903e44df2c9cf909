//! Shared by the scenarios: the cluster with both kinds installed, and kubectl with its output.

use hooktender_cluster::{Cluster, KUBECTL_WAIT_LIMIT, eventually, shared};
use serde_json::Value;
use std::io::Write;
use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::thread;

use crate::api;

/// The shared cluster, with both kinds installed.
pub(crate) fn cluster() -> &'static Cluster {
    static INSTALLED: OnceLock<&'static Cluster> = OnceLock::new();
    INSTALLED.get_or_init(|| {
        let cluster = shared().unwrap();
        cluster.send_with(api::send);
        for crd in hooktender::api::crds().unwrap() {
            let yaml = hooktender::api::yaml(&crd).unwrap();
            run_on(cluster, &["apply", "--filename=-"], &yaml).accepted();
        }
        run_on(cluster, &["wait", "--for=condition=Established", "crd", "--all", KUBECTL_WAIT_LIMIT], "")
            .accepted();
        // The API server lists new kinds a moment after it has accepted them.
        eventually("both kinds are served", || {
            let answer = run_on(cluster, &["get", "webhooks,vendoraccounts", "--all-namespaces"], "");
            if answer.success { Ok(()) } else { Err(answer) }
        })
        .unwrap();
        cluster.restart_controllers().unwrap();
        cluster
    })
}

/// The output of kubectl or helm.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) success: bool,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Answer {
    /// Returns stdout of a success without warnings.
    #[track_caller]
    pub(crate) fn accepted(self) -> String {
        assert!(
            self.success && !self.stderr.contains("Warning:"),
            "kubectl refused or warned:\n{}{}",
            self.stdout,
            self.stderr
        );
        self.stdout
    }

    /// Returns stderr of a failure.
    #[track_caller]
    pub(crate) fn refused(self) -> String {
        assert!(!self.success, "kubectl should have refused:\n{}", self.stdout);
        self.stderr
    }
}

/// Runs kubectl as the administrator, with `input` to read from.
pub(crate) fn kubectl(arguments: &[&str], input: &str) -> Answer {
    run_on(cluster(), arguments, input)
}

/// `kubectl apply` of one or more documents into a namespace.
pub(crate) fn apply(namespace: &str, yaml: &str) -> Answer {
    kubectl(&["apply", "--namespace", namespace, "--filename=-"], yaml)
}

/// `kubectl apply` as a dry run of the server.
pub(crate) fn try_apply(namespace: &str, yaml: &str) -> Answer {
    kubectl(&["apply", "--dry-run=server", "--namespace", namespace, "--filename=-"], yaml)
}

/// One object as the server has it, such as `webhook/a`.
pub(crate) fn get(namespace: &str, object: &str) -> Value {
    cluster().kubectl_json(&["get", "--namespace", namespace, object]).unwrap()
}

/// A manifest of one of the two kinds; `spec` is YAML, in either style.
pub(crate) fn manifest(kind: &str, name: &str, spec: &str) -> String {
    let spec = spec.lines().fold(String::new(), |spec, line| spec + "  " + line + "\n");
    format!(
        "---\napiVersion: hooktender.dev/v1alpha1\nkind: {kind}\nmetadata: {{name: {name}}}\nspec:\n{spec}"
    )
}

pub(crate) fn run_on(cluster: &Cluster, arguments: &[&str], input: &str) -> Answer {
    fed(cluster.kubectl().args(arguments), input)
}

/// Runs a program with `input` to read from.
pub(crate) fn fed(command: &mut Command, input: &str) -> Answer {
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let output = thread::scope(|scope| {
        // Beside reading the output, or both ends could wait for each other for ever.
        scope.spawn(move || {
            // If it ends without reading everything, its own message says why.
            let _ = stdin.write_all(input.as_bytes());
        });
        child.wait_with_output().unwrap()
    });
    Answer {
        success: output.status.success(),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}
