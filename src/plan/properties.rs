//! Properties of every plan, whatever is declared, recorded and observed, even if the statuses make no sense.

mod two;
mod world;

use super::rules::Rules;
use super::testing::{IN_PLACE, REPLACING, id, key, of, secret, wants};
use super::{BlockedReason, Item, PendingCreate, Plan, Step, digest, plan};
use super::{Declared, Desired, Elsewhere, ExternalId, Observed, Redactor, Value};
use crate::api::Mode;
use crate::api::status::Action;
use crate::api::webhook::DeletionPolicy;
use proptest::prelude::*;
use std::collections::{BTreeMap, HashMap, HashSet};
use world::{Crash, World, one_document, world};

/// Statuses that make sense need no more rounds than these.
const ROUNDS: usize = 3;

fn config() -> ProptestConfig {
    ProptestConfig { failure_persistence: None, ..ProptestConfig::default() }
}

/// The item of a Webhook as text, without its place in a list.
fn said(item: &Item) -> String {
    format!(
        "{:?}",
        (
            (item.action(), item.cause, item.id(), &item.changes, item.digest()),
            (&item.decision, item.priority(), &item.duplicates),
        )
    )
}

fn by_key(plan: &Plan) -> BTreeMap<String, &Item> {
    plan.items.iter().map(|item| (item.key.to_string(), item)).collect()
}

fn unmanaged(plan: &Plan, observed: &[Observed]) -> Vec<ExternalId> {
    plan.unmanaged.iter().map(|&i| observed[i].id.clone()).collect()
}

/// The ids that a step assigns to a Webhook or changes as its own.
fn owned(step: &Step) -> Vec<&ExternalId> {
    match step {
        Step::Create { .. }
        | Step::DeleteSuperseded { .. }
        | Step::Delete { .. }
        | Step::Retain { .. }
        | Step::RemoveFinalizer => Vec::new(),
        Step::AdoptReplacement { id, replaced } => vec![id, replaced],
        Step::Adopt { id }
        | Step::Update { id, .. }
        | Step::Reenable { id, .. }
        | Step::Replace { id, .. } => vec![id],
    }
}

/// Checks that all is as declared: each Webhook that is not blocked has one subscription of its own with the declared content, and
/// nothing that was created on the way is left over.
fn check_one_each(end: &World) -> Result<(), TestCaseError> {
    let plan = end.plan();
    let mut has = HashSet::new();
    for item in plan.items.iter().filter(|item| item.blocked().is_none()) {
        let webhook = &end.declared[item.index];
        let Desired::Known(desired) = &webhook.desired else {
            return Err(TestCaseError::fail("a Webhook is not blocked although its declaration is unknown"));
        };
        prop_assert_eq!(item.action(), Action::None, "{}", item.key);
        let recorded = webhook.recorded.clone();
        let there = end.vendor.iter().find(|one| Some(&one.id) == recorded.as_ref());
        prop_assert!(there.is_some_and(|one| end.rules.equal(&one.document, desired)), "{}", item.key);
        prop_assert!(has.insert(recorded), "{} shares its subscription", item.key);
    }
    let known: HashSet<_> =
        end.declared.iter().flat_map(|webhook| webhook.recorded.iter().chain(&webhook.superseded)).collect();
    for one in end.vendor.iter().filter(|one| end.made.contains(&one.id)) {
        prop_assert!(known.contains(&one.id), "{} was created and forgotten", one.id);
    }
    Ok(())
}

