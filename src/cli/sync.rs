//! `hooktender sync`: requests a pass, and waits for its outcome.
//!
//! The request is the annotation that any tool can set. Its value is the time with its fraction of a second, as flux writes it, so that
//! two requests within a second are two. The answer is `status.lastHandledRequest`, which the operator writes when the pass is done. A set
//! has no pass at a vendor: a request for it is one for each account of its members.

mod targets;

use super::cluster_reader::api_message;
use super::explain::subscriptions;
use super::named_objects::{Named, NamedObjects, OwnKind, read};
use super::plan_runner::with_spinner;
use super::{CommandError, CommandResult, print};
use crate::api::conditions::{self, READY, STALLED};
use crate::api::status::SubscriptionCounts;
use crate::api::{ObjectName, REQUESTED_AT, VendorAccount, Webhook};
use crate::engine::cluster::objects::{ObjectApi, in_namespace};
use clap::Args;
use futures::StreamExt as _;
use futures::stream;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use k8s_openapi::jiff::Timestamp;
use kube::Client;
use kube::api::{Patch, PatchParams};
use kube::runtime::WatchStreamExt as _;
use kube::runtime::watcher::{self, watch_object};
use parking_lot::Mutex;
use serde_json::json;
use std::pin::pin;
use std::time::Duration;
use targets::{Target, targets};
use tokio::time::Instant;

/// Objects that are written or watched at once. A set may have thousands of accounts.
const MAX_IN_FLIGHT: usize = 64;
/// Objects that a spinner names.
const MAX_SHOWN: usize = 3;

/// The field manager of what commands write.
pub(super) const MANAGER: &str = "hooktender-cli";

/// Flags of `hooktender sync`.
#[derive(Debug, Args)]
pub(super) struct Sync {
    #[command(flatten)]
    objects: NamedObjects,
    /// Wait until the pass is done, and print its outcome.
    #[arg(long)]
    wait: bool,
    /// With --wait: how long, such as `90s`.
    #[arg(long, value_name = "TIME", default_value = "5m", value_parser = crate::engine::interval::interval)]
    timeout: Duration,
}

/// The outcome of one object.
struct Outcome {
    line: String,
    ready: bool,
}

impl Sync {
    pub(super) async fn run(self) -> CommandResult {
        let (client, named) = self.objects.connect().await?;
        let (targets, mut problems) = targets(&client, named).await;
        let value = Timestamp::now().to_string();
        let (to, at) = (&client, value.as_str());
        let requests = targets.into_iter().map(|target| async move {
            match &target {
                Target::Webhook(named) => request::<Webhook>(to, named, at).await,
                Target::Account(named) => request::<VendorAccount>(to, named, at).await,
            }
            .map(|()| target)
        });
        // Collected, as the compiler cannot name the lifetimes of a lazy iterator of futures.
        let requests = stream::iter(requests.collect::<Vec<_>>()).buffered(MAX_IN_FLIGHT);
        let mut requested = Vec::new();
        for answer in requests.collect::<Vec<_>>().await {
            match answer {
                Ok(target) => requested.push(target),
                Err(problem) => problems.push(problem),
            }
        }
        if !self.wait {
            let lines = requested.iter().map(|one| format!("{}: pass requested\n", one.named().title()));
            print::text(&lines.collect::<String>())?;
            return if problems.is_empty() { Ok(0) } else { Err(problems.into()) };
        }
        self.outcomes(&client, &requested, &value, problems).await
    }

