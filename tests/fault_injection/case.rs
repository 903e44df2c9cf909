//! One case: a settled account, something that a user does, and a fault in the middle of it.

use std::fmt;
use std::time::{Duration, Instant};

use hooktender_cluster::eventually;
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::declared::{Declared, unmanaged};
use crate::oauth;
use crate::operator::Operator;
use crate::scene::{Scene, SharedCluster};
use crate::test_account::TestAccount;
use crate::vendors::{Tenant, Vendor};

/// How much later than planned a vendor's late work may be done on a busy machine.
const SLACK: Duration = Duration::from_secs(3);

/// How long the answer takes to an operator that is killed in the middle of a request.
const IN_FLIGHT_MILLIS: u64 = 1200;

/// What the user does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operation {
    Create,
    Update,
    Replace,
    Delete,
    Adopt,
    Token,
}

impl Operation {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Update => "update",
            Self::Replace => "replace",
            Self::Delete => "delete",
            Self::Adopt => "adopt",
            Self::Token => "token",
        }
    }

    /// How many creates that takes.
    fn makes(self, vendor: Vendor) -> usize {
        match self {
            Self::Create | Self::Replace => 1,
            Self::Token => usize::from(vendor == Vendor::Brightpearl),
            Self::Update | Self::Delete | Self::Adopt => 0,
        }
    }
}

/// The fault.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Injection {
    /// Nothing: the fail points on the way are recorded.
    None,
    /// The operator is killed when it passes a fail point for the n-th time.
    Kill(String, u32),
    /// The API server answers with this status at a fail point.
    Refuse(String, u32, u16),
    /// A fault of the vendor; it may commit a request late.
    Fault { name: &'static str, operation: &'static str, fault: Value, late: Duration },
    /// The operator is killed while the vendor handles that request.
    InFlight(&'static str),
}

impl fmt::Display for Injection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("nothing"),
            Self::Kill(point, nth) => write!(f, "kill at {point} {nth}"),
            Self::Refuse(point, nth, code) => write!(f, "{code} at {point} {nth}"),
            Self::Fault { name, operation, .. } => write!(f, "{name} on {operation}"),
            Self::InFlight(operation) => write!(f, "kill while {operation} is under way"),
        }
    }
}

/// One case.
#[derive(Clone, Debug)]
pub(crate) struct Case {
    pub(crate) vendor: Vendor,
    pub(crate) op: Operation,
    pub(crate) injection: Injection,
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: {}", self.vendor.as_str(), self.op.as_str(), self.injection)
    }
}

/// The result of a case.
#[derive(Clone, Debug, Default)]
pub(crate) struct Outcome {
    /// The fail points that were passed, each with its count so far.
    pub(crate) points: Vec<(String, u32)>,
    pub(crate) kills: usize,
    pub(crate) faults: usize,
    /// Subscriptions that the vendor made and should not have.
    pub(crate) duplicates: usize,
    /// Whether a person had to help, as is known for this case.
    pub(crate) person: bool,
}

impl Case {
    /// The vendor may have used up the pair of tokens while its answer is lost: only a person can get another one then.
    fn loses_the_pair(&self) -> bool {
        let lost = ["vendor.token.sent", "vendor.token.answered", "Secret.keep.writing"];
        self.op == Operation::Token
            && self.vendor == Vendor::Brightpearl
            && match &self.injection {
                Injection::Kill(point, _) => lost.contains(&point.as_str()),
                Injection::Fault { fault, .. } => {
                    !["drop_before", "hang", "status"].contains(&fault["kind"].as_str().unwrap())
                }
                Injection::InFlight(_) => true,
                Injection::None | Injection::Refuse(..) => false,
            }
    }

