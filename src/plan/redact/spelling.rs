//! The spellings in which a secret is repeated, folded as texts are (see [`super::text::fold`]).

use super::LAYERS;
use super::text::{Escapes, Layer, fold};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use std::fmt::Write as _;
use zeroize::Zeroizing;

/// A shorter secret is hidden only if it is a word of its own, as it is likely to be part of ordinary words.
pub(super) const SHORTEST: usize = 4;
/// The minimum length of a spelling after its escapes are decoded, or the ends of its base64 are cut off.
const SHORTEST_REST: usize = 6;
/// A piece of a secret counts if it is half of the secret and at least this long. Shorter pieces may be ordinary words: a login may
/// contain the name of its project.
const SHORTEST_PIECE: usize = 8;
/// A piece of this length counts in any case.
const LONGEST_PIECE: usize = 32;
/// A longer spelling is found by its pieces.
pub(super) const LONGEST_PATTERN: usize = 64;

/// The part of a spelling that is searched for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Part {
    Whole,
    /// Its first piece. The match extends forwards as far as text and spelling agree.
    Front,
    /// Its last piece. The match extends backwards as far as text and spelling agree.
    Back,
}

/// A spelling of a secret. Wiped when it is dropped.
#[derive(Clone)]
pub(super) struct Spelling {
    bytes: Zeroizing<Vec<u8>>,
    /// Whether the padding of base64 may follow.
    padded: bool,
}

impl Spelling {
    fn of(text: &[u8], padded: bool) -> Self {
        let mut bytes = Zeroizing::new(text.to_vec());
        fold(&mut bytes);
        Self { bytes, padded }
    }

    fn piece(&self) -> usize {
        self.bytes.len().div_ceil(2).clamp(SHORTEST_PIECE, LONGEST_PIECE)
    }

    /// The pieces that are searched for.
    pub(super) fn parts(&self) -> impl Iterator<Item = (Part, &[u8])> {
        let (bytes, piece) = (self.bytes.as_slice(), self.piece());
        let whole = (bytes.len() <= LONGEST_PATTERN).then_some((Part::Whole, bytes));
        let pieces = (bytes.len() > piece)
            .then(|| [(Part::Front, &bytes[..piece]), (Part::Back, &bytes[bytes.len() - piece..])]);
        whole.into_iter().chain(pieces.into_iter().flatten())
    }

    /// Returns the range of the match of a part whose pattern was found at `at`. It does not start before `from`.
    pub(super) fn extent(&self, part: Part, text: &[u8], from: usize, at: usize) -> (usize, usize) {
        let (bytes, piece) = (self.bytes.as_slice(), self.piece());
        let alike = |a: &[u8], b: &[u8]| a.iter().zip(b).take_while(|(a, b)| a == b).count();
        let alike_back =
            |a: &[u8], b: &[u8]| a.iter().rev().zip(b.iter().rev()).take_while(|(a, b)| a == b).count();
        let (start, end) = match part {
            Part::Whole => (at, at + bytes.len()),
            Part::Front => (at, at + piece + alike(&bytes[piece..], &text[at + piece..])),
            Part::Back => (at - alike_back(&bytes[..bytes.len() - piece], &text[from..at]), at + piece),
        };
        let is_whole = part != Part::Front || end == start + bytes.len();
        let padding = text[end..].iter().take(2).take_while(|byte| **byte == b'=').count();
        (start, if self.padded && is_whole { end + padding } else { end })
    }

    /// Whether it is also hidden inside a longer word.
    pub(super) fn is_hidden_anywhere(&self) -> bool {
        self.bytes.len() >= SHORTEST
    }

    /// Returns the first and the last piece. A text with neither of them does not contain the spelling; none if it is too short.
    pub(super) fn ends(&self) -> Option<[&[u8]; 2]> {
        let (bytes, piece) = (self.bytes.as_slice(), self.piece().min(self.bytes.len()));
        self.is_hidden_anywhere().then(|| [&bytes[..piece], &bytes[bytes.len() - piece..]])
    }
}

/// Returns all spellings of a secret, except those that decoding the text undoes.
pub(super) fn spellings(plain: &str) -> Vec<Spelling> {
    // A secret that is base64 itself may be repeated without padding.
    let trimmed = plain.trim_end_matches('=');
    let trimmed = if trimmed.is_empty() { plain } else { trimmed };
    let mut all = vec![Spelling::of(trimmed.as_bytes(), trimmed.len() < plain.len())];
    if plain.contains(' ') {
        // As in form data.
        all.push(Spelling::of(plain.replace(' ', "+").as_bytes(), false));
    }
    // Decoding a text also decodes escapes that are part of the secret.
    let decoded = Layer::decoded_by(plain, Escapes::All, LAYERS).skip(1);
    let decoded = decoded.filter(|layer| layer.bytes.len() >= SHORTEST_REST);
    all.extend(decoded.map(|layer| Spelling::of(&layer.bytes, false)));
    if plain.len() >= SHORTEST {
        let mut hex = Zeroizing::new(String::with_capacity(2 * plain.len()));
        for byte in plain.bytes() {
            // Writing to a String does not fail.
            let _ = write!(hex, "{byte:02x}");
        }
        all.extend([&*hex, &hex.to_uppercase()].map(|hex| Spelling::of(hex.as_bytes(), false)));
        all.push(Spelling::of(STANDARD_NO_PAD.encode(plain).as_bytes(), true));
        all.extend(cores(plain));
    }
    all
}

/// Returns the characters that encode nothing but the secret in the base64 of a longer text, such as user and password, for each
/// possible position.
fn cores(plain: &str) -> impl Iterator<Item = Spelling> {
    (0..3).filter_map(|before| {
        let bytes = Zeroizing::new([&[0; 2][..before], plain.as_bytes()].concat());
        let (start, end) = ((before * 8).div_ceil(6), bytes.len() * 8 / 6);
        let encoded = Zeroizing::new(STANDARD_NO_PAD.encode(&bytes));
        let core = encoded.get(start..end).filter(|core| core.len() >= SHORTEST_REST)?;
        Some(Spelling::of(core.as_bytes(), false))
    })
}
