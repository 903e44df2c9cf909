//! The page of an explanation: sections of wrapped lines, without a sentence twice.

use crate::api::conditions::{self, DELIVERING, READY};
use crate::api::visible;
use crate::plan::report::Style;
use crate::plan::report::canvas::{Break, Canvas, Ink, Span, columns};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use k8s_openapi::jiff::Timestamp;

/// Replaces a text that is on the page already.
const ABOVE: &str = "(as above)";

/// A way out of a problem: the reason of the condition, what to do, and commands for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Remedy {
    pub(super) reason: String,
    pub(super) text: String,
    pub(super) commands: Vec<String>,
}

/// The explanation of one object.
pub(super) struct Page {
    canvas: Canvas,
    /// The sentences that are on the page.
    said: Vec<String>,
}

impl Page {
    pub(super) fn new(style: &Style, title: &str, detail: &str) -> Self {
        let mut page = Self { canvas: Canvas::new(style.width, style.colour), said: Vec::new() };
        let detail = Span(Ink::Faint, format!(" ({})", visible(detail)));
        page.prose(0, 2, &[Span(Ink::Title, visible(title)), detail]);
        page
    }

    pub(super) fn finish(self) -> String {
        self.canvas.finish()
    }

    fn prose(&mut self, indent: usize, hang: usize, spans: &[Span]) {
        self.canvas.line(indent, hang, Break::Words, spans);
    }

    fn heading(&mut self, title: &str) {
        self.canvas.gap();
        self.prose(0, 2, &[Span(Ink::Title, title.to_owned())]);
    }

    /// Returns the text the first time, and a note afterwards.
    fn once(&mut self, text: &str) -> Span {
        if !text.is_empty() && self.said.iter().any(|said| said.contains(text)) {
            return Span(Ink::Faint, ABOVE.into());
        }
        self.said.push(text.to_owned());
        Span::plain(visible(text))
    }

    /// Draws a section of facts, each with a name.
    pub(super) fn facts(&mut self, title: &str, facts: &[(&str, String)]) {
        self.heading(title);
        let widest = facts.iter().map(|(name, _)| columns(name)).max().unwrap_or_default();
        for (name, text) in facts {
            let name = Span(Ink::Faint, format!("{name:<widest$}  "));
            self.prose(2, widest + 4, &[name, Span::plain(visible(text))]);
        }
    }

    /// Draws a section of lines; nothing if there are none.
    pub(super) fn lines(&mut self, title: &str, lines: &[String]) {
        if lines.is_empty() {
            return;
        }
        self.heading(title);
        for line in lines {
            self.prose(2, 4, &[Span::plain(visible(line))]);
        }
    }

    /// Draws the conditions. Conditions with the same message are grouped; those without a message share one line.
    pub(super) fn conditions(&mut self, all: &[Condition]) {
        if all.is_empty() {
            return;
        }
        self.heading("Conditions");
        let (quiet, loud): (Vec<_>, Vec<_>) = all.iter().partition(|condition| condition.message.is_empty());
        let mut groups: Vec<Vec<&Condition>> = Vec::new();
        for condition in loud {
            let same = |group: &&mut Vec<&Condition>| {
                (&group[0].reason, &group[0].message) == (&condition.reason, &condition.message)
            };
            match groups.iter_mut().find(same) {
                Some(group) => group.push(condition),
                None => groups.push(vec![condition]),
            }
        }
        for mut group in groups {
            // The time that is shown is that of the first one.
            group.sort_by_key(|condition| condition.type_ != READY);
            let first = group[0];
            let mut spans = states(&group);
            let since = format!(" {}, since {}: ", visible(&first.reason), ago(first.last_transition_time.0));
            spans.push(Span::plain(since));
            let (message, command) = split_command(&first.message);
            spans.push(self.once(message));
            if command.is_some() {
                spans.push(Span::plain(" the command below"));
            }
            self.prose(2, 4, &spans);
        }
        if !quiet.is_empty() {
            self.prose(2, 4, &states(&quiet));
        }
    }

    /// Draws the conditions of the account that keep a Webhook from being reconciled, without what is on the page already.
    pub(super) fn account_trouble(&mut self, all: &[Condition]) {
        let trouble = conditions::get(all, READY).filter(|ready| ready.status != "True");
        let Some(ready) = trouble else { return };
        self.heading("Conditions of the account");
        let (message, command) = split_command(&ready.message);
        let since = ago(ready.last_transition_time.0);
        let mut spans = states(&[ready]);
        spans.push(Span::plain(format!(" {}, since {since}: ", visible(&ready.reason))));
        spans.push(self.once(message));
        spans.extend(command.map(|_| Span::plain(" the command below")));
        self.prose(2, 4, &spans);
    }

    /// Draws events: when, reason, message.
    pub(super) fn events(&mut self, events: &[(Timestamp, String, String)]) {
        if events.is_empty() {
            return;
        }
        self.heading("Events");
        for (at, reason, message) in events {
            let head = Span(Ink::Faint, ago(*at));
            let message = self.once(split_command(message).0);
            self.prose(2, 4, &[head, Span::plain(format!(" {}: ", visible(reason))), message]);
        }
    }

    /// Draws what to do, with commands that can be copied: they are not wrapped.
    pub(super) fn remedies(&mut self, title: &str, remedies: &[Remedy]) {
        if remedies.is_empty() {
            return;
        }
        self.heading(title);
        for Remedy { reason, text, commands } in remedies {
            let reason = (!reason.is_empty()).then(|| Span(Ink::Warning, format!("{}: ", visible(reason))));
            let text = Span::plain(visible(text));
            self.prose(2, 4, &reason.into_iter().chain([text]).collect::<Vec<_>>());
            for command in commands {
                let command = Span(Ink::Taken, visible(command));
                self.canvas.line(4, 4, Break::Nowhere, &[command]);
            }
        }
    }
}

