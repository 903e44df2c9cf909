//! A vendor and a cluster in memory, small enough that ids and contents meet all the time.

use super::{
    Declared, Desired, ExternalId, HashMap, HashSet, IN_PLACE, Item, Mode, Observed, PendingCreate, Plan,
    REPLACING, ROUNDS, Rules, Step, Value, digest, id, key, of, plan, wants,
};
use crate::api::status::Action;
use crate::api::webhook::{DeletionPolicy, DriftPolicy};
use crate::plan::document::Document;
use crate::plan::testing::{has, unknown};
use crate::plan::{Elsewhere, Hints, Policy};
use proptest::prelude::*;
use serde_json::json;
use std::fmt;

/// Where the operator dies within a step.
#[derive(Clone, Copy, Debug)]
pub(super) enum Crash {
    /// The pending create is stored, the request was never sent.
    BeforeTheVendor,
    /// The vendor did it, and its answer was lost.
    AfterTheVendor,
}

#[derive(Clone)]
pub(super) struct World {
    pub(super) rules: &'static Rules,
    pub(super) declared: Vec<Declared>,
    pub(super) vendor: Vec<Observed>,
    /// Ids that were created since the start.
    pub(super) made: HashSet<ExternalId>,
    /// What Webhooks at another VendorAccount object claim.
    pub(super) elsewhere: Elsewhere,
}

/// One line each, so that a failure can be read.
impl fmt::Debug for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let replaces = self.rules.fields.iter().any(|field| field.replaces);
        writeln!(f, "a vendor that {}", if replaces { "replaces" } else { "changes in place" })?;
        for webhook in &self.declared {
            let Declared {
                recorded, pinned_id, superseded, pending_create, applied, deleting, policy, ..
            } = webhook;
            let wanted = match &webhook.desired {
                Desired::Known(desired) => desired.redacted().to_string(),
                Desired::Unknown { .. } => "unknown".into(),
            };
            writeln!(
                f,
                "{} ({}) wants {wanted} recorded {recorded:?} pinned {pinned_id:?} superseded {superseded:?} {pending_create:?} \
                 applied {applied:?} deleting {deleting} {policy:?}",
                webhook.key.name, webhook.created
            )?;
        }
        for one in &self.vendor {
            writeln!(f, "has {}: {}", one.id, one.document.redacted())?;
        }
        Ok(())
    }
}

impl World {
    pub(super) fn plan(&self) -> Plan {
        plan(self.rules, &self.declared, &self.vendor, &self.elsewhere)
    }

