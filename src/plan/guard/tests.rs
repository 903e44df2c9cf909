use super::*;
use crate::api::webhook::DeletionPolicy;
use crate::plan::testing::{ENFORCE, IN_PLACE, document, has, id, wants};
use crate::plan::{Elsewhere, Hints, Policy, Value, plan};

const LIMITS: Limits = Limits { max_percent: 30, min_count: 5 };

fn webhook(number: usize, deleting: bool) -> Declared {
    let desired = IN_PLACE.document([("name", Value::text(number.to_string()))].into());
    let name = format!("w{number}");
    Declared { recorded: Some(id(&number.to_string())), deleting, ..wants(&name, 1, desired) }
}

/// A plan for so many Webhooks, the first of which are being deleted.
fn planned(all: usize, deleted: usize) -> Plan {
    let declared: Vec<_> = (0..all).map(|number| webhook(number, number < deleted)).collect();
    let observed: Vec<_> = declared
        .iter()
        .map(|one| {
            has(
                one.recorded.as_ref().unwrap().as_str(),
                IN_PLACE.document([("name", Value::text(&one.key.name[1..]))].into()),
            )
        })
        .collect();
    plan(&IN_PLACE, &declared, &observed, &Elsewhere::default())
}

/// So many were deleted lately.
fn lately(count: usize) -> BTreeMap<String, usize> {
    BTreeMap::from([("shop".to_owned(), count)])
}

fn blocked(plan: &Plan) -> usize {
    plan.items.iter().filter(|item| item.blocked() == Some(&BlockedReason::DeletionGuard)).count()
}

#[test]
fn deletions_are_blocked_above_both_limits_and_never_below_either() {
    let cases = [
        (100, 40, true, "40 of 100"),
        (100, 31, true, "just above the share"),
        (100, 30, false, "the share itself"),
        (4, 4, false, "all, but too few to count"),
        (5, 5, true, "all, and enough to count"),
        (16, 5, true, "31 percent"),
        (17, 5, false, "29 percent"),
        (0, 0, false, "nothing"),
    ];
    for (all, deleted, too, reason) in cases {
        let mut plan = planned(all, deleted);
        let found = too_many(&plan, LIMITS, &HashSet::new(), &lately(0));
        assert_eq!(found.is_empty(), !too, "{reason}");
        let Some(found) = found.into_iter().next() else { continue };
        assert_eq!((found.ids.len(), found.managed), (deleted, all), "{reason}");
        block(&mut plan, &found);
        assert_eq!(blocked(&plan), deleted, "{reason}");
        assert!(!plan.items.iter().any(|item| matches!(item.step(), Some(Step::Delete { .. }))), "{reason}");
    }
}

/// A Webhook in the middle of a replacement has two subscriptions, and both are deleted with it.
#[test]
fn what_is_counted_are_subscriptions() {
    let replaced = |number: usize| format!("old-{number}");
    let mut declared: Vec<_> = (0..12).map(|number| webhook(number, number < 2)).collect();
    for (number, one) in declared.iter_mut().enumerate().take(3) {
        one.superseded = vec![id(&replaced(number))];
    }
    let there = declared.iter().flat_map(|one| one.recorded.iter().chain(&one.superseded));
    let observed: Vec<_> = there.map(|id| has(id.as_str(), document("x"))).collect();
    let plan = plan(&IN_PLACE, &declared, &observed, &Elsewhere::default());
    let found =
        too_many(&plan, Limits { max_percent: 20, min_count: 4 }, &HashSet::new(), &lately(0)).remove(0);
    assert_eq!((found.ids.len(), found.managed), (4, 15));
}

