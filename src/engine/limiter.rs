//! Bounds how many accounts are read and worked on at once, so that a vendor that does not answer delays only its own accounts.
//!
//! Two things are bounded: list calls, which mostly wait and take little until the list grows long, and the work after them. A
//! pass gives its work permit back while it waits for a vendor, and acquires it again before it goes on. List calls of accounts
//! whose last list took long have permits of their own; a fast account never queues behind them.

use crate::telemetry::{GaugeGuard, Metrics};
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::{Semaphore, SemaphorePermit};

/// A vendor that takes longer than this to answer is slow.
const QUICK: Duration = Duration::from_secs(1);
/// The number of list calls of fast accounts that may run for each account that is worked on.
const FAST_LISTS: usize = 4;
/// The number of list calls of fast accounts that may run in any case.
const FEWEST_FAST_LISTS: usize = 32;
/// The number of list calls of slow accounts that may run for each account that is worked on.
const SLOW_LISTS: usize = 32;
/// The number of list calls of slow accounts that may run in any case.
const FEWEST_SLOW_LISTS: usize = 256;

/// The permits that the passes of a process share.
pub(crate) struct PassLimiter(Option<Permits>);

struct Permits {
    work: Semaphore,
    fast_lists: Semaphore,
    slow_lists: Semaphore,
    quick: Duration,
}

impl PassLimiter {
    /// Creates a limiter that lets this many accounts be worked on at once.
    pub(crate) fn new(accounts: usize) -> Self {
        Self(Some(Permits {
            work: Semaphore::new(accounts),
            fast_lists: Semaphore::new((accounts * FAST_LISTS).max(FEWEST_FAST_LISTS)),
            slow_lists: Semaphore::new((accounts * SLOW_LISTS).max(FEWEST_SLOW_LISTS)),
            quick: QUICK,
        }))
    }

    /// Creates a limiter without limits, for callers that limit their passes themselves.
    pub(crate) fn unlimited() -> Self {
        Self(None)
    }
}

/// A list call that was given up because too many others are slow.
pub(crate) struct TooManySlowLists;

/// The permits of one pass.
pub(crate) struct PassPermits<'a> {
    limiter: &'a PassLimiter,
    metrics: &'a Metrics,
    queue: Arc<QueueTime>,
    held: Mutex<Held<'a>>,
}

#[derive(Default)]
struct Held<'a> {
    work: Option<(SemaphorePermit<'a>, GaugeGuard)>,
    /// Held from the list call until the work begins, because the list is in memory for that time.
    list: Option<SemaphorePermit<'a>>,
}

impl<'a> PassPermits<'a> {
    pub(crate) fn new(limiter: &'a PassLimiter, metrics: &'a Metrics, queue: Arc<QueueTime>) -> Self {
        Self { limiter, metrics, queue, held: Mutex::default() }
    }

    /// Acquires the work permit, unless the pass has it. It is kept until the pass ends or waits for its vendor.
    pub(crate) async fn work(&self) {
        let Some(permits) = &self.limiter.0 else { return };
        if self.held().work.is_none() {
            let permit = self.acquire(&permits.work).await;
            *self.held() = Held { work: Some((permit, self.metrics.track_running())), list: None };
        }
    }

    /// Runs a list call, with the permit for it and without the work permit. `slow` says whether the last list took long, and is
    /// set accordingly. A call that turns out to be slow needs a permit for slow ones, or is given up: it may not keep the permit of a
    /// fast one for longer.
    pub(crate) async fn list<T>(
        &self,
        slow: &mut bool,
        call: impl Future<Output = T>,
    ) -> Result<T, TooManySlowLists> {
        let Some(permits) = &self.limiter.0 else { return Ok(call.await) };
        *self.held() = Held::default();
        let was_slow = *slow;
        let permit = self.acquire(if was_slow { &permits.slow_lists } else { &permits.fast_lists }).await;
        self.held().list = Some(permit);
        let mut call = pin!(call);
        if let Some(done) = within(permits.quick, call.as_mut()).await {
            *slow = false;
            return Ok(done);
        }
        *slow = true;
        if !was_slow {
            let permit = permits.slow_lists.try_acquire();
            self.held().list = permit.ok();
            if self.held().list.is_none() {
                return Err(TooManySlowLists);
            }
        }
        Ok(call.await)
    }

    /// Waits for the vendor without the work permit. Otherwise vendors that answer just fast enough could hold all permits.
    pub(crate) async fn waiting<T>(&self, call: impl Future<Output = T>) -> T {
        if self.limiter.0.is_none() {
            return call.await;
        }
        self.held().work = None;
        let done = call.await;
        self.work().await;
        done
    }

