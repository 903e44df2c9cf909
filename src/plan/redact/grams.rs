//! A filter that rules out most secrets before a text is searched for them.

use super::spelling::Spelling;

/// The runs of four bytes in a text, as a small hash table: a run that is not in the table is not in the text.
pub(super) struct Grams(Vec<u64>);

impl Grams {
    const LENGTH: usize = 4;

    pub(super) fn of(text: &[u8]) -> Self {
        let mut bits = vec![0; 1 << 10];
        for gram in text.windows(Self::LENGTH) {
            let (word, bit) = Self::place(gram);
            bits[word] |= 1 << bit;
        }
        Self(bits)
    }

    fn place(gram: &[u8]) -> (usize, usize) {
        let number = gram.iter().fold(0_u32, |number, byte| number << 8 | u32::from(*byte));
        let hash = usize::try_from(number.wrapping_mul(0x9e37_79b1) >> 16).unwrap_or_default();
        (hash >> 6, hash & 63)
    }

    /// Whether a spelling, or one of its pieces, may be in the text.
    pub(super) fn may_hold(&self, spelling: &Spelling) -> bool {
        let has = |gram: &[u8]| {
            let (word, bit) = Self::place(gram);
            self.0[word] & 1 << bit != 0
        };
        let has_all = |piece: &[u8]| piece.windows(Self::LENGTH).all(has);
        spelling.ends().is_none_or(|pieces| pieces.into_iter().any(has_all))
    }
}
