//! Random histories: users, vendors, faults and crashes in any order, over several accounts of one operator. At the end of each
//! round the faults stop, and the invariant has to become true by itself.

use std::time::{Duration, Instant};
use std::{env, thread};

use hooktender_cluster::eventually;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use serde_json::json;

use crate::declared::{Declared, unmanaged};
use crate::operator::Operator;
use crate::proxy::Proxy;
use crate::scene::{Scene, SharedCluster};
use crate::test_account::TestAccount;
use crate::vendors::{Tenant, Vendor};

/// How many accounts at each vendor.
const ACCOUNTS: usize = 2;
/// How many Webhooks an account has at most.
const WEBHOOKS: usize = 4;

/// Faults of a vendor; kinds of `tests/sandbox`.
const FAULTS: [&str; 9] = [
    "drop_before",
    "drop_after",
    "garbage",
    "truncate",
    "hang",
    "hang_after",
    "late_commit",
    "status",
    "status_after",
];

/// Fail points at which an operator may be killed.
const POINTS: [&str; 10] = [
    "vendor.create.sending",
    "vendor.create.sent",
    "vendor.create.answered",
    "vendor.update.sent",
    "vendor.delete.sending",
    "vendor.delete.sent",
    "Webhook.hold.written",
    "Webhook.status.writing",
    "Webhook.status.written",
    "Webhook.release.writing",
];

/// Counts so far.
#[derive(Debug, Default)]
pub(crate) struct Figures {
    pub(crate) rounds: usize,
    edits: usize,
    tampered: usize,
    faults: usize,
    kills: usize,
    cuts: usize,
}

struct Soak {
    random: StdRng,
    scene: Scene,
    proxy: Proxy,
    operator: Option<Operator>,
    targets: Vec<TestAccount>,
    names: u32,
    figures: Figures,
}

/// Plays rounds until the time is up. Panics with the seed if a round does not end well.
pub(crate) fn run(time: Duration) -> Figures {
    let seed = env::var("HOOKTENDER_SOAK_SEED").ok().and_then(|text| text.parse().ok());
    let seed: u64 = seed.unwrap_or_else(rand::random);
    let rounds = crate::number("HOOKTENDER_SOAK_ROUNDS", usize::MAX);
    println!("soak: HOOKTENDER_SOAK_SEED={seed}, {} s", time.as_secs());
    let begun = Instant::now();
    let mut soak = Soak::new(seed);
    while begun.elapsed() < time && soak.figures.rounds < rounds {
        soak.round();
        println!("soak: {:4} s, {:?}", begun.elapsed().as_secs(), soak.figures);
    }
    soak.figures
}

impl Soak {
    fn new(seed: u64) -> Self {
        let shared = SharedCluster::get();
        let (scene, proxy) = (Scene::new(shared, "soak"), Proxy::new(shared));
        let vendors = Vendor::ALL.into_iter().flat_map(|vendor| [vendor; ACCOUNTS]);
        let open = |(number, vendor): (usize, Vendor)| {
            let mut target = TestAccount::new(Tenant::open(vendor), &format!("account-{number}"));
            target.add_unmanaged(&unmanaged(vendor, 0));
            scene.account(&target.account, &target.tenant, &target.tenant.spec(&target.account));
            let spec = json!({"spec": {"resyncInterval": "30s"}});
            scene.patch("vendoraccounts", &target.account, &spec);
            target
        };
        let targets = vendors.enumerate().map(open).collect();
        let random = StdRng::seed_from_u64(seed);
        Self { random, scene, proxy, operator: None, targets, names: 0, figures: Figures::default() }
    }

    /// Plays one round. Edits at the vendors come first: once an answer is lost, nobody can tell which subscription is whose.
    fn round(&mut self) {
        for place in 0..self.targets.len() {
            if self.random.random_bool(0.3) {
                self.tamper(place);
            }
        }
        for _ in 0..self.random.random_range(6..16) {
            let place = self.random.random_range(0..self.targets.len());
            match self.random.random_range(0..10) {
                0..5 => self.edit(place),
                5..8 => self.fault(place),
                8 => self.die(),
                _ => self.cut(),
            }
            let pause = self.random.random_range(0..400);
            // Part of the history; nothing is waited for.
            thread::sleep(Duration::from_millis(pause));
        }
        self.heals();
        self.figures.rounds += 1;
    }

