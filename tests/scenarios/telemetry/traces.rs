//! Traces, and collectors that do not accept them.

use super::collector::{Collector, Span};
use super::prometheus::free_address;
use super::something_of_everything;
use crate::operator::Operator;
use crate::scene::Scene;
use crate::vendors::Vendor;
use hooktender_cluster::eventually;
use std::net::TcpListener;
use std::time::Duration;

/// Batches are sent soon, and a collector that does not answer is given up soon.
const HURRY: [(&str, &str); 2] = [("OTEL_BSP_SCHEDULE_DELAY", "100"), ("OTEL_EXPORTER_OTLP_TIMEOUT", "500")];
const SAID: &str = "the trace collector does not take traces";

/// An operator that sends its traces to that address.
fn traced(scene: &Scene, endpoint: &str) -> Operator {
    let operator = scene.launch(&["--otlp-endpoint", endpoint], &HURRY);
    operator.logs("caches are filled");
    operator
}

#[test]
fn each_pass_is_one_trace_with_its_calls_and_writes() {
    let (scene, tenant) = Scene::with_account("traced", Vendor::Contensis);
    let (collector, endpoint) = Collector::start();
    let operator = traced(&scene, &endpoint);
    something_of_everything(&scene, &tenant);
    // Spans that are left are sent at the end.
    let log = operator.ended();
    let spans = collector.spans();
    let roots: Vec<_> = spans.iter().filter(|span| span.is_root).collect();
    let named = format!("pass {}/account", scene.namespace);
    assert!(roots.iter().all(|root| root.name == named), "{roots:?}");
    assert_eq!(roots.len(), log.matches("hooktender::engine::pass: pass ").count());
    let of = |root: &Span| spans.iter().filter(|span| span.trace == root.trace).collect::<Vec<_>>();
    assert_eq!(roots.iter().map(|root| of(root).len()).sum::<usize>(), spans.len(), "none is without a pass");
    let created =
        roots.iter().map(|root| of(root)).find(|all| all.iter().any(|span| span.name == "contensis create"));
    let created = created.unwrap();
    for expected in ["contensis list", "patch webhooks/status", "create events"] {
        assert!(created.iter().any(|span| span.name == expected), "{expected}: {created:?}");
    }
    let call = created.iter().find(|span| span.name == "contensis create").unwrap();
    for (key, value) in [
        ("hooktender.vendor", "contensis"),
        ("hooktender.operation", "create"),
        ("http.request.method", "POST"),
        ("http.response.status_code", "201"),
        ("server.address", "127.0.0.1"),
    ] {
        assert_eq!(call.attributes.get(key).map(String::as_str), Some(value), "{key}: {call:?}");
    }
    let everything = format!("{spans:?}");
    for hidden in ["canary", "?", "/api/", "token="] {
        assert!(!everything.contains(hidden), "{hidden}: {everything}");
    }
}

#[test]
fn a_collector_that_is_down_or_never_answers_is_reported_once_and_blocks_nothing() {
    let hangs = TcpListener::bind("127.0.0.1:0").unwrap();
    for collector in [free_address(), hangs.local_addr().unwrap().to_string()] {
        let (scene, tenant) = Scene::with_account("untraced", Vendor::Contensis);
        let operator = traced(&scene, &format!("http://{collector}"));
        something_of_everything(&scene, &tenant);
        operator.logs(SAID);
        // Further batches fail.
        for _ in 0..5 {
            scene.pass("account");
        }
        assert!(operator.log().contains(SAID));
        let before = operator.log();
        assert_eq!(before.matches(SAID).count(), 1, "{before}");
        let watch = scene.stopwatch();
        operator.terminate();
        watch.assert_within(Duration::from_secs(10));
    }
    drop(hangs);
}

#[test]
fn a_collector_that_comes_back_is_reported_and_gets_traces() {
    let address = free_address();
    let (scene, _tenant) = Scene::with_account("retraced", Vendor::Contensis);
    let operator = traced(&scene, &format!("http://{address}"));
    operator.logs(SAID);
    let collector = Collector::start_at(&address);
    eventually("traces are taken again", || {
        scene.pass("account");
        if collector.spans().is_empty() { Err(()) } else { Ok(()) }
    })
    .unwrap();
    operator.logs("the trace collector takes traces again");
}
