//! Samples from the vendors' documentation are converted to documents and back without a loss.

use super::transport::{Answer, Operation};
use super::{brightpearl, contensis, superoffice};
use reqwest::StatusCode;
use reqwest::header::HeaderMap;
use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Value, json};

/// Reads a sample of the fake vendors.
fn seed(name: &str) -> Value {
    let path = format!("{}/tests/sandbox/fixtures/seeds/{name}.json", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

fn answer() -> Answer {
    Answer::of(Operation::List, StatusCode::OK, HeaderMap::new(), "")
}

/// Asserts that `whole` has every member of `part`, at every level.
fn assert_holds(whole: &Value, part: &Value, at: &str) {
    match (whole, part) {
        (Value::Object(whole), Value::Object(part)) => {
            for (name, value) in part {
                let has = whole.get(name).unwrap_or_else(|| panic!("{at}.{name} is lost"));
                assert_holds(has, value, &format!("{at}.{name}"));
            }
        }
        _ => assert_eq!(whole, part, "{at}"),
    }
}

/// Returns a sample as an item of a list.
fn raw(sample: &Value) -> Box<RawValue> {
    to_raw_value(sample).unwrap()
}

#[test]
fn brightpearl_samples_survive() {
    let mut samples: Vec<Value> = Vec::new();
    for list in ["brightpearl-get-all", "brightpearl-get-set"] {
        samples.extend(seed(list)["response"].as_array().unwrap().clone());
    }
    assert_eq!(samples.len(), 5);
    let mut request = seed("brightpearl-post-request");
    request["id"] = json!(7);
    samples.push(request);
    for sample in samples {
        let seen = brightpearl::document::observed(&answer(), &raw(&sample)).unwrap();
        let mut again = brightpearl::document::body(&seen.document);
        again["id"] = sample["id"].clone();
        assert_eq!(again, sample);
        assert_eq!(seen.id.as_str(), sample["id"].to_string());
    }
}

#[test]
fn contensis_samples_survive() {
    let sample = seed("contensis-create-response");
    let seen = contensis::document::observed(&answer(), &raw(&sample), Some("en-GB")).unwrap();
    assert_eq!(seen.id.as_str(), "3a7ce8e3-9c9f-4242-be20-35edb29c4a07");
    assert_eq!(seen.created.as_deref(), Some("2020-09-01T08:59:49Z"));
    assert_eq!(seen.document.get("name").redacted(), json!("name"), "the name in the account's language");
    let again = contensis::document::body(&seen.document, Some(&sample), Some("en-GB"));
    let mut expected = sample.clone();
    expected.as_object_mut().unwrap().remove("id");
    // A PUT sends of the version only its number.
    expected["version"] = json!({"versionNo": "1.0"});
    // The value of a secret header comes from the manifest: the mask that the vendor shows is never sent back.
    for name in ["secretHeaderSet", "secretHeaderGet"] {
        expected["headers"][name].as_object_mut().unwrap().remove("value");
    }
    assert_holds(&again, &expected, "body");
    assert_eq!(again["method"], "POST", "the vendor's documented default");
}

#[test]
fn superoffice_samples_survive() {
    for name in ["superoffice-post-request", "superoffice-post-response"] {
        let sample = seed(name);
        let seen = superoffice::document::observed(&answer(), &raw(&sample)).unwrap();
        let again =
            superoffice::document::body(&seen.document, Some(&sample), superoffice::generation(&sample));
        let mut expected = sample.clone();
        expected.as_object_mut().unwrap().remove("_Links");
        // The secret comes from the manifest, and here it has none.
        expected["Secret"] = Value::Null;
        assert_eq!(again, expected, "{name}");
    }
}
