//! A report with everything in it, generated reports, and helpers of tests.

mod crowd;
mod generated;

pub(super) use crowd::{any_crowd, crowd, tenant, tenant_account, tenants};
pub(super) use generated::{any_report, wild};

use super::{
    AccountReport, Class, DeliveryState, FieldReport, FormerReport, Report, Searched, UnmanagedReport,
    WebhookReport,
};
use crate::api::status::Action;
use crate::api::{ObjectKey, VendorName};
use crate::plan::Cause;

fn webhook(name: &str, action: Action, cause: Cause, id: Option<&str>) -> WebhookReport {
    let calls = match action {
        Action::None | Action::Adopt | Action::Retain => 0,
        Action::Create | Action::Update | Action::Delete => 1,
        Action::Replace => 2,
    };
    WebhookReport {
        namespace: "shop".into(),
        name: name.into(),
        declared_at: None,
        class: Class::of(action),
        action,
        cause,
        id: id.map(Into::into),
        changes: Vec::new(),
        held: None,
        duplicates: Vec::new(),
        former: Vec::new(),
        delivery: None,
        advice: None,
        calls,
        digest: (calls > 0).then(|| "sha256:0f1e2d".into()),
    }
}

pub(super) fn field(path: &str, before: Option<&str>, after: Option<&str>) -> FieldReport {
    let own = |text: Option<&str>| text.map(Into::into);
    FieldReport { field: path.into(), before: own(before), after: own(after), replaces: false }
}

fn replacing(path: &str, before: &str, after: &str) -> FieldReport {
    FieldReport { replaces: true, ..field(path, Some(before), Some(after)) }
}

/// The same, not applied.
fn held(webhook: WebhookReport, class: Class, reason: &str, message: &str) -> WebhookReport {
    WebhookReport { class, held: Some(class.held(reason, message)), ..webhook }
}

fn account(name: &str, vendor: VendorName, identity: &str, webhooks: Vec<WebhookReport>) -> AccountReport {
    AccountReport {
        namespace: "integrations".into(),
        name: name.into(),
        vendor,
        identity: identity.into(),
        held: None,
        not_planned: false,
        advice: None,
        webhooks,
        unmanaged: Vec::new(),
        about_seconds: None,
    }
}

/// Everything that a report can have.
pub(super) fn rich() -> Report {
    let lost = ["lost-one", "lost-two"].map(|name| {
        let held = Class::NotPlanned
            .held("Credentials", "no plan could be made of VendorAccount integrations/crm-old");
        WebhookReport::unknown(ObjectKey::new("shop", name), Class::NotPlanned, held)
    });
    let mut trouble = account("crm-old", VendorName::Superoffice, "superoffice/Cust26759", lost.into());
    trouble.not_planned = true;
    trouble.held = Some(Class::NotPlanned.held(
        "Credentials",
        "the vendor refused the login (401): the ticket has expired; put a new one into Secret integrations/crm-old, key ticket",
    ));
    let quiet = vec![webhook("all-well", Action::None, Cause::InSync, Some("3"))];
    let quiet = account("quiet", VendorName::Superoffice, "Cust00001 at sod", quiet);
    let not_found = Class::Blocked.held(
        "AccountNotFound",
        "account integrations/crm is not there; correct spec.accountRef, or apply the account",
    );
    let orphan = WebhookReport {
        declared_at: Some("hooks/stray.yaml:1:1".into()),
        ..WebhookReport::unknown(ObjectKey::new("shop", "stray"), Class::Blocked, not_found)
    };
    let accounts = vec![brightpearl(), contensis(), superoffice(), trouble, resting(), quiet];
    Report { searched: Some(Searched::default()), ..Report::new(accounts, vec![orphan], 9) }
}

/// A suspended account.
fn resting() -> AccountReport {
    let suspended = |message: &str| Class::Suspended.held("Suspended", message);
    let held = suspended("VendorAccount integrations/resting is suspended");
    let webhook = WebhookReport::unknown(ObjectKey::new("shop", "asleep"), Class::Suspended, held);
    AccountReport {
        held: Some(suspended("the vendor is not called until spec.suspend is false")),
        ..account("resting", VendorName::Brightpearl, "brightpearl/resting", vec![webhook])
    }
}

