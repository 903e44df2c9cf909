//! Random histories: users, vendors, faults and deaths in any order, over several accounts of one operator. At the end of
//! each round the faults stop, and the invariant has to come true by itself.

use std::time::{Duration, Instant};
use std::{env, thread};

use hooktender_cluster::eventually;
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use serde_json::json;

use crate::ground::Ground;
use crate::operator::Operator;
use crate::proxy::Proxy;
use crate::scene::{Scene, Town};
use crate::vendors::{Tenant, Vendor};
use crate::wish::{Wish, stranger};

/// How many accounts at each vendor.
const ACCOUNTS: usize = 2;
/// How many Webhooks an account has at most.
const WEBHOOKS: usize = 4;

/// What a vendor may do wrong, the kinds of `tests/sandbox`.
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

/// Where an operator may be told to die.
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

/// What happened so far.
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
    grounds: Vec<Ground>,
    names: u32,
    figures: Figures,
}

/// Plays rounds until the time is up. Panics with the seed where a round does not end well.
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
        let town = Town::shared();
        let (scene, proxy) = (Scene::new(town, "soak"), Proxy::new(town));
        let vendors = Vendor::ALL.into_iter().flat_map(|vendor| [vendor; ACCOUNTS]);
        let open = |(number, vendor): (usize, Vendor)| {
            let mut ground = Ground::new(Tenant::open(vendor), &format!("account-{number}"));
            ground.stranger(&stranger(vendor, 0));
            scene.account(&ground.account, &ground.tenant, &ground.tenant.spec(&ground.account));
            let spec = json!({"spec": {"resyncInterval": "30s"}});
            scene.patch("vendoraccounts", &ground.account, &spec);
            ground
        };
        let grounds = vendors.enumerate().map(open).collect();
        let random = StdRng::seed_from_u64(seed);
        Self { random, scene, proxy, operator: None, grounds, names: 0, figures: Figures::default() }
    }

    /// One round: what people do at the vendors comes first, as nobody can tell what is whose once an answer is lost.
    fn round(&mut self) {
        for place in 0..self.grounds.len() {
            if self.random.random_bool(0.3) {
                self.tamper(place);
            }
        }
        for _ in 0..self.random.random_range(6..16) {
            let place = self.random.random_range(0..self.grounds.len());
            match self.random.random_range(0..10) {
                0..5 => self.edit(place),
                5..8 => self.fault(place),
                8 => self.die(),
                _ => self.cut(),
            }
            let pause = self.random.random_range(0..400);
            // Part of the history, and nothing is waited for.
            thread::sleep(Duration::from_millis(pause));
        }
        self.heals();
        self.figures.rounds += 1;
    }

    /// A user makes, edits or deletes a Webhook.
    fn edit(&mut self, place: usize) {
        self.figures.edits += 1;
        let (random, ground) = (&mut self.random, &mut self.grounds[place]);
        let kind = random.random_range(0..10);
        if ground.wishes.is_empty() || (kind < 4 && ground.wishes.len() < WEBHOOKS) {
            self.names += 1;
            let wish = Wish::new(&format!("hook-{}", self.names));
            ground.wishes.push(wish.clone());
            return ground.apply(&self.scene, &wish.name);
        }
        let at = random.random_range(0..ground.wishes.len());
        if kind > 7 {
            let wish = ground.wishes.remove(at);
            self.scene.delete("webhooks", &wish.name);
            return ground.gone.push(wish.name);
        }
        let wish = &mut ground.wishes[at];
        if random.random_bool(0.2) {
            wish.script = ground.tenant.vendor == Vendor::Superoffice && !wish.script;
        }
        wish.edition += 1;
        let name = wish.name.clone();
        ground.apply(&self.scene, &name);
    }

    /// Somebody works at the vendor by hand: on one of ours, or on one of their own.
    fn tamper(&mut self, place: usize) {
        self.figures.tampered += 1;
        let ground = &mut self.grounds[place];
        let number = self.random.random_range(1..1_000_000);
        let ours: Vec<_> =
            ground.tenant.stored().into_iter().filter(|one| !ground.untouched.contains(one)).collect();
        let kind = self.random.random_range(0..3);
        if ours.is_empty() || kind == 0 {
            return ground.stranger(&stranger(ground.tenant.vendor, number));
        }
        let id = ground.tenant.id(&ours[self.random.random_range(0..ours.len())]);
        if kind == 1 {
            ground.tenant.remove(&id);
        } else {
            ground.tenant.edit(&id, &Wish::tampering(ground.tenant.vendor, number));
        }
        self.scene.request(&ground.account);
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
        self.grounds[place].tenant.fault(&fault);
    }

    /// The operator is killed, and the next one is told to die at a place on its way, or not.
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

    /// The way to the API server breaks, for a moment or for a while.
    fn cut(&mut self) {
        self.figures.cuts += 1;
        self.proxy.cut();
        if self.random.random_bool(0.3) {
            self.proxy.down(true);
            thread::sleep(Duration::from_millis(self.random.random_range(100..1500)));
            self.proxy.down(false);
        }
    }

    /// The faults stop. An operator that has ended is started again, as a kubelet does.
    fn heals(&mut self) {
        self.grounds.iter().for_each(|ground| ground.tenant.clear_faults());
        if self.operator.as_mut().is_none_or(Operator::has_ended) {
            self.operator = Some(self.scene.operator_by(&self.proxy.kubeconfig, ""));
        }
        let scene = &self.scene;
        for ground in &self.grounds {
            // A request that comes late may undo a newer one; the next resync puts that right.
            let (operator, proxy) = (&mut self.operator, &self.proxy);
            eventually(&format!("{} is as it should be", ground.account), || {
                // A fail point may still be on its way.
                if operator.as_mut().is_some_and(Operator::has_ended) {
                    *operator = Some(scene.operator_by(&proxy.kubeconfig, ""));
                }
                ground.look(scene)
            })
            .unwrap();
        }
        for ground in &mut self.grounds {
            eventually("nothing changes any more", || ground.look(scene)).unwrap();
            ground.gone.clear();
        }
    }
}
