//! What is held, and that it is shown all the same.

use super::*;

#[test]
#[expect(clippy::too_many_lines, reason = "one table")]
fn what_is_not_safe_or_not_allowed_is_held_and_still_shown() {
    use {Action as A, Cause as C, Priority as L};
    let edit = |action, cause| (action, cause, "nothing", L::Edit);
    check(vec![
        held(
            case("a create may be under way", &IN_PLACE, sent(false, fresh()), &[], edit(A::Create, C::New)),
            BlockedReason::CreatePending,
        ),
        held(
            case(
                "the same for a replacement",
                &REPLACING,
                sent(false, applied("w")),
                &[("1", "w")],
                edit(A::Replace, C::SpecChanged),
            ),
            BlockedReason::CreatePending,
        ),
        held(
            case(
                "an equal one beside it may be a stranger's, and its own still to come",
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
        held(
            case("one looks alike", &IN_PLACE, fresh(), &[("3", "y")], edit(A::Create, C::New)),
            BlockedReason::SimilarExists(ids(&["3"])),
        ),
        held(
            case(
                "the named id is not there",
                &IN_PLACE,
                Declared { pinned_id: Some(id("5")), ..fresh() },
                &[("1", "x")],
                edit(A::None, C::InSync),
            ),
            BlockedReason::ExternalIdNotFound(id("5")),
        ),
        held(
            case(
                "a variable is missing",
                &IN_PLACE,
                Declared { desired: unknown(), ..applied("x") },
                &[("1", "y")],
                edit(A::None, C::InSync),
            ),
            BlockedReason::Unknown { reason: "VariableMissing", message: "TOKEN is missing".into() },
        ),
        held(
            case(
                "its status names an id that cannot be one",
                &IN_PLACE,
                Declared { invalid_id: Some(("ExternalIdInvalid", "no id".into())), ..fresh() },
                &[("1", "x")],
                edit(A::None, C::InSync),
            ),
            BlockedReason::Unknown { reason: "ExternalIdInvalid", message: "no id".into() },
        ),
        held(
            case(
                "the same, and it is being deleted: it is not said to be gone",
                &IN_PLACE,
                Declared { invalid_id: Some(("ExternalIdInvalid", "no id".into())), ..deleting(fresh()) },
                &[("1", "x")],
                edit(A::Delete, C::Deleted),
            ),
            BlockedReason::Unknown { reason: "ExternalIdInvalid", message: "no id".into() },
        ),
        held(
            case(
                "drift is only reported: edited",
                &IN_PLACE,
                under(REPORT, applied("x")),
                &[("1", "w")],
                edit(A::Update, C::VendorEdit),
            ),
            BlockedReason::DriftReported,
        ),
        held(
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
        held(
            case("plan mode: create", &IN_PLACE, under(PLAN, fresh()), &[], edit(A::Create, C::New)),
            BlockedReason::PlanOnly,
        ),
        held(
            case(
                "plan mode: adopt",
                &IN_PLACE,
                under(PLAN, fresh()),
                &[("1", "x")],
                edit(A::Adopt, C::Found),
            ),
            BlockedReason::PlanOnly,
        ),
        held(
            case(
                "plan mode: update",
                &IN_PLACE,
                under(PLAN, applied("x")),
                &[("1", "w")],
                edit(A::Update, C::VendorEdit),
            ),
            BlockedReason::PlanOnly,
        ),
        held(
            case(
                "plan mode: replace",
                &REPLACING,
                under(PLAN, applied("w")),
                &[("1", "w")],
                edit(A::Replace, C::SpecChanged),
            ),
            BlockedReason::PlanOnly,
        ),
        held(
            case(
                "plan mode: delete",
                &IN_PLACE,
                under(PLAN, deleting(applied("x"))),
                &[("1", "x")],
                edit(A::Delete, C::Deleted),
            ),
            BlockedReason::PlanOnly,
        ),
        held(
            case(
                "plan mode: finish",
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
        held(
            case(
                "plan mode: why it stalls is said before that it would not be done",
                &IN_PLACE,
                under(PLAN, fresh()),
                &[("3", "y")],
                edit(A::Create, C::New),
            ),
            BlockedReason::SimilarExists(ids(&["3"])),
        ),
        held(
            case(
                "suspended: nothing is done",
                &IN_PLACE,
                under(SUSPENDED, applied("x")),
                &[("1", "w")],
                edit(A::Update, C::VendorEdit),
            ),
            BlockedReason::Suspended,
        ),
        held(
            case(
                "suspended: not even said to stall",
                &IN_PLACE,
                under(SUSPENDED, fresh()),
                &[("3", "y")],
                edit(A::Create, C::New),
            ),
            BlockedReason::Suspended,
        ),
        held(
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
fn a_held_update_still_says_what_would_change() {
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
