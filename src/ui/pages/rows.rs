//! Tables of Webhooks, the filter above them, and the pages below them.

use super::icon::state;
use crate::api::status::Action;
use crate::ui::address::{Filter, Page};
use crate::ui::data::state::State;
use crate::ui::views::list::ListPage;
use crate::ui::views::webhooks::{AccountName, Choices, WebhookRow};
use maud::{Markup, html};

/// Draws a table of Webhooks. `with_account` says whether the account is not the same for all.
pub(crate) fn webhooks(rows: &[WebhookRow], caption: &str, with_account: bool) -> Markup {
    html! {
        @if !rows.is_empty() {
            table.webhooks.with-account[with_account] {
                caption.spoken { (caption) }
                thead {
                    tr {
                        th scope="col" { "Webhook" }
                        @if with_account { th scope="col" { "Account" } }
                        th scope="col" { "State" }
                        th scope="col" { "Id" }
                        th scope="col" { "Plan" }
                        th scope="col" { "Reason" }
                    }
                }
                tbody { @for row in rows { (webhook(row, with_account)) } }
            }
        }
    }
}

fn webhook(row: &WebhookRow, with_account: bool) -> Markup {
    html! {
        tr {
            th.name scope="row" {
                a href=(Page::Webhook(row.key.clone()).path()) { (object_name(&row.namespace, &row.name)) }
            }
            @if with_account { td data-label="Account" { (account_link(&row.account)) " " span.faint { (row.vendor) } } }
            td.states data-label="State" {
                (state(row.state))
                @for also in &row.also { " " (state(*also)) }
            }
            td data-label="Id" { @match &row.id { Some(id) => code { (id) }, None => (nothing()) } }
            td data-label="Plan" { (action(row.action)) }
            td.reason data-label="Reason" {
                @if row.reason.is_empty() { (nothing()) } @else {
                    b { (row.reason) }
                    @if row.state != State::InSync && !row.message.is_empty() { " " span.message { (row.message) } }
                }
            }
        }
    }
}

/// Draws namespace and name; a line may break between them.
pub(crate) fn object_name(namespace: &str, name: &str) -> Markup {
    html! { span.namespace { (namespace) "/" } wbr; (name) }
}

pub(crate) fn account_link(account: &AccountName) -> Markup {
    html! {
        a href=(Page::Account(account.key.clone()).path()) { (object_name(&account.namespace, &account.name)) }
    }
}

/// Draws what is left to do at the vendor.
pub(crate) fn action(action: Action) -> Markup {
    html! {
        @if action == Action::None { (nothing()) } @else { span.tag { (action.as_str()) } }
    }
}

/// Draws that there is no value.
pub(crate) fn nothing() -> Markup {
    html! { span.faint aria-label="none" role="img" { "–" } }
}

/// Draws the filter of a list as a form, which works without a script.
pub(crate) fn filter(page: &Page, filter: &Filter, choices: &Choices, states: &[State]) -> Markup {
    html! {
        form.filter action=(page.path()) aria-label="Filter" {
            @if let Some(account) = &filter.account { input type="hidden" name="account" value=(account); }
            @if let Some(set) = &filter.set { input type="hidden" name="set" value=(set); }
            p {
                label for="filter-q" { "Search" }
                input #filter-q type="search" name="q" value=(filter.words) autocomplete="off" spellcheck="false";
            }
            p {
                label for="filter-state" { "State" }
                select #filter-state name="state" {
                    option value="" { "all" }
                    @for state in states {
                        option value=(state.slug()) selected[filter.state == Some(*state)] { (state.word()) }
                    }
                }
            }
            p {
                label for="filter-namespace" { "Namespace" }
                select #filter-namespace name="namespace" {
                    option value="" { "all" }
                    @for namespace in &choices.namespaces {
                        option value=(namespace) selected[filter.namespace.as_ref() == Some(namespace)] {
                            (crate::api::visible(namespace))
                        }
                    }
                }
            }
            p {
                label for="filter-vendor" { "Vendor" }
                select #filter-vendor name="vendor" {
                    option value="" { "all" }
                    @for vendor in &choices.vendors {
                        option value=(vendor) selected[filter.vendor == Some(*vendor)] { (vendor) }
                    }
                }
            }
            p.buttons {
                button { "Filter" }
                @if filter.is_set() { " " a href=(page.path()) { "Show all" } }
            }
        }
    }
}

/// Which of the lists of a page is paged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum List {
    First,
    Second,
}

/// Draws the links to the other pages of a list.
pub(crate) fn pages<T>(shown: &ListPage<T>, page: &Page, filter: &Filter, list: List, what: &str) -> Markup {
    let at = |number: usize| {
        let mut filter = filter.clone();
        match list {
            List::First => filter.page = number,
            List::Second => filter.second_page = number,
        }
        format!("{}{}", page.path(), filter.query())
    };
    let (first, end) = shown.range();
    html! {
        @if shown.pages > 1 {
            nav.pages aria-label=(format!("Pages of {what}")) {
                @if shown.page > 1 { a rel="prev" href=(at(shown.page - 1)) { "← Previous" } }
                span { (first) "–" (end) " of " (shown.total) }
                @if shown.page < shown.pages { a rel="next" href=(at(shown.page + 1)) { "Next →" } }
            }
        }
    }
}
