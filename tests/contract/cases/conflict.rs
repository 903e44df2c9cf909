//! Somebody else saves at the same time.

use crate::bench::{Bench, fails};
use crate::run::{Case, cases};
use crate::samples::{document, edited, foreign, same};
use hooktender::api::VendorName;
use hooktender::vendor::Class;
use serde_json::json;

pub(super) fn cases() -> Vec<Case> {
    cases![
        "a copy that is stale by now" => stale,
        "a conflict that the vendor tells" => told,
    ]
}

async fn stale(bench: Bench) {
    let id = bench.insert(&foreign(bench.column.vendor(), "one")).await;
    let connection = bench.connected().await;
    let seen = connection.list().await.unwrap().observed.remove(0);
    let other = match bench.column.vendor() {
        VendorName::Brightpearl => json!({"contentType": "text/html"}),
        VendorName::Contensis => json!({"enabled": false}),
        VendorName::Superoffice => json!({"Name": "by hand"}),
    };
    bench.edit(&id, &other).await;
    bench.forget().await;
    let desired = edited(bench.column, "one");
    let updated = connection.update(&seen, &desired).await;
    match bench.column.vendor() {
        // Nothing can be overwritten: an update is not sent, and a replacement is another subscription.
        VendorName::Brightpearl => {
            fails(updated, Class::Rejected);
            assert_eq!(bench.stored().await[0]["contentType"], "text/html");
        }
        // An update carries a version; one read tells a stale one from a refusal (vendors/contensis.md 2.3).
        VendorName::Contensis => {
            let error = fails(updated, Class::Outdated);
            assert!(!error.outcome_unknown);
            assert_eq!((bench.count("update").await, bench.count("get").await), (1, 1));
            assert_eq!(bench.stored().await[0]["enabled"], false);
            let now = connection.list().await.unwrap().observed.remove(0);
            same(bench.column, &connection.update(&now, &desired).await.unwrap(), &desired);
        }
        // No version, no ETag: the last save wins, and each save sends all fields (vendors/superoffice.md 4.5).
        VendorName::Superoffice => {
            same(bench.column, &updated.unwrap(), &desired);
            assert_eq!(bench.stored().await[0]["Name"], "one");
        }
    }
}

async fn told(bench: Bench) {
    let connection = bench.connected().await;
    let body = bench.envelope("changed in the meantime");
    for status in [409, 412] {
        bench.fault(json!({"operation": "create", "kind": "status", "status": status, "body": body})).await;
        let error = fails(connection.create(&document(bench.column, "one")).await, Class::Outdated);
        assert!(!error.outcome_unknown, "{error:?}");
    }
    assert!(bench.stored().await.is_empty());
}
