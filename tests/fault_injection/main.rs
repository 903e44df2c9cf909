//! Fault injection: whichever outside effect the operator is killed at, and whatever fault the vendor or the API server adds, in
//! the end there is one subscription a Webhook, nothing else was touched, and no person had to help. With the real program, its
//! fail points, a real API server and the sandbox.
//!
//! An argument selects the cases whose name contains it; `all` is all of them, `soak` random histories only.
//! `HOOKTENDER_FAULT_INJECTION=short` runs one case of each kind.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

#[path = "../scenarios/api.rs"]
#[allow(dead_code, reason = "what the scenarios need beside")]
mod api;
mod case;
mod cluster_faults;
mod declared;
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
#[path = "../scenarios/support.rs"]
#[allow(dead_code, reason = "what the scenarios need beside")]
mod support;
mod test_account;
#[path = "../scenarios/vendors.rs"]
#[allow(dead_code, reason = "what the scenarios need beside")]
mod vendors;

use std::panic::catch_unwind;
use std::process::ExitCode;
use std::thread;
use std::time::{Duration, Instant};

use case::Case;
use report::{Task, Verdict};

/// How many cases run at a time: most of their time they wait.
const AT_ONCE: usize = 16;
/// The arguments for random histories only, and for everything else.
const SOAK: &str = "soak";
const ALL: &str = "all";

/// Returns the first argument that is no flag. Flags of cargo, such as `--nocapture`, have no effect here.
fn wanted() -> String {
    std::env::args().skip(1).find(|argument| !argument.starts_with('-')).unwrap_or_default()
}

/// Returns a number from the environment.
fn number(name: &str, usually: usize) -> usize {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(usually)
}

/// Returns the cases with faults that contain the word, at the fail points that the operations without a fault have met.
fn disturbed(operations: &[Case], undisturbed: &[Verdict], wanted: &str) -> Vec<Task> {
    let mut cases = Vec::new();
    for (case, verdict) in operations.iter().zip(undisturbed) {
        if let Ok(outcome) = &verdict.outcome {
            cases.extend(plan::disturbed(case, &outcome.points));
        }
    }
    if std::env::var("HOOKTENDER_FAULT_INJECTION").is_ok_and(|word| word == "short") {
        cases = plan::selection(cases);
    }
    fitting(cases, wanted)
}

/// Returns the tasks whose titles contain the word.
fn fitting(all: impl IntoIterator<Item = impl Into<Task>>, wanted: &str) -> Vec<Task> {
    all.into_iter().map(Into::into).filter(|task| task.title.contains(wanted)).collect()
}

/// Prints the results; returns whether all passed.
fn conclude(verdicts: &[Verdict], begun: Instant) -> bool {
    let sums = report::Sums::of(verdicts);
    println!("\n{}\n{}", report::table(verdicts), report::reasons(verdicts));
    println!("{} cases, {} failed ({:.1?})", sums.cases, sums.failed, begun.elapsed());
    sums.failed + sums.duplicates == 0
}

/// Plays random histories for a while; returns whether all ended well.
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
    let (wanted, begun) = (wanted(), Instant::now());
    scene::SharedCluster::get();
    if wanted == SOAK {
        return if soak() { ExitCode::SUCCESS } else { ExitCode::FAILURE };
    }
    let word = if wanted == ALL { "" } else { &wanted };
    let at_once = number("HOOKTENDER_FAULT_INJECTION_JOBS", AT_ONCE);
    // Without a fault first, and with nothing beside it: this finds the fail points on the way.
    let operations = plan::undisturbed();
    let mut verdicts = report::run(&operations.iter().cloned().map(Task::from).collect::<Vec<_>>(), at_once);
    let cases = disturbed(&operations, &verdicts, word);
    // The histories have a namespace and an operator of their own, and mostly wait: they are played beside the cases.
    let (disturbed, soaked) = thread::scope(|scope| {
        let soak = wanted.is_empty().then(|| scope.spawn(soak));
        (report::run(&cases, at_once), soak.is_none_or(|soak| soak.join().unwrap_or_default()))
    });
    verdicts.extend(disturbed);
    // These stop the cluster for all.
    verdicts.extend(report::run(&fitting(cluster_faults::ALL, word), 1));
    if conclude(&verdicts, begun) && soaked { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
