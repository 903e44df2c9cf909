//! The grammar of `$(NAME)` in a subscription's strings: what is a variable's name, and how to write text that is none.

/// Cuts one line break off the end of a value of a Secret or ConfigMap: editors and `kubectl create --from-file` put one there.
pub(crate) fn without_final_line_break(value: &str) -> &str {
    value.strip_suffix("\r\n").or_else(|| value.strip_suffix('\n')).unwrap_or(value)
}

/// The name at the start of what follows `$(`, if it is one and is closed.
pub(crate) fn name_at(text: &str) -> Option<&str> {
    let name = &text[..text.find(')')?];
    let mut letters = name.chars();
    let first = letters.next()?;
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    ((first.is_ascii_alphabetic() || first == '_') && letters.all(fits)).then_some(name)
}

/// What to write so that expansion gives just this text: each `$(NAME)` in it gets one more `$`.
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

/// The names of the variables that a written text uses.
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
    fn one_line_break_is_cut_and_nothing_else() {
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
    fn what_is_no_variable_is_left_alone() {
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
