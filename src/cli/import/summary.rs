//! What `import` says on stderr: what has to be done before the manifests are applied, and what was left out.

use crate::import::{ClearSecret, LeftOut, ToFill};

/// Says where a person puts a value that the vendor does not return.
pub(super) fn fill_in(fill: &ToFill) -> String {
    let maybe =
        if fill.certain { "" } else { "; if the subscription has none, remove the field and its variable" };
    format!(
        "fill in: the vendor does not return {} of {}: put the value into key {} of Secret {}/{}{maybe}",
        fill.field, fill.webhook, fill.secret.key, fill.webhook.namespace, fill.secret.name
    )
}

/// Warns of a value in clear that looks like a secret.
pub(super) fn in_clear(clear: &ClearSecret) -> String {
    format!(
        "looks like a secret: {} of {} holds {} and is printed in clear: move the value to a Secret, and write $(NAME) in its place",
        clear.field, clear.webhook, clear.mark
    )
}

/// Says why a subscription has no manifest. `place` says where it is, if that is not clear.
pub(super) fn left_out(place: &str, left: &LeftOut) -> String {
    let id = if left.id.is_empty() { "an item without a usable id" } else { left.id.as_str() };
    format!("left out{place}: {id} ({}): {}", left.summary, left.reasons.join("; "))
}
