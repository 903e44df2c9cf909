//! Takes known secrets out of text that is about to be shown.

use secrecy::{ExposeSecret, SecretString};

/// A text shorter than this is too likely to be part of an ordinary word to be cut out of one.
const SHORTEST: usize = 4;

/// The secrets that must not be shown, each with what stands in its place.
#[derive(Clone, Default)]
pub struct Redactor {
    secrets: Vec<(SecretString, String)>,
}

impl Redactor {
    /// Adds a secret and what to show instead. Its spellings inside JSON and inside a URL are hidden too.
    pub fn hide(&mut self, secret: &SecretString, instead: &str) {
        let plain = secret.expose_secret();
        if plain.is_empty() {
            return;
        }
        let json = serde_json::Value::String(plain.into()).to_string();
        let url: String = form_urlencoded::byte_serialize(plain.as_bytes()).collect();
        let percent = url.replace('+', "%20");
        for spelling in [plain, json.trim_matches('"'), url.as_str(), percent.as_str()] {
            if !self.secrets.iter().any(|(known, _)| known.expose_secret() == spelling) {
                self.secrets.push((SecretString::from(spelling), instead.into()));
            }
        }
        // The longest first, so that a secret that holds another one is hidden whole.
        self.secrets.sort_by_key(|(known, _)| std::cmp::Reverse(known.expose_secret().len()));
    }

    /// The text without any of the secrets.
    pub fn redact(&self, text: &str) -> String {
        let mut shown = text.to_owned();
        for (secret, instead) in &self.secrets {
            let secret = secret.expose_secret();
            if shown == secret {
                shown.clone_from(instead);
            } else if secret.len() >= SHORTEST && shown.contains(secret) {
                shown = shown.replace(secret, instead);
            }
        }
        shown
    }
}

impl std::fmt::Debug for Redactor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Redactor({} secrets)", self.secrets.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_goes() {
        let mut redactor = Redactor::default();
        redactor.hide(&"p\"ss w/rd".into(), "$(PASS)");
        redactor.hide(&"p\"ss w/rd and more".into(), "$(LONG)");
        redactor.hide(&"ab".into(), "$(SHORT)");
        let cases = [
            ("as it is", "token p\"ss w/rd was refused", "token $(PASS) was refused"),
            ("in JSON", r#"{"t":"p\"ss w/rd"}"#, r#"{"t":"$(PASS)"}"#),
            ("in a form", "t=p%22ss+w%2Frd&x", "t=$(PASS)&x"),
            ("in a URL", "t=p%22ss%20w%2Frd&x", "t=$(PASS)&x"),
            ("the longer one whole", "p\"ss w/rd and more", "$(LONG)"),
            ("short ones only alone", "about", "about"),
            ("short ones alone", "ab", "$(SHORT)"),
        ];
        for (reason, text, shown) in cases {
            assert_eq!(redactor.redact(text), shown, "{reason}");
        }
        assert!(!format!("{redactor:?}").contains("ss w"));
    }
}
