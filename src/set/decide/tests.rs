//! Decisions for whole sets.

use super::*;
use crate::set::expand::expand;
use crate::set::guard::Verdict;
use crate::set::testing::{account, ready, set, webhook, with};
use proptest::prelude::*;
use serde_json::{Value, json};

/// A set, its accounts and its Webhooks.
struct Scene {
    set: WebhookSet,
    accounts: Vec<Arc<crate::api::VendorAccount>>,
    owned: Vec<Arc<Webhook>>,
    others: HashMap<String, Arc<Webhook>>,
    existing: Vec<String>,
    recent: Changes,
}

impl Scene {
    /// A set with so many members, all made, ready and with a subscription.
    fn made(members: usize, edit: Value) -> Self {
        let set = set(edit);
        let accounts: Vec<_> = (0..members)
            .map(|number| {
                let ring = if number < 2 { "canary" } else { "rest" };
                Arc::new(account(&format!("a{number:02}"), &[("ring", ring)]))
            })
            .collect();
        let owned = expand(&set, &accounts).iter().map(|member| Arc::new(applied(&set, member))).collect();
        let existing = accounts.iter().map(|account| account.name_any()).collect();
        Self { set, accounts, owned, others: HashMap::new(), existing, recent: Changes::new() }
    }

    fn decide(&self) -> Decision {
        let existing =
            self.existing.iter().map(|name| (ObjectKey::new("shop", name), Arc::new(account(name, &[]))));
        let existing = existing.collect();
        decide(Input {
            set: &self.set,
            members: expand(&self.set, &self.accounts),
            owned: self.owned.clone(),
            others: self.others.clone(),
            unknown_accounts: HashSet::new(),
            existing_accounts: existing,
            refused: HashMap::new(),
            recent: self.recent.clone(),
        })
    }

    /// Changes the spec, as a user does.
    fn edit(&mut self, edit: Value) {
        let mut spec = serde_json::to_value(&self.set.spec).unwrap();
        crate::set::testing::merge(&mut spec, edit);
        self.set.spec = serde_json::from_value(spec).unwrap();
    }

    /// Executes the writes of a decision; returns how many there were.
    fn execute(&mut self) -> usize {
        let decision = self.decide();
        for write in &decision.writes {
            match write {
                Write::Create(index) => {
                    self.owned.push(Arc::new(applied(&self.set, &decision.members[*index])));
                }
                Write::Apply { member, .. } => {
                    let made = applied(&self.set, &decision.members[*member]);
                    self.owned.retain(|one| one.name_any() != made.name_any());
                    self.owned.push(Arc::new(made));
                }
                Write::Remove(webhook) => self.owned.retain(|one| one != webhook),
            }
        }
        decision.writes.len()
    }
}

fn applied(set: &WebhookSet, member: &Member) -> Webhook {
    let mut webhook = webhook(set, member, ready());
    webhook.status.as_mut().unwrap().external_id = Some("7".into());
    webhook
}

fn events(event: &str) -> Value {
    json!({"template": {"spec": {"subscription": {"superoffice": {"events": [event]}}}}})
}

fn target(address: &str) -> Value {
    json!({"template": {"spec": {"subscription": {"superoffice": {"targetUrl": address}}}}})
}

fn blocked(decision: &Decision) -> &guard::TooMany {
    let Verdict::Blocked(too_many) = &decision.verdict else { panic!("{decision:?}") };
    assert!(decision.writes.is_empty(), "nothing is changed");
    too_many
}

#[test]
fn a_new_set_creates_all_its_members_and_is_quiet_then() {
    let mut scene = Scene::made(8, json!({}));
    scene.owned.clear();
    assert_eq!(scene.execute(), 8);
    assert_eq!(scene.decide().writes, []);
    scene.accounts.push(Arc::new(account("b", &[])));
    assert_eq!(scene.decide().writes, [Write::Create(8)], "a tenant was added");
    scene.set.spec.paused = true;
    assert_eq!(scene.decide().writes, []);
}

