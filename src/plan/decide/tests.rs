//! What to do for one Webhook, and for all of an account.

mod actions;
mod blocked;
mod deletions;
mod digests;
mod disabled_by_vendor;
mod spelling;
mod write_only;

use super::*;
use crate::api::Mode;
use crate::api::status::Action;
use crate::api::webhook::{DeletionPolicy, DriftPolicy};
use crate::plan::testing::{
    ENFORCE, IN_PLACE, REPLACING, document, has, id, ids, key, of, secret, unknown, wants,
};
use crate::plan::{Desired, Document, Step, digest};
use crate::plan::{Hints, PendingCreate, Policy, Redactor, Value};

struct Case {
    reason: &'static str,
    rules: &'static Rules,
    webhook: Declared,
    /// Ids and bodies.
    observed: &'static [(&'static str, &'static str)],
    /// Action, cause, step and lane.
    does: (Action, Cause, &'static str, Priority),
    blocked: Option<BlockedReason>,
}

fn check(cases: Vec<Case>) {
    for case in cases {
        let item = item(case.rules, &case.webhook, case.observed);
        let does = (item.action(), item.cause, said(item.step()), item.priority());
        let (action, cause, step, priority) = case.does;
        assert_eq!(does, (action, cause, step.to_owned(), priority), "{}", case.reason);
        assert_eq!(item.blocked(), case.blocked.as_ref(), "{}", case.reason);
    }
}

fn item(rules: &Rules, webhook: &Declared, observed: &[(&str, &str)]) -> Item {
    let observed: Vec<_> = observed.iter().map(|(id, body)| has(id, document(body))).collect();
    let mut plan = plan(rules, std::slice::from_ref(webhook), &observed, &Elsewhere::default());
    assert_eq!(plan.items.len(), 1);
    plan.items.remove(0)
}

/// A step in words, its document by its body.
fn said(step: Option<&Step>) -> String {
    let body = |document: &Document| document.get("body").expose().as_str().unwrap_or("-").to_owned();
    let list = |ids: &[ExternalId]| ids.iter().map(ExternalId::as_str).collect::<Vec<_>>().join(" ");
    match step {
        None => "nothing".into(),
        Some(Step::Create { document }) => format!("create {}", body(document)),
        Some(Step::Adopt { id }) => format!("adopt {id}"),
        Some(Step::AdoptReplacement { id, replaced }) => format!("adopt {id} for {replaced}"),
        Some(Step::Update { id, document }) => format!("update {id} to {}", body(document)),
        Some(Step::Reenable { id, document }) => format!("re-enable {id} with {}", body(document)),
        Some(Step::Replace { id, document }) => format!("replace {id} by {}", body(document)),
        Some(Step::DeleteSuperseded { superseded, .. }) => format!("delete superseded {}", list(superseded)),
        Some(Step::Delete { ids, .. }) => format!("delete {}", list(ids)),
        Some(Step::Retain { .. } | Step::RemoveFinalizer) => "remove the finalizer".into(),
    }
}

fn case(
    reason: &'static str,
    rules: &'static Rules,
    webhook: Declared,
    observed: &'static [(&'static str, &'static str)],
    does: (Action, Cause, &'static str, Priority),
) -> Case {
    Case { reason, rules, webhook, observed, does, blocked: None }
}

fn blocked(case: Case, reason: BlockedReason) -> Case {
    Case { blocked: Some(reason), ..case }
}

fn new() -> Declared {
    wants("a", 1, document("x"))
}

/// Its last applied body is that one, and its recorded id is 1.
fn applied(body: &str) -> Declared {
    Declared { recorded: Some(id("1")), applied: Some(digest(&document(body))), ..new() }
}

fn sent(expired: bool, webhook: Declared) -> Declared {
    let sent = match &webhook.desired {
        Desired::Known(desired) => IN_PLACE.fingerprint(desired, &webhook.redactor),
        Desired::Unknown { .. } => String::new(),
    };
    Declared {
        pending_create: Some(PendingCreate { expired, fingerprint: sent, ..PendingCreate::default() }),
        ..webhook
    }
}

fn deleting(webhook: Declared) -> Declared {
    Declared { deleting: true, ..webhook }
}

fn under(policy: Policy, webhook: Declared) -> Declared {
    Declared { policy, ..webhook }
}

const PLAN: Policy = Policy { mode: Mode::Plan, ..ENFORCE };
const REPORT: Policy = Policy { drift: DriftPolicy::Report, ..ENFORCE };
const RETAIN: Policy = Policy { deletion: DeletionPolicy::Retain, ..ENFORCE };
const RELEASE: Policy = Policy { release: true, ..ENFORCE };
const SUSPENDED: Policy = Policy { suspended: true, ..ENFORCE };

#[test]
fn edits_go_before_creations_and_these_before_drift_and_the_older_first() {
    let webhook = |name, created, recorded: Option<&str>, last: &str| Declared {
        recorded: recorded.map(id),
        applied: Some(digest(&document(last))),
        ..wants(name, created, document(name))
    };
    let declared = [
        webhook("drift", 1, Some("1"), "drift"),
        webhook("new", 2, None, ""),
        webhook("gone", 3, Some("3"), "gone"),
        webhook("edit", 5, Some("4"), "before"),
        deleting(webhook("delete", 4, Some("5"), "delete")),
        webhook("a-twin", 2, None, ""),
    ];
    let observed = ["1", "4", "5"].map(|id| has(id, document("before")));
    let order: Vec<_> = plan(&IN_PLACE, &declared, &observed, &Elsewhere::default())
        .items
        .into_iter()
        .map(|i| (i.key.name, i.index))
        .collect();
    let expected = [("delete", 4), ("edit", 3), ("a-twin", 5), ("new", 1), ("drift", 0), ("gone", 2)];
    assert_eq!(order, expected.map(|(name, index)| (name.to_owned(), index)));
}

#[test]
fn what_needs_no_call_is_sorted_by_name_and_what_needs_one_by_age() {
    let declared =
        ["c", "a", "b"].into_iter().zip(0..).map(|(name, created)| wants(name, created, document(name)));
    let declared: Vec<_> = declared.collect();
    let order = |observed: &[Observed]| -> Vec<_> {
        let plan = plan(&IN_PLACE, &declared, observed, &Elsewhere::default());
        plan.items.into_iter().map(|item| (item.key.name, item.decision.action())).collect()
    };
    let of = |names: [&str; 3], action| names.map(|name| (name.to_owned(), action));
    let there = [has("1", document("a")), has("2", document("b")), has("3", document("c"))];
    assert_eq!(order(&there), of(["a", "b", "c"], Action::Adopt));
    assert_eq!(order(&[]), of(["c", "a", "b"], Action::Create));
}

#[test]
fn what_no_webhook_declares_is_counted_once_and_the_oldest_comes_first() {
    let declared = [
        Declared { superseded: ids(&["2"]), ..applied("x") },
        Declared { recorded: Some(id("3")), desired: unknown(), ..wants("b", 2, document("")) },
        Declared { recorded: Some(id("1")), ..wants("c", 3, document("y")) },
    ];
    let observed = ["10", "9", "2", "3", "1", "9", "8"].map(|one| has(one, document(one)));
    let plan = plan(&REPLACING, &declared, &observed, &Elsewhere::default());
    let unmanaged: Vec<_> = plan.unmanaged.iter().map(|&i| observed[i].id.as_str()).collect();
    assert_eq!(
        unmanaged,
        ["8", "9", "10"],
        "not the replaced one, nor that of a Webhook that lacks a variable"
    );
    assert_eq!(plan.managed, 3);
}

#[test]
fn duplicates_are_reported_and_stay_unmanaged() {
    let observed = ["5", "6"].map(|one| has(one, document("x")));
    let plan = plan(&IN_PLACE, &[new()], &observed, &Elsewhere::default());
    assert_eq!(plan.items[0].duplicates, ids(&["6"]));
    assert_eq!((plan.unmanaged, plan.managed), (vec![1], 1));
}
