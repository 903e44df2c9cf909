//! Makes text of others fit for terminals, logs and status: nothing in it can steer a terminal, begin a line or hide.

/// Stands for a tab.
const TAB: char = '⇥';

/// On one line, with what controls a terminal or does not show written as `\u{1b}`. Text that is visible already stays as it is.
pub fn visible(text: &str) -> String {
    escaped(text, |_| false)
}

/// As [`visible`], and different texts stay different: what looks like an escape is escaped as well. For values that are compared
/// by eye.
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

/// Controls, spaces that are none, and what Unicode calls ignorable by default, marks of writing direction among them:
/// a difference made of these could not be seen, or would show something else than what is there.
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
    fn nothing_is_invisible() {
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
            assert_eq!(visible(shown), shown, "once is enough");
        }
        assert_eq!(exactly(r"\u{1b}"), r"\u{5c}u{1b}");
        assert_eq!(exactly("a⇥b"), r"a\u{21e5}b");
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn whatever_it_is_it_is_one_visible_line(text in any::<String>()) {
            let once = visible(&text);
            prop_assert!(!once.chars().any(is_hidden));
            prop_assert_eq!(visible(&once), once);
        }
    }
}
