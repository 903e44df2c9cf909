//! Regressions: histories that failed once, and cases that need more than a history.

use super::content::CONTENTS;
use super::step::Act::{
    Create, Delete, DeleteAtVendor, Edit, MakeUnmanaged, Request, Retain, Rotate, WipeStatus,
};
use super::step::Fault::{AnswerLost, Garbage, Late, Rejected, RequestLost, Throttled};
use super::step::Pause::Before;
use super::step::Step::{
    Act, Api, CutOff, Fault, Kill, Lag, Meanwhile, Pass, Pause, Restart, Slow, Switch, Wait, Wake,
};
use super::step::{ApiFault, Death, History};
use super::{Player, play};
use crate::api::VendorName;
use crate::api::conditions::{READY, get};
use crate::telemetry::Metrics;

/// Each of these histories failed once.
#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn regressions_end_well() {
    let cases = [
        (
            "what a lost create made is recorded before it is updated, or a deletion would leave it behind",
            VendorName::Contensis,
            vec![
                Act(Create { slot: 0, content: 0 }),
                Pass(5),
                Kill(5, Death::After),
                Pass(1),
                Act(Edit { slot: 0, content: 1 }),
                Meanwhile(0, Delete(0)),
                Pass(2),
            ],
        ),
        (
            "a deletion that the process died after counts once, and not as a subscription that is not listed yet",
            VendorName::Brightpearl,
            vec![
                Act(Create { slot: 0, content: 1 }),
                Act(Create { slot: 1, content: 0 }),
                Act(Create { slot: 2, content: 1 }),
                Act(Edit { slot: 0, content: 2 }),
                Pass(0),
                Kill(5, Death::Before),
                Act(Delete(2)),
                Wake,
                Act(Delete(1)),
            ],
        ),
        (
            "a subscription that is created again may be missing in a lagging list for as long as the first one",
            VendorName::Contensis,
            vec![
                Act(Create { slot: 0, content: 0 }),
                Pass(0),
                Act(DeleteAtVendor(0)),
                Wait(11),
                Lag(8),
                Wake,
                Wait(1),
                Act(Rotate),
                Pass(0),
            ],
        ),
        (
            "the subscription of a lost create gets the secret that was declared meanwhile",
            VendorName::Superoffice,
            vec![
                Act(Create { slot: 0, content: 0 }),
                Fault(Late(16)),
                Pass(0),
                Act(Edit { slot: 0, content: 1 }),
            ],
        ),
        (
            "the deletion of a Webhook deletes no unmanaged subscription, even an equal one",
            VendorName::Superoffice,
            vec![
                Act(MakeUnmanaged { content: 2, kind: 0 }),
                Act(Create { slot: 0, content: 0 }),
                Fault(Late(16)),
                Pass(0),
                Act(Edit { slot: 0, content: 2 }),
                Act(Delete(0)),
            ],
        ),
        (
            "the subscription of a late create is not left behind when the spec has changed to an existing one",
            VendorName::Brightpearl,
            vec![
                Act(MakeUnmanaged { content: 2, kind: 0 }),
                Act(Create { slot: 0, content: 0 }),
                Fault(Late(16)),
                Pass(0),
                Restart,
                Act(Edit { slot: 0, content: 2 }),
            ],
        ),
        (
            "a list from before the end of the grace period decides nothing, even if the account had to wait",
            VendorName::Brightpearl,
            vec![
                Act(Create { slot: 0, content: 3 }),
                Act(Create { slot: 1, content: 1 }),
                Fault(AnswerLost),
                Fault(Throttled(20)),
                Slow(11),
                Pass(0),
                Wake,
            ],
        ),
        (
            "the subscription of a lost replacement is not left behind when the spec has changed back",
            VendorName::Superoffice,
            vec![
                Act(Create { slot: 0, content: 3 }),
                Pass(0),
                Fault(Late(17)),
                Act(Edit { slot: 0, content: 0 }),
                Pass(0),
                Act(Edit { slot: 0, content: 3 }),
            ],
        ),
        (
            "the old subscription is not deleted before its replacement is recorded",
            VendorName::Brightpearl,
            vec![
                Act(Create { slot: 0, content: 2 }),
                Wake,
                Act(Edit { slot: 0, content: 1 }),
                Fault(Garbage),
                Pass(0),
                Api(ApiFault::Before),
                Wake,
            ],
        ),
        (
            "the subscription of a lost replacement gets the current secret",
            VendorName::Superoffice,
            vec![
                Act(Create { slot: 0, content: 1 }),
                Pass(0),
                Fault(Late(12)),
                Act(Edit { slot: 0, content: 3 }),
                Pass(0),
                Act(Rotate),
            ],
        ),
        (
            "a status is wiped while the list does not show the new subscription yet",
            VendorName::Contensis,
            vec![Lag(8), Act(Create { slot: 3, content: 0 }), Pass(0), Act(WipeStatus(3))],
        ),
        (
            "the subscription of a lost create gets the current secret, whichever process sent the create",
            VendorName::Contensis,
            vec![Act(Create { slot: 0, content: 1 }), Fault(AnswerLost), Pass(0), Restart, Act(Rotate)],
        ),
        (
            "a new subscription that the list lacks counts as missing only later, also during a backlog",
            VendorName::Contensis,
            vec![
                Lag(8),
                Act(Create { slot: 0, content: 0 }),
                Pass(0),
                Restart,
                Act(Create { slot: 1, content: 1 }),
                Act(Create { slot: 2, content: 2 }),
                Act(Create { slot: 3, content: 3 }),
                Slow(10),
                Pass(0),
            ],
        ),
        (
            "the content of a lost create is known until its adoption is recorded",
            VendorName::Superoffice,
            vec![
                Act(Create { slot: 1, content: 1 }),
                Fault(Garbage),
                Pass(0),
                Fault(Rejected),
                Act(Edit { slot: 1, content: 0 }),
                Pass(1),
            ],
        ),
    ];
    for (reason, vendor, steps) in cases {
        let history = History { vendor, steps };
        assert_eq!(play(&history, &Metrics::default()).err(), None, "{reason}");
    }
}