#[test]
fn an_edit_by_hand_is_undone_and_a_deleted_member_is_made_again() {
    let mut scene = Scene::made(3, json!({"updateStrategy": {"type": "OnDelete"}}));
    Arc::make_mut(&mut scene.owned[0]).spec.suspend = true;
    scene.owned.remove(2);
    let writes = scene.decide().writes;
    assert!(
        matches!(writes[..], [Write::Apply { member: 0, why: Difference::Edited, .. }, Write::Create(2)]),
        "{writes:?}"
    );
}

#[test]
fn a_webhook_that_does_not_belong_to_the_set_is_left() {
    let mut scene = Scene::made(2, json!({}));
    let mut released = (*scene.owned.remove(1)).clone();
    released.metadata.owner_references = None;
    scene.others.insert("set-a01".into(), Arc::new(released));
    let decision = scene.decide();
    assert_eq!(decision.writes, []);
    assert_eq!(decision.rows[1].problem.as_ref().unwrap().reason, "NotOwned");
    assert!(decision.rows[0].problem.is_none());
}

#[test]
fn a_selector_that_matches_nothing_changes_nothing() {
    let mut scene = Scene::made(1, json!({}));
    scene.accounts.clear();
    assert!(blocked(&scene.decide()).matches_nothing);
    scene.existing.clear();
    assert_eq!(scene.decide().writes.len(), 1, "its only tenant has left");
}

#[test]
fn losing_more_than_the_share_changes_nothing_until_exactly_that_is_allowed() {
    let mut scene = Scene::made(20, json!({}));
    scene.accounts.truncate(13);
    scene.edit(events("sale.changed"));
    let digest = blocked(&scene.decide()).digest.clone();
    scene.set.annotations_mut().insert(ALLOW_SET_CHANGES.into(), digest);
    let removed =
        |decision: Decision| decision.writes.iter().filter(|write| matches!(write, Write::Remove(_))).count();
    assert_eq!(removed(scene.decide()), 7);
    scene.accounts.truncate(12);
    blocked(&scene.decide());
    let mut few = Scene::made(20, json!({}));
    few.accounts.truncate(14);
    assert_eq!(few.decide().writes.len(), 6);
    few.recent = (14..16).map(|number| guard::change(&format!("set-a{number:02}"), REMOVED)).collect();
    few.owned.retain(|webhook| !few.recent.contains(&guard::change(&webhook.name_any(), REMOVED)));
    few.accounts.truncate(12);
    assert_eq!(blocked(&few.decide()).recent, 2, "those of the last minutes count");
}

#[test]
fn members_without_a_subscription_and_retained_ones_are_removed_without_a_guard() {
    let mut scene = Scene::made(10, json!({"template": {"spec": {"deletionPolicy": "Retain"}}}));
    scene.accounts.truncate(1);
    assert_eq!(scene.decide().writes.len(), 9);
    let mut planned = Scene::made(10, json!({}));
    for webhook in &mut planned.owned {
        Arc::make_mut(webhook).status = None;
    }
    planned.accounts.truncate(1);
    assert_eq!(planned.decide().writes.len(), 9);
}

#[test]
fn a_set_that_is_deleted_keeps_its_members_until_that_is_allowed() {
    let now = crate::api::conditions::seconds(k8s_openapi::jiff::Timestamp::UNIX_EPOCH);
    for (members, held) in [(4, false), (5, true), (20, true)] {
        let mut scene = Scene::made(members, json!({}));
        scene.set.metadata.deletion_timestamp = Some(now.clone());
        scene.accounts.clear();
        let decision = scene.decide();
        assert_eq!(matches!(decision.verdict, Verdict::Blocked(_)), held, "{members}");
        assert_eq!(decision.writes.len(), if held { 0 } else { members });
    }
}

#[test]
fn a_set_that_is_deleted_waits_for_nothing_when_its_webhooks_retain() {
    let mut scene = Scene::made(6, json!({}));
    scene.set.metadata.deletion_timestamp =
        Some(crate::api::conditions::seconds(k8s_openapi::jiff::Timestamp::UNIX_EPOCH));
    scene.accounts.clear();
    scene.edit(json!({"template": {"spec": {"deletionPolicy": "Retain"}}}));
    assert_eq!(blocked(&scene.decide()).changes.len(), 6, "the template is not applied any more");
    for webhook in &mut scene.owned {
        Arc::make_mut(webhook).spec.deletion_policy = crate::api::webhook::DeletionPolicy::Retain;
    }
    assert_eq!(scene.decide().writes.len(), 6);
}

