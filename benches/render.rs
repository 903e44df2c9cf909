//! How long it takes to render a plan with many changes.
#![allow(missing_docs, reason = "criterion's macros make public functions")]

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use hooktender::api::VendorName;
use hooktender::api::status::Action;
use hooktender::plan::Cause;
use hooktender::plan::report::{
    AccountReport, Class, FieldReport, Report, Style, WebhookReport, markdown, text,
};
use std::hint::black_box;

/// A Webhook whose address, events and template differ, as after an edit to all of them.
fn webhook(n: usize) -> WebhookReport {
    let field = |field: &str, before: String, after: String| FieldReport {
        field: field.into(),
        before: Some(before),
        after: Some(after),
        replaces: false,
    };
    let template = |kind: &str| {
        let lines: Vec<_> =
            (0..20).map(|line| format!("  \"member-{line}\": \"{{{{resource.{n}}}}}\",")).collect();
        format!("{{\n{}\n  \"kind\": \"{kind}\"\n}}\n", lines.join("\n"))
    };
    let url = |version: &str| format!("https://hooks.example.com/{version}/{n}");
    let events = |last: &str| format!(r#"["contact.created","contact.changed","{last}"]"#);
    WebhookReport {
        namespace: "shop".into(),
        name: format!("webhook-{n}"),
        declared_at: Some(format!("hooks.yaml:{n}:1")),
        class: Class::Update,
        action: Action::Update,
        cause: Cause::SpecChanged,
        id: Some(n.to_string()),
        changes: vec![
            field("url", url("v1"), url("v2")),
            field("events", events("sale.changed"), events("sale.sold")),
            field("template", template("old"), template("new")),
        ],
        held: None,
        duplicates: Vec::new(),
        former: Vec::new(),
        delivery: None,
        advice: None,
        calls: 1,
        digest: Some("sha256:0f1e2d".into()),
    }
}

fn report(webhooks: usize) -> Report {
    let account = AccountReport {
        namespace: "shop".into(),
        name: "cms".into(),
        vendor: VendorName::Contensis,
        identity: "movies at https://cms.example.com".into(),
        held: None,
        not_planned: false,
        advice: None,
        webhooks: (0..webhooks).map(webhook).collect(),
        unmanaged: Vec::new(),
        about_seconds: None,
    };
    Report::new(vec![account], Vec::new(), 1)
}

fn render(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("render");
    group.sample_size(10);
    for webhooks in [100, 1_000, 10_000] {
        let report = report(webhooks);
        group.throughput(Throughput::Elements(webhooks as u64));
        let style = Style { colour: true, width: 120, all: false };
        group.bench_with_input(BenchmarkId::new("text", webhooks), &report, |bencher, report| {
            bencher.iter(|| text(black_box(report), &style));
        });
        group.bench_with_input(BenchmarkId::new("markdown", webhooks), &report, |bencher, report| {
            bencher.iter(|| markdown(black_box(report)));
        });
    }
    group.finish();
}

criterion_group!(benches, render);
criterion_main!(benches);
