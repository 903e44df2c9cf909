//! Takes known secrets out of text that is about to be shown, in whatever spelling somebody repeats them.
//!
//! The text is compared as it is, and with its escapes decoded up to [`LAYERS`] times; what is found is mapped back to the original
//! text. All of it is replaced at once, in one go over the original: a replacement is never searched again. A piece of a secret, cut
//! short at its front or end, counts when it is half of the secret (see [`spelling`]).
//!
//! The work is linear in the length of the text. The automaton looks no further back than its longest pattern
//! ([`spelling::LONGEST_PATTERN`]), and what lies beyond a pattern is only compared where the match consumes it.

mod grams;
mod spelling;
mod text;

use aho_corasick::{AhoCorasick, AhoCorasickKind, Anchored, Input, MatchKind};
use grams::Grams;
use secrecy::{ExposeSecret, SecretString};
use spelling::{Part, SHORTEST, Spelling, spellings};
use std::borrow::Borrow;
use std::cmp::Reverse;
use std::collections::{HashMap, HashSet};
use std::sync::OnceLock;
use text::{Escapes, Layer, is_word};

/// How often escapes are decoded: JSON in a query string in JSON, say.
const LAYERS: usize = 3;
/// What replacements may add to a text: so many times its length, and so many bytes.
const GROWTH: usize = 4;
const ROOM: usize = 512;

/// The secrets that must not be shown, each with what stands in its place.
#[derive(Clone, Default)]
pub struct Redactor {
    secrets: Vec<(SecretString, String)>,
    /// The spellings of each, worked out when something is to be shown, which is seldom.
    spellings: OnceLock<Vec<(Spelling, usize)>>,
}

/// A part of a text that is to be replaced.
struct Span {
    start: usize,
    end: usize,
    instead: String,
    /// The length of the longest of the matches that overlap here.
    longest: usize,
}

impl Redactor {
    /// Hides all of these, and shows of none whose it is.
    pub fn of<'a>(secrets: impl Iterator<Item = &'a SecretString>) -> Self {
        let mut seen = HashSet::new();
        let distinct = secrets.filter(|secret| seen.insert(secret.expose_secret()));
        let distinct = distinct.filter(|secret| !secret.expose_secret().is_empty());
        let secrets = distinct.map(|secret| (secret.clone(), "(redacted)".to_owned())).collect();
        Self { secrets, spellings: OnceLock::new() }
    }

    /// The secrets that are hidden.
    pub fn secrets(&self) -> impl Iterator<Item = &SecretString> {
        self.secrets.iter().map(|(secret, _)| secret)
    }

    /// Adds a secret and what to show instead. Of two names for one secret the first in alphabetical order is shown.
    pub fn hide(&mut self, secret: &SecretString, instead: &str) {
        let plain = secret.expose_secret();
        if plain.is_empty() {
            return;
        }
        match self.secrets.iter_mut().find(|(known, _)| known.expose_secret() == plain) {
            Some((_, known)) if instead < known.as_str() => instead.clone_into(known),
            Some(_) => {}
            None => {
                self.secrets.push((secret.clone(), instead.into()));
                self.spellings = OnceLock::new();
            }
        }
    }

    /// Whether it knows no secret.
    pub fn is_empty(&self) -> bool {
        self.secrets.is_empty()
    }

    /// The text without any of the secrets.
    pub fn redact(&self, text: &str) -> String {
        Self::redact_all([self], text)
    }

    /// The text without any of the secrets of all of these.
    pub fn redact_all(redactors: impl IntoIterator<Item = impl Borrow<Self>>, text: &str) -> String {
        let redactors: Vec<_> =
            redactors.into_iter().filter(|redactor| !redactor.borrow().is_empty()).collect();
        // Most texts are hashed without any: decoding them would take most of a pass.
        if redactors.is_empty() {
            return text.to_owned();
        }
        let layers = layers(text);
        let mut spans = Vec::new();
        for redactor in redactors {
            for (layer, grams) in &layers {
                redactor.borrow().find(layer, grams, &mut spans);
            }
        }
        for span in &mut spans {
            span.start = (0..=span.start).rev().find(|at| text.is_char_boundary(*at)).unwrap_or_default();
            span.end = (span.end..text.len()).find(|at| text.is_char_boundary(*at)).unwrap_or(text.len());
        }
        replaced(text, spans)
    }

    /// Finds what is to be replaced in one layer of a text.
    fn find(&self, layer: &Layer, grams: &Grams, spans: &mut Vec<Span>) {
        let all = self.spellings.get_or_init(|| self.spelt());
        let patterns = Patterns::of(all.iter().filter(|(spelling, _)| grams.may_hold(spelling)));
        let Some(automaton) = patterns.automaton() else { return };
        let (mut from, bytes) = (0, &layer.bytes);
        while let Some(found) =
            automaton.find(Input::new(bytes).span(from..bytes.len()).anchored(Anchored::No))
        {
            let Some((start, end, of)) =
                patterns.longest(found.pattern().as_usize(), bytes, from, found.range())
            else {
                from = found.start() + 1;
                continue;
            };
            let (start, end_of_text) = (layer.start(start), layer.end(end));
            let longest = end_of_text - start;
            spans.push(Span { start, end: end_of_text, instead: self.secrets[of].1.clone(), longest });
            from = end;
        }
    }

    fn spelt(&self) -> Vec<(Spelling, usize)> {
        let all = self.secrets.iter().enumerate();
        all.flat_map(|(of, (secret, _))| {
            spellings(secret.expose_secret()).into_iter().map(move |spelling| (spelling, of))
        })
        .collect()
    }
}

