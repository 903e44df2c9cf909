//! A report for a terminal, in any width, with colours or without.

mod changes;
mod groups;

use super::canvas::{Break, Canvas, Ink, Span};
use super::diff::entries_of;
use super::groups::grouped;
use super::words::{self, ACTIONS};
use super::{AccountReport, Held, Report, UnmanagedReport, WebhookReport};
use crate::api::status::Action;
use crate::api::visible;

/// The number of unmanaged subscriptions, and of Webhooks that are not planned, that are listed for an account, unless all are.
const MAX_LISTED: usize = 10;

/// Options for [`text`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Style {
    /// Whether colours show what is new and what is old, in addition to the signs.
    pub colour: bool,
    /// The width in columns, at least 20.
    pub width: usize,
    /// Whether to list unchanged Webhooks, the Webhooks of groups and all unmanaged subscriptions.
    pub all: bool,
}

/// Draws a report. Whatever a vendor sent, the text has no control characters except line breaks and colour codes.
pub fn text(report: &Report, style: &Style) -> String {
    let mut page = Page { canvas: Canvas::new(style.width, style.colour), all: style.all };
    page.legend(report);
    let grouped = grouped(report);
    page.groups(&grouped.groups);
    page.accounts(report, &grouped.rest);
    page.orphans(&report.orphans);
    page.canvas.gap();
    page.prose(0, 0, &[Span(Ink::Title, words::summary(report))]);
    page.prose(0, 0, &[Span::plain(words::calls(report))]);
    for warning in words::blocked(report).into_iter().chain(words::not_delivering(report)) {
        page.prose(0, 0, &[Span(Ink::Warning, warning)]);
    }
    page.canvas.finish()
}

fn ink(action: Action) -> Ink {
    match action {
        Action::None => Ink::Faint,
        Action::Create => Ink::New,
        Action::Adopt | Action::Retain => Ink::Taken,
        Action::Update => Ink::Changed,
        Action::Replace => Ink::Replaced,
        Action::Delete => Ink::Old,
    }
}

/// The colour of the sign of a Webhook.
fn sign_ink(webhook: &WebhookReport) -> Ink {
    if words::is_stuck(webhook) { Ink::Warning } else { ink(webhook.action) }
}

/// Whether there is nothing to say about an account, with these of its Webhooks, but what is unmanaged in it.
fn has_nothing_else(account: &AccountReport, webhooks: &[&WebhookReport]) -> bool {
    account.held.is_none()
        && account.advice.is_none()
        && webhooks.iter().all(|webhook| words::is_quiet(webhook))
}

struct Page {
    canvas: Canvas,
    all: bool,
}

impl Page {
    fn prose(&mut self, indent: usize, hang: usize, spans: &[Span]) {
        self.canvas.line(indent, hang, Break::Words, spans);
    }

    /// Draws foreign text, which may have several lines.
    fn foreign(&mut self, indent: usize, hang: usize, head: Span, text: &str) {
        let mut lines = text.lines();
        let first = visible(lines.next().unwrap_or_default());
        self.prose(indent, hang, &[head, Span::plain(first)]);
        for line in lines {
            self.prose(hang, hang, &[Span::plain(visible(line))]);
        }
    }

    /// Draws the signs that occur.
    fn legend(&mut self, report: &Report) {
        let webhooks = || report.webhooks();
        let shown = |action: &&Action| webhooks().any(|webhook| webhook.action == **action);
        let mut signs: Vec<_> = ACTIONS.iter().filter(shown).copied().collect();
        if self.all && webhooks().any(words::is_quiet) {
            signs.push(Action::None);
        }
        let signs =
            signs.into_iter().map(|action| (ink(action), words::action_sign(action), words::meaning(action)));
        let occurs = |sign: char| webhooks().any(|webhook| words::sign(webhook) == sign);
        let others = words::WITHOUT_ACTION.into_iter().filter(|(sign, _)| occurs(*sign));
        let others = others.map(|(sign, meaning)| (Ink::Warning, sign, meaning));
        for (ink, sign, meaning) in signs.chain(others) {
            self.prose(2, 4, &[Span(ink, sign.into()), Span::plain(format!(" {meaning}"))]);
        }
    }

    /// Draws the accounts, each with those of its Webhooks that are in no group.
    fn accounts(&mut self, report: &Report, rest: &[Vec<&WebhookReport>]) {
        let all = || report.accounts.iter().zip(rest);
        let only_unmanaged = |account: &AccountReport, webhooks: &[&WebhookReport]| {
            !account.unmanaged.is_empty() && has_nothing_else(account, webhooks)
        };
        let counted: Vec<_> = all()
            .filter(|(account, webhooks)| only_unmanaged(account, webhooks))
            .map(|(account, _)| Listed {
                sign: '?',
                id: format!("{} at ", account.unmanaged.len()),
                text: words::name(&account.namespace, &account.name),
            })
            .collect();
        // Many sections that only list what is never changed would hide the others.
        let in_short = !self.all && counted.len() > MAX_LISTED;
        for (account, webhooks) in all() {
            if !(in_short && only_unmanaged(account, webhooks)) {
                self.account(account, webhooks);
            }
        }
        if in_short {
            let head = format!(
                "Unmanaged at {} more accounts, declared by no Webhook; never changed (--all lists them)",
                counted.len()
            );
            self.list(&head, &counted);
        }
    }

