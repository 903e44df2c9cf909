//! Faults of the whole cluster.

use hooktender_cluster::eventually;
use serde_json::json;

use crate::case::Outcome;
use crate::declared::{Declared, unmanaged};
use crate::operator::Operator;
use crate::proxy::Proxy;
use crate::scene::{Scene, SharedCluster};
use crate::test_account::TestAccount;
use crate::vendors::{Tenant, Vendor};

/// A fault, and the case that tests it.
pub(crate) type ClusterFault = (&'static str, fn() -> Outcome);

/// They stop the cluster for everybody, and run one after the other.
pub(crate) const ALL: [ClusterFault; 5] = [
    ("watches are cut again and again", watches_are_cut),
    ("the API server is away when a create is answered", away_when_answered),
    ("the API server is away when a create is answered, and the operator dies", away_and_dead),
    ("the API server ends in the middle of a replacement, and starts again", api_server_ends),
    ("the API server is away when a pair of tokens is to be kept", away_when_kept),
];

/// A settled account whose operator reaches the cluster through a proxy.
struct Stage {
    scene: Scene,
    target: TestAccount,
    proxy: Proxy,
    operator: Operator,
}

impl Stage {
    fn new(vendor: Vendor) -> Self {
        let shared = SharedCluster::get();
        let (scene, proxy) = (Scene::new(shared, "cluster-fault"), Proxy::new(shared));
        let mut target = TestAccount::new(Tenant::open(vendor), "account");
        target.add_unmanaged(&unmanaged(vendor, 1));
        scene.account("account", &target.tenant, &target.tenant.spec("account"));
        target.declared.push(Declared::new("healthy"));
        target.apply(&scene, "healthy");
        let operator = scene.operator_by(&proxy.kubeconfig, "");
        target.becomes_as_declared(&scene);
        target.tenant.clear_journal();
        Self { scene, target, proxy, operator }
    }

    /// Applies another Webhook, whose create takes a while, and waits until the vendor has received it.
    fn creates(&mut self) {
        self.target.tenant.fault(&json!({"operation": "create", "kind": "delay", "millis": 700}));
        self.target.declared.push(Declared::new("subject"));
        self.target.apply(&self.scene, "subject");
        self.target.tenant.asked("create", 1);
    }

    fn is_answered(&self, operation: &str) {
        eventually(&format!("{operation} is answered"), || {
            let journal = self.target.tenant.journal();
            let found = journal.iter().any(|one| one["operation"] == operation && one["status"].is_u64());
            if found { Ok(()) } else { Err(journal) }
        })
        .unwrap();
    }

    /// Checks that all is as declared; `makes` creates were needed.
    fn ends(&self, kills: usize, faults: usize, makes: usize) -> Outcome {
        self.target.becomes_as_declared(&self.scene);
        self.target.stays_as_declared(&self.scene);
        let duplicates = self.target.made().saturating_sub(makes);
        Outcome { kills, faults, duplicates, ..Outcome::default() }
    }
}

fn watches_are_cut() -> Outcome {
    let mut stage = Stage::new(Vendor::Contensis);
    stage.target.declared.push(Declared::new("subject"));
    for edition in 1..=4 {
        stage.target.declared[1].edition = edition;
        stage.target.apply(&stage.scene, "subject");
        stage.proxy.cut();
        stage.target.becomes_as_declared(&stage.scene);
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
    stage.target.tenant.fault(&json!({"operation": "create", "kind": "delay", "millis": 700}));
    stage.target.declared[0].edition = 2;
    stage.target.untouched.retain(|one| one["subscribeTo"] != "product");
    stage.target.apply(&stage.scene, "healthy");
    stage.target.tenant.asked("create", 1);
    let cluster = stage.scene.shared.cluster;
    cluster.stop_api_server().unwrap();
    stage.is_answered("create");
    cluster.start_api_server().unwrap();
    stage.ends(0, 1, 1)
}

fn away_when_kept() -> Outcome {
    let shared = SharedCluster::get();
    let (scene, proxy) = (Scene::new(shared, "cluster-fault"), Proxy::new(shared));
    let mut target = TestAccount::new(Tenant::open(Vendor::Brightpearl), "account");
    crate::oauth::account(&scene, &target.tenant, "account");
    crate::oauth::ends(&scene, "account");
    target.declared.push(Declared::new("healthy"));
    target.apply(&scene, "healthy");
    target.tenant.fault(&json!({"operation": "token", "kind": "delay", "millis": 700}));
    let operator = scene.operator_by(&proxy.kubeconfig, "");
    target.tenant.asked("token", 1);
    let stage = Stage { scene, target, proxy, operator };
    stage.proxy.down(true);
    stage.is_answered("token");
    stage.proxy.down(false);
    stage.ends(0, 1, 1)
}
