//! How many accounts are worked on at once.
//!
//! A pass takes memory and time on the processor, but for one whose vendor does not answer: that one only waits. So that a
//! hundred vendors that are away hold up nobody else's account, such a pass makes room.

use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::{Semaphore, SemaphorePermit};

/// A pass whose vendor takes longer than this makes room.
const QUICK: Duration = Duration::from_secs(1);
/// So many may be waiting for each that may be at work.
const WAITING: usize = 32;

/// Places for passes.
pub(super) struct Slots {
    work: Semaphore,
    wait: Semaphore,
    quick: Duration,
}

/// A pass may begin, as long as this is kept.
pub(super) struct Slot<'a> {
    slots: &'a Slots,
    place: SemaphorePermit<'a>,
    waits: bool,
}

impl Slots {
    /// So many accounts at once.
    pub(super) fn new(accounts: usize) -> Self {
        Self { work: Semaphore::new(accounts), wait: Semaphore::new(accounts * WAITING), quick: QUICK }
    }

    /// Waits for a place. An account that `waits` for its vendor, as its last pass did, takes none from those at work.
    pub(super) async fn take(&self, waits: bool) -> Slot<'_> {
        let from = if waits { &self.wait } else { &self.work };
        Slot { slots: self, place: place(from).await, waits }
    }
}

impl Slot<'_> {
    /// Runs a pass to its end. While it `waits` for its vendor for long, others may be at work.
    pub(super) async fn run<T>(mut self, waits: &AtomicBool, pass: impl Future<Output = T>) -> T {
        let mut pass = pin!(pass);
        if !self.waits {
            let slots = self.slots;
            let room = async {
                loop {
                    tokio::time::sleep(slots.quick).await;
                    if waits.load(Ordering::Relaxed) {
                        return place(&slots.wait).await;
                    }
                }
            };
            tokio::select! {
                biased;
                done = &mut pass => return done,
                room = room => self.place = room,
            }
        }
        pass.await
    }
}

async fn place(of: &Semaphore) -> SemaphorePermit<'_> {
    match of.acquire().await {
        Ok(place) => place,
        // Nobody closes it.
        Err(_) => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::pending;
    use std::sync::Arc;
    use tokio::time::timeout;

    fn slots(accounts: usize) -> Arc<Slots> {
        Arc::new(Slots { quick: Duration::from_millis(20), ..Slots::new(accounts) })
    }

    /// Begins that many passes that never end; each has its place when this comes back.
    async fn begin(slots: &Arc<Slots>, count: usize, waits: bool) {
        for _ in 0..count {
            let (slots, (began, has_begun)) = (Arc::clone(slots), tokio::sync::oneshot::channel());
            tokio::spawn(async move {
                let pass = async {
                    began.send(()).unwrap();
                    pending::<()>().await;
                };
                slots.take(waits).await.run(&AtomicBool::new(true), pass).await;
            });
            timeout(Duration::from_secs(30), has_begun).await.expect("there is room").unwrap();
        }
    }

    /// Whether another may begin, now or after a while.
    async fn is_free(slots: &Slots, after: Duration) -> bool {
        timeout(after, slots.take(false)).await.is_ok()
    }

    #[tokio::test]
    async fn passes_that_wait_make_room_while_there_is_any() {
        let slots = slots(2);
        begin(&slots, 2 + 2 * WAITING, false).await;
        assert!(!is_free(&slots, Duration::from_millis(200)).await, "as many wait as may, and as many work");
    }

    #[tokio::test]
    async fn a_pass_that_ends_gives_its_place_back() {
        let slots = slots(1);
        for waits in [false, true] {
            slots.take(waits).await.run(&AtomicBool::new(false), async {}).await;
        }
        assert_eq!((slots.work.available_permits(), slots.wait.available_permits()), (1, WAITING));
    }

    #[tokio::test]
    async fn a_pass_that_works_for_long_keeps_its_place() {
        let slots = slots(1);
        let (works, pass) = (AtomicBool::new(false), tokio::time::sleep(Duration::from_millis(300)));
        let slot = slots.take(false).await;
        let (free, ()) = tokio::join!(is_free(&slots, Duration::from_millis(200)), slot.run(&works, pass));
        assert!(!free);
    }

    #[tokio::test]
    async fn whoever_waited_the_last_time_takes_no_place_from_those_at_work() {
        let slots = slots(1);
        begin(&slots, WAITING, true).await;
        assert!(is_free(&slots, Duration::from_secs(30)).await);
        assert!(timeout(Duration::from_millis(200), slots.take(true)).await.is_err());
    }
}
