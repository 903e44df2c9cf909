//! Draws lines of limited width: wraps and colours them.

use anstyle::{AnsiColor, Effects, Style as Sgr};
use unicode_width::UnicodeWidthChar;

/// The smallest width in columns.
pub(crate) const NARROWEST: usize = 20;

/// The role of a piece of a line, which decides its colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ink {
    Plain,
    Title,
    Faint,
    New,
    NewPart,
    Old,
    OldPart,
    Changed,
    Replaced,
    Taken,
    Warning,
}

impl Ink {
    fn sgr(self) -> Sgr {
        let colour = |colour: AnsiColor| Sgr::new().fg_color(Some(colour.into()));
        match self {
            Self::Plain => Sgr::new(),
            Self::Title => Sgr::new().effects(Effects::BOLD),
            Self::Faint => Sgr::new().effects(Effects::DIMMED),
            Self::New => colour(AnsiColor::Green),
            Self::NewPart => colour(AnsiColor::Green).effects(Effects::INVERT),
            Self::Old => colour(AnsiColor::Red),
            Self::OldPart => colour(AnsiColor::Red).effects(Effects::INVERT),
            Self::Changed => colour(AnsiColor::Yellow),
            Self::Replaced => colour(AnsiColor::Magenta),
            Self::Taken => colour(AnsiColor::Cyan),
            Self::Warning => colour(AnsiColor::Yellow).effects(Effects::BOLD),
        }
    }
}

/// A piece of a line. Its text has no control characters.
#[derive(Clone, Debug)]
pub(crate) struct Span(pub(crate) Ink, pub(crate) String);

impl Span {
    pub(crate) fn plain(text: impl Into<String>) -> Self {
        Self(Ink::Plain, text.into())
    }
}

/// Where a long line may be broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Break {
    /// Between words, if possible.
    Words,
    /// Anywhere.
    Anywhere,
    /// Nowhere: a command, which is copied.
    Nowhere,
}

/// The width of a text in columns.
pub(crate) fn columns(text: &str) -> usize {
    text.chars().map(width).sum()
}

fn width(c: char) -> usize {
    c.width().unwrap_or(0)
}

/// The text drawn so far.
pub(crate) struct Canvas {
    out: String,
    colour: bool,
    width: usize,
}

impl Canvas {
    pub(crate) fn new(width: usize, colour: bool) -> Self {
        Self { out: String::new(), colour, width: width.max(NARROWEST) }
    }

    pub(crate) fn finish(self) -> String {
        self.out
    }

    /// Draws an empty line, but never at the top.
    pub(crate) fn gap(&mut self) {
        if !self.out.is_empty() {
            self.out.push('\n');
        }
    }

    /// Whether it fits on one line.
    pub(crate) fn fits(&self, indent: usize, spans: &[Span]) -> bool {
        indent + spans.iter().map(|span| columns(&span.1)).sum::<usize>() <= self.width
    }

    /// Draws a line. If it is too long, it continues on the next line, `hang` columns from the left.
    pub(crate) fn line(&mut self, indent: usize, hang: usize, breaks: Break, spans: &[Span]) {
        let chars: Vec<_> = spans.iter().flat_map(|span| span.1.chars().map(|c| (c, span.0))).collect();
        let mut rest = &chars[..];
        let mut indent = indent;
        loop {
            // On a narrow screen, an indented text still gets half of the width.
            let margin = indent.min(self.width / 2);
            let (row, after) = cut(rest, self.width - margin, breaks);
            self.row(margin, row);
            rest = after;
            indent = hang;
            if rest.is_empty() {
                return;
            }
        }
    }

    fn row(&mut self, margin: usize, row: &Inked) {
        let end = row.iter().rposition(|(c, _)| *c != ' ').map_or(0, |last| last + 1);
        if end > 0 {
            self.out.extend(std::iter::repeat_n(' ', margin));
        }
        for part in row[..end].chunk_by(|a, b| a.1 == b.1) {
            let sgr = if self.colour { part[0].1.sgr() } else { Sgr::new() };
            self.out.push_str(&sgr.render().to_string());
            self.out.extend(part.iter().map(|(c, _)| c));
            self.out.push_str(&sgr.render_reset().to_string());
        }
        self.out.push('\n');
    }
}

/// A line, character by character.
type Inked = [(char, Ink)];

/// Splits off what fits on one row, at least one character.
fn cut(chars: &Inked, room: usize, breaks: Break) -> (&Inked, &Inked) {
    let mut used = 0;
    let Some(full) = chars.iter().position(|(c, _)| {
        used += width(*c);
        used > room
    }) else {
        return (chars, &[]);
    };
    let full = full.max(1);
    let is_space = |at: usize| chars[at].0 == ' ';
    match breaks {
        Break::Words => {
            let end = (1..=full).rev().find(|&at| is_space(at) && !is_space(at - 1)).unwrap_or(full);
            let next = (end..chars.len()).find(|&at| !is_space(at)).unwrap_or(chars.len());
            (&chars[..end], &chars[next..])
        }
        // A space at the end of a row would be invisible.
        Break::Nowhere => (chars, &[]),
        Break::Anywhere => chars.split_at((1..=full).rev().find(|&at| !is_space(at - 1)).unwrap_or(full)),
    }
}
