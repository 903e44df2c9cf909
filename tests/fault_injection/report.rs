//! Runs cases, some at a time, and prints the results.

use std::any::Any;
use std::fmt::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::case::{Case, Outcome};
use crate::cluster_faults::ClusterFault;

/// One case to run.
pub(crate) struct Task {
    /// Its row of the table.
    row: String,
    pub(crate) title: String,
    run: Box<dyn Fn() -> Outcome + Send + Sync>,
}

impl From<Case> for Task {
    fn from(case: Case) -> Self {
        let row = format!("{} {}", case.vendor.as_str(), case.op.as_str());
        Self { row, title: case.to_string(), run: Box::new(move || case.run()) }
    }
}

impl From<ClusterFault> for Task {
    fn from((title, run): ClusterFault) -> Self {
        Self { row: "the cluster".to_owned(), title: title.to_owned(), run: Box::new(run) }
    }
}

/// The result of a task, or why it failed.
pub(crate) struct Verdict {
    row: String,
    title: String,
    pub(crate) outcome: Result<Outcome, String>,
}

/// Runs these tasks; the results are in their order.
pub(crate) fn run(tasks: &[Task], at_once: usize) -> Vec<Verdict> {
    let (next, sum) = (AtomicUsize::new(0), tasks.len());
    let done: Mutex<Vec<(usize, Verdict)>> = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..at_once {
            scope.spawn(|| {
                while let Some((index, task)) = take(&next, tasks) {
                    let begun = Instant::now();
                    let outcome = catch_unwind(AssertUnwindSafe(&task.run));
                    let outcome = outcome.map_err(|panic| words(panic.as_ref()));
                    let mut done = done.lock().unwrap();
                    progress(done.len() + 1, sum, &task.title, &outcome, begun.elapsed());
                    let (row, title) = (task.row.clone(), task.title.clone());
                    done.push((index, Verdict { row, title, outcome }));
                }
            });
        }
    });
    let mut done = done.into_inner().unwrap();
    done.sort_by_key(|(index, _)| *index);
    done.into_iter().map(|(_, verdict)| verdict).collect()
}

fn take<'a>(next: &AtomicUsize, tasks: &'a [Task]) -> Option<(usize, &'a Task)> {
    let index = next.fetch_add(1, Ordering::Relaxed);
    tasks.get(index).map(|task| (index, task))
}

fn progress(number: usize, sum: usize, title: &str, outcome: &Result<Outcome, String>, took: Duration) {
    let word = match outcome {
        Err(_) => "FAILED",
        Ok(outcome) if outcome.duplicates > 0 => "DUPLICATE",
        Ok(outcome) if outcome.person => "a person had to help, as is known",
        Ok(_) => "ok",
    };
    println!("{number:4}/{sum} {title} -> {word} ({took:.1?})");
}

/// Returns the message of a panic.
pub(crate) fn words(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("a panic without words").to_owned()
}

/// Sums of results.
#[derive(Default)]
pub(crate) struct Sums {
    pub(crate) cases: usize,
    kills: usize,
    faults: usize,
    pub(crate) duplicates: usize,
    persons: usize,
    pub(crate) failed: usize,
}

impl Sums {
    pub(crate) fn of<'a>(verdicts: impl IntoIterator<Item = &'a Verdict>) -> Self {
        let mut sums = Self::default();
        for verdict in verdicts {
            sums.cases += 1;
            match &verdict.outcome {
                Err(_) => sums.failed += 1,
                Ok(outcome) => {
                    sums.kills += outcome.kills;
                    sums.faults += outcome.faults;
                    sums.duplicates += outcome.duplicates;
                    sums.persons += usize::from(outcome.person);
                }
            }
        }
        sums
    }

    fn row(&self, title: &str) -> String {
        let Self { cases, kills, faults, duplicates, persons, failed } = self;
        format!("{title:21} {cases:6} {kills:6} {faults:7} {duplicates:11} {persons:15} {failed:7}\n")
    }
}

/// One row a vendor and operation, and the sum.
pub(crate) fn table(verdicts: &[Verdict]) -> String {
    let mut rows: Vec<_> = verdicts.iter().map(|verdict| verdict.row.as_str()).collect();
    rows.sort_unstable();
    rows.dedup();
    let head = ["cases", "kills", "faults", "duplicates", "needed a person", "failed"];
    let mut text = format!(
        "{:21} {:>6} {:>6} {:>7} {:>11} {:>15} {:>7}\n",
        "", head[0], head[1], head[2], head[3], head[4], head[5]
    );
    for row in rows {
        text += &Sums::of(verdicts.iter().filter(|verdict| verdict.row == row)).row(row);
    }
    text + &Sums::of(verdicts).row("all")
}

/// Why cases failed, and which left duplicates.
pub(crate) fn reasons(verdicts: &[Verdict]) -> String {
    let mut text = String::new();
    for Verdict { title, outcome, .. } in verdicts {
        match outcome {
            Err(reason) => {
                let _ = writeln!(text, "FAILED {title}\n    {}", reason.replace('\n', "\n    "));
            }
            Ok(outcome) if outcome.duplicates > 0 => {
                let _ = writeln!(text, "DUPLICATE {title}: {} too many were made", outcome.duplicates);
            }
            Ok(_) => {}
        }
    }
    text
}