    /// The most rounds that it may take: Webhooks that have or pin the same id get it one after another.
    pub(super) fn needs<'a>(&'a self) -> usize {
        let ids = |webhook: &'a Declared| webhook.recorded.iter().chain(&webhook.pinned_id);
        let recorded: Vec<_> = self.declared.iter().flat_map(ids).collect();
        ROUNDS + recorded.len() - recorded.iter().collect::<HashSet<_>>().len()
    }

    /// Everything is allowed, so that nothing but a conflict or a doubt is in the way.
    pub(super) fn enforce(&mut self) {
        for webhook in &mut self.declared {
            webhook.policy.mode = Mode::Enforce;
            webhook.policy.suspended = false;
        }
    }

    /// Lets so much time pass that all creates have expired.
    pub(super) fn settle(&mut self) {
        for create in self.declared.iter_mut().filter_map(|webhook| webhook.pending_create.as_mut()) {
            create.expired = true;
        }
    }

    /// Plans and executes all steps, that many times.
    pub(super) fn rounds(&mut self, rounds: usize) {
        for _ in 0..rounds {
            let plan = self.plan();
            for item in &plan.items {
                self.take(item, None);
            }
            let released: HashSet<usize> = plan
                .items
                .iter()
                .filter(|item| {
                    matches!(
                        item.step(),
                        Some(Step::Delete { .. } | Step::Retain { .. } | Step::RemoveFinalizer)
                    )
                })
                .map(|item| item.index)
                .collect();
            let mut index = 0..;
            self.declared.retain(|_| index.next().is_some_and(|i| !released.contains(&i)));
        }
    }

    /// Executes a step as the engine does: pending create, request, record. Only [`Self::rounds`] removes an object.
    pub(super) fn take(&mut self, item: &Item, crash: Option<Crash>) {
        let Some(step) = item.step() else {
            if item.action() == Action::None && item.blocked().is_none() {
                let webhook = &mut self.declared[item.index];
                webhook.applied = digest_of(&webhook.desired);
            }
            return;
        };
        if let Step::Create { document: desired } | Step::Replace { document: desired, .. } = step {
            let pending_create = self.pending_create(&self.declared[item.index], desired);
            let webhook = &mut self.declared[item.index];
            webhook.pending_create = Some(pending_create);
            if let Step::Replace { id: old, .. } = step {
                webhook.recorded = Some(old.clone());
            }
        }
        if matches!(crash, Some(Crash::BeforeTheVendor)) {
            return;
        }
        let made = self.request(step);
        if crash.is_none() {
            self.record(item, step, made);
        }
    }

    fn pending_create(&self, webhook: &Declared, desired: &Document) -> PendingCreate {
        let equal = self.vendor.iter().filter(|one| self.rules.equal(&one.document, desired));
        PendingCreate {
            expired: true,
            fingerprint: self.rules.fingerprint(desired, &webhook.redactor),
            document: None,
            preexisting: equal.map(|one| one.id.clone()).collect(),
        }
    }

    fn request(&mut self, step: &Step) -> Option<ExternalId> {
        match step {
            Step::Adopt { .. }
            | Step::AdoptReplacement { .. }
            | Step::Retain { .. }
            | Step::RemoveFinalizer => None,
            Step::Create { document } | Step::Replace { document, .. } => {
                let made = ExternalId::new((100 + self.made.len()).to_string()).unwrap();
                self.vendor.push(has(made.as_str(), self.shown(document)));
                self.made.insert(made.clone());
                Some(made)
            }
            Step::Update { id: at, document } | Step::Reenable { id: at, document } => {
                let shown = self.shown(document);
                for one in self.vendor.iter_mut().filter(|one| one.id == *at) {
                    one.document = shown.clone();
                }
                None
            }
            Step::DeleteSuperseded { superseded: ids, .. } | Step::Delete { ids, .. } => {
                self.vendor.retain(|one| !ids.contains(&one.id));
                None
            }
        }
    }

    fn record(&mut self, item: &Item, step: &Step, made: Option<ExternalId>) {
        let webhook = &mut self.declared[item.index];
        match step {
            Step::Create { .. } => webhook.recorded = made,
            Step::AdoptReplacement { id, replaced } => {
                webhook.recorded = Some(id.clone());
                webhook.superseded.push(replaced.clone());
            }
            Step::Adopt { id } | Step::Update { id, .. } | Step::Reenable { id, .. } => {
                webhook.recorded = Some(id.clone());
            }
            Step::Replace { id: old, .. } => {
                webhook.recorded = made;
                webhook.superseded.push(old.clone());
            }
            Step::DeleteSuperseded { superseded: ids, .. } => {
                webhook.superseded.retain(|one| !ids.contains(one));
            }
            Step::Delete { .. } | Step::Retain { .. } | Step::RemoveFinalizer => {}
        }
        if matches!(
            step,
            Step::Create { .. } | Step::Adopt { .. } | Step::AdoptReplacement { .. } | Step::Replace { .. }
        ) {
            webhook.pending_create = None;
        }
        // What was taken over as it is, is brought up to date in the next round.
        let as_it_is = matches!(step, Step::AdoptReplacement { .. });
        if !as_it_is
            && !matches!(
                step,
                Step::DeleteSuperseded { .. }
                    | Step::Delete { .. }
                    | Step::Retain { .. }
                    | Step::RemoveFinalizer
            )
        {
            webhook.applied = digest_of(&webhook.desired);
            webhook.hints.values_changed = false;
        }
    }

    /// What the vendor shows of what it was sent: in clear, but without what it keeps to itself.
    fn shown(&self, document: &Document) -> Document {
        let fields: HashMap<_, _> = document
            .iter()
            .filter(|(name, _)| *name != "secret")
            .map(|(name, value)| (name, Value::from(value.expose())))
            .collect();
        self.rules.document(fields.into_iter().collect())
    }
}

/// What is recorded of what is declared, once the vendor has it.
fn digest_of(desired: &Desired) -> Option<String> {
    match desired {
        Desired::Known(document) => Some(digest(document)),
        Desired::Unknown { .. } => None,
    }
}

