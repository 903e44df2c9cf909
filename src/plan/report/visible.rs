//! Text of others made fit for a terminal: nothing in it can steer one, and nothing in it is invisible.
//!
//! Different texts stay different, so that what is shown of a difference is never the same twice.

/// Stands for a tab.
const TAB: char = '⇥';
/// Stands for a space at an end.
const SPACE: char = '·';

/// On one line, with what controls a terminal or does not show written as `\u{1b}`.
pub fn visible(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for (at, c) in text.char_indices() {
        let like_ours = c == '\\' && text[at + 1..].starts_with("u{");
        match c {
            '\t' => out.push(TAB),
            _ if like_ours || c == TAB || is_hidden(c) => escape(c, &mut out),
            _ => out.push(c),
        }
    }
    out
}

/// A value on a line of its own or beside another one: spaces at both ends are shown, and so is that it is empty.
pub(super) fn value(text: &str) -> String {
    const EMPTY: &str = "(empty)";
    match text {
        "" => EMPTY.into(),
        EMPTY => r"\u{28}empty)".into(),
        _ => ends(&visible(text), true),
    }
}

/// A line of a longer text: it is indented as it is, and spaces at its end are shown.
pub(super) fn row(text: &str) -> String {
    ends(&visible(text), false)
}

fn ends(text: &str, both: bool) -> String {
    let at_end = |c: char| c == ' ' || c == SPACE;
    let head = if both { text.len() - text.trim_start_matches(at_end).len() } else { 0 };
    let tail = text.trim_end_matches(at_end).len().max(head);
    let mut out = String::with_capacity(text.len());
    for (at, c) in text.char_indices() {
        match c {
            ' ' if at < head || at >= tail => out.push(SPACE),
            SPACE if at < head || at >= tail => escape(SPACE, &mut out),
            _ => out.push(c),
        }
    }
    out
}

fn escape(c: char, out: &mut String) {
    out.extend(c.escape_unicode());
}

/// Controls, spaces that are none, and what Unicode calls ignorable by default, marks of writing direction among them:
/// a difference made of these could not be seen, or would show something else than what is there.
fn is_hidden(c: char) -> bool {
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
            ("a\tb", "a⇥b"),
            ("a⇥b", r"a\u{21e5}b"),
            (r"C:\temp", r"C:\temp"),
            (r"\u{1b}", r"\u{5c}u{1b}"),
            ("a\u{a0}b", r"a\u{a0}b"),
            ("a\u{202e}b", r"a\u{202e}b"),
            ("\u{9b}2J", r"\u{9b}2J"),
            ("line\rover", r"line\u{d}over"),
        ] {
            assert_eq!(visible(text), shown);
        }
        for (text, shown) in
            [("", "(empty)"), (" a b  ", "·a b··"), (" ", "·"), ("·", r"\u{b7}"), ("a·b", "a·b")]
        {
            assert_eq!(value(text), shown);
        }
        assert_eq!(row("  a "), "  a·");
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn different_texts_stay_different(a in r"[ab ·⇥\\u{}\t\x1b5c2ge19()empty]{0,8}", b in r"[ab ·⇥\\u{}\t\x1b5c2ge19()empty]{0,8}") {
            prop_assert_eq!(a == b, value(&a) == value(&b));
            prop_assert_eq!(a == b, row(&a) == row(&b));
        }
    }
}
