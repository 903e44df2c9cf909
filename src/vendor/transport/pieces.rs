//! Buffer for an answer's body while it arrives. It allocates for what has arrived, never for what a header announces.

use zeroize::Zeroizing;

/// Minimum size of a piece. Pieces grow with the body:
const SMALLEST: usize = 16 << 10;
/// the first one up to this, if the answer announces its length,
const LARGEST_FIRST: usize = 64 << 10;
/// the others up to this.
const LARGEST: usize = 1 << 20;

/// A body in pieces, each of which is wiped when it is dropped. A single buffer that grows would leave copies behind.
pub(super) struct Pieces {
    full: Vec<Zeroizing<Vec<u8>>>,
    last: Zeroizing<Vec<u8>>,
    length: usize,
}

impl Pieces {
    /// `promised` is the length in the answer's headers.
    pub(super) fn new(promised: Option<u64>) -> Self {
        let promised = promised.and_then(|length| usize::try_from(length).ok()).unwrap_or_default();
        let last = Zeroizing::new(Vec::with_capacity(promised.clamp(SMALLEST, LARGEST_FIRST)));
        Self { full: Vec::new(), last, length: 0 }
    }

    /// Returns how many bytes have arrived.
    pub(super) fn len(&self) -> usize {
        self.length
    }

    /// Calls `each` with each piece in order.
    pub(super) fn each(&self, mut each: impl FnMut(&[u8])) {
        self.full.iter().chain([&self.last]).for_each(|piece| each(piece));
    }

    /// Adds a chunk.
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

    /// Returns the whole body. Each piece is dropped as soon as it is copied.
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

    /// Returns how many bytes are allocated.
    fn allocated(pieces: &Pieces) -> usize {
        pieces.full.iter().chain([&pieces.last]).map(|piece| piece.capacity()).sum()
    }

    #[test]
    fn memory_is_allocated_for_what_has_arrived_and_not_for_what_is_announced() {
        for promised in [None, Some(0), Some(2), Some(64 << 20), Some(u64::MAX)] {
            let mut pieces = Pieces::new(promised);
            pieces.push(b"[]");
            assert!(allocated(&pieces) <= LARGEST_FIRST, "{promised:?}");
            for _ in 0..1000 {
                pieces.push(&[b' '; 10_000]);
                assert!(allocated(&pieces) <= pieces.len() + LARGEST.min(pieces.len()) + LARGEST_FIRST);
            }
            assert_eq!(pieces.len(), 10_000_002, "{promised:?}");
        }
    }

    #[test]
    fn chunks_of_any_size_give_the_whole_body() {
        let body: Vec<u8> = (0..3_000_000_u32).map(|n| n.to_le_bytes()[0]).collect();
        for size in [1, 7, 4096, SMALLEST, LARGEST_FIRST + 1, body.len()] {
            let mut pieces = Pieces::new(Some(100_000));
            body.chunks(size).for_each(|chunk| pieces.push(chunk));
            assert!(*pieces.whole() == body, "in chunks of {size}");
        }
        let mut promised = Pieces::new(Some(50_000));
        promised.push(&body[..50_000]);
        assert!(promised.full.is_empty(), "a body of the announced length is not copied");
    }
}
