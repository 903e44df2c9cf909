//! The differences in one field, in a form that both text and Markdown draw. All texts in it are without control characters.

mod json;

use super::FieldReport;
use super::visible::{row, value};
use crate::api::exactly;
use json::{Json, Members};
use similar::{Algorithm, DiffOp, DiffTag};
use std::ops::Range;

/// The number of unchanged lines that are shown before and after a change.
const CONTEXT: usize = 2;
/// JSON on one side only is shown over several lines if it is longer than this.
const LONG: usize = 60;
/// In a value shorter than this, no part is marked as changed.
const SHORT: usize = 8;
/// Above this many pairs of lines, only a common beginning and a common end are found.
const MOST_WORK: usize = 25_000_000;

/// One path below the subscription.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) path: String,
    pub(super) body: Body,
    /// Remarks about what the values do not show.
    pub(super) notes: Vec<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Body {
    /// One line on each side.
    Line { before: Option<Marked>, after: Option<Marked> },
    /// Line by line.
    Rows(Vec<Row>),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Row {
    Same(String),
    Old(Marked),
    New(Marked),
    Elided(usize),
}

/// A text, and the range of bytes in it that differs from the other side; empty if all of it differs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Marked {
    pub(super) text: String,
    pub(super) changed: Range<usize>,
}

impl From<String> for Marked {
    fn from(text: String) -> Self {
        Self { text, changed: 0..0 }
    }
}

impl Entry {
    fn line(path: String, before: Option<String>, after: Option<String>) -> Self {
        let body = match (before, after) {
            (Some(before), Some(after)) => {
                let (before, after) = marked(before, after);
                Body::Line { before: Some(before), after: Some(after) }
            }
            (before, after) => Body::Line { before: before.map(Into::into), after: after.map(Into::into) },
        };
        Self { path, body, notes: Vec::new() }
    }

    /// Whether there is a value before and after.
    pub(super) fn sides(&self) -> (bool, bool) {
        match &self.body {
            Body::Line { before, after } => (before.is_some(), after.is_some()),
            Body::Rows(rows) => (
                rows.iter().any(|row| !matches!(row, Row::New(_))),
                rows.iter().any(|row| !matches!(row, Row::Old(_))),
            ),
        }
    }
}

/// Returns the differences in fields, each with whether the vendor replaces the subscription for it.
pub(super) fn entries_of<'a>(fields: impl IntoIterator<Item = &'a FieldReport>) -> Vec<(Entry, bool)> {
    let of_field = |field: &'a FieldReport| entries(field).into_iter().map(|entry| (entry, field.replaces));
    fields.into_iter().flat_map(of_field).collect()
}

/// Returns the differences in a field, by member if both sides are JSON.
pub(super) fn entries(field: &FieldReport) -> Vec<Entry> {
    let path = exactly(&field.field);
    let (Some(before), Some(after)) = (&field.before, &field.after) else {
        return vec![one(path, field.before.as_deref(), field.after.as_deref())];
    };
    if before == after {
        let mut entry = Entry::line(path, None, None);
        entry.notes.push(format!("{} (only redacted values differ)", value(after)));
        return vec![entry];
    }
    if before.contains('\n') || after.contains('\n') {
        return vec![text_lines(path, Some(before), Some(after))];
    }
    let whole = || Entry::line(path.clone(), Some(value(before)), Some(value(after)));
    let (Some(old), Some(new)) = (Json::container(before), Json::container(after)) else {
        return vec![whole()];
    };
    let mut members = Members::default();
    members.compare(&path, &old, &new);
    let Some(last) = members.entries.last_mut() else {
        let mut entry = whole();
        entry.notes.push("(the same JSON in another notation)".into());
        return vec![entry];
    };
    if members.reordered {
        last.notes.push("(some unchanged items are in another order)".into());
    }
    if !json::same_writing((before, &old), (after, &new)) {
        last.notes.push("(white space or notation of the JSON differs too)".into());
    }
    members.entries
}

/// Returns the entry of a value that only one side has.
fn one(path: String, before: Option<&str>, after: Option<&str>) -> Entry {
    let Some(text) = before.or(after) else { return Entry::line(path, None, None) };
    if text.contains('\n') {
        return text_lines(path, before, after);
    }
    let json = Json::container(text).filter(|json| text.len() > LONG && json.tight() == text);
    let Some(json) = json else { return Entry::line(path, before.map(value), after.map(value)) };
    let rows = json.pretty().into_iter().map(|line| {
        let line = Marked::from(row(&line));
        if before.is_some() { Row::Old(line) } else { Row::New(line) }
    });
    Entry { path, body: Body::Rows(rows.collect()), notes: Vec::new() }
}

/// A text as lines, and what the lines do not show.
struct Lines<'a> {
    all: Vec<&'a str>,
    /// Whether its last line ends with a line break.
    ended: bool,
    /// Whether each line break is a CRLF; otherwise a CR is shown as part of its line.
    crlf: bool,
}

impl<'a> Lines<'a> {
    fn of(text: &'a str) -> Self {
        let body = text.strip_suffix('\n');
        let crlf = text.contains('\n') && text.matches('\n').count() == text.matches("\r\n").count();
        let body_or_all = body.unwrap_or(text);
        let mut lines: Vec<_> = body_or_all.split('\n').collect();
        if crlf {
            let broken = if body.is_some() { lines.len() } else { lines.len() - 1 };
            for line in &mut lines[..broken] {
                *line = line.strip_suffix('\r').unwrap_or(line);
            }
        }
        Self { all: lines, ended: body.is_some(), crlf }
    }
}

