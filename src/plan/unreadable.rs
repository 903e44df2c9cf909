//! Attributes the items of a vendor's list that cannot be read to Webhooks.

use super::ExternalId;
use super::declared::{Declared, Desired};
use super::document::Value;
use super::elsewhere::Elsewhere;
use super::list::Unreadable;
use super::rules::Rules;
use std::collections::{HashMap, HashSet};

/// Notes at each Webhook the unreadable item that is its own by id, or that may be its own: one that has no id or an id that no
/// Webhook knows, and whose natural key does not differ. An id that `is_listed` belongs to a readable item.
pub(crate) fn attribute(
    rules: &Rules,
    declared: &mut [Declared],
    elsewhere: &Elsewhere,
    unreadable: &[Unreadable],
    is_listed: impl Fn(&ExternalId) -> bool,
) {
    if unreadable.is_empty() {
        return;
    }
    let by_id: HashMap<&ExternalId, &Unreadable> =
        unreadable.iter().filter_map(|item| Some((item.id.as_ref()?, item))).collect();
    let free: Vec<&Unreadable> = unmanaged(declared, elsewhere, unreadable).collect();
    for webhook in declared {
        let own = webhook.known_ids().find_map(|id| by_id.get(id).copied());
        let is_missing = webhook.recorded.as_ref().is_none_or(|id| !is_listed(id));
        let has_lost = is_missing && webhook.recorded.is_some();
        let may_be_own =
            |item: &&&Unreadable| (has_lost && item.id.is_none()) || may_be(item, rules, &webhook.desired);
        // A guest would learn from others' unreadable items that its natural key is theirs.
        let searched =
            webhook.pending_create.is_some() || is_missing && (webhook.adopts || webhook.recorded.is_some());
        let possible = || free.iter().filter(|_| searched).find(may_be_own).copied();
        webhook.unreadable = own.or_else(possible).cloned();
    }
}

/// Returns the unreadable items whose ids no Webhook knows, here or elsewhere.
pub(crate) fn unmanaged<'a>(
    declared: &[Declared],
    elsewhere: &Elsewhere,
    unreadable: &'a [Unreadable],
) -> impl Iterator<Item = &'a Unreadable> {
    let ids = declared.iter().filter(|_| !unreadable.is_empty()).flat_map(Declared::known_ids);
    let known: HashSet<ExternalId> = ids.chain(elsewhere.ids()).cloned().collect();
    unreadable.iter().filter(move |item| item.id.as_ref().is_none_or(|id| !known.contains(id)))
}

/// Counts the unreadable items whose ids only Webhooks elsewhere know.
pub(crate) fn known_elsewhere(
    declared: &[Declared],
    elsewhere: &Elsewhere,
    unreadable: &[Unreadable],
) -> usize {
    let here = unmanaged(declared, &Elsewhere::default(), unreadable).count();
    here - unmanaged(declared, elsewhere, unreadable).count()
}

/// Whether nothing in its natural key differs from the desired subscription.
fn may_be(item: &Unreadable, rules: &Rules, desired: &Desired) -> bool {
    let Desired::Known(desired) = desired else { return true };
    rules.natural_key.iter().all(|name| match (item.key.get(name), desired.get(name)) {
        (Some(Some(shown)), Value::Text(wanted)) => *shown == wanted.expose(),
        (Some(_), _) | (None, Value::Null) => true,
        (None, _) => false,
    })
}

#[cfg(test)]
mod tests {
    use super::super::testing::{IN_PLACE, document, id, ids, wants};
    use super::*;
    use serde_json::{Value as Json, json};

    fn item(external_id: Option<&str>, json: &Json) -> Unreadable {
        Unreadable::new(&IN_PLACE, external_id.map(id), "body: it is a number".into(), json)
    }

    /// The ids of the items that are noted at the Webhooks; of one without an id, `-`.
    fn noted(mut declared: Vec<Declared>, unreadable: &[Unreadable], listed: &[&str]) -> Vec<String> {
        attribute(&IN_PLACE, &mut declared, &Elsewhere::default(), unreadable, |id| {
            listed.contains(&id.as_str())
        });
        let shown = |item: &Unreadable| item.id.as_ref().map_or("-".to_owned(), ToString::to_string);
        declared.iter().map(|webhook| webhook.unreadable.as_ref().map_or(String::new(), shown)).collect()
    }

    #[test]
    fn an_unreadable_item_is_noted_where_it_is_or_may_be_ones_own() {
        let new = || wants("a", 1, document("x"));
        let recorded = |external_id: &str| Declared { recorded: Some(id(external_id)), ..new() };
        let same = json!({"Name": "n", "body": 7});
        let other = json!({"name": "m", "body": 7});
        let vague = json!({"name": 7});
        let cases = [
            ("its recorded one", recorded("7"), item(Some("7"), &other), "7"),
            ("its pinned one", Declared { pinned_id: Some(id("7")), ..new() }, item(Some("7"), &other), "7"),
            (
                "one it replaced",
                Declared { superseded: ids(&["7"]), ..recorded("1") },
                item(Some("7"), &other),
                "7",
            ),
            ("it has another", recorded("1"), item(Some("7"), &same), ""),
            ("its own is missing, and this may be it", recorded("2"), item(Some("7"), &same), "7"),
            ("its own is missing, and this is another", recorded("2"), item(Some("7"), &other), ""),
            ("its own is missing, and this has no id", recorded("2"), item(None, &other), "-"),
            ("it has none, and this may be it", new(), item(Some("7"), &same), "7"),
            ("it has none, and this may be it as well", new(), item(Some("7"), &vague), "7"),
            ("it has none, and this is another", new(), item(Some("7"), &other), ""),
            ("it has none, and this tells nothing", new(), item(None, &json!({"body": 7})), ""),
        ];
        for (reason, webhook, unreadable, expected) in cases {
            assert_eq!(noted(vec![webhook], &[unreadable], &["1"]), [expected], "{reason}");
        }
        // What one Webhook knows is no other's.
        let all = vec![recorded("7"), Declared { recorded: None, ..new() }];
        assert_eq!(noted(all, &[item(Some("7"), &same)], &[]), ["7", ""]);
    }

    #[test]
    fn what_a_webhook_knows_is_not_unmanaged() {
        let webhook =
            Declared { recorded: Some(id("1")), superseded: ids(&["2"]), ..wants("a", 1, document("x")) };
        let all = ["1", "2", "3"].map(|external_id| item(Some(external_id), &json!({})));
        let (declared, alone) = ([webhook], Elsewhere::default());
        let left = |elsewhere| -> Vec<_> {
            unmanaged(&declared, elsewhere, &all).map(|item| item.id.clone()).collect()
        };
        assert_eq!(left(&alone), [Some(id("3"))]);
        assert_eq!(known_elsewhere(&declared, &alone, &all), 0);
        let elsewhere = Elsewhere { webhooks: Vec::new(), deleted: ids(&["3"]) };
        assert_eq!(left(&elsewhere), []);
        assert_eq!(known_elsewhere(&declared, &elsewhere, &all), 1);
    }
}