#[test]
fn what_is_allowed_is_exactly_what_was_shown() {
    let shown = too_many(&planned(100, 40), LIMITS, &HashSet::new(), &lately(0)).remove(0);
    let allowed: HashSet<_> = shown.ids.iter().cloned().collect();
    assert_eq!(too_many(&planned(100, 40), LIMITS, &allowed, &lately(0)), []);
    assert_eq!(
        too_many(&planned(60, 20), LIMITS, &allowed, &lately(0)),
        [],
        "half done, the rest is still allowed"
    );
    let more = too_many(&planned(100, 80), LIMITS, &allowed, &lately(0)).remove(0);
    assert_eq!(more.ids.len(), 40, "others came to it meanwhile");
    let mut plan = planned(100, 80);
    block(&mut plan, &more);
    assert_eq!(blocked(&plan), 40, "approved ones are not blocked");
    assert_ne!(more.digest, shown.digest);
    assert_eq!(
        too_many(&planned(100, 40), LIMITS, &HashSet::new(), &lately(0)).remove(0).digest,
        shown.digest
    );
}

#[test]
fn a_retained_subscription_is_no_deletion() {
    let mut declared: Vec<_> = (0..10).map(|number| webhook(number, true)).collect();
    for one in &mut declared {
        one.policy = Policy { deletion: DeletionPolicy::Retain, ..ENFORCE };
    }
    let plan = plan(&IN_PLACE, &declared, &[], &Elsewhere::default());
    assert_eq!(too_many(&plan, LIMITS, &HashSet::new(), &lately(0)), []);
}

#[test]
fn a_list_that_lacks_most_is_doubted() {
    let cases = [
        (10, 4, true, "six of ten are missing"),
        (10, 5, false, "half of them"),
        (2, 0, true, "both"),
        (1, 0, false, "the only one"),
        (3, 1, true, "two of three"),
        (0, 0, false, "nothing was there"),
    ];
    for (all, there, doubt, reason) in cases {
        let declared: Vec<_> = (0..all).map(|number| webhook(number, false)).collect();
        let there_are: Vec<_> = (0..there).map(|number| id(&number.to_string())).collect();
        let listed = there_are.iter().collect();
        let missing = doubted(&declared, &listed, &HashSet::new());
        assert_eq!(missing.is_some(), doubt, "{reason}");
        if let Some(missing) = missing {
            assert_eq!(missing.len(), all - there, "{reason}");
            let known_gone = missing.into_iter().collect();
            assert_eq!(doubted(&declared, &listed, &known_gone), None, "{reason}: a second reading agreed");
        }
    }
}

#[test]
fn pages_that_lack_one_are_read_again_unless_it_is_expected() {
    let (one, two, three, four) = (id("1"), id("2"), id("3"), id("4"));
    let knows = Declared {
        recorded: Some(one.clone()),
        pinned_id: Some(two.clone()),
        superseded: vec![three.clone(), four.clone()],
        ..webhook(0, false)
    };
    let lacks = |webhook: &Declared, listed: &[&ExternalId], known_gone: &[&ExternalId]| -> Vec<ExternalId> {
        let known_gone = known_gone.iter().copied().cloned().collect();
        let listed = listed.iter().copied().collect();
        missing_from_pages(std::slice::from_ref(webhook), &listed, &known_gone).into_iter().collect()
    };
    assert_eq!(lacks(&knows, &[&one, &two, &three, &four], &[]), []);
    assert_eq!(lacks(&knows, &[&two, &four], &[]), [one.clone(), three.clone()]);
    assert_eq!(lacks(&knows, &[&two, &four], &[&one]), [three]);
    let fresh = Declared { hints: Hints { may_lag: true, ..Hints::default() }, ..knows.clone() };
    assert_eq!(lacks(&fresh, &[], &[]), [], "it was created just now");
    let deleting = Declared { deleting: true, ..knows };
    assert_eq!(
        lacks(&deleting, &[&one, &id("3"), &four], &[]),
        [],
        "a Webhook that is being deleted pins nothing"
    );
}

#[test]
fn those_of_just_before_count_too() {
    let none = HashSet::new();
    assert_eq!(too_many(&planned(90, 1), LIMITS, &none, &lately(29)), [], "30 of 119");
    let held = too_many(&planned(70, 1), LIMITS, &none, &lately(30)).remove(0);
    assert_eq!((held.ids.len(), held.recent, held.managed), (1, 30, 70));
    assert_eq!(too_many(&planned(70, 0), LIMITS, &none, &lately(50)), [], "there is nothing to block");
}

