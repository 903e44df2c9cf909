//! Fuzz target for `$(NAME)` in strings.

use crate::engine::inputs::variables::Variables;
use crate::plan::Usage;

/// A secret value.
const SECRET: &str = "hunter2hunter2";

/// For any string: its secrets are sent and never shown, and the shown text is the written one.
///
/// # Panics
///
/// If that does not hold.
pub fn variables(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    if text.contains(SECRET) {
        return;
    }
    let variables = Variables::of(&[("TOKEN", SECRET, true), ("HOST", "h.example", false)]);
    let expanded = match variables.expand(&text, Usage::Content) {
        Ok(expanded) => expanded,
        Err(problem) => {
            assert!(!problem.to_string().contains(SECRET), "a problem shows a secret");
            return;
        }
    };
    let (shown, sent) = (expanded.redacted(), expanded.expose());
    assert!(!shown.contains(SECRET), "a secret is shown");
    assert_eq!(sent.contains(SECRET), expanded.is_secret(), "a secret is sent");
    assert!(!variables.redactor().redact(&sent).contains(SECRET), "the redacted text holds a secret");
    if !text.contains("$$(") && !text.contains("$(HOST)") {
        assert_eq!(shown, text, "text without variables stays as it is");
    }
}
