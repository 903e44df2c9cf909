//! Jobs that run side by side, and one line about all of them with the time that is left.

use std::io::{self, IsTerminal, Write};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::Error;

/// How often the line is drawn on a terminal,
const ON_TERMINAL: Duration = Duration::from_millis(500);
/// and how often one is printed elsewhere.
const ELSEWHERE: Duration = Duration::from_secs(30);
/// The processor time, in seconds, after which the measured speed counts as much as the assumed one.
const PRIOR: f64 = 60.0;

type Work<'a> = Box<dyn FnOnce(&Job<'_>) -> Result<(), Error> + Send + 'a>;

/// Work with a known cost that reports how far it is.
pub(crate) struct Job<'a> {
    name: Mutex<String>,
    /// Seconds of processor time.
    cost: f64,
    done: AtomicUsize,
    total: AtomicUsize,
    cancelled: AtomicBool,
    work: Mutex<Option<Work<'a>>>,
}

impl<'a> Job<'a> {
    pub(crate) fn new(
        name: &str,
        cost: f64,
        work: impl FnOnce(&Job<'_>) -> Result<(), Error> + Send + 'a,
    ) -> Self {
        Self {
            name: Mutex::new(name.to_owned()),
            cost,
            done: AtomicUsize::new(0),
            total: AtomicUsize::new(0),
            cancelled: AtomicBool::new(false),
            work: Mutex::new(Some(Box::new(work))),
        }
    }

    /// Names what it builds now.
    pub(crate) fn rename(&self, name: &str) {
        name.clone_into(&mut self.name.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// Sets the number of steps, all of the same cost.
    pub(crate) fn expect(&self, total: usize) {
        self.total.store(total, Ordering::Relaxed);
    }

    /// One step is done.
    pub(crate) fn advance(&self) {
        self.done.fetch_add(1, Ordering::Relaxed);
    }

    /// Becomes true when another job has failed.
    pub(crate) fn cancelled(&self) -> &AtomicBool {
        &self.cancelled
    }

    fn name(&self) -> String {
        self.name.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn run(&self) -> Result<(), Error> {
        let work = self.work.lock().unwrap_or_else(PoisonError::into_inner).take();
        work.map_or(Ok(()), |work| work(self))
    }

    /// Seconds of processor time that it has taken, as far as its steps tell.
    #[expect(clippy::cast_precision_loss, reason = "thousands of steps")]
    fn spent(&self) -> f64 {
        let (done, total) = (self.done.load(Ordering::Relaxed), self.total.load(Ordering::Relaxed));
        if total == 0 { 0.0 } else { self.cost * (done.min(total) as f64 / total as f64) }
    }
}

/// Runs jobs side by side. The first failure cancels the others. `tools` are the programs that are built, for the first line.
pub(crate) fn run(jobs: &[Job<'_>], tools: &str) -> Result<(), Error> {
    let cost: f64 = jobs.iter().map(|job| job.cost).sum();
    let speed = processors();
    let beside = if jobs.len() > 1 { " and hooktender" } else { "" };
    say(&format!(
        "building {tools}{beside} from source, the first time only; on {speed} processors this takes {}",
        minutes(cost / speed)
    ));
    let start = Instant::now();
    let (sender, receiver) = mpsc::channel();
    let mut line = Line::new();
    let result = thread::scope(|scope| {
        for (number, job) in jobs.iter().enumerate() {
            let sender = sender.clone();
            scope.spawn(move || {
                // The receiver waits for every job.
                let _ = sender.send((number, job.run()));
            });
        }
        let mut result = Ok(());
        let mut running: Vec<_> = (0..jobs.len()).collect();
        while !running.is_empty() {
            match receiver.recv_timeout(ON_TERMINAL) {
                Ok((ended, outcome)) => {
                    running.retain(|number| *number != ended);
                    if outcome.is_err() && result.is_ok() {
                        result = outcome;
                        for job in jobs {
                            job.cancelled.store(true, Ordering::Relaxed);
                        }
                    }
                }
                Err(RecvTimeoutError::Timeout) => line.show(&text(jobs, &running, start.elapsed(), speed)),
                Err(RecvTimeoutError::Disconnected) => break,
            }
        }
        result
    });
    line.clear();
    if result.is_ok() {
        say(&format!("built in {} s", start.elapsed().as_secs()));
    }
    result
}

/// What the line says.
fn text(jobs: &[Job<'_>], running: &[usize], elapsed: Duration, speed: f64) -> String {
    let is_running = |number: &usize| running.contains(number);
    let spent: f64 = jobs
        .iter()
        .enumerate()
        .map(|(number, job)| if is_running(&number) { job.spent() } else { job.cost })
        .sum();
    let cost: f64 = jobs.iter().map(|job| job.cost).sum();
    let names: Vec<_> = running.iter().filter_map(|number| jobs.get(*number)).map(Job::name).collect();
    let left = time_left(spent, cost, elapsed.as_secs_f64(), speed);
    format!("building {}: {:.0} %, {} left", names.join(" and "), 100.0 * spent / cost, minutes(left))
}

/// Seconds until the whole `cost` is spent. At the beginning, the machine is assumed to work at full speed; what is measured counts more
/// and more.
fn time_left(spent: f64, cost: f64, elapsed: f64, speed: f64) -> f64 {
    let measured = (spent + PRIOR) / (elapsed + PRIOR / speed);
    (cost - spent) / measured
}

/// A time in words that do not pretend to be exact.
fn minutes(seconds: f64) -> String {
    if seconds < 60.0 {
        return "less than a minute".to_owned();
    }
    format!("about {:.0} minutes", (seconds / 60.0).ceil())
}

/// Processors of this machine that the process may use.
#[expect(clippy::cast_precision_loss, reason = "a number of processors")]
fn processors() -> f64 {
    thread::available_parallelism().map_or(2.0, |number| number.get() as f64)
}

/// One line on standard error: redrawn on a terminal, else printed from time to time.
struct Line {
    terminal: bool,
    printed: Instant,
}

impl Line {
    fn new() -> Self {
        Self { terminal: io::stderr().is_terminal(), printed: Instant::now() }
    }

    fn show(&mut self, text: &str) {
        if self.terminal {
            let _ = write!(io::stderr(), "\r\x1b[2Khooktender-cluster: {text}");
        } else if self.printed.elapsed() >= ELSEWHERE {
            self.printed = Instant::now();
            say(text);
        }
    }

    fn clear(&self) {
        if self.terminal {
            let _ = write!(io::stderr(), "\r\x1b[2K");
        }
    }
}

/// Directly to stderr: the test harness would capture `eprintln!` and show it at the end.
pub(crate) fn say(line: &str) {
    let _ = writeln!(io::stderr(), "hooktender-cluster: {line}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_left_follows_the_measured_speed() {
        // Nothing is known yet: 600 seconds of work on two processors.
        assert!((time_left(0.0, 600.0, 0.0, 2.0) - 300.0).abs() < 0.1);
        // Half is done, in twice the time assumed: the other half will take nearly as long.
        let left = time_left(300.0, 600.0, 300.0, 2.0);
        assert!((250.0..300.0).contains(&left), "{left}");
        assert!(time_left(600.0, 600.0, 900.0, 2.0).abs() < 0.1);
    }

    #[test]
    fn the_line_names_what_runs_and_counts_what_has_ended() {
        let idle = |_: &Job<'_>| Ok(());
        let jobs = [Job::new("etcd", 100.0, idle), Job::new("hooktender", 300.0, idle)];
        jobs[0].expect(4);
        jobs[0].advance();
        let said = text(&jobs, &[0, 1], Duration::from_secs(10), 2.0);
        assert!(said.starts_with("building etcd and hooktender: 6 %, about "), "{said}");
        let said = text(&jobs, &[0], Duration::from_secs(160), 2.0);
        assert_eq!(said, "building etcd: 81 %, less than a minute left");
    }

    #[test]
    fn a_failure_cancels_the_other_job_and_is_the_result() {
        let failing = |_: &Job<'_>| Err(Error::NoWorkspace);
        let waiting = |job: &Job<'_>| {
            while !job.cancelled().load(Ordering::Relaxed) {
                thread::yield_now();
            }
            Err(Error::Supervisor("cancelled".to_owned()))
        };
        let jobs = [Job::new("one", 1.0, waiting), Job::new("other", 1.0, failing)];
        assert!(matches!(run(&jobs, "nothing"), Err(Error::NoWorkspace)));
    }
}