fn brightpearl() -> AccountReport {
    let body = r#"{"account":"${account-code}","type":"${resource-type}"}"#;
    let create = WebhookReport {
        declared_at: Some("hooks/orders.yaml:14:1".into()),
        changes: vec![
            field("subscribeTo", None, Some("order.modified")),
            field("httpMethod", None, Some("POST")),
            field("uriTemplate", None, Some("https://hooks.example.com/brightpearl/orders?token=$(TOKEN)")),
            field("bodyTemplate", None, Some(body)),
            field("qualityOfService", None, Some("1")),
        ],
        former: vec![FormerReport {
            external_id: "104".into(),
            summary: "order.modified -> https://old.example.com/…".into(),
            differs: vec!["uriTemplate".into()],
        }],
        advice: Some(
            "the body does not use ${resource-id}, which Brightpearl demands: it may refuse it".into(),
        ),
        ..webhook("order-status", Action::Create, Cause::New, None)
    };
    let replace = WebhookReport {
        declared_at: Some("hooks/products.yaml:2:1".into()),
        changes: vec![
            replacing(
                "uriTemplate",
                "https://hooks.example.com/brightpearl/products/v1/changes?token=$(TOKEN)&shop=eu",
                "https://hooks.example.com/brightpearl/products/v2/changes?token=$(TOKEN)&shop=eu",
            ),
            replacing("qualityOfService", "0", "1"),
            replacing("idSetAccepted", "false", "true"),
        ],
        ..webhook("product-changes", Action::Replace, Cause::SpecChanged, Some("7"))
    };
    let guarded = |name: &str, id: &str| {
        let message = "too many subscriptions of the account would be deleted at once; its condition Stalled says how to allow it";
        let webhook = webhook(name, Action::Delete, Cause::Deleted, Some(id));
        held(webhook, Class::Blocked, "DeletionGuard", message)
    };
    let adopt = WebhookReport {
        duplicates: vec!["41".into(), "57".into()],
        ..webhook("stock", Action::Adopt, Cause::Found, Some("12"))
    };
    let webhooks = vec![guarded("old-customers", "3"), guarded("old-stock", "4"), replace, create, adopt];
    let unmanaged = (100..112).map(|id| UnmanagedReport {
        external_id: id.to_string(),
        summary: "order.modified -> https://old.example.com/…".into(),
    });
    AccountReport {
        held: Some(Class::Blocked.held(
            "DeletionGuard",
            "2 of 5 subscriptions would be deleted, more than 30 %: to allow just these, annotate the account with hooktender.dev/allow-deletions: sha256:9f2c",
        )),
        unmanaged: unmanaged.collect(),
        about_seconds: Some(130),
        ..account("brightpearl-eu", VendorName::Brightpearl, "brightpearl/acme", webhooks)
    }
}

