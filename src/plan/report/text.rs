//! A report for a terminal, in any width, with colours or without.

use super::canvas::{Break, Canvas, Ink, Span, columns};
use super::diff::{Body, Entry, Marked, Row, entries};
use super::words::{self, ACTIONS};
use super::{AccountReport, Held, Report, UnmanagedReport, WebhookReport};
use crate::api::status::Action;
use crate::api::visible;

/// The number of unmanaged subscriptions, and of Webhooks that are not planned, that are listed for an account, unless all are.
const MAX_LISTED: usize = 10;
/// Paths are padded up to this many columns, so that one long path does not push all values away.
const WIDEST_PATH: usize = 28;

const OLD: (Ink, Ink) = (Ink::Old, Ink::OldPart);
const NEW: (Ink, Ink) = (Ink::New, Ink::NewPart);

/// Options for [`text`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Style {
    /// Whether colours show what is new and what is old, in addition to the signs.
    pub colour: bool,
    /// The width in columns, at least 20.
    pub width: usize,
    /// Whether to list unchanged Webhooks too, and all unmanaged subscriptions.
    pub all: bool,
}

/// Draws a report. Whatever a vendor sent, the text has no control characters except line breaks and colour codes.
pub fn text(report: &Report, style: &Style) -> String {
    let mut page = Page { canvas: Canvas::new(style.width, style.colour), all: style.all };
    page.legend(report);
    for account in &report.accounts {
        page.account(account);
    }
    page.orphans(&report.orphans);
    page.canvas.gap();
    page.prose(0, 0, &[Span(Ink::Title, words::summary(report))]);
    page.prose(0, 0, &[Span::plain(words::calls(report))]);
    for warning in words::blocked(report).into_iter().chain(words::not_delivering(report)) {
        page.prose(0, 0, &[Span(Ink::Warning, warning)]);
    }
    page.canvas.finish()
}

fn ink(action: Action) -> Ink {
    match action {
        Action::None => Ink::Faint,
        Action::Create => Ink::New,
        Action::Adopt | Action::Retain => Ink::Taken,
        Action::Update => Ink::Changed,
        Action::Replace => Ink::Replaced,
        Action::Delete => Ink::Old,
    }
}

struct Page {
    canvas: Canvas,
    all: bool,
}

impl Page {
    fn prose(&mut self, indent: usize, hang: usize, spans: &[Span]) {
        self.canvas.line(indent, hang, Break::Words, spans);
    }

    /// Draws foreign text, which may have several lines.
    fn foreign(&mut self, indent: usize, hang: usize, head: Span, text: &str) {
        let mut lines = text.lines();
        let first = visible(lines.next().unwrap_or_default());
        self.prose(indent, hang, &[head, Span::plain(first)]);
        for line in lines {
            self.prose(hang, hang, &[Span::plain(visible(line))]);
        }
    }

    /// Draws the signs that occur.
    fn legend(&mut self, report: &Report) {
        let webhooks = || report.webhooks();
        let shown = |action: &&Action| webhooks().any(|webhook| webhook.action == **action);
        let mut signs: Vec<_> = ACTIONS.iter().filter(shown).copied().collect();
        if self.all && webhooks().any(words::is_quiet) {
            signs.push(Action::None);
        }
        let signs =
            signs.into_iter().map(|action| (ink(action), words::action_sign(action), words::meaning(action)));
        let occurs = |sign: char| webhooks().any(|webhook| words::sign(webhook) == sign);
        let others = words::WITHOUT_ACTION.into_iter().filter(|(sign, _)| occurs(*sign));
        let others = others.map(|(sign, meaning)| (Ink::Warning, sign, meaning));
        for (ink, sign, meaning) in signs.chain(others) {
            self.prose(2, 4, &[Span(ink, sign.into()), Span::plain(format!(" {meaning}"))]);
        }
    }

    fn account(&mut self, account: &AccountReport) {
        let quiet = account.held.is_none()
            && account.advice.is_none()
            && account.unmanaged.is_empty()
            && account.webhooks.iter().all(words::is_quiet);
        if quiet && !self.all {
            return;
        }
        self.canvas.gap();
        let name = words::name(&account.namespace, &account.name);
        let identity = format!(" ({})", visible(&account.identity));
        self.prose(0, 2, &[Span(Ink::Title, format!("Account {name}")), Span(Ink::Faint, identity)]);
        if let Some(held) = &account.held {
            self.held(2, words::held(held), held);
        }
        if let Some(advice) = &account.advice {
            self.foreign(2, 4, Span(Ink::Warning, "advice: ".into()), advice);
        }
        let (listed, planned): (Vec<_>, Vec<_>) =
            account.webhooks.iter().partition(|one| words::is_listed_only(one));
        self.webhooks(&planned);
        let listed: Vec<_> = listed
            .into_iter()
            .map(|webhook| Listed {
                sign: words::sign(webhook),
                id: String::new(),
                text: words::name(&webhook.namespace, &webhook.name),
            })
            .collect();
        let head = format!("{}: {}", words::listed(account), listed.len());
        self.list(&head, &listed);
        self.unmanaged(&account.unmanaged);
    }

