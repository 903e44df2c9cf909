//! WebhookSets of files: the Webhooks that they would make, change and remove are put among the objects that a command plans, so that a
//! plan shows what a changed template or selector does to each member.

use super::cluster_reader::{ClusterObjects, ClusterReader, api_message};
use super::overlay::{blocked_orphan, overlay};
use crate::api::{ObjectKey, ObjectName, Webhook, WebhookSet};
use crate::engine::cluster::objects::ObjectApi;
use crate::manifest::{Place, Placed, Problem};
use crate::plan::report::WebhookReport;
use crate::set::decide::{Decision, Input, decide};
use crate::set::expand::{Member, expand, metadata};
use crate::set::guard::{Changes, Verdict};
use crate::set::member::{Difference, has_spec, is_owned};
use crate::set::select::select;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use k8s_openapi::jiff::Timestamp;
use kube::{Resource as _, ResourceExt as _};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

/// A set as it would be after `kubectl apply`, and where it is declared.
pub(super) struct DeclaredSet {
    set: WebhookSet,
    place: Place,
}

/// Lays the sets of files over those of the cluster.
///
/// # Errors
///
/// Why one cannot be read from the cluster, or may not be changed like this.
pub(super) async fn overlay_sets(
    reader: Option<&ClusterReader>,
    files: Vec<Placed<WebhookSet>>,
) -> Result<Vec<DeclaredSet>, Vec<String>> {
    let (mut sets, mut problems): (Vec<_>, Vec<Problem>) = (Vec::new(), Vec::new());
    for file in files {
        let key = ObjectKey::of(&file.object);
        let place = file.place.clone();
        let known = match reader {
            Some(reader) => read(reader, &key).await.map_err(|error| vec![error])?,
            None => None,
        };
        sets.push(DeclaredSet { set: overlay(known, file, &mut problems), place });
    }
    if problems.is_empty() { Ok(sets) } else { Err(problems.iter().map(ToString::to_string).collect()) }
}

async fn read(reader: &ClusterReader, key: &ObjectKey) -> Result<Option<WebhookSet>, String> {
    let at = ObjectName::try_from(key).map_err(|error| error.to_string())?;
    match ObjectApi::<WebhookSet>::new(&reader.client, &at).read().await {
        Ok(found) => Ok(found),
        Err(error) => Err(format!("WebhookSet {key} cannot be read: {}", api_message(&error))),
    }
}

/// What sets add to the objects of a command.
#[derive(Default)]
pub(super) struct Expanded {
    /// Members that cannot be declared, or whose name is taken.
    pub(super) blocked: Vec<WebhookReport>,
    /// What the guards of the sets would block.
    pub(super) notes: Vec<String>,
    /// Webhooks whose changes the guard of their set would block, and why.
    pub(super) guarded: BTreeMap<ObjectKey, String>,
}

