//! Explains why a watch cannot be established, and checks that the API server is new enough.

use k8s_openapi::apimachinery::pkg::version::Info;
use kube::core::Status;
use kube::runtime::watcher;
use kube::{Client, Resource};

/// The oldest supported minor version of Kubernetes: the first in which CEL rules of CRDs are stable.
const MIN_MINOR_VERSION: u32 = 29;

/// Explains why the watch of a kind failed, and what to do.
pub(super) fn explain<K: Resource<DynamicType = ()>>(error: &watcher::Error) -> String {
    let (plural, group) = (K::plural(&()), K::group(&()));
    let what = if group.is_empty() { plural.into_owned() } else { format!("{plural}.{group}") };
    match error {
        watcher::Error::InitialListFailed(kube::Error::Api(status))
        | watcher::Error::WatchStartFailed(kube::Error::Api(status))
        | watcher::Error::WatchFailed(kube::Error::Api(status))
        | watcher::Error::WatchError(status) => refused(&what, status),
        error => {
            let mut cause: &dyn std::error::Error = error;
            while let Some(deeper) = cause.source() {
                cause = deeper;
            }
            format!("no response from the API server ({cause})")
        }
    }
}

fn refused(what: &str, status: &Status) -> String {
    let message = &status.message;
    match status.code {
        401 => {
            "the API server does not accept hooktender's token or certificate, which is wrong or expired: renew it".into()
        }
        403 => format!(
            "hooktender has no permission to list and watch {what}: give its ServiceAccount these verbs ({message})"
        ),
        404 => format!(
            "the API server does not know {what}: install the CRDs (hooktender crds | kubectl apply -f -)"
        ),
        code => format!("the API server does not list {what} ({code}: {message})"),
    }
}

/// Logs a warning if the API server is too old.
pub(super) async fn check_server_version(client: Client) {
    match client.apiserver_version().await {
        Ok(info) => {
            if let Some(problem) = too_old(&info) {
                tracing::warn!("{problem}");
            }
        }
        Err(error) => tracing::debug!(%error, "the version of the API server is unknown"),
    }
}

fn too_old(info: &Info) -> Option<String> {
    // Some providers append a sign, as in `29+`.
    let number = |text: &str| text.trim_end_matches(|c: char| !c.is_ascii_digit()).parse::<u32>().ok();
    let (major, minor) = (number(&info.major)?, number(&info.minor)?);
    (major, minor).lt(&(1, MIN_MINOR_VERSION)).then(|| {
        format!(
            "this API server is Kubernetes {major}.{minor}; hooktender relies on the validation rules of its CRDs, which are enforced from 1.{MIN_MINOR_VERSION} on: upgrade the cluster"
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::Webhook;
    use k8s_openapi::api::core::v1::Secret;

    #[test]
    fn an_old_server_is_reported() {
        let of = |major: &str, minor: &str| {
            too_old(&Info { major: major.into(), minor: minor.into(), ..Info::default() })
        };
        for (major, minor) in [("1", "29"), ("1", "29+"), ("1", "36"), ("2", "0"), ("", ""), ("one", "9")] {
            assert_eq!(of(major, minor), None, "{major}.{minor}");
        }
        assert!(of("1", "28").unwrap().contains("1.28; hooktender relies"));
        assert!(of("1", "9+").is_some());
    }

    #[test]
    fn each_explanation_says_what_to_do() {
        let status = |code| Box::new(Status { code, message: "message".into(), ..Status::default() });
        let failed = |code| watcher::Error::InitialListFailed(kube::Error::Api(status(code)));
        assert!(explain::<Webhook>(&failed(404)).contains("know webhooks.hooktender.dev: install the CRDs"));
        assert!(explain::<Secret>(&failed(403)).contains("no permission to list and watch secrets: give"));
        assert!(explain::<Secret>(&failed(401)).contains("token"));
        let broken = watcher::Error::WatchError(status(500));
        assert_eq!(explain::<Secret>(&broken), "the API server does not list secrets (500: message)");
        assert!(explain::<Secret>(&watcher::Error::NoResourceVersion).starts_with("no response"));
    }
}
