//! What can happen in a history, and how one is drawn. A step names things by number, so that it means something whatever
//! happened before it: a history with steps taken out is one as well.

use super::content::CONTENTS;
use crate::api::VendorName;

/// How many Webhooks there may be at once.
pub(super) const SLOTS: u8 = 4;

/// What people do, in the cluster and at the vendor.
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
    /// The spec names what somebody else made.
    Name(u8),
    Delete(u8),
    DeleteAll,
    Release(u8),
    Request(u8),
    WipeStatus(u8),
    Nonsense(u8, u8),
    /// Our finalizer is taken off.
    Force(u8),
    Rotate,
    /// The account's own Secret is changed.
    Login,
    /// The account's own Secret is deleted, or created again.
    Lock,
    SuspendAccount,
    AllowDeletions,
    /// Somebody else makes one: just as declared, looking alike, or of another kind.
    Stranger {
        content: u8,
        kind: u8,
    },
    EditThere(u8),
    DeleteThere(u8),
    /// The vendor stops deliveries by itself.
    Halt(u8),
}

/// What the vendor does with the next write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trouble {
    /// Done, and nobody hears of it.
    AnswerLost,
    /// Never arrived, which nobody can know.
    RequestLost,
    /// Not answered, and done so much later.
    Late(u8),
    /// Done, and answered with a 500.
    FailedAfter,
    /// Not done, and answered with a 500.
    FailedBefore,
    /// Done, and answered with what nobody can read.
    Garbage,
    Rejected,
    Throttled(u8),
}

/// What the API server does with the next write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ApiTrouble {
    /// Not done: a conflict that stays, or no server.
    Before,
    /// Done, and not answered.
    After,
    /// This object is refused.
    Invalid,
}

/// How the process dies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Death {
    Before,
    After,
    /// The vendor took the request in and does it so much later.
    Late(u8),
}

/// Where the pass of a process is suspended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pause {
    /// Before the effect takes place.
    Before,
    /// When it has taken place, and before the process sees its result.
    After,
}

/// One step of a history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Act(Act),
    /// It happens in the next pass, before its so-manieth outside effect.
    Meanwhile(u8, Act),
    Trouble(Trouble),
    /// The vendor is away so long.
    Away(u8),
    /// The next list is empty, as a wrong tenant's is.
    Emptied,
    /// The pages of the next list move while they are read, so that it lacks one.
    Torn(u8),
    /// Each of the next calls takes so long.
    Slow(u8),
    /// What is made from now on is listed so much later.
    Lag(u8),
    Api(ApiTrouble),
    ApiAway(u8),
    /// The process dies at its so-manieth outside effect from now.
    Kill(u8, Death),
    /// The pass of the process is suspended at its so-manieth outside effect from now, until the next step that runs it.
    Pause(u8, Pause),
    /// What follows is about the other process, which is started if it is not there yet.
    Switch,
    /// The process sees nothing of the API server for so long, and cannot reach it.
    CutOff(u8),
    Restart,
    Wait(u16),
    /// The clock on the wall is set, so many seconds forth or back.
    Clock(i32),
    /// The worker's own alarm rings.
    Wake,
    /// Something rings, and the cache is so many changes behind.
    Pass(u8),
}

/// A history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct History {
    pub(super) vendor: VendorName,
    pub(super) steps: Vec<Step>,
}

/// Numbers by chance, the same for the same seed for ever.
pub(super) struct Chance(pub(super) u64);

impl Chance {
    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    fn below(&mut self, end: u8) -> u8 {
        u8::try_from(self.next() % u64::from(end)).unwrap_or_default()
    }

    fn of<T: Copy>(&mut self, all: &[T]) -> T {
        all[usize::from(self.below(u8::try_from(all.len()).unwrap()))]
    }
}

