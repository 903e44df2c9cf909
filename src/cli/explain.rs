//! `hooktender explain`: the status of one object, its last events, what happens next, and how to unblock it. Reads the cluster
//! only; `plan` reads the vendor.

use super::cluster_reader::api_message;
use super::explain_set;
use super::plan::Scope;
use super::remediation::remediation;
use super::{CommandError, CommandResult, print};
use crate::api::conditions::{self, DELIVERING, READY, RECONCILING};
use crate::api::status::{Action, SubscriptionCounts, WebhookStatus};
use crate::api::{NamespaceName, ObjectKey, ObjectName, VendorAccount, Webhook, WebhookSet, visible};
use crate::engine::cluster::objects::{ObjectApi, in_namespace};
use clap::Args;
use k8s_openapi::api::core::v1::Event as CoreEvent;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use k8s_openapi::jiff::Timestamp;
use kube::api::ListParams;
use kube::{Api, Client, Resource, ResourceExt};
use std::fmt::Write as _;

/// Number of events that are printed.
const EVENTS: usize = 5;
/// A reason that an object and its account have independently of each other.
const SUSPENDED: &str = "Suspended";

/// Flags of `hooktender explain`.
#[derive(Debug, Args)]
pub(super) struct Explain {
    /// `wh/NAME` for a Webhook, `whs/NAME` for a WebhookSet, `va/NAME` for a VendorAccount.
    #[arg(value_name = "wh/NAME | whs/NAME | va/NAME", value_parser = subject)]
    subject: Subject,
    #[command(flatten)]
    scope: Scope,
}

#[derive(Clone, Debug)]
enum Subject {
    Webhook(String),
    Set(String),
    Account(String),
}

fn subject(text: &str) -> Result<Subject, String> {
    match text.split_once('/') {
        Some((_, name)) if name.is_empty() || name.contains('/') => {
            Err("write wh/NAME, whs/NAME or va/NAME".into())
        }
        Some(("wh" | "webhook" | "webhooks", name)) => Ok(Subject::Webhook(name.into())),
        Some(("whs" | "webhookset" | "webhooksets", name)) => Ok(Subject::Set(name.into())),
        Some(("va" | "vendoraccount" | "vendoraccounts", name)) => Ok(Subject::Account(name.into())),
        Some((kind, _)) => {
            Err(format!("{kind} is not a kind of hooktender: write wh/NAME, whs/NAME or va/NAME"))
        }
        None => Err(format!(
            "write wh/{text} for the Webhook, whs/{text} for the WebhookSet, or va/{text} for the VendorAccount"
        )),
    }
}

impl Explain {
    pub(super) async fn run(self) -> CommandResult {
        let (reader, namespace) = self.scope.reader().await?;
        let text = match &self.subject {
            Subject::Webhook(name) => webhook(&reader.client, &ObjectKey::new(&namespace, name)).await?,
            Subject::Set(name) => set(&reader.client, &ObjectKey::new(&namespace, name)).await?,
            Subject::Account(name) => account(&reader.client, &ObjectKey::new(&namespace, name)).await?,
        };
        print::text(&text)?;
        Ok(0)
    }
}

/// The text of an explanation, in sections.
struct Explanation(String);

impl Explanation {
    fn section(&mut self, title: &str, lines: impl IntoIterator<Item = String>) {
        let mut lines = lines.into_iter().peekable();
        if lines.peek().is_some() {
            let _ = writeln!(self.0, "\n{title}");
        }
        for line in lines {
            // Line breaks in messages are escaped.
            let _ = writeln!(self.0, "  {}", visible(&line));
        }
    }
}

async fn webhook(client: &Client, key: &ObjectKey) -> Result<String, CommandError> {
    let object: Webhook = get(client, key).await?;
    let account_key = object.account();
    let account = match ObjectName::try_from(&account_key) {
        Ok(at) => ObjectApi::<VendorAccount>::new(client, &at).read().await,
        Err(_) => Ok(None),
    };
    let status = object.status.clone().unwrap_or_default();
    let mut text = Explanation(format!("Webhook {key}, for {}\n", object.spec.subscription.vendor()));
    let mut is = vec![of_account(&account_key, &account), at_vendor(&status)];
    is.extend(generation_lines(&object, status.observed_generation));
    text.section("Status", is);
    let account = account.ok().flatten();
    text.section("Conditions", status.conditions.iter().map(condition));
    text.section("Pending changes", pending_changes(&status));
    text.section("Events", events(client, &object).await);
    text.section("Next", next(&object, &status, account.as_ref()));
    text.section("To unblock", remedies(&status.conditions, conditions_of(account.as_ref())));
    Ok(text.0)
}

