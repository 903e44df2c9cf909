//! kubectl and the API server read imported manifests as they were meant, with any strings and numbers.

use crate::support::{apply, cluster, get};
use hooktender::api::{ObjectKey, VendorName, Webhook};
use hooktender::import::{Before, import, yaml};
use hooktender::plan::{Document, ExternalId, Observed, SecretText, Value};
use hooktender::vendor;
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;

/// Texts that old or new readers of YAML may take for other types.
const ODD: [&str; 49] = [
    " ",
    "\n",
    "\t",
    "~",
    "null",
    "on",
    "Yes",
    "n",
    "1:30",
    "190:20:30",
    "0x1F",
    "0o7",
    "017",
    "0b1",
    "1_000",
    "1e3",
    "+1",
    ".5",
    ".inf",
    "-",
    "- a",
    "a: b",
    "a:",
    "a #b",
    "#",
    "&a",
    "*a",
    "!a",
    "|",
    "%",
    "@",
    "`",
    "'\"",
    "{}",
    "---",
    "=",
    "<<",
    "2024-01-01",
    "a\u{85}b\n",
    "a\u{2028}b\nc",
    "\u{feff}a\nb",
    "\u{0}\u{7f}\u{9f}\n",
    "\u{1f600}\u{fffe}\n\u{fffd}",
    "a\r\nb\r\n",
    "  a\n b \n\n\n",
    "\n\n a\n",
    "a\t\n\tb",
    "$(A) $$(B) ${c} $(",
    "{\"a\": \"it's $(A)\\n\"}",
];

fn document(vendor: VendorName, odd: &str) -> Document {
    let fields: Vec<(&'static str, serde_json::Value)> = match vendor {
        VendorName::Brightpearl => vec![
            ("subscribeTo", json!(odd)),
            ("httpMethod", json!("POST")),
            ("uriTemplate", json!(format!("https://h/{odd}"))),
            ("bodyTemplate", json!(format!("{odd}{{\n  {odd}"))),
            ("contentType", json!(odd)),
        ],
        VendorName::Contensis => vec![
            ("name", json!(odd)),
            ("url", json!(odd)),
            ("topics", json!([{"resourceType": odd, "event": [odd, "x"]}])),
            ("headers", json!({odd: {"value": odd, "secret": false}, "X-Key": {"secret": true}})),
            (
                "templates",
                json!({odd: {odd: [odd, {}, [], "", 7, -0.5, true]}, "a": odd, "": "",
                    "pairs": ODD.map(|other| format!("{odd}{other}")).to_vec(),
                    "names": ODD.map(|other| (format!("{other}{odd}"), 1)).into_iter().collect::<BTreeMap<_, _>>()}),
            ),
        ],
        VendorName::Superoffice => vec![
            ("name", json!(odd)),
            ("events", json!(["sale.sold", odd])),
            ("targetUrl", json!(odd)),
            ("type", json!("crmscript")),
            ("headers", json!({odd: odd})),
            (
                "properties",
                json!({odd: odd, "n": [i64::MIN, i64::MAX, 1.0, 1e-9, 0.1, 1e15, -4.563_593_733_548_76e-42]}),
            ),
        ],
    };
    let fields: BTreeMap<_, Value> = fields.into_iter().map(|(name, json)| (name, json.into())).collect();
    vendor::rules(vendor).document(fields)
}

fn observed(id: usize, document: Document) -> Observed {
    Observed {
        id: ExternalId::new(id.to_string()).unwrap(),
        document,
        summary: String::new(),
        created: None,
        remote_version: None,
        delivery: None,
        raw: None,
    }
}

/// What a Webhook declares, with its variables unresolved.
fn declared(webhook: &Webhook) -> Document {
    let plain = &mut |text: &str, _| Ok::<_, Infallible>(SecretText::plain(text));
    vendor::desired(&webhook.spec.subscription, plain).unwrap()
}

#[test]
fn kubectl_reads_imported_manifests_as_meant() {
    for vendor in [VendorName::Brightpearl, VendorName::Contensis, VendorName::Superoffice] {
        let namespace = cluster().namespace(&format!("imported-{vendor}")).unwrap();
        let account = ObjectKey::new("elsewhere", "account");
        let all = ODD.iter().enumerate().map(|(id, odd)| observed(id, document(vendor, odd)));
        let all: Vec<_> = all.collect();
        let before = Before {
            vendor,
            account: &account,
            namespace: &namespace,
            observed: &all,
            managed: &BTreeSet::new(),
            existing: &[],
            taken: &BTreeSet::new(),
        };
        let imported = import(&before);
        assert!(imported.left_out.is_empty(), "{:?}", imported.left_out);
        let text = yaml(&imported.webhooks).unwrap();
        apply(&namespace, &text).accepted();
        let stored = get(&namespace, "webhooks")["items"].take();
        let stored: Vec<Webhook> = serde_json::from_value(stored).unwrap();
        assert_eq!(stored.len(), ODD.len());
        for webhook in &imported.webhooks {
            let kept = stored.iter().find(|kept| kept.metadata.name == webhook.metadata.name).unwrap();
            let same = vendor::rules(vendor).equal(&declared(kept), &declared(webhook));
            assert!(same, "{:#?}\n{:#?}", kept.spec, webhook.spec);
            assert_eq!(kept.spec.variables, webhook.spec.variables);
            assert_eq!(kept.spec.external_id, webhook.spec.external_id);
        }
    }
}
