//! What the account's namespace and its guests may have of each other.

use super::*;
use crate::api::Mode;
use crate::plan::testing::{ENFORCE, of, secret};
use crate::plan::{Policy, Value};

/// A Webhook of another namespace whose account does not let guests adopt by id.
fn guest(name: &str, created: i64, desired: Document) -> Declared {
    let key = Key { namespace: "guest".into(), name: name.into() };
    Declared { key, guest: true, adopts: false, ..wants(name, created, desired) }
}

fn unexpired(body: &str, webhook: Declared) -> Declared {
    let webhook = sent_as(body, webhook);
    Declared {
        pending_create: webhook.pending_create.map(|create| PendingCreate { expired: false, ..create }),
        ..webhook
    }
}

fn only_looks(webhook: Declared) -> Declared {
    Declared { policy: Policy { mode: Mode::Plan, ..ENFORCE }, ..webhook }
}

fn suspended(webhook: Declared) -> Declared {
    Declared { policy: Policy { suspended: true, ..ENFORCE }, ..webhook }
}

#[test]
fn a_guest_is_told_of_nothing_but_what_equals_its_own() {
    check(vec![
        case(
            "an equal one is adopted, as after its status was lost, and others are not named",
            vec![guest("g", 0, document("x"))],
            vec![one("1", "x"), one("2", "x")],
            vec![Match::Equal(0, vec![])],
            &["1"],
        ),
        case(
            "but not by one that does not write: it could try guesses for nothing",
            vec![Declared { adopts_equal: false, ..guest("g", 0, document("x")) }],
            vec![one("1", "x")],
            vec![Match::Nothing],
            &[],
        ),
        case(
            "a similar one",
            vec![guest("g", 0, document("x"))],
            vec![one("1", "y")],
            vec![Match::Nothing],
            &[],
        ),
        case(
            "what its own pending create made is its own, and others are not named",
            vec![sent_as("x", guest("g", 0, document("x")))],
            vec![one("1", "x"), one("2", "x")],
            vec![Match::Equal(0, vec![])],
            &["1"],
        ),
        case(
            "where the account lets it adopt, all is as for the account's own",
            vec![Declared { adopts: true, ..guest("g", 0, document("x")) }],
            vec![one("1", "x"), one("2", "x")],
            vec![Match::Equal(0, ids(&["2"]))],
            &["1"],
        ),
    ]);
}

#[test]
fn a_guest_is_in_conflict_with_others_only_over_what_holds_no_secret() {
    let with_secret = || of(&[("name", Value::text("n")), ("body", secret("t=", "TOKEN", "s3cret", ""))]);
    let guess = || document("t=s3cret");
    let plain = || wants("a", 1, document("x"));
    check(vec![
        case(
            "a guess of a secret",
            vec![wants("a", 1, with_secret()), guest("g", 0, guess())],
            vec![],
            vec![Match::Nothing, Match::Nothing],
            &[],
        ),
        case(
            "also where the owner has it",
            vec![recorded("1", wants("a", 1, with_secret())), guest("g", 0, guess())],
            vec![one("1", "t=s3cret")],
            vec![Match::Recorded(0), Match::Nothing],
            &["1"],
        ),
        case(
            "one without a secret is created once",
            vec![plain(), guest("g", 0, document("x"))],
            vec![],
            vec![Match::Nothing, Match::Conflict(key("a"))],
            &[],
        ),
    ]);
    let declared = [wants("a", 1, with_secret()), guest("g", 0, document("other"))];
    let similar = find_matches(&REPLACING, &declared, &[], &Elsewhere::default()).similar;
    let names: Vec<_> = similar.iter().map(|(one, other)| (one.name.as_str(), other.name.as_str())).collect();
    assert_eq!(names, [("a", "g")], "only the owner learns that they are similar");
}

#[test]
fn who_has_nothing_and_may_not_write_is_in_nobodys_way() {
    for idle in [only_looks, suspended] {
        check(vec![
            case(
                "the older one that only looks waits for the younger one",
                vec![idle(a("x")), b("x")],
                vec![],
                vec![Match::Conflict(key("b")), Match::Nothing],
                &[],
            ),
            case(
                "nor does it get what another one finds",
                vec![idle(pinned("1", a("y"))), b("x")],
                vec![one("1", "x")],
                vec![Match::Conflict(key("b")), Match::Equal(0, vec![])],
                &["1"],
            ),
            case(
                "what it has it keeps",
                vec![idle(recorded("1", a("x"))), b("x")],
                vec![one("1", "x")],
                vec![Match::Recorded(0), Match::Conflict(key("a"))],
                &["1"],
            ),
        ]);
    }
}

#[test]
fn the_accounts_own_namespace_goes_before_older_guests() {
    let adopting = |created, body| Declared { adopts: true, ..guest("g", created, document(body)) };
    check(vec![
        case(
            "both want the same",
            vec![adopting(0, "x"), a("x")],
            vec![one("1", "x")],
            vec![Match::Conflict(key("a")), Match::Equal(0, vec![])],
            &["1"],
        ),
        case(
            "both name the same",
            vec![pinned("1", adopting(0, "x")), pinned("1", a("y"))],
            vec![one("1", "z")],
            vec![Match::Conflict(key("a")), Match::Pinned(0)],
            &["1"],
        ),
        case(
            "who has it keeps it",
            vec![recorded("1", adopting(0, "x")), a("x")],
            vec![one("1", "x")],
            vec![Match::Recorded(0), Match::Conflict(Key { namespace: "guest".into(), name: "g".into() })],
            &["1"],
        ),
    ]);
}

#[test]
fn what_another_ones_pending_create_may_have_made_cannot_be_pinned() {
    check(vec![
        case(
            "until it has expired, nothing may be pinned",
            vec![unexpired("x", a("x")), pinned("2", b("y"))],
            vec![one("1", "x"), one("2", "z")],
            vec![Match::Equal(0, vec![]), Match::PinnedPending],
            &["1"],
        ),
        case(
            "nor, once it has expired, what it made",
            vec![sent_as("x", a("x")), pinned("1", b("y"))],
            vec![one("1", "x")],
            vec![Match::Equal(0, vec![]), Match::PinnedPending],
            &["1"],
        ),
        case(
            "but anything else",
            vec![sent_as("x", a("x")), pinned("2", b("y"))],
            vec![one("1", "x"), one("2", "z")],
            vec![Match::Equal(0, vec![]), Match::Pinned(1)],
            &["1", "2"],
        ),
        case(
            "one that was there before it was sent",
            vec![
                {
                    let webhook = unexpired("x", a("x"));
                    let pending_create = webhook
                        .pending_create
                        .map(|create| PendingCreate { preexisting: ids(&["2"]), ..create });
                    Declared { pending_create, ..webhook }
                },
                pinned("2", b("y")),
            ],
            vec![one("2", "x")],
            vec![Match::Nothing, Match::Pinned(0)],
            &["2"],
        ),
    ]);
}
