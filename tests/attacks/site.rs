//! Two namespaces that one operator serves: the owner's, with an account and a Webhook, and the guest's, whose Webhooks the
//! account admits.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use hooktender_cluster::eventually;
use serde_json::{Value, json};

use crate::helm;
use crate::limit::{MemoryLimit, chart_limit, peak};
use crate::operator::Operator;
use crate::scene::{Scene, account, login, webhook};
use crate::support::{Answer, fed};
use crate::vendors::{Tenant, Vendor};

/// How soon an edit of the owner reaches its vendor during an attack. Two seconds are promised of the optimised program (`make attacks`).
/// The other one computes ten times as long.
const PROMPT: Duration = Duration::from_secs(if cfg!(debug_assertions) { 30 } else { 2 });
/// On a slow machine, how many times as long as the owner's first Webhook took without an attack.
const RATIO: u32 = if cfg!(debug_assertions) { 30 } else { 4 };
/// A value that the owner's Webhook sends to its receiver; no other tenant may see it.
pub(crate) const OWNERS_TOKEN: &str = crate::scene::TOKEN;

/// An operator and two tenants.
#[derive(Debug)]
pub(crate) struct Site {
    /// The namespace of the account `account` and the Webhook `first`.
    pub(crate) owner: Scene,
    /// Another tenant's namespace.
    pub(crate) guest: Scene,
    /// The owner's account at the vendor.
    pub(crate) tenant: Tenant,
    pub(crate) operator: Operator,
    /// A user with the role `edit` in the guest's namespace, and with no other right.
    pub(crate) attacker: PathBuf,
    kubeconfig: PathBuf,
    flags: Vec<String>,
    limit: MemoryLimit,
    /// How long it took until the owner's Webhook was Ready.
    undisturbed: Duration,
}

impl Site {
    /// An operator with the chart's rights in both namespaces and the chart's memory limit. The owner's Webhook is Ready.
    pub(crate) fn new(name: &str, vendor: Vendor) -> Self {
        Self::with_flags(name, vendor, &[])
    }

    /// As [`Self::new`]; the operator is started with more flags.
    pub(crate) fn with_flags(name: &str, vendor: Vendor, flags: &[&str]) -> Self {
        let owner = Scene::new(&format!("{name}-owner"));
        let guest = Scene::new(&format!("{name}-guest"));
        let tenant = Tenant::open(vendor);
        let both = json!({"watchNamespaces": [owner.namespace, guest.namespace]});
        let rights = helm::rights(&owner.namespace, false, &both);
        let kubeconfig = owner.cluster.granted(&owner.namespace, helm::OPERATOR, &rights).unwrap();
        let attacker = editor(&guest);
        let flags = [&["--namespace", &guest.namespace], flags].concat();
        let operator = Operator::start(&kubeconfig, &owner.namespace, &flags);
        let limit = MemoryLimit::of(operator.pid(), chart_limit());
        let flags = flags.into_iter().map(str::to_owned).collect();
        owner.apply(&login("login", &tenant));
        let mut shared = account("account", "login", &tenant);
        shared["spec"]["allowedNamespaces"] = json!({"from": "All"});
        owner.apply(&shared);
        let start = Instant::now();
        owner.apply(&webhook("first", vendor));
        owner.ready("first");
        let undisturbed = start.elapsed();
        Self { owner, guest, tenant, operator, attacker, kubeconfig, flags, limit, undisturbed }
    }

    /// Starts the operator again, as a kubelet does after a crash.
    pub(crate) fn restart(&mut self) {
        let flags: Vec<&str> = self.flags.iter().map(String::as_str).collect();
        let again = Operator::start(&self.kubeconfig, &self.owner.namespace, &flags);
        std::mem::replace(&mut self.operator, again).kill();
        self.limit = MemoryLimit::of(self.operator.pid(), chart_limit());
    }

    /// `kubectl apply` by the attacker, in the guest's namespace.
    pub(crate) fn attack(&self, object: &Value) -> Answer {
        self.attack_by(&["apply", "--server-side", "--filename=-"], &object.to_string())
    }

    /// kubectl by the attacker, in the guest's namespace.
    pub(crate) fn attack_by(&self, arguments: &[&str], input: &str) -> Answer {
        let mut kubectl = self.guest.cluster.kubectl();
        let kubeconfig = format!("--kubeconfig={}", self.attacker.display());
        kubectl.args([&kubeconfig, "--namespace", &self.guest.namespace]).args(arguments);
        fed(&mut kubectl, input)
    }

    /// A Webhook of the guest at the owner's account.
    pub(crate) fn guests(&self, name: &str) -> Value {
        let mut hook = webhook(name, self.tenant.vendor);
        hook["spec"]["accountRef"] = json!({"name": "account", "namespace": self.owner.namespace});
        hook
    }

    /// Edits the owner's Webhook, and checks that the edit reaches the vendor soon; returns how long it took.
    #[track_caller]
    pub(crate) fn an_edit_of_the_owner_arrives(&self) -> Duration {
        static NEXT: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(1);
        let marker = format!("edit-{}", NEXT.fetch_add(1, std::sync::atomic::Ordering::Relaxed));
        let change = match self.tenant.vendor {
            Vendor::Brightpearl => json!({"bodyTemplate": crate::scene::BODY.replace("a=b", &marker)}),
            Vendor::Contensis => json!({"description": marker}),
            Vendor::Superoffice => json!({"errorsEmail": format!("{marker}@example.com")}),
        };
        let edit = json!({"spec": {"subscription": {self.tenant.vendor.as_str(): change}}});
        self.owner.patch("webhook/first", &edit);
        let start = Instant::now();
        eventually("the owner's edit is at the vendor", || {
            let stored = Value::from(self.tenant.stored()).to_string();
            if stored.contains(&marker) { Ok(()) } else { Err(stored) }
        })
        .unwrap();
        let took = start.elapsed();
        eprintln!("the owner's edit took {took:.1?}");
        let most = PROMPT.max(RATIO * self.undisturbed);
        assert!(took < most, "the owner's edit took {took:.1?}, at most {most:.1?}");
        took
    }

    /// Checks that the operator has not ended and has stayed below the chart's limit; returns its peak of memory.
    #[track_caller]
    pub(crate) fn the_operator_survives(&mut self) -> usize {
        assert!(!self.operator.has_ended(), "the operator has ended");
        let peak = peak(self.operator.pid());
        assert!(peak < chart_limit(), "{} MiB", peak >> 20);
        peak
    }

    /// Checks that the secret is in no object that the guest may read, and in no line of the log.
    #[track_caller]
    pub(crate) fn the_guest_sees_nothing_of(&self, secret: &str) {
        let seen = self.guest.everything();
        assert!(!seen.contains(secret), "{seen}");
        let log = self.operator.log();
        assert!(!log.contains(secret), "{}", log.lines().find(|line| line.contains(secret)).unwrap());
    }
}

/// A user with Kubernetes' own role `edit`, and with what the chart adds to it, in a namespace.
fn editor(scene: &Scene) -> PathBuf {
    let namespace = &scene.namespace;
    let rules = "\
- {apiGroups: [hooktender.dev], resources: [webhooks, vendoraccounts], verbs: [get, list, watch, create, update, patch, delete, deletecollection]}
- {apiGroups: [''], resources: [secrets, configmaps, events], verbs: [get, list, watch, create, update, patch, delete, deletecollection]}
- {apiGroups: [events.k8s.io], resources: [events], verbs: [get, list, watch]}
";
    scene.cluster.service_account(namespace, "attacker", rules).unwrap()
}
