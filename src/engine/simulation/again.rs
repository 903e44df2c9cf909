//! Histories that went wrong once, and what takes more than a history to see.

use super::content::CONTENTS;
use super::step::Act::{Create, Delete, DeleteThere, Edit, Request, Retain, Rotate, Stranger, WipeStatus};
use super::step::Pause::Before;
use super::step::Step::{
    Act, Api, CutOff, Kill, Lag, Meanwhile, Pass, Pause, Restart, Slow, Switch, Trouble, Wait, Wake,
};
use super::step::Trouble::{AnswerLost, Garbage, Late, Rejected, RequestLost, Throttled};
use super::step::{ApiTrouble, Death, History};
use super::{Player, play};
use crate::api::VendorName;
use crate::api::conditions::{READY, get};
use crate::telemetry::Metrics;

/// Each of these went wrong once.
#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn what_went_wrong_once_ends_well() {
    let cases = [
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
            "one that is made again may be missing from a lagging list as long as the first",
            VendorName::Contensis,
            vec![
                Act(Create { slot: 0, content: 0 }),
                Pass(0),
                Act(DeleteThere(0)),
                Wait(11),
                Lag(8),
                Wake,
                Wait(1),
                Act(Rotate),
                Pass(0),
            ],
        ),
        (
            "what a lost create made gets the secret that is declared since",
            VendorName::Superoffice,
            vec![
                Act(Create { slot: 0, content: 0 }),
                Trouble(Late(16)),
                Pass(0),
                Act(Edit { slot: 0, content: 1 }),
            ],
        ),
        (
            "a Webhook that goes takes no stranger along, though that be equal",
            VendorName::Superoffice,
            vec![
                Act(Stranger { content: 2, kind: 0 }),
                Act(Create { slot: 0, content: 0 }),
                Trouble(Late(16)),
                Pass(0),
                Act(Edit { slot: 0, content: 2 }),
                Act(Delete(0)),
            ],
        ),
        (
            "what a create makes after its spec moved on to what is there already is not left behind",
            VendorName::Brightpearl,
            vec![
                Act(Stranger { content: 2, kind: 0 }),
                Act(Create { slot: 0, content: 0 }),
                Trouble(Late(16)),
                Pass(0),
                Restart,
                Act(Edit { slot: 0, content: 2 }),
            ],
        ),
        (
            "a list from before a lost create settled is not gone by, though the account was told to wait",
            VendorName::Brightpearl,
            vec![
                Act(Create { slot: 0, content: 3 }),
                Act(Create { slot: 1, content: 1 }),
                Trouble(AnswerLost),
                Trouble(Throttled(20)),
                Slow(11),
                Pass(0),
                Wake,
            ],
        ),
        (
            "what a lost replacement makes after its spec moved back is not left behind",
            VendorName::Superoffice,
            vec![
                Act(Create { slot: 0, content: 3 }),
                Pass(0),
                Trouble(Late(17)),
                Act(Edit { slot: 0, content: 0 }),
                Pass(0),
                Act(Edit { slot: 0, content: 3 }),
            ],
        ),
        (
            "an old one is not deleted before its replacement is recorded",
            VendorName::Brightpearl,
            vec![
                Act(Create { slot: 0, content: 2 }),
                Wake,
                Act(Edit { slot: 0, content: 1 }),
                Trouble(Garbage),
                Pass(0),
                Api(ApiTrouble::Before),
                Wake,
            ],
        ),
        (
            "what a lost replacement made gets the secret that is good since",
            VendorName::Superoffice,
            vec![
                Act(Create { slot: 0, content: 1 }),
                Pass(0),
                Trouble(Late(12)),
                Act(Edit { slot: 0, content: 3 }),
                Pass(0),
                Act(Rotate),
            ],
        ),
        (
            "a status that is wiped while the list does not show yet what was made",
            VendorName::Contensis,
            vec![Lag(8), Act(Create { slot: 3, content: 0 }), Pass(0), Act(WipeStatus(3))],
        ),
        (
            "what a lost create made gets the secret that is good since, whoever sent it",
            VendorName::Contensis,
            vec![Act(Create { slot: 0, content: 1 }), Trouble(AnswerLost), Pass(0), Restart, Act(Rotate)],
        ),
        (
            "what a list did not show yet is not missed by it later, while a backlog is worked on",
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
            "what a lost create sent is known until its adoption is recorded",
            VendorName::Superoffice,
            vec![
                Act(Create { slot: 1, content: 1 }),
                Trouble(Garbage),
                Pass(0),
                Trouble(Rejected),
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

/// Two processes without leader election, whose requests overlap: the vendor gets one create, at no time two.
#[test]
fn two_processes_create_one_subscription() {
    let cases = [
        (
            "the loser of a race for an intent does not forget the winner's",
            vec![
                Act(Create { slot: 0, content: 0 }),
                // Both processes see the finalizer and no intent.
                Kill(3, Death::After),
                Pass(0),
                Pause(2, Before),
                Pass(0),
                // The other one stores its intent, and its request takes a while.
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
            "what another process sends now is not settled because an earlier create of this one is",
            vec![
                Act(Create { slot: 0, content: 0 }),
                Trouble(RequestLost),
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

/// An account whose Secret is gone waits for a person, and its next pass is far away.
#[test]
fn who_is_to_be_told_or_let_go_is_so_soon_although_the_api_server_refuses_it_once() {
    let vendor = VendorName::Superoffice;
    for trouble in [ApiTrouble::Before, ApiTrouble::Invalid, ApiTrouble::After] {
        let mut player = Player::new(&History { vendor, steps: vec![] }, &Metrics::default());
        player.step(Act(Create { slot: 0, content: 0 }));
        player.step(Pass(0));
        player.world.state().cluster.locked = true;
        for step in [Act(Rotate), Act(Create { slot: 1, content: 2 }), Api(trouble), Pass(0)] {
            player.step(step);
        }
        let lists = player.world.state().vendor.lists;
        let told = |player: &Player| {
            let object = player.world.state().cluster.objects[&1].clone();
            let status = object.status.clone().unwrap_or_default();
            get(&status.conditions, READY).map(|ready| ready.reason.clone())
        };
        assert_eq!(told(&player).as_deref(), Some("Credentials"), "{trouble:?}");
        for step in [Restart, Act(Retain(0)), Act(Delete(0)), Api(trouble), Pass(0)] {
            player.step(step);
        }
        let state = player.world.state();
        assert!(!state.cluster.objects.contains_key(&0), "{trouble:?}: not let go");
        assert!(
            state.now < 10 && state.vendor.lists == lists,
            "{trouble:?}: {} {}",
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

/// What it made may hold another secret than the one that is good since: it is sent again, whoever had sent it.
#[test]
fn the_intent_goes_as_soon_as_what_it_made_is_recorded() {
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
