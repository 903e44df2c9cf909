//! Facts that follow from calls to the vendor and that the cluster has not recorded yet.
//!
//! A status write carries the version of the Webhook that was read. The API server refuses it if another client has written the object
//! since. The refused status is then dropped, because it was derived from an outdated object, except for these facts: no other process
//! knows them, and a lost id would lead to a second subscription.

use crate::api::status::{LastApplied, Pending, WebhookStatus};

/// What a call to the vendor brought about for one Webhook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    /// The vendor answered the create of this pending create: the subscription exists.
    Created {
        /// The vendor's id.
        id: String,
        /// The account at the vendor that the id belongs to.
        account: String,
        /// The pending create that was stored before the request.
        pending: Pending,
        /// The id that was recorded when the create was sent.
        before: Option<String>,
    },
    /// The vendor refused the create of this pending create: there is no subscription.
    NotCreated {
        /// The pending create that was stored before the request.
        pending: Pending,
    },
    /// The subscription has these values.
    Applied {
        /// The vendor's id.
        id: String,
        /// What it has.
        last: LastApplied,
    },
    /// The replaced subscription is deleted.
    Deleted {
        /// The vendor's id.
        id: String,
    },
}

impl Effect {
    /// Adds the fact to a status, which may be newer than the one that the call was made for.
    pub(crate) fn apply(&self, status: &mut WebhookStatus) {
        match self {
            Self::Created { id, account, pending, before } => {
                clear(status, pending);
                if status.external_id.as_ref() == Some(id) || status.superseded.contains(id) {
                    return;
                }
                if status.external_id.is_some() && status.external_id != *before {
                    // Another process has recorded a subscription meanwhile, which stays: this one is surplus.
                    status.superseded.push(id.clone());
                    return;
                }
                status.superseded.extend(status.external_id.replace(id.clone()));
                status.account = Some(account.clone());
            }
            Self::NotCreated { pending } => clear(status, pending),
            Self::Applied { id, last } => {
                if status.external_id.as_ref() == Some(id) {
                    status.last_applied = Some(last.clone());
                }
            }
            Self::Deleted { id } => status.superseded.retain(|other| other != id),
        }
    }
}

/// Removes the pending create, unless another process has stored its own since.
fn clear(status: &mut WebhookStatus, pending: &Pending) {
    if status.pending.as_ref() == Some(pending) {
        status.pending = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::status::Action;
    use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
    use k8s_openapi::jiff::Timestamp;

    fn pending(digest: &str) -> Pending {
        Pending {
            action: Action::Create,
            since: Time(Timestamp::UNIX_EPOCH),
            digest: digest.into(),
            beside: vec![],
            write_only: false,
        }
    }

    fn status(id: Option<&str>, pending: Option<&str>, superseded: &[&str]) -> WebhookStatus {
        WebhookStatus {
            external_id: id.map(Into::into),
            pending: pending.map(self::pending),
            superseded: superseded.iter().map(ToString::to_string).collect(),
            ..WebhookStatus::default()
        }
    }

    #[test]
    fn a_fact_is_added_to_whatever_status_is_there_by_now() {
        let created = |before: Option<&str>| Effect::Created {
            id: "7".into(),
            account: "brightpearl/acme".into(),
            pending: pending("mine"),
            before: before.map(Into::into),
        };
        let deleted = Effect::Deleted { id: "6".into() };
        let refused = Effect::NotCreated { pending: pending("mine") };
        let cases = [
            ("as it was left", created(None), status(None, Some("mine"), &[]), status(Some("7"), None, &[])),
            ("wiped meanwhile", created(None), status(None, None, &[]), status(Some("7"), None, &[])),
            (
                "a replacement, wiped meanwhile",
                created(Some("6")),
                status(None, None, &[]),
                status(Some("7"), None, &[]),
            ),
            (
                "a replacement",
                created(Some("6")),
                status(Some("6"), Some("mine"), &[]),
                status(Some("7"), None, &["6"]),
            ),
            ("recorded twice", created(None), status(Some("7"), None, &[]), status(Some("7"), None, &[])),
            (
                "another has its pending create",
                created(None),
                status(None, Some("other"), &[]),
                status(Some("7"), Some("other"), &[]),
            ),
            (
                "another has its id",
                created(None),
                status(Some("8"), None, &[]),
                status(Some("8"), None, &["7"]),
            ),
            (
                "another replaced it",
                created(Some("6")),
                status(Some("8"), None, &["6"]),
                status(Some("8"), None, &["6", "7"]),
            ),
            ("refused", refused.clone(), status(None, Some("mine"), &[]), status(None, None, &[])),
            (
                "refused, another has its pending create",
                refused,
                status(None, Some("other"), &[]),
                status(None, Some("other"), &[]),
            ),
            ("deleted", deleted, status(Some("7"), None, &["5", "6"]), status(Some("7"), None, &["5"])),
        ];
        for (reason, effect, mut before, mut after) in cases {
            effect.apply(&mut before);
            (before.account, after.account) = (None, None);
            assert_eq!(before, after, "{reason}");
        }
    }

    #[test]
    fn values_are_those_of_the_subscription_they_were_sent_to() {
        let last = LastApplied {
            digest: "d".into(),
            time: Time(Timestamp::UNIX_EPOCH),
            sensitive: vec![],
            concealed: None,
            stored_differently: Vec::new(),
        };
        for (id, recorded) in [("7", true), ("8", false)] {
            let mut before = status(Some(id), None, &[]);
            Effect::Applied { id: "7".into(), last: last.clone() }.apply(&mut before);
            assert_eq!(before.last_applied.is_some(), recorded, "{id}");
        }
    }
}
