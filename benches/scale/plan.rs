//! `hooktender plan` over all objects.

use crate::figures::{Figures, Planned};
use crate::process::Process;
use crate::stage::Scene;
use std::ffi::OsStr;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Plans of more Webhooks are not measured.
const MAX_PLANNED: usize = 10_000;
/// The exit code of a plan without changes.
const UNCHANGED: i32 = 0;
/// The exit code of a plan that shows changes.
const CHANGES: i32 = 2;

/// Measures a plan in which nothing is to be done and, with sets, one of a changed template.
pub(crate) fn plans(scene: &Scene<'_>, figures: &mut Figures) {
    if scene.webhooks > MAX_PLANNED {
        eprintln!("  no plan: only up to {MAX_PLANNED} Webhooks are planned");
        return;
    }
    eprintln!("  hooktender plan");
    figures.plan = Some(plan(scene, &[], UNCHANGED));
    if scene.sets > 0 {
        let file = scene.file("planned", &scene.webhook_sets("feeds the next search index"));
        figures.plan_change = Some(plan(scene, &["--filename".as_ref(), file.as_ref()], CHANGES));
    }
}

fn plan(scene: &Scene<'_>, arguments: &[&OsStr], code: i32) -> Planned {
    let mut planned = Planned::default();
    scene.stage.vendor.clear_journals(&scene.accounts);
    let started = Instant::now();
    let mut child = Command::new(env!("CARGO_BIN_EXE_hooktender"))
        .env_clear()
        .env("KUBECONFIG", &scene.kubeconfig)
        .args(["plan", "--namespace", &scene.namespace, "--allow-endpoint", scene.stage.vendor.url()])
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let process = Process(child.id());
    let status = loop {
        if let Some((_, peak)) = process.memory() {
            planned.memory_kib = peak;
        }
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        std::thread::sleep(Duration::from_millis(2));
    };
    assert_eq!(status.code(), Some(code), "hooktender plan {arguments:?}");
    planned.took_s = started.elapsed().as_secs_f64();
    planned.calls = scene.stage.vendor.calls(&scene.accounts);
    planned
}
