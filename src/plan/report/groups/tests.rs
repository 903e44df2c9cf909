//! What is grouped, and what is not.

use super::*;
use crate::plan::report::testing::{any_crowd, any_report, field, tenant, tenant_account, tenants};
use crate::plan::report::{FormerReport, Until};
use proptest::prelude::*;

/// The names in each group, and those in none.
fn names(report: &Report) -> (Vec<Vec<&str>>, Vec<&str>) {
    let Grouped { groups, rest } = grouped(report);
    let of_group =
        |group: &Group<'_>| -> Vec<usize> { group.members.iter().map(|one| one.place.0).collect() };
    let name = |at: usize| report.accounts[at].webhooks[0].name.as_str();
    let groups = groups.iter().map(|group| of_group(group).into_iter().map(name).collect());
    (groups.collect(), rest.iter().flatten().map(|webhook| &*webhook.name).collect())
}

#[test]
fn the_same_change_at_three_accounts_is_a_group() {
    for (size, grouped) in [(2, 0), (3, 3), (200, 200)] {
        let report = tenants((0..size).map(tenant).collect());
        let (groups, rest) = names(&report);
        assert_eq!(groups.concat().len(), grouped, "{size}");
        assert_eq!(rest.len(), size - grouped, "{size}");
    }
    let same = || vec![tenant(0), tenant(1), tenant(2)];
    let report = Report::new(vec![tenant_account(0, same()), tenant_account(1, same())], Vec::new(), 1);
    assert!(grouped(&report).groups.is_empty(), "Webhooks of two accounts");
    let mut vendors = tenants((0..3).map(tenant).collect());
    vendors.accounts[2].vendor = VendorName::Brightpearl;
    assert!(grouped(&vendors).groups.is_empty(), "accounts of two vendors");
}

/// A change of one report.
type Edit = Box<dyn Fn(&mut WebhookReport)>;

#[test]
fn whatever_is_said_about_one_alone_is_not_hidden() {
    let held =
        |message: &str| Held { reason: "Planned".into(), message: message.into(), until: Until::Later };
    let former = FormerReport { external_id: "9".into(), summary: "old".into(), differs: Vec::new() };
    let edits: Vec<(&str, Edit)> = vec![
        ("class", Box::new(|one| one.class = Class::Blocked)),
        ("action", Box::new(|one| one.action = Action::Replace)),
        ("cause", Box::new(|one| one.cause = Cause::VendorEdit)),
        ("held", Box::new(move |one| one.held = Some(held("why")))),
        ("delivery", Box::new(|one| one.delivery = Some(DeliveryState::TooManyErrors))),
        ("advice", Box::new(|one| one.advice = Some("beware".into()))),
        ("calls", Box::new(|one| one.calls = 0)),
        ("id", Box::new(|one| one.id = None)),
        ("duplicates", Box::new(|one| one.duplicates.push("8".into()))),
        ("former", Box::new(move |one| one.former.push(former.clone()))),
        ("a value", Box::new(|one| one.changes[0].after = Some("[]".into()))),
        ("one side", Box::new(|one| one.changes[0].before = None)),
        ("replaces", Box::new(|one| one.changes[0].replaces = true)),
        ("another field", Box::new(|one| one.changes[0].field = "headers".into())),
        ("one more field", Box::new(|one| one.changes.push(field("state", None, Some("Stopped"))))),
        ("another host", Box::new(|one| one.changes[1].after = Some("https://evil.example/v2/t003".into()))),
        (
            "another host, by a trick",
            Box::new(|one| {
                one.changes[1].after = Some(r"https://evil.example\hooks.example.com/v2/t003".into());
            }),
        ),
        (
            "no encryption",
            Box::new(|one| one.changes[1].after = Some("http://hooks.example.com/v2/t003".into())),
        ),
    ];
    for (what, edit) in edits {
        let mut webhooks: Vec<_> = (0..8).map(tenant).collect();
        edit(&mut webhooks[3]);
        let report = tenants(webhooks);
        let (groups, rest) = names(&report);
        assert_eq!(rest, ["hooks-a003"], "{what}");
        assert_eq!((groups.len(), groups[0].len()), (1, 7), "{what}");
    }
}

