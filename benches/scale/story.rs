//! One run: apply, wait, change, count, edit, kill.

use crate::Options;
use crate::edits::{drift, edits, rotations, soak};
use crate::figures::{Applied, Figures, Restart};
use crate::operator::Operator;
use crate::plan::plans;
use crate::quiet::{await_lists, quiet, settled};
use crate::stage::{Scene, Stage};
use hooktender_cluster::eventually_within;
use serde_json::Value;
use std::time::{Duration, Instant};

/// The description of all Webhooks.
const FIRST: &str = "feeds the search index";
/// Their description after the change of the sets' templates.
const CHANGED: &str = "feeds the new search index";
/// How often a long wait tells how far it is.
const PROGRESS: Duration = Duration::from_secs(30);

/// Runs all steps.
pub(crate) fn play(stage: &Stage, options: &Options, webhooks: usize, accounts: usize) -> Figures {
    let scene = Scene::new(stage, options, webhooks, accounts);
    let operator = start(&scene, options);
    let (sets, vendor_ms) = (options.sets, options.vendor_ms);
    let mut figures = Figures { webhooks, accounts, sets, vendor_ms, ..Figures::default() };
    roll_out(&scene, &operator, options, &mut figures);
    figures.quiet = quiet(&scene, options, Some(&operator));
    // At any time a pass may be running.
    let now = operator.process().memory().unwrap();
    figures.memory_settled_kib = figures.quiet.memory().unwrap_or(now).0;
    figures.longest_message = scene.longest_message();
    figures.edits_ms = edits(&scene, options.edits);
    figures.secrets_ms = rotations(&scene, options.edits.min(10));
    figures.drift_s = drift(&scene);
    figures.soak_kib = soak(&scene, options.soak, operator.process());
    // What is left of the edits is no part of the restart.
    settled(&scene);
    drop(operator);
    if options.dead == 0 {
        figures.idle = quiet(&scene, options, None);
    }
    figures.restart = restart(&scene, options);
    if options.dead == 0 {
        plans(&scene, &mut figures);
    }
    figures
}

fn start(scene: &Scene<'_>, options: &Options) -> Operator {
    Operator::start(scene.stage, &scene.kubeconfig, &scene.namespace, options)
}

/// Measures the first apply and, with sets, a change of their templates.
fn roll_out(scene: &Scene<'_>, operator: &Operator, options: &Options, figures: &mut Figures) {
    if scene.sets > 0 {
        // A set is applied to accounts that exist: their first logins are not part of it.
        settled(scene);
    }
    figures.converge = apply(scene, operator, FIRST);
    figures.duplicates = described(scene, FIRST) - scene.webhooks;
    if scene.sets > 0 && !options.skip_change {
        settled(scene);
        figures.change = Some(apply(scene, operator, CHANGED));
        figures.outdated = described(scene, FIRST);
    }
}

/// Measures from one `kubectl apply` until all are ready.
fn apply(scene: &Scene<'_>, operator: &Operator, description: &str) -> Applied {
    eprintln!("  kubectl apply");
    let vendor = &scene.stage.vendor;
    vendor.clear_journals(&scene.accounts);
    let before = scene.writes();
    let (cpu, started) = (operator.process().cpu(), Instant::now());
    scene.declare(description);
    let apply_s = started.elapsed().as_secs_f64();
    let mut told = Instant::now();
    eventually_within(scene.limit(), "all are ready", || {
        let ready = scene.ready();
        if ready == scene.webhooks {
            return Ok(());
        }
        if told.elapsed() > PROGRESS {
            told = Instant::now();
            let (elapsed, spent) = (started.elapsed().as_secs(), operator.process().cpu() - cpu);
            let memory = operator.process().memory().unwrap().0 / 1024;
            eprintln!("  {ready} ready after {elapsed} s: {spent:.1} s of processor time, {memory} MiB");
        }
        std::thread::sleep(scene.pause());
        Err(ready)
    })
    .unwrap();
    Applied {
        apply_s,
        ready_s: started.elapsed().as_secs_f64(),
        cpu_s: operator.process().cpu() - cpu,
        peak_kib: operator.process().memory().unwrap().1,
        calls: vendor.calls(&scene.accounts),
        writes: scene.writes_since(&before),
    }
}

/// Returns how many subscriptions at the vendor have a description that begins with this one.
fn described(scene: &Scene<'_>, description: &str) -> usize {
    let has = |one: &Value| one["description"].as_str().unwrap().starts_with(description);
    let of = |account: &String| scene.stage.vendor.stored(account).iter().filter(|one| has(one)).count();
    scene.accounts.iter().map(of).sum()
}

/// Starts the operator again after kill -9, and counts its requests in the first minute.
fn restart(scene: &Scene<'_>, options: &Options) -> Restart {
    eprintln!("  a restart");
    let vendor = &scene.stage.vendor;
    vendor.clear_journals(&scene.accounts);
    let before = scene.writes();
    let started = Instant::now();
    let operator = start(scene, options);
    let filled_s = started.elapsed().as_secs_f64();
    await_lists(scene, &scene.accounts);
    let read_s = started.elapsed().as_secs_f64();
    // Further requests of its first minute.
    std::thread::sleep(Duration::from_secs(50).saturating_sub(started.elapsed()));
    Restart {
        filled_s,
        read_s,
        counted_s: started.elapsed().as_secs_f64(),
        cpu_s: operator.process().cpu(),
        calls: vendor.calls(&scene.accounts),
        writes: scene.writes_since(&before),
        memory_kib: operator.process().memory().unwrap().0,
    }
}
