//! Parts of the pages of accounts, sets and Webhooks.

use super::layout::time;
use crate::ui::views::object::{ConditionView, EventView, Remedy};
use maud::{Markup, html};

/// Draws how to unblock an object.
pub(crate) fn unblock(remedies: &[Remedy]) -> Markup {
    html! {
        @if !remedies.is_empty() {
            section.card.unblock aria-labelledby="unblock" {
                h2 #unblock { "To unblock" }
                @for remedy in remedies {
                    p {
                        b { @if remedy.of_account { "The account, " } (remedy.reason) ": " }
                        (remedy.what) "."
                    }
                    @if remedy.of_all_members { p.faint { "The command changes the template of the set, and so all of its members." } }
                    @for line in &remedy.commands { (command(line)) }
                }
            }
        }
    }
}

/// Draws a command to copy.
pub(crate) fn command(line: &str) -> Markup {
    html! { pre.command { code { (line) } } }
}

pub(crate) fn next(lines: &[String]) -> Markup {
    html! {
        section.card aria-labelledby="next" {
            h2 #next { "Next" }
            @for line in lines { p { (line) } }
        }
    }
}

pub(crate) fn conditions(conditions: &[ConditionView]) -> Markup {
    html! {
        section.card aria-labelledby="conditions" {
            h2 #conditions { "Conditions" }
            @if conditions.is_empty() { p.faint { "None yet." } }
            dl.conditions {
                @for condition in conditions {
                    div {
                        dt {
                            b.(condition.tone.class()) { (condition.words) }
                            " " span.faint { (condition.kind) "=" (condition.status) ", since " (time(&condition.since)) }
                        }
                        dd {
                            code.reason { (condition.reason) }
                            @if !condition.message.is_empty() { " " (condition.message) }
                        }
                    }
                }
            }
        }
    }
}

pub(crate) fn events(events: &[EventView]) -> Markup {
    html! {
        section.card aria-labelledby="events" {
            h2 #events { "Events" }
            @if events.is_empty() { p.faint { "None in the time that the cluster keeps events, one hour by default." } }
            ol.events {
                @for event in events {
                    li.warning[event.warning] {
                        (time(&event.at)) " "
                        b { @if event.warning { "⚠ " span.spoken { "Warning: " } } (event.reason) }
                        " " (event.message)
                    }
                }
            }
        }
    }
}