/// Checks that subscriptions which no Webhook had or could take for its own are unchanged.
fn check_unmanaged(before: &World, end: &World) -> Result<(), TestCaseError> {
    let referred: HashSet<_> = before
        .declared
        .iter()
        .flat_map(|webhook| webhook.recorded.iter().chain(&webhook.pinned_id).chain(&webhook.superseded))
        .collect();
    let may_have_made = |one: &Observed| {
        before.declared.iter().any(|webhook| {
            webhook.pending_create.is_some()
                && matches!(&webhook.desired, Desired::Known(desired) if before.rules.equal(desired, &one.document))
        })
    };
    for one in before.vendor.iter().filter(|one| !referred.contains(&one.id) && !may_have_made(one)) {
        let now = end.vendor.iter().find(|now| now.id == one.id);
        prop_assert!(now.is_some_and(|now| now.document == one.document), "{} was touched", one.id);
    }
    Ok(())
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn applying_a_plan_leaves_nothing_to_do(before in world()) {
        let mut world = before.clone();
        world.enforce();
        world.settle();
        world.rounds(before.needs());
        let left: Vec<_> = world.plan().items.into_iter().filter(|item| item.step().is_some()).collect();
        prop_assert!(left.is_empty(), "{left:?}");
        check_one_each(&world)?;
    }

    #[test]
    fn what_nobody_declares_is_never_touched(before in world()) {
        let mut world = before.clone();
        world.rounds(1);
        world.settle();
        world.rounds(ROUNDS);
        check_unmanaged(&before, &world)?;
    }

    #[test]
    fn the_order_of_the_lists_does_not_matter(
        (world, declared, observed) in world().prop_flat_map(|world| {
            let (declared, vendor) = (world.declared.clone(), world.vendor.clone());
            (Just(world), Just(declared).prop_shuffle(), Just(vendor).prop_shuffle())
        })
    ) {
        let (one, other) = (world.plan(), plan(world.rules, &declared, &observed, &Elsewhere::default()));
        let said = |plan: &Plan| by_key(plan).into_iter().map(|(key, item)| (key, said(item))).collect::<Vec<_>>();
        prop_assert_eq!(said(&one), said(&other));
        prop_assert_eq!(unmanaged(&one, &world.vendor), unmanaged(&other, &observed));
        prop_assert_eq!(one.managed, other.managed);
        let order = |plan: &Plan| plan.items.iter().map(|item| item.key.clone()).collect::<Vec<_>>();
        prop_assert_eq!(order(&one), order(&other));
    }

    #[test]
    fn plan_mode_and_suspension_do_nothing_and_show_the_same(before in world()) {
        let with = |mode, suspended| {
            let mut world = before.clone();
            for webhook in &mut world.declared {
                (webhook.policy.mode, webhook.policy.suspended) = (mode, suspended);
            }
            world.plan()
        };
        let enforced = with(Mode::Enforce, false);
        for quiet in [with(Mode::Plan, false), with(Mode::Enforce, true), with(Mode::Plan, true)] {
            for (key, item) in by_key(&quiet) {
                prop_assert!(matches!(item.step(), None | Some(Step::Retain { .. } | Step::RemoveFinalizer)), "{:?}", item);
                let same = by_key(&enforced)[&key];
                prop_assert_eq!((item.action(), item.cause, item.id()), (same.action(), same.cause, same.id()));
                prop_assert_eq!((&item.changes, item.digest()), (&same.changes, same.digest()));
            }
        }
    }

    #[test]
    fn a_crash_heals_without_a_duplicate(
        before in world(),
        rounds in 0..3_usize,
        which in any::<prop::sample::Index>(),
        done in prop::bool::weighted(0.8),
    ) {
        let mut world = before.clone();
        world.enforce();
        world.settle();
        world.rounds(rounds);
        let steps: Vec<_> = world.plan().items.into_iter().filter(|item| item.step().is_some()).collect();
        if steps.is_empty() {
            return Ok(());
        }
        let item = which.get(&steps);
        let crash = if done { Crash::AfterTheVendor } else { Crash::BeforeTheVendor };
        world.take(item, Some(crash));
        // Until the create has expired it is not sent again. What it made is found: at once if nothing equal can have existed
        // before, otherwise when it has expired.
        if matches!(item.step(), Some(Step::Create { .. } | Step::Replace { .. })) {
            if let Some(create) = &mut world.declared[item.index].pending_create {
                create.expired = false;
            }
            let plan = world.plan();
            let next = by_key(&plan)[&item.key.to_string()];
            let found = done && matches!(item.step(), Some(Step::Create { .. }));
            let expected = if found {
                matches!(next.step(), Some(Step::Adopt { .. } | Step::AdoptReplacement { .. }))
            } else if done && matches!(next.step(), Some(Step::Adopt { .. } | Step::AdoptReplacement { .. })) {
                true
            } else {
                next.step().is_none() && next.blocked() == Some(&BlockedReason::CreatePending)
            };
            prop_assert!(expected, "{next:?}");
        }
        world.settle();
        world.rounds(before.needs());
        let left: Vec<_> = world.plan().items.into_iter().filter(|item| item.step().is_some()).collect();
        prop_assert!(left.is_empty(), "{left:?}");
        check_one_each(&world)?;
        check_unmanaged(&before, &world)?;
    }

    #[test]
    fn an_edit_or_a_deletion_after_a_crash_leaves_nothing_behind(
        before in world(),
        which in any::<prop::sample::Index>(),
        done in prop::bool::weighted(0.8),
        edited in one_document(),
        deleted in prop::bool::weighted(0.3),
    ) {
        let mut world = before.clone();
        world.enforce();
        world.settle();
        let makes = |item: &Item| matches!(item.step(), Some(Step::Create { .. } | Step::Replace { .. }));
        let steps: Vec<_> = world.plan().items.into_iter().filter(makes).collect();
        if steps.is_empty() {
            return Ok(());
        }
        let item = which.get(&steps);
        let crash = if done { Crash::AfterTheVendor } else { Crash::BeforeTheVendor };
        world.take(item, Some(crash));
        let webhook = &mut world.declared[item.index];
        webhook.desired = Desired::Known(edited);
        webhook.deleting = deleted;
        webhook.policy.deletion = DeletionPolicy::Delete;
        webhook.policy.release = false;
        world.rounds(before.needs() + 2);
        let left: Vec<_> = world.plan().items.into_iter().filter(|item| item.step().is_some()).collect();
        prop_assert!(left.is_empty(), "{left:?}");
        let owned: HashSet<_> = world.declared.iter().filter_map(|webhook| webhook.recorded.clone()).collect();
        for one in world.vendor.iter().filter(|one| world.made.contains(&one.id)) {
            prop_assert!(owned.contains(&one.id), "{} is left behind: {world:?}", one.id);
        }
        check_one_each(&world)?;
        check_unmanaged(&before, &world)?;
    }

    #[test]
    fn a_fingerprint_is_the_same_exactly_when_two_documents_are_equal(one in one_document(), other in one_document()) {
        let redactor = Redactor::default();
        let same = IN_PLACE.fingerprint(&one, &redactor) == IN_PLACE.fingerprint(&other, &redactor);
        prop_assert_eq!(same, IN_PLACE.equal(&one, &other), "{:?} {:?}", one, other);
    }

    #[test]
    fn no_subscription_is_given_to_two_webhooks(world in world()) {
        let plan = world.plan();
        prop_assert_eq!(plan.items.len(), world.declared.len());
        prop_assert_eq!(plan.managed + plan.unmanaged.len(), world.vendor.len());
        let unmanaged = unmanaged(&plan, &world.vendor);
        let mut has = HashSet::new();
        let mut goes = HashSet::new();
        for step in plan.items.iter().filter_map(|item| item.step()) {
            for one in owned(step) {
                prop_assert!(has.insert(one), "{one} is given twice");
            }
            if let Step::DeleteSuperseded { superseded: ids, .. } | Step::Delete { ids, .. } = step {
                prop_assert!(ids.iter().collect::<HashSet<_>>().len() == ids.len(), "{ids:?}");
                goes.extend(ids);
            }
        }
        for one in has.iter().chain(&goes) {
            prop_assert!(!unmanaged.contains(one), "{one} is changed and belongs to no Webhook");
        }
        prop_assert!(has.is_disjoint(&goes), "{has:?} {goes:?}");
    }

    #[test]
    fn a_list_with_repetitions_is_planned_like_one_without(world in world(), which in any::<prop::sample::Index>()) {
        if world.vendor.is_empty() {
            return Ok(());
        }
        let mut observed = world.vendor.clone();
        observed.push(which.get(&world.vendor).clone());
        let (one, other) = (world.plan(), plan(world.rules, &world.declared, &observed, &Elsewhere::default()));
        let said = |plan: &Plan| plan.items.iter().map(said).collect::<Vec<_>>();
        prop_assert_eq!(said(&one), said(&other));
        prop_assert_eq!(unmanaged(&one, &world.vendor), unmanaged(&other, &observed));
        prop_assert_eq!(one.managed, other.managed);
    }

    #[test]
    fn there_is_a_change_exactly_when_two_documents_differ(a in one_document(), b in one_document()) {
        let redactor = Redactor::default();
        let redaction = super::diff::Redaction { redactor: &redactor, secrets: &redactor, fields: &[], host_only: false };
        for rules in [&IN_PLACE, &REPLACING] {
            prop_assert_eq!(super::diff::changes(rules, &a, &b, redaction).is_empty(), rules.equal(&a, &b));
            prop_assert_eq!(rules.equal(&a, &b), rules.equal(&b, &a));
            prop_assert!(rules.equal(&a, &a));
        }
    }

    #[test]
    fn nothing_that_is_shown_holds_a_secret(
        new in "Zq[a-zA-Z0-9+/=\" %-]{6,20}",
        old in "Zk[a-zA-Z0-9+/=\" %-]{6,20}",
        before in "[a-f:/?]{0,6}",
        after in "[a-f:/?]{0,6}",
        shape in 0..6_usize,
        at_vendor in prop::option::of(0..5_usize),
        in_place in any::<bool>(),
    ) {
        let text = || secret(&before, "TOKEN", &new, &after);
        let map = |value: Value| Value::Map([("t".to_owned(), Value::List(vec![value]))].into_iter().collect());
        let header = |value: Value| {
            let header = Value::Map([("value".to_owned(), value)].into_iter().collect());
            Value::Map([("X-Key".to_owned(), header)].into_iter().collect())
        };
        let (field, wanted) = match shape {
            0 => ("body", text()),
            1 => ("body", map(text())),
            2 => ("url", text()),
            3 => ("headers", header(text())),
            4 => ("secret", text()),
            // It does not contain a secret any more.
            _ => ("body", Value::text("open")),
        };
        let had = |text: String| match field {
            "headers" => header(Value::Text(text.as_str().into())),
            _ if shape == 1 => map(Value::text(text)),
            _ => Value::text(text),
        };
        let mut redactor = Redactor::default();
        redactor.hide(&new.as_str().into(), "$(TOKEN)");
        let desired = of(&[("name", Value::text("n")), (field, wanted)]);
        let webhook = Declared {
            recorded: at_vendor.map(|_| id("1")),
            applied: Some(digest(&desired)),
            sensitive: vec![field.into()],
            redactor,
            ..wants("a", 1, desired)
        };
        let document = |value: String| of(&[("name", Value::text("n")), (field, had(value))]);
        let observed: Vec<Observed> = at_vendor
            .map(|kind| match kind {
                0 => format!("{before}{old}{after}"),
                1 => format!("{before}{new}{after}"),
                2 => format!("{before}{new}{old}"),
                3 => old.clone(),
                _ => new.clone(),
            })
            .map(|value| super::testing::has("1", document(value)))
            .into_iter()
            .collect();
        let plan = plan(if in_place { &IN_PLACE } else { &REPLACING }, std::slice::from_ref(&webhook), &observed, &Elsewhere::default());
        let shown = format!("{plan:?} {webhook:?} {observed:?}");
        let texts = plan.items.iter().flat_map(|item| &item.changes).flat_map(|c| [&c.before, &c.after]);
        let changes: String = texts.flatten().map(String::as_str).collect();
        for one in [&new, &old] {
            let escaped = serde_json::json!(one).to_string();
            for spelling in [one.as_str(), escaped.trim_matches('"')] {
                prop_assert!(!shown.contains(spelling), "{shown}");
                prop_assert!(!changes.contains(spelling), "{changes}");
            }
        }
    }
}