async fn account(client: &Client, key: &ObjectKey) -> Result<String, CommandError> {
    let object: VendorAccount = get(client, key).await?;
    let status = object.status.clone().unwrap_or_default();
    let mut text = Explanation(format!("VendorAccount {key}, {}\n", object.spec.vendor.identity()));
    let counts = status.subscriptions.map(|counts| {
        let SubscriptionCounts { declared, managed, unmanaged, elsewhere } = counts;
        let elsewhere = if elsewhere == 0 {
            String::new()
        } else {
            format!(", {elsewhere} of other VendorAccounts that point to the same account at the vendor")
        };
        format!("{declared} declared, {managed} managed, {unmanaged} unmanaged{elsewhere}")
    });
    text.section("Status", counts.into_iter().chain(generation_lines(&object, status.observed_generation)));
    text.section("Conditions", status.conditions.iter().map(condition));
    text.section("Events", events(client, &object).await);
    let next = if object.spec.suspend { "nothing: spec.suspend is true".to_owned() } else { resync(&object) };
    text.section("Next", [next]);
    text.section("To unblock", remedies(&status.conditions, &[]));
    Ok(text.0)
}

async fn set(client: &Client, key: &ObjectKey) -> Result<String, CommandError> {
    let object: WebhookSet = get(client, key).await?;
    let status = object.status.clone().unwrap_or_default();
    let vendor = object.spec.template.spec.subscription.vendor();
    let mut text = Explanation(format!("WebhookSet {key}, for {vendor}\n"));
    let generations = generation_lines(&object, status.observed_generation);
    text.section("Status", explain_set::counts(&status).into_iter().chain(generations));
    text.section("Conditions", status.conditions.iter().map(condition));
    text.section("Members in the worst state", explain_set::worst(&status));
    text.section("Events", events(client, &object).await);
    text.section("Next", explain_set::next(&object));
    text.section("To unblock", remedies(&status.conditions, &[]));
    Ok(text.0)
}

async fn get<K>(client: &Client, key: &ObjectKey) -> Result<K, CommandError>
where
    K: Resource<Scope = kube::core::NamespaceResourceScope, DynamicType = ()>,
    K: Clone + std::fmt::Debug + serde::de::DeserializeOwned,
{
    let kind = K::kind(&());
    let at = ObjectName::try_from(key).map_err(|error| format!("{kind}: {error}"))?;
    match ObjectApi::new(client, &at).read().await {
        Ok(Some(object)) => Ok(object),
        Ok(None) => Err(format!("there is no {kind} {key}").into()),
        Err(error) => Err(format!("{kind} {key} cannot be read: {}", api_message(&error)).into()),
    }
}

fn of_account(key: &ObjectKey, account: &Result<Option<VendorAccount>, kube::Error>) -> String {
    match account {
        Ok(Some(account)) => {
            let ready = conditions::get(conditions_of(Some(account)), READY);
            let trouble = ready.filter(|ready| ready.status != "True");
            let trouble = trouble.map_or_else(String::new, |ready| {
                format!(", not ready: {}: {}", ready.reason, ready.message)
            });
            format!("account {key} ({}){trouble}", account.spec.vendor.identity())
        }
        Ok(None) => format!("account {key}, which does not exist"),
        Err(error) => format!("account {key}, which cannot be read: {}", api_message(error)),
    }
}

fn conditions_of(account: Option<&VendorAccount>) -> &[Condition] {
    account.and_then(|account| account.status.as_ref()).map_or(&[], |status| &status.conditions)
}

fn at_vendor(status: &WebhookStatus) -> String {
    let since = status.last_applied.as_ref().map(|last| format!(", as last applied {}", ago(last.time.0)));
    match (&status.external_id, &status.pending) {
        (Some(id), _) => format!("subscription {id}{}", since.unwrap_or_default()),
        (None, Some(pending)) => {
            format!("a create was sent {}; its outcome is unknown", ago(pending.since.0))
        }
        (None, None) => "no subscription yet".into(),
    }
}

/// Describes whether the current spec was observed, and whether the object is being deleted.
fn generation_lines<K: Resource>(object: &K, observed: Option<i64>) -> Vec<String> {
    let meta = object.meta();
    let declared = meta.generation.unwrap_or_default();
    let observed = match observed {
        Some(observed) if observed == declared => {
            format!("generation {declared} of the spec, observed by hooktender")
        }
        Some(observed @ 1..) => {
            format!("generation {declared} of the spec; hooktender has observed {observed}")
        }
        // Values below 1 are the default of a new object.
        Some(_) | None => format!(
            "generation {declared} of the spec; not observed by any hooktender: is one running, and for this namespace?"
        ),
    };
    let leaving = meta.deletion_timestamp.as_ref();
    let leaving = leaving.map(|since| format!("is being deleted, since {}", ago(since.0)));
    std::iter::once(observed).chain(leaving).collect()
}

