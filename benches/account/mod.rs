//! An account of ordinary Webhooks, for benchmarks.

use hooktender::api::webhook::{DeletionPolicy, DriftPolicy, Subscription};
use hooktender::api::{Mode, ObjectKey, VendorName};
use hooktender::plan::{
    Declared, Desired, Document, ExternalId, Hints, Observed, Policy, Redactor, SecretText, digest,
};
use hooktender::vendor::desired;
use serde_json::json;

/// The template of what the vendor stores.
pub(crate) const OLD: &str = "<p>old</p>\n";

/// The vendor of all accounts.
pub(crate) const VENDOR: VendorName = VendorName::Contensis;

/// How many Webhooks an account has.
#[allow(dead_code, reason = "telemetry has one size only")]
pub(crate) const SIZES: [usize; 3] = [100, 1_000, 10_000];

/// A subscription with every field that a real one has.
pub(crate) fn subscription(n: usize, template: &str) -> Subscription {
    serde_json::from_value(json!({"contensis": {
        "name": format!("webhook-{n}"),
        "url": format!("https://hooks.example.com/c7s/{n}/{{{{resource.sys.id}}}}"),
        "topics": [
            {"resourceType": "entry", "event": ["published", "unpublished"], "contentTypeId": ["article", "review"]},
            {"resourceType": "asset", "event": ["deleted"]},
        ],
        "headers": {"X-Origin": {"value": "cms"}, "X-Env": {"value": "prod"}},
        "templates": {"entry.article": template},
    }}))
    .unwrap()
}

/// Its canonical document.
pub(crate) fn expanded(subscription: &Subscription) -> Document {
    desired(subscription, &mut |text, _| Ok::<_, String>(SecretText::plain(text))).unwrap()
}

/// The canonical document of a subscription.
pub(crate) fn document(n: usize, template: &str) -> Document {
    expanded(&subscription(n, template))
}

/// Its Webhook, with the status of its last update.
pub(crate) fn declared(n: usize, template: &str, applied: &Document) -> Declared {
    Declared {
        key: ObjectKey::new("shop", format!("webhook-{n}")),
        created: 0,
        guest: false,
        adopts: true,
        adopts_equal: true,
        desired: Desired::Known(document(n, template)),
        recorded: Some(ExternalId::new(n.to_string()).unwrap()),
        pinned_id: None,
        superseded: Vec::new(),
        unreadable: None,
        invalid_id: None,
        pending_create: None,
        applied: Some(digest(applied)),
        sensitive: Vec::new(),
        trusts_write_only: false,
        remote_version: None,
        hints: Hints::default(),
        deleting: false,
        stateless: false,
        policy: Policy {
            mode: Mode::Enforce,
            drift: DriftPolicy::Correct,
            deletion: DeletionPolicy::Delete,
            suspended: false,
            release: false,
        },
        redactor: Redactor::default(),
        secrets: std::sync::Arc::default(),
    }
}

/// What the vendor stores of it.
pub(crate) fn observed(n: usize) -> Observed {
    Observed {
        id: ExternalId::new(n.to_string()).unwrap(),
        document: document(n, OLD),
        summary: String::new(),
        created: None,
        remote_version: None,
        delivery: None,
        raw: None,
    }
}