/// Returns the types of conditions with their states, the good ones green.
fn states(all: &[&Condition]) -> Vec<Span> {
    let mut spans = Vec::new();
    for condition in all {
        let is_good = [READY, DELIVERING].contains(&condition.type_.as_str());
        let is_true = condition.status == "True";
        let ink = match (is_good, is_true) {
            (true, true) => Ink::New,
            (true, false) => Ink::Old,
            (false, true) => Ink::Changed,
            (false, false) => Ink::Faint,
        };
        if !spans.is_empty() {
            spans.push(Span::plain(", "));
        }
        spans.push(Span(ink, visible(&format!("{}={}", condition.type_, condition.status))));
    }
    spans
}

/// Splits a message that ends with a kubectl command.
pub(super) fn split_command(message: &str) -> (&str, Option<&str>) {
    match message.find("kubectl ") {
        Some(at) => (message[..at].trim_end(), Some(&message[at..])),
        None => (message, None),
    }
}

/// Formats a time with its age, or with how long it is until then.
pub(super) fn ago(at: Timestamp) -> String {
    format_age(at, Timestamp::now())
}

fn format_age(at: Timestamp, now: Timestamp) -> String {
    let seconds = now.duration_since(at).as_secs();
    let age = match seconds {
        ..0 => format!("in {}", length(-seconds)),
        0.. => format!("{} ago", length(seconds)),
    };
    format!("{} ({age})", conditions::seconds(at).0)
}

/// Formats a number of seconds in the unit that suits it.
fn length(seconds: i64) -> String {
    let (number, unit) = match seconds {
        ..120 => (seconds, "s"),
        120..7_200 => (seconds / 60, "min"),
        7_200..172_800 => (seconds / 3600, "h"),
        _ => (seconds / 86_400, "d"),
    };
    format!("{number} {unit}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::conditions::sample;

    fn page() -> Page {
        let style = Style { colour: false, width: 60, all: false };
        Page::new(&style, "Webhook shop/hook", "brightpearl")
    }

    fn joined(text: &str) -> String {
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn a_sentence_stands_once() {
        let message = "create failed: the vendor does not know this event";
        let mut page = page();
        page.conditions(&[
            sample(READY, false, "Rejected", message),
            sample(conditions::RECONCILING, false, "Rejected", ""),
            sample(conditions::STALLED, true, "Rejected", message),
            sample(conditions::DRIFTED, false, "NoDrift", ""),
        ]);
        page.events(&[(Timestamp::UNIX_EPOCH, "Rejected".into(), message.into())]);
        let text = page.finish();
        assert!(
            joined(&text).contains("Ready=False, Stalled=True Rejected, since 1970-01-01T00:00:00Z"),
            "{text}"
        );
        assert!(text.contains("\n  Reconciling=False, Drifted=False\n"), "{text}");
        assert_eq!(text.matches("this event").count(), 1, "{text}");
        assert!(text.contains("Rejected: (as above)\n"), "{text}");
    }

    #[test]
    fn the_time_of_conditions_with_one_message_is_that_of_ready() {
        let at = |second| conditions::seconds(Timestamp::from_second(second).unwrap());
        let of = |kind, is_true, second| Condition {
            last_transition_time: at(second),
            ..sample(kind, is_true, "Rejected", "refused")
        };
        let mut page = page();
        page.conditions(&[of(conditions::STALLED, true, 10), of(READY, false, 20)]);
        let text = joined(&page.finish());
        assert!(text.contains("Ready=False, Stalled=True Rejected, since 1970-01-01T00:00:20Z"), "{text}");
    }

    #[test]
    fn lines_are_wrapped_between_words_and_commands_are_not() {
        let long = "word ".repeat(40);
        let command = format!("kubectl annotate webhook hook {}", "x".repeat(80));
        let mut page = page();
        page.facts("Status", &[("account", long.clone()), ("subscription", "7".into())]);
        page.conditions(&[sample(
            READY,
            false,
            "DeletionGuard",
            &format!("{long}to allow these: {command}"),
        )]);
        page.lines("Next", &[long]);
        let remedy =
            Remedy { reason: "DeletionGuard".into(), text: "run".into(), commands: vec![command.clone()] };
        page.remedies("To unblock", &[remedy]);
        let text = page.finish();
        assert!(text.contains(&format!("\n    {command}\n")), "{text}");
        assert_eq!(text.matches("kubectl").count(), 1, "{text}");
        assert!(joined(&text).contains("to allow these: the command below "), "{text}");
        let mut lines = text.lines().filter(|line| !line.contains("kubectl"));
        assert!(lines.clone().all(|line| line.len() <= 60), "{text}");
        let broken =
            |line: &str| line.split_whitespace().any(|word| "word".starts_with(word) && word != "word");
        assert!(!lines.any(broken), "{text}");
    }

    #[test]
    fn times_are_given_with_their_distance() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let said = |of, now| format_age(at(of), at(now)).split_once(" (").unwrap().1.to_owned();
        assert_eq!(said(0, 42), "42 s ago)");
        assert_eq!(said(42, 0), "in 42 s)");
        assert_eq!(said(0, 7_199), "119 min ago)");
        assert_eq!(said(0, 172_799), "47 h ago)");
        assert_eq!(said(0, 172_800), "2 d ago)");
    }
}
