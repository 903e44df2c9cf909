//! Whatever a vendor shows: a manifest of it declares just that, is read back as it was written, and nothing is lost in
//! silence.

use super::tests::seed;
use super::*;
use crate::vendor::testing::observed;
use proptest::prelude::*;
use serde_json::{Map, Value, json};

/// Strings that YAML, Kubernetes or our own variables may take for something else.
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

/// An item with some of its members changed: mostly to what such a member may be.
fn item(
    base: Value,
    id: &'static str,
    members: Vec<(&'static str, BoxedStrategy<Value>)>,
) -> BoxedStrategy<Value> {
    let changed: Vec<_> = members
        .into_iter()
        .map(|(name, value)| {
            let value =
                prop_oneof![12 => value.prop_map(Some), 12 => Just(None), 1 => anything().prop_map(Some)];
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

fn brightpearl() -> BoxedStrategy<Value> {
    let mut base = seed("brightpearl-post-request");
    base["id"] = json!(1);
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
    item(base, "id", members)
}

fn contensis() -> BoxedStrategy<Value> {
    let texts = || prop::collection::vec(text(), 0..3).prop_map(Value::from).boxed();
    let topic = item(
        json!({"resourceType": "entry", "event": ["published"]}),
        "owner",
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
    item(seed("contensis-create-response"), "id", members)
}

fn superoffice() -> BoxedStrategy<Value> {
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
        ("ErrorEmails", prop::collection::vec(text(), 0..2).prop_map(Value::from).boxed()),
    ];
    item(seed("superoffice-post-response"), "WebhookId", members)
}

fn some_of_one_vendor() -> impl Strategy<Value = (VendorName, Vec<Value>)> {
    let all = [
        (VendorName::Brightpearl, brightpearl()),
        (VendorName::Contensis, contensis()),
        (VendorName::Superoffice, superoffice()),
    ];
    let lists =
        all.map(|(vendor, item)| prop::collection::vec(item, 1..5).prop_map(move |list| (vendor, list)));
    let [a, b, c] = lists;
    prop_oneof![a, b, c]
}

fn imported(vendor: VendorName, observed: &[Observed]) -> Imported {
    let account = ObjectKey::new("shop", "acme");
    import(&Before {
        vendor,
        account: &account,
        namespace: "shop",
        observed,
        managed: &BTreeSet::new(),
        existing: &[],
    })
}

/// What the vendor's code can read, each id once.
fn readable(vendor: VendorName, items: &[Value]) -> Vec<Observed> {
    let mut ids = BTreeSet::new();
    let all = items.iter().filter_map(|item| observed(vendor, item.clone()).ok());
    all.filter(|observed| ids.insert(observed.id.clone())).collect()
}

fn check(vendor: VendorName, items: &[Value]) -> Result<(), TestCaseError> {
    let mut all = readable(vendor, items);
    let found = imported(vendor, &all);
    prop_assert_eq!(found.webhooks.len() + found.left_out.len(), all.len());
    prop_assert!(found.left_out.iter().all(|left| !left.reasons.is_empty()));
    let mut names = BTreeSet::new();
    for webhook in &found.webhooks {
        let name = webhook.metadata.name.clone().unwrap_or_default();
        let label = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        prop_assert!(!name.is_empty() && name.len() <= 63 && name.chars().all(label), "{}", name);
        prop_assert!(!name.starts_with('-') && !name.ends_with('-') && names.insert(name));
        let id = webhook.spec.external_id.as_deref();
        let seen = all.iter().find(|observed| Some(observed.id.as_str()) == id).unwrap();
        let declared = crate::engine::declared(webhook, "s3cret").map_err(TestCaseError::fail)?;
        let rules = vendor::rules(vendor);
        prop_assert!(rules.equal(&declared, &seen.document), "{:#?}\n{:#?}", declared, seen.document);
        let concealed = rules.concealed(&declared);
        prop_assert!(concealed.iter().all(|(_, value)| value.is_secret()), "{:?}", concealed);
        prop_assert_eq!(concealed.len(), webhook.spec.variables.len());
    }
    let text = yaml(&found.webhooks).map_err(|error| TestCaseError::fail(error.to_string()))?;
    let read: Vec<Webhook> = serde_saphyr::from_multiple(&text)
        .map_err(|error| TestCaseError::fail(format!("{error}\n{text}")))?;
    prop_assert_eq!(&read, &found.webhooks, "{}", text);
    all.reverse();
    prop_assert_eq!(yaml(&imported(vendor, &all).webhooks).ok(), Some(text));
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn what_is_imported_declares_just_what_is_there((vendor, items) in some_of_one_vendor()) {
        check(vendor, &items)?;
    }
}

/// A property that nearly everything is left out of would prove nothing.
#[test]
fn most_of_what_is_made_up_can_be_imported() {
    use proptest::strategy::ValueTree;
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    for (vendor, item) in [
        (VendorName::Brightpearl, brightpearl()),
        (VendorName::Contensis, contensis()),
        (VendorName::Superoffice, superoffice()),
    ] {
        let items: Vec<_> = (0..200).map(|_| item.new_tree(&mut runner).unwrap().current()).collect();
        let held = items
            .iter()
            .map(|item| imported(vendor, &readable(vendor, std::slice::from_ref(item))).webhooks.len());
        let held: usize = held.sum();
        assert!((40..200).contains(&held), "{vendor}: {held} of 200");
    }
}
