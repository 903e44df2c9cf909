//! The steps of a history, and how they are drawn. Steps name objects by number, so that each is valid whatever came before it.

use super::objects::{ACCOUNTS, LABELS, SETS};
use crate::simulation::Random;

/// Which accounts a set selects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Selection {
    /// Those with a plan.
    Plan(u8),
    All,
    /// A label that no account has.
    Nothing,
}

/// How members follow a change of the template.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Strategy {
    OnDelete,
    Rolling {
        /// None: the default share.
        max_unavailable: Option<u8>,
        /// How many values of the label `ring` are in the order.
        rings: u8,
    },
}

/// How somebody edits a member by hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Edit {
    Rename,
    Repoint,
    Toggle,
    /// Pins a subscription, which the set leaves as it is.
    Pin,
    /// Takes the set's owner reference off.
    Release,
    /// Changes what the set wrote of its own revision.
    Revision,
}

/// An action of people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Act {
    AddAccount(u8),
    RemoveAccount(u8),
    /// An account, a label and its value.
    Relabel(u8, u8, u8),
    CreateSet(u8),
    DeleteSet(u8),
    Select(u8, Selection),
    /// Changes a harmless field of the template.
    Rename(u8, u8),
    /// Changes the receiver of the template.
    Repoint(u8, u8),
    /// Disables what the template declares, or enables it again.
    Toggle(u8),
    /// Changes a label of the template.
    Label(u8, u8),
    Pause(u8),
    Approve(u8),
    Follow(u8, Strategy),
    EditMember(u8, Edit),
    DeleteMember(u8),
    /// Makes a Webhook with the name of a set's member.
    MakeForeign(u8, u8),
    DeleteForeign(u8),
    /// An admission policy refuses the Webhook of a set at an account, or does not any more.
    Refuse(u8, u8),
    /// The vendor rejects what is declared at an account, or does not any more.
    Fail(u8),
    /// The vendor stops delivering to an account, or starts again.
    Stop(u8),
}

/// A fault of the API server at the next write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ApiFault {
    /// Not done, and answered with a 503.
    Before,
    /// Done, and not answered.
    After,
    Conflict,
    /// A policy refuses the object.
    Refused,
    /// The operator lacks the right.
    Forbidden,
}

/// How the process dies at an outside effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Death {
    Before,
    After,
}

/// How many changes the watch of each kind is behind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Lag {
    pub(super) sets: u8,
    pub(super) accounts: u8,
    pub(super) webhooks: u8,
}

/// How far the accounts' engine gets before it stops.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reach {
    Finalizer,
    Subscription,
    Status,
}

/// One step of a history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Act(Act),
    /// The action happens in the next pass, before its n-th outside effect.
    Meanwhile(u8, Act),
    Api(ApiFault),
    /// The process dies at its n-th outside effect from now.
    Kill(u8, Death),
    /// The next pass over the set is suspended before its n-th outside effect, until the next step that runs this set.
    Suspend(u8, u8),
    Restart,
    Wait(u16),
    /// An event starts a pass over a set.
    Pass(u8, Lag),
    /// The set wakes up for its scheduled pass.
    Wake(u8),
    /// The accounts' engine reconciles one account.
    Reconcile(u8, Reach),
    /// The accounts' engine reconciles all accounts.
    ReconcileAll,
    /// Kubernetes deletes what has no owner any more.
    CollectGarbage,
}

/// A history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct History {
    pub(super) steps: Vec<Step>,
}

impl crate::simulation::History for History {
    type Step = Step;