pub(super) fn one_document() -> impl Strategy<Value = Document> {
    let headers = prop::sample::select(vec![
        json!(null),
        json!({"X-A": {"value": "1"}}),
        json!({"x-a": {"value": "1"}}),
        json!({"X-A": {"value": "1"}, "x-a": {"value": "1"}}),
        json!({"X-A": {"value": "1"}, "x-a": {"value": "2"}, "X-B": {"value": "1"}}),
        json!({"X-A": {"value": "1"}, "X-C": null}),
        json!({"X-A": {"value": "1", "secret": true}, "X-B": {"value": "1"}}),
    ]);
    let body = prop_oneof![
        prop::sample::select(vec!["", "x", "y"]).prop_map(Value::text),
        prop::sample::select(vec![json!(1), json!(1.0), json!({"a": [1.0, null]}), json!({"a": [1, null]})])
            .prop_map(Value::from),
    ];
    let events = prop::collection::vec(prop::sample::select(vec!["p", "q"]), 0..3);
    (body, headers, events, any::<bool>()).prop_map(|(body, headers, events, on)| {
        of(&[
            ("name", Value::text("n")),
            ("body", body),
            ("headers", headers.into()),
            ("events", Value::texts(events)),
            ("on", Value::Bool(on)),
        ])
    })
}

fn document() -> impl Strategy<Value = Document> {
    let texts = |all: &'static [&'static str]| prop::sample::select(all);
    (texts(&["u", "v"]), texts(&["x", "y", "z"]), prop::collection::vec(texts(&["p", "q"]), 0..3)).prop_map(
        |(url, body, events)| {
            of(&[
                ("name", Value::text("n")),
                ("url", Value::text(url)),
                ("body", Value::text(body)),
                ("events", Value::texts(events)),
            ])
        },
    )
}

fn external_id() -> impl Strategy<Value = ExternalId> {
    (1..7_u8).prop_map(|number| id(&number.to_string()))
}

fn policy() -> impl Strategy<Value = Policy> {
    let rarely = || prop::bool::weighted(0.1);
    (rarely(), rarely(), rarely(), rarely(), rarely()).prop_map(
        |(plan, report, retain, suspended, release)| Policy {
            mode: if plan { Mode::Plan } else { Mode::Enforce },
            drift: if report { DriftPolicy::Report } else { DriftPolicy::Correct },
            deletion: if retain { DeletionPolicy::Retain } else { DeletionPolicy::Delete },
            suspended,
            release,
        },
    )
}

/// Any Webhook with any status, also one that no history leads to.
fn webhook() -> impl Strategy<Value = Declared> {
    let sometimes = |weight| prop::option::weighted(weight, external_id());
    let wanted = (document(), prop::bool::weighted(0.1), prop::bool::weighted(0.2), 0..3_i64, policy());
    let status = (
        sometimes(0.5),
        sometimes(0.15),
        prop::collection::vec(external_id(), 0..2),
        prop::option::weighted(0.25, any::<bool>()),
        prop::option::of(any::<bool>()),
    );
    (wanted, status).prop_map(|(wanted, (recorded, named, superseded, pending_create, applied))| {
        let (desired, lacks, deleting, created, policy) = wanted;
        let last = if applied == Some(true) { digest(&desired) } else { "sha256:other".into() };
        Declared {
            recorded,
            pinned_id: named,
            superseded,
            pending_create: pending_create
                .map(|expired| PendingCreate { expired, ..PendingCreate::default() }),
            applied: applied.map(|_| last),
            hints: Hints { values_changed: created == 2, ..Hints::default() },
            deleting,
            policy,
            desired: if lacks { unknown() } else { Desired::Known(desired.clone()) },
            ..wants("", created, desired)
        }
    })
}

pub(super) fn world() -> impl Strategy<Value = World> {
    let declared = prop::collection::vec(webhook(), 0..5).prop_map(|mut all| {
        for (webhook, name) in all.iter_mut().zip(["c", "a", "e", "b", "d"]) {
            webhook.key = key(name);
        }
        all
    });
    let vendor = prop::collection::btree_map(1..7_u8, document(), 0..6).prop_map(|all| {
        all.into_iter().map(|(number, document)| has(&number.to_string(), document)).collect::<Vec<_>>()
    });
    let rules = prop::sample::select(vec![&IN_PLACE, &REPLACING]);
    (rules, declared, vendor).prop_map(|(rules, declared, vendor)| World {
        rules,
        declared,
        vendor,
        made: HashSet::new(),
        elsewhere: Elsewhere::default(),
    })
}