fn condition(condition: &Condition) -> String {
    let Condition { type_, status, reason, message, .. } = condition;
    let since = ago(condition.last_transition_time.0);
    let message = if message.is_empty() { String::new() } else { format!(": {message}") };
    format!("{type_}={status} {reason}, since {since}{message}")
}

fn pending_changes(status: &WebhookStatus) -> Vec<String> {
    let Some(plan) = status.plan.as_ref().filter(|plan| plan.action != Action::None) else {
        return Vec::new();
    };
    let value = |value: &Option<String>| value.clone().unwrap_or_else(|| "(nothing)".into());
    let changes = plan.changes.iter();
    let changes = changes
        .map(|change| format!("{}: {} -> {}", change.field, value(&change.before), value(&change.after)));
    std::iter::once(plan.action.as_str().to_owned()).chain(changes).collect()
}

/// Returns the last events, the newest last, or why they cannot be read.
async fn events<K: Resource<DynamicType = ()>>(client: &Client, object: &K) -> Vec<String> {
    let Ok(namespace) = NamespaceName::new(&object.namespace().unwrap_or_default()) else {
        return Vec::new();
    };
    let api: Api<CoreEvent> = in_namespace(client, &namespace);
    let uid = object.uid().unwrap_or_default();
    let params = ListParams::default().fields(&format!("involvedObject.uid={uid}"));
    let mut all = match api.list(&params).await {
        Ok(list) => list.items,
        Err(error) => return vec![format!("the events cannot be read: {}", api_message(&error))],
    };
    let at = |event: &CoreEvent| {
        let time = event.event_time.as_ref().map(|time| time.0);
        time.or(event.last_timestamp.as_ref().map(|time| time.0)).unwrap_or(Timestamp::UNIX_EPOCH)
    };
    all.sort_by_key(at);
    let newest = all.iter().skip(all.len().saturating_sub(EVENTS));
    let said = newest.map(|event| {
        let reason = event.reason.as_deref().unwrap_or_default();
        format!("{}: {reason}: {}", ago(at(event)), event.message.as_deref().unwrap_or_default())
    });
    said.collect()
}

fn next(object: &Webhook, status: &WebhookStatus, account: Option<&VendorAccount>) -> Vec<String> {
    if object.spec.suspend {
        return vec!["nothing: spec.suspend is true".into()];
    }
    let Some(account) = account else {
        return vec!["a pass as soon as the account exists".into()];
    };
    if account.spec.suspend {
        return vec!["nothing: the account's spec.suspend is true".into()];
    }
    let mut next = Vec::new();
    if status.pending.is_some() {
        next.push(
            "after the grace period of the pending create (--request-timeout and --settle), the vendor's list decides"
                .into(),
        );
    }
    if conditions::is_true(&status.conditions, RECONCILING) && status.pending.is_none() {
        next.push("a retry, after a back-off of at most 5 minutes".into());
    }
    next.push(resync(account));
    next
}

fn resync(account: &VendorAccount) -> String {
    format!(
        "the vendor's list is read every {} (give or take a tenth), and at once when an object or a Secret changes, or with the annotation hooktender.dev/requested-at=\"{}\"",
        account.spec.resync_interval,
        conditions::seconds(Timestamp::now()).0
    )
}

/// Returns the remedies for the conditions of an object and of its account.
fn remedies(own: &[Condition], of_account: &[Condition]) -> Vec<String> {
    let not_delivering = conditions::get(own, DELIVERING).filter(|delivering| delivering.status != "True");
    let of_account = conditions::get(of_account, READY).into_iter().filter_map(remedy);
    let mut ways: Vec<_> =
        conditions::get(own, READY).into_iter().chain(not_delivering).filter_map(remedy).collect();
    for way in of_account {
        // A problem of the account is listed once, unless both have it independently.
        if !ways.contains(&way) || way.starts_with(SUSPENDED) {
            ways.push(format!("the account: {way}"));
        }
    }
    ways
}

fn remedy(condition: &Condition) -> Option<String> {
    let reason = &condition.reason;
    remediation(reason, condition.status == "True").map(|way| format!("{reason}: {way}"))
}

/// Formats a time with its age.
fn ago(at: Timestamp) -> String {
    let seconds = Timestamp::now().duration_since(at).as_secs();
    let (number, unit) = match seconds {
        ..0 => return format!("{at} (in the future: do the clocks differ?)"),
        0..120 => (seconds, "s"),
        120..7_200 => (seconds / 60, "min"),
        7_200..172_800 => (seconds / 3600, "h"),
        _ => (seconds / 86_400, "d"),
    };
    format!("{} ({number} {unit} ago)", conditions::seconds(at).0)
}
