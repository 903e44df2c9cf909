//! The canonical document of a subscription: named fields with values. Its texts know which of their parts are secret.
//!
//! A secret part cannot be printed: `Debug` and [`Value::redacted`] put `$(NAME)` in its place. Only [`SecretText::expose`] and
//! [`Value::expose`] return the whole, for the request that needs it.

use litemap::LiteMap;
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value as Json;
use std::borrow::Cow;
use std::fmt;
use std::hash::{Hash, Hasher};

/// A string, parts of which may come from a Secret.
#[derive(Clone, Default)]
pub struct SecretText {
    start: String,
    rest: Vec<Part>,
}

/// A secret and the plain text that follows it.
#[derive(Clone)]
struct Part {
    variable: String,
    value: SecretString,
    then: String,
}

impl SecretText {
    /// A text without secrets.
    pub fn plain(text: impl Into<String>) -> Self {
        Self { start: text.into(), rest: Vec::new() }
    }

    /// Adds a plain part.
    pub fn push_plain(&mut self, text: &str) {
        self.rest.last_mut().map_or(&mut self.start, |part| &mut part.then).push_str(text);
    }

    /// Adds a secret part, which is shown as `$(variable)`.
    pub fn push_secret(&mut self, variable: &str, value: SecretString) {
        self.rest.push(Part { variable: variable.into(), value, then: String::new() });
    }

    /// Whether any part is secret.
    pub fn is_secret(&self) -> bool {
        !self.rest.is_empty()
    }

    /// The length of the whole in bytes.
    pub fn len(&self) -> usize {
        let parts = self.rest.iter().map(|part| part.value.expose_secret().len() + part.then.len());
        self.start.len() + parts.sum::<usize>()
    }

    /// Whether the whole is the empty string.
    pub fn is_empty(&self) -> bool {
        self.whole().is_empty()
    }

    fn whole(&self) -> Cow<'_, str> {
        if self.rest.is_empty() { Cow::Borrowed(&self.start) } else { Cow::Owned(self.expose()) }
    }

    /// Returns the whole including its secrets. Only for the request that needs it, and for comparing.
    pub fn expose(&self) -> String {
        let mut whole = self.start.clone();
        for Part { value, then, .. } in &self.rest {
            whole.push_str(value.expose_secret());
            whole.push_str(then);
        }
        whole
    }

    /// Returns the whole with `$(NAME)` in place of each secret.
    pub fn redacted(&self) -> String {
        let mut shown = self.start.clone();
        for Part { variable, then, .. } in &self.rest {
            shown.push_str("$(");
            shown.push_str(variable);
            shown.push(')');
            shown.push_str(then);
        }
        shown
    }

    /// The secrets in it, with the names of their variables.
    pub fn secrets(&self) -> impl Iterator<Item = (&str, &SecretString)> {
        self.rest.iter().map(|part| (part.variable.as_str(), &part.value))
    }

    /// Returns `other`, which is what a vendor has in a field that is declared as this text, with everything hidden that is in the
    /// place of a secret: the same secret, an old one, or any other text.
    pub fn mask(&self, other: &str) -> String {
        let Some(Part { then: last, .. }) = self.rest.last() else {
            return other.into();
        };
        let first = &self.start;
        let inner = other.strip_prefix(first.as_str()).and_then(|rest| rest.strip_suffix(last.as_str()));
        if inner.is_some() && !(first.is_empty() && last.is_empty()) {
            format!("{first}(hidden){last}")
        } else {
            "(hidden)".into()
        }
    }
}

impl From<&str> for SecretText {
    fn from(text: &str) -> Self {
        Self::plain(text)
    }
}

impl PartialEq for SecretText {
    fn eq(&self, other: &Self) -> bool {
        self.whole() == other.whole()
    }
}

impl Hash for SecretText {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.whole().hash(state);
    }
}

impl fmt::Debug for SecretText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.redacted())
    }
}

