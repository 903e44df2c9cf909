use super::*;
use crate::plan::testing::{IN_PLACE, REPLACING, json, of, secret};
use serde_json::json as j;

/// Path, before, after.
type Shown = (&'static str, Option<&'static str>, Option<&'static str>);

struct Case {
    reason: &'static str,
    field: &'static str,
    had: Value,
    wanted: Value,
    sensitive: &'static [&'static str],
    shown: Vec<Shown>,
}

fn check(cases: Vec<Case>) {
    for case in cases {
        let mut redactor = Redactor::default();
        redactor.hide(&"open sesame".into(), "$(KNOWN)");
        let fields: Vec<String> = case.sensitive.iter().map(|&f| f.into()).collect();
        let redaction =
            Redaction { redactor: &redactor, secrets: &redactor, fields: &fields, host_only: false };
        let (had, wanted) = (of(&[(case.field, case.had)]), of(&[(case.field, case.wanted)]));
        let found = changes(&IN_PLACE, &had, &wanted, redaction);
        let shown: Vec<_> =
            found.iter().map(|c| (c.field.as_str(), c.before.as_deref(), c.after.as_deref())).collect();
        assert_eq!(shown, case.shown, "{}", case.reason);
        assert_eq!(found.is_empty(), IN_PLACE.equal(&had, &wanted), "{}: equal", case.reason);
    }
}

fn case(reason: &'static str, field: &'static str, had: Value, wanted: Value, shown: Vec<Shown>) -> Case {
    Case { reason, field, had, wanted, sensitive: &[], shown }
}

