//! Whatever the accounts have: every set expands to just what was imported from each account, and nothing is lost in silence.

use super::*;
use crate::api::account::Vendor;
use crate::import::tests::brightpearl;
use crate::set::expand::expand;
use crate::vendor;
use proptest::prelude::*;
use std::sync::Arc;

/// Parts of a text: values of the account, what all have in common, and what only this account has.
#[derive(Clone, Debug)]
enum Piece {
    Name,
    Label,
    Common(String),
    Own,
}

fn text() -> impl Strategy<Value = Vec<Piece>> {
    let piece = prop_oneof![
        3 => Just(Piece::Name),
        3 => Just(Piece::Label),
        4 => "[at$()A/0-9é\n-]{0,6}".prop_map(Piece::Common),
        1 => Just(Piece::Own),
    ];
    prop::collection::vec(piece, 0..6)
}

fn written(pieces: &[Piece], account: &VendorAccount, own: &str) -> String {
    let text = |piece: &Piece| match piece {
        Piece::Name => account.metadata.name.clone().unwrap(),
        Piece::Label => account.metadata.labels.as_ref().unwrap()["tenant"].clone(),
        Piece::Common(text) => text.clone(),
        Piece::Own => own.to_owned(),
    };
    pieces.iter().map(text).collect()
}

/// An item of a vendor's list with three texts, and whether it has a write-only value.
fn item(vendor: VendorName, id: i64, texts: &[String; 3], with_secret: bool) -> Value {
    let [url, name, more] = texts;
    let url = format!("https://{url}");
    match vendor {
        VendorName::Brightpearl => {
            brightpearl(id, json!({"uriTemplate": url, "bodyTemplate": format!("{name}{more}")}))
        }
        VendorName::Contensis => {
            let hidden =
                if with_secret { json!({"secret": true}) } else { json!({"value": format!("v{name}")}) };
            let change = json!({"url": url, "name": format!("n{name}"), "headers": {"X-Key": hidden},
                "templates": {"entry": {"deep": [more]}}});
            contensis(&id.to_string(), change)
        }
        VendorName::Superoffice => superoffice(
            id,
            json!({"TargetUrl": url, "Name": format!("n{name}"), "Properties": {"deep": [more]},
                "Secret": with_secret.then_some("****")}),
        ),
    }
}

/// The account with what a person is to set.
fn annotated(account: &VendorAccount, sets: &[ImportedSet]) -> Arc<VendorAccount> {
    let (mut account, key) = (account.clone(), ObjectKey::of(account));
    for NewAnnotation { name, values, .. } in sets.iter().flat_map(|imported| &imported.annotations) {
        let (_, value) = values.iter().find(|(of, _)| *of == key).unwrap();
        let all = account.metadata.annotations.get_or_insert_default();
        assert_eq!(all.insert(name.clone(), value.clone()), None, "{name} is no new annotation");
    }
    Arc::new(account)
}

fn check(
    vendor: VendorName,
    accounts: &[VendorAccount],
    items: &[Vec<Value>],
) -> Result<usize, TestCaseError> {
    let all: Vec<_> =
        accounts.iter().zip(items).map(|(account, items)| imported_of(vendor, account, items)).collect();
    let merged = merged(accounts, &all);
    let number: usize = all.iter().map(|imported| imported.webhooks.len()).sum();
    let left: usize = merged.left_out.iter().map(|left| left.number).sum();
    prop_assert_eq!(merged.sets.len() * accounts.len() + left, number);
    let annotated: Vec<_> = accounts.iter().map(|account| annotated(account, &merged.sets)).collect();
    let mut seen = BTreeSet::new();
    for imported in &merged.sets {
        for (member, items) in expand(&imported.set, &annotated).into_iter().zip(items) {
            let key = ObjectKey::of(&*member.account);
            let id = &imported.subscriptions[&key];
            prop_assert!(seen.insert((key.clone(), id.clone())), "{} is in two sets", id);
            let at = accounts.iter().position(|account| ObjectKey::of(account) == key).unwrap();
            let of_id = |webhook: &&Webhook| webhook.spec.external_id.as_ref() == Some(id);
            let own = all[at].webhooks.iter().find(of_id).unwrap();
            let declared = member.declared.map_err(|error| TestCaseError::fail(error.message))?;
            let mut webhook = Webhook::new(&member.name, declared.spec);
            webhook.metadata.namespace = Some("shop".into());
            prop_assert_eq!(&webhook.spec.account_ref, &own.spec.account_ref);
            prop_assert_eq!(&webhook.spec.adoption, &own.spec.adoption);
            let document =
                |webhook: &Webhook| crate::engine::declared(webhook, "s3cret").map_err(TestCaseError::fail);
            prop_assert_eq!(document(&webhook)?, document(own)?);
            let observed = list(vendor, items).into_iter().find(|one| one.id.as_str() == id).unwrap();
            prop_assert!(vendor::rules(vendor).equal(&document(&webhook)?, &observed.document));
        }
    }
    let sets: Vec<_> = merged.sets.iter().map(|imported| imported.set.clone()).collect();
    let text = yaml(&sets).map_err(|error| TestCaseError::fail(error.to_string()))?;
    let read: Vec<WebhookSet> = serde_saphyr::from_multiple(&text)
        .map_err(|error| TestCaseError::fail(format!("{error}\n{text}")))?;
    prop_assert_eq!(&read, &sets, "{}", text);
    Ok(sets.len())
}

