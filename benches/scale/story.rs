//! One run: apply, wait, count, edit, kill.

use crate::Options;
use crate::figures::{Figures, Quiet};
use crate::operator::Operator;
use crate::process::Process;
use crate::stage::{LONG, Scene, Stage};
use hooktender_cluster::eventually_within;
use jiff::Timestamp;
use serde_json::json;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Runs all steps.
pub(crate) fn play(stage: &Stage, options: &Options, webhooks: usize, accounts: usize) -> Figures {
    let scene = Scene::new(stage, options, webhooks, accounts);
    let operator = start(&scene, options);
    let mut figures = Figures { webhooks, accounts, vendor_ms: options.vendor_ms, ..Figures::default() };
    converge(&scene, &operator, options.strangers, &mut figures);
    figures.quiet = quiet(&scene, options, Some(&operator));
    // At any time a pass may be running.
    let now = operator.process().memory().unwrap();
    figures.memory_settled_kib = figures.quiet.memory().unwrap_or(now).0;
    figures.longest_message = scene.longest_message();
    figures.edits_ms = edits(&scene, options.edits);
    figures.secrets_ms = (0..options.edits.min(10)).map(|n| rotate(&scene, n)).collect();
    figures.drift_s = drift(&scene);
    figures.soak_kib = soak(&scene, options.soak, operator.process());
    drop(operator);
    if options.dead == 0 {
        figures.idle = quiet(&scene, options, None);
    }
    revive(&scene, options, &mut figures);
    if options.dead == 0 {
        plan(&scene, &mut figures);
    }
    figures
}

fn start(scene: &Scene<'_>, options: &Options) -> Operator {
    Operator::start(scene.stage, &scene.kubeconfig, &scene.namespace, options)
}

/// Measures from one `kubectl apply` until all are ready.
fn converge(scene: &Scene<'_>, operator: &Operator, strangers: usize, figures: &mut Figures) {
    eprintln!("  kubectl apply");
    let vendor = &scene.stage.vendor;
    vendor.clear_journals(&scene.accounts);
    let (_, before) = scene.writes(0);
    let (cpu, started) = (operator.process().cpu(), Instant::now());
    scene.declare();
    figures.apply_s = started.elapsed().as_secs_f64();
    eventually_within(LONG, "all are ready", || {
        let ready = scene.ready();
        if ready == figures.webhooks {
            return Ok(());
        }
        std::thread::sleep(scene.pause());
        Err(ready)
    })
    .unwrap();
    figures.ready_s = started.elapsed().as_secs_f64();
    figures.converge_cpu_s = operator.process().cpu() - cpu;
    figures.memory_peak_kib = operator.process().memory().unwrap().1;
    figures.converge_calls = vendor.calls(&scene.accounts);
    figures.converge_writes = scene.writes(before).0;
    let stored: usize = scene.accounts.iter().map(|account| vendor.count(account) - strangers).sum();
    figures.duplicates = stored - figures.webhooks;
}

/// Measures what is done, and what it costs, while nothing happens; without an operator, the costs of the API server alone.
fn quiet(scene: &Scene<'_>, options: &Options, operator: Option<&Operator>) -> Quiet {
    if options.quiet == 0 {
        return Quiet::default();
    }
    eprintln!("  quiet for {} s", options.quiet);
    let vendor = &scene.stage.vendor;
    if operator.is_some() {
        // One pass over the new objects, and status writes that are left, are not part of it.
        vendor.clear_journals(&scene.accounts);
        for account in &scene.accounts {
            scene.request(account, "settled");
            eventually_within(LONG, "a pass", || {
                let lists = vendor.journal(account).iter().filter(|(what, ..)| what == "list").count();
                if lists > 0 { Ok(()) } else { Err(lists) }
            })
            .unwrap();
        }
        settled(scene);
    }
    vendor.clear_journals(&scene.accounts);
    let (_, before) = scene.writes(0);
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
    let gaps = scene.accounts.iter().map(|account| gap(&vendor.journal(account)));
    Quiet {
        minutes,
        gap_s: gaps.fold(0.0, f64::max),
        calls: vendor.calls(&scene.accounts),
        writes: scene.writes(before).0,
        cpu_s: operator.zip(own).map_or(0.0, |(operator, own)| cpu(operator.process()) - own),
        server_cpu_s: cpu(server) - servers,
        memory_kib,
    }
}

/// The longest time between two lists, in seconds.
fn gap(journal: &[(String, String, Timestamp)]) -> f64 {
    let lists: Vec<_> = journal.iter().filter(|(what, ..)| what == "list").map(|(.., at)| *at).collect();
    lists.windows(2).map(|two| two[1].duration_since(two[0]).as_secs_f64()).fold(0.0, f64::max)
}

/// Waits until the operator has no more writes to the cluster.
fn settled(scene: &Scene<'_>) {
    eventually_within(LONG, "the last status", || {
        let written = || scene.writes(0).0.values().sum::<usize>();
        let before = written();
        std::thread::sleep(Duration::from_secs(2));
        let after = written();
        if before == after { Ok(()) } else { Err(after) }
    })
    .unwrap();
}

/// Measures from an edit to the vendor's request, each while the account's list is being read.
fn edits(scene: &Scene<'_>, edits: usize) -> Vec<f64> {
    eprintln!("  {edits} edits");
    let many = scene.accounts.len();
    let one = |edit: usize| {
        // Spread over all Webhooks but the one with the Secret.
        let n = 1 + edit;
        let account = &scene.accounts[n % many];
        let id = scene.webhook(n)["status"]["externalId"].as_str().unwrap().to_owned();
        scene.stage.vendor.clear_journals(std::slice::from_ref(account));
        scene.request(account, &format!("edit-{edit}"));
        listed(scene, account);
        let at = Timestamp::now();
        let text = format!("edited at {at}");
        scene.edit(n, &json!({"spec": {"subscription": {"contensis": {"description": text}}}}));
        updated(scene, account, &id, at)
    };
    (0..edits.min(scene.ready().saturating_sub(1))).map(one).collect()
}

