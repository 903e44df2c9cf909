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

/// A part of a text that may use variables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part<'a> {
    /// Text as its expansion has it.
    Text(&'a str),
    /// The name of a variable.
    Variable(&'a str),
}

/// Splits a text at its variables. An escaped `$$(NAME)` is the text `$(NAME)`.
pub(crate) fn parts(text: &str) -> Vec<Part<'_>> {
    let mut parts = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find("$(") {
        let Some(name) = name_at(&rest[at + 2..]) else {
            parts.push(Part::Text(&rest[..at + 2]));
            rest = &rest[at + 2..];
            continue;
        };
        let end = at + 2 + name.len() + 1;
        if rest[..at].ends_with('$') {
            parts.extend([Part::Text(&rest[..at - 1]), Part::Text(&rest[at..end])]);
        } else {
            parts.extend([Part::Text(&rest[..at]), Part::Variable(name)]);
        }
        rest = &rest[end..];
    }
    parts.push(Part::Text(rest));
    parts
}

/// Returns the names of the variables that a text uses.
pub(crate) fn used(text: &str) -> Vec<&str> {
    let name = |part| match part {
        Part::Variable(name) => Some(name),
        Part::Text(_) => None,
    };
    parts(text).into_iter().filter_map(name).collect()
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