    /// Draws an account with those of its Webhooks that are in no group.
    fn account(&mut self, account: &AccountReport, webhooks: &[&WebhookReport]) {
        let quiet = has_nothing_else(account, webhooks) && account.unmanaged.is_empty();
        // All its Webhooks are in groups, which name it.
        let is_named_above = webhooks.is_empty() && !account.webhooks.is_empty();
        if quiet && (!self.all || is_named_above) {
            return;
        }
        self.canvas.gap();
        let name = words::name(&account.namespace, &account.name);
        let identity = format!(" ({})", visible(&account.identity));
        self.prose(0, 2, &[Span(Ink::Title, format!("Account {name}")), Span(Ink::Faint, identity)]);
        if let Some(held) = &account.held {
            self.held(2, words::held(held), held);
        }
        if let Some(advice) = &account.advice {
            self.foreign(2, 4, Span(Ink::Warning, "advice: ".into()), advice);
        }
        let (listed, planned): (Vec<_>, Vec<_>) =
            webhooks.iter().copied().partition(|one| words::is_listed_only(one));
        self.webhooks(&planned);
        let listed: Vec<_> = listed
            .into_iter()
            .map(|webhook| Listed {
                sign: words::sign(webhook),
                id: String::new(),
                text: words::name(&webhook.namespace, &webhook.name),
            })
            .collect();
        let head = format!("{}: {}", words::listed(account), listed.len());
        self.list(&head, &listed);
        self.unmanaged(&account.unmanaged);
    }

    fn orphans(&mut self, orphans: &[WebhookReport]) {
        if orphans.iter().all(words::is_quiet) && !self.all || orphans.is_empty() {
            return;
        }
        self.canvas.gap();
        self.prose(0, 2, &[Span(Ink::Title, "Webhooks without an account".into())]);
        self.webhooks(&orphans.iter().collect::<Vec<_>>());
    }

    fn webhooks(&mut self, webhooks: &[&WebhookReport]) {
        let (quiet, loud): (Vec<_>, Vec<_>) =
            webhooks.iter().copied().partition(|webhook| words::is_quiet(webhook));
        for webhook in loud {
            self.canvas.gap();
            self.webhook(webhook);
        }
        if quiet.is_empty() {
            return;
        }
        self.canvas.gap();
        if self.all {
            for webhook in quiet {
                self.webhook(webhook);
            }
        } else {
            let quiet = quiet.len();
            self.prose(2, 4, &[Span(Ink::Faint, format!("{quiet} unchanged"))]);
        }
    }

    fn webhook(&mut self, webhook: &WebhookReport) {
        let name = words::name(&webhook.namespace, &webhook.name);
        let sign = words::sign(webhook);
        let ink = sign_ink(webhook);
        let mut spans = vec![Span(ink, format!("{sign} ")), Span(Ink::Title, name)];
        spans.extend(words::verb(webhook).map(|verb| Span::plain(format!(": {verb}"))));
        spans.extend(words::id(webhook).map(|id| Span::plain(format!(" {id}"))));
        spans.extend(words::why(webhook).map(|why| Span::plain(format!(" ({why})"))));
        self.prose(2, 4, &spans);
        if let Some(place) = &webhook.declared_at {
            self.prose(4, 6, &[Span(Ink::Faint, format!("declared at {}", visible(place)))]);
        }
        self.changes(4, webhook.action, &entries_of(&webhook.changes));
        if !webhook.duplicates.is_empty() {
            let ids: Vec<_> = webhook.duplicates.iter().map(|id| visible(id)).collect();
            let text = format!("{} (equal and unmanaged; left as they are)", ids.join(", "));
            self.prose(4, 6, &[Span(Ink::Warning, "duplicates: ".into()), Span::plain(text)]);
        }
        for former in &webhook.former {
            let one = format!("{} {}", visible(&former.external_id), visible(&former.summary));
            let text = format!("{one}: {}", words::former(former));
            self.prose(4, 6, &[Span(Ink::Warning, "former: ".into()), Span::plain(text)]);
        }
        self.remarks(webhook);
    }

    /// Draws what else is said about a Webhook, and what holds it back.
    fn remarks(&mut self, webhook: &WebhookReport) {
        if let Some(delivery) = words::delivery(webhook) {
            self.prose(4, 6, &[Span(Ink::Warning, delivery.into())]);
        }
        if let Some(advice) = &webhook.advice {
            self.foreign(4, 6, Span(Ink::Warning, "advice: ".into()), advice);
        }
        if let Some(held) = &webhook.held {
            self.held(4, words::held_of(webhook, held), held);
        }
    }

    fn held(&mut self, indent: usize, words: &str, held: &Held) {
        let what = format!("{words}, {}: ", visible(&held.reason));
        self.foreign(indent, indent + 2, Span(Ink::Warning, what), &held.message);
    }

    fn unmanaged(&mut self, unmanaged: &[UnmanagedReport]) {
        let listed = unmanaged.iter().map(|one| Listed {
            sign: '?',
            id: format!("{}  ", visible(&one.external_id)),
            text: visible(&one.summary),
        });
        let head =
            format!("Unmanaged: {} at the vendor that no Webhook declares; never changed", unmanaged.len());
        self.list(&head, &listed.collect::<Vec<_>>());
    }

    /// Draws the first lines of a list, if there is any.
    fn list(&mut self, head: &str, listed: &[Listed]) {
        if listed.is_empty() {
            return;
        }
        self.canvas.gap();
        self.prose(2, 4, &[Span::plain(head)]);
        let most = if self.all { listed.len() } else { MAX_LISTED };
        for Listed { sign, id, text } in listed.iter().take(most) {
            self.prose(4, 8, &[Span(Ink::Faint, format!("{sign} {id}")), Span::plain(text)]);
        }
        if listed.len() > most {
            self.prose(4, 6, &[Span(Ink::Faint, format!("… and {} more", listed.len() - most))]);
        }
    }
}

/// One line of a list.
struct Listed {
    sign: char,
    id: String,
    text: String,
}
