//! A report for a web page: the same entries, words and signs as in text and Markdown, in elements that a style sheet colours.
//!
//! The templates are maud macros: they are checked when the program is compiled, every value in them is escaped, and parts of a
//! page are ordinary functions. Foreign text has its control characters made visible before.

use super::diff::{Body, Entry, Marked, Row, entries};
use super::{Held, Report, WebhookReport, words};
use crate::api::status::Action;
use crate::api::visible;
use maud::{Markup, html};

/// One side of a difference.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Old,
    New,
}

impl Side {
    fn class(self) -> &'static str {
        match self {
            Self::Old => "old",
            Self::New => "new",
        }
    }

    fn sign(self) -> &'static str {
        match self {
            Self::Old => "-",
            Self::New => "+",
        }
    }

    /// What a screen reader says before the value.
    fn label(self) -> &'static str {
        match self {
            Self::Old => "at the vendor: ",
            Self::New => "declared: ",
        }
    }
}

/// The number of Webhooks by action, in a sentence.
pub fn html_summary(report: &Report) -> String {
    words::summary(report)
}

/// Whether a plan has nothing to say about a Webhook.
pub fn is_quiet(webhook: &WebhookReport) -> bool {
    words::is_quiet(webhook)
}

/// What a page says about the whole plan besides the numbers: what blocks it, and whether vendors do not deliver.
pub fn html_warnings(report: &Report) -> Vec<String> {
    words::blocked(report).into_iter().chain(words::not_delivering(report)).collect()
}

/// The sign of a Webhook and its meaning.
fn sign(webhook: &WebhookReport) -> (char, &'static str) {
    let sign = words::sign(webhook);
    let without_action = words::WITHOUT_ACTION.iter().find(|(known, _)| *known == sign);
    (sign, without_action.map_or_else(|| words::meaning(webhook.action), |(_, meaning)| *meaning))
}

/// Draws what is planned for one Webhook, without its name: action and cause, the changed fields, and what holds it back.
pub fn html(webhook: &WebhookReport) -> Markup {
    let (sign, meaning) = sign(webhook);
    html! {
        p.action {
            span.sign title=(meaning) aria-hidden="true" { (sign) }
            " "
            @if let Some(verb) = words::verb(webhook) { b { (verb) } }
            @if let Some(id) = words::id(webhook) { " " code { (id) } }
            @if let Some(why) = words::why(webhook) { " (" (why) ")" }
        }
        (html_changes(webhook))
        @if !webhook.duplicates.is_empty() {
            p.note {
                b { "duplicates: " }
                @for (at, id) in webhook.duplicates.iter().enumerate() {
                    @if at > 0 { ", " }
                    code { (visible(id)) }
                }
                " (equal and unmanaged; left as they are)"
            }
        }
        @for former in &webhook.former {
            p.note {
                b { "former: " } code { (visible(&former.external_id)) }
                " " (visible(&former.summary)) ": " (words::former(former))
            }
        }
        @if let Some(delivery) = words::delivery(webhook) { p.note { b { (delivery) } } }
        @if let Some(advice) = &webhook.advice { p.note { b { "advice: " } (foreign(advice)) } }
        @if let Some(held) = &webhook.held { (html_held(webhook, held)) }
    }
}

/// Draws what holds the change of a Webhook back.
fn html_held(webhook: &WebhookReport, held: &Held) -> Markup {
    html! {
        p.note { b { (words::held_of(webhook, held)) ", " (visible(&held.reason)) ": " } (foreign(&held.message)) }
    }
}

/// Draws the changed fields of a Webhook.
fn html_changes(webhook: &WebhookReport) -> Markup {
    let fields = webhook.changes.iter();
    let all = fields.flat_map(|field| entries(field).into_iter().map(|entry| (entry, field.replaces)));
    html! {
        @if !webhook.changes.is_empty() {
            ul.changes {
                @for (entry, replaces) in all { (html_entry(&entry, replaces && webhook.action != Action::Create)) }
            }
        }
    }
}