#[test]
fn a_change_names_its_field_and_both_values() {
    let texts = |all: &[&str]| Value::texts(all.iter().copied());
    check(vec![
        case("a text", "body", Value::text("a"), Value::text("b"), vec![("body", Some("a"), Some("b"))]),
        case("nothing there", "body", Value::Null, Value::text("b"), vec![("body", None, Some("b"))]),
        case("nothing wanted", "body", Value::text("a"), Value::text(""), vec![("body", Some("a"), None)]),
        case(
            "structure",
            "body",
            json(j!({"a": [1]})),
            json(j!({"a": [2]})),
            vec![("body", Some(r#"{"a":[1]}"#), Some(r#"{"a":[2]}"#))],
        ),
        case(
            "a default left out",
            "on",
            Value::Bool(false),
            Value::Null,
            vec![("on", Some("false"), Some("true"))],
        ),
        case("a default spelled out", "on", Value::Bool(true), Value::Null, vec![]),
        case("a set in another order", "events", texts(&["a", "b"]), texts(&["b", "a", "b"]), vec![]),
        case(
            "another set",
            "events",
            texts(&["a"]),
            texts(&["a", "b"]),
            vec![("events", Some(r#"["a"]"#), Some(r#"["a","b"]"#))],
        ),
    ]);
}

#[test]
fn headers_are_compared_one_by_one_and_their_names_ignore_case() {
    let open = |value: &str| j!({ "value": value });
    check(vec![
        case("only the case", "headers", json(j!({"X-A": open("1")})), json(j!({"x-a": open("1")})), vec![]),
        case(
            "a value",
            "headers",
            json(j!({"X-A": open("1"), "X-B": open("2")})),
            json(j!({"x-a": open("1"), "x-b": open("3")})),
            vec![("headers.x-b", Some(r#"{"value":"2"}"#), Some(r#"{"value":"3"}"#))],
        ),
        case(
            "one less, one more",
            "headers",
            json(j!({"X-A": open("1")})),
            json(j!({"X-B": open("1")})),
            vec![
                ("headers.X-A", Some(r#"{"value":"1"}"#), None),
                ("headers.X-B", None, Some(r#"{"value":"1"}"#)),
            ],
        ),
        case(
            "no headers at all",
            "headers",
            Value::Null,
            json(j!({"X-A": open("1")})),
            vec![("headers.X-A", None, Some(r#"{"value":"1"}"#))],
        ),
        case(
            "a vendor that has one in two spellings",
            "headers",
            json(j!({"X-A": open("1"), "x-a": open("2")})),
            json(j!({"X-A": open("1")})),
            vec![("headers.x-a", Some(r#"{"value":"2"}"#), None)],
        ),
        case(
            "a vendor that has one in two spellings, and lacks another",
            "headers",
            json(j!({"X-A": open("1"), "x-a": open("1")})),
            json(j!({"X-A": open("1"), "X-B": open("1")})),
            vec![
                ("headers.x-a", Some(r#"{"value":"1"}"#), None),
                ("headers.X-B", None, Some(r#"{"value":"1"}"#)),
            ],
        ),
    ]);
}

#[test]
fn what_cannot_be_read_back_is_neither_compared_nor_shown() {
    let secret_value = |value: &str| j!({ "value": value, "secret": true });
    check(vec![
        case("write-only", "secret", Value::text("a"), Value::text("b"), vec![]),
        case("write-only and absent", "secret", Value::Null, Value::text("b"), vec![]),
        case(
            "sealed",
            "headers",
            json(j!({"K": secret_value("***")})),
            json(j!({"K": secret_value("b")})),
            vec![],
        ),
        case(
            "a new sealed one",
            "headers",
            Value::Null,
            json(j!({"K": secret_value("b")})),
            vec![("headers.K", None, Some(r#"{"secret":true,"value":"(hidden)"}"#))],
        ),
        case(
            "sealed from now on: what it was is likely what is secret now",
            "headers",
            json(j!({"K": {"value": "b"}})),
            json(j!({"K": secret_value("b")})),
            vec![("headers.K", Some("(hidden)"), Some(r#"{"secret":true,"value":"(hidden)"}"#))],
        ),
        case(
            "a seal taken off",
            "headers",
            json(j!({"K": secret_value("b")})),
            json(j!({"K": {"value": "c"}})),
            vec![("headers.K", Some(r#"{"secret":true,"value":"(hidden)"}"#), Some(r#"{"value":"c"}"#))],
        ),
    ]);
}

#[test]
fn a_secret_is_not_shown_old_or_new() {
    let url = || secret("https://h/?t=", "TOKEN", "new token", "&v=1");
    check(vec![
        case(
            "the old secret is masked, what is around it is not",
            "url",
            Value::text("https://h/?t=old token&v=1"),
            url(),
            vec![("url", Some("https://h/?t=(hidden)&v=1"), Some("https://h/?t=$(TOKEN)&v=1"))],
        ),
        case(
            "something else altogether may hold it anywhere",
            "url",
            Value::text("https://x/old token"),
            url(),
            vec![("url", Some("(hidden)"), Some("https://h/?t=$(TOKEN)&v=1"))],
        ),
        case(
            "a text where structure was",
            "url",
            json(j!({"t": "old token"})),
            url(),
            vec![("url", Some("(hidden)"), Some("https://h/?t=$(TOKEN)&v=1"))],
        ),
        case("the same secret is no change", "url", Value::text("https://h/?t=new token&v=1"), url(), vec![]),
        case(
            "a known secret elsewhere",
            "body",
            Value::text("say open sesame"),
            Value::text("say nothing"),
            vec![("body", Some("say $(KNOWN)"), Some("say nothing"))],
        ),
        case(
            "a known secret written out in the manifest",
            "body",
            Value::text("a"),
            Value::text("say open sesame"),
            vec![("body", Some("a"), Some("say $(KNOWN)"))],
        ),
        Case {
            sensitive: &["body"],
            ..case(
                "it held a secret when it was applied",
                "body",
                Value::text("t=old token"),
                Value::text("b"),
                vec![("body", Some("(hidden)"), Some("b"))],
            )
        },
        Case {
            sensitive: &["body.t"],
            ..case(
                "a part of it did",
                "body",
                json(j!({"t": "old token"})),
                Value::Null,
                vec![("body", Some("(hidden)"), None)],
            )
        },
        Case {
            sensitive: &["headers"],
            ..case(
                "the whole did",
                "headers",
                json(j!({"K": {"value": "old token"}})),
                Value::Null,
                vec![("headers.K", Some("(hidden)"), None)],
            )
        },
        Case {
            sensitive: &["headers.X-Key"],
            ..case(
                "the vendor spells it in its own way",
                "headers",
                json(j!({"x-key": {"value": "old token"}})),
                Value::Null,
                vec![("headers.x-key", Some("(hidden)"), None)],
            )
        },
        Case {
            sensitive: &["headers.X"],
            ..case(
                "a longer name is another one",
                "headers",
                json(j!({"X-Key": {"value": "b"}})),
                Value::Null,
                vec![("headers.X-Key", Some(r#"{"value":"b"}"#), None)],
            )
        },
    ]);
}

#[test]
fn a_change_says_whether_it_needs_a_new_subscription() {
    let redactor = Redactor::default();
    let redaction = Redaction { redactor: &redactor, secrets: &redactor, fields: &[], host_only: false };
    let (had, wanted) = (of(&[("body", Value::text("a"))]), of(&[("body", Value::text("b"))]));
    for (rules, replaces) in [(&IN_PLACE, false), (&REPLACING, true)] {
        let found = changes(rules, &had, &wanted, redaction);
        assert_eq!(found.iter().map(|c| c.replaces).collect::<Vec<_>>(), [replaces]);
    }
}
