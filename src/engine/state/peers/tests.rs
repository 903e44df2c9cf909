//! Two accounts of one process at the same account at the vendor.

use super::*;
use serde_json::json;

fn account(name: &str) -> VendorAccount {
    serde_json::from_value(json!({
        "apiVersion": "hooktender.dev/v1alpha1", "kind": "VendorAccount",
        "metadata": {"name": name, "namespace": "n"},
        "spec": {"vendor": {"brightpearl": {"datacenter": "euw1", "account": "acme", "credentials":
            {"staffToken": {"appRef": "a", "tokenSecretRef": {"name": "s", "key": "k"}}}}}},
    }))
    .unwrap()
}

fn webhook(name: &str, account: &str, status: &serde_json::Value) -> Arc<Webhook> {
    let object = json!({
        "apiVersion": "hooktender.dev/v1alpha1", "kind": "Webhook",
        "metadata": {"name": name, "namespace": "n", "uid": name, "generation": 1},
        "spec": {"accountRef": {"name": account}, "subscription": {"brightpearl":
            {"subscribeTo": "product", "httpMethod": "GET", "uriTemplate": "https://h"}}},
        "status": status,
    });
    Arc::new(serde_json::from_value(object).unwrap())
}

/// What the accounts `a` and `b` see of one another: the Webhooks of the other one that are in the list.
struct Two {
    there: Arc<Mutex<Vec<Arc<Webhook>>>>,
    a: Peers,
    b: Peers,
}

fn two(all: &[Arc<Webhook>]) -> Two {
    let (registry, there) = (Arc::<Registry>::default(), Arc::new(Mutex::new(all.to_vec())));
    let side = || {
        let there = Arc::clone(&there);
        let others = move |own: &VendorAccount| {
            let others = |webhook: &Arc<Webhook>| webhook.account() != ObjectKey::of(own);
            locked(&there).iter().filter(|webhook| others(webhook)).cloned().collect()
        };
        Peers::new(Arc::clone(&registry), Box::new(others))
    };
    Two { a: side(), b: side(), there }
}

fn ids(all: &[&str]) -> BTreeSet<ExternalId> {
    all.iter().map(|id| ExternalId::new(*id).unwrap()).collect()
}

fn reserve<'a>(
    peers: &'a Peers,
    account: &VendorAccount,
    webhook: &Webhook,
    content: &str,
    all: &[&str],
) -> Result<Reservation<'a>, String> {
    let reserved = peers.reserve(account, webhook, Some(content.to_owned()), ids(all));
    reserved.map_err(|rival| rival.webhook.name)
}

#[test]
fn what_one_account_reserves_the_other_cannot() {
    let (one, other) = (webhook("one", "a", &json!({})), webhook("other", "b", &json!({})));
    let third = webhook("third", "b", &json!({}));
    let Two { a, b, .. } = two(&[Arc::clone(&one), Arc::clone(&other)]);
    let (of_a, of_b) = (account("a"), account("b"));
    let running = reserve(&a, &of_a, &one, "x", &["1"]).ok().unwrap();
    assert_eq!(reserve(&b, &of_b, &other, "x", &[]).err().as_deref(), Some("one"));
    assert_eq!(reserve(&b, &of_b, &other, "y", &["1"]).err().as_deref(), Some("one"));
    assert_eq!(b.waits_for(), [ObjectKey::new("n", "one")].into(), "and waits for it");
    drop(reserve(&b, &of_b, &other, "y", &["2"]).ok().unwrap());
    // Within one account the plan decides.
    drop(reserve(&b, &of_b, &third, "y", &[]).ok().unwrap());
    running.holds(Some("3"));
    drop(running);
    assert!(reserve(&b, &of_b, &other, "x", &[]).is_err(), "done, and not in every list yet");
    assert!(reserve(&b, &of_b, &other, "z", &["3"]).is_err());
}

#[test]
fn a_write_that_was_not_done_and_a_webhook_that_is_gone_keep_nothing() {
    let (one, other) = (webhook("one", "a", &json!({})), webhook("other", "b", &json!({})));
    let Two { a, b, there } = two(&[Arc::clone(&one), Arc::clone(&other)]);
    let (of_a, of_b) = (account("a"), account("b"));
    reserve(&a, &of_a, &one, "x", &["1"]).ok().unwrap().cancel();
    assert!(reserve(&b, &of_b, &other, "x", &[]).is_ok());
    assert!(reserve(&b, &of_b, &other, "z", &["1"]).is_err(), "what it has, it has");
    locked(&there).retain(|webhook| webhook.account().name != "a");
    assert!(reserve(&b, &of_b, &other, "z", &["1"]).is_ok());
}

