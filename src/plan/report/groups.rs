//! Groups Webhooks of several accounts that have the same change, so that the plan of many tenants says it once.
//!
//! A difference must not hide in a group. What a plan says about the members of a group is equal, except for their names, accounts and
//! ids. The value of a field may differ, but only if it is another one for each member, as a tenant's address is: as soon as two members
//! share it, the others would be exceptions, and the field splits the group. Scheme and host of an address are compared apart from its
//! path: a tenant whose deliveries go to another host is not grouped with tenants that differ in their paths.

use super::diff::{Entry, entries, entries_of};
use super::words;
use super::{AccountReport, Class, DeliveryState, FieldReport, Held, Report, WebhookReport};
use crate::api::VendorName;
use crate::api::status::Action;
use crate::plan::Cause;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::hash::Hash;

/// The smallest number of accounts, and so of Webhooks, of a group.
const MIN_ACCOUNTS: usize = 3;

/// A Webhook and its account.
#[derive(Clone, Copy, Debug)]
pub(super) struct Member<'a> {
    pub(super) account: &'a AccountReport,
    pub(super) webhook: &'a WebhookReport,
    /// The places of the account in the report, and of the Webhook in the account.
    place: (usize, usize),
}

/// Webhooks with the same change at several accounts.
#[derive(Clone, Debug)]
pub(super) struct Group<'a> {
    /// The one whose values are shown.
    pub(super) first: Member<'a>,
    /// All of them, the first too, in the order of the report.
    pub(super) members: Vec<Member<'a>>,
    /// The places of the fields that have another value at each member.
    by_account: BTreeSet<usize>,
}

/// The Webhooks of a report.
#[derive(Debug)]
pub(super) struct Grouped<'a> {
    pub(super) groups: Vec<Group<'a>>,
    /// For each account of the report, in its order, the Webhooks that are in no group.
    pub(super) rest: Vec<Vec<&'a WebhookReport>>,
}

/// Groups the Webhooks of a report; each is in one group, or among the rest of its account.
pub(super) fn grouped(report: &Report) -> Grouped<'_> {
    let mut groups = Vec::new();
    for alike in alike(report) {
        split(alike, &mut groups);
    }
    groups.sort_by_key(|group| group.first.place);
    let taken: HashSet<_> =
        groups.iter().flat_map(|group| group.members.iter().map(|member| member.place)).collect();
    let rest = report.accounts.iter().enumerate().map(|(at, account)| {
        let webhooks = account.webhooks.iter().enumerate();
        webhooks.filter(|(nth, _)| !taken.contains(&(at, *nth))).map(|(_, webhook)| webhook).collect()
    });
    Grouped { rest: rest.collect(), groups }
}

/// Everything that the members of a group have in common, apart from the values of fields.
#[derive(PartialEq, Eq, Hash)]
struct Common<'a> {
    vendor: VendorName,
    class: Class,
    action: Action,
    cause: Cause,
    has_id: bool,
    held: Option<&'a Held>,
    delivery: Option<DeliveryState>,
    advice: Option<&'a str>,
    calls: usize,
    fields: Vec<FieldShape<'a>>,
}

/// What a plan says about a field besides its values.
#[derive(PartialEq, Eq, Hash)]
struct FieldShape<'a> {
    field: &'a str,
    replaces: bool,
    /// Whether there is a value before, and one after.
    sides: (bool, bool),
    /// Whether only redacted values differ.
    looks_equal: bool,
}

impl<'a> Common<'a> {
    fn of(account: &AccountReport, webhook: &'a WebhookReport) -> Self {
        let shape = |field: &'a FieldReport| FieldShape {
            field: &field.field,
            replaces: field.replaces,
            sides: (field.before.is_some(), field.after.is_some()),
            looks_equal: field.before == field.after,
        };
        Self {
            vendor: account.vendor,
            class: webhook.class,
            action: webhook.action,
            cause: webhook.cause,
            has_id: webhook.id.is_some(),
            held: webhook.held.as_ref(),
            delivery: webhook.delivery,
            advice: webhook.advice.as_deref(),
            calls: webhook.calls,
            fields: webhook.changes.iter().map(shape).collect(),
        }
    }
}

/// Whether a Webhook may be in a group. One that names other subscriptions may not: their ids belong to it alone.
fn may_be_grouped(webhook: &WebhookReport) -> bool {
    !words::is_quiet(webhook)
        && !words::is_listed_only(webhook)
        && webhook.duplicates.is_empty()
        && webhook.former.is_empty()
}

/// Returns the Webhooks that only the values of their fields may tell apart.
fn alike(report: &Report) -> Vec<Vec<Member<'_>>> {
    let members = report.accounts.iter().enumerate().flat_map(|(at, account)| {
        let webhooks = account.webhooks.iter().enumerate().filter(|(_, webhook)| may_be_grouped(webhook));
        webhooks.map(move |(nth, webhook)| Member { account, webhook, place: (at, nth) })
    });
    parts(members, |member| Common::of(member.account, member.webhook))
}

/// Divides members by a key; parts and members stay in their order.
fn parts<'a, K: Eq + Hash>(
    members: impl Iterator<Item = Member<'a>>,
    key: impl Fn(&Member<'a>) -> K,
) -> Vec<Vec<Member<'a>>> {
    let mut places = HashMap::new();
    let mut parts: Vec<Vec<_>> = Vec::new();
    for member in members {
        let place = *places.entry(key(&member)).or_insert(parts.len());
        if place == parts.len() {
            parts.push(Vec::new());
        }
        parts[place].push(member);
    }
    parts
}

/// What may differ between members.
#[derive(Clone, Copy)]
enum Column {
    /// The values of a field.
    Values(usize),
    /// The hosts of the addresses that a field holds.
    Hosts(usize),
}

