//! WebhookSets of files: the Webhooks that they would make, change and remove are put among the objects that a command plans, so that a
//! plan shows what a changed template or selector does to each member.

use super::cluster_reader::{ClusterObjects, ClusterReader, api_message};
use super::overlay::{blocked_orphan, overlay};
use crate::api::account::NamespacesFrom;
use crate::api::{ObjectKey, ObjectName, Webhook, WebhookSet};
use crate::engine::cluster::objects::ObjectApi;
use crate::manifest::{Place, Placed, Problem};
use crate::plan::report::{Class, Held, WebhookReport};
use crate::set::decide::{Decision, Input, decide};
use crate::set::expand::{Member, expand, metadata};
use crate::set::guard::{Changes, Verdict};
use crate::set::member::{Difference, has_spec, is_owned};
use crate::set::select::select;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use k8s_openapi::jiff::Timestamp;
use kube::{Resource as _, ResourceExt as _};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
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
    /// What the guards of the sets would block, which sets are paused, and which match no account.
    pub(super) notes: Vec<String>,
    /// Webhooks that their set does not change now.
    pub(super) held: HeldBySets,
    /// The sets with their members.
    pub(super) sets: BTreeMap<ObjectKey, KnownSet>,
}

/// Webhooks whose changes wait, because the guard of their set would block them or their set is paused.
pub(super) type HeldBySets = BTreeMap<ObjectKey, HeldBySet>;

/// Why a set does not change a member now.
#[derive(Clone, Debug)]
pub(super) struct HeldBySet {
    pub(super) class: Class,
    pub(super) held: Held,
}

/// A set, and the Webhooks that belong to it or would.
#[derive(Clone, Debug, Default)]
pub(super) struct KnownSet {
    pub(super) members: BTreeSet<ObjectKey>,
    /// Whether the members are those that it would have, and not those that it has.
    pub(super) is_in_files: bool,
}

/// Puts the members of the sets among the Webhooks: new ones, changed ones, and those that would be removed, as being deleted. Without a
/// reader there is no cluster.
///
/// # Errors
///
/// Why a selector is not valid.
pub(super) fn expand_into(
    objects: &mut ClusterObjects,
    sets: &[DeclaredSet],
    places: &mut BTreeMap<ObjectKey, Place>,
    reader: Option<&ClusterReader>,
) -> Result<Expanded, Vec<String>> {
    let mut expanded = Expanded::default();
    for DeclaredSet { set, place } in sets {
        let decision = decide_for(objects, set).map_err(|error| vec![format!("{place}: {error}")])?;
        let held = held_by(set, &decision);
        let changed = put_members(objects, set, &decision, &mut expanded.blocked);
        for member in &decision.members {
            let at = ObjectKey { name: member.name.clone(), ..ObjectKey::of(set) };
            places.entry(at).or_insert_with(|| place.clone());
        }
        let note = note(set, &decision, !changed.is_empty(), reader);
        expanded.notes.extend(note.map(|note| format!("{place}: WebhookSet {}{note}", ObjectKey::of(set))));
        if let Some(held) = held {
            expanded.held.extend(changed.into_iter().map(|at| (at, held.clone())));
        }
        let namespace = set.namespace().unwrap_or_default();
        let names = decision.members.iter().map(|member| ObjectKey::new(&namespace, &member.name));
        expanded.sets.insert(ObjectKey::of(set), KnownSet { members: names.collect(), is_in_files: true });
    }
    Ok(expanded)
}

/// Returns why a set would change none of its members now.
fn held_by(set: &WebhookSet, decision: &Decision) -> Option<HeldBySet> {
    let key = ObjectKey::of(set);
    let (class, reason, message) = match &decision.verdict {
        Verdict::Blocked(too_many) => {
            let why = too_many.summary(false);
            let message = format!("the guard of WebhookSet {key} blocks all changes of its members: {why}");
            (Class::Blocked, "SetGuard", message)
        }
        Verdict::Clear { .. } if set.spec.paused => {
            let message =
                format!("WebhookSet {key} is paused; set its spec.paused to false to change its members");
            (Class::HeldBack, "Paused", message)
        }
        Verdict::Clear { .. } => return None,
    };
    Some(HeldBySet { class, held: class.held(reason, message) })
}

/// Returns what is to be said about a set as a whole, behind its name.
fn note(
    set: &WebhookSet,
    decision: &Decision,
    has_changes: bool,
    reader: Option<&ClusterReader>,
) -> Option<String> {
    match &decision.verdict {
        Verdict::Blocked(too_many) => Some(format!(": SetGuard: {}", too_many.message(false))),
        Verdict::Clear { .. } if decision.members.is_empty() => {
            Some(format!(" matches no account: {}", where_accounts_are(set, reader)))
        }
        Verdict::Clear { .. } if set.spec.paused && has_changes => {
            Some(" is paused: its members are not changed until spec.paused is false".to_owned())
        }
        Verdict::Clear { .. } => None,
    }
}

/// Says where to find the accounts that a set should match.
fn where_accounts_are(set: &WebhookSet, reader: Option<&ClusterReader>) -> String {
    let own = set.namespace().unwrap_or_default();
    let is_of_one = set.spec.account_namespaces.from == NamespacesFrom::Same;
    match reader.map(|reader| &reader.namespace) {
        None => {
            "compare its spec.accountSelector with the labels of the VendorAccounts in the files".to_owned()
        }
        Some(Some(read)) if !is_of_one => format!("only those of namespace {read} were read; -A reads all"),
        Some(Some(read)) if read.as_str() != own => {
            format!("only those of namespace {read} were read; -n {own} reads the others")
        }
        Some(_) => {
            let namespaces = if is_of_one { format!("-n {own}") } else { "-A".to_owned() };
            format!(
                "compare its spec.accountSelector with their labels: kubectl get vendoraccounts {namespaces} --show-labels"
            )
        }
    }
}

/// Puts the members of one set among the Webhooks; returns those that the set changes.
fn put_members(
    objects: &mut ClusterObjects,
    set: &WebhookSet,
    decision: &Decision,
    blocked: &mut Vec<WebhookReport>,
) -> Vec<ObjectKey> {
    let namespace = set.namespace().unwrap_or_default();
    let mut changed = Vec::new();
    for (row, member) in decision.rows.iter().zip(&decision.members) {
        let at = ObjectKey::new(&namespace, &member.name);
        if let Some(problem) = &row.problem {
            blocked.push(blocked_orphan(at, problem.reason, problem.message.clone()));
            continue;
        }
        // The others are reconciled whatever the set waits for.
        let follows = [Difference::Missing, Difference::Edited, Difference::Outdated];
        if row.difference.is_some_and(|difference| follows.contains(&difference)) {
            changed.push(at.clone());
        }
        let known = objects.webhooks.remove(&at);
        objects.webhooks.extend(declare(set, member, known).map(|webhook| (at, webhook)));
    }
    let uid = set.uid().unwrap_or_default();
    let names: HashSet<&str> = decision.members.iter().map(|member| member.name.as_str()).collect();
    for (at, webhook) in &mut objects.webhooks {
        if is_owned(webhook, &uid) && !names.contains(at.name.as_str()) {
            // One that is being deleted already needs nothing of its set.
            if webhook.metadata.deletion_timestamp.is_none() {
                changed.push(at.clone());
            }
            webhook.metadata.deletion_timestamp = Some(Time(Timestamp::now()));
        }
    }
    changed
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
