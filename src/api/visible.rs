//! Escapes untrusted text for terminals, logs and status: it can neither control a terminal nor start a line nor hide characters.

/// Replaces a tab.
const TAB: char = '⇥';

/// Returns the text on one line, with control and hidden characters escaped as `\u{1b}`. Idempotent.
pub fn visible(text: &str) -> String {
    escaped(text, |_| false)
}

/// Like [`visible`], but also escapes what looks like an escape, so that different texts stay different. For values that people
/// compare.
pub fn exactly(text: &str) -> String {
    escaped(text, |rest| rest.starts_with("\\u{") || rest.starts_with(TAB))
}

fn escaped(text: &str, is_like_ours: impl Fn(&str) -> bool) -> String {
    let mut out = String::with_capacity(text.len());
    for (at, c) in text.char_indices() {
        match c {
            '\t' => out.push(TAB),
            _ if is_hidden(c) || is_like_ours(&text[at..]) => out.extend(c.escape_unicode()),
            _ => out.push(c),
        }
    }
    out
}

/// Whether a character is a control, an unusual space, or ignorable by default in Unicode, such as a mark of writing direction. A
/// difference in these is invisible, or changes how other text is shown.
pub fn is_hidden(c: char) -> bool {
    let ignorable = matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}' | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{2800}' | '\u{3164}'
        | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}'
        | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}');
    c.is_control() || c != ' ' && c.is_whitespace() || ignorable
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn hidden_characters_are_escaped() {
        for (text, shown) in [
            ("a b", "a b"),
            ("\x1b[31mred", r"\u{1b}[31mred"),
            ("\x1b]52;c;aGk=\x07", r"\u{1b}]52;c;aGk=\u{7}"),
            ("a\tb", "a⇥b"),
            (r"C:\temp", r"C:\temp"),
            ("a\u{a0}b", r"a\u{a0}b"),
            ("a\u{202e}b", r"a\u{202e}b"),
            ("\u{9b}2J", r"\u{9b}2J"),
            ("line\rover\nnext", r"line\u{d}over\u{a}next"),
        ] {
            assert_eq!((visible(text), exactly(text)), (shown.into(), shown.into()));
            assert_eq!(visible(shown), shown, "escaping is idempotent");
        }
        assert_eq!(exactly(r"\u{1b}"), r"\u{5c}u{1b}");
        assert_eq!(exactly("a⇥b"), r"a\u{21e5}b");
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn any_text_becomes_one_visible_line(text in any::<String>()) {
            let once = visible(&text);
            prop_assert!(!once.chars().any(is_hidden));
            prop_assert_eq!(visible(&once), once);
        }
    }
}
