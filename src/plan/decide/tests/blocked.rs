//! What is blocked, and that it is shown all the same.

use super::*;

#[test]
#[expect(clippy::too_many_lines, reason = "one table")]
fn what_is_not_safe_or_not_allowed_is_blocked_and_still_shown() {
    use {Action as A, Cause as C, Priority as L};
    let edit = |action, cause| (action, cause, "nothing", L::Edit);
    check(vec![
        blocked(
            case("a create is pending", &IN_PLACE, sent(false, new()), &[], edit(A::Create, C::New)),
            BlockedReason::CreatePending,
        ),
        blocked(
            case(
                "the same for a replacement",
                &REPLACING,
                sent(false, applied("w")),
                &[("1", "w")],
                edit(A::Replace, C::SpecChanged),
            ),
            BlockedReason::CreatePending,
        ),
        blocked(
            case(
                "an equal one may be somebody else's, and its own may still be committed",
                &REPLACING,
                sent(false, applied("w")),
                &[("1", "w"), ("2", "x")],
                edit(A::Replace, C::SpecChanged),
            ),
            BlockedReason::CreatePending,
        ),
        case(
            "but not for an update",
            &IN_PLACE,
            sent(false, applied("w")),
            &[("1", "w")],
            (A::Update, C::SpecChanged, "update 1 to x", L::Edit),
        ),
        blocked(
            case("one is similar", &IN_PLACE, new(), &[("3", "y")], edit(A::Create, C::New)),
            BlockedReason::SimilarExists(ids(&["3"])),
        ),
        blocked(
            case(
                "the pinned id does not exist",
                &IN_PLACE,
                Declared { pinned_id: Some(id("5")), ..new() },
                &[("1", "x")],
                edit(A::None, C::InSync),
            ),
            BlockedReason::ExternalIdNotFound(id("5")),
        ),
        blocked(
            case(
                "a variable is missing",
                &IN_PLACE,
                Declared { desired: unknown(), ..applied("x") },
                &[("1", "y")],
                edit(A::None, C::InSync),
            ),
            BlockedReason::Unknown { reason: "VariableMissing", message: "TOKEN is missing".into() },
        ),
        blocked(
            case(
                "its status has an invalid id",
                &IN_PLACE,
                Declared { invalid_id: Some(("ExternalIdInvalid", "no id".into())), ..new() },
                &[("1", "x")],
                edit(A::None, C::InSync),
            ),
            BlockedReason::Unknown { reason: "ExternalIdInvalid", message: "no id".into() },
        ),
        blocked(
            case(
                "the same, and it is being deleted: its subscription is not taken for gone",
                &IN_PLACE,
                Declared { invalid_id: Some(("ExternalIdInvalid", "no id".into())), ..deleting(new()) },
                &[("1", "x")],
                edit(A::Delete, C::Deleted),
            ),
            BlockedReason::Unknown { reason: "ExternalIdInvalid", message: "no id".into() },
        ),
        blocked(
            case(
                "drift is only reported: edited",
                &IN_PLACE,
                under(REPORT, applied("x")),
                &[("1", "w")],
                edit(A::Update, C::VendorEdit),
            ),
            BlockedReason::DriftReported,
        ),
        blocked(
            case(
                "drift is only reported: gone",
                &IN_PLACE,
                under(REPORT, applied("x")),
                &[],
                edit(A::Create, C::Gone),
            ),
            BlockedReason::DriftReported,
        ),
        case(
            "drift is only reported: an edit of the spec is applied",
            &IN_PLACE,
            under(REPORT, applied("w")),
            &[("1", "v")],
            (A::Update, C::SpecChanged, "update 1 to x", L::Edit),
        ),
        case(
            "drift is only reported: an edit of the spec is applied though it is gone",
            &IN_PLACE,
            under(REPORT, applied("w")),
            &[],
            (A::Create, C::SpecChanged, "create x", L::Create),
        ),
        case(
            "drift is only reported: what was replaced is deleted all the same",
            &REPLACING,
            under(REPORT, Declared { superseded: ids(&["7"]), ..applied("x") }),
            &[("1", "w"), ("7", "v")],
            (A::Replace, C::Superseded, "delete superseded 7", L::Edit),
        ),
        blocked(
            case("plan mode: create", &IN_PLACE, under(PLAN, new()), &[], edit(A::Create, C::New)),
            BlockedReason::PlanOnly,
        ),
        blocked(
            case("plan mode: adopt", &IN_PLACE, under(PLAN, new()), &[("1", "x")], edit(A::Adopt, C::Found)),
            BlockedReason::PlanOnly,
        ),
        blocked(
            case(
                "plan mode: update",
                &IN_PLACE,
                under(PLAN, applied("x")),
                &[("1", "w")],
                edit(A::Update, C::VendorEdit),
            ),
            BlockedReason::PlanOnly,
        ),
        blocked(
            case(
                "plan mode: replace",
                &REPLACING,
                under(PLAN, applied("w")),
                &[("1", "w")],
                edit(A::Replace, C::SpecChanged),
            ),
            BlockedReason::PlanOnly,
        ),
        blocked(
            case(
                "plan mode: delete",
                &IN_PLACE,
                under(PLAN, deleting(applied("x"))),
                &[("1", "x")],
                edit(A::Delete, C::Deleted),
            ),
            BlockedReason::PlanOnly,
        ),
        blocked(
            case(
                "plan mode: delete superseded ones",
                &REPLACING,
                under(PLAN, Declared { superseded: ids(&["7"]), ..applied("x") }),
                &[("1", "x"), ("7", "x")],
                edit(A::Replace, C::Superseded),
            ),
            BlockedReason::PlanOnly,
        ),
        case(
            "plan mode: in sync is in sync",
            &IN_PLACE,
            under(PLAN, applied("x")),
            &[("1", "x")],
            edit(A::None, C::InSync),
        ),
        blocked(
            case(
                "plan mode: a reason to stall goes before plan mode",
                &IN_PLACE,
                under(PLAN, new()),
                &[("3", "y")],
                edit(A::Create, C::New),
            ),
            BlockedReason::SimilarExists(ids(&["3"])),
        ),
        blocked(
            case(
                "suspended: nothing is done",
                &IN_PLACE,
                under(SUSPENDED, applied("x")),
                &[("1", "w")],
                edit(A::Update, C::VendorEdit),
            ),
            BlockedReason::Suspended,
        ),
        blocked(
            case(
                "suspended: no reason to stall is given",
                &IN_PLACE,
                under(SUSPENDED, new()),
                &[("3", "y")],
                edit(A::Create, C::New),
            ),
            BlockedReason::Suspended,
        ),
        blocked(
            case(
                "suspended: in sync",
                &IN_PLACE,
                under(SUSPENDED, applied("x")),
                &[("1", "x")],
                edit(A::None, C::InSync),
            ),
            BlockedReason::Suspended,
        ),
    ]);
}

