//! The sentences and signs that text and Markdown have in common.

use super::{
    AccountReport, Class, Counts, DeliveryState, FormerReport, Held, Outlook, Report, Searched, Until,
    WebhookReport,
};
use crate::api::status::Action;
use crate::api::visible;
use crate::plan::Cause;

/// The actions in the order in which they are listed.
pub(super) const ACTIONS: [Action; 6] =
    [Action::Create, Action::Update, Action::Replace, Action::Delete, Action::Adopt, Action::Retain];

/// The sign of an object for which nothing can be planned.
pub(super) const STUCK: char = '!';
/// The sign of a suspended object.
pub(super) const SUSPENDED: char = '‖';
/// How many namespaces a sentence names.
const MAX_NAMESPACES: usize = 5;
/// How many members of a group are named.
const MAX_NAMES: usize = 3;

/// The title above Webhooks of several accounts that have the same change.
pub(super) const GROUPS: &str = "The same at several accounts";

/// The signs of objects without an action, with their meaning.
pub(super) const WITHOUT_ACTION: [(char, &str); 2] =
    [(STUCK, "nothing can be planned"), (SUSPENDED, "suspended")];

/// The sign of an object.
pub(super) fn sign(webhook: &WebhookReport) -> char {
    match webhook.action {
        Action::None if webhook.class == Class::Suspended => SUSPENDED,
        Action::None if is_stuck(webhook) => STUCK,
        action => action_sign(action),
    }
}

pub(super) fn action_sign(action: Action) -> char {
    match action {
        Action::None => '.',
        Action::Create => '+',
        Action::Adopt => '=',
        Action::Update => '~',
        Action::Replace => '±',
        Action::Delete => '-',
        Action::Retain => '>',
    }
}

/// The meaning of a sign.
pub(super) fn meaning(action: Action) -> &'static str {
    match action {
        Action::None => "unchanged",
        Action::Create => "create",
        Action::Adopt => "adopt as it is",
        Action::Update => "update in place",
        Action::Replace => "replace (create a new one, then delete the old one)",
        Action::Delete => "delete",
        Action::Retain => "remove the finalizer, keep the subscription",
    }
}

/// The word in front of the id: the action, or `id` if nothing can be planned.
pub(super) fn verb(webhook: &WebhookReport) -> Option<&'static str> {
    match webhook.action {
        Action::None if is_stuck(webhook) => webhook.id.as_ref().map(|_| "id"),
        Action::None => Some("unchanged"),
        Action::Create => Some("create"),
        Action::Adopt => Some("adopt"),
        Action::Update => Some("update"),
        Action::Replace => Some("replace"),
        Action::Delete => Some("delete"),
        Action::Retain => Some("retain"),
    }
}

/// The subscription that the action is about. A create has none: its id, if any, is that of a subscription that is gone.
pub(super) fn id(webhook: &WebhookReport) -> Option<String> {
    webhook.id.as_deref().filter(|_| webhook.action != Action::Create).map(visible)
}

/// Why, if there is anything to say.
pub(super) fn why(webhook: &WebhookReport) -> Option<&'static str> {
    (!matches!(webhook.cause, Cause::InSync | Cause::Unknown)).then(|| webhook.cause.as_str())
}

pub(super) fn name(namespace: &str, name: &str) -> String {
    format!("{}/{}", visible(namespace), visible(name))
}

/// The first of many names, and how many more there are.
pub(super) fn first_names(names: &[String]) -> String {
    let (first, more) = names.split_at(names.len().min(MAX_NAMES));
    let first = first.join(", ");
    if more.is_empty() { first } else { format!("{first} and {} more", more.len()) }
}

/// The words in front of the reason why the change of a Webhook is not applied.
pub(super) fn held_of(webhook: &WebhookReport, held: &Held) -> &'static str {
    if webhook.class == Class::PlannedOnly { "planned only" } else { self::held(held) }
}

/// The words in front of the reason.
pub(super) fn held(held: &Held) -> &'static str {
    match held.until {
        Until::Mended => "blocked",
        Until::Later => "held back",
        Until::Left => "left as it is",
    }
}

