//! `hooktender explain`: the status of objects, their last events, what happens next, and how to unblock them. Reads the cluster only;
//! `plan` reads the vendor.

mod mode;
mod next;
mod page;
mod remedies;
mod set;
mod subject;

use super::cluster_reader::{ClusterReader, api_error, api_message};
use super::object_ref::ObjectKind;
use super::output::ColorFlag;
use super::plan::Scope;
use super::{CommandError, CommandResult, print};
use crate::api::conditions::{self, READY};
use crate::api::status::{Action, SubscriptionCounts, WebhookStatus};
use crate::api::webhook_set::managing_set;
use crate::api::{NamespaceName, ObjectKey, ObjectName, VendorAccount, Webhook, WebhookSet};
use crate::engine::cluster::objects::{ObjectApi, in_namespace};
use crate::manifest::did_you_mean;
use crate::plan::report::Style;
use clap::Args;
use k8s_openapi::api::core::v1::Event as CoreEvent;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use k8s_openapi::jiff::Timestamp;
use kube::api::ListParams;
use kube::core::NamespaceResourceScope;
use kube::{Api, Client, Resource, ResourceExt};
use page::{Page, Remedy, ago};
use remedies::{Objects, conditions_of};
use serde::de::DeserializeOwned;
use std::fmt::Debug;
use subject::{Subject, subjects};

/// Number of events that are printed.
const EVENTS: usize = 5;

/// Flags of `hooktender explain`.
#[derive(Debug, Args)]
pub(super) struct Explain {
    /// What to explain, written as for kubectl: `wh/NAME` or `wh NAME` for a Webhook, `whs/NAME` for a WebhookSet, `va/NAME` for a
    /// VendorAccount; several of them; or `wh` for all Webhooks of the namespace.
    #[arg(value_name = "KIND/NAME", required = true)]
    objects: Vec<String>,
    #[command(flatten)]
    color: ColorFlag,
    #[command(flatten)]
    scope: Scope,
}

/// What was found of the objects that were asked for.
#[derive(Default)]
struct Found {
    objects: Vec<(ObjectKind, ObjectKey)>,
    problems: Vec<String>,
}

impl Explain {
    pub(super) async fn run(self) -> CommandResult {
        let subjects = subjects(&self.objects)?;
        let (reader, namespace) = self.scope.reader().await?;
        let mut found = Found::default();
        for subject in subjects {
            find(&reader, &namespace, subject, &mut found).await?;
        }
        let style = self.color.style(false);
        let mut texts = Vec::new();
        for (kind, key) in &found.objects {
            let text = match kind {
                ObjectKind::Webhook => webhook(&reader.client, key, &style).await,
                ObjectKind::Set => set(&reader.client, key, &style).await,
                ObjectKind::Account => account(&reader.client, key, &style).await,
            };
            match text {
                Ok(text) => texts.push(text),
                // Such as that the API server cannot be reached.
                Err(problem) if found.problems.contains(&problem) => {}
                Err(problem) => found.problems.push(problem),
            }
        }
        print::text(&texts.join("\n\n"))?;
        // As kubectl does: what is there is printed, and what is not is an error.
        if found.problems.is_empty() { Ok(0) } else { Err(found.problems.into()) }
    }
}

/// Finds the objects that a subject names: one, or all of a namespace or of all namespaces.
async fn find(
    reader: &ClusterReader,
    namespace: &str,
    subject: Subject,
    found: &mut Found,
) -> Result<(), CommandError> {
    let Subject { kind, name, is_optional } = subject;
    if let (Some(name), Some(_)) = (&name, &reader.namespace) {
        found.objects.push((kind, ObjectKey::new(namespace, name)));
        return Ok(());
    }
    let scope = reader.namespace.as_ref();
    let listed = match kind {
        ObjectKind::Webhook => keys::<Webhook>(&reader.client, scope).await,
        ObjectKind::Set => keys::<WebhookSet>(&reader.client, scope).await,
        ObjectKind::Account => keys::<VendorAccount>(&reader.client, scope).await,
    };
    let place = scope.map_or_else(|| "any namespace".into(), |scope| format!("namespace {scope}"));
    let all = match listed {
        Ok(all) => all,
        // A cluster may lack the CRD, or the user the right, of a kind that was not asked for by name.
        Err(kube::Error::Api(refused)) if is_optional && matches!(refused.code, 403 | 404) => Vec::new(),
        Err(error) => return Err(api_error(&format!("{kind}s of {place} cannot be listed"), &error).into()),
    };
    let names: Vec<_> = all.iter().map(|key| key.name.clone()).collect();
    let before = found.objects.len();
    let wanted = all.into_iter().filter(|key| name.as_ref().is_none_or(|name| key.name == *name));
    found.objects.extend(wanted.map(|key| (kind, key)));
    if found.objects.len() == before && !is_optional {
        found.problems.push(match name {
            Some(name) => format!("there is no {kind} {name} in {place}{}", did_you_mean(&name, names)),
            None => format!("there is no {kind} in {place}"),
        });
    }
    Ok(())
}

