//! Draws one WebhookSet.

use super::bar::states;
use super::icon::{shape, state};
use super::layout::time;
use super::object::{conditions, events, next, unblock};
use super::rows::{List, nothing, object_name, pages};
use super::sets::{count, numbers};
use crate::ui::address::{Filter, Page};
use crate::ui::views::set::{MemberView, SetView};
use maud::{Markup, html};

pub(crate) fn draw(view: &SetView, page: &Page, chosen: &Filter) -> Markup {
    let row = &view.set;
    let of_set = Filter { set: Some(row.key.clone()), ..Filter::default() };
    html! {
        header.object {
            p.kind { "WebhookSet" }
            h1 { (object_name(&row.namespace, &row.name)) }
            p.summary { (state(row.state)) }
            @if !row.message.is_empty() { p.said { b { (row.reason) } " " (row.message) } }
            @if let Some(why) = &view.not_observed { p.notice.quiet { (why) } }
        }
        (facts(view))
        (unblock(&view.unblock))
        section.overview aria-label="Its Webhooks" { (states(&view.states, &of_set)) }
        (members(view, page, chosen))
        (worst(&view.worst))
        div.columns {
            (conditions(&view.conditions))
            div {
                (next(&view.next))
                (events(&view.events))
            }
        }
    }
}

fn facts(view: &SetView) -> Markup {
    html! {
        dl.facts {
            div { dt { "Vendor" } dd { (view.set.vendor) } }
            @for (name, number, tone) in numbers(&view.set.counts) {
                div { dt { (name) } dd { (count(number, tone)) } }
            }
            @if let Some(at) = &view.deleting_since { div { dt { "Deletion began" } dd { (time(at)) } } }
        }
    }
}

fn members(view: &SetView, page: &Page, chosen: &Filter) -> Markup {
    html! {
        section.group aria-labelledby="members" {
            h2 #members { "Members " span.number-of { (view.members.total + view.not_listed) } }
            @if view.members.total + view.not_listed == 0 { p.empty { "No account matches the selector of the set." } }
            @if !view.members.rows.is_empty() {
                ul.cells { @for member in &view.members.rows { (cell(member)) } }
            }
            (pages(&view.members, page, chosen, List::First, "members"))
            @if view.not_listed > 0 {
                p.faint {
                    (view.not_listed) " of them have no Webhook yet. The status lists only the members in the worst state."
                }
            }
        }
    }
}

/// Draws a member as a cell: its account, and its state by shape, word and colour.
fn cell(member: &MemberView) -> Markup {
    html! {
        li {
            a.cell.(member.state.tone().class()) href=(link(member)) title=(member.state.meaning()) {
                (shape(member.state))
                span.account { (object_name(&member.account.namespace, &member.account.name)) }
                " " span.word { (member.state.word()) }
            }
        }
    }
}

/// The page of the member's Webhook, or of its account without one.
fn link(member: &MemberView) -> String {
    match &member.key {
        Some(webhook) => Page::Webhook(webhook.clone()).path(),
        None => Page::Account(member.account.key.clone()).path(),
    }
}

/// Draws why members are not as they should be.
fn worst(members: &[MemberView]) -> Markup {
    html! {
        @if !members.is_empty() {
            section.group aria-labelledby="worst" {
                h2 #worst { "Members in the worst state" }
                table.webhooks {
                    caption.spoken { "Members in the worst state" }
                    thead {
                        tr {
                            th scope="col" { "Account" }
                            th scope="col" { "State" }
                            th scope="col" { "Webhook" }
                            th scope="col" { "Reason" }
                        }
                    }
                    tbody { @for member in members { (problem(member)) } }
                }
            }
        }
    }
}

fn problem(member: &MemberView) -> Markup {
    html! {
        tr {
            th.name scope="row" {
                a href=(link(member)) { (object_name(&member.account.namespace, &member.account.name)) }
            }
            td.states data-label="State" { (state(member.state)) }
            td data-label="Webhook" {
                @match &member.webhook { Some(name) => (name), None => (nothing()) }
            }
            td.reason data-label="Reason" {
                b { (member.reason) }
                @if !member.message.is_empty() { " " span.message { (member.message) } }
            }
        }
    }
}
