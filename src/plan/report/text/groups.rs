//! Draws the groups of Webhooks with the same change.

use super::{Page, sign_ink};
use crate::api::visible;
use crate::plan::report::canvas::{Ink, Span};
use crate::plan::report::groups::{Group, Member};
use crate::plan::report::words;

impl Page {
    /// Draws all groups, if there are any.
    pub(super) fn groups(&mut self, groups: &[Group<'_>]) {
        if groups.is_empty() {
            return;
        }
        self.canvas.gap();
        self.prose(0, 2, &[Span(Ink::Title, words::GROUPS.into())]);
        for group in groups {
            self.canvas.gap();
            self.group(group);
        }
    }

    fn group(&mut self, group: &Group<'_>) {
        let webhook = group.first.webhook;
        let mut spans = vec![
            Span(sign_ink(webhook), format!("{} ", words::sign(webhook))),
            Span(Ink::Title, group.size()),
        ];
        spans.extend(group.action().map(|verb| Span::plain(format!(": {verb}"))));
        spans.extend(words::why(webhook).map(|why| Span::plain(format!(" ({why})"))));
        spans.extend(group.calls().map(|calls| Span::plain(format!(", {calls}"))));
        self.prose(2, 4, &spans);
        if let Some(place) = group.declared_at() {
            self.prose(4, 6, &[Span(Ink::Faint, format!("declared at {}", visible(place)))]);
        }
        self.changes(4, webhook.action, &group.entries());
        self.remarks(webhook);
        if self.all {
            group.members.iter().for_each(|member| self.member(group, member));
        } else {
            let webhooks = format!("Webhooks: {}", group.first_webhooks());
            self.prose(4, 6, &[Span::plain(webhooks)]);
            let accounts = format!("accounts: {} (--all lists all)", group.first_accounts());
            self.prose(4, 6, &[Span::plain(accounts)]);
        }
    }

    /// Draws a member, with what the group does not say about it.
    fn member(&mut self, group: &Group<'_>, member: &Member<'_>) {
        self.prose(4, 8, &[Span::plain(member.title())]);
        if let Some(place) = member.webhook.declared_at.as_deref().filter(|_| group.declared_at().is_none()) {
            self.prose(6, 8, &[Span(Ink::Faint, format!("declared at {}", visible(place)))]);
        }
        self.changes(6, member.webhook.action, &group.own_entries(member));
    }
}
