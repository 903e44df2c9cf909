//! One field of a vendor's table: its name, its use, how it compares, and what it means if it is absent.

use super::document::Value;

/// One field of a document, or of a record in it.
#[derive(Debug)]
pub struct Field {
    /// Its name in the manifest.
    pub name: &'static str,
    /// The use of its texts.
    pub usage: Usage,
    /// How two of its values compare.
    pub rule: Rule,
    /// What it means if it is absent. Null, `""`, `[]` and `{}` are absent.
    pub absent: Absent,
    /// Whether the vendor cannot change it in place, so that a change replaces the subscription.
    pub replaces: bool,
    /// What a change of it does to deliveries.
    pub role: Role,
}

/// What a change of a field does to deliveries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// It changes what is delivered, or how.
    Content,
    /// It changes where deliveries go.
    Receiver,
    /// It turns deliveries on or off.
    Switch,
}

/// The use of a field's texts. The field's constructor sets it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Usage {
    /// Any text, such as a name or a template. It may contain line breaks. Also flags and numbers.
    Content,
    /// A word of the vendor's vocabulary, such as the name of an event.
    Word,
    /// An address to which deliveries, or mails about them, are sent.
    Address,
    /// Headers of a delivery.
    Header,
    /// The key with which deliveries are signed.
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

    /// Returns one spelling for all texts that mean the same. Case is ignored in words of the vendor's vocabulary and in scheme and
    /// host of an address; a slash at the end of an address is ignored too. Addresses are not parsed beyond their host.
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
    /// A field of [`Usage::Content`]. Like the others, it compares byte for byte and has no default.
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
        Self { name, usage, rule: Rule::Exact, absent: Absent::Nothing, replaces: false, role: Role::Content }
    }

    /// The same field with another rule.
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

    /// The same field, as the address of the receiver.
    #[must_use]
    pub const fn receiver(mut self) -> Self {
        self.role = Role::Receiver;
        self
    }

    /// The same field, as the one that turns deliveries on or off.
    #[must_use]
    pub const fn switch(mut self) -> Self {
        self.role = Role::Switch;
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
    /// Byte for byte; JSON value by value. Templates and URLs are never parsed.
    Exact,
    /// Texts, ignoring case.
    IgnoreCase,
    /// Lists whose order and repetitions do not matter.
    Set(&'static Rule),
    /// Members by name, each by an inner rule.
    Map {
        /// Whether the names ignore case, as header names do.
        ignore_case: bool,
        /// How the members compare.
        value: &'static Rule,
    },
    /// Members by a table of their own.
    Record(&'static [Field]),
    /// A record of `value` and the flag `secret`. The flag is compared. A value that either side calls secret is not, as it cannot
    /// be read back.
    SecretValue,
    /// Never compared, as it cannot be read back.
    WriteOnly,
    /// Byte for byte, except for the value that the vendor sets when it disables a subscription by itself. That one equals every
    /// other value: whether to enable the subscription again is decided elsewhere.
    EnabledState {
        /// The value of a subscription that delivers.
        enabled: &'static str,
        /// The value that the vendor sets when it disables a subscription.
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
