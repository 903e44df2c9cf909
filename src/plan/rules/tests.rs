use super::*;
use crate::plan::Absent;
use serde_json::json;

const TOPIC: &[Field] = &[
    Field::content("type"),
    Field::content("event").rule(Rule::Set(&Rule::IgnoreCase)),
    Field::content("owner"),
];

const SWITCH: Rule = Rule::EnabledState { enabled: "on", disabled_by_vendor: "broken" };

#[test]
#[allow(clippy::too_many_lines, reason = "one table")]
fn values_compare_by_their_rule() {
    let headers = Rule::Map { ignore_case: true, value: &Rule::Exact };
    let cases = [
        ("a template is bytes", Rule::Exact, json!("{ }"), json!("{}"), false),
        ("names that ignore case", Rule::IgnoreCase, json!("en-GB"), json!("en-gb"), true),
        ("a set has no order", Rule::Set(&Rule::Exact), json!(["a", "b"]), json!(["b", "a"]), true),
        ("a set has no repetitions", Rule::Set(&Rule::Exact), json!(["a", "a"]), json!(["a"]), true),
        ("another member", Rule::Set(&Rule::Exact), json!(["a", "b"]), json!(["a", "c"]), false),
        ("one more", Rule::Set(&Rule::Exact), json!(["a", "b"]), json!(["a"]), false),
        ("header names", headers, json!({"X-A": "1"}), json!({"x-a": "1"}), true),
        ("a member that is null", headers, json!({"X-A": "1", "X-B": null}), json!({"X-A": "1"}), true),
        ("header values", headers, json!({"X-A": "1"}), json!({"x-a": "2"}), false),
        ("one header less", headers, json!({"X-A": "1", "X-B": "1"}), json!({"x-a": "1"}), false),
        ("numbers by value", Rule::Exact, json!(1), json!(1.0), true),
        ("numbers by value, inside too", Rule::Exact, json!({"n": [1]}), json!({"n": [1.0]}), true),
        (
            "great numbers to the last digit",
            Rule::Exact,
            json!(9_007_199_254_740_993_u64),
            json!(9_007_199_254_740_992_u64),
            false,
        ),
        (
            "the same header twice does not make up for a missing one",
            headers,
            json!({"X-A": "1", "x-a": "1"}),
            json!({"X-A": "1", "X-B": "1"}),
            false,
        ),
        ("a number is no text", Rule::Exact, json!(1), json!("1"), false),
        (
            "a sealed value",
            Rule::SecretValue,
            json!({"value": "a", "secret": true}),
            json!({"value": "***", "secret": true}),
            true,
        ),
        (
            "a seal broken",
            Rule::SecretValue,
            json!({"value": "a", "secret": true}),
            json!({"value": "a"}),
            false,
        ),
        (
            "an open value",
            Rule::SecretValue,
            json!({"value": "a"}),
            json!({"value": "b", "secret": false}),
            false,
        ),
        (
            "an open value, flag left out",
            Rule::SecretValue,
            json!({"value": "a"}),
            json!({"value": "a", "secret": false}),
            true,
        ),
        ("a switch that the vendor has turned", SWITCH, json!("off"), json!("broken"), true),
        ("a switch that a person has turned", SWITCH, json!("off"), json!("on"), false),
        ("never compared", Rule::WriteOnly, json!("a"), json!(null), true),
        (
            "records in a set",
            Rule::Set(&Rule::Record(TOPIC)),
            json!([{"type": "entry", "event": ["A", "b"]}, {"type": "node", "event": ["x"], "owner": ""}]),
            json!([{"type": "node", "event": ["X"], "owner": null}, {"type": "entry", "event": ["b", "a"], "new": 1}]),
            true,
        ),
    ];
    for (reason, rule, a, b, same) in cases {
        let (a, b) = (rule.canonical(a.into()), rule.canonical(b.into()));
        assert_eq!(rule.same(&a, &b), same, "{reason}");
        assert_eq!(rule.same(&b, &a), same, "{reason}, the other way round");
    }
}

#[test]
fn absent_and_empty_mean_the_default() {
    const RULES: Rules = Rules {
        fields: &[
            Field::content("on").absent(Absent::Bool(true)),
            Field::content("note"),
            Field::content("n").absent(Absent::Int(0)),
        ],
        natural_key: &["note"],
    };
    let empty = RULES.document(BTreeMap::new());
    assert_eq!(empty.redacted(), json!({"on": true, "n": 0}));
    let spelled = RULES.document(BTreeMap::from([
        ("on", Value::Null),
        ("note", Value::text("")),
        ("n", Value::int(0)),
    ]));
    assert!(RULES.equal(&empty, &spelled));
    let other = RULES.document(BTreeMap::from([("on", Value::Bool(false)), ("stranger", Value::Bool(true))]));
    assert!(!RULES.equal(&empty, &other));
    assert!(RULES.similar(&empty, &other));
}

