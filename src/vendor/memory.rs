//! Bounds the memory of vendors' answers over all accounts (`docs/performance.md`).

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Memory is reserved in units of this many bytes.
const UNIT: usize = 4 << 10;
/// A list that takes more than this is long. Long lists share the largest pool.
const SHORT: usize = 512 << 10;
/// How many lists may wait to become long, each with its memory as a short one.
const LONGEST_QUEUE: usize = 16;
/// How long an answer may wait for memory.
const LONGEST_WAIT: Duration = Duration::from_secs(120);

/// The memory of the answers of all accounts.
#[derive(Clone, Debug)]
pub struct AnswerMemory(Arc<Pools>);

#[derive(Debug)]
struct Pools {
    /// Short lists: an eighth. Few of them wait to become long, so that there is always room.
    short: Pool,
    /// Answers about one subscription, and to logins: a sixteenth. They arrive while their account holds its list.
    single: Pool,
    /// Long lists: the rest.
    long: Pool,
    queue: Semaphore,
    /// One long list may wait for more at a time: two half-read lists would wait for each other.
    growing: Semaphore,
}

#[derive(Debug)]
struct Pool {
    permits: Arc<Semaphore>,
    units: usize,
}

/// The kind of an answer, which selects its pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AnswerKind {
    /// A list. It starts in the pool of short ones.
    List,
    /// Anything else.
    Single,
}

/// Why no memory can be reserved for an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NoMemory {
    /// Other answers hold it; a later attempt may succeed.
    Busy,
    /// The answer needs more than its pool has. Holds the size of the pool in bytes.
    TooLarge(usize),
}

impl fmt::Display for NoMemory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Busy => f.write_str("too many long answers are being read at once; hooktender tries again"),
            Self::TooLarge(most) => write!(
                f,
                "the answer needs more than the {} MiB that one answer can have: raise --answer-memory, or delete subscriptions at the vendor",
                most >> 20
            ),
        }
    }
}

/// The memory of one answer, or of a list with all its pages. Released when it is dropped.
#[derive(Debug)]
pub(super) struct Reservation {
    memory: AnswerMemory,
    kind: AnswerKind,
    held: Mutex<Held>,
}

#[derive(Debug, Default)]
struct Held {
    permit: Option<OwnedSemaphorePermit>,
    is_long: bool,
}

impl Default for AnswerMemory {
    /// Five eighths of the memory of the process.
    fn default() -> Self {
        Self::new(super::limit::process_limit() / 8 * 5)
    }
}

impl AnswerMemory {
    /// The minimum, in bytes.
    pub const LEAST: usize = 32 << 20;

    /// A memory of `bytes`, at least [`Self::LEAST`].
    pub fn new(bytes: usize) -> Self {
        let units = bytes.max(Self::LEAST) / UNIT;
        let pool = |units: usize| Pool { permits: Arc::new(Semaphore::new(units)), units };
        Self(Arc::new(Pools {
            short: pool(units / 8),
            single: pool(units / 16),
            long: pool(units - units / 8 - units / 16),
            queue: Semaphore::new(LONGEST_QUEUE),
            growing: Semaphore::new(1),
        }))
    }

    /// Returns an empty reservation.
    pub(super) fn reserve(&self, kind: AnswerKind) -> Arc<Reservation> {
        Arc::new(Reservation { memory: self.clone(), kind, held: Mutex::default() })
    }
}

impl Reservation {
    /// Returns how much is reserved, in bytes.
    pub(super) fn size(&self) -> usize {
        self.held().units() * UNIT
    }

    /// Extends the reservation to `bytes` in total. Waits up to two minutes for memory.
    pub(super) async fn grow_to(&self, bytes: usize) -> Result<(), NoMemory> {
        match self.try_grow_to(bytes) {
            Err(NoMemory::Busy) => {}
            grown => return grown,
        }
        let pools = &self.memory.0;
        let (pool, missing, is_long) = self.missing(bytes)?;
        let may_wait = match self.kind {
            AnswerKind::List if self.held().is_long => Some(&pools.growing),
            AnswerKind::List if is_long => Some(&pools.queue),
            AnswerKind::List | AnswerKind::Single => None,
        };
        let _waits = may_wait.map(Semaphore::try_acquire).transpose().map_err(|_| NoMemory::Busy)?;
        let permit = Arc::clone(&pool.permits).acquire_many_owned(missing);
        match tokio::time::timeout(LONGEST_WAIT, permit).await {
            Ok(Ok(permit)) => {
                self.held().add(permit, is_long);
                Ok(())
            }
            Ok(Err(_)) | Err(_) => Err(NoMemory::Busy),
        }
    }

    /// Extends the reservation to `bytes` in total without waiting.
    pub(super) fn try_grow_to(&self, bytes: usize) -> Result<(), NoMemory> {
        let (pool, missing, is_long) = self.missing(bytes)?;
        if missing > 0 {
            let permit = Arc::clone(&pool.permits).try_acquire_many_owned(missing);
            self.held().add(permit.map_err(|_| NoMemory::Busy)?, is_long);
        }
        Ok(())
    }

