//! Rights on single objects: a Role with `resourceNames` allows some Secrets, and a review without a name does not say so.

use super::line::Line;
use super::review::{MAX_REVIEWS, may};
use crate::api::ObjectKey;
use crate::engine::dependency::Dependency;
use futures::stream;
use futures::{StreamExt as _, TryStreamExt as _};
use k8s_openapi::api::authorization::v1::ResourceAttributes;
use kube::Client;
use std::collections::{BTreeMap, BTreeSet};

/// Most objects of a resource that are asked for: a role with more names is unlikely, and each costs a request.
const MAX_ASKED: usize = 200;

/// Which objects of a resource a user may get.
#[derive(Debug)]
pub(super) struct Named {
    resource: &'static str,
    allowed: usize,
    denied: BTreeSet<ObjectKey>,
}

/// Asks for each object of a resource that is used; `None` if none is.
///
/// # Errors
///
/// Why the API server does not tell.
pub(super) async fn ask(
    client: &Client,
    resource: &str,
    needed: &[Dependency],
    user: Option<&str>,
) -> Result<Option<Named>, String> {
    let of_resource = needed.iter().filter(|one| resource_of(one) == resource);
    let keys: BTreeSet<&ObjectKey> = of_resource.clone().map(Dependency::key).collect();
    let Some(resource) = of_resource.map(resource_of).next() else { return Ok(None) };
    let reviews = keys.into_iter().take(MAX_ASKED).map(|key| async move {
        let what = ResourceAttributes {
            verb: Some("get".to_owned()),
            resource: Some(resource.to_owned()),
            namespace: Some(key.namespace.clone()),
            name: Some(key.name.clone()),
            ..ResourceAttributes::default()
        };
        may(client, what, user).await.map(|allowed| (key.clone(), allowed))
    });
    // Collected, as the compiler cannot name the lifetimes of a lazy iterator of futures.
    let reviews = stream::iter(reviews.collect::<Vec<_>>()).buffered(MAX_REVIEWS);
    let answers: Vec<(ObjectKey, bool)> = reviews.try_collect().await?;
    let allowed = answers.iter().filter(|(_, allowed)| *allowed).count();
    let denied = answers.into_iter().filter(|(_, allowed)| !*allowed).map(|(key, _)| key).collect();
    Ok(Some(Named { resource, allowed, denied }))
}

fn resource_of(used: &Dependency) -> &'static str {
    match used {
        Dependency::Secret(_) => "secrets",
        Dependency::ConfigMap(_) => "configmaps",
    }
}

impl Named {
    /// Whether some of the objects may be read.
    pub(super) fn has_some(&self) -> bool {
        self.allowed > 0
    }

    /// Returns a problem for each namespace with objects that may not be read, or a note that all may. `operator`: whether the user is
    /// the operator, whose rights the chart gives.
    pub(super) fn lines(&self, subject: &str, user: &str, operator: bool) -> Vec<Line> {
        let Self { resource, allowed, denied } = self;
        if denied.is_empty() {
            let message = format!(
                "{user} may get {resource} by their names only: the {allowed} that accounts and Webhooks name are allowed"
            );
            return vec![Line::note(subject, message)];
        }
        let mut by_namespace: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for key in denied {
            by_namespace.entry(&key.namespace).or_default().push(&key.name);
        }
        let line = |(namespace, names): (&str, Vec<&str>)| {
            let names = names.join(", ");
            let message =
                format!("{user} may not get {resource} in namespace {namespace} that are named: {names}");
            let rule = format!(
                "{{apiGroups: [\"\"], resources: [{resource}], resourceNames: [{names}], verbs: [get]}}"
            );
            let chart = if operator && *resource == "secrets" {
                "add them to secrets.names of the chart, or "
            } else {
                ""
            };
            Line::problem(subject, message)
                .fix(format!("{chart}bind a Role in namespace {namespace} that has {rule}"))
        };
        by_namespace.into_iter().map(line).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(allowed: usize, denied: &[&str]) -> Named {
        let denied = denied.iter().map(|name| ObjectKey::new("shop", *name)).collect();
        Named { resource: "secrets", allowed, denied }
    }

    #[test]
    fn objects_that_may_not_be_read_are_named_with_the_rule() {
        let lines = named(1, &["b", "a"]).lines("rights", "ann", true);
        let message = "ann may not get secrets in namespace shop that are named: a, b";
        let rule = "{apiGroups: [\"\"], resources: [secrets], resourceNames: [a, b], verbs: [get]}";
        let fix = format!(
            "add them to secrets.names of the chart, or bind a Role in namespace shop that has {rule}"
        );
        assert_eq!(lines, [Line::problem("rights", message).fix(fix)]);
        assert!(named(0, &["a"]).lines("rights", "ann", false)[0] != lines[0]);
    }

    #[test]
    fn rights_on_all_that_is_used_are_enough() {
        let message =
            "ann may get secrets by their names only: the 2 that accounts and Webhooks name are allowed";
        assert_eq!(named(2, &[]).lines("rights", "ann", false), [Line::note("rights", message)]);
    }
}