#[test]
fn reservations_and_deletions_are_forgotten_in_time() {
    clock::test::stop_at(Duration::ZERO);
    let (one, other) = (webhook("one", "a", &json!({})), webhook("other", "b", &json!({})));
    let Two { a, b, .. } = two(&[Arc::clone(&one), Arc::clone(&other)]);
    let (of_a, of_b) = (account("a"), account("b"));
    let running = reserve(&a, &of_a, &one, "x", &[]).ok().unwrap();
    a.deleted(&of_a, &ExternalId::new("9").unwrap());
    let deleted =
        |peers: &Peers, account: &VendorAccount| peers.exchange(account, std::iter::empty()).deleted;
    assert_eq!(deleted(&b, &of_b), [ExternalId::new("9").unwrap()]);
    assert_eq!(deleted(&a, &of_a), [], "its own list knows");
    clock::test::stop_at(Duration::from_secs(400));
    assert!(reserve(&b, &of_b, &other, "x", &[]).is_err(), "it is still running");
    drop(running);
    clock::test::stop_at(Duration::from_secs(800));
    assert_eq!(deleted(&b, &of_b), []);
    assert!(reserve(&b, &of_b, &other, "x", &[]).is_ok());
    clock::test::stop_at(Duration::from_secs(1200));
    for (peers, account) in [(&a, &of_a), (&b, &of_b)] {
        peers.exchange(account, std::iter::empty());
    }
    let left = |(_, ledger): (&ObjectKey, &Ledger)| !ledger.writes.is_empty() || !ledger.deleted.is_empty();
    assert!(!a.registry.lock().values().flatten().any(left), "nothing is kept of what is old");
}

#[test]
fn statuses_and_running_writes_are_claims() {
    let status = json!({
        "externalId": "1", "account": "brightpearl/acme", "superseded": ["2"],
        "pending": {"action": "Create", "since": "2026-01-01T00:00:00Z", "digest": "sha256:p", "beside": ["3"]},
        "lastApplied": {"digest": "sha256:l", "time": "2026-01-01T00:00:00Z"},
    });
    let mut foreign = status.clone();
    foreign["account"] = json!("brightpearl/another");
    let all = [webhook("one", "a", &status), webhook("foreign", "a", &foreign)];
    let Two { a, b, .. } = two(&all);
    let running = reserve(&a, &account("a"), &all[0], "x", &["7"]).ok().unwrap();
    let seen = b.exchange(&account("b"), std::iter::empty());
    let [one, foreign] = &seen.webhooks[..] else { panic!("{seen:?}") };
    assert_eq!(one.rival, Rival { webhook: ObjectKey::new("n", "one"), account: ObjectKey::new("n", "a") });
    let texts = |ids: &[ExternalId]| ids.iter().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!((texts(&one.holds), texts(&one.superseded)), (vec!["7".into(), "1".into()], vec!["2".into()]));
    let pending = one.pending.as_ref().unwrap();
    assert_eq!((pending.fingerprint.as_str(), texts(&pending.preexisting)), ("sha256:p", vec!["3".into()]));
    assert_eq!(
        (one.applied.as_deref(), one.written.as_deref(), one.unanswered),
        (Some("sha256:l"), Some("x"), true)
    );
    assert!(foreign.holds.is_empty() && foreign.pending.is_none(), "its ids belong to another account");
    drop(running);
    a.registry.forget(&ObjectKey::new("n", "a"));
    assert_eq!(b.exchange(&account("b"), std::iter::empty()).webhooks[0].written, None);
}

#[test]
fn what_a_webhook_wants_counts_while_its_account_can_be_worked_on() {
    let all = [webhook("one", "a", &json!({})), webhook("other", "b", &json!({}))];
    let Two { a, b, .. } = two(&all);
    let document = rules(crate::api::VendorName::Brightpearl).document([].into());
    let declared = crate::plan::testing::wants("one", 1, document);
    let wants = |webhook: &Declared, generation| {
        a.exchange(&account("a"), std::iter::once(("one", Some(generation), webhook)));
        b.exchange(&account("b"), std::iter::empty()).webhooks[0].wants.is_some()
    };
    assert!(wants(&declared, 1));
    assert!(!wants(&declared, 2), "it was found for another generation");
    let policy = crate::plan::Policy { mode: Mode::Plan, ..declared.policy };
    assert!(!wants(&Declared { policy, ..declared.clone() }, 1), "it may not write");
    assert!(!wants(&Declared { deleting: true, ..declared.clone() }, 1));
    assert!(wants(&declared, 1));
    a.withdraw(&account("a"));
    assert!(b.exchange(&account("b"), std::iter::empty()).webhooks[0].wants.is_none());
}

#[test]
fn whoever_waits_is_told_of_changes_of_claims() {
    let (one, other) = (webhook("one", "a", &json!({})), webhook("other", "b", &json!({})));
    let Two { a, b, there } = two(&[Arc::clone(&one), Arc::clone(&other)]);
    let _running = reserve(&a, &account("a"), &one, "x", &[]).ok().unwrap();
    assert!(reserve(&b, &account("b"), &other, "x", &[]).is_err());
    assert!(!b.have_moved(&account("b")));
    locked(&there)[0] = webhook("one", "a", &json!({"observedGeneration": 1}));
    assert!(!b.have_moved(&account("b")));
    locked(&there)[0] = webhook("one", "a", &json!({"externalId": "1"}));
    assert!(b.have_moved(&account("b")));
    assert!(b.take_moved(&account("b")));
    assert!(!b.have_moved(&account("b")) && !b.take_moved(&account("b")), "it is told once");
    locked(&there).remove(0);
    assert!(b.have_moved(&account("b")) && b.take_moved(&account("b")));
    assert!(!b.have_moved(&account("b")) && b.waits_for().is_empty());
    assert!(!a.have_moved(&account("a")), "it waits for nobody");
}
