//! Every row of the table in `plan/elsewhere.rs`: Webhooks at two VendorAccount objects of one account at the vendor.

use super::*;
use crate::plan::{Peer, PeerCreate, Redactor, Rival, Wants, digest};

/// The Webhook `other` at another VendorAccount object, created at that time.
fn other(created: i64) -> Peer {
    Peer {
        rival: rival(),
        created,
        guest: false,
        deleting: false,
        holds: Vec::new(),
        superseded: Vec::new(),
        pending: None,
        applied: None,
        written: None,
        unanswered: false,
        wants: None,
    }
}

fn rival() -> Rival {
    Rival { webhook: key("other"), account: key("second-account") }
}

/// It has recorded these ids.
fn holds(all: &[&str], peer: Peer) -> Peer {
    Peer { holds: ids(all), ..peer }
}

fn wants_content(body: &str, peer: Peer) -> Peer {
    Peer { wants: Some(Wants { content: content(body), pinned: None }), ..peer }
}

fn pending(body: &str, preexisting: &[&str], peer: Peer) -> Peer {
    let fingerprint = REPLACING.fingerprint(&document(body), &Redactor::default());
    Peer { pending: Some(PeerCreate { fingerprint, preexisting: ids(preexisting) }), ..peer }
}

fn content(body: &str) -> String {
    REPLACING.content_hash(&document(body))
}

fn beside(peer: Peer, case: Case) -> Case {
    Case { elsewhere: Elsewhere { webhooks: vec![peer], deleted: Vec::new() }, ..case }
}

fn conflict() -> Match {
    Match::ConflictElsewhere(rival())
}

const OLDER: i64 = 0;
const YOUNGER: i64 = 9;

#[test]
fn what_is_held_elsewhere_is_neither_adopted_nor_made_again() {
    check(vec![
        beside(
            holds(&["1"], other(YOUNGER)),
            case(
                "an equal one, however young its holder",
                vec![a("x")],
                vec![one("1", "x")],
                vec![conflict()],
                &[],
            ),
        ),
        beside(
            holds(&["1"], other(OLDER)),
            case(
                "nor with a recorded id that is gone",
                vec![recorded("2", a("x"))],
                vec![one("1", "x")],
                vec![conflict()],
                &[],
            ),
        ),
        beside(
            holds(&["1"], other(OLDER)),
            case(
                "a similar one blocks nothing",
                vec![a("x")],
                vec![one("1", "y")],
                vec![Match::Nothing],
                &[],
            ),
        ),
        beside(
            holds(&["1"], other(OLDER)),
            case(
                "a free similar one is still for a person to decide",
                vec![a("x")],
                vec![one("1", "y"), one("2", "z")],
                vec![Match::Similar(ids(&["2"]))],
                &[],
            ),
        ),
        beside(
            holds(&["1"], other(OLDER)),
            case(
                "an edit to what another one has elsewhere waits, and keeps its own",
                vec![recorded("2", a("x"))],
                vec![one("1", "x"), one("2", "y")],
                vec![conflict()],
                &["2"],
            ),
        ),
        beside(
            Peer { applied: Some(digest(&document("x"))), ..holds(&["1"], other(YOUNGER)) },
            case("it is not in the list yet, or not any more", vec![a("x")], vec![], vec![conflict()], &[]),
        ),
        beside(
            Peer { written: Some(content("x")), ..other(YOUNGER) },
            case("it is being written at this moment", vec![a("x")], vec![], vec![conflict()], &[]),
        ),
        beside(
            Peer { written: Some(content("x")), ..other(YOUNGER) },
            case(
                "it was written, and has another id",
                vec![sent_as("x", a("x"))],
                vec![one("1", "x")],
                vec![Match::Equal(0, vec![])],
                &["1"],
            ),
        ),
        beside(
            Peer { written: Some(content("x")), unanswered: true, ..other(YOUNGER) },
            case(
                "it is shown before it is recorded",
                vec![a("y")],
                vec![one("1", "x")],
                vec![Match::Nothing],
                &[],
            ),
        ),
        beside(
            wants_content("x", other(YOUNGER)),
            case("it is about to be adopted", vec![a("y")], vec![one("1", "x")], vec![Match::Nothing], &[]),
        ),
        beside(
            Peer { superseded: ids(&["1"]), ..other(OLDER) },
            case("it waits for its deletion", vec![a("x")], vec![one("1", "x")], vec![Match::Nothing], &[]),
        ),
    ]);
}

#[test]
fn both_have_recorded_the_same_id() {
    let both = || vec![recorded("1", a("x"))];
    let seen = || vec![one("1", "x")];
    check(vec![
        beside(
            holds(&["1"], other(OLDER)),
            case("the older keeps it", both(), seen(), vec![conflict()], &[]),
        ),
        beside(
            holds(&["1"], other(YOUNGER)),
            case("so this one does", both(), seen(), vec![Match::Recorded(0)], &["1"]),
        ),
        beside(
            holds(&["1"], other(YOUNGER)),
            case(
                "the one that is being deleted leaves it to the other",
                vec![deleting(recorded("1", a("x")))],
                seen(),
                vec![conflict()],
                &[],
            ),
        ),
        beside(
            Peer { deleting: true, ..holds(&["1"], other(OLDER)) },
            case("and is not waited for", both(), seen(), vec![Match::Recorded(0)], &["1"]),
        ),
    ]);
}

#[test]
fn each_has_an_equal_one_and_the_younger_waits() {
    let own = || vec![recorded("2", a("x"))];
    let seen = || vec![one("1", "x"), one("2", "x")];
    check(vec![
        beside(
            holds(&["1"], other(OLDER)),
            case("the older one is elsewhere", own(), seen(), vec![conflict()], &["2"]),
        ),
        beside(
            holds(&["1"], other(YOUNGER)),
            case("the older one is here", own(), seen(), vec![Match::Recorded(1)], &["2"]),
        ),
    ]);
}

