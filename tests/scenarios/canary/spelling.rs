//! Encodings of a value: for answers that repeat it, and for the search.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use aho_corasick::AhoCorasick;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use serde_json::json;

/// Repeats the value: plain, and as programs encode it.
pub(super) fn repeated(secret: &str) -> String {
    let url: String = form_urlencoded::byte_serialize(secret.as_bytes()).collect();
    let hex = hex(secret);
    let pair = STANDARD.encode(format!("somebody:{secret}"));
    format!("'{secret}' {url} {hex} {} {pair}", STANDARD.encode(secret))
}

fn hex(secret: &str) -> String {
    secret.bytes().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Searches for the secret in every encoding that a program may use.
pub(super) fn spellings(secret: &str) -> Vec<String> {
    let json = json!(secret).to_string();
    let url: String = form_urlencoded::byte_serialize(secret.as_bytes()).collect();
    let hex = hex(secret);
    let mut all = vec![secret.into(), json.trim_matches('"').into(), hex.to_uppercase(), hex];
    all.extend([url.replace('+', "%20").to_lowercase(), url.to_lowercase(), url.replace('+', "%20"), url]);
    all.push(secret.chars().rev().collect());
    // Inside a longer text that was encoded as a whole: three offsets, without the characters that depend on neighbours.
    for before in 0..3 {
        let text = format!("{}{secret}", "\0".repeat(before));
        let (start, end) = ((before * 8).div_ceil(6), text.len() * 8 / 6);
        all.extend(
            [STANDARD_NO_PAD.encode(&text), URL_SAFE_NO_PAD.encode(&text)].map(|t| t[start..end].into()),
        );
    }
    all
}

/// Finds any of these values in any encoding.
pub(super) fn any_of<'a>(secrets: impl Iterator<Item = &'a String>) -> AhoCorasick {
    let all: BTreeSet<_> = secrets.flat_map(|secret| spellings(secret)).collect();
    AhoCorasick::new(all).unwrap()
}
