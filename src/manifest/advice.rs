//! Suggestions for misspelt names.

/// Returns `: did you mean …?` if one of the names is similar enough.
pub(crate) fn did_you_mean<'a>(name: &str, names: impl IntoIterator<Item = impl AsRef<str> + 'a>) -> String {
    advice(nearest(name, names).as_deref())
}

/// Returns the most similar name, if it is similar enough.
pub(super) fn nearest<'a>(
    name: &str,
    names: impl IntoIterator<Item = impl AsRef<str> + 'a>,
) -> Option<String> {
    // The distance takes quadratic time, and no known name is that long.
    if name.len() > 100 {
        return None;
    }
    let lower = name.to_lowercase();
    names
        .into_iter()
        .map(|known| {
            let known = known.as_ref();
            (strsim::damerau_levenshtein(&lower, &known.to_lowercase()), known.to_owned())
        })
        .min()
        .filter(|(distance, known)| *distance <= 1 + known.len() / 4 && *distance < name.len())
        .map(|(_, known)| known)
}

/// Formats a suggestion.
pub(super) fn advice(nearest: Option<&str>) -> String {
    nearest.map_or_else(String::new, |name| format!(": did you mean {name}?"))
}
