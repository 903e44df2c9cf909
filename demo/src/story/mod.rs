//! The chapters. Each shows the command, its effect, and the proof from the vendor.

mod change;
mod declare;
mod leave;

use std::time::Duration;

use serde_json::Value;

use crate::examples::Example;
use crate::failure::{Failure, Step};
use crate::stage::Stage;
use crate::subscription::{self, Masks};
use crate::vendor::Vendor;

pub(crate) use leave::bring_back;

/// How long a step may take; less than a second is usual.
const SOON: Duration = Duration::from_secs(30);
/// The same, for kubectl.
const KUBECTL_SOON: &str = "--timeout=30s";

/// One vendor's part in the demo.
#[derive(Debug)]
pub(crate) struct Part {
    pub(crate) vendor: Vendor,
    /// The account's name at the vendor.
    pub(crate) account: String,
    /// The name of the `VendorAccount`.
    account_object: String,
    /// Whether the account lists unmanaged subscriptions.
    reports_unmanaged: bool,
    /// The name of the Webhook that the demo changes.
    pub(crate) webhook: String,
    example: Example,
}

/// All parts.
#[derive(Debug)]
pub(crate) struct Cast {
    pub(crate) parts: Vec<Part>,
    masks: Masks,
}

/// Runs all chapters. Every claim is verified.
pub(crate) fn tell(stage: &Stage) -> Step<Cast> {
    declare::start_operator(stage)?;
    let cast = declare::apply(stage)?;
    declare::show_created(stage, &cast)?;
    change::by_hand(stage, &cast)?;
    change::by_spec(stage, &cast)?;
    leave::deleted(stage, &cast)?;
    leave::unmanaged(stage, &cast)?;
    Ok(cast)
}

impl Part {
    /// Returns everything that the vendor stores in this account.
    fn subscriptions(&self, stage: &Stage) -> Step<Vec<Value>> {
        stage.control.subscriptions(self.vendor, &self.account)
    }

    /// The subscription with this id.
    fn subscription(&self, stage: &Stage, id: &str) -> Step<Value> {
        self.subscriptions(stage)?
            .into_iter()
            .find(|stored| subscription::id(self.vendor, stored) == id)
            .ok_or_else(|| Failure::Unexpected(format!("{} has no subscription {id}", self.vendor.name())))
    }

    /// `webhook/name`, as kubectl takes it.
    fn object(&self) -> String {
        format!("webhook/{}", self.webhook)
    }

    /// The id of the Webhook's subscription, from its status.
    pub(crate) fn external_id(&self, stage: &Stage) -> Step<String> {
        let object = stage.objects(&["get", &self.object()])?;
        let id = object["status"]["externalId"].as_str();
        id.map(str::to_owned)
            .ok_or_else(|| Failure::Unexpected(format!("{} has no id in its status", self.object())))
    }
}

impl Cast {
    /// What was seen instead, for a failure.
    fn seen(&self, vendor: Vendor, stored: &[Value]) -> String {
        stored
            .iter()
            .map(|stored| {
                let id = subscription::id(vendor, stored);
                format!("{} {id}:\n{}", vendor.name(), subscription::members(vendor, stored, &self.masks))
            })
            .collect::<Vec<_>>()
            .join("\n")
    }
}
