//! Which outdated members of a set are changed now. As in a `DaemonSet`'s rolling update: members that are unavailable use up
//! `maxUnavailable`, and an outdated member that is unavailable already is changed without using more of it.

/// A member that has a Webhook, or that gets one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rolling {
    /// Whether its Webhook is of an older template.
    pub(crate) outdated: bool,
    /// Whether the API server refuses it, so that it is not changed now.
    pub(crate) refused: bool,
    /// Whether it is available; see `member::is_available`.
    pub(crate) available: bool,
    /// Its place in the order; members with the same are changed together.
    pub(crate) ring: usize,
}

/// The state of a rolling update.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Rollout {
    /// The members to change now, as places in the list.
    pub(crate) now: Vec<usize>,
    /// The place in the order that it has reached; none when no member is outdated.
    pub(crate) ring: Option<usize>,
    /// How many members of this place and those before it waits for.
    pub(crate) unavailable: usize,
}

/// Returns which outdated members are changed now.
pub(crate) fn next(members: &[Rolling], max_unavailable: usize) -> Rollout {
    let due = |member: &Rolling| member.outdated && !member.refused;
    if !members.iter().any(due) {
        return Rollout::default();
    }
    // Also a ring whose members are all changed holds the next one while one of them is unavailable.
    let incomplete = members.iter().filter(|member| member.outdated || !member.available);
    let Some(ring) = incomplete.map(|member| member.ring).min() else { return Rollout::default() };
    let candidates = || {
        let all = members.iter().enumerate();
        all.filter(|(_, member)| due(member) && member.ring == ring)
    };
    let unavailable = members.iter().filter(|member| !member.available).count();
    let budget = max_unavailable.saturating_sub(unavailable);
    let mut now: Vec<_> =
        candidates().filter(|(_, member)| !member.available).map(|(index, _)| index).collect();
    now.extend(candidates().filter(|(_, member)| member.available).map(|(index, _)| index).take(budget));
    let holds = |member: &&Rolling| !member.available || member.outdated && member.refused;
    let unavailable = members.iter().filter(holds).filter(|member| member.ring <= ring).count();
    Rollout { now, ring: Some(ring), unavailable }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn rolling((outdated, available, ring): (bool, bool, usize)) -> Rolling {
        Rolling { outdated, refused: false, available, ring }
    }

    fn now(members: &[(bool, bool, usize)], max: usize) -> Vec<usize> {
        next(&members.iter().copied().map(rolling).collect::<Vec<_>>(), max).now
    }

    #[test]
    fn unavailable_members_use_up_the_limit() {
        let outdated = (true, true, 0);
        assert_eq!(now(&[outdated; 4], 2), [0, 1]);
        assert_eq!(now(&[(false, false, 0), outdated, outdated], 2), [1]);
        assert_eq!(now(&[(false, false, 0), (false, false, 0), outdated], 2), [0; 0]);
        assert_eq!(now(&[outdated, (true, false, 0), outdated], 1), [1], "it is unavailable anyway");
        assert_eq!(now(&[(false, true, 0); 3], 3), [0; 0]);
    }

    #[test]
    fn a_ring_waits_until_those_before_are_changed_and_available() {
        let late = (true, true, 1);
        assert_eq!(now(&[(true, true, 0), late], 5), [0]);
        assert_eq!(now(&[(false, false, 0), late], 5), [0; 0], "the canary is not available");
        assert_eq!(now(&[(false, true, 0), late], 5), [1]);
        let all = [(false, false, 0), late].map(rolling);
        let waits = Rollout { now: vec![], ring: Some(0), unavailable: 1 };
        assert_eq!(next(&all, 5), waits);
        let refused = Rolling { refused: true, ..rolling((true, true, 0)) };
        assert_eq!(next(&[refused, rolling(late)], 5), waits, "the canary is not updated");
        assert_eq!(next(&[refused, rolling((true, true, 0))], 5).now, [1], "it holds later rings only");
        assert_eq!(
            next(&[refused, rolling((false, true, 1))], 5),
            Rollout::default(),
            "nothing is left to do"
        );
    }

    proptest! {
        #[test]
        fn no_step_breaks_the_limit_or_the_order(
            members in prop::collection::vec((any::<bool>(), any::<bool>(), 0_usize..3), 0..12), max in 1_usize..6, refused: usize
        ) {
            let mut all: Vec<_> = members.iter().copied().map(rolling).collect();
            if let Some(member) = all.get_mut(refused % 12) {
                member.refused = true;
            }
            let chosen = next(&all, max).now;
            let unavailable = all.iter().filter(|member| !member.available).count();
            let newly = chosen.iter().filter(|index| all[**index].available).count();
            prop_assert!(newly == 0 || unavailable + newly <= max);
            for index in &chosen {
                prop_assert!(all[*index].outdated && !all[*index].refused);
                let before = all.iter().filter(|member| member.ring < all[*index].ring);
                prop_assert!(before.clone().all(|member| !member.outdated && member.available));
            }
        }

        /// A roll-out whose members all become available ends, in steps of at most the limit.
        #[test]
        fn a_roll_out_ends(rings in prop::collection::vec(0_usize..3, 1..12), max in 1_usize..6) {
            let mut all: Vec<_> = rings.into_iter().map(|ring| rolling((true, true, ring))).collect();
            for _ in 0..=all.len() {
                for index in next(&all, max).now {
                    all[index].outdated = false;
                }
            }
            prop_assert!(all.iter().all(|member| !member.outdated));
        }
    }
}
