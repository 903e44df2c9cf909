//! The promise, swept: whatever dies at whichever outside effect, and whatever a vendor or the API server does wrong with
//! it, there is one subscription a Webhook in the end, nothing else was touched, and nobody had to help. With the real
//! program, its fail points, a real API server and the fakes.
//!
//! An argument picks the cases whose name holds it; `sweep` is all of them, `soak` random histories only. `HOOKTENDER_SWEEP=short` runs one
//! case of each kind.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod case;
mod ground;
#[path = "../scenarios/helm.rs"]
#[allow(dead_code, reason = "what the scenarios need beside")]
mod helm;
mod oauth;
#[path = "../scenarios/operator.rs"]
#[allow(dead_code, reason = "what the scenarios need beside")]
mod operator;
mod plan;
mod proxy;
mod report;
mod scene;
mod soak;
mod stories;
#[path = "../scenarios/support.rs"]
#[allow(dead_code, reason = "what the scenarios need beside")]
mod support;
#[path = "../scenarios/vendors.rs"]
#[allow(dead_code, reason = "what the scenarios need beside")]
mod vendors;
mod wish;

use std::panic::catch_unwind;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use report::Task;

/// How many cases run at a time: most of their time they wait.
const AT_ONCE: usize = 16;
/// The words for random histories only, and for all but those.
const SOAK: &str = "soak";
const SWEEP: &str = "sweep";

/// What cargo and its friends pass beside a filter, such as `--nocapture`, changes nothing here.
fn wanted() -> String {
    std::env::args().skip(1).find(|argument| !argument.starts_with('-')).unwrap_or_default()
}

/// A number from the environment.
fn number(name: &str, usually: usize) -> usize {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(usually)
}

/// Sweeps the cases that hold the word, and says whether all is well.
fn sweep(wanted: &str) -> bool {
    let begun = Instant::now();
    let at_once = number("HOOKTENDER_SWEEP_JOBS", AT_ONCE);
    let fits = |task: &Task| task.title.contains(wanted);
    // Without a fault first: that tells which fail points there are on the way.
    let operations = plan::undisturbed();
    let tasks: Vec<Task> = operations.iter().cloned().map(Task::from).collect();
    let mut verdicts = report::run(&tasks, at_once);
    let mut cases = Vec::new();
    for (case, verdict) in operations.iter().zip(&verdicts) {
        if let Ok(outcome) = &verdict.outcome {
            cases.extend(plan::disturbed(case, &outcome.points));
        }
    }
    if std::env::var("HOOKTENDER_SWEEP").is_ok_and(|word| word == "short") {
        cases = plan::selection(cases);
    }
    let tasks: Vec<Task> = cases.into_iter().map(Task::from).filter(fits).collect();
    verdicts.extend(report::run(&tasks, at_once));
    // These take the cluster away from everybody.
    let tasks: Vec<Task> = stories::ALL.into_iter().map(Task::from).filter(fits).collect();
    verdicts.extend(report::run(&tasks, 1));
    let sums = report::Sums::of(&verdicts);
    println!("\n{}\n{}", report::table(&verdicts), report::reasons(&verdicts));
    println!("{} cases, {} failed ({:.1?})", sums.cases, sums.failed, begun.elapsed());
    sums.failed + sums.duplicates == 0
}

/// Plays random histories for a while, and says whether all is well.
fn soak() -> bool {
    let time = Duration::from_secs(60 * u64::try_from(number("HOOKTENDER_SOAK_MINUTES", 1)).unwrap_or(1));
    let played = catch_unwind(|| soak::run(time));
    match &played {
        Ok(figures) => println!("soak: {} rounds ended well", figures.rounds),
        Err(panic) => println!("FAILED soak: {}", report::words(panic.as_ref())),
    }
    played.is_ok()
}

fn main() -> ExitCode {
    let wanted = wanted();
    scene::Town::shared();
    let swept = match wanted.as_str() {
        SOAK => true,
        SWEEP => sweep(""),
        some => sweep(some),
    };
    let soaked = !(wanted.is_empty() || wanted == SOAK) || soak();
    if swept && soaked { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
