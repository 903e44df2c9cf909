//! Commands that a user copies into a shell to change one of our objects. Text of a vendor or of another tenant is quoted.

use super::{ALLOW_SET_CHANGES, ObjectKey, REQUESTED_AT, visible};

/// The object that a command changes.
#[derive(Clone, Copy, Debug)]
pub struct Target<'a> {
    /// As kubectl takes it.
    kind: &'static str,
    /// As `hooktender` takes it.
    short: &'static str,
    key: &'a ObjectKey,
}

impl<'a> Target<'a> {
    /// A Webhook.
    pub fn webhook(key: &'a ObjectKey) -> Self {
        Self { kind: "webhook", short: "wh", key }
    }

    /// A `VendorAccount`.
    pub fn account(key: &'a ObjectKey) -> Self {
        Self { kind: "vendoraccount", short: "va", key }
    }

    /// A `WebhookSet`.
    pub fn set(key: &'a ObjectKey) -> Self {
        Self { kind: "webhookset", short: "whs", key }
    }

    /// Patches members of the spec, such as `"suspend":false`.
    pub fn patch(&self, members: &str) -> String {
        format!("{} --type=merge -p '{{\"spec\":{{{members}}}}}'", self.kubectl("patch"))
    }

    /// Patches members of the spec of a set's template.
    pub fn patch_template(&self, members: &str) -> String {
        self.patch(&format!("\"template\":{{\"spec\":{{{members}}}}}"))
    }

    /// Sets an annotation, such as `name=value`.
    pub fn annotate(&self, annotation: &str) -> String {
        format!("{} {}", self.kubectl("annotate --overwrite"), word(annotation))
    }

    /// Deletes the object.
    pub fn delete(&self) -> String {
        self.kubectl("delete")
    }

    /// Requests a pass with kubectl.
    pub fn request(&self) -> String {
        format!("{} {REQUESTED_AT}=\"$(date)\"", self.kubectl("annotate --overwrite"))
    }

    /// Requests a pass, and waits for its outcome.
    pub fn sync(&self) -> String {
        format!("{} --wait", self.hooktender("sync"))
    }

    /// Resumes what was suspended or paused.
    pub fn resume(&self) -> String {
        self.hooktender("resume")
    }

    fn kubectl(&self, verb: &str) -> String {
        let (namespace, name) = (word(&self.key.namespace), word(&self.key.name));
        format!("kubectl {verb} {} -n {namespace} {name}", self.kind)
    }

    fn hooktender(&self, verb: &str) -> String {
        let object = word(&format!("{}/{}", self.short, self.key.name));
        format!("hooktender {verb} {object} -n {}", word(&self.key.namespace))
    }
}

/// Returns the command that allows what the guard of a set blocks, if its message names the annotation.
pub fn approval(set: &ObjectKey, message: &str) -> Option<String> {
    let annotation = message[message.find(ALLOW_SET_CHANGES)?..].split_whitespace().next()?;
    Some(Target::set(set).annotate(annotation))
}

/// Returns the ids that the message about similar subscriptions names for `spec.externalId`.
pub fn similar_ids(message: &str) -> impl Iterator<Item = &str> {
    let message = message.split_once("spec.externalId: ").map_or("", |(_, ids)| ids);
    let is_id = |text: &&str| {
        let of_id = |c: char| c.is_ascii_alphanumeric() || "-_.:~=+@".contains(c);
        !text.is_empty() && text.len() <= 100 && text.chars().all(of_id)
    };
    // The text after the last quote is not in quotes.
    let closed = message.matches('"').count() / 2;
    message.split('"').skip(1).step_by(2).take(closed).filter(is_id)
}

/// Quotes a word for a shell, unless it needs no quotes.
pub fn word(text: &str) -> String {
    let text = visible(text);
    let plain = |c: char| c.is_ascii_alphanumeric() || "-._/:=".contains(c);
    if !text.is_empty() && !text.starts_with('-') && text.chars().all(plain) {
        return text;
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_quoted_for_a_shell() {
        for (text, quoted) in [
            ("orders", "orders"),
            ("shop/orders.v1", "shop/orders.v1"),
            ("", "''"),
            ("-rf", "'-rf'"),
            ("a b", "'a b'"),
            ("$(id)", "'$(id)'"),
            ("it's", r"'it'\''s'"),
            ("a\nb", r"'a\u{a}b'"),
        ] {
            assert_eq!(word(text), quoted);
        }
    }

    #[test]
    fn the_ids_of_a_message_are_found() {
        let of = |message| similar_ids(message).map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(
            of("name \"b\" differs. To adopt it, set spec.externalId: \"7\" or \"a.b:c\""),
            ["7", "a.b:c"]
        );
        assert!(of("set spec.externalId: \"$(rm)\" or \"a b\" or \"\" and \"open").is_empty());
        assert!(of("something \"else\"").is_empty());
    }

    #[test]
    fn what_a_message_adds_to_the_annotation_is_not_a_part_of_the_command() {
        let set = ObjectKey::new("shop", "hooks");
        let message = format!("6 of 6 members: {ALLOW_SET_CHANGES}=sha256:9f;touch /tmp/x");
        let command = approval(&set, &message).unwrap();
        assert_eq!(
            command,
            format!(
                "kubectl annotate --overwrite webhookset -n shop hooks '{ALLOW_SET_CHANGES}=sha256:9f;touch'"
            )
        );
    }
}
