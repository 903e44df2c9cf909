//! What all pages have in common: the head with the search box, since when the page is true, and the foot.

use super::icon::mark;
use crate::ui::address::{Filter, Page};
use crate::ui::assets::{SCRIPT, STYLE};
use crate::ui::views::freshness::{Freshness, Notice};
use crate::ui::views::time::When;
use maud::{DOCTYPE, Markup, html};

/// The frame around the content of a page.
pub(crate) struct Frame<'a> {
    /// The page; none of an error.
    pub(crate) page: Option<&'a Page>,
    pub(crate) filter: &'a Filter,
    pub(crate) freshness: &'a Freshness,
    /// The cluster and the namespaces that are shown.
    pub(crate) scope: &'a str,
}

/// Draws a whole page.
pub(crate) fn page(frame: &Frame<'_>, title: &str, main: &Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                title { (title) " – hooktender" }
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                link rel="stylesheet" href=(STYLE.path());
                link rel="icon" href=(crate::ui::assets::ICON.path()) type="image/svg+xml";
                script src=(SCRIPT.path()) defer {}
            }
            body {
                a.skip href="#main" { "Skip to the content" }
                (head(frame))
                main #main tabindex="-1" {
                    (notices(frame.freshness))
                    (main)
                }
                (foot(frame))
            }
        }
    }
}

fn head(frame: &Frame<'_>) -> Markup {
    let on = |page: &Page| match frame.page {
        Some(Page::Accounts | Page::Account(_)) => *page == Page::Accounts,
        Some(Page::Sets | Page::Set(_)) => *page == Page::Sets,
        Some(Page::Webhooks | Page::Webhook(_)) => *page == Page::Webhooks,
        Some(Page::Plan) => *page == Page::Plan,
        None => false,
    };
    let tabs = [
        ("Accounts", Page::Accounts),
        ("Sets", Page::Sets),
        ("Webhooks", Page::Webhooks),
        ("Plan", Page::Plan),
    ];
    html! {
        header.top {
            a.brand href=(Page::Accounts.path()) { (mark()) span { "hooktender" } }
            nav aria-label="Pages" {
                ul {
                    @for (name, page) in tabs {
                        li { a href=(page.path()) aria-current=[on(&page).then_some("page")] { (name) } }
                    }
                }
            }
            form.search role="search" action=(Page::Webhooks.path()) {
                label.spoken for="search" { "Search Webhooks" }
                input #search type="search" name="q" placeholder="Search Webhooks" value=(frame.filter.words)
                    autocomplete="off" spellcheck="false";
            }
        }
    }
}

/// Draws what is not current, or missing.
fn notices(freshness: &Freshness) -> Markup {
    html! {
        div #notices role="status" {
            @for notice in &freshness.notices { (draw_notice(notice)) }
            p #ended .notice.bad hidden { "hooktender ui does not answer any more. What is shown was true when the page was made." }
        }
    }
}

fn draw_notice(notice: &Notice) -> Markup {
    let class = match (&notice.why, notice.forbidden) {
        (None, _) => "quiet",
        (Some(_), true) => "warning",
        (Some(_), false) => "bad",
    };
    html! {
        p.notice.(class) {
            @match (&notice.why, &notice.true_until) {
                (None, _) => { (notice.what) " are being read for the first time." },
                (Some(why), Some(until)) => {
                    b { (notice.what) " are shown as they were " (time(until)) ". " } "Since then " (why) "."
                },
                (Some(why), None) => { b { "No " (notice.what) " are shown: " } (why) "." },
            }
        }
    }
}

fn foot(frame: &Frame<'_>) -> Markup {
    html! {
        footer.bottom {
            p {
                @if frame.freshness.live { span.live { "Live" } " · " }
                "made " (time(&frame.freshness.made))
                " · " (frame.scope) " · read-only"
            }
            @if let Some(page) = frame.page {
                p { a href=(format!("{}{}", page.json_path(), frame.filter.query())) { "This page as JSON" } }
            }
        }
    }
}

/// Draws a time as its age; the exact time is in its title, and on paper beside it.
pub(crate) fn time(when: &When) -> Markup {
    html! { time datetime=(when.at) title=(when.at) { (when.ago) } }
}
