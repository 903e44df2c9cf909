//! What has to be true in the end.

use super::content::has_all;
use super::vendor::Sub;
use super::world::State;
use crate::api::conditions::{self, READY, STALLED};
use crate::api::status::WebhookStatus;
use crate::api::webhook::DriftPolicy;
use crate::api::{Mode, Webhook};
use kube::ResourceExt;
use std::collections::HashSet;

impl State {
    /// Checks that everything is as declared, or blocked for a valid reason; the error says what is not.
    pub(super) fn verdict(&self) -> Result<(), String> {
        if let Some(wrong) = &self.wrong {
            return Err(wrong.clone());
        }
        let mut owned = HashSet::new();
        for webhook in self.cluster.objects.values() {
            let said = |what: &str| format!("Webhook {} {what}", webhook.name_any());
            let well = self.judge_one(webhook).map_err(|what| said(&what))?;
            if well && !owned.insert(status(webhook).external_id) {
                return Err(said("shares its subscription"));
            }
        }
        self.nothing_left()
    }

    /// Describes the whole state, to find the cause of a failure.
    pub(super) fn scene(&self) -> String {
        let mut lines: Vec<String> = Vec::new();
        for webhook in self.cluster.objects.values() {
            let (status, wants) = (status(webhook), self.wants(webhook).redacted());
            let ready = conditions::get(&status.conditions, READY);
            let ready = ready.map(|c| format!("{} {} {}", c.status, c.reason, c.message));
            let (id, pending, old) = (status.external_id, status.pending, status.superseded);
            let name = webhook.name_any();
            lines.push(format!("Webhook {name} wants {wants}: {ready:?} {id:?} {pending:?} {old:?}"));
        }
        lines.extend(self.vendor.subs.iter().map(|sub| {
            let whose = if sub.made_as.is_some() { "unmanaged " } else { "" };
            format!("{whose}{} made at {}: {}", sub.id, sub.made_at, sub.has.redacted())
        }));
        lines.join("\n")
    }

    /// Whether a Webhook has what it declares. Otherwise it is blocked, for a valid reason.
    fn judge_one(&self, webhook: &Webhook) -> Result<bool, String> {
        let status = status(webhook);
        let stalled = conditions::is_true(&status.conditions, STALLED);
        let reason = conditions::get(&status.conditions, READY).map_or("", |ready| ready.reason.as_str());
        if webhook.spec.suspend || webhook.spec.mode == Mode::Plan {
            return Ok(false);
        }
        if webhook.metadata.deletion_timestamp.is_some() {
            return if reason == "DeletionGuard" { Ok(false) } else { Err("is still there".into()) };
        }
        let facts = self.facts.webhooks.get(&webhook.uid().unwrap_or_default());
        let may_need_person = facts.is_some_and(|facts| facts.may_need_person);
        let stands = match reason {
            "Conflict" => self.is_in_conflict(webhook),
            "SimilarExists" => may_need_person || self.has_similar(webhook),
            "ExternalIdNotFound" => webhook.spec.external_id.is_some(),
            "DriftReported" => webhook.spec.drift_policy == DriftPolicy::Report,
            _ => false,
        };
        if stands {
            return Ok(false);
        }
        if stalled {
            return Err("needs a person".into());
        }
        let id = status.external_id.as_deref();
        let Some(has) = self.vendor.subs.iter().find(|sub| Some(sub.id.as_str()) == id) else {
            return Err("has no subscription".into());
        };
        if !conditions::is_true(&status.conditions, READY) {
            return Err("is not ready".into());
        }
        let wants = self.wants(webhook);
        let nothing_concealed = self.rules.write_only_values(&wants).is_empty();
        let as_it_was = may_need_person || nothing_concealed && facts.is_some_and(|facts| facts.adopted);
        let same = has_all(self.rules, &has.has, &wants) || as_it_was && self.rules.equal(&has.has, &wants);
        if !same {
            return Err(format!(
                "has different content: {} instead of {}",
                has.has.redacted(),
                wants.redacted()
            ));
        }
        if status.pending.is_some() || !status.superseded.is_empty() {
            return Err("has not finished".into());
        }
        Ok(true)
    }

    fn is_in_conflict(&self, webhook: &Webhook) -> bool {
        let wants = self.wants(webhook);
        let (id, named) = (status(webhook).external_id, webhook.spec.external_id.clone());
        self.cluster.objects.values().filter(|other| other.uid() != webhook.uid()).any(|other| {
            let has = status(other).external_id;
            let same_id = has.is_some() && (has == id || has == named);
            same_id || self.rules.equal(&wants, &self.wants(other))
        })
    }

    fn has_similar(&self, webhook: &Webhook) -> bool {
        let wants = self.wants(webhook);
        let free = |sub: &&Sub| {
            !self.is_recorded(sub)
                && (!self.facts.made.contains(&sub.id)
                    || self.is_left_for_a_reason(&sub.id, &sub.has)
                    || self.waits(sub))
        };
        self.vendor.subs.iter().filter(free).any(|sub| self.rules.similar(&sub.has, &wants))
    }

    pub(super) fn is_recorded(&self, sub: &Sub) -> bool {
        let id = sub.id.as_str();
        self.cluster.objects.values().any(|one| {
            let status = status(one);
            status.external_id.as_deref() == Some(id) || status.superseded.iter().any(|old| old == id)
        })
    }

    /// Checks that no subscription of the operator is left behind, and that unmanaged ones are unchanged.
    fn nothing_left(&self) -> Result<(), String> {
        for sub in &self.vendor.subs {
            if sub.made_as.as_ref().is_some_and(|was| *was != sub.has) {
                return Err(format!("the unmanaged subscription {} has changed", sub.id));
            }
            let ours = self.facts.made.contains(&sub.id);
            if ours
                && !self.is_recorded(sub)
                && !self.is_left_for_a_reason(&sub.id, &sub.has)
                && !self.waits(sub)
            {
                return Err(format!("{} is left behind: {}", sub.id, sub.has.redacted()));
            }
        }
        Ok(())
    }

    /// Whether a Webhook that is blocked now will know this subscription again when it continues.
    fn waits(&self, sub: &Sub) -> bool {
        self.cluster.objects.values().any(|one| {
            let facts = self.facts.webhooks.get(&one.uid().unwrap_or_default());
            let made = facts.is_some_and(|facts| facts.wanted.iter().any(|w| self.rules.equal(w, &sub.has)));
            let heals = status(one).pending.is_some() || facts.is_some_and(|facts| facts.wiped);
            let reason = conditions::get(&status(one).conditions, READY).map(|ready| ready.reason.clone());
            // A Webhook that waits for a person because of a similar subscription does not claim it.
            heals && made && reason.as_deref() != Some("SimilarExists") && self.judge_one(one) == Ok(false)
        })
    }
}

fn status(webhook: &Webhook) -> WebhookStatus {
    webhook.status.clone().unwrap_or_default()
}
