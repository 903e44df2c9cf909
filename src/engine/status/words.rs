//! Plan items and values in words, for conditions, events and log lines.

use crate::api::VendorName;
use crate::api::shorten;
use crate::api::status::Action;
use crate::plan::{Cause, Change, Item};

/// A message about spellings names at most this many fields.
const MAX_FIELDS: usize = 10;

/// An item in words: what, on what, why, and which fields.
pub(crate) fn in_words(item: &Item) -> String {
    let id = item.id().map(|id| format!(" {id}")).unwrap_or_default();
    let why = if item.cause == Cause::InSync { String::new() } else { format!(" ({})", item.cause.as_str()) };
    format!("{}{id}{why}{}", item.action().as_str(), fields(item))
}

/// The fields that an update or a replacement changes, with what they were and are to be, briefly.
pub(crate) fn fields(item: &Item) -> String {
    if !matches!(item.action(), Action::Update | Action::Replace) || item.changes.is_empty() {
        return String::new();
    }
    let brief = |value: &Option<String>| {
        value.as_deref().map_or("(nothing)".into(), |value| shorten::to_chars(value, 60))
    };
    let fields = item
        .changes
        .iter()
        .map(|change| format!("{}: {} -> {}", change.field, brief(&change.before), brief(&change.after)));
    format!(": {}", fields.collect::<Vec<_>>().join("; "))
}

/// The message about values that the vendor stores in another spelling.
pub(crate) fn spelling(spellings: &[Change], vendor: VendorName) -> String {
    let brief = |value: &Option<String>| {
        value.as_deref().map_or("nothing".into(), |value| shorten::to_chars(value, 60))
    };
    let field = |change: &Change| {
        format!(
            "{}: declared {}, stored {}",
            shorten::to_chars(&change.field, 60),
            brief(&change.after),
            brief(&change.before)
        )
    };
    let mut fields: Vec<_> = spellings.iter().take(MAX_FIELDS).map(field).collect();
    if spellings.len() > MAX_FIELDS {
        fields.push(format!("and {} more", spellings.len() - MAX_FIELDS));
    }
    format!(
        "{vendor} stores a value in another spelling, which is not treated as a difference: {}. To clear this message, declare the stored value",
        fields.join("; ")
    )
}
