//! Finds the subscription that a new one takes the place of, where nothing is recorded: without a status, a changed address looks like
//! a new subscription, and the former one goes on delivering.

use super::document::Document;
use super::rules::Rules;
use super::{Field, Observed};

/// The most subscriptions that are named for one Webhook.
const MAX_NAMED: usize = 3;

/// A subscription that looks like the former one of a Webhook.
#[derive(Debug)]
pub(crate) struct Former<'a> {
    pub(crate) observed: &'a Observed,
    /// The fields in which it differs from what is declared.
    pub(crate) differs: Vec<&'static str>,
}

/// Returns the unmanaged subscriptions that look like the former one of what is to be created: those that agree with it in all fields of
/// the natural key but one, and of these the ones that differ in the fewest fields.
pub(crate) fn former<'a>(
    rules: &'a Rules,
    desired: &'a Document,
    unmanaged: impl Iterator<Item = &'a Observed>,
) -> Vec<Former<'a>> {
    let is_key = |field: &Field| rules.natural_key.contains(&field.name);
    let candidate = |observed: &'a Observed| {
        let fields: Vec<_> = rules.differing(&observed.document, desired).collect();
        let keys =
            fields.iter().filter(|field| is_key(field) && !field.spelled_alike(&observed.document, desired));
        let differs = fields.iter().map(|field| field.name).collect();
        (keys.count() == 1).then_some(Former { observed, differs })
    };
    let mut all: Vec<_> = unmanaged.filter_map(candidate).collect();
    let fewest = all.iter().map(|former| former.differs.len()).min();
    all.retain(|former| Some(former.differs.len()) == fewest);
    all.sort_by_key(|former| former.observed.age());
    all.truncate(MAX_NAMED);
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::Value;
    use crate::plan::testing::{IN_PLACE, has, of};

    fn document([name, url, body]: [&str; 3]) -> Document {
        of(&[("name", Value::text(name)), ("url", Value::text(url)), ("body", Value::text(body))])
    }

    #[test]
    fn the_former_one_agrees_in_all_of_its_natural_key_but_one_field() {
        let desired = document(["product", "new", "body"]);
        let found = |observed: &[(&str, [&str; 3])]| {
            let all: Vec<_> = observed.iter().map(|(id, of)| has(id, document(*of))).collect();
            let former = former(&IN_PLACE, &desired, all.iter());
            former.iter().map(|one| (one.observed.id.to_string(), one.differs.join(" "))).collect::<Vec<_>>()
        };
        assert_eq!(found(&[("1", ["product", "old", "body"])]), [("1".into(), "url".into())]);
        assert_eq!(found(&[("1", ["order", "new", "body"])]), [("1".into(), "name".into())]);
        assert_eq!(found(&[("1", ["order", "old", "body"])]), [], "another subscription");
        assert_eq!(found(&[("1", ["product", "old", "other"])]), [("1".into(), "url body".into())]);
        let both = [("1", ["product", "old", "other"]), ("2", ["product", "older", "body"])];
        assert_eq!(found(&both), [("2".into(), "url".into())], "the one that differs least");
        let many: Vec<_> = ["1", "2", "3", "4"].map(|id| (id, ["product", "old", "body"])).into();
        assert_eq!(found(&many).len(), MAX_NAMED);
    }
}