/// An account at a vendor.
fn vendor_account(vendor: VendorName, name: &str) -> Vendor {
    let key = json!({"name": "s", "key": "k"});
    let spec = match vendor {
        VendorName::Brightpearl => json!({"brightpearl": {"datacenter": "euw1", "account": name,
            "credentials": {"staffToken": {"appRef": "a", "tokenSecretRef": key}}}}),
        VendorName::Contensis => json!({"contensis": {"alias": name, "project": "p",
            "credentials": {"clientCredentials": {"clientIdSecretRef": key, "clientSecretSecretRef": key}}}}),
        VendorName::Superoffice => json!({"superoffice": {"online": {"customerId": name},
            "credentials": {"bearer": {"tokenSecretRef": key}}}}),
    };
    serde_json::from_value(spec).unwrap()
}

/// Texts of up to three subscriptions, and for each whether it has a write-only value.
type Subscriptions = Vec<([Vec<Piece>; 3], bool)>;

fn subscriptions() -> impl Strategy<Value = Subscriptions> {
    prop::collection::vec(([text(), text(), text()], any::<bool>()), 1..4)
}

fn check_pieces(
    vendor: VendorName,
    names: &BTreeSet<String>,
    subscriptions: &Subscriptions,
    lacks: Option<usize>,
) -> Result<usize, TestCaseError> {
    let accounts: Vec<_> = names
        .iter()
        .map(|name| {
            let labels = json!({"plan": "gold", "tenant": format!("{name}{name}")});
            let mut account = account(name, &labels, &json!({}));
            account.spec.vendor = vendor_account(vendor, name);
            account
        })
        .collect();
    let items: Vec<Vec<Value>> = accounts
        .iter()
        .enumerate()
        .map(|(at, account)| {
            let own = format!("own{}", at * 7);
            let all = subscriptions.iter().zip(1..);
            let all = all.map(|((texts, with_secret), id)| {
                let texts = texts.each_ref().map(|pieces| written(pieces, account, &own));
                item(vendor, id, &texts, *with_secret)
            });
            all.skip(usize::from(lacks == Some(at))).collect()
        })
        .collect();
    check(vendor, &accounts, &items)
}

fn vendors() -> impl Strategy<Value = VendorName> {
    prop::sample::select(vec![VendorName::Brightpearl, VendorName::Contensis, VendorName::Superoffice])
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn every_set_expands_to_what_was_imported(
        vendor in vendors(),
        names in prop::collection::btree_set("[at0]{1,3}", 1..5),
        subscriptions in subscriptions(),
        lacks in prop::option::of(0_usize..5),
    ) {
        check_pieces(vendor, &names, &subscriptions, lacks)?;
    }
}

/// A property of which nearly every case makes no set would prove nothing.
#[test]
fn most_of_what_is_made_up_becomes_a_set() {
    use proptest::strategy::ValueTree;
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let names = BTreeSet::from(["a".to_owned(), "t0".to_owned(), "at".to_owned()]);
    let number: usize = (0..100)
        .map(|_| {
            let subscriptions = subscriptions().new_tree(&mut runner).unwrap().current();
            check_pieces(VendorName::Superoffice, &names, &subscriptions, None).unwrap()
        })
        .sum();
    assert!(number >= 50, "{number} sets of 100 cases");
}
