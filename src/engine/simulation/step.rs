//! The steps of a history, and how they are drawn. Steps name objects by number, so that each is valid whatever came before it.

use super::content::CONTENTS;
use crate::api::VendorName;
use crate::simulation::Random;

/// How many processes there are over the same objects.
pub(super) const PROCESSES: usize = 2;

/// How many Webhooks there may be at once.
pub(super) const SLOTS: u8 = 4;

/// An action of people, in the cluster or at the vendor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Act {
    Create {
        slot: u8,
        content: u8,
    },
    Edit {
        slot: u8,
        content: u8,
    },
    Report(u8),
    Retain(u8),
    Suspend(u8),
    PlanOnly(u8),
    /// The spec pins the id of a subscription that somebody else made.
    Pin(u8),
    Delete(u8),
    DeleteAll,
    Release(u8),
    Request(u8),
    WipeStatus(u8),
    Nonsense(u8, u8),
    /// The finalizer is removed by hand.
    RemoveFinalizer(u8),
    Rotate,
    /// The account's Secret changes.
    Login,
    /// The account's Secret is deleted, or created again.
    ToggleLogin,
    SuspendAccount,
    AllowDeletions,
    /// Somebody else makes a subscription: equal to a declared one, similar to it, or of another kind.
    MakeUnmanaged {
        content: u8,
        kind: u8,
    },
    EditAtVendor(u8),
    DeleteAtVendor(u8),
    /// The vendor disables the subscription after errors.
    Disable(u8),
}

/// A fault of the vendor at the next write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// Committed; the answer is lost.
    AnswerLost,
    /// Not received; the caller cannot know.
    RequestLost,
    /// Not answered, and committed so many seconds later.
    Late(u8),
    /// Committed, and answered with a 500.
    FailedAfter,
    /// Not committed, and answered with a 500.
    FailedBefore,
    /// Committed, and answered with garbage.
    Garbage,
    Rejected,
    Throttled(u8),
}

/// A fault of the API server at the next write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ApiFault {
    /// Not done: a lasting conflict, or no server.
    Before,
    /// Done, and not answered.
    After,
    /// The object is refused as invalid.
    Invalid,
}

/// How the process dies at an outside effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Death {
    Before,
    After,
    /// The vendor has received the request and commits it so many seconds later.
    Late(u8),
}

/// Where the pass of a process is suspended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pause {
    /// Before the effect.
    Before,
    /// After the effect, before the process gets its result.
    After,
}

/// One step of a history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Act(Act),
    /// The action happens in the next pass, before its n-th outside effect.
    Meanwhile(u8, Act),
    Fault(Fault),
    /// The vendor is unreachable for so many seconds.
    Unreachable(u8),
    /// The next list is empty, as that of a wrong tenant.
    Emptied,
    /// The pages of the next list move while they are read, so that it lacks one subscription.
    Torn(u8),
    /// Each of the next calls takes so many seconds.
    Slow(u8),
    /// What is made from now on is listed so many seconds later.
    Lag(u8),
    Api(ApiFault),
    ApiUnreachable(u8),
    /// The process dies at its n-th outside effect from now.
    Kill(u8, Death),
    /// The pass of the process is suspended at its n-th outside effect from now, until the next step that runs the process.
    Pause(u8, Pause),
    /// The next steps apply to the other process, which is started if it is not running.
    Switch,
    /// The process sees nothing of the API server for so many seconds, and cannot reach it.
    CutOff(u8),
    Restart,
    Wait(u16),
    /// The wall clock is set, so many seconds forward or back.
    SetClock(i32),
    /// The process wakes up for its scheduled pass.
    Wake,
    /// An event starts a pass, and the cache is so many changes behind.
    Pass(u8),
}

/// A history of steps at one vendor.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct History {
    pub(super) vendor: VendorName,
    pub(super) steps: Vec<Step>,
}

impl crate::simulation::History for History {
    type Step = Step;

