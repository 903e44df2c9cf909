//! References to objects, written as kubectl takes and prints them: `wh/NAME`, `webhook.hooktender.dev/NAME`, or a kind and
//! then its names: `wh NAME NAME`.

use crate::api::{GROUP, ObjectName};
use std::fmt;

/// The version that a kind may be written with, as in `webhook.v1alpha1.hooktender.dev`.
const VERSION: &str = "v1alpha1";

/// A kind of hooktender.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum ObjectKind {
    /// A `Webhook`.
    Webhook,
    /// A `WebhookSet`.
    Set,
    /// A `VendorAccount`.
    Account,
}

impl ObjectKind {
    /// All kinds.
    pub(super) const ALL: [Self; 3] = [Self::Webhook, Self::Set, Self::Account];

    /// Returns the short name, which references are written with in hints.
    pub(super) fn short(self) -> &'static str {
        match self {
            Self::Webhook => "wh",
            Self::Set => "whs",
            Self::Account => "va",
        }
    }

    /// Parses a kind in any spelling that kubectl takes.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let lower = text.to_ascii_lowercase();
        let own = lower.strip_suffix(GROUP).and_then(|rest| rest.strip_suffix('.'));
        let kind = own
            .map(|rest| rest.strip_suffix(VERSION).and_then(|rest| rest.strip_suffix('.')).unwrap_or(rest));
        match kind.unwrap_or(&lower) {
            "wh" | "webhook" | "webhooks" => Some(Self::Webhook),
            "whs" | "webhookset" | "webhooksets" => Some(Self::Set),
            "va" | "vendoraccount" | "vendoraccounts" => Some(Self::Account),
            _ => None,
        }
    }
}

impl fmt::Display for ObjectKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Webhook => "Webhook",
            Self::Set => "WebhookSet",
            Self::Account => "VendorAccount",
        })
    }
}

/// A reference to an object; the namespace comes from the context or from `--namespace`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct ObjectRef {
    pub(super) kind: ObjectKind,
    pub(super) name: String,
}

impl fmt::Display for ObjectRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.kind.short(), self.name)
    }
}

impl ObjectRef {
    /// Parses the words of a command line: `KIND/NAME` each, or one `KIND` and then its names. The same object is returned once.
    pub(super) fn parse<W: AsRef<str>>(words: &[W]) -> Result<Vec<Self>, String> {
        let words: Vec<&str> = words.iter().map(AsRef::as_ref).collect();
        let mut refs = Vec::new();
        let (kind, names) = match words.split_first() {
            Some((first, names)) if !first.contains('/') => (Some(bare_kind(first, names)?), names),
            _ => (None, &words[..]),
        };
        for word in names {
            let one = match (kind, word.split_once('/')) {
                (None, Some((kind, name))) => Self::new(kind_of(kind)?, name)?,
                (Some(kind), None) => Self::new(kind, word)?,
                (None, None) => return Err(without_kind(word)),
                (Some(kind), Some(_)) => {
                    return Err(format!(
                        "{word} after {kind}: write either {kind} and names, or {kind}/NAME for each",
                        kind = kind.short()
                    ));
                }
            };
            if !refs.contains(&one) {
                refs.push(one);
            }
        }
        Ok(refs)
    }

    fn new(kind: ObjectKind, name: &str) -> Result<Self, String> {
        if name.is_empty() || name.contains('/') {
            return Err(format!("write {}/NAME; --namespace says in which namespace", kind.short()));
        }
        // The namespace is checked where it comes from.
        ObjectName::new("default", name).map_err(|error| error.to_string())?;
        Ok(Self { kind, name: name.to_owned() })
    }
}

/// Parses a word that has to be a kind.
pub(super) fn kind_of(text: &str) -> Result<ObjectKind, String> {
    ObjectKind::parse(text).ok_or_else(|| {
        format!(
            "{text} is not a kind of hooktender: write wh/NAME for a Webhook, whs/NAME for a WebhookSet, va/NAME for a VendorAccount"
        )
    })
}

/// Returns the kind of `KIND NAME...`.
fn bare_kind(word: &str, names: &[&str]) -> Result<ObjectKind, String> {
    let Some(kind) = ObjectKind::parse(word) else {
        // `pod x`: with names behind it, the word was meant as a kind.
        let is_kind = names.first().is_some_and(|name| !name.contains('/'));
        return Err(if is_kind { kind_of(word).err().unwrap_or_default() } else { without_kind(word) });
    };
    match names {
        [] => Err(format!("which {kind}? write {}/NAME", kind.short())),
        _ => Ok(kind),
    }
}

fn without_kind(name: &str) -> String {
    format!(
        "write wh/{name} for the Webhook, whs/{name} for the WebhookSet, or va/{name} for the VendorAccount"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<String, String> {
        let words: Vec<_> = line.split(' ').collect();
        let refs = ObjectRef::parse(&words)?;
        Ok(refs.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "))
    }

    #[test]
    fn what_kubectl_takes_and_prints_is_read() {
        for (line, read) in [
            ("wh/a", "wh/a"),
            ("WH/a", "wh/a"),
            ("Webhook/a.b-c", "wh/a.b-c"),
            ("webhooks/a va/b", "wh/a va/b"),
            ("webhook.hooktender.dev/a", "wh/a"),
            ("webhooks.v1alpha1.hooktender.dev/a", "wh/a"),
            ("vendoraccount.hooktender.dev/a vendoraccounts/a", "va/a"),
            ("wh a b", "wh/a wh/b"),
            ("VendorAccount a", "va/a"),
            ("webhooksets a whs", "whs/a whs/whs"),
            ("webhookset.hooktender.dev/a", "whs/a"),
            ("wh wh", "wh/wh"),
        ] {
            assert_eq!(parsed(line).as_deref(), Ok(read), "{line}");
        }
        assert_eq!(ObjectRef::parse::<&str>(&[]), Ok(Vec::new()));
    }

    #[test]
    fn what_is_no_reference_gets_advice() {
        const FOO: &str =
            "write wh/foo for the Webhook, whs/foo for the WebhookSet, or va/foo for the VendorAccount";
        for (line, says) in [
            ("foo", FOO),
            ("wh/a foo", FOO),
            ("foo wh/a", FOO),
            ("wh", "which Webhook? write wh/NAME"),
            (
                "pod/x",
                "pod is not a kind of hooktender: write wh/NAME for a Webhook, whs/NAME for a WebhookSet, va/NAME for a VendorAccount",
            ),
            (
                "pod x",
                "pod is not a kind of hooktender: write wh/NAME for a Webhook, whs/NAME for a WebhookSet, va/NAME for a VendorAccount",
            ),
            ("webhook.example.com/x", "webhook.example.com is not a kind of hooktender"),
            ("wh/", "write wh/NAME; --namespace says in which namespace"),
            ("wh/a/b", "write wh/NAME; --namespace says in which namespace"),
            ("wh a va/b", "va/b after wh: write either wh and names, or wh/NAME for each"),
            ("wh/A?watch=true", "the name \"A?watch=true\" is not valid: use at most 253 lower case letters"),
        ] {
            let said = parsed(line).unwrap_err();
            assert!(said.starts_with(says), "{line}: {said}");
        }
    }

    #[test]
    fn each_kind_is_read_by_its_short_name() {
        for kind in ObjectKind::ALL {
            assert_eq!(ObjectKind::parse(kind.short()), Some(kind));
        }
    }
}