    fn drawn(seed: u64) -> Self {
        let mut random = Random(seed);
        let mut steps = vec![];
        for number in 0..3 + random.below(6) {
            steps.push(Step::Act(Act::AddAccount(number)));
        }
        for number in 0..=random.below(2) {
            steps.push(Step::Act(Act::CreateSet(number)));
            steps.push(Step::Act(Act::Follow(number, strategy(&mut random))));
            steps.extend([Step::Pass(number, Lag::default()), Step::ReconcileAll]);
        }
        for _ in 0..4 + random.below(26) {
            let drawn = step(&mut random);
            steps.push(drawn);
            // A fault that no pass meets tests nothing.
            let runs = matches!(drawn, Step::Wait(_) | Step::Pass(..) | Step::Wake(_) | Step::ReconcileAll);
            if !runs && random.below(4) > 0 {
                steps.push(pass(&mut random));
            }
            if random.below(3) == 0 {
                steps.push(Step::ReconcileAll);
            }
        }
        Self { steps }
    }

    fn setting(&self) -> String {
        "sets".into()
    }

    fn steps(&mut self) -> &mut Vec<Step> {
        &mut self.steps
    }
}

fn number<T>(random: &mut Random, all: &[T]) -> u8 {
    random.below(u8::try_from(all.len()).unwrap())
}

fn pass(random: &mut Random) -> Step {
    let mut lag = || random.of(&[0, 0, 0, 1, 2, 5]);
    let lag = Lag { sets: lag(), accounts: lag(), webhooks: lag() };
    Step::Pass(number(random, &SETS), lag)
}

fn strategy(random: &mut Random) -> Strategy {
    if random.below(6) == 0 {
        return Strategy::OnDelete;
    }
    Strategy::Rolling {
        max_unavailable: random.of(&[None, Some(1), Some(2), Some(8)]),
        rings: random.of(&[0, 1, 2, 2]),
    }
}

fn step(random: &mut Random) -> Step {
    let (set, account) = (number(random, &SETS), number(random, &ACCOUNTS));
    match random.below(32) {
        0..=11 => Step::Act(act(random)),
        12..=13 => Step::Meanwhile(random.below(8), act(random)),
        14..=16 => Step::Api(random.of(&[
            ApiFault::Before,
            ApiFault::After,
            ApiFault::After,
            ApiFault::Conflict,
            ApiFault::Refused,
            ApiFault::Forbidden,
        ])),
        17..=18 => Step::Kill(random.below(8), random.of(&[Death::Before, Death::After])),
        19 => Step::Suspend(set, random.below(8)),
        20 => Step::Restart,
        21..=22 => Step::Wait(random.of(&[1, 2, 12, 31, 70, 400, 700])),
        23 => Step::Wake(set),
        24..=26 => {
            Step::Reconcile(account, random.of(&[Reach::Finalizer, Reach::Subscription, Reach::Status]))
        }
        27 => Step::ReconcileAll,
        28 => Step::CollectGarbage,
        _ => pass(random),
    }
}

fn act(random: &mut Random) -> Act {
    let (set, account, value) = (number(random, &SETS), number(random, &ACCOUNTS), random.below(3));
    let member = random.below(16);
    match random.below(40) {
        0..=1 => Act::AddAccount(account),
        2..=3 => Act::RemoveAccount(account),
        4..=8 => Act::Relabel(account, number(random, &LABELS), value),
        9 => Act::CreateSet(set),
        10..=11 => Act::DeleteSet(set),
        12..=13 => Act::Select(set, random.of(&[Selection::Plan(value), Selection::All, Selection::Nothing])),
        14..=17 => Act::Rename(set, value),
        18..=19 => Act::Repoint(set, value),
        20 => Act::Toggle(set),
        21 => Act::Label(set, value),
        22 => Act::Pause(set),
        23..=25 => Act::Approve(set),
        26..=27 => Act::Follow(set, strategy(random)),
        28..=30 => Act::EditMember(
            member,
            random.of(&[Edit::Rename, Edit::Repoint, Edit::Toggle, Edit::Pin, Edit::Release, Edit::Revision]),
        ),
        31..=32 => Act::DeleteMember(member),
        33 => Act::MakeForeign(set, account),
        34 => Act::DeleteForeign(member),
        35 => Act::Refuse(set, account),
        36..=37 => Act::Fail(account),
        _ => Act::Stop(account),
    }
}