fn html_entry(entry: &Entry, replaces: bool) -> Markup {
    let (sign, class, label) = match entry.sides() {
        (false, true) => ("+", "new", "added: "),
        (true, false) => ("-", "old", "removed: "),
        (true, true) | (false, false) => ("~", "changed", "changed: "),
    };
    html! {
        li {
            p.path.(class) {
                span.sign aria-hidden="true" { (sign) }
                span.spoken { (label) }
                code { (entry.path) }
                @if replaces { " " span.tag { "forces replacement" } }
            }
            (html_body(&entry.body))
            @for note in &entry.notes { p.note { (note) } }
        }
    }
}

fn html_body(body: &Body) -> Markup {
    html! {
        @match body {
            Body::Line { before, after } => {
                @if before.is_some() || after.is_some() {
                    div.lines {
                        @if let Some(old) = before { (side(Side::Old, old)) }
                        @if let Some(new) = after { (side(Side::New, new)) }
                    }
                }
            }
            Body::Rows(rows) => div.lines {
                @for row in rows {
                    @match row {
                        Row::Same(text) => p.line { span.sign aria-hidden="true" { " " } code { (text) } },
                        Row::Old(text) => (side(Side::Old, text)),
                        Row::New(text) => (side(Side::New, text)),
                        Row::Elided(n) => p.line.elided { "… " (n) " unchanged lines" },
                    }
                }
            },
        }
    }
}

fn side(side: Side, text: &Marked) -> Markup {
    let (head, rest) = text.text.split_at(text.changed.start);
    let (changed, tail) = rest.split_at(text.changed.len());
    html! {
        p.line.(side.class()) {
            span.sign aria-hidden="true" { (side.sign()) }
            span.spoken { (side.label()) }
            code { (head) @if !changed.is_empty() { em { (changed) } } (tail) }
        }
    }
}

/// Draws foreign text, which may have several lines.
fn foreign(text: &str) -> Markup {
    html! {
        @for (at, line) in text.lines().enumerate() {
            @if at > 0 { br; }
            (visible(line))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::report::testing::any_report;
    use proptest::prelude::*;

    /// The text of a page as a reader sees it: without elements, and with the references resolved.
    fn read(markup: &str) -> String {
        let mut out = String::new();
        for (at, piece) in markup.split('<').enumerate() {
            out.push_str(if at == 0 { piece } else { piece.split_once('>').unwrap().1 });
        }
        [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&amp;", "&")]
            .iter()
            .fold(out, |text, (from, to)| text.replace(from, to))
    }

    fn all(report: &Report) -> impl Iterator<Item = &WebhookReport> {
        report.accounts.iter().flat_map(|account| &account.webhooks).chain(&report.orphans)
    }

    /// The texts that text and Markdown show of a Webhook's changes.
    fn shown(webhook: &WebhookReport) -> Vec<String> {
        let of_entry = |entry: Entry| {
            let values: Vec<_> = match entry.body {
                Body::Line { before, after } => {
                    before.into_iter().chain(after).map(|side| side.text).collect()
                }
                Body::Rows(rows) => rows
                    .into_iter()
                    .map(|row| match row {
                        Row::Same(text) => text,
                        Row::Old(side) | Row::New(side) => side.text,
                        Row::Elided(n) => format!("{n} unchanged lines"),
                    })
                    .collect(),
            };
            std::iter::once(entry.path).chain(values).chain(entry.notes).collect::<Vec<_>>()
        };
        webhook.changes.iter().flat_map(entries).flat_map(of_entry).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn a_page_shows_what_text_shows_and_no_element_of_others(report in any_report()) {
            const OURS: &[&str] = &["p", "b", "code", "ul", "li", "span", "div", "em", "br"];
            for webhook in all(&report) {
                let page = html(webhook).into_string();
                for piece in page.split('<').skip(1) {
                    let name = piece.trim_start_matches('/').split(|c: char| !c.is_ascii_alphanumeric()).next().unwrap();
                    prop_assert!(OURS.contains(&name), "<{} in {}", piece, page);
                }
                prop_assert!(!page.chars().any(crate::api::is_hidden));
                let read = read(&page);
                for text in shown(webhook) {
                    prop_assert!(read.contains(&text), "{:?} is not in {}", text, read);
                }
            }
        }
    }
}