/// Puts the members of the sets among the Webhooks: new ones, changed ones, and those that would be removed, as being deleted.
///
/// # Errors
///
/// Why a selector is not valid.
pub(super) fn expand_into(
    objects: &mut ClusterObjects,
    sets: &[DeclaredSet],
    places: &mut BTreeMap<ObjectKey, Place>,
) -> Result<Expanded, Vec<String>> {
    let mut expanded = Expanded::default();
    for DeclaredSet { set, place } in sets {
        let decision = decide_for(objects, set).map_err(|error| vec![format!("{place}: {error}")])?;
        let key = ObjectKey::of(set);
        let guarded = match &decision.verdict {
            Verdict::Blocked(too_many) => {
                let message = too_many.message(false);
                expanded.notes.push(format!("{place}: WebhookSet {key}: SetGuard: {message}"));
                Some(format!(
                    "the guard of WebhookSet {key} blocks all changes of its members: {}",
                    too_many.summary(false)
                ))
            }
            Verdict::Clear { .. } => None,
        };
        let uid = set.uid().unwrap_or_default();
        let names: HashSet<ObjectKey> =
            decision.members.iter().map(|member| ObjectKey::new(&key.namespace, &member.name)).collect();
        for (row, member) in decision.rows.iter().zip(&decision.members) {
            let at = ObjectKey::new(&key.namespace, &member.name);
            if let Some(problem) = &row.problem {
                let blocked = blocked_orphan(at.clone(), problem.reason, problem.message.clone());
                expanded.blocked.push(blocked);
            } else {
                // The others are reconciled whatever the guard blocks.
                let changes = [Difference::Missing, Difference::Edited, Difference::Outdated];
                if row.difference.is_some_and(|difference| changes.contains(&difference)) {
                    expanded.guarded.extend(guarded.iter().map(|why| (at.clone(), why.clone())));
                }
                let known = objects.webhooks.remove(&at);
                objects.webhooks.extend(declare(set, member, known).map(|webhook| (at.clone(), webhook)));
            }
            places.entry(at).or_insert_with(|| place.clone());
        }
        for (at, webhook) in &mut objects.webhooks {
            if is_owned(webhook, &uid) && !names.contains(at) {
                // One that is being deleted already needs nothing of its set.
                if webhook.metadata.deletion_timestamp.is_none() {
                    expanded.guarded.extend(guarded.iter().map(|why| (at.clone(), why.clone())));
                }
                webhook.metadata.deletion_timestamp = Some(Time(Timestamp::now()));
            }
        }
    }
    Ok(expanded)
}

/// Decides with the objects that were read.
fn decide_for(objects: &ClusterObjects, set: &WebhookSet) -> Result<Decision, String> {
    let labels = |namespace: &str| objects.labels.get(namespace).cloned();
    let accounts = objects.accounts.values().cloned().map(Arc::new);
    let members = expand(set, &select(set, accounts, &labels)?);
    let existing = objects.accounts.iter().map(|(key, account)| (key.clone(), Arc::new(account.clone())));
    let existing = existing.collect();
    let uid = set.uid().unwrap_or_default();
    let namespace = set.namespace().unwrap_or_default();
    let owned: Vec<_> =
        objects.webhooks.values().filter(|webhook| is_owned(webhook, &uid)).cloned().map(Arc::new).collect();
    let other = |member: &Member| {
        let found = objects.webhooks.get(&ObjectKey::new(&namespace, &member.name))?;
        (!is_owned(found, &uid)).then(|| (member.name.clone(), Arc::new(found.clone())))
    };
    Ok(decide(Input {
        set,
        others: members.iter().filter_map(other).collect(),
        members,
        owned,
        unknown_accounts: HashSet::new(),
        existing_accounts: existing,
        refused: HashMap::new(),
        recent: Changes::new(),
    }))
}

/// Returns the Webhook of a member as it would be, made of the one that exists.
fn declare(set: &WebhookSet, member: &Member, known: Option<Webhook>) -> Option<Webhook> {
    let Some(mut webhook) = known else { return new_member(set, member) };
    let declared = member.declared.as_ref().ok()?;
    if !has_spec(&webhook, &declared.spec) {
        let external_id = webhook.spec.external_id.take();
        webhook.spec = declared.spec.clone();
        webhook.spec.external_id = external_id;
        webhook.metadata.generation = Some(webhook.metadata.generation.unwrap_or_default() + 1);
    }
    Some(webhook)
}

/// Returns the Webhook that a set makes for a new member; none if its declaration cannot be made.
pub(super) fn new_member(set: &WebhookSet, member: &Member) -> Option<Webhook> {
    let declared = member.declared.as_ref().ok()?;
    let mut new = Webhook::new(&member.name, declared.spec.clone());
    let (labels, annotations) = metadata(set, &declared.revision);
    let meta = &mut new.metadata;
    meta.namespace = set.namespace();
    meta.uid = Some(format!("file:{}/{}", set.namespace().unwrap_or_default(), member.name));
    meta.generation = Some(1);
    meta.creation_timestamp = Some(Time(Timestamp::now()));
    meta.labels = Some(labels);
    meta.annotations = Some(annotations);
    meta.owner_references = set.controller_owner_ref(&()).map(|owner| vec![owner]);
    Some(new)
}
