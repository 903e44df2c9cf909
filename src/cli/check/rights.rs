//! Checks rights by access reviews: a SelfSubjectAccessReview for the user of the kubeconfig, a SubjectAccessReview for another.

use super::line::Line;
use crate::api::GROUP;
use crate::cli::cluster_reader::api_message;
use clap::ValueEnum;
use futures::StreamExt as _;
use futures::stream;
use k8s_openapi::api::authentication::v1::SelfSubjectReview;
use k8s_openapi::api::authorization::v1::{
    ResourceAttributes, SelfSubjectAccessReview, SelfSubjectAccessReviewSpec, SubjectAccessReview,
    SubjectAccessReviewSpec,
};
use kube::api::PostParams;
use kube::{Api, Client};
use std::collections::BTreeMap;

const RIGHTS: &str = "rights";
/// Reviews that are made at once.
const MAX_REVIEWS: usize = 8;

/// What the rights are needed for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Purpose {
    /// To plan from the cluster, and to explain.
    Plan,
    /// To run the operator.
    Run,
}

/// Verbs on a resource.
#[derive(Clone, Copy)]
struct Needed {
    verbs: &'static [&'static str],
    group: &'static str,
    resource: &'static str,
    subresource: Option<&'static str>,
    /// If the right can be done without: how.
    without: Option<&'static str>,
    /// Whether it is needed for all namespaces only.
    everywhere: bool,
}

const fn needed(verbs: &'static [&'static str], group: &'static str, resource: &'static str) -> Needed {
    Needed { verbs, group, resource, subresource: None, without: None, everywhere: false }
}

const PLAN: &[Needed] = &[
    needed(&["get", "list"], GROUP, "webhooks"),
    needed(&["get", "list"], GROUP, "vendoraccounts"),
    Needed {
        without: Some("WebhookSets can be neither planned from files nor explained"),
        ..needed(&["get"], GROUP, "webhooksets")
    },
    needed(&["get"], "", "secrets"),
    needed(&["get"], "", "configmaps"),
    Needed { without: Some("hooktender explain shows no events"), ..needed(&["list"], "", "events") },
    Needed {
        everywhere: true,
        without: Some("accounts whose allowedNamespaces is a selector admit their own namespace only"),
        ..needed(&["list"], "", "namespaces")
    },
];

/// As the chart's role (charts/hooktender/templates/_rules.tpl), which a scenario compares it with.
const RUN: &[Needed] = &[
    needed(&["get", "list", "watch", "patch", "create", "delete"], GROUP, "webhooks"),
    needed(&["get", "list", "watch", "patch"], GROUP, "vendoraccounts"),
    needed(&["get", "list", "watch", "patch"], GROUP, "webhooksets"),
    Needed { subresource: Some("status"), ..needed(&["patch"], GROUP, "webhooks") },
    Needed { subresource: Some("status"), ..needed(&["patch"], GROUP, "vendoraccounts") },
    Needed { subresource: Some("status"), ..needed(&["patch"], GROUP, "webhooksets") },
    needed(&["get", "list", "watch"], "", "configmaps"),
    Needed {
        without: Some("if only some Secrets may be read, those have to be the ones that are used"),
        ..needed(&["get"], "", "secrets")
    },
    Needed {
        without: Some("run needs --watch-secrets=false, and sees a changed Secret with the next pass"),
        ..needed(&["list", "watch"], "", "secrets")
    },
    needed(&["create"], "events.k8s.io", "events"),
    Needed { everywhere: true, ..needed(&["list", "watch"], "", "namespaces") },
];

impl Needed {
    /// Returns the resource as a role names it.
    fn name(&self) -> String {
        let resource = match self.subresource {
            Some(sub) => format!("{}/{sub}", self.resource),
            None => self.resource.to_owned(),
        };
        if self.group.is_empty() { resource } else { format!("{resource}.{}", self.group) }
    }

    fn attributes(&self, verb: &str, namespace: Option<&str>) -> ResourceAttributes {
        ResourceAttributes {
            verb: Some(verb.to_owned()),
            group: Some(self.group.to_owned()),
            resource: Some(self.resource.to_owned()),
            subresource: self.subresource.map(str::to_owned),
            namespace: namespace.map(str::to_owned),
            ..ResourceAttributes::default()
        }
    }
}

/// Checks all rights in a namespace, or in all.
pub(super) async fn check(
    client: &Client,
    namespace: Option<&str>,
    (purpose, user): (Purpose, Option<&str>),
) -> Vec<Line> {
    let all = match purpose {
        Purpose::Plan => PLAN,
        Purpose::Run => RUN,
    };
    let reviews = all.iter().filter(|needed| !needed.everywhere || namespace.is_none());
    let reviews = reviews.flat_map(|needed| needed.verbs.iter().map(move |verb| (*needed, *verb)));
    let reviews = reviews.map(|(needed, verb)| async move {
        let attributes = needed.attributes(verb, namespace);
        (needed, verb, may(client, attributes, user).await)
    });
    let reviews: Vec<_> = stream::iter(reviews.collect::<Vec<_>>()).buffered(MAX_REVIEWS).collect().await;
    let mut missing: BTreeMap<(String, Option<&str>), Vec<&str>> = BTreeMap::new();
    for (needed, verb, allowed) in reviews {
        match allowed {
            Ok(true) => {}
            Ok(false) => missing.entry((needed.name(), needed.without)).or_default().push(verb),
            Err(error) => return vec![Line::problem(RIGHTS, format!("they cannot be asked for: {error}"))],
        }
    }
    let user = match user {
        Some(user) => Some(user.to_owned()),
        None => own_name(client).await,
    };
    lines(&missing, purpose, (user.as_deref().unwrap_or("this user"), namespace))
}

