//! What somebody may have meant.

/// `: did you mean …?`, if one of the names is near enough.
pub(super) fn did_you_mean<'a>(name: &str, names: impl IntoIterator<Item = impl AsRef<str> + 'a>) -> String {
    advice(nearest(name, names).as_deref())
}

/// The name that is nearest, if it is near enough to have been meant.
pub(super) fn nearest<'a>(
    name: &str,
    names: impl IntoIterator<Item = impl AsRef<str> + 'a>,
) -> Option<String> {
    // The distance takes quadratic time, and no name that is meant is that long.
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
        .filter(|(distance, known)| *distance <= 1 + known.len() / 4)
        .map(|(_, known)| known)
}

/// The advice in words.
pub(super) fn advice(nearest: Option<&str>) -> String {
    nearest.map_or_else(String::new, |name| format!(": did you mean {name}?"))
}
