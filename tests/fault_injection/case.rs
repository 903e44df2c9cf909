//! One case: a settled account, something that a user does, and what goes wrong in the middle of it.

use std::fmt;
use std::time::{Duration, Instant};

use hooktender_cluster::eventually;
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::ground::Ground;
use crate::oauth;
use crate::operator::Operator;
use crate::scene::{Scene, Town};
use crate::vendors::{Tenant, Vendor};
use crate::wish::{Wish, stranger};

/// How much later than planned a vendor's late work may be done on a busy machine.
const SLACK: Duration = Duration::from_secs(3);

/// How long the answer of one that is killed in the middle takes.
const IN_FLIGHT_MILLIS: u64 = 1200;

/// What the user does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Op {
    Create,
    Update,
    Replace,
    Delete,
    Adopt,
    Token,
}

impl Op {
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

/// What goes wrong.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Harm {
    /// Nothing: the fail points on the way are noted.
    None,
    /// The operator is killed at a fail point, at that time that it comes by.
    Kill(String, u32),
    /// The API server answers that at a fail point.
    Refuse(String, u32, u16),
    /// The vendor does something wrong; some of its work comes late.
    Fault { name: &'static str, operation: &'static str, fault: Value, late: Duration },
    /// The operator is killed while the vendor works on that request.
    InFlight(&'static str),
}

impl fmt::Display for Harm {
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
    pub(crate) op: Op,
    pub(crate) harm: Harm,
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: {}", self.vendor.as_str(), self.op.as_str(), self.harm)
    }
}

/// What came of a case.
#[derive(Clone, Debug, Default)]
pub(crate) struct Outcome {
    /// The fail points that were passed, each with which time it was.
    pub(crate) points: Vec<(String, u32)>,
    pub(crate) kills: usize,
    pub(crate) faults: usize,
    /// Subscriptions that the vendor made and should not have.
    pub(crate) duplicates: usize,
    /// Whether a person had to help, as is known for this case.
    pub(crate) person: bool,
}

impl Case {
    /// The vendor may have taken the pair of tokens while its answer is lost: nobody but a person can get another then.
    fn loses_the_pair(&self) -> bool {
        let lost = ["vendor.token.sent", "vendor.token.answered", "Secret.keep.writing"];
        self.op == Op::Token
            && self.vendor == Vendor::Brightpearl
            && match &self.harm {
                Harm::Kill(point, _) => lost.contains(&point.as_str()),
                Harm::Fault { fault, .. } => {
                    !["drop_before", "hang", "status"].contains(&fault["kind"].as_str().unwrap())
                }
                Harm::InFlight(_) => true,
                Harm::None | Harm::Refuse(..) => false,
            }
    }

    /// Runs it; panics where the invariant does not hold.
    pub(crate) fn run(&self) -> Outcome {
        let scene = Scene::new(Town::shared(), &format!("{}-{}", self.vendor.as_str(), self.op.as_str()));
        let mut ground = self.prepare(&scene);
        self.act(&scene, &mut ground);
        let mut outcome = Outcome::default();
        let (failpoints, late) = match &self.harm {
            Harm::None => ("trace".to_owned(), Duration::ZERO),
            Harm::Kill(point, nth) => (format!("{point}={nth}*kill"), Duration::ZERO),
            Harm::Refuse(point, nth, code) => {
                outcome.faults += 1;
                (format!("{point}={nth}*fail({code})"), Duration::ZERO)
            }
            Harm::Fault { fault, late, .. } => {
                outcome.faults += 1;
                ground.tenant.fault(fault);
                (String::new(), *late)
            }
            Harm::InFlight(operation) => {
                outcome.faults += 1;
                let fault = json!({"operation": operation, "kind": "delay", "millis": IN_FLIGHT_MILLIS});
                ground.tenant.fault(&fault);
                (String::new(), Duration::from_millis(IN_FLIGHT_MILLIS))
            }
        };
        let mut operator = scene.operator(&failpoints);
        let killed = match &self.harm {
            Harm::Kill(..) => dies(&scene, &ground, &mut operator),
            Harm::InFlight(operation) => {
                ground.tenant.asked(operation, 1);
                true
            }
            Harm::None | Harm::Refuse(..) | Harm::Fault { .. } => false,
        };
        if killed {
            operator.kill();
            outcome.kills += 1;
            operator = scene.operator("");
        }
        outcome.person = self.loses_the_pair() && oauth::a_person_helps(&scene, &ground);
        ground.settles(&scene);
        if self.harm == Harm::None {
            // With all that it still had to write.
            outcome.points = points(&operator.ended());
            operator = scene.operator("");
        }
        if !late.is_zero() {
            // Late work is done by then: it is counted from when its request arrived.
            let arrived = ground.tenant.faulty_at();
            eventually("no late work is left", || match arrived {
                Some(at) if Timestamp::now().duration_since(at).unsigned_abs() < late + SLACK => Err(at),
                _ => Ok(()),
            })
            .unwrap();
        }
        ground.is_settled(&scene);
        outcome.duplicates = ground.made().saturating_sub(self.op.makes(self.vendor));
        operator.kill();
        outcome
    }

