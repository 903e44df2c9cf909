//! The grammar of `$(NAME)` in a subscription's strings: valid names, and how to escape literal text.

/// Removes one line break from the end of a value of a Secret or ConfigMap. Editors and `kubectl create --from-file` add one.
pub(crate) fn without_final_line_break(value: &str) -> &str {
    value.strip_suffix("\r\n").or_else(|| value.strip_suffix('\n')).unwrap_or(value)
}

/// Returns the name at the start of the text after `$(`, if it is valid and closed.
pub(crate) fn name_at(text: &str) -> Option<&str> {
    let name = &text[..text.find(')')?];
    let mut letters = name.chars();
    let first = letters.next()?;
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    ((first.is_ascii_alphabetic() || first == '_') && letters.all(fits)).then_some(name)
}

/// Escapes a text so that its expansion is the text: each `$(NAME)` in it gets one more `$`.
pub(crate) fn literal(text: &str) -> String {
    let mut written = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("$(") {
        written.push_str(&rest[..at]);
        let end = match name_at(&rest[at + 2..]) {
            Some(name) => {
                written.push('$');
                at + 2 + name.len() + 1
            }
            None => at + 2,
        };
        written.push_str(&rest[at..end]);
        rest = &rest[end..];
    }
    written.push_str(rest);
    written
}

/// Returns the names of the variables that a text uses.
pub(crate) fn used(text: &str) -> Vec<&str> {
    let mut names = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find("$(") {
        let escaped = rest[..at].ends_with('$');
        let end = match name_at(&rest[at + 2..]) {
            Some(name) => {
                if !escaped {
                    names.push(name);
                }
                at + 2 + name.len() + 1
            }
            None => at + 2,
        };
        rest = &rest[end..];
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_break_is_removed_and_nothing_else() {
        let cases = [
            ("a", "a"),
            ("a\n", "a"),
            ("a\r\n", "a"),
            ("a\n\n", "a\n"),
            ("a\r", "a\r"),
            ("a ", "a "),
            ("\na", "\na"),
            ("\n", ""),
            ("", ""),
        ];
        for (value, cut) in cases {
            assert_eq!(without_final_line_break(value), cut, "{value:?}");
        }
    }

    #[test]
    fn text_without_variables_is_not_escaped() {
        let cases = [
            ("$(A)", "$$(A)"),
            ("$$(A)", "$$$(A)"),
            ("$$$(A)$(B)", "$$$$(A)$$(B)"),
            ("$($(A)", "$($$(A)"),
            ("${A} $() $(1) $(not a name) $(open", "${A} $() $(1) $(not a name) $(open"),
            ("$", "$"),
            ("", ""),
        ];
        for (text, written) in cases {
            assert_eq!(literal(text), written, "{text}");
            assert!(used(written).is_empty(), "{written}");
        }
        assert_eq!(used("a$(B)$$(C)$($(D)"), ["B", "D"]);
    }
}
