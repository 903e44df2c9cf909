//! A report for a comment on a pull request, as GitHub and GitLab show it.
//!
//! Foreign text is quoted as code only, so that no mention, link, image or HTML in it is rendered. It is never cut in the middle:
//! what does not fit is omitted as a whole, and counted.

use super::diff::{Body, Entry, Row, entries_of};
use super::groups::{Group, Grouped, grouped};
use super::visible::value;
use super::words;
use super::{AccountReport, Held, Report, WebhookReport};
use crate::api::visible;
use std::fmt::Write as _;

/// The most characters of a comment. GitHub accepts 65,536.
const LONGEST: usize = 60_000;
/// Room for the sentence about what was left out.
const RESERVE: usize = 500;
/// How many members of a group a comment names.
const MAX_MEMBERS: usize = 100;

/// Draws a report in at most 60,000 characters.
pub fn markdown(report: &Report) -> String {
    let mut comment =
        Comment { out: format!("### {}\n\n{}\n", words::summary(report), words::calls(report)), used: 0 };
    for warning in words::blocked(report).into_iter().chain(words::not_delivering(report)) {
        let _ = write!(comment.out, "\n**{warning}**\n");
    }
    comment.used = comment.out.chars().count();
    let messages =
        report.accounts.iter().filter_map(|account| Some(message(account, account.held.as_ref()?)));
    let messages = messages.chain(report.accounts.iter().filter_map(advised));
    let messages = messages.filter(|piece| !comment.take(piece, LONGEST / 4)).count();
    let Grouped { groups, rest } = grouped(report);
    let loud: Vec<_> = report
        .accounts
        .iter()
        .zip(rest)
        .flat_map(|(account, webhooks)| webhooks.into_iter().map(move |webhook| (Some(account), webhook)))
        .chain(report.orphans.iter().map(|webhook| (None, webhook)))
        .filter(|(_, webhook)| !words::is_quiet(webhook))
        .collect();
    let rows = table(&mut comment, &groups, &loud);
    // Why a whole account is not planned is said once, at the account.
    let details = loud.iter().filter(|(_, webhook)| !words::is_listed_only(webhook));
    let details = details.filter_map(|(_, webhook)| details_of(webhook));
    let details = groups.iter().map(group_details).chain(details);
    let details = details.filter(|piece| !comment.take(piece, LONGEST - RESERVE)).count();
    let unmanaged = report.accounts.iter().filter_map(unmanaged);
    let unmanaged = unmanaged.filter(|piece| !comment.take(piece, LONGEST - RESERVE)).count();
    let left_out = [
        (messages, "messages about accounts"),
        (rows, "rows of the table"),
        (details, "Webhooks' details"),
        (unmanaged, "lists of unmanaged subscriptions"),
    ];
    let left_out: Vec<_> =
        left_out.iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{n} {what}")).collect();
    if !left_out.is_empty() {
        let _ = write!(
            comment.out,
            "\nToo long for a comment, so left out: {}. `hooktender plan` shows everything.\n",
            left_out.join(", ")
        );
    }
    comment.out
}

struct Comment {
    out: String,
    used: usize,
}

impl Comment {
    /// Adds a piece as a whole, or not at all.
    fn take(&mut self, piece: &str, up_to: usize) -> bool {
        let length = piece.chars().count();
        let fits = self.used + length <= up_to;
        if fits {
            self.out.push_str(piece);
            self.used += length;
        }
        fits
    }
}

fn message(account: &AccountReport, held: &Held) -> String {
    let name = code(&words::name(&account.namespace, &account.name));
    format!("\n> Account {name}: {}\n", held_back(held))
}

fn advised(account: &AccountReport) -> Option<String> {
    let name = code(&words::name(&account.namespace, &account.name));
    let lines: Vec<_> = account.advice.as_ref()?.lines().map(|line| code(&value(line))).collect();
    Some(format!("\n> Account {name}: **advice**: {}\n", lines.join(" ")))
}

fn held_back(held: &Held) -> String {
    let message: Vec<_> = held.message.lines().map(|line| code(&value(line))).collect();
    format!("**{}**, {}: {}", words::held(held), code(&value(&held.reason)), message.join(" "))
}

