//! What is shown of an effect, and its digest.

use super::*;

#[test]
fn a_digest_tells_effects_apart_and_nothing_else() {
    let base = item(&IN_PLACE, &applied("w"), &[("1", "w")]).digest();
    let left = |superseded| Declared { superseded: ids(superseded), ..applied("x") };
    let remains = &[("1", "x"), ("7", "w"), ("8", "w")];
    let same = [
        ("in plan mode", item(&IN_PLACE, &under(PLAN, applied("w")), &[("1", "w")])),
        ("as drift", item(&IN_PLACE, &applied("x"), &[("1", "w")])),
        ("with an unmanaged one", item(&IN_PLACE, &applied("w"), &[("1", "w"), ("2", "v")])),
    ];
    for (reason, same) in same {
        assert_eq!(same.digest(), base, "{reason}");
    }
    let different = [
        ("another value before", item(&IN_PLACE, &applied("w"), &[("1", "v")])),
        ("another action", item(&REPLACING, &applied("w"), &[("1", "w")])),
        ("another id", item(&IN_PLACE, &Declared { recorded: Some(id("2")), ..applied("w") }, &[("2", "w")])),
        ("another Webhook", item(&IN_PLACE, &Declared { key: key("b"), ..applied("w") }, &[("1", "w")])),
        (
            "another value after",
            item(
                &IN_PLACE,
                &Declared { desired: Desired::Known(document("u")), ..applied("w") },
                &[("1", "w")],
            ),
        ),
        ("one to finish", item(&IN_PLACE, &left(&["7"]), remains)),
        ("two to finish", item(&IN_PLACE, &left(&["7", "8"]), remains)),
        ("one to delete", item(&IN_PLACE, &deleting(left(&[])), remains)),
        ("two to delete", item(&IN_PLACE, &deleting(left(&["7"])), remains)),
        ("two to delete, only planned", item(&IN_PLACE, &under(PLAN, deleting(left(&["8"]))), remains)),
        ("nothing", item(&IN_PLACE, &applied("x"), &[("1", "x")])),
    ];
    let mut seen = HashSet::from([base]);
    for (reason, different) in different {
        assert!(seen.insert(different.digest()), "{reason}");
    }
    let planned = item(&IN_PLACE, &under(PLAN, deleting(left(&["7"]))), remains).digest();
    assert_eq!(
        planned,
        item(&IN_PLACE, &deleting(left(&["7"])), remains).digest(),
        "a deletion, blocked or not"
    );
}

#[test]
fn a_digest_knows_no_secret_but_knows_its_name() {
    let with = |variable, value| {
        let desired = of(&[("name", Value::text("n")), ("body", secret("t=", variable, value, ""))]);
        let declared = digest(&desired);
        (plan(&IN_PLACE, &[wants("a", 1, desired)], &[], &Elsewhere::default()).items[0].digest(), declared)
    };
    assert_eq!(with("TOKEN", "one"), with("TOKEN", "two"));
    let (effect, desired) = with("OTHER", "one");
    assert_ne!(effect, with("TOKEN", "one").0);
    assert_ne!(desired, with("TOKEN", "one").1);
}

#[test]
fn what_is_made_is_shown_without_its_secrets() {
    let desired = of(&[
        ("name", Value::text("n and sesame")),
        ("body", secret("t=", "TOKEN", "sesame", "")),
        ("secret", Value::text("from a ConfigMap")),
        (
            "headers",
            serde_json::json!({"X-Key": {"value": "literal", "secret": true}, "X-Env": {"value": "prod"}})
                .into(),
        ),
    ]);
    let mut redactor = Redactor::default();
    redactor.hide(&"sesame".into(), "$(TOKEN)");
    let webhook = Declared { redactor, ..wants("a", 1, desired) };
    let item = &plan(&IN_PLACE, &[webhook], &[], &Elsewhere::default()).items[0];
    let shown: Vec<_> =
        item.changes.iter().map(|c| (c.field.as_str(), c.after.as_deref().unwrap_or_default())).collect();
    assert_eq!(
        shown,
        [
            ("name", "n and $(TOKEN)"),
            ("body", "t=$(TOKEN)"),
            ("on", "true"),
            ("headers.X-Env", r#"{"value":"prod"}"#),
            ("headers.X-Key", r#"{"secret":true,"value":"(hidden)"}"#),
            ("secret", "(hidden)"),
        ]
    );
    assert!(item.changes.iter().all(|c| c.before.is_none() && !c.replaces));
}