/// Whether it is not known what would be done.
pub(super) fn is_stuck(webhook: &WebhookReport) -> bool {
    webhook.action == Action::None && webhook.held.is_some()
}

/// Whether there is nothing to say about it.
pub(super) fn is_quiet(webhook: &WebhookReport) -> bool {
    webhook.action == Action::None
        && webhook.held.is_none()
        && webhook.changes.is_empty()
        && webhook.duplicates.is_empty()
        && webhook.advice.is_none()
        && !webhook.is_disabled_by_vendor()
}

/// Whether nothing is known of it but that it exists, because of its account: such Webhooks are listed in short.
pub(super) fn is_listed_only(webhook: &WebhookReport) -> bool {
    webhook.cause == Cause::Unknown && matches!(webhook.class, Class::NotPlanned | Class::Suspended)
}

/// What is so about the Webhooks of an account of which nothing else is known.
pub(super) fn listed(account: &AccountReport) -> &'static str {
    if account.not_planned { "Not planned" } else { "Suspended with the account" }
}

/// The overall result in a sentence. What could not be planned comes first.
pub(super) fn summary(report: &Report) -> String {
    let counts = &report.counts;
    let actions = list(&[
        (counts.create, "to create"),
        (counts.update, "to update"),
        (counts.replace, "to replace"),
        (counts.delete, "to delete"),
        (counts.adopt, "to adopt"),
        (counts.retain, "to retain"),
    ]);
    let others = list(&[
        (counts.unchanged, "unchanged"),
        (counts.drifted, "drifted (left: driftPolicy Report)"),
        (counts.planned_only, "planned only"),
        (counts.suspended, "suspended"),
        (counts.held_back, "held back"),
        (counts.blocked, "blocked"),
        (counts.not_planned, "not planned"),
        (counts.unmanaged, "unmanaged"),
    ]);
    let parts: Vec<_> = [actions, others].into_iter().filter(|part| !part.is_empty()).collect();
    let parts = parts.join("; ");
    let Counts { accounts, accounts_not_planned: failed, .. } = *counts;
    match (report.result, parts.as_str()) {
        _ if failed > 0 => {
            let of = format!("No plan could be made for {failed} of {}", some(accounts, "account"));
            if parts.is_empty() { format!("{of}.") } else { format!("{of}: {parts}.") }
        }
        (Outlook::NoChanges, "") if accounts > 0 => {
            "No changes. Nothing would be written at a vendor: no Webhook is declared.".into()
        }
        (_, "") => nothing_declared(report.searched.as_ref()),
        (Outlook::NoChanges, _) => format!("No changes. Nothing would be written at a vendor: {parts}."),
        (Outlook::Changes | Outlook::Blocked, _) => format!("Plan: {parts}."),
    }
}

/// Says where nothing is declared, and where Webhooks are.
fn nothing_declared(searched: Option<&Searched>) -> String {
    let nothing = match searched.map(|searched| &searched.namespace) {
        None => "there is no VendorAccount and no Webhook".to_owned(),
        Some(None) => "no namespace has a VendorAccount or a Webhook".to_owned(),
        Some(Some(namespace)) => {
            format!("namespace {} has no VendorAccount and no Webhook", visible(namespace))
        }
    };
    let hint = searched.and_then(Searched::where_webhooks_are);
    let hint = hint.map(|hint| format!(" {hint}.")).unwrap_or_default();
    format!("Nothing to plan: {nothing}.{hint}")
}

impl Searched {
    /// Says which namespaces have Webhooks, if that is known; without a full stop.
    pub fn where_webhooks_are(&self) -> Option<String> {
        let all: Vec<_> = self.elsewhere.iter().map(|of| (of.namespace.as_str(), of.webhooks)).collect();
        namespaces_with("Webhooks", &all)
    }
}

