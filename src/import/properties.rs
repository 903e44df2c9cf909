//! Whatever a vendor shows: a manifest of it declares just that, is read back as it was written, and nothing is lost in
//! silence.

mod items;

use super::tests::seed;
use super::*;
use crate::plan::Rule;
use crate::vendor::testing::observed;
use proptest::prelude::*;
use serde_json::{Value, json};

fn brightpearl() -> BoxedStrategy<Value> {
    let mut base = seed("brightpearl-post-request");
    base["id"] = json!(1);
    items::brightpearl(base, true)
}

fn contensis() -> BoxedStrategy<Value> {
    items::contensis(seed("contensis-create-response"), true)
}

fn superoffice() -> BoxedStrategy<Value> {
    items::superoffice(seed("superoffice-post-response"), true)
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
        taken: &BTreeSet::new(),
    })
}

/// What the vendor's code can read, each id once.
fn readable(vendor: VendorName, items: &[Value]) -> Vec<Observed> {
    let mut ids = BTreeSet::new();
    let all = items.iter().filter_map(|item| observed(vendor, item).ok());
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
        prop_assert!(
            rules.equal(&declared, &seen.document),
            "the manifest declares other values (first) than the vendor returned (second): read them in `describe` of src/vendor/{}/manifest.rs\n{}\n{}",
            vendor,
            declared.redacted(),
            seen.document.redacted()
        );
        let concealed = rules.write_only_values(&declared);
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

/// Returns 200 items of each vendor, always the same, as the vendor's client reads them.
fn made_up() -> [(VendorName, Vec<Observed>); 3] {
    use proptest::strategy::ValueTree;
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let all = [
        (VendorName::Brightpearl, brightpearl()),
        (VendorName::Contensis, contensis()),
        (VendorName::Superoffice, superoffice()),
    ];
    all.map(|(vendor, item)| {
        let items = (0..200).map(|_| item.new_tree(&mut runner).unwrap().current());
        (vendor, items.filter_map(|item| observed(vendor, &item).ok()).collect())
    })
}

/// A property that nearly everything is left out of would prove nothing.
#[test]
fn most_of_what_is_made_up_can_be_imported() {
    for (vendor, items) in made_up() {
        let held: usize =
            items.iter().map(|item| imported(vendor, std::slice::from_ref(item)).webhooks.len()).sum();
        assert!((40..200).contains(&held), "{vendor}: {held} of 200");
    }
}

/// The properties say nothing about a field that always has the same value.
#[test]
fn every_field_of_a_vendor_is_made_up() {
    for (vendor, items) in made_up() {
        let varies =
            |name: &str| items.iter().any(|item| item.document.get(name) != items[0].document.get(name));
        // No list returns a write-only value.
        let compared =
            vendor::rules(vendor).fields.iter().filter(|field| !matches!(field.rule, Rule::WriteOnly));
        let same: Vec<_> = compared.map(|field| field.name).filter(|name| !varies(name)).collect();
        assert!(
            same.is_empty(),
            "{vendor}: no item has a value of {same:?}: read the vendor's member in src/vendor/{vendor}/document.rs, and add it to src/import/properties/items.rs, so that what `describe` makes of it is checked"
        );
    }
}
