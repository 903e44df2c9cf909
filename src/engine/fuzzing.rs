//! `$(NAME)`, in strings that anybody may have made up.

use crate::engine::inputs::variables::Variables;
use crate::plan::Usage;

/// A value that nobody may see.
const SECRET: &str = "hunter2hunter2";

/// Whatever a string holds: its secrets are sent and never shown, and what is shown is what was written.
///
/// # Panics
///
/// When that does not hold.
pub fn variables(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    if text.contains(SECRET) {
        return;
    }
    let variables = Variables::of(&[("TOKEN", SECRET, true), ("HOST", "h.example", false)]);
    let expanded = match variables.expand(&text, Usage::Content) {
        Ok(expanded) => expanded,
        Err(problem) => {
            assert!(!problem.to_string().contains(SECRET), "a problem tells a secret");
            return;
        }
    };
    let (shown, sent) = (expanded.redacted(), expanded.expose());
    assert!(!shown.contains(SECRET), "a secret is shown");
    assert_eq!(sent.contains(SECRET), expanded.is_secret(), "a secret is sent where it stands");
    assert!(!variables.redactor().redact(&sent).contains(SECRET), "a secret is left in what is redacted");
    if !text.contains("$$(") && !text.contains("$(HOST)") {
        assert_eq!(shown, text, "what is no variable stays as it is");
    }
}
