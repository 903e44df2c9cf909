//! What the readings of a paged list lack. A subscription that moves to another page during a reading may be on none of the pages. So
//! only a subscription that two readings lack is gone.

use crate::api::ObjectKey;
use crate::plan::ExternalId;
use std::collections::{BTreeSet, HashSet};

/// What the readings of one pass lacked.
#[derive(Default)]
pub(crate) struct Pages {
    lacked: BTreeSet<ExternalId>,
    /// Webhooks whose create with an unknown outcome would be repeated, because the reading does not show its subscription.
    unanswered: BTreeSet<ObjectKey>,
    readings: u32,
}

/// How a reading compares with those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reading {
    /// It lacks nothing that an earlier reading had.
    Agrees,
    /// It lacks something for the first time: the list has to be read again.
    Differs,
    /// Like `Differs`, after the last reading of a pass.
    DiffersAgain,
}

impl Pages {
    /// One pass reads a list at most this often if its readings lack different subscriptions.
    pub(crate) const MAX_READINGS: u32 = 4;

    /// Records what another reading lacks. What two readings lack is added to `known_gone`.
    pub(crate) fn lack(
        &mut self,
        missing: BTreeSet<ExternalId>,
        unanswered: BTreeSet<ObjectKey>,
        known_gone: &mut HashSet<ExternalId>,
    ) -> Reading {
        self.readings += 1;
        let (again, once): (BTreeSet<_>, BTreeSet<_>) =
            missing.into_iter().partition(|id| self.lacked.contains(id));
        known_gone.extend(again);
        let agrees = once.is_empty() && unanswered.is_subset(&self.unanswered);
        self.lacked.extend(once);
        self.unanswered.extend(unanswered);
        match (agrees, self.readings < Self::MAX_READINGS) {
            (true, _) => Reading::Agrees,
            (false, true) => Reading::Differs,
            (false, false) => Reading::DiffersAgain,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids<C: FromIterator<ExternalId>>(all: &[&str]) -> C {
        all.iter().map(|id| ExternalId::new(*id).unwrap()).collect()
    }

    #[test]
    fn what_two_readings_lack_is_gone() {
        let (mut pages, mut known_gone) = (Pages::default(), HashSet::new());
        let none = BTreeSet::new;
        assert_eq!(pages.lack(ids(&["1", "2"]), none(), &mut known_gone), Reading::Differs);
        assert_eq!(pages.lack(ids(&["2"]), none(), &mut known_gone), Reading::Agrees);
        assert_eq!(known_gone, ids(&["2"]), "the other one was on its way from page to page");
    }

    #[test]
    fn an_unanswered_create_is_looked_for_twice() {
        let (mut pages, mut known_gone) = (Pages::default(), HashSet::new());
        let webhook = || BTreeSet::from([ObjectKey::new("n", "a")]);
        assert_eq!(pages.lack(ids(&[]), webhook(), &mut known_gone), Reading::Differs);
        assert_eq!(pages.lack(ids(&[]), webhook(), &mut known_gone), Reading::Agrees);
    }

    #[test]
    fn readings_that_never_agree_come_to_an_end() {
        let (mut pages, mut known_gone) = (Pages::default(), HashSet::new());
        let read = |id: &&str| pages.lack(ids(&[*id]), BTreeSet::new(), &mut known_gone);
        let all: Vec<_> = ["1", "2", "3", "4"].iter().map(read).collect();
        assert_eq!(all, [Reading::Differs, Reading::Differs, Reading::Differs, Reading::DiffersAgain]);
    }
}