/// A text as it is, and with its escapes decoded more and more.
fn layers(text: &str) -> Vec<(Layer, Grams)> {
    let decoded = Escapes::KINDS.into_iter().flat_map(|kind| {
        // The text itself is there already.
        Layer::decoded_by(text, kind, LAYERS).skip(usize::from(kind != Escapes::All))
    });
    let mut layers: Vec<(Layer, Grams)> = Vec::new();
    for layer in decoded.map(Layer::folded) {
        if layers.iter().all(|(known, _)| known.bytes != layer.bytes) {
            let grams = Grams::of(&layer.bytes);
            layers.push((layer, grams));
        }
    }
    layers
}

/// The patterns that are searched for, each with all parts of spellings that begin with it.
struct Patterns<'a> {
    texts: Vec<&'a [u8]>,
    parts: Vec<Vec<(Part, &'a Spelling, usize)>>,
}

impl<'a> Patterns<'a> {
    fn of(spellings: impl Iterator<Item = &'a (Spelling, usize)>) -> Self {
        let mut known: HashMap<&[u8], Vec<(Part, &Spelling, usize)>> = HashMap::new();
        for (spelling, of) in spellings {
            for (part, text) in spelling.parts() {
                known.entry(text).or_default().push((part, spelling, *of));
            }
        }
        let texts: Vec<_> = known.keys().copied().collect();
        // The longest pattern is reported where several begin: those that it begins with begin there as well.
        let begins_with = |text: &[u8]| {
            (1..=text.len()).filter_map(|length| known.get(&text[..length])).flatten().copied().collect()
        };
        let parts = texts.iter().map(|text| begins_with(text)).collect();
        Self { texts, parts }
    }

    /// None where there is nothing to search for. It is made for one text and holds nothing but what is, as good as certainly, in it.
    fn automaton(&self) -> Option<AhoCorasick> {
        if self.texts.is_empty() {
            return None;
        }
        let mut builder = AhoCorasick::builder();
        let builder =
            builder.match_kind(MatchKind::LeftmostLongest).kind(Some(AhoCorasickKind::NoncontiguousNFA));
        // It fails where there are more patterns than 32 bits count, and has no other reason to.
        builder.build(&self.texts).ok()
    }

    /// The longest match of a part that begins where that pattern was found, not before `from`; and whose secret it is.
    fn longest(
        &self,
        pattern: usize,
        bytes: &[u8],
        from: usize,
        found: std::ops::Range<usize>,
    ) -> Option<(usize, usize, usize)> {
        let matches = self.parts[pattern].iter().filter_map(|(part, spelling, of)| {
            let (start, end) = spelling.extent(*part, bytes, from, found.start);
            let shown = spelling.is_hidden_anywhere() || is_word(bytes, start, end);
            shown.then_some((start, end, *part, *of))
        });
        let all: Vec<_> = matches.collect();
        // Where a secret ends whole, that the text goes on for a character or two like another one is chance.
        let whole = all.iter().filter(|one| one.2 == Part::Whole).map(|one| one.1).max();
        let is_chance = |(_, end, part, _): &&(usize, usize, Part, usize)| {
            *part == Part::Front && whole.is_some_and(|whole| *end < whole + SHORTEST)
        };
        let all: Vec<_> = all.iter().filter(|one| !is_chance(one)).collect();
        let longest = all.iter().min_by_key(|(start, end, part, of)| (Reverse(end - start), *part, *of))?;
        let (start, end) = (all.iter().map(|one| one.0).min()?, all.iter().map(|one| one.1).max()?);
        Some((start, end, longest.3))
    }
}

/// Puts the replacements into the text. Where that makes it too long, a star stands for a replacement.
fn replaced(text: &str, mut spans: Vec<Span>) -> String {
    spans.sort_by_key(|span| (span.start, Reverse(span.end)));
    let mut merged: Vec<Span> = Vec::with_capacity(spans.len());
    for span in spans {
        match merged.last_mut().filter(|last| span.start < last.end) {
            Some(last) => {
                last.end = last.end.max(span.end);
                if span.longest > last.longest {
                    (last.instead, last.longest) = (span.instead, span.longest);
                }
            }
            None => merged.push(span),
        }
    }
    let (mut shown, mut done) = (String::with_capacity(text.len()), 0);
    for Span { start, end, instead, .. } in merged {
        shown.push_str(&text[done..start]);
        let fits = shown.len() + instead.len() <= GROWTH * end + ROOM;
        shown.push_str(if fits { &instead } else { "*" });
        done = end;
    }
    shown + &text[done..]
}

impl std::fmt::Debug for Redactor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Redactor({} secrets)", self.secrets.len())
    }
}

#[cfg(test)]
mod tests;
