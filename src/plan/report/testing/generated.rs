//! Generated reports.

use super::super::{
    AccountReport, Class, DeliveryState, FieldReport, FormerReport, Held, Report, Searched, UnmanagedReport,
    WebhookReport, WebhooksOf,
};
use super::{account, webhook};
use crate::api::VendorName;
use crate::api::status::Action;
use crate::plan::Cause;
use proptest::option::of;
use proptest::prelude::*;
use proptest::sample::select;

/// Text as a vendor may send it.
pub(in crate::plan::report) fn wild() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-c \\-+>·|`<@#]{0,12}",
        "[ab \t\r\n]{0,16}",
        "\\PC{0,24}",
        any::<String>(),
        "(\x1b\\[[0-9;]{0,4}[mJHK]|\u{9b}2J|\u{7}|\u{202e}|[a-z ]|漢|e\u{301}){0,20}",
        "(\\{\"[ab]\":[ ]?(1|\"x\"|\\[1,2\\]|null)(,\"[cd]\":(2|\"y\\\\n\"|\\{\\}))?\\}|\\[(1|2|\"a\")(,(1|2|\"b\")){0,3}\\])",
        "(line [0-9]\n){0,20}",
        "https://[a-z/?=&]{0,120}",
    ]
}

/// A change that is not applied: its class, and why.
fn any_held() -> impl Strategy<Value = (Class, Held)> {
    let classes = vec![
        Class::Drifted,
        Class::PlannedOnly,
        Class::Suspended,
        Class::HeldBack,
        Class::Blocked,
        Class::NotPlanned,
    ];
    (wild(), wild(), select(classes))
        .prop_map(|(reason, message, class)| (class, class.held(reason, message)))
}

fn any_field() -> impl Strategy<Value = FieldReport> {
    (wild(), of(wild()), of(wild()), any::<bool>()).prop_map(|(field, before, after, replaces)| FieldReport {
        field,
        before,
        after,
        replaces,
    })
}

fn any_former() -> impl Strategy<Value = Vec<FormerReport>> {
    let one = (wild(), wild(), prop::collection::vec(wild(), 0..3));
    let one = one.prop_map(|(external_id, summary, differs)| FormerReport { external_id, summary, differs });
    prop::collection::vec(one, 0..3)
}

fn any_webhook() -> impl Strategy<Value = WebhookReport> {
    let actions = vec![
        Action::None,
        Action::Create,
        Action::Adopt,
        Action::Update,
        Action::Replace,
        Action::Delete,
        Action::Retain,
    ];
    let causes = vec![
        Cause::InSync,
        Cause::New,
        Cause::DisabledByVendor,
        Cause::VendorEdit,
        Cause::Deleted,
        Cause::Unknown,
    ];
    let deliveries = vec![DeliveryState::Active, DeliveryState::Stopped, DeliveryState::TooManyErrors];
    let names = (wild(), wild(), of(wild()), of(wild()), of(wild()));
    let changes = prop::collection::vec(any_field(), 0..4);
    let rest = (
        of(any_held()),
        prop::collection::vec(wild(), 0..3),
        of(wild()),
        0..3usize,
        of(select(deliveries)),
        any_former(),
    );
    (names, select(actions), select(causes), changes, rest).prop_map(
        |(
            (namespace, name, declared_at, id, digest),
            action,
            cause,
            changes,
            (held, duplicates, advice, calls, delivery, former),
        )| {
            let (class, held) = held.map_or((Class::of(action), None), |(class, held)| (class, Some(held)));
            let base = WebhookReport { namespace, name, declared_at, id, ..webhook("", action, cause, None) };
            WebhookReport {
                class,
                changes,
                held,
                duplicates,
                former,
                delivery,
                advice,
                calls,
                digest,
                ..base
            }
        },
    )
}

fn any_account() -> impl Strategy<Value = AccountReport> {
    let unmanaged = prop::collection::vec((wild(), wild()), 0..13);
    let webhooks = prop::collection::vec(any_webhook(), 0..4);
    (wild(), wild(), of(any_held()), of(wild()), webhooks, unmanaged, of(any::<u32>())).prop_map(
        |(name, identity, held, advice, webhooks, unmanaged, seconds)| AccountReport {
            not_planned: held.as_ref().is_some_and(|(class, _)| *class == Class::NotPlanned),
            held: held.map(|(_, held)| held),
            advice,
            unmanaged: unmanaged
                .into_iter()
                .map(|(external_id, summary)| UnmanagedReport { external_id, summary })
                .collect(),
            about_seconds: seconds.map(u64::from),
            ..account(&name, VendorName::Brightpearl, &identity, webhooks)
        },
    )
}

/// Anything that the types allow.
pub(in crate::plan::report) fn any_report() -> impl Strategy<Value = Report> {
    let orphans = prop::collection::vec(any_webhook(), 0..2);
    let elsewhere = prop::collection::vec((wild(), 1..9usize), 0..8).prop_map(|all| {
        let webhooks_of = |(namespace, webhooks)| WebhooksOf { namespace, webhooks };
        all.into_iter().map(webhooks_of).collect::<Vec<_>>()
    });
    let searched =
        (of(wild()), elsewhere).prop_map(|(namespace, elsewhere)| Searched { namespace, elsewhere });
    (prop::collection::vec(any_account(), 0..3), orphans, 0..99usize, of(searched)).prop_map(
        |(accounts, orphans, made, searched)| Report { searched, ..Report::new(accounts, orphans, made) },
    )
}