    /// A stranger, a healthy Webhook, and for most the Webhook that it is about; nobody at work.
    fn prepare(&self, scene: &Scene) -> Ground {
        let mut ground = Ground::new(Tenant::open(self.vendor), "account");
        ground.stranger(&stranger(self.vendor, 1));
        if self.op == Op::Token && self.vendor == Vendor::Brightpearl {
            oauth::account(scene, &ground.tenant, "account");
        } else {
            scene.account("account", &ground.tenant, &ground.tenant.spec("account"));
        }
        ground.wishes.push(Wish::new("healthy"));
        if matches!(self.op, Op::Update | Op::Replace | Op::Delete | Op::Token) {
            ground.wishes.push(Wish::new("subject"));
        }
        for wish in &ground.wishes {
            ground.apply(scene, &wish.name);
        }
        let operator = scene.operator("");
        ground.settles(scene);
        operator.terminate();
        let id = scene.get("webhooks", "healthy")["status"]["externalId"].as_str().unwrap().to_owned();
        ground.untouched.push(ground.tenant.one(&id).unwrap());
        ground.tenant.clear_journal();
        ground
    }

    fn act(&self, scene: &Scene, ground: &mut Ground) {
        let vendor = self.vendor;
        let subject = ground.wishes.iter_mut().find(|wish| wish.name == "subject");
        match (self.op, subject) {
            (Op::Delete, _) => {
                ground.wishes.retain(|wish| wish.name != "subject");
                ground.gone.push("subject".to_owned());
                return scene.delete("webhooks", "subject");
            }
            (Op::Replace, Some(wish)) if vendor == Vendor::Superoffice => wish.script = true,
            (Op::Update | Op::Replace | Op::Token, Some(wish)) => wish.edition = 2,
            (Op::Adopt, _) => {
                let wish = Wish { plain: true, ..Wish::new("subject") };
                ground.tenant.insert(&wish.stored(vendor));
                ground.wishes.push(wish);
            }
            _ => ground.wishes.push(Wish::new("subject")),
        }
        ground.apply(scene, "subject");
        if self.op == Op::Token && vendor == Vendor::Brightpearl {
            oauth::ends(scene, "account");
        }
    }
}

/// Waits until a fail point has ended the operator. One that it does not come by this time ends nobody.
fn dies(scene: &Scene, ground: &Ground, operator: &mut Operator) -> bool {
    let mut settled = None;
    eventually("the operator is killed", || {
        if operator.has_ended() {
            return Ok(true);
        }
        let looked = ground.look(scene);
        if looked.is_ok() {
            settled.get_or_insert_with(Instant::now);
        }
        let given_up = settled.is_some_and(|since: Instant| since.elapsed() > Duration::from_secs(2));
        if given_up { Ok(false) } else { Err(looked) }
    })
    .unwrap()
}

/// The fail points that an operator has passed.
fn points(log: &str) -> Vec<(String, u32)> {
    let lines = log.lines().filter_map(|line| line.split("fail point ").nth(1));
    let point = |line: &str| {
        let (name, nth) = line.split_once(' ')?;
        Some((name.to_owned(), nth.trim().parse().ok()?))
    };
    lines.filter_map(point).collect()
}
