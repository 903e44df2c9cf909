//! Label selectors as kubectl takes them: `plan=gold,ring in (canary,rest),!paused`.

use crate::api::shorten;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use kube::core::{Expression, Selector};
use std::collections::{BTreeMap, BTreeSet};

/// How many characters of an invalid part an error repeats.
const LONGEST_SHOWN: usize = 80;
/// Maximum length of a value, and of the name in a key.
const LONGEST_NAME: usize = 63;
/// Maximum length of the prefix of a key.
const LONGEST_PREFIX: usize = 253;

/// Parses a label selector, which must not be empty.
pub(super) fn label_selector(text: &str) -> Result<LabelSelector, String> {
    let expressions: Vec<_> = requirements(text).into_iter().map(requirement).collect::<Result<_, _>>()?;
    let mut equal: BTreeMap<&String, &String> = BTreeMap::new();
    for expression in &expressions {
        if let Expression::Equal(key, value) = expression
            && equal.insert(key, value).is_some_and(|other| other != value)
        {
            return Err(format!("the label {key} cannot have two values: write {key} in (A,B)"));
        }
    }
    Ok(expressions.into_iter().collect::<Selector>().into())
}

/// Splits a selector at its commas that are not in parentheses.
fn requirements(text: &str) -> Vec<&str> {
    let mut depth = 0_usize;
    text.split(|c| {
        match c {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            _ => {}
        }
        c == ',' && depth == 0
    })
    .map(str::trim)
    .collect()
}

fn requirement(text: &str) -> Result<Expression, String> {
    let invalid = || {
        format!(
            "{:?} is no label selector: write KEY=VALUE, KEY!=VALUE, KEY, !KEY, KEY in (A,B) or KEY notin (A,B)",
            shorten::to_chars(text, LONGEST_SHOWN)
        )
    };
    let key = |text: &str| Some(text.trim()).filter(|key| is_key(key)).map(str::to_owned);
    let value = |text: &str| Some(text.trim()).filter(|value| is_value(value)).map(str::to_owned);
    let found = if let Some((name, values)) = text.split_once('(') {
        let values = values.strip_suffix(')').map(|values| values.split(',').map(value));
        let values: Option<BTreeSet<_>> = values.and_then(Iterator::collect);
        let words: Vec<_> = name.split_whitespace().collect();
        match (&words[..], values) {
            ([name, "in"], Some(values)) => key(name).map(|key| Expression::In(key, values)),
            ([name, "notin"], Some(values)) => key(name).map(|key| Expression::NotIn(key, values)),
            _ => None,
        }
    } else if let Some((name, text)) = text.split_once("!=") {
        key(name).zip(value(text)).map(|(key, value)| Expression::NotEqual(key, value))
    } else if let Some((name, text)) = text.split_once("==").or_else(|| text.split_once('=')) {
        key(name).zip(value(text)).map(|(key, value)| Expression::Equal(key, value))
    } else if let Some(name) = text.strip_prefix('!') {
        key(name).map(Expression::DoesNotExist)
    } else {
        key(text).map(Expression::Exists)
    };
    found.ok_or_else(invalid)
}

/// Whether a text is the key of a label: a name, which may have a prefix.
fn is_key(text: &str) -> bool {
    let (prefix, name) = text.rsplit_once('/').map_or((None, text), |(prefix, name)| (Some(prefix), name));
    let is_prefix = |prefix: &str| {
        let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '.');
        !prefix.is_empty() && prefix.len() <= LONGEST_PREFIX && prefix.chars().all(inner)
    };
    !name.is_empty() && is_value(name) && prefix.is_none_or(is_prefix)
}

/// Whether a text is the value of a label, which may be empty.
fn is_value(text: &str) -> bool {
    let inner = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let end = |c: Option<char>| c.is_none_or(|c| c.is_ascii_alphanumeric());
    text.len() <= LONGEST_NAME
        && text.chars().all(inner)
        && end(text.chars().next())
        && end(text.chars().next_back())
}

#[cfg(test)]
mod tests {
    use super::*;
    use kube::core::SelectorExt as _;
    use serde_json::json;

    #[test]
    fn a_selector_is_read_as_kubectl_reads_it() {
        for (text, selector) in [
            ("plan=gold", json!({"matchLabels": {"plan": "gold"}})),
            ("plan == gold , a/b=", json!({"matchLabels": {"plan": "gold", "a/b": ""}})),
            (
                "plan!=gold,ring in (canary, rest)",
                json!({"matchExpressions": [
                    {"key": "plan", "operator": "NotIn", "values": ["gold"]},
                    {"key": "ring", "operator": "In", "values": ["canary", "rest"]},
                ]}),
            ),
            (
                "ring notin (a),x.example/y,!z",
                json!({"matchExpressions": [
                    {"key": "ring", "operator": "NotIn", "values": ["a"]},
                    {"key": "x.example/y", "operator": "Exists"},
                    {"key": "z", "operator": "DoesNotExist"},
                ]}),
            ),
        ] {
            let parsed = label_selector(text).unwrap();
            assert_eq!(serde_json::to_value(&parsed).unwrap(), selector, "{text}");
        }
        let selector =
            Selector::try_from(label_selector("ring in (canary,rest),plan=gold").unwrap()).unwrap();
        let labels =
            |ring: &str| [("plan", "gold"), ("ring", ring)].map(|(k, v)| (k.into(), v.into())).into();
        assert!(selector.matches(&labels("rest")) && !selector.matches(&labels("late")));
    }

    #[test]
    fn what_is_no_selector_is_refused() {
        let long = format!("a={}", "b".repeat(64));
        for text in [
            "",
            "a=b,",
            "=b",
            "a b",
            "a in",
            "a in b",
            "a in (b",
            "a within (b)",
            "a>1",
            "-a=b",
            "a=b-",
            "/a",
            "A/b",
            "a=b=c",
            "!",
            "a in (b)) ",
            &long,
        ] {
            let error = label_selector(text).unwrap_err();
            assert!(error.contains("is no label selector: write KEY=VALUE"), "{text}: {error}");
        }
        assert!(label_selector("a=b,a=c").unwrap_err().contains("write a in (A,B)"));
    }
}
