//! Draws one Webhook.

use super::icon::state;
use super::layout::time;
use super::object::{conditions, events, next, unblock};
use super::rows::{account_link, nothing, object_name};
use crate::api::status::Action;
use crate::plan::report::{WebhookReport, html as draw_plan};
use crate::ui::address::Page;
use crate::ui::views::webhook::WebhookView;
use maud::{Markup, html};

pub(crate) fn draw(view: &WebhookView) -> Markup {
    let row = &view.webhook;
    html! {
        header.object {
            p.kind { "Webhook" }
            h1 { (object_name(&row.namespace, &row.name)) }
            p.summary {
                (state(row.state))
                @for also in &row.also { " " (state(*also)) }
            }
            @if !row.message.is_empty() { p.said { b { (row.reason) } " " (row.message) } }
            @if let Some(why) = &view.not_observed { p.notice.quiet { (why) } }
            @if let Some(why) = &view.unreadable { p.notice.bad { "Its spec cannot be read by this version of hooktender: " (why) } }
        }
        (facts(view))
        (unblock(&view.unblock))
        (plan(view))
        div.columns {
            (conditions(&view.conditions))
            div {
                (next(&view.next))
                (events(&view.events))
            }
        }
    }
}

fn facts(view: &WebhookView) -> Markup {
    let row = &view.webhook;
    html! {
        dl.facts {
            div { dt { "Account" } dd {
                (account_link(&row.account))
                @if let Some(of_account) = view.account_state { " " (state(of_account)) }
                @if let Some(trouble) = &view.account_trouble { " " span.message { (trouble) } }
            } }
            @if let (Some(set), Some(name)) = (&view.set_key, &row.set) {
                div { dt { "Set" } dd {
                    a href=(Page::Set(set.clone()).path()) { (name) }
                    " " span.message { "It undoes edits of this Webhook, except of externalId." }
                } }
            }
            div { dt { "Vendor" } dd { (row.vendor) } }
            div { dt { "Subscription" } dd { @match &row.id { Some(id) => code { (id) }, None => (nothing()) } } }
            @if let Some(at) = &view.last_applied { div { dt { "As last applied" } dd { (time(at)) } } }
            @if let Some(at) = &view.deleting_since { div { dt { "Deletion began" } dd { (time(at)) } } }
            @if !view.superseded.is_empty() {
                div { dt { "Replaced, not yet deleted" } dd {
                    @for (at, id) in view.superseded.iter().enumerate() {
                        @if at > 0 { ", " }
                        code { (id) }
                    }
                } }
            }
        }
    }
}

fn plan(view: &WebhookView) -> Markup {
    // What holds it back, and whether the vendor delivers, is said at the head of the page.
    let report = WebhookReport { held: None, delivery: None, ..view.plan.0.clone() };
    html! {
        section.card.plan aria-labelledby="difference" {
            h2 #difference { "Difference" }
            @if report.action == Action::None && report.changes.is_empty() {
                p.faint { "None that the status has recorded." }
            } @else {
                (draw_plan(&report))
            }
        }
    }
}
