//! What is done when nothing blocks it.

use super::*;

#[test]
#[expect(clippy::too_many_lines, reason = "one table")]
fn a_subscription_is_made_found_or_changed() {
    use {Action as A, Cause as C, Priority as L};
    check(vec![
        case("not there", &IN_PLACE, new(), &[], (A::Create, C::New, "create x", L::Create)),
        case("as declared", &IN_PLACE, applied("x"), &[("1", "x")], (A::None, C::InSync, "nothing", L::Edit)),
        case(
            "equal, not recorded",
            &IN_PLACE,
            new(),
            &[("1", "x")],
            (A::Adopt, C::Found, "adopt 1", L::Create),
        ),
        case(
            "pinned and equal",
            &IN_PLACE,
            Declared { pinned_id: Some(id("1")), ..new() },
            &[("1", "x")],
            (A::Adopt, C::Found, "adopt 1", L::Create),
        ),
        case(
            "pinned and different: a person asked for it",
            &IN_PLACE,
            Declared { pinned_id: Some(id("1")), ..new() },
            &[("1", "y")],
            (A::Update, C::SpecChanged, "update 1 to x", L::Edit),
        ),
        case(
            "pinned in place of one that is gone: not an edit at the vendor, so not only reported",
            &IN_PLACE,
            under(REPORT, Declared { recorded: Some(id("6")), pinned_id: Some(id("1")), ..applied("x") }),
            &[("1", "y")],
            (A::Update, C::SpecChanged, "update 1 to x", L::Edit),
        ),
        case(
            "the spec was edited",
            &IN_PLACE,
            applied("w"),
            &[("1", "w")],
            (A::Update, C::SpecChanged, "update 1 to x", L::Edit),
        ),
        case(
            "a value from a Secret is another one, though the digest cannot tell",
            &IN_PLACE,
            Declared { hints: Hints { values_changed: true, ..Hints::default() }, ..applied("x") },
            &[("1", "w")],
            (A::Update, C::SpecChanged, "update 1 to x", L::Edit),
        ),
        case(
            "what was applied last is unknown",
            &IN_PLACE,
            Declared { applied: None, ..applied("x") },
            &[("1", "w")],
            (A::Update, C::SpecChanged, "update 1 to x", L::Edit),
        ),
        case(
            "edited at the vendor",
            &IN_PLACE,
            applied("x"),
            &[("1", "w")],
            (A::Update, C::VendorEdit, "update 1 to x", L::Drift),
        ),
        case(
            "the vendor has no update",
            &REPLACING,
            applied("w"),
            &[("1", "w")],
            (A::Replace, C::SpecChanged, "replace 1 by x", L::Edit),
        ),
        case(
            "the vendor has no update, edited there",
            &REPLACING,
            applied("x"),
            &[("1", "w")],
            (A::Replace, C::VendorEdit, "replace 1 by x", L::Drift),
        ),
        case("gone at the vendor", &IN_PLACE, applied("x"), &[], (A::Create, C::Gone, "create x", L::Drift)),
        case(
            "gone, and edited since",
            &IN_PLACE,
            applied("w"),
            &[],
            (A::Create, C::SpecChanged, "create x", L::Create),
        ),
        case(
            "replaced, the old one is left over, once, whatever the status repeats",
            &REPLACING,
            Declared { superseded: ids(&["7", "8", "7", "9"]), ..applied("x") },
            &[("1", "x"), ("7", "w"), ("8", "w")],
            (A::Replace, C::Superseded, "delete superseded 7 8", L::Edit),
        ),
        case(
            "the answer to a replacement was lost",
            &REPLACING,
            sent(true, applied("w")),
            &[("1", "w"), ("2", "x")],
            (A::Replace, C::SpecChanged, "adopt 2 for 1", L::Create),
        ),
        case(
            "the answer to a replacement was lost, and the spec is again as it was before",
            &REPLACING,
            Declared {
                pending_create: sent(true, wants("a", 1, document("w"))).pending_create,
                ..applied("x")
            },
            &[("1", "x"), ("2", "w")],
            (A::Replace, C::Found, "adopt 2 for 1", L::Create),
        ),
        case(
            "what was begun under Correct is finished under Report: it is only recorded",
            &REPLACING,
            under(REPORT, sent(true, applied("x"))),
            &[("1", "w"), ("2", "x")],
            (A::Replace, C::VendorEdit, "adopt 2 for 1", L::Drift),
        ),
        case(
            "superseded by status, but it is the very one that is in use: not deleted",
            &REPLACING,
            Declared { superseded: ids(&["1"]), ..applied("x") },
            &[("1", "x")],
            (A::None, C::InSync, "nothing", L::Edit),
        ),
        case(
            "a create was sent and its time is over: again",
            &IN_PLACE,
            sent(true, new()),
            &[],
            (A::Create, C::New, "create x", L::Create),
        ),
    ]);
}
