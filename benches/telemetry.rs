//! What telemetry costs beside the work that it reports, and how long a scrape takes. Prints both as ratios to the promise: under
//! 3 % of the CPU of a pass, and a scrape of 10,000 objects under 50 ms.
#![allow(missing_docs, reason = "criterion's macros make public functions")]
#![allow(clippy::unwrap_used, reason = "benchmarks")]

mod account;

use account::{OLD, VENDOR, declared, observed};
use criterion::{Criterion, criterion_group, criterion_main};
use hooktender::api::ObjectKey;
use hooktender::api::status::Action;
use hooktender::plan::{Elsewhere, plan};
use hooktender::telemetry::{
    AccountPhase, LogFormat, LogOptions, Metrics, PassResult, StateCounts, Telemetry, WebhookPhase,
};
use hooktender::vendor::{CallReport, Operation, rules};
use std::hint::black_box;
use std::time::{Duration, Instant};

const WEBHOOKS: usize = 1_000;

/// Reports what a pass over a settled account reports: one call, the state of its Webhooks, its result, and its spans.
fn tell(metrics: &Metrics, account: &ObjectKey) {
    let took = Duration::from_millis(40);
    let pass =
        tracing::info_span!(target: "hooktender::engine::pass", parent: None, "pass", account = %account);
    pass.in_scope(|| {
        let call = tracing::info_span!(
            target: "hooktender::vendor::report", "vendor call", otel.kind = "client",
            http.request.method = "GET", server.address = "cms.example.com", http.response.status_code = 200
        );
        let report = CallReport {
            vendor: VENDOR,
            operation: Operation::List,
            class: None,
            elapsed: took,
            clock: None,
        };
        call.in_scope(|| metrics.record_request(report));
        let mut tally = StateCounts::of(VENDOR, AccountPhase::Ready);
        for _ in 0..WEBHOOKS {
            tally.add(black_box(WebhookPhase::Ready));
        }
        metrics.set_state(account, tally, Some(Duration::from_secs(300)));
        metrics.record_pass(VENDOR, account, PassResult::Success, true, took);
        metrics.set_budget(account, Some(100));
        tracing::info!(target: "hooktender::engine::pass", vendor = %VENDOR, %account, ok = true, done = 0, "pass");
    });
}

/// The median of many runs.
fn median(runs: u32, mut run: impl FnMut()) -> Duration {
    let mut took: Vec<_> = (0..runs)
        .map(|_| {
            let started = Instant::now();
            run();
            started.elapsed()
        })
        .collect();
    took.sort_unstable();
    took[took.len() / 2]
}

fn pass(criterion: &mut Criterion) {
    // Spans to a collector that does not exist: the most expensive case for the process that makes them. Log lines are discarded.
    let telemetry = Telemetry::start(LogOptions {
        format: LogFormat::Json,
        level: "off,hooktender=info",
        buffered: false,
        traces: Some("http://127.0.0.1:9"),
    })
    .unwrap();
    let account = ObjectKey::new("shop", "account");
    let metrics = Metrics::new(telemetry.lost_lines());
    let has: Vec<_> = (0..WEBHOOKS).map(observed).collect();
    let wants: Vec<_> = (0..WEBHOOKS).map(|n| declared(n, OLD, &has[n].document)).collect();
    let planning = median(50, || drop(black_box(plan(rules(VENDOR), &wants, &has, &Elsewhere::default()))));
    let telling = median(2_000, || tell(&metrics, &account));
    let share = 100.0 * telling.as_secs_f64() / planning.as_secs_f64();
    println!(
        "telemetry/share of planning {WEBHOOKS} unchanged Webhooks: {share:.2} % ({telling:?} of {planning:?})"
    );
    criterion.bench_function("telemetry/a settled pass", |b| b.iter(|| tell(&metrics, &account)));
    criterion.bench_function("telemetry/one action", |b| {
        b.iter(|| metrics.record_action(VENDOR, black_box(Action::Update), true));
    });
}

fn scrape(criterion: &mut Criterion) {
    // 10,000 Webhooks in a hundred accounts.
    let metrics = Metrics::default();
    for number in 0..100 {
        let account = ObjectKey::new("shop", format!("account-{number}"));
        let mut tally = StateCounts::of(VENDOR, AccountPhase::Ready);
        for _ in 0..100 {
            tally.add(WebhookPhase::Ready);
        }
        metrics.set_state(&account, tally, Some(Duration::from_secs(300)));
        metrics.record_pass(VENDOR, &account, PassResult::Success, true, Duration::from_millis(40));
        metrics.set_budget(&account, Some(100));
    }
    let took = median(200, || drop(black_box(metrics.text().unwrap())));
    println!("telemetry/scrape at 10,000 Webhooks: {took:?}, of 50 ms");
    criterion.bench_function("telemetry/scrape", |b| b.iter(|| metrics.text().unwrap()));
}

criterion_group!(benches, pass, scrape);
criterion_main!(benches);
