//! Values of accounts that the variables of a set can have: names, labels and annotations.

use crate::api::VendorAccount;
use crate::api::webhook_set::AccountField;
use crate::vendor::variable_name;
use kube::ResourceExt;
use std::collections::{BTreeMap, BTreeSet};

/// Prefixes of annotations that tools write for themselves.
const OF_TOOLS: [&str; 2] = ["kubectl.kubernetes.io/", "hooktender.dev/"];

/// A field of the metadata that all accounts have.
pub(super) struct AccountValue {
    /// Name of the variable.
    pub(super) variable: String,
    pub(super) field: AccountField,
    /// The value of each account.
    pub(super) values: Vec<String>,
}

/// Where a value is in the metadata; the first one that explains a difference is used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Origin {
    Name,
    Label,
    Annotation,
}

impl AccountValue {
    pub(super) fn origin(&self) -> Origin {
        match (&self.field.label, &self.field.annotation) {
            (Some(_), _) => Origin::Label,
            (None, Some(_)) => Origin::Annotation,
            (None, None) => Origin::Name,
        }
    }
}

/// Returns the name of the accounts, then the labels and then the annotations that all of them have and whose values differ. The names
/// of their variables are added to `taken`.
pub(super) fn account_values(accounts: &[&VendorAccount], taken: &mut BTreeSet<String>) -> Vec<AccountValue> {
    let name = AccountField { label: None, annotation: None, name: Some(true) };
    let names = accounts.iter().map(|account| account.name_any()).collect();
    let mut found = vec![AccountValue { variable: free("ACCOUNT", taken), field: name, values: names }];
    for (key, values) in differing(accounts, VendorAccount::labels) {
        let field = AccountField { label: Some(key.clone()), annotation: None, name: None };
        found.push(AccountValue { variable: free(&variable_of(&key), taken), field, values });
    }
    for (key, values) in differing(accounts, VendorAccount::annotations) {
        if OF_TOOLS.iter().any(|prefix| key.starts_with(prefix)) {
            continue;
        }
        let field = AccountField { label: None, annotation: Some(key.clone()), name: None };
        found.push(AccountValue { variable: free(&variable_of(&key), taken), field, values });
    }
    found
}

/// Returns the members that no account lacks or has empty, and that are not the same everywhere.
fn differing(
    accounts: &[&VendorAccount],
    members: impl Fn(&VendorAccount) -> &BTreeMap<String, String>,
) -> Vec<(String, Vec<String>)> {
    let keys = accounts.first().map(|account| members(account).keys().cloned().collect::<Vec<_>>());
    let of_all = |key: &String| {
        let values = accounts.iter().map(|account| members(account).get(key).cloned());
        let filled = values.map(|value| value.filter(|text| !text.is_empty()));
        filled.collect::<Option<Vec<_>>>()
    };
    let found = keys.unwrap_or_default().into_iter().filter_map(|key| of_all(&key).map(|all| (key, all)));
    found.filter(|(_, values)| values.iter().any(|value| *value != values[0])).collect()
}

/// Returns the name of a variable for a label or an annotation, without the prefix of its key.
fn variable_of(key: &str) -> String {
    variable_name(key.rsplit_once('/').map_or(key, |(_, name)| name), "ACCOUNT")
}

/// Returns a name that is not taken yet, and takes it.
pub(super) fn free(name: &str, taken: &mut BTreeSet<String>) -> String {
    let numbered = (2_u64..).map(|number| format!("{name}_{number}"));
    let mut names = std::iter::once(name.to_owned()).chain(numbered);
    let found = names.find(|name| !taken.contains(name)).unwrap_or_default();
    taken.insert(found.clone());
    found
}