fn contensis() -> AccountReport {
    let lines = |change: &str, end: &str| {
        let items: String =
            (1..=14).flat_map(|n| ["  <li>".to_owned(), n.to_string(), "</li>\n".to_owned()]).collect();
        format!("<ul class=\"{change}\">\n{items}</ul>\n<p>{{{{entry.title}}}}</p>\n{end}")
    };
    let update = WebhookReport {
        declared_at: Some("hooks/search.yaml:3:1".into()),
        changes: vec![
            field("description", Some("Feeds the search index "), Some("Feeds the search index")),
            field("url", Some("https://search.example.com/movies"), Some("https://search.example.com/films")),
            field(
                "topics",
                Some(
                    r#"[{"event":["published"],"resourceType":"entry"},{"event":["deleted"],"resourceType":"node"}]"#,
                ),
                Some(
                    r#"[{"event":["deleted","published"],"resourceType":"entry"},{"event":["published"],"resourceType":"asset"}]"#,
                ),
            ),
            field("headers.X-Origin", None, Some("cms")),
            field("headers.X-Key", Some("(hidden)"), Some("$(KEY)")),
            field("headers.X-Old", Some("1"), None),
            field("templates.page", Some(&lines("old", "")), Some(&lines("new", "<hr>\n"))),
            field("templates.mail", Some("Dear all,\r\nnews.\r\n"), Some("Dear all,\nnews.\n")),
            field(
                "templates.entry\u{1b}[2J",
                Some(r#"{"id":"{{resource.sys.id}}","kind":"review","tags":["a","b"]}"#),
                Some(r#"{"id":"{{resource.sys.id}}","kind":"film","tags":["a","c"],"year":1999}"#),
            ),
        ],
        ..webhook("search-index", Action::Update, Cause::SpecChanged, Some("e3b0c442-98fc-4c14"))
    };
    let drift = WebhookReport {
        changes: vec![field("enabled", Some("false"), Some("true"))],
        ..webhook("editorial-chat", Action::Update, Cause::VendorEdit, Some("77aa11d0-1c14-4d1e"))
    };
    let message = "driftPolicy: Report leaves what was changed at contensis; Correct undoes it";
    let drift = held(drift, Class::Drifted, "DriftReported", message);
    let retain = webhook("kept", Action::Retain, Cause::Deleted, Some("0b1c2d3e-0000-4000"));
    let mut webhooks = vec![update, retain, drift];
    webhooks.extend(["a", "b", "c"].map(|name| webhook(name, Action::None, Cause::InSync, Some(name))));
    let advice = "the role of this API key lacks the webhook permission \"delete\" of project movies";
    AccountReport {
        advice: Some(advice.into()),
        ..account("contensis", VendorName::Contensis, "contensis/movies", webhooks)
    }
}

fn superoffice() -> AccountReport {
    let planned = WebhookReport {
        changes: vec![
            field(
                "events",
                Some(r#"["contact.created","sale.changed"]"#),
                Some(r#"["contact.created","sale.sold"]"#),
            ),
            field("secret", Some("(hidden)"), Some("$(SIGNING_KEY)")),
            field("state", Some("TooManyErrors"), Some("Active")),
        ],
        delivery: Some(DeliveryState::TooManyErrors),
        ..webhook("contact-sync", Action::Update, Cause::DisabledByVendor, Some("19"))
    };
    let planned = held(planned, Class::PlannedOnly, "Planned", "nothing is written until mode is Enforce");
    let stopped = WebhookReport {
        delivery: Some(DeliveryState::TooManyErrors),
        ..webhook("stopped", Action::None, Cause::InSync, Some("20"))
    };
    let gone = WebhookReport {
        changes: vec![field("name", None, Some("sale-won"))],
        ..webhook("sale-won", Action::Create, Cause::Gone, Some("23"))
    };
    let mut webhooks =
        vec![webhook("leaving", Action::Delete, Cause::Deleted, Some("31")), planned, stopped, gone];
    webhooks.extend(superoffice_held());
    account("crm", VendorName::Superoffice, "superoffice/Cust12345", webhooks)
}

/// Webhooks of which nothing may be changed now, each for another reason.
fn superoffice_held() -> Vec<WebhookReport> {
    let hold = |name: &str, reason: &str, message: &str, class| {
        held(webhook(name, Action::None, Cause::InSync, None), class, reason, message)
    };
    vec![
        hold(
            "paused",
            "Suspended",
            "nothing is read or written for it until spec.suspend is false",
            Class::Suspended,
        ),
        hold(
            "hasty",
            "Settling",
            "a create was sent and not answered; the vendor may still commit it",
            Class::HeldBack,
        ),
        hold(
            "twin",
            "SimilarExists",
            "superoffice has a similar subscription that no Webhook declares; nothing is created beside it. To adopt it, set spec.externalId: \"8\"",
            Class::Blocked,
        ),
        hold(
            "second",
            "Conflict",
            "Webhook shop/first declares the same subscription and keeps it; delete one of the two, or change it",
            Class::Blocked,
        ),
        hold(
            "lost",
            "ExternalIdNotFound",
            "superoffice has no subscription 99; correct spec.externalId, or remove it to have one created",
            Class::Blocked,
        ),
        hold(
            "mute",
            "VariableMissing",
            "Secret shop/hook-secrets has no key token\nadd it, or correct spec.variables",
            Class::Blocked,
        ),
    ]
}

/// A report with one change and nothing else.
pub(super) fn of_change(before: Option<String>, after: Option<String>) -> Report {
    let change = FieldReport { field: "field".into(), before, after, replaces: false };
    let webhook = WebhookReport {
        changes: vec![change],
        ..webhook("one", Action::Update, Cause::SpecChanged, Some("1"))
    };
    Report::new(vec![account("a", VendorName::Contensis, "here", vec![webhook])], Vec::new(), 1)
}

/// That many Webhooks, each with some lines that differ.
pub(super) fn many(webhooks: usize) -> Report {
    let webhooks = (0..webhooks).map(|n| {
        let text = |change: &str| format!("{{\n  \"kind\": \"{change}\",\n  \"id\": {n}\n}}\n").repeat(3);
        let changes = vec![field("body", Some(&text("old")), Some(&text("new")))];
        WebhookReport { changes, ..webhook(&n.to_string(), Action::Update, Cause::SpecChanged, Some("1")) }
    });
    Report::new(vec![account("a", VendorName::Contensis, "here", webhooks.collect())], Vec::new(), 1)
}
