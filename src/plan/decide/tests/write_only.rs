//! Values that the vendor does not give back.

use super::*;

fn signed() -> Document {
    of(&[("name", Value::text("n")), ("body", Value::text("x")), ("secret", secret("", "KEY", "s3cret", ""))])
}

/// It is recorded with the id 1, at the remote version `1.0`.
fn sent() -> Declared {
    let applied = Some(digest(&signed()));
    Declared {
        recorded: Some(id("1")),
        applied,
        remote_version: Some("1.0".into()),
        ..wants("a", 1, signed())
    }
}

/// What is done when the vendor marks it so; the vendor never shows the secret.
fn does(webhook: Declared, mark: Option<&str>, body: &str) -> Item {
    let seen = Observed { remote_version: mark.map(str::to_owned), ..has("1", document(body)) };
    plan(&IN_PLACE, &[webhook], &[seen], &Elsewhere::default()).items.remove(0)
}

#[test]
fn a_value_that_cannot_be_read_back_is_sent_when_it_may_be_another_one_and_never_else() {
    let report = Policy { drift: DriftPolicy::Report, ..ENFORCE };
    let cases = [
        ("it was not saved at the vendor", sent(), Some("1.0"), Action::None, Cause::InSync),
        (
            "its Secret changed",
            Declared { hints: Hints { write_only_changed: true, ..Hints::default() }, ..sent() },
            Some("1.0"),
            Action::Update,
            Cause::SpecChanged,
        ),
        ("it was saved at the vendor", sent(), Some("2.0"), Action::Update, Cause::VendorEdit),
        (
            "it was saved at the vendor, drift is only reported",
            Declared { policy: report, ..sent() },
            Some("2.0"),
            Action::None,
            Cause::InSync,
        ),
        (
            "its Secret changed, drift is only reported",
            Declared {
                policy: report,
                hints: Hints { write_only_changed: true, ..Hints::default() },
                ..sent()
            },
            Some("2.0"),
            Action::Update,
            Cause::SpecChanged,
        ),
        (
            "no remote version is recorded",
            Declared { remote_version: None, ..sent() },
            Some("2.0"),
            Action::None,
            Cause::InSync,
        ),
    ];
    for (reason, webhook, mark, action, cause) in cases {
        let item = does(webhook, mark, "x");
        assert_eq!((item.action(), item.cause), (action, cause), "{reason}");
        assert!(!format!("{item:?}").contains("s3cret"), "{reason}");
    }
}

#[test]
fn what_is_sent_unseen_is_shown_as_that() {
    let shown =
        |item: Item| -> Vec<_> { item.changes.into_iter().map(|c| (c.field, c.before, c.after)).collect() };
    let line = |field: &str, before: Option<&str>, after: Option<&str>| {
        (field.to_owned(), before.map(str::to_owned), after.map(str::to_owned))
    };
    let rotated = Declared { hints: Hints { write_only_changed: true, ..Hints::default() }, ..sent() };
    assert_eq!(
        shown(does(rotated.clone(), Some("1.0"), "x")),
        [line("secret", None, Some("(secret changed)"))]
    );
    assert_eq!(shown(does(sent(), Some("2.0"), "x")), [line("secret", None, Some("(sent again)"))]);
    // It goes along with any other change, and is no change of its own then.
    assert_eq!(shown(does(sent(), Some("2.0"), "y")), [line("body", Some("y"), Some("x"))]);
    // A secret that is no longer declared is taken away at the vendor too.
    let unsigned = Declared { desired: Desired::Known(document("x")), ..rotated };
    assert_eq!(shown(does(unsigned, Some("1.0"), "x")), [line("secret", Some("(hidden)"), None)]);
}

#[test]
fn what_somebody_else_made_is_sent_what_cannot_be_read_back() {
    let cases = [
        ("an equal one", wants("a", 1, signed()), Action::Update),
        ("a pinned one", Declared { pinned_id: Some(id("1")), ..wants("a", 1, signed()) }, Action::Update),
        ("its own is gone", Declared { recorded: Some(id("7")), ..sent() }, Action::Update),
        ("nothing is declared that cannot be read back", wants("a", 1, document("x")), Action::Adopt),
    ];
    for (reason, webhook, action) in cases {
        let item = does(webhook, Some("1.0"), "x");
        let sends = action == Action::Update;
        let cause = if sends { Cause::NotComparable } else { Cause::Found };
        assert_eq!(
            (item.action(), item.cause, item.id().cloned()),
            (action, cause, Some(id("1"))),
            "{reason}"
        );
        let shown: Vec<_> = item.changes.iter().filter_map(|change| change.after.as_deref()).collect();
        assert_eq!(shown, if sends { vec!["(cannot be compared)"] } else { vec![] }, "{reason}");
    }
}

#[test]
fn what_somebody_else_made_is_trusted_where_the_spec_says_so() {
    let trusting = |webhook| Declared { trusts_write_only: true, ..webhook };
    let named = |body: &str| {
        let desired = of(&[
            ("name", Value::text("n")),
            ("body", Value::text(body)),
            ("secret", secret("", "KEY", "s3cret", "")),
        ]);
        trusting(Declared { pinned_id: Some(id("1")), ..wants("a", 1, desired) })
    };
    let cases = [
        ("an equal one", trusting(wants("a", 1, signed())), Action::Adopt, Cause::Found),
        ("a pinned one", named("x"), Action::Adopt, Cause::Found),
        ("one that differs in what can be read", named("y"), Action::Update, Cause::SpecChanged),
        (
            "its Secret has changed since it was adopted",
            Declared { hints: Hints { write_only_changed: true, ..Hints::default() }, ..trusting(sent()) },
            Action::Update,
            Cause::SpecChanged,
        ),
        ("nothing has changed since", trusting(sent()), Action::None, Cause::InSync),
    ];
    for (reason, webhook, action, cause) in cases {
        let item = does(webhook, Some("1.0"), "x");
        assert_eq!((item.action(), item.cause), (action, cause), "{reason}");
        assert!(item.changes.iter().all(|change| change.field != "secret") || cause == Cause::SpecChanged);
    }
}

#[test]
fn a_difference_that_can_be_seen_is_told_beside_what_cannot_be_compared() {
    let item = does(Declared { pinned_id: Some(id("1")), ..wants("a", 1, signed()) }, Some("1.0"), "y");
    assert_eq!((item.action(), item.cause), (Action::Update, Cause::SpecChanged));
    let fields: Vec<_> = item.changes.iter().map(|change| change.field.as_str()).collect();
    assert_eq!(fields, ["body", "secret"]);
}

#[test]
fn what_a_pending_create_made_is_sent_the_secret_again_if_it_may_have_another() {
    let unanswered = Declared {
        pending_create: Some(PendingCreate { expired: true, ..PendingCreate::default() }),
        ..wants("a", 1, signed())
    };
    let cases = [
        ("it was sent with the same", false, Action::Adopt, Cause::Found),
        ("the spec, the Secret or the process is another since", true, Action::Update, Cause::SpecChanged),
    ];
    for (reason, write_only_changed, action, cause) in cases {
        let item = does(
            Declared { hints: Hints { write_only_changed, ..Hints::default() }, ..unanswered.clone() },
            Some("1.0"),
            "x",
        );
        assert_eq!(
            (item.action(), item.cause, item.id().cloned()),
            (action, cause, Some(id("1"))),
            "{reason}"
        );
    }
}
