//! Which of the settings that limit writes at the vendor applies to an object. The strictest one wins: `spec.suspend`, then `Plan` of
//! the Webhook, of its account, or of the operator (`--plan-only`).
//!
//! The operator's flag is not in the cluster. It is known only where a Webhook is planned though nothing else asks for that.

use super::page::Remedy;
use crate::api::command::Target;
use crate::api::conditions::{self, READY};
use crate::api::webhook_set::managing_set;
use crate::api::{Mode, ObjectKey, VendorAccount, Webhook};

/// A setting that keeps hooktender from writing at the vendor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Limit {
    WebhookSuspended,
    AccountSuspended,
    WebhookPlans,
    AccountPlans,
    OperatorPlans,
}

impl Limit {
    /// Returns what it does and where it is set.
    fn words(self) -> &'static str {
        match self {
            Self::WebhookSuspended => "suspended by spec.suspend of the Webhook",
            Self::AccountSuspended => "suspended by spec.suspend of the VendorAccount",
            Self::WebhookPlans => "Plan, by spec.mode of the Webhook",
            Self::AccountPlans => "Plan, by spec.mode of the VendorAccount",
            Self::OperatorPlans => "Plan, as hooktender runs with --plan-only",
        }
    }

    /// Returns how to lift it; nothing for a setting of a Webhook without one.
    fn remedy(self, webhook: Option<&Webhook>, account: &ObjectKey) -> Option<Remedy> {
        let (reason, setting, member) = match self {
            Self::WebhookSuspended | Self::AccountSuspended => {
                ("Suspended", "suspend: false", "\"suspend\":false")
            }
            Self::WebhookPlans | Self::AccountPlans => ("Planned", "mode: Enforce", "\"mode\":\"Enforce\""),
            Self::OperatorPlans => {
                let text = "run hooktender without --plan-only (Helm: planOnly: false)".into();
                return Some(Remedy { reason: "Planned".into(), text, commands: Vec::new() });
            }
        };
        let (text, command) = match self {
            Self::AccountSuspended | Self::AccountPlans => {
                (format!("set spec.{setting} at the VendorAccount"), Target::account(account).patch(member))
            }
            _ => own_setting(webhook?, setting, member),
        };
        Some(Remedy { reason: reason.into(), text, commands: vec![command] })
    }
}

/// Returns how to change a setting of a Webhook: what to set, and the command. A set undoes an edit of its member, so that its template
/// is changed.
fn own_setting(webhook: &Webhook, setting: &str, member: &str) -> (String, String) {
    let key = ObjectKey::of(webhook);
    match managing_set(webhook) {
        Some(set) => (
            format!("set spec.template.spec.{setting} at WebhookSet {}, for all its members", set.name),
            Target::set(&ObjectKey::new(&key.namespace, &set.name)).patch_template(member),
        ),
        None => (format!("set spec.{setting} at the Webhook"), Target::webhook(&key).patch(member)),
    }
}

/// Returns what limits writes for a Webhook, the strictest first.
pub(super) fn limits(webhook: &Webhook, account: Option<&VendorAccount>) -> Vec<Limit> {
    let own = [
        (webhook.spec.suspend, Limit::WebhookSuspended),
        (account.is_some_and(|account| account.spec.suspend), Limit::AccountSuspended),
        (webhook.spec.mode == Mode::Plan, Limit::WebhookPlans),
        (account.is_some_and(|account| account.spec.mode == Mode::Plan), Limit::AccountPlans),
    ];
    let own: Vec<_> = own.into_iter().filter(|(holds, _)| *holds).map(|(_, limit)| limit).collect();
    let status = webhook.status.as_ref();
    let is_planned = status.is_some_and(|status| {
        status.observed_generation == webhook.metadata.generation
            && conditions::get(&status.conditions, READY).is_some_and(|ready| ready.reason == "Planned")
    });
    let operator = own.is_empty() && is_planned && account.is_some();
    own.into_iter().chain(operator.then_some(Limit::OperatorPlans)).collect()
}

/// Returns what limits writes for all Webhooks of an account.
pub(super) fn account_limits(account: &VendorAccount) -> Vec<Limit> {
    let own = [
        (account.spec.suspend, Limit::AccountSuspended),
        (account.spec.mode == Mode::Plan, Limit::AccountPlans),
    ];
    own.into_iter().filter(|(holds, _)| *holds).map(|(_, limit)| limit).collect()
}

/// Describes the mode that applies.
pub(super) fn mode(limits: &[Limit]) -> String {
    match limits {
        [] => "Enforce".into(),
        limits => limits.iter().map(|limit| limit.words()).collect::<Vec<_>>().join("; "),
    }
}

