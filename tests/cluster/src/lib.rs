//! A real Kubernetes control plane on loopback, for tests and for the demo: etcd, kube-apiserver with RBAC and
//! kube-controller-manager, and the kubectl and helm to use it with. Nothing is faked and no container runtime is
//! needed; there is no kubelet, so pods never run.
//!
//! ```no_run
//! let cluster = hooktender_cluster::shared()?;
//! let namespace = cluster.namespace("example")?;
//! cluster.kubectl_apply(&format!(
//!     "{{apiVersion: v1, kind: ConfigMap, metadata: {{name: a, namespace: {namespace}}}}}"
//! ))?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! | module | what |
//! | --- | --- |
//! | `tools` | the seven programs: found, or built once from the pinned Go modules beside this crate |
//! | `builder`, `progress`, `child` | building them, with a line about the time that is left |
//! | `cluster`, `kubectl` | what a test holds: addresses, kubectl, helm |
//! | `rights`, `requests` | namespaces and service accounts, made by kubectl or a test's own HTTP client |
//! | `audit` | what was asked of the API server, by whom and with which result |
//! | `wait` | waiting for a condition, and judging times on machines of any speed |
//! | `supervisor` | the process that owns the servers and ends them when its owner ends, however it ends |
//! | `control_plane`, `server`, `credentials` | starting the servers: their options, processes and keys |
//! | `protocol`, `locate` | how `cluster` talks to the supervisor, and where it finds its binary |
//!
//! The interface is blocking. In an async test that is fine as long as the runtime has more than one thread, or
//! nothing else has to move meanwhile.

mod audit;
mod builder;
mod child;
mod cluster;
mod control_plane;
mod credentials;
mod error;
mod kubectl;
mod locate;
mod progress;
mod protocol;
mod requests;
mod rights;
mod server;
mod supervisor;
mod tools;
mod wait;

pub use audit::{AuditEvent, AuditReader};
pub use cluster::{Cluster, shared};
pub use error::{Error, KubectlError};
pub use requests::{Request, SendRequest, Verb};
pub use server::become_server;
pub use supervisor::{serve, supervise};
pub use tools::{Purpose, Tool, Tools};
pub use wait::{KUBECTL_WAIT_LIMIT, Stopwatch, TimedOut, WAIT_LIMIT, eventually, eventually_within};
