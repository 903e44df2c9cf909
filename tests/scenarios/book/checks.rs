//! What the vendors have, and were asked for, after each page.

use serde_json::Value;

use super::{Reader, merchants};
use crate::vendors::Tenant;

impl Reader {
    fn wrote(&self, create: usize, update: usize, delete: usize) {
        wrote(&self.tenant, create, update, delete);
    }

    pub(super) fn has_only_looked(&self) {
        crate::command::only_reads(&self.trial);
        assert_eq!(self.trial.stored().len(), 1);
    }

    /// Created, edited, sent with the next key, corrected, deleted.
    pub(super) fn has_managed_contensis(&self) {
        wrote(&self.contensis, 1, 3, 1);
        assert!(self.contensis.stored().is_empty());
        self.has_written_nothing();
    }

    /// The same, and enabled again.
    pub(super) fn has_managed_superoffice(&self) {
        wrote(&self.superoffice, 1, 4, 1);
        assert!(self.superoffice.stored().is_empty());
        self.has_written_nothing();
    }

    /// Created, replaced, deleted.
    pub(super) fn has_begun_and_ended(&self) {
        self.wrote(2, 0, 2);
        assert!(self.tenant.stored().is_empty());
    }

    pub(super) fn has_adopted(&self) {
        self.has_written_nothing();
        let webhooks = self.kubectl_json(&["get", "webhooks", "-n", "webhooks"]);
        let of = |webhook: &Value| webhook["status"]["externalId"].as_str().unwrap().to_owned();
        let mut ids: Vec<_> = webhooks["items"].as_array().unwrap().iter().map(of).collect();
        ids.sort_unstable();
        let mut there = self.tenant.ids();
        there.sort_unstable();
        assert_eq!(ids, there);
    }

    /// The one with a token was created, and replaced.
    pub(super) fn has_rotated(&self) {
        self.wrote(2, 0, 1);
        assert!(
            self.addresses().contains(&"https://hooks.example.com/brightpearl?token=the-next-token".into())
        );
    }

    pub(super) fn has_moved(&self) {
        self.wrote(2, 0, 1);
        let addresses = self.addresses();
        let moved =
            addresses.iter().filter(|address| address.starts_with("https://hooks-2.example.com/stock/"));
        assert_eq!(moved.count(), 1, "{addresses:?}");
    }

    /// Each was created, replaced and deleted.
    pub(super) fn has_served_tenants(&self) {
        for merchant in merchants() {
            let count = ["create", "delete"].map(|operation| merchant.count(operation));
            assert_eq!(count, [2, 2], "{}: {:?}", merchant.code, merchant.operations());
        }
        self.has_written_nothing();
    }

    pub(super) fn has_written_nothing(&self) {
        self.wrote(0, 0, 0);
    }

    pub(super) fn has_kept_all(&self) {
        self.has_written_nothing();
        assert_eq!(self.tenant.stored().len(), 4);
    }

    fn addresses(&self) -> Vec<String> {
        let address = |stored: &Value| stored["uriTemplate"].as_str().unwrap().to_owned();
        self.tenant.stored().iter().map(address).collect()
    }
}

fn wrote(tenant: &Tenant, create: usize, update: usize, delete: usize) {
    let count = ["create", "update", "delete"].map(|operation| tenant.count(operation));
    assert_eq!(count, [create, update, delete], "{:?}", tenant.operations());
}
