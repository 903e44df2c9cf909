//! How a secret is spelt where it is repeated, folded as texts are (see [`super::text::fold`]).

use super::LAYERS;
use super::text::{Escapes, Layer, fold};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use std::fmt::Write as _;
use zeroize::Zeroizing;

/// A text shorter than this is too likely to be part of an ordinary word to be cut out of one: it is hidden where it stands
/// by itself.
pub(super) const SHORTEST: usize = 4;
/// What is left of a spelling when its escapes are decoded, or the ends of base64 cut off, has to be this long to count.
const SHORTEST_REST: usize = 6;
/// A piece of a secret counts when it is half of it, but not when it is shorter than this, as words of a message are: a login may be
/// made of the name of the project that it is for,
const SHORTEST_PIECE: usize = 8;
/// and in any case when it is as long as this.
const LONGEST_PIECE: usize = 32;
/// A longer spelling is found by its first piece.
pub(super) const LONGEST_PATTERN: usize = 64;

/// What of a spelling is searched for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Part {
    Whole,
    /// Its first piece: it goes on as long as the text does like the spelling.
    Front,
    /// Its last piece: it began as long before as the text is like the spelling.
    Back,
}

/// A spelling of a secret. Wiped when it is dropped.
#[derive(Clone)]
pub(super) struct Spelling {
    bytes: Zeroizing<Vec<u8>>,
    /// Whether the equals signs that fill up base64 may follow.
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

    /// How far a part reaches whose pattern was found at that place; it does not reach back beyond `from`.
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

    /// Whether it is hidden as a part of a longer word as well.
    pub(super) fn is_hidden_anywhere(&self) -> bool {
        self.bytes.len() >= SHORTEST
    }

    /// A spelling without its pieces cannot be in a text that has neither of these.
    pub(super) fn ends(&self) -> Option<[&[u8]; 2]> {
        let (bytes, piece) = (self.bytes.as_slice(), self.piece().min(self.bytes.len()));
        self.is_hidden_anywhere().then(|| [&bytes[..piece], &bytes[bytes.len() - piece..]])
    }
}

/// Every spelling of a secret that is not decoded anyway.
pub(super) fn spellings(plain: &str) -> Vec<Spelling> {
    // What is base64 itself is repeated without padding too.
    let trimmed = plain.trim_end_matches('=');
    let trimmed = if trimmed.is_empty() { plain } else { trimmed };
    let mut all = vec![Spelling::of(trimmed.as_bytes(), trimmed.len() < plain.len())];
    if plain.contains(' ') {
        // As forms write it.
        all.push(Spelling::of(plain.replace(' ', "+").as_bytes(), false));
    }
    // A text in which the escapes of something else are decoded has those of the secret decoded too.
    let decoded = Layer::decoded_by(plain, Escapes::All, LAYERS).skip(1);
    let decoded = decoded.filter(|layer| layer.bytes.len() >= SHORTEST_REST);
    all.extend(decoded.map(|layer| Spelling::of(&layer.bytes, false)));
    if plain.len() >= SHORTEST {
        let mut hex = Zeroizing::new(String::with_capacity(2 * plain.len()));
        for byte in plain.bytes() {
            // A String takes whatever is written to it.
            let _ = write!(hex, "{byte:02x}");
        }
        all.extend([&*hex, &hex.to_uppercase()].map(|hex| Spelling::of(hex.as_bytes(), false)));
        all.push(Spelling::of(STANDARD_NO_PAD.encode(plain).as_bytes(), true));
        all.extend(cores(plain));
    }
    all
}

/// The secret inside the base64 of something longer, such as user and password: wherever it begins, these characters are of
/// nothing but it.
fn cores(plain: &str) -> impl Iterator<Item = Spelling> {
    (0..3).filter_map(|before| {
        let bytes = Zeroizing::new([&[0; 2][..before], plain.as_bytes()].concat());
        let (start, end) = ((before * 8).div_ceil(6), bytes.len() * 8 / 6);
        let encoded = Zeroizing::new(STANDARD_NO_PAD.encode(&bytes));
        let core = encoded.get(start..end).filter(|core| core.len() >= SHORTEST_REST)?;
        Some(Spelling::of(core.as_bytes(), false))
    })
}