/// The history of a seed.
pub(super) fn history(seed: u64) -> History {
    let mut chance = Chance(seed);
    let vendor = chance.of(&[VendorName::Brightpearl, VendorName::Contensis, VendorName::Superoffice]);
    let mut steps = vec![];
    let begins = 1 + chance.below(SLOTS);
    for slot in 0..begins {
        steps.push(Step::Act(Act::Create { slot, content: chance.below(CONTENTS) }));
    }
    let two = chance.below(2) == 0;
    for _ in 0..4 + chance.below(22) {
        let drawn = if two && chance.below(4) == 0 { beside(&mut chance) } else { step(&mut chance) };
        steps.push(drawn);
        // Trouble that nobody runs into teaches nothing.
        if !matches!(drawn, Step::Wait(_) | Step::Wake | Step::Pass(_)) && chance.below(3) > 0 {
            let lag = chance.of(&[0, 0, 0, 1, 3]);
            steps.push(Step::Pass(lag));
        }
    }
    History { vendor, steps }
}

fn step(chance: &mut Chance) -> Step {
    match chance.below(37) {
        0..=8 => Step::Act(act(chance)),
        9..=10 => Step::Meanwhile(chance.below(6), act(chance)),
        11..=14 => Step::Trouble(trouble(chance)),
        15 => Step::Away(chance.of(&[5, 60, 240])),
        16 if chance.below(2) == 0 => Step::Torn(chance.below(8)),
        16 => Step::Emptied,
        17 => Step::Slow(chance.of(&[1, 4, 11, 60])),
        18 => Step::Lag(chance.of(&[0, 3, 8])),
        19..=20 => Step::Api(chance.of(&[ApiTrouble::Before, ApiTrouble::After, ApiTrouble::Invalid])),
        21 => Step::ApiAway(chance.of(&[3, 40])),
        22..=24 => Step::Kill(
            chance.below(8),
            chance.of(&[Death::Before, Death::After, Death::Late(15), Death::Late(100)]),
        ),
        25 => Step::Restart,
        26..=28 => Step::Wait(chance.of(&[1, 5, 12, 31, 70, 125, 400, 4000])),
        29..=31 => Step::Wake,
        32 => Step::Clock(chance.of(&[-12_000, -3600, -100, 100, 3600, 12_000])),
        _ => Step::Pass(chance.of(&[0, 0, 1, 2, 5])),
    }
}

/// What there is with two processes only.
fn beside(chance: &mut Chance) -> Step {
    match chance.below(8) {
        0..=3 => Step::Switch,
        4..=6 => Step::Pause(chance.below(8), chance.of(&[Pause::Before, Pause::After])),
        _ => Step::CutOff(chance.of(&[3, 40, 240])),
    }
}

fn trouble(chance: &mut Chance) -> Trouble {
    use Trouble as T;
    let late = T::Late(1 + chance.below(20));
    let throttled = T::Throttled(chance.of(&[1, 20, 90]));
    chance.of(&[
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

fn act(chance: &mut Chance) -> Act {
    let (slot, content) = (chance.below(SLOTS), chance.below(CONTENTS));
    match chance.below(42) {
        0..=5 => Act::Create { slot, content },
        6..=14 => Act::Edit { slot, content },
        15 => Act::Report(slot),
        16 => Act::Retain(slot),
        17 => Act::Suspend(slot),
        18 => Act::PlanOnly(slot),
        19 => Act::Name(slot),
        20..=22 => Act::Delete(slot),
        23 => Act::DeleteAll,
        24 => Act::Release(slot),
        25 => Act::Request(slot),
        26 => Act::WipeStatus(slot),
        27 => Act::Nonsense(slot, chance.below(8)),
        28 => Act::Force(slot),
        29 => Act::Rotate,
        30 => Act::Login,
        31 => Act::SuspendAccount,
        32 => Act::AllowDeletions,
        33..=34 => Act::Stranger { content, kind: chance.below(3) },
        35..=36 => Act::EditThere(chance.below(8)),
        37..=38 => Act::DeleteThere(chance.below(8)),
        39..=40 => Act::Lock,
        _ => Act::Halt(chance.below(8)),
    }
}
