//! What a command is asked about: references to objects as in [`ObjectRef`], or all objects of a kind, as `kubectl get` takes them.

use crate::cli::object_ref::{ObjectKind, ObjectRef, kind_of};

/// The category of the CRDs: `kubectl get hooktender` lists all kinds.
const CATEGORY: &str = "hooktender";

/// Which objects of a kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Subject {
    pub(super) kind: ObjectKind,
    /// `None` for all.
    pub(super) name: Option<String>,
    /// Whether it is no error that there is none.
    pub(super) is_optional: bool,
}

impl From<ObjectRef> for Subject {
    fn from(ObjectRef { kind, name }: ObjectRef) -> Self {
        Self { kind, name: Some(name), is_optional: false }
    }
}

/// Parses `KIND/NAME...`, `KIND NAME...`, or `KIND` for all objects of a kind. `KIND` may be several, separated by commas, or the category.
pub(super) fn subjects(words: &[String]) -> Result<Vec<Subject>, String> {
    let Some((first, names)) = words.split_first() else {
        return Err("write wh/NAME, whs/NAME or va/NAME".into());
    };
    let is_category = first.eq_ignore_ascii_case(CATEGORY);
    let several = first.contains(',') || is_category;
    let kinds = match ObjectKind::parse(first) {
        Some(kind) => vec![kind],
        None if several && !first.contains('/') => kinds(first)?,
        None => return named(words),
    };
    if names.is_empty() {
        // Many clusters have no WebhookSet.
        let all = |kind| Subject { kind, name: None, is_optional: is_category && kind == ObjectKind::Set };
        return Ok(kinds.into_iter().map(all).collect());
    }
    let mut all = Vec::new();
    for kind in kinds {
        let words: Vec<_> = std::iter::once(kind.short()).chain(names.iter().map(String::as_str)).collect();
        all.extend(named(&words)?);
    }
    Ok(all)
}

fn named<W: AsRef<str>>(words: &[W]) -> Result<Vec<Subject>, String> {
    Ok(ObjectRef::parse(words)?.into_iter().map(Subject::from).collect())
}

/// Returns the kinds of a list with commas.
fn kinds(text: &str) -> Result<Vec<ObjectKind>, String> {
    let mut kinds = Vec::new();
    for word in text.split(',') {
        if word.eq_ignore_ascii_case(CATEGORY) {
            kinds.extend([ObjectKind::Account, ObjectKind::Webhook, ObjectKind::Set]);
        } else {
            kinds.push(kind_of(word)?);
        }
    }
    Ok(kinds)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(arguments: &str) -> Result<String, String> {
        let arguments: Vec<_> = arguments.split_whitespace().map(str::to_owned).collect();
        let written = |one: Subject| format!("{}/{}", one.kind.short(), one.name.as_deref().unwrap_or("*"));
        let all = subjects(&arguments)?.into_iter().map(written);
        Ok(all.collect::<Vec<_>>().join(" "))
    }

    #[test]
    fn arguments_are_written_as_for_kubectl() {
        for (arguments, means) in [
            ("wh/a", "wh/a"),
            ("wh a", "wh/a"),
            ("webhook a b", "wh/a wh/b"),
            ("wh/a va/b webhooks/c", "wh/a va/b wh/c"),
            ("webhook.hooktender.dev/a", "wh/a"),
            ("webhooks.v1alpha1.hooktender.dev/a vendoraccount.hooktender.dev/b", "wh/a va/b"),
            ("WH/a VendorAccounts/b", "wh/a va/b"),
            ("wh", "wh/*"),
            ("va,wh", "va/* wh/*"),
            ("hooktender", "va/* wh/* whs/*"),
            ("whs a", "whs/a"),
            ("wh,va a", "wh/a va/a"),
            // A Webhook may be called like a kind.
            ("wh va", "wh/va"),
        ] {
            assert_eq!(parsed(arguments), Ok(means.to_owned()), "{arguments}");
        }
        for (arguments, says) in [
            ("", "write wh/NAME, whs/NAME or va/NAME"),
            (
                "foo",
                "write wh/foo for the Webhook, whs/foo for the WebhookSet, or va/foo for the VendorAccount",
            ),
            ("wh,foo", "foo is not a kind of hooktender"),
            ("pod/x", "pod is not a kind of hooktender"),
            ("wh/", "write wh/NAME"),
            ("wh/a/b", "write wh/NAME"),
            ("hooktender/a", "hooktender is not a kind of hooktender"),
            ("wh wh/a", "wh/a after wh: write either wh and names"),
            ("wh.example.com/a", "wh.example.com is not a kind"),
        ] {
            let error = parsed(arguments).unwrap_err();
            assert!(error.contains(says), "{arguments}: {error}");
        }
    }
}
