//! Removes known secrets from text that is about to be shown, in any common spelling.
//!
//! The text is searched as it is, and with its escapes decoded up to [`LAYERS`] times. What is found is mapped back to the original
//! text and replaced there in one go, so that a replacement is never searched again. A piece at the front or the end of a secret
//! counts if it is half of the secret (see [`spelling`]).
//!
//! The work is linear in the length of the text. The automaton looks no further back than its longest pattern
//! ([`spelling::LONGEST_PATTERN`]), and text beyond a pattern is only compared as part of the match.

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

/// How often escapes are decoded, for example for JSON in a query string in JSON.
const LAYERS: usize = 3;
/// Replacements may make a text this many times as long, plus [`ROOM`] bytes.
const GROWTH: usize = 4;
const ROOM: usize = 512;

/// Secrets that must not be shown, each with its replacement.
#[derive(Clone, Default)]
pub struct Redactor {
    secrets: Vec<(SecretString, String)>,
    /// The spellings of each secret, computed on first use, which is rare.
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
    /// Makes a redactor that replaces all of these secrets by `(redacted)`.
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

    /// Adds a secret and its replacement. If a secret has two replacements, the first one in alphabetical order is used.
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

    /// Whether it has no secret.
    pub fn is_empty(&self) -> bool {
        self.secrets.is_empty()
    }

    /// Returns the text without any of the secrets.
    pub fn redact(&self, text: &str) -> String {
        Self::redact_all([self], text)
    }

    /// Returns the text without any of the secrets of all these redactors.
    pub fn redact_all(redactors: impl IntoIterator<Item = impl Borrow<Self>>, text: &str) -> String {
        let redactors: Vec<_> =
            redactors.into_iter().filter(|redactor| !redactor.borrow().is_empty()).collect();
        // Most texts are hashed without a secret to look for. Decoding them all would take most of the time of a pass.
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

    /// Finds the spans to replace in one layer of a text.
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

/// Returns a text as it is, and with its escapes decoded step by step.
fn layers(text: &str) -> Vec<(Layer, Grams)> {
    let decoded = Escapes::KINDS.into_iter().flat_map(|kind| {
        // The undecoded text is needed only once.
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

/// The patterns to search for, each with all parts of spellings that begin with it.
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
        // Only the longest of several patterns at one place is reported. Those that it begins with match there as well.
        let begins_with = |text: &[u8]| {
            (1..=text.len()).filter_map(|length| known.get(&text[..length])).flatten().copied().collect()
        };
        let parts = texts.iter().map(|text| begins_with(text)).collect();
        Self { texts, parts }
    }

    /// Builds the automaton; none if there is nothing to search for. It is built for one text, from patterns that are very likely in it.
    fn automaton(&self) -> Option<AhoCorasick> {
        if self.texts.is_empty() {
            return None;
        }
        let mut builder = AhoCorasick::builder();
        let builder =
            builder.match_kind(MatchKind::LeftmostLongest).kind(Some(AhoCorasickKind::NoncontiguousNFA));
        // It fails only if there are more patterns than 32 bits can count.
        builder.build(&self.texts).ok()
    }

    /// Returns the longest match of a part that begins where that pattern was found, but not before `from`, and the index of its secret.
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
        // If a whole secret ends here, one or two further characters that are like another secret are chance.
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

/// Puts the replacements into the text. Once that would make it too long, `*` is used instead.
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
