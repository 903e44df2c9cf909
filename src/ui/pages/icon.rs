//! A shape for each state, so that it can be told without its colour.

use crate::ui::data::state::State;
use maud::{Markup, html};

/// Draws a state: its shape, its word, its colour.
pub(crate) fn state(state: State) -> Markup {
    html! {
        span.state.(state.tone().class()) title=(state.meaning()) { (shape(state)) span { (state.word()) } }
    }
}

/// Draws the shape of a state.
pub(crate) fn shape(state: State) -> Markup {
    // Filled shapes ask for attention, open ones do not.
    let (class, path) = match state {
        State::Blocked => ("filled", "M5 1h6l4 4v6l-4 4H5l-4-4V5z"),
        State::NotDelivering => ("open", "M8 2a6 6 0 1 0 0 12A6 6 0 0 0 8 2M3.8 3.8l8.4 8.4"),
        State::Drifted => ("filled", "M8 .8 15.2 8 8 15.2.8 8z"),
        State::Working => ("open", "M13.5 8a5.5 5.5 0 1 1-1.6-3.9M13.8 1.2v3.6h-3.6"),
        State::Deleting => ("open", "M3.2 3.2l9.6 9.6M12.8 3.2l-9.6 9.6"),
        State::Planned => ("open", "M8 2a6 6 0 1 0 0 12A6 6 0 0 0 8 2M8 4.6V8l2.6 1.6"),
        State::Suspended => ("open", "M5.2 2.8v10.4M10.8 2.8v10.4"),
        State::NotObserved => ("open", "M2 8a6 6 0 0 1 3-5.2M11 2.8A6 6 0 0 1 14 8M11 13.2a6 6 0 0 1-6 0"),
        State::InSync => ("open", "M2.4 8.6l3.8 3.8 7.4-8.4"),
    };
    html! {
        svg.shape.(class) viewBox="0 0 16 16" aria-hidden="true" focusable="false" { path d=(path) {} }
    }
}

/// Draws the mark of the program: a hook.
pub(crate) fn mark() -> Markup {
    html! {
        svg.mark viewBox="0 0 24 24" aria-hidden="true" focusable="false" {
            path d="M14 3.2v9.3a4.8 4.8 0 1 1-9.6 0v-1.3l2.4 2" {}
            circle cx="14" cy="3.2" r="2.2" {}
            path d="M18.6 9.4l2.6 2.6-2.6 2.6" {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn each_state_has_a_shape_of_its_own() {
        let shapes: BTreeSet<_> = State::ALL.map(|state| shape(state).into_string()).into();
        assert_eq!(shapes.len(), State::ALL.len());
    }
}
