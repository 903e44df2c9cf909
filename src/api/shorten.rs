//! Shortens untrusted text, such as a vendor's message, to what an object or a line can hold.

/// Shortens a text to that many characters. A shortened text ends with its original length.
pub fn to_chars(text: &str, longest: usize) -> String {
    match text.char_indices().nth(longest) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}… ({} characters)", &text[..end], text.chars().count()),
    }
}

/// Shortens a text to that many bytes. A shortened text ends with an ellipsis.
pub fn to_bytes(text: &str, longest: usize) -> String {
    const ELLIPSIS: &str = "…";
    if text.len() <= longest {
        return text.to_owned();
    }
    let room = longest.saturating_sub(ELLIPSIS.len());
    let end = (0..=room).rev().find(|end| text.is_char_boundary(*end)).unwrap_or_default();
    let cut = format!("{}{ELLIPSIS}", &text[..end]);
    if cut.len() <= longest { cut } else { String::new() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_shortened_text_is_within_the_limit_and_a_prefix(text in ".{0,80}", longest in 0_usize..90) {
            let bytes = to_bytes(&text, longest);
            prop_assert!(bytes.len() <= longest);
            prop_assert!(text.starts_with(bytes.trim_end_matches('…')));
            prop_assert_eq!(bytes == text, text.len() <= longest);
            let chars = to_chars(&text, longest);
            let kept = chars.split("… (").next().unwrap_or_default();
            prop_assert!(text.chars().count() <= longest || kept.chars().count() <= longest);
            prop_assert_eq!(chars == text, text.chars().count() <= longest);
        }
    }
}
