//! Samples of reports, and properties of all reports.

use super::canvas::columns;
use super::testing::{any_crowd, any_report, crowd, many, of_change, rich, wild};
use super::{Class, Report, Searched, Style, UnmanagedReport, WebhookReport, WebhooksOf, markdown, text};
use proptest::prelude::*;

const PLAIN: Style = Style { colour: false, width: 80, all: false };

fn config() -> ProptestConfig {
    ProptestConfig { failure_persistence: None, ..ProptestConfig::default() }
}

#[test]
fn as_text() {
    insta::assert_snapshot!("text", text(&rich(), &PLAIN));
    insta::assert_snapshot!("text_all", text(&rich(), &Style { all: true, width: 120, ..PLAIN }));
    insta::assert_snapshot!("text_narrow", text(&rich(), &Style { width: 40, ..PLAIN }));
    let colours = text(&rich(), &Style { colour: true, ..PLAIN });
    insta::assert_snapshot!("text_colour", colours.replace('\x1b', "␛"));
}

#[test]
fn as_markdown() {
    insta::assert_snapshot!("markdown", markdown(&rich()));
}

#[test]
fn many_tenants_fit_a_screen() {
    let drawn = text(&crowd(200), &PLAIN);
    insta::assert_snapshot!("text_tenants", drawn);
    insta::assert_snapshot!("text_tenants_all", text(&crowd(12), &Style { all: true, width: 120, ..PLAIN }));
    insta::assert_snapshot!("markdown_tenants", markdown(&crowd(12)));
    assert!(markdown(&crowd(1000)).contains("\n# … and 894 more; hooktender plan --all lists all\n"));
}

#[test]
fn accounts_with_unmanaged_subscriptions_only_are_counted() {
    let mut report = crowd(40);
    for account in &mut report.accounts {
        account.webhooks.clear();
        account.unmanaged = vec![UnmanagedReport { external_id: "7".into(), summary: "theirs".into() }; 2];
    }
    let drawn = |report: &Report, all| text(report, &Style { all, width: 200, ..PLAIN });
    let short = drawn(&report, false);
    assert!(
        short.contains("Unmanaged at 40 more accounts") && short.contains("    ? 2 at tenants/a009\n"),
        "{short}"
    );
    assert!(short.contains("… and 30 more\n") && !short.contains("Account "), "{short}");
    assert_eq!(drawn(&report, true).matches("? 7  theirs").count(), 80);
    report.accounts.truncate(10);
    assert_eq!(drawn(&report, false).matches("? 7  theirs").count(), 20, "few are listed");
}

#[test]
fn as_json() {
    insta::assert_snapshot!("json", rich().json());
}

#[test]
fn a_comment_is_never_too_long() {
    for webhooks in [1, 300, 1000] {
        let comment = markdown(&many(webhooks));
        assert!(comment.chars().count() <= 60_000);
        assert_eq!(webhooks > 1, comment.contains("left out"), "{webhooks}");
        assert_eq!(comment.matches("<details>").count(), comment.matches("</details>").count());
        assert_eq!(comment.matches("```").count() % 2, 0);
    }
}

#[test]
fn nothing_of_others_comes_to_life_in_a_comment() {
    let evil = "`` @everyone [x](https://evil.example) <img src=x> | </summary>\n```\n</details>\n# Done";
    let mut report = of_change(None, Some(evil.into()));
    let account = &mut report.accounts[0];
    account.identity = evil.into();
    account.held = Some(Class::Blocked.held(evil, evil));
    account.unmanaged.push(UnmanagedReport { external_id: evil.into(), summary: evil.into() });
    account.webhooks[0].id = Some(evil.into());
    account.webhooks[0].held.clone_from(&account.held);
    insta::assert_snapshot!("markdown_evil", markdown(&report));
}