/// Adds the table of groups and Webhooks, up to half of the comment; returns the number of rows that were left out.
fn table(
    comment: &mut Comment,
    groups: &[Group<'_>],
    webhooks: &[(Option<&AccountReport>, &WebhookReport)],
) -> usize {
    if groups.is_empty() && webhooks.is_empty() {
        return 0;
    }
    comment.take("\n| | Webhook | Account | Action | Why |\n| --- | --- | --- | --- | --- |\n", LONGEST);
    let of_groups = groups.iter().map(|group| {
        let accounts =
            format!("{} of {}", words::some(group.accounts().len(), "account"), group.first.account.vendor);
        let webhooks = words::some(group.members.len(), "Webhook");
        row(group.first.webhook, &webhooks, &accounts, group.action().unwrap_or_default())
    });
    let of_webhooks = webhooks.iter().map(|(account, webhook)| {
        let account = account.map(|account| cell(&words::name(&account.namespace, &account.name)));
        let action = words::verb(webhook).map(str::to_owned).into_iter();
        let action: Vec<_> = action.chain(words::id(webhook).map(|id| cell(&id))).collect();
        let name = cell(&words::name(&webhook.namespace, &webhook.name));
        row(webhook, &name, &account.unwrap_or_default(), &action.join(" "))
    });
    of_groups.chain(of_webhooks).filter(|row| !comment.take(row, LONGEST / 2)).count()
}

/// Returns a row of the table, with the sign of a Webhook and why its change is made, or not.
fn row(webhook: &WebhookReport, name: &str, account: &str, action: &str) -> String {
    let held = webhook.held.as_ref();
    let held =
        held.map(|held| format!("**{}**: {}", words::held_of(webhook, held), cell(&value(&held.reason))));
    let delivery = webhook.is_disabled_by_vendor().then(|| "**not delivering**".to_owned());
    let why: Vec<_> =
        words::why(webhook).map(str::to_owned).into_iter().chain(held).chain(delivery).collect();
    format!("| `{}` | {name} | {account} | {action} | {} |\n", words::sign(webhook), why.join("; "))
}

/// The details of a Webhook besides its row.
fn details_of(webhook: &WebhookReport) -> Option<String> {
    let mut lines = Vec::new();
    for (shown, replaces) in entries_of(&webhook.changes) {
        entry(&shown, replaces, &mut lines);
    }
    remarks(webhook, &mut lines);
    if lines.is_empty() {
        return None;
    }
    if let Some(place) = &webhook.declared_at {
        lines.insert(0, declared_at(place));
    }
    let name = html(&words::name(&webhook.namespace, &webhook.name));
    let verb = words::verb(webhook).map(|verb| format!(": {verb}")).unwrap_or_default();
    let id = words::id(webhook).map(|id| format!(" <code>{}</code>", html(&id))).unwrap_or_default();
    let title = format!("{} <code>{name}</code>{verb}{id}", words::sign(webhook));
    Some(folded(&title, "diff", &lines))
}

/// The details of a group, with its members.
fn group_details(group: &Group<'_>) -> String {
    let webhook = group.first.webhook;
    let mut lines: Vec<_> = group.declared_at().map(declared_at).into_iter().collect();
    for (shown, replaces) in group.entries() {
        entry(&shown, replaces, &mut lines);
    }
    remarks(webhook, &mut lines);
    lines.extend(group.members.iter().take(MAX_MEMBERS).map(|member| format!("# {}", member.title())));
    if group.members.len() > MAX_MEMBERS {
        lines.push(format!(
            "# … and {} more; hooktender plan --all lists all",
            group.members.len() - MAX_MEMBERS
        ));
    }
    let verb = group.action().map(|verb| format!(": {verb}")).unwrap_or_default();
    folded(&format!("{} {}{verb}", words::sign(webhook), group.size()), "diff", &lines)
}

fn declared_at(place: &str) -> String {
    format!("# declared at {}", visible(place))
}

/// Adds what else is said about a Webhook, and what holds it back.
fn remarks(webhook: &WebhookReport, lines: &mut Vec<String>) {
    if !webhook.duplicates.is_empty() {
        let ids: Vec<_> = webhook.duplicates.iter().map(|id| visible(id)).collect();
        lines.push(format!("! duplicates, left as they are: {}", ids.join(", ")));
    }
    for former in &webhook.former {
        let one = format!("{} {}", visible(&former.external_id), visible(&former.summary));
        lines.push(format!("! former: {one}: {}", words::former(former)));
    }
    lines.extend(words::delivery(webhook).map(|delivery| format!("! {delivery}")));
    if let Some(advice) = &webhook.advice {
        foreign("advice: ", advice, lines);
    }
    if let Some(held) = &webhook.held {
        let what = format!("{}, {}: ", words::held_of(webhook, held), visible(&held.reason));
        foreign(&what, &held.message, lines);
    }
}

/// Adds foreign text, which may have several lines.
fn foreign(what: &str, text: &str, lines: &mut Vec<String>) {
    let mut rest = text.lines();
    lines.push(format!("! {what}{}", visible(rest.next().unwrap_or_default())));
    lines.extend(rest.map(|line| format!("!   {}", visible(line))));
}

fn entry(entry: &Entry, replaces: bool, lines: &mut Vec<String>) {
    let path = &entry.path;
    let mark = if replaces { " forces replacement" } else { "" };
    match &entry.body {
        Body::Line { before: None, after: Some(new) } => lines.push(format!("+ {path}: {}", new.text)),
        Body::Line { before: Some(old), after: None } => lines.push(format!("- {path}: {}", old.text)),
        Body::Line { before, after } => {
            lines.push(format!("@@ {path} @@{mark}"));
            lines.extend(before.iter().map(|old| format!("- {}", old.text)));
            lines.extend(after.iter().map(|new| format!("+ {}", new.text)));
        }
        Body::Rows(rows) => {
            lines.push(format!("@@ {path} @@{mark}"));
            lines.extend(rows.iter().map(|row| match row {
                Row::Same(text) => format!("  {text}"),
                Row::Old(text) => format!("- {}", text.text),
                Row::New(text) => format!("+ {}", text.text),
                Row::Elided(n) => format!("# … {n} unchanged lines"),
            }));
        }
    }
    lines.extend(entry.notes.iter().map(|note| format!("# {note}")));
}

fn unmanaged(account: &AccountReport) -> Option<String> {
    let list = account.unmanaged.iter();
    let lines: Vec<_> =
        list.map(|one| format!("{}  {}", visible(&one.external_id), visible(&one.summary))).collect();
    let name = html(&words::name(&account.namespace, &account.name));
    let title = format!("{} unmanaged in <code>{name}</code>, never changed", lines.len());
    (!lines.is_empty()).then(|| folded(&title, "text", &lines))
}

/// Returns collapsed lines, in a fence that none of them can end.
fn folded(title: &str, language: &str, lines: &[String]) -> String {
    let longest = lines.iter().map(|line| longest_run(line)).max().unwrap_or(0);
    let fence = "`".repeat((longest + 1).max(3));
    let body: Vec<_> = lines.iter().map(|line| line.trim_end()).collect();
    format!(
        "\n<details><summary>{title}</summary>\n\n{fence}{language}\n{}\n{fence}\n\n</details>\n",
        body.join("\n")
    )
}

fn longest_run(text: &str) -> usize {
    text.split(|c| c != '`').map(str::len).max().unwrap_or(0)
}

/// Returns foreign text without control characters as code, in which nothing is rendered.
fn code(text: &str) -> String {
    let ticks = "`".repeat(longest_run(text) + 1);
    let at_end = |c: char| c == '`' || c == ' ';
    let pad = if text.starts_with(at_end) || text.ends_with(at_end) { " " } else { "" };
    format!("{ticks}{pad}{text}{pad}{ticks}")
}

/// Returns code for a table, where a vertical bar would end the cell even in code.
fn cell(text: &str) -> String {
    code(text).replace('|', r"\u{7c}")
}

/// Returns foreign text without control characters for HTML.
fn html(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
