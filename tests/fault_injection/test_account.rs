//! One account and its invariant, checked at the vendor and in the cluster.

use hooktender_cluster::eventually;
use serde_json::{Value, json};

use crate::declared::{Declared, without_the_vendors_own};
use crate::scene::{Scene, condition, is_ready};
use crate::vendors::Tenant;

/// Faults after which the vendor has committed the request all the same.
const COMMITTED: [&str; 4] = ["drop_after", "hang_after", "late_commit", "status_after"];

/// An account, and what has to be at the vendor.
pub(crate) struct TestAccount {
    pub(crate) tenant: Tenant,
    /// Name of the account, and of its Secret.
    pub(crate) account: String,
    /// Subscriptions that have to stay as they are, to the byte.
    pub(crate) untouched: Vec<Value>,
    /// How many of these are unmanaged.
    pub(crate) unmanaged: usize,
    /// Each has exactly one subscription.
    pub(crate) declared: Vec<Declared>,
    /// Webhooks that have to be deleted.
    pub(crate) gone: Vec<String>,
}

impl TestAccount {
    pub(crate) fn new(tenant: Tenant, account: &str) -> Self {
        Self {
            tenant,
            account: account.to_owned(),
            untouched: Vec::new(),
            unmanaged: 0,
            declared: Vec::new(),
            gone: Vec::new(),
        }
    }

    /// Makes an unmanaged subscription, which has to stay as it is.
    pub(crate) fn add_unmanaged(&mut self, subscription: &Value) {
        let id = self.tenant.insert(subscription);
        self.untouched.push(self.tenant.one(&id).unwrap());
        self.unmanaged += 1;
    }

    /// Applies the manifest of the declared Webhook of that name.
    pub(crate) fn apply(&self, scene: &Scene, name: &str) {
        let declared = self.declared.iter().find(|declared| declared.name == name).unwrap();
        scene.apply(&declared.manifest(self.tenant.vendor, &self.account));
    }

    /// Checks that all is as declared; the error says what is not.
    pub(crate) fn look(&self, scene: &Scene) -> Result<(), String> {
        let vendor = self.tenant.vendor;
        let stored = self.tenant.stored();
        if let Some(other) = self.untouched.iter().find(|one| !stored.contains(one)) {
            return Err(format!("no longer as it was: {other}; there is {stored:?}"));
        }
        let expected = self.unmanaged + self.declared.len();
        if stored.len() != expected {
            return Err(format!("{} subscriptions instead of {expected}: {stored:?}", stored.len()));
        }
        for declared in &self.declared {
            let webhook = scene.get("webhooks", &declared.name);
            let status = &webhook["status"];
            if !is_ready(&webhook) {
                return Err(format!("{} is not ready: {status}", declared.name));
            }
            let id = status["externalId"].as_str().unwrap_or_default();
            let there = stored.iter().find(|one| self.tenant.id(one) == id);
            let there = there.map(|one| without_the_vendors_own(vendor, one));
            let wanted = declared.stored(vendor);
            if there.as_ref() != Some(&wanted) {
                return Err(format!("{} has {there:?} and wants {wanted}", declared.name));
            }
            let left = [&status["pending"], &status["superseded"]];
            if left.iter().any(|left| !left.is_null() && **left != json!([])) {
                return Err(format!("{} has something left to do: {status}", declared.name));
            }
        }
        if let Some(name) = self.gone.iter().find(|name| !scene.get("webhooks", name).is_null()) {
            return Err(format!("{name} is still there: {}", scene.get("webhooks", name)));
        }
        let account = scene.get("vendoraccounts", &self.account);
        if is_ready(&account) { Ok(()) } else { Err(format!("the account: {}", account["status"])) }
    }

    /// Waits until all is as declared.
    pub(crate) fn becomes_as_declared(&self, scene: &Scene) {
        eventually("one subscription a Webhook, and nothing else touched", || self.look(scene)).unwrap();
    }

    /// Checks that it stays so: another pass writes nothing. A request of a killed process may still be committed after all was
    /// as declared, and is then corrected by that pass: the next one writes nothing.
    pub(crate) fn stays_as_declared(&self, scene: &Scene) {
        for last in [false, true] {
            let before = self.tenant.writes();
            scene.pass(&self.account);
            // The status of the account is written before our own read shows it.
            eventually("still as it should be", || self.look(scene)).unwrap();
            if self.tenant.writes() == before {
                return;
            }
            assert!(!last, "{:?}", self.tenant.operations());
        }
    }

    /// Returns how many creates the vendor has committed since the journal was emptied, also those without an answer.
    pub(crate) fn made(&self) -> usize {
        let journal = self.tenant.journal();
        let done = |entry: &&Value| {
            let status = entry["status"].as_u64().unwrap_or_default();
            let fault = entry["fault"].as_str().unwrap_or_default();
            let refused = fault == "status" || (status >= 400 && fault.is_empty());
            entry["operation"] == "create"
                && !refused
                && ((200..300).contains(&status) || COMMITTED.contains(&fault))
        };
        journal.iter().filter(done).count()
    }

    /// Whether the account waits for a person to put another pair of tokens into its Secret.
    pub(crate) fn needs_a_person(&self, scene: &Scene) -> bool {
        let account = scene.get("vendoraccounts", &self.account);
        condition(&account, "Stalled").is_some_and(|(status, _)| status == "True")
    }
}
