//! Reads the items of a vendor's list, and records what is wrong with those that cannot be read.

use super::error::{Class, VendorError};
use super::json::{holds_more_values, members};
use super::memory::NoMemory;
use super::transport::Answer;
use crate::plan::{ExternalId, List, Observed, Rules, Unreadable};
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;
use std::sync::Arc;

/// Maximum length of an item in bytes. The API server stores at most 1.5 MiB of a Webhook.
const LONGEST_ITEM: usize = 4 << 20;
/// Maximum number of values of an item: four times as many as a Webhook may declare, for what the vendor adds.
const MOST_VALUES: usize = 20_000;
/// Maximum number of unreadable items of a list: each Webhook without a subscription is compared with each of them.
const MOST_UNREADABLE: usize = 1000;
/// Memory for a list is reserved in steps.
const STEP: usize = 64 << 10;

/// Maximum length of a problem in characters, as it is shown in conditions and lists.
const LONGEST_PROBLEM: usize = 200;

/// Reads the items of one vendor.
pub(super) struct ItemReader<'a> {
    pub(super) rules: &'static Rules,
    /// The member that holds the id.
    pub(super) id: &'static str,
    /// Reads an item. An error says what is wrong with its shape.
    pub(super) read: &'a (dyn Fn(&RawValue) -> Result<Observed, String> + Sync),
}

impl ItemReader<'_> {
    /// Reads the items of a whole list. See [`check_ids`].
    pub(super) fn list(&self, answer: &Answer, items: Vec<&RawValue>) -> Result<List, VendorError> {
        let mut list = List::default();
        self.add(&mut list, answer, items)?;
        check_ids(answer, &list)?;
        Ok(list)
    }

    /// Reads the items of an answer into a list, and reserves memory for the documents.
    pub(super) fn add(
        &self,
        list: &mut List,
        answer: &Answer,
        items: Vec<&RawValue>,
    ) -> Result<(), VendorError> {
        let memory = answer.memory();
        list.size += answer.len();
        list.observed.reserve(items.len().min(MOST_UNREADABLE));
        for item in items {
            let read = within_bounds(item).and_then(|()| (self.read)(item));
            match read {
                Ok(one) => {
                    list.size += one.size();
                    list.observed.push(one);
                }
                Err(why) if list.unreadable.len() < MOST_UNREADABLE => {
                    list.unreadable.push(self.unreadable(item, &why));
                }
                Err(why) => {
                    let message = format!(
                        "more than {MOST_UNREADABLE} items of the list cannot be read, one of them because: {why}"
                    );
                    return Err(VendorError { too_large: true, ..answer.malformed(&message) });
                }
            }
            if list.size > memory.size() {
                memory.try_grow_to(list.size + STEP).map_err(|error| VendorError {
                    too_large: matches!(error, NoMemory::TooLarge(_)),
                    ..answer.error(Class::Unavailable, error.to_string())
                })?;
            }
        }
        memory.shrink_to(list.size);
        list.memory = Some(Arc::clone(memory) as _);
        Ok(())
    }

    fn unreadable(&self, item: &RawValue, why: &str) -> Unreadable {
        let is_shown = |name: &str| {
            let mut shown = self.rules.natural_key.iter().chain([&self.id]);
            shown.any(|member| member.eq_ignore_ascii_case(name))
        };
        let json = members(item.get().as_bytes(), &is_shown).map(Value::Object).unwrap_or_default();
        let members = json.as_object();
        let shown = members.and_then(|all| all.iter().find(|(name, _)| name.eq_ignore_ascii_case(self.id)));
        let id = shown.and_then(|(_, id)| match id {
            Value::String(text) => ExternalId::new(text).ok(),
            Value::Number(number) => ExternalId::new(number.to_string()).ok(),
            _ => None,
        });
        let why: String = why.chars().take(LONGEST_PROBLEM).collect();
        Unreadable::new(self.rules, id, why, &json)
    }
}

/// Checks that an item is small enough to be read and compared.
pub(super) fn within_bounds(item: &RawValue) -> Result<(), String> {
    let item = item.get().as_bytes();
    if item.len() > LONGEST_ITEM {
        return Err(format!("it is longer than {} MiB", LONGEST_ITEM >> 20));
    }
    if holds_more_values(item, MOST_VALUES) {
        return Err(format!("it has more than {MOST_VALUES} values"));
    }
    Ok(())
}

/// Checks that the list comes from the vendor's webhook service: not all items lack an id.
pub(super) fn check_ids(answer: &Answer, list: &List) -> Result<(), VendorError> {
    match list.unreadable.first() {
        Some(first) if list.observed.is_empty() && list.unreadable.iter().all(|item| item.id.is_none()) => {
            Err(answer.malformed(&first.why))
        }
        _ => Ok(()),
    }
}

/// Reads JSON of that shape. An error names the member whose shape differs, never its value, which may be secret.
pub(super) fn parse_item<'a, T: Deserialize<'a>>(json: &'a str) -> Result<T, String> {
    let mut reader = serde_json::Deserializer::from_str(json);
    serde_path_to_error::deserialize(&mut reader).map_err(|error| {
        let path = error.path().to_string();
        let problem = without_value(&error.inner().to_string());
        if path == "." { problem } else { format!("{path}: {problem}") }
    })
}

/// Removes from the parser's message the text that it quotes, and the position, which is relative to the item.
fn without_value(problem: &str) -> String {
    let shown = match (problem.find(" \""), problem.rfind('"')) {
        (Some(start), Some(end)) if start + 1 < end => {
            format!("{}{}", &problem[..start], &problem[end + 1..])
        }
        _ => problem.to_owned(),
    };
    shown.rsplit_once(" at line ").map_or(shown.clone(), |(problem, _)| problem.to_owned())
}

/// Returns the error of a list whose pages stay inconsistent in repeated readings.
pub(super) fn unstable_list(answer: &Answer, readings: usize) -> VendorError {
    let message = format!(
        "the list changed while it was read, {readings} times in a row: its pages announce different totals or show an item twice; hooktender reads it again later"
    );
    answer.error(Class::Unavailable, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Item {
        #[expect(dead_code, reason = "only its shape is read")]
        uri_template: String,
        #[expect(dead_code, reason = "only its shape is read")]
        id_set_accepted: Option<bool>,
    }

    #[test]
    fn a_problem_names_the_member_and_shows_no_value() {
        let cases = [
            (r#"{"idSetAccepted": true}"#, "missing field `uriTemplate`"),
            (
                r#"{"uriTemplate": "u", "idSetAccepted": "se\"cret at line 1"}"#,
                "idSetAccepted: invalid type: string, expected a boolean",
            ),
            (r#"{"uriTemplate": ["secret"]}"#, "uriTemplate: invalid type: sequence, expected a string"),
            ("7", "invalid type: integer `7`, expected struct Item"),
        ];
        for (json, problem) in cases {
            assert_eq!(parse_item::<Item>(json).unwrap_err(), problem);
        }
    }
}
