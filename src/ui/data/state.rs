//! The one word that a page says about an object, with its colour.

use serde::Serialize;

/// How an object is doing. The order is that of urgency: of several, a page shows the first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum State {
    /// A person has to act.
    Blocked,
    /// The vendor does not deliver.
    NotDelivering,
    /// The subscription differs from the manifest, which did not change.
    Drifted,
    /// Work is in progress or is retried.
    Working,
    /// The object is being deleted.
    Deleting,
    /// A change is planned, and plan mode, or the update strategy of a set, keeps it from being made.
    Planned,
    /// `spec.suspend` is true; of a set: `spec.paused`.
    Suspended,
    /// hooktender has not yet observed the current spec.
    NotObserved,
    /// The vendor has what is declared; of an account: it can be read; of a set: all members are ready.
    InSync,
}

/// The meaning of a colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tone {
    Bad,
    Warning,
    Busy,
    Quiet,
    Good,
}

impl Tone {
    /// The name of its class in the style sheet.
    pub(crate) fn class(self) -> &'static str {
        match self {
            Self::Bad => "bad",
            Self::Warning => "warning",
            Self::Busy => "busy",
            Self::Quiet => "quiet",
            Self::Good => "good",
        }
    }
}

impl State {
    pub(crate) const ALL: [Self; 9] = [
        Self::Blocked,
        Self::NotDelivering,
        Self::Drifted,
        Self::Working,
        Self::Deleting,
        Self::Planned,
        Self::Suspended,
        Self::NotObserved,
        Self::InSync,
    ];

    /// The name in addresses and in JSON.
    pub(crate) fn slug(self) -> &'static str {
        match self {
            Self::Blocked => "blocked",
            Self::NotDelivering => "not-delivering",
            Self::Drifted => "drifted",
            Self::Working => "working",
            Self::Deleting => "deleting",
            Self::Planned => "planned",
            Self::Suspended => "suspended",
            Self::NotObserved => "not-observed",
            Self::InSync => "in-sync",
        }
    }

    /// The state of that name.
    pub(crate) fn parse(slug: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.slug() == slug)
    }

    /// The word on a page.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Blocked => "Blocked",
            Self::NotDelivering => "Not delivering",
            Self::Drifted => "Drifted",
            Self::Working => "Working",
            Self::Deleting => "Deleting",
            Self::Planned => "Planned",
            Self::Suspended => "Suspended",
            Self::NotObserved => "Not observed",
            Self::InSync => "In sync",
        }
    }

    /// What the word means, in a sentence.
    pub(crate) fn meaning(self) -> &'static str {
        match self {
            Self::Blocked => "A person has to act; until then hooktender tries again rarely.",
            Self::NotDelivering => "The subscription exists, and the vendor does not deliver.",
            Self::Drifted => "The subscription was changed at the vendor.",
            Self::Working => "hooktender is at work, or tries again by itself.",
            Self::Deleting => "The object is being deleted.",
            Self::Planned => {
                "A change is planned; plan mode, or a set's update strategy OnDelete, keeps it from being made."
            }
            Self::Suspended => "Nothing is written until spec.suspend, of a set spec.paused, is false.",
            Self::NotObserved => "No hooktender has observed the current spec yet.",
            Self::InSync => "The vendor has what is declared.",
        }
    }

    /// What its colour means. Not told by colour alone: each state has a word and a shape of its own.
    pub(crate) fn tone(self) -> Tone {
        match self {
            Self::Blocked | Self::NotDelivering => Tone::Bad,
            Self::Drifted => Tone::Warning,
            Self::Working | Self::Deleting | Self::Planned => Tone::Busy,
            Self::Suspended | Self::NotObserved => Tone::Quiet,
            Self::InSync => Tone::Good,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_states_are_listed_in_order_and_have_names_of_their_own() {
        assert!(State::ALL.is_sorted());
        for state in State::ALL {
            assert_eq!(State::parse(state.slug()), Some(state));
            assert_eq!(serde_json::to_value(state).unwrap(), state.slug(), "JSON and addresses agree");
            assert_eq!(State::ALL.iter().filter(|other| other.word() == state.word()).count(), 1);
        }
        assert_eq!(State::parse("fine"), None);
    }
}
