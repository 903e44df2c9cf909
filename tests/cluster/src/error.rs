//! Errors. Each message describes its own level only; the rest is the source.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use crate::TimedOut;

/// A failure to find the tools, to start the cluster or to talk to it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The file system or a process refused.
    #[error("{what}: {source}")]
    Io {
        /// What was tried.
        what: String,
        /// Why it failed.
        source: io::Error,
    },
    /// The Go modules with the pinned tools were not found.
    #[error(
        "no folder with tests/cluster/kubernetes/go.mod found: run this inside a checkout of hooktender, \
         or point KUBEBUILDER_ASSETS at a folder with ready-made kube-apiserver, etcd, kubectl, \
         kube-controller-manager and helm"
    )]
    NoWorkspace,
    /// The tools must be built, and there is no Go to build them with.
    #[error(
        "no `go` on PATH to build {tools} with: install Go 1.26 or newer (https://go.dev/dl/), or point \
         KUBEBUILDER_ASSETS at a folder with ready-made kube-apiserver, etcd, kubectl, kube-controller-manager and helm"
    )]
    NoGo {
        /// The tools that are missing.
        tools: String,
    },
    /// `KUBEBUILDER_ASSETS` is set, but the folder lacks a tool that it must have.
    #[error("KUBEBUILDER_ASSETS is {folder}, where there is no {tool}", folder = folder.display())]
    IncompleteAssets {
        /// The folder.
        folder: PathBuf,
        /// The missing tool.
        tool: &'static str,
    },
    /// A tool, or the supervisor, could not be built.
    #[error("building {what} failed:\n{output}")]
    Build {
        /// What was built.
        what: String,
        /// What the compiler said.
        output: String,
    },
    /// A server ended although it should run.
    #[error("{server} ended ({status}); the end of its log:\n{log}")]
    ServerEnded {
        /// The program's name.
        server: String,
        /// Its exit status.
        status: String,
        /// The last lines of its log.
        log: String,
    },
    /// A server runs but does not become ready.
    #[error("{server} was not ready after {waited:.1?}: {last}; the end of its log:\n{log}")]
    NotReady {
        /// The program's name.
        server: String,
        /// How long was waited.
        waited: Duration,
        /// What the last look saw.
        last: String,
        /// The last lines of its log.
        log: String,
    },
    /// The process that owns the servers reports a failure.
    #[error("the cluster's supervisor: {0}")]
    Supervisor(String),
    /// kubectl refused.
    #[error(transparent)]
    Kubectl(#[from] KubectlError),
    /// The API server refused a request.
    #[error("{path}: {answer}")]
    Refused {
        /// The request's path.
        path: String,
        /// Status and body of the answer.
        answer: String,
    },
    /// An object that gives no rights.
    #[error("a {0} is no service account, role or binding")]
    UnknownKind(String),
    /// Something did not happen in time.
    #[error(transparent)]
    TimedOut(#[from] TimedOut),
    /// A key could not be generated.
    #[error("making the service-account key: {0}")]
    Key(#[from] p256::pkcs8::Error),
    /// Invalid JSON.
    #[error("{what} is not the JSON expected: {source}")]
    Json {
        /// What was read.
        what: String,
        /// Why it cannot be read.
        source: serde_json::Error,
    },
    /// The kubeconfig to write exists and is not one of ours.
    #[error("{path} exists and was not written by hooktender-cluster: give another path", path = .0.display())]
    ForeignKubeconfig(PathBuf),
    /// [`crate::shared`] failed before in this process; it is not tried again.
    #[error("the shared cluster did not start: {0}")]
    Shared(String),
}

impl Error {
    /// For `map_err`: adds what was tried to an I/O error.
    pub(crate) fn io(what: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let what = what.into();
        move |source| Self::Io { what, source }
    }

    /// For `map_err`: adds what was read to a JSON error.
    pub(crate) fn json(what: impl Into<String>) -> impl FnOnce(serde_json::Error) -> Self {
        let what = what.into();
        move |source| Self::Json { what, source }
    }

    /// Whether the cause is a port that another process took between our choice and the server's bind.
    pub(crate) fn is_port_taken(&self) -> bool {
        matches!(self, Self::ServerEnded { log, .. } if log.contains("address already in use"))
    }
}

/// A kubectl command that failed, with its output.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`kubectl {command}` failed: {}", stderr.trim_end())]
pub struct KubectlError {
    /// The arguments.
    pub command: String,
    /// Its standard output.
    pub stdout: String,
    /// Its standard error; where kubectl could not be run, why.
    pub stderr: String,
}