    /// A user makes, edits or deletes a Webhook.
    fn edit(&mut self, place: usize) {
        self.figures.edits += 1;
        let (random, target) = (&mut self.random, &mut self.targets[place]);
        let kind = random.random_range(0..10);
        if target.declared.is_empty() || (kind < 4 && target.declared.len() < WEBHOOKS) {
            self.names += 1;
            let declared = Declared::new(&format!("hook-{}", self.names));
            target.declared.push(declared.clone());
            return target.apply(&self.scene, &declared.name);
        }
        let at = random.random_range(0..target.declared.len());
        if kind > 7 {
            let declared = target.declared.remove(at);
            self.scene.delete("webhooks", &declared.name);
            return target.gone.push(declared.name);
        }
        let declared = &mut target.declared[at];
        if random.random_bool(0.2) {
            declared.script = target.tenant.vendor == Vendor::Superoffice && !declared.script;
        }
        declared.edition += 1;
        let name = declared.name.clone();
        target.apply(&self.scene, &name);
    }

    /// Somebody edits at the vendor: a managed subscription, or an unmanaged one.
    fn tamper(&mut self, place: usize) {
        self.figures.tampered += 1;
        let target = &mut self.targets[place];
        let number = self.random.random_range(1..1_000_000);
        let ours: Vec<_> =
            target.tenant.stored().into_iter().filter(|one| !target.untouched.contains(one)).collect();
        let kind = self.random.random_range(0..3);
        if ours.is_empty() || kind == 0 {
            return target.add_unmanaged(&unmanaged(target.tenant.vendor, number));
        }
        let id = target.tenant.id(&ours[self.random.random_range(0..ours.len())]);
        if kind == 1 {
            target.tenant.remove(&id);
        } else {
            target.tenant.edit(&id, &Declared::tampering(target.tenant.vendor, number));
        }
        self.scene.request(&target.account);
    }

    fn fault(&mut self, place: usize) {
        self.figures.faults += 1;
        let kind = FAULTS[self.random.random_range(0..FAULTS.len())];
        let operation = ["list", "create", "update", "delete", "*"][self.random.random_range(0..5)];
        let mut fault =
            json!({"operation": operation, "kind": kind, "times": self.random.random_range(1..3)});
        match kind {
            "late_commit" => fault["millis"] = json!(self.random.random_range(100..1500)),
            "status" => fault["status"] = json!([500, 502, 503][self.random.random_range(0..3)]),
            "status_after" => fault["status"] = json!(500),
            _ => {}
        }
        self.targets[place].tenant.fault(&fault);
    }

    /// Kills the operator; the next one may have a fail point that kills it.
    fn die(&mut self) {
        self.figures.kills += 1;
        if let Some(operator) = self.operator.take() {
            operator.kill();
        }
        let point = POINTS[self.random.random_range(0..POINTS.len())];
        let nth = self.random.random_range(1..4);
        let rule = if self.random.random_bool(0.7) { format!("{point}={nth}*kill") } else { String::new() };
        self.operator = Some(self.scene.operator_by(&self.proxy.kubeconfig, &rule));
    }

    /// Breaks connections to the API server, for a moment or for a while.
    fn cut(&mut self) {
        self.figures.cuts += 1;
        self.proxy.cut();
        if self.random.random_bool(0.3) {
            self.proxy.down(true);
            thread::sleep(Duration::from_millis(self.random.random_range(100..1500)));
            self.proxy.down(false);
        }
    }

    /// Ends the faults. An operator that has ended is started again, as a kubelet does.
    fn heals(&mut self) {
        self.targets.iter().for_each(|target| target.tenant.clear_faults());
        if self.operator.as_mut().is_none_or(Operator::has_ended) {
            self.operator = Some(self.scene.operator_by(&self.proxy.kubeconfig, ""));
        }
        let scene = &self.scene;
        for target in &self.targets {
            // A request that is committed late may undo a newer one; the next resync corrects that.
            let (operator, proxy) = (&mut self.operator, &self.proxy);
            eventually(&format!("{} is as it should be", target.account), || {
                // A fail point may still kill it.
                if operator.as_mut().is_some_and(Operator::has_ended) {
                    *operator = Some(scene.operator_by(&proxy.kubeconfig, ""));
                }
                target.look(scene)
            })
            .unwrap();
        }
        for target in &mut self.targets {
            eventually("nothing changes any more", || target.look(scene)).unwrap();
            target.gone.clear();
        }
    }
}