#[test]
fn a_blocked_update_still_says_what_would_change() {
    for policy in [PLAN, REPORT, SUSPENDED] {
        let item = item(&IN_PLACE, &under(policy, applied("x")), &[("1", "w")]);
        let [change] = item.changes.as_slice() else {
            panic!("one change, not {:?}", item.changes);
        };
        assert_eq!(
            (change.field.as_str(), change.before.as_deref(), change.after.as_deref()),
            ("body", Some("w"), Some("x"))
        );
        assert_eq!(item.id().cloned(), Some(id("1")));
    }
}

#[test]
fn what_a_similar_subscription_differs_in_is_shown_but_to_guests() {
    let similar = |webhook: Declared, observed: &[(&str, &str)]| {
        let item = item(&IN_PLACE, &webhook, observed);
        assert!(matches!(item.blocked(), Some(BlockedReason::SimilarExists(_))), "{item:?}");
        item.changes.into_iter().map(|change| (change.field, change.before, change.after)).collect::<Vec<_>>()
    };
    let differs = |before: &str| vec![("body".to_owned(), Some(before.to_owned()), Some("x".to_owned()))];
    // It may hold a secret of somebody else.
    assert_eq!(similar(new(), &[("3", "y")]), differs("(hidden)"));
    // Without any record, all that exists is the user's own, and only several similar ones are ambiguous.
    let stateless = Declared { stateless: true, ..new() };
    assert_eq!(similar(stateless, &[("3", "y"), ("4", "z")]), differs("y"));
    assert_eq!(similar(Declared { guest: true, adopts: true, ..new() }, &[("3", "y")]), []);
}
