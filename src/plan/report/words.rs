//! The sentences and signs that text and Markdown have in common.

use super::{Held, Outlook, Report, Until, WebhookReport};
use crate::api::status::Action;
use crate::api::visible;
use crate::plan::Cause;

/// The actions in the order in which they are listed.
pub(super) const ACTIONS: [Action; 6] =
    [Action::Create, Action::Update, Action::Replace, Action::Delete, Action::Adopt, Action::Retain];

/// The sign of an object for which nothing can be planned.
pub(super) const STUCK: char = '!';

/// The sign of an object.
pub(super) fn sign(webhook: &WebhookReport) -> char {
    match webhook.action {
        Action::None if webhook.held.is_some() => STUCK,
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
        Action::None if webhook.held.is_some() => webhook.id.as_ref().map(|_| "id"),
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
    (webhook.cause != Cause::InSync).then(|| webhook.cause.as_str())
}

pub(super) fn name(namespace: &str, name: &str) -> String {
    format!("{}/{}", visible(namespace), visible(name))
}

/// The words in front of the reason.
pub(super) fn held(held: &Held) -> &'static str {
    match held.until {
        Until::Mended => "blocked",
        Until::Later => "held back",
        Until::Left => "left as it is",
    }
}

/// Whether there is nothing to say about it.
pub(super) fn is_quiet(webhook: &WebhookReport) -> bool {
    webhook.action == Action::None
        && webhook.held.is_none()
        && webhook.changes.is_empty()
        && webhook.duplicates.is_empty()
        && webhook.advice.is_none()
}

/// The overall result in a sentence.
pub(super) fn summary(report: &Report) -> String {
    let counts = &report.counts;
    let of = |action| match action {
        Action::None => (counts.unchanged, "unchanged"),
        Action::Create => (counts.create, "to create"),
        Action::Adopt => (counts.adopt, "to adopt"),
        Action::Update => (counts.update, "to update"),
        Action::Replace => (counts.replace, "to replace"),
        Action::Delete => (counts.delete, "to delete"),
        Action::Retain => (counts.retain, "to retain"),
    };
    let list = |all: &[(usize, &str)]| {
        let all: Vec<_> = all.iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{n} {what}")).collect();
        all.join(", ")
    };
    let actions = list(&ACTIONS.map(of));
    let others = list(&[of(Action::None), (counts.held, "held back"), (counts.unmanaged, "unmanaged")]);
    let parts: Vec<_> = [actions, others].into_iter().filter(|part| !part.is_empty()).collect();
    let parts = parts.join("; ");
    match (report.result, parts.as_str()) {
        // The Webhooks of a suspended account are not planned.
        (Outlook::NoChanges, "") if report.accounts.iter().any(|account| account.held.is_some()) => {
            "No changes. Nothing would be written at a vendor.".into()
        }
        (Outlook::NoChanges, "") => "No changes. Nothing is declared.".into(),
        (Outlook::NoChanges, _) => format!("No changes. Nothing would be written at a vendor: {parts}."),
        (Outlook::Changes | Outlook::Blocked, "") => "Plan: nothing to do.".into(),
        (Outlook::Changes | Outlook::Blocked, _) => format!("Plan: {parts}."),
    }
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
    let webhooks = report.accounts.iter().flat_map(|account| &account.webhooks).chain(&report.orphans);
    let webhooks = webhooks.filter(|webhook| webhook.outlook() == Outlook::Blocked).count();
    let some = |n: usize, one: &str, many: &str| match n {
        0 => None,
        1 => Some(format!("1 {one}")),
        n => Some(format!("{n} {many}")),
    };
    let all = [some(webhooks, "Webhook", "Webhooks"), some(accounts, "account", "accounts")];
    let all: Vec<_> = all.into_iter().flatten().collect();
    (report.result == Outlook::Blocked).then(|| {
        let what = if all.is_empty() { "something".into() } else { all.join(" and ") };
        format!("Blocked: {what} cannot be read, or cannot be applied as declared; change that first.")
    })
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
