//! How many Webhooks are in which state: a bar, and a link to each of them.

use super::icon::shape;
use crate::ui::address::{Filter, Page};
use crate::ui::data::state::State;
use maud::{Markup, html};
use std::collections::BTreeMap;

/// The width of the bar in its own units, and of the gap between two parts.
const WIDTH: usize = 1000;
const GAP: usize = 4;
/// The least width of a part, so that one in ten thousand is seen.
const LEAST: usize = 12;

/// Draws the numbers by state. A number leads to the list of these Webhooks, within the filter.
pub(crate) fn states(states: &BTreeMap<State, usize>, filter: &Filter) -> Markup {
    let chosen = filter.state;
    html! {
        @if !states.is_empty() {
            svg.bar viewBox="0 0 1000 10" preserveAspectRatio="none" aria-hidden="true" focusable="false" {
                @for (state, x, width) in parts(states) {
                    rect.(state.tone().class()) x=(x) y="0" width=(width) height="10" {}
                }
            }
            ul.counts aria-label="Webhooks by state" {
                @for (state, count) in states {
                    li {
                        a.count.(state.tone().class())
                            href=(format!("{}{}", Page::Webhooks.path(), filter.with_state(*state).query()))
                            title=(state.meaning())
                            aria-current=[(chosen == Some(*state)).then_some("true")] {
                            (shape(*state))
                            b { (count) }
                            span { (state.word()) }
                        }
                    }
                }
            }
        }
    }
}

/// Returns each state with the beginning and the width of its part.
fn parts(states: &BTreeMap<State, usize>) -> Vec<(State, usize, usize)> {
    let total = states.values().sum::<usize>().max(1);
    let room = (WIDTH + GAP).saturating_sub(states.len() * (LEAST + GAP));
    let (mut at, mut before) = (0, 0);
    let part = |(state, count): (&State, &usize)| {
        // By what is left of each part, so that the parts fill the bar although each is rounded.
        let width = LEAST + room * (before + count) / total - room * before / total;
        let x = at;
        (at, before) = (at + width + GAP, before + count);
        (*state, x, width)
    };
    states.iter().map(part).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_state_is_seen_and_all_fit() {
        let states = BTreeMap::from([(State::Blocked, 1), (State::Drifted, 30), (State::InSync, 9_969)]);
        let parts = parts(&states);
        assert!(parts.iter().all(|(_, _, width)| *width >= LEAST));
        assert!(parts.windows(2).all(|two| two[0].1 + two[0].2 < two[1].1), "{parts:?}");
        let (_, x, width) = parts[2];
        assert!(x + width == WIDTH && width > 900, "{parts:?}");
        assert!(super::parts(&BTreeMap::new()).is_empty());
    }
}
