//! Subscriptions that the vendor has stopped by itself, and such as its list does not show yet.

use super::*;
use crate::plan::Delivery;
use crate::plan::{Absent, Field, Rule};
use std::collections::BTreeMap;

const RULES: Rules = Rules {
    fields: &[
        Field::content("name"),
        Field::content("state")
            .rule(Rule::EnabledState { enabled: "on", disabled_by_vendor: "broken" })
            .absent(Absent::Text("on")),
        Field::content("secret").rule(Rule::WriteOnly),
    ],
    natural_key: &["name"],
};

fn state(state: &str) -> Document {
    let fields =
        [("name", Value::text("n")), ("state", Value::text(state)), ("secret", secret("", "KEY", "s", ""))];
    RULES.document(BTreeMap::from(fields))
}

/// It is recorded with the id 1, at the remote version `1.0`.
fn made(desired: &str) -> Declared {
    let applied = Some(digest(&state(desired)));
    Declared {
        recorded: Some(id("1")),
        applied,
        remote_version: Some("1.0".into()),
        ..wants("a", 1, state(desired))
    }
}

fn does(webhook: Declared, observed: &str, mark: &str) -> Item {
    let delivery = match observed {
        "broken" => Delivery::DisabledByVendor,
        "on" => Delivery::On,
        _ => Delivery::Off,
    };
    let seen =
        Observed { delivery: Some(delivery), remote_version: Some(mark.into()), ..has("1", state(observed)) };
    plan(&RULES, &[webhook], &[seen], &Elsewhere::default()).items.remove(0)
}

#[test]
fn what_the_vendor_stopped_is_started_when_it_is_time_and_never_else() {
    let report = Policy { drift: DriftPolicy::Report, ..ENFORCE };
    let due = |desired| Declared { hints: Hints { reenable_due: true, ..Hints::default() }, ..made(desired) };
    let cases = [
        ("it is due", due("on"), "broken", "1.0", Action::Update, Cause::DisabledByVendor),
        ("it is not due", made("on"), "broken", "1.0", Action::None, Cause::InSync),
        (
            "disabling it changes the remote version too",
            made("on"),
            "broken",
            "2.0",
            Action::None,
            Cause::InSync,
        ),
        (
            "it is due, and it was saved at the vendor",
            due("on"),
            "broken",
            "2.0",
            Action::Update,
            Cause::DisabledByVendor,
        ),
        ("it is declared to be off, and is", due("off"), "broken", "2.0", Action::None, Cause::InSync),
        ("a person disabled it", due("on"), "off", "1.0", Action::Update, Cause::VendorEdit),
        ("it delivers", due("on"), "on", "1.0", Action::None, Cause::InSync),
        (
            "its Secret changed",
            Declared { hints: Hints { write_only_changed: true, ..Hints::default() }, ..made("on") },
            "broken",
            "1.0",
            Action::Update,
            Cause::SpecChanged,
        ),
        (
            "drift is only reported",
            Declared { policy: report, ..due("on") },
            "broken",
            "1.0",
            Action::Update,
            Cause::DisabledByVendor,
        ),
    ];
    for (reason, webhook, observed, mark, action, cause) in cases {
        let drift = webhook.policy.drift;
        let item = does(webhook, observed, mark);
        assert_eq!((item.action(), item.cause), (action, cause), "{reason}");
        let held = (drift == DriftPolicy::Report).then_some(BlockedReason::DriftReported);
        assert_eq!(item.blocked().cloned(), held, "{reason}");
    }
    let item = does(due("on"), "broken", "1.0");
    let change = &item.changes[0];
    let shown = (change.field.as_str(), change.before.as_deref(), change.after.as_deref());
    assert_eq!(shown, ("state", Some("broken"), Some("on")));
    assert_eq!(item.priority(), Priority::Drift);
}

#[test]
fn one_that_the_vendor_stopped_is_still_adopted() {
    let unanswered = Declared {
        pending_create: Some(PendingCreate { expired: true, ..PendingCreate::default() }),
        ..wants("a", 1, state("on"))
    };
    let seen = Observed { delivery: Some(Delivery::DisabledByVendor), ..has("1", state("broken")) };
    let item = plan(&RULES, &[unanswered], &[seen], &Elsewhere::default()).items.remove(0);
    assert_eq!(item.action(), Action::Adopt, "the vendor's own doing does not make it another one");
}

#[test]
fn what_was_created_just_now_is_neither_created_again_nor_forgotten() {
    let fresh = Declared { hints: Hints { may_lag: true, ..Hints::default() }, ..made("on") };
    let edited = Declared {
        hints: Hints { may_lag: true, ..Hints::default() },
        applied: Some("another".into()),
        ..made("on")
    };
    let wiped = Declared { recorded: None, applied: None, ..fresh.clone() };
    let deleted = Declared { deleting: true, ..fresh.clone() };
    let retained =
        Declared { policy: Policy { deletion: DeletionPolicy::Retain, ..ENFORCE }, ..deleted.clone() };
    let cases = [
        ("it may only not be listed yet", fresh, Action::Create, Some(BlockedReason::NotListedYet)),
        ("edited meanwhile", edited, Action::Create, Some(BlockedReason::NotListedYet)),
        ("its status was wiped meanwhile", wiped, Action::Create, Some(BlockedReason::NotListedYet)),
        ("deleted meanwhile", deleted, Action::Delete, Some(BlockedReason::NotListedYet)),
        ("retained", retained, Action::Retain, None),
        ("it was created long ago", made("on"), Action::Create, None),
    ];
    for (reason, webhook, action, hold) in cases {
        let item = plan(&RULES, &[webhook], &[], &Elsewhere::default()).items.remove(0);
        assert_eq!((item.action(), item.blocked().cloned()), (action, hold), "{reason}");
    }
}