#[test]
fn nothing_declared_names_where_it_was_looked_for() {
    let nothing = |searched| {
        let report = Report { searched, ..Report::new(Vec::new(), Vec::new(), 0) };
        assert!(markdown(&report).starts_with("### Nothing to plan: "), "{}", markdown(&report));
        text(&report, &Style { width: 300, ..PLAIN }).replace("\n0 vendor calls made.\n", "")
    };
    assert_eq!(nothing(None), "Nothing to plan: there is no VendorAccount and no Webhook.");
    assert_eq!(
        nothing(Some(Searched::default())),
        "Nothing to plan: no namespace has a VendorAccount or a Webhook."
    );
    let namespace = Some("shop".to_owned());
    let elsewhere =
        |n: usize| (0..n).map(|n| WebhooksOf { namespace: format!("team-{n}"), webhooks: n + 1 }).collect();
    assert_eq!(
        nothing(Some(Searched { namespace: namespace.clone(), elsewhere: elsewhere(0) })),
        "Nothing to plan: namespace shop has no VendorAccount and no Webhook."
    );
    assert_eq!(
        nothing(Some(Searched { namespace, elsewhere: elsewhere(7) })),
        "Nothing to plan: namespace shop has no VendorAccount and no Webhook. There are Webhooks in team-0 (1), team-1 (2), \
         team-2 (3), team-3 (4), team-4 (5), 2 more namespaces: choose a namespace with -n, or all with -A."
    );
    let mut quiet = rich();
    quiet.accounts.retain(|account| account.name == "quiet");
    let mut empty = quiet.accounts.clone();
    assert_eq!(
        text(&Report::new(quiet.accounts, Vec::new(), 1), &PLAIN),
        "No changes. Nothing would be written at a vendor: 1 unchanged.\n1 vendor call made.\n"
    );
    empty[0].webhooks.clear();
    assert_eq!(
        text(&Report::new(empty, Vec::new(), 1), &PLAIN),
        "No changes. Nothing would be written at a vendor: no Webhook is declared.\n1 vendor call made.\n"
    );
}

#[test]
fn an_account_without_a_plan_is_never_nothing_to_do() {
    let mut report = rich();
    report.accounts.retain(|account| ["crm-old", "quiet"].contains(&account.name.as_str()));
    let of = |accounts: &[_]| Report::new(accounts.to_vec(), Vec::new(), 1);
    let lost = of(&report.accounts[..1]);
    let head = "No plan could be made for 1 of 1 account: 2 not planned.";
    assert_eq!(markdown(&lost).lines().next(), Some(&*format!("### {head}")));
    let drawn = text(&lost, &PLAIN);
    assert!(drawn.contains(head) && drawn.contains("Blocked: 1 account cannot be read"), "{drawn}");
    assert!(drawn.contains("Not planned: 2\n    ! shop/lost-one\n    ! shop/lost-two\n"), "{drawn}");
    assert!(
        markdown(&lost).contains("| `!` | `shop/lost-two` | `integrations/crm-old` |"),
        "{}",
        markdown(&lost)
    );
    let some = of(&report.accounts);
    assert_eq!((some.counts.accounts, some.counts.accounts_not_planned, some.counts.not_planned), (2, 1, 2));
    let head = "No plan could be made for 1 of 2 accounts: 1 unchanged, 2 not planned.";
    assert!(markdown(&some).contains(head), "{}", markdown(&some));
}

#[test]
fn a_webhook_whose_deliveries_stopped_is_never_quiet() {
    let mut report = rich();
    report.accounts.retain(|account| account.name == "crm");
    report.accounts[0].webhooks.retain(|webhook| webhook.name == "stopped");
    let report = Report::new(report.accounts, Vec::new(), 1);
    let drawn = text(&report, &Style { width: 200, ..PLAIN });
    assert!(drawn.contains("1 unchanged.\n") && drawn.contains("\nNot delivering: 1 Webhook;"), "{drawn}");
    assert!(drawn.contains("shop/stopped: unchanged 20\n    not delivering, TooManyErrors: "), "{drawn}");
    let comment = markdown(&report);
    assert!(comment.contains("\n**Not delivering: 1 Webhook;"), "{comment}");
    assert!(comment.contains("| unchanged `20` | **not delivering** |"), "{comment}");
}

/// Removes exactly the colour codes.
fn stripped(coloured: &str) -> String {
    let mut out = String::new();
    let mut parts = coloured.split('\x1b');
    out.push_str(parts.next().unwrap());
    for part in parts {
        let (code, rest) = part.strip_prefix('[').and_then(|rest| rest.split_once('m')).unwrap();
        assert!(code.chars().all(|c| c.is_ascii_digit() || c == ';'), "{code}");
        out.push_str(rest);
    }
    out
}

/// The lines that are not quoted; a fence ends with its own like only.
fn unfenced(comment: &str) -> Vec<&str> {
    let (mut lines, mut fence) = (Vec::new(), None);
    for line in comment.lines() {
        let ticks = line.chars().take_while(|c| *c == '`').count();
        match fence {
            Some(open) if ticks == line.len() && ticks >= open => fence = None,
            Some(_) => {}
            None if ticks >= 3 => fence = Some(ticks),
            None => lines.push(line),
        }
    }
    assert_eq!(fence, None, "{comment}");
    lines
}