#[test]
fn a_template_that_redirects_or_disables_many_changes_nothing() {
    for edit in [
        target("https://other.example/"),
        json!({"template": {"spec": {"subscription": {"superoffice": {"state": "Stopped"}}}}}),
    ] {
        let mut scene = Scene::made(20, json!({"updateStrategy": {"rollingUpdate": {"maxUnavailable": 1}}}));
        scene.edit(edit.clone());
        assert_eq!(blocked(&scene.decide()).changes.len(), 20, "the whole roll-out counts");
        let mut later = Scene::made(20, json!({"updateStrategy": {"type": "OnDelete"}}));
        later.edit(edit);
        assert!(matches!(later.decide().verdict, Verdict::Clear { .. }), "nothing is changed by itself");
    }
    let mut scene = Scene::made(20, json!({}));
    scene.edit(events("sale.changed"));
    assert_eq!(scene.decide().writes.len(), 5, "a quarter at a time");
}

#[test]
fn a_canary_that_is_not_available_holds_the_roll_out() {
    let order = json!({"updateStrategy": {"rollingUpdate": {"maxUnavailable": "100%", "orderBy": {"label": "ring", "values": ["canary"]}}}});
    let mut scene = Scene::made(6, order);
    scene.edit(events("sale.changed"));
    assert_eq!(scene.execute(), 2, "the canaries");
    let place = scene.owned.iter().position(|webhook| webhook.name_any() == "set-a00").unwrap();
    let good = scene.owned[place].status.clone();
    let mut bad = ready();
    bad["conditions"]
        .as_array_mut()
        .unwrap()
        .push(with("Delivering", "False", "TooManyErrors")["conditions"][0].clone());
    Arc::make_mut(&mut scene.owned[place]).status = serde_json::from_value(bad).unwrap();
    let decision = scene.decide();
    assert_eq!((decision.writes.len(), decision.rollout.ring, decision.rollout.unavailable), (0, Some(0), 1));
    Arc::make_mut(&mut scene.owned[place]).status = good;
    assert_eq!(scene.execute(), 4);
    assert_eq!(scene.decide().writes, []);
}

#[test]
fn an_account_that_another_process_has_is_left() {
    let mut scene = Scene::made(3, json!({}));
    let account = ObjectKey::new("shop", "a02");
    scene.accounts.truncate(2);
    assert_eq!(scene.decide().writes.len(), 1);
    let decision = decide(Input {
        set: &scene.set,
        members: expand(&scene.set, &scene.accounts),
        owned: scene.owned.clone(),
        others: HashMap::new(),
        unknown_accounts: HashSet::from([account]),
        existing_accounts: HashMap::new(),
        refused: HashMap::new(),
        recent: Changes::new(),
    });
    assert_eq!(decision.writes, []);
}

proptest! {
    /// From any state a set reaches what it declares, never with two Webhooks at an account, and is quiet then.
    #[test]
    fn a_set_comes_to_rest(
        members in 1_usize..12, missing in prop::collection::vec(any::<bool>(), 12), edited in prop::collection::vec(any::<bool>(), 12), outdated: bool
    ) {
        let mut scene = Scene::made(members, json!({}));
        if outdated {
            scene.edit(events("sale.changed"));
        }
        let mut number = 0;
        scene.owned.retain(|_| { number += 1; !missing[number - 1] });
        for (webhook, edited) in scene.owned.iter_mut().zip(edited) {
            if edited {
                Arc::make_mut(webhook).spec.suspend = true;
            }
        }
        for _ in 0..=members {
            scene.execute();
            let accounts: HashSet<_> = scene.owned.iter().map(|webhook| webhook.account()).collect();
            prop_assert_eq!(accounts.len(), scene.owned.len());
        }
        let decision = scene.decide();
        prop_assert_eq!(decision.writes.len(), 0);
        prop_assert!(decision.rows.iter().all(|row| row.difference == Some(Difference::None)));
    }
}