    /// Waits for the answers, and prints them. `problems`: why other passes were not requested.
    async fn outcomes(
        &self,
        client: &Client,
        targets: &[Target],
        value: &str,
        mut problems: Vec<String>,
    ) -> CommandResult {
        let deadline = Instant::now() + self.timeout;
        let progress: Vec<_> = targets.iter().map(|one| Mutex::new(Some(one.named().title()))).collect();
        let waits = targets.iter().zip(&progress).map(|(target, progress)| async move {
            let until = (deadline, progress);
            let outcome = match target {
                Target::Webhook(named) => self.outcome::<Webhook>(client, named, value, until).await,
                Target::Account(named) => self.outcome::<VendorAccount>(client, named, value, until).await,
            };
            *progress.lock() = None;
            outcome
        });
        let message = || {
            let left: Vec<_> = progress.iter().filter_map(|one| one.lock().clone()).collect();
            let shown = left.iter().take(MAX_SHOWN).map(String::as_str).collect::<Vec<_>>().join(", ");
            let more = left.len().saturating_sub(MAX_SHOWN);
            let more = if more == 0 { String::new() } else { format!(" and {more} more") };
            format!("waiting for the pass: {shown}{more}")
        };
        let waits = stream::iter(waits.collect::<Vec<_>>()).buffered(MAX_IN_FLIGHT).collect::<Vec<_>>();
        let mut failed = false;
        for outcome in with_spinner(message, waits).await {
            match outcome {
                Ok(Outcome { line, ready }) => {
                    print::text(&line)?;
                    failed |= !ready;
                }
                Err(problem) => problems.push(problem),
            }
        }
        if problems.is_empty() { Ok(u8::from(failed)) } else { Err(CommandError::from(problems)) }
    }

    async fn outcome<K: OwnKind>(
        &self,
        client: &Client,
        named: &Named,
        value: &str,
        (deadline, progress): (Instant, &Mutex<Option<String>>),
    ) -> Result<Outcome, String> {
        let mut last = Last::default();
        let answer = until_handled::<K>(client, named, value, (progress, &mut last));
        let answer = tokio::time::timeout_at(deadline, answer).await;
        answer.unwrap_or_else(|_| Err(no_answer(named, self.timeout, &last)))
    }
}

/// Sets the annotation, unless no pass can come of it.
async fn request<K: OwnKind>(client: &Client, named: &Named, value: &str) -> Result<(), String> {
    let object: K = read(client, &named.at).await?;
    if let Some(why) = no_pass(client, named, &object).await {
        return Err(format!("{}: no pass was requested: {why}", named.title()));
    }
    let patch = Patch::Merge(json!({"metadata": {"annotations": {REQUESTED_AT: value}}}));
    let written = ObjectApi::<K>::new(client, &named.at).patch(&manager(), &patch).await;
    written.map(drop).map_err(|error| format!("{} cannot be changed: {}", named.title(), api_message(&error)))
}

/// Returns the parameters of a patch by a command.
pub(super) fn manager() -> PatchParams {
    PatchParams { field_manager: Some(MANAGER.into()), ..PatchParams::default() }
}

/// Returns why no operator would answer a request.
async fn no_pass<K: OwnKind>(client: &Client, named: &Named, object: &K) -> Option<String> {
    if object.is_suspended() {
        return Some(format!("it is suspended: {}", named.command("resume")));
    }
    let key = object.account_key()?;
    // What cannot be read is left to the operator, which may have more rights.
    let at = ObjectName::try_from(&key).ok()?;
    match ObjectApi::<VendorAccount>::new(client, &at).read().await {
        Ok(None) => Some(format!("its account, VendorAccount {key}, does not exist")),
        Ok(Some(account)) if account.spec.suspend => {
            Some(format!("its account is suspended: hooktender resume va/{} -n {}", key.name, key.namespace))
        }
        Ok(Some(_)) | Err(_) => None,
    }
}

/// What was seen last of an object that is waited for.
#[derive(Default)]
struct Last {
    ready: Option<Condition>,
    observed: bool,
    error: Option<String>,
}