/// Says which namespaces have objects of a kind, and how many, if there are any; without a full stop.
pub(crate) fn namespaces_with(kind: &str, all: &[(&str, usize)]) -> Option<String> {
    let of = |(namespace, number): &(&str, usize)| format!("{} ({number})", visible(namespace));
    let mut shown: Vec<_> = all.iter().take(MAX_NAMESPACES).map(of).collect();
    if all.len() > shown.len() {
        shown.push(format!("{} more namespaces", all.len() - shown.len()));
    }
    let shown = shown.join(", ");
    (!all.is_empty())
        .then(|| format!("There are {kind} in {shown}: choose a namespace with -n, or all with -A"))
}

fn list(all: &[(usize, &str)]) -> String {
    let all: Vec<_> = all.iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{n} {what}")).collect();
    all.join(", ")
}

/// A number with its noun.
pub(super) fn some(n: usize, what: &str) -> String {
    if n == 1 { format!("1 {what}") } else { format!("{n} {what}s") }
}

/// The calls to vendors in a sentence.
pub(super) fn calls(report: &Report) -> String {
    let calls = |n: usize| if n == 1 { "1 call".into() } else { format!("{n} calls") };
    let made = match report.calls.made {
        1 => "1 vendor call made".into(),
        n => format!("{n} vendor calls made"),
    };
    if report.calls.to_apply == 0 {
        return format!("{made}.");
    }
    let pace = report.calls.about_seconds.filter(|&seconds| seconds > 0);
    let pace = pace.map(|seconds| format!(", about {} at the vendor's pace", duration(seconds)));
    format!("{made}; applying takes {}{}.", calls(report.calls.to_apply), pace.unwrap_or_default())
}

/// What blocks the plan, in a sentence, if anything does.
pub(super) fn blocked(report: &Report) -> Option<String> {
    let accounts = report.accounts.iter().filter_map(|account| account.held.as_ref());
    let accounts = accounts.filter(|held| held.until == Until::Mended).count();
    let webhooks = report.counts.blocked;
    let all = [(webhooks, "Webhook"), (accounts, "account")];
    let all: Vec<_> = all.into_iter().filter(|(n, _)| *n > 0).map(|(n, what)| some(n, what)).collect();
    (report.result == Outlook::Blocked).then(|| {
        let what = if all.is_empty() { "something".into() } else { all.join(" and ") };
        format!("Blocked: {what} cannot be read, or cannot be applied as declared; change that first.")
    })
}

/// How many Webhooks the vendors do not deliver for, in a sentence, if any.
pub(super) fn not_delivering(report: &Report) -> Option<String> {
    let n = report.counts.not_delivering;
    (n > 0).then(|| {
        format!(
            "Not delivering: {}; the vendor stopped the deliveries because too many failed.",
            some(n, "Webhook")
        )
    })
}

/// What to say about a subscription that looks like the former one, besides its id and summary.
pub(super) fn former(former: &FormerReport) -> String {
    let differs: Vec<_> = former.differs.iter().map(|field| visible(field)).collect();
    format!(
        "it looks like the former subscription of this Webhook ({} differs), stays at the vendor and goes on delivering; --prune {} deletes it",
        differs.join(", "),
        visible(&former.external_id)
    )
}

/// What to say about the deliveries of a Webhook that has any other line.
pub(super) fn delivery(webhook: &WebhookReport) -> Option<&'static str> {
    match webhook.delivery? {
        DeliveryState::Active => None,
        DeliveryState::Stopped => Some("not delivering, Stopped: its state at the vendor is Stopped"),
        DeliveryState::TooManyErrors => Some(
            "not delivering, TooManyErrors: the vendor stopped the deliveries because too many failed; repair the receiver",
        ),
    }
}

fn duration(seconds: u64) -> String {
    match seconds {
        0..90 => format!("{seconds} s"),
        90..5400 => format!("{} min", (seconds + 30) / 60),
        _ => match ((seconds + 30) / 3600, (seconds + 30) % 3600 / 60) {
            (hours, 0) => format!("{hours} h"),
            (hours, minutes) => format!("{hours} h {minutes} min"),
        },
    }
}
