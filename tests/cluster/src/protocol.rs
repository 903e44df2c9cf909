//! Messages between the supervisor and its owner: one JSON document a line, commands on the supervisor's standard input, answers
//! on its standard output. The end of the input ends the cluster.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// The sources that this code was built from: both sides must have the same.
pub(crate) const STAMP: &str = env!("HOOKTENDER_CLUSTER_STAMP");

/// Commands of an owner to a running supervisor.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Command {
    /// Kill the API server, as a power cut would.
    StopApiServer,
    /// Start it again on the same data and port.
    StartApiServer,
    /// Restart the controller manager.
    RestartControllers,
}

/// Answers of a supervisor: one when the cluster is ready, then one to each command.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Answer {
    /// The binary is built from other sources than its owner.
    OtherSources,
    /// The cluster runs, or runs again, or the API server is down as requested.
    Done(Addresses),
    /// The cluster does not run.
    Failed(String),
}

/// Addresses of the cluster.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Addresses {
    /// The temporary folder, which is removed when the cluster ends.
    pub(crate) folder: PathBuf,
    /// The administrator's kubeconfig.
    pub(crate) kubeconfig: PathBuf,
    /// `https://127.0.0.1:port`.
    pub(crate) api_url: String,
    /// The administrator's bearer token.
    pub(crate) admin_token: String,
    /// The certificate of the API server's authority, PEM.
    pub(crate) ca: String,
    /// The audit log.
    pub(crate) audit_log: PathBuf,
    /// The process ids of the running servers by program name.
    pub(crate) pids: BTreeMap<String, u32>,
}