impl Column {
    fn field(self) -> usize {
        match self {
            Self::Values(field) | Self::Hosts(field) => field,
        }
    }

    /// Returns what a member has before and after the change.
    fn of<'a>(self, member: &Member<'a>) -> (Option<&'a str>, Option<&'a str>) {
        let field = member.webhook.changes.get(self.field());
        let before = field.and_then(|field| field.before.as_deref());
        let after = field.and_then(|field| field.after.as_deref());
        match self {
            Self::Values(_) => (before, after),
            Self::Hosts(_) => (before.and_then(host), after.and_then(host)),
        }
    }
}

/// Returns scheme and host of an address.
fn host(value: &str) -> Option<&str> {
    let rest = value.strip_prefix("https://").or_else(|| value.strip_prefix("http://"))?;
    let path = rest.find(['/', '\\', '?', '#']).map_or("", |at| &rest[at..]);
    Some(&value[..value.len() - path.len()])
}

/// Makes groups of Webhooks that only the values of their fields may tell apart.
fn split<'a>(members: Vec<Member<'a>>, groups: &mut Vec<Group<'a>>) {
    let accounts: BTreeSet<_> = members.iter().map(|member| member.place.0).collect();
    let Some(first) = members.first().copied().filter(|_| accounts.len() >= MIN_ACCOUNTS) else { return };
    let columns = (0..first.webhook.changes.len()).flat_map(|at| [Column::Values(at), Column::Hosts(at)]);
    let counted: Vec<_> = columns
        .map(|column| (column, members.iter().map(|member| column.of(member)).collect::<HashSet<_>>().len()))
        .collect();
    // The fewest parts first: members of two sets differ in one field, and may have a value for each account within each part.
    let mixed = counted.iter().filter(|(_, values)| (2..members.len()).contains(values));
    if let Some((column, _)) = mixed.min_by_key(|(_, values)| *values) {
        for part in parts(members.into_iter(), |member| column.of(member)) {
            split(part, groups);
        }
        return;
    }
    let by_account = counted.iter().filter(|(_, values)| *values == members.len());
    let by_account = by_account.map(|(column, _)| column.field()).collect();
    groups.push(Group { first, members, by_account });
}

impl Member<'_> {
    /// The Webhook, its subscription if there is one, and its account.
    pub(super) fn title(&self) -> String {
        let Self { account, webhook, .. } = self;
        let id = words::id(webhook).map(|id| format!(" {id}")).unwrap_or_default();
        let name = words::name(&webhook.namespace, &webhook.name);
        format!("{name}{id} at {}", words::name(&account.namespace, &account.name))
    }
}

impl<'a> Group<'a> {
    /// The accounts of the members, each once.
    pub(super) fn accounts(&self) -> Vec<&'a AccountReport> {
        let by_account = self.members.chunk_by(|one, next| one.place.0 == next.place.0);
        by_account.filter_map(|of| of.first()).map(|member| member.account).collect()
    }

    /// Where they are declared, if that is one place.
    pub(super) fn declared_at(&self) -> Option<&'a str> {
        let place = self.first.webhook.declared_at.as_deref();
        place.filter(|_| self.members.iter().all(|member| member.webhook.declared_at.as_deref() == place))
    }

    /// What the members are: so many Webhooks at so many accounts of a vendor.
    pub(super) fn size(&self) -> String {
        let (webhooks, accounts) = (self.members.len(), self.accounts().len());
        format!("{webhooks} Webhooks at {accounts} accounts of {}", self.first.account.vendor)
    }

    /// What happens to each member, and why; empty if nothing can be planned.
    pub(super) fn action(&self) -> Option<&'static str> {
        // The word `id` is followed by the id, of which each member has its own.
        words::verb(self.first.webhook).filter(|_| !words::is_stuck(self.first.webhook))
    }

    /// The calls that all members take, if they take any.
    pub(super) fn calls(&self) -> Option<String> {
        let calls = self.members.iter().map(|member| member.webhook.calls).sum();
        (calls > 0).then(|| words::some(calls, "call"))
    }

    /// The first accounts, and how many more there are.
    pub(super) fn first_accounts(&self) -> String {
        let accounts = self.accounts();
        let names = accounts.iter().map(|account| words::name(&account.namespace, &account.name));
        words::first_names(&names.collect::<Vec<_>>())
    }

    /// The first Webhooks, and how many more there are.
    pub(super) fn first_webhooks(&self) -> String {
        let names =
            self.members.iter().map(|Member { webhook, .. }| words::name(&webhook.namespace, &webhook.name));
        words::first_names(&names.collect::<Vec<_>>())
    }

    /// The differences of a member in fields that have another value at each member.
    pub(super) fn own_entries(&self, member: &Member<'_>) -> Vec<(Entry, bool)> {
        entries_of(self.by_account.iter().filter_map(|at| member.webhook.changes.get(*at)))
    }

    /// The differences of the first member, and whether the vendor replaces the subscription for them. Values that differ by account
    /// are marked.
    pub(super) fn entries(&self) -> Vec<(Entry, bool)> {
        let account = words::name(&self.first.account.namespace, &self.first.account.name);
        let fields = self.first.webhook.changes.iter().enumerate();
        let shown = fields.flat_map(|(at, field)| {
            let mut all = entries(field);
            if let Some(last) = all.last_mut().filter(|_| self.by_account.contains(&at)) {
                last.notes.push(format!("(one value for each account, such as this one of {account})"));
            }
            all.into_iter().map(|entry| (entry, field.replaces))
        });
        shown.collect()
    }
}

#[cfg(test)]
mod tests;
