//! The cluster goes away in the middle of it.

use hooktender_cluster::eventually;
use serde_json::json;

use crate::case::Outcome;
use crate::ground::Ground;
use crate::operator::Operator;
use crate::proxy::Proxy;
use crate::scene::{Scene, Town};
use crate::vendors::{Tenant, Vendor};
use crate::wish::{Wish, stranger};

/// A story, and how it went.
pub(crate) type Story = (&'static str, fn() -> Outcome);

/// They take the cluster away from everybody, one after the other.
pub(crate) const ALL: [Story; 5] = [
    ("watches are cut again and again", watches_are_cut),
    ("the API server is away when a create is answered", away_when_answered),
    ("the API server is away when a create is answered, and the operator dies", away_and_dead),
    ("the API server ends in the middle of a replacement, and starts again", api_server_ends),
    ("the API server is away when a pair of tokens is to be kept", away_when_kept),
];

/// A settled account whose operator goes by way of a proxy.
struct Stage {
    scene: Scene,
    ground: Ground,
    proxy: Proxy,
    operator: Operator,
}

impl Stage {
    fn new(vendor: Vendor) -> Self {
        let town = Town::shared();
        let (scene, proxy) = (Scene::new(town, "story"), Proxy::new(town));
        let mut ground = Ground::new(Tenant::open(vendor), "account");
        ground.stranger(&stranger(vendor, 1));
        scene.account("account", &ground.tenant, &ground.tenant.spec("account"));
        ground.wishes.push(Wish::new("healthy"));
        ground.apply(&scene, "healthy");
        let operator = scene.operator_by(&proxy.kubeconfig, "");
        ground.settles(&scene);
        ground.tenant.clear_journal();
        Self { scene, ground, proxy, operator }
    }

    /// Applies another Webhook, whose create takes a while, and waits until the vendor has it.
    fn creates(&mut self) {
        self.ground.tenant.fault(&json!({"operation": "create", "kind": "delay", "millis": 700}));
        self.ground.wishes.push(Wish::new("subject"));
        self.ground.apply(&self.scene, "subject");
        self.ground.tenant.asked("create", 1);
    }

    fn is_answered(&self, operation: &str) {
        eventually(&format!("{operation} is answered"), || {
            let journal = self.ground.tenant.journal();
            let found = journal.iter().any(|one| one["operation"] == operation && one["status"].is_u64());
            if found { Ok(()) } else { Err(journal) }
        })
        .unwrap();
    }

    /// All is well; so many creates were too many.
    fn ends(&self, kills: usize, faults: usize, makes: usize) -> Outcome {
        self.ground.settles(&self.scene);
        self.ground.is_settled(&self.scene);
        let duplicates = self.ground.made().saturating_sub(makes);
        Outcome { kills, faults, duplicates, ..Outcome::default() }
    }
}

fn watches_are_cut() -> Outcome {
    let mut stage = Stage::new(Vendor::Contensis);
    stage.ground.wishes.push(Wish::new("subject"));
    for edition in 1..=4 {
        stage.ground.wishes[1].edition = edition;
        stage.ground.apply(&stage.scene, "subject");
        stage.proxy.cut();
        stage.ground.settles(&stage.scene);
    }
    stage.ends(0, 4, 1)
}

fn away_when_answered() -> Outcome {
    let mut stage = Stage::new(Vendor::Brightpearl);
    stage.creates();
    stage.proxy.down(true);
    stage.is_answered("create");
    stage.proxy.down(false);
    stage.ends(0, 1, 1)
}

fn away_and_dead() -> Outcome {
    let mut stage = Stage::new(Vendor::Superoffice);
    stage.creates();
    stage.proxy.down(true);
    stage.is_answered("create");
    let fresh = stage.scene.operator_by(&stage.proxy.kubeconfig, "");
    std::mem::replace(&mut stage.operator, fresh).kill();
    stage.proxy.down(false);
    stage.ends(1, 1, 1)
}

fn api_server_ends() -> Outcome {
    let mut stage = Stage::new(Vendor::Brightpearl);
    stage.ground.tenant.fault(&json!({"operation": "create", "kind": "delay", "millis": 700}));
    stage.ground.wishes[0].edition = 2;
    stage.ground.untouched.retain(|one| one["subscribeTo"] != "product");
    stage.ground.apply(&stage.scene, "healthy");
    stage.ground.tenant.asked("create", 1);
    let cluster = stage.scene.town.cluster;
    cluster.stop_api_server().unwrap();
    stage.is_answered("create");
    cluster.start_api_server().unwrap();
    stage.ends(0, 1, 1)
}

fn away_when_kept() -> Outcome {
    let town = Town::shared();
    let (scene, proxy) = (Scene::new(town, "story"), Proxy::new(town));
    let mut ground = Ground::new(Tenant::open(Vendor::Brightpearl), "account");
    crate::oauth::account(&scene, &ground.tenant, "account");
    crate::oauth::ends(&scene, "account");
    ground.wishes.push(Wish::new("healthy"));
    ground.apply(&scene, "healthy");
    ground.tenant.fault(&json!({"operation": "token", "kind": "delay", "millis": 700}));
    let operator = scene.operator_by(&proxy.kubeconfig, "");
    ground.tenant.asked("token", 1);
    let stage = Stage { scene, ground, proxy, operator };
    stage.proxy.down(true);
    stage.is_answered("token");
    stage.proxy.down(false);
    stage.ends(0, 1, 1)
}
