//! Every row of the table in the module's description.

mod conflicts;
mod elsewhere;
mod guests;
mod pending;

use super::*;
use crate::plan::testing::{IN_PLACE, REPLACING, document, has, id, ids, key, unknown, wants};
use crate::plan::{Declared, Document, Observed, PendingCreate};

const SENT: Option<PendingCreate> = Some(PendingCreate {
    expired: true,
    fingerprint: String::new(),
    document: None,
    preexisting: Vec::new(),
});

struct Case {
    reason: &'static str,
    rules: &'static Rules,
    declared: Vec<Declared>,
    observed: Vec<Observed>,
    elsewhere: Elsewhere,
    of: Vec<Match>,
    /// Ids that belong to a Webhook.
    taken: &'static [&'static str],
}

fn a(body: &str) -> Declared {
    wants("a", 1, document(body))
}

fn b(body: &str) -> Declared {
    wants("b", 2, document(body))
}

fn one(external_id: &str, body: &str) -> Observed {
    has(external_id, document(body))
}

fn check(cases: Vec<Case>) {
    for case in cases {
        let found = find_matches(case.rules, &case.declared, &case.observed, &case.elsewhere);
        assert_eq!(found.of, case.of, "{}", case.reason);
        let mut taken: Vec<_> = found.taken.iter().map(|&i| case.observed[i].id.as_str()).collect();
        taken.sort_unstable();
        assert_eq!(taken, case.taken, "taken: {}", case.reason);
    }
}

fn case(
    reason: &'static str,
    declared: Vec<Declared>,
    observed: Vec<Observed>,
    of: Vec<Match>,
    taken: &'static [&'static str],
) -> Case {
    Case { reason, rules: &REPLACING, declared, observed, elsewhere: Elsewhere::default(), of, taken }
}

fn recorded(external_id: &str, webhook: Declared) -> Declared {
    Declared { recorded: Some(id(external_id)), ..webhook }
}

fn pinned(external_id: &str, webhook: Declared) -> Declared {
    Declared { pinned_id: Some(id(external_id)), ..webhook }
}

fn sent(webhook: Declared) -> Declared {
    Declared { pending_create: SENT, ..webhook }
}

/// A create that sent a subscription with this body.
fn sent_as(body: &str, webhook: Declared) -> Declared {
    let sent = REPLACING.fingerprint(&document(body), &webhook.redactor);
    Declared {
        pending_create: Some(PendingCreate { expired: true, fingerprint: sent, ..PendingCreate::default() }),
        ..webhook
    }
}

fn deleting(webhook: Declared) -> Declared {
    Declared { deleting: true, ..webhook }
}

