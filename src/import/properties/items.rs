//! Generated items of vendors' lists, with any strings and numbers: for the properties here, and for the sandbox in
//! the scenarios.

use proptest::prelude::*;
use serde_json::{Map, Value, json};

/// Strings that YAML, Kubernetes or variables may interpret.
const ODD: [&str; 48] = [
    "",
    " ",
    "\n",
    "\t",
    "~",
    "null",
    "on",
    "Yes",
    "n",
    "1:30",
    "0x1F",
    "0o7",
    "017",
    "1_000",
    "1e3",
    ".inf",
    "-",
    "- a",
    "a: b",
    "a #b",
    "#",
    "&a",
    "*a",
    "!a",
    "|",
    ">",
    "%",
    "@",
    "`",
    "'",
    "\"",
    "{}",
    "[]",
    "---",
    "...",
    "=",
    "<<",
    "2024-01-01",
    "\u{85}",
    "\u{2028}",
    "\u{feff}",
    "\u{0}",
    "\u{7f}",
    "\u{1f600}",
    "\u{fffe}",
    "a\r\nb\r\n",
    "  a\n b\n\n\n",
    "\n\n a",
];

fn text() -> BoxedStrategy<String> {
    prop_oneof![
        2 => "[a-z]{1,8}",
        2 => prop::sample::select(&ODD[..]).prop_map(str::to_owned),
        2 => "[$()A {}\"':#\n\r\t-]{0,16}",
        1 => "([ -~]{0,12}[\n]{1,3}){1,4}",
        1 => any::<String>(),
        1 => prop::collection::vec(prop::sample::select(&ODD[..]), 2..5).prop_map(|all| all.concat()),
        1 => "([a-z]{1,9} ){20,40}",
    ]
    .boxed()
}

fn number() -> impl Strategy<Value = Value> {
    prop_oneof![
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        (-1000_i32..1000).prop_map(|n| Value::from(f64::from(n) / 8.0)),
        prop::sample::select(
            &["9007199254740993", "1e300", "1e-9", "123456789012345678901234567890", "-0.0"][..]
        )
        .prop_map(|n| serde_json::from_str(n).unwrap()),
    ]
}

fn anything() -> BoxedStrategy<Value> {
    let leaf = prop_oneof![
        6 => text().prop_map(Value::from),
        2 => number(),
        1 => any::<bool>().prop_map(Value::from),
        1 => Just(json!({})),
        1 => Just(json!([])),
    ];
    let nested = leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(text(), inner, 0..4).prop_map(|map| map.into_iter().collect()),
        ]
    });
    prop_oneof![30 => nested, 1 => Just(Value::Null)].boxed()
}

/// An item with some of its members changed: to what such a member may be, or, where the item may be strange, now and then
/// to anything.
fn item(
    base: Value,
    id: &'static str,
    strange: bool,
    members: Vec<(&'static str, BoxedStrategy<Value>)>,
) -> BoxedStrategy<Value> {
    let changed: Vec<_> = members
        .into_iter()
        .map(|(name, value)| {
            let value = prop_oneof![
                12 => value.prop_map(Some),
                12 => Just(None),
                u32::from(strange) => anything().prop_map(Some),
            ];
            value.prop_map(move |value| value.map(|value| (name, value)))
        })
        .collect();
    (changed, 1_i64..30)
        .prop_map(move |(changes, number)| {
            let mut item = base.clone();
            for (name, value) in changes.into_iter().flatten() {
                item[name] = value;
            }
            item[id] = if item[id].is_string() { number.to_string().into() } else { number.into() };
            item
        })
        .boxed()
}

fn some(text: BoxedStrategy<String>) -> BoxedStrategy<Value> {
    text.prop_map(Value::from).boxed()
}

/// An item of its list, based on a documented one.
pub(crate) fn brightpearl(base: Value, strange: bool) -> BoxedStrategy<Value> {
    let uri =
        (prop::sample::select(&["https://", "HTTP://"][..]), text()).prop_map(|(a, b)| format!("{a}{b}"));
    let members = vec![
        ("subscribeTo", some(text())),
        (
            "httpMethod",
            some(prop::sample::select(&["GET", "POST", "PUT", "DELETE"][..]).prop_map(str::to_owned).boxed()),
        ),
        ("uriTemplate", some(uri.boxed())),
        ("bodyTemplate", some(text())),
        ("contentType", some(text())),
        ("idSetAccepted", any::<bool>().prop_map(Value::from).boxed()),
        ("qualityOfService", (0..2).prop_map(Value::from).boxed()),
    ];
    item(base, "id", strange, members)
}

/// An item of its list, based on a documented one.
pub(crate) fn contensis(base: Value, strange: bool) -> BoxedStrategy<Value> {
    let texts = || prop::collection::vec(text(), 0..3).prop_map(Value::from).boxed();
    let topic = item(
        json!({"resourceType": "entry", "event": ["published"]}),
        "owner",
        strange,
        vec![
            ("resourceType", some(text())),
            ("event", texts()),
            ("contentTypeId", texts()),
            ("language", texts()),
            ("dataFormat", some(text())),
        ],
    )
    .prop_map(|mut topic| {
        topic["owner"] = topic["owner"].to_string().into();
        topic
    });
    let header = prop_oneof![
        text().prop_map(|value| json!({"value": value})),
        (text(), any::<bool>()).prop_map(|(value, secret)| json!({"value": value, "secret": secret})),
        Just(json!({"secret": true})),
    ];
    let map = |value: BoxedStrategy<Value>| {
        let name = prop_oneof!["[xX]-[kK]ey", "[A-Z][a-z]{1,5}-[0-9]?", text()];
        prop::collection::btree_map(name, value, 0..4).prop_map(|map| map.into_iter().collect()).boxed()
    };
    let members = vec![
        ("name", some(text())),
        ("description", some(text())),
        ("url", some(text())),
        ("method", some("(GET|post|Put|PATCH|DELETE)".boxed())),
        ("enabled", any::<bool>().prop_map(Value::from).boxed()),
        ("topics", prop::collection::vec(topic, 1..4).prop_map(Value::from).boxed()),
        ("headers", map(header.boxed())),
        ("templates", map(anything())),
    ];
    item(base, "id", strange, members)
}

/// An item of its list, based on a documented one.
pub(crate) fn superoffice(base: Value, strange: bool) -> BoxedStrategy<Value> {
    let map = |value: BoxedStrategy<Value>| {
        prop::collection::btree_map(text(), value, 0..4)
            .prop_map(|map| map.into_iter().collect::<Map<_, _>>().into())
            .boxed()
    };
    let members = vec![
        ("Name", some(text())),
        ("Events", prop::collection::vec(text(), 1..4).prop_map(Value::from).boxed()),
        ("TargetUrl", some(text())),
        ("Secret", some(text())),
        ("State", prop::sample::select(vec![json!("Active"), json!(2), json!("TooManyErrors")]).boxed()),
        ("Type", some(text())),
        ("Headers", map(some(text()))),
        ("Properties", map(anything())),
        ("ErrorsEmail", some(text())),
        ("ErrorEmails", prop::collection::vec(text(), 0..4).prop_map(Value::from).boxed()),
        ("Description", some(text())),
        ("NotifyVia", prop::sample::select(vec![json!("None"), json!("InApp, Email"), json!(1)]).boxed()),
        (
            "NotifyWhen",
            prop::sample::select(vec![json!("Disabling"), json!("FirstFailure"), json!(0)]).boxed(),
        ),
    ];
    item(base, "WebhookId", strange, members)
}
