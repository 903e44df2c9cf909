//! Fault injection: whichever outside effect the operator is killed at, and whatever fault the vendor or the API server adds, in
//! the end there is one subscription a Webhook, nothing else was touched, and no person had to help. With the real program, its
//! fail points, a real API server and the sandbox.
//!
//! An argument selects the cases whose name contains it; `all` is all of them, `soak` random histories only.
//! `HOOKTENDER_FAULT_INJECTION=short` runs one case of each kind.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

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
use std::time::{Duration, Instant};

use report::Task;

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

/// Runs the cases that contain the word; returns whether all passed.
fn inject(wanted: &str) -> bool {
    let begun = Instant::now();
    let at_once = number("HOOKTENDER_FAULT_INJECTION_JOBS", AT_ONCE);
    let fits = |task: &Task| task.title.contains(wanted);
    // Without a fault first: this finds the fail points on the way.
    let operations = plan::undisturbed();
    let tasks: Vec<Task> = operations.iter().cloned().map(Task::from).collect();
    let mut verdicts = report::run(&tasks, at_once);
    let mut cases = Vec::new();
    for (case, verdict) in operations.iter().zip(&verdicts) {
        if let Ok(outcome) = &verdict.outcome {
            cases.extend(plan::disturbed(case, &outcome.points));
        }
    }
    if std::env::var("HOOKTENDER_FAULT_INJECTION").is_ok_and(|word| word == "short") {
        cases = plan::selection(cases);
    }
    let tasks: Vec<Task> = cases.into_iter().map(Task::from).filter(fits).collect();
    verdicts.extend(report::run(&tasks, at_once));
    // These stop the cluster for all cases.
    let tasks: Vec<Task> = cluster_faults::ALL.into_iter().map(Task::from).filter(fits).collect();
    verdicts.extend(report::run(&tasks, 1));
    let sums = report::Sums::of(&verdicts);
    println!("\n{}\n{}", report::table(&verdicts), report::reasons(&verdicts));
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
    let wanted = wanted();
    scene::SharedCluster::get();
    let injected = match wanted.as_str() {
        SOAK => true,
        ALL => inject(""),
        some => inject(some),
    };
    let soaked = !(wanted.is_empty() || wanted == SOAK) || soak();
    if injected && soaked { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
