//! A container of the chart as a process: there is no kubelet. Only what cannot exist on this machine is translated.

use std::path::PathBuf;
use std::process::Stdio;

use hooktender_cluster::Cluster;
use serde_json::Value;

use crate::command::{self, Ran};
use crate::operator::Operator;

/// The name of every Pod in these tests.
const NAME: &str = "hooktender-0";

/// How a container is run in these tests.
#[derive(Debug)]
pub(crate) struct Process {
    pub(crate) arguments: Vec<String>,
    environment: Vec<(String, String)>,
    kubeconfig: PathBuf,
}

impl Process {
    /// A container of a Pod as the API server stores it. Its token is that of the service account, as a kubelet would project it.
    pub(crate) fn of(cluster: &Cluster, namespace: &str, pod: &Value, container: &Value) -> Self {
        assert_eq!(container["command"], Value::Null, "it runs what the image says");
        let account = pod["serviceAccountName"].as_str().unwrap();
        assert_eq!(pod["automountServiceAccountToken"], true);
        let environment = container["env"].as_array().into_iter().flatten().map(|variable| {
            let value = match variable["valueFrom"]["fieldRef"]["fieldPath"].as_str() {
                Some("metadata.namespace") => namespace,
                Some("metadata.name") => NAME,
                Some(other) => panic!("{other} is not translated"),
                None => variable["value"].as_str().unwrap(),
            };
            (variable["name"].as_str().unwrap().to_owned(), value.to_owned())
        });
        let arguments = container["args"].as_array().unwrap().iter().map(|argument| {
            let argument = argument.as_str().unwrap();
            // Loopback, and any port: other processes use this machine.
            if argument.starts_with("--listen=") { "--listen=127.0.0.1:0" } else { argument }.to_owned()
        });
        Self {
            arguments: arguments.collect(),
            environment: environment.collect(),
            kubeconfig: cluster.service_account_kubeconfig(namespace, account).unwrap(),
        }
    }

    fn environment(&self) -> Vec<(&str, &str)> {
        self.environment.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect()
    }

    /// Starts it as an operator, and waits until its caches are synced.
    pub(crate) fn start(&self) -> Operator {
        let arguments: Vec<_> = self.arguments.iter().map(String::as_str).collect();
        let operator = Operator::told(&self.kubeconfig, "chart", &arguments, &self.environment());
        operator.logs("caches are filled");
        operator
    }

    /// Runs it until it ends.
    pub(crate) fn run(&self) -> Ran {
        let mut process = std::process::Command::new(env!("CARGO_BIN_EXE_hooktender"));
        process.env_clear().env("KUBECONFIG", &self.kubeconfig).envs(self.environment());
        command::run(
            process.args(&self.arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()),
        )
    }
}
