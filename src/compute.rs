//! Runs long computations without blocking the other tasks of the async runtime.

use std::sync::{Condvar, LazyLock, Mutex, PoisonError};
use std::thread::available_parallelism;
use tokio::runtime::{Handle, RuntimeFlavor};

/// A computation over more than this is long, in bytes of text or values times [`VALUE`]: it may take several milliseconds.
const LONG: usize = 256 << 10;
/// How many bytes of text cost as much time as one value.
pub(crate) const VALUE: usize = 128;

/// Permits for long computations: one for each processor, which bounds their temporary memory too.
static FREE: LazyLock<(Mutex<usize>, Condvar)> =
    LazyLock::new(|| (Mutex::new(available_parallelism().map_or(1, usize::from)), Condvar::new()));

/// Runs a computation. While a long one runs, other threads run the tasks of this thread.
pub(crate) fn run<T>(size: usize, work: impl FnOnce() -> T) -> T {
    let is_shared = Handle::try_current().is_ok_and(|it| it.runtime_flavor() == RuntimeFlavor::MultiThread);
    if size <= LONG || !is_shared {
        return work();
    }
    tokio::task::block_in_place(|| {
        let _permit = Permit::wait();
        work()
    })
}

/// Permit for one long computation.
struct Permit;

impl Permit {
    fn wait() -> Self {
        let (free, freed) = &*FREE;
        let free = free.lock().unwrap_or_else(PoisonError::into_inner);
        let mut free = freed.wait_while(free, |free| *free == 0).unwrap_or_else(PoisonError::into_inner);
        *free -= 1;
        Self
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        let (free, freed) = &*FREE;
        *free.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        freed.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::channel;
    use std::time::Duration;

    /// With a single worker thread, a computation that blocks it blocks all tasks.
    #[tokio::test(flavor = "multi_thread", worker_threads = 1)]
    async fn a_long_computation_blocks_no_other_task() {
        let (runs, has_run) = channel();
        let computes = tokio::spawn(async move {
            tokio::spawn(async move { runs.send(()) });
            run(LONG + 1, || has_run.recv_timeout(Duration::from_secs(30)))
        });
        assert_eq!(computes.await.unwrap(), Ok(()), "the other task ran meanwhile");
    }

    #[test]
    fn a_computation_runs_without_a_runtime() {
        assert_eq!(run(LONG + 1, || 7), 7);
    }
}
