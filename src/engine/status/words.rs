//! Items of a plan and values in words, for conditions, events and log lines.

use crate::api::VendorName;
use crate::api::shorten;
use crate::api::status::Action;
use crate::plan::{Cause, Change, ExternalId, Item};

/// A message about spellings names at most this many fields.
const MAX_FIELDS: usize = 10;

/// Describes what an item would do: action, subscription, cause and fields.
pub(crate) fn describe_item(item: &Item) -> String {
    let id = item.id().map(|id| format!(" {id}")).unwrap_or_default();
    let why = if item.cause == Cause::InSync { String::new() } else { format!(" ({})", item.cause.as_str()) };
    format!("{}{id}{why}{}", item.action().as_str(), fields(item))
}

/// Returns the fields that an update or a replacement changes, with their values before and after, shortened.
fn fields(item: &Item) -> String {
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

/// Returns the message about values that the vendor stores in another spelling.
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

/// Describes what a step has done, for an event. `id` is the subscription that the Webhook has now.
pub(crate) fn describe_effect(item: &Item, id: Option<&str>, vendor: VendorName) -> String {
    let why = if item.cause == Cause::New { String::new() } else { format!(" ({})", item.cause.as_str()) };
    let id = id.unwrap_or("no subscription");
    let old = item.id().map_or(id, ExternalId::as_str);
    match item.action() {
        Action::Create => format!("created {id} at {vendor}{why}"),
        Action::Adopt => format!("adopted {id} at {vendor} without a change{}", duplicates(item)),
        Action::Update => format!("updated {id} at {vendor}{why}{}{}", fields(item), duplicates(item)),
        Action::Replace => format!("replaced {old} with {id} at {vendor}{why}{}", fields(item)),
        Action::Delete => format!("deleted {old} at {vendor}"),
        Action::Retain => format!("finalizer removed; subscription {old} kept at {vendor}"),
        Action::None => format!("nothing left to delete at {vendor}"),
    }
}

/// Returns a note on subscriptions that equal the adopted one, for people to clean up.
fn duplicates(item: &Item) -> String {
    let others: Vec<_> = item.duplicates.iter().map(ExternalId::as_str).collect();
    if others.is_empty() {
        return String::new();
    }
    format!("; equal subscriptions that no Webhook declares are not changed: {}", others.join(", "))
}