    fn drawn(seed: u64) -> Self {
        let mut random = Random(seed);
        let vendor = random.of(&[VendorName::Brightpearl, VendorName::Contensis, VendorName::Superoffice]);
        let mut steps = vec![];
        let begins = 1 + random.below(SLOTS);
        for slot in 0..begins {
            steps.push(Step::Act(Act::Create { slot, content: random.below(CONTENTS) }));
        }
        let two = random.below(2) == 0;
        for _ in 0..4 + random.below(22) {
            let drawn =
                if two && random.below(4) == 0 { two_process_step(&mut random) } else { step(&mut random) };
            steps.push(drawn);
            // A fault that no pass meets tests nothing.
            if !matches!(drawn, Step::Wait(_) | Step::Wake | Step::Pass(_)) && random.below(3) > 0 {
                let lag = random.of(&[0, 0, 0, 1, 3]);
                steps.push(Step::Pass(lag));
            }
        }
        Self { vendor, steps }
    }

    fn setting(&self) -> String {
        self.vendor.to_string()
    }

    fn steps(&mut self) -> &mut Vec<Step> {
        &mut self.steps
    }
}

fn step(random: &mut Random) -> Step {
    match random.below(37) {
        0..=8 => Step::Act(act(random)),
        9..=10 => Step::Meanwhile(random.below(6), act(random)),
        11..=14 => Step::Fault(fault(random)),
        15 => Step::Unreachable(random.of(&[5, 60, 240])),
        16 if random.below(2) == 0 => Step::Torn(random.below(8)),
        16 => Step::Emptied,
        17 => Step::Slow(random.of(&[1, 4, 11, 60])),
        18 => Step::Lag(random.of(&[0, 3, 8])),
        19..=20 => Step::Api(random.of(&[ApiFault::Before, ApiFault::After, ApiFault::Invalid])),
        21 => Step::ApiUnreachable(random.of(&[3, 40])),
        22..=24 => Step::Kill(
            random.below(8),
            random.of(&[Death::Before, Death::After, Death::Late(15), Death::Late(100)]),
        ),
        25 => Step::Restart,
        26..=28 => Step::Wait(random.of(&[1, 5, 12, 31, 70, 125, 400, 4000])),
        29..=31 => Step::Wake,
        32 => Step::SetClock(random.of(&[-12_000, -3600, -100, 100, 3600, 12_000])),
        _ => Step::Pass(random.of(&[0, 0, 1, 2, 5])),
    }
}

/// Steps that only make sense with two processes.
fn two_process_step(random: &mut Random) -> Step {
    match random.below(8) {
        0..=3 => Step::Switch,
        4..=6 => Step::Pause(random.below(8), random.of(&[Pause::Before, Pause::After])),
        _ => Step::CutOff(random.of(&[3, 40, 240])),
    }
}

fn fault(random: &mut Random) -> Fault {
    use Fault as T;
    let late = T::Late(1 + random.below(20));
    let throttled = T::Throttled(random.of(&[1, 20, 90]));
    random.of(&[
        T::AnswerLost,
        T::AnswerLost,
        T::RequestLost,
        late,
        late,
        T::FailedAfter,
        T::FailedBefore,
        T::Garbage,
        T::Rejected,
        throttled,
    ])
}

fn act(random: &mut Random) -> Act {
    let (slot, content) = (random.below(SLOTS), random.below(CONTENTS));
    match random.below(42) {
        0..=5 => Act::Create { slot, content },
        6..=14 => Act::Edit { slot, content },
        15 => Act::Report(slot),
        16 => Act::Retain(slot),
        17 => Act::Suspend(slot),
        18 => Act::PlanOnly(slot),
        19 => Act::Pin(slot),
        20..=22 => Act::Delete(slot),
        23 => Act::DeleteAll,
        24 => Act::Release(slot),
        25 => Act::Request(slot),
        26 => Act::WipeStatus(slot),
        27 => Act::Nonsense(slot, random.below(8)),
        28 => Act::RemoveFinalizer(slot),
        29 => Act::Rotate,
        30 => Act::Login,
        31 => Act::SuspendAccount,
        32 => Act::AllowDeletions,
        33..=34 => Act::MakeUnmanaged { content, kind: random.below(3) },
        35..=36 => Act::EditAtVendor(random.below(8)),
        37..=38 => Act::DeleteAtVendor(random.below(8)),
        39..=40 => Act::ToggleLogin,
        _ => Act::Disable(random.below(8)),
    }
}
