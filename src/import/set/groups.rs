//! Which subscriptions of different accounts correspond.

use super::account_values::AccountValue;
use super::draft::Draft;
use super::text::common_text;
use std::collections::{BTreeMap, BTreeSet};

/// The drafts of all accounts in groups; each is a list of indexes in the order of the accounts.
#[derive(Default)]
pub(super) struct Groups {
    /// Groups with exactly one draft of each account.
    pub(super) complete: Vec<Vec<usize>>,
    /// Groups of drafts that correspond, of some accounts only.
    pub(super) partial: Vec<Vec<usize>>,
    /// Drafts that differ only in texts that no value of their accounts explains, several of one account: it cannot be told which of
    /// them belong together.
    pub(super) ambiguous: Vec<Vec<usize>>,
}

/// Groups drafts, which are in the order of their accounts. First those correspond whose texts are equal but for values of their
/// accounts. Of the others those correspond that are equal but for their texts, if each account has exactly one.
pub(super) fn groups(drafts: &[Draft<'_>], accounts: usize, values: &[AccountValue]) -> Groups {
    let mut shapes: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (at, draft) in drafts.iter().enumerate() {
        shapes.entry(draft.shape()).or_default().push(at);
    }
    let mut groups = Groups::default();
    for alike in shapes.into_values() {
        let (complete, partial): (Vec<_>, Vec<_>) =
            explained(drafts, alike, values).into_iter().partition(|group| group.len() == accounts);
        groups.complete.extend(complete);
        let mut left: Vec<usize> = partial.iter().flatten().copied().collect();
        left.sort_unstable();
        let of: BTreeSet<_> = left.iter().map(|at| drafts[*at].account).collect();
        match left.len() {
            0 => {}
            _ if of.len() < accounts => groups.partial.extend(partial),
            length if length == accounts => groups.complete.push(left),
            _ => groups.ambiguous.push(left),
        }
    }
    for all in [&mut groups.complete, &mut groups.partial, &mut groups.ambiguous] {
        all.sort();
    }
    groups
}

/// Groups drafts of one shape whose texts are equal but for values of their accounts.
fn explained(drafts: &[Draft<'_>], alike: Vec<usize>, values: &[AccountValue]) -> Vec<Vec<usize>> {
    let mut groups: Vec<Vec<usize>> = Vec::new();
    for at in alike {
        let draft = &drafts[at];
        let fits = |group: &&mut Vec<usize>| {
            group.iter().all(|other| drafts[*other].account != draft.account)
                && unexplained(&[&drafts[group[0]], draft], values).is_empty()
        };
        match groups.iter_mut().find(fits) {
            Some(group) => group.push(at),
            None => groups.push(vec![at]),
        }
    }
    groups
}

/// Returns the fields of drafts of one shape whose texts the values of their accounts do not explain.
pub(super) fn unexplained<'a>(drafts: &[&'a Draft<'_>], values: &[AccountValue]) -> Vec<&'a str> {
    let Some(first) = drafts.first() else { return Vec::new() };
    let accounts: Vec<_> = drafts.iter().map(|draft| draft.account).collect();
    let fields = first.texts.iter().enumerate();
    let differs = |at: usize| {
        let texts: Vec<_> = drafts.iter().map(|draft| draft.texts[at].value.as_str()).collect();
        common_text(&texts, &accounts, values).is_none()
    };
    fields.filter(|(at, _)| differs(*at)).map(|(_, text)| text.field.as_str()).collect()
}
