//! What pending creates have made.

use super::*;

#[test]
fn a_replacement_whose_answer_was_lost_is_found() {
    let replaced = Match::Replaced { old: 0, new: 1 };
    check(vec![
        case(
            "the new one exists besides the old one",
            vec![sent(recorded("1", a("y")))],
            vec![one("1", "x"), one("2", "y")],
            vec![replaced.clone()],
            &["1", "2"],
        ),
        case(
            "of several the youngest, because an older one was there before",
            vec![sent(recorded("3", a("y")))],
            vec![one("3", "x"), one("9", "y"), one("2", "y")],
            vec![replaced.clone()],
            &["3", "9"],
        ),
        case(
            "the old one was only pinned, not recorded yet",
            vec![sent(pinned("1", a("y")))],
            vec![one("1", "x"), one("2", "y")],
            vec![replaced.clone()],
            &["1", "2"],
        ),
        case(
            "no create is pending: the other one is not its own",
            vec![recorded("1", a("y"))],
            vec![one("1", "x"), one("2", "y")],
            vec![Match::Recorded(0)],
            &["1"],
        ),
        case(
            "the old one is as declared: nothing replaces it",
            vec![sent(recorded("1", a("x")))],
            vec![one("1", "x"), one("2", "x")],
            vec![Match::Recorded(0)],
            &["1"],
        ),
        Case {
            rules: &IN_PLACE,
            ..case(
                "where it can be changed in place, no create was meant to replace it",
                vec![sent(pinned("1", a("y")))],
                vec![one("1", "x"), one("2", "y")],
                vec![Match::Pinned(0)],
                &["1"],
            )
        },
        case(
            "while it is being deleted both are its own",
            vec![deleting(sent_as("y", recorded("1", a("y"))))],
            vec![one("1", "x"), one("2", "y")],
            vec![replaced],
            &["1", "2"],
        ),
    ]);
}

#[test]
fn a_spec_that_moved_on_after_a_pending_create_to_what_is_there_leaves_nothing_behind() {
    let unexpired = |webhook: Declared| {
        let pending_create = webhook.pending_create.map(|create| PendingCreate { expired: false, ..create });
        Declared { pending_create, ..webhook }
    };
    check(vec![
        case(
            "what the create made is deleted",
            vec![sent_as("y", a("x"))],
            vec![one("1", "x"), one("2", "y")],
            vec![Match::Replaced { old: 1, new: 0 }],
            &["1", "2"],
        ),
        case(
            "it came to nothing",
            vec![sent_as("y", a("x"))],
            vec![one("1", "x")],
            vec![Match::Equal(0, vec![])],
            &["1"],
        ),
        case(
            "it may still be done",
            vec![unexpired(sent_as("y", a("x")))],
            vec![one("1", "x")],
            vec![Match::Nothing],
            &[],
        ),
        case(
            "it may still be done, and the spec is the same",
            vec![unexpired(sent_as("x", a("x")))],
            vec![one("1", "x")],
            vec![Match::Equal(0, vec![])],
            &["1"],
        ),
    ]);
}