    fn orphans(&mut self, orphans: &[WebhookReport]) {
        if orphans.iter().all(words::is_quiet) && !self.all || orphans.is_empty() {
            return;
        }
        self.canvas.gap();
        self.prose(0, 2, &[Span(Ink::Title, "Webhooks without an account".into())]);
        self.webhooks(&orphans.iter().collect::<Vec<_>>());
    }

    fn webhooks(&mut self, webhooks: &[&WebhookReport]) {
        let (quiet, loud): (Vec<_>, Vec<_>) =
            webhooks.iter().copied().partition(|webhook| words::is_quiet(webhook));
        for webhook in loud {
            self.canvas.gap();
            self.webhook(webhook);
        }
        if quiet.is_empty() {
            return;
        }
        self.canvas.gap();
        if self.all {
            for webhook in quiet {
                self.webhook(webhook);
            }
        } else {
            let quiet = quiet.len();
            self.prose(2, 4, &[Span(Ink::Faint, format!("{quiet} unchanged"))]);
        }
    }

    fn webhook(&mut self, webhook: &WebhookReport) {
        let name = words::name(&webhook.namespace, &webhook.name);
        let sign = words::sign(webhook);
        let has_action = webhook.action != Action::None || webhook.held.is_none();
        let ink = if has_action { ink(webhook.action) } else { Ink::Warning };
        let mut spans = vec![Span(ink, format!("{sign} ")), Span(Ink::Title, name)];
        spans.extend(words::verb(webhook).map(|verb| Span::plain(format!(": {verb}"))));
        spans.extend(words::id(webhook).map(|id| Span::plain(format!(" {id}"))));
        spans.extend(words::why(webhook).map(|why| Span::plain(format!(" ({why})"))));
        self.prose(2, 4, &spans);
        if let Some(place) = &webhook.declared_at {
            self.prose(4, 6, &[Span(Ink::Faint, format!("declared at {}", visible(place)))]);
        }
        self.changes(webhook);
        if !webhook.duplicates.is_empty() {
            let ids: Vec<_> = webhook.duplicates.iter().map(|id| visible(id)).collect();
            let text = format!("{} (equal and unmanaged; left as they are)", ids.join(", "));
            self.prose(4, 6, &[Span(Ink::Warning, "duplicates: ".into()), Span::plain(text)]);
        }
        for former in &webhook.former {
            let one = format!("{} {}", visible(&former.external_id), visible(&former.summary));
            let text = format!("{one}: {}", words::former(former));
            self.prose(4, 6, &[Span(Ink::Warning, "former: ".into()), Span::plain(text)]);
        }
        if let Some(delivery) = words::delivery(webhook) {
            self.prose(4, 6, &[Span(Ink::Warning, delivery.into())]);
        }
        if let Some(advice) = &webhook.advice {
            self.foreign(4, 6, Span(Ink::Warning, "advice: ".into()), advice);
        }
        if let Some(held) = &webhook.held {
            self.held(4, words::held_of(webhook, held), held);
        }
    }

    fn held(&mut self, indent: usize, words: &str, held: &Held) {
        let what = format!("{words}, {}: ", visible(&held.reason));
        self.foreign(indent, indent + 2, Span(Ink::Warning, what), &held.message);
    }

    fn changes(&mut self, webhook: &WebhookReport) {
        let all: Vec<_> = webhook
            .changes
            .iter()
            .flat_map(|field| entries(field).into_iter().map(|entry| (entry, field.replaces)))
            .collect();
        let paths = all.iter().filter(|(entry, _)| matches!(entry.body, Body::Line { .. }));
        let paths = paths.map(|(entry, _)| columns(&entry.path)).filter(|&width| width <= WIDEST_PATH);
        let widest = paths.max().unwrap_or(0);
        for (entry, replaces) in all {
            // A subscription that is created has no field that forces a replacement.
            let replaces = replaces && webhook.action != Action::Create;
            self.entry(&entry, widest, replaces);
        }
    }

    fn entry(&mut self, entry: &Entry, widest: usize, replaces: bool) {
        let (sign, ink) = match entry.sides() {
            (false, true) => ("+ ", Ink::New),
            (true, false) => ("- ", Ink::Old),
            (true, true) | (false, false) => ("~ ", Ink::Changed),
        };
        let head = [Span(ink, sign.into()), Span::plain(entry.path.clone())];
        let mark = replaces.then(|| Span(Ink::Replaced, "  # forces replacement".into()));
        let beside = inline(entry).map(|values| {
            let pad = Span::plain(" ".repeat(widest.saturating_sub(columns(&entry.path)) + 2));
            head.iter().cloned().chain([pad]).chain(values).chain(mark.clone()).collect::<Vec<_>>()
        });
        match beside.filter(|spans| self.canvas.fits(4, spans)) {
            Some(spans) => self.canvas.line(4, 8, Break::Anywhere, &spans),
            None => self.below(entry, &head, mark),
        }
        for note in &entry.notes {
            self.prose(6, 8, &[Span(Ink::Faint, note.clone())]);
        }
    }

