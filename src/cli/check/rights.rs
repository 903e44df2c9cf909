//! Checks the rights on each resource, by access reviews.

use super::line::{Line, State};
use super::named::{self, Named};
use super::review::{MAX_REVIEWS, may, own_name};
use crate::api::GROUP;
use crate::engine::dependency::Dependency;
use clap::ValueEnum;
use futures::StreamExt as _;
use futures::stream;
use k8s_openapi::api::authorization::v1::ResourceAttributes;
use kube::Client;
use std::collections::BTreeMap;

const RIGHTS: &str = "rights";

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
        without: Some(
            "plans do not show what WebhookSets have yet to change, and the sets themselves can be neither planned from files nor explained",
        ),
        ..needed(&["get", "list"], GROUP, "webhooksets")
    },
    needed(&["get"], "", "secrets"),
    needed(&["get"], "", "configmaps"),
    Needed { without: Some("hooktender explain shows no events"), ..needed(&["list"], "", "events") },
    Needed {
        everywhere: true,
        without: Some(
            "of accounts and WebhookSets that select namespaces by label, only their own namespace is planned",
        ),
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

/// Verbs that are missing, by resource and how it can be done without them.
type Missing = BTreeMap<(String, Option<&'static str>), Vec<&'static str>>;

/// Checks all rights in a namespace, or in all. `of_accounts`: Secrets and ConfigMaps that are read; the right to read each of them by its name
/// is enough.
pub(super) async fn check(
    client: &Client,
    namespace: Option<&str>,
    (purpose, user): (Purpose, Option<&str>),
    of_accounts: &[Dependency],
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
    let mut missing = Missing::new();
    for (needed, verb, allowed) in reviews {
        match allowed {
            Ok(true) => {}
            Ok(false) => missing.entry((needed.name(), needed.without)).or_default().push(verb),
            Err(error) => return vec![cannot_ask(&error)],
        }
    }
    let by_name = match by_name(client, &mut missing, user, of_accounts).await {
        Ok(by_name) => by_name,
        Err(error) => return vec![cannot_ask(&error)],
    };
    let user = match user {
        Some(user) => Some(user.to_owned()),
        None => own_name(client).await,
    };
    lines(&missing, &by_name, purpose, (user.as_deref().unwrap_or("this user"), namespace))
}

fn cannot_ask(error: &str) -> Line {
    Line::problem(RIGHTS, format!("they cannot be asked for: {error}"))
}

/// Asks by name for the objects that are used, where the right to get all is missing, and takes that right out of what is missing.
async fn by_name(
    client: &Client,
    missing: &mut Missing,
    user: Option<&str>,
    of_accounts: &[Dependency],
) -> Result<Vec<Named>, String> {
    let mut all = Vec::new();
    for ((resource, without), verbs) in missing.iter_mut().filter(|(_, verbs)| verbs.contains(&"get")) {
        let Some(named) = named::ask(client, resource, of_accounts, user).await? else { continue };
        // Without a right on any of them, the general right is what is missing.
        if without.is_some() || named.has_some() {
            verbs.retain(|verb| *verb != "get");
            all.push(named);
        }
    }
    missing.retain(|_, verbs| !verbs.is_empty());
    Ok(all)
}

/// Returns a line for each resource of which rights are missing, or one for all.
fn lines(
    missing: &Missing,
    by_name: &[Named],
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
    lines.extend(by_name.iter().flat_map(|named| named.lines(RIGHTS, user, purpose == Purpose::Run)));
    if lines.iter().all(|line| line.state != State::Problem) {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_rights_are_problems_unless_they_can_be_done_without() {
        let none = lines(&Missing::new(), &[], Purpose::Plan, ("ann", Some("shop")));
        assert_eq!(none, [Line::ok(RIGHTS, "ann may do what hooktender plan needs in namespace shop")]);
        let events = ((String::from("events"), Some("no events")), vec!["list"]);
        let some = lines(&Missing::from([events.clone()]), &[], Purpose::Plan, ("ann", Some("shop")));
        assert_eq!(some[1], Line::note(RIGHTS, "ann may not list events in namespace shop: no events"));
        assert_eq!(some[0], none[0]);
        let webhooks = ((String::from("webhooks.hooktender.dev"), None), vec!["get", "list"]);
        let all = lines(&Missing::from([events, webhooks]), &[], Purpose::Plan, ("ann", None));
        let problem =
            Line::problem(RIGHTS, "ann may not get, list webhooks.hooktender.dev in all namespaces");
        let rule = "{apiGroups: [\"hooktender.dev\"], resources: [webhooks], verbs: [get, list]}";
        assert_eq!(all[1], problem.fix(format!("bind a Role (with -A a ClusterRole) that has {rule}")));
        assert_eq!(all.len(), 2);
    }
}
