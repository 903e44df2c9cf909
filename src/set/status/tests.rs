//! Statuses of sets.

use super::*;
use crate::api::ObjectKey;
use crate::set::decide::{Input, Write, decide};
use crate::set::expand::expand;
use crate::set::guard::Changes;
use crate::set::testing::{account, ready, set, webhook, with};
use serde_json::{Value, json};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// The status of a set whose members have these statuses; a member without one has no Webhook.
fn of(edit: Value, members: &[Option<Value>]) -> WebhookSetStatus {
    let set = set(edit);
    let accounts: Vec<_> =
        (0..members.len()).map(|number| Arc::new(account(&format!("a{number}"), &[]))).collect();
    let expanded = expand(&set, &accounts);
    let made = expanded
        .iter()
        .zip(members)
        .filter_map(|(member, status)| Some(Arc::new(webhook(&set, member, status.clone()?))));
    let decision = decide(Input {
        set: &set,
        owned: made.collect(),
        members: expanded.clone(),
        others: HashMap::new(),
        unknown_accounts: HashSet::new(),
        existing_accounts: HashMap::new(),
        refused: HashMap::new(),
        recent: Changes::new(),
    });
    assert!(decision.writes.iter().all(|write| matches!(write, Write::Create(_))));
    status(&set, &decision, None, Timestamp::UNIX_EPOCH)
}

fn shown(status: &WebhookSetStatus) -> (String, String) {
    let is = |kind| {
        let found = conditions::get(&status.conditions, kind).unwrap();
        found.status.chars().next().unwrap()
    };
    let ready = conditions::get(&status.conditions, READY).unwrap();
    (
        [READY, RECONCILING, STALLED].map(is).iter().collect::<String>() + " " + &ready.reason,
        ready.message.clone(),
    )
}

#[test]
fn conditions_say_where_a_set_stands() {
    let stalled = with("Stalled", "True", "Rejected");
    let failing = with("Ready", "False", "Unavailable");
    let planned = with("Ready", "False", "Planned");
    let unobserved = json!({"observedGeneration": 0});
    for (members, conditions, message) in [
        (
            vec![],
            "TFF NoAccounts",
            "no VendorAccount matches accountSelector: kubectl get vendoraccounts --show-labels -n shop",
        ),
        (vec![Some(ready()), Some(ready())], "TFF InSync", "all 2 members are ready"),
        (vec![Some(ready()), None], "FTF Updating", "1 of 2 members are updated"),
        (
            vec![Some(ready()), Some(stalled.clone())],
            "FFT MembersBlocked",
            "1 of 2 members wait for a person: set-a1 (Rejected: m)",
        ),
        (
            vec![Some(unobserved), Some(stalled)],
            "FTF MembersNotReady",
            "0 of 2 members are ready: set-a1 (Rejected: m)",
        ),
        (
            vec![Some(ready()), Some(failing)],
            "FTF MembersNotReady",
            "1 of 2 members are ready: set-a1 (Unavailable: m)",
        ),
        (vec![Some(planned)], "FFF Planned", "0 of 1 members are ready: set-a0 (Planned: m)"),
    ] {
        assert_eq!(shown(&of(json!({}), &members)), (conditions.to_owned(), message.to_owned()));
    }
}

#[test]
fn a_paused_set_says_so_and_still_reports_its_members() {
    let paused = |members: &[Option<Value>]| shown(&of(json!({"paused": true}), members));
    let (conditions, message) = paused(&[Some(ready()), Some(ready())]);
    assert_eq!(conditions, "TFF Suspended");
    assert_eq!(message, "paused: no member is changed until spec.paused is false");
    let (conditions, message) = paused(&[Some(ready()), None]);
    assert_eq!(conditions, "FFF Paused");
    assert_eq!(message, "1 member differs from the template; set spec.paused to false to change them");
    assert_eq!(paused(&[Some(with("Stalled", "True", "Rejected"))]).0, "FFT MembersBlocked");
    assert_eq!(paused(&[Some(with("Ready", "False", "Unavailable"))]).0, "FTF MembersNotReady");
}

