//! Takes known secrets out of text that is about to be shown, in whatever spelling somebody repeats them.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use secrecy::{ExposeSecret, SecretString};
use std::collections::BTreeSet;
use std::sync::OnceLock;
use zeroize::Zeroizing;

/// A text shorter than this is too likely to be part of an ordinary word to be cut out of one: it is hidden where it stands
/// by itself.
const SHORTEST: usize = 4;
/// What is left of base64 when its ends are cut off, where other bytes may share a character, has to be this long to count.
const SHORTEST_CORE: usize = 6;

/// The secrets that must not be shown, each with what stands in its place.
#[derive(Clone, Default)]
pub struct Redactor {
    secrets: Vec<(SecretString, String)>,
    /// Every spelling of each, the longest first: worked out when something is to be shown, which is seldom.
    spellings: OnceLock<Vec<(SecretString, usize)>>,
}

impl Redactor {
    /// Adds a secret and what to show instead. It is hidden as it is, and as it is spelt in JSON, URLs, base64 and hex.
    pub fn hide(&mut self, secret: &SecretString, instead: &str) {
        let plain = secret.expose_secret();
        if plain.is_empty() || self.secrets.iter().any(|(known, _)| known.expose_secret() == plain) {
            return;
        }
        self.secrets.push((secret.clone(), instead.into()));
        self.spellings = OnceLock::new();
    }

    /// The text without any of the secrets.
    pub fn redact(&self, text: &str) -> String {
        let mut shown = text.to_owned();
        for (spelling, of) in self.spellings.get_or_init(|| self.spelt()) {
            let (spelling, instead) = (spelling.expose_secret(), &self.secrets[*of].1);
            if shown == spelling {
                shown.clone_from(instead);
            } else if !shown.contains(spelling) {
            } else if spelling.len() >= SHORTEST {
                shown = shown.replace(spelling, instead);
            } else {
                shown = replaced_alone(&shown, spelling, instead);
            }
        }
        shown
    }

    fn spelt(&self) -> Vec<(SecretString, usize)> {
        let mut all: Vec<_> = (self.secrets.iter().enumerate())
            .flat_map(|(of, (secret, _))| {
                spellings(secret.expose_secret()).into_iter().map(move |spelling| (spelling, of))
            })
            .collect();
        // A secret that holds another one is hidden whole.
        all.sort_by_key(|(spelling, _)| std::cmp::Reverse(spelling.expose_secret().len()));
        all
    }
}

/// How else a secret is written where it is repeated.
fn spellings(plain: &str) -> Vec<SecretString> {
    let json = serde_json::Value::String(plain.into()).to_string();
    let form: String = form_urlencoded::byte_serialize(plain.as_bytes()).collect();
    let percent = form.replace('+', "%20");
    let digit = |bits: u8| char::from_digit(bits.into(), 16).unwrap_or_default();
    let hex: String = plain.bytes().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect();
    let mut all = BTreeSet::from([plain.to_owned(), json[1..json.len() - 1].to_owned()]);
    for escaped in [form, percent] {
        all.insert(lower_escapes(&escaped));
        all.insert(escaped);
    }
    if plain.len() >= SHORTEST {
        all.extend([hex.to_uppercase(), hex, STANDARD.encode(plain)]);
        all.extend(cores(plain));
    }
    all.into_iter().map(SecretString::from).collect()
}

/// Percent escapes as those write them who write them small.
fn lower_escapes(text: &str) -> String {
    let mut pieces = text.split('%');
    let first = pieces.next().unwrap_or_default().to_owned();
    pieces.fold(first, |text, piece| match piece.split_at_checked(2) {
        Some((digits, rest)) => format!("{text}%{}{rest}", digits.to_lowercase()),
        None => format!("{text}%{piece}"),
    })
}

/// The secret inside the base64 of something longer, such as user and password: wherever it begins, these characters are of
/// nothing but it.
fn cores(plain: &str) -> impl Iterator<Item = String> {
    (0..3).flat_map(move |before| {
        let bytes = Zeroizing::new([&[0; 2][..before], plain.as_bytes()].concat());
        let (start, end) = ((before * 8).div_ceil(6), bytes.len() * 8 / 6);
        [STANDARD_NO_PAD.encode(&bytes), URL_SAFE_NO_PAD.encode(&bytes)]
            .into_iter()
            .filter_map(move |text| text.get(start..end).map(str::to_owned))
            .filter(|core| core.len() >= SHORTEST_CORE)
    })
}

/// Replaces what stands by itself, and is no part of a longer word or number.
fn replaced_alone(text: &str, secret: &str, instead: &str) -> String {
    let of_a_word = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
    let (mut shown, mut done) = (String::new(), 0);
    for (at, _) in text.match_indices(secret) {
        let after = at + secret.len();
        if !of_a_word(text[..at].chars().next_back()) && !of_a_word(text[after..].chars().next()) {
            shown.push_str(&text[done..at]);
            shown.push_str(instead);
            done = after;
        }
    }
    shown + &text[done..]
}

impl std::fmt::Debug for Redactor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Redactor({} secrets)", self.secrets.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::engine::general_purpose::URL_SAFE;
    use proptest::prelude::*;

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
            ("in a URL, written small", "t=p%22ss%20w%2frd&x", "t=$(PASS)&x"),
            ("in base64", "Basic cCJzcyB3L3Jk", "Basic $(PASS)"),
            ("in hex", "70227373 and 7022737320772f7264", "70227373 and $(PASS)"),
            ("the longer one whole", "p\"ss w/rd and more", "$(LONG)"),
            ("short ones not in a word", "about a tab, abc, 2ab", "about a tab, abc, 2ab"),
            ("short ones that stand alone", "user 'ab' of ab.", "user '$(SHORT)' of $(SHORT)."),
            ("short ones alone", "ab", "$(SHORT)"),
        ];
        for (reason, text, shown) in cases {
            assert_eq!(redactor.redact(text), shown, "{reason}");
        }
        assert!(!format!("{redactor:?}").contains("ss w"));
    }

    proptest! {
        /// Wherever it stands in what is encoded, nothing that decodes to a good part of it is left.
        #[test]
        fn base64_around_it_does_not_show_it(
            before in "[ -~]{0,7}", secret in "[a-z+/é ]{8,20}", after in "[ -~]{0,7}", url in any::<bool>(),
        ) {
            let mut redactor = Redactor::default();
            redactor.hide(&secret.as_str().into(), "|");
            let engine = if url { URL_SAFE } else { STANDARD };
            let shown = redactor.redact(&engine.encode(format!("{before}{secret}{after}")));
            prop_assert!(shown.contains('|'), "{}", shown);
            // A character at each end may hold some bits of it.
            let left = shown.trim_end_matches('=').len() - 1;
            prop_assert!(left <= (before.len() + after.len()) * 8 / 6 + 4, "{}", shown);
        }
    }
}
