//! Draws the list of Webhooks.

use super::bar::states;
use super::rows::{List, filter, object_name, pages, webhooks};
use crate::api::visible;
use crate::ui::address::{Filter, Page};
use crate::ui::data::state::State;
use crate::ui::views::webhooks::WebhooksView;
use maud::{Markup, html};

pub(crate) fn draw(view: &WebhooksView, chosen: &Filter) -> Markup {
    let total = view.webhooks.total;
    html! {
        h1 { "Webhooks" }
        section.overview aria-label="By state" { (states(&view.states, chosen)) }
        (filter(&Page::Webhooks, chosen, &view.choices, &State::ALL))
        @if let Some(account) = &chosen.account {
            p.chosen {
                "Of account "
                a href=(Page::Account(account.clone()).path()) {
                    (object_name(&visible(&account.namespace), &visible(&account.name)))
                }
            }
        }
        @if let Some(set) = &chosen.set {
            p.chosen {
                "Of set "
                a href=(Page::Set(set.clone()).path()) {
                    (object_name(&visible(&set.namespace), &visible(&set.name)))
                }
            }
        }
        @if total == 0 {
            p.empty {
                @if chosen.is_set() { "No Webhook is like this." } @else { "There is no Webhook." }
            }
        } @else {
            p.lead { (total) " " (if total == 1 { "Webhook" } else { "Webhooks" }) }
            (webhooks(&view.webhooks.rows, "Webhooks", true))
            (pages(&view.webhooks, &Page::Webhooks, chosen, List::First, "Webhooks"))
        }
    }
}
