//! Names of members: readable, stable, and within the limits of Kubernetes.

use crate::api::ObjectKey;
use crate::plan;

/// Maximum length of the name of an object.
const LONGEST_NAME: usize = 253;
/// Maximum length of the value of a label.
const LONGEST_LABEL: usize = 63;
/// Characters of a digest in a name: 40 bits.
const DIGEST: usize = 10;

/// Returns the name of a set's member at an account: `SET-ACCOUNT`, and for an account in another namespace, or if that is too long,
/// with a digest of the account at its end.
pub(crate) fn member(set: &ObjectKey, account: &ObjectKey) -> String {
    let name = format!("{}-{}", set.name, account.name);
    if set.namespace == account.namespace && name.len() <= LONGEST_NAME {
        return name;
    }
    with_digest(&name, &format!("{} {account}", set.name), LONGEST_NAME)
}

/// Returns the value of the label that names a set.
pub(crate) fn label(set: &str) -> String {
    if set.len() <= LONGEST_LABEL { set.to_owned() } else { with_digest(set, set, LONGEST_LABEL) }
}

/// Shortens a name so that a digest of `of` fits behind it.
fn with_digest(name: &str, of: &str, longest: usize) -> String {
    let digest = plan::hash(&serde_json::json!(of));
    let digest: String = digest.chars().skip_while(|c| *c != ':').skip(1).take(DIGEST).collect();
    // Names are ASCII.
    let cut = name.get(..longest - DIGEST - 1).unwrap_or(name);
    format!("{}-{digest}", cut.trim_end_matches(['-', '.']))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::ObjectName;
    use proptest::prelude::*;

    #[test]
    fn a_name_is_readable() {
        let set = ObjectKey::new("shop", "orders");
        assert_eq!(member(&set, &ObjectKey::new("shop", "acme")), "orders-acme");
        let other = member(&set, &ObjectKey::new("tenants", "acme"));
        assert!(other.starts_with("orders-acme-") && other.len() == "orders-acme-".len() + DIGEST, "{other}");
        assert_ne!(other, member(&set, &ObjectKey::new("others", "acme")));
        assert_eq!(label("orders"), "orders");
    }

    proptest! {
        #[test]
        fn every_name_is_valid_and_stable(
            set in "[a-z0-9]([.-]?[a-z0-9]){0,80}", account in "[a-z0-9](-[a-z0-9]|[a-z0-9]){0,120}", far: bool
        ) {
            prop_assume!(ObjectName::new("shop", &set).is_ok() && ObjectName::new("shop", &account).is_ok());
            let set = ObjectKey::new("shop", set);
            let account = ObjectKey::new(if far { "tenants" } else { "shop" }, account);
            let name = member(&set, &account);
            prop_assert!(ObjectName::new("shop", &name).is_ok(), "{}", name);
            prop_assert_eq!(&name, &member(&set, &account));
            prop_assert!(label(&set.name).len() <= LONGEST_LABEL);
        }
    }
}
