//! Why a watch gives nothing, and what to do about it.

use crate::engine::error::error_chain;
use kube::core::Status;
use kube::runtime::watcher;
use serde::Serialize;

/// With whose rights the pages read the cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Viewer {
    /// Those of the user who has started `hooktender ui`.
    User,
    /// Those of the operator.
    Operator,
}

/// Why the objects of a kind cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Problem {
    /// Whether a right is missing, so that trying again soon is of no use.
    pub(crate) forbidden: bool,
    /// What it is, and what to do.
    pub(crate) message: String,
}

/// Explains the failure of a watch over `what`, such as `webhooks.hooktender.dev`, in one namespace or in all.
pub(crate) fn explain(
    error: &watcher::Error,
    what: &str,
    namespace: Option<&str>,
    viewer: Viewer,
) -> Problem {
    match error {
        watcher::Error::InitialListFailed(kube::Error::Api(status))
        | watcher::Error::WatchStartFailed(kube::Error::Api(status))
        | watcher::Error::WatchFailed(kube::Error::Api(status))
        | watcher::Error::WatchError(status) => refused(status, what, namespace, viewer),
        error => {
            let mut cause: &dyn std::error::Error = error;
            while let Some(deeper) = cause.source() {
                cause = deeper;
            }
            Problem {
                forbidden: false,
                message: format!("the API server does not answer ({})", error_chain(cause)),
            }
        }
    }
}

fn refused(status: &Status, what: &str, namespace: Option<&str>, viewer: Viewer) -> Problem {
    let said = &status.message;
    let place = namespace.map_or_else(|| "all namespaces".to_owned(), |name| format!("namespace {name}"));
    let message = match (status.code, viewer) {
        (401, Viewer::User) => {
            format!(
                "the API server does not accept your login: renew it, and start hooktender ui again ({said})"
            )
        }
        (401, Viewer::Operator) => format!("the API server does not accept the operator's token ({said})"),
        (403, Viewer::User) => {
            let other = match namespace {
                None => ", or choose a namespace with -n",
                Some(_) => "",
            };
            format!(
                "you lack the right to list and watch {what} in {place}: ask for these verbs{other} ({said})"
            )
        }
        (403, Viewer::Operator) => format!(
            "the operator lacks the right to list and watch {what} in {place}, which the chart gives it with ui.enabled ({said})"
        ),
        (404, _) => format!(
            "the API server does not know {what}: install the CRDs (hooktender crds | kubectl apply -f -)"
        ),
        (code, _) => format!("the API server does not list {what} ({code}: {said})"),
    };
    Problem { forbidden: matches!(status.code, 401 | 403), message }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(code: u16, namespace: Option<&str>, viewer: Viewer) -> Problem {
        let status = Box::new(Status { code, message: "no".into(), ..Status::default() });
        let error = watcher::Error::InitialListFailed(kube::Error::Api(status));
        explain(&error, "events", namespace, viewer)
    }

    #[test]
    fn a_missing_right_is_named() {
        let all = of(403, None, Viewer::User);
        assert!(all.forbidden);
        assert_eq!(
            all.message,
            "you lack the right to list and watch events in all namespaces: ask for these verbs, or choose a namespace with -n (no)"
        );
        let one = of(403, Some("shop"), Viewer::User).message;
        assert!(one.contains("in namespace shop: ask for these verbs (no)"), "{one}");
        assert!(of(403, None, Viewer::Operator).message.contains("the chart gives it with ui.enabled"));
    }

    #[test]
    fn other_failures_are_tried_again() {
        assert!(!of(500, None, Viewer::User).forbidden);
        assert!(of(404, None, Viewer::User).message.contains("install the CRDs"));
        let away = explain(&watcher::Error::NoResourceVersion, "events", None, Viewer::User);
        assert!(!away.forbidden && away.message.starts_with("the API server does not answer"), "{away:?}");
    }
}