/// Returns how to lift the limits.
pub(super) fn remedies(limits: &[Limit], webhook: Option<&Webhook>, account: &ObjectKey) -> Vec<Remedy> {
    limits.iter().filter_map(|limit| limit.remedy(webhook, account)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn objects(webhook: &serde_json::Value, account: &serde_json::Value) -> (Webhook, VendorAccount) {
        let webhook = json!({
            "apiVersion": "hooktender.dev/v1alpha1", "kind": "Webhook",
            "metadata": {"name": "hook", "namespace": "shop", "generation": 2},
            "spec": {"accountRef": {"name": "crm"}, "subscription": {"contensis": {
                "name": "x", "url": "https://hooks.example.com", "method": "POST", "topics": [{"resourceType": "entry", "event": ["published"]}],
            }}, "mode": webhook["mode"], "suspend": webhook["suspend"]},
            "status": {"observedGeneration": 2},
        });
        let account = json!({
            "apiVersion": "hooktender.dev/v1alpha1", "kind": "VendorAccount",
            "metadata": {"name": "crm", "namespace": "shop"},
            "spec": {"vendor": {"contensis": {"alias": "a", "project": "p", "credentials": {"clientCredentials": {
                "clientIdSecretRef": {"name": "s", "key": "id"}, "clientSecretSecretRef": {"name": "s", "key": "secret"},
            }}}}, "mode": account["mode"], "suspend": account["suspend"]},
        });
        (serde_json::from_value(webhook).unwrap(), serde_json::from_value(account).unwrap())
    }

    #[test]
    fn the_settings_that_hold_are_named() {
        use Limit::{AccountPlans, AccountSuspended, OperatorPlans, WebhookPlans, WebhookSuspended};
        let (enforce, plan) =
            (json!({"mode": "Enforce", "suspend": false}), json!({"mode": "Plan", "suspend": false}));
        let suspended = json!({"mode": "Enforce", "suspend": true});
        for (webhook, account, is_planned, expected) in [
            (&enforce, &enforce, false, &[][..]),
            (&plan, &enforce, true, &[WebhookPlans]),
            (&enforce, &plan, true, &[AccountPlans]),
            (&plan, &plan, true, &[WebhookPlans, AccountPlans]),
            (&enforce, &enforce, true, &[OperatorPlans]),
            (&suspended, &plan, false, &[WebhookSuspended, AccountPlans]),
            (&plan, &suspended, false, &[AccountSuspended, WebhookPlans]),
        ] {
            let (mut webhook, account) = objects(webhook, account);
            let status = webhook.status.as_mut().unwrap();
            let reason = if is_planned { "Planned" } else { "InSync" };
            conditions::set(&mut status.conditions, conditions::sample(READY, true, reason, ""));
            assert_eq!(limits(&webhook, Some(&account)), expected);
            // What an older spec led to says nothing about the operator.
            webhook.metadata.generation = Some(3);
            assert!(!limits(&webhook, Some(&account)).contains(&OperatorPlans));
        }
    }

    #[test]
    fn each_limit_is_lifted_where_it_is_set() {
        let settings = json!({"mode": "Enforce", "suspend": false});
        let (mut webhook, _) = objects(&settings, &settings);
        let account = ObjectKey::new("crm", "account");
        let limits = [Limit::WebhookPlans, Limit::AccountSuspended, Limit::OperatorPlans];
        let ways = remedies(&limits, Some(&webhook), &account);
        assert_eq!(
            ways[0].commands,
            ["kubectl patch webhook -n shop hook --type=merge -p '{\"spec\":{\"mode\":\"Enforce\"}}'"]
        );
        assert_eq!(
            ways[1].commands,
            ["kubectl patch vendoraccount -n crm account --type=merge -p '{\"spec\":{\"suspend\":false}}'"]
        );
        assert!(ways[2].commands.is_empty() && ways[2].text.contains("--plan-only"));
        // A set undoes an edit of its member.
        let set = json!([{"apiVersion": "hooktender.dev/v1alpha1", "kind": "WebhookSet", "name": "hooks", "uid": "u", "controller": true}]);
        webhook.metadata.owner_references = serde_json::from_value(set).unwrap();
        let way = &remedies(&limits[..1], Some(&webhook), &account)[0];
        assert_eq!(way.text, "set spec.template.spec.mode: Enforce at WebhookSet hooks, for all its members");
        assert_eq!(
            way.commands,
            [
                "kubectl patch webhookset -n shop hooks --type=merge -p '{\"spec\":{\"template\":{\"spec\":{\"mode\":\"Enforce\"}}}}'"
            ]
        );
        assert_eq!(mode(&[]), "Enforce");
        assert_eq!(
            mode(&[Limit::WebhookPlans, Limit::AccountPlans]),
            "Plan, by spec.mode of the Webhook; Plan, by spec.mode of the VendorAccount"
        );
    }
}