#[test]
fn a_pinned_id_that_is_held_elsewhere_stays_there() {
    let pins = |peer| Peer { wants: Some(Wants { content: String::new(), pinned: Some(id("1")) }), ..peer };
    let here = || vec![pinned("1", a("x"))];
    let seen = || vec![one("1", "y")];
    check(vec![
        beside(
            holds(&["1"], other(YOUNGER)),
            case("another one has it, however young", here(), seen(), vec![conflict()], &[]),
        ),
        beside(pins(other(OLDER)), case("pinned by an older one", here(), seen(), vec![conflict()], &[])),
        beside(
            pins(other(YOUNGER)),
            case("pinned by a younger one", here(), seen(), vec![Match::Pinned(0)], &["1"]),
        ),
        beside(
            Peer { superseded: ids(&["1"]), ..other(YOUNGER) },
            case("about to be deleted there", here(), seen(), vec![conflict()], &[]),
        ),
    ]);
}

#[test]
fn what_a_pending_create_elsewhere_made_belongs_there() {
    let mutual = |created| pending("x", &[], other(created));
    check(vec![
        beside(
            pending("x", &[], other(YOUNGER)),
            case("it is in the list", vec![a("x")], vec![one("1", "x")], vec![conflict()], &[]),
        ),
        beside(
            pending("x", &[], other(YOUNGER)),
            case("it may still come", vec![a("x")], vec![], vec![conflict()], &[]),
        ),
        beside(
            pending("x", &[], other(YOUNGER)),
            case(
                "a similar one does not keep it from being created",
                vec![a("y")],
                vec![one("1", "x")],
                vec![Match::Nothing],
                &[],
            ),
        ),
        beside(
            pending("y", &["1"], other(YOUNGER)),
            case(
                "one that existed before is not what it made",
                vec![a("x")],
                vec![one("1", "y")],
                vec![Match::Similar(ids(&["1"]))],
                &[],
            ),
        ),
        beside(
            mutual(YOUNGER),
            case(
                "both were sent: this one is older",
                vec![sent_as("x", a("x"))],
                vec![one("1", "x")],
                vec![Match::Equal(0, vec![])],
                &["1"],
            ),
        ),
        beside(
            mutual(OLDER),
            case(
                "both were sent: that one is older",
                vec![sent_as("x", a("x"))],
                vec![one("1", "x")],
                vec![conflict()],
                &[],
            ),
        ),
        beside(
            mutual(OLDER),
            case(
                "one that is being deleted does not delete what the other may have made",
                vec![deleting(sent_as("x", a("x")))],
                vec![one("1", "x")],
                vec![Match::Nothing],
                &[],
            ),
        ),
    ]);
}

#[test]
fn nobody_holds_it_and_the_older_wins() {
    check(vec![
        beside(
            wants_content("x", other(OLDER)),
            case("the other one", vec![a("x")], vec![], vec![conflict()], &[]),
        ),
        beside(
            wants_content("x", other(YOUNGER)),
            case("this one", vec![a("x")], vec![], vec![Match::Nothing], &[]),
        ),
        beside(
            wants_content("x", holds(&["7"], other(YOUNGER))),
            case(
                "an edit elsewhere goes before a new one",
                vec![a("x")],
                vec![one("7", "y")],
                vec![conflict()],
                &[],
            ),
        ),
        beside(
            wants_content("x", other(OLDER)),
            case(
                "this one has it",
                vec![recorded("1", a("x"))],
                vec![one("1", "x")],
                vec![Match::Recorded(0)],
                &["1"],
            ),
        ),
        beside(
            wants_content("y", other(OLDER)),
            case("they want different ones", vec![a("x")], vec![], vec![Match::Nothing], &[]),
        ),
    ]);
}

#[test]
fn what_was_deleted_elsewhere_is_gone_though_the_list_still_shows_it() {
    let gone = |case: Case| Case { elsewhere: Elsewhere { webhooks: vec![], deleted: ids(&["1"]) }, ..case };
    check(vec![
        gone(case("not adopted", vec![a("x")], vec![one("1", "x")], vec![Match::Nothing], &[])),
        gone(case(
            "not recorded",
            vec![recorded("1", a("x"))],
            vec![one("1", "x")],
            vec![Match::Missing],
            &[],
        )),
    ]);
}

#[test]
fn what_belongs_elsewhere_is_counted_as_such_and_shared_natural_keys_are_told() {
    let peer = Peer { superseded: ids(&["2"]), ..holds(&["1"], other(OLDER)) };
    let elsewhere = Elsewhere { webhooks: vec![peer], deleted: ids(&["3"]) };
    let observed = ["1", "2", "3", "4", "5"].map(|id| one(id, id));
    let declared = [recorded("4", a("4")), b("new"), wants("c", 3, document("newer"))];
    let found = find_matches(&REPLACING, &declared, &observed, &elsewhere);
    assert_eq!(found.elsewhere, [0, 1, 2].into());
    let similar = [("a", "b"), ("b", "a"), ("c", "a")].map(|(one, other)| (key(one), key(other)));
    assert_eq!(found.similar, similar.into());
    let found = find_matches(&REPLACING, &declared[..1], &observed, &elsewhere);
    assert_eq!(found.similar, [(key("a"), key("other"))].into());
    let found = find_matches(&REPLACING, &declared[..1], &observed, &Elsewhere::default());
    assert!(found.similar.is_empty() && found.elsewhere.is_empty());
}
