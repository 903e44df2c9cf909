//! `hooktender plan wh/NAME`: a plan of named objects. A WebhookSet selects its members.
//!
//! An account is always planned as a whole, as what belongs to one Webhook depends on the others. So the vendors of other accounts are
//! not called, and what is shown is a part of the account's plan.

use super::object_ref::{ObjectKind, ObjectRef};
use super::objects::ObjectSet;
use crate::api::ObjectKey;
use crate::manifest::did_you_mean;
use crate::plan::report::{AccountReport, Report};
use std::collections::BTreeSet;

/// The objects that a plan is restricted to. Without any, it has all.
pub(super) struct Targets {
    refs: Vec<ObjectRef>,
    /// `None` for all namespaces.
    namespace: Option<String>,
    /// The members of the named sets, once the objects are known.
    members: BTreeSet<ObjectKey>,
}

impl Targets {
    /// Parses the words of a command line. The objects are in any namespace until one is set.
    pub(super) fn parse(words: &[String]) -> Result<Self, String> {
        let refs = ObjectRef::parse(words)?;
        Ok(Self { refs, namespace: None, members: BTreeSet::new() })
    }

    /// Sets the namespace of the objects; `None` for all.
    pub(super) fn within(self, namespace: Option<String>) -> Self {
        Self { namespace, ..self }
    }

    fn names(&self, kind: ObjectKind, key: &ObjectKey) -> bool {
        let here = self.namespace.as_ref().is_none_or(|namespace| *namespace == key.namespace);
        here && self.refs.iter().any(|target| target.kind == kind && target.name == key.name)
    }

    /// Whether sets are named, so that the sets of the cluster have to be known.
    pub(super) fn name_sets(&self) -> bool {
        self.refs.iter().any(|target| target.kind == ObjectKind::Set)
    }

    fn names_webhook(&self, key: &ObjectKey) -> bool {
        self.names(ObjectKind::Webhook, key) || self.members.contains(key)
    }

    /// Removes the accounts whose plans are not asked for. Those that point to the same account at the vendor stay: they may hold what
    /// a named Webhook wants.
    pub(super) fn restrict_objects(&mut self, objects: &mut ObjectSet) -> Result<(), Vec<String>> {
        if self.refs.is_empty() {
            return Ok(());
        }
        self.check_existence(objects)?;
        self.members = self.members_of_sets(objects)?;
        let wanted: BTreeSet<_> = objects
            .accounts
            .iter()
            .filter(|(account, webhooks)| {
                self.names(ObjectKind::Account, &ObjectKey::of(&**account))
                    || webhooks.iter().any(|webhook| self.names_webhook(&ObjectKey::of(&**webhook)))
            })
            .map(|(account, _)| account.spec.vendor.remote_account())
            .collect();
        objects.accounts.retain(|(account, _)| wanted.contains(&account.spec.vendor.remote_account()));
        objects.orphans.retain(|orphan| self.names_webhook(&orphan.key()));
        Ok(())
    }

    /// Returns the members of the named sets. A set without any is an error: a plan of nothing must not look as if nothing were to do.
    fn members_of_sets(&self, objects: &ObjectSet) -> Result<BTreeSet<ObjectKey>, Vec<String>> {
        let sets: Vec<_> = objects.sets.iter().filter(|(key, _)| self.names(ObjectKind::Set, key)).collect();
        let empty = sets.iter().filter(|(_, set)| set.members.is_empty());
        let problems: Vec<_> = empty
            .map(|(key, set)| {
                let why = if set.is_in_files {
                    ": its spec.accountSelector matches no account".to_owned()
                } else {
                    format!("; hooktender explain whs/{} -n {} says why", key.name, key.namespace)
                };
                format!("WebhookSet {key} has no members{why}")
            })
            .collect();
        let members = sets.iter().flat_map(|(_, set)| &set.members).cloned().collect();
        if problems.is_empty() { Ok(members) } else { Err(problems) }
    }

    fn check_existence(&self, objects: &ObjectSet) -> Result<(), Vec<String>> {
        let accounts = objects.accounts.iter().map(|(account, _)| ObjectKey::of(&**account));
        let webhooks = objects.webhooks().map(|webhook| ObjectKey::of(&**webhook));
        let known: BTreeSet<_> = accounts
            .map(|key| (ObjectKind::Account, key))
            .chain(webhooks.map(|key| (ObjectKind::Webhook, key)))
            .chain(objects.orphans.iter().map(|orphan| (ObjectKind::Webhook, orphan.key())))
            .chain(objects.sets.keys().map(|key| (ObjectKind::Set, key.clone())))
            .filter(|(_, key)| self.namespace.as_ref().is_none_or(|namespace| *namespace == key.namespace))
            .collect();
        let missing = self.refs.iter().filter(|target| {
            !known.iter().any(|(kind, key)| *kind == target.kind && key.name == target.name)
        });
        let problems: Vec<_> = missing
            .map(|target| {
                let names = known.iter().filter(|(kind, _)| *kind == target.kind).map(|(_, key)| &key.name);
                let place = self.namespace.as_ref().map_or_else(
                    || format!("{} in any namespace", target.name),
                    |namespace| format!("{namespace}/{}", target.name),
                );
                format!("there is no {} {place}{}", target.kind, did_you_mean(&target.name, names))
            })
            .collect();
        if problems.is_empty() { Ok(()) } else { Err(problems) }
    }

    /// Returns the part of a report that is about the named objects.
    pub(super) fn restrict_report(&self, report: Report) -> Report {
        if self.refs.is_empty() {
            return report;
        }
        let accounts = report.accounts.into_iter().filter_map(|account| self.part_of(account));
        let searched = report.searched;
        Report { searched, ..Report::new(accounts.collect(), report.orphans, report.calls.made) }
    }

    fn part_of(&self, mut account: AccountReport) -> Option<AccountReport> {
        if self.names(ObjectKind::Account, &ObjectKey::new(&account.namespace, &account.name)) {
            return Some(account);
        }
        account.webhooks.retain(|webhook| self.names_webhook(&webhook.key()));
        // Those say something about the whole account.
        account.unmanaged.clear();
        account.about_seconds = None;
        (!account.webhooks.is_empty() || account.held.is_some()).then_some(account)
    }
}
