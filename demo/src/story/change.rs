//! Changes: those at the vendor are undone, those in the spec are carried out.

use std::time::Instant;

use reqwest::Method;
use serde_json::{Map, Value};

use super::{Cast, Part, SOON};
use crate::failure::Step;
use crate::stage::Stage;
use crate::subscription::{self, differences};
use crate::vendor::Vendor;

/// Somebody edits at the vendor; at the next requested pass, hooktender corrects it.
pub(super) fn by_hand(stage: &Stage, cast: &Cast) -> Step<()> {
    let screen = stage.screen;
    screen.chapter(4, "Changed by hand at the vendor, and corrected");
    screen.say("hooktender reads each vendor's list again every few minutes (resyncInterval). Here an annotation with a");
    screen.say(
        "new value requests a pass at once. First, hooktender plan shows what that pass would do: its client",
    );
    screen.say("can only read.");
    for part in &cast.parts {
        by_hand_at(stage, cast, part)?;
    }
    Ok(())
}

fn by_hand_at(stage: &Stage, cast: &Cast, part: &Part) -> Step<()> {
    let (screen, vendor) = (stage.screen, part.vendor);
    let id = part.external_id(stage)?;
    let all_before = part.subscriptions(stage)?;
    let before = part.subscription(stage, &id)?;
    let edit = vendor.edit_by_hand();
    screen.gap();
    screen.say(edit.told);
    let url = format!("{}/{id}", stage.control.subscriptions_url(vendor, &part.account));
    screen.command(&format!("curl -X PATCH {url} -d '{}'", edit.patch));
    let edited = stage.control.ask(Method::PATCH, &url, Some(&edit.patch))?;
    screen.output(&differences(vendor, &before, &edited, &cast.masks));
    screen.command("hooktender plan");
    screen.output(&stage.plan()?);
    let asked = Instant::now();
    ask(stage, &part.object())?;
    let wanted = essences(vendor, &all_before);
    let what = format!("{} has subscription {id} as declared again", vendor.name());
    let (now, _) = stage.until(SOON, &what, || {
        let now = part.subscriptions(stage)?;
        Ok(if essences(vendor, &now) == wanted { Ok(now) } else { Err(cast.seen(vendor, &now)) })
    })?;
    let took = asked.elapsed();
    let corrected = now
        .iter()
        .find(|stored| subscription::essence(vendor, stored) == subscription::essence(vendor, &before));
    let corrected = corrected.unwrap_or(&Value::Null);
    screen.output(&differences(vendor, &edited, corrected, &cast.masks));
    let new_id = subscription::id(vendor, corrected);
    let how = if new_id == id {
        format!("{} has it as declared again", vendor.name())
    } else {
        format!("{} has it as declared again, under the new id {new_id}", vendor.name())
    };
    screen.done(&how, took);
    show_event(stage, part, "DriftCorrected")
}

/// The spec is edited; the vendor is updated.
pub(super) fn by_spec(stage: &Stage, cast: &Cast) -> Step<()> {
    stage.screen.chapter(5, "Spec edited, vendor updated");
    for (index, part) in cast.parts.iter().enumerate() {
        if index > 0 {
            stage.screen.gap();
        }
        by_spec_at(stage, cast, part)?;
    }
    Ok(())
}

fn by_spec_at(stage: &Stage, cast: &Cast, part: &Part) -> Step<()> {
    let (screen, vendor) = (stage.screen, part.vendor);
    let id = part.external_id(stage)?;
    let before = part.subscription(stage, &id)?;
    let known = part.subscriptions(stage)?.len();
    let requests = stage.control.journal(vendor, &part.account)?.len();
    let spec = stage.objects(&["get", &part.object()])?;
    let edit = vendor.edit_spec(&spec["spec"]["subscription"]);
    let patch = edit.patch.to_string();
    screen.say(edit.told);
    let start = Instant::now();
    stage.show_kubectl(&["patch", &part.object(), "--type=merge", "-p", &patch])?;
    let what = format!("{} has {} = {}", vendor.name(), edit.member, edit.value);
    let (now, _) = stage.until(SOON, &what, || {
        let all = part.subscriptions(stage)?;
        let mut updated = all.iter().filter(|stored| {
            subscription::same(&stored[edit.member], &edit.value) && is_successor(vendor, stored, &before)
        });
        Ok(match updated.next() {
            Some(updated) if all.len() == known => Ok(updated.clone()),
            _ => Err(cast.seen(vendor, &all)),
        })
    })?;
    let took = start.elapsed();
    screen.output(&differences(vendor, &before, &now, &cast.masks));
    for request in stage.control.journal(vendor, &part.account)?.iter().skip(requests) {
        if request.is_write() {
            let status = request.status.map_or_else(String::new, |status| format!(" → {status}"));
            screen.output(&format!("  {} {}{status}", request.method, request.path));
        }
    }
    let new_id = subscription::id(vendor, &now);
    let how = if new_id == id {
        format!("{} has it, still under the id {id}", vendor.name())
    } else {
        format!("{} has it under the id {new_id}; {id} is gone", vendor.name())
    };
    screen.done(&how, took);
    let reason = if new_id == id { "Updated" } else { "Replaced" };
    show_event(stage, part, reason)
}

/// Whether this is that subscription, or its replacement: but for ids, at most one member differs.
fn is_successor(vendor: Vendor, stored: &Value, before: &Value) -> bool {
    let (now, before) = (subscription::essence(vendor, stored), subscription::essence(vendor, before));
    let names = now.keys().chain(before.keys().filter(|name| !now.contains_key(*name)));
    names.filter(|name| now.get(*name) != before.get(*name)).count() == 1
}

/// All subscriptions without the vendor's own members, in an order that does not depend on ids.
fn essences(vendor: Vendor, stored: &[Value]) -> Vec<String> {
    let mut all: Vec<_> = stored
        .iter()
        .map(|stored| Value::Object(subscription::essence(vendor, stored)))
        .map(|essence| match essence {
            Value::Object(members) => sorted(&members),
            other => other.to_string(),
        })
        .collect();
    all.sort();
    all
}

/// Members in the order of their names, however the vendor orders them.
fn sorted(members: &Map<String, Value>) -> String {
    let mut rows: Vec<_> = members.iter().map(|(name, value)| format!("{name}={value}")).collect();
    rows.sort();
    rows.join("\n")
}

/// Requests a pass, with a new value of the annotation.
pub(super) fn ask(stage: &Stage, object: &str) -> Step<()> {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let millis = now.map(|now| now.as_millis()).unwrap_or_default();
    let annotation = format!("hooktender.dev/requested-at={millis}");
    stage.show_kubectl(&["annotate", object, &annotation, "--overwrite"])?;
    Ok(())
}

/// Waits for an event on the part's Webhook and shows it.
fn show_event(stage: &Stage, part: &Part, reason: &str) -> Step<()> {
    let command = ["events", "--for", &part.object()];
    stage.screen.command(&format!("kubectl {} | grep {reason}", command.join(" ")));
    let what = format!("an event {reason} on {}", part.object());
    let (rows, _) = stage.until(SOON, &what, || {
        let printed = stage.kubectl(&command, None)?;
        let row = printed.lines().rfind(|row| row.contains(reason));
        Ok(row.map(str::to_owned).ok_or(printed.clone()))
    })?;
    stage.screen.output(&rows);
    Ok(())
}