#[test]
fn each_namespace_is_judged_by_itself() {
    let of = |namespace: &str, one: Declared| {
        let key = crate::plan::Key { namespace: namespace.into(), ..one.key.clone() };
        Declared { key, guest: true, ..one }
    };
    // Twelve of fifteen of the guest's, and one of ten of the owner's.
    let guests = (0..15).map(|number| of("guest", webhook(number, number < 12)));
    let own = (15..25).map(|number| webhook(number, number < 16));
    let declared: Vec<_> = guests.chain(own).collect();
    let observed: Vec<_> =
        declared.iter().map(|one| has(one.recorded.as_ref().unwrap().as_str(), document("x"))).collect();
    let mut plan = plan(&IN_PLACE, &declared, &observed, &Elsewhere::default());
    let found = too_many(&plan, LIMITS, &HashSet::new(), &lately(0));
    assert_eq!(found.len(), 1);
    assert_eq!((&*found[0].namespace, found[0].ids.len(), found[0].managed), ("guest", 12, 15));
    block(&mut plan, &found[0]);
    let goes_on: Vec<_> = plan
        .items
        .iter()
        .filter(|item| matches!(item.step(), Some(Step::Delete { .. })))
        .map(|item| &*item.key.name)
        .collect();
    assert_eq!(goes_on, ["w15"]);
}

/// A plan for so many Webhooks, the first of which get another receiver, and the next ones are disabled.
fn changed(all: usize, redirected: usize, disabled: usize) -> Plan {
    let of = |number: usize, host: &str, on: bool| {
        let url = Value::text(format!("https://{host}/{number}"));
        IN_PLACE.document(
            [("name", Value::text(number.to_string())), ("url", url), ("on", Value::Bool(on))].into(),
        )
    };
    let wanted = |number: usize| {
        let host = if number < redirected { "other.example" } else { "h.example" };
        of(number, host, !(redirected..redirected + disabled).contains(&number))
    };
    let ids: Vec<_> = (0..all).map(|number| id(&number.to_string())).collect();
    let declared: Vec<_> = (0..all)
        .map(|number| Declared {
            recorded: Some(ids[number].clone()),
            ..wants(&format!("w{number}"), 1, wanted(number))
        })
        .collect();
    let observed: Vec<_> =
        (0..all).map(|number| has(ids[number].as_str(), of(number, "H.example", true))).collect();
    plan(&IN_PLACE, &declared, &observed, &Elsewhere::default())
}

#[test]
fn redirections_and_disablings_are_blocked_above_both_limits() {
    let none = BTreeSet::new();
    for (all, redirected, disabled, too) in [
        (20, 4, 3, true),
        (20, 7, 0, true),
        (20, 0, 7, true),
        (20, 3, 3, false),
        (4, 4, 0, false),
        (5, 0, 5, true),
    ] {
        let mut plan = changed(all, redirected, disabled);
        let found = too_many_changes(&plan, LIMITS, &none, &lately(0));
        assert_eq!(found.len(), usize::from(too), "{redirected} and {disabled} of {all}");
        let Some(found) = found.into_iter().next() else { continue };
        assert_eq!((found.changes.len(), found.managed), (redirected + disabled, all));
        assert_eq!(too_many_changes(&plan, LIMITS, &found.changes, &lately(0)), [], "they are allowed");
        let off = Limits { max_percent: 100, ..LIMITS };
        assert_eq!(too_many_changes(&plan, off, &none, &lately(0)), []);
        block(&mut plan, &found);
        assert_eq!(blocked(&plan), redirected + disabled);
    }
    assert_eq!(
        too_many_changes(&changed(20, 6, 0), LIMITS, &none, &lately(1)).len(),
        1,
        "with those of just before"
    );
    let (one, other) = (changed(20, 7, 0), changed(20, 8, 0));
    let digest = |plan: &Plan| too_many_changes(plan, LIMITS, &none, &lately(0)).remove(0).digest;
    assert_ne!(digest(&one), digest(&other));
}
