//! The members that WebhookSets would have at the VendorAccounts of the same files. Accounts that are in none of them may be in the cluster,
//! and nothing is said about those. Pure.

use super::findings::Findings;
use crate::api::account::NamespacesFrom;
use crate::api::{VendorAccount, Webhook, WebhookSet};
use crate::manifest::{Manifests, Placed};
use crate::set::expand::{Member, expand};
use crate::set::select::select;
use kube::ResourceExt as _;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Where problems of all members are.
pub(super) const TEMPLATE: &str = "spec.template.spec";
/// How many members a message names.
const MAX_NAMED: usize = 3;

/// The members that a set can make.
pub(super) struct SetMembers<'a> {
    pub(super) set: &'a Placed<WebhookSet>,
    pub(super) members: Vec<DeclaredMember>,
}

/// A member of a set.
pub(super) struct DeclaredMember {
    pub(super) account: Arc<VendorAccount>,
    /// Its Webhook, at the place of the set.
    pub(super) webhook: Placed<Webhook>,
}

/// Returns the members of all sets at the accounts of the files. Finds those that cannot be made.
pub(super) fn members<'a>(files: &'a Manifests, findings: &mut Findings) -> Vec<SetMembers<'a>> {
    let accounts: Vec<_> = files.accounts.iter().map(|account| Arc::new(account.object.clone())).collect();
    files.sets.iter().map(|set| SetMembers { set, members: of_set(set, &accounts, findings) }).collect()
}

fn of_set(
    set: &Placed<WebhookSet>,
    accounts: &[Arc<VendorAccount>],
    findings: &mut Findings,
) -> Vec<DeclaredMember> {
    // The labels of namespaces are in the cluster.
    let matching = match select(&set.object, accounts.iter().cloned(), &|_| None) {
        Ok(matching) => matching,
        Err(invalid) => {
            findings.problem(set, "spec.accountSelector", invalid);
            return Vec::new();
        }
    };
    if matching.is_empty() && !accounts.is_empty() && !needs_namespace_labels(&set.object, accounts) {
        let message = "accountSelector matches none of the VendorAccounts in the files";
        findings.warn(set, "spec.accountSelector", message);
    }
    let mut members = Vec::new();
    for Member { name, account, declared } in expand(&set.object, &matching) {
        match declared {
            Ok(declared) => {
                let mut webhook = Webhook::new(&name, declared.spec);
                webhook.metadata.namespace = set.object.namespace();
                members.push(DeclaredMember { account, webhook: Placed::new(webhook, set.place.clone()) });
            }
            Err(error) => {
                let message = format!("member {name} cannot be made: {}", error.message);
                findings.problem(set, path_of(error.reason), message);
            }
        }
    }
    members
}

/// Whether an account may match by labels of namespaces, which are in none of the files.
fn needs_namespace_labels(set: &WebhookSet, accounts: &[Arc<VendorAccount>]) -> bool {
    let of_account = |account: &Arc<VendorAccount>| {
        account.namespace() != set.namespace()
            && account.spec.allowed_namespaces.from == NamespacesFrom::Selector
    };
    match set.spec.account_namespaces.from {
        NamespacesFrom::Same => false,
        NamespacesFrom::All => accounts.iter().any(of_account),
        NamespacesFrom::Selector => true,
    }
}

/// Returns the field of a set that makes a member impossible.
fn path_of(reason: &str) -> &'static str {
    match reason {
        "VendorMismatch" => "spec.template.spec.subscription",
        "VariableMissing" | "VariableNotAllowed" => "spec.template.spec.variables",
        _ => "metadata.name",
    }
}

/// Members by what they lack.
#[derive(Default)]
pub(super) struct Lacking(BTreeMap<String, Vec<String>>);

impl Lacking {
    pub(super) fn add(&mut self, what: String, member: String) {
        self.0.entry(what).or_default().push(member);
    }

    /// Returns one message for all members that lack the same.
    pub(super) fn messages(self) -> impl Iterator<Item = String> {
        self.0.into_iter().map(|(what, members)| {
            let noun = if members.len() == 1 { "member" } else { "members" };
            let shown = members.iter().take(MAX_NAMED).map(String::as_str).collect::<Vec<_>>().join(", ");
            let more = members.len().saturating_sub(MAX_NAMED);
            let more = if more == 0 { String::new() } else { format!(" and {more} more") };
            format!("{noun} {shown}{more}: {what}")
        })
    }
}
