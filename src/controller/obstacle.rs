//! What keeps a watch from coming about, in words that say what to do; and whether the API server is new enough.

use k8s_openapi::apimachinery::pkg::version::Info;
use kube::core::Status;
use kube::runtime::watcher;
use kube::{Client, Resource};

/// The oldest minor version of Kubernetes whose API server keeps the rules of the CRDs without being asked to: CEL is
/// stable from there on.
const OLDEST: u32 = 29;

/// Why there is no watch of that kind.
pub(super) fn in_words<K: Resource<DynamicType = ()>>(error: &watcher::Error) -> String {
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
            format!("no answer from the API server ({cause})")
        }
    }
}

fn refused(what: &str, status: &Status) -> String {
    let said = &status.message;
    match status.code {
        401 => "the API server does not know who asks: hooktender's token or certificate is wrong, or has expired".into(),
        403 => format!("hooktender may not list and watch {what}: give its ServiceAccount these verbs ({said})"),
        404 => format!("the API server does not know {what}: install the CRDs (hooktender crds | kubectl apply -f -)"),
        code => format!("the API server does not list {what} ({code}: {said})"),
    }
}

/// Warns of an API server that is too old.
pub(super) async fn look_at_version(client: Client) {
    match client.apiserver_version().await {
        Ok(info) => {
            if let Some(problem) = too_old(&info) {
                tracing::warn!("{problem}");
            }
        }
        Err(error) => tracing::debug!(%error, "the API server's version is not known"),
    }
}

fn too_old(info: &Info) -> Option<String> {
    // Some providers put a sign behind it.
    let number = |text: &str| text.trim_end_matches(|c: char| !c.is_ascii_digit()).parse::<u32>().ok();
    let (major, minor) = (number(&info.major)?, number(&info.minor)?);
    (major, minor).lt(&(1, OLDEST)).then(|| {
        format!(
            "this API server is of Kubernetes {major}.{minor}; from 1.{OLDEST} on the rules of the CRDs are in force, which hooktender relies on: upgrade the cluster"
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::Webhook;
    use k8s_openapi::api::core::v1::Secret;

    #[test]
    fn an_old_server_is_told_of() {
        let of = |major: &str, minor: &str| {
            too_old(&Info { major: major.into(), minor: minor.into(), ..Info::default() })
        };
        for (major, minor) in [("1", "29"), ("1", "29+"), ("1", "36"), ("2", "0"), ("", ""), ("one", "9")] {
            assert_eq!(of(major, minor), None, "{major}.{minor}");
        }
        assert!(of("1", "28").unwrap().contains("1.28; from 1.29 on"));
        assert!(of("1", "9+").is_some());
    }

    #[test]
    fn each_refusal_says_what_to_do() {
        let status = |code| Box::new(Status { code, message: "said".into(), ..Status::default() });
        let failed = |code| watcher::Error::InitialListFailed(kube::Error::Api(status(code)));
        assert!(in_words::<Webhook>(&failed(404)).contains("know webhooks.hooktender.dev: install the CRDs"));
        assert!(in_words::<Secret>(&failed(403)).contains("may not list and watch secrets: give"));
        assert!(in_words::<Secret>(&failed(401)).contains("token"));
        let broken = watcher::Error::WatchError(status(500));
        assert_eq!(in_words::<Secret>(&broken), "the API server does not list secrets (500: said)");
        assert!(in_words::<Secret>(&watcher::Error::NoResourceVersion).starts_with("no answer"));
    }
}