    /// Draws the values of an entry below its path.
    fn below(&mut self, entry: &Entry, head: &[Span], mark: Option<Span>) {
        let spans: Vec<_> = head.iter().cloned().chain(mark.clone()).collect();
        if self.canvas.fits(4, &spans) {
            self.canvas.line(4, 8, Break::Anywhere, &spans);
        } else {
            self.canvas.line(4, 8, Break::Anywhere, head);
            if let Some(Span(ink, mark)) = mark {
                self.prose(6, 8, &[Span(ink, mark.trim_start().into())]);
            }
        }
        match &entry.body {
            Body::Line { before: Some(old), after: Some(new) } => {
                self.side("- ", old, OLD);
                self.side("+ ", new, NEW);
            }
            // The sign is in front of the path already.
            Body::Line { before: Some(old), after: None } => self.side("  ", old, OLD),
            Body::Line { before: None, after: Some(new) } => self.side("  ", new, NEW),
            Body::Line { before: None, after: None } => {}
            Body::Rows(rows) => rows.iter().for_each(|row| self.row(row)),
        }
    }

    fn row(&mut self, row: &Row) {
        match row {
            Row::Same(text) => {
                let spans = [Span(Ink::Faint, format!("  {text}"))];
                self.canvas.line(6, 8, Break::Anywhere, &spans);
            }
            Row::Old(text) => self.side("- ", text, OLD),
            Row::New(text) => self.side("+ ", text, NEW),
            Row::Elided(n) => self.prose(6, 8, &[Span(Ink::Faint, format!("… {n} unchanged lines"))]),
        }
    }

    fn side(&mut self, sign: &str, text: &Marked, inks: (Ink, Ink)) {
        let mut spans = vec![Span(inks.0, sign.into())];
        spans.extend(parts(text, inks));
        self.canvas.line(6, 8, Break::Anywhere, &spans);
    }

    fn unmanaged(&mut self, unmanaged: &[UnmanagedReport]) {
        let listed = unmanaged.iter().map(|one| Listed {
            sign: '?',
            id: format!("{}  ", visible(&one.external_id)),
            text: visible(&one.summary),
        });
        let head =
            format!("Unmanaged: {} at the vendor that no Webhook declares; never changed", unmanaged.len());
        self.list(&head, &listed.collect::<Vec<_>>());
    }

    /// Draws the first lines of a list, if there is any.
    fn list(&mut self, head: &str, listed: &[Listed]) {
        if listed.is_empty() {
            return;
        }
        self.canvas.gap();
        self.prose(2, 4, &[Span::plain(head)]);
        let most = if self.all { listed.len() } else { MAX_LISTED };
        for Listed { sign, id, text } in listed.iter().take(most) {
            self.prose(4, 8, &[Span(Ink::Faint, format!("{sign} {id}")), Span::plain(text)]);
        }
        if listed.len() > most {
            self.prose(4, 6, &[Span(Ink::Faint, format!("… and {} more", listed.len() - most))]);
        }
    }
}

/// One line of a list.
struct Listed {
    sign: char,
    id: String,
    text: String,
}

/// Returns the values of an entry for the line of its path, unless they would be ambiguous there.
fn inline(entry: &Entry) -> Option<Vec<Span>> {
    const ARROW: &str = "->";
    let Body::Line { before, after } = &entry.body else { return None };
    let clear = |side: &Marked| !side.text.contains(ARROW) && !side.text.contains("  # ");
    if !before.iter().chain(after).all(clear) {
        return None;
    }
    Some(match (before, after) {
        (Some(old), Some(new)) => {
            let mut spans = parts(old, OLD);
            spans.push(Span(Ink::Faint, format!(" {ARROW} ")));
            spans.extend(parts(new, NEW));
            spans
        }
        (Some(old), None) => parts(old, OLD),
        (None, Some(new)) => parts(new, NEW),
        (None, None) => Vec::new(),
    })
}

fn parts(side: &Marked, (ink, part): (Ink, Ink)) -> Vec<Span> {
    let (head, rest) = side.text.split_at(side.changed.start);
    let (changed, tail) = rest.split_at(side.changed.len());
    let all = [Span(ink, head.into()), Span(part, changed.into()), Span(ink, tail.into())];
    all.into_iter().filter(|span| !span.1.is_empty()).collect()
}
