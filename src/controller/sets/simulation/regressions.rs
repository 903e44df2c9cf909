//! Regressions: histories that failed once.

use super::play;
use super::step::Act::{AddAccount, CreateSet, DeleteMember, EditMember, Follow, Refuse, Relabel, Rename};
use super::step::Step::{Act, Api, Pass, ReconcileAll, Suspend, Wait};
use super::step::{ApiFault, Edit, History, Lag, Step, Strategy};
use crate::telemetry::Metrics;

const FRESH: Lag = Lag { sets: 0, accounts: 0, webhooks: 0 };

/// A set that has so many members for a minute. Its roll-out begins with the accounts of the first ring, of which the second account is one.
fn ordered(accounts: u8) -> Vec<Step> {
    let mut steps: Vec<_> = (0..accounts).map(|number| Act(AddAccount(number))).collect();
    let strategy = Strategy::Rolling { max_unavailable: Some(8), rings: 1 };
    steps.extend([Act(CreateSet(0)), Act(Follow(0, strategy)), Pass(0, FRESH), ReconcileAll, Wait(70)]);
    steps
}

/// Each of these histories failed once.
#[test]
fn regressions_end_well() {
    let cases = [
        (
            "of two sets that make a member of the same name at the same moment, the second one takes over nothing",
            vec![
                Act(AddAccount(0)),
                Act(AddAccount(1)),
                Act(CreateSet(0)),
                Act(CreateSet(1)),
                Suspend(1, 4),
                Pass(1, FRESH),
                Pass(0, FRESH),
                Pass(1, FRESH),
            ],
        ),
        (
            "a canary that the API server refuses holds the next ring",
            [ordered(3), vec![Act(Refuse(0, 1)), Act(Rename(0, 1)), Pass(0, FRESH)]].concat(),
        ),
        (
            "a canary that was deleted holds the next ring until it is made again and available",
            [ordered(3), vec![Act(DeleteMember(1)), ReconcileAll, Act(Rename(0, 1)), Pass(0, FRESH)]]
                .concat(),
        ),
        (
            "a canary that was edited holds the next ring until it is put back and available",
            [
                ordered(3),
                vec![
                    Act(Rename(0, 1)),
                    Pass(0, FRESH),
                    Act(EditMember(1, Edit::Rename)),
                    ReconcileAll,
                    Pass(0, FRESH),
                ],
            ]
            .concat(),
        ),
        (
            "a change without an answer counts as made until the cache shows the Webhook",
            vec![
                Act(AddAccount(4)),
                Act(AddAccount(5)),
                Act(CreateSet(0)),
                Pass(0, FRESH),
                ReconcileAll,
                Wait(70),
                Pass(0, FRESH),
                Api(ApiFault::Refused),
                Api(ApiFault::After),
                Act(Rename(0, 1)),
                Pass(0, Lag { webhooks: 5, ..FRESH }),
            ],
        ),
        (
            "a removal that was refused for ten minutes counts when it is done",
            [
                ordered(6),
                vec![
                    Act(Refuse(0, 2)),
                    Act(Relabel(2, 0, 1)),
                    Pass(0, FRESH),
                    Wait(700),
                    Act(Refuse(0, 2)),
                    Pass(0, FRESH),
                    ReconcileAll,
                    Wait(12),
                    Act(Relabel(3, 0, 1)),
                    Pass(0, FRESH),
                ],
            ]
            .concat(),
        ),
    ];
    for (reason, steps) in cases {
        let played = play(&History { steps }, &Metrics::default());
        assert!(played.is_ok(), "{reason}: {}", played.unwrap_err());
    }
}