#[test]
fn what_vendors_write_in_their_own_way_is_spelled_alike() {
    const RULES: Rules = Rules {
        fields: &[
            Field::address("url"),
            Field::word("events").rule(Rule::Set(&Rule::Exact)),
            Field::content("body"),
            Field::header("headers").rule(Rule::Map { ignore_case: true, value: &Rule::Exact }),
        ],
        natural_key: &["url"],
    };
    let cases = [
        (
            "a host",
            "url",
            json!("https://Hooks.Example.com/In?A=B"),
            json!("https://hooks.example.com/In?A=B"),
            true,
        ),
        ("a scheme", "url", json!("HTTPS://h/"), json!("https://h/"), true),
        ("a last slash", "url", json!("https://h/in/"), json!("https://h/in"), true),
        ("a host without a path", "url", json!("https://H"), json!("https://h/"), true),
        ("a path", "url", json!("https://h/In"), json!("https://h/in"), false),
        ("a query", "url", json!("https://h?A"), json!("https://h?a"), false),
        ("a template's own words", "url", json!("https://{{A}}/"), json!("https://{{a}}/"), false),
        ("the name of a script", "url", json!("Script"), json!("script"), false),
        ("words", "events", json!(["chatSession.message", "a"]), json!(["a", "chatsession.message"]), true),
        ("other words", "events", json!(["a"]), json!(["b"]), false),
        ("a body", "body", json!("A"), json!("a"), false),
        ("the value of a header", "headers", json!({"X": "A"}), json!({"X": "a"}), false),
    ];
    for (reason, field, a, b, alike) in cases {
        let document = |value: Json| RULES.document(BTreeMap::from([(field, value.into())]));
        let (a, b) = (document(a), document(b));
        assert_eq!(RULES.spelled_alike(&a, &b), alike, "{reason}");
        let marks = [&a, &b].map(|one| RULES.fingerprint(one, &Redactor::default()));
        assert_eq!(marks[0] == marks[1], alike, "{reason}");
        assert_eq!(RULES.key_of(&a) == RULES.key_of(&b), alike || field != "url", "{reason}");
    }
}

/// Large sets and maps are not compared each with each: the verdict is the same as of small ones, and comes in time.
#[test]
fn members_without_number_compare_by_the_same_rules() {
    const MANY: usize = 100_000;
    type Spelling = fn(&str) -> String;
    let topic = |n: usize, event: &str| json!({"type": format!("t{n}"), "event": [event, "x"]});
    let texts = |from: usize, case: Spelling| -> Vec<_> {
        (from..from + MANY).map(|n| json!(case(&format!("Event.{n}")))).collect()
    };
    let (same, lower): (Spelling, Spelling) = (str::to_owned, str::to_lowercase);
    let set = Rule::Set(&Rule::IgnoreCase);
    let headers = Rule::Map { ignore_case: true, value: &Rule::Exact };
    let names = |case: Spelling, last: &str| -> Json {
        (0..MANY).map(|n| (case(&format!("X-{n}")), json!(if n == MANY - 1 { last } else { "v" }))).collect()
    };
    let topics = |event: &str| -> Json { (0..MANY / 10).map(|n| topic(n, event)).collect() };
    let reversed = |mut all: Vec<Json>| {
        all.reverse();
        json!(all)
    };
    let twice = || json!([texts(0, same), texts(0, lower)].concat());
    let cases = [
        ("no order, no case", set, json!(texts(0, same)), reversed(texts(0, lower)), true),
        ("another member", set, json!(texts(0, same)), json!(texts(1, same)), false),
        ("repetitions", set, twice(), json!(texts(0, same)), true),
        ("names", headers, names(same, "v"), names(lower, "v"), true),
        ("one value", headers, names(same, "v"), names(lower, "w"), false),
        ("records", Rule::Set(&Rule::Record(TOPIC)), topics("Created"), topics("created"), true),
        ("other records", Rule::Set(&Rule::Record(TOPIC)), topics("created"), topics("changed"), false),
    ];
    let start = std::time::Instant::now();
    for (reason, rule, a, b, same) in cases {
        let [a, b] = [a, b].map(|json| rule.canonical(json.into()));
        assert_eq!(rule.same(&a, &b), same, "{reason}");
    }
    let took = start.elapsed();
    assert!(took < std::time::Duration::from_secs(60), "each was compared with each: {took:?}");
}
