//! kubectl and helm against the cluster.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;

use serde_json::Value;

use crate::tools::Tool;
use crate::{Cluster, Error, KubectlError};

impl Cluster {
    /// kubectl as the administrator, with a home folder of its own. For another user, set `KUBECONFIG` again.
    pub fn kubectl(&self) -> Command {
        self.tool(Tool::Kubectl)
    }

    /// helm as the administrator, with a home folder of its own.
    pub fn helm(&self) -> Command {
        self.tool(Tool::Helm)
    }

    fn tool(&self, tool: Tool) -> Command {
        let home = self.folder().join("home");
        let mut command = Command::new(self.tools.path(tool));
        command.env("KUBECONFIG", self.kubeconfig()).env("HOME", &home);
        for variable in ["XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "KUBECACHEDIR", "KUBERC"] {
            command.env_remove(variable);
        }
        for variable in ["HELM_CACHE_HOME", "HELM_CONFIG_HOME", "HELM_DATA_HOME", "HELM_NAMESPACE"] {
            command.env_remove(variable);
        }
        command
    }

    /// Runs kubectl as the administrator and returns its standard output.
    pub fn kubectl_run(&self, arguments: &[&str]) -> Result<String, KubectlError> {
        run(self.kubectl().args(arguments), &arguments.join(" "), None)
    }

    /// Runs kubectl as the user of a kubeconfig and returns its standard output.
    pub fn kubectl_run_as(&self, kubeconfig: &Path, arguments: &[&str]) -> Result<String, KubectlError> {
        let mut command = self.kubectl();
        run(command.env("KUBECONFIG", kubeconfig).args(arguments), &arguments.join(" "), None)
    }

    /// `kubectl apply` of one or more documents; returns what kubectl says about each.
    pub fn kubectl_apply(&self, yaml: &str) -> Result<String, KubectlError> {
        let arguments = ["apply", "--filename=-"];
        run(self.kubectl().args(arguments), &arguments.join(" "), Some(yaml))
    }

    /// As [`Self::kubectl_apply`], for objects without a namespace of their own.
    pub fn kubectl_apply_in(&self, namespace: &str, yaml: &str) -> Result<String, KubectlError> {
        let arguments = ["apply", "--namespace", namespace, "--filename=-"];
        run(self.kubectl().args(arguments), &arguments.join(" "), Some(yaml))
    }

    /// Runs kubectl with `--output=json` and returns what it prints.
    pub fn kubectl_json(&self, arguments: &[&str]) -> Result<Value, Error> {
        let output = self.kubectl_run(&[arguments, &["--output=json"]].concat())?;
        serde_json::from_str(&output).map_err(Error::json(format!("`kubectl {}`", arguments.join(" "))))
    }
}

/// Runs a command with this input.
pub(crate) fn run(
    command: &mut Command,
    arguments: &str,
    input: Option<&str>,
) -> Result<String, KubectlError> {
    let failure = |stdout: &[u8], stderr: &[u8]| KubectlError {
        command: arguments.to_owned(),
        stdout: String::from_utf8_lossy(stdout).into_owned(),
        stderr: String::from_utf8_lossy(stderr).into_owned(),
    };
    command.stdin(if input.is_some() { Stdio::piped() } else { Stdio::null() });
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let output = command.spawn().and_then(|mut child| {
        let stdin = child.stdin.take();
        // Beside reading the output, or both ends could wait for each other for ever.
        thread::scope(|scope| {
            scope.spawn(move || {
                if let (Some(mut stdin), Some(input)) = (stdin, input) {
                    // If kubectl ends without reading everything, its own message says why.
                    let _ = stdin.write_all(input.as_bytes());
                }
            });
            child.wait_with_output()
        })
    });
    match output {
        Ok(output) if output.status.success() => Ok(String::from_utf8_lossy(&output.stdout).into_owned()),
        Ok(output) => Err(failure(&output.stdout, &output.stderr)),
        Err(error) => Err(failure(&[], error.to_string().as_bytes())),
    }
}
