//! `hooktender suspend` and `hooktender resume`: set `spec.suspend`, and `spec.paused` of a WebhookSet.
//!
//! A merge patch of this one field. A tool that applies the manifest again, and has the field in it, sets it back.

use super::cluster_reader::api_message;
use super::named_objects::{Named, NamedObjects, OwnKind, read};
use super::object_ref::ObjectKind;
use super::sync::manager;
use super::{CommandResult, print};
use crate::api::webhook_set::managing_set;
use crate::api::{VendorAccount, Webhook, WebhookSet};
use crate::engine::cluster::objects::ObjectApi;
use clap::Args;
use futures::future::join_all;
use kube::Client;
use kube::api::Patch;
use serde_json::json;

/// Flags of `hooktender suspend` and `hooktender resume`.
#[derive(Debug, Args)]
pub(super) struct Suspend {
    #[command(flatten)]
    objects: NamedObjects,
}

impl Suspend {
    /// Suspends or resumes all named objects.
    pub(super) async fn run(self, suspend: bool) -> CommandResult {
        let (client, named) = self.objects.connect().await?;
        let to = &client;
        let all = named.iter().map(|named| async move {
            match named.object.kind {
                ObjectKind::Webhook => set::<Webhook>(to, named, suspend).await,
                ObjectKind::Set => set::<WebhookSet>(to, named, suspend).await,
                ObjectKind::Account => set::<VendorAccount>(to, named, suspend).await,
            }
        });
        let mut problems = Vec::new();
        for done in join_all(all).await {
            match done {
                Ok(line) => print::text(&line)?,
                Err(problem) => problems.push(problem),
            }
        }
        if problems.is_empty() { Ok(0) } else { Err(problems.into()) }
    }
}

async fn set<K: OwnKind>(client: &Client, named: &Named, suspend: bool) -> Result<String, String> {
    let object: K = read(client, &named.at).await?;
    if object.is_suspended() == suspend {
        let state = if suspend { "is suspended already" } else { "is not suspended" };
        return Ok(format!("{} {state}", named.title()));
    }
    if let Some(set) = managing_set(&object) {
        let all = if suspend { "suspend" } else { "resume" };
        return Err(format!(
            "{} belongs to WebhookSet {set}, which undoes such edits: hooktender {all} whs/{set}{flag}, or set spec.template.spec.suspend there",
            named.title(),
            set = set.name,
            flag = named.flag
        ));
    }
    let patch = Patch::Merge(json!({"spec": {K::SUSPEND: suspend}}));
    let written = ObjectApi::<K>::new(client, &named.at).patch(&manager(), &patch).await;
    written.map_err(|error| format!("{} cannot be changed: {}", named.title(), api_message(&error)))?;
    Ok(if suspend {
        format!("{} suspended: {}, until {}", named.title(), effect(K::KIND), named.command("resume"))
    } else {
        format!("{} resumed: a pass starts at once", named.title())
    })
}

/// Returns what does not happen while an object is suspended.
fn effect(kind: ObjectKind) -> &'static str {
    match kind {
        ObjectKind::Webhook => "its subscription is left as it is",
        ObjectKind::Set => "no Webhook of it is created, changed or deleted",
        ObjectKind::Account => "the vendor is not called for any of its Webhooks",
    }
}
