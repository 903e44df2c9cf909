//! What is done, and what it costs, while nothing happens.

use crate::Options;
use crate::figures::Quiet;
use crate::operator::Operator;
use crate::process::Process;
use crate::stage::{LONG, Scene};
use hooktender_cluster::eventually_within;
use jiff::Timestamp;
use std::time::{Duration, Instant};

/// Measures a period in which nothing happens; without an operator, the costs of the API server alone.
pub(crate) fn quiet(scene: &Scene<'_>, options: &Options, operator: Option<&Operator>) -> Quiet {
    if options.quiet == 0 {
        return Quiet::default();
    }
    eprintln!("  quiet for {} s", options.quiet);
    let vendor = &scene.stage.vendor;
    if operator.is_some() {
        // One pass over the new objects, and status writes that are left, are not part of it.
        request_passes(scene, "settled");
        settled(scene);
    }
    vendor.clear_journals(&scene.accounts);
    let before = scene.writes();
    let server = Process(scene.stage.cluster.pids()["kube-apiserver"]);
    let cpu = |process: Process| process.cpu();
    let (own, servers) = (operator.map(|operator| cpu(operator.process())), cpu(server));
    let started = Instant::now();
    // There is no condition to wait for: that nothing happens is what is measured.
    let mut memory_kib = Vec::new();
    while started.elapsed() < options.quiet() {
        std::thread::sleep(Duration::from_secs(1));
        memory_kib.extend(operator.and_then(|operator| Some(operator.process().memory()?.0)));
    }
    let minutes = started.elapsed().as_secs_f64() / 60.0;
    let cpu_s = operator.zip(own).map_or(0.0, |(operator, own)| cpu(operator.process()) - own);
    let server_cpu_s = cpu(server) - servers;
    let calls = vendor.calls(&scene.accounts);
    let gaps = scene.accounts.iter().map(|account| gap(&vendor.journal(account)));
    Quiet {
        minutes,
        gap_s: gaps.fold(0.0, f64::max),
        calls,
        writes: scene.writes_since(&before),
        cpu_s,
        server_cpu_s,
        memory_kib,
    }
}

/// Requests a pass over each account, and waits for the lists. `value` must be new.
pub(crate) fn request_passes(scene: &Scene<'_>, value: &str) {
    scene.stage.vendor.clear_journals(&scene.accounts);
    for account in &scene.accounts {
        scene.request(account, value);
    }
    await_lists(scene, &scene.accounts);
}

/// Waits until the list of each of these accounts was requested since the journals were emptied.
pub(crate) fn await_lists(scene: &Scene<'_>, accounts: &[String]) {
    let mut waiting = accounts;
    eventually_within(LONG, "a list of each account", || {
        // Accounts whose list was read are not asked for again, so that waiting for a thousand does not keep the machine busy.
        while let [account, rest @ ..] = waiting
            && scene.stage.vendor.is_listed(account)
        {
            waiting = rest;
        }
        if waiting.is_empty() { Ok(()) } else { Err(waiting.len()) }
    })
    .unwrap();
}

/// Waits until the operator has no more writes to the cluster.
pub(crate) fn settled(scene: &Scene<'_>) {
    eventually_within(scene.limit(), "the last status", || {
        let before = scene.writes();
        std::thread::sleep(Duration::from_secs(2));
        let added = scene.writes_since(&before);
        if added.is_empty() { Ok(()) } else { Err(added) }
    })
    .unwrap();
}

/// The longest time between two lists, in seconds.
fn gap(journal: &[(String, String, Timestamp)]) -> f64 {
    let lists: Vec<_> = journal.iter().filter(|(what, ..)| what == "list").map(|(.., at)| *at).collect();
    lists.windows(2).map(|two| two[1].duration_since(two[0]).as_secs_f64()).fold(0.0, f64::max)
}
