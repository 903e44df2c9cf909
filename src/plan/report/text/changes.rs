//! Draws the fields that differ.

use super::Page;
use crate::api::status::Action;
use crate::plan::report::canvas::{Break, Ink, Span, columns};
use crate::plan::report::diff::{Body, Entry, Marked, Row};

/// Paths are padded up to this many columns, so that one long path does not push all values away.
const WIDEST_PATH: usize = 28;

const OLD: (Ink, Ink) = (Ink::Old, Ink::OldPart);
const NEW: (Ink, Ink) = (Ink::New, Ink::NewPart);

impl Page {
    /// Draws differences, each with whether the vendor replaces the subscription for it, `indent` columns from the left.
    pub(super) fn changes(&mut self, indent: usize, action: Action, changes: &[(Entry, bool)]) {
        let paths = changes.iter().filter(|(entry, _)| matches!(entry.body, Body::Line { .. }));
        let paths = paths.map(|(entry, _)| columns(&entry.path)).filter(|&width| width <= WIDEST_PATH);
        let widest = paths.max().unwrap_or(0);
        for (entry, replaces) in changes {
            // A subscription that is created has no field that forces a replacement.
            let replaces = *replaces && action != Action::Create;
            self.entry(indent, entry, widest, replaces);
        }
    }

    fn entry(&mut self, indent: usize, entry: &Entry, widest: usize, replaces: bool) {
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
        match beside.filter(|spans| self.canvas.fits(indent, spans)) {
            Some(spans) => self.canvas.line(indent, indent + 4, Break::Anywhere, &spans),
            None => self.below(indent, entry, &head, mark),
        }
        for note in &entry.notes {
            self.prose(indent + 2, indent + 4, &[Span(Ink::Faint, note.clone())]);
        }
    }

    /// Draws the values of an entry below its path.
    fn below(&mut self, indent: usize, entry: &Entry, head: &[Span], mark: Option<Span>) {
        let spans: Vec<_> = head.iter().cloned().chain(mark.clone()).collect();
        if self.canvas.fits(indent, &spans) {
            self.canvas.line(indent, indent + 4, Break::Anywhere, &spans);
        } else {
            self.canvas.line(indent, indent + 4, Break::Anywhere, head);
            if let Some(Span(ink, mark)) = mark {
                self.prose(indent + 2, indent + 4, &[Span(ink, mark.trim_start().into())]);
            }
        }
        match &entry.body {
            Body::Line { before: Some(old), after: Some(new) } => {
                self.side(indent, "- ", old, OLD);
                self.side(indent, "+ ", new, NEW);
            }
            // The sign is in front of the path already.
            Body::Line { before: Some(old), after: None } => self.side(indent, "  ", old, OLD),
            Body::Line { before: None, after: Some(new) } => self.side(indent, "  ", new, NEW),
            Body::Line { before: None, after: None } => {}
            Body::Rows(rows) => rows.iter().for_each(|row| self.row(indent, row)),
        }
    }

    fn row(&mut self, indent: usize, row: &Row) {
        match row {
            Row::Same(text) => {
                let spans = [Span(Ink::Faint, format!("  {text}"))];
                self.canvas.line(indent + 2, indent + 4, Break::Anywhere, &spans);
            }
            Row::Old(text) => self.side(indent, "- ", text, OLD),
            Row::New(text) => self.side(indent, "+ ", text, NEW),
            Row::Elided(n) => {
                self.prose(indent + 2, indent + 4, &[Span(Ink::Faint, format!("… {n} unchanged lines"))]);
            }
        }
    }

    fn side(&mut self, indent: usize, sign: &str, text: &Marked, inks: (Ink, Ink)) {
        let mut spans = vec![Span(inks.0, sign.into())];
        spans.extend(parts(text, inks));
        self.canvas.line(indent + 2, indent + 4, Break::Anywhere, &spans);
    }
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