#[test]
fn a_value_for_each_account_keeps_them_together() {
    let report = tenants((0..8).map(tenant).collect());
    let Grouped { groups, .. } = grouped(&report);
    assert_eq!(groups[0].by_account, BTreeSet::from([1]));
    let own: Vec<_> = groups[0].own_entries(&groups[0].members[5]);
    assert_eq!(own.iter().map(|(entry, _)| entry.path.as_str()).collect::<Vec<_>>(), ["targetUrl"]);
    // Hosts of tenants are theirs, too.
    let mut own_hosts: Vec<_> = (0..8).map(tenant).collect();
    for (number, webhook) in own_hosts.iter_mut().enumerate() {
        webhook.changes[1].after = Some(format!("https://t{number}.example.com/"));
    }
    assert_eq!(names(&tenants(own_hosts)).0.len(), 1);
}

#[test]
fn a_shared_value_divides() {
    // Two tenants share an address, so that it is no longer the tenant's own.
    let mut shared: Vec<_> = (0..4).map(tenant).collect();
    shared[3].changes[1] = shared[2].changes[1].clone();
    assert!(names(&tenants(shared)).0.is_empty());
    // Two sets that use the same addresses differ in one field, and each is a group.
    let other = |number: usize| {
        let mut webhook = tenant(number);
        webhook.changes[0].after = Some(r#"["person.created"]"#.into());
        webhook
    };
    let accounts = (0..5).map(|number| tenant_account(number, vec![tenant(number), other(number)]));
    let report = Report::new(accounts.collect(), Vec::new(), 1);
    let Grouped { groups, rest } = grouped(&report);
    assert!(rest.iter().all(Vec::is_empty));
    assert_eq!(
        groups.iter().map(Group::size).collect::<Vec<_>>(),
        vec!["5 Webhooks at 5 accounts of superoffice"; 2]
    );
}

#[test]
fn a_group_says_where_it_is_declared_if_that_is_one_place() {
    let mut report = tenants((0..3).map(tenant).collect());
    assert_eq!(grouped(&report).groups[0].declared_at(), Some("tenants/hooks.yaml:1:1"));
    report.accounts[1].webhooks[0].declared_at = None;
    assert_eq!(grouped(&report).groups[0].declared_at(), None);
}

/// Checks that each Webhook is in one group or among the rest, and that nothing differs within a group.
fn is_sound(report: &Report) -> Result<(), TestCaseError> {
    let Grouped { groups, rest } = grouped(report);
    let mut seen: Vec<*const WebhookReport> =
        rest.iter().flatten().map(|webhook| &raw const **webhook).collect();
    for group in &groups {
        seen.extend(group.members.iter().map(|member| &raw const *member.webhook));
        prop_assert!(group.accounts().len() >= MIN_ACCOUNTS);
        let first = group.first.webhook;
        for webhook in group.members.iter().map(|member| member.webhook) {
            let said = |one: &WebhookReport| {
                (one.class, one.action, one.cause, one.held.clone(), one.advice.clone())
            };
            prop_assert_eq!(said(webhook), said(first));
            prop_assert!(
                !words::is_quiet(webhook) && webhook.duplicates.is_empty() && webhook.former.is_empty()
            );
        }
        for at in 0..first.changes.len() {
            let values: HashSet<_> = group.members.iter().map(|one| Column::Values(at).of(one)).collect();
            let expected = if group.by_account.contains(&at) { group.members.len() } else { 1 };
            prop_assert_eq!(values.len(), expected);
        }
    }
    let all: BTreeSet<*const WebhookReport> = seen.iter().copied().collect();
    let of_accounts = report.accounts.iter().map(|account| account.webhooks.len()).sum::<usize>();
    prop_assert_eq!((seen.len(), all.len()), (of_accounts, of_accounts));
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn groups_are_sound(report in any_crowd()) {
        is_sound(&report)?;
    }

    #[test]
    fn groups_of_anything_are_sound(report in any_report()) {
        is_sound(&report)?;
    }
}
