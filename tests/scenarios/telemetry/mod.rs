//! Telemetry, and receivers that do not take it.

mod alerts;
mod collector;
mod logs;
mod prometheus;
mod scraped;
mod scraper;
mod traces;

use crate::scene::Scene;
use crate::vendors::{Tenant, Vendor};
use serde_json::json;

/// Makes a Webhook `hook`, and an edit at the vendor, which is corrected.
fn something_of_everything(scene: &Scene, tenant: &Tenant) {
    scene.apply(&crate::scene::webhook("hook", tenant.vendor));
    scene.ready("hook");
    let template = crate::scene::webhook("none", tenant.vendor)["spec"].clone();
    scene.apply(&json!({
        "apiVersion": "hooktender.dev/v1alpha1", "kind": "WebhookSet", "metadata": {"name": "none"},
        "spec": {
            "accountSelector": {"matchLabels": {"of": "nobody"}},
            "template": {"spec": {"subscription": template["subscription"], "variables": template["variables"]}},
        },
    }));
    drift(scene, tenant);
}

fn drift(scene: &Scene, tenant: &Tenant) {
    let change = match tenant.vendor {
        Vendor::Brightpearl => json!({"qualityOfService": 0}),
        Vendor::Contensis => json!({"description": "of somebody else"}),
        Vendor::Superoffice => json!({"ErrorsEmail": "somebody@example.com"}),
    };
    tenant.edit(&tenant.ids()[0], &change);
    scene.pass("account");
}
