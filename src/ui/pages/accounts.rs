//! Draws the list of accounts.

use super::bar::states;
use super::icon::state;
use super::layout::time;
use super::rows::{List, filter, nothing, object_name, pages};
use crate::ui::address::{Filter, Page};
use crate::ui::data::state::State;
use crate::ui::views::accounts::{AccountRow, AccountsView, PaceView};
use maud::{Markup, html};

/// The states that an account can have.
const STATES: [State; 6] =
    [State::Blocked, State::Working, State::Deleting, State::Suspended, State::NotObserved, State::InSync];

pub(crate) fn draw(view: &AccountsView, chosen: &Filter) -> Markup {
    let total: usize = view.states.values().sum();
    html! {
        h1 { "Accounts" }
        @if total > 0 {
            section.overview aria-label="All Webhooks" {
                p.lead { (total) " " (if total == 1 { "Webhook" } else { "Webhooks" }) }
                (states(&view.states, &Filter::default()))
            }
        }
        (filter(&Page::Accounts, chosen, &view.choices, &STATES))
        @if view.accounts.rows.is_empty() {
            p.empty {
                @if chosen.is_set() { "No account is like this." } @else { "There is no VendorAccount." }
            }
        } @else {
            (table(&view.accounts.rows))
            (pages(&view.accounts, &Page::Accounts, chosen, List::First, "accounts"))
        }
    }
}

fn table(rows: &[AccountRow]) -> Markup {
    let with_pace = rows.iter().any(|row| row.pace.is_some());
    html! {
        table.accounts {
            caption.spoken { "Accounts" }
            thead {
                tr {
                    th scope="col" { "Account" }
                    th scope="col" { "State" }
                    th.number scope="col" { "Declared" }
                    th.number scope="col" { "Managed" }
                    th.number scope="col" { "Unmanaged" }
                    th.number scope="col" { "Drifted" }
                    th.number scope="col" { "Not delivering" }
                    th.number scope="col" { "Blocked" }
                    @if with_pace {
                        th.number scope="col" { "Calls left" }
                        th scope="col" { "Last read" }
                        th scope="col" { "Next read" }
                    }
                }
            }
            tbody { @for row in rows { (account(row, with_pace)) } }
        }
    }
}

fn account(row: &AccountRow, with_pace: bool) -> Markup {
    let list = |state| {
        let of = Filter { account: Some(row.key.clone()), state: Some(state), ..Filter::default() };
        format!("{}{}", Page::Webhooks.path(), of.query())
    };
    let numbers = [
        ("Declared", row.declared, None),
        ("Managed", row.managed, None),
        ("Unmanaged", row.unmanaged, None),
        ("Drifted", count(row.troubles.drifted), Some(State::Drifted)),
        ("Not delivering", count(row.troubles.not_delivering), Some(State::NotDelivering)),
        ("Blocked", count(row.troubles.blocked), Some(State::Blocked)),
    ];
    html! {
        tr {
            th.name scope="row" {
                a href=(Page::Account(row.key.clone()).path()) { (object_name(&row.namespace, &row.name)) }
                " " span.faint { (row.identity) }
            }
            td.states data-label="State" {
                (state(row.state))
                @if row.state != State::InSync && !row.message.is_empty() {
                    " " span.message { (row.message) }
                }
            }
            @for (label, number, trouble) in numbers {
                td.number data-label=(label) {
                    @match trouble {
                        _ if number == 0 => span.faint { "0" },
                        Some(state) => a.(state.tone().class()) href=(list(state)) { (number) },
                        None => (number),
                    }
                }
            }
            @if with_pace { (pace(row.pace.as_ref())) }
        }
    }
}

fn pace(pace: Option<&PaceView>) -> Markup {
    html! {
        td.number data-label="Calls left" {
            @match pace.and_then(|pace| pace.budget_left) { Some(left) => (left), None => (nothing()) }
        }
        td data-label="Last read" {
            @match pace.and_then(|pace| pace.last_read.as_ref()) { Some(at) => (time(at)), None => (nothing()) }
        }
        td data-label="Next read" {
            @match pace.and_then(|pace| pace.next_read.as_ref()) { Some(at) => (time(at)), None => (nothing()) }
        }
    }
}

fn count(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