/// Watches an object until the request is answered.
async fn until_handled<K: OwnKind>(
    client: &Client,
    named: &Named,
    value: &str,
    (progress, last): (&Mutex<Option<String>>, &mut Last),
) -> Result<Outcome, String> {
    let api = in_namespace::<K>(client, named.at.namespace());
    let mut seen = pin!(watch_object(api, named.at.name()).default_backoff());
    while let Some(next) = seen.next().await {
        let object = match next {
            Ok(Some(object)) => object,
            Ok(None) => return Err(format!("{} was deleted meanwhile", named.title())),
            Err(error) => {
                last.error = Some(watch_error(&error));
                if is_final(&error) {
                    return Err(format!("{} cannot be watched: {}", named.title(), watch_error(&error)));
                }
                continue;
            }
        };
        let conditions = object.conditions();
        let ready = conditions::get(conditions, READY).cloned();
        if object.handled_request() == Some(value) {
            return Ok(match unready_account(client, &object).await {
                Some(account) => {
                    Outcome { line: format!("{}: pass done, but {account}", named.title()), ready: false }
                }
                None => outcome_of(named, ready.as_ref(), object.subscriptions()),
            });
        }
        // The operator answers no request of a Webhook that belongs to no account.
        let stalled = conditions::get(conditions, STALLED).filter(|stalled| stalled.status == "True");
        if let Some(orphan) = stalled.filter(|stalled| NO_ACCOUNT.contains(&stalled.reason.as_str())) {
            return Err(format!("{}: {}: {}", named.title(), orphan.reason, message_of(conditions)));
        }
        if let Some(ready) = ready.as_ref().filter(|ready| ready.status != "True") {
            *progress.lock() = Some(format!("{} ({})", named.title(), ready.reason));
        }
        *last = Last {
            observed: object.meta().generation.is_some() && !conditions.is_empty(),
            ready,
            error: None,
        };
    }
    Err(format!("the watch of {} has ended", named.title()))
}

/// Returns why an object's account is not ready. A pass that cannot read the vendor's list answers, too, and leaves what is known of a
/// Webhook as it is.
async fn unready_account<K: OwnKind>(client: &Client, object: &K) -> Option<String> {
    let key = object.account_key()?;
    let at = ObjectName::try_from(&key).ok()?;
    let account = ObjectApi::<VendorAccount>::new(client, &at).read().await.ok()??;
    let ready = conditions::get(account.conditions(), READY).filter(|ready| ready.status != "True")?;
    Some(format!(
        "its account, VendorAccount {key}, is not ready: {}: {}; the conditions of the Webhook are from an earlier pass",
        ready.reason, ready.message
    ))
}

/// Reasons of Webhooks that no account reconciles.
const NO_ACCOUNT: [&str; 2] = ["AccountNotFound", "AccountNotAllowed"];

fn message_of(all: &[Condition]) -> &str {
    conditions::get(all, READY).map_or("", |ready| &ready.message)
}

fn outcome_of(named: &Named, ready: Option<&Condition>, counts: Option<SubscriptionCounts>) -> Outcome {
    let Some(Condition { status, reason, message, .. }) = ready else {
        return Outcome { line: format!("{}: pass done", named.title()), ready: true };
    };
    let is_ready = status == "True";
    let state = if is_ready { "ready" } else { "not ready" };
    let message = if message.is_empty() { String::new() } else { format!(": {message}") };
    // After a failure, the counts are those of an earlier pass.
    let counts = counts.filter(|_| is_ready).map(|counts| format!("; {}", subscriptions(counts)));
    let counts = counts.unwrap_or_default();
    let line = format!("{}: pass done, {state}: {reason}{message}{counts}", named.title());
    Outcome { line, ready: is_ready }
}

/// Returns the message about a request that was not answered in time.
fn no_answer(named: &Named, timeout: Duration, last: &Last) -> String {
    let why = match last {
        Last { error: Some(error), .. } => format!("the API server cannot be watched: {error}"),
        Last { ready: Some(ready), .. } if ready.status != "True" => {
            format!("{}: {}", ready.reason, ready.message)
        }
        Last { observed: true, .. } => {
            format!("hooktender waits, or is not running: {}", named.command("explain"))
        }
        Last { .. } => {
            format!("no hooktender has seen it: is one running, and for namespace {}?", named.at.namespace())
        }
    };
    format!("{}: the pass is not done after {} s: {why}", named.title(), timeout.as_secs())
}

fn watch_error(error: &watcher::Error) -> String {
    match error {
        watcher::Error::InitialListFailed(error)
        | watcher::Error::WatchStartFailed(error)
        | watcher::Error::WatchFailed(error) => api_message(error),
        watcher::Error::WatchError(refused) => refused.message.clone(),
        watcher::Error::NoResourceVersion => error.to_string(),
    }
}

/// Whether the watch cannot succeed without another right or login.
fn is_final(error: &watcher::Error) -> bool {
    let (watcher::Error::InitialListFailed(error) | watcher::Error::WatchStartFailed(error)) = error else {
        return false;
    };
    matches!(error, kube::Error::Api(refused) if matches!(refused.code, 401 | 403 | 404))
}