    async fn acquire(&self, from: &'a Semaphore) -> SemaphorePermit<'a> {
        if let Ok(permit) = from.try_acquire() {
            return permit;
        }
        let _waiting = self.metrics.track_waiting();
        let _queued = self.queue.begin();
        match from.acquire().await {
            Ok(permit) => permit,
            // The semaphores are never closed.
            Err(_) => std::future::pending().await,
        }
    }

    fn held(&self) -> MutexGuard<'_, Held<'a>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The result of a call that ends within the time.
async fn within<T>(time: Duration, call: impl Future<Output = T>) -> Option<T> {
    tokio::time::timeout(time, call).await.ok()
}

/// How long the passes of an account have waited for permits. That time does not count as the duration of a pass.
#[derive(Default)]
pub(crate) struct QueueTime(Mutex<Queued>);

#[derive(Default)]
struct Queued {
    before: Duration,
    since: Option<Instant>,
}

impl QueueTime {
    /// Waits until this much time has passed, without the time spent waiting for permits.
    pub(crate) async fn elapsed_beside(&self, limit: Duration) {
        let (start, before) = (Instant::now(), self.total());
        loop {
            let used = start.elapsed().saturating_sub(self.total().saturating_sub(before));
            if used >= limit {
                return;
            }
            tokio::time::sleep(limit.saturating_sub(used)).await;
        }
    }

    fn total(&self) -> Duration {
        let queued = self.queued();
        queued.before + queued.since.map_or(Duration::ZERO, |since| since.elapsed())
    }

    /// Begins a wait, which ends when the guard is dropped.
    fn begin(&self) -> impl Drop + '_ {
        self.queued().since = Some(Instant::now());
        Waiting(self)
    }

    fn queued(&self) -> MutexGuard<'_, Queued> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Waiting<'a>(&'a QueueTime);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let mut queued = self.0.queued();
        if let Some(since) = queued.since.take() {
            queued.before += since.elapsed();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::FutureExt as _;
    use std::future::pending;
    use tokio::sync::oneshot;

    const SHORT: Duration = Duration::from_millis(20);

    fn limiter(work: usize, fast: usize, slow: usize) -> &'static PassLimiter {
        limiter_with(work, fast, slow, SHORT)
    }

    fn limiter_with(work: usize, fast: usize, slow: usize, quick: Duration) -> &'static PassLimiter {
        let [work, fast_lists, slow_lists] = [work, fast, slow].map(Semaphore::new);
        Box::leak(Box::new(PassLimiter(Some(Permits { work, fast_lists, slow_lists, quick }))))
    }

    fn permits(limiter: &'static PassLimiter) -> PassPermits<'static> {
        PassPermits::new(limiter, Box::leak(Box::default()), Arc::default())
    }

    /// Begins a list call that never ends; it has its permit when this comes back.
    async fn hang(limiter: &'static PassLimiter, slow: bool) {
        let (began, has_begun) = oneshot::channel();
        tokio::spawn(async move {
            let call = async {
                began.send(()).unwrap();
                pending::<()>().await;
            };
            let (permits, mut slow) = (permits(limiter), slow);
            permits.list(&mut slow, call).await.is_ok()
        });
        has_begun.await.unwrap();
    }

    /// A pass over a fast account, from its list to its end.
    async fn pass(limiter: &'static PassLimiter) {
        let permits = permits(limiter);
        assert!(permits.list(&mut false, async {}).await.is_ok());
        permits.work().await;
    }

    #[tokio::test]
    async fn lists_that_hang_take_no_permit_of_fast_ones_or_of_work() {
        let limiter = limiter(1, 1, 100);
        // Each begins when the one before it has turned out to be slow.
        for _ in 0..100 {
            hang(limiter, false).await;
        }
        pass(limiter).await;
        // There is none for another slow one, and it is given up.
        let mut slow = false;
        assert!(permits(limiter).list(&mut slow, pending::<()>()).await.is_err());
        assert!(slow, "the next time it queues with the slow ones");
        assert!(permits(limiter).list(&mut slow, pending::<()>()).now_or_never().is_none());
        pass(limiter).await;
    }

    #[tokio::test]
    async fn no_more_passes_work_at_once_than_may_however_slow_their_lists_were() {
        let limiter = limiter(2, 8, 8);
        let all: Vec<_> = (0..8).map(|_| permits(limiter)).collect();
        for permits in &all {
            permits.list(&mut false, tokio::time::sleep(SHORT * 2)).await.ok().unwrap();
        }
        let works = all.iter().filter(|permits| permits.work().now_or_never().is_some()).count();
        assert_eq!(works, 2);
        drop(all);
        pass(limiter).await;
    }

    #[tokio::test]
    async fn a_pass_that_waits_for_its_vendor_lets_another_work_and_then_waits_for_it() {
        let limiter = limiter_with(1, 1, 1, Duration::from_secs(3600));
        let (waits, works) = (permits(limiter), permits(limiter));
        waits.work().await;
        let (answer, answered) = oneshot::channel::<()>();
        let mut waiting = Box::pin(waits.waiting(answered));
        // It acquires the permit that the other one gives back, and keeps it.
        tokio::select! {
            _ = &mut waiting => panic!("there is no answer yet"),
            () = works.work() => {}
        }
        answer.send(()).unwrap();
        assert!((&mut waiting).now_or_never().is_none(), "the other one has the permit");
        drop(works);
        waiting.await.unwrap();
        assert!(permits(limiter).work().now_or_never().is_none(), "it has its permit again");
    }

    #[tokio::test]
    async fn whether_an_account_is_slow_is_what_its_last_list_took() {
        let (permits, mut slow) = (permits(limiter(1, 1, 1)), false);
        permits.list(&mut slow, tokio::time::sleep(SHORT * 4)).await.ok().unwrap();
        assert!(slow);
        permits.list(&mut slow, async {}).await.ok().unwrap();
        assert!(!slow);
    }

    #[tokio::test]
    async fn time_in_the_queue_is_not_the_passs_own() {
        let queue = QueueTime::default();
        let queued = queue.begin();
        let mut deadline = Box::pin(queue.elapsed_beside(SHORT));
        tokio::select! {
            () = &mut deadline => panic!("it waits for a permit"),
            () = tokio::time::sleep(SHORT * 10) => {}
        }
        drop(queued);
        deadline.await;
    }
}
