//! Draws the plan of everything.

use super::rows::{List, account_link, filter, object_name, pages};
use crate::api::{ObjectKey, visible};
use crate::plan::report::{Outlook, html as draw_plan};
use crate::ui::address::{Filter, Page};
use crate::ui::data::state::{State, Tone};
use crate::ui::views::plan::{PlanRow, PlanView};
use maud::{Markup, html};

pub(crate) fn draw(view: &PlanView, chosen: &Filter) -> Markup {
    let tone = match view.result {
        Outlook::NoChanges => Tone::Good,
        Outlook::Changes => Tone::Busy,
        Outlook::Blocked => Tone::Bad,
    };
    html! {
        h1 { "Plan" }
        p.result.(tone.class()) { (view.summary) }
        @for warning in &view.warnings { p.notice.warning { (warning) } }
        p.faint {
            "As the operator recorded it in its last passes, with long values shortened. "
            code { "hooktender plan" } " reads the vendors now."
        }
        (filter(&Page::Plan, chosen, &view.choices, &State::ALL))
        @for of_account in view.webhooks.rows.chunk_by(|a, b| a.account == b.account) { (account(of_account)) }
        (pages(&view.webhooks, &Page::Plan, chosen, List::First, "changes"))
    }
}

fn account(rows: &[PlanRow]) -> Markup {
    html! {
        @if let Some(first) = rows.first() {
            section.group {
                h2 { "Account " (account_link(&first.account)) }
                @for row in rows { (webhook(row)) }
            }
        }
    }
}

fn webhook(row: &PlanRow) -> Markup {
    let report = &row.plan.0;
    let key = ObjectKey::new(&report.namespace, &report.name);
    html! {
        article.card.plan {
            h3 {
                a href=(Page::Webhook(key).path()) {
                    (object_name(&visible(&report.namespace), &visible(&report.name)))
                }
            }
            (draw_plan(report))
        }
    }
}
