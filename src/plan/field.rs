//! One field of a vendor's table: what it is called, what it is used for, and what an absent one means.

use super::document::Value;

/// One field of a document, or of a record in it.
#[derive(Debug)]
pub struct Field {
    /// Its name in the manifest.
    pub name: &'static str,
    /// What its texts are used for.
    pub usage: Usage,
    /// How two values of it compare.
    pub rule: Rule,
    /// What an absent one means. Null, `""`, `[]` and `{}` are absent.
    pub absent: Absent,
    /// Whether the vendor cannot change it in place, so that a change needs a new subscription.
    pub replaces: bool,
}

/// What the texts of a field are used for. A field's constructor sets it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Usage {
    /// Any text, such as a name or a template: line breaks are part of it. Also flags and numbers.
    Content,
    /// A word of the vendor's own vocabulary, such as the name of an event.
    Word,
    /// Where deliveries, or mails about them, are sent.
    Address,
    /// Headers of a delivery.
    Header,
    /// The key that deliveries are signed with.
    SigningKey,
}

impl Usage {
    /// Returns the name of the use if control characters are not allowed in it: they would split a request or a header.
    pub fn one_line(self) -> Option<&'static str> {
        match self {
            Self::Content | Self::Word => None,
            Self::Address => Some("an address"),
            Self::Header => Some("a header"),
            Self::SigningKey => Some("a signing key"),
        }
    }

    /// Returns one spelling for all texts that mean the same: without case in scheme and host of an address and in words of the
    /// vendor's vocabulary, and without a slash at the end of an address. Addresses are not parsed beyond their host.
    pub(super) fn spelling(self, mut text: String) -> String {
        match self {
            Self::Content | Self::Header | Self::SigningKey => {}
            Self::Word => text = text.trim().to_lowercase(),
            Self::Address => {
                if text.ends_with('/') {
                    text.pop();
                }
                if let Some(scheme) = text.find("://") {
                    let host = scheme + 3;
                    let end = text[host..].find(['/', '?', '#', '{', '$']).map_or(text.len(), |at| host + at);
                    text[..end].make_ascii_lowercase();
                }
            }
        }
        text
    }
}

impl Field {
    /// A field of [`Usage::Content`]. Like the others it compares byte for byte and has no default.
    pub const fn content(name: &'static str) -> Self {
        Self::of(name, Usage::Content)
    }

    /// A field of [`Usage::Word`].
    pub const fn word(name: &'static str) -> Self {
        Self::of(name, Usage::Word)
    }

    /// A field of [`Usage::Address`].
    pub const fn address(name: &'static str) -> Self {
        Self::of(name, Usage::Address)
    }

    /// A field of [`Usage::Header`].
    pub const fn header(name: &'static str) -> Self {
        Self::of(name, Usage::Header)
    }

    /// A field of [`Usage::SigningKey`].
    pub const fn signing_key(name: &'static str) -> Self {
        Self::of(name, Usage::SigningKey)
    }

    const fn of(name: &'static str, usage: Usage) -> Self {
        Self { name, usage, rule: Rule::Exact, absent: Absent::Nothing, replaces: false }
    }

    /// The same field under another rule.
    #[must_use]
    pub const fn rule(mut self, rule: Rule) -> Self {
        self.rule = rule;
        self
    }

    /// The same field with a default.
    #[must_use]
    pub const fn absent(mut self, absent: Absent) -> Self {
        self.absent = absent;
        self
    }

    /// The same field, not changeable in place.
    #[must_use]
    pub const fn replaces(mut self) -> Self {
        self.replaces = true;
        self
    }
}

/// How two values compare.
#[derive(Clone, Copy, Debug)]
pub enum Rule {
    /// Byte for byte, JSON by JSON: templates and URLs are never parsed.
    Exact,
    /// Texts, whatever their case.
    IgnoreCase,
    /// Lists whose order and repetitions do not matter.
    Set(&'static Rule),
    /// Members by name, each by the inner rule.
    Map {
        /// Whether the names ignore case, as header names do.
        ignore_case: bool,
        /// How the members compare.
        value: &'static Rule,
    },
    /// Members by a table of their own.
    Record(&'static [Field]),
    /// A record of `value` and the flag `secret`: a value that either side calls secret cannot be read back, so it is
    /// not compared; the flag is.
    SecretValue,
    /// Cannot be read back, so never compared.
    WriteOnly,
    /// Byte for byte, but for a value that only the vendor sets, which is as good as any: nothing is delivered then, and
    /// whether to start again is not a matter of comparing.
    EnabledState {
        /// What is declared for deliveries.
        enabled: &'static str,
        /// What the vendor sets when it has stopped by itself.
        disabled_by_vendor: &'static str,
    },
}

/// What an absent value means.
#[derive(Clone, Copy, Debug)]
pub enum Absent {
    /// Nothing.
    Nothing,
    /// This flag.
    Bool(bool),
    /// This number.
    Int(i64),
    /// This text.
    Text(&'static str),
}

impl Absent {
    pub(super) fn value(self) -> Option<Value> {
        match self {
            Self::Nothing => None,
            Self::Bool(b) => Some(Value::Bool(b)),
            Self::Int(n) => Some(Value::int(n)),
            Self::Text(t) => Some(Value::text(t)),
        }
    }
}
