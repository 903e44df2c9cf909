//! Deletion, and unmanaged subscriptions.

use std::time::Instant;

use reqwest::Method;

use super::change::ask;
use super::{Cast, KUBECTL_SOON, SOON};
use crate::failure::{Failure, Step};
use crate::stage::Stage;
use crate::subscription;

/// Webhooks are deleted, and their subscriptions with them.
pub(super) fn deleted(stage: &Stage, cast: &Cast) -> Step<()> {
    let screen = stage.screen;
    screen.chapter(6, "Deleted");
    screen.say("hooktender deletes the subscription at the vendor, then removes the finalizer. kubectl waits for both.");
    screen.gap();
    let mut ids = Vec::new();
    for part in &cast.parts {
        ids.push(part.external_id(stage)?);
    }
    let names: Vec<_> = cast.parts.iter().map(|part| part.webhook.as_str()).collect();
    let start = Instant::now();
    stage.show_kubectl(&[&["delete", "webhook"], names.as_slice(), &[KUBECTL_SOON]].concat())?;
    for (part, id) in cast.parts.iter().zip(&ids) {
        let what = format!("{} has no subscription {id}", part.vendor.name());
        let (left, _) = stage.until(SOON, &what, || {
            let all = part.subscriptions(stage)?;
            let there = all.iter().any(|stored| subscription::id(part.vendor, stored) == *id);
            Ok(if there { Err(cast.seen(part.vendor, &all)) } else { Ok(all.len()) })
        })?;
        screen.done(
            &format!("{} no longer has {id}; other subscriptions there: {left}", part.vendor.name()),
            start.elapsed(),
        );
    }
    Ok(())
}

/// An unmanaged subscription is reported, and never changed.
pub(super) fn unmanaged(stage: &Stage, cast: &Cast) -> Step<()> {
    let screen = stage.screen;
    screen.chapter(7, "Unmanaged: reported, never changed");
    let part = cast.parts.iter().find(|part| part.reports_unmanaged);
    let part = part.ok_or_else(|| {
        Failure::Unexpected("no account of the examples reports unmanaged subscriptions".to_owned())
    })?;
    let vendor = part.vendor;
    screen.say(&format!("Somebody creates a subscription at {} that no Webhook declares:", vendor.name()));
    let url = stage.control.subscriptions_url(vendor, &part.account);
    let body = vendor.unmanaged();
    screen.command(&format!("curl {url} -d '{body}'"));
    let made = stage.control.ask(Method::POST, &url, Some(&body))?;
    let id = made["id"].as_str().unwrap_or_default().to_owned();
    screen.output(&made.to_string());
    let before = part.subscription(stage, &id)?;
    let requests = stage.control.journal(vendor, &part.account)?.len();
    let object = format!("vendoraccount/{}", part.account_object);
    let asked = Instant::now();
    ask(stage, &object)?;
    let what = format!("{object} lists {id} as unmanaged");
    stage.until(SOON, &what, || {
        let status = stage.objects(&["get", &object])?["status"].clone();
        let listed = status["unmanaged"].as_array();
        Ok(if listed.is_some_and(|list| list.iter().any(|one| one["externalId"] == id.as_str())) {
            Ok(())
        } else {
            Err(status.to_string())
        })
    })?;
    let took = asked.elapsed();
    stage.show_kubectl(&["get", &object])?;
    stage.show_kubectl(&["get", &object, "-o", "jsonpath={.status.unmanaged}{\"\\n\"}"])?;
    screen.done("it is counted and listed", took);
    let after = part.subscription(stage, &id)?;
    let journal = stage.control.journal(vendor, &part.account)?;
    let writes: Vec<_> = journal.iter().skip(requests).filter(|request| request.is_write()).collect();
    if after != before || !writes.is_empty() {
        return Err(Failure::Unexpected(format!(
            "subscription {id} at {} is unmanaged and must not change; requests since it was created: {writes:?}",
            vendor.name()
        )));
    }
    screen.done(
        &format!("{} has it unchanged; hooktender has read it and written nothing", vendor.name()),
        asked.elapsed(),
    );
    Ok(())
}

/// Declares again what was deleted, so that there is something to look at.
pub(crate) fn bring_back(stage: &Stage, cast: &Cast) -> Step<()> {
    for part in &cast.parts {
        stage.kubectl(&["apply", "-f", "-"], Some(&part.example.manifests))?;
    }
    let start = Instant::now();
    stage.kubectl(&["wait", "--for=condition=Ready", "webhooks", "--all", KUBECTL_SOON], None)?;
    stage.screen.gap();
    stage.screen.done("what was deleted is declared again and created", start.elapsed());
    Ok(())
}
