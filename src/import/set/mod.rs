//! Merges the imports of several accounts into WebhookSets. Each set has one member at each account.
//!
//! - `draft`: an imported Webhook without its account, and the texts in it that may differ by account.
//! - `account_values`, `text`: names, labels and annotations of the accounts, and one text for texts that differ in these values.
//! - `groups`: which drafts of different accounts correspond.
//! - `template`: the set of a group. A text that no value of the accounts explains comes from a new annotation.

mod account_values;
mod draft;
mod groups;
mod template;
#[cfg(test)]
mod tests;
mod text;

use self::account_values::{AccountValue, account_values};
use self::draft::{Draft, drafts};
use self::groups::{groups, unexplained};
use self::template::imported_set;
use self::text::common_text;
use super::name::{LONGEST, slug};
use super::{ClearSecret, Imported, ToFill};
use crate::api::{ObjectKey, VendorAccount, WebhookSet};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use std::collections::{BTreeMap, BTreeSet};

/// How many names of accounts a reason lists.
const MOST_LISTED: usize = 20;

/// One account, and what was imported from it.
pub(crate) struct Tenant<'a> {
    pub(crate) account: &'a VendorAccount,
    pub(crate) imported: &'a Imported,
}

/// The input of a merge: accounts of one namespace and one vendor.
pub(crate) struct Tenants<'a> {
    /// Name of the set. Several sets have names that begin with it.
    pub(crate) name: &'a str,
    pub(crate) namespace: &'a str,
    /// Selects exactly these accounts.
    pub(crate) selector: &'a LabelSelector,
    pub(crate) accounts: Vec<Tenant<'a>>,
}

impl Tenants<'_> {
    fn key(&self, account: usize) -> ObjectKey {
        ObjectKey::of(self.accounts[account].account)
    }
}

/// The result of a merge.
pub(crate) struct Merged {
    pub(crate) sets: Vec<ImportedSet>,
    pub(crate) left_out: Vec<NotMerged>,
}

/// A set, and what has to be done before it is applied.
pub(crate) struct ImportedSet {
    pub(crate) set: WebhookSet,
    /// What its subscriptions are about.
    pub(crate) title: String,
    /// The subscription of each account.
    pub(crate) subscriptions: BTreeMap<ObjectKey, String>,
    /// Write-only values of each account, in a Secret with the name of set and account.
    pub(crate) to_fill: Vec<ToFill>,
    pub(crate) annotations: Vec<NewAnnotation>,
    pub(crate) clear_secrets: Vec<ClearSecret>,
}

/// An annotation that the accounts do not have yet, and that a variable of a set comes from.
pub(crate) struct NewAnnotation {
    pub(crate) name: String,
    /// The field that has its value.
    pub(crate) field: String,
    /// The value for each account.
    pub(crate) values: Vec<(ObjectKey, String)>,
}

/// Subscriptions that are in no set.
pub(crate) struct NotMerged {
    /// What they are about.
    pub(crate) title: String,
    /// How many there are.
    pub(crate) number: usize,
    pub(crate) reason: String,
}

/// Makes a set of each subscription that all accounts have.
pub(crate) fn merge(tenants: &Tenants<'_>) -> Merged {
    let imported = tenants.accounts.iter().enumerate();
    let drafts: Vec<_> = imported.flat_map(|(at, tenant)| drafts(at, tenant.imported)).collect();
    let variables = drafts.iter().flat_map(|draft| &draft.webhook.spec.variables);
    let mut taken: BTreeSet<_> = variables.map(|variable| variable.name.clone()).collect();
    let accounts: Vec<_> = tenants.accounts.iter().map(|tenant| tenant.account).collect();
    let values = account_values(&accounts, &mut taken);
    let found = groups(&drafts, accounts.len(), &values);
    let mut merged = Merged { sets: Vec::new(), left_out: Vec::new() };
    let of = |group: &[usize]| group.iter().map(|at| &drafts[*at]).collect::<Vec<_>>();
    let names = names(tenants.name, found.complete.iter().map(|group| title(&of(group), &values)).collect());
    for (group, name) in found.complete.iter().zip(names) {
        let group = of(group);
        match imported_set(tenants, &name, &group, &values, &taken) {
            Ok(set) => merged.sets.push(set),
            Err(reason) => merged.left_out.push(not_merged(&group, reason)),
        }
    }
    for group in &found.ambiguous {
        let group = of(group);
        merged.left_out.push(not_merged(&group, ambiguous(tenants, &group, &values)));
    }
    let partial: Vec<_> = found.partial.iter().map(|group| of(group)).collect();
    for group in &partial {
        merged.left_out.push(not_merged(group, at_some(tenants, group, &partial)));
    }
    merged
}

