//! The operator starts, and creates the declared subscriptions at the vendors.

use std::collections::BTreeSet;
use std::process::Command;
use std::time::Instant;

use serde_json::Value;

use super::{Cast, KUBECTL_SOON, Part, SOON};
use crate::examples::Example;
use crate::failure::{Failure, Step};
use crate::kubectl;
use crate::operator;
use crate::stage::{NAMESPACE, Stage};
use crate::subscription::{self, Masks};
use crate::vendor::Vendor;

/// The rest of the first chapter: the kinds, and the operator.
pub(super) fn start_operator(stage: &Stage) -> Step<()> {
    let screen = stage.screen;
    screen.gap();
    screen.command("hooktender crds | kubectl apply -f -");
    let crds = kubectl::run(Command::new(operator::binary()?).arg("crds"), "hooktender crds", None)?;
    screen.output(&stage.kubectl(&["apply", "-f", "-"], Some(&crds))?);
    stage.kubectl(&["wait", "--for=condition=Established", "crd", "--all", KUBECTL_SOON], None)?;
    let addresses = stage.vendors();
    let mut arguments: Vec<String> =
        ["run", "--namespace", NAMESPACE, "--listen", "127.0.0.1:0", "--ui-port", "0"]
            .map(str::to_owned)
            .into();
    for url in [&addresses.brightpearl, &addresses.contensis, &addresses.superoffice] {
        arguments.extend(["--allow-endpoint".to_owned(), url.clone()]);
    }
    screen.command(&format!(
        "hooktender run --namespace {NAMESPACE} --allow-endpoint {} …",
        addresses.brightpearl
    ));
    let took = stage.start_operator(&arguments, SOON)?;
    screen.done("the operator is ready", took);
    Ok(())
}

/// Applies the examples; returns the parts.
pub(super) fn apply(stage: &Stage) -> Step<Cast> {
    let screen = stage.screen;
    screen.chapter(2, "Declared");
    screen.say(
        "Each vendor has a folder with an account, the Secrets of its credentials, and Webhooks. In each",
    );
    screen.say("account one line is replaced with the address of the fake vendor. Nothing else is changed.");
    let mut examples = Vec::new();
    for vendor in Vendor::ALL {
        screen.gap();
        let example = Example::of(vendor, &stage.url(vendor))?;
        screen.command(&format!(
            "kubectl apply -f {}    # `{}` for `{}`",
            example.folder, example.instead, example.line
        ));
        let printed = stage.kubectl(&["apply", "-f", "-"], Some(&example.manifests))?;
        screen.output(&printed);
        examples.push((vendor, example));
    }
    let accounts = stage.objects(&["get", "vendoraccounts"])?;
    let webhooks = stage.objects(&["get", "webhooks"])?;
    let parts = examples
        .into_iter()
        .map(|(vendor, example)| part(vendor, example, &accounts, &webhooks))
        .collect::<Step<Vec<_>>>()?;
    let masks = Masks::of(&stage.objects(&["get", "secrets"])?);
    Ok(Cast { parts, masks })
}

/// The first Webhook of the vendor that hooktender may correct and delete, and its account.
fn part(vendor: Vendor, example: Example, accounts: &Value, webhooks: &Value) -> Step<Part> {
    let unfit = || {
        Failure::Unexpected(format!(
            "{} needs an account and a Webhook with driftPolicy Correct and deletionPolicy Delete",
            example.folder
        ))
    };
    let name = |object: &Value| object["metadata"]["name"].as_str().map(str::to_owned);
    let items = |list: &Value| list["items"].as_array().cloned().unwrap_or_default();
    let webhook =
        items(webhooks).into_iter().find(|webhook| fits(vendor, &webhook["spec"])).ok_or_else(unfit)?;
    let account = items(accounts)
        .into_iter()
        .find(|account| account["metadata"]["name"] == webhook["spec"]["accountRef"]["name"])
        .ok_or_else(unfit)?;
    Ok(Part {
        vendor,
        account: vendor.account(&account).ok_or_else(unfit)?.to_owned(),
        account_object: name(&account).ok_or_else(unfit)?,
        reports_unmanaged: account["spec"]["unmanaged"] != "Ignore",
        webhook: name(&webhook).ok_or_else(unfit)?,
        example,
    })
}

fn fits(vendor: Vendor, spec: &Value) -> bool {
    spec["subscription"].get(vendor.key()).is_some()
        && spec["driftPolicy"] != "Report"
        && spec["deletionPolicy"] != "Retain"
}

/// Waits until all is created, and shows it.
pub(super) fn show_created(stage: &Stage, cast: &Cast) -> Step<()> {
    let screen = stage.screen;
    screen.chapter(3, "Created at the vendors");
    let start = Instant::now();
    stage.show_kubectl(&[
        "wait",
        "--for=condition=Ready",
        "webhooks,vendoraccounts",
        "--all",
        KUBECTL_SOON,
    ])?;
    screen.done("every subscription is as declared", start.elapsed());
    screen.gap();
    stage.show_kubectl(&["get", "webhooks,vendoraccounts"])?;
    let webhooks = stage.objects(&["get", "webhooks"])?;
    for part in &cast.parts {
        let vendor = part.vendor;
        let id = part.external_id(stage)?;
        let stored = part.subscriptions(stage)?;
        all_there(vendor, &webhooks, &stored)?;
        screen.gap();
        screen.say(&format!(
            "{} now has {} subscriptions; that of {} has the id {id}:",
            vendor.name(),
            stored.len(),
            part.webhook
        ));
        let mine = part.subscription(stage, &id)?;
        screen.output(&subscription::members(vendor, &mine, &cast.masks));
    }
    Ok(())
}

/// Fails unless the vendor has a subscription for each of its Webhooks, and no other.
fn all_there(vendor: Vendor, webhooks: &Value, stored: &[Value]) -> Step<()> {
    let declared: BTreeSet<_> = webhooks["items"]
        .as_array()
        .into_iter()
        .flatten()
        .filter(|webhook| webhook["spec"]["subscription"].get(vendor.key()).is_some())
        .map(|webhook| webhook["status"]["externalId"].as_str().unwrap_or_default().to_owned())
        .collect();
    let there: BTreeSet<_> = stored.iter().map(|stored| subscription::id(vendor, stored)).collect();
    if declared == there {
        return Ok(());
    }
    Err(Failure::Unexpected(format!(
        "{} has the ids {there:?}, but the Webhooks have {declared:?}",
        vendor.name()
    )))
}
