//! Draws the list of WebhookSets.

use super::icon::state;
use super::rows::{List, filter, object_name, pages};
use crate::ui::address::{Filter, Page};
use crate::ui::data::state::{State, Tone};
use crate::ui::views::sets::{MemberCounts, SetRow, SetsView};
use maud::{Markup, html};

pub(crate) fn draw(view: &SetsView, chosen: &Filter) -> Markup {
    html! {
        h1 { "Sets" }
        p.lead { "A WebhookSet declares the same subscription for all accounts that its selector matches." }
        (filter(&Page::Sets, chosen, &view.choices, &State::ALL))
        @if view.sets.rows.is_empty() {
            p.empty {
                @if chosen.is_set() { "No set is like this." } @else { "There is no WebhookSet." }
            }
        } @else {
            (table(&view.sets.rows))
            (pages(&view.sets, &Page::Sets, chosen, List::First, "sets"))
        }
    }
}

fn table(rows: &[SetRow]) -> Markup {
    html! {
        table.accounts {
            caption.spoken { "Sets" }
            thead {
                tr {
                    th scope="col" { "Set" }
                    th scope="col" { "State" }
                    @for (name, ..) in rows.first().map(|row| numbers(&row.counts)).into_iter().flatten() {
                        th.number scope="col" { (name) }
                    }
                }
            }
            tbody { @for row in rows { (set(row)) } }
        }
    }
}

fn set(row: &SetRow) -> Markup {
    html! {
        tr {
            th.name scope="row" {
                a href=(Page::Set(row.key.clone()).path()) { (object_name(&row.namespace, &row.name)) }
                " " span.faint { (row.vendor) }
            }
            td.states data-label="State" {
                (state(row.state))
                @if row.state != State::InSync && !row.message.is_empty() {
                    " " span.message { (row.message) }
                }
            }
            @for (name, number, tone) in numbers(&row.counts) {
                td.number data-label=(name) { (count(number, tone)) }
            }
        }
    }
}

/// The numbers of members, with the tone of those that ask for attention.
pub(crate) fn numbers(counts: &MemberCounts) -> [(&'static str, i64, Option<Tone>); 6] {
    [
        ("Members", counts.members, None),
        ("Updated", counts.updated, None),
        ("Ready", counts.ready, None),
        ("Drifted", counts.drifted, Some(State::Drifted.tone())),
        ("Not delivering", counts.not_delivering, Some(State::NotDelivering.tone())),
        ("Blocked", counts.blocked, Some(State::Blocked.tone())),
    ]
}

/// Draws a number of members.
pub(crate) fn count(number: i64, tone: Option<Tone>) -> Markup {
    html! {
        @match tone {
            Some(_) if number == 0 => span.faint { "0" },
            Some(tone) => b.(tone.class()) { (number) },
            None => (number),
        }
    }
}
