//! How long it takes to read manifests, to compare one subscription, and to plan an account whose Webhooks are unchanged, or all edited.
#![allow(missing_docs, reason = "criterion's macros make public functions")]
#![allow(clippy::unwrap_used, reason = "benchmarks")]

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use hooktender::api::webhook::{DeletionPolicy, DriftPolicy, Subscription};
use hooktender::api::{Mode, ObjectKey, VendorName};
use hooktender::manifest::parse;
use hooktender::plan::diff::{Hide, changes};
use hooktender::plan::{
    Declared, Desired, Document, ExternalId, Observed, Policy, Redactor, Text, digest, plan,
};
use hooktender::vendor::{desired, rules};
use serde_json::json;
use std::hint::black_box;

const VENDOR: VendorName = VendorName::Contensis;

/// A subscription with all that a real one has.
fn document(n: usize, template: &str) -> Document {
    let subscription: Subscription = serde_json::from_value(json!({"contensis": {
        "name": format!("webhook-{n}"),
        "url": format!("https://hooks.example.com/c7s/{n}/{{{{resource.sys.id}}}}"),
        "topics": [
            {"resourceType": "entry", "event": ["published", "unpublished"], "contentTypeId": ["article", "review"]},
            {"resourceType": "asset", "event": ["deleted"]},
        ],
        "headers": {"X-Origin": {"value": "cms"}, "X-Env": {"value": "prod"}},
        "templates": {"entry.article": template},
    }}))
    .unwrap();
    desired(&subscription, &mut |text| Ok::<_, String>(Text::plain(text))).unwrap()
}

fn declared(n: usize, template: &str, applied: &Document) -> Declared {
    Declared {
        key: ObjectKey::new("shop", format!("webhook-{n}")),
        created: 0,
        desired: Desired::Known(document(n, template)),
        recorded: Some(ExternalId::new(n.to_string())),
        named: None,
        superseded: Vec::new(),
        intent: None,
        applied: Some(digest(applied)),
        sensitive: Vec::new(),
        values_changed: false,
        concealed_changed: false,
        mark: None,
        revive: false,
        fresh: false,
        deleting: false,
        stateless: false,
        policy: Policy {
            mode: Mode::Enforce,
            drift: DriftPolicy::Correct,
            deletion: DeletionPolicy::Delete,
            suspended: false,
            release: false,
        },
        redactor: Redactor::default(),
    }
}

fn observed(n: usize) -> Observed {
    Observed {
        id: ExternalId::new(n.to_string()),
        document: document(n, "<p>old</p>\n"),
        summary: String::new(),
        created: None,
        mark: None,
        delivery: None,
        raw: None,
    }
}

fn diff(criterion: &mut Criterion) {
    let (before, after) = (document(1, "<p>old</p>\n"), document(1, "<p>new</p>\n"));
    let redactor = Redactor::default();
    let hide = Hide { redactor: &redactor, fields: &[] };
    criterion.bench_function("diff/equal", |b| {
        b.iter(|| changes(rules(VENDOR), black_box(&before), black_box(&before), hide));
    });
    criterion.bench_function("diff/one field", |b| {
        b.iter(|| changes(rules(VENDOR), black_box(&before), black_box(&after), hide));
    });
}

fn account(criterion: &mut Criterion) {
    for (name, template) in [("plan/unchanged", "<p>old</p>\n"), ("plan/all edited", "<p>new</p>\n")] {
        let mut group = criterion.benchmark_group(name);
        for webhooks in [100, 1_000, 10_000] {
            let has: Vec<_> = (0..webhooks).map(observed).collect();
            let wants: Vec<_> = (0..webhooks).map(|n| declared(n, template, &has[n].document)).collect();
            group.throughput(Throughput::Elements(webhooks as u64));
            group.bench_with_input(BenchmarkId::from_parameter(webhooks), &wants, |b, wants| {
                b.iter(|| plan(rules(VENDOR), black_box(wants), black_box(&has)));
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

criterion_group!(benches, diff, account, manifests);
criterion_main!(benches);
