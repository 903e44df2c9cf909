//! An answer's body while it comes: it takes memory for what has come, never for what a header promises.

use zeroize::Zeroizing;

/// Room for an ordinary body. Pieces grow with what has come,
const SMALLEST: usize = 16 << 10;
/// the first one up to this, where the answer tells its length,
const LARGEST_FIRST: usize = 64 << 10;
/// the others up to this.
const LARGEST: usize = 1 << 20;

/// The pieces of a body, each of which is wiped when it goes. A single buffer would leave copies behind where it grew.
pub(super) struct Pieces {
    full: Vec<Zeroizing<Vec<u8>>>,
    last: Zeroizing<Vec<u8>>,
    length: usize,
}

impl Pieces {
    /// `promised` is the length that the answer's headers tell.
    pub(super) fn new(promised: Option<u64>) -> Self {
        let promised = promised.and_then(|length| usize::try_from(length).ok()).unwrap_or_default();
        let last = Zeroizing::new(Vec::with_capacity(promised.clamp(SMALLEST, LARGEST_FIRST)));
        Self { full: Vec::new(), last, length: 0 }
    }

    /// How much has come.
    pub(super) fn len(&self) -> usize {
        self.length
    }

    /// Gives each piece to `each`, in their order.
    pub(super) fn each(&self, mut each: impl FnMut(&[u8])) {
        self.full.iter().chain([&self.last]).for_each(|piece| each(piece));
    }

    /// Adds what has come.
    pub(super) fn push(&mut self, mut chunk: &[u8]) {
        self.length += chunk.len();
        loop {
            let (now, rest) = chunk.split_at(chunk.len().min(self.last.capacity() - self.last.len()));
            self.last.extend_from_slice(now);
            if rest.is_empty() {
                return;
            }
            let next = Zeroizing::new(Vec::with_capacity(self.length.clamp(SMALLEST, LARGEST)));
            self.full.push(std::mem::replace(&mut self.last, next));
            chunk = rest;
        }
    }

    /// The whole body. A piece goes as soon as it is copied.
    pub(super) fn whole(self) -> Zeroizing<Vec<u8>> {
        if self.full.is_empty() {
            return self.last;
        }
        let mut whole = Zeroizing::new(Vec::with_capacity(self.length));
        for piece in self.full.into_iter().chain([self.last]) {
            whole.extend_from_slice(&piece);
        }
        whole
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many bytes are allocated.
    fn taken(pieces: &Pieces) -> usize {
        pieces.full.iter().chain([&pieces.last]).map(|piece| piece.capacity()).sum()
    }

    #[test]
    fn memory_is_taken_for_what_has_come_and_not_for_what_is_promised() {
        for promised in [None, Some(0), Some(2), Some(64 << 20), Some(u64::MAX)] {
            let mut pieces = Pieces::new(promised);
            pieces.push(b"[]");
            assert!(taken(&pieces) <= LARGEST_FIRST, "{promised:?}");
            for _ in 0..1000 {
                pieces.push(&[b' '; 10_000]);
                assert!(taken(&pieces) <= pieces.len() + LARGEST.min(pieces.len()) + LARGEST_FIRST);
            }
            assert_eq!(pieces.len(), 10_000_002, "{promised:?}");
        }
    }

    #[test]
    fn a_body_is_what_came_whatever_the_size_of_its_chunks() {
        let body: Vec<u8> = (0..3_000_000_u32).map(|n| n.to_le_bytes()[0]).collect();
        for size in [1, 7, 4096, SMALLEST, LARGEST_FIRST + 1, body.len()] {
            let mut pieces = Pieces::new(Some(100_000));
            body.chunks(size).for_each(|chunk| pieces.push(chunk));
            assert!(*pieces.whole() == body, "in chunks of {size}");
        }
        let mut promised = Pieces::new(Some(50_000));
        promised.push(&body[..50_000]);
        assert!(promised.full.is_empty(), "what is as long as promised is not copied");
    }
}
