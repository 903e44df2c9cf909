//! Draws one account.

use super::bar::states;
use super::icon::state;
use super::layout::time;
use super::object::{command, conditions, events, next, unblock};
use super::rows::{List, nothing, object_name, pages, webhooks};
use crate::ui::address::{Filter, Page};
use crate::ui::views::account::{AccountView, UnmanagedRow};
use maud::{Markup, html};

pub(crate) fn draw(view: &AccountView, page: &Page, chosen: &Filter) -> Markup {
    let row = &view.account;
    let of_account = Filter { account: Some(row.key.clone()), ..Filter::default() };
    html! {
        header.object {
            p.kind { "VendorAccount" }
            h1 { (object_name(&row.namespace, &row.name)) }
            p.summary { (state(row.state)) " " code { (row.identity) } }
            @if let Some(why) = &view.not_observed { p.notice.quiet { (why) } }
        }
        (facts(view))
        section.overview aria-label="Its Webhooks" { (states(&view.states, &of_account)) }
        (unblock(&view.unblock))
        (there(view, page, chosen))
        (missing(view, page, chosen))
        (unmanaged(view))
        div.columns {
            (conditions(&view.conditions))
            div {
                (next(std::slice::from_ref(&view.next)))
                (events(&view.events))
            }
        }
    }
}

fn facts(view: &AccountView) -> Markup {
    let row = &view.account;
    let numbers = [
        ("Declared", row.declared),
        ("Managed", row.managed),
        ("Unmanaged", row.unmanaged),
        ("Of other accounts", view.elsewhere),
    ];
    html! {
        dl.facts {
            @for (name, number) in numbers {
                @if name != "Of other accounts" || number > 0 { div { dt { (name) } dd { (number) } } }
            }
            @if let Some(pace) = &row.pace {
                div {
                    dt { "Calls left" }
                    dd { @match pace.budget_left { Some(left) => (left), None => (nothing()) } }
                }
                div {
                    dt { "Last read" }
                    dd { @match &pace.last_read { Some(at) => (time(at)), None => (nothing()) } }
                }
                div {
                    dt { "Next read" }
                    dd { @match &pace.next_read { Some(at) => (time(at)), None => (nothing()) } }
                }
            }
        }
    }
}

fn there(view: &AccountView, page: &Page, chosen: &Filter) -> Markup {
    html! {
        section.group aria-labelledby="there" {
            h2 #there { "Declared and there " span.number-of { (view.there.total) } }
            @if view.there.total == 0 { p.empty { "No Webhook of this account has a subscription at the vendor." } }
            (webhooks(&view.there.rows, "Webhooks whose subscription exists", false))
            (pages(&view.there, page, chosen, List::First, "Webhooks that are there"))
        }
    }
}

fn missing(view: &AccountView, page: &Page, chosen: &Filter) -> Markup {
    html! {
        section.group aria-labelledby="missing" {
            h2 #missing { "Declared and missing " span.number-of { (view.missing.total) } }
            @if view.missing.total == 0 { p.empty { "Every Webhook of this account has a subscription at the vendor." } }
            (webhooks(&view.missing.rows, "Webhooks without a subscription at the vendor", false))
            (pages(&view.missing, page, chosen, List::Second, "Webhooks that are missing"))
        }
    }
}

fn unmanaged(view: &AccountView) -> Markup {
    let unmanaged = &view.unmanaged;
    let listed = i64::try_from(unmanaged.rows.len()).unwrap_or(i64::MAX);
    html! {
        section.group aria-labelledby="unmanaged" {
            h2 #unmanaged { "Unmanaged " span.number-of { (unmanaged.total) } }
            @if unmanaged.total == 0 {
                p.empty { "Every subscription of this account is declared by a Webhook." }
            } @else {
                p { "hooktender never changes these. To declare all of them, apply what this command prints:" }
                (command(&unmanaged.import))
                @if listed == 0 { p.faint { "They are not listed, because the account has unmanaged: Ignore." } }
                ul.unmanaged { @for row in &unmanaged.rows { (unmanaged_row(row)) } }
                @if listed > 0 && listed < unmanaged.total {
                    p.faint { "The status lists the first " (listed) " of " (unmanaged.total) "." }
                }
            }
        }
    }
}

fn unmanaged_row(row: &UnmanagedRow) -> Markup {
    html! {
        li {
            p { @if row.id.is_empty() { (nothing()) } @else { code { (row.id) } } " " (row.summary) }
            @match &row.import {
                Some(import) => (command(import)),
                None => p.faint { "Without an id it cannot be imported." },
            }
        }
    }
}
