//! Two processes over the same objects without leader election: both read, and nothing is created twice.

use serde_json::json;

use crate::scene::{Scene, webhook};
use crate::vendors::Vendor;

/// Each create takes long enough for the other process to see its Webhook meanwhile.
#[test]
fn slow_creates_are_sent_once() {
    for vendor in [Vendor::Brightpearl, Vendor::Contensis, Vendor::Superoffice] {
        let (scene, tenant) = Scene::with_account("two-processes", vendor);
        tenant.fault(&json!({"operation": "create", "kind": "delay", "millis": 3000, "times": null}));
        let (_first, _second) = (scene.operator(), scene.operator());
        let names: Vec<String> = (0..6).map(|n| format!("hook-{n}")).collect();
        for name in &names {
            scene.apply(&webhook(name, vendor));
        }
        let mut recorded: Vec<_> =
            names.iter().map(|name| scene.ready(name)["status"]["externalId"].clone()).collect();
        assert_eq!(tenant.count("create"), names.len(), "{vendor:?}: {:?}", tenant.stored());
        let mut stored: Vec<_> = tenant.ids().into_iter().map(|id| json!(id)).collect();
        stored.sort_by_key(ToString::to_string);
        recorded.sort_by_key(ToString::to_string);
        assert_eq!(stored, recorded, "{vendor:?}");
    }
}
