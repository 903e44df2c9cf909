//! The cases: operations of users, times faults.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};

use crate::case::{Case, Injection, Operation};
use crate::vendors::Vendor;

/// Later than the operator's request timeout, and before the end of its grace period.
const LATE: Duration = Duration::from_millis(3200);
const SOON_AFTER: Duration = Duration::from_millis(1200);

/// Status codes of the API server.
const CODES: [u16; 4] = [409, 410, 429, 500];

/// The operations of users at that vendor. `SuperOffice` on-site has no tokens.
fn operations(vendor: Vendor) -> &'static [Operation] {
    match vendor {
        Vendor::Brightpearl => {
            &[Operation::Create, Operation::Replace, Operation::Delete, Operation::Adopt, Operation::Token]
        }
        Vendor::Contensis => {
            &[Operation::Create, Operation::Update, Operation::Delete, Operation::Adopt, Operation::Token]
        }
        Vendor::Superoffice => {
            &[Operation::Create, Operation::Update, Operation::Replace, Operation::Delete, Operation::Adopt]
        }
    }
}

/// Every operation without a fault, to find the fail points that it passes.
pub(crate) fn undisturbed() -> Vec<Case> {
    let each =
        |vendor| operations(vendor).iter().map(move |&op| Case { vendor, op, injection: Injection::None });
    Vendor::ALL.into_iter().flat_map(each).collect()
}

/// All faults of an operation that passes these fail points.
pub(crate) fn disturbed(case: &Case, points: &[(String, u32)]) -> Vec<Case> {
    let kills = points.iter().map(|(point, nth)| Injection::Kill(point.clone(), *nth));
    let cluster = points.iter().filter(|(point, _)| !point.starts_with("vendor."));
    let refusals = cluster.zip(CODES.iter().cycle());
    let refusals = refusals.map(|((point, nth), code)| Injection::Refuse(point.clone(), *nth, *code));
    let all = kills.chain(refusals).chain(faults(case));
    all.map(|injection| Case { injection, ..case.clone() }).collect()
}

/// All faults of a vendor at the requests of that operation.
fn faults(case: &Case) -> Vec<Injection> {
    let requests: &[&'static str] = match case.op {
        Operation::Create => &["create"],
        Operation::Update => &["update"],
        Operation::Replace => &["create", "delete"],
        Operation::Delete => &["delete"],
        Operation::Adopt => &["list"],
        Operation::Token => &["token"],
    };
    let mut all = Vec::new();
    for request in requests {
        let fault = |name, rest: Value| {
            let mut fault = rest;
            fault["operation"] = json!(request);
            let late = fault["millis"].as_u64().map_or(Duration::ZERO, Duration::from_millis);
            Injection::Fault { name, operation: request, fault, late }
        };
        all.extend([
            fault("request lost", json!({"kind": "drop_before"})),
            fault("no answer", json!({"kind": "hang"})),
            fault("garbage", json!({"kind": "garbage"})),
            fault("truncated answer", json!({"kind": "truncate"})),
            fault("500 before", json!({"kind": "status", "status": 500})),
        ]);
        let exchanges = case.op == Operation::Token && case.vendor == Vendor::Brightpearl;
        if *request != "list" && (*request != "token" || exchanges) {
            let (soon, late) = (SOON_AFTER.as_millis(), LATE.as_millis());
            let (soon, late) = (u64::try_from(soon).unwrap(), u64::try_from(late).unwrap());
            all.extend([
                fault("answer lost", json!({"kind": "drop_after"})),
                fault("answer hangs", json!({"kind": "hang_after"})),
                fault("500 after", json!({"kind": "status_after", "status": 500})),
                fault("commits late", json!({"kind": "late_commit", "millis": soon})),
                fault(
                    "commits after the time-out",
                    json!({"kind": "late_commit", "millis": late, "hang": true}),
                ),
                Injection::InFlight(request),
            ]);
        }
    }
    let down = |name, fault| Injection::Fault { name, operation: "all", fault, late: Duration::ZERO };
    all.extend([
        down("vendor down", json!({"operation": "*", "kind": "status", "status": 503, "times": 3})),
        down("nobody there", json!({"operation": "*", "kind": "drop_before", "times": 4})),
    ]);
    all
}

/// Selects one case of each fault in each operation, at one vendor after the other.
pub(crate) fn selection(all: Vec<Case>) -> Vec<Case> {
    let mut kinds: BTreeMap<String, Vec<Case>> = BTreeMap::new();
    for case in all {
        let kind = format!("{}: {}", case.op.as_str(), case.injection);
        kinds.entry(kind).or_default().push(case);
    }
    kinds.into_values().enumerate().map(|(n, mut same)| same.swap_remove(n % same.len())).collect()
}