/// Two processes without leader election, whose requests overlap: the vendor gets one create, never two.
#[test]
fn two_processes_create_one_subscription() {
    let cases = [
        (
            "the process that loses the race for a pending create keeps the winner's",
            vec![
                Act(Create { slot: 0, content: 0 }),
                // Both processes see the finalizer and no pending create.
                Kill(3, Death::After),
                Pass(0),
                Pause(2, Before),
                Pass(0),
                // The other process stores its pending create, and its request takes a while.
                Switch,
                Pause(3, Before),
                Pass(0),
                Switch,
                Pass(0),
                Switch,
                Pass(0),
            ],
        ),
        (
            "the end of one create's grace period does not end that of another process's create",
            vec![
                Act(Create { slot: 0, content: 0 }),
                Fault(RequestLost),
                Pass(0),
                CutOff(240),
                Switch,
                Pass(0),
                Wait(125),
                Pause(2, Before),
                Pass(0),
                Switch,
                Wait(50),
                CutOff(0),
                Pass(0),
                Switch,
                Pass(0),
            ],
        ),
    ];
    for (reason, steps) in cases {
        for vendor in [VendorName::Brightpearl, VendorName::Contensis, VendorName::Superoffice] {
            let played = play(&History { vendor, steps: steps.clone() }, &Metrics::default());
            assert_eq!(played.map(|counts| counts.created), Ok(1), "{vendor}: {reason}");
        }
    }
}

