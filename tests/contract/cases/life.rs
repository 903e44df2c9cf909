//! A subscription from its creation to its deletion, and how many calls that takes.

use crate::bench::{Bench, fails, says};
use crate::run::{Case, cases};
use crate::samples::{document, document_of, edited, every_field_of, foreign, same};
use hooktender::api::VendorName;
use hooktender::plan::{Document, ExternalId, List, Observed};
use hooktender::vendor::{Class, Connection, ReadOnly, ReadWrite, VendorError, rules};
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

pub(super) fn cases() -> Vec<Case> {
    cases![
        "create: the answer has the id, the list shows it" => create,
        "every field is read back" => every_field,
        "an empty account lists nothing" => empty,
        "what somebody else made is read as it is" => another,
        "update, or replace where there is none" => update,
        "delete, and delete again" => delete,
        "deleted behind our back" => gone,
        "one list call a pass, one call a write" => counts,
        "read-only: lists, and has no word for more" => read_only,
    ]
}

/// Returns the only subscription of the account.
async fn only(connection: &Connection<ReadWrite>) -> Observed {
    let mut all = connection.list().await.unwrap().observed;
    assert_eq!(all.len(), 1, "{all:?}");
    all.remove(0)
}

async fn create(bench: Bench) {
    let connection = bench.connect();
    let desired = document(bench.column, "one");
    let made = connection.create(&desired).await.unwrap();
    assert!(!made.id.as_str().is_empty());
    let seen = only(&connection).await;
    assert_eq!(seen.id, made.id);
    same(bench.column, &made, &desired);
    same(bench.column, &seen, &desired);
    // An equal one is another subscription: no vendor refuses a name that is in use.
    let second = connection.create(&desired).await.unwrap();
    assert_ne!(second.id, made.id);
    assert_eq!(connection.list().await.unwrap().observed.len(), 2);
}

/// Values that the list does not have, by vendor, and why.
fn not_returned(vendor: VendorName) -> &'static [(&'static str, &'static str)] {
    match vendor {
        VendorName::Brightpearl => &[],
        VendorName::Contensis => &[("headers.X-Key.value", "the value of a secret header is masked")],
        VendorName::Superoffice => &[("secret", "some servers return it, others a mask or nothing")],
    }
}

async fn every_field(bench: Bench) {
    let vendor = bench.column.vendor();
    bench.set(newest(vendor)).await;
    let connection = bench.connect();
    let mut missing = BTreeSet::new();
    for manifest in every_field_of(vendor) {
        let desired = document_of(vendor, &manifest);
        let made = connection.create(&desired).await.unwrap();
        let seen = only(&connection).await;
        add_differing(&desired.redacted(), &seen.document.redacted(), "", &mut missing);
        connection.delete(&made.id).await.unwrap();
    }
    let expected: BTreeSet<_> = not_returned(vendor).iter().map(|(path, _)| (*path).to_owned()).collect();
    assert_eq!(
        missing, expected,
        "what is declared and what is read back differ in other fields (left) than the vendor does not return (right): send them, and read them from the list, in wire.rs and document.rs of src/vendor/{vendor}; store and return them in tests/sandbox/src/{vendor}"
    );
}

/// Adds the paths at which a value differs.
fn add_differing(one: &Value, other: &Value, path: &str, found: &mut BTreeSet<String>) {
    match (one, other) {
        (Value::Object(one), Value::Object(other)) => {
            for name in one.keys().chain(other.keys()) {
                let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                let of = |map: &Map<String, Value>| map.get(name).cloned().unwrap_or_default();
                add_differing(&of(one), &of(other), &path, found);
            }
        }
        (Value::Array(one), Value::Array(other)) if one.len() == other.len() => {
            for (at, (one, other)) in one.iter().zip(other).enumerate() {
                add_differing(one, other, &format!("{path}[{at}]"), found);
            }
        }
        _ if one == other => {}
        _ => {
            found.insert(path.to_owned());
        }
    }
}

async fn empty(bench: Bench) {
    let connection = bench.connect();
    assert!(connection.list().await.unwrap().observed.is_empty());
    assert_eq!(bench.count("list").await, 1);
}

async fn another(bench: Bench) {
    let id = bench.insert(&foreign(bench.column.vendor(), "one")).await;
    let before = bench.stored().await;
    let connection = bench.connect();
    let seen = only(&connection).await;
    assert_eq!(seen.id.as_str(), id);
    same(bench.column, &seen, &document(bench.column, "one"));
    assert!(!seen.summary.contains("canary"), "{}", seen.summary);
    assert!(seen.summary.contains("hooks.example.com"), "{}", seen.summary);
    assert!(!format!("{seen:?}").contains("canary"), "{seen:?}");
    assert_eq!(bench.stored().await, before, "reading changes nothing");
}

/// Returns the settings of a server that has every field.
fn newest(vendor: VendorName) -> Value {
    match vendor {
        VendorName::Superoffice => json!({"version": "12.0"}),
        VendorName::Brightpearl | VendorName::Contensis => json!({}),
    }
}

