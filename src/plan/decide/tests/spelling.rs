//! What a vendor stores in its own spelling.

use super::*;

fn at(url: &str, body: &str) -> Document {
    of(&[("name", Value::text("n")), ("url", Value::text(url)), ("body", Value::text(body))])
}

fn declared() -> Document {
    at("https://Hooks.Example.com/In/", "x")
}

/// It is recorded with the id 1, and the vendor is known to store the address in another spelling.
fn stored() -> Declared {
    let applied = Some(digest(&declared()));
    let hints = Hints { stored_differently: vec!["url"], ..Hints::default() };
    Declared { recorded: Some(id("1")), applied, hints, ..wants("a", 1, declared()) }
}

/// A create of it was sent and not answered.
fn unanswered() -> Declared {
    let sent = IN_PLACE.fingerprint(&declared(), &Redactor::default());
    let pending_create = Some(PendingCreate { expired: true, fingerprint: sent, ..PendingCreate::default() });
    Declared { pending_create, ..wants("a", 1, declared()) }
}

#[test]
fn a_spelling_is_no_difference_and_anything_else_is() {
    let stateless = Declared { stateless: true, ..wants("a", 1, declared()) };
    let named = Declared { pinned_id: Some(id("1")), ..wants("a", 1, declared()) };
    let lower = "https://hooks.example.com/In";
    let other = "https://hooks.example.com/in";
    let cases = [
        ("it is recorded", stored(), lower, "x", (Action::None, Cause::InSync, "nothing")),
        ("it is recorded, whatever it is", stored(), other, "x", (Action::None, Cause::InSync, "nothing")),
        ("another field differs", stored(), lower, "y", (Action::Update, Cause::VendorEdit, "update 1 to x")),
        (
            "nothing is recorded",
            Declared { hints: Hints::default(), ..stored() },
            lower,
            "x",
            (Action::Update, Cause::VendorEdit, "update 1 to x"),
        ),
        ("another one is pinned", named, lower, "x", (Action::Update, Cause::SpecChanged, "update 1 to x")),
        (
            "its own pending create made it",
            unanswered(),
            lower,
            "x",
            (Action::Adopt, Cause::Found, "adopt 1"),
        ),
        ("nothing is kept anywhere", stateless.clone(), lower, "x", (Action::None, Cause::InSync, "nothing")),
        (
            "nothing is kept anywhere, and another field differs",
            stateless,
            lower,
            "y",
            (Action::Update, Cause::Found, "update 1 to x"),
        ),
    ];
    for (reason, webhook, url, body, does) in cases {
        let item =
            plan(&IN_PLACE, &[webhook], &[has("1", at(url, body))], &Elsewhere::default()).items.remove(0);
        assert_eq!((item.action(), item.cause, said(item.step()).as_str()), does, "{reason}");
    }
}

#[test]
fn what_is_only_spelling_is_not_shown_as_a_change() {
    let item = plan(
        &IN_PLACE,
        &[stored()],
        &[has("1", at("https://hooks.example.com/In", "y"))],
        &Elsewhere::default(),
    )
    .items
    .remove(0);
    let fields: Vec<_> = item.changes.iter().map(|change| change.field.as_str()).collect();
    assert_eq!(fields, ["body"]);
}

#[test]
fn what_may_be_its_own_lost_create_is_not_made_again() {
    let similar = |url: &str, body: &str| {
        plan(&IN_PLACE, &[unanswered()], &[has("1", at(url, body))], &Elsewhere::default()).items.remove(0)
    };
    // In a spelling that is not recognised, but with the same name and address.
    let item = similar("https://hooks.example.com/In", "X");
    assert_eq!(
        (item.step().is_none(), item.blocked().cloned()),
        (true, Some(BlockedReason::SimilarExists(ids(&["1"]))))
    );
    let item = similar("https://elsewhere.example.com/In", "x");
    assert_eq!((said(item.step()).as_str(), item.blocked().cloned()), ("create x", None));
}