/// A value of a document: JSON whose strings are [`SecretText`].
#[derive(Clone, Debug, Default, PartialEq, Hash)]
pub enum Value {
    /// Nothing.
    #[default]
    Null,
    /// True or false.
    Bool(bool),
    /// A number.
    Number(serde_json::Number),
    /// A string.
    Text(SecretText),
    /// A list. The field's rule says whether its order matters.
    List(Vec<Value>),
    /// Members by name.
    Map(Members),
}

/// Members by name.
pub type Members = LiteMap<String, Value>;

impl Value {
    /// A text without secrets.
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text(SecretText::plain(text))
    }

    /// A whole number.
    pub fn int(number: i64) -> Self {
        Self::Number(number.into())
    }

    /// A list of texts without secrets.
    pub fn texts<S: Into<String>>(all: impl IntoIterator<Item = S>) -> Self {
        Self::List(all.into_iter().map(Self::text).collect())
    }

    /// Whether it is null, `""`, `[]` or `{}`.
    pub fn is_empty(&self) -> bool {
        match self {
            Self::Null => true,
            Self::Bool(_) | Self::Number(_) => false,
            Self::Text(text) => text.is_empty(),
            Self::List(list) => list.is_empty(),
            Self::Map(map) => map.is_empty(),
        }
    }

    /// Whether it is this text.
    pub fn is_text(&self, text: &str) -> bool {
        matches!(self, Self::Text(own) if own.whole() == text)
    }

    /// Whether anything in it is secret.
    pub fn is_secret(&self) -> bool {
        match self {
            Self::Null | Self::Bool(_) | Self::Number(_) => false,
            Self::Text(text) => text.is_secret(),
            Self::List(list) => list.iter().any(Self::is_secret),
            Self::Map(map) => map.values().any(Self::is_secret),
        }
    }

    /// Returns plain JSON including secrets. Only for the request that needs it.
    pub fn expose(&self) -> Json {
        self.json(&SecretText::expose)
    }

    /// Returns plain JSON with `$(NAME)` in place of each secret.
    pub fn redacted(&self) -> Json {
        self.json(&SecretText::redacted)
    }

    fn json(&self, text: &dyn Fn(&SecretText) -> String) -> Json {
        match self {
            Self::Null => Json::Null,
            Self::Bool(b) => Json::Bool(*b),
            Self::Number(n) => Json::Number(n.clone()),
            Self::Text(t) => Json::String(text(t)),
            Self::List(list) => list.iter().map(|v| v.json(text)).collect(),
            Self::Map(map) => map.iter().map(|(k, v)| (k.clone(), v.json(text))).collect(),
        }
    }

    /// The approximate size in memory, in bytes, without the value itself.
    fn size(&self) -> usize {
        // The smallest allocation.
        const LEAST: usize = 16;
        match self {
            Self::Null | Self::Bool(_) | Self::Number(_) => 0,
            Self::Text(text) => LEAST + text.start.len(),
            Self::List(list) => {
                LEAST + list.iter().map(|value| size_of::<Self>() + value.size()).sum::<usize>()
            }
            Self::Map(map) => {
                let member = |(name, value): (&String, &Self)| {
                    size_of::<(String, Self)>() + LEAST + name.len() + value.size()
                };
                LEAST + map.iter().map(member).sum::<usize>()
            }
        }
    }

    /// Whether it consists of no more than `left` values; subtracts them.
    pub(super) fn fits(&self, left: &mut usize) -> bool {
        let Some(less) = left.checked_sub(1) else { return false };
        *left = less;
        match self {
            Self::Null | Self::Bool(_) | Self::Number(_) | Self::Text(_) => true,
            Self::List(list) => list.iter().all(|value| value.fits(left)),
            Self::Map(map) => map.values().all(|value| value.fits(left)),
        }
    }

    /// Calls `each` with every text in it.
    pub fn for_each_text(&self, each: &mut dyn FnMut(&SecretText)) {
        match self {
            Self::Null | Self::Bool(_) | Self::Number(_) => {}
            Self::Text(text) => each(text),
            Self::List(list) => list.iter().for_each(|v| v.for_each_text(each)),
            Self::Map(map) => map.values().for_each(|v| v.for_each_text(each)),
        }
    }
}

