//! Reports of many tenants.

use super::super::{AccountReport, Class, DeliveryState, Report, UnmanagedReport, WebhookReport};
use super::{account, field, held, webhook};
use crate::api::VendorName;
use crate::api::status::Action;
use crate::plan::Cause;
use proptest::prelude::*;
use proptest::sample::select;

/// The Webhook of a tenant: an event and the tenant's address change.
pub(in crate::plan::report) fn tenant(number: usize) -> WebhookReport {
    let (old, new) = (r#"["contact.created","sale.changed"]"#, r#"["contact.created","sale.sold"]"#);
    let url = |path: &str| format!("https://hooks.example.com/{path}/t{number:03}");
    WebhookReport {
        namespace: "tenants".into(),
        declared_at: Some("tenants/hooks.yaml:1:1".into()),
        changes: vec![
            field("events", Some(old), Some(new)),
            field("targetUrl", Some(&url("v1")), Some(&url("v2"))),
            field("secret", Some("(hidden)"), Some("(hidden)")),
        ],
        ..webhook(
            &format!("hooks-a{number:03}"),
            Action::Update,
            Cause::SpecChanged,
            Some(&number.to_string()),
        )
    }
}

/// An account of SuperOffice with these Webhooks.
pub(in crate::plan::report) fn tenant_account(number: usize, webhooks: Vec<WebhookReport>) -> AccountReport {
    let identity = format!("superoffice/Cust{number:05}");
    AccountReport {
        namespace: "tenants".into(),
        ..account(&format!("a{number:03}"), VendorName::Superoffice, &identity, webhooks)
    }
}

/// A report with one of these Webhooks at each account.
pub(in crate::plan::report) fn tenants(webhooks: Vec<WebhookReport>) -> Report {
    let accounts = webhooks.into_iter().enumerate();
    let accounts = accounts.map(|(number, webhook)| tenant_account(number, vec![webhook]));
    Report::new(accounts.collect(), Vec::new(), 1)
}

/// So many tenants with the same change, three that wait, and others that differ from all.
pub(in crate::plan::report) fn crowd(size: usize) -> Report {
    let mut webhooks: Vec<_> = (0..size).map(tenant).collect();
    webhooks[1].changes[1] = field(
        "targetUrl",
        Some("https://hooks.example.com/v1/t001"),
        Some("https://hooks.example.net/v2/t001"),
    );
    for webhook in &mut webhooks[3..6] {
        *webhook =
            held(webhook.clone(), Class::PlannedOnly, "Planned", "nothing is written until mode is Enforce");
    }
    webhooks[7].delivery = Some(DeliveryState::TooManyErrors);
    webhooks[8] = webhook("hooks-a008", Action::None, Cause::InSync, Some("8"));
    let mut report = tenants(webhooks);
    let unmanaged = UnmanagedReport {
        external_id: "77".into(),
        summary: "sale.sold -> https://old.example.com/…".into(),
    };
    report.accounts[2].unmanaged.push(unmanaged);
    Report::new(report.accounts, report.orphans, 2 * size)
}

fn any_tenant(number: usize) -> impl Strategy<Value = WebhookReport> {
    let urls = ["https://a.example/shared".to_owned(), format!("https://a.example/{number}")];
    let urls = [urls.as_slice(), &[format!("https://b.example/{number}"), "$(URL)".to_owned()]].concat();
    let actions = vec![Action::Update, Action::Update, Action::Create, Action::None];
    let events = select(vec![None, Some("sale.sold"), Some("sale.changed")]);
    let rest = (0..6_usize, 0..8_usize, 0..8_usize);
    (select(actions), select(urls), events, rest).prop_map(
        move |(action, url, events, (waits, doubled, advised))| {
            let mut made = webhook(&format!("hooks-{number}"), action, Cause::SpecChanged, Some("1"));
            if action != Action::None {
                made.changes =
                    vec![field("url", None, Some(&url)), field("events", Some("sale.sold"), events)];
            }
            if waits == 0 {
                made = held(made, Class::PlannedOnly, "Planned", "nothing is written");
            }
            if doubled == 0 {
                made.duplicates.push(number.to_string());
            }
            made.advice = (advised == 0).then(|| "it may be refused".to_owned());
            made
        },
    )
}

/// Tenants with few differences, up to two Webhooks each.
pub(in crate::plan::report) fn any_crowd() -> impl Strategy<Value = Report> {
    let accounts: Vec<_> = (0..8_usize)
        .map(|number| {
            let webhooks = [any_tenant(2 * number).boxed(), any_tenant(2 * number + 1).boxed()];
            (webhooks, 0..3_usize).prop_map(move |(mut webhooks, size)| {
                webhooks.reverse();
                tenant_account(number, webhooks.into_iter().take(size).collect())
            })
        })
        .collect();
    accounts.prop_map(|accounts| Report::new(accounts, Vec::new(), 1))
}
