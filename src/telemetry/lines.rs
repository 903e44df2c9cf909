//! Log lines on their way to stderr, which may be a pipe that nobody reads: whoever logs never waits for it.
//!
//! Own code beside `tracing-appender`, which counts lost lines but cannot tell of them when the pipe is read again.

use prometheus_client::metrics::counter::Counter;
use std::io::{self, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

/// What is kept for a pipe that is not read: some five thousand lines.
const MOST_WAITING: usize = 1 << 20;
/// How long the end of the process waits for the last lines to be read.
const FAREWELL: Duration = Duration::from_secs(2);

/// Takes lines; clones are the same queue.
#[derive(Clone)]
pub(super) struct Lines(Arc<Queue>);

struct Queue {
    state: Mutex<State>,
    changed: Condvar,
    lost: Counter,
}

#[derive(Default)]
struct State {
    waiting: Vec<u8>,
    /// Lines that found no room since the last that did.
    lost: u64,
    writing: bool,
}

impl Lines {
    /// Starts a thread that writes them to `to`. `told` says, as a line, that so many were lost; `lost` counts them.
    pub(super) fn to(
        mut to: impl Write + Send + 'static,
        told: impl Fn(u64) -> String + Send + 'static,
        lost: Counter,
    ) -> io::Result<Self> {
        let queue = Arc::new(Queue { state: Mutex::default(), changed: Condvar::new(), lost });
        let lines = Self(Arc::clone(&queue));
        thread::Builder::new().name("log".into()).spawn(move || {
            loop {
                let (batch, lost) = queue.next();
                // Whoever closed stderr does not want to know.
                let _ = to.write_all(&batch).and_then(|()| to.flush());
                if lost > 0 {
                    let _ = to.write_all(told(lost).as_bytes()).and_then(|()| to.flush());
                }
            }
        })?;
        Ok(lines)
    }

    /// Waits, not for ever, until all is written.
    pub(super) fn flush(&self) {
        let state = self.0.state();
        let busy = |state: &mut State| state.writing || !state.waiting.is_empty();
        drop(self.0.changed.wait_timeout_while(state, FAREWELL, busy));
    }
}

impl Queue {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What waits to be written, and how many lines after it were lost.
    fn next(&self) -> (Vec<u8>, u64) {
        let mut state = self.state();
        state.writing = false;
        self.changed.notify_all();
        let idle = |state: &mut State| state.waiting.is_empty();
        let mut state = self.changed.wait_while(state, idle).unwrap_or_else(PoisonError::into_inner);
        state.writing = true;
        (std::mem::take(&mut state.waiting), std::mem::take(&mut state.lost))
    }
}

/// Takes one whole line a call, which is how `tracing_subscriber` writes; all of it or nothing.
impl Write for Lines {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let mut state = self.0.state();
        if state.waiting.len() + line.len() > MOST_WAITING {
            state.lost += 1;
            self.0.lost.inc();
        } else {
            state.waiting.extend_from_slice(line);
            self.0.changed.notify_all();
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{BufRead, BufReader};

    fn told(lost: u64) -> String {
        format!("{lost} lost\n")
    }

    #[test]
    fn nothing_is_lost_while_somebody_reads() {
        let (reader, writer) = io::pipe().unwrap();
        let mut lines = Lines::to(writer, told, Counter::default()).unwrap();
        let reading = thread::spawn(move || {
            BufReader::new(reader).lines().map_while(Result::ok).take(100_000).collect::<Vec<_>>()
        });
        for number in 0..100_000 {
            while lines.0.state().waiting.len() + 64 > MOST_WAITING {
                thread::yield_now();
            }
            lines.write_all(format!("line {number}\n").as_bytes()).unwrap();
        }
        lines.flush();
        let read = reading.join().unwrap();
        assert!(read.iter().enumerate().all(|(number, line)| *line == format!("line {number}")));
    }

    #[test]
    fn whoever_logs_does_not_wait_for_a_pipe_that_nobody_reads_and_it_is_told_once_what_was_lost() {
        let (reader, writer) = io::pipe().unwrap();
        let counted = Counter::default();
        let mut lines = Lines::to(writer, told, counted.clone()).unwrap();
        let line = [b'x'; 1023].into_iter().chain([b'\n']).collect::<Vec<_>>();
        for _ in 0..5_000 {
            lines.write_all(&line).unwrap();
        }
        let lost = counted.get();
        // As much as may wait is being written, and as much again waits behind it.
        let kept = 2 * MOST_WAITING / line.len();
        assert!(lost >= 5_000 - u64::try_from(kept).unwrap(), "{lost}");
        // All that was kept, then the gap, then what comes after it.
        let mut read = BufReader::new(reader).lines().map_while(Result::ok);
        let kept = read.by_ref().take((5_000 - lost).try_into().unwrap());
        assert!(kept.into_iter().all(|line| line.len() == 1023));
        assert_eq!(read.next().unwrap(), told(lost).trim());
        lines.write_all(b"after\n").unwrap();
        assert_eq!(read.next().unwrap(), "after");
    }

    #[test]
    fn the_end_does_not_wait_for_ever() {
        let (_reader, writer) = io::pipe().unwrap();
        let lines = Lines::to(writer, told, Counter::default()).unwrap();
        lines.clone().write_all(&vec![b'x'; 1 << 20]).unwrap();
        lines.flush();
        assert!(lines.0.state().writing);
    }
}