/// Returns the keys of all objects of a kind, sorted.
async fn keys<K>(client: &Client, namespace: Option<&NamespaceName>) -> Result<Vec<ObjectKey>, kube::Error>
where
    K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>,
    K: Clone + Debug + DeserializeOwned,
{
    let api: Api<K> = match namespace {
        Some(namespace) => in_namespace(client, namespace),
        None => Api::all(client.clone()),
    };
    let all = api.list_metadata(&ListParams::default()).await?;
    let mut keys: Vec<_> = all.items.iter().map(ObjectKey::of).collect();
    keys.sort();
    Ok(keys)
}

async fn webhook(client: &Client, key: &ObjectKey, style: &Style) -> Result<String, String> {
    let object: Webhook = get(client, key).await?;
    let account_key = object.account();
    let account = match ObjectName::try_from(&account_key) {
        Ok(at) => ObjectApi::<VendorAccount>::new(client, &at).read().await,
        Err(_) => Ok(None),
    };
    let is_missing = matches!(account, Ok(None));
    let similar_account =
        if is_missing { similar::<VendorAccount>(client, &account_key).await } else { String::new() };
    let status = object.status.clone().unwrap_or_default();
    let named = of_account(&account_key, &account);
    let account = account.ok().flatten();
    let limits = mode::limits(&object, account.as_ref());
    let vendor = object.spec.subscription.vendor();
    let mut page = Page::new(style, &format!("Webhook {key}"), vendor.as_str());
    let mut facts =
        vec![("account", named), ("subscription", at_vendor(&status)), ("mode", mode::mode(&limits))];
    facts.extend(managing_set(&object).map(|set| ("set", of_set(set))));
    facts.extend(generation(&object, status.observed_generation));
    page.facts("Status", &facts);
    page.conditions(&status.conditions);
    page.account_trouble(conditions_of(account.as_ref()));
    let (title, changes) = changes(&status);
    page.lines(&title, &changes);
    page.events(&events(client, &object).await);
    page.lines("Next", &next::of_webhook(&object, account.as_ref()));
    let objects = Objects { webhook: &object, account: account.as_ref(), similar_account: &similar_account };
    page.remedies("To unblock", &remedies::of_webhook(&objects, &limits));
    page.remedies("To try now", &account.as_ref().map(request).into_iter().collect::<Vec<_>>());
    Ok(page.finish())
}

async fn account(client: &Client, key: &ObjectKey, style: &Style) -> Result<String, String> {
    let object: VendorAccount = get(client, key).await?;
    let status = object.status.clone().unwrap_or_default();
    let limits = mode::account_limits(&object);
    let mut page = Page::new(style, &format!("VendorAccount {key}"), &object.spec.vendor.identity());
    let mut facts = vec![("mode", mode::mode(&limits))];
    facts.extend(status.subscriptions.map(|counts| ("subscriptions", subscriptions(counts))));
    facts.extend(generation(&object, status.observed_generation));
    page.facts("Status", &facts);
    page.conditions(&status.conditions);
    page.events(&events(client, &object).await);
    page.lines("Next", &next::of_account(&object));
    page.remedies("To unblock", &remedies::of_account(&object, &limits));
    page.remedies("To try now", &[request(&object)]);
    Ok(page.finish())
}

async fn set(client: &Client, key: &ObjectKey, style: &Style) -> Result<String, String> {
    let object: WebhookSet = get(client, key).await?;
    let status = object.status.clone().unwrap_or_default();
    let vendor = object.spec.template.spec.subscription.vendor();
    let mut page = Page::new(style, &format!("WebhookSet {key}"), vendor.as_str());
    let mut facts = vec![("counts", set::counts(&status))];
    facts.extend(generation(&object, status.observed_generation));
    page.facts("Status", &facts);
    page.conditions(&status.conditions);
    page.lines("Members in the worst state", &set::worst(&status));
    page.events(&events(client, &object).await);
    page.lines("Next", &set::next(&object));
    page.remedies("To unblock", &remedies::of_set(&object));
    Ok(page.finish())
}

fn request(account: &VendorAccount) -> Remedy {
    let text = "ask for a pass:".to_owned();
    Remedy { reason: String::new(), text, commands: vec![next::request(account)] }
}

/// Describes how many subscriptions an account has.
pub(super) fn subscriptions(counts: SubscriptionCounts) -> String {
    let SubscriptionCounts { declared, managed, unmanaged, elsewhere } = counts;
    let elsewhere = if elsewhere == 0 {
        String::new()
    } else {
        format!(", {elsewhere} of other VendorAccounts that point to the same account at the vendor")
    };
    format!("{declared} declared, {managed} managed, {unmanaged} unmanaged{elsewhere}")
}

/// Reads an object; an error says what may have been meant.
async fn get<K>(client: &Client, key: &ObjectKey) -> Result<K, String>
where
    K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>,
    K: Clone + Debug + DeserializeOwned,
{
    let kind = K::kind(&());
    let at = ObjectName::try_from(key).map_err(|error| format!("{kind}: {error}"))?;
    match ObjectApi::new(client, &at).read().await {
        Ok(Some(object)) => Ok(object),
        Ok(None) => Err(format!("there is no {kind} {key}{}", similar::<K>(client, key).await)),
        Err(error) => Err(api_error(&format!("{kind} {key} cannot be read"), &error)),
    }
}