async fn update(bench: Bench) {
    bench.set(newest(bench.column.vendor())).await;
    bench.insert(&foreign(bench.column.vendor(), "one")).await;
    let connection = bench.connected().await;
    let seen = only(&connection).await;
    bench.forget().await;
    let desired = edited(bench.column, "one");
    let updated = connection.update(&seen, &desired).await;
    if bench.column.vendor() == VendorName::Brightpearl {
        assert!(rules(VendorName::Brightpearl).fields.iter().all(|field| field.replaces));
        says(&fails(updated, Class::Rejected), &["replaced"]);
        assert_eq!(bench.total().await, 0, "it was not sent");
        // A replacement: the new one first.
        let made = connection.create(&desired).await.unwrap();
        connection.delete(&seen.id).await.unwrap();
        assert_ne!(made.id, seen.id);
        same(bench.column, &only(&connection).await, &desired);
        return;
    }
    let updated = updated.unwrap();
    assert_eq!(updated.id, seen.id);
    same(bench.column, &updated, &desired);
    same(bench.column, &only(&connection).await, &desired);
    assert_ne!(updated.remote_version, None);
    let stored = bench.stored().await.remove(0);
    let kept = match bench.column.vendor() {
        VendorName::Contensis => vec![("ui", json!(true))],
        _ => vec![("ErrorAssociates", json!([{"Id": 5, "Name": "Kim"}]))],
    };
    for (member, value) in kept {
        assert_eq!(stored[member], value, "{member} is not a manifest's to change");
    }
}

async fn delete(bench: Bench) {
    let connection = bench.connect();
    let desired = document(bench.column, "one");
    let (one, two) = (connection.create(&desired).await.unwrap(), connection.create(&desired).await.unwrap());
    connection.delete(&one.id).await.unwrap();
    assert_eq!(only(&connection).await.id, two.id);
    connection.delete(&one.id).await.unwrap();
    assert_eq!(only(&connection).await.id, two.id);
    connection.delete(&two.id).await.unwrap();
    connection.delete(&two.id).await.unwrap();
    assert!(connection.list().await.unwrap().observed.is_empty());
}

async fn gone(bench: Bench) {
    let connection = bench.connect();
    let made = connection.create(&document(bench.column, "one")).await.unwrap();
    connection.delete(&made.id).await.unwrap();
    let updated = connection.update(&made, &edited(bench.column, "one")).await;
    match bench.column.vendor() {
        VendorName::Brightpearl => drop(fails(updated, Class::Rejected)),
        VendorName::Contensis | VendorName::Superoffice => {
            let error = fails(updated, Class::NotFound);
            assert!(!error.outcome_unknown, "{error:?}");
        }
    }
    assert!(bench.stored().await.is_empty(), "nothing came back");
}

async fn counts(bench: Bench) {
    bench.insert(&foreign(bench.column.vendor(), "zero")).await;
    let connection = bench.connect();
    connection.list().await.unwrap();
    let column = bench.column;
    assert_eq!(bench.count("list").await, 1);
    assert_eq!(bench.count("token").await, column.first_tokens());
    assert_eq!(bench.count("other").await, column.first_others());
    let desired = document(column, "one");
    bench.forget().await;
    let made = connection.create(&desired).await.unwrap();
    assert_eq!((bench.count("create").await, bench.total().await), (1, 1));
    if column.vendor() != VendorName::Brightpearl {
        bench.forget().await;
        connection.update(&made, &edited(column, "one")).await.unwrap();
        assert_eq!((bench.count("update").await, bench.total().await), (1, 1));
    }
    bench.forget().await;
    connection.delete(&made.id).await.unwrap();
    assert_eq!((bench.count("delete").await, bench.total().await), (1, 1));
    for _ in 0..5 {
        bench.forget().await;
        connection.list().await.unwrap();
        assert_eq!((bench.count("list").await, bench.total().await), (1, 1));
    }
}

/// Called if a connection has no such method of its own. Inherent methods come before those of a trait, so that this does not
/// compile any more once a read-only connection can write.
trait HasNoWord {
    fn create(&self, _: &Document) -> NoWord {
        NoWord
    }
    fn update(&self, _: &Observed, _: &Document) -> NoWord {
        NoWord
    }
    fn delete(&self, _: &ExternalId) -> NoWord {
        NoWord
    }
}

impl HasNoWord for Connection<ReadOnly> {}

struct NoWord;

async fn read_only(bench: Bench) {
    bench.insert(&foreign(bench.column.vendor(), "one")).await;
    let connection = bench.open::<ReadOnly>();
    let listed: Result<List, VendorError> = connection.list().await;
    let seen = listed.unwrap().observed.remove(0);
    let desired = edited(bench.column, "one");
    let NoWord = connection.create(&desired);
    let NoWord = connection.update(&seen, &desired);
    let NoWord = connection.delete(&seen.id);
    for write in ["create", "update", "delete"] {
        assert_eq!(bench.count(write).await, 0);
    }
    assert_eq!(bench.stored().await.len(), 1);
}