impl From<Json> for Value {
    fn from(json: Json) -> Self {
        match json {
            Json::Null => Self::Null,
            Json::Bool(b) => Self::Bool(b),
            Json::Number(n) => Self::Number(n),
            Json::String(s) => Self::text(s),
            Json::Array(list) => Self::List(list.into_iter().map(Self::from).collect()),
            Json::Object(map) => Self::Map(map.into_iter().map(|(k, v)| (k, v.into())).collect()),
        }
    }
}

/// The canonical document of one subscription: every field that its vendor's rules know, with defaults filled in.
/// Only [`super::Rules::document`] makes it.
#[derive(Clone, Debug, Default, PartialEq, Hash)]
pub struct Document {
    pub(super) fields: LiteMap<&'static str, Value>,
}

impl Document {
    /// Whether anything in it is secret.
    pub fn is_secret(&self) -> bool {
        self.fields.values().any(Value::is_secret)
    }

    /// The value of a field; `Null` if it is absent and has no default.
    pub fn get(&self, field: &str) -> &Value {
        self.fields.get(field).unwrap_or(&Value::Null)
    }

    /// The approximate size in memory, in bytes.
    pub(super) fn size(&self) -> usize {
        self.fields.values().map(|value| size_of::<(&str, Value)>() + value.size()).sum()
    }

    /// Whether it consists of no more than that many values.
    pub fn has_at_most(&self, values: usize) -> bool {
        let mut left = values;
        self.fields.values().all(|value| value.fits(&mut left))
    }

    /// Returns the names of the fields that hold a secret value.
    pub(crate) fn secret_fields(&self) -> Vec<String> {
        self.iter().filter(|(_, value)| value.is_secret()).map(|(name, _)| name.to_owned()).collect()
    }

    /// Fields and values, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, &Value)> {
        self.fields.iter().map(|(name, value)| (*name, value))
    }

    /// Calls `each` with every text in it.
    pub fn for_each_text(&self, each: &mut dyn FnMut(&SecretText)) {
        self.fields.values().for_each(|v| v.for_each_text(each));
    }

    /// Returns plain JSON with `$(NAME)` in place of each secret.
    pub fn redacted(&self) -> Json {
        self.fields.iter().map(|(k, v)| ((*k).to_owned(), v.redacted())).collect()
    }
}

/// Returns a digest of a document without its secrets.
pub fn digest(document: &Document) -> String {
    super::hash(&document.redacted())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(before: &str, secret: &str, after: &str) -> SecretText {
        let mut text = SecretText::plain(before);
        text.push_secret("TOKEN", secret.into());
        text.push_plain(after);
        text
    }

    #[test]
    fn a_secret_is_shown_as_its_variable_everywhere() {
        let value = Value::Map(
            [("url".into(), Value::Text(token("https://h/?t=", "s3cret", "&x=1")))].into_iter().collect(),
        );
        assert_eq!(value.expose()["url"], "https://h/?t=s3cret&x=1");
        assert_eq!(value.redacted()["url"], "https://h/?t=$(TOKEN)&x=1");
        assert!(!format!("{value:?}").contains("s3cret"));
    }

    #[test]
    fn equal_is_what_is_sent_not_how_it_is_made_up() {
        assert_eq!(token("a", "b", "c"), SecretText::plain("abc"));
        assert_ne!(token("a", "b", "c"), SecretText::plain("a$(TOKEN)c"));
    }

    #[test]
    fn mask_hides_what_stands_where_the_secret_goes() {
        let cases = [
            ("the old token", token("https://h/?t=", "new", ""), "https://h/?t=old", "https://h/?t=(hidden)"),
            ("token in the middle", token("a/", "new", "/z"), "a/old/z", "a/(hidden)/z"),
            ("another text altogether", token("a/", "new", "/z"), "https://x/old", "(hidden)"),
            ("the whole is the secret", token("", "new", ""), "old", "(hidden)"),
            ("no secret declared", SecretText::plain("abc"), "old", "old"),
        ];
        for (reason, declared, had, shown) in cases {
            assert_eq!(declared.mask(had), shown, "{reason}");
        }
    }
}
