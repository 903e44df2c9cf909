//! WebhookSets: the Webhooks that they would make, change and remove are put among the objects that a command plans, so that a plan shows
//! what a changed template or selector does to each member, and what a set of the cluster has yet to do.

use super::cluster_reader::{ClusterObjects, ClusterReader, api_message};
use super::overlay::{blocked_orphan, overlay};
use crate::api::account::NamespacesFrom;
use crate::api::update_strategy::UpdateStrategyType;
use crate::api::{ObjectKey, ObjectName, VendorAccount, Webhook, WebhookSet};
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
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

/// A set as it would be after `kubectl apply`.
pub(super) struct DeclaredSet {
    set: WebhookSet,
    /// Where it is declared, if it is in a file.
    place: Option<Place>,
}

impl DeclaredSet {
    /// Whether the labels of namespaces are needed to tell which accounts it matches.
    pub(super) fn selects_namespaces(&self) -> bool {
        self.set.spec.account_namespaces.from == NamespacesFrom::Selector
    }

    /// Returns its name in a message, after its place.
    fn title(&self) -> String {
        let place = self.place.as_ref().map(|place| format!("{place}: ")).unwrap_or_default();
        format!("{place}WebhookSet {}", ObjectKey::of(&self.set))
    }
}

/// Lays the sets of files over those of the cluster, of which some are known.
///
/// # Errors
///
/// Why one cannot be read from the cluster, or may not be changed like this.
pub(super) async fn overlay_sets(
    reader: Option<&ClusterReader>,
    files: Vec<Placed<WebhookSet>>,
    mut known: BTreeMap<ObjectKey, WebhookSet>,
) -> Result<Vec<DeclaredSet>, Vec<String>> {
    let (mut sets, mut problems): (Vec<_>, Vec<Problem>) = (Vec::new(), Vec::new());
    for file in files {
        let key = ObjectKey::of(&file.object);
        let place = Some(file.place.clone());
        let found = match (known.remove(&key), reader) {
            // It may be in a namespace that was not read.
            (None, Some(reader)) => read(reader, &key).await.map_err(|error| vec![error])?,
            (found, _) => found,
        };
        sets.push(DeclaredSet { set: overlay(found, file, &mut problems), place });
    }
    // The members of one that is being deleted go with it.
    let others = known.into_values().filter(|set| set.metadata.deletion_timestamp.is_none());
    sets.extend(others.map(|set| DeclaredSet { set, place: None }));
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
    let accounts: Vec<_> = objects.accounts.values().cloned().map(Arc::new).collect();
    for declared in sets {
        let DeclaredSet { set, place } = declared;
        let decision = match decide_for(objects, &accounts, set) {
            Ok(decision) => decision,
            Err(error) => {
                let error = format!("{}: {error}", declared.title());
                if place.is_some() {
                    return Err(vec![error]);
                }
                // The operator leaves the members of such a set as they are.
                expanded.notes.push(error);
                expanded.sets.insert(ObjectKey::of(set), KnownSet::default());
                continue;
            }
        };
        expanded.add(objects, declared, &decision, reader);
        let namespace = set.namespace().unwrap_or_default();
        let names = decision.members.iter().map(|member| ObjectKey::new(&namespace, &member.name));
        let members: BTreeSet<_> = names.collect();
        if let Some(place) = place {
            for member in &members {
                places.entry(member.clone()).or_insert_with(|| place.clone());
            }
        }
        expanded.sets.insert(ObjectKey::of(set), KnownSet { members, is_in_files: place.is_some() });
    }
    Ok(expanded)
}

impl Expanded {
    /// Puts the members of a set among the Webhooks, and notes what keeps the set from changing them.
    fn add(
        &mut self,
        objects: &mut ClusterObjects,
        declared: &DeclaredSet,
        decision: &Decision,
        reader: Option<&ClusterReader>,
    ) {
        let set = &declared.set;
        let changed = put_members(objects, set, decision, &mut self.blocked);
        let note = note(set, decision, !changed.is_empty(), reader);
        self.notes.extend(note.map(|note| format!("{}{note}", declared.title())));
        for (at, difference) in changed {
            self.held.extend(held_by(set, decision, difference).map(|held| (at, held)));
        }
    }
}

