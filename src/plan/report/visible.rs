//! Makes values visible: spaces at their ends are marked, and different texts stay different, so that both sides of a difference
//! never look the same.

use crate::api::exactly;

/// Shown in place of a space at an end.
const SPACE: char = '·';

/// Returns a value for one line: spaces at both ends are marked, and an empty value is named.
pub(super) fn value(text: &str) -> String {
    const EMPTY: &str = "(empty)";
    match text {
        "" => EMPTY.into(),
        EMPTY => r"\u{28}empty)".into(),
        _ => ends(&exactly(text), true),
    }
}

/// Returns a line of a longer text: its indentation stays, and spaces at its end are marked.
pub(super) fn row(text: &str) -> String {
    ends(&exactly(text), false)
}

fn ends(text: &str, both: bool) -> String {
    let at_end = |c: char| c == ' ' || c == SPACE;
    let head = if both { text.len() - text.trim_start_matches(at_end).len() } else { 0 };
    let tail = text.trim_end_matches(at_end).len().max(head);
    let mut out = String::with_capacity(text.len());
    for (at, c) in text.char_indices() {
        match c {
            ' ' if at < head || at >= tail => out.push(SPACE),
            SPACE if at < head || at >= tail => out.extend(SPACE.escape_unicode()),
            _ => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn spaces_at_the_ends_are_seen() {
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
