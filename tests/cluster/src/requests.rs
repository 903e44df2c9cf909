//! How namespaces and service accounts reach the API server: by kubectl, or by an HTTP client that the tests provide.
//!
//! This crate has no HTTP client with TLS of its own: the demo compiles it first, to build the servers beside everything else.

use serde_json::Value;

use crate::{Cluster, Error, kubectl};

/// What is done with an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    /// A POST.
    Create,
    /// Server-side apply, with force.
    Apply,
}

/// A request of the administrator.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// What to do.
    pub verb: Verb,
    /// The path of the collection or subresource to create in, or of the object to apply.
    pub path: &'a str,
    /// The object, in JSON or, to apply, YAML.
    pub object: &'a str,
}

/// Sends a request to the API server of a cluster and returns its answer.
pub type SendRequest = fn(&Cluster, Request<'_>) -> Result<Value, Error>;

impl Cluster {
    /// Makes namespaces and service accounts by this function instead of kubectl, of which each process takes some 60 ms of processor
    /// time. Does nothing after the first time.
    pub fn send_with(&self, send: SendRequest) {
        let _ = self.send.set(send);
    }

    pub(crate) fn send(&self, request: Request<'_>) -> Result<Value, Error> {
        self.send.get().unwrap_or(&(by_kubectl as SendRequest))(self, request)
    }
}

fn by_kubectl(cluster: &Cluster, request: Request<'_>) -> Result<Value, Error> {
    let arguments: &[&str] = match request.verb {
        // Asks for no API discovery, unlike other commands.
        Verb::Create => &["create", "--raw", request.path, "--filename=-"],
        Verb::Apply => &["apply", "--server-side", "--force-conflicts", "--filename=-", "--output=json"],
    };
    let answer = kubectl::run(cluster.kubectl().args(arguments), &arguments.join(" "), Some(request.object))?;
    serde_json::from_str(&answer).map_err(Error::json(format!("the answer of {}", request.path)))
}