    /// Runs the case; panics where the invariant does not hold.
    pub(crate) fn run(&self) -> Outcome {
        let scene =
            Scene::new(SharedCluster::get(), &format!("{}-{}", self.vendor.as_str(), self.op.as_str()));
        let mut target = self.prepare(&scene);
        self.act(&scene, &mut target);
        let mut outcome = Outcome::default();
        let (failpoints, late) = match &self.injection {
            Injection::None => ("trace".to_owned(), Duration::ZERO),
            Injection::Kill(point, nth) => (format!("{point}={nth}*kill"), Duration::ZERO),
            Injection::Refuse(point, nth, code) => {
                outcome.faults += 1;
                (format!("{point}={nth}*fail({code})"), Duration::ZERO)
            }
            Injection::Fault { fault, late, .. } => {
                outcome.faults += 1;
                target.tenant.fault(fault);
                (String::new(), *late)
            }
            Injection::InFlight(operation) => {
                outcome.faults += 1;
                let fault = json!({"operation": operation, "kind": "delay", "millis": IN_FLIGHT_MILLIS});
                target.tenant.fault(&fault);
                (String::new(), Duration::from_millis(IN_FLIGHT_MILLIS))
            }
        };
        let mut operator = scene.operator(&failpoints);
        let killed = match &self.injection {
            Injection::Kill(..) => dies(&scene, &target, &mut operator),
            Injection::InFlight(operation) => {
                target.tenant.asked(operation, 1);
                true
            }
            Injection::None | Injection::Refuse(..) | Injection::Fault { .. } => false,
        };
        if killed {
            operator.kill();
            outcome.kills += 1;
            operator = scene.operator("");
        }
        outcome.person = self.loses_the_pair() && oauth::a_person_helps(&scene, &target);
        target.becomes_as_declared(&scene);
        if self.injection == Injection::None {
            // After its last writes.
            outcome.points = points(&operator.ended());
            operator = scene.operator("");
        }
        if !late.is_zero() {
            // Late work is done by then: it is counted from when its request arrived.
            let arrived = target.tenant.faulty_at();
            eventually("no late work is left", || match arrived {
                Some(at) if Timestamp::now().duration_since(at).unsigned_abs() < late + SLACK => Err(at),
                _ => Ok(()),
            })
            .unwrap();
        }
        target.stays_as_declared(&scene);
        outcome.duplicates = target.made().saturating_sub(self.op.makes(self.vendor));
        operator.kill();
        outcome
    }

    /// Prepares an unmanaged subscription, a healthy Webhook, and for most operations the Webhook that they change; no operator
    /// runs afterwards.
    fn prepare(&self, scene: &Scene) -> TestAccount {
        let mut target = TestAccount::new(Tenant::open(self.vendor), "account");
        target.add_unmanaged(&unmanaged(self.vendor, 1));
        if self.op == Operation::Token && self.vendor == Vendor::Brightpearl {
            oauth::account(scene, &target.tenant, "account");
        } else {
            scene.account("account", &target.tenant, &target.tenant.spec("account"));
        }
        target.declared.push(Declared::new("healthy"));
        if matches!(self.op, Operation::Update | Operation::Replace | Operation::Delete | Operation::Token) {
            target.declared.push(Declared::new("subject"));
        }
        for declared in &target.declared {
            target.apply(scene, &declared.name);
        }
        let operator = scene.operator("");
        target.becomes_as_declared(scene);
        operator.terminate();
        let id = scene.get("webhooks", "healthy")["status"]["externalId"].as_str().unwrap().to_owned();
        target.untouched.push(target.tenant.one(&id).unwrap());
        target.tenant.clear_journal();
        target
    }

    fn act(&self, scene: &Scene, target: &mut TestAccount) {
        let vendor = self.vendor;
        let subject = target.declared.iter_mut().find(|declared| declared.name == "subject");
        match (self.op, subject) {
            (Operation::Delete, _) => {
                target.declared.retain(|declared| declared.name != "subject");
                target.gone.push("subject".to_owned());
                return scene.delete("webhooks", "subject");
            }
            (Operation::Replace, Some(declared)) if vendor == Vendor::Superoffice => declared.script = true,
            (Operation::Update | Operation::Replace | Operation::Token, Some(declared)) => {
                declared.edition = 2;
            }
            (Operation::Adopt, _) => {
                let declared = Declared { plain: true, ..Declared::new("subject") };
                target.tenant.insert(&declared.stored(vendor));
                target.declared.push(declared);
            }
            _ => target.declared.push(Declared::new("subject")),
        }
        target.apply(scene, "subject");
        if self.op == Operation::Token && vendor == Vendor::Brightpearl {
            oauth::ends(scene, "account");
        }
    }
}

/// Waits until a fail point has killed the operator. A fail point that it does not pass this time kills nothing.
fn dies(scene: &Scene, target: &TestAccount, operator: &mut Operator) -> bool {
    let mut settled = None;
    eventually("the operator is killed", || {
        if operator.has_ended() {
            return Ok(true);
        }
        let looked = target.look(scene);
        if looked.is_ok() {
            settled.get_or_insert_with(Instant::now);
        }
        let given_up = settled.is_some_and(|since: Instant| since.elapsed() > Duration::from_secs(2));
        if given_up { Ok(false) } else { Err(looked) }
    })
    .unwrap()
}

/// Returns the fail points that an operator has passed.
fn points(log: &str) -> Vec<(String, u32)> {
    let lines = log.lines().filter_map(|line| line.split("fail point ").nth(1));
    let point = |line: &str| {
        let (name, nth) = line.split_once(' ')?;
        Some((name.to_owned(), nth.trim().parse().ok()?))
    };
    lines.filter_map(point).collect()
}