fn is_fit(drawn: &str, width: usize) -> Result<(), TestCaseError> {
    let hidden = |c: char| c.is_control() && c != '\n' || ('\u{202a}'..='\u{202e}').contains(&c);
    prop_assert!(!drawn.contains(hidden), "{drawn:?}");
    prop_assert!(drawn.ends_with('\n') && !drawn.ends_with("\n\n") && !drawn.starts_with('\n'), "{drawn:?}");
    for line in drawn.lines() {
        prop_assert_eq!(line.trim_end(), line, "{:?}", drawn);
        prop_assert!(columns(line) <= width.max(20), "{line:?} in {width}");
    }
    Ok(())
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn every_report_fits_every_screen(report in any_report(), width in 0..130usize, all: bool) {
        let plain = text(&report, &Style { colour: false, width, all });
        is_fit(&plain, width)?;
        let colour = text(&report, &Style { colour: true, width, all });
        prop_assert_eq!(stripped(&colour), plain);
    }

    #[test]
    fn every_webhook_of_many_tenants_is_named(report in any_crowd(), width in 60..130usize) {
        let style = Style { colour: false, width, all: true };
        is_fit(&text(&report, &Style { all: false, ..style }), width)?;
        let drawn = text(&report, &style);
        is_fit(&drawn, width)?;
        for webhook in report.webhooks() {
            let name = format!("{}/{}", webhook.namespace, webhook.name);
            let named = drawn.split([' ', ':', '\n']).filter(|word| **word == name).count();
            prop_assert_eq!(named, 1, "{} in\n{}", name, drawn);
        }
    }

    #[test]
    fn every_webhook_is_counted_once(report in any_report()) {
        let c = report.counts;
        let by_action = c.create + c.update + c.replace + c.delete + c.adopt + c.retain + c.unchanged;
        let others = c.drifted + c.planned_only + c.suspended + c.held_back + c.blocked + c.not_planned;
        prop_assert_eq!(by_action + others, report.webhooks().count());
        let of = |class: Class| report.webhooks().filter(|webhook| webhook.class == class).count();
        prop_assert_eq!((c.create, c.blocked, c.held_back), (of(Class::Create), of(Class::Blocked), of(Class::HeldBack)));
        let is_applied = |webhook: &&WebhookReport| webhook.class == Class::of(webhook.action);
        prop_assert_eq!(by_action, report.webhooks().filter(is_applied).count());
    }

    #[test]
    fn every_comment_is_whole(report in any_report()) {
        let comment = markdown(&report);
        prop_assert!(!comment.contains(|c: char| c.is_control() && c != '\n'));
        prop_assert!(comment.chars().count() <= 60_000);
        let tags = |tag| unfenced(&comment).into_iter().filter(|line| line.starts_with(tag)).count();
        prop_assert_eq!(tags("<details><summary>"), tags("</details>"));
        for row in unfenced(&comment).into_iter().filter(|line| line.starts_with("| ")) {
            prop_assert_eq!(row.matches('|').count(), 6, "{}", row);
        }
    }

    #[test]
    fn every_difference_is_seen(before in proptest::option::of(wild()), after in proptest::option::of(wild()), other in wild(), width in 20..130usize) {
        prop_assume!(before != after);
        let style = Style { width, ..PLAIN };
        let drawn = text(&of_change(before.clone(), after.clone()), &style);
        // A change looks neither like none nor like its reverse.
        prop_assert_ne!(&drawn, &text(&of_change(after.clone(), after.clone()), &style));
        prop_assert_ne!(&drawn, &text(&of_change(before.clone(), before.clone()), &style));
        prop_assert_ne!(&drawn, &text(&of_change(after.clone(), before.clone()), &style));
        // A create looks like no other action.
        if before.is_none() && after.as_ref() != Some(&other) {
            prop_assert_ne!(&drawn, &text(&of_change(None, Some(other)), &style));
        }
    }
}

#[test]
fn nothing_is_cut_off() {
    let long = |middle: &str| format!("https://example.com/{}/{middle}/{}", "a".repeat(300), "b".repeat(300));
    for width in [20, 40, 80] {
        let drawn = text(&of_change(Some(long("old")), Some(long("new"))), &Style { width, ..PLAIN });
        let joined: String = drawn.split_whitespace().collect();
        assert!(joined.contains(&long("old")) && joined.contains(&long("new")), "{drawn}");
    }
}
