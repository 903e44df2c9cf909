//! Tenants that leave: an account that is being deleted and whose login the vendor refuses can delete no subscription any more. With
//! `whenRevoked: Forget`, its Webhooks that are being deleted go, and events say what may have stayed at the vendor.
//!
//! Only an answer of the vendor counts: a Secret that is missing, or a vendor that is away, may come back.

use super::Pass;
use crate::api::VendorAccount;
use crate::api::account::WhenRevoked;
use crate::engine::cluster::event::EventRecord;
use crate::engine::cluster::writer::ClusterWriter;
use crate::engine::state::webhook::WebhookState;
use crate::vendor::{Class, VendorError};
use kube::Resource;

/// How many ids the account's event lists.
const MAX_LISTED: usize = 20;

/// Whether the account is being deleted and gives up what it cannot delete, as the vendor refuses it for good: its login, or its
/// tenant.
pub(crate) fn forgets(account: &VendorAccount, error: &VendorError) -> bool {
    account.metadata.deletion_timestamp.is_some()
        && account.spec.when_revoked == WhenRevoked::Forget
        && matches!(error.class, Class::Credentials | Class::Rejected)
}

/// Describes the subscription that may stay at the vendor.
pub(crate) fn left_behind(webhook: &WebhookState) -> String {
    match &webhook.status.external_id {
        Some(id) => format!("subscription {id}"),
        None => "its subscription, if there is one,".to_owned(),
    }
}

/// Publishes at the account what may have stayed at the vendor.
pub(crate) async fn report_forgotten<S, R: ClusterWriter>(pass: &Pass<'_, S, R>, forgotten: &[String]) {
    if forgotten.is_empty() {
        return;
    }
    let more = forgotten.len().saturating_sub(MAX_LISTED);
    let listed: Vec<_> = forgotten.iter().take(MAX_LISTED).map(String::as_str).collect();
    let more = if more == 0 { String::new() } else { format!(" and {more} more") };
    let note = format!(
        "the login is refused and whenRevoked is Forget: {} Webhooks went without a call to the vendor; what may have stayed at {}: {}{more}",
        forgotten.len(),
        pass.vendor,
        listed.join(", ")
    );
    tracing::warn!(vendor = %pass.vendor, account = %pass.key, reason = "Forgotten", "{note}");
    let event = EventRecord { warning: true, reason: "Forgotten", note };
    pass.context.writer.event(pass.account.object_ref(&()), &event).await;
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::conditions::seconds;
    use crate::engine::clock;
    use crate::engine::testing::{Scene, Server};
    use crate::vendor::Operation;

    #[test]
    fn only_a_refusal_of_an_account_that_is_being_deleted_is_final() {
        let scene = Scene::new(0, Server::default());
        let refused = |class| VendorError::unsent(class, Operation::List, "no");
        let mut account = (*scene.account).clone();
        assert!(!forgets(&account, &refused(Class::Credentials)));
        account.spec.when_revoked = WhenRevoked::Forget;
        assert!(!forgets(&account, &refused(Class::Credentials)), "it is not being deleted");
        account.metadata.deletion_timestamp = Some(seconds(clock::timestamp()));
        for (class, expected) in [
            (Class::Credentials, true),
            (Class::Rejected, true),
            (Class::Unavailable, false),
            (Class::Throttled, false),
            (Class::Outdated, false),
        ] {
            assert_eq!(forgets(&account, &refused(class)), expected, "{class:?}");
        }
        account.spec.when_revoked = WhenRevoked::Wait;
        assert!(!forgets(&account, &refused(Class::Credentials)));
    }
}
