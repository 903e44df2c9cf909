//! The same Webhooks at two VendorAccount objects that point to the same account at the vendor. Each object is planned by
//! itself, with the claims of the other one.

use super::world::{Crash, World, world};
use super::*;
use crate::plan::{Elsewhere, Peer, PeerCreate, Rival, Wants};

/// Both objects; each has its own Webhooks, and both have the vendor.
struct Two([World; 2]);

impl Two {
    fn of(world: &World) -> Self {
        let side = |side: usize| {
            let declared = world.declared.iter().filter(|webhook| side_of(webhook) == side).cloned();
            World { declared: declared.collect(), ..world.clone() }
        };
        Self([side(0), side(1)])
    }

    /// Both once, one after the other.
    fn round(&mut self) {
        for side in 0..2 {
            self.see(side);
            self.0[side].rounds(1);
            self.share(side);
        }
    }

    /// Lets one side see what the Webhooks of the other one claim.
    fn see(&mut self, side: usize) {
        self.0[side].elsewhere = claims_of(&self.0[1 - side]);
    }

    /// Lets the other side see what this one did at the vendor.
    fn share(&mut self, side: usize) {
        let World { vendor, made, .. } = self.0[side].clone();
        (self.0[1 - side].vendor, self.0[1 - side].made) = (vendor, made);
    }

    /// Everything as one world.
    fn joint(&self) -> World {
        let declared = self.0.iter().flat_map(|side| &side.declared).cloned().collect();
        World { declared, elsewhere: Elsewhere::default(), ..self.0[0].clone() }
    }

    fn check(&mut self, before: &World) -> Result<(), TestCaseError> {
        for side in 0..2 {
            self.see(side);
            let plan = self.0[side].plan();
            let left: Vec<_> = plan.items.iter().filter(|item| item.step().is_some()).collect();
            prop_assert!(left.is_empty(), "{left:?}");
            check_one_each(&World { made: HashSet::new(), ..self.0[side].clone() })?;
        }
        let joint = self.joint();
        let ids = |webhook: &Declared| webhook.recorded.iter().chain(&webhook.superseded).cloned().collect();
        let known: HashSet<ExternalId> =
            joint.declared.iter().flat_map(|one| -> Vec<_> { ids(one) }).collect();
        for one in joint.vendor.iter().filter(|one| joint.made.contains(&one.id)) {
            prop_assert!(known.contains(&one.id), "{} was created and forgotten", one.id);
        }
        let has = |side: usize| {
            let plan = self.0[side].plan();
            let held = plan.items.iter().filter(|item| item.blocked().is_none());
            held.filter_map(|item| item.id().cloned()).collect::<HashSet<_>>()
        };
        prop_assert!(has(0).is_disjoint(&has(1)), "{:?} {:?}", has(0), has(1));
        check_unmanaged(before, &joint)
    }
}

fn side_of(webhook: &Declared) -> usize {
    usize::from(webhook.key.name.as_str() > "b")
}

fn claims_of(world: &World) -> Elsewhere {
    let peer = |webhook: &Declared| {
        let wants = match &webhook.desired {
            Desired::Known(desired) if !webhook.deleting && webhook.policy.mode == Mode::Enforce => {
                Some(Wants { content: world.rules.content_hash(desired), pinned: webhook.pinned_id.clone() })
            }
            _ => None,
        };
        let pending = webhook.pending_create.as_ref().map(|create| PeerCreate {
            fingerprint: create.fingerprint.clone(),
            preexisting: create.preexisting.clone(),
        });
        Peer {
            rival: Rival { webhook: webhook.key.clone(), account: key("account") },
            created: webhook.created,
            guest: webhook.guest,
            deleting: webhook.deleting,
            holds: webhook.recorded.iter().cloned().collect(),
            superseded: webhook.superseded.clone(),
            pending,
            applied: webhook.applied.clone(),
            written: None,
            unanswered: false,
            wants,
        }
    };
    Elsewhere { webhooks: world.declared.iter().map(peer).collect(), deleted: Vec::new() }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn two_objects_share_no_subscription_and_come_to_an_end(before in world()) {
        let mut start = before.clone();
        start.enforce();
        start.settle();
        let mut two = Two::of(&start);
        for _ in 0..before.needs() + 2 {
            two.round();
        }
        two.check(&before)?;
    }

    #[test]
    fn a_crash_of_one_object_heals_without_a_duplicate(
        before in world(),
        side in 0..2_usize,
        which in any::<prop::sample::Index>(),
        done in any::<bool>(),
    ) {
        let mut start = before.clone();
        start.enforce();
        start.settle();
        let mut two = Two::of(&start);
        two.see(side);
        let steps: Vec<_> = two.0[side].plan().items.into_iter().filter(|item| item.step().is_some()).collect();
        if !steps.is_empty() {
            let crash = if done { Crash::AfterTheVendor } else { Crash::BeforeTheVendor };
            two.0[side].take(which.get(&steps), Some(crash));
            two.share(side);
        }
        // The other object plans first.
        two.see(1 - side);
        two.0[1 - side].rounds(1);
        two.share(1 - side);
        for _ in 0..before.needs() + 2 {
            two.round();
        }
        two.check(&before)?;
    }
}