/// Returns why a set would not make this change of a member now. Without a difference, the member is removed.
fn held_by(set: &WebhookSet, decision: &Decision, difference: Option<Difference>) -> Option<HeldBySet> {
    let key = ObjectKey::of(set);
    let on_delete = set.spec.update_strategy.kind == UpdateStrategyType::OnDelete;
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
        Verdict::Clear { .. } if on_delete && difference == Some(Difference::Outdated) => {
            let message = format!("WebhookSet {key} changes a member when its Webhook is deleted (OnDelete)");
            (Class::HeldBack, "WaitingForDelete", message)
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

/// Puts the members of one set among the Webhooks; returns those that the set changes, and how they differ. One that is removed has no
/// difference.
fn put_members(
    objects: &mut ClusterObjects,
    set: &WebhookSet,
    decision: &Decision,
    blocked: &mut Vec<WebhookReport>,
) -> Vec<(ObjectKey, Option<Difference>)> {
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
        let difference = row.difference.filter(|difference| follows.contains(difference));
        changed.extend(difference.map(|difference| (at.clone(), Some(difference))));
        let known = objects.webhooks.remove(&at);
        objects.webhooks.extend(declare(set, member, known).map(|webhook| (at, webhook)));
    }
    for row in &decision.leaving {
        let at = ObjectKey::new(&namespace, &row.name);
        let Some(webhook) = objects.webhooks.get_mut(&at) else { continue };
        // One that is being deleted already needs nothing of its set.
        if webhook.metadata.deletion_timestamp.is_none() {
            changed.push((at, None));
        }
        webhook.metadata.deletion_timestamp = Some(Time(Timestamp::now()));
    }
    changed
}

/// Decides with the objects that were read.
fn decide_for(
    objects: &ClusterObjects,
    accounts: &[Arc<VendorAccount>],
    set: &WebhookSet,
) -> Result<Decision, String> {
    let labels = |namespace: &str| objects.labels.get(namespace).cloned();
    let members = expand(set, &select(set, accounts.iter().cloned(), &labels)?);
    let existing_accounts: HashMap<_, _> =
        accounts.iter().map(|account| (ObjectKey::of(&**account), Arc::clone(account))).collect();
    let uid = set.uid().unwrap_or_default();
    let namespace = set.namespace().unwrap_or_default();
    let owned: Vec<_> =
        objects.webhooks.values().filter(|webhook| is_owned(webhook, &uid)).cloned().map(Arc::new).collect();
    let other = |member: &Member| {
        let found = objects.webhooks.get(&ObjectKey::new(&namespace, &member.name))?;
        (!is_owned(found, &uid)).then(|| (member.name.clone(), Arc::new(found.clone())))
    };
    // Without the labels of namespaces it is unknown which accounts of other namespaces match.
    let unlabelled =
        set.spec.account_namespaces.from == NamespacesFrom::Selector && objects.labels.is_empty();
    let unknown = existing_accounts.keys().filter(|key| unlabelled && key.namespace != namespace);
    Ok(decide(Input {
        set,
        others: members.iter().filter_map(other).collect(),
        members,
        owned,
        unknown_accounts: unknown.cloned().collect(),
        existing_accounts,
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

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn account(namespace: &str) -> VendorAccount {
        let key = json!({"name": "s", "key": "k"});
        serde_json::from_value(json!({
            "apiVersion": "hooktender.dev/v1alpha1", "kind": "VendorAccount",
            "metadata": {"name": "crm", "namespace": namespace},
            "spec": {"allowedNamespaces": {"from": "All"}, "vendor": {"superoffice":
                {"online": {"customerId": namespace}, "credentials": {"bearer": {"tokenSecretRef": key}}}}},
        }))
        .unwrap()
    }

    fn set(account_namespaces: &Value) -> DeclaredSet {
        let set = json!({
            "apiVersion": "hooktender.dev/v1alpha1", "kind": "WebhookSet",
            "metadata": {"name": "hooks", "namespace": "shop", "uid": "set-uid"},
            "spec": {"accountSelector": {}, "accountNamespaces": account_namespaces,
                "template": {"spec": {"subscription": {"superoffice":
                    {"name": "n", "events": ["sale.sold"], "targetUrl": "https://h.example/"}}}}},
        });
        DeclaredSet { set: serde_json::from_value(set).unwrap(), place: None }
    }

    /// Two accounts, and the members that a set over all namespaces has made.
    fn made() -> ClusterObjects {
        let mut objects = ClusterObjects::default();
        for namespace in ["shop", "crm"] {
            objects.accounts.insert(ObjectKey::new(namespace, "crm"), account(namespace));
        }
        let all = set(&json!({"from": "All"}));
        let expanded = expand_into(&mut objects, &[all], &mut BTreeMap::new(), None).unwrap();
        assert_eq!((objects.webhooks.len(), expanded.held.len()), (2, 0));
        objects
    }

    #[test]
    fn a_namespace_whose_labels_are_not_known_loses_no_member() {
        let partner = || set(&json!({"from": "Selector", "selector": {"matchLabels": {"team": "crm"}}}));
        let deleted = |objects: &ClusterObjects| {
            objects.webhooks.values().filter(|one| one.metadata.deletion_timestamp.is_some()).count()
        };
        let mut objects = made();
        expand_into(&mut objects, &[partner()], &mut BTreeMap::new(), None).unwrap();
        assert_eq!(deleted(&objects), 0);
        objects.labels.insert("crm".to_owned(), BTreeMap::new());
        expand_into(&mut objects, &[partner()], &mut BTreeMap::new(), None).unwrap();
        assert_eq!(deleted(&objects), 1, "its labels do not match");
    }
}