/// Returns an entry line by line, also for one side only.
fn text_lines(path: String, before: Option<&str>, after: Option<&str>) -> Entry {
    let (old, new) = (before.map(Lines::of), after.map(Lines::of));
    let mut notes = Vec::new();
    match (&old, &new) {
        (Some(old), Some(new)) => {
            let multiple = |lines: &Lines<'_>| lines.ended || lines.all.len() > 1;
            if old.crlf != new.crlf && multiple(old) && multiple(new) {
                let name = |crlf| if crlf { "CRLF" } else { "LF" };
                notes.push(format!("(line endings differ: {} -> {})", name(old.crlf), name(new.crlf)));
            } else if old.crlf || new.crlf {
                notes.push("(line endings: CRLF)".into());
            }
            match (old.ended, new.ended) {
                (true, false) => notes.push("(line break at the end removed)".into()),
                (false, true) => notes.push("(line break at the end added)".into()),
                (true, true) | (false, false) => {}
            }
        }
        (Some(only), None) | (None, Some(only)) => {
            if only.crlf {
                notes.push("(line endings: CRLF)".into());
            }
            if !only.ended {
                notes.push("(no line break at the end)".into());
            }
        }
        (None, None) => {}
    }
    let lines = |side: Option<Lines<'_>>| -> Vec<String> {
        side.map_or_else(Vec::new, |side| side.all.into_iter().map(row).collect())
    };
    Entry { path, body: Body::Rows(rows(&lines(old), &lines(new))), notes }
}

fn rows(old: &[String], new: &[String]) -> Vec<Row> {
    let ops = operations(old, new);
    let mut rows = Vec::new();
    let last = ops.len().saturating_sub(1);
    for (at, op) in ops.iter().enumerate() {
        let (tag, before, after) = op.as_tag_tuple();
        if tag == DiffTag::Equal {
            context(&old[before], (at > 0, at < last), &mut rows);
            continue;
        }
        let (before, after) = (&old[before], &new[after]);
        if before.len() == after.len() {
            let pairs = before.iter().zip(after).map(|(old, new)| marked(old.clone(), new.clone()));
            let (before, after): (Vec<_>, Vec<_>) = pairs.unzip();
            rows.extend(before.into_iter().map(Row::Old));
            rows.extend(after.into_iter().map(Row::New));
        } else {
            rows.extend(before.iter().map(|line| Row::Old(line.clone().into())));
            rows.extend(after.iter().map(|line| Row::New(line.clone().into())));
        }
    }
    rows
}

/// Adds unchanged lines: those next to a change, and the number of those between.
fn context(lines: &[String], (after, before): (bool, bool), rows: &mut Vec<Row>) {
    let head = if after { CONTEXT } else { 0 };
    let tail = if before { CONTEXT } else { 0 };
    let same = |line: &String| Row::Same(line.clone());
    // A single omitted line would save no room, and a text without a change is shown whole.
    if lines.len() <= head + tail + 1 || head + tail == 0 {
        rows.extend(lines.iter().map(same));
        return;
    }
    rows.extend(lines[..head].iter().map(same));
    rows.push(Row::Elided(lines.len() - head - tail));
    rows.extend(lines[lines.len() - tail..].iter().map(same));
}

/// Compares lines, with bounded work.
fn operations(old: &[String], new: &[String]) -> Vec<DiffOp> {
    if old.len().saturating_mul(new.len()) <= MOST_WORK {
        return similar::capture_diff_slices(Algorithm::Myers, old, new);
    }
    let head = old.iter().zip(new).take_while(|(old, new)| old == new).count();
    let rest = old[head..].iter().rev().zip(new[head..].iter().rev());
    let tail = rest.take_while(|(old, new)| old == new).count();
    let (old_len, new_len) = (old.len() - head - tail, new.len() - head - tail);
    let equal = |old_index, new_index, len| DiffOp::Equal { old_index, new_index, len };
    let middle = DiffOp::Replace { old_index: head, old_len, new_index: head, new_len };
    let ops = [equal(0, 0, head), middle, equal(head + old_len, head + new_len, tail)];
    ops.into_iter().filter(|op| !op.old_range().is_empty() || !op.new_range().is_empty()).collect()
}

/// Marks the part in the middle that differs, if enough around it is equal.
fn marked(before: String, after: String) -> (Marked, Marked) {
    let head: usize =
        before.chars().zip(after.chars()).take_while(|(a, b)| a == b).map(|(a, _)| a.len_utf8()).sum();
    let rest = before[head..].chars().rev().zip(after[head..].chars().rev());
    let tail: usize = rest.take_while(|(a, b)| a == b).map(|(a, _)| a.len_utf8()).sum();
    let shorter = before.len().min(after.len());
    if before == after || shorter < SHORT || (head + tail) * 2 < shorter {
        return (before.into(), after.into());
    }
    let mark = |text: String| Marked { changed: head..text.len() - tail, text };
    (mark(before), mark(after))
}

#[cfg(test)]
mod tests;