/// Returns a hint on the object that may have been meant by a name that no object has: one of a similar name, or of this name in another
/// namespace. Empty without such an object, or without the right to list.
async fn similar<K>(client: &Client, key: &ObjectKey) -> String
where
    K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>,
    K: Clone + Debug + DeserializeOwned,
{
    if let Ok(namespace) = NamespaceName::new(&key.namespace)
        && let Ok(here) = keys::<K>(client, Some(&namespace)).await
    {
        let hint = did_you_mean(&key.name, here.iter().map(|one| one.name.as_str()));
        if !hint.is_empty() {
            return hint;
        }
    }
    let elsewhere = keys::<K>(client, None).await.unwrap_or_default();
    let elsewhere = elsewhere.into_iter().find(|one| one.name == key.name);
    elsewhere.map_or_else(String::new, |ObjectKey { namespace, .. }| {
        format!(": did you mean the one in namespace {namespace}? Add -n {namespace}.")
    })
}

fn of_account(key: &ObjectKey, account: &Result<Option<VendorAccount>, kube::Error>) -> String {
    match account {
        Ok(Some(account)) => format!("{key} ({})", account.spec.vendor.identity()),
        Ok(None) => format!("{key}, which does not exist"),
        Err(error) => format!("{key}, which cannot be read: {}", api_message(error)),
    }
}

fn of_set(set: &OwnerReference) -> String {
    format!("whs/{}, which undoes edits of the spec but for externalId", set.name)
}

fn at_vendor(status: &WebhookStatus) -> String {
    let since = status.last_applied.as_ref().map(|last| format!(", last applied {}", ago(last.time.0)));
    match (&status.external_id, &status.pending) {
        (Some(id), _) => format!("{id}{}", since.unwrap_or_default()),
        (None, Some(pending)) => {
            format!("unknown: a create was sent {} and not answered", ago(pending.since.0))
        }
        (None, None) => "none yet".into(),
    }
}

/// Describes whether the current spec was observed, and whether the object is being deleted.
fn generation<K: Resource>(object: &K, observed: Option<i64>) -> Vec<(&'static str, String)> {
    let meta = object.meta();
    let declared = meta.generation.unwrap_or_default();
    let observed = match observed {
        Some(observed) if observed == declared => format!("generation {declared}, observed by hooktender"),
        Some(observed @ 1..) => {
            format!("generation {declared}, of which hooktender has observed {observed}: is it running?")
        }
        // Values below 1 are the default of a new object.
        Some(_) | None => {
            format!(
                "generation {declared}, not observed by any hooktender: is one running, and for this namespace?"
            )
        }
    };
    let leaving =
        meta.deletion_timestamp.as_ref().map(|since| ("deleted", format!("requested {}", ago(since.0))));
    std::iter::once(("spec", observed)).chain(leaving).collect()
}

/// Returns what is left to do at the vendor, with a title. For a similar subscription: what differs.
fn changes(status: &WebhookStatus) -> (String, Vec<String>) {
    let Some(plan) = status.plan.as_ref().filter(|plan| plan.action != Action::None) else {
        return (String::new(), Vec::new());
    };
    let value = |value: &Option<String>| value.clone().unwrap_or_else(|| "(nothing)".into());
    let changes = plan.changes.iter();
    let changes = changes
        .map(|change| format!("{}: {} -> {}", change.field, value(&change.before), value(&change.after)));
    let ready = conditions::get(&status.conditions, READY);
    if ready.is_some_and(|ready| ready.reason == "SimilarExists") {
        return ("What adopting the similar subscription would change".into(), changes.collect());
    }
    ("Pending changes".into(), std::iter::once(plan.action.as_str().to_owned()).chain(changes).collect())
}

/// Returns the last events, the newest last: time, reason, message. Or one line that says why they cannot be read.
async fn events<K: Resource<DynamicType = ()>>(
    client: &Client,
    object: &K,
) -> Vec<(Timestamp, String, String)> {
    let Ok(namespace) = NamespaceName::new(&object.namespace().unwrap_or_default()) else {
        return Vec::new();
    };
    let api: Api<CoreEvent> = in_namespace(client, &namespace);
    let uid = object.uid().unwrap_or_default();
    let params = ListParams::default().fields(&format!("involvedObject.uid={uid}"));
    let all = match api.list(&params).await {
        Ok(list) => list.items,
        Err(error) => return vec![(Timestamp::now(), "cannot be read".into(), api_message(&error))],
    };
    let mut all: Vec<_> = all
        .into_iter()
        .map(|event| {
            let time = event.event_time.map(|time| time.0).or(event.last_timestamp.map(|time| time.0));
            let (reason, message) = (event.reason.unwrap_or_default(), event.message.unwrap_or_default());
            (time.unwrap_or(Timestamp::UNIX_EPOCH), reason, message)
        })
        .collect();
    all.sort_by_key(|event| event.0);
    all.split_off(all.len().saturating_sub(EVENTS))
}
