//! Cuts texts of others, such as a vendor's words, to what an object or a line can hold.

/// The text, cut to that many characters; what is left out is counted.
pub fn to_chars(text: &str, longest: usize) -> String {
    match text.char_indices().nth(longest) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}… ({} characters)", &text[..end], text.chars().count()),
    }
}

/// The text, cut to that many bytes, with an ellipsis among them where something is left out.
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
        fn a_cut_text_is_never_longer_than_it_may_be_and_begins_as_it_did(text in ".{0,80}", longest in 0_usize..90) {
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
