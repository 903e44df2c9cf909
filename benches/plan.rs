//! How long it takes to read manifests, to build canonical documents and their digests, to compare subscriptions, and to plan an
//! account whose Webhooks are unchanged, or all edited.
#![allow(missing_docs, reason = "criterion's macros make public functions")]
#![allow(clippy::unwrap_used, reason = "benchmarks")]

mod account;

use account::{OLD, SIZES, VENDOR, declared, document, expanded, observed, subscription};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use hooktender::manifest::parse;
use hooktender::plan::diff::{Redaction, changes};
use hooktender::plan::{Elsewhere, Redactor, digest, plan};
use hooktender::vendor::rules;
use std::hint::black_box;

fn diff(criterion: &mut Criterion) {
    let (before, after) = (document(1, OLD), document(1, "<p>new</p>\n"));
    let redactor = Redactor::default();
    let redaction = Redaction { redactor: &redactor, secrets: &redactor, fields: &[], host_only: false };
    criterion.bench_function("diff/equal", |b| {
        b.iter(|| changes(rules(VENDOR), black_box(&before), black_box(&before), redaction));
    });
    criterion.bench_function("diff/one field", |b| {
        b.iter(|| changes(rules(VENDOR), black_box(&before), black_box(&after), redaction));
    });
    let twins = |n| (document(n, OLD), document(n, OLD));
    each(criterion, "diff/all equal", twins, |(a, b)| changes(rules(VENDOR), a, b, redaction));
}

/// Changes each of an account's Webhooks in the same way.
fn each<T, R>(criterion: &mut Criterion, name: &str, make: impl Fn(usize) -> T, of: impl Fn(&T) -> R) {
    let mut group = criterion.benchmark_group(name);
    for webhooks in SIZES {
        let all: Vec<_> = (0..webhooks).map(&make).collect();
        group.throughput(Throughput::Elements(webhooks as u64));
        group.bench_with_input(BenchmarkId::from_parameter(webhooks), &all, |b, all| {
            b.iter(|| all.iter().for_each(|one| drop(black_box(of(black_box(one))))));
        });
    }
    group.finish();
}

fn documents(criterion: &mut Criterion) {
    each(criterion, "canonicalise", |n| subscription(n, OLD), expanded);
    each(criterion, "digest", |n| document(n, OLD), digest);
}

fn accounts(criterion: &mut Criterion) {
    for (name, template) in [("plan/unchanged", OLD), ("plan/all edited", "<p>new</p>\n")] {
        let mut group = criterion.benchmark_group(name);
        for webhooks in SIZES {
            let has: Vec<_> = (0..webhooks).map(observed).collect();
            let wants: Vec<_> = (0..webhooks).map(|n| declared(n, template, &has[n].document)).collect();
            group.throughput(Throughput::Elements(webhooks as u64));
            group.bench_with_input(BenchmarkId::from_parameter(webhooks), &wants, |b, wants| {
                b.iter(|| plan(rules(VENDOR), black_box(wants), black_box(&has), &Elsewhere::default()));
            });
        }
        group.finish();
    }
}

fn manifests(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("manifest/read and check");
    for webhooks in [100, 1_000] {
        let one = |n: usize| {
            format!(
                "---\napiVersion: hooktender.dev/v1alpha1\nkind: Webhook\nmetadata: {{name: webhook-{n}}}\nspec:\n  accountRef: {{name: a}}\n  subscription:\n    superoffice:\n      name: webhook-{n}\n      events: [contact.created, sale.changed]\n      targetUrl: https://hooks.example.com/so/{n}\n"
            )
        };
        let text = (0..webhooks).map(one).collect::<Vec<_>>().concat();
        assert_eq!(
            parse("hooks.yaml", text.as_bytes(), "shop").map_or(0, |all| all.webhooks.len()),
            webhooks
        );
        group.throughput(Throughput::Elements(webhooks as u64));
        group.bench_with_input(BenchmarkId::from_parameter(webhooks), &text, |b, text| {
            b.iter(|| parse("hooks.yaml", black_box(text).as_bytes(), "shop").is_ok());
        });
    }
    group.finish();
}

criterion_group!(benches, documents, diff, accounts, manifests);
criterion_main!(benches);