/// An account whose Secret is missing waits for a person, and its next pass is hours away.
#[test]
fn statuses_and_finalizers_are_written_soon_although_the_api_server_refuses_a_write_once() {
    let vendor = VendorName::Superoffice;
    for fault in [ApiFault::Before, ApiFault::Invalid, ApiFault::After] {
        let mut player = Player::new(&History { vendor, steps: vec![] }, &Metrics::default());
        player.step(Act(Create { slot: 0, content: 0 }));
        player.step(Pass(0));
        player.world.state().cluster.login_missing = true;
        for step in [Act(Rotate), Act(Create { slot: 1, content: 2 }), Api(fault), Pass(0)] {
            player.step(step);
        }
        let lists = player.world.state().vendor.lists;
        let reason = |player: &Player| {
            let object = player.world.state().cluster.objects[&1].clone();
            let status = object.status.clone().unwrap_or_default();
            get(&status.conditions, READY).map(|ready| ready.reason.clone())
        };
        assert_eq!(reason(&player).as_deref(), Some("Credentials"), "{fault:?}");
        for step in [Restart, Act(Retain(0)), Act(Delete(0)), Api(fault), Pass(0)] {
            player.step(step);
        }
        let state = player.world.state();
        assert!(!state.cluster.objects.contains_key(&0), "{fault:?}: the finalizer is still there");
        assert!(
            state.now < 10 && state.vendor.lists == lists,
            "{fault:?}: {} {}",
            state.now,
            state.vendor.lists
        );
    }
}

/// A pass plans with the Webhooks as they are when the list has been read.
#[test]
fn an_edit_while_the_list_is_read_needs_no_second_list() {
    for vendor in [VendorName::Brightpearl, VendorName::Contensis, VendorName::Superoffice] {
        let edits = [
            ("an edit", Edit { slot: 0, content: 1 }),
            ("another Webhook", Create { slot: 1, content: 2 }),
            ("a deletion", Delete(0)),
        ];
        for (reason, edit) in edits {
            let mut player = Player::new(&History { vendor, steps: vec![] }, &Metrics::default());
            player.step(Act(Create { slot: 0, content: 0 }));
            player.step(Pass(0));
            let lists = player.world.state().vendor.lists;
            for step in [Act(Request(0)), Meanwhile(0, edit), Pass(0)] {
                player.step(step);
            }
            let state = player.world.state();
            assert_eq!(state.vendor.lists - lists, 1, "{vendor}: {reason}");
            let mut webhooks = state.cluster.objects.values();
            assert!(webhooks.all(|webhook| state.in_step(webhook)), "{vendor}: {reason}");
            assert_eq!(state.vendor.subs.len(), state.cluster.objects.len(), "{vendor}: {reason}");
        }
    }
}

/// The created subscription may hold an outdated secret: it is sent again, whichever process sent it first.
#[test]
fn the_pending_create_is_cleared_as_soon_as_its_subscription_is_recorded() {
    let cases = (0..CONTENTS).flat_map(|content| (0..8).map(move |effect| (content, effect)));
    for (content, effect) in cases {
        for vendor in [VendorName::Brightpearl, VendorName::Contensis, VendorName::Superoffice] {
            for edited in [None, Some(Act(Edit { slot: 0, content: (content + 1) % CONTENTS }))] {
                let mut player = Player::new(&History { vendor, steps: vec![] }, &Metrics::default());
                let before = [Act(Create { slot: 0, content }), Kill(effect, Death::After), Pass(0)];
                for step in before.into_iter().chain(edited).chain([Pass(0)]) {
                    player.step(step);
                }
                let state = player.world.state();
                let status = state.cluster.objects[&0].status.clone().unwrap_or_default();
                let is_there = state.vendor.subs.len() == 1;
                let recorded = status.external_id.is_some();
                let case =
                    format!("{vendor} {content}, killed after effect {effect}, {edited:?}: {status:?}");
                assert!(recorded || edited.is_some() || !is_there, "{case}");
                assert!(!recorded || status.pending.is_none(), "{case}");
            }
        }
    }
}