fn not_merged(group: &[&Draft<'_>], reason: String) -> NotMerged {
    let title = group.first().map_or("", |draft| draft.title);
    NotMerged { title: title.to_owned(), number: group.len(), reason }
}

/// Returns what a group is about, with variables in place of the values of its accounts.
fn title(group: &[&Draft<'_>], values: &[AccountValue]) -> String {
    let titles: Vec<_> = group.iter().map(|draft| draft.title).collect();
    let accounts: Vec<_> = group.iter().map(|draft| draft.account).collect();
    common_text(&titles, &accounts, values).unwrap_or_default()
}

/// Returns the names of the sets. Each leaves room for the names of its members.
fn names(name: &str, titles: Vec<String>) -> Vec<String> {
    if titles.len() < 2 {
        return titles.into_iter().map(|_| name.to_owned()).collect();
    }
    let room = LONGEST.saturating_sub(name.len() + 1);
    let mut taken = BTreeSet::new();
    let free = |title: String| {
        let slug = slug(&title);
        let title = slug[..slug.len().min(room)].trim_matches('-');
        let own = [name, title].join("-").trim_end_matches('-').to_owned();
        let numbered = (2_u64..).map(|number| format!("{own}-{number}"));
        let mut names = std::iter::once(own.clone()).chain(numbered);
        let found = names.find(|name| !taken.contains(name)).unwrap_or_default();
        taken.insert(found.clone());
        found
    };
    titles.into_iter().map(free).collect()
}

/// Says why subscriptions that all accounts have, some of them several, make no set.
fn ambiguous(tenants: &Tenants<'_>, group: &[&Draft<'_>], values: &[AccountValue]) -> String {
    let mut of: BTreeMap<usize, Vec<&Draft<'_>>> = BTreeMap::new();
    for draft in group {
        of.entry(draft.account).or_default().push(draft);
    }
    let (account, several) = of.into_iter().find(|(_, all)| all.len() > 1).unwrap_or_default();
    // They are of one account, so that no value of it explains a difference.
    let fields = unexplained(&several, values).join(", ");
    format!(
        "account {} has {} that differ only in {fields}, and nothing tells which of them corresponds to that of another account: give the accounts a label with the value that differs, or import them one by one",
        tenants.key(account).name,
        several.len()
    )
}

/// Says why subscriptions of some accounts make no set: where they are, and how those of the other accounts differ.
fn at_some(tenants: &Tenants<'_>, group: &[&Draft<'_>], partial: &[Vec<&Draft<'_>>]) -> String {
    let having: BTreeSet<_> = group.iter().map(|draft| draft.account).collect();
    let all = 0..tenants.accounts.len();
    let lacking: Vec<_> = all.clone().filter(|account| !having.contains(account)).collect();
    let listed = |accounts: &mut dyn Iterator<Item = usize>| {
        let names: Vec<_> = accounts.map(|account| tenants.key(account).name).collect();
        let more = names.len().saturating_sub(MOST_LISTED);
        let shown = names[..names.len() - more].join(", ");
        if more == 0 { shown } else { format!("{shown} and {more} more") }
    };
    let (number, of) = (having.len(), all.len());
    let place = if number <= lacking.len() {
        format!("at {number} of {of} accounts only: {}", listed(&mut having.iter().copied()))
    } else {
        format!("at {number} of {of} accounts, not at {}", listed(&mut lacking.iter().copied()))
    };
    let first = group.first();
    // A group that shares an account with this one is about something else.
    let apart = partial.iter().filter(|other| other.iter().all(|draft| !having.contains(&draft.account)));
    let others = apart.flatten();
    let differing = others.filter_map(|other| Some((other, first?.differs_in(other))));
    let nearest = differing.filter(|(_, fields)| fields.len() == 1).min_by_key(|(other, _)| other.account);
    let nearest = nearest.map_or_else(String::new, |(other, fields)| {
        format!(" (that of {} differs in {})", tenants.key(other.account).name, fields.join(", "))
    });
    format!("{place}{nearest}: choose the accounts with a narrower selector, or import them one by one")
}