/// Returns a line for each resource of which rights are missing, or one for all.
fn lines(
    missing: &BTreeMap<(String, Option<&str>), Vec<&str>>,
    purpose: Purpose,
    (user, namespace): (&str, Option<&str>),
) -> Vec<Line> {
    let place =
        namespace.map_or_else(|| "all namespaces".into(), |namespace| format!("namespace {namespace}"));
    let command = match purpose {
        Purpose::Plan => "plan",
        Purpose::Run => "run",
    };
    let mut lines: Vec<_> = missing
        .iter()
        .map(|((resource, without), verbs)| {
            let message = format!("{user} may not {} {resource} in {place}", verbs.join(", "));
            match without {
                Some(without) => Line::note(RIGHTS, format!("{message}: {without}")),
                None => Line::problem(RIGHTS, message).fix(fix(purpose, verbs, resource)),
            }
        })
        .collect();
    if missing.keys().all(|(_, without)| without.is_some()) {
        lines
            .insert(0, Line::ok(RIGHTS, format!("{user} may do what hooktender {command} needs in {place}")));
    }
    lines
}

fn fix(purpose: Purpose, verbs: &[&str], resource: &str) -> String {
    let (name, group) = resource.split_once('.').unwrap_or((resource, ""));
    let rule = format!("{{apiGroups: [{group:?}], resources: [{name}], verbs: [{}]}}", verbs.join(", "));
    match purpose {
        Purpose::Plan => format!("bind a Role (with -A a ClusterRole) that has {rule}"),
        Purpose::Run => format!(
            "install the chart's roles (rbac.create: true), or add {rule} to those of the ServiceAccount"
        ),
    }
}

/// Returns whether a user may do something.
async fn may(client: &Client, what: ResourceAttributes, user: Option<&str>) -> Result<bool, String> {
    let (params, failed) = (PostParams::default(), |error: kube::Error| api_message(&error));
    if let Some(user) = user {
        let spec = SubjectAccessReviewSpec {
            resource_attributes: Some(what),
            user: Some(user.to_owned()),
            groups: Some(groups_of(user)),
            ..SubjectAccessReviewSpec::default()
        };
        let review = SubjectAccessReview { spec, ..SubjectAccessReview::default() };
        let answer =
            Api::<SubjectAccessReview>::all(client.clone()).create(&params, &review).await.map_err(failed)?;
        return Ok(answer.status.is_some_and(|status| status.allowed));
    }
    let spec = SelfSubjectAccessReviewSpec { resource_attributes: Some(what), ..Default::default() };
    let review = SelfSubjectAccessReview { spec, ..SelfSubjectAccessReview::default() };
    let answer =
        Api::<SelfSubjectAccessReview>::all(client.clone()).create(&params, &review).await.map_err(failed)?;
    Ok(answer.status.is_some_and(|status| status.allowed))
}

/// Returns the groups that a user has by its name: those of a ServiceAccount, and that of all who are logged in.
fn groups_of(user: &str) -> Vec<String> {
    let account = user.strip_prefix("system:serviceaccount:").and_then(|rest| rest.split_once(':'));
    let of_account = account.map(|(namespace, _)| {
        ["system:serviceaccounts".to_owned(), format!("system:serviceaccounts:{namespace}")]
    });
    of_account.into_iter().flatten().chain(["system:authenticated".to_owned()]).collect()
}

/// Returns the name of the user of the kubeconfig, if the API server tells.
async fn own_name(client: &Client) -> Option<String> {
    let api: Api<SelfSubjectReview> = Api::all(client.clone());
    let answer = api.create(&PostParams::default(), &SelfSubjectReview::default()).await.ok()?;
    answer.status?.user_info?.username
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_rights_are_problems_unless_they_can_be_done_without() {
        let none = lines(&BTreeMap::new(), Purpose::Plan, ("ann", Some("shop")));
        assert_eq!(none, [Line::ok(RIGHTS, "ann may do what hooktender plan needs in namespace shop")]);
        let events = ((String::from("events"), Some("no events")), vec!["list"]);
        let some = lines(&BTreeMap::from([events.clone()]), Purpose::Plan, ("ann", Some("shop")));
        assert_eq!(some[1], Line::note(RIGHTS, "ann may not list events in namespace shop: no events"));
        assert_eq!(some[0], none[0]);
        let webhooks = ((String::from("webhooks.hooktender.dev"), None), vec!["get", "list"]);
        let all = lines(&BTreeMap::from([events, webhooks]), Purpose::Plan, ("ann", None));
        let problem =
            Line::problem(RIGHTS, "ann may not get, list webhooks.hooktender.dev in all namespaces");
        let rule = "{apiGroups: [\"hooktender.dev\"], resources: [webhooks], verbs: [get, list]}";
        assert_eq!(all[1], problem.fix(format!("bind a Role (with -A a ClusterRole) that has {rule}")));
        assert_eq!(all.len(), 2);
    }

    #[test]
    fn a_service_account_has_its_groups() {
        let groups = groups_of("system:serviceaccount:hooks:operator");
        assert_eq!(
            groups,
            ["system:serviceaccounts", "system:serviceaccounts:hooks", "system:authenticated"]
        );
        assert_eq!(groups_of("ann"), ["system:authenticated"]);
    }
}
