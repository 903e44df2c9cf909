//! Checks of the cluster: the API server, its clock, and what `crds` and `rights` check.

use super::line::Line;
use super::rights::{self, Purpose};
use super::{clock, crds};
use crate::cli::cluster_reader::{ClusterReader, api_error};
use crate::cli::plan::Scope;
use crate::engine::dependency::Dependency;
use http::Request;
use http_body::Body as _;
use kube::client::Body;
use std::time::SystemTime;

const API_SERVER: &str = "API server";

/// Returns a reader of the cluster and its namespace; without one, the problem is among the lines.
pub(super) async fn connect(scope: &Scope, lines: &mut Vec<Line>) -> Option<(ClusterReader, String)> {
    let address = scope.cluster.config().await.map(|(config, _)| config.cluster_url.to_string());
    let connected = match address {
        Ok(address) => {
            scope.reader().await.map(|reader| (reader, address)).map_err(|error| error.0.join("; "))
        }
        Err(error) => Err(error),
    };
    let ((reader, namespace), address) = match connected {
        Ok(connected) => connected,
        Err(error) => {
            lines.push(Line::problem(API_SERVER, error).fix(
                "choose a cluster with --kubeconfig or --context; or check files only: hooktender check --offline -f FILE",
            ));
            return None;
        }
    };
    let sent = SystemTime::now();
    match version(&reader, &address).await {
        Ok(Version { name, clock: theirs }) => {
            lines.push(Line::ok(API_SERVER, format!("{address} answers, Kubernetes {name}")));
            lines.extend(theirs.map(|theirs| clock::check("clock", "the API server", theirs, sent)));
            Some((reader, namespace))
        }
        Err(Refused { message, fix }) => {
            lines.push(Line::problem(API_SERVER, message).fix(fix));
            None
        }
    }
}

/// Checks CRDs and rights. `used`: the Secrets and ConfigMaps that are read.
pub(super) async fn check(
    reader: &ClusterReader,
    namespace: &str,
    of: (Purpose, Option<&str>),
    used: &[Dependency],
) -> Vec<Line> {
    let scope = reader.namespace.is_some().then_some(namespace);
    let rights = rights::check(&reader.client, scope, of, used);
    let (crds, rights) = tokio::join!(crds::check(&reader.client), rights);
    crds.into_iter().chain(rights).collect()
}

struct Version {
    name: String,
    clock: Option<SystemTime>,
}

/// Why the API server is of no use, and what to do.
struct Refused {
    message: String,
    fix: &'static str,
}

const UNREACHABLE: &str =
    "check the address in the kubeconfig, the network and the proxy (HTTPS_PROXY, NO_PROXY)";
const LOGIN: &str = "log in again, or choose another context";

/// Asks the API server for its version. The message of an error names the address.
async fn version(reader: &ClusterReader, address: &str) -> Result<Version, Refused> {
    let unreachable = |message: String| Refused { message, fix: UNREACHABLE };
    let request =
        Request::get("/version").body(Body::empty()).map_err(|error| unreachable(error.to_string()))?;
    let answer =
        reader.client.send(request).await.map_err(|error| unreachable(api_error(address, &error)))?;
    let status = answer.status();
    let date = answer.headers().get(http::header::DATE).and_then(|date| date.to_str().ok());
    let clock = date.and_then(|date| httpdate::parse_http_date(date).ok());
    if status == http::StatusCode::UNAUTHORIZED || status == http::StatusCode::FORBIDDEN {
        return Err(Refused { message: format!("{address}: the login was refused ({status})"), fix: LOGIN });
    }
    let size = answer.body().size_hint().exact();
    let body = answer.into_body().collect_bytes().await;
    let body = body.map_err(|error| unreachable(api_error(address, &error)))?;
    let version: Option<k8s_openapi::apimachinery::pkg::version::Info> = serde_json::from_slice(&body).ok();
    match version {
        Some(version) if status.is_success() => Ok(Version { name: version.git_version, clock }),
        _ => Err(unreachable(format!(
            "{address}: what answers is no API server ({status}, {} bytes)",
            size.unwrap_or_default()
        ))),
    }
}