#[test]
fn the_worst_ten_are_listed() {
    let mut members: Vec<_> = (0..12).map(|_| Some(with("Ready", "False", "Unavailable"))).collect();
    members.extend([Some(with("Stalled", "True", "Rejected")), Some(ready())]);
    let status = of(json!({}), &members);
    assert_eq!(status.worst.len(), 10);
    assert_eq!((status.worst[0].name.as_str(), status.worst[0].reason.as_str()), ("set-a12", "Rejected"));
    assert_eq!(status.worst[0].account, "shop/a12");
    assert_eq!((status.members, status.updated, status.ready, status.blocked), (14, 14, 1, 1));
}

#[test]
fn a_member_without_a_declaration_is_blocked() {
    let variables = json!([{"name": "T", "valueFrom": {"accountRef": {"label": "tenant"}}}]);
    let set = set(json!({"template": {"spec": {"variables": variables}}}));
    let members = expand(&set, &[Arc::new(account("a", &[])), Arc::new(account("b", &[("tenant", "t")]))]);
    let made = Arc::new(webhook(&set, &members[1], ready()));
    let input = Input {
        set: &set,
        members,
        owned: vec![made],
        others: HashMap::new(),
        unknown_accounts: HashSet::new(),
        existing_accounts: HashMap::new(),
        refused: HashMap::new(),
        recent: Changes::new(),
    };
    let status = status(&set, &decide(input), None, Timestamp::UNIX_EPOCH);
    assert_eq!((status.members, status.ready, status.blocked), (2, 1, 1));
    let (conditions, message) = shown(&status);
    assert_eq!(conditions, "FFT MembersBlocked");
    assert!(
        message.contains(
            "set-a (VariableMissing: variable T: VendorAccount shop/a has no label tenant: add it)"
        ),
        "{message}"
    );
}

#[test]
fn a_set_that_may_match_accounts_of_other_namespaces_shows_the_labels_of_all() {
    let (_, message) = shown(&of(json!({"accountNamespaces": {"from": "All"}}), &[]));
    assert!(message.ends_with("--show-labels -A"), "{message}");
}

#[test]
fn the_deletion_of_a_paused_set_waits_until_it_is_resumed() {
    let mut set = set(json!({"paused": true}));
    set.metadata.deletion_timestamp = Some(conditions::seconds(Timestamp::UNIX_EPOCH));
    // None of them has a subscription, so that the guard does not block their deletion.
    let status = selected_by(&set, 0, false);
    let (conditions, message) = shown(&status);
    assert_eq!(conditions, "FFF Paused");
    let resume = "hooktender resume whs/set -n shop";
    let waits = "the set is being deleted and is paused: 6 members and the set stay until it is resumed";
    assert_eq!(message, format!("{waits}: {resume}"));
    assert_eq!((status.members, status.ready), (6, 6), "they are still there");
}

/// The status of a set with six ready members, `selected` of which its selector matches.
fn selected(selected: usize) -> WebhookSetStatus {
    selected_by(&set(json!({})), selected, true)
}

/// As [`selected`], of this set, whose members have subscriptions or not.
fn selected_by(set: &WebhookSet, selected: usize, subscribed: bool) -> WebhookSetStatus {
    let accounts: Vec<_> = (0..6).map(|number| Arc::new(account(&format!("a{number}"), &[]))).collect();
    let made = expand(set, &accounts).into_iter().map(|member| {
        let mut made = webhook(set, &member, ready());
        made.status.as_mut().unwrap().external_id = subscribed.then(|| "7".into());
        Arc::new(made)
    });
    let input = Input {
        set,
        owned: made.collect(),
        members: expand(set, &accounts[..selected]),
        others: HashMap::new(),
        unknown_accounts: HashSet::new(),
        existing_accounts: accounts
            .iter()
            .map(|account| (ObjectKey::of(&**account), Arc::clone(account)))
            .collect(),
        refused: HashMap::new(),
        recent: Changes::new(),
    };
    status(set, &decide(input), None, Timestamp::UNIX_EPOCH)
}

#[test]
fn members_that_the_guard_keeps_are_counted() {
    for matched in [0, 1] {
        let status = selected(matched);
        assert_eq!(shown(&status).0, "FFT SetGuard", "{matched}");
        assert_eq!((status.members, status.updated, status.ready, status.blocked), (6, 6, 6, 0), "{matched}");
    }
    // The guard allows that.
    assert_eq!(selected(2).members, 2);
}
