//! Two Webhooks and one subscription.

use super::*;

#[test]
fn two_webhooks_never_share_one() {
    let by_age = |younger: Declared, older: Declared| vec![younger, older];
    check(vec![
        case(
            "both want the same: the older has it, whatever the order of the list",
            by_age(b("x"), a("x")),
            vec![one("1", "x")],
            vec![Match::Conflict(key("a")), Match::Equal(0, vec![])],
            &["1"],
        ),
        case(
            "created in the same second: the name decides",
            vec![b("x"), wants("a", 2, document("x"))],
            vec![],
            vec![Match::Conflict(key("a")), Match::Nothing],
            &[],
        ),
        case(
            "even with one for each, two that want the same are a conflict",
            vec![a("x"), b("x")],
            vec![one("1", "x"), one("2", "x")],
            vec![Match::Equal(0, ids(&["2"])), Match::Conflict(key("a"))],
            &["1"],
        ),
        case(
            "who has one keeps it, however young; and an edit makes a conflict, not a second one",
            vec![a("x"), recorded("1", b("x"))],
            vec![one("1", "x")],
            vec![Match::Conflict(key("b")), Match::Recorded(0)],
            &["1"],
        ),
        case(
            "both have one and want the same now: the younger waits, and keeps what it has",
            vec![recorded("1", a("x")), recorded("2", b("x"))],
            vec![one("1", "y"), one("2", "x")],
            vec![Match::Recorded(0), Match::Conflict(key("a"))],
            &["1", "2"],
        ),
        case(
            "the same recorded id: the older",
            by_age(recorded("1", b("y")), recorded("1", a("x"))),
            vec![one("1", "x")],
            vec![Match::Conflict(key("a")), Match::Recorded(0)],
            &["1"],
        ),
        case(
            "recorded goes before pinned, however young",
            vec![pinned("1", a("x")), recorded("1", b("y"))],
            vec![one("1", "y")],
            vec![Match::Conflict(key("b")), Match::Recorded(0)],
            &["1"],
        ),
        case(
            "the same pinned id: the older",
            vec![pinned("1", b("y")), pinned("1", a("x"))],
            vec![one("1", "y")],
            vec![Match::Conflict(key("a")), Match::Pinned(0)],
            &["1"],
        ),
        case(
            "a younger one that stalls over its id has nothing, so it does not go before an older one",
            vec![recorded("1", a("x")), recorded("1", wants("c", 3, document("y"))), b("y")],
            vec![one("1", "x")],
            vec![Match::Recorded(0), Match::Conflict(key("b")), Match::Nothing],
            &["1"],
        ),
        case(
            "nor does one that names an id which is not there",
            vec![pinned("7", a("x")), recorded("8", b("x")), wants("c", 0, document("x"))],
            vec![],
            vec![Match::Conflict(key("c")), Match::Conflict(key("c")), Match::Nothing],
            &[],
        ),
        case(
            "a similar one is adopted by the Webhook that it is equal to, so that no person is needed",
            vec![a("x"), b("y")],
            vec![one("1", "y")],
            vec![Match::Nothing, Match::Equal(0, vec![])],
            &["1"],
        ),
        case(
            "only similar ones that stay free are listed",
            vec![a("x"), b("y")],
            vec![one("1", "y"), one("2", "z")],
            vec![Match::Similar(ids(&["2"])), Match::Equal(0, vec![])],
            &["1"],
        ),
    ]);
}
