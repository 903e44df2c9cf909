//! Webhooks that are being deleted.

use super::*;

#[test]
#[expect(clippy::too_many_lines, reason = "one table")]
fn a_deleted_webhook_takes_its_subscription_along_unless_told_not_to() {
    use {Action as A, Cause as C, Priority as L};
    let does = |action, step| (action, C::Deleted, step, L::Edit);
    let left = || Declared { superseded: ids(&["7", "9"]), ..applied("x") };
    check(vec![
        case(
            "its own is there",
            &IN_PLACE,
            deleting(applied("x")),
            &[("1", "x")],
            does(A::Delete, "delete 1"),
        ),
        case(
            "its own is there, whatever is in it",
            &IN_PLACE,
            deleting(applied("x")),
            &[("1", "y")],
            does(A::Delete, "delete 1"),
        ),
        case("it had none", &IN_PLACE, deleting(new()), &[("1", "x")], does(A::None, "remove the finalizer")),
        case(
            "it is gone already",
            &IN_PLACE,
            deleting(applied("x")),
            &[],
            does(A::None, "remove the finalizer"),
        ),
        case(
            "what it replaced goes too",
            &REPLACING,
            deleting(left()),
            &[("1", "x"), ("7", "x")],
            does(A::Delete, "delete 1 7"),
        ),
        case(
            "only what it replaced is left",
            &REPLACING,
            deleting(left()),
            &[("7", "x")],
            does(A::Delete, "delete 7"),
        ),
        case(
            "the two of an unfinished replacement, and what was replaced before",
            &REPLACING,
            deleting(sent(true, Declared { applied: None, ..left() })),
            &[("1", "w"), ("2", "x"), ("7", "x")],
            does(A::Delete, "delete 2 1 7"),
        ),
        blocked(
            case(
                "an equal one may be somebody else's, and its own may still be committed",
                &REPLACING,
                deleting(sent(false, applied("w"))),
                &[("1", "w"), ("2", "x")],
                does(A::Delete, "nothing"),
            ),
            BlockedReason::CreatePending,
        ),
        blocked(
            case(
                "a create is pending",
                &IN_PLACE,
                deleting(sent(false, new())),
                &[],
                does(A::Delete, "nothing"),
            ),
            BlockedReason::CreatePending,
        ),
        case(
            "the create came to nothing",
            &IN_PLACE,
            deleting(sent(true, new())),
            &[],
            does(A::None, "remove the finalizer"),
        ),
        case(
            "the create was done",
            &IN_PLACE,
            deleting(sent(true, new())),
            &[("4", "x")],
            does(A::Delete, "delete 4"),
        ),
        case(
            "what it wants cannot be said",
            &IN_PLACE,
            deleting(Declared { desired: unknown(), ..applied("x") }),
            &[("1", "x")],
            does(A::Delete, "delete 1"),
        ),
        case(
            "retained",
            &IN_PLACE,
            under(RETAIN, deleting(applied("x"))),
            &[("1", "x")],
            does(A::Retain, "remove the finalizer"),
        ),
        case(
            "retained, whatever may be under way",
            &IN_PLACE,
            under(RETAIN, deleting(sent(false, new()))),
            &[],
            does(A::Retain, "remove the finalizer"),
        ),
        case(
            "released by annotation",
            &IN_PLACE,
            under(RELEASE, deleting(applied("x"))),
            &[("1", "x")],
            does(A::Retain, "remove the finalizer"),
        ),
        case(
            "released in plan mode",
            &IN_PLACE,
            under(Policy { mode: Mode::Plan, ..RELEASE }, deleting(applied("x"))),
            &[("1", "x")],
            does(A::Retain, "remove the finalizer"),
        ),
        case(
            "nothing to delete in plan mode",
            &IN_PLACE,
            under(PLAN, deleting(new())),
            &[],
            does(A::None, "remove the finalizer"),
        ),
        case(
            "released while suspended: the way out stays open",
            &IN_PLACE,
            under(Policy { suspended: true, ..RELEASE }, deleting(applied("x"))),
            &[],
            does(A::Retain, "remove the finalizer"),
        ),
        blocked(
            case(
                "suspended",
                &IN_PLACE,
                under(SUSPENDED, deleting(applied("x"))),
                &[("1", "x")],
                does(A::Delete, "nothing"),
            ),
            BlockedReason::Suspended,
        ),
        blocked(
            case(
                "suspended, and not in the list, which may never have been read",
                &IN_PLACE,
                under(SUSPENDED, deleting(applied("x"))),
                &[],
                does(A::None, "nothing"),
            ),
            BlockedReason::Suspended,
        ),
        case(
            "drift policy has no say",
            &IN_PLACE,
            under(REPORT, deleting(applied("x"))),
            &[("1", "y")],
            does(A::Delete, "delete 1"),
        ),
        case(
            "the release annotation alone deletes nothing",
            &IN_PLACE,
            under(RELEASE, applied("x")),
            &[("1", "x")],
            (A::None, C::InSync, "nothing", L::Edit),
        ),
    ]);
}

#[test]
fn a_superseded_id_that_another_webhook_has_is_not_deleted() {
    let first = Declared { superseded: ids(&["2"]), ..applied("x") };
    let second = Declared { recorded: Some(id("2")), ..wants("b", 2, document("y")) };
    let observed = [has("1", document("x")), has("2", document("y"))];
    for first in [first.clone(), deleting(first)] {
        let plan = plan(&REPLACING, &[first, second.clone()], &observed, &Elsewhere::default());
        for item in &plan.items {
            let step = said(item.step());
            assert!(!step.contains('2'), "{}: {step}", item.key);
        }
    }
}