#[test]
fn a_webhook_finds_the_subscription_that_is_its_own() {
    check(vec![
        case("nothing is there", vec![a("x")], vec![], vec![Match::Nothing], &[]),
        case(
            "its recorded id is there, whatever is in it",
            vec![recorded("2", a("x"))],
            vec![one("1", "x"), one("2", "y")],
            vec![Match::Recorded(1)],
            &["2"],
        ),
        case("its recorded id is gone", vec![recorded("2", a("x"))], vec![], vec![Match::Missing], &[]),
        case(
            "its recorded id is gone, and a similar one is no reason to ask a person",
            vec![recorded("2", a("x"))],
            vec![one("1", "y")],
            vec![Match::Missing],
            &[],
        ),
        case(
            "its recorded id is gone, but an equal one is there",
            vec![recorded("2", a("x"))],
            vec![one("1", "x")],
            vec![Match::Equal(0, vec![])],
            &["1"],
        ),
        case(
            "of several equal ones the oldest, by number and not by spelling; the others are duplicates",
            vec![a("x")],
            vec![one("10", "x"), one("9", "x"), one("11", "x")],
            vec![Match::Equal(1, ids(&["10", "11"]))],
            &["9"],
        ),
        case(
            "the time of creation says more about age than the number",
            vec![a("x")],
            vec![
                Observed { created: Some("2024".into()), ..one("1", "x") },
                Observed { created: Some("2023".into()), ..one("2", "x") },
            ],
            vec![Match::Equal(1, ids(&["1"]))],
            &["2"],
        ),
        case(
            "a similar one is for a person to decide",
            vec![a("x")],
            vec![one("1", "y")],
            vec![Match::Similar(ids(&["1"]))],
            &[],
        ),
        case(
            "its own create is pending and may still be committed: it waits for that",
            vec![Declared {
                pending_create: Some(PendingCreate { expired: false, ..PendingCreate::default() }),
                ..a("x")
            }],
            vec![one("1", "y")],
            vec![Match::Nothing],
            &[],
        ),
        case(
            "its own create is pending: a similar one may be its result, in another spelling",
            vec![sent(a("x"))],
            vec![one("1", "y")],
            vec![Match::Similar(ids(&["1"]))],
            &[],
        ),
        case(
            "its own create is pending: the equal one is its result",
            vec![sent(a("x"))],
            vec![one("1", "x")],
            vec![Match::Equal(0, vec![])],
            &["1"],
        ),
        case(
            "its own create is pending: an equal one from before it is not its result",
            vec![{
                let webhook = sent_as("x", a("x"));
                let pending_create =
                    webhook.pending_create.map(|create| PendingCreate { preexisting: ids(&["1"]), ..create });
                Declared { pending_create, ..webhook }
            }],
            vec![one("1", "x"), one("2", "x")],
            vec![Match::Equal(1, vec![])],
            &["2"],
        ),
        case(
            "the list shows one twice, because it shifted between two pages: it is no duplicate of itself",
            vec![a("x")],
            vec![one("1", "x"), one("1", "x")],
            vec![Match::Equal(0, vec![])],
            &["1"],
        ),
    ]);
}

#[test]
fn an_id_in_the_spec_is_taken_at_its_word() {
    check(vec![
        case(
            "it is there",
            vec![pinned("1", a("x"))],
            vec![one("1", "y"), one("2", "x")],
            vec![Match::Pinned(0)],
            &["1"],
        ),
        case(
            "it is not there: never adopt another one",
            vec![pinned("7", a("x"))],
            vec![one("1", "x")],
            vec![Match::PinnedNotFound(id("7"))],
            &[],
        ),
        case(
            "the recorded one comes first",
            vec![pinned("1", recorded("2", a("x")))],
            vec![one("1", "x"), one("2", "x")],
            vec![Match::Recorded(1)],
            &["2"],
        ),
        case(
            "the recorded one is gone: then the pinned one",
            vec![pinned("1", recorded("2", a("x")))],
            vec![one("1", "x")],
            vec![Match::Pinned(0)],
            &["1"],
        ),
        case(
            "a Webhook that is being deleted does not delete one that it never had",
            vec![deleting(pinned("1", a("x")))],
            vec![one("1", "x")],
            vec![Match::Nothing],
            &[],
        ),
        case(
            "its declaration is unknown: the pinned one is its own all the same",
            vec![Declared { desired: unknown(), ..pinned("1", a("x")) }],
            vec![one("1", "x")],
            vec![Match::Pinned(0)],
            &["1"],
        ),
    ]);
}

