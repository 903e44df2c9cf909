//! One contract for all vendors: the same cases for each kind of credentials, through the real client against the sandbox over
//! HTTP, and below that the cases of one vendor only. An argument selects the rows that contain it.
//!
//! A case that does not apply to a vendor runs too, and asserts what that vendor does instead.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

mod bench;
mod cases;
mod column;
mod dialects;
mod keys;
mod pace;
mod run;
mod samples;
mod world;

use column::Column;
use run::{Case, Verdict};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;
use world::World;

/// Returns what a title or a column's name has to contain: the first argument that is no flag. Flags of cargo, such as
/// `--nocapture`, have no effect here.
fn wanted() -> Option<String> {
    let mut arguments = std::env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            // These have a title of their own.
            "--test-threads" | "--skip" | "--color" | "--format" | "--logfile" | "-Z" => {
                arguments.next();
            }
            flag if flag.starts_with('-') => {}
            _ => return Some(argument),
        }
    }
    None
}

#[tokio::main]
async fn main() -> ExitCode {
    let started = Instant::now();
    let wanted = wanted().unwrap_or_default();
    let fits = |column: Column, case: &Case| {
        [case.title, column.kind(), column.vendor_name()].iter().any(|text| text.contains(&wanted))
    };
    run::hush();
    let world = World::new().await;

    // Beside the cases, as it mostly waits.
    let pace = pace::TITLE.contains(&wanted).then(|| {
        let world = Arc::clone(&world);
        tokio::spawn(async move { pace::measure(&world).await })
    });

    let common = cases::all();
    let all = common.iter().flat_map(|case| Column::ALL.map(|column| (column, case)));
    let verdicts = run::run(&world, all.filter(|(column, case)| fits(*column, case)).collect()).await;
    let mut titles: Vec<_> = verdicts.iter().map(|verdict| verdict.title).collect();
    titles.dedup();
    if !titles.is_empty() {
        println!("\n{}", run::table(&titles, &verdicts));
    }

    let own = dialects::all();
    let all = own.iter().map(|(column, case)| (*column, case));
    let more = run::run(&world, all.filter(|(column, case)| fits(*column, case)).collect()).await;
    if !more.is_empty() {
        println!("{}", run::rows(&more));
    }

    let mut paced = Vec::new();
    if let Some(pace) = pace {
        match pace.await.unwrap_or_else(|panic| Err(panic.to_string())) {
            Ok(line) => println!("{line}\n"),
            Err(reason) => paced.push(format!("FAILED pace: {reason}")),
        }
    }

    let failed = [run::reasons(&verdicts), run::reasons(&more), paced.concat()].concat();
    print!("{failed}");
    let count = |verdicts: &[Verdict]| verdicts.iter().filter(|verdict| verdict.failure.is_some()).count();
    let (bad, sum) = (count(&verdicts) + count(&more) + paced.len(), verdicts.len() + more.len());
    println!("{} of {sum} cases hold, {bad} failed ({:.1?})", sum + paced.len() - bad, started.elapsed());
    if bad == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