    /// Releases what exceeds `bytes`.
    pub(super) fn shrink_to(&self, bytes: usize) {
        let mut held = self.held();
        let spare = held.units().saturating_sub(bytes.div_ceil(UNIT));
        drop(held.permit.as_mut().and_then(|permit| permit.split(spare)));
    }

    /// Returns the pool, how many units of it are missing, and whether it is the pool of long lists.
    fn missing(&self, bytes: usize) -> Result<(&Pool, u32, bool), NoMemory> {
        let pools = &self.memory.0;
        let held = self.held();
        let is_long = self.kind == AnswerKind::List && (held.is_long || bytes > SHORT);
        let pool = match self.kind {
            AnswerKind::Single => &pools.single,
            AnswerKind::List if is_long => &pools.long,
            AnswerKind::List => &pools.short,
        };
        let units = bytes.div_ceil(UNIT);
        if units > pool.units {
            return Err(NoMemory::TooLarge(pool.units * UNIT));
        }
        let has = if held.is_long == is_long { held.units() } else { 0 };
        Ok((pool, u32::try_from(units.saturating_sub(has)).unwrap_or(u32::MAX), is_long))
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Held {
    fn units(&self) -> usize {
        self.permit.as_ref().map_or(0, OwnedSemaphorePermit::num_permits)
    }

    /// Adds a permit. A short list that becomes long releases what it held before.
    fn add(&mut self, permit: OwnedSemaphorePermit, is_long: bool) {
        match &mut self.permit {
            Some(own) if self.is_long == is_long => own.merge(permit),
            _ => self.permit = Some(permit),
        }
        self.is_long = is_long;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::FutureExt as _;

    const MIB: usize = 1 << 20;

    /// 26 MiB for long lists, 4 for short ones, 2 for single answers.
    fn memory() -> AnswerMemory {
        AnswerMemory::new(32 * MIB)
    }

    #[tokio::test]
    async fn memory_is_reserved_once_and_released() {
        let memory = memory();
        let one = memory.reserve(AnswerKind::List);
        for bytes in [1, 5000, 5000, SHORT, SHORT + 1, 8 * MIB] {
            one.grow_to(bytes).await.unwrap();
            assert_eq!(one.size(), bytes.next_multiple_of(UNIT));
        }
        let free = |pool: &Pool| pool.permits.available_permits() * UNIT;
        assert_eq!((free(&memory.0.short), free(&memory.0.long)), (4 * MIB, 18 * MIB));
        one.shrink_to(MIB);
        assert_eq!((one.size(), free(&memory.0.long)), (MIB, 25 * MIB));
        drop(one);
        assert_eq!(free(&memory.0.long), 26 * MIB);
    }

    #[tokio::test]
    async fn an_answer_that_never_fits_is_refused_at_once() {
        let memory = memory();
        assert_eq!(
            memory.reserve(AnswerKind::List).grow_to(27 * MIB).await,
            Err(NoMemory::TooLarge(26 * MIB))
        );
        assert_eq!(
            memory.reserve(AnswerKind::Single).grow_to(3 * MIB).await,
            Err(NoMemory::TooLarge(2 * MIB))
        );
    }

    #[tokio::test]
    async fn half_read_lists_do_not_wait_for_each_other() {
        let memory = memory();
        let (one, other) = (memory.reserve(AnswerKind::List), memory.reserve(AnswerKind::List));
        one.grow_to(13 * MIB).await.unwrap();
        other.grow_to(13 * MIB).await.unwrap();
        let mut grows = Box::pin(one.grow_to(20 * MIB));
        assert_eq!(grows.as_mut().now_or_never(), None, "waits for the other one");
        assert_eq!(other.grow_to(20 * MIB).await, Err(NoMemory::Busy), "does not wait for the first one");
        drop(other);
        grows.await.unwrap();
    }

    #[tokio::test]
    async fn long_lists_leave_room_for_short_ones_and_for_single_answers() {
        let memory = memory();
        let long = memory.reserve(AnswerKind::List);
        long.grow_to(26 * MIB).await.unwrap();
        let others: Vec<_> = (0..7).map(|_| memory.reserve(AnswerKind::List)).collect();
        for other in &others {
            assert_eq!(other.grow_to(SHORT).now_or_never(), Some(Ok(())));
            assert_eq!(other.grow_to(MIB).now_or_never(), None, "there is no room for another long one");
        }
        assert_eq!(memory.reserve(AnswerKind::List).grow_to(SHORT).now_or_never(), Some(Ok(())));
        assert_eq!(memory.reserve(AnswerKind::Single).grow_to(2 * MIB).now_or_never(), Some(Ok(())));
    }

    #[tokio::test]
    async fn few_lists_wait_to_become_long() {
        let memory = AnswerMemory::new(256 * MIB);
        let long = memory.reserve(AnswerKind::List);
        long.grow_to(208 * MIB).await.unwrap();
        let others: Vec<_> = (0..LONGEST_QUEUE).map(|_| memory.reserve(AnswerKind::List)).collect();
        let mut waits: Vec<_> = others.iter().map(|other| Box::pin(other.grow_to(MIB))).collect();
        assert!(waits.iter_mut().all(|wait| wait.as_mut().now_or_never().is_none()));
        assert_eq!(memory.reserve(AnswerKind::List).grow_to(MIB).await, Err(NoMemory::Busy));
    }
}