#[test]
fn what_was_replaced_is_nobodys() {
    let replaced = |webhook: Declared| Declared { superseded: ids(&["1"]), ..recorded("2", webhook) };
    check(vec![
        case(
            "an equal one that waits for its deletion is neither adopted nor unmanaged",
            vec![replaced(a("x")), b("y")],
            vec![one("1", "y"), one("2", "x")],
            vec![Match::Recorded(1), Match::Nothing],
            &["1", "2"],
        ),
        case(
            "nor is it similar",
            vec![replaced(a("x")), b("y")],
            vec![one("1", "z"), one("2", "x")],
            vec![Match::Recorded(1), Match::Nothing],
            &["1", "2"],
        ),
        case(
            "nor can it be pinned: it has the content of its own Webhook, which others may not see",
            vec![replaced(a("x")), pinned("1", b("y"))],
            vec![one("1", "y"), one("2", "x")],
            vec![Match::Recorded(1), Match::Conflict(key("a"))],
            &["1", "2"],
        ),
        case(
            "nor by one that has replaced it as well, whichever is listed first",
            vec![replaced(a("x")), Declared { superseded: ids(&["1"]), ..pinned("1", b("y")) }],
            vec![one("1", "y"), one("2", "x")],
            vec![Match::Recorded(1), Match::Conflict(key("a"))],
            &["1", "2"],
        ),
    ]);
}

#[test]
fn a_webhook_that_goes_takes_along_only_its_own() {
    check(vec![
        case(
            "what it never had stays, though it be equal",
            vec![deleting(a("x"))],
            vec![one("1", "x")],
            vec![Match::Nothing],
            &[],
        ),
        case(
            "a pending create of its own is its own",
            vec![deleting(sent_as("x", a("x")))],
            vec![one("1", "x")],
            vec![Match::Equal(0, vec![])],
            &["1"],
        ),
        case(
            "an equal one is not its own: its create has sent something else",
            vec![deleting(sent_as("y", a("x")))],
            vec![one("1", "x")],
            vec![Match::Nothing],
            &[],
        ),
        case(
            "its create was done besides that one",
            vec![deleting(sent_as("y", a("x")))],
            vec![one("1", "x"), one("2", "y")],
            vec![Match::FromPendingCreate(1)],
            &["2"],
        ),
        case(
            "one that goes does not stop its successor from wanting the same",
            vec![deleting(recorded("1", a("x"))), b("x")],
            vec![one("1", "x")],
            vec![Match::Recorded(0), Match::Nothing],
            &["1"],
        ),
        case(
            "that another one wants the same does not make it forget what it has",
            vec![recorded("1", a("x")), deleting(sent(recorded("2", b("x"))))],
            vec![one("1", "x"), one("2", "y")],
            vec![Match::Recorded(0), Match::Recorded(1)],
            &["1", "2"],
        ),
        case(
            "its own pending create is not adopted by a younger one meanwhile",
            vec![deleting(sent_as("x", a("x"))), b("x")],
            vec![one("1", "x")],
            vec![Match::Equal(0, vec![]), Match::Conflict(key("a"))],
            &["1"],
        ),
        case(
            "what it wants cannot be said, but its id is recorded",
            vec![deleting(recorded("1", Declared { desired: unknown(), ..a("x") }))],
            vec![one("1", "x")],
            vec![Match::Recorded(0)],
            &["1"],
        ),
    ]);
}

/// More than are compared field by field.
#[test]
fn among_many_that_look_alike_each_webhook_finds_its_equal() {
    let observed: Vec<_> = (0..300).map(|n| has(&format!("{n:03}"), document(&format!("b{n}")))).collect();
    let mut declared: Vec<_> =
        (0..150).map(|n| wants(&format!("w{n:03}"), 1, document(&format!("b{}", 2 * n)))).collect();
    declared.push(wants("x-twice", 2, document("b0")));
    declared.push(wants("y-other", 2, document("other")));
    declared.push(recorded("299", wants("z-own", 2, document("edited"))));
    let found = find_matches(&IN_PLACE, &declared, &observed, &Elsewhere::default()).of;
    for (n, claim) in found[..150].iter().enumerate() {
        assert_eq!(*claim, Match::Equal(2 * n, vec![]), "{n}");
    }
    assert_eq!(found[150], Match::Conflict(key("w000")));
    let Match::Similar(similar) = &found[151] else { panic!("{:?}", found[151]) };
    assert!(similar.len() <= MOST_SIMILAR && similar.contains(&id("001")), "{similar:?}");
    assert_eq!(found[152], Match::Recorded(299));
}
