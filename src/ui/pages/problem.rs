//! Draws what is shown instead of a page.

use maud::{Markup, html};

/// Draws a problem, and what to do.
pub(crate) fn draw(title: &str, what: &str) -> Markup {
    html! {
        h1 { (title) }
        p { (what) }
        p { a href="/accounts" { "All accounts" } ", " a href="/webhooks" { "all Webhooks" } }
    }
}
