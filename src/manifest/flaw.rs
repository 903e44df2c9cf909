//! What is wrong with a manifest, and where.

/// Maximum characters of a message, which may repeat a value.
const MAX_MESSAGE: usize = 2000;
/// A problem of the member at a path.
#[derive(Debug)]
pub(super) struct Flaw {
    pub(super) path: String,
    /// Whether it is about the key, not the value.
    pub(super) key: bool,
    /// The path that was probably intended.
    pub(super) meant: Option<String>,
    pub(super) message: String,
}

impl Flaw {
    pub(super) fn new(path: &str, message: impl AsRef<str>) -> Self {
        let mut message = format!("{path}: {}", message.as_ref());
        if let Some((end, _)) = message.char_indices().nth(MAX_MESSAGE) {
            message.truncate(end);
            message.push('…');
        }
        Self { path: path.to_owned(), key: false, meant: None, message }
    }

    pub(super) fn key(path: &str, message: impl AsRef<str>) -> Self {
        Self { key: true, ..Self::new(path, message) }
    }
}

/// Returns the path of a member.
pub(super) fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}
