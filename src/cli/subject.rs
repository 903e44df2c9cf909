//! Names of objects on the command line, written as kubectl takes and prints them.

use crate::api::{VendorAccount, Webhook};
use kube::Resource;

/// One of the kinds of hooktender.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Webhook,
    VendorAccount,
}

/// Which objects of a kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Subject {
    pub(super) kind: Kind,
    /// `None` for all.
    pub(super) name: Option<String>,
}

impl Kind {
    /// Finds the kinds of a word, such as `wh`, `webhooks.hooktender.dev` or the category `hooktender`.
    fn find(word: &str) -> Option<Vec<Self>> {
        let word = word.to_lowercase();
        let group = Webhook::group(&());
        let version = Webhook::version(&());
        let word = word.strip_suffix(&format!(".{group}")).unwrap_or(&word);
        let word = word.strip_suffix(&format!(".{version}")).unwrap_or(word);
        Some(match word {
            "wh" | "webhook" | "webhooks" => vec![Self::Webhook],
            "va" | "vendoraccount" | "vendoraccounts" => vec![Self::VendorAccount],
            "hooktender" => vec![Self::VendorAccount, Self::Webhook],
            _ => return None,
        })
    }

    /// Returns the name as in manifests.
    pub(super) fn name(self) -> String {
        match self {
            Self::Webhook => Webhook::kind(&()),
            Self::VendorAccount => VendorAccount::kind(&()),
        }
        .into_owned()
    }
}

/// Parses arguments as kubectl does: `KIND/NAME...`, `KIND NAME...`, or `KIND` for all objects of a kind.
pub(super) fn subjects(arguments: &[String]) -> Result<Vec<Subject>, String> {
    let Some((first, names)) = arguments.split_first() else {
        return Err("write wh/NAME or va/NAME".into());
    };
    if arguments.iter().any(|argument| argument.contains('/')) {
        return arguments.iter().map(|argument| with_slash(argument)).collect();
    }
    let kinds = first.split(',').map(|word| Kind::find(word).ok_or_else(|| no_kind(word)));
    let kinds: Vec<Kind> = kinds.collect::<Result<Vec<_>, _>>()?.concat();
    let of_kind = |kind: Kind| {
        let named = names.iter().map(move |name| Subject { kind, name: Some(name.clone()) });
        named.chain(names.is_empty().then_some(Subject { kind, name: None }))
    };
    Ok(kinds.into_iter().flat_map(of_kind).collect())
}

fn with_slash(argument: &str) -> Result<Subject, String> {
    let Some((word, name)) = argument.split_once('/') else {
        return Err(format!("{argument}: write each argument as wh/NAME or va/NAME, or none"));
    };
    let kinds = Kind::find(word).ok_or_else(|| no_kind(word))?;
    match &kinds[..] {
        [kind] if !name.is_empty() && !name.contains('/') => {
            Ok(Subject { kind: *kind, name: Some(name.into()) })
        }
        _ => Err(format!("{argument}: write wh/NAME or va/NAME")),
    }
}

fn no_kind(word: &str) -> String {
    format!("{word} is not a kind of hooktender: write wh/NAME for a Webhook, or va/NAME for a VendorAccount")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(arguments: &str) -> Result<String, String> {
        let arguments: Vec<_> = arguments.split_whitespace().map(str::to_owned).collect();
        let short = |kind| if kind == Kind::Webhook { "wh" } else { "va" };
        let written =
            |subject: Subject| format!("{}/{}", short(subject.kind), subject.name.as_deref().unwrap_or("*"));
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
            ("hooktender", "va/* wh/*"),
            ("wh,va a", "wh/a va/a"),
            // A Webhook may be called like a kind.
            ("wh va", "wh/va"),
        ] {
            assert_eq!(parsed(arguments), Ok(means.to_owned()), "{arguments}");
        }
        for (arguments, says) in [
            ("", "write wh/NAME or va/NAME"),
            ("foo", "foo is not a kind of hooktender: write wh/NAME for a Webhook"),
            ("pod/x", "pod is not a kind of hooktender"),
            ("wh/", "wh/: write wh/NAME"),
            ("wh/a/b", "wh/a/b: write wh/NAME"),
            ("hooktender/a", "hooktender/a: write wh/NAME"),
            ("wh wh/a", "wh: write each argument as wh/NAME"),
            ("wh.example.com/a", "wh.example.com is not a kind"),
        ] {
            let error = parsed(arguments).unwrap_err();
            assert!(error.contains(says), "{arguments}: {error}");
        }
    }
}