/// Waits until the account's list is being read.
fn listed(scene: &Scene<'_>, account: &str) {
    eventually_within(LONG, "a list", || {
        let journal = scene.stage.vendor.journal(account);
        if journal.iter().any(|(what, ..)| what == "list") { Ok(()) } else { Err(()) }
    })
    .unwrap();
}

/// Waits for an update; returns how long after `at` it came, in milliseconds.
fn updated(scene: &Scene<'_>, account: &str, id: &str, at: Timestamp) -> f64 {
    let came = eventually_within(LONG, "an update", || {
        let journal = scene.stage.vendor.journal(account);
        let found = journal.iter().find(|(what, path, _)| what == "update" && path.ends_with(id));
        found.map(|(.., at)| *at).ok_or(())
    })
    .unwrap();
    came.duration_since(at).as_secs_f64() * 1000.0
}

/// Measures from an edit of a Secret to the vendor's request.
fn rotate(scene: &Scene<'_>, n: usize) -> f64 {
    let account = &scene.accounts[0];
    let id = scene.webhook(0)["status"]["externalId"].as_str().unwrap().to_owned();
    scene.stage.vendor.clear_journals(std::slice::from_ref(account));
    let at = Timestamp::now();
    scene.rotate(&format!("token {n}"));
    updated(scene, account, &id, at)
}

/// Measures from an edit at the vendor to its correction.
fn drift(scene: &Scene<'_>) -> f64 {
    eprintln!("  an edit at the vendor");
    let account = &scene.accounts[0];
    settled(scene);
    let id = scene.webhook(0)["status"]["externalId"].as_str().unwrap().to_owned();
    scene.stage.vendor.clear_journals(std::slice::from_ref(account));
    let at = Timestamp::now();
    scene.stage.vendor.edit(account, &id, &json!({"description": "by hand"}));
    updated(scene, account, &id, at) / 1000.0
}

/// Runs so many intervals, each with edits in the cluster and at the vendor; returns the memory after each.
fn soak(scene: &Scene<'_>, intervals: usize, process: Process) -> Vec<u64> {
    let ready = scene.ready();
    let one = |interval: usize| {
        if interval.is_multiple_of(10) {
            eprintln!("  interval {interval} of {intervals}");
        }
        for edit in 0..5 {
            let text = format!("edited in interval {interval}");
            let n = (interval * 31 + edit * 7) % ready;
            scene.edit(n, &json!({"spec": {"subscription": {"contensis": {"description": text}}}}));
        }
        let account = &scene.accounts[interval % scene.accounts.len()];
        let stored = scene.stage.vendor.stored(account);
        let id = stored[interval % stored.len()]["id"].as_str().unwrap();
        scene.stage.vendor.edit(account, id, &json!({"description": "by hand"}));
        scene.stage.vendor.clear_journals(&scene.accounts);
        for account in &scene.accounts {
            scene.request(account, &format!("soak-{interval}"));
            listed(scene, account);
        }
        process.memory().unwrap().0
    };
    (0..intervals).map(one).collect()
}

/// Starts the operator again after kill -9, and counts its requests in the first minute.
fn revive(scene: &Scene<'_>, options: &Options, figures: &mut Figures) {
    eprintln!("  a restart");
    let vendor = &scene.stage.vendor;
    vendor.clear_journals(&scene.accounts);
    let (_, before) = scene.writes(0);
    let started = Instant::now();
    let operator = start(scene, options);
    figures.filled_s = started.elapsed().as_secs_f64();
    eventually_within(LONG, "a list of each account", || {
        let read = |account: &&String| vendor.journal(account).iter().any(|(what, ..)| what == "list");
        let lists = scene.accounts.iter().filter(read).count();
        if lists == scene.accounts.len() { Ok(()) } else { Err(lists) }
    })
    .unwrap();
    figures.read_s = started.elapsed().as_secs_f64();
    // Further requests of its first minute.
    std::thread::sleep(Duration::from_secs(50).saturating_sub(started.elapsed()));
    figures.restart_calls = vendor.calls(&scene.accounts);
    figures.restart_writes = scene.writes(before).0;
    figures.memory_restarted_kib = operator.process().memory().unwrap().0;
}

/// `hooktender plan` over all objects.
fn plan(scene: &Scene<'_>, figures: &mut Figures) {
    eprintln!("  hooktender plan");
    scene.stage.vendor.clear_journals(&scene.accounts);
    let started = Instant::now();
    let mut child = Command::new(env!("CARGO_BIN_EXE_hooktender"))
        .env_clear()
        .env("KUBECONFIG", &scene.kubeconfig)
        .args(["plan", "--namespace", &scene.namespace, "--allow-endpoint", scene.stage.vendor.url()])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let process = Process(child.id());
    let status = loop {
        if let Some((_, peak)) = process.memory() {
            figures.plan_memory_kib = peak;
        }
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        std::thread::sleep(Duration::from_millis(2));
    };
    assert_eq!(status.code(), Some(0), "nothing is to be done");
    figures.plan_s = started.elapsed().as_secs_f64();
    figures.plan_calls = scene.stage.vendor.calls(&scene.accounts);
}
