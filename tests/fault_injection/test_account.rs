//! One account with what has to be true of it: the invariant, looked at from the vendor's side and the cluster's.

use hooktender_cluster::eventually;
use serde_json::{Value, json};

use crate::scene::{Scene, condition, is_ready};
use crate::vendors::Tenant;
use crate::wish::{Wish, without_the_vendors_own};

/// Faults of a vendor that does the work all the same.
const COMMITTED: [&str; 4] = ["drop_after", "hang_after", "late_commit", "status_after"];

/// An account, and what is to be at the vendor.
pub(crate) struct Ground {
    pub(crate) tenant: Tenant,
    /// Name of the account, and of its Secret.
    pub(crate) account: String,
    /// What has to be there to the byte.
    pub(crate) untouched: Vec<Value>,
    /// How many of these no Webhook declares.
    pub(crate) strangers: usize,
    /// Each has exactly one subscription.
    pub(crate) wishes: Vec<Wish>,
    /// Webhooks that have to be gone.
    pub(crate) gone: Vec<String>,
}

impl Ground {
    pub(crate) fn new(tenant: Tenant, account: &str) -> Self {
        Self {
            tenant,
            account: account.to_owned(),
            untouched: Vec::new(),
            strangers: 0,
            wishes: Vec::new(),
            gone: Vec::new(),
        }
    }

    /// Somebody makes a subscription by hand, which is to stay as it is.
    pub(crate) fn stranger(&mut self, subscription: &Value) {
        let id = self.tenant.insert(subscription);
        self.untouched.push(self.tenant.one(&id).unwrap());
        self.strangers += 1;
    }

    /// Applies the manifest of what is wished for under that name.
    pub(crate) fn apply(&self, scene: &Scene, name: &str) {
        let wish = self.wishes.iter().find(|wish| wish.name == name).unwrap();
        scene.apply(&wish.manifest(self.tenant.vendor, &self.account));
    }

    /// Whether all is as it should be, and what is not.
    pub(crate) fn look(&self, scene: &Scene) -> Result<(), String> {
        let vendor = self.tenant.vendor;
        let stored = self.tenant.stored();
        if let Some(other) = self.untouched.iter().find(|one| !stored.contains(one)) {
            return Err(format!("no longer as it was: {other}; there is {stored:?}"));
        }
        let expected = self.strangers + self.wishes.len();
        if stored.len() != expected {
            return Err(format!("{} subscriptions instead of {expected}: {stored:?}", stored.len()));
        }
        for wish in &self.wishes {
            let webhook = scene.get("webhooks", &wish.name);
            let status = &webhook["status"];
            if !is_ready(&webhook) {
                return Err(format!("{} is not ready: {status}", wish.name));
            }
            let id = status["externalId"].as_str().unwrap_or_default();
            let there = stored.iter().find(|one| self.tenant.id(one) == id);
            let there = there.map(|one| without_the_vendors_own(vendor, one));
            let wanted = wish.stored(vendor);
            if there.as_ref() != Some(&wanted) {
                return Err(format!("{} has {there:?} and wants {wanted}", wish.name));
            }
            let left = [&status["pending"], &status["superseded"]];
            if left.iter().any(|left| !left.is_null() && **left != json!([])) {
                return Err(format!("{} has something left to do: {status}", wish.name));
            }
        }
        if let Some(name) = self.gone.iter().find(|name| !scene.get("webhooks", name).is_null()) {
            return Err(format!("{name} is still there: {}", scene.get("webhooks", name)));
        }
        let account = scene.get("vendoraccounts", &self.account);
        if is_ready(&account) { Ok(()) } else { Err(format!("the account: {}", account["status"])) }
    }

    /// Waits until all is as it should be.
    pub(crate) fn settles(&self, scene: &Scene) {
        eventually("one subscription a Webhook, and nothing else touched", || self.look(scene)).unwrap();
    }

    /// It is so for good: another pass writes nothing. What a process that was killed had sent may still be done after all
    /// was as it should be, and is then put right by that pass: the next one writes nothing.
    pub(crate) fn is_settled(&self, scene: &Scene) {
        for last in [false, true] {
            let before = self.tenant.writes();
            scene.pass(&self.account);
            // The account's word on the pass comes before its cache shows it to us.
            eventually("still as it should be", || self.look(scene)).unwrap();
            if self.tenant.writes() == before {
                return;
            }
            assert!(!last, "{:?}", self.tenant.operations());
        }
    }

    /// How many creates the vendor has done, since the journal was emptied: those that nobody got an answer to included.
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
